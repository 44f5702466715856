package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// outside are statements that reach out of the database, or change how it is locked.
var outside = []string{
	"SELECT * FROM read_csv('/etc/passwd')",
	"SELECT * FROM read_text('/etc/passwd')",
	"SELECT * FROM read_blob('/etc/pass*')",
	"SELECT * FROM glob('/etc/*')",
	"SELECT * FROM '/etc/passwd'",
	"SELECT * FROM '/etc/passwd.csv'",
	"SELECT * FROM read_parquet('https://example.com/x.parquet')",
	"SELECT * FROM read_parquet('s3://example/x.parquet')",
	"SELECT * FROM sniff_csv('/etc/passwd')",
	"SELECT * FROM parquet_metadata('/etc/passwd')",
	"SELECT * FROM query('COPY (SELECT 1) TO ''OUT/x.csv''')",
	"COPY (SELECT 1) TO 'OUT/x.csv'",
	"COPY (SELECT 1) TO 'SPILL/x.csv'",
	"EXPLAIN ANALYZE COPY (SELECT 1) TO 'SPILL/x.csv'",
	"EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
	"EXPLAIN (ANALYZE) COPY (SELECT 1) TO 'SPILL/x.csv'",
	"EXPORT DATABASE 'OUT/db'",
	"EXPORT DATABASE 'SPILL/db'",
	"IMPORT DATABASE 'OUT/db'",
	"ATTACH 'OUT/x.db'",
	"ATTACH 'SPILL/x.db'",
	"ATTACH ':memory:' AS other",
	"INSTALL httpfs",
	"LOAD httpfs",
	"LOAD 'OUT/x.duckdb_extension'",
	"FORCE INSTALL json FROM community",
	"UPDATE EXTENSIONS",
	"CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
	"SET threads=1",
	"SET TimeZone='America/New_York'",
	"SET enable_external_access=true",
	"SET lock_configuration=false",
	"RESET memory_limit",
	"PRAGMA threads=1",
	"PRAGMA memory_limit='1GB'",
	"PRAGMA enable_profiling",
	"CALL force_checkpoint()",
	"PREPARE p AS COPY (SELECT 1) TO 'SPILL/x.csv'",
	"VACUUM",
	"USE memory",
	"LOAD json",
}

func TestClosed(t *testing.T) {
	out, spill := t.TempDir(), t.TempDir()
	d := openDB(t, Options{Threads: 1, TempDir: spill, MemoryBytes: 128 << 20})
	r, err := OpenReader(ReaderOptions{Threads: 1, TempDir: spill, AllowedPaths: []string{t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	paths := strings.NewReplacer("OUT", out, "SPILL", spill)
	for _, sql := range outside {
		sql = paths.Replace(sql)
		for name, err := range map[string]error{
			"Exec":         d.Exec(context.Background(), sql),
			"Query":        queryErr(d, sql),
			"reader Query": queryErr(r, sql),
			"reader Exec":  r.Exec(context.Background(), sql),
		} {
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %s: %v", name, sql, err)
			}
		}
	}
	for _, dir := range []string{out, spill} {
		filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
			if err != nil || !e.IsDir() {
				t.Errorf("%s was written (%v)", p, err)
			}
			return nil
		})
	}
	if g := one(t, d, "SELECT current_setting('threads') || current_setting('TimeZone') || current_setting('enable_external_access')::VARCHAR || current_setting('lock_configuration')::VARCHAR"); g != "1UTCfalsetrue" {
		t.Errorf("settings are %s", g)
	}
}

func queryErr(d *DB, sql string) error {
	_, err := collectErr(d, sql)
	return err
}

func TestReader(t *testing.T) {
	base := t.TempDir()
	lake, other := filepath.Join(base, "it's a lake"), filepath.Join(base, "it's a lake but another")
	w, err := open(Options{}, nil) // a database that may write, for the files
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, dir := range []string{lake, other} {
		for day := range 3 {
			p := filepath.Join(dir, fmt.Sprintf("eventDay=2024010%d", day))
			if err := os.MkdirAll(p, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := w.main.run(fmt.Sprintf("COPY (SELECT i AS n, {'ip': '10.0.0.' || i} AS src FROM range(%d) r(i)) TO %s (FORMAT parquet)", day+1, Literal(filepath.Join(p, "a.parquet"))), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	one1 := filepath.Join(other, "eventDay=20240100", "a.parquet")
	d, err := OpenReader(ReaderOptions{MemoryBytes: 256 << 20, Threads: 2, TempDir: t.TempDir(), AllowedPaths: []string{lake, one1}, Setup: []string{
		"CREATE VIEW " + Identifier("network activity") + " AS SELECT * FROM read_parquet(" + Literal(lake+"/*/*.parquet") + ", hive_partitioning=true)",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if got := collect(t, d, `SELECT src.ip, count(*), sum(n), avg(n), sum(n)::DECIMAL(9,2), eventDay FROM "network activity" WHERE eventDay >= 20240101 GROUP BY ALL ORDER BY ALL`); fmt.Sprint(got) !=
		"[[10.0.0.0 1 0 0 0 20240101] [10.0.0.0 1 0 0 0 20240102] [10.0.0.1 1 1 1 1 20240101] [10.0.0.1 1 1 1 1 20240102] [10.0.0.2 1 2 2 2 20240102]]" {
		t.Errorf("%v", got)
	}
	if got := collect(t, d, "SELECT -12345678901234567890123456789::HUGEINT, -1.5::DECIMAL(4,1), 123456.78::DECIMAL(9,2), -12345678901.5::DECIMAL(18,1), '1000000000000000000000000000000.25'::DECIMAL(38,2)"); fmt.Sprint(got) !=
		"[[-12345678901234567890123456789 -1.5 123456.78 -12345678901.5 1000000000000000000000000000000.25]]" {
		t.Errorf("%v", got)
	}
	for _, sql := range []string{`DESCRIBE "network activity"`, "SHOW TABLES", "SELECT * FROM read_parquet(" + Literal(one1) + ")", `EXPLAIN SELECT * FROM "network activity"`, `EXPLAIN ANALYZE SELECT count(*) FROM "network activity"`} {
		if rows, err := collectErr(d, sql); err != nil || len(rows) == 0 {
			t.Errorf("%s: %v %v", sql, rows, err)
		}
	}
	for _, sql := range []string{
		"SELECT * FROM read_parquet(" + Literal(filepath.Join(other, "eventDay=20240101", "a.parquet")) + ")",
		"SELECT * FROM read_parquet(" + Literal(other+"/*/*.parquet") + ")",
		"SELECT * FROM read_parquet(" + Literal(lake+"/../it's a lake but another/eventDay=20240101/a.parquet") + ")",
		"COPY (SELECT 1) TO " + Literal(lake+"/x.parquet"),
		"COPY (SELECT 1) TO " + Literal(one1),
		"EXPLAIN ANALYZE COPY (SELECT 1) TO " + Literal(lake+"/x.parquet"),
		"ATTACH " + Literal(lake+"/x.db"),
		"CREATE VIEW v AS SELECT 1",
		`DROP VIEW "network activity"`,
	} {
		if err := queryErr(d, sql); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
	// Exec is for CREATE and the like; writing files through it is refused too.
	for _, sql := range []string{"COPY (SELECT 1) TO " + Literal(lake+"/x.parquet"), "ATTACH " + Literal(lake+"/x.db")} {
		if err := d.Exec(context.Background(), sql); err == nil {
			t.Errorf("Exec: %s was allowed", sql)
		}
	}
	if _, err := os.Stat(filepath.Join(lake, "x.parquet")); err == nil {
		t.Error("a file was written into the lake")
	}
	if _, err := OpenReader(ReaderOptions{AllowedPaths: []string{""}}); err == nil {
		t.Error("an empty path was taken")
	}
	if _, err := OpenReader(ReaderOptions{Setup: []string{"CREATE VIEW x AS SELECT * FROM read_parquet('/etc/nothing.parquet')"}}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a setup outside of the allowed paths: %v", err)
	}
}
