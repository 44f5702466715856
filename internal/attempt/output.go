package attempt

import (
	"context"
	"fmt"
	"iter"
	mathbits "math/bits"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/newfields"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/refused"
	"github.com/silt-etl/silt/internal/spillsort"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Reason codes of rejects that are found after the projection. They are a contract, like those of decode and sqlgen.
const (
	ReasonEventDay = "EVENT_DAY_OUT_OF_RANGE"
	ReasonAccount  = "ACCOUNT_INVALID"
	ReasonTooWide  = "VALUE_TOO_WIDE"
	// ReasonNotRegistered is of good records whose class has no source in the lake yet. No limit counts them.
	ReasonNotRegistered = "CLASS_NOT_REGISTERED"
)

// gatedFile is a finished file and what the gate must find in it.
type gatedFile struct {
	File
	expect lake.Expect
}

// output splits the rows of the projections into files and rejects.
type output struct {
	o      Options
	memory memory
	scan   *scan
	counts []objectCounts
	// members count the records of archives, by the number of the member as a whole. finish adds them to counts.
	members map[recordID]*objectCounts
	files   []gatedFile
	misses  map[string]int64
	// without counts published records that lack a required attribute, by its path.
	without map[string]int64

	kinds refused.Kinds // of records that match no SELECT

	known  *newfields.Mapping
	fields newfields.Counts // of published records

	partitions *partitionCount
	queries    int // of wide rows

	rejects  *spillsort.Sorter[[3]int64] // object, record and reason of each record to read again for quarantine
	failed   error                       // of the first reject that could not be kept
	reasons  []sqlgen.Reason             // of the compiled mapping, then those of messages that the output makes
	reasonAt map[string]int
	classOf  map[int32]string // by reason, if it is of one class
	accounts map[string]bool  // that are known to be valid
}

type objectCounts struct{ published, filtered, rejected int64 }

func newOutput(o Options, m memory, s *scan) *output {
	return &output{o: o, memory: m, scan: s, counts: make([]objectCounts, len(s.objects)), members: map[recordID]*objectCounts{}, kinds: refused.Kinds{}, known: newfields.Of(o.Compiled), fields: newfields.Counts{}, misses: map[string]int64{}, without: map[string]int64{}, partitions: newPartitionCount(o.MaxPartitions, s.objects),
		rejects: spillsort.New[[3]int64](s.stopped, o.TempDir, "rejected", m.rejects),
		reasons: append([]sqlgen.Reason(nil), o.Compiled.Reasons...), reasonAt: map[string]int{}, classOf: map[int32]string{}, accounts: map[string]bool{}}
}

func (w *output) reason(code, path, message string) int32 {
	k := code + "\x00" + path + "\x00" + message
	i, ok := w.reasonAt[k]
	if !ok {
		i = len(w.reasons)
		w.reasons = append(w.reasons, sqlgen.Reason{Code: code, Path: path, Message: message})
		w.reasonAt[k] = i
	}
	return int32(i)
}

func (w *output) reject(object int32, record int64, reason int32) {
	w.countsOf(object, record).rejected++
	if err := w.rejects.Add([3]int64{int64(object), record, int64(reason)}); err != nil && w.failed == nil {
		w.failed = err
	}
}

// rows is one batch of a projection's result, with its fixed columns by name.
type rows struct {
	time    *array.Int64
	day     *array.Int32
	account *array.String
	reject  *array.Int16
	object  *array.Int32
	record  *array.Int64
	rest    *array.String
	more    *array.String
	miss    *array.Uint64
	batch   arrow.RecordBatch // the columns that the schema's nodes number, and unmapped
}

// entries are the rest of row i and what is added to it. They are valid as long as the batch.
func (r *rows) entries(i int) (rest, more []byte) {
	text := func(c *array.String) []byte {
		if c.IsNull(i) {
			return nil
		}
		return []byte(c.Value(i))
	}
	return text(r.rest), text(r.more)
}

// project runs one projection and writes its files.
func (w *output) project(ctx context.Context, db Engine, p *sqlgen.Projection) error {
	// A text as the first key makes all of DuckDB's keys texts, which take longer to compare. If two accounts have one hash, their
	// partitions only get more files. Records without an account share the partition of the job's.
	order := "hash(coalesce(_account, '" + strings.ReplaceAll(w.o.Account, "'", "''") + "')), _time, _obj, _rec"
	if p.ConstAccount != "" {
		order = "_time, _obj, _rec"
	}
	res, err := db.Query(ctx, "SELECT * FROM ("+p.SQL+") ORDER BY "+order)
	if err != nil {
		return err
	}
	defer res.Close()
	f := &fileSet{w: w, p: p}
	defer f.abandon()
	ex := decode.NewExpander(w.scan.keys)
	for {
		b, err := res.Next()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		err = w.rows(p, f, ex, b)
		b.Release()
		if err != nil {
			return err
		}
	}
	if err := w.partitions.err(); err != nil {
		return err
	}
	w.fields.Collect(ex, w.known)
	return f.close()
}

func (w *output) rows(p *sqlgen.Projection, f *fileSet, ex *decode.Expander, b arrow.RecordBatch) error {
	r, err := w.view(ex, b)
	if err != nil {
		return err
	}
	defer r.batch.Release()
	tooWide, err := lake.TooWide(&p.Schema, r.batch)
	if err != nil {
		return err
	}
	wide := map[int]string{}
	for _, e := range tooWide {
		wide[e.Row] = e.Path
	}
	from, n := -1, int(b.NumRows())
	var at partition
	cut := func(i int) error {
		if from < 0 {
			return nil
		}
		err := f.write(at, r, from, i)
		from = -1
		return err
	}
	for i := range n {
		keep, part := w.row(p, r, i, wide)
		if !keep && r.reject.IsNull(i) { // its unmapped was expanded
			if err := ex.Uncount(r.entries(i)); err != nil {
				return err
			}
		}
		if from >= 0 && (!keep || part != at) {
			if err := cut(i); err != nil {
				return err
			}
		}
		if keep && from < 0 {
			from, at = i, part
		}
	}
	if w.failed != nil {
		return w.failed
	}
	return cut(n)
}

// close removes the temporary files of rejects.
func (w *output) close() { w.rejects.Close() }

// partition of a row, from which a lake.Partition is made.
type partition struct {
	account string
	day     int32
}

// row decides about one row: published (keep), filtered, rejected, or left out with its unreadable object.
func (w *output) row(p *sqlgen.Projection, r *rows, i int, wide map[int]string) (keep bool, at partition) {
	object, record := r.object.Value(i), r.record.Value(i)
	if st := &w.scan.states[object]; st.bad.Load() || st.members.isBad(record) {
		return false, at
	}
	if !r.reject.IsNull(i) {
		reason := int32(r.reject.Value(i))
		if w.reasons[reason].Code == sqlgen.ReasonDropped {
			w.countsOf(object, record).filtered++
			w.o.Trace.filtered(object, record)
		} else {
			w.reject(object, record, reason)
		}
		return false, at
	}
	at.day = r.day.Value(i)
	if at.day < w.o.MinDay || at.day > w.o.MaxDay {
		day := time.Unix(int64(at.day)*86400, 0).UTC().Format("2006-01-02")
		w.reject(object, record, w.reason(ReasonEventDay, "time", fmt.Sprintf("event day %s is outside event_days (%s to %s)", day, dayText(w.o.MinDay), dayText(w.o.MaxDay))))
		return false, at
	}
	at.account = w.o.Account
	if !r.account.IsNull(i) {
		at.account = r.account.Value(i)
		if !w.accounts[at.account] {
			if err := lake.ValidateAccount(at.account); err != nil {
				message := err.Error()
				if w.o.HideRecords {
					message = "cloud.account.uid is not an account"
				}
				w.reject(object, record, w.reason(ReasonAccount, "cloud.account.uid", message))
				return false, at
			}
			at.account = string(append([]byte(nil), at.account...))
			w.accounts[at.account] = true
		}
	}
	if path, ok := wide[i]; ok {
		w.reject(object, record, w.reason(ReasonTooWide, path, "a value is wider than a Parquet page of 1 MiB"))
		return false, at
	}
	if why, ok := w.o.NotRegistered[p.Class]; ok {
		reason := w.reason(ReasonNotRegistered, "", why)
		w.classOf[reason] = p.Class
		w.reject(object, record, reason)
		return false, at
	}
	w.countsOf(object, record).published++
	if r.miss != nil && !r.miss.IsNull(i) && r.miss.Value(i) != 0 {
		for m := range missing(p, r, i) {
			if m.Without {
				w.without[m.Path]++
			} else {
				w.misses[m.Path]++
			}
		}
	}
	return true, at
}

// missing gives what row i misses.
func missing(p *sqlgen.Projection, r *rows, i int) iter.Seq[sqlgen.Miss] {
	return func(yield func(sqlgen.Miss) bool) {
		if r.miss == nil || r.miss.IsNull(i) {
			return
		}
		for bits := r.miss.Value(i); bits != 0; bits &= bits - 1 {
			if !yield(p.Misses[mathbits.TrailingZeros64(bits)]) {
				return
			}
		}
	}
}

func dayText(day int32) string {
	return time.Unix(int64(day)*86400, 0).UTC().Format("2006-01-02")
}

// fixed names the fixed columns.
func (w *output) fixed(b arrow.RecordBatch) (*rows, error) {
	r := &rows{}
	ok := make([]bool, sqlgen.FixedColumns)
	r.time, ok[0] = b.Column(0).(*array.Int64)
	r.day, ok[1] = b.Column(1).(*array.Int32)
	r.account, ok[2] = b.Column(2).(*array.String)
	r.reject, ok[3] = b.Column(3).(*array.Int16)
	r.object, ok[4] = b.Column(4).(*array.Int32)
	r.record, ok[5] = b.Column(5).(*array.Int64)
	r.rest, ok[6] = b.Column(6).(*array.String)
	r.more, ok[7] = b.Column(7).(*array.String)
	r.miss, ok[8] = b.Column(8).(*array.Uint64)
	for i, good := range ok {
		if !good {
			return nil, fmt.Errorf("the projection's column %d is %s", i, b.Column(i).DataType())
		}
	}
	return r, nil
}

// view names the fixed columns and appends unmapped to the others.
func (w *output) view(ex *decode.Expander, b arrow.RecordBatch) (*rows, error) {
	r, err := w.fixed(b)
	if err != nil {
		return nil, err
	}
	m, err := ex.Map(arrowmemory.DefaultAllocator, r.rest, r.more, r.reject)
	if err != nil {
		return nil, err
	}
	defer m.Release()
	cols := append(append([]arrow.Array(nil), b.Columns()[sqlgen.FixedColumns:]...), m)
	fields := append(append([]arrow.Field(nil), b.Schema().Fields()[sqlgen.FixedColumns:]...), arrow.Field{Name: "unmapped", Type: m.DataType(), Nullable: true})
	r.batch = array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, b.NumRows())
	return r, nil
}

// fileSet writes the files of one projection, one open at a time: rows come ordered by account and time.
type fileSet struct {
	w    *output
	p    *sqlgen.Projection
	at   partition
	file *os.File
	lw   lake.Writer
	path string
	seen []bool // staging objects with rows in the open file
	rows int64  // in the open file
}

func (f *fileSet) write(at partition, r *rows, from, to int) error {
	if f.lw == nil || at != f.at {
		if ok, err := f.w.partitions.add(f.p.Class, at, recordID{int(r.object.Value(from)), r.record.Value(from)}); err != nil || !ok {
			return err
		}
	}
	if f.lw != nil && (at != f.at || f.lw.Bytes() >= lake.MaxFileBytes) {
		if err := f.end(); err != nil {
			return err
		}
	}
	if f.lw == nil {
		if err := f.begin(at); err != nil {
			return err
		}
	}
	for i := from; i < to; i++ {
		f.seen[r.object.Value(i)] = true
	}
	b := r.batch
	if from > 0 || to < int(b.NumRows()) {
		b = b.NewSlice(int64(from), int64(to))
		defer b.Release()
	}
	if err := f.lw.Write(b); err != nil {
		return fmt.Errorf("write %s: %w", f.p.Class, err)
	}
	f.w.o.Trace.published(f, r, from, to, f.rows)
	f.rows += int64(to - from)
	if f.w.o.Progress != nil {
		f.w.o.Progress(StageRows, int64(to-from))
	}
	return nil
}

func (f *fileSet) begin(at partition) error {
	f.at = at
	f.path = filepath.Join(f.w.o.TempDir, fmt.Sprintf("file-%06d.parquet", len(f.w.files)))
	h, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	f.file = h
	f.seen = make([]bool, len(f.w.scan.objects))
	f.rows = 0
	f.lw, err = lake.NewWriter(h, &f.p.Schema, lake.WriterOptions{Threads: f.w.memory.threads, RowGroupBytes: f.w.memory.rowGroup, PageBytes: f.w.memory.page, KeyValues: f.w.o.KeyValues})
	return err
}

func (f *fileSet) end() error {
	stats, err := f.lw.Close()
	if e := f.file.Close(); err == nil {
		err = e
	}
	f.lw = nil
	if err != nil {
		return fmt.Errorf("write %s: %w", f.p.Class, err)
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	part := lake.Partition{Region: f.w.o.Region, AccountID: f.at.account, EventDay: lake.EventDay(int64(f.at.day) * 86400_000)}
	if err := part.Validate(); err != nil {
		return err
	}
	m := gatedFile{File: File{Path: f.path, Class: f.p.Class, Partition: part, Rows: stats.Rows, SizeBytes: info.Size()},
		expect: lake.Expect{Schema: &f.p.Schema, ClassUID: f.p.UID, Rows: stats.Rows, Partition: part}}
	for i, s := range f.seen {
		if s {
			m.Objects = append(m.Objects, i)
		}
	}
	f.w.files = append(f.w.files, m)
	return nil
}

func (f *fileSet) close() error {
	if f.lw == nil {
		return nil
	}
	return f.end()
}

// abandon closes the file that an error left open.
func (f *fileSet) abandon() {
	if f.lw != nil {
		_, _ = f.lw.Close()
		f.file.Close()
		f.lw = nil
	}
}

// quarantine writes every reject with its raw bytes: those of the scanner from its spools, those of the projection by
// framing their objects a second time.
func (w *output) quarantine(ctx context.Context, r *Result) error {
	path := filepath.Join(w.o.TempDir, "quarantine.parquet")
	var f *os.File
	var qw *quarantine.Writer
	defer func() {
		if f != nil {
			f.Close()
		}
	}()
	has := quarantine.Has{Cut: w.o.HideRecords || w.o.Replay != nil && w.o.Replay.has.Cut, Members: len(w.members) > 0 || w.o.Replay != nil && w.o.Replay.has.Members}
	var parts []rejectedPart
	for _, s := range w.scan.spools {
		parts = append(parts, s.parts...)
		has.Cut, has.Members = has.Cut || s.cut, has.Members || s.members
	}
	sort.Slice(parts, func(i, j int) bool { return parts[i].object < parts[j].object })
	var wrote digest
	put := func(row quarantine.Row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if qw == nil {
			var err error
			if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
				return fmt.Errorf("temp folder: %w", err)
			}
			if qw, err = quarantine.NewWriter(f, has); err != nil {
				return err
			}
		}
		if row.Record > 0 {
			r.QuarantineRows++
		}
		wrote.add(row)
		return qw.Add(row)
	}
	row := func(rejected rejectedRecord, class string) quarantine.Row {
		o, reason := w.scan.objects[rejected.object], rejected.reject
		r.Reasons[reason.Code]++
		q := quarantine.Row{Job: w.o.Job, Run: w.o.Run, Object: o.Key, ETag: o.ETag, Member: rejected.member, Class: class,
			Path: reason.Path, Reason: reason.Code, Message: reason.Message, Raw: rejected.raw, Context: rejected.context}
		q.MemberNumber, q.Record = decode.Place(rejected.number)
		if w.o.HideRecords && q.Record > 0 {
			q.Hide(reason.Offset)
		}
		if r.Reasons[reason.Code] == 1 {
			r.Examples[reason.Code] = refused.ExampleOf(&q, string(w.o.Compiled.Scan.Format.Name), w.o.HideRecords)
		}
		return q
	}
	add := func(r rejectedRecord, class string) error { return put(row(r, class)) }
	for _, s := range parts {
		err := s.each(func(r rejectedRecord) error {
			q := row(r, "")
			q.Offset, q.Length = r.reject.Offset, r.reject.Length
			return put(q)
		})
		if err != nil {
			return fmt.Errorf("temp folder: %w", err)
		}
	}
	if err := w.refetch(ctx, add); err != nil {
		return err
	}
	for i := range w.scan.states {
		if st := &w.scan.states[i]; st.state == ObjectQuarantined {
			if err := add(rejectedRecord{object: i, reject: &decode.Reject{Code: st.reason, Message: st.message}}, ""); err != nil {
				return err
			}
		}
	}
	kept := func(q quarantine.Row) error {
		if w.o.HideRecords && q.Record > 0 {
			q.Message = decode.HiddenMessage(q.Reason)
			q.Hide(-1)
		}
		return put(q)
	}
	if err := w.o.Replay.eachKept(ctx, kept); err != nil {
		return err
	}
	r.Unchanged = w.o.Replay != nil && wrote == w.o.Replay.rows
	if qw == nil {
		return nil
	}
	r.QuarantinePath = path
	if err := qw.Close(); err != nil {
		return err
	}
	return f.Close()
}
