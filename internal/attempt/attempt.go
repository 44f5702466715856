// Package attempt makes the files of one try at a batch: it fetches the batch's objects, decodes and scans them, runs the
// projection, writes a Parquet file for each class and partition, writes the quarantine file, and sends every Parquet file
// through the gate. Its files are local: it never holds, commits or publishes anything (package jobs does).
//
// Invariants: for every object read, records = published + filtered + quarantined, or the attempt fails; records are counted
// during framing (decode), by other code than the projection's (DuckDB). An object that cannot be read to its end publishes
// nothing. Memory is bounded by the options (memory.go).
package attempt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/newfields"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/refused"
	shipped "github.com/silt-etl/silt/sql"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Object of a batch, with the captures of its key that the mapping reads (in the order of Compiled.KeyColumns; nil element: NULL).
type Object struct {
	objstore.Object
	Captures []*string
	GiveUp   bool // it was denied so often that it goes to quarantine if it is denied again
}

// Engine is the database of an attempt: an engine.DB.
type Engine interface {
	RegisterSource(name string, src engine.Source) error
	Exec(ctx context.Context, sql string) error
	Query(ctx context.Context, sql string) (engine.RowReader, error)
	Close() error
}

// OpenEngine opens a database for one attempt.
type OpenEngine func(engine.Options) (Engine, error)

// Options of an attempt.
type Options struct {
	Job, Run string
	Compiled *sqlgen.Compiled
	Staging  objstore.Reader
	// Replay gives the records in place of Staging. nil: the records are read from the objects.
	Replay *Replay
	// TempDir is a folder of this attempt alone, on a disk with space for the batch. The caller removes it.
	TempDir string
	// TempBytes bounds what DuckDB spills there. 0: its default.
	TempBytes int64
	// TooLarge is why every object of the batch goes to quarantine as a whole, without being read. Empty: they are read.
	TooLarge string
	// MemoryBytes is for the whole process; DuckDB gets half of it.
	MemoryBytes int64
	Threads     int
	// MaxFailed is the share of the records for which an expression may fail in a way that ends a query; 0: all of them.
	MaxFailed float64
	// MaxBroken is the share of the objects that can need too much memory alone before the search for them ends (see TooManyLarge).
	MaxBroken float64
	// Timeout of the attempt; 0: none.
	Timeout time.Duration
	Region  string // the region= partition
	Account string // of records that do not name theirs
	// KeyValues are for the footer of every Parquet file.
	KeyValues []lake.KeyValue
	// MinDay and MaxDay bound the event day, in days since 1970, inclusive.
	MinDay, MaxDay int32
	// NotRegistered says of classes why their rows cannot be written yet. Those rows go to quarantine.
	NotRegistered map[string]string
	// MaxPartitions bounds the partitions that the records belong to; the error is a *TooManyPartitions. 0: no bound.
	MaxPartitions int
	// HideRecords leaves the text of records, and kinds that are made of it, out of what is reported about rejected ones.
	// Nothing of a record's bytes is then in the quarantine file: only where it is, how long it is, and the reason.
	HideRecords bool
	// HashKey is the key of the mapping's hashes. It must be set if the mapping has any.
	HashKey []byte
	// Progress is called from several goroutines; may be nil.
	Progress func(Stage, int64)
	// Trace may be nil.
	Trace *Trace
	// Open opens the database; nil: engine.Open.
	Open OpenEngine
}

// Stage of an attempt. Progress reports each with what was added since the last call.
type Stage int

const (
	StageBytes   Stage = iota // staging bytes scanned
	StageRecords              // records scanned
	StageRows                 // rows written
)

// File is a Parquet file of an attempt, in Options.TempDir.
type File struct {
	Path      string
	Class     string
	Partition lake.Partition
	Rows      int64
	SizeBytes int64
	Objects   []int // indexes of the staging objects that rows came from, ascending
}

// ObjectState is the result for a staging object.
type ObjectState string

const (
	ObjectRead        ObjectState = "read"
	ObjectGone        ObjectState = "gone"        // deleted since it was listed
	ObjectChanged     ObjectState = "changed"     // overwritten since it was listed: for the next run
	ObjectDenied      ObjectState = "denied"      // refused by the store: for the next run
	ObjectArchived    ObjectState = "archived"    // has to be restored first: for a later run
	ObjectQuarantined ObjectState = "quarantined" // whole, by reference
	ObjectKept        ObjectState = "kept"        // of a replay: not one of its rows was selected
)

// ObjectResult counts the records of one object. All counts are 0 unless State is read.
type ObjectResult struct {
	State       ObjectState
	Records     int64
	Documents   int64 // that were split into the records; 0: records are not split from documents, or come from quarantine
	Published   int64
	Filtered    int64
	Quarantined int64
	Kept        int64  // of a replay: records that were not chosen. They stay in quarantine, and no other count has them
	Reason      string // code of an object that is quarantined as a whole
	Message     string // why an object is quarantined as a whole, denied or archived; why the first members were
	// BrokenMembers of an archive that was read are in quarantine as a whole. Their records are not counted.
	BrokenMembers int64
	Temporary     bool // of a denied object: it may be readable without a change by a person
}

// Result of an attempt.
type Result struct {
	Files          []File
	QuarantinePath string // "" when nothing was rejected
	QuarantineRows int64  // records in that file, including kept ones but not whole objects
	Unchanged      bool   // a replay's quarantine is the same as before, so there is nothing to commit
	Objects        []ObjectResult
	Reasons        map[string]int64           // quarantined, by reason code
	Examples       map[string]refused.Example // the first row of each reason
	Kinds          refused.Kinds              // of the records that match no SELECT, if the mapping chooses by few fields
	Misses         map[string]int64           // paths whose value went to unmapped instead, by record: OCSF paths of what the mapping made, raw paths of values that did not have the declared type
	Without        map[string]int64           // paths of required attributes that published records lack, because the mapping lets them
	Fields         newfields.Counts           // of published records: fields that the mapping does not know
	Redacted       map[string]int64           // records with a value that the mapping discards or redacts, by its raw path
	RawBytes       int64                      // unpacked bytes scanned
}

// Totals of a result's objects.
type Totals struct {
	Objects, Gone, QuarantinedObjects         int64 // Gone: also changed ones
	Denied, Archived                          int64
	Records, Published, Filtered, Quarantined int64
	Documents                                 int64
	Kept                                      int64
}

// Totals sums up the objects.
func (r *Result) Totals() Totals {
	var t Totals
	for _, o := range r.Objects {
		t.Kept += o.Kept
		switch o.State {
		case ObjectKept:
			continue
		case ObjectGone, ObjectChanged:
			t.Gone++
			continue
		case ObjectDenied:
			t.Denied++
			continue
		case ObjectArchived:
			t.Archived++
			continue
		case ObjectQuarantined:
			t.QuarantinedObjects++
		}
		t.Objects++
		t.Records += o.Records
		t.Documents += o.Documents
		t.Published += o.Published
		t.Filtered += o.Filtered
		t.Quarantined += o.Quarantined
	}
	return t
}

// ReasonObjectTooLarge is the reason of objects that need more memory, or more space in the temp folder, than a run has.
const ReasonObjectTooLarge = decode.ReasonTooLarge

// TooLargeLookups says that the lookups of a mapping leave too little memory for the records.
type TooLargeLookups struct {
	Mapping            string
	Bytes, MemoryBytes int64
}

func (e *TooLargeLookups) Error() string {
	return fmt.Sprintf("the lookups of mapping %s take %s of memory, which is more than half of limits.memory (%s). Try: raise limits.memory, or leave out rows and columns that no record needs",
		e.Mapping, human.Size(e.Bytes), human.Size(e.MemoryBytes))
}

// ErrTooLong says that an attempt took longer than Options.Timeout.
var ErrTooLong = errors.New("the attempt took too long")

// errNoKey is a caller's fault: a run without the key fails before it reads.
var errNoKey = errors.New("the mapping hashes values, but the attempt has no key")

// errMemory says that DuckDB needs more memory than it gets.
var errMemory = errors.New("out of memory")

// sqlError turns an error of DuckDB into one line that names the mapping and the part of it, and for memory the limit and what to try.
// It returns other errors unchanged.
func (o *Options) sqlError(err error, what string) error {
	var e *engine.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Kind == engine.OutOfMemory {
		cause, _, _ := strings.Cut(e.Message, ";") // DuckDB's own advice is about options that a job does not have
		return fmt.Errorf("%w: mapping %s, %s: DuckDB needs more than %s, which is half of limits.memory (%s), and nothing of the batch was committed. Try: raise limits.memory, lower limits.threads or limits.batch_bytes, or free space in limits.temp_dir",
			errMemory, o.Compiled.Name, what, human.Size(o.memory().engine), cause)
	}
	return fmt.Errorf("mapping %s, %s: %w; nothing of the batch was committed", o.Compiled.Name, what, err)
}

// fullName names a projection in an error.
func fullName(p *sqlgen.Projection) string {
	return fmt.Sprintf("projection %s (class %s)", p.Name, p.Class)
}

// Run makes the files. On an error, the files in TempDir are of no use.
func Run(ctx context.Context, o Options, objects []Object) (*Result, error) {
	if o.Replay != nil {
		if err := o.Replay.ready(objects); err != nil {
			return nil, err
		}
	}
	if redact.Hashes(o.Compiled.Scan.Redact) && len(o.HashKey) == 0 {
		return nil, errNoKey
	}
	n := o.Compiled.LookupBytes()
	if n > o.MemoryBytes/2 {
		return nil, &TooLargeLookups{Mapping: o.Compiled.Name, Bytes: n, MemoryBytes: o.MemoryBytes}
	}
	o.MemoryBytes -= n
	if o.Timeout <= 0 {
		return runWithout(ctx, o, objects)
	}
	limited, cancel := context.WithTimeoutCause(ctx, o.Timeout, ErrTooLong)
	defer cancel()
	r, err := runWithout(limited, o, objects)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return nil, ErrTooLong // the error of cancelled work does not say why
	}
	return r, err
}

// run makes the files with DuckDB's sort, and once more without it if that needs too much memory. The records of without go to
// quarantine.
func run(ctx context.Context, o Options, objects []Object, without failed) (*Result, error) {
	undo := o.countProgress()
	r, err := pass(ctx, o, o.memory(), objects, without, false)
	if ctx.Err() == nil && (errors.Is(err, errMemory) || errors.Is(err, errWide)) {
		undo()
		r, err = pass(ctx, o, o.memory().wide(), objects, without, true)
	}
	return r, err
}

// countProgress returns a function that takes back what was reported from now on.
func (o *Options) countProgress() (undo func()) {
	if o.Progress == nil {
		return func() {}
	}
	report := o.Progress
	var sums [StageRows + 1]atomic.Int64
	o.Progress = func(s Stage, n int64) {
		sums[s].Add(n)
		report(s, n)
	}
	return func() {
		for s := range sums {
			report(Stage(s), -sums[s].Swap(0))
		}
	}
}

// pass makes the files once. If the rows may be wide, or guarded expressions may take too much for 2,048 of them, DuckDB only projects
// them, a few at a time, and each SELECT reads the objects.
func pass(ctx context.Context, o Options, m memory, objects []Object, without failed, wide bool) (*Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.Trace.begun()
	duck := filepath.Join(o.TempDir, "duckdb")
	if err := os.MkdirAll(duck, 0o700); err != nil {
		return nil, fmt.Errorf("temp folder: %w", err)
	}
	open := o.Open
	if open == nil {
		open = func(o engine.Options) (Engine, error) { return engine.Open(o) }
	}
	db, err := open(engine.Options{MemoryBytes: m.engine, TempDir: duck, TempBytes: o.TempBytes, Threads: m.threads, BatchBytes: m.batch, Streaming: wide, Lookups: o.Compiled.Lookups})
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // the database has no file
	s := newScan(ctx, o, m, objects)
	s.failed = without
	table := o.Compiled.Several && !wide
	s.packs = table && packed(o.Compiled.Guards)
	defer s.close()
	defer cancel() // ends what s waits for
	s.start(ctx)
	if err := db.RegisterSource("scan", s); err != nil {
		return nil, err
	}
	for _, q := range o.Compiled.Setup {
		if err := db.Exec(ctx, shipped.Fast(q)); err != nil {
			return nil, o.sqlError(err, "its macros")
		}
	}
	relation := "CREATE VIEW records AS " + o.Compiled.Records("scan()")
	if table {
		relation = "CREATE TABLE records AS " + o.Compiled.Records("scan()")
	}
	if err := db.Exec(ctx, relation); err != nil {
		return nil, s.cause(o.sqlError(err, "reading records"))
	}
	out := newOutput(o, m, s)
	defer out.close()
	for i := range o.Compiled.Projections {
		p := &o.Compiled.Projections[i]
		project := out.project
		if wide {
			project = out.projectWide
		}
		if err := project(ctx, db, p); err != nil {
			return nil, s.cause(o.sqlError(err, fullName(p)))
		}
	}
	if err := s.cause(nil); err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil { // its memory is for the quarantine file and the gate
		return nil, err
	}
	return out.finish(ctx)
}

// finish writes the quarantine file, reconciles the counts and sends the files through the gate.
func (w *output) finish(ctx context.Context) (*Result, error) {
	r := &Result{Reasons: map[string]int64{}, Examples: map[string]refused.Example{}, Kinds: w.kinds, Misses: w.misses, Without: w.without, Fields: w.fields, RawBytes: w.scan.rawBytes.Load()}
	if err := w.quarantine(ctx, r); err != nil {
		return nil, err
	}
	if err := w.addMembers(); err != nil {
		return nil, err
	}
	w.addMisfits()
	r.Redacted = map[string]int64{}
	for i, n := range w.scan.redacted {
		if n > 0 {
			r.Redacted[strings.Join(w.o.Compiled.Scan.Redact[i].Path, ".")] += n
		}
	}
	for i := range w.scan.objects {
		st := &w.scan.states[i]
		c := &w.counts[i]
		res := ObjectResult{State: st.state, Records: st.records, Documents: st.documents, Published: c.published, Filtered: c.filtered, Quarantined: st.rejected + c.rejected}
		if st.state != ObjectRead {
			res = ObjectResult{State: st.state, Reason: st.reason, Message: st.message, Temporary: st.temporary}
		} else if n := st.members.refused.Load(); n > 0 {
			res.BrokenMembers, res.Message = n, strings.Join(st.members.broken, "; ")
		}
		if w.o.Replay != nil {
			res.Kept = w.o.Replay.objects[i].kept
			if w.o.Replay.untouched(i) {
				res.State = ObjectKept
			}
		}
		if res.Records != res.Published+res.Filtered+res.Quarantined {
			return nil, fmt.Errorf("counts do not reconcile for %s: %d records framed, but %d published + %d filtered + %d quarantined. Nothing was committed. Please report this",
				w.scan.objects[i].Key, res.Records, res.Published, res.Filtered, res.Quarantined)
		}
		r.Objects = append(r.Objects, res)
	}
	for _, f := range w.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := gate(f); err != nil {
			return nil, err
		}
		r.Files = append(r.Files, f.File)
	}
	sort.Slice(r.Files, func(i, j int) bool { return r.Files[i].Path < r.Files[j].Path })
	return r, nil
}

// addMisfits counts, by raw path, the values that the scanner left in unmapped because they did not fit their type. Values of time are
// not counted: their records are in quarantine.
func (w *output) addMisfits() {
	times := map[int]bool{}
	for _, p := range w.o.Compiled.Projections {
		for _, leaf := range p.TimeLeaves {
			times[leaf] = true
		}
	}
	for leaf, n := range w.scan.misfits {
		if n > 0 && !times[leaf] {
			w.misses[strings.Join(w.o.Compiled.Scan.MisfitPath(leaf), ".")] += n
		}
	}
}

// gate reads a finished file again, and refuses it if it breaks a rule.
func gate(f gatedFile) error {
	h, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer h.Close()
	if _, err := lake.Verify(h, f.SizeBytes, f.expect); err != nil {
		return fmt.Errorf("the gate refused a file of %s %s: %w; nothing was committed", f.Class, f.Partition.Prefix(), err)
	}
	return nil
}
