// Package newfields finds the fields of records that a mapping does not know and that earlier runs of the job did not have: a product
// that was updated writes them. Their values are in unmapped. It decides nothing: if its memo is lost, a run names all fields again.
package newfields

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/sqlgen"
)

const (
	// maxName bounds the bytes of a name that is kept, and maxNames the names that a job remembers.
	maxName, maxNames = 200, 2000
	// maxBelow is from how many names below one field on its names are taken for data (example: an object with a key for each session).
	maxBelow = 500
	// maxReported is how many fields a run's record names, and maxShown how many a message names.
	maxReported, maxShown = 100, 10
	// anything stands for all names below a field, and alone for all names.
	anything = "*"
)

// Mapping knows the fields that a mapping declares or reads, so that they are not new.
type Mapping struct {
	names map[string]bool
	whole []string // with a dot at the end: fields that are taken with all that is in them
}

// Of prepares the fields of a compiled mapping.
func Of(c *sqlgen.Compiled) *Mapping {
	m := &Mapping{names: map[string]bool{}}
	add := func(name string, whole bool) {
		m.names[name] = true
		if whole {
			m.whole = append(m.whole, name+".")
		}
	}
	for _, l := range c.Scan.Leaves {
		add(strings.Join(l.Path, "."), l.Kind == decode.JSON)
		if l.Name != "" {
			add(l.Name, l.Kind == decode.JSON)
		}
		for _, also := range l.Also {
			add(strings.Join(also, "."), l.Kind == decode.JSON)
		}
	}
	for _, p := range c.Scan.Parsers { // their texts that cannot be parsed are not new
		add(strings.Join(p.Path, "."), false)
	}
	for _, f := range c.Flows {
		t, err := ducktype.Parse(f.Type)
		isWhole := false
		if err == nil {
			kind, _, _ := t.ScanKind()
			isWhole = kind == decode.JSON
		}
		add(f.Raw, isWhole)
	}
	return m
}

// Knows says whether a field is declared or read, by its name in unmapped.
func (m *Mapping) Knows(name string) bool {
	return m.names[name] || slices.ContainsFunc(m.whole, func(whole string) bool { return strings.HasPrefix(name, whole) })
}

// Counts is how many published records have a field that the mapping does not know, by its name.
type Counts map[string]int64

// Add adds other counts.
func (c Counts) Add(more Counts) {
	for name, n := range more {
		c.add(name, n)
	}
}

// add counts records. A long name is cut. Names beyond a bound, which only names made of data can reach, have no counts.
func (c Counts) add(name string, n int64) {
	name = cut(name)
	if _, ok := c[name]; ok || len(c) < decode.MaxKeys {
		c[name] += n
	}
}

// Collect adds what an expander has counted.
func (c Counts) Collect(e *decode.Expander, m *Mapping) {
	e.Counts(func(name string, n int64) {
		if !m.Knows(name) {
			c.add(name, n)
		}
	})
}

func cut(name string) string {
	if len(name) <= maxName {
		return name
	}
	k := maxName
	for k > 0 && !utf8.RuneStart(name[k]) {
		k--
	}
	return name[:k] + "..."
}

// News is what a run reports.
type News struct {
	// First says that no earlier run has recorded the fields of the job, so that they are not new.
	First bool `json:"first,omitempty"`
	// Records by field: the 100 in most records. A name that ends in .* stands for all below a field whose names vary, and has 0.
	Records map[string]int64 `json:"records"`
	More    int              `json:"more,omitempty"` // fields beyond them
}

// Since compares counts with what earlier runs had, and adds them to the memo. It is nil if there is nothing to report.
func (m *Memo) Since(counts Counts) *News {
	n := &News{First: !m.loaded, Records: map[string]int64{}}
	before := maps.Clone(m.names)
	for name := range counts {
		if !before.cover(name) {
			m.names[name] = true
		}
	}
	m.names.shorten()
	var fresh []string
	for name := range m.names {
		if !before[name] {
			fresh = append(fresh, name)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	m.changed = true
	slices.SortFunc(fresh, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	for _, name := range fresh[:min(maxReported, len(fresh))] {
		n.Records[name] = counts[name]
	}
	n.More = len(fresh) - len(n.Records)
	return n
}

// names are names of fields, and of fields of which all names below are known.
type names map[string]bool

// cover says whether a name is known.
func (k names) cover(name string) bool {
	if k[name] || k[anything] {
		return true
	}
	for i := range len(name) {
		if name[i] == '.' && k[name[:i+1]+anything] {
			return true
		}
	}
	return false
}

// shorten keeps the names bounded: many names below one field become one, the deepest field first, and too many names become "*".
func (k names) shorten() {
	below := map[string]int{}
	for name := range k {
		for i := range len(name) {
			if name[i] == '.' {
				below[name[:i+1]]++
			}
		}
	}
	var many []string
	for prefix, n := range below {
		if n > maxBelow {
			many = append(many, prefix)
		}
	}
	slices.SortFunc(many, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	for _, prefix := range many {
		var found []string
		for name := range k {
			if strings.HasPrefix(name, prefix) {
				found = append(found, name)
			}
		}
		if len(found) <= maxBelow { // a deeper field has taken most of them
			continue
		}
		for _, name := range found {
			delete(k, name)
		}
		k[prefix+anything] = true
	}
	if len(k) > maxNames {
		clear(k)
		k[anything] = true
	}
}

// String is one line about the fields.
func (n *News) String() string {
	all := make([]string, 0, len(n.Records))
	for name := range n.Records {
		all = append(all, name)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(n.Records[b], n.Records[a]), strings.Compare(a, b)) })
	total := len(all) + n.More
	if n.First {
		shown := all[:min(maxShown, len(all))]
		text := make([]string, len(shown))
		for i, name := range shown {
			text[i] = display(name)
		}
		return fmt.Sprintf("%s that the mapping does not read, kept in unmapped: %s", human.Plural(int64(total), "field"), list(text, total))
	}
	if total == 1 {
		return "new field " + n.counted(all[0]) + ", kept in unmapped"
	}
	shown := all[:min(maxShown, len(all))]
	text := make([]string, len(shown))
	for i, name := range shown {
		text[i] = n.counted(name)
	}
	return "new fields, kept in unmapped: " + list(text, total)
}

// counted names a field and the records that have it.
func (n *News) counted(name string) string {
	if n.Records[name] == 0 {
		return display(name)
	}
	return display(name) + " in " + human.Plural(n.Records[name], "record")
}

func display(name string) string {
	if name == anything {
		return "names that vary, so that later runs do not report new ones"
	}
	if field, ok := strings.CutSuffix(name, "."+anything); ok {
		return render.Safe(field) + ".* (names that vary, so that later runs do not report new ones there)"
	}
	return render.Safe(name)
}

func list(shown []string, total int) string {
	text := strings.Join(shown, ", ")
	if more := total - len(shown); more > 0 {
		text += fmt.Sprintf(", and %s more", human.Count(int64(more)))
	}
	return text
}
