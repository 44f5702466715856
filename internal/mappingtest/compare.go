package mappingtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/sample"
)

// Diff is one difference, at the place of the expectation.
type Diff struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path,omitempty"` // OCSF path; "" for the record as a whole
	Want   string `json:"want"`
	Got    string `json:"got"`

	want  *node // the value to rewrite, where it is one
	got   any
	class string // of the event
}

func (d Diff) String() string {
	path := d.Path
	if path != "" {
		path += ": "
	}
	return fmt.Sprintf("%swant %s, got %s", path, d.Want, d.Got)
}

const nothing = "nothing"

// compare holds one outcome to what is expected of it.
func compare(c *Case, w Want, out *sample.Outcome) []Diff {
	at := Diff{Line: w.Line, Column: w.Column, class: out.Class}
	whole := func(want string) []Diff {
		at.Want, at.Got = want, describe(out)
		return []Diff{at}
	}
	switch w.Kind {
	case Filtered:
		if !out.Filtered {
			return whole("the record to be filtered")
		}
		return nil
	case Quarantine:
		if out.Reason != w.Code || w.Path != "" && w.Path != out.Path {
			return whole(strings.TrimSpace("quarantine " + w.Code + " " + w.Path))
		}
		return nil
	}
	if out.OCSF == nil {
		return whole("an event")
	}
	var diffs []Diff
	if c.Class != "" && c.Class != out.Class {
		at.Path, at.Want, at.Got = "class", c.Class, out.Class
		diffs = append(diffs, at)
	}
	d := &differ{whole: c.Whole, at: at}
	d.object("", w.event, event(out))
	return append(diffs, d.diffs...)
}

// describe says in a few words what the result of a record is.
func describe(out *sample.Outcome) string {
	switch {
	case out.Filtered:
		return "a record that is filtered"
	case out.Reason != "":
		s := "quarantine " + out.Reason
		if out.Path != "" {
			s += " " + out.Path
		}
		return s + " (" + out.Message + ")"
	}
	return "an event of " + out.Class
}

// event is an outcome's OCSF with unmapped as one object of texts.
func event(out *sample.Outcome) map[string]any {
	e := object(out.OCSF)
	if out.Unmapped != nil {
		e[unmapped] = object(out.Unmapped)
	}
	return e
}

func object(b []byte) map[string]any {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil || m == nil {
		return map[string]any{}
	}
	return m
}

type differ struct {
	whole bool
	at    Diff // where nothing nearer is known
	diffs []Diff
}

func (d *differ) add(path string, want *node, wants string, got any) {
	x := d.at
	x.Path, x.Want, x.Got, x.want, x.got = path, wants, show(got), want, got
	if want != nil && want.line > 0 {
		x.Line, x.Column = want.line, want.column
	}
	d.diffs = append(d.diffs, x)
}

func (d *differ) object(path string, want *node, got map[string]any) {
	for _, f := range want.fields {
		d.value(join(path, f.key), f.value, got[f.key])
	}
	if !d.whole {
		return
	}
	for _, k := range sorted(got) {
		if want.get(k) == nil {
			d.add(join(path, k), nil, nothing, got[k])
		}
	}
}

func (d *differ) value(path string, want *node, got any) {
	switch want.kind {
	case mapping:
		g, ok := got.(map[string]any)
		switch {
		case ok && len(want.fields) > 0 || got == nil && len(want.fields) > 0:
			d.object(path, want, g)
		case got != nil:
			d.add(path, want, show(want), got)
		}
	case list:
		g, ok := got.([]any)
		if len(want.items) == 0 && got == nil {
			return
		}
		if !ok || len(g) != len(want.items) {
			d.add(path, want, show(want), got)
			return
		}
		for i, item := range want.items {
			d.value(path+"["+strconv.Itoa(i)+"]", item, g[i])
		}
	default:
		if !same(want, got, strings.HasPrefix(path, unmapped+".")) {
			d.add(path, want, show(want), got)
		}
	}
}

// same compares a scalar. In unmapped, where all is text, a number or a boolean stands for its text. A time may be written as
// text.
func same(want *node, got any, loose bool) bool {
	switch g := got.(type) {
	case nil:
		return want.kind == null
	case string:
		return want.text == g && (want.kind == text || loose && want.kind != null)
	case bool:
		return want.kind == boolean && want.text == strconv.FormatBool(g)
	case json.Number:
		if want.kind == text {
			t, err := time.Parse(time.RFC3339Nano, want.text)
			return err == nil && strconv.FormatInt(t.UnixMilli(), 10) == g.String()
		}
		return want.kind == number && sameNumber(want.text, g.String())
	}
	return false
}

// show is a value as JSON, cut where it is long.
func show(v any) string {
	var b []byte
	switch t := v.(type) {
	case nil:
		return nothing
	case *node:
		if t.kind == null {
			return nothing
		}
		b = t.json(nil)
	default:
		b = compact(t)
	}
	const most = 300
	if len(b) > most {
		return strings.ToValidUTF8(string(b[:most]), "") + "…"
	}
	return string(b)
}

func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // of what a decoder gave it cannot fail
	return bytes.TrimRight(b.Bytes(), "\n")
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func sorted(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return slices.Clip(keys)
}
