// Package refused describes the rejected records of a batch: examples by reason, the kinds of records that match no SELECT, and the
// text that a refused batch is reported with. It decides nothing: the limits are in jobs/failures.go.
package refused

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/looks"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/render"
)

const (
	// maxText is how many bytes of a record an example shows.
	maxText = 200
	// maxKind bounds the text of a kind, in bytes, and maxKinds how many kinds have a count of their own.
	maxKind, maxKinds = 60, 50
	// OtherKinds is the kind of records beyond maxKinds.
	OtherKinds = "other kinds"
	// shownKinds is how many kinds a message names.
	shownKinds = 8
)

// Example is one rejected record.
type Example struct {
	Object  string
	Record  int64  // 0: the object as a whole
	Place   string // in the object (example: record 3); "": the object as a whole
	Message string
	Text    string // the beginning of the record on one line, with control characters escaped
	Hint    string // that the record looks like another format, or ""
}

// ExampleOf makes an example of a row, of a mapping that reads a format. With hide, it has nothing of what the record holds.
func ExampleOf(r *quarantine.Row, format string, hide bool) Example {
	e := Example{Object: r.Object, Record: r.Record, Place: r.Place()}
	if hide {
		return e
	}
	e.Message, e.Text = r.Message, render.Safe(cut(r.Raw, maxText))
	if r.Record > 0 {
		e.Hint = looks.Hint(format, r.Raw)
	}
	return e
}

// String is the example as messages show it.
func (e Example) String() string {
	text := render.Safe(e.Object)
	if e.Place != "" {
		text += ", " + render.Safe(e.Place)
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text + e.Hint
}

// cut is the beginning of a text.
func cut(raw []byte, size int) string {
	if len(raw) <= size {
		return string(raw)
	}
	for size > 0 && !utf8.RuneStart(raw[size]) {
		size--
	}
	return string(raw[:size]) + "..."
}

// Kinds counts records by their kind.
type Kinds map[string]int64

// Add counts records of a kind. Kinds beyond a bound are counted as OtherKinds.
func (k Kinds) Add(kind string, records int64) {
	if _, ok := k[kind]; !ok && len(k) >= maxKinds {
		kind = OtherKinds
	}
	k[kind] += records
}

// Records is how many records have a kind.
func (k Kinds) Records() (n int64) {
	for _, records := range k {
		n += records
	}
	return n
}

// String names the kinds, the most frequent first.
func (k Kinds) String() string {
	names := make([]string, 0, len(k))
	for name := range k {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if k[a] != k[b] {
			return int(max(-1, min(1, k[b]-k[a])))
		}
		return strings.Compare(a, b)
	})
	shown := names[:min(shownKinds, len(names))]
	texts := make([]string, 0, len(shown)+1)
	for _, name := range shown {
		texts = append(texts, name+" ("+human.Count(k[name])+")")
	}
	if more := len(names) - len(shown); more > 0 {
		texts = append(texts, human.Plural(int64(more), "more kind"))
	}
	return strings.Join(texts, ", ")
}

// Field is one value that the SELECTs of a mapping choose records by.
type Field struct {
	Path  string
	Set   bool
	Value []byte
}

// KindOf names the kind of a record (example: event.event_type = "stats"). It is empty without fields.
func KindOf(fields []Field) string {
	texts := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.Set {
			texts = append(texts, fmt.Sprintf("%s = %q", f.Path, cut(f.Value, maxKind)))
		}
	}
	if len(texts) == 0 && len(fields) > 0 {
		return "without " + fields[0].Path
	}
	return strings.Join(texts, " and ")
}

// Tally counts the records of a run that match no SELECT and that are in quarantine.
type Tally struct {
	Kinds         Kinds
	records, read int64
	example       string
}

// Add adds a batch.
func (t *Tally) Add(records, read int64, kinds Kinds, example Example) {
	t.read += read
	if records == 0 {
		return
	}
	t.records += records
	if len(kinds) > 0 { // they say enough, so that the run's log does not need the text of a record
		example.Text = ""
	}
	if t.example == "" {
		t.example = example.String()
	}
	if t.Kinds == nil {
		t.Kinds = Kinds{}
	}
	for kind, n := range kinds {
		t.Kinds.Add(kind, n)
	}
}

// Warning says what a person can do about the records. It is empty if there are none.
func (t *Tally) Warning() string {
	if t.records == 0 {
		return ""
	}
	text := fmt.Sprintf("%s of %s match no SELECT of the mapping and went to quarantine", human.Count(t.records), human.Plural(t.read, "record"))
	if len(t.Kinds) > 0 {
		text += ": " + t.Kinds.String()
	}
	return text + ". Example: " + t.example + ". Try: add a SELECT or a -- drop: line for them, then etl replay; or leave out their objects (source.exclude)"
}
