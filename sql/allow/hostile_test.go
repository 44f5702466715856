package allow_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

func TestHostileExpressions(t *testing.T) {
	for i, e := range sqltest.HostileExpressions {
		for where, texts := range map[string]map[string]string{
			"output": {"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ", " + e + " AS app_name FROM raw"},
			"WHERE":  {"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + " FROM raw WHERE (" + e + ") IS NOT NULL"},
			"drop":   {"m.sql": sqltest.SmallHead + "-- drop: (" + e + ") IS NOT NULL\nSELECT " + sqltest.SmallBase + " FROM raw"},
		} {
			if where != "output" && i%6 > 0 { // the same code looks at all three
				continue
			}
			texts["raw.sql"] = sqltest.SmallRaw
			if diagnostics := sqltest.Diagnostics(t, sqltest.Mapping(t, texts)); !diagnostics.Failed() {
				t.Errorf("%s: %s is taken", where, e)
			}
		}
	}
}

// What hides in a macro is found there.
func TestHostileMacros(t *testing.T) {
	for i, e := range sqltest.HostileExpressions {
		if i%3 > 0 {
			continue
		}
		e = strings.NewReplacer("tags", "x", "name", "x").Replace(e)
		m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "macros.sql": "CREATE MACRO f(x, n, ts) AS (" + e + ");",
			"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ", f(name, n, ts) AS app_name FROM raw"})
		if diagnostics := sqltest.Diagnostics(t, m); !diagnostics.Failed() {
			t.Errorf("%s is taken", e)
		}
	}
}

// What is not a plain SELECT, CREATE TABLE or CREATE MACRO is refused in each file.
func TestHostileFiles(t *testing.T) {
	good := sqltest.SmallHead + "SELECT " + sqltest.SmallBase + " FROM raw"
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
			"m.sql":      {"raw.sql": sqltest.SmallRaw, "m.sql": sqltest.SmallHead + sql},
			"raw.sql":    {"raw.sql": sql, "m.sql": good},
			"after raw":  {"raw.sql": sqltest.SmallRaw + "\n" + sql, "m.sql": good},
			"macros.sql": {"raw.sql": sqltest.SmallRaw, "macros.sql": sql, "m.sql": good},
		} {
			if file != "m.sql" && i%4 > 0 {
				continue
			}
			if diagnostics := sqltest.Diagnostics(t, sqltest.Mapping(t, texts)); !diagnostics.Failed() {
				t.Errorf("%s: %s is taken", file, sql)
			}
		}
	}
	for _, sql := range []string{
		"CREATE TABLE raw AS SELECT * FROM read_text('/etc/passwd')", "CREATE TABLE raw (a VARCHAR DEFAULT getenv('x'))", "CREATE TABLE raw (a INTEGER DEFAULT nextval('s'))",
		"CREATE TABLE raw (a INTEGER, b INTEGER GENERATED ALWAYS AS (a + 1))", "CREATE TABLE raw (a INTEGER CHECK (a > 0))", "CREATE TABLE raw (a INTEGER PRIMARY KEY)",
		"CREATE TABLE other (a INTEGER)", "CREATE TABLE raw (a my_type)", "CREATE TABLE x.raw (a INTEGER)", "CREATE VIEW raw AS SELECT 1 AS a", "CREATE TABLE raw (a INTEGER) AS SELECT 1",
	} {
		if diagnostics := sqltest.Diagnostics(t, sqltest.Mapping(t, map[string]string{"raw.sql": sql, "m.sql": good})); !diagnostics.Failed() {
			t.Errorf("raw.sql: %s is taken", sql)
		}
	}
}
