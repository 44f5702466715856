package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/lookup"
)

// A macro can have a lookup before anybody knows what the lookup is, and its call is printed as it was written.
func TestLookupInMacro(t *testing.T) {
	stmts, defs, err := CheckMacros(t.Context(), "CREATE MACRO owner(ip) AS coalesce(lookup('assets', ip).owner, lookup('assets', lower(ip))['owner'], lookup('a', ip).b.c);")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(stmts, defs)
	d := openDB(t, Options{})
	ast, err := d.Parser().Parse(`SELECT "silt_lookup_a.b c"("silt_lookup_a"(x)), lookup('a', x).b`)
	if err != nil {
		t.Fatal(err)
	}
	sql, err := d.Parser().Print(ast)
	t.Log(sql, err, string(ast))
	if err := d.Exec(t.Context(), "SELECT lookup('a', 1)"); err == nil || !strings.Contains(err.Error(), "lookup can be used in a mapping only") {
		t.Error(err)
	}
}

// The functions of a table give its values in flat, constant and filtered vectors.
func TestLookupFunctions(t *testing.T) {
	const text = "net,owner,note\n192.0.2.0/24,ada,\"a text that is longer than twelve bytes\"\n192.0.2.7,bob,\n"
	table, err := lookup.Read(t.Context(), lookup.Declaration{Name: "Assets", How: lookup.CIDR, Columns: []string{"net"}}, strings.NewReader(text), lookup.Options{File: "assets.csv"})
	if err != nil {
		t.Fatal(err)
	}
	d := openDB(t, Options{Threads: 2, Lookups: []*lookup.Table{table}})
	for expr, want := range map[string]string{
		"192.0.2.7": "bob|NULL", "192.0.2.8": "ada|a text that is longer than twelve bytes", "198.51.100.1": "NULL|NULL", "": "NULL|NULL",
	} {
		for _, from := range []string{"", fmt.Sprintf(" FROM (SELECT '%s' AS ip FROM range(5000)) WHERE ip IS NOT NULL LIMIT 1", expr)} {
			arg := "ip"
			if from == "" {
				arg = "'" + expr + "'"
			}
			sql := fmt.Sprintf(`SELECT coalesce("silt_lookup_assets.owner"(silt_lookup_assets(%s)), 'NULL') || '|' || coalesce("silt_lookup_assets.note"(silt_lookup_assets(%[1]s)), 'NULL') AS v%s`, arg, from)
			if got := collect(t, d, sql); len(got) != 1 || got[0][0] != want {
				t.Errorf("%s: %v, want %s", sql, got, want)
			}
		}
	}
	got := collect(t, d, `SELECT sum(("silt_lookup_assets.owner"(silt_lookup_assets(ip)) = 'bob')::INT)::VARCHAR, count("silt_lookup_assets.note"(silt_lookup_assets(ip)))::VARCHAR
		FROM (SELECT CASE WHEN i % 3 = 0 THEN NULL ELSE '192.0.2.' || (i % 256) END AS ip FROM range(30000) r(i)) WHERE ip IS NOT NULL OR ip IS NULL`)
	if want := "[[79 19921]]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if rows := collect(t, d, `SELECT function_name FROM duckdb_functions() WHERE function_name LIKE 'silt_lookup%' ORDER BY ALL`); len(rows) != 4 {
		t.Error(rows)
	}
}
