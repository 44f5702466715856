package mappings

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/diag"
)

const smallRaw = `CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, n INTEGER, big BIGINT, real DOUBLE, yes BOOLEAN, tags VARCHAR[],
  doc JSON, day DATE, "group" VARCHAR, ev STRUCT(a VARCHAR, b STRUCT(c INTEGER, d VARCHAR)));`

// head and what a class of few demands needs besides.
const (
	smallHead = "-- class: network_activity\n"
	smallBase = `ts AS "time", 1 AS activity_id, 1 AS severity_id, 'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", name AS "src_endpoint.ip", 'd' AS "dst_endpoint.ip"`
)

func smallMapping(t testing.TB, more, tail string) *Mapping {
	t.Helper()
	if more != "" {
		more = ",\n" + more
	}
	return files(t, map[string]string{"raw.sql": smallRaw, "m.sql": smallHead + "SELECT " + smallBase + more + "\nFROM raw " + tail})
}

func problemsOf(t testing.TB, m *Mapping) diag.List {
	t.Helper()
	compiled, problems, err := m.Compile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if (compiled == nil) != problems.Failed() {
		t.Fatalf("a compiled mapping is there: %t, problems:\n%s", compiled != nil, listed(problems))
	}
	return problems
}

// Mapping SQL is data from a person: whatever is not one plain SELECT over one record is refused, with the place.
func TestRefusedSQL(t *testing.T) {
	sel := func(s string) string { return smallHead + s }
	for _, c := range []struct{ name, sql, want string }{
		{"union", sel("SELECT name AS x FROM raw UNION ALL SELECT name AS x FROM raw"), "set operation"},
		{"with", sel("WITH a AS (SELECT 1) SELECT name AS x FROM raw"), "WITH"},
		{"recursive", sel("WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM a) SELECT name AS app_name FROM a"), "one plain SELECT"},
		{"join", sel("SELECT name AS app_name FROM raw JOIN raw b USING (name)"), "a join"},
		{"comma join", sel("SELECT raw.name AS app_name FROM raw, raw b"), "a join"},
		{"subquery in FROM", sel("SELECT name AS app_name FROM (SELECT * FROM raw)"), "a subquery in FROM"},
		{"subquery", sel("SELECT (SELECT 1) AS app_name FROM raw"), "a subquery"},
		{"exists", sel("SELECT name AS app_name FROM raw WHERE EXISTS (SELECT 1)"), "a subquery"},
		{"distinct", sel("SELECT DISTINCT name AS app_name FROM raw"), "DISTINCT"},
		{"group by", sel("SELECT name AS app_name FROM raw GROUP BY name"), "GROUP BY"},
		{"group by all", sel("SELECT name AS app_name FROM raw GROUP BY ALL"), "GROUP BY"},
		{"having", sel("SELECT name AS app_name FROM raw HAVING true"), "HAVING"},
		{"limit", sel("SELECT name AS app_name FROM raw LIMIT 5"), "LIMIT"},
		{"limit percent", sel("SELECT name AS app_name FROM raw LIMIT 5%"), "LIMIT"},
		{"offset", sel("SELECT name AS app_name FROM raw OFFSET 5"), "LIMIT"},
		{"order by", sel("SELECT name AS app_name FROM raw ORDER BY name"), "ORDER BY"},
		{"window", sel("SELECT row_number() OVER () AS app_name FROM raw"), "a window function"},
		{"qualify", sel("SELECT name AS app_name FROM raw QUALIFY true"), "QUALIFY"},
		{"aggregate", sel("SELECT max(name) AS app_name FROM raw"), "an aggregate"},
		{"count", sel("SELECT count(*) AS app_name FROM raw"), "an aggregate"},
		{"filter", sel("SELECT sum(n) FILTER (WHERE n > 1) AS app_name FROM raw"), "an aggregate"},
		{"sample", sel("SELECT name AS app_name FROM raw USING SAMPLE 10%"), "SAMPLE"},
		{"tablesample", sel("SELECT name AS app_name FROM raw TABLESAMPLE 10%"), "TABLESAMPLE"},
		{"table function", sel("SELECT name AS app_name FROM read_csv('/etc/passwd')"), "a table function"},
		{"file", sel("SELECT name AS app_name FROM '/etc/passwd'"), "FROM /etc/passwd"},
		{"other table", sel("SELECT table_name AS app_name FROM information_schema.tables"), "FROM tables"},
		{"values", sel("VALUES (1)"), "one plain SELECT"},
		{"no FROM", sel("SELECT 'x' AS app_name"), "FROM is missing"},
		{"star", sel("SELECT * FROM raw"), "* cannot"},
		{"columns", sel("SELECT COLUMNS('n.*') FROM raw"), "* cannot"},
		{"random", sel("SELECT random() AS app_name FROM raw"), "random cannot"},
		{"now", sel("SELECT now() AS start_time FROM raw"), "now cannot"},
		{"current_timestamp", sel("SELECT current_timestamp AS start_time FROM raw"), "current_timestamp cannot"},
		{"uuid", sel("SELECT uuid() AS app_name FROM raw"), "uuid cannot"},
		{"nextval", sel("SELECT nextval('s') AS app_name FROM raw"), "nextval cannot"},
		{"setting", sel("SELECT current_setting('home_directory') AS app_name FROM raw"), "current_setting cannot"},
		{"getenv", sel("SELECT getenv('HOME') AS app_name FROM raw"), "getenv cannot"},
		{"read_text", sel("SELECT read_text('/etc/passwd') AS app_name FROM raw"), "read_text cannot"},
		{"in WHERE", sel("SELECT name AS app_name FROM raw WHERE random() > 0.5"), "random cannot"},
		{"in drop", "-- class: network_activity\n-- drop: random() > 0.5\nSELECT name AS app_name FROM raw", "random cannot"},
		{"drop with more", "-- class: network_activity\n-- drop: n = 1 FROM raw WHERE (n = 2\nSELECT name AS app_name FROM raw", "syntax error"},
		{"unnest", sel("SELECT unnest(tags) AS app_name FROM raw"), "UNNEST"},
		{"parameter", sel("SELECT $1 AS app_name FROM raw"), "a parameter"},
		{"two statements", sel("SELECT name AS app_name FROM raw; SELECT 1"), "one SELECT"},
		{"not a SELECT", sel("DROP TABLE raw"), "only a SELECT"},
		{"copy", sel("COPY raw TO '/tmp/x'"), "only a SELECT"},
		{"positional", sel("SELECT #1 AS app_name FROM raw"), "a column by its number"},
		{"unknown function", sel("SELECT lowr(name) AS app_name FROM raw"), "is lower meant?"},
	} {
		m := files(t, map[string]string{"raw.sql": smallRaw, "m.sql": c.sql})
		problems := problemsOf(t, m)
		if got := listed(problems); !problems.Failed() || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q in:\n%s", c.name, c.want, got)
		}
	}
}

func TestRefusedMacros(t *testing.T) {
	for macro, want := range map[string]string{
		"CREATE MACRO f(x) AS x || random();":               "macro f: random cannot",
		"CREATE MACRO f(x) AS (SELECT x);":                  "macro f: a subquery",
		"CREATE MACRO f(x) AS TABLE SELECT x;":              "macro",
		"CREATE TABLE t (x INTEGER);":                       "only CREATE MACRO",
		"CREATE MACRO f(x) AS x; COPY raw TO '/tmp/stolen'": "only CREATE MACRO",
	} {
		m := files(t, map[string]string{"raw.sql": smallRaw, "macros.sql": macro, "m.sql": smallHead + "SELECT " + smallBase + ", f(name) AS app_name FROM raw"})
		if got := listed(problemsOf(t, m)); !strings.Contains(got, want) || !strings.Contains(got, "macros.sql") {
			t.Errorf("%s: want %q in:\n%s", macro, want, got)
		}
	}
}

// Problems are at the place their author has to go to, and all of them are told at once.
func TestProblemPlaces(t *testing.T) {
	m := files(t, map[string]string{"raw.sql": smallRaw, "m.sql": `-- class: network_activity
-- profiles: cloude
-- consumes: nmae
SELECT
  ts AS "time",
  ev.b.x AS app_name,
  name AS "src_endpoint.ipp",
  é AS "dst_endpoint.ip",
  random() AS message
FROM raw
`})
	want := []string{
		`m.sql:2:14: error: OCSF 1.1.0 has no profile "cloude" (is cloud meant?)`,
		`m.sql:6:3: error: raw has no field ev.b.x (is ev.b.c meant?)`,
		`m.sql:8:3: error: raw has no field é`,
		`m.sql:9:3: error: random cannot be used in a mapping`,
		`m.sql:3:14: error: raw has no field nmae (is name meant?)`,
	}
	got := listed(problemsOf(t, m))
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("want %q in:\n%s", w, got)
		}
	}
}

func TestMappingProblems(t *testing.T) {
	for _, c := range []struct{ name, more, tail, want string }{
		{"unknown path", `name AS "src_endpoint.prot"`, "", `m.sql:3:9: error: network_activity of OCSF 1.1.0 has no src_endpoint.prot (is src_endpoint.port meant?)`},
		{"profile", `name AS "cloud.region"`, "", "m.sql:3:9: error: cloud.region belongs to the profile cloud (add `-- profiles: cloud` to the header)"},
		{"object", `name AS "src_endpoint"`, "", "m.sql:3:1: error: src_endpoint: it is an object (network_endpoint), the value is one VARCHAR"},
		{"array", `name AS "metadata.labels"`, "", "m.sql:3:1: error: metadata.labels: metadata.labels is an array, the value is one VARCHAR (wrap it"},
		{"enum", `7 AS status_id`, "", "m.sql:3:1: error: status_id: 7 is no value of the enum (0 Unknown, 1 Success, 2 Failure, 99 Other)"},
		{"enum in CASE", `CASE name WHEN 'a' THEN 1 ELSE 44 END AS status_id`, "", "m.sql:3:32: error: status_id: 44 is no value of the enum"},
		{"literal", `'abc' AS "src_endpoint.port"`, "", "abc is no whole number (port_t)"},
		{"range", `70000 AS "src_endpoint.port"`, "", "70000 is outside 0 to 65535"},
		{"fraction", `1.5 AS "src_endpoint.port"`, "", "1.5 is no whole number"},
		{"twice", `name AS "src_endpoint.ip"`, "", "src_endpoint.ip is filled twice"},
		{"no alias", `name`, "", "m.sql:3:1: error: the column has no OCSF path"},
		{"type", `yes AS "traffic.bytes"`, "", "traffic.bytes: BOOLEAN is no long_t"},
		{"bind", `substr(n, n, n, n) AS app_name`, "", "m.sql:3:1: error:"},
		{"object without its required", `name AS "tls.sni"`, "", "OCSF 1.1.0 requires tls.version, and nothing fills it"},
		{"object without one of", `name AS "url.hostname"`, "", "url must have at least one of its main attributes"},
		{"class", `4002 AS class_uid`, "", "class_uid"},
		{"version", `'1.2.0' AS "metadata.version"`, "", "metadata.version is not the version 1.1.0"},
		{"type_uid", `400102 AS type_uid`, "", "type_uid is 400102 here, but class and activity make 400101"},
		{"unmapped whole", `name AS unmapped`, "", `AS "unmapped.name"`},
		{"condition", ``, "WHERE name", "a condition must be true or false, this is VARCHAR"},
		{"date time", `ts AS "start_time_dt"`, "", "start_time_dt belongs to the profile datetime"},
		{"date that is none", `'soon' AS start_time`, "", "'soon' is no time"},
		{"key of an object of any keys", `name AS "metadata.extension.uid", name AS "src_endpoint.owner.xattributes.k"`, "", "no src_endpoint.owner.xattributes.k"},
	} {
		problems := problemsOf(t, smallMapping(t, c.more, c.tail))
		if got := listed(problems); !problems.Failed() || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q in:\n%s", c.name, c.want, got)
		}
	}
	for _, c := range []struct{ sql, want string }{
		{"SELECT 1 AS x FROM raw", "m.sql:1:1: error: the header names no class"},
		{"-- class: network_activty\nSELECT 1 AS x FROM raw", "m.sql:1:11: error: OCSF 1.1.0 has no class \"network_activty\" (is network_activity meant?)"},
		{"-- class: network_activity\n-- ocsf: 9.9.9\nSELECT 1 AS x FROM raw", "m.sql:2:10: error: unknown OCSF version"},
		{"-- class: network_activity\n-- profile: cloud\nSELECT 1 AS severity_id FROM raw", "is \"profiles\" meant?"},
		{smallHead + "SELECT 1 AS severity_id FROM raw", "OCSF 1.1.0 requires time, and nothing fills it"},
		{smallHead + "SELECT FROM raw", "m.sql: error: SELECT clause without selection list"},
		{smallHead + "SELECT name AS app_name FRM raw", "m.sql:2:25: error: syntax error"},
	} {
		m := files(t, map[string]string{"raw.sql": smallRaw, "m.sql": c.sql})
		if got := listed(problemsOf(t, m)); !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q in:\n%s", c.sql, c.want, got)
		}
	}
	m := files(t, map[string]string{"raw.sql": "CREATE TABLE raw (\n  a VARCHARR)", "m.sql": "SELECT 1"})
	if got := listed(problemsOf(t, m)); !strings.Contains(got, "raw.sql") || !strings.Contains(got, "VARCHARR") {
		t.Errorf("raw.sql: %s", got)
	}
}

// No event is without a time: its partition is its day. A header that leaves it out is told, and does not end the compiler.
func TestTimeCannotBeLeftOut(t *testing.T) {
	m := files(t, map[string]string{"raw.sql": "CREATE TABLE raw (a VARCHAR)", "base_event.sql": "-- class: base_event\n-- without: time\nSELECT 1 AS severity_id, 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\" FROM raw"})
	if got := listed(problemsOf(t, m)); !strings.Contains(got, "error: OCSF 1.1.0 requires time, and nothing fills it") {
		t.Errorf("%s", got)
	}
}

// TestMistakesAreToldAlone: a wrong raw field brings no complaint about what is right, names in unmapped among it.
func TestMistakesAreToldAlone(t *testing.T) {
	m := smallMapping(t, `ev.nope AS "src_endpoint.hostname", name AS "dst_endpoint.nmae", n AS "unmapped.number", big AS "unmapped.deep.name"`, "")
	var codes []diag.Code
	for _, p := range problemsOf(t, m) {
		if p.Severity == diag.Error {
			codes = append(codes, p.Code)
		}
	}
	if !slices.Equal(codes, []diag.Code{diag.UnknownField, diag.UnknownPath}) {
		t.Errorf("%v:\n%s", codes, listed(problemsOf(t, m)))
	}
}
