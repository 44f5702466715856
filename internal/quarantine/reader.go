package quarantine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/tempdir"
)

// Filter chooses quarantined records. Values of one field are alternatives; an empty field chooses everything.
type Filter struct {
	Reasons []string // codes
	Objects []string // globs over staging keys; ** crosses slashes
	Paths   []string
}

// ParseWhere reads conditions as they are given on the command line: reason=CODE, object=GLOB, path=PATH.
func ParseWhere(where []string) (f Filter, err error) {
	for _, w := range where {
		name, value, ok := strings.Cut(w, "=")
		if !ok || value == "" {
			return f, fmt.Errorf("%q is not a condition; write reason=CODE, object=GLOB or path=PATH", w)
		}
		switch name {
		case "reason":
			f.Reasons = append(f.Reasons, value)
		case "object":
			f.Objects = append(f.Objects, value)
		case "path":
			f.Paths = append(f.Paths, value)
		default:
			return f, fmt.Errorf("%s is not a condition; write reason=CODE, object=GLOB or path=PATH", name)
		}
	}
	return f, f.Validate()
}

// Validate returns an error if a value of Objects is not a glob.
func (f *Filter) Validate() error {
	for _, g := range f.Objects {
		if !doublestar.ValidatePattern(g) {
			return fmt.Errorf("%q is not a glob (example: **/2025/06/*.gz)", g)
		}
	}
	return nil
}

// Match says whether a row is chosen.
func (f *Filter) Match(r *Row) bool {
	among := func(all []string, v string) bool { return len(all) == 0 || slices.Contains(all, v) }
	return among(f.Reasons, r.Reason) && among(f.Paths, r.Path) && (len(f.Objects) == 0 ||
		slices.ContainsFunc(f.Objects, func(g string) bool { return doublestar.MatchUnvalidated(g, r.Object) }))
}

// Reader reads the quarantine of a job: the files that its committed batches name, and no others.
type Reader struct {
	Ledger  *ledger.Ledger
	State   objstore.Reader
	TempDir string // where files are put while they are read; "": the system's
}

// Each calls fn for every quarantined record, oldest batch first; batch changes when the rows of a batch end. It stops at fn's
// first error. One file at a time is in TempDir, one row group of it in memory.
func (q *Reader) Each(ctx context.Context, fn func(batch string, r Row) error) error {
	st, err := q.Ledger.Fold(ctx)
	if err != nil {
		return err
	}
	for _, b := range st.Batches() {
		if b.State != ledger.BatchCommitted {
			continue
		}
		err := q.Batch(ctx, b, func(r Row) error { return fn(b.ID, r) })
		if errors.Is(err, ledger.ErrMoved) {
			err = fmt.Errorf("%w: quarantine of batch %s was replayed or withdrawn while it was read. Try: the same command again", err, b.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Batch calls fn for every quarantined record of one batch. ledger.ErrMoved: a file is gone because another entry took it from the batch.
func (q *Reader) Batch(ctx context.Context, b ledger.Batch, fn func(Row) error) error {
	for _, key := range b.Quarantine {
		err := q.file(ctx, key, fn)
		if !errors.Is(err, objstore.ErrNotExist) {
			if err != nil {
				return err
			}
			continue
		}
		st, e := q.Ledger.Fold(ctx)
		if e != nil {
			return e
		}
		if now, ok := st.Batch(b.ID); !ok || now.Base != b.Base {
			return ledger.ErrMoved
		}
		return fmt.Errorf("quarantine file %s/%s of batch %s was not found. It may have been deleted by hand: %w", q.State, key, b.ID, err)
	}
	return nil
}

// file fetches one file first, since Parquet is read from its end.
func (q *Reader) file(ctx context.Context, key string, fn func(Row) error) error {
	in, _, err := q.State.Get(ctx, key, objstore.GetOptions{})
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := tempdir.File(q.TempDir)
	if err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(f, in); err != nil {
		return fmt.Errorf("fetch %s/%s: %w", q.State, key, err)
	}
	if err := Read(ctx, f, fn); err != nil {
		return fmt.Errorf("%s/%s: %w", q.State, key, err)
	}
	return nil
}

// Group is what the quarantine holds for one reason and path, with one record as an example.
type Group struct {
	Reason  string `json:"reason"`
	Path    string `json:"path,omitempty"`
	Records int64  `json:"records"`
	Objects int64  `json:"objects"` // staging objects these records came from, or that were quarantined whole
	Message string `json:"message"`
	Object  string `json:"object"` // of the example
	Record  int64  `json:"record"` // of the example; 0: the object or the member as a whole
	// Member and MemberNumber are those of the example.
	Member       string `json:"member,omitempty"`
	MemberNumber int64  `json:"member_number,omitempty"`
}

// Place is Row.Place of the example.
func (g *Group) Place() string { return place(g.Member, g.MemberNumber, g.Record) }

// List is the quarantine of a job by reason, with the most frequent reason first.
type List struct {
	Job     string  `json:"job"`
	Records int64   `json:"records"`
	Whole   int64   `json:"whole_objects"` // quarantined as a whole
	Members int64   `json:"whole_members"` // of archives, quarantined as a whole
	Groups  []Group `json:"groups"`
}

// List groups the records that the filter chooses. Memory grows with the groups and with the objects of the largest batch.
func (q *Reader) List(ctx context.Context, job string, f Filter) (*List, error) {
	type cause struct{ reason, path string }
	groups := map[cause]*Group{}
	type seenKey struct {
		cause
		object, etag string
	}
	seen, in := map[seenKey]bool{}, "" // an object is in one batch only
	out := &List{Job: job, Groups: []Group{}}
	err := q.Each(ctx, func(batch string, r Row) error {
		if !f.Match(&r) {
			return nil
		}
		if batch != in {
			in = batch
			clear(seen)
		}
		c := cause{r.Reason, r.Path}
		g := groups[c]
		if g == nil {
			g = &Group{Reason: r.Reason, Path: r.Path, Message: r.Message, Object: r.Object, Record: r.Record, Member: r.Member, MemberNumber: r.MemberNumber}
			groups[c] = g
		}
		switch {
		case r.Record > 0:
			g.Records++
			out.Records++
		case r.MemberNumber > 0:
			out.Members++
		default:
			out.Whole++
		}
		if k := (seenKey{c, r.Object, r.ETag}); !seen[k] {
			seen[k] = true
			g.Objects++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, *g)
	}
	SortGroups(out.Groups)
	return out, nil
}

// SortGroups puts the most frequent groups first.
func SortGroups(groups []Group) {
	sort.Slice(groups, func(i, j int) bool {
		a, b := groups[i], groups[j]
		switch {
		case a.Records != b.Records:
			return a.Records > b.Records
		case a.Objects != b.Objects:
			return a.Objects > b.Objects
		case a.Reason != b.Reason:
			return a.Reason < b.Reason
		}
		return a.Path < b.Path
	})
}
