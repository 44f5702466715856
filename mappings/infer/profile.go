package infer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/fields"
	"github.com/silt-etl/silt/mappings/infer/shippedsource"
)

// Bounds of what is remembered of a sample, however large it is.
const (
	maxFields   = 2000 // distinct paths
	maxChildren = 400  // of one object: more are keys made of data
	maxDepth    = 12   // of STRUCTs; below, an object is JSON
	maxDistinct = 40   // values of a field that are counted separately
	maxExample  = 120  // bytes of a remembered value
)

// field is what is known of a path of the records.
type field struct {
	name     string
	path     []string
	parent   *field
	children []*field
	byName   map[string]*field
	elem     *field // of the elements of arrays

	seen                                   int64 // values other than null
	null, objects, arrays, scalars, quoted int64
	has                                    [traits]int64
	formats                                []int64 // by timeFormats, of texts
	declared                               []int64 // of those, the ones that a timestamp line reads
	zoned                                  int64   // ISO times with an offset
	newest, oldest                         time.Time
	values                                 map[string]int64
	order                                  []string // of values, as they came
	many                                   bool     // more values than are counted separately
	longest                                int
	packed                                 int64 // texts that are a JSON object, whose keys are its children then
	last                                   int64 // the number of the last record that has it, of fields of the record itself
	windows                                int64 // texts that are lines of "Key: value", which are its children then
	wide                                   bool  // an object with more keys than are counted separately
}

// profiler takes records in and keeps what their fields are.
type profiler struct {
	*patterns
	root    *field
	fields  int
	nothing string          // a text that stands for no value, ""
	dropped map[string]bool // paths that were too many, the first few
	records int64
	first   shippedsource.Records // of the sample, as they were written
}

func newProfiler() *profiler {
	return &profiler{patterns: newPatterns(), root: &field{byName: map[string]*field{}}, dropped: map[string]bool{}}
}

// record takes a record of JSON, which decode has found to be one object.
func (p *profiler) record(raw []byte) {
	p.records++
	w := walker{b: raw}
	w.object(p, p.root, 0)
}

// around takes the document around a record: its fields belong to the record, unless the record has fields of the same names.
func (p *profiler) around(document []byte, records string) {
	w := walker{b: document, i: 1}
	for {
		for w.ws(); w.i < len(w.b) && w.b[w.i] == ','; w.ws() {
			w.i++
		}
		if w.i >= len(w.b) || w.b[w.i] != '"' {
			return
		}
		name := string(w.text())
		w.ws()
		w.i++ // :
		var c *field
		if name != records {
			if c = p.child(p.root, name); c != nil && c.last == p.records {
				c = nil
			}
		}
		w.value(p, c, 1)
	}
}

// child is the field of that name in an object, nil where there is no more room for one.
func (p *profiler) child(f *field, name string) *field {
	if c := f.byName[name]; c != nil {
		return c
	}
	if len(f.children) >= maxChildren || p.fields >= maxFields {
		if f.wide = len(f.children) >= maxChildren; len(p.dropped) < 20 {
			p.dropped[strings.Join(append(slices.Clone(f.path), name), ".")] = true
		}
		return nil
	}
	p.fields++
	c := &field{name: name, path: append(slices.Clone(f.path), name), parent: f, byName: map[string]*field{}}
	f.byName[name] = c
	f.children = append(f.children, c)
	return c
}

// scalar notes a value: a text without quotes and escapes, or a number or boolean as written.
func (p *profiler) scalar(f *field, v []byte, quoted bool) {
	if quoted && p.nothing != "" && string(v) == p.nothing {
		f.null++
		return
	}
	f.seen++
	f.scalars++
	if quoted {
		f.quoted++
	}
	set := p.traitsOf(v, quoted)
	any := false
	for i, yes := range set {
		if yes {
			f.has[i]++
			any = true
		}
	}
	f.longest = max(f.longest, len(v))
	if set[isWindowsEvent] {
		p.windowsEvent(f, v)
	}
	if quoted && len(f.path) <= maxDepth/2 && len(v) > 4 && v[0] == '{' && v[len(v)-1] == '}' && json.Valid(v) {
		f.packed++
		w := walker{b: v}
		w.object(p, f, len(f.path))
	}
	switch {
	case set[isISOTime]:
		us, _ := decode.Time(v)
		f.at(time.UnixMicro(us).UTC())
		if c := v[len(v)-1]; c == 'Z' || c == 'z' || strings.ContainsAny(string(v[19:]), "+-") {
			f.zoned++
		}
	case quoted && (!any || !set[isDouble]) && len(v) <= 40:
		for i := range timeFormats {
			if t, ok := readTime(i, string(v)); ok {
				if f.formats == nil {
					f.formats, f.declared = make([]int64, len(timeFormats)), make([]int64, len(timeFormats))
				}
				f.formats[i]++
				if d := p.patterns.declared[i]; d != nil && d.Reads(v) {
					f.declared[i]++
				}
				f.at(t)
			}
		}
	case set[isEpochS], set[isEpochMS], set[isEpochUS], set[isEpochNS]:
		f.at(epoch(v, set))
	}
	if f.values == nil {
		f.values = map[string]int64{}
	}
	s := string(v)
	if len(s) > maxExample {
		s = strings.ToValidUTF8(s[:maxExample], "")
	}
	if _, ok := f.values[s]; !ok {
		if len(f.order) >= maxDistinct {
			f.many = true
			return
		}
		f.order = append(f.order, s)
	}
	f.values[s]++
}

// windowsEvent takes a Windows event's text apart: its keys are fields below it.
func (p *profiler) windowsEvent(f *field, v []byte) {
	all, _, fault := fields.Windows(nil, nil, v)
	if fault != "" {
		return
	}
	f.windows++
	met := map[*field]bool{}
	for _, x := range all {
		at := f
		if len(x.Section) > 0 {
			if at = p.child(f, string(x.Section)); at == nil {
				continue
			}
			if !met[at] {
				met[at] = true
				at.seen++
				at.objects++
			}
		}
		if c := p.child(at, string(x.Key)); c != nil && len(x.Value) > 0 {
			p.scalar(c, x.Value, true)
		}
	}
}

// syslogLine takes a line with a syslog header apart: its parts are fields below the column.
func (p *profiler) syslogLine(column string, line []byte) {
	f := p.child(p.root, column)
	f.seen++
	f.objects++
	all, message := fields.Syslog(nil, line)
	for _, x := range all {
		if c := p.child(f, x.Name); c != nil {
			p.scalar(c, x.Value, true)
		}
	}
	if c := p.child(f, fields.MessageKey); c != nil && len(message) > 0 {
		p.scalar(c, message, true)
	}
}

func (f *field) at(t time.Time) {
	if t.IsZero() {
		return
	}
	if f.newest.IsZero() || t.After(f.newest) {
		f.newest = t
	}
	if f.oldest.IsZero() || t.Before(f.oldest) {
		f.oldest = t
	}
}

func epoch(v []byte, set [traits]bool) time.Time {
	var x float64
	if _, err := fmt.Sscan(string(v), &x); err != nil {
		return time.Time{}
	}
	switch {
	case set[isEpochS]:
		return time.UnixMilli(int64(x * 1e3)).UTC()
	case set[isEpochMS]:
		return time.UnixMilli(int64(x)).UTC()
	case set[isEpochUS]:
		return time.UnixMilli(int64(x / 1e3)).UTC()
	}
	return time.UnixMilli(int64(x / 1e6)).UTC()
}

// share is how many of the field's scalars have a trait, 0 to 1.
func (f *field) share(t trait) float64 {
	if f.scalars == 0 {
		return 0
	}
	return float64(f.has[t]) / float64(f.scalars)
}

// all says whether every scalar has it.
func (f *field) all(t trait) bool { return f.scalars > 0 && f.has[t] == f.scalars }

// walker reads JSON that is known to be right.
type walker struct {
	b []byte
	i int
}

func (w *walker) ws() {
	for w.i < len(w.b) && (w.b[w.i] == ' ' || w.b[w.i] == '\n' || w.b[w.i] == '\r' || w.b[w.i] == '\t') {
		w.i++
	}
}

// object reads an object at i. f is nil where nothing of it is kept.
func (w *walker) object(p *profiler, f *field, depth int) {
	w.ws()
	w.i++ // {
	for {
		w.ws()
		if w.i >= len(w.b) || w.b[w.i] == '}' {
			w.i++
			return
		}
		if w.b[w.i] == ',' {
			w.i++
			continue
		}
		name := string(w.text())
		w.ws()
		w.i++ // :
		var c *field
		if f != nil && depth <= maxDepth {
			if c = p.child(f, name); c != nil && f == p.root {
				c.last = p.records
			}
		}
		w.value(p, c, depth+1)
	}
}

func (w *walker) value(p *profiler, f *field, depth int) {
	w.ws()
	switch w.b[w.i] {
	case '{':
		if f != nil {
			f.seen++
			f.objects++
		}
		w.object(p, f, depth)
	case '[':
		if f != nil {
			f.seen++
			f.arrays++
			if f.elem == nil {
				f.elem = &field{path: f.path, parent: f, byName: map[string]*field{}}
			}
			w.array(p, f.elem, depth)
			return
		}
		w.array(p, nil, depth)
	case '"':
		v := w.text()
		if f != nil {
			p.scalar(f, v, true)
		}
	default:
		from := w.i
		for w.i < len(w.b) && !strings.ContainsRune(",]} \n\r\t", rune(w.b[w.i])) {
			w.i++
		}
		v := w.b[from:w.i]
		switch {
		case f == nil:
		case string(v) == "null":
			f.null++
		default:
			p.scalar(f, v, false)
		}
	}
}

func (w *walker) array(p *profiler, elem *field, depth int) {
	w.i++ // [
	for {
		w.ws()
		if w.i >= len(w.b) || w.b[w.i] == ']' {
			w.i++
			return
		}
		if w.b[w.i] == ',' {
			w.i++
			continue
		}
		if elem != nil && depth > maxDepth {
			elem = nil
		}
		w.value(p, elem, depth+1)
	}
}

// text reads a string at i, without quotes and escapes.
func (w *walker) text() []byte {
	from := w.i
	w.i++
	escaped := false
	for w.b[w.i] != '"' {
		if w.b[w.i] == '\\' {
			escaped = true
			w.i++
		}
		w.i++
	}
	w.i++
	if !escaped {
		return w.b[from+1 : w.i-1]
	}
	var s string
	if json.Unmarshal(w.b[from:w.i], &s) != nil {
		return w.b[from+1 : w.i-1]
	}
	return []byte(s)
}
