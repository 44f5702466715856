package sqltest

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/mappings"
)

const SmallRaw = `CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, n INTEGER, big BIGINT, real DOUBLE, yes BOOLEAN, tags VARCHAR[],
  doc JSON, day DATE, "group" VARCHAR, ev STRUCT(a VARCHAR, b STRUCT(c INTEGER, d VARCHAR)));`

func SmallMapping(t testing.TB, more, tail string) *mappings.Mapping {
	t.Helper()
	if more != "" {
		more = ",\n" + more
	}
	return Mapping(t, map[string]string{"raw.sql": SmallRaw, "m.sql": SmallHead + "SELECT " + SmallBase + more + "\nFROM raw " + tail})
}

func Diagnostics(t testing.TB, m *mappings.Mapping) diag.List {
	t.Helper()
	compiled, diagnostics, err := m.Compile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if (compiled == nil) != diagnostics.Failed() {
		t.Fatalf("a compiled mapping is there: %t, diagnostics:\n%s", compiled != nil, Listed(diagnostics))
	}
	return diagnostics
}

// head, and what else a class with few requirements needs.
const (
	SmallHead = "-- class: network_activity\n"
	SmallBase = `ts AS "time", 1 AS activity_id, 1 AS severity_id, 'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", name AS "src_endpoint.name", 'd' AS "dst_endpoint.name"`
)

const NestedRaw = `CREATE TABLE raw (ts TIMESTAMP, sha256 VARCHAR, md5 VARCHAR, kind INTEGER, name VARCHAR, pid INTEGER, tactic VARCHAR, technique VARCHAR,
  host STRUCT(hostname VARCHAR, ip VARCHAR, port INTEGER),
  answers STRUCT(data VARCHAR, "type" VARCHAR, ttl VARCHAR, flags INTEGER[])[],
  ready STRUCT(rdata VARCHAR, "type" VARCHAR, ttl INTEGER, flag_ids INTEGER[])[],
  tags MAP(VARCHAR, VARCHAR));`

func ProcessMapping(t testing.TB, header, more string) *mappings.Mapping {
	t.Helper()
	return Mapping(t, map[string]string{"raw.sql": NestedRaw, "m.sql": "-- class: process_activity\n" + header + `SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id,
  'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", host.hostname AS "device.hostname", 0 AS "device.type_id",
  name AS "process.file.name", 1 AS "process.file.type_id", pid AS "process.pid", pid AS "actor.process.pid"` + more + " FROM raw"})
}

func DNSMapping(t testing.TB, header, more string) *mappings.Mapping {
	t.Helper()
	return Mapping(t, map[string]string{"raw.sql": NestedRaw, "m.sql": "-- class: dns_activity\n" + header + `SELECT ts AS "time", 2 AS activity_id, 1 AS severity_id,
  'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", name AS "query.hostname", host.ip AS "src_endpoint.ip"` + more + " FROM raw"})
}

// Shown is a field as JSON text, NULLs left out; "" where it is absent.
func Shown(t testing.TB, e Event, path string) string {
	t.Helper()
	v, ok := e.Fields[path]
	if !ok {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var x any
	if err := json.Unmarshal(b, &x); err != nil {
		t.Fatal(err)
	}
	b, _ = json.Marshal(bare(x))
	return string(b)
}

func bare(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, y := range x {
			if x[k] = bare(y); y == nil {
				delete(x, k)
			}
		}
	case []any:
		for i, y := range x {
			x[i] = bare(y)
		}
	}
	return v
}

const NestedRecord = `"ts":"2024-01-01T00:00:00Z","name":"a.exe","pid":4,"host":{"hostname":"h","ip":"10.0.0.1"}`

// Samples are the two records that AWS's own documents and the mapping's table speak of.
func Samples() []string { return strings.Split(strings.TrimSpace(networkFirewallSamples), "\n") }

//go:embed testdata/nfw.jsonl
var networkFirewallSamples string

var StagingKey = map[string]string{"account_id": "123456789012", "region": "eu-west-1"}

func NetworkFirewall(t testing.TB) *mappings.Mapping {
	t.Helper()
	m, err := mappings.Load("network-firewall")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Same compares maps and names each difference.
func Same[V any](t *testing.T, what string, got map[string]V, want map[string]any) {
	t.Helper()
	keys := map[string]bool{}
	for k := range got {
		keys[k] = true
	}
	for k := range want {
		keys[k] = true
	}
	sorted := make([]string, 0, len(keys))
	for k := range keys {
		sorted = append(sorted, k)
	}
	sort.Strings(sorted)
	for _, k := range sorted {
		g, has := got[k]
		w, wants := want[k]
		if !has || !wants || fmt.Sprint(any(g)) != fmt.Sprint(w) {
			t.Errorf("%s: %s is %v (%t), want %v (%t)", what, k, any(g), has, w, wants)
		}
	}
}

// edit gives the netflow sample with pieces replaced.
func EditedSample(t *testing.T, pairs ...string) string {
	t.Helper()
	s := Samples()[0]
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			t.Fatalf("the sample has no %s", pairs[i])
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	return s
}

// hostileExpressions are what somebody might try in a mapping: each is refused, as an output, in WHERE, in a drop line, in a
// macro, and in preview's --where, before anything runs.
var HostileExpressions = []string{
	`read_text('/etc/passwd')`, `"read_text"('/etc/passwd')`, `READ_TEXT('/etc/passwd')`, `/* x */ read_text /* y */ ('/etc/passwd')`,
	`read_blob('/etc/passwd')`, `read_csv('/etc/passwd')`, `glob('/etc/*')`, `system.main.read_text('/etc/passwd')`,
	`getenv('AWS_SECRET_ACCESS_KEY')`, `current_setting('memory_limit')`, `getvariable('x')`, `query('SELECT 1')`, `query_table('raw')`,
	`(SELECT content FROM read_text('/etc/passwd'))`, `(FROM duckdb_secrets())`, `(WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM a) SELECT * FROM a)`,
	`EXISTS (SELECT 1 FROM 'x.parquet')`, `name IN (SELECT name FROM 'https://example.com/x.csv')`, `name = ANY (SELECT 1)`, `ARRAY(SELECT 1)`,
	`json_execute_serialized_sql('x')`, `json_serialize_sql('SELECT 1')`, `json_deserialize_sql('{}')`, `json_serialize_plan('SELECT 1')`,
	`nextval('s')`, `currval('s')`, `random()`, `uuid()`, `gen_random_uuid()`, `setseed(0.5)`, `now()`, `current_timestamp`, `current_localtime()`,
	`current_localtimestamp()`, `today()`, `ago(INTERVAL 1 DAY)`, `age(ts)`, `get_current_time()`, `txid_current()`, `version()`, `current_database()`,
	`pg_postmaster_start_time()`, `pg_conf_load_time()`, `pg_get_viewdef(1)`, `pg_sleep(10)`, `sleep_ms(10)`, `inet_server_addr()`,
	`has_table_privilege('raw', 'select')`, `col_description(1, 2)`, `get_block_size('memory')`, `format_type(1, 2)`,
	`duckdb_secrets()`, `duckdb_settings()`, `pragma_database_size()`, `pragma_version()`, `sql_auto_complete('SEL')`, `checkpoint()`,
	`force_checkpoint()`, `enable_logging()`, `write_log('x')`, `parse_duckdb_log_message('x', 'y')`, `which_secret('s3://a', 's3')`,
	`icu_sort_key(name, 'de')`, `__internal_compress_string_hugeint(name)`, `error('x')`, `stats(name)`,
	`list_transform(tags, lambda x: getenv(x))`, `list_transform(tags, lambda x: list_transform(tags, lambda y: random()::VARCHAR))`,
	`list_aggregate(tags, 'reservoir_quantile')`, `list_aggregate(tags, name)`, `CASE WHEN name = 'x' THEN getenv('x') END`, `name || (random())`,
	`repeat(name, 1000000000)`, `range(1000000000)`, `generate_series(1, 1000000000)`, `lpad(name, 1000000000, 'x')`, `rpad(name, n, 'x')`,
	`printf('%999999999d', n)`, `printf('%*d', n, n)`, `format('{:999999999}', n)`, `format('{:{}}', n, n)`, `format(name, n)`, `list_resize(tags, 1000000000)`,
	`list_reduce(tags, lambda a, b: a || a || b)`, `bar(1, 0, 1, 1000)`, `list_transform(range(100000), lambda x: range(100000))`,
	`sum(n)`, `first(name)`, `string_agg(name, ',' ORDER BY name)`, `row_number() OVER ()`, `lag(name) OVER (ORDER BY n)`, `unnest(tags)`, `$1`, `?`, `#1`, `*`,
	`COLUMNS('.*')`,
}

// PageBlocks gives the code blocks of a section of a page.
func PageBlocks(t testing.TB, page, section string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(text), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("%s has no section %s", page, section)
	}
	part, _, _ = strings.Cut(part, "\n## ")
	for i, piece := range strings.Split(part, "\n```") {
		if i%2 == 1 {
			_, code, _ := strings.Cut(piece, "\n")
			blocks = append(blocks, code)
		}
	}
	return blocks
}
