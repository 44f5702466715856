package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The reference is a second scanner, slow and plain, on encoding/json: what the fast one must agree with.
type reference struct {
	spec    *Spec
	values  []Value
	misfits []int
	rest    []pair // in order, keys repeated
}

type pair struct{ key, json string }

// refScan returns the reference's reading of the first value of b, how long it is with the blanks after it, and the codes
// that a reject may have (nil: accepted).
func refScan(spec *Spec, b []byte) (r *reference, n int, codes []string) {
	dec := json.NewDecoder(bytes.NewReader(b))
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		codes = []string{ReasonJSON}
		if !utf8.Valid(b) {
			codes = append(codes, ReasonUTF8)
		}
		if bytes.IndexByte(b, 0) >= 0 || bytes.Contains(b, []byte(`\u0000`)) {
			codes = append(codes, ReasonNUL)
		}
		if loneSurrogate(b) {
			codes = append(codes, ReasonUTF8)
		}
		if bytes.Count(b, []byte("{"))+bytes.Count(b, []byte("[")) > MaxDepth {
			codes = append(codes, ReasonTooDeep)
		}
		return nil, 0, codes
	}
	n = int(dec.InputOffset())
	for n < len(b) && blank(b[n]) {
		n++
	}
	if raw[0] != '{' {
		codes = append(codes, ReasonJSON, ReasonUTF8)
		if bytes.IndexByte(b, 0) >= 0 {
			codes = append(codes, ReasonNUL)
		}
		return nil, len(b), codes
	}
	if !utf8.Valid(b[:n]) {
		return nil, n, []string{ReasonUTF8}
	}
	if hasEscapedNUL(raw) {
		codes = append(codes, ReasonNUL)
	}
	if loneSurrogate(raw) {
		codes = append(codes, ReasonUTF8)
	}
	if depth(raw) > MaxDepth {
		codes = append(codes, ReasonTooDeep)
	}
	if codes != nil {
		return nil, n, codes
	}
	r = &reference{spec: spec, values: make([]Value, len(spec.Leaves))}
	r.any(nil, "", raw, false, false)
	return r, n, nil
}

// escapes calls do with every escape of the JSON text that stands in a string, as one rune at a time.
func escapes(b []byte, do func(r int, next string)) {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		i++
		if i+5 <= len(b) && b[i] == 'u' {
			v, err := strconv.ParseUint(string(b[i+1:i+5]), 16, 16)
			if err == nil {
				do(int(v), string(b[i+5:min(len(b), i+11)]))
			}
		}
	}
}

func hasEscapedNUL(b []byte) (is bool) {
	escapes(b, func(r int, _ string) { is = is || r == 0 })
	return is
}

func loneSurrogate(b []byte) (is bool) {
	low := false // the next is the second half of a pair
	escapes(b, func(r int, next string) {
		switch {
		case low:
			low = false
		case r >= 0xDC00 && r < 0xE000:
			is = true
		case r >= 0xD800 && r < 0xDC00:
			v, err := strconv.ParseUint(strings.TrimPrefix(next, `\u`), 16, 16)
			low = len(next) == 6 && strings.HasPrefix(next, `\u`) && err == nil && v >= 0xDC00 && v < 0xE000
			is = is || !low
		}
	})
	return is
}

func depth(b []byte) int {
	dec := json.NewDecoder(bytes.NewReader(b))
	d, most := 0, 0
	for {
		t, err := dec.Token()
		if err != nil {
			return most
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			d++
			most = max(most, d)
		case json.Delim('}'), json.Delim(']'):
			d--
		}
	}
}

// any takes the value at path; name is its key in the rest.
func (r *reference) any(path []string, name string, raw json.RawMessage, dead, mute bool) {
	if string(raw) == "null" || r.null(path, raw) {
		return
	}
	toRest, isLeaf, named := false, false, false
	for i, l := range r.spec.Leaves {
		if !slices.Equal(l.Path, path) {
			continue
		}
		if l.Name != "" && !named {
			name, named = l.Name, true
		}
		if dead {
			continue
		}
		isLeaf = true
		v, ok := refValue(l.Kind, raw)
		if ok {
			r.values[i] = v
		} else {
			r.misfits = append(r.misfits, i)
		}
		toRest = toRest || !ok || l.Keep
	}
	toRest = (toRest || !isLeaf) && !mute
	if raw[0] != '{' {
		if toRest {
			r.rest = append(r.rest, pair{name, controlsToBlanks(raw)})
		}
		return
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.Token()
	met := map[string]bool{}
	empty := true
	for dec.More() {
		empty = false
		t, _ := dec.Token()
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			panic(err)
		}
		key := t.(string)
		below := key
		if len(path) > 0 {
			below = name + "." + key
		}
		r.any(append(path[:len(path):len(path)], key), below, v, dead || met[key], !toRest)
		met[key] = true
	}
	if empty && toRest && len(path) > 0 {
		r.rest = append(r.rest, pair{name, "{}"})
	}
}

// null tells whether a string is one of the texts that the spec reads as null at a path.
func (r *reference) null(path []string, raw json.RawMessage) bool {
	var text string
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return false
	}
	texts := slices.Clone(r.spec.Format.Null)
	for _, n := range r.spec.Nulls {
		if slices.Equal(n.Path, path) {
			texts = append(texts, n.Texts...)
		}
	}
	return slices.Contains(texts, text)
}

func controlsToBlanks(raw []byte) string {
	return string(bytes.Map(func(c rune) rune {
		if c < 0x20 {
			return ' '
		}
		return c
	}, raw))
}

var (
	intForm  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	numForm  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	timeForm = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):?(\d\d))?$`)
)

func refValue(kind Kind, raw json.RawMessage) (Value, bool) {
	if kind == JSON {
		return Value{Set: true, Text: []byte(controlsToBlanks(raw))}, true
	}
	if raw[0] == '{' || raw[0] == '[' {
		return Value{}, false
	}
	text := string(raw)
	isText := raw[0] == '"'
	if isText {
		if err := json.Unmarshal(raw, &text); err != nil {
			panic(err)
		}
	}
	v := Value{Set: true, Text: []byte(text)}
	switch kind {
	case Text:
		return v, true
	case Bool:
		if text == "true" {
			v.Int = 1
		}
		return v, text == "true" || text == "false"
	case Int32, Int64:
		size := 64
		if kind == Int32 {
			size = 32
		}
		x, err := strconv.ParseInt(text, 10, size)
		v.Int = x
		return v, err == nil && intForm.MatchString(text)
	case Double:
		x, err := strconv.ParseFloat(text, 64)
		v.Num = x
		return v, err == nil && numForm.MatchString(text)
	}
	m := timeForm.FindStringSubmatch(text)
	if m == nil || !isText {
		return Value{}, false
	}
	var f [11]int
	for i := range f {
		f[i], _ = strconv.Atoi(m[i])
	}
	ns, _ := strconv.Atoi((m[7] + "000000000")[:9])
	t := time.Date(f[1], time.Month(f[2]), f[3], f[4], f[5], f[6], ns, time.UTC)
	normal := [6]int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()} // time.Date turns February 30 into March 2
	if f[1] < 1 || normal != [6]int(f[1:7]) || f[9] > 23 || f[10] > 59 {
		return Value{}, false
	}
	off := time.Duration(f[9]*60+f[10]) * time.Minute
	if m[8] == "-" {
		off = -off
	}
	t = t.Add(-off)
	v.Int = t.UnixMicro()
	return v, t.Year() >= 1 && t.Year() <= 9999
}

// refEntries merges the rest's pairs into the map they make.
func refEntries(pairs []pair) []Entry {
	var keys []string
	vals := map[string][]string{}
	for _, p := range pairs {
		if vals[p.key] == nil {
			keys = append(keys, p.key)
		}
		vals[p.key] = append(vals[p.key], p.json)
	}
	var out []Entry
	for _, k := range keys {
		v := vals[k][0]
		if len(vals[k]) > 1 {
			v = "[" + strings.Join(vals[k], ",") + "]"
		} else if v[0] == '"' {
			json.Unmarshal([]byte(v), &v)
		}
		out = append(out, Entry{k, []byte(v)})
	}
	return out
}

// compare holds a scan of b against the reference.
func compare(s *Scanner, e *Expander, spec *Spec, b []byte) error {
	in := bytes.Clone(b)
	n, rej := s.Scan(b)
	if !bytes.Equal(in, b) {
		return fmt.Errorf("Scan changed its input")
	}
	if n < 0 || n > len(b) || n == 0 && len(b) > 0 {
		return fmt.Errorf("n = %d of %d", n, len(b))
	}
	if rej != nil && (len(rej.Message) > 250 || !utf8.ValidString(rej.Message) || strings.ContainsAny(rej.Message, "\n\x00")) {
		return fmt.Errorf("message %q", rej.Message)
	}
	ref, want, codes := refScan(spec, b)
	if codes != nil {
		for _, c := range codes {
			if rej != nil && rej.Code == c {
				return nil
			}
		}
		return fmt.Errorf("reject %v, want one of %v", rej, codes)
	}
	if rej != nil {
		return fmt.Errorf("rejected: %v", rej)
	}
	if n != want {
		return fmt.Errorf("n = %d, want %d", n, want)
	}
	for i, v := range s.Values() {
		w := ref.values[i]
		sameBits := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
		if diff := cmp.Diff(w, v, sameBits, cmpopts.EquateEmpty()); diff != "" {
			return fmt.Errorf("leaf %v (-want +got):\n%s", spec.Leaves[i].Path, diff)
		}
	}
	if fmt.Sprint(s.Misfits()) != fmt.Sprint(ref.misfits) {
		return fmt.Errorf("misfits %v, want %v", s.Misfits(), ref.misfits)
	}
	if !utf8.Valid(s.Rest()) || bytes.IndexByte(s.Rest(), 0) >= 0 {
		return fmt.Errorf("the rest is no text: %q", s.Rest())
	}
	got, err := e.Expand(s.Rest(), nil)
	if err != nil {
		return err
	}
	if g, w := show(got), show(refEntries(ref.rest)); g != w {
		return fmt.Errorf("rest\n%s\nwant\n%s", g, w)
	}
	return nil
}

func show(entries []Entry) string {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%q=%q ", e.Key, e.Value)
	}
	return strings.TrimSpace(b.String())
}

// readAll gives all records of an object.
func readAll(r io.Reader, spec *Spec, o Options) (out []string, err error) {
	d := NewRecords(spec, NewKeys(), o)
	d.Open(r)
	for {
		n, raw, rej, err := d.Next()
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return out, err
		}
		if n != int64(len(out)+1) {
			return out, fmt.Errorf("record number %d, want %d", n, len(out)+1)
		}
		if rej != nil {
			out = append(out, rej.Code+" "+string(raw))
		} else {
			out = append(out, string(raw))
		}
	}
}
