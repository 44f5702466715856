package bound_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/allow"
	"github.com/silt-etl/silt/sql/sqltest"
)

// Each allowed function says how its result grows, in a word that is known.
func TestGrowths(t *testing.T) {
	known := map[allow.Growth]bool{}
	for _, g := range []allow.Growth{allow.GrowsNot, allow.GrowsNotMore, allow.GrowsToWidth, allow.GrowsByFormat, allow.GrowsByReplace, allow.GrowsByPattern,
		allow.GrowsBySeparator, allow.GrowsByLambda, allow.GrowsByProduct, allow.GrowsBySquare, allow.GrowsByPath, allow.GrowsByTimeFormat, allow.GrowsByMatrix,
		allow.GrowsByPairs, allow.Searches, allow.Splits, allow.SearchesLike, allow.SearchesPattern, allow.SearchesPatternAll} {
		known[g] = true
	}
	for name, g := range allow.Growths() {
		if _, factor := g.Factor(); !known[g] && !factor {
			t.Errorf("%s: %q does not say how its result grows", name, g)
		}
	}
}

func nested(open, x, end string, n int) string {
	return strings.Repeat(open, n) + x + strings.Repeat(end, n)
}

// What could become too large, or take too long, for a long value is computed for a short one only. The raw value is kept.
func TestGuards(t *testing.T) {
	long := strings.Repeat("ab", 40_000)
	tags := "[" + strings.Repeat(`"ab",`, 3000) + `"ab"]`
	for _, c := range []struct{ name, expr string }{
		{"replace", nested("replace(", "name", ", 'a', 'aaaaaaaaaa')", 5)},
		{"hex", nested("hex(", "name", ")", 14)},
		{"url_encode", nested("url_encode(", "name || '/'", ")", 9)},
		{"base64", "length(" + nested("base64(encode(", "name", "))", 18) + ")::VARCHAR"},
		{"concat", nested("concat(", "name", ", name)", 3) + " || " + nested("replace(", "name", ", '', name)", 1) + " || replace(name, 'a', name)"},
		{"regexp_replace", "regexp_replace(name, '', name, 'g')"},
		{"to_json", "length(" + nested("to_json(", "name", ")", 5) + "::VARCHAR)::VARCHAR"},
		{"translate", nested("translate(", "name", ", 'a', '€')", 6)},
		{"array_to_string", "length(array_to_string(string_split(name, ''), '" + strings.Repeat("x", 4000) + "'))::VARCHAR"},
		{"lists", "len(list_transform(tags, lambda a: list_transform(tags, lambda b: list_transform(tags, lambda c: a || b || c))))::VARCHAR"},
		{"captured", "len(list_transform(tags, lambda a: a || name || name))::VARCHAR"},
		{"levenshtein", "levenshtein(name, reverse(name))::VARCHAR"},
		{"damerau_levenshtein", "damerau_levenshtein(name, reverse(name))::VARCHAR"},
		{"jaro_similarity", "jaro_similarity(name, reverse(name))::VARCHAR"},
		{"jaro_winkler_similarity", "jaro_winkler_similarity(name, reverse(name))::VARCHAR"},
		{"json_pretty", "length(json_pretty(to_json(name)))::VARCHAR"},
		{"ILIKE", "(name ILIKE '%a%a%a%a%a%x')::VARCHAR"},
		{"LIKE", "(name LIKE '%a_%a_%a_%x')::VARCHAR"},
		{"GLOB", "(name GLOB '*a*a*a*a*x')::VARCHAR"},
		{"LIKE a value", "(name LIKE name || '%%a%a%a%a%a%x')::VARCHAR"},
		{"regexp_extract_all", "len(regexp_extract_all(name, 'a(.*x)?'))::VARCHAR"},
		{"a pattern", "regexp_matches(name, name || name)::VARCHAR"},
		{"never NULL", "coalesce(" + nested("hex(", "name", ")", 14) + ", 'none')"},
		{"a CASE", "CASE WHEN name IS NULL THEN 'none' ELSE " + nested("hex(", "name", ")", 14) + " END"},
		{"a number, too", "coalesce(" + nested("hex(", "name", ")", 14) + ", n::VARCHAR)"},
	} {
		compiled := sqltest.Compile(t, sqltest.SmallMapping(t, c.expr+" AS app_name", ""))
		events := sqltest.Run(t, compiled, nil,
			fmt.Sprintf(`{"ts":"2024-01-01T00:00:00Z","name":%q,"tags":%s}`, long, tags), `{"ts":"2024-01-01T00:00:00Z","name":"a","tags":["a"]}`)
		if got := events[0].Fields["app_name"]; got != nil {
			t.Errorf("%s: of a long value it is %.40q", c.name, got)
		}
		if got := events[1].Fields["app_name"]; got == nil && c.name != "ILIKE" && c.name != "LIKE a value" {
			t.Errorf("%s: of a short value it is NULL\n%s", c.name, compiled.Projections[0].SQL)
		}
		if got := events[0].Fields["src_endpoint.name"]; got != long {
			t.Errorf("%s: the raw value is %.40q", c.name, got)
		}
	}
}

// What is usual needs no guard.
func TestNoGuard(t *testing.T) {
	for _, expr := range []string{"lower(trim(name))", "replace(name, 'a', 'bb')", "lpad(name, 100, '0')", "concat_ws(' ', name, ev.a, ev.b.d)", "name || ':' || ev.a",
		"regexp_replace(name, '\\s+', ' ', 'g')", "regexp_replace(name, '(^|,)\\s*([A-Za-z0-9_]+)=', chr(1) || '\\2' || chr(2), 'g')",
		"len(regexp_extract_all(name, '\"([^\"\\\\]|\\\\.)*\"'))", "tag_value(name, 'technique_id')", "array_to_string(tags, ', ')", "levenshtein(name, 'administrator')::VARCHAR", "name LIKE '%a%b%c%'", "format('{:08d}', n)",
		"list_transform(tags, lambda t: lower(t))[1]", "split_part(name, '/', 2)", "CASE WHEN name ILIKE '%admin%' THEN 'a' ELSE upper(name) END"} {
		compiled := sqltest.Compile(t, sqltest.SmallMapping(t, "("+expr+")::VARCHAR AS app_name", ""))
		if len(compiled.Guards) > 0 {
			t.Errorf("%s: %v", expr, compiled.Guards)
		}
	}
}

// What guarded expressions have in common is computed once: DuckDB's plan has it in a column of its own.
func TestGuardsShare(t *testing.T) {
	for _, c := range []struct {
		one, other string
		shared     bool
	}{
		{"levenshtein(name, reverse(name)) + 1", "levenshtein(name, reverse(name)) + 2", true},
		{"levenshtein(name, reverse(name)) + 1", "levenshtein(name, reverse(name)) + 2 + levenshtein(name, 'admin')", true},
		{"levenshtein(name, reverse(name)) + 1", "coalesce(levenshtein(name, reverse(name)) + 2, 0)", false}, // NULLs would give 0
	} {
		compiled := sqltest.Compile(t, sqltest.SmallMapping(t, "("+c.one+")::VARCHAR AS app_name, ("+c.other+`)::VARCHAR AS "metadata.log_name"`, ""))
		if len(compiled.Guards) != 2 {
			t.Fatalf("%d guards", len(compiled.Guards))
		}
		plan := sqltest.Explain(t, compiled, 0)
		if shared := strings.Contains(plan, "levenshtein("); shared != c.shared {
			t.Errorf("%s and %s: shared %t\n%s\n%s", c.one, c.other, shared, plan, compiled.Projections[0].SQL)
		}
	}
}

// What constants alone make too large is refused in its place; what is too large for every record is reported.
func TestTooLarge(t *testing.T) {
	for _, c := range []struct {
		expr, want string
		severity   diag.Severity
	}{
		{"length(" + nested("replace(", "'a'", ", 'a', 'aaaaaaaaaa')", 9) + ")::VARCHAR", "m.sql:3:16: error", diag.Error},
		{"length(" + nested("[", "name", "]", 60) + "::VARCHAR)::VARCHAR", "nested in each other", diag.Error},
		{"length(replace(lpad(name, 10000, 'a'), 'a', lpad(name, 10000, 'b')))::VARCHAR", "NULL in every record", diag.Warning},
		{"format('" + strings.Repeat("{0:9999}", 9000) + "', n)", "NULL in every record", diag.Warning},
	} {
		found := sqltest.Diagnostics(t, sqltest.SmallMapping(t, c.expr+" AS app_name", ""))
		if got := sqltest.Listed(found); !strings.Contains(got, c.want) || found.Failed() != (c.severity == diag.Error) {
			t.Errorf("%.60s: %s", c.expr, got)
		}
	}
}

// No guard of a mapping that ships is near the size of a real value.
func TestGuardsOfShippedMappings(t *testing.T) {
	for _, name := range mappings.Names() {
		m, err := mappings.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range sqltest.Compile(t, m).Guards {
			if g.Longest < 2000 {
				t.Errorf("%s: a value of %.0f bytes is too long: %v, %v", name, g.Longest, g.Memory, g.Work)
			}
		}
	}
}

// A CASE takes what its conditions take, and its largest result: a record has one.
func TestCaseTakesOneResult(t *testing.T) {
	longest := func(expr string) float64 {
		compiled := sqltest.Compile(t, sqltest.SmallMapping(t, "length("+expr+")::VARCHAR AS app_name", ""))
		if len(compiled.Guards) != 1 {
			t.Fatalf("%s: %d guards", expr, len(compiled.Guards))
		}
		return compiled.Guards[0].Longest
	}
	large, small := nested("hex(", "name", ")", 10), nested("hex(", "name", ")", 8)
	one := longest("CASE WHEN n = 1 THEN " + large + " END")
	if got := longest("CASE WHEN n = 1 THEN " + large + " WHEN n = 2 THEN " + small + " ELSE " + large + " END"); got != one {
		t.Errorf("with three results: %.0f bytes, with the largest alone: %.0f", got, one)
	}
	if got := longest("CASE WHEN length(" + large + ") = 1 THEN " + large + " END"); got > 0.7*one {
		t.Errorf("with a large condition, too: %.0f bytes, without it: %.0f", got, one)
	}
}
