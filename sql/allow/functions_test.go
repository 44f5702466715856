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
