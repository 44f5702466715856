package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/render"
)

const table = "amazon_security_lake_table_us_east_1_ext_network_firewall"

func str(name string) arrow.Field {
	return arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true}
}

func big(name string) arrow.Field {
	return arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64, Nullable: true}
}

// parquetFile gives the bytes of a file with the rows of a JSON array.
func parquetFile(t *testing.T, rows string, fields ...arrow.Field) []byte {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	tab := array.NewTableFromRecords(schema, []arrow.RecordBatch{b})
	if err := pqarrow.WriteTable(tab, f, 1000, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// files of the test's lake, by key: the first day's lacks columns and struct fields that came later.
func files(t *testing.T) map[string][]byte {
	oldEndpoint := arrow.Field{Name: "src_endpoint", Type: arrow.StructOf(str("ip")), Nullable: true}
	newEndpoint := arrow.Field{Name: "src_endpoint", Type: arrow.StructOf(big("port"), str("ip")), Nullable: true}
	profiles := arrow.Field{Name: "profiles", Type: arrow.ListOf(arrow.StructOf(str("name"))), Nullable: true}
	at := func(day string) string {
		return "ext/network-firewall/region=us-east-1/accountId=000000000012/eventDay=" + day + "/"
	}
	return map[string][]byte{
		at("20260101") + "a.parquet": parquetFile(t, `[{"time":1,"src_endpoint":{"ip":"10.0.0.1"},"profiles":[{"name":"cloud"}]},{"time":2,"src_endpoint":null,"profiles":[]}]`, big("time"), oldEndpoint, profiles),
		at("20260102") + "a.parquet": parquetFile(t, `[{"time":3,"src_endpoint":{"port":443,"ip":"10.0.0.3"},"app_name":"fw"}]`, big("time"), newEndpoint, str("app_name")),
		at("20260103") + "a.parquet": parquetFile(t, `[{"time":4,"src_endpoint":{"port":22,"ip":"10.0.0.4"},"app_name":"fw"}]`, big("time"), newEndpoint, str("app_name")),
	}
}

var columns = []catalog.Column{{Name: "time", Type: "bigint"}, {Name: "src_endpoint", Type: "struct<ip:string,port:bigint,hostname:string>"},
	{Name: "profiles", Type: "array<struct<name:string,uid:string>>"}, {Name: "app_name", Type: "string"}, {Name: "unmapped", Type: "map<string,string>"}}

// lakeIn makes a catalog of the test's lake; location is of its root.
func lakeIn(t *testing.T, location string, keys []string) catalog.Catalog {
	t.Helper()
	ctx := context.Background()
	cat, err := local.Open(t.TempDir(), "db")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cat.EnsureTable(ctx, catalog.Table{Name: table, Location: location + "/ext/network-firewall/", Columns: columns}); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		day := k[strings.Index(k, "eventDay=")+9:][:8]
		p := catalog.Partition{Values: [3]string{"us-east-1", "000000000012", day}, Location: location + "/" + k[:strings.LastIndex(k, "/")+1]}
		if _, err := cat.AddPartitions(ctx, table, []catalog.Partition{p}); err != nil {
			t.Fatal(err)
		}
	}
	return cat
}

// folderLake has the first two days in its catalog; the third day's folder is there, but no partition of the catalog.
func folderLake(t *testing.T) Options {
	t.Helper()
	root := filepath.Join(t.TempDir(), "la[k]e")
	var keys []string
	for key, text := range files(t) {
		path := filepath.Join(root, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(key, "20260103") {
			keys = append(keys, key)
		}
	}
	return Options{Catalog: lakeIn(t, root, keys), Database: "db"}
}

func ask(t *testing.T, sql string, o Options) (string, error) {
	t.Helper()
	res, err := Run(context.Background(), sql, o)
	if err != nil {
		return "", err
	}
	defer res.Close()
	var b strings.Builder
	err = render.WriteCSV(&b, res)
	return b.String(), err
}

func TestColumnsAndTypesAreTheCatalogs(t *testing.T) {
	o := folderLake(t)
	got, err := ask(t, "SELECT * FROM network_firewall ORDER BY time", o)
	if err != nil {
		t.Fatal(err)
	}
	want := `time,src_endpoint,profiles,app_name,unmapped,region,accountid,eventday
1,"{""ip"":""10.0.0.1"",""port"":null,""hostname"":null}","[{""name"":""cloud"",""uid"":null}]",,,us-east-1,000000000012,20260101
2,,[],,,us-east-1,000000000012,20260101
3,"{""ip"":""10.0.0.3"",""port"":443,""hostname"":null}",,fw,,us-east-1,000000000012,20260102
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, name := range []string{table, "db." + table, `"DB"."Network_Firewall"`} {
		if got, err := ask(t, "SELECT count(*) AS n FROM "+name, o); err != nil || got != "n\n3\n" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestNothingButTheLakeIsRead(t *testing.T) {
	o := folderLake(t)
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SELECT * FROM read_csv('" + secret + "')", "SELECT * FROM '" + secret + "'", "COPY network_firewall TO '" + secret + "'",
		"CREATE TABLE x AS SELECT 1", "SELECT 1; SELECT 2", "SELECT getenv('HOME')",
	} {
		if got, err := ask(t, sql, o); err == nil {
			t.Errorf("%s gave %q", sql, got)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %q", sql, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	o := folderLake(t)
	for sql, want := range map[string]string{
		"SELEC 1":                           `column 1: syntax error at or near "SELEC"`,
		"SELECT *\nFROM nowhere":            "table nowhere not found; the catalog has network_firewall",
		"SELECT nope FROM network_firewall": `column 8: Referenced column "nope" not found`,
		"EXPLAIN SELEC 1":                   `column 9: syntax error at or near "SELEC"`,
		" ":                                 "the query is empty",
	} {
		_, err := ask(t, sql, o)
		var e *SQLError
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
}

func TestAliasOfSeveralTables(t *testing.T) {
	o := folderLake(t)
	other := strings.Replace(table, "us_east_1", "eu_west_1", 1)
	if _, err := o.Catalog.EnsureTable(context.Background(), catalog.Table{Name: other, Location: "/nowhere/", Columns: columns}); err != nil {
		t.Fatal(err)
	}
	_, err := ask(t, "FROM network_firewall", o)
	if err == nil || !strings.Contains(err.Error(), "network_firewall names several tables; write one of "+other+", "+table) {
		t.Errorf("error is %v", err)
	}
	o.Aliases = map[string]string{"network_firewall": table} // as a job says
	if got, err := ask(t, "SELECT count(*) AS n FROM network_firewall", o); err != nil || got != "n\n3\n" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := ask(t, "SELECT count(*) AS n FROM "+other, o); err != nil || got != "n\n0\n" {
		t.Errorf("a table without partitions: %q, %v", got, err)
	}
}

func TestShowAndDescribe(t *testing.T) {
	o := folderLake(t)
	got, err := ask(t, "SHOW TABLES", o)
	if err != nil || got != "name\n"+table+"\nnetwork_firewall\n" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err = ask(t, "DESCRIBE network_firewall", o); err != nil || !strings.Contains(got, `src_endpoint,"STRUCT(ip VARCHAR, port BIGINT, hostname VARCHAR)",YES`) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err = ask(t, "EXPLAIN SELECT time FROM network_firewall", o); err != nil || !strings.Contains(strings.ToUpper(got), "PARQUET") {
		t.Errorf("%q, %v", got, err)
	}
	if got, err = ask(t, "PIVOT (SELECT eventday, app_name FROM network_firewall) ON eventday IN ('20260101') USING count(*)", o); err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// chosen gives the days that a query's own conditions leave.
func chosen(t *testing.T, sql string) string {
	t.Helper()
	ctx := context.Background()
	var keys []string
	for k := range files(t) {
		keys = append(keys, k)
	}
	o := Options{Catalog: lakeIn(t, "/lake", keys), Database: "db"}
	names, err := o.names(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlanner()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	refs, _, err := p.references(ctx, sql, names)
	if err != nil {
		t.Fatal(err)
	}
	var mine []reference
	for _, r := range refs {
		if _, ok, err := names.find(r); err != nil {
			t.Fatal(err)
		} else if ok {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 {
		return "no table"
	}
	s := &source{}
	if err := o.Catalog.Partitions(ctx, table, func(p catalog.Partition) error { s.partitions = append(s.partitions, p); return nil }); err != nil {
		t.Fatal(err)
	}
	p.choose(ctx, s, mine)
	var days []string
	for i, w := range s.wanted {
		if w {
			days = append(days, s.partitions[i].Values[2][6:])
		}
	}
	slices.Sort(days)
	return strings.Join(days, " ")
}

func TestConditionsChoosePartitions(t *testing.T) {
	for _, c := range []struct{ where, want string }{
		{"FROM network_firewall WHERE eventday = '20260102'", "02"},
		{"SELECT 1 FROM network_firewall n WHERE n.eventDay >= '20260102' AND time > 5", "02 03"},
		{"SELECT 1 FROM network_firewall WHERE eventday IN ('20260101', '20260103') AND region = 'us-east-1' AND accountid LIKE '%12'", "01 03"},
		{"SELECT 1 FROM network_firewall WHERE eventday BETWEEN '20260101' AND strftime(DATE '2026-01-02', '%Y%m%d')", "01 02"},
		{"SELECT 1 FROM network_firewall WHERE substr(eventday, 7)::INT = 3", "03"},
		{"SELECT 1 FROM network_firewall WHERE eventday = '20200101'", ""},
		{"WITH a AS (SELECT * FROM network_firewall WHERE eventday = '20260101') SELECT * FROM a WHERE eventday = '20260102'", "01"},
		{"WITH network_firewall AS (SELECT 1 AS eventday) SELECT * FROM network_firewall WHERE eventday = 2", "no table"},
		{"WITH network_firewall AS (SELECT * FROM network_firewall WHERE eventday = '20260101') SELECT * FROM network_firewall", "01"},
		{"SELECT (SELECT max(time) FROM network_firewall WHERE eventday = '20260103') FROM network_firewall WHERE eventday = '20260101'", "01 03"},
		{"EXPLAIN ANALYZE SELECT 1 FROM network_firewall WHERE eventday = '20260102'", "02"},
		// what must not rule anything out
		{"SELECT 1 FROM network_firewall WHERE eventday = '20260102' OR time = 1", "01 02 03"},
		{"SELECT 1 FROM network_firewall WHERE eventday = app_name", "01 02 03"},
		{"SELECT 1 FROM network_firewall WHERE random() < 0.5 OR eventday = '20260102'", "01 02 03"},
		{"SELECT 1 FROM network_firewall AS n(a, b, c, eventday) WHERE eventday = 'x'", "01 02 03"},
		{"SELECT 1 FROM network_firewall TABLESAMPLE 1 ROWS WHERE eventday = '20260102'", "01 02 03"},
		{"SELECT 1 FROM network_firewall a LEFT JOIN network_firewall b USING (time) WHERE b.eventday IS NULL", "01 02 03"},
		{"SELECT 1 FROM network_firewall WHERE eventday = (SELECT min(eventday) FROM network_firewall)", "01 02 03"},
		{"SELECT 1 FROM network_firewall WHERE CAST(region AS INT) = 2", "01 02 03"}, // fails on its own
	} {
		if got := chosen(t, c.where); got != c.want {
			t.Errorf("%s\n chose %q, want %q", c.where, got, c.want)
		}
	}
}

func TestPartitionThatLiesElsewhereIsRefused(t *testing.T) {
	o := Options{Catalog: lakeIn(t, "/lake", nil), Database: "db"}
	p := catalog.Partition{Values: [3]string{"us-east-1", "000000000012", "20260101"}, Location: "/lake/ext/network-firewall/2026/"}
	if _, err := o.Catalog.AddPartitions(context.Background(), table, []catalog.Partition{p}); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, "FROM network_firewall", o); err == nil || !strings.Contains(err.Error(), "which is not the folder of these values") {
		t.Errorf("error is %v", err)
	}
}

// s3Lake is a lake whose catalog says S3, with a store in memory behind it.
func s3Lake(t *testing.T) (Options, *memstore.Store, *[]string) {
	t.Helper()
	ctx := context.Background()
	store := memstore.New("s3://bucket")
	var keys []string
	for key, text := range files(t) {
		if _, err := store.Put(ctx, key, strings.NewReader(string(text)), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	told := &[]string{}
	return Options{Catalog: lakeIn(t, "s3://bucket", keys), Database: "db", CacheDir: t.TempDir(),
		OpenBucket: func(_ context.Context, root location.Location) (objstore.Reader, error) {
			if root.String() != "s3://bucket" {
				return nil, fmt.Errorf("opened %s", root)
			}
			return store, nil
		},
		Tell: func(s string) { *told = append(*told, s) }}, store, told
}

func TestFetchesWhatIsAskedForOnce(t *testing.T) {
	o, store, told := s3Lake(t)
	var gets []string
	store.SetHooks(func(op, key string) error {
		if op == "get" {
			gets = append(gets, key[len(key)-18:])
		}
		return nil
	}, nil)
	for range 2 {
		got, err := ask(t, "SELECT time, src_endpoint.port AS port FROM network_firewall WHERE eventday = '20260102'", o)
		if err != nil || got != "time,port\n3,443\n" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if len(gets) != 1 || gets[0] != "20260102/a.parquet" {
		t.Errorf("fetched %q", gets)
	}
	if len(*told) != 2 || !strings.HasPrefix((*told)[0], "1 partition, 1 file, ") || !strings.HasSuffix((*told)[1], "to fetch from S3: 0 B") {
		t.Errorf("told %q", *told)
	}
	// Another version of the object is another file of the cache.
	key := "ext/network-firewall/region=us-east-1/accountId=000000000012/eventDay=20260102/a.parquet"
	if _, err := store.Put(context.Background(), key, strings.NewReader(string(parquetFile(t, `[{"time":9}]`, big("time")))), objstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(t, "SELECT time FROM network_firewall WHERE eventday = '20260102'", o); err != nil || got != "time\n9\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRefusesToFetchTooMuch(t *testing.T) {
	o, _, _ := s3Lake(t)
	o.MaxFetchBytes = 100
	_, err := ask(t, "FROM network_firewall", o)
	var e *TooMuchError
	if !errors.As(err, &e) || e.Partitions != 3 {
		t.Errorf("error is %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.CacheDir, "*")); len(left) > 0 {
		t.Errorf("fetched %q all the same", left)
	}
}

// cut is a store whose bodies end early, without an error or with one.
type cut struct {
	objstore.Reader
	err error
}

func (c cut) Get(ctx context.Context, key string, opts objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	body, o, err := c.Reader.Get(ctx, key, opts)
	if err != nil {
		return nil, o, err
	}
	return io.NopCloser(io.MultiReader(io.LimitReader(body, 20), iotest.ErrReader(c.err))), o, nil
}

func TestBrokenFetchLeavesNothing(t *testing.T) {
	for _, broken := range []error{io.EOF, errors.New("the line went dead")} {
		o, store, _ := s3Lake(t)
		o.OpenBucket = func(context.Context, location.Location) (objstore.Reader, error) { return cut{store, broken}, nil }
		if _, err := ask(t, "FROM network_firewall", o); err == nil || !strings.HasPrefix(err.Error(), "fetch s3://bucket/ext/network-firewall/region=") {
			t.Errorf("error is %v", err)
		}
		err := filepath.WalkDir(o.CacheDir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Errorf("left %s", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
