package attempt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/refused"
	shipped "github.com/silt-etl/silt/sql"
)

// DuckDB's TRY does not catch every error: an unknown time zone or part of a date, for example, ends the query whatever surrounds it.
// When a projection fails like this, the attempt looks for the records that fail alone, and starts again with those in
// quarantine. It reads the objects once more for that, and halves a group of records that fails until it has the records: at most
// twice log2 of a group's records for each one that is found.

// ReasonExpression is the reason of a record for which an expression fails.
const ReasonExpression = "EXPRESSION_FAILED"

const (
	// A group of records ends at either.
	groupRecords = 2048
	groupBytes   = 4 << 20
	// certain is how many records must fail before their share decides that the search ends.
	certain = 1000
)

// TooManyFailed says that an expression fails for a larger share of the records than Options.MaxFailed.
type TooManyFailed struct {
	Mapping         string
	Failed, Records int64
	First           string           // the message of the first one
	Example         refused.Example  // the first one
	Rows            []quarantine.Row // the first ones, as quarantine would have them
}

func (e *TooManyFailed) Error() string {
	return fmt.Sprintf("an expression of mapping %s fails for %s of %s: %s; nothing of the batch was committed. Example: %s",
		e.Mapping, human.Count(e.Failed), human.Plural(e.Records, "record"), e.First, e.Example)
}

// exampleRows and exampleBytes bound the records of a TooManyFailed: their number, and the bytes of one.
const exampleRows, exampleBytes = 100, 64 << 10

// failed are the records for which an expression fails, by object and number. Number 0 is an object that is too large.
type failed map[recordID]*decode.Reject

type recordID struct {
	object int
	number int64
}

// notTheRecord are kinds of errors of DuckDB that no record is the cause of.
var notTheRecord = []string{engine.OutOfMemory, "io", "interrupt", "fatal", "internal", "permission", "catalog", "binder", "serialization", "transaction", "connection"}

// dataError says that a value of a record may have caused an error.
func dataError(err error) bool {
	e, ok := errors.AsType[*engine.Error](err)
	return ok && e.Kind != "" && !slices.ContainsFunc(notTheRecord, func(kind string) bool { return strings.EqualFold(kind, e.Kind) })
}

// maxSearches is how often an attempt looks for what makes it fail: records, then objects, then records of the others.
const maxSearches = 3

// runWithout makes the files. If an expression fails and ends a query, or if memory does not suffice, it starts again without the
// records or objects that are the cause.
func runWithout(ctx context.Context, o Options, objects []Object) (*Result, error) {
	without := failed{}
	for range maxSearches {
		r, err := run(ctx, o, objects, without)
		var found failed
		var searchErr error
		switch {
		case err == nil || ctx.Err() != nil:
			return r, err
		case dataError(err):
			found, searchErr = isolate(ctx, o, objects)
		case needsMemory(err) && o.Replay == nil:
			found, searchErr = oversized(ctx, o, objects, without)
		}
		if searchErr != nil {
			return nil, searchErr
		}
		if len(found) == 0 {
			return nil, err
		}
		maps.Copy(without, found)
		o.Progress = nil // it has counted all records
	}
	return run(ctx, o, objects, without)
}

// isolation looks for the records for which an expression fails.
type isolation struct {
	o       Options
	scan    *scan
	db      Engine
	group   group
	found   failed
	records int64
	first   string
	rows    []quarantine.Row // the first that were found
}

// isolate gives the records of a batch for which an expression fails when they are alone.
func isolate(ctx context.Context, o Options, objects []Object) (failed, error) {
	dir := filepath.Join(o.TempDir, "isolate")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("temp folder: %w", err)
	}
	open := o.Open
	if open == nil {
		open = func(o engine.Options) (Engine, error) { return engine.Open(o) }
	}
	db, err := open(engine.Options{MemoryBytes: o.MemoryBytes / 2, TempDir: dir, Threads: 1, Streaming: true, Lookups: o.Compiled.Lookups})
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // the database has no file
	x := &isolation{o: o, scan: newScan(ctx, o, o.memory().wide(), objects), db: db, found: failed{}}
	x.group.scan = x.scan
	if err := db.RegisterSource("scan", &x.group); err != nil {
		return nil, err
	}
	for _, q := range o.Compiled.Setup {
		if err := db.Exec(ctx, shipped.Fast(q)); err != nil {
			return nil, o.sqlError(err, "its macros")
		}
	}
	if err := db.Exec(ctx, "CREATE VIEW records AS "+o.Compiled.Records("scan()")); err != nil {
		return nil, o.sqlError(err, "reading records")
	}
	for i := range objects {
		if err := x.object(ctx, i); err != nil {
			return nil, err
		}
	}
	return x.found, x.tooMany()
}

func (x *isolation) tooMany() error {
	if n := int64(len(x.found)); x.o.MaxFailed > 0 && float64(n) > x.o.MaxFailed*float64(x.records) {
		e := &TooManyFailed{Mapping: x.o.Compiled.Name, Failed: n, Records: x.records, First: x.first, Rows: x.rows}
		if len(x.rows) > 0 {
			e.Example = refused.ExampleOf(&x.rows[0], string(x.o.Compiled.Scan.Format.Name), x.o.HideRecords)
		}
		return e
	}
	return nil
}

// object looks at the records of one object. One that cannot be read to its end is left to the attempt itself.
func (x *isolation) object(ctx context.Context, i int) error {
	f, err := x.scan.reopen(ctx, i)
	if err != nil || f.body == nil {
		return ctx.Err()
	}
	defer f.body.Close()
	records := x.scan.newRecords()
	x.group.captures = memberCaptures{}
	body := &countingReader{Reader: f.body, stopped: x.scan.stopped}
	begin(records, body.seekable(f.body), f.rows)
	for {
		number, raw, rej, err := records.Next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				x.group.clear()
				return nil
			}
			return x.flush(ctx)
		}
		if rej != nil {
			x.group.without(i, number)
			continue
		}
		x.records++
		if x.group.add(i, number, records, raw); x.group.full() {
			if err := x.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// flush runs the projections over the group, and looks for records if one fails.
func (x *isolation) flush(ctx context.Context) error {
	defer x.group.clear()
	all := x.group.rows
	if len(all) == 0 {
		return nil
	}
	whole, err := x.whole(ctx, all)
	if err != nil || whole == "" {
		return err
	}
	rest := all
	for _, e := range x.o.Compiled.Expressions {
		if rest, err = x.search(ctx, rest, "SELECT bit_xor(hash(e)) FROM (SELECT "+e.SQL+" AS e FROM records)", e.Place()); err != nil {
			return err
		}
	}
	for i := range x.o.Compiled.Projections { // what the compiler adds to the author's expressions
		p := &x.o.Compiled.Projections[i]
		if rest, err = x.search(ctx, rest, p.SQL, "projection "+p.Name); err != nil {
			return err
		}
	}
	if len(x.found) >= certain {
		return x.tooMany()
	}
	return nil
}

// whole runs all projections, and gives the message of the first that fails.
func (x *isolation) whole(ctx context.Context, rows []savedRow) (string, error) {
	for i := range x.o.Compiled.Projections {
		p := &x.o.Compiled.Projections[i]
		if message, err := x.try(ctx, rows, p.SQL, fullName(p)); message != "" || err != nil {
			return message, err
		}
	}
	return "", nil
}

// search notes those of rows for which a query fails, and gives the others.
func (x *isolation) search(ctx context.Context, rows []savedRow, query, place string) (rest []savedRow, err error) {
	if len(rows) == 0 {
		return nil, nil
	}
	message, err := x.try(ctx, rows, query, place)
	if err != nil || message == "" {
		return rows, err
	}
	if len(rows) == 1 {
		if message = place + ": " + message; x.o.HideRecords {
			message = place // DuckDB's messages show values
		}
		if x.first == "" {
			x.first = message
			if x.o.HideRecords { // what DuckDB says can have a value of the record
				x.first = place
			}
		}
		x.found[rows[0].id] = &decode.Reject{Code: ReasonExpression, Message: message}
		if len(x.rows) < exampleRows {
			x.rows = append(x.rows, x.row(&rows[0], message))
		}
		return nil, nil
	}
	for _, half := range [][]savedRow{rows[:len(rows)/2], rows[len(rows)/2:]} {
		good, err := x.search(ctx, half, query, place)
		if err != nil {
			return nil, err
		}
		rest = append(rest, good...)
	}
	return rest, nil
}

// row is a record as quarantine would have it.
func (x *isolation) row(r *savedRow, message string) quarantine.Row {
	o := x.scan.objects[r.id.object]
	q := quarantine.Row{Job: x.o.Job, Run: x.o.Run, Object: o.Key, ETag: o.ETag, Member: r.member, Reason: ReasonExpression, Message: message, Raw: slices.Clone(r.raw), Context: r.context}
	q.MemberNumber, q.Record = decode.Place(r.id.number)
	if r.size > len(r.raw) {
		q.Length, q.Offset = int64(r.size), -1
	}
	return q
}

// try runs a query over rows. message is what DuckDB says against it if a record may be the cause. Another error names the place.
func (x *isolation) try(ctx context.Context, rows []savedRow, query, place string) (message string, err error) {
	x.group.given = rows
	defer func() { x.group.given = nil }()
	err = x.drain(ctx, query)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if dataError(err) {
		e, _ := errors.AsType[*engine.Error](err)
		return e.Message, nil
	}
	return "", x.o.sqlError(err, place)
}

func (x *isolation) drain(ctx context.Context, query string) error {
	rows, err := x.db.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		b, err := rows.Next()
		if err != nil || b == nil {
			return err
		}
		b.Release()
	}
}

// group is the engine's Source of a few records in memory.
type group struct {
	scan  *scan
	rows  []savedRow
	bytes int
	given []savedRow // those that a query reads

	captures memberCaptures // of the open object
}

type savedRow struct {
	id     recordID
	rest   []byte
	values []decode.Value
	// raw is the beginning of the record, which has size bytes.
	raw, context []byte
	size         int
	member       string
	captures     []*string
}

func (g *group) add(object int, number int64, records *decode.Records, raw []byte) {
	r := savedRow{id: recordID{object, number}, rest: slices.Clone(records.Rest()), values: slices.Clone(records.Values()), raw: slices.Clone(raw[:min(len(raw), exampleBytes)]), size: len(raw), member: records.Member(), captures: g.captures.of(g.scan.o.Compiled, g.scan.objects[object].Captures, number, records)}
	if c := records.Context(); len(c) > 0 && len(c) <= exampleBytes {
		if n := len(g.rows); n > 0 && bytes.Equal(g.rows[n-1].context, c) {
			c = g.rows[n-1].context
		} else {
			c = slices.Clone(c)
		}
		r.context = c
	}
	for i := range r.values {
		r.values[i].Text = slices.Clone(r.values[i].Text)
	}
	g.rows = append(g.rows, r)
	g.bytes += len(raw)
}

// without forgets the records of a member that is refused, if number is of one.
func (g *group) without(object int, number int64) {
	if member, record := decode.Place(number); member > 0 && record == 0 {
		g.rows = slices.DeleteFunc(g.rows, func(r savedRow) bool {
			of, _ := decode.Place(r.id.number)
			return r.id.object == object && of == member
		})
	}
}

func (g *group) full() bool { return len(g.rows) >= groupRecords || g.bytes >= groupBytes }

func (g *group) clear() { g.rows, g.bytes = nil, 0 }

// Columns and NewCursor implement engine.Source.
func (g *group) Columns() []engine.Column { return g.scan.cols }

func (g *group) NewCursor() engine.Cursor {
	return &groupCursor{g: g, rows: g.given, room: newRoom(g.scan.o.Compiled.Guards, g.scan.memory.guarded)}
}

type groupCursor struct {
	g    *group
	rows []savedRow
	room room
}

// Fill implements engine.Cursor.
func (c *groupCursor) Fill(ctx context.Context, ch *engine.Chunk) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for c.room.empty(); n < ch.Cap() && len(c.rows) > 0; {
		r := &c.rows[0]
		c.g.scan.put(ch, n, r.id, r.captures, r.rest, r.values)
		c.rows = c.rows[1:]
		n++
		if c.room.add(c.room.takes(r.values)) {
			break
		}
	}
	return n, nil
}

// Close implements engine.Cursor.
func (c *groupCursor) Close() {}
