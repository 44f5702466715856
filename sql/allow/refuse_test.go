package allow_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// Mapping SQL is data from a person: whatever is not one plain SELECT over one record is refused, with the place.
func TestRefusedSQL(t *testing.T) {
	sel := func(s string) string { return sqltest.SmallHead + s }
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
		{"aggregate", sel("SELECT max(name) AS app_name FROM raw"), "the aggregate function"},
		{"count", sel("SELECT count(*) AS app_name FROM raw"), "the aggregate function"},
		{"filter", sel("SELECT sum(n) FILTER (WHERE n > 1) AS app_name FROM raw"), "the aggregate function"},
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
		{"unknown function", sel("SELECT lowr(name) AS app_name FROM raw"), "did you mean lower?"},
	} {
		m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": c.sql})
		diagnostics := sqltest.Diagnostics(t, m)
		if got := sqltest.Listed(diagnostics); !diagnostics.Failed() || !strings.Contains(got, c.want) {
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
		m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "macros.sql": macro, "m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ", f(name) AS app_name FROM raw"})
		if got := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(got, want) || !strings.Contains(got, "macros.sql") {
			t.Errorf("%s: want %q in:\n%s", macro, want, got)
		}
	}
}
