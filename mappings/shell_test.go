package mappings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqltest"
)

// shellRows runs the script of a mapping after what fills raw, and gives the rows of each SELECT as text.
func shellRows(t *testing.T, m *mappings.Mapping, fill string) (rows []string) {
	t.Helper()
	for _, r := range shellColumns(t, m, fill) {
		var values []string
		for _, name := range slices.Sorted(maps.Keys(r)) {
			values = append(values, name+"="+r[name])
		}
		rows = append(rows, strings.Join(values, " "))
	}
	return rows
}

// shellColumns gives the rows by column, without NULLs.
func shellColumns(t *testing.T, m *mappings.Mapping, fill string) (rows []map[string]string) {
	t.Helper()
	ctx := context.Background()
	script, problems, err := m.Shell(ctx)
	if err != nil || problems.Failed() {
		t.Fatal(err, problems)
	}
	before, selects, ok := strings.Cut(script, ";\n\n-- ")
	for ok && !strings.Contains(before, "CREATE TABLE raw") {
		var more string
		more, selects, ok = strings.Cut(selects, ";\n\n-- ")
		before += ";\n\n-- " + more
	}
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(ctx, before+";\n"+fill); err != nil {
		t.Fatalf("%s: %v\n%s", m.Name, err, before)
	}
	for _, s := range strings.Split(selects, ";\n\n-- ") {
		sql := "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n-- " + strings.TrimSuffix(strings.TrimSpace(s), ";") + "\n)"
		result, err := db.Query(ctx, sql)
		if err != nil {
			t.Fatalf("%s: %v\n%s", m.Name, err, sql)
		}
		for {
			batch, err := result.Next()
			if err != nil {
				t.Fatalf("%s: %v\n%s", m.Name, err, sql)
			}
			if batch == nil {
				break
			}
			for i := range int(batch.NumRows()) {
				values := map[string]string{}
				for k, f := range batch.Schema().Fields() {
					if !batch.Column(k).IsNull(i) {
						values[f.Name] = batch.Column(k).ValueStr(i)
					}
				}
				rows = append(rows, values)
			}
			batch.Release()
		}
		result.Close()
	}
	return rows
}

// The script of every shipped mapping runs in a DuckDB without Silt's functions, and gives no row of an empty table.
func TestShellOfShipped(t *testing.T) {
	for _, name := range mappings.Names() {
		m, err := mappings.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if rows := shellRows(t, m, ""); len(rows) > 0 {
			t.Errorf("%s: %v", name, rows)
		}
	}
}

const shellFill = `INSERT INTO raw VALUES ('2025-01-01 00:00:00', 'login', 'ada', '192.0.2.1', 'GW1', 5),
	('2025-01-01 00:00:00', 'traffic', NULL, '192.0.2.1', 'GW1', 5000000000), ('2025-01-01 00:00:00', 'keepalive', NULL, NULL, NULL, NULL),
	('2025-01-01 00:00:00', 'other', NULL, NULL, 'GW2', NULL);`

// A script has the shared columns, drop lines and the SELECT for what no other SELECT takes.
func TestShell(t *testing.T) {
	blocks := sqltest.PageBlocks(t, "../docs/mappings.md", "Shared columns")
	m := sqltest.Mapping(t, map[string]string{"_common.sql": blocks[0], "authentication.sql": blocks[1], "network_activity.sql": blocks[2], "raw.sql": blocks[3],
		"rest.sql": "-- otherwise: base_event\nSELECT 0 AS activity_id, lower(gateway) AS \"unmapped.gw\", kind || '@' || \"unmapped.gw\" AS message FROM raw"})
	var got []string
	for _, r := range shellRows(t, m, shellFill) {
		for _, path := range []string{"activity_id", "severity_id", "message", "device.hostname", "device", "src_endpoint.ip"} {
			_, value, ok := strings.Cut(r+" ", path+"=")
			if ok {
				value, _, _ = strings.Cut(value, " ")
				got = append(got, fmt.Sprint(path, "=", value))
			}
		}
		got = append(got, "")
	}
	want := []string{
		"activity_id=1", "severity_id=1", "message=ada@gw1", "device.hostname=gw1", "src_endpoint.ip=192.0.2.1", "",
		"activity_id=6", "severity_id=3", "device.hostname=gw1", "src_endpoint.ip=192.0.2.1", "",
		"activity_id=0", "severity_id=1", "message=other@gw2", "",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The macros of a script find the rows that a run finds: by equality, longest prefix and range, at the time of the record or at another one,
// in macros, lambdas, conditions and drop lines.
func TestShellLookups(t *testing.T) {
	dir := lookupMapping(t, map[string]string{"m.sql": sqltest.SmallHead + `-- lookup: users by equal site, user
-- lookup: blocks by range from, to
-- drop: lookup('users', "group", tags[1]).name = 'Ada of B'
SELECT ` + sqltest.SmallBase + `,
  lookup('assets', name).owner AS "src_endpoint.uid",
  lookup('assets', name, ts - INTERVAL 1 YEAR).owner AS "unmapped.before",
  lookup('assets', name, '2024-06-15').Tier::INTEGER AS "unmapped.tier",
  owned(name, ts) AS "unmapped.owned",
  lookup('assets', coalesce(lookup('users', 'x', ')').name, name)).owner AS "unmapped.inner",
  lookup('users', "group", tags[1])['name'] AS "dst_endpoint.uid",
  list_transform(tags, lambda u: lookup('users', 'a', u).name) AS "metadata.labels",
  Lookup( 'ports' , n).service /* lookup('x', 1) */ AS "dst_endpoint.svc_name",
  lookup('blocks', name).v AS "unmapped.block",
  'lookup(''ports'',1)' AS "unmapped.text",
  lookup('assets', name) IS NULL AS "unmapped.unknown"
FROM raw WHERE n < 50000 OR lookup('ports', n).service IS NOT NULL`,
		"macros.sql":         "CREATE MACRO owner_of(ip, t) AS lookup('assets', ip, t).owner;\nCREATE MACRO owned(ip, t) AS coalesce(owner_of(ip, t), 'nobody');",
		"lookups/assets.csv": assetsCSV + "::ffff:198.51.100.0/120,map,4,,\n", "lookups/blocks.csv": "from,to,v\n192.0.2.0,192.0.2.200,low\n2001:db8::,2001:db8::ff,six\n"})
	records := []string{
		`{"ts":"2025-03-01T00:00:00Z","name":"192.0.2.200","group":"a","tags":["ada","eve"],"n":443}`,
		`{"ts":"2024-06-30T23:59:59Z","name":"192.0.2.200","group":"a","tags":["eve"],"n":49152}`,
		`{"ts":"2024-07-01T00:00:00Z","name":"::FFFF:192.0.2.201","group":"c","tags":[],"n":1024}`,
		`{"ts":"2023-07-01T00:00:00Z","name":"192.0.2.200","n":-1}`,
		`{"ts":"2023-07-01T00:00:00Z","name":" 2001:DB8::7","n":1}`,
		`{"ts":"2023-07-01T00:00:00Z","name":"198.51.100.7","n":1}`,
		`{"ts":"2023-07-01T00:00:00Z","name":"x","group":"b","tags":["ada"],"n":1}`,
		`{"ts":"2023-07-01T00:00:00Z","name":"x","n":50000}`,
	}
	m := loaded(t, dir)
	paths := []string{"src_endpoint.uid", "dst_endpoint.uid", "metadata.labels", "dst_endpoint.svc_name"}
	unmapped := []string{"before", "tier", "owned", "inner", "block", "text", "unknown"}
	plain := strings.NewReplacer(`"`, "", ", ", ",")
	var want []string
	for _, e := range sqltest.Run(t, sqltest.Compile(t, m), nil, records...) {
		if e.Reason != nil {
			continue
		}
		row := ""
		for _, p := range paths {
			if v := sqltest.Shown(t, e, p); v != "" && v != "[]" {
				row += p + "=" + plain.Replace(v) + ";"
			}
		}
		for _, p := range unmapped {
			if v := e.Unmapped[p]; v != "" {
				row += "unmapped." + p + "=" + v + ";"
			}
		}
		want = append(want, row)
	}
	fill := "INSERT INTO raw BY NAME SELECT * FROM (VALUES "
	for i, r := range records {
		if i > 0 {
			fill += ", "
		}
		fill += "('" + r + "'::JSON)"
	}
	fill = strings.Replace(fill, "SELECT *", `SELECT (j->>'ts')::TIMESTAMP AS ts, j->>'name' AS name, j->>'group' AS "group", (j->'tags')::VARCHAR[] AS tags, (j->>'n')::BIGINT AS n`, 1) + ") v(j);"
	var got []string
	for _, r := range shellColumns(t, m, fill) {
		row := ""
		for _, p := range append(slices.Clone(paths), "unmapped.before", "unmapped.tier", "unmapped.owned", "unmapped.inner", "unmapped.block", "unmapped.text", "unmapped.unknown") {
			if v, ok := r[p]; ok && v != "[]" {
				row += p + "=" + plain.Replace(v) + ";"
			}
		}
		got = append(got, row)
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" || len(want) != 6 {
		t.Errorf("%d rows (-run +script):\n%s", len(want), d)
	}
}

// What a script cannot have is one line.
func TestShellLookupErrors(t *testing.T) {
	m := loaded(t, lookupMapping(t, map[string]string{"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ", owned(name) AS app_name FROM raw"}))
	_, _, err := m.Shell(t.Context())
	var cannot *mappings.ShellError
	if !errors.As(err, &cannot) || !strings.HasPrefix(err.Error(), "a macro uses the lookup assets at the time of the record, ") {
		t.Error(err)
	}
	large := "name,v\n"
	for i := range 20_000 {
		large += fmt.Sprintf("n%d,a text of a row that is long enough for the limit\n", i)
	}
	m = loaded(t, lookupMapping(t, map[string]string{"raw.sql": "-- lookup: large by equal name\n" + sqltest.SmallRaw, "macros.sql": "", "lookups/large.csv": large,
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ", lookup('large', name).v AS app_name FROM raw"}))
	if _, _, err = m.Shell(t.Context()); !errors.As(err, &cannot) || !strings.Contains(err.Error(), "large.csv are too many for a script") {
		t.Error(err)
	}
}

// The values of a Parquet file have its types in a script, and fields of structs are structs.
func TestShellLookupTypes(t *testing.T) {
	text := arrow.BinaryTypes.String
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "tier", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, {Name: "tags", Type: arrow.ListOf(text), Nullable: true},
		{Name: "site", Type: arrow.StructOf(arrow.Field{Name: "city", Type: text, Nullable: true}, arrow.Field{Name: "lat", Type: arrow.PrimitiveTypes.Float64, Nullable: true}), Nullable: true},
		{Name: "seen", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true}, {Name: "born", Type: arrow.FixedWidthTypes.Date32, Nullable: true}}, nil)
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[{"id":1,"tier":2,"tags":["it's",null],"site":{"city":"Ulm","lat":48.5},"seen":"2025-01-02T03:04:05.5","born":"2020-02-29"},{"id":2}]`))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &file, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		t.Fatal(err)
	}
	m := loaded(t, lookupMapping(t, map[string]string{"raw.sql": "-- lookup: sites by equal id\n" + sqltest.SmallRaw, "macros.sql": "", "lookups/sites.parquet": file.String(),
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, lookup('sites', n).tier + 1 AS "unmapped.tier", lookup('sites', n).tags AS "metadata.labels", lookup('sites', n).site.city AS "unmapped.city",
			lookup('sites', n).site.lat * 2 AS "unmapped.lat", date_part('minute', lookup('sites', n).seen) AS "unmapped.minute", lookup('sites', n).born + 1 AS "unmapped.next" FROM raw`}))
	var got []string
	for _, r := range shellColumns(t, m, "INSERT INTO raw (ts, n) VALUES ('2025-01-01', 1), ('2025-01-01', 2);") {
		got = append(got, fmt.Sprint(r["unmapped.tier"], r["metadata.labels"], r["unmapped.city"], r["unmapped.lat"], r["unmapped.minute"], r["unmapped.next"]))
	}
	want := []string{`3['it\'s', NULL]Ulm97.042020-03-01`, ""}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
