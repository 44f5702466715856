// Package compare runs the same records through two mappings and says what is different: which OCSF attributes change, on how
// many records, which records move between the lake, the filter and quarantine, and which columns the files gain and lose. People look
// at it before they replace old days.
//
// A record is identified by its object and its number in it. Both mappings' events are compared as the Parquet files hold them.
package compare

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Options of Run.
type Options struct {
	Before, After   *sqlgen.Compiled
	Region, Account string
	MinDay, MaxDay  int32 // of events, in days since 1970
	// Limit is how many records are compared. 0: all.
	Limit int64
	// Examples is how many examples are kept of each difference. 0: 3.
	Examples int
	TempDir  string // must exist; Run leaves no files in it
}

// Object of raw records.
type Object struct {
	Key  string // its name for people
	Open func(context.Context) (io.ReadCloser, error)
	// Captures of the staging key by name; nil: all are NULL.
	Captures staging.Captures
}

// Report is what differs between the two mappings.
type Report struct {
	Objects    int       `json:"objects"`
	Records    int64     `json:"records"`
	Same       int64     `json:"same"`
	Changed    int64     `json:"changed"` // events of the same class with another content
	Moved      int64     `json:"moved"`   // records that move between the lake, the filter and quarantine
	Limited    bool      `json:"limited,omitempty"`
	Moves      []*Move   `json:"moves"`
	Attributes []*Change `json:"attributes"`
	Columns    []Column  `json:"columns"` // of the files, whether or not a record has values in them
	Unreadable []*Unread `json:"unreadable,omitempty"`
	Before     Outcomes  `json:"before"`
	After      Outcomes  `json:"after"`
}

// Outcomes counts the results of records.
type Outcomes struct {
	Published   int64 `json:"published"`
	Filtered    int64 `json:"filtered"`
	Quarantined int64 `json:"quarantined"`
}

// Move counts records that moved (example: from "quarantined TIME_MISSING" to "published as network_activity").
type Move struct {
	From     string    `json:"from"`
	To       string    `json:"to"`
	Records  int64     `json:"records"`
	Examples []Example `json:"examples"`
}

// Quarantined returns how many records were not in quarantine before, and are now.
func (r *Report) Quarantined() (n int64) {
	for _, m := range r.Moves {
		if !strings.HasPrefix(m.From, quarantined) && strings.HasPrefix(m.To, quarantined) {
			n += m.Records
		}
	}
	return n
}

// Change of an attribute: a dotted OCSF path, unmapped.key, or "partition".
type Change struct {
	Path     string    `json:"path"`
	Changed  int64     `json:"changed"` // records in which both have a value, and the values differ
	Added    int64     `json:"added"`   // only the current mapping has a value
	Removed  int64     `json:"removed"`
	Examples []Example `json:"examples"`
}

// Records returns in how many records the attribute differs.
func (c *Change) Records() int64 { return c.Changed + c.Added + c.Removed }

// Example is one record. Before and After are JSON values, or nil if the event has no value. An example of a Move does not have them.
type Example struct {
	Object string          `json:"object"`
	Record int64           `json:"record"`
	Member int64           `json:"member_number,omitempty"` // of an archive, that the record is of
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Detail string          `json:"detail,omitempty"` // why the record is in quarantine
}

// Unread is an object that cannot be read to its end. Its records up to there are compared.
type Unread struct {
	Object  string `json:"object"`
	Message string `json:"message"`
}

// Run compares the records of objects.
func Run(ctx context.Context, o Options, objects iter.Seq2[Object, error]) (*Report, error) {
	if o.Examples == 0 {
		o.Examples = 3
	}
	differ, err := columns(o.Before, o.After)
	if err != nil {
		return nil, err
	}
	c := &comparer{Options: o, report: &Report{Moves: []*Move{}, Attributes: []*Change{}, Columns: differ}, moves: map[string]*Move{}, changes: map[string]*Change{}}
	for obj, err := range objects {
		if err != nil {
			return nil, err
		}
		if o.Limit > 0 && c.report.Records >= o.Limit {
			c.report.Limited = true
			break
		}
		if err := c.object(ctx, obj); err != nil {
			return nil, fmt.Errorf("%s: %w", obj.Key, err)
		}
	}
	r := c.report
	for _, k := range slices.Sorted(maps.Keys(c.moves)) {
		r.Moves = append(r.Moves, c.moves[k])
	}
	slices.SortStableFunc(r.Moves, func(a, b *Move) int { return cmp.Compare(b.Records, a.Records) })
	for _, k := range slices.Sorted(maps.Keys(c.changes)) {
		r.Attributes = append(r.Attributes, c.changes[k])
	}
	slices.SortStableFunc(r.Attributes, func(a, b *Change) int { return cmp.Compare(b.Records(), a.Records()) })
	return r, nil
}

type comparer struct {
	Options
	report  *Report
	moves   map[string]*Move
	changes map[string]*Change
}

// result of one record with one of the mappings.
type result struct {
	number int64
	out    *sample.Outcome
}

// object compares one object. Its bytes are on disk, since both mappings read them, each with its own format.
func (c *comparer) object(ctx context.Context, obj Object) error {
	body, err := obj.Open(ctx)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(c.TempDir, "object-")
	if err != nil {
		body.Close()
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	_, err = io.Copy(f, body)
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	c.report.Objects++
	before, stopBefore := iter.Pull2(c.outcomes(ctx, c.Before, f, obj, false))
	defer stopBefore()
	after, stopAfter := iter.Pull2(c.outcomes(ctx, c.After, f, obj, true))
	defer stopAfter()
	b, berr, bok := before()
	a, aerr, aok := after()
	for bok || aok {
		if err := errors.Join(berr, aerr); err != nil {
			return err
		}
		if c.Limit > 0 && c.report.Records >= c.Limit {
			c.report.Limited = true
			return nil
		}
		switch {
		case !bok, aok && a.number < b.number:
			c.one(obj.Key, a.number, nil, a.out)
			a, aerr, aok = after()
		case !aok, b.number < a.number:
			c.one(obj.Key, b.number, b.out, nil)
			b, berr, bok = before()
		default:
			c.one(obj.Key, a.number, b.out, a.out)
			b, berr, bok = before()
			a, aerr, aok = after()
		}
	}
	return nil
}

var errStop = errors.New("enough")

// outcomes runs an object's records through a compiled mapping.
func (c *comparer) outcomes(ctx context.Context, compiled *sqlgen.Compiled, f *os.File, obj Object, tell bool) iter.Seq2[result, error] {
	most := c.Limit - c.report.Records
	return func(yield func(result, error) bool) {
		captures := obj.Captures.Columns(compiled.KeyColumns)
		records := func(yield func(sample.Record, error) bool) {
			d := decode.NewRecords(&compiled.Scan, decode.NewKeys(), decode.Options{TempDir: c.TempDir, Stopped: ctx.Err})
			info, err := f.Stat()
			if err != nil {
				yield(sample.Record{}, err)
				return
			}
			d.Open(io.NewSectionReader(f, 0, info.Size()))
			for n := int64(1); ; n++ {
				record, err := sample.Next(d, compiled, captures)
				var whole *decode.Reject
				switch {
				case errors.Is(err, io.EOF):
					return
				case errors.As(err, &whole):
					if tell {
						c.report.Unreadable = append(c.report.Unreadable, &Unread{obj.Key, whole.Message})
					}
					return
				case err != nil:
					yield(sample.Record{}, err)
					return
				}
				if !yield(record, nil) {
					return
				}
				if c.Limit > 0 && n > most {
					return // one record more than is compared shows that there are more
				}
			}
		}
		o := sample.Options{Compiled: compiled, Region: c.Region, Account: c.Account, MinDay: c.MinDay, MaxDay: c.MaxDay, TempDir: c.TempDir}
		err := sample.Run(ctx, o, records, func(r sample.Record, out *sample.Outcome) error {
			if !yield(result{r.Number, out}, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(result{}, err)
		}
	}
}

const quarantined = "quarantined "

// end says where a record ends: in the lake, in the filter or in quarantine.
func end(out *sample.Outcome) string {
	switch {
	case out == nil:
		return "no record"
	case out.Reason != "":
		return quarantined + out.Reason
	case out.Filtered:
		return "filtered"
	}
	return "published as " + out.Class
}

func (o *Outcomes) add(out *sample.Outcome) {
	switch {
	case out == nil:
	case out.Reason != "":
		o.Quarantined++
	case out.Filtered:
		o.Filtered++
	default:
		o.Published++
	}
}

// one compares a record's outcomes.
func (c *comparer) one(object string, number int64, before, after *sample.Outcome) {
	r := c.report
	r.Records++
	r.Before.add(before)
	r.After.add(after)
	from, to := end(before), end(after)
	if from != to {
		r.Moved++
		m := c.moves[from+"\x00"+to]
		if m == nil {
			m = &Move{From: from, To: to, Examples: []Example{}}
			c.moves[from+"\x00"+to] = m
		}
		m.Records++
		if len(m.Examples) < c.Examples {
			e := exampleAt(object, number)
			if after != nil && after.Reason != "" {
				e.Detail = detail(after)
			} else if before != nil && before.Reason != "" {
				e.Detail = detail(before)
			}
			m.Examples = append(m.Examples, e)
		}
		return
	}
	if before.OCSF == nil {
		r.Same++
		return
	}
	different := false
	b, a := flat(before), flat(after)
	for path, x := range b {
		y, both := a[path]
		if both && bytes.Equal(x, y) {
			continue
		}
		different = true
		ch := c.change(path)
		if both {
			ch.Changed++
		} else {
			ch.Removed++
		}
		c.example(ch, object, number, x, y)
	}
	for path, y := range a {
		if _, both := b[path]; both {
			continue
		}
		different = true
		ch := c.change(path)
		ch.Added++
		c.example(ch, object, number, nil, y)
	}
	if different {
		r.Changed++
	} else {
		r.Same++
	}
}

func detail(out *sample.Outcome) string {
	if out.Path == "" {
		return out.Message
	}
	return out.Path + ": " + out.Message
}

func (c *comparer) change(path string) *Change {
	ch := c.changes[path]
	if ch == nil {
		ch = &Change{Path: path, Examples: []Example{}}
		c.changes[path] = ch
	}
	return ch
}

func (c *comparer) example(ch *Change, object string, number int64, before, after json.RawMessage) {
	if len(ch.Examples) < c.Examples {
		e := exampleAt(object, number)
		e.Before, e.After = before, after
		ch.Examples = append(ch.Examples, e)
	}
}

func exampleAt(object string, number int64) Example {
	e := Example{Object: object}
	e.Member, e.Record = decode.Place(number)
	return e
}

// flat returns the leaves of an event by dotted path; lists stay whole.
func flat(out *sample.Outcome) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	partition, _ := json.Marshal(out.Partition)
	all["partition"] = partition
	flatten(all, "", out.OCSF)
	if out.Unmapped != nil {
		flatten(all, "unmapped.", out.Unmapped)
	}
	return all
}

func flatten(all map[string]json.RawMessage, prefix string, v json.RawMessage) {
	var m map[string]json.RawMessage
	if json.Unmarshal(v, &m) != nil {
		all[strings.TrimSuffix(prefix, ".")] = v
		return
	}
	for k, x := range m {
		if len(x) > 0 && x[0] == '{' {
			flatten(all, prefix+k+".", x)
			continue
		}
		all[prefix+k] = x
	}
}
