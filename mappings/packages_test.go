package mappings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqltest"
)

// packageMapping writes the mapping of docs/mappings.md with its package, and files of its own; "" leaves one out.
func packageMapping(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	blocks := sqltest.PageBlocks(t, "../docs/mappings.md", "Packages")
	all := map[string]string{"sso/packages/acme/macros.sql": blocks[0], "sso/raw.sql": blocks[1], "sso/authentication.sql": blocks[2]}
	for name, text := range files {
		all[name] = text
	}
	dir = t.TempDir()
	for name, text := range all {
		at := filepath.Join(dir, name)
		if text == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func packageUser(t *testing.T, m *mappings.Mapping) any {
	t.Helper()
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, `{"ts":"2025-01-01T00:00:00Z","account":"Ada@acme.example"}`)[0]
	if e.Reason != nil {
		t.Fatal(e.Reason)
	}
	return e.Fields["user.name"]
}

// A mapping finds its package in its folder, next to it, and in the folders of a job. The texts that a manifest keeps are the same mapping.
func TestPackages(t *testing.T) {
	text := sqltest.PageBlocks(t, "../docs/mappings.md", "Packages")[0]
	for _, at := range []string{"sso/packages/acme", "packages/acme", "elsewhere/acme"} {
		dir := packageMapping(t, map[string]string{"sso/packages/acme/macros.sql": "", at + "/macros.sql": text})
		m, err := mappings.LoadWith([]string{filepath.Join(dir, "elsewhere")}, filepath.Join(dir, "sso"))
		if err != nil {
			t.Fatal(err)
		}
		if u := packageUser(t, m); u != "ada" {
			t.Errorf("%s: the user is %v", at, u)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		again, err := mappings.LoadFiles(m.Name, m.Files)
		if err != nil {
			t.Fatal(err)
		}
		if u := packageUser(t, again); u != "ada" || again.Digest != m.Digest {
			t.Errorf("%s: resumed, the user is %v; digests %s, %s", at, u, again.Digest, m.Digest)
		}
	}
}

// The macros of the mapping, of packages and of the library can call each other, and a package can have lookups.
func TestPackageCalls(t *testing.T) {
	dir := packageMapping(t, map[string]string{
		"sso/macros.sql": "CREATE MACRO shown(account) AS acme_user(account) || '/' || team_of(account);",
		"sso/raw.sql":    "-- package: acme 1.2\n-- package: teams 7\nCREATE TABLE raw (ts TIMESTAMP, account VARCHAR);",
		"sso/authentication.sql": strings.Replace(sqltest.PageBlocks(t, "../docs/mappings.md", "Packages")[2],
			"acme_user(account)", "shown(account)", 1),
		"packages/teams/macros.sql":        "-- package: teams 7\n-- lookup: teams by equal account\nCREATE MACRO team_of(account) AS coalesce(lookup('teams', lower(account)).team, host_of('x:1'));",
		"packages/teams/lookups/teams.csv": "account,team\nada@acme.example,blue\n",
	})
	if u := packageUser(t, loaded(t, filepath.Join(dir, "sso"))); u != "ada/blue" {
		t.Errorf("the user is %v", u)
	}
}

func TestPackageMistakes(t *testing.T) {
	const line = "CREATE TABLE raw (ts TIMESTAMP, account VARCHAR);"
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"sso/packages/acme/macros.sql": ""}, `raw.sql:1:13: error: the package acme 1.2 was not found (put it into packages/acme, or name its folder in the job's packages; looked in `},
		{map[string]string{"sso/raw.sql": "-- package: acme 1.3\n" + line}, `packages/acme, which is acme 1.2`},
		{map[string]string{"sso/packages/acme/macros.sql": "CREATE MACRO acme_user(a) AS a;"}, "packages/acme, without a line `-- package: acme VERSION`"},
		{map[string]string{"sso/raw.sql": "-- package: acme\n" + line}, `raw.sql:1:13: error: a package line must say NAME VERSION, not "acme"`},
		{map[string]string{"sso/raw.sql": "-- package: acme 1.2\n-- package: acme 1.2\n" + line}, `raw.sql:2:13: error: the package acme is imported twice`},
		{map[string]string{"sso/packages/acme/macros.sql": "-- package: acme 1.2\nCREATE MACRO acme_user(a) AS a +;"}, `packages/acme/macros.sql:2:33: error: `},
		{map[string]string{"sso/packages/acme/macros.sql": "-- package: acme 1.2\nCREATE MACRO acme_user(a) AS a || random()::VARCHAR;"}, `packages/acme/macros.sql:2:14: error: macro acme_user: random`},
		{map[string]string{"sso/macros.sql": "CREATE MACRO acme_user(a) AS a;"}, `sso/macros.sql:1:`},
	} {
		m := loaded(t, filepath.Join(packageMapping(t, c.files), "sso"))
		if got := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(got, c.want) {
			t.Errorf("want %s, got:\n%s", c.want, got)
		}
	}
}
