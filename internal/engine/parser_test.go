package engine

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestParsePrint(t *testing.T) {
	p := openDB(t, Options{Threads: 1}).Parser()
	for _, sql := range []string{
		`SELECT event.ts AS "time", 'it''s; -- no comment' AS "a.b", TRY(CAST(x AS INTEGER)) FROM raw WHERE ((event.kind = 'netflow') AND (y IS NOT NULL))`,
		`SELECT list_transform(l, lambda x: (x + 1)) FROM raw`,
		`SELECT CASE  WHEN ((a > 1)) THEN ('é') ELSE NULL END FROM raw , unnest(raw.l) AS t(v)`,
		`SELECT $$a 'quoted' text$$ AS q`,
	} {
		ast, err := p.Parse(sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		printed, err := p.Print(ast)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		again, err := p.Parse(printed)
		if err != nil {
			t.Errorf("%s: printed as %s: %v", sql, printed, err)
			continue
		}
		if twice, err := p.Print(again); err != nil || twice != printed {
			t.Errorf("%s\nprinted %s\ntwice   %s (%v)", sql, printed, twice, err)
		}
	}
}

// query_location counts bytes of the text as it was given, blanks, comments and letters beyond ASCII included.
func TestParseOffsets(t *testing.T) {
	p := openDB(t, Options{Threads: 1}).Parser()
	sql := "-- class: é\n/* ü */ SELECT 'ß' AS a,\n\t\"wanted\" AS b FROM raw"
	ast, err := p.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Statements []struct {
			Node struct {
				List []struct {
					At uint64 `json:"query_location"`
				} `json:"select_list"`
				From struct {
					At uint64 `json:"query_location"`
				} `json:"from_table"`
			} `json:"node"`
		} `json:"statements"`
	}
	if err := json.Unmarshal(ast, &doc); err != nil {
		t.Fatal(err)
	}
	n := doc.Statements[0].Node
	for want, at := range map[string]uint64{"'ß'": n.List[0].At, `"wanted"`: n.List[1].At, "raw": n.From.At} {
		if at >= uint64(len(sql)) || !strings.HasPrefix(sql[at:], want) {
			t.Errorf("%s is said to be at %d", want, at)
		}
	}
}

func TestParseErrors(t *testing.T) {
	d := openDB(t, Options{Threads: 1})
	p := d.Parser()
	for sql, want := range map[string]struct {
		msg string
		at  int
	}{
		"SELECT 'é' FROM WHERE":              {"syntax error", 16},
		"SELECT strptime(at, '%Y') FROM raw": {`; at is a word of SQL: if it is a name here, write it in double quotes ("at")`, 18},
		"SELECT 1; SELECT 2":                 {"not 2 statements", 10},
		"":                                   {"not 0 statements", -1},
		"CREATE TABLE raw (a INTEGER)":       {"only a SELECT", 0},
		"COPY (SELECT 1) TO 'x'":             {"only a SELECT", 0},
		"SELECT 'open":                       {"unterminated", 7},
		"SELECT a FROM raw WHERE (a = 1":     {"", -2},
		"EXPLAIN SELECT 1":                   {"only a SELECT", 0},
		"ATTACH 'x.db'":                      {"only a SELECT", 0},
		"INSERT INTO raw VALUES (1)":         {"only a SELECT", 0},
		"SELECT 1; DROP TABLE raw":           {"only a SELECT", 0},
		"PRAGMA threads=1":                   {"only a SELECT", 0},
		"SET threads=1":                      {"only a SELECT", 0},
		"CALL pragma_version(); SELECT 'x'":  {"only a SELECT", 0},
	} {
		_, err := p.Parse(sql)
		var e *SyntaxError
		if !errors.As(err, &e) || !strings.Contains(e.Message, want.msg) || want.at != -2 && e.Offset != want.at || strings.Contains(e.Message, "\n") {
			t.Errorf("%q: %#v %v, want %q at %d", sql, e, err, want.msg, want.at)
		}
	}
	if _, err := p.Print([]byte(`{"not": "a tree"}`)); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("Print: %v", err)
	}
	d.Close()
	var e *SyntaxError
	if _, err := p.Parse("SELECT 1"); err == nil || errors.As(err, &e) {
		t.Errorf("after Close: %v", err)
	}
}

func TestFunctions(t *testing.T) {
	d := openDB(t, Options{Threads: 1})
	ctx := context.Background()
	if err := d.Exec(ctx, "CREATE MACRO Half(x) AS x / 2; CREATE MACRO rows_of(x) AS TABLE SELECT x"); err != nil {
		t.Fatal(err)
	}
	f, err := d.Functions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{
		"lower":        f["lower"].Scalar && !f["lower"].Volatile && !f["lower"].Table,
		"random":       f["random"].Volatile,
		"uuid":         f["uuid"].Volatile,
		"nextval":      f["nextval"].Volatile,
		"now":          f["now"].PerQuery,
		"read_csv":     f["read_csv"].Table && !f["read_csv"].Scalar,
		"read_parquet": f["read_parquet"].Table,
		"range":        f["range"].Table && f["range"].Scalar,
		"sum":          f["sum"].Aggregate && !f["sum"].Scalar,
		"half":         f["half"].Macro,
		"rows_of":      f["rows_of"].Table,
		"error":        f["error"].Volatile,
	} {
		if !ok {
			t.Errorf("%s: %+v", name, f[name])
		}
	}
	if _, ok := f["nosuchthing"]; ok || len(f) < 500 {
		t.Errorf("%d functions", len(f))
	}
}

func TestDescribeTable(t *testing.T) {
	ctx := context.Background()
	cols, err := DescribeTable(ctx, "-- the contract\nCREATE TABLE raw (\n a STRUCT(b INT, \"c d\" VARCHAR[]), -- (\n m MAP(VARCHAR, INT), \"quo\"\"te\" TIMESTAMP, j JSON, d DECIMAL(10, 2)\n);\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []ColumnDef{{"a", `STRUCT(b INTEGER, "c d" VARCHAR[])`}, {"m", "MAP(VARCHAR, INTEGER)"}, {`quo"te`, "TIMESTAMP"}, {"j", "JSON"}, {"d", "DECIMAL(10,2)"}}
	if len(cols) != len(want) {
		t.Fatalf("%+v", cols)
	}
	for i := range want {
		if cols[i] != want[i] {
			t.Errorf("%+v, want %+v", cols[i], want[i])
		}
	}
	for sql, w := range map[string]string{
		"":                                      "exactly one",
		"SELECT 1":                              "not a plain CREATE TABLE raw",
		"CREATE TABLE other (a INT)":            "not a plain",
		"CREATE TABLE s.raw (a INT)":            "not a plain",
		"CREATE TABLE raw AS SELECT 1 AS a":     "not a plain",
		"CREATE TABLE raw (a) AS SELECT 1":      "not a plain",
		"CREATE VIEW raw AS SELECT 1":           "not a plain",
		"CREATE MACRO raw(a) AS a":              "not a plain",
		"CREATE TABLE raw (a INT); SELECT 1":    "not 2 statements",
		"CREATE TABLE raw (a INT) /* open":      "is not closed",
		"CREATE TABLE raw (a INT DEFAULT 3)":    "column a of raw has a DEFAULT",
		"CREATE TABLE raw (a INT, b AS (a+1))":  "column b of raw has a DEFAULT",
		"CREATE TABLE raw (a INT NOT NULL)":     "constraint",
		"CREATE TABLE raw (a INT PRIMARY KEY)":  "constraint",
		"CREATE TABLE raw (a INT CHECK (a>1))":  "constraint",
		"CREATE TABLE raw (a NOSUCHTYPE)":       "NOSUCHTYPE",
		"CREATE TABLE raw (a INT, A INT)":       "",
		"CREATE TABLE raw (a INT,, b INT)":      "syntax error",
		"CREATE TABLE raw (a INT, at VARCHAR)":  `syntax error at or near "at"; at is a word of SQL: if it is a name here, write it in double quotes ("at")`,
		"COPY (SELECT 1) TO '/tmp/silt-no.csv'": "not a plain",
	} {
		_, err := DescribeTable(ctx, sql)
		if err == nil || !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", sql, err, w)
		}
	}
}

func TestCheckMacros(t *testing.T) {
	ctx := context.Background()
	stmts, defs, err := CheckMacros(ctx, "-- macros; of ours\nCREATE TEMP MACRO port_ok(p) AS p BETWEEN 0 AND 65535;\n"+
		"create or replace temporary /* ; */ macro sev(s, d := 'x;y') as case when s = 1 then 4 else port_ok(s)::int end; CREATE FUNCTION two(a) AS a, (a, b) AS a + b;")
	if err != nil {
		t.Fatal(err)
	}
	if len(stmts) != 3 || len(defs) != 4 {
		t.Fatalf("%q %+v", stmts, defs)
	}
	d := openDB(t, Options{Threads: 1})
	for _, s := range stmts {
		if err := d.Exec(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if g := one(t, d, "SELECT sev(1) + sev(9) + two(1, 2) + two(1)"); g != "9" {
		t.Errorf("%s", g)
	}
	for _, m := range defs {
		if _, err := d.Parser().Parse("SELECT " + m.Definition); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
	for sql, w := range map[string]string{
		"CREATE MACRO f(x) AS TABLE SELECT x":               "returns a table",
		"CREATE MACRO lower(x) AS x":                        "DuckDB has a function",
		"CREATE MACRO \"SUM\"(x) AS x":                      "DuckDB has a function",
		"CREATE TABLE t (a INT)":                            "only CREATE MACRO",
		"CREATE MACRO f(x) AS x; DROP MACRO f":              "only CREATE MACRO",
		"SELECT 1":                                          "only CREATE MACRO",
		"CREATE":                                            "only CREATE MACRO",
		"CREATE MACRO s.f(x) AS x":                          "without a schema",
		"CREATE MACRO f(x) AS (SELECT * FROM nosuch_table)": "",
		"CREATE MACRO f(x) AS nosuchfunction(x":             "syntax error",
	} {
		_, _, err := CheckMacros(ctx, sql)
		if w != "" && (err == nil || !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v, want %q", sql, err, w)
		}
	}
	sql := "CREATE MACRO a(x) AS x;\nCREATE TEMP  /* é */ MACRO b(x) AS x + FROM ;"
	var e *Error
	if _, _, err := CheckMacros(ctx, sql); !errors.As(err, &e) || e.Offset < 0 || e.Offset >= len(sql) || !strings.HasPrefix(sql[e.Offset:], "FROM") {
		t.Errorf("%v %+v", err, e)
	}
}

func TestLex(t *testing.T) {
	toks, err := lex("SELECT 'a''--b', \"c\"\"d\", $x$ ; $x$, E'\\';', $1, é /* a /* b */ */ -- ;\n; X")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range toks {
		got = append(got, k.text)
	}
	want := "select|'a''--b'|,|\"c\"\"d\"|,|$x$ ; $x$|,|E'\\';'|,|$|1|,|é|;|x"
	if strings.Join(got, "|") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "|"), want)
	}
	if toks[3].name() != `c"d` {
		t.Errorf("%q", toks[3].name())
	}
	for _, s := range []string{"'a", `"a`, "/* a /* b */", "$$ a", "e'\\'"} {
		if _, err := lex(s); err == nil {
			t.Errorf("%s was taken", s)
		}
	}
}

func FuzzLex(f *testing.F) {
	f.Add("SELECT 'a' /* */ $x$ $x$ -- b")
	f.Fuzz(func(t *testing.T, s string) {
		toks, err := lex(s)
		if err != nil {
			return
		}
		end := 0
		for _, k := range toks {
			if k.at < end || k.at+len(k.text) > len(s) && !k.word {
				t.Fatalf("token %+v in %q", k, s)
			}
			end = k.at + 1
		}
		statements(toks)
	})
}
