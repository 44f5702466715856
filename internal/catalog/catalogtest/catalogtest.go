// Package catalogtest is the suite that every catalog.Catalog runs. The comment of each test says what it isolates and why.
package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
)

// Options say what the tests can make an implementation do.
type Options struct {
	// Missing opens a catalog whose database does not exist. Nil says that the implementation creates its database with the
	// first table, and the suite checks that instead.
	Missing func(t *testing.T) catalog.Catalog
	// FailItem makes it impossible to add this one partition, for good. Nil says that the server behind the catalog cannot be
	// made to fail.
	FailItem func(t *testing.T, c catalog.Catalog, table string, values [3]string)
	// SerialGrowth runs concurrent growth one at a time, for a server that accepts a stale VersionId and so loses updates
	// whatever its clients do.
	SerialGrowth bool
}

// inspected is what the suite needs: a catalog that returns and changes complete entries.
type inspected interface {
	catalog.Catalog
	catalog.Editor
}

// Run runs the suite. open gives a catalog with an empty database of its own at each call.
func Run(t *testing.T, open func(t *testing.T) catalog.Catalog, opts Options) {
	t.Helper()
	if open == nil {
		t.Fatal("catalogtest: no catalog to test")
	}
	tests := []struct {
		name string
		run  func(*testing.T, inspected, Options)
	}{
		{"create", create},
		{"grow", grow},
		{"grow nested", growNested},
		{"order is kept", orderKept},
		{"retype is refused", retypeRefused},
		{"partitions", partitions},
		{"duplicates", duplicates},
		{"partitions grow with the table", partitionsGrow},
		{"concurrent growth", concurrentGrowth},
		{"growth while partitions are added", growthWhileAdding},
		{"many partitions", manyPartitions},
		{"edit table", editTable},
		{"edit partitions", editPartitions},
		{"delete partitions", deletePartitions},
		{"listing stops", listingStops},
		{"listing of tables", tables},
		{"no table", noTable},
		{"no database", noDatabase},
		{"one item fails", itemFails},
		{"limits", limits},
		{"invalid", invalid},
		{"cancelled", cancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, ok := open(t).(inspected)
			if !ok {
				t.Fatal("the catalog does not implement catalog.Editor")
			}
			tt.run(t, c, opts)
		})
	}
}

const (
	tableName = "amazon_security_lake_table_us_east_1_ext_network_firewall"
	location  = "s3://aws-security-data-lake-us-east-1-example/ext/network-firewall/"
)

func table(pairs ...string) catalog.Table {
	t := catalog.Table{Name: tableName, Location: location}
	for i := 0; i < len(pairs); i += 2 {
		t.Columns = append(t.Columns, catalog.Column{Name: pairs[i], Type: pairs[i+1]})
	}
	return t
}

func partition(account string, day int) catalog.Partition {
	p := catalog.Partition{Values: [3]string{"us-east-1", account, fmt.Sprintf("%08d", 20200101+day)}}
	p.Location = fmt.Sprintf("%sregion=%s/accountId=%s/eventDay=%s/", location, p.Values[0], p.Values[1], p.Values[2])
	return p
}

func days(n int) []catalog.Partition {
	ps := make([]catalog.Partition, n)
	for i := range ps {
		ps[i] = partition("111122223333", i)
	}
	return ps
}

func ensure(t *testing.T, c catalog.Catalog, want catalog.Table) catalog.Table {
	t.Helper()
	got, err := c.EnsureTable(t.Context(), want)
	if err != nil {
		t.Fatalf("EnsureTable: %v", err)
	}
	return got
}

func add(t *testing.T, c catalog.Catalog, ps []catalog.Partition, want int) {
	t.Helper()
	added, err := c.AddPartitions(t.Context(), tableName, ps)
	if err != nil || added != want {
		t.Fatalf("AddPartitions = %d, %v; want %d", added, err, want)
	}
}

func list(t *testing.T, c catalog.Catalog) map[[3]string]string {
	t.Helper()
	got := map[[3]string]string{}
	err := c.Partitions(t.Context(), tableName, func(p catalog.Partition) error {
		if _, twice := got[p.Values]; twice {
			t.Errorf("partition %v is listed twice", p.Values)
		}
		got[p.Values] = p.Location
		return nil
	})
	if err != nil {
		t.Fatalf("Partitions: %v", err)
	}
	return got
}

// wantColumns checks what EnsureTable answered and what is kept, of the table and of each partition.
func wantColumns(t *testing.T, c inspected, answered catalog.Table, want catalog.Table) {
	t.Helper()
	if !catalog.SameColumns(answered.Columns, want.Columns) {
		t.Errorf("answered columns %v\nwant %v", answered.Columns, want.Columns)
	}
	kept, err := c.Table(t.Context(), tableName)
	if err != nil || !catalog.SameColumns(kept.Columns, want.Columns) {
		t.Errorf("kept columns %v, %v\nwant %v", kept.Columns, err, want.Columns)
	}
	wantInherited(t, c)
}

// wantInherited checks that each partition has its table's columns and formats, and that no growth is left half done.
func wantInherited(t *testing.T, c inspected) (count int) {
	t.Helper()
	whole, err := c.InspectTable(t.Context(), tableName)
	if err != nil {
		t.Fatalf("InspectTable: %v", err)
	}
	if mark, there := whole.Parameters[catalog.PendingParameter]; there {
		t.Errorf("%s=%s is left on the table", catalog.PendingParameter, mark)
	}
	want := catalog.Plain(whole.StorageDescriptor.Columns)
	err = c.InspectPartitions(t.Context(), tableName, func(p catalog.GluePartition) error {
		count++
		sd := p.StorageDescriptor
		if got := catalog.Plain(sd.Columns); !catalog.SameColumns(got, want) {
			t.Errorf("partition %v has columns %v\nits table %v", p.Values, got, want)
		}
		if sd.InputFormat != whole.StorageDescriptor.InputFormat || sd.OutputFormat != whole.StorageDescriptor.OutputFormat ||
			sd.SerdeInfo.SerializationLibrary != whole.StorageDescriptor.SerdeInfo.SerializationLibrary ||
			!maps.Equal(sd.SerdeInfo.Parameters, whole.StorageDescriptor.SerdeInfo.Parameters) {
			t.Errorf("partition %v has other formats than its table: %+v", p.Values, sd)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("InspectPartitions: %v", err)
	}
	return count
}

// create isolates a new table, which must have the shape that Security Lake's crawler gives.
func create(t *testing.T, c inspected, _ Options) {
	want := table("time", "bigint", "src_endpoint", "struct<ip:string,port:int>", "unmapped", "map<string,string>")
	got := ensure(t, c, want)
	if got.Name != want.Name || got.Location != want.Location {
		t.Errorf("answered %+v", got)
	}
	wantColumns(t, c, got, want)
	wantColumns(t, c, ensure(t, c, want), want)
	if c.String() == "" {
		t.Error("the catalog has no name for people")
	}
	wantCrawlerShape(t, c)
}

// wantCrawlerShape holds the facts of docs.aws.amazon.com/glue and of tables read from a real Security Lake.
func wantCrawlerShape(t *testing.T, c inspected) {
	t.Helper()
	whole, err := c.InspectTable(t.Context(), tableName)
	if err != nil {
		t.Fatal(err)
	}
	if whole.TableType != "EXTERNAL_TABLE" || whole.Owner != "owner" || whole.Retention != 0 || whole.Name != tableName ||
		whole.DatabaseName == "" || whole.VersionId == "" || whole.CreateTime.IsZero() {
		t.Errorf("table is %+v", whole)
	}
	var keys []string
	for _, k := range whole.PartitionKeys {
		keys = append(keys, k.Name+":"+k.Type)
	}
	if got := strings.Join(keys, " "); got != "region:string accountid:string eventday:string" {
		t.Errorf("partition keys are %q", got)
	}
	sd := whole.StorageDescriptor
	if sd.InputFormat != "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat" ||
		sd.OutputFormat != "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat" ||
		sd.SerdeInfo.SerializationLibrary != "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" ||
		!maps.Equal(sd.SerdeInfo.Parameters, map[string]string{"serialization.format": "1"}) ||
		sd.Compressed || sd.NumberOfBuckets != -1 || len(sd.BucketColumns) != 0 || len(sd.SortColumns) != 0 ||
		sd.StoredAsSubDirectories || sd.Location != location {
		t.Errorf("storage is %+v", sd)
	}
	for name, value := range map[string]string{
		"classification": "parquet", "compressionType": "none", "typeOfData": "file", "sizeKey": "0", "objectCount": "0",
		"recordCount": "0", "averageRecordSize": "0", "UPDATED_BY_CRAWLER": "network-firewall",
		"CrawlerSchemaSerializerVersion": "1.0", "CrawlerSchemaDeserializerVersion": "1.0", "partition_filtering.enabled": "true",
	} {
		if whole.Parameters[name] != value || sd.Parameters[name] != value {
			t.Errorf("parameter %s is %q of the table and %q of its storage, want %q", name, whole.Parameters[name], sd.Parameters[name], value)
		}
	}
	if len(whole.Parameters) != 11 {
		t.Errorf("other parameters than a crawler's: %v", whole.Parameters)
	}
}

// grow isolates new columns, which are appended and never lost.
func grow(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("b", "int"))
	got := ensure(t, c, table("a", "string", "b", "int", "c", "bigint"))
	wantColumns(t, c, got, table("b", "int", "a", "string", "c", "bigint"))
	// A resumed run with an older mapping asks for less and takes nothing away.
	got = ensure(t, c, table("b", "int"))
	wantColumns(t, c, got, table("b", "int", "a", "string", "c", "bigint"))
}

// growNested isolates new fields of structs, in arrays and maps too, because OCSF objects are nested.
func growNested(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("o", "array<struct<z:int,deep:struct<m:map<string,string>>>>"))
	add(t, c, days(3), 3)
	got := ensure(t, c, table("o", "array<struct<a:int,deep:struct<l:string,m:map<string,string>>,z:int>>"))
	wantColumns(t, c, got, table("o", "array<struct<z:int,deep:struct<m:map<string,string>,l:string>,a:int>>"))
}

// orderKept isolates the order of columns, because readers of older files depend on it.
func orderKept(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("c", "int", "a", "int", "b", "struct<y:int,x:int>"))
	got := ensure(t, c, table("a", "int", "b", "struct<x:int,y:int>", "c", "int"))
	wantColumns(t, c, got, table("c", "int", "a", "int", "b", "struct<y:int,x:int>"))
}

// retypeRefused isolates a change of type, which must change nothing, because existing files keep the old type.
func retypeRefused(t *testing.T, c inspected, _ Options) {
	first := table("port", "int", "src", "struct<ip:string,as:struct<number:int>>")
	ensure(t, c, first)
	add(t, c, days(2), 2)
	_, err := c.EnsureTable(t.Context(), table("new", "int", "src", "struct<as:struct<number:string>>"))
	if !errors.Is(err, catalog.ErrType) {
		t.Fatalf("got %v, want ErrType", err)
	}
	for _, part := range []string{"src.as.number", "int", "string", tableName} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
	wantColumns(t, c, first, first)
}

// partitions isolates adding and listing partitions.
func partitions(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("a", "int"))
	ps := append(days(250), partition("external", 0), partition("external_acme", 1))
	add(t, c, ps, 252)
	got := list(t, c)
	for _, p := range ps {
		if got[p.Values] != p.Location {
			t.Errorf("partition %v is at %q, want %q", p.Values, got[p.Values], p.Location)
		}
	}
	if len(got) != len(ps) {
		t.Errorf("%d partitions, want %d", len(got), len(ps))
	}
	if n := wantInherited(t, c); n != len(ps) {
		t.Errorf("%d partitions inspected, want %d", n, len(ps))
	}
	add(t, c, nil, 0)
	err := c.InspectPartitions(t.Context(), tableName, func(p catalog.GluePartition) error {
		_, counted := p.Parameters["recordCount"]
		_, storageCounted := p.StorageDescriptor.Parameters["recordCount"]
		if counted || storageCounted || p.Parameters["classification"] != "parquet" || p.StorageDescriptor.Parameters["classification"] != "parquet" {
			t.Errorf("partition %v has parameters %v and %v: statistics of the table are not its own", p.Values, p.Parameters, p.StorageDescriptor.Parameters)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// duplicates isolates partitions that exist, because several runs add the partitions of one entry.
func duplicates(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("a", "int"))
	add(t, c, days(120), 120)
	add(t, c, days(130), 10)
	add(t, c, days(130), 0)
	add(t, c, append(days(131), days(131)...), 1)
	if got := list(t, c); len(got) != 131 {
		t.Errorf("%d partitions, want 131", len(got))
	}
}

// partitionsGrow isolates partitions of a table that grows, because Athena reads columns from the partition.
func partitionsGrow(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("a", "int", "s", "struct<x:int>"))
	add(t, c, days(230), 230)
	got := ensure(t, c, table("s", "struct<y:string>", "b", "string"))
	wantColumns(t, c, got, table("a", "int", "s", "struct<x:int,y:string>", "b", "string"))
	if n := wantInherited(t, c); n != 230 {
		t.Errorf("%d partitions, want 230", n)
	}
	for values, at := range list(t, c) {
		if !strings.HasSuffix(at, "/eventDay="+values[2]+"/") {
			t.Errorf("growth moved partition %v to %q", values, at)
		}
	}
}

// concurrentGrowth isolates writers that grow one table at the same time: no column may be lost.
func concurrentGrowth(t *testing.T, c inspected, opts Options) {
	ensure(t, c, table("base", "struct<f:int>"))
	add(t, c, days(5), 5)
	const writers = 8
	var group sync.WaitGroup
	var turn sync.Mutex
	for i := range writers {
		group.Go(func() {
			if opts.SerialGrowth {
				turn.Lock()
				defer turn.Unlock()
			}
			want := table(fmt.Sprintf("c%d", i), "int", "base", fmt.Sprintf("struct<f%d:string>", i))
			if _, err := c.EnsureTable(t.Context(), want); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	group.Wait()
	got, err := c.Table(t.Context(), tableName)
	if err != nil {
		t.Fatal(err)
	}
	if got.Columns[0].Name != "base" || !strings.HasPrefix(got.Columns[0].Type, "struct<f:int,") {
		t.Errorf("what was there has moved: %v", got.Columns)
	}
	for i := range writers {
		if !slices.Contains(got.Columns, catalog.Column{Name: fmt.Sprintf("c%d", i), Type: "int"}) ||
			!strings.Contains(got.Columns[0].Type, fmt.Sprintf("f%d:string", i)) {
			t.Errorf("the growth of writer %d was lost: %v", i, got.Columns)
		}
	}
	if len(got.Columns) != writers+1 {
		t.Errorf("%d columns, want %d", len(got.Columns), writers+1)
	}
	wantInherited(t, c)
}

// growthWhileAdding isolates growth between two steps of adding partitions, which must miss no partition.
func growthWhileAdding(t *testing.T, c inspected, opts Options) {
	ensure(t, c, table("base", "int"))
	var group sync.WaitGroup
	var turn sync.Mutex
	for i := range 4 {
		group.Go(func() {
			if opts.SerialGrowth {
				turn.Lock()
				defer turn.Unlock()
			}
			if _, err := c.EnsureTable(t.Context(), table(fmt.Sprintf("c%d", i), "int")); err != nil {
				t.Errorf("grower %d: %v", i, err)
			}
		})
		group.Go(func() {
			for day := range 10 {
				p := partition(fmt.Sprintf("%012d", i), day)
				if n, err := c.AddPartitions(t.Context(), tableName, []catalog.Partition{p}); err != nil || n != 1 {
					t.Errorf("adder %d: %d, %v", i, n, err)
				}
			}
		})
	}
	group.Wait()
	if n := wantInherited(t, c); n != 40 {
		t.Errorf("%d partitions, want 40", n)
	}
}

// manyPartitions isolates more partitions than one request or page takes.
func manyPartitions(t *testing.T, c inspected, _ Options) {
	const n = 2300 // above two pages of GetPartitions
	ensure(t, c, table("a", "int"))
	add(t, c, days(n), n)
	if got := list(t, c); len(got) != n {
		t.Errorf("%d partitions, want %d", len(got), n)
	}
	ensure(t, c, table("b", "int"))
	if got := wantInherited(t, c); got != n {
		t.Errorf("%d partitions after growth, want %d", got, n)
	}
}

// listingStops isolates an error of the callback, which must end the listing and come back unchanged.
func listingStops(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("a", "int"))
	add(t, c, days(3), 3)
	enough := errors.New("enough")
	calls := 0
	err := c.Partitions(t.Context(), tableName, func(catalog.Partition) error { calls++; return enough })
	if !errors.Is(err, enough) || err.Error() != enough.Error() || calls != 1 {
		t.Errorf("%d calls, error %v; want 1 and the function's own error", calls, err)
	}
}

// tables isolates the list of tables, by which etl query finds names.
func tables(t *testing.T, c inspected, _ Options) {
	if names, err := c.Tables(t.Context()); err != nil || len(names) != 0 {
		t.Fatalf("a new database has tables %v, %v", names, err)
	}
	var want []string
	for i := range 105 { // above a page of GetTables
		name := fmt.Sprintf("table_%03d", (i*37)%105)
		want = append(want, name)
		one := table("a", "int")
		one.Name = name
		ensure(t, c, one)
	}
	slices.Sort(want)
	names, err := c.Tables(t.Context())
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("Tables = %v, %v\nwant %v", names, err, want)
	}
}

// noTable isolates a missing table, because callers decide on ErrNoTable.
func noTable(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("a", "int"))
	const other = "no_such_table"
	_, tableErr := c.Table(t.Context(), other)
	_, addErr := c.AddPartitions(t.Context(), other, days(1))
	listErr := c.Partitions(t.Context(), other, func(catalog.Partition) error { return nil })
	for op, err := range map[string]error{"Table": tableErr, "AddPartitions": addErr, "Partitions": listErr} {
		if !errors.Is(err, catalog.ErrNoTable) || !strings.Contains(err.Error(), other) {
			t.Errorf("%s of a missing table: %v", op, err)
		}
	}
	if names, err := c.Tables(t.Context()); err != nil || len(names) != 1 {
		t.Errorf("asking for a missing table made one: %v, %v", names, err)
	}
}

// noDatabase isolates a missing database, because callers decide on ErrNoDatabase.
func noDatabase(t *testing.T, c inspected, opts Options) {
	if opts.Missing == nil {
		if _, err := c.Table(t.Context(), tableName); !errors.Is(err, catalog.ErrNoTable) {
			t.Errorf("before the first table: %v", err)
		}
		ensure(t, c, table("a", "int"))
		return
	}
	missing := opts.Missing(t)
	_, ensureErr := missing.EnsureTable(t.Context(), table("a", "int"))
	_, tableErr := missing.Table(t.Context(), tableName)
	_, tablesErr := missing.Tables(t.Context())
	_, addErr := missing.AddPartitions(t.Context(), tableName, days(1))
	for op, err := range map[string]error{"EnsureTable": ensureErr, "Table": tableErr, "Tables": tablesErr, "AddPartitions": addErr} {
		if !errors.Is(err, catalog.ErrNoDatabase) {
			t.Errorf("%s without a database: %v", op, err)
		} else if !strings.Contains(err.Error(), "create-database") {
			t.Errorf("%s does not say what to do: %v", op, err)
		}
	}
}

// itemFails isolates one partition that cannot be added: the others must be added, and the error returned.
func itemFails(t *testing.T, c inspected, opts Options) {
	ensure(t, c, table("a", "int"))
	ps := days(249)
	odd := partition("odd", 0)
	ps = slices.Insert(ps, 30, odd)
	if opts.FailItem == nil {
		add(t, c, ps, 250)
		return
	}
	opts.FailItem(t, c, tableName, odd.Values)
	added, err := c.AddPartitions(t.Context(), tableName, ps)
	if err == nil || !strings.Contains(err.Error(), catalog.PartitionName(odd.Values)) {
		t.Errorf("the failed partition is not named: %v", err)
	}
	got := list(t, c)
	if added != 249 || len(got) != 249 {
		t.Errorf("%d added and %d there, want the other 249", added, len(got))
	}
	if _, there := got[odd.Values]; there {
		t.Error("the failed partition is there")
	}
}

// limits isolates the limits of Glue, which every catalog keeps, so that a lake in a folder can move to Glue.
func limits(t *testing.T, c inspected, _ Options) {
	wide := func(bytes int) string {
		var b strings.Builder
		b.WriteString("struct<")
		for i := 0; b.Len() < bytes-40; i++ {
			fmt.Fprintf(&b, "field_%07d:string,", i)
		}
		rest := bytes - b.Len() - len(":int>")
		return b.String() + strings.Repeat("x", rest) + ":int>"
	}
	long := table("a", "int")
	long.Name = strings.Repeat("t", catalog.MaxTableNameBytes+1)
	for name, bad := range map[string]catalog.Table{
		"type":   table("a", wide(catalog.MaxTypeBytes+1)),
		"column": table(strings.Repeat("c", catalog.MaxColumnNameBytes+1), "int"),
		"table":  long,
	} {
		_, err := c.EnsureTable(t.Context(), bad)
		if !errors.Is(err, catalog.ErrLimit) {
			t.Errorf("%s over the limit: %v", name, err)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s over the limit: the message has %d bytes", name, len(err.Error()))
		}
	}
	if names, err := c.Tables(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("a refused table is there: %v, %v", names, err)
	}
	most := table(strings.Repeat("c", catalog.MaxColumnNameBytes), wide(catalog.MaxTypeBytes))
	most.Name = strings.Repeat("t", catalog.MaxTableNameBytes)
	ensure(t, c, most)
	// Growth over the limit is refused like creation.
	most.Columns[0].Type = "struct<one_more:int>"
	if _, err := c.EnsureTable(t.Context(), most); !errors.Is(err, catalog.ErrLimit) {
		t.Errorf("growth over the limit: %v", err)
	}
}

// invalid isolates tables and partitions that no catalog accepts.
func invalid(t *testing.T, c inspected, _ Options) {
	noSlash := table("a", "int")
	noSlash.Location = strings.TrimSuffix(location, "/")
	upper := table("a", "int")
	upper.Name = "Upper"
	outside := table("a", "int")
	outside.Name = "../x"
	for name, bad := range map[string]catalog.Table{
		"location without a slash": noSlash, "upper-case name": upper, "a path for a name": outside, "no columns": table(),
		"broken type": table("a", "array<int"), "column twice": table("a", "int", "A", "int"),
		"column named as a key": table("a", "int", "eventDay", "string"),
	} {
		if _, err := c.EnsureTable(t.Context(), bad); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ensure(t, c, table("a", "int"))
	for _, account := range []string{"", "..", "../../x", "a/b"} {
		if _, err := c.AddPartitions(t.Context(), tableName, []catalog.Partition{partition(account, 0)}); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("account %q: %v", account, err)
		}
	}
	if got := list(t, c); len(got) != 0 {
		t.Errorf("a refused partition is there: %v", got)
	}
}

// cancelled isolates a canceled context, which must end every call.
func cancelled(t *testing.T, c inspected, _ Options) {
	ensure(t, c, table("a", "int"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.AddPartitions(ctx, tableName, days(5)); !errors.Is(err, context.Canceled) {
		t.Errorf("AddPartitions: %v", err)
	}
	if got := list(t, c); len(got) != 0 {
		t.Errorf("partitions added after the end: %v", got)
	}
}
