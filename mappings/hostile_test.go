package mappings

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqlgen"
)

// hostileExpressions are what somebody might try in a mapping: each is refused, as an output, in WHERE, in a drop line, in a
// macro, and in preview's --where, before anything runs.
var hostileExpressions = []string{
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

func TestHostileExpressions(t *testing.T) {
	for i, e := range hostileExpressions {
		for where, texts := range map[string]map[string]string{
			"output": {"m.sql": smallHead + "SELECT " + smallBase + ", " + e + " AS app_name FROM raw"},
			"WHERE":  {"m.sql": smallHead + "SELECT " + smallBase + " FROM raw WHERE (" + e + ") IS NOT NULL"},
			"drop":   {"m.sql": smallHead + "-- drop: (" + e + ") IS NOT NULL\nSELECT " + smallBase + " FROM raw"},
		} {
			if where != "output" && i%6 > 0 { // the same code looks at all three
				continue
			}
			texts["raw.sql"] = smallRaw
			if problems := problemsOf(t, files(t, texts)); !problems.Failed() {
				t.Errorf("%s: %s is taken", where, e)
			}
		}
	}
}

// What hides in a macro is found there.
func TestHostileMacros(t *testing.T) {
	for i, e := range hostileExpressions {
		if i%3 > 0 {
			continue
		}
		e = strings.NewReplacer("tags", "x", "name", "x").Replace(e)
		m := files(t, map[string]string{"raw.sql": smallRaw, "macros.sql": "CREATE MACRO f(x, n, ts) AS (" + e + ");",
			"m.sql": smallHead + "SELECT " + smallBase + ", f(name, n, ts) AS app_name FROM raw"})
		if problems := problemsOf(t, m); !problems.Failed() {
			t.Errorf("%s is taken", e)
		}
	}
}

// What is no plain SELECT, CREATE TABLE or CREATE MACRO is refused in each file.
func TestHostileFiles(t *testing.T) {
	good := smallHead + "SELECT " + smallBase + " FROM raw"
	for i, sql := range []string{
		"COPY raw TO '/tmp/x'", "ATTACH '/tmp/x.db'", "INSTALL httpfs", "LOAD httpfs", "PRAGMA database_list", "SET threads = 1", "RESET threads",
		"CALL force_checkpoint()", "CHECKPOINT", "PREPARE p AS SELECT 1", "EXECUTE p", "EXPORT DATABASE 'x'", "IMPORT DATABASE 'x'", "USE x", "VACUUM",
		"CREATE SEQUENCE s", "CREATE TYPE t AS ENUM ('a')", "CREATE VIEW v AS SELECT 1", "CREATE SECRET (TYPE s3)", "CREATE TABLE t AS SELECT 1",
		"INSERT INTO raw VALUES (1)", "DELETE FROM raw", "DROP TABLE raw", "EXPLAIN SELECT 1", "DESCRIBE raw", "SHOW TABLES", "SUMMARIZE raw",
		"PIVOT raw ON name USING count(*)", "UNPIVOT raw ON n, big INTO NAME k VALUE v", "FROM raw", "TABLE raw", "VALUES (1)",
		"FROM read_text('/etc/passwd') SELECT content AS app_name", "SELECT name AS app_name FROM 'x.parquet'", "SELECT name AS app_name FROM \"/etc/passwd\"",
		"SELECT name AS app_name FROM raw POSITIONAL JOIN raw b", "SELECT name AS app_name FROM raw ASOF JOIN raw b ON raw.n >= b.n",
		"SELECT name AS app_name FROM duckdb_settings()", "SELECT name AS app_name FROM sqlite_master", "SELECT name AS app_name FROM raw, LATERAL (SELECT 1)",
		"SELECT name AS app_name FROM other.raw", "SELECT name AS app_name FROM raw; DROP TABLE raw", "SELECT name AS app_name FROM raw -- x\n; SELECT 1",
		"SELECT name AS app_name FROM\u00a0read_text('/etc/passwd')", "SELECT name AS app_name FROM raw AT (VERSION => 1)",
	} {
		for file, texts := range map[string]map[string]string{
			"m.sql":      {"raw.sql": smallRaw, "m.sql": smallHead + sql},
			"raw.sql":    {"raw.sql": sql, "m.sql": good},
			"after raw":  {"raw.sql": smallRaw + "\n" + sql, "m.sql": good},
			"macros.sql": {"raw.sql": smallRaw, "macros.sql": sql, "m.sql": good},
		} {
			if file != "m.sql" && i%4 > 0 {
				continue
			}
			if problems := problemsOf(t, files(t, texts)); !problems.Failed() {
				t.Errorf("%s: %s is taken", file, sql)
			}
		}
	}
	for _, sql := range []string{
		"CREATE TABLE raw AS SELECT * FROM read_text('/etc/passwd')", "CREATE TABLE raw (a VARCHAR DEFAULT getenv('x'))", "CREATE TABLE raw (a INTEGER DEFAULT nextval('s'))",
		"CREATE TABLE raw (a INTEGER, b INTEGER GENERATED ALWAYS AS (a + 1))", "CREATE TABLE raw (a INTEGER CHECK (a > 0))", "CREATE TABLE raw (a INTEGER PRIMARY KEY)",
		"CREATE TABLE other (a INTEGER)", "CREATE TABLE raw (a my_type)", "CREATE TABLE x.raw (a INTEGER)", "CREATE VIEW raw AS SELECT 1 AS a", "CREATE TABLE raw (a INTEGER) AS SELECT 1",
	} {
		if problems := problemsOf(t, files(t, map[string]string{"raw.sql": sql, "m.sql": good})); !problems.Failed() {
			t.Errorf("raw.sql: %s is taken", sql)
		}
	}
}

// --where takes what a mapping's WHERE takes, and refuses the same.
func TestHostileWhere(t *testing.T) {
	m := smallMapping(t, "", "")
	for i, e := range append([]string{"true) OR (random() > 0", "1 = 1; DROP TABLE raw", "1 = 1 -- x", "name = 'x' FROM raw UNION SELECT 1", "n = 1) AS a, (2"}, hostileExpressions...) {
		if i >= 5 && i%6 > 0 {
			continue
		}
		compiled, problems, err := m.Where(t.Context(), "("+e+") IS NOT NULL")
		if err != nil {
			t.Fatal(err)
		}
		if compiled != nil || !problems.Failed() {
			t.Errorf("%s is taken", e)
		}
	}
	for _, e := range []string{"name = 'x'", "n > 1 AND ev.b.c IS NULL", "lpad(name, 5, '0') = '00001'", "format('{}-{:02d}', name, n) = 'x-01'", "list_aggregate(tags, 'max') = 'x'", "age(ts, ts) = INTERVAL 0 DAY", "in_cidr(name, '10.0.0.0/8')"} {
		if compiled, problems, err := m.Where(t.Context(), e); err != nil || compiled == nil {
			t.Errorf("%s is refused: %v %s", e, err, listed(problems))
		}
	}
}

// Whatever of the library a mapping's SELECTs may call, --where and drop lines may call too, whether the mapping calls it or not.
func TestWhereCallsLibrary(t *testing.T) {
	own := map[string]string{"raw.sql": smallRaw, "macros.sql": "CREATE MACRO inner_ip(x) AS is_private_ip(x);",
		"m.sql": smallHead + "SELECT " + smallBase + ", in_cidr(name, '10.0.0.0/8')::VARCHAR AS \"unmapped.inside\" FROM raw"}
	for _, m := range []*Mapping{smallMapping(t, "", ""), files(t, own)} {
		for e, want := range map[string][2]bool{
			"is_private_ip(name)":                                              {true, false},
			"NOT in_cidr(name, '8.8.0.0/16')":                                  {true, false},
			"user_of(name) = '8.8.8.8' OR name IS NULL":                        {false, true},
			"in_cidr(name, '10.0.0.0/8') AND n IS NULL":                        {true, false},
			"in_cidr(name, '10.0.0.0/8') IS DISTINCT FROM is_private_ip(name)": {false, false},
		} {
			compiled, problems, err := m.Where(t.Context(), e)
			if err != nil || compiled == nil {
				t.Errorf("%s: %s is refused: %v %s", m.Name, e, err, listed(problems))
				continue
			}
			got := runPlan(t, compiled, nil, `{"name":"10.0.0.1"}`, `{"name":"8.8.8.8"}`)
			if taken := [2]bool{got[0].reason == nil, got[1].reason == nil}; taken != want {
				t.Errorf("%s takes %v, want %v", e, taken, want)
			}
		}
	}
	declared, err := Load("network-firewall.json", ".")
	if err != nil {
		t.Fatal(err)
	}
	if compiled, problems, err := declared.Where(t.Context(), "is_private_ip(event.src_ip)"); err != nil || compiled == nil {
		t.Errorf("declarative: refused: %v %s", err, listed(problems))
	}
	if compiled, problems, err := files(t, own).Where(t.Context(), "inner_ip(name)"); err != nil || compiled == nil {
		t.Errorf("the mapping's own macro is refused: %v %s", err, listed(problems))
	}
	drop := files(t, map[string]string{"raw.sql": smallRaw, "m.sql": smallHead + "-- drop: is_private_ip(name)\nSELECT " + smallBase + " FROM raw"})
	got := runPlan(t, compile(t, drop), nil, `{"ts":"2024-01-01T00:00:00Z","name":"10.0.0.1"}`, `{"ts":"2024-01-01T00:00:00Z","name":"8.8.8.8"}`)
	if got[0].reason == nil || got[0].reason.Code != sqlgen.ReasonDropped || got[1].reason != nil {
		t.Errorf("dropped: %v, kept: %v", got[0].reason, got[1].reason)
	}
}
