package allow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/sql/sqltest"
)

// Macros and calls that double each other are refused in a line, before DuckDB or the compiler puts them in place.
func TestSizeOfExpressions(t *testing.T) {
	chain := func(body string, n int) string {
		b := strings.Builder{}
		b.WriteString("CREATE MACRO f0(x) AS x || x;\n")
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, "CREATE MACRO f%d(x) AS %s;\n", i, strings.ReplaceAll(body, "%", fmt.Sprint(i-1)))
		}
		return b.String()
	}
	nested := func(open, x, end string, n int) string { return strings.Repeat(open, n) + x + strings.Repeat(end, n) }
	for _, c := range []struct{ name, macros, expr, drop, want string }{
		{"macros of a macro twice", chain("f%(x) || f%(x)", 60), "f60(name)", "", `macros.sql:14:14: error: macro f13 is too large`},
		{"macros of macros", chain("f%(f%(x))", 60), "f60(name)", "", `macros.sql:5:14: error: macro f4 is too large`},
		{"macros in quotes", chain(`"F%"(x) || /* ( */ "F%" (x)`, 60), "f60(name)", "", `macros.sql:14:14: error: macro f13 is too large`},
		{"calls in each other", chain("x", 0), nested("f0(", "name", ")", 60), "", `m.sql:2:186: error: the expression is too large`},
		{"a drop line", chain("x", 0), "name", nested("f0(", "name", ")", 60) + " = 'x'", `m.sql:2:10: error: the expression is too large`},
		{"with a lambda", "CREATE MACRO g(x) AS list_transform([x], lambda e: e || x)[1];", nested("g(", "name", ")", 60), "", `m.sql:2:186: error: the expression is too large`},
		{"deep", "", nested("lower(", "name", ")", 450), "", `m.sql:2:186: error: the expression is too deep`},
		{"twice", "CREATE MACRO g(x) AS x; CREATE OR REPLACE MACRO g(x) AS x || x;", "g(name)", "", `macros.sql:1:49: error: macro g is defined twice`},
	} {
		drop := ""
		if c.drop != "" {
			drop = "-- drop: " + c.drop + "\n"
		}
		texts := map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": sqltest.SmallHead + drop + "SELECT " + sqltest.SmallBase + ", " + c.expr + " AS app_name FROM raw"}
		if c.macros != "" {
			texts["macros.sql"] = c.macros
		}
		began := time.Now()
		diagnostics := sqltest.Diagnostics(t, sqltest.Mapping(t, texts))
		if took := time.Since(began); took > 20*time.Second { // without the limit it never ends
			t.Errorf("%s: %s", c.name, took)
		}
		if got := sqltest.Listed(diagnostics); len(diagnostics) != 1 || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %s\n%s", c.name, c.want, got)
		}
	}
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "macros.sql": chain("f%(x) || f%(x)", 5), "m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ", f5(name) AS app_name FROM raw"}))
	if got := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"x"}`)[0].Fields["app_name"]; got != strings.Repeat("x", 64) {
		t.Errorf("%v", got)
	}
}
