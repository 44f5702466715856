package projection_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// Two projections that can take the same record are reported with such a record, if the predicates show one.
func TestOverlap(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"no WHERE", "", "", "neither has a WHERE clause"},
		{"one without", "", "WHERE name = 'x'", "name = 'x'"},
		{"equal constants", "WHERE name = 'x'", "WHERE name IN ('y', 'x')", "name = 'x'"},
		{"other constants", "WHERE name = 'x'", "WHERE name IN ('y', 'z')", ""},
		{"ranges", "WHERE n > 5", "WHERE n <= 6", "n = 6"},
		{"ranges apart", "WHERE n > 5", "WHERE n <= 5", ""},
		{"two fields", "WHERE name = 'x'", "WHERE n = 3", "name = 'x', n = 3"},
		{"one more condition", "WHERE name = 'x' AND n = 2", "WHERE name = 'x' AND n <> 2", ""},
		{"negation", "WHERE name <> 'x'", "WHERE name IS NOT NULL AND ev.a = 'q'", "name = 'something else', ev.a = 'q'"},
		{"NULL", "WHERE n IS NULL", "WHERE n IS NULL", "one in which the fields of the WHERE clauses are NULL"},
		{"a call", "WHERE starts_with(name, 'ab')", "WHERE lower(name) = 'abc'", "name = 'abc'"},
		{"a call that excludes", "WHERE starts_with(name, 'ab')", "WHERE lower(name) = 'cbc'", ""},
		{"a failing one", "WHERE name::INTEGER = 4", "WHERE name = '4'", "name = '4'"},
		{"dropped", "\n-- drop: name = 'x'\n", "", "one in which"},
	} {
		a, header := c.a, ""
		if strings.HasPrefix(a, "\n") {
			header, a = strings.TrimLeft(a, "\n"), ""
		}
		m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw,
			"a.sql": sqltest.SmallHead + header + "SELECT " + sqltest.SmallBase + " FROM raw " + a, "b.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + "\nFROM raw " + c.b})
		diagnostics := sqltest.Diagnostics(t, m)
		got := sqltest.Listed(diagnostics)
		if diagnostics.Failed() || c.want == "" && strings.Contains(got, "matches records") || c.want != "" && !strings.Contains(got, "b matches records that a also matches: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q in:\n%s", c.name, c.want, got)
		}
	}
	// A drop predicate goes before all.
	m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "a.sql": sqltest.SmallHead + "-- drop: name = 'x'\nSELECT " + sqltest.SmallBase + " FROM raw WHERE name = 'x'",
		"b.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + " FROM raw WHERE name = 'x'"})
	if got := sqltest.Listed(sqltest.Diagnostics(t, m)); strings.Contains(got, "matches records") {
		t.Errorf("dropped records overlap:\n%s", got)
	}
	// A predicate with functions is evaluated, too.
	m = sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "a.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + " FROM raw WHERE len(list_transform(string_split(replace(name, 'e', 'a,b'), ','), lambda x: x || x)) > 5 OR name = 'x'",
		"b.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + " FROM raw WHERE name = 'x'"})
	sqltest.Diagnostics(t, m)
}
