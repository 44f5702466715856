package syntax

import (
	"strings"
	"testing"
)

func TestAliasAt(t *testing.T) {
	for _, c := range []struct{ sql, alias, want string }{
		{"SELECT a AS b, -- the b of all\n c", "b", "b, --"},
		{"SELECT CAST(a AS date) AS date, b", "date", "date, b"},
		{`SELECT CASE WHEN "x(" > 1 THEN ' AS b' END AS "b", b`, "b", `"b", b`},
		{`SELECT (SELECT 1 AS b) AS /* AS b */ b FROM raw`, "b", "b FROM"},
		{`SELECT (a || b) AS "unmapped.a ""b""" FROM raw`, `unmapped.a "b"`, `"unmapped.a`},
		{"SELECT b, c", "b", ""},
		{"SELECT a AS bc, b", "b", ""},
	} {
		at := AliasAt(WithoutTexts(c.sql), c.alias, len("SELECT "))
		if got := c.sql[max(at, 0):]; (at < 0) != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %d %s", c.sql, at, got)
		}
	}
}

func TestWithoutComments(t *testing.T) {
	const sql = "a -- it's\n'-- no' /* x\n' */ \"--\" 'b'"
	if got, want := WithoutComments(sql), "a        \n'-- no'     \n     \"--\" 'b'"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := WithoutTexts(sql), "a        \n            \n     \"--\"    "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, open := range []string{"'", `"`, "/*", "--", "'a''"} {
		if got := WithoutTexts(open); len(got) != len(open) {
			t.Errorf("%q: %q", open, got)
		}
	}
}
