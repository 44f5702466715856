package mappingtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/sample"
)

// Update rewrites the expectations of the cases that failed, so that they pass, and gives the file's new text. A value that is
// written on one line is replaced where it stands; where that is not enough the case's expectation is written again, in block
// style. All else, comments too, stays as it is. A partial expectation keeps to the attributes it names.
func Update(f *File, results []Result) ([]byte, error) {
	lines := strings.Split(string(f.Text), "\n")
	var inPlace []edit
	var blocks []block
	for _, r := range results {
		if len(r.Diffs) == 0 || r.Case.File != f.Path {
			continue
		}
		if edits, ok := r.placed(lines); ok {
			inPlace = append(inPlace, edits...)
			continue
		}
		b, err := r.block()
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	sort.Slice(inPlace, func(i, j int) bool { return inPlace[i].column > inPlace[j].column })
	for _, e := range inPlace {
		rs := []rune(lines[e.line-1])
		lines[e.line-1] = string(rs[:e.column-1]) + e.to + string(rs[e.column-1+len([]rune(e.from)):])
	}
	sort.Slice(blocks, func(i, j int) bool { return blocks[i].at.from > blocks[j].at.from })
	for _, b := range blocks {
		tail := append([]string(nil), lines[b.at.to:]...)
		lines = append(append(lines[:b.at.from-1:b.at.from-1], b.lines...), tail...)
	}
	return []byte(strings.Join(lines, "\n")), nil
}

// edit of a value on one line.
type edit struct {
	line, column int
	from, to     string
}

// placed gives the edits where every difference is one of scalars, each where the text says.
func (r *Result) placed(lines []string) ([]edit, bool) {
	var edits []edit
	seen := map[[2]int]bool{}
	for _, d := range r.Diffs {
		w := d.want
		if w == nil || w.source == "" || w.kind == mapping || w.kind == list || w.line > len(lines) {
			return nil, false
		}
		to := "null"
		switch d.got.(type) {
		case nil:
		case string, bool, json.Number:
			if to = string(compact(d.got)); w.kind != number && len(r.outcomes) > 0 {
				to = value(readable(r.schema, d.class, d.Path, d.got))
			}
		default:
			return nil, false
		}
		rs := []rune(lines[w.line-1])
		at := [2]int{w.line, w.column}
		if w.column < 1 || w.column > len(rs) || !strings.HasPrefix(string(rs[w.column-1:]), w.source) || seen[at] {
			return nil, false
		}
		seen[at] = true
		edits = append(edits, edit{w.line, w.column, w.source, to})
	}
	return edits, true
}

// block replaces lines; at.to is before at.from where they are put in between.
type block struct {
	at    span
	lines []string
}

func (r *Result) block() (block, error) {
	c := r.Case
	if c.flow {
		return block{}, diag.List{{File: c.File, Line: c.Line, Column: c.Column, Message: "--update writes tests in block style only: give each key of this test a line of its own"}}
	}
	at := span{c.lastLine + 1, c.lastLine}
	for _, k := range []string{"expect", "quarantine", "filtered", "events"} {
		s, ok := c.entries[k]
		if !ok {
			continue
		}
		at = s
		for other, o := range c.entries {
			if other != k && o.from <= s.to && o.to >= s.from {
				return block{}, diag.List{{File: c.File, Line: c.Line, Column: c.Column, Message: fmt.Sprintf("--update cannot rewrite %s: give each key of this test a line of its own", k)}}
			}
		}
		if s.from == c.Line { // behind the dash
			return block{}, diag.List{{File: c.File, Line: c.Line, Column: c.Column, Message: "--update wants the test to begin with its name"}}
		}
	}
	pad := strings.Repeat(" ", c.indent)
	b := block{at: at}
	if !c.several && len(r.outcomes) == 1 {
		b.lines = r.want(0, pad)
		return b, nil
	}
	b.lines = []string{pad + "events:"}
	for i := range r.outcomes {
		w := r.want(i, pad+"    ")
		w[0] = pad + "  - " + strings.TrimLeft(w[0], " ")
		b.lines = append(b.lines, w...)
	}
	return b, nil
}

// want is the expectation that an outcome fulfils.
func (r *Result) want(i int, pad string) []string {
	out := r.outcomes[i]
	switch {
	case out.Filtered:
		return []string{pad + "filtered: true"}
	case out.Reason != "":
		s := "{code: " + out.Reason + ", path: " + scalar(out.Path) + "}"
		if out.Path == "" {
			s = out.Reason
		}
		return []string{pad + "quarantine: " + s}
	}
	lines := []string{pad + "expect:"}
	var named *node
	if !r.Case.Whole && i < len(r.Case.Wants) {
		named = r.Case.Wants[i].event
	}
	return append(lines, r.event(out, named, pad+"  ")...)
}

func (r *Result) event(out *sample.Outcome, named *node, pad string) []string {
	e, _ := readable(r.schema, out.Class, "", event(out)).(map[string]any)
	w := &writer{pad: pad}
	if named == nil || len(named.fields) == 0 {
		w.all("", e)
	} else {
		w.named("", named, e)
	}
	return w.lines
}

// writer writes an event, a line for each value, with dotted names; unmapped as one object.
type writer struct {
	pad   string
	lines []string
}

func (w *writer) put(path string, v any) {
	w.lines = append(w.lines, w.pad+scalar(path)+": "+value(v))
}

func (w *writer) all(path string, m map[string]any) {
	for _, k := range sorted(m) {
		if m2, ok := m[k].(map[string]any); ok && k != unmapped {
			w.all(join(path, k), m2)
		} else if k != unmapped || path != "" {
			w.put(join(path, k), m[k])
		}
	}
	if u, ok := m[unmapped].(map[string]any); ok && path == "" {
		w.unmapped(sorted(u), u)
	} else if path == "" {
		w.lines = append(w.lines, w.pad+unmapped+": {}")
	}
}

func (w *writer) named(path string, n *node, m map[string]any) {
	for _, f := range n.fields {
		at, got := join(path, f.key), m[f.key]
		g, isMap := got.(map[string]any)
		switch {
		case at == unmapped && len(f.value.fields) > 0:
			var keys []string
			for _, u := range f.value.fields {
				keys = append(keys, u.key)
			}
			w.unmapped(keys, g)
		case f.value.kind == mapping && len(f.value.fields) > 0 && (isMap || got == nil):
			w.named(at, f.value, g)
		case isMap && at != unmapped:
			w.all(at, g)
		case at == unmapped && isMap:
			w.unmapped(sorted(g), g)
		default:
			w.put(at, got)
		}
	}
}

func (w *writer) unmapped(keys []string, m map[string]any) {
	w.lines = append(w.lines, w.pad+unmapped+":")
	for _, k := range keys {
		w.lines = append(w.lines, w.pad+"  "+scalar(k)+": "+value(m[k]))
	}
}

var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// scalar is a text as YAML has it: plain where it is a name.
func scalar(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return quote(s)
	}
	if plain.MatchString(s) {
		return s
	}
	return quote(s)
}

func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case isoTime:
		return string(v)
	}
	return string(compact(v))
}
