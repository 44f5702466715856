package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What git cannot do is reported in one line: git is not installed, or the folder is not in a work tree.
func TestDiffWithoutGit(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"raw.sql":        "CREATE TABLE raw (ts TIMESTAMP)",
		"base_event.sql": "-- class: base_event\nSELECT ts AS \"time\", 1 AS severity_id, 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\" FROM raw",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	for path, want := range map[string]string{os.Getenv("PATH"): "is not in a git work tree: git: not a git repository", t.TempDir(): "git is not installed. Try: install git, or name a run of a job"} {
		t.Setenv("PATH", path)
		_, errs, code := etl(t, "diff", dir, "--against", "HEAD", "--on", "x.jsonl")
		if code != exitUsage || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("exit code %d, want %q:\n%s", code, want, errs)
		}
	}
}

// Differences are a failed check, exit code 1, only for the flags that say so, and only of the kinds that they name.
func TestDiffExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	mapping := func(name, columns, where string) string {
		writeText(t, name+"/raw.sql", "CREATE TABLE raw (ts TIMESTAMP, kind VARCHAR, n INTEGER);")
		writeText(t, name+"/base_event.sql", "-- class: base_event\nSELECT ts AS \"time\", 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\", "+
			columns+" FROM raw "+where)
		return "./" + name
	}
	old := mapping("old", "1 AS severity_id, kind AS message", "WHERE kind = 'login'")
	changed := mapping("changed", "2 AS severity_id, kind AS message", "WHERE kind = 'login'")
	wider := mapping("wider", "1 AS severity_id, kind AS message", "WHERE kind IN ('login', 'logout')")
	stricter := mapping("stricter", "1 AS severity_id, kind AS message", "WHERE n = 5")
	narrower := mapping("narrower", "1 AS severity_id", "WHERE kind = 'none' AND 'a' = kind OR kind = 'login'")
	added := mapping("added", "1 AS severity_id, kind AS message, status_detail_of(n) AS status_detail", "WHERE kind = 'login'")
	writeText(t, "added/macros.sql", "CREATE MACRO status_detail_of(n) AS nullif(CAST(n AS VARCHAR), '7');")
	records, cut := "r.jsonl", "cut.gz"
	writeText(t, records, `{"ts":"2025-06-01T08:15:02Z","kind":"login","n":7}
{"ts":"2025-06-01T08:15:03Z","kind":"logout","n":7}
`)
	writeText(t, cut, "\x1f\x8b\x08\x00\x00\x00")
	every := "changed,moved,quarantined,removed-column,column-type"
	for _, c := range []struct {
		name, now, on string
		flags         []string
		code          int
		want          string
	}{
		{"no flag", changed, records, nil, exitDone, ""},
		{"no difference", old, records, []string{"--exit-code", "--fail-on", every}, exitDone, ""},
		{"changed", changed, records, []string{"--exit-code"}, exitFailed, "etl: --exit-code: 1 record changed\n"},
		{"changed by kind", changed, records, []string{"--fail-on", "changed"}, exitFailed, "etl: --fail-on changed: 1 record changed\n"},
		{"changed, another kind", changed, records, []string{"--fail-on", "moved,quarantined,removed-column"}, exitDone, ""},
		{"moved to the lake", wider, records, []string{"--fail-on", "moved,removed-column"}, exitFailed, "etl: --fail-on moved,removed-column: 1 record moved\n"},
		{"moved to the lake, not to quarantine", wider, records, []string{"--fail-on", "quarantined"}, exitDone, ""},
		{"moved to quarantine", stricter, records, []string{"--fail-on", "quarantined"}, exitFailed, "etl: --fail-on quarantined: 1 record moved to quarantine\n"},
		{"a column leaves", narrower, records, []string{"--fail-on", "moved,quarantined,removed-column"}, exitFailed,
			"etl: --fail-on moved,quarantined,removed-column: 1 column removed (base_event: message)\n"},
		{"a column comes", added, records, []string{"--fail-on", every}, exitDone, ""},
		{"a column comes, any difference", added, records, []string{"--exit-code"}, exitFailed, "etl: --exit-code: 1 column added (base_event: status_detail)\n"},
		{"nothing was compared", old, cut, []string{"--fail-on", "moved"}, exitFailed, "etl: --fail-on moved: 1 object not read to the end\n"},
		{"nothing was compared, no flag", old, cut, nil, exitDone, ""},
		{"unknown kind", old, records, []string{"--fail-on", "removed"}, exitUsage,
			"etl: --fail-on removed: not a kind of difference. Try: changed, moved, quarantined, removed-column, column-type\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, code := etl(t, append([]string{"diff", c.now, "--against", old, "--on", c.on}, c.flags...)...)
			if code != c.code || errs != c.want {
				t.Errorf("exit code %d, want %d; %q, want %q\n%s", code, c.code, errs, c.want, out)
			}
		})
	}
}
