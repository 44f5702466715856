// Package shippedsource recognises the records of the sources whose mappings come with etl, by the names and values of their fields
// and by the form of their lines. It reads the first records of a sample, and never decides how they are read.
package shippedsource

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/decode/fields"
)

// most records are looked at.
const most = 10

// source is a row of sources: a mapping in sql/, and what holds for its records.
type source struct {
	mapping    string
	conditions []condition
}

// condition says something about a record. The weight is how much it says: of two mappings, the one that knows more wins.
type condition struct {
	weight int
	holds  func(record) bool
}

// record is one view of a record: its text, and its fields if it has any.
type record struct {
	line   []byte
	fields map[string]any
	inner  bool // it stands in another record
}

func all(cs ...condition) []condition { return cs }

// keys holds for a record that has all of these fields, whatever their values. A path has dots: detail.service.
func keys(paths ...string) condition {
	return condition{len(paths), func(r record) bool {
		for _, p := range paths {
			if _, ok := r.field(p); !ok {
				return false
			}
		}
		return true
	}}
}

// value holds for a record with a text or a number at the path that matches.
func value(path, pattern string) condition {
	re := regexp.MustCompile(pattern)
	return condition{1, func(r record) bool {
		switch v, _ := r.field(path); v := v.(type) {
		case string:
			return re.MatchString(v)
		case json.Number:
			return re.MatchString(v.String())
		}
		return false
	}}
}

// line holds for a record whose text matches, or the part of it after a syslog header.
func line(pattern string) condition {
	re := regexp.MustCompile(pattern)
	return condition{1, func(r record) bool { return re.Match(r.line) }}
}

// field is the value at a path. A field whose own name has dots, as Zeek's id.orig_h, is found too.
func (r record) field(path string) (any, bool) {
	var at any = r.fields
	for {
		object, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok := object[path]; ok {
			return v, true
		}
		first, rest, ok := strings.Cut(path, ".")
		if !ok {
			return nil, false
		}
		at, path = object[first], rest
	}
}

// Records collects the first records of a sample.
type Records struct {
	lines, objects [][]record // each record in all of its views
}

// Line adds a line of text.
func (rs *Records) Line(text []byte) {
	if len(rs.lines) < most {
		rs.lines = append(rs.lines, textViews(bytes.Clone(text)))
	}
}

// Fields adds a record of text whose fields have names.
func (rs *Records) Fields(names []string, values [][]byte) {
	if len(rs.objects) == most {
		return
	}
	object := map[string]any{}
	for i, n := range names {
		object[n] = string(values[i])
	}
	rs.objects = append(rs.objects, []record{{fields: object}})
}

// Object adds a record of JSON.
func (rs *Records) Object(raw []byte) {
	if len(rs.objects) < most {
		rs.objects = append(rs.objects, objectViews(bytes.Clone(raw), 0))
	}
}

// textViews are a line, and what follows its syslog header: text, or an object.
func textViews(text []byte) []record {
	views := []record{{line: text}}
	_, rest := fields.Syslog(nil, text)
	if len(rest) < len(text) {
		views = append(views, record{line: rest})
	}
	if i := bytes.IndexByte(rest, '{'); i >= 0 && json.Valid(rest[i:]) {
		views = append(views, objectViews(rest[i:], 1)...)
	}
	return views
}

// wrappers are the fields in which shippers and event buses put a record: CloudWatch Logs, EventBridge, Splunk, Filebeat.
func wrappers() []string {
	return []string{"message", "@message", "detail", "event", "log", "_raw", "result"}
}

// objectViews are an object, and the records that it wraps.
func objectViews(raw []byte, depth int) []record {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	object := map[string]any{}
	if decoder.Decode(&object) != nil {
		return nil
	}
	views := []record{{line: raw, fields: object}}
	for _, name := range wrappers() {
		first := len(views)
		switch inner := object[name].(type) {
		case string:
			if depth < 2 {
				views = append(views, textViews([]byte(inner))...)
			}
		case map[string]any:
			views = append(views, record{fields: inner})
		}
		for i := range views[first:] {
			views[first+i].inner = true
		}
	}
	return views
}

// outermost is the weight of a record that is not in another one: a mapping that reads the wrapper knows more than one of what is inside.
const outermost = 1000

// Mapping is the name of the mapping that etl ships for the records, or "". It reads at least three of four.
func (rs *Records) Mapping() string {
	best, most := "", 0
	for _, records := range [][][]record{rs.lines, rs.objects} {
		met := map[string]int{}
		weight := map[string]int{}
		for _, views := range records {
			for mapping, w := range weights(views) {
				met[mapping]++
				weight[mapping] = max(weight[mapping], w)
			}
		}
		for mapping, n := range met {
			if 4*n < 3*len(records) || weight[mapping] < most || weight[mapping] == most && mapping > best {
				continue
			}
			best, most = mapping, weight[mapping]
		}
	}
	return best
}

// weights says which mappings read a record, and how much of it they know.
func weights(views []record) map[string]int {
	all := map[string]int{}
	for _, s := range sources() {
		for _, v := range views {
			if w := s.weight(v); w > 0 {
				all[s.mapping] = max(all[s.mapping], w)
			}
		}
	}
	return all
}

// weight of a row whose conditions all hold, or 0.
func (s source) weight(r record) (sum int) {
	for _, c := range s.conditions {
		if !c.holds(r) {
			return 0
		}
		sum += c.weight
	}
	if !r.inner {
		sum += outermost
	}
	return sum
}
