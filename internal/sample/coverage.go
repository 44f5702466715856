package sample

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/silt-etl/silt/sql/sqlgen"
)

// Coverage counts the results of the records of a sample, and of each of their fields.
type Coverage struct {
	Records     int64 `json:"records"`
	Published   int64 `json:"published"`
	Filtered    int64 `json:"filtered"`
	Quarantined int64 `json:"quarantined"`
	// Reasons of quarantine, the most frequent first.
	Reasons []ReasonCount `json:"reasons"`
	// Attributes that some event has, by class, in the order of the file's columns.
	Attributes []AttributeCount `json:"attributes"`
	// Fields are those of raw.sql in its order, then those that only the sample has with the most frequent first.
	Fields []FieldCount `json:"fields"`

	// Sensitive are raw fields that look like secrets or personal data, by path.
	Sensitive []SensitiveCount `json:"sensitive,omitempty"`

	compiled *sqlgen.Compiled
	reasons  map[[2]string]*ReasonCount
	classes  map[string]int64
	attrs    map[[2]string]*AttributeCount
	leaves   []*FieldCount          // by leaf of the compiled mapping
	fields   map[string]*FieldCount // by raw path
	named    map[string]*FieldCount // by the name in unmapped that the mapping gives
	parsers  map[string]*FieldCount // by raw path
	given    map[string]bool        // names in unmapped of values that the SELECTs give
	feeds    map[[2]string][]feed   // by class and attribute: the raw fields that it is made from, those that are its value first
}

// feed is a raw field that an attribute is made from. exact: the field's value is the attribute.
type feed struct {
	raw   string
	exact bool
}

// SensitiveCount of a raw field that looks like a secret or personal data. It has no example on purpose.
type SensitiveCount struct {
	Path    string `json:"path"`
	Looks   string `json:"looks_like"`
	Records int64  `json:"records"`
}

// ReasonCount of records in quarantine for one reason and path.
type ReasonCount struct {
	Reason  string `json:"reason"`
	Path    string `json:"path,omitempty"`
	Records int64  `json:"records"`
	Example string `json:"example"` // message of the first
}

// AttributeCount of an OCSF attribute of one class.
type AttributeCount struct {
	Class   string  `json:"class"`
	Path    string  `json:"path"` // with [] where it is in a list of objects
	Records int64   `json:"records"`
	Of      int64   `json:"of"` // events of the class
	Percent float64 `json:"percent"`
	Example string  `json:"example"` // as JSON, cut where it is long
	// Kept counts records whose value for it is in unmapped instead.
	Kept int64 `json:"kept_in_unmapped,omitempty"`
	// KeptExample is the value of KeptField in the first such record, cut where it is long. It is empty if no raw field can be named.
	KeptExample string `json:"kept_example,omitempty"`
	// KeptField is the raw field. KeptRead says that an expression reads it, so that the value that did not fit can be another one.
	KeptField string `json:"kept_field,omitempty"`
	KeptRead  bool   `json:"-"`
	// Without counts events that lack it although OCSF requires it.
	Without int64 `json:"published_without,omitempty"`
	order   int
}

// FieldCount counts a raw field. Records that the mapping filters or refuses count only for fields that it reads; for other fields
// nothing is known.
type FieldCount struct {
	Path     string   `json:"path"`
	Declared bool     `json:"declared"` // in raw.sql
	Type     string   `json:"type,omitempty"`
	Records  int64    `json:"records"`                  // that have it
	To       []string `json:"to,omitempty"`             // OCSF paths that are its value
	ReadBy   []string `json:"read_by,omitempty"`        // OCSF paths whose expression reads it
	Consumed bool     `json:"consumed,omitempty"`       // by such an expression
	Named    string   `json:"unmapped_name,omitempty"`  // the mapping's own name for it in unmapped
	Unmapped int64    `json:"unmapped"`                 // records in which it is in unmapped
	Misfits  int64    `json:"misfits,omitempty"`        // records in which it is not of its type
	Lost     int64    `json:"not_published,omitempty"`  // records that have it and are filtered or in quarantine
	Example  string   `json:"example,omitempty"`        // of what is in unmapped
	Misfit   string   `json:"misfit_example,omitempty"` // value that is not of its type
	Parser   string   `json:"parser,omitempty"`         // that raw.sql names for it: misfits are texts that it cannot read
	File     string   `json:"-"`
	Line     int      `json:"-"`
	Column   int      `json:"-"`
}

// NewCoverage returns a coverage without records.
func NewCoverage(compiled *sqlgen.Compiled) *Coverage {
	c := &Coverage{compiled: compiled, reasons: map[[2]string]*ReasonCount{}, classes: map[string]int64{}, attrs: map[[2]string]*AttributeCount{},
		leaves: make([]*FieldCount, len(compiled.Scan.Leaves)), fields: map[string]*FieldCount{}, named: map[string]*FieldCount{}, given: map[string]bool{},
		feeds: map[[2]string][]feed{}}
	for _, exact := range []bool{true, false} {
		for _, l := range compiled.Flows {
			for _, flow := range l.Flows {
				if flow.Exact == exact {
					k := [2]string{flow.Class, flow.Path}
					c.feeds[k] = append(c.feeds[k], feed{l.Raw, exact})
				}
			}
		}
	}
	for _, l := range compiled.Lineage {
		for _, column := range l.Columns {
			if name, isUnmapped := strings.CutPrefix(column.Path, "unmapped."); isUnmapped {
				c.given[name] = true
			}
		}
	}
	for _, l := range compiled.Flows {
		if l.File == "" && l.Leaf < 0 {
			continue // a capture of the key is not a field of the record
		}
		f := &FieldCount{Path: l.Raw, Declared: true, Type: l.Type, File: l.File, Line: l.Line, Column: l.Column}
		for _, flow := range l.Flows {
			name, isUnmapped := strings.CutPrefix(flow.Path, "unmapped.")
			switch {
			case isUnmapped && flow.Exact:
				c.named[name], f.Named = f, name
			case isUnmapped:
			case flow.Exact:
				f.To = appendNew(f.To, flow.Path)
			default:
				f.ReadBy = appendNew(f.ReadBy, flow.Path)
				f.Consumed = f.Consumed || flow.Consumed
			}
		}
		if l.Leaf >= 0 {
			c.leaves[l.Leaf] = f
		}
		c.fields[l.Raw] = f
	}
	c.addParsers()
	return c
}

// addParsers notes the fields that have a parser. A STRUCT is not a field of its own until a text of it could not be read.
func (c *Coverage) addParsers() {
	c.parsers = map[string]*FieldCount{}
	for _, p := range c.compiled.Scan.Parsers {
		path := strings.Join(p.Path, ".")
		f := c.fields[path]
		if f == nil {
			f = &FieldCount{Path: path}
			if i := slices.IndexFunc(c.compiled.Flows, func(l sqlgen.RawFlows) bool { return strings.HasPrefix(l.Raw, path+".") }); i >= 0 {
				l := c.compiled.Flows[i]
				f.File, f.Line, f.Column = l.File, l.Line, l.Column
			}
		}
		f.Parser = string(p.Name)
		c.parsers[path] = f
	}
}

func appendNew(all []string, s string) []string {
	for _, x := range all {
		if x == s {
			return all
		}
	}
	return append(all, s)
}

// Add counts one outcome.
func (c *Coverage) Add(out *Outcome) {
	c.Records++
	switch {
	case out.Filtered:
		c.Filtered++
	case out.Reason != "":
		c.Quarantined++
		k := [2]string{out.Reason, out.Path}
		if c.reasons[k] == nil {
			c.reasons[k] = &ReasonCount{Reason: out.Reason, Path: out.Path, Example: out.Message}
		}
		c.reasons[k].Records++
	default:
		c.Published++
		c.classes[out.Class]++
		c.event(out)
	}
	for _, path := range slices.Sorted(maps.Keys(out.Sensitive)) {
		i := slices.IndexFunc(c.Sensitive, func(s SensitiveCount) bool { return s.Path == path })
		if i < 0 {
			i = len(c.Sensitive)
			c.Sensitive = append(c.Sensitive, SensitiveCount{Path: path, Looks: out.Sensitive[path]})
		}
		c.Sensitive[i].Records++
	}
	rest := map[string]string{}
	if out.Unmapped != nil {
		_ = json.Unmarshal(out.Unmapped, &rest) // an object of texts, as render wrote it
	}
	for _, i := range out.Filled {
		if f := c.leaves[i]; f != nil {
			f.Records++
			if out.OCSF == nil {
				f.Lost++
			}
		}
	}
	for _, path := range out.Misfits {
		if c.fields[path] == nil && c.parsers[path] != nil {
			c.fields[path] = c.parsers[path]
		}
		if f := c.fields[path]; f != nil {
			if f.Misfits++; f.Misfit == "" {
				f.Misfit = cut(rest[path])
			}
		}
	}
	for name, value := range rest {
		f := c.named[name]
		if f == nil {
			f = c.fields[name]
		}
		if f == nil && c.given[name] {
			continue
		}
		if f == nil {
			f = &FieldCount{Path: name}
			c.fields[name] = f
		}
		if f.Unmapped++; f.Example == "" {
			f.Example = cut(value)
		}
	}
	for _, path := range out.Kept {
		a := c.attribute(out.Class, path)
		a.Kept++
		for _, flow := range c.feeds[[2]string{out.Class, path}] {
			if a.KeptExample == "" && rest[flow.raw] != "" {
				a.KeptExample, a.KeptField, a.KeptRead = cut(rest[flow.raw]), flow.raw, !flow.exact
			}
		}
	}
	for _, path := range out.Without {
		c.attribute(out.Class, path).Without++
	}
}

// attribute is the count of an attribute, also of one that no event has so far.
func (c *Coverage) attribute(class, path string) *AttributeCount {
	k := [2]string{class, path}
	if c.attrs[k] == nil {
		c.attrs[k] = &AttributeCount{Class: class, Path: path, order: math.MaxInt}
	}
	return c.attrs[k]
}

// event counts the attributes of one event.
func (c *Coverage) event(out *Outcome) {
	d := json.NewDecoder(bytes.NewReader(out.OCSF))
	seen := map[string]bool{}
	var value func(path string, raw json.RawMessage)
	value = func(path string, raw json.RawMessage) {
		switch raw[0] {
		case '{':
			eachMember(raw, func(k string, v json.RawMessage) { value(join(path, k), v) })
			return
		case '[':
			var items []json.RawMessage
			if json.Unmarshal(raw, &items) == nil && len(items) > 0 && items[0][0] == '{' {
				for _, item := range items {
					value(path+"[]", item)
				}
				return
			}
		}
		if seen[path] {
			return
		}
		seen[path] = true
		a := c.attribute(out.Class, path)
		if a.Records++; a.order == math.MaxInt {
			a.Example, a.order = cut(string(raw)), len(c.attrs)
		}
	}
	var all json.RawMessage
	if d.Decode(&all) == nil && len(all) > 0 {
		value("", all)
	}
}

// eachMember calls fn for the members of an object in their order.
func eachMember(raw json.RawMessage, do func(key string, v json.RawMessage)) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return
	}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return
		}
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return
		}
		if name, ok := k.(string); ok && len(v) > 0 {
			do(name, v)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// cut shortens examples.
func cut(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// Finish fills the lists once all outcomes are added.
func (c *Coverage) Finish() {
	c.Reasons, c.Attributes, c.Fields = []ReasonCount{}, []AttributeCount{}, []FieldCount{}
	for _, r := range c.reasons {
		c.Reasons = append(c.Reasons, *r)
	}
	sort.Slice(c.Reasons, func(i, j int) bool {
		a, b := c.Reasons[i], c.Reasons[j]
		if a.Records != b.Records {
			return a.Records > b.Records
		}
		return a.Reason+a.Path < b.Reason+b.Path
	})
	for _, a := range c.attrs {
		if a.Of = c.classes[a.Class]; a.Of > 0 {
			a.Percent = 100 * float64(a.Records) / float64(a.Of)
		}
		c.Attributes = append(c.Attributes, *a)
	}
	sort.Slice(c.Attributes, func(i, j int) bool {
		a, b := c.Attributes[i], c.Attributes[j]
		if a.Class != b.Class {
			return a.Class < b.Class
		}
		if a.order != b.order {
			return a.order < b.order
		}
		return a.Path < b.Path
	})
	var rest []FieldCount
	for _, f := range c.fields {
		if f.Records == 0 {
			f.Records = f.Unmapped
		}
		if !f.Declared {
			rest = append(rest, *f)
		}
	}
	for _, l := range c.compiled.Flows {
		if f := c.fields[l.Raw]; f != nil && f.Declared {
			c.Fields = append(c.Fields, *f)
		}
	}
	sort.Slice(rest, func(i, j int) bool {
		if rest[i].Records != rest[j].Records {
			return rest[i].Records > rest[j].Records
		}
		return rest[i].Path < rest[j].Path
	})
	c.Fields = append(c.Fields, rest...)
}

// Unread returns the fields that no output is made from, the most frequent first.
func (c *Coverage) Unread() []FieldCount {
	var all []FieldCount
	for _, f := range c.Fields {
		if len(f.To) == 0 && len(f.ReadBy) == 0 && f.Named == "" && f.Unmapped > 0 {
			all = append(all, f)
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Unmapped > all[j].Unmapped })
	return all
}
