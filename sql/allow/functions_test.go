package allow_test

import (
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/sql/sqltest"
)

var update = flag.Bool("update", false, "write the list of functions anew")

var leftOut = regexp.MustCompile(`^(__internal|icu_|inet_|pg_|has_.*_privilege$)`)

// The list of functions has each of DuckDB's scalar functions and macros, so that a new DuckDB shows in a diff.
func TestFunctionList(t *testing.T) {
	const path = "functions.txt"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	functions, err := db.Functions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var head strings.Builder
	said := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			head.WriteString(line)
			continue
		}
		said[strings.Fields(line)[1]] = line
	}
	want := head.String()
	for _, n := range slices.Sorted(maps.Keys(functions)) {
		f := functions[n]
		if !f.Scalar && !f.Macro || leftOut.MatchString(n) {
			continue
		}
		line := said[n]
		if line == "" {
			line = "refuse " + n + " new\n"
		}
		if strings.HasPrefix(line, "allow ") && (f.Volatile || f.PerQuery) {
			t.Errorf("%s is allowed, and its value is not fixed by its arguments", n)
		}
		want += line
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(b) {
		t.Errorf("%s is not DuckDB's list of functions: look at what go test ./mappings -run TestFunctionList -update makes of it", path)
	}
}

// What is not on the list is refused, with the name that may be meant.
func TestFunctionsOffTheList(t *testing.T) {
	for e, want := range map[string]string{
		"add(n, 1)::VARCHAR":         "add cannot be used in a mapping",
		"hash(name)::VARCHAR":        "hash cannot be used in a mapping",
		"bitstring('1', 9)::VARCHAR": "bitstring cannot be used in a mapping",
		"alias(name)":                "alias cannot be used in a mapping",
	} {
		if got := sqltest.Listed(sqltest.Diagnostics(t, sqltest.SmallMapping(t, e+" AS app_name", ""))); !strings.Contains(got, want) {
			t.Errorf("%s: %s", e, got)
		}
	}
	if diagnostics := sqltest.Diagnostics(t, sqltest.SmallMapping(t, "upper(list_sort(list_filter(tags, lambda x: x > 'a'))[1]) AS app_name", "")); diagnostics.Failed() {
		t.Error(sqltest.Listed(diagnostics))
	}
}

// A field that raw.sql does not declare, and that SQL has a function for, is an unknown field with a nearest name.
func TestFieldsNamedAsFunctions(t *testing.T) {
	for e, want := range map[string]string{
		"user":                `raw has no field user, and SQL's function of this name cannot be used in a mapping (add "user" to raw.sql, or correct the name)`,
		`"session_user"`:      "raw has no field session_user, and SQL's function of this name cannot be used in a mapping",
		"upper(Current_Role)": "raw has no field Current_Role, and SQL's function of this name cannot be used in a mapping",
		"current_catalog":     "raw has no field current_catalog, and",
		"current_date":        "current_date cannot be used in a mapping (a mapping must give the same result every time: take the time from the record)",
	} {
		got := sqltest.Listed(sqltest.Diagnostics(t, sqltest.SmallMapping(t, e+"::VARCHAR AS app_name", "")))
		if !strings.Contains(got, want) || strings.Count(got, "error") != 1 {
			t.Errorf("%s: %s", e, got)
		}
	}
	m := sqltest.Mapping(t, map[string]string{"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, usr VARCHAR);",
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, user AS app_name FROM raw`})
	if got := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(got, "raw has no field user, and SQL's function of this name cannot be used in a mapping (did you mean usr?)") {
		t.Error(got)
	}
	m = sqltest.Mapping(t, map[string]string{"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, "user" VARCHAR);`,
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, name AS "src_endpoint.hostname", upper(user) AS app_name FROM raw`})
	if got := sqltest.Diagnostics(t, m); got.Failed() {
		t.Error(sqltest.Listed(got))
	}
}
