package crawler_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/crawler"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/gluefake"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

const (
	database = "amazon_security_lake_glue_db_us_east_1"
	table    = "amazon_security_lake_table_us_east_1_ext_firewall"
	folder   = "ext/firewall/"
)

// world is a lake in memory, whose tables are in a strict Glue. Its ledger is empty, so its files count with OtherWriters only.
type world struct {
	t       *testing.T
	lake    *memstore.Store
	glue    *gluefake.Fake
	catalog *glue.Catalog
	places  crawler.Places
	wrote   int // files
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, lake: memstore.New("s3://lake"), glue: gluefake.Start(t)}
	for k, v := range w.glue.Env() {
		t.Setenv(k, v)
	}
	w.glue.CreateDatabase(t, database)
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	c, err := glue.Open(w.t.Context(), glue.Config{Database: database, Pause: time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	w.catalog = c
	state := memstore.New("mem://state")
	w.places = crawler.Places{Job: "firewall", Lake: w.lake, Catalog: c, Tables: []crawler.Table{{Name: table, Folder: folder}},
		Location: func(f string) string { return "s3://lake/" + f },
		Fold: func(ctx context.Context) (*ledger.State, error) {
			l, err := ledger.Open(state, "firewall", ledger.Options{})
			if err != nil {
				return nil, err
			}
			return l.Fold(ctx)
		}}
}

// versions are the schemas of a mapping that grew twice: a field of a struct first, then columns.
func version(n int) *arrow.Schema {
	text := arrow.BinaryTypes.String
	endpoint := []arrow.Field{col("ip", text)}
	fields := []arrow.Field{col("time", arrow.PrimitiveTypes.Int64), col("class_uid", arrow.PrimitiveTypes.Int32)}
	if n > 0 {
		endpoint = append([]arrow.Field{col("port", arrow.PrimitiveTypes.Int32)}, endpoint...)
	}
	fields = append(fields, col("src_endpoint", arrow.StructOf(endpoint...)))
	if n > 1 {
		fields = append([]arrow.Field{col("action", text)}, append(fields, col("unmapped", arrow.MapOf(text, text)))...)
	}
	return arrow.NewSchema(fields, nil)
}

func col(name string, typ arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: typ, Nullable: true}
}

// parquetFile is a file of some rows as JSON, with a row group for each text.
func (w *world) parquetFile(schema *arrow.Schema, groups ...string) []byte {
	w.t.Helper()
	var buf bytes.Buffer
	f, err := pqarrow.NewFileWriter(schema, &buf, parquet.NewWriterProperties(parquet.WithStats(true)), pqarrow.DefaultWriterProps())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, rows := range groups {
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
		if err == nil {
			err = f.Write(rec)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		w.t.Fatal(err)
	}
	return buf.Bytes()
}

// id is a ULID that is later than those before.
func (w *world) id() string {
	w.wrote++
	return ulid.MustNew(uint64(1.7e12)+uint64(w.wrote), bytes.NewReader(make([]byte, 16))).String()
}

func (w *world) put(key string, data []byte) {
	w.t.Helper()
	if _, err := w.lake.Put(w.t.Context(), key, bytes.NewReader(data), objstore.PutOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func day(n int) lake.Partition {
	return lake.Partition{Region: "us-east-1", AccountID: "111122223333", EventDay: time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC).Format("20060102")}
}

func row(p lake.Partition) string {
	at, err := p.Day()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`[{"time":%d,"class_uid":4001,"src_endpoint":{"ip":"192.0.2.1"}}]`, at.UnixMilli())
}

// write puts a file of one row where a run would.
func (w *world) write(p lake.Partition, schema *arrow.Schema) {
	w.t.Helper()
	w.put(folder+p.Prefix()+ledger.FileName(w.id(), w.id(), 0), w.parquetFile(schema, row(p)))
}

// publish writes files of a version, and grows the table and adds partitions as a run does.
func (w *world) publish(n int, days ...int) {
	w.t.Helper()
	data := w.parquetFile(version(n), row(day(days[0])))
	f, err := lake.ReadFooter(data)
	if err != nil {
		w.t.Fatal(err)
	}
	want := catalog.Table{Name: table, Location: "s3://lake/" + folder}
	for _, c := range f.Columns {
		want.Columns = append(want.Columns, catalog.Column{Name: c.Name, Type: c.Type})
	}
	if _, err := w.catalog.EnsureTable(w.t.Context(), want); err != nil {
		w.t.Fatal(err)
	}
	var ps []catalog.Partition
	for _, d := range days {
		w.write(day(d), version(n))
		ps = append(ps, catalog.Partition{Values: day(d).Values(), Location: "s3://lake/" + folder + day(d).Prefix()})
	}
	if _, err := w.catalog.AddPartitions(w.t.Context(), table, ps); err != nil {
		w.t.Fatal(err)
	}
}

// entries are all that the catalog has, without times and version numbers.
func (w *world) entries() map[string]any {
	w.t.Helper()
	t, err := w.catalog.InspectTable(w.t.Context(), table)
	if err != nil {
		w.t.Fatal(err)
	}
	t.CreateTime, t.UpdateTime, t.VersionId = time.Time{}, time.Time{}, ""
	out := map[string]any{"": t}
	err = w.catalog.InspectPartitions(w.t.Context(), table, func(p catalog.GluePartition) error {
		p.CreationTime = time.Time{}
		out[strings.Join(p.Values, "/")] = p
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) compare(o crawler.Options) *crawler.Difference {
	w.t.Helper()
	o.OtherWriters = true
	d, err := crawler.Compare(w.t.Context(), w.places, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// crawl compares and applies, and checks that Glue got exactly the requests that a dry run lists.
func (w *world) crawl(o crawler.Options) *crawler.Difference {
	w.t.Helper()
	d := w.compare(o)
	before := w.glue.Calls()
	if _, err := crawler.Apply(w.t.Context(), w.places, d, time.UnixMilli(1.8e12)); err != nil {
		w.t.Fatal(err)
	}
	got, want := map[string]int{}, map[string]int{}
	for op, n := range w.glue.Calls() {
		if !strings.HasPrefix(op, "Get") && op != "BatchGetPartition" && n > before[op] {
			got[op] = n - before[op]
		}
	}
	for _, c := range d.Calls() {
		want[c.Operation]++
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("Glue got %v, and the dry run lists %v", got, want)
	}
	return d
}

// do is what another client of Glue does.
func (w *world) do(op string, input map[string]any) map[string]any {
	w.t.Helper()
	input["DatabaseName"] = database
	out, err := w.glue.Do(op, input)
	if err != nil {
		w.t.Fatalf("%s: %v", op, err)
	}
	return out
}

// kinds are the changes of a difference, and the codes of its findings.
func kinds(d *crawler.Difference) map[string]int {
	out := map[string]int{}
	for _, t := range d.Tables {
		for _, c := range t.Changes {
			out[string(c.Kind)]++
		}
		for _, f := range t.Findings {
			out[string(f.Code)]++
		}
	}
	return out
}

// failing is a store whose listings below a prefix break off.
type failing struct {
	objstore.Reader
	prefix string
}

func (f failing) List(ctx context.Context, o objstore.ListOptions, fn func(objstore.Object) error) error {
	if strings.HasPrefix(o.Prefix, f.prefix) {
		return errStore
	}
	return f.Reader.List(ctx, o, fn)
}
