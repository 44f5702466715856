// Package sqltest is for tests of the packages below sql/: small mappings to compile, and Run, which sends records through a compiled
// mapping as a job does.
package sqltest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/mappings"
	shipped "github.com/silt-etl/silt/sql"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Event is one row of a projection's result, as a reader of the lake would see it.
type Event struct {
	Projection string
	Record     int64
	Reason     *sqlgen.Reason
	Time       any
	Day        any
	Account    any
	Misses     []string
	Without    []string       // required attributes that it lacks
	Fields     map[string]any // by OCSF path, NULLs left out
	Unmapped   map[string]string
}

// Compile compiles a mapping and fails on errors.
func Compile(t testing.TB, m *mappings.Mapping) *sqlgen.Compiled {
	t.Helper()
	compiled, diagnostics, err := m.Compile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if compiled == nil {
		t.Fatalf("not compiled:\n%s", Listed(diagnostics))
	}
	return compiled
}

func Listed(diagnostics diag.List) string {
	var b strings.Builder
	for _, p := range diagnostics {
		fmt.Fprintln(&b, p)
	}
	return b.String()
}

// files makes a mapping of texts.
func Mapping(t testing.TB, texts map[string]string) *mappings.Mapping {
	t.Helper()
	m, err := mappings.LoadFiles("m", texts)
	if err != nil {
		t.Fatal(err)
	}
	m.Origin = ""
	return m
}

// runPlan scans lines of JSON and runs all projections over them, as a job does: one way through the scan, whole.
func Run(t testing.TB, compiled *sqlgen.Compiled, key map[string]string, lines ...string) []Event {
	t.Helper()
	ctx := context.Background()
	db, err := engine.Open(engine.Options{Threads: 1, Lookups: compiled.Lookups})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	src := &lineSource{compiled: compiled, key: key, text: strings.Join(lines, "\n"), keys: decode.NewKeys()}
	if err := db.RegisterSource("scan", src); err != nil {
		t.Fatal(err)
	}
	for _, s := range compiled.Setup {
		if err := db.Exec(ctx, shipped.Fast(s)); err != nil {
			t.Fatal(err)
		}
	}
	create := "CREATE VIEW records AS " + compiled.Records("scan()")
	if compiled.Several {
		create = "CREATE TABLE records AS " + compiled.Records("scan()")
	}
	if err := db.Exec(ctx, create); err != nil {
		t.Fatal(err)
	}
	var all []Event
	for _, p := range compiled.Projections {
		rows, err := db.Query(ctx, p.SQL)
		if err != nil {
			t.Fatalf("%v\n%s", err, p.SQL)
		}
		for {
			batch, err := rows.Next()
			if err != nil {
				t.Fatalf("%v\n%s", err, p.SQL)
			}
			if batch == nil {
				break
			}
			fits(t, p, batch)
			for i := range int(batch.NumRows()) {
				var row []any
				for c := range int(batch.NumCols()) {
					row = append(row, batch.Column(c).GetOneForMarshal(i))
				}
				all = append(all, readEvent(t, compiled, p, row, src.keys))
			}
			batch.Release()
		}
		rows.Close()
	}
	return all
}

// Explain gives DuckDB's plan of a projection, as a person would see it.
func Explain(t testing.TB, compiled *sqlgen.Compiled, projection int) string {
	t.Helper()
	ctx := context.Background()
	db, err := engine.Open(engine.Options{Threads: 1, Lookups: compiled.Lookups})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	src := &lineSource{compiled: compiled, keys: decode.NewKeys()}
	if err := db.RegisterSource("scan", src); err != nil {
		t.Fatal(err)
	}
	for _, s := range append(compiled.Setup, "CREATE VIEW records AS "+compiled.Records("scan()")) {
		if err := db.Exec(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Query(ctx, "EXPLAIN "+compiled.Projections[projection].SQL)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	batch, err := rows.Next()
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Release()
	return fmt.Sprint(batch.Column(1).GetOneForMarshal(0))
}

// fits holds the columns of a result to the schema of the file, as the lake's writer does.
func fits(t testing.TB, p sqlgen.Projection, b arrow.RecordBatch) {
	t.Helper()
	cols, fields := b.Columns()[sqlgen.FixedColumns:], b.Schema().Fields()[sqlgen.FixedColumns:]
	flat := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, b.NumRows())
	defer flat.Release()
	s := p.Schema
	s.Columns = s.Columns[:len(s.Columns)-1] // unmapped is the caller's
	if wide, err := lake.TooWide(&s, flat); err != nil || len(wide) > 0 {
		t.Fatalf("%v %v\n%s", wide, err, p.SQL)
	}
}

func readEvent(t testing.TB, compiled *sqlgen.Compiled, p sqlgen.Projection, row []any, keys *decode.Keys) Event {
	e := Event{Projection: p.Name, Fields: map[string]any{}, Unmapped: map[string]string{}, Time: row[0], Day: row[1], Account: row[2]}
	fmt.Sscan(fmt.Sprint(row[5]), &e.Record)
	if row[3] != nil {
		var i int
		fmt.Sscan(fmt.Sprint(row[3]), &i)
		e.Reason = &compiled.Reasons[i]
	}
	var bits uint64
	fmt.Sscan(fmt.Sprint(row[8]), &bits)
	for i, m := range p.Misses {
		switch {
		case bits>>i&1 == 0:
		case m.Without:
			e.Without = append(e.Without, m.Path)
		default:
			e.Misses = append(e.Misses, m.Path)
		}
	}
	text := func(v any) []byte {
		if v == nil {
			return nil
		}
		return []byte(v.(string))
	}
	entries, err := decode.NewExpander(keys).Expand(text(row[6]), text(row[7]))
	if err != nil {
		t.Fatal(err)
	}
	for _, en := range entries {
		e.Unmapped[en.Key] = string(en.Value)
	}
	values := row[sqlgen.FixedColumns:]
	for _, n := range p.Schema.Columns {
		if n.Kind != lake.Map {
			readNode(e.Fields, "", n, values)
		} else if n.Column != len(values) {
			t.Fatalf("unmapped is column %d, the SQL gives %d", n.Column, len(values))
		}
	}
	return e
}

// readNode is what lake.Node says of presence, constants and lookups, in its plainest form.
func readNode(out map[string]any, prefix string, n *lake.Node, values []any) {
	path := prefix + n.Name
	if n.Kind == lake.Group {
		if groupPresent(n, values) {
			for _, c := range n.Children {
				readNode(out, path+".", c, values)
			}
		}
		return
	}
	v := n.Const
	if n.Column >= 0 {
		v = values[n.Column]
		if n.Lookup != nil && v != nil {
			var id int64
			fmt.Sscan(fmt.Sprint(v), &id)
			s, ok := n.Lookup[id]
			if v = any(s); !ok {
				v = nil
			}
		}
	}
	if v != nil {
		out[path] = v
	}
}

func groupPresent(n *lake.Node, values []any) bool {
	if n.Present > 0 {
		return values[n.Present-1] == true
	}
	columns, some := 0, false
	var look func(n *lake.Node)
	look = func(n *lake.Node) {
		if n.Kind != lake.Group && n.Column >= 0 {
			columns++
			some = some || values[n.Column] != nil
		}
		if n.Kind == lake.Group && n.Present > 0 {
			columns++
			some = some || values[n.Present-1] == true
		}
		if n.Kind == lake.Group {
			for _, c := range n.Children {
				look(c)
			}
		}
	}
	look(n)
	return columns == 0 || some
}

// lineSource scans a text into the columns that the plan names.
type lineSource struct {
	compiled *sqlgen.Compiled
	key      map[string]string
	text     string
	keys     *decode.Keys
}

var engineTypes = map[string]engine.Type{"VARCHAR": engine.Varchar, "BOOLEAN": engine.Boolean, "INTEGER": engine.Integer, "BIGINT": engine.BigInt, "DOUBLE": engine.Double, "TIMESTAMP": engine.Timestamp}

func (s *lineSource) Columns() []engine.Column {
	cols := []engine.Column{{Name: rawtable.ColObject, Type: engine.Integer}, {Name: rawtable.ColRecord, Type: engine.BigInt}, {Name: rawtable.ColRest, Type: engine.Varchar}}
	for _, c := range s.compiled.ScanColumns {
		cols = append(cols, engine.Column{Name: c.Name, Type: engineTypes[c.Type]})
	}
	for _, c := range s.compiled.TextColumns {
		cols = append(cols, engine.Column{Name: c.Name, Type: engine.Varchar})
	}
	for _, k := range s.compiled.KeyColumns {
		cols = append(cols, engine.Column{Name: "_key_" + k, Type: engine.Varchar})
	}
	return cols
}

func (s *lineSource) NewCursor() engine.Cursor {
	r := decode.NewRecords(&s.compiled.Scan, s.keys, decode.Options{})
	r.Open(strings.NewReader(s.text))
	return &lineCursor{s: s, r: r}
}

type lineCursor struct {
	s *lineSource
	r *decode.Records
}

func (c *lineCursor) Close() {}

func (c *lineCursor) Fill(_ context.Context, ck *engine.Chunk) (int, error) {
	row := 0
	for row < ck.Cap() {
		number, _, rej, err := c.r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
		if rej != nil {
			return 0, rej
		}
		ck.SetInt32(0, row, 7)
		ck.SetInt64(1, row, number)
		ck.SetText(2, row, c.r.Rest())
		for i, v := range c.r.Values() {
			col := 3 + i
			if !v.Set {
				ck.SetNull(col, row)
				continue
			}
			switch c.s.compiled.ScanColumns[i].Type {
			case "VARCHAR":
				ck.SetText(col, row, v.Text)
			case "BOOLEAN":
				ck.SetBool(col, row, v.Int != 0)
			case "INTEGER":
				ck.SetInt32(col, row, int32(v.Int))
			case "DOUBLE":
				ck.SetDouble(col, row, v.Num)
			default:
				ck.SetInt64(col, row, v.Int)
			}
		}
		for i, text := range c.s.compiled.TextColumns {
			col := 3 + len(c.s.compiled.ScanColumns) + i
			if v := c.r.Values()[text.Leaf]; v.Set {
				ck.SetText(col, row, v.Text)
			} else {
				ck.SetNull(col, row)
			}
		}
		for i, k := range c.s.compiled.KeyColumns {
			col := 3 + len(c.s.compiled.ScanColumns) + len(c.s.compiled.TextColumns) + i
			if v, ok := c.s.key[k]; ok {
				ck.SetText(col, row, []byte(v))
			} else {
				ck.SetNull(col, row)
			}
		}
		row++
	}
	return row, nil
}
