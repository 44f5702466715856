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
