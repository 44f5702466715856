// Package sample runs records through all that a run does with them, up to the gate, and gives the result of each: the
// row that the Parquet file holds, the reason it is in quarantine, or that it is filtered. Previews, tests and reports on a
// mapping are made of it.
//
// Invariant: every record has exactly one Outcome, in the order of the records.
package sample

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/redact"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/sensitive"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Record to run.
type Record struct {
	Number int64  // of decode.Records.Next
	Member string // the name of the member of an archive that it is of, or ""
	Raw    []byte // its own bytes, as decode framed them; Run keeps them until it returns the Outcome
	// Context is that of decode.Records.Context.
	Context []byte
	// Reject is set if decode refused the record, which then is not run.
	Reject *decode.Reject
	// Captures of its staging key, in the order of Compiled.KeyColumns; nil, or a nil element: NULL.
	Captures []*string
}

// Outcome of one record. Exactly one of OCSF, Filtered and Reason is set.
type Outcome struct {
	Class     string
	Partition string // example: region=us-east-1/accountId=111122223333/eventDay=20250601/
	OCSF      []byte // JSON without NULLs and without unmapped
	Unmapped  []byte // JSON, an object of texts; nil: it is empty
	// Kept are OCSF paths that did not take their value, Misfits raw fields whose value is not of the type that raw.sql gives:
	// both are in Unmapped.
	Kept, Misfits []string
	// Without are required attributes that it lacks, because the mapping lets it.
	Without []string
	// Sensitive says what raw fields look like that a person may want to discard or redact, if Options.Sensitive is set.
	Sensitive map[string]string
	// Filled are the leaves of Compiled.Scan for which the record has a value, including misfits, in ascending order.
	Filled   []int
	Filtered bool // a `-- drop:` predicate matches it
	// Reason, Path and Message of its quarantine.
	Reason, Path, Message string
}

// Options of Run.
type Options struct {
	Compiled        *sqlgen.Compiled
	Region, Account string
	MinDay, MaxDay  int32  // of the event, in days since 1970
	TempDir         string // must exist; Run leaves no files in it
	MemoryBytes     int64  // 0: 1 GiB
	// Sensitive looks for fields that look like secrets or personal data.
	Sensitive bool
	// BatchRecords and BatchBytes end a batch. Each batch starts a DuckDB, and its outcomes are in memory together.
	BatchRecords int   // 0: 10,000
	BatchBytes   int64 // 0: 32 MiB of raw bytes
}

// Run runs the records and hands out each with its result. An error of records ends it after those before it, an error
// of each at once.
func Run(ctx context.Context, o Options, records iter.Seq2[Record, error], each func(Record, *Outcome) error) error {
	if o.MemoryBytes == 0 {
		o.MemoryBytes = 1<<30 + 2*o.Compiled.LookupBytes()
	}
	if o.BatchRecords == 0 {
		o.BatchRecords = 10_000
	}
	if o.BatchBytes == 0 {
		o.BatchBytes = 32 << 20
	}
	var batch []Record
	var size int64
	flush := func() error {
		out, err := runBatch(ctx, o, batch)
		if err != nil {
			return err
		}
		for i, r := range batch {
			if err := each(r, out[i]); err != nil {
				return err
			}
		}
		batch, size = batch[:0], 0
		return nil
	}
	for r, err := range records {
		if err == nil {
			err = ctx.Err() // records that are all rejected start no DuckDB
		}
		if err != nil {
			if len(batch) > 0 {
				if e := flush(); e != nil {
					return e
				}
			}
			return err
		}
		batch = append(batch, r)
		if size += int64(len(r.Raw)); len(batch) >= o.BatchRecords || size >= o.BatchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return flush()
}

// runBatch runs records as one attempt, each as an object of its own.
func runBatch(ctx context.Context, o Options, records []Record) ([]*Outcome, error) {
	temp, err := os.MkdirTemp(o.TempDir, "batch-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	replay, err := attempt.NewReplay(temp)
	if err != nil {
		return nil, err
	}
	defer replay.Close()
	b := &batch{out: make([]*Outcome, len(records)), rows: map[string][]int{}}
	keys := decode.NewKeys()
	scanner := decode.NewRecords(&o.Compiled.Scan, keys, decode.Options{HashKey: redact.SampleKey()})
	var objects []attempt.Object
	for i, r := range records {
		b.out[i] = &Outcome{}
		if r.Reject != nil {
			b.out[i].Reason, b.out[i].Path, b.out[i].Message = r.Reject.Code, r.Reject.Path, r.Reject.Message
			continue
		}
		if len(r.Raw) == 0 {
			return nil, fmt.Errorf("record %d is empty", r.Number)
		}
		if err := b.out[i].scan(scanner, o.Compiled, r); err != nil {
			return nil, err
		}
		if o.Sensitive {
			if err := b.out[i].look(scanner, o.Compiled, decode.NewExpander(keys)); err != nil {
				return nil, err
			}
		}
		_, number := decode.Place(r.Number)
		row := quarantine.Row{Object: fmt.Sprintf("record-%09d", i), Record: max(number, 1), Raw: r.Raw, Context: r.Context}
		if err := replay.Add(row, true); err != nil {
			return nil, err
		}
		captures := r.Captures
		if captures == nil {
			captures = make([]*string, len(o.Compiled.KeyColumns))
		}
		obj := attempt.Object{Captures: captures}
		obj.Key = row.Object
		objects = append(objects, obj)
		b.index = append(b.index, i)
	}
	if len(objects) == 0 {
		return b.out, nil
	}
	res, err := attempt.Run(ctx, attempt.Options{Job: "sample", Run: "sample", Compiled: o.Compiled, Staging: memstore.New("sample"), Replay: replay,
		TempDir: temp, MemoryBytes: o.MemoryBytes, Threads: 1, Region: o.Region, Account: o.Account, MinDay: o.MinDay, MaxDay: o.MaxDay,
		HashKey: redact.SampleKey(), Trace: b.trace()}, objects)
	if err != nil {
		return nil, err
	}
	if err := b.read(ctx, res); err != nil {
		return nil, err
	}
	for i, out := range b.out {
		if out.OCSF == nil && !out.Filtered && out.Reason == "" {
			return nil, fmt.Errorf("record %d has neither a row nor a reason. Please report this", records[i].Number)
		}
	}
	return b.out, nil
}

// batch gathers the outcomes of one attempt.
type batch struct {
	out   []*Outcome
	index []int            // of out, by object
	rows  map[string][]int // by file: which of out each row is
}

func (b *batch) trace() *attempt.Trace {
	return &attempt.Trace{
		Begun: func() {
			clear(b.rows)
			for _, out := range b.out {
				out.Filtered, out.Kept, out.Without = false, nil, nil
			}
		},
		Filtered: func(object int, _ int64) { b.out[b.index[object]].Filtered = true },
		Published: func(object int, _ int64, path string, _ int64, misses []sqlgen.Miss) {
			b.rows[path] = append(b.rows[path], b.index[object])
			out := b.out[b.index[object]]
			for _, m := range misses {
				if m.Without {
					out.Without = append(out.Without, m.Path)
				} else {
					out.Kept = append(out.Kept, m.Path)
				}
			}
		},
	}
}

// scan records what the scanner finds in a record.
func (out *Outcome) scan(d *decode.Records, compiled *sqlgen.Compiled, r Record) error {
	d.OpenFramed(&one{number: r.Number, raw: r.Raw, context: r.Context})
	_, _, rej, err := d.Next()
	if err != nil {
		return err
	}
	if rej != nil {
		return nil // the attempt says so
	}
	misfit := map[int]bool{}
	for _, i := range d.Misfits() {
		misfit[i] = true
		out.Misfits = append(out.Misfits, strings.Join(compiled.Scan.MisfitPath(i), "."))
	}
	for i, v := range d.Values() {
		if v.Set || misfit[i] {
			out.Filled = append(out.Filled, i)
		}
	}
	return nil
}

// look finds fields of the record that the scanner has read which look like secrets or personal data.
func (out *Outcome) look(d *decode.Records, compiled *sqlgen.Compiled, ex *decode.Expander) error {
	note := func(path, name, value string) {
		if kind := sensitive.Kind(name, value); kind != "" {
			if out.Sensitive == nil {
				out.Sensitive = map[string]string{}
			}
			out.Sensitive[path] = kind
		}
	}
	for i, v := range d.Values() {
		if path := compiled.Scan.Leaves[i].Path; v.Set {
			note(strings.Join(path, "."), path[len(path)-1], string(v.Text))
		}
	}
	rest, err := ex.Expand(d.Rest(), nil)
	for _, e := range rest {
		note(e.Key, e.Key[strings.LastIndexByte(e.Key, '.')+1:], string(e.Value))
	}
	return err
}

// one is a record that was already framed.
type one struct {
	number       int64
	raw, context []byte
	done         bool
}

func (o *one) Next() (number int64, raw, context []byte, err error) {
	if o.done {
		return 0, nil, nil, io.EOF
	}
	o.done = true
	return o.number, o.raw, o.context, nil
}

// read reads the results from the files of the attempt.
func (b *batch) read(ctx context.Context, res *attempt.Result) error {
	for _, f := range res.Files {
		if err := b.readFile(ctx, f); err != nil {
			return fmt.Errorf("read %s again: %w", filepath.Base(f.Path), err)
		}
	}
	if res.QuarantinePath == "" {
		return nil
	}
	h, err := os.Open(res.QuarantinePath)
	if err != nil {
		return err
	}
	defer h.Close()
	return quarantine.Read(ctx, h, func(q quarantine.Row) error {
		var i int
		if _, err := fmt.Sscanf(q.Object, "record-%d", &i); err != nil || i >= len(b.out) {
			return fmt.Errorf("quarantine names %s", q.Object)
		}
		out := b.out[i]
		out.Class, out.Reason, out.Path, out.Message = q.Class, q.Reason, q.Path, q.Message
		return nil
	})
}

func (b *batch) readFile(ctx context.Context, f attempt.File) error {
	pf, err := file.OpenParquetFile(f.Path, false)
	if err != nil {
		return err
	}
	defer func() { _ = pf.Close() }() // only read
	fr, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: 1024}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	rr, err := fr.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer rr.Release()
	rows, n := b.rows[f.Path], 0
	for rr.Next() {
		rb := rr.RecordBatch()
		if n+int(rb.NumRows()) > len(rows) {
			break
		}
		event, unmapped := split(rb)
		for i := range int(rb.NumRows()) {
			out := b.out[rows[n+i]]
			out.Class, out.Partition = f.Class, f.Partition.Prefix()
			out.OCSF = render.Object(nil, event, i, true)
			if unmapped == nil {
				continue
			}
			if u := render.JSON(nil, unmapped, i, true); string(u) != "null" {
				out.Unmapped = u
			}
		}
		event.Release()
		n += int(rb.NumRows())
	}
	if err := rr.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if n != len(rows) {
		return fmt.Errorf("%d rows were written, %d read", len(rows), n)
	}
	return nil
}

// split separates unmapped from the other columns of a batch.
func split(b arrow.RecordBatch) (event arrow.RecordBatch, unmapped arrow.Array) {
	var fields []arrow.Field
	var columns []arrow.Array
	for i, f := range b.Schema().Fields() {
		if f.Name == "unmapped" {
			unmapped = b.Column(i)
			continue
		}
		fields, columns = append(fields, f), append(columns, b.Column(i))
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, b.NumRows()), unmapped
}
