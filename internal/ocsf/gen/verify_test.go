//go:build verify

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The embedded tables are what the generator makes of the Python package that requirements.txt pins.
func TestVerifyTables(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(os.Getenv("SILT_VENV"), "lib", "python3*", "site-packages"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d folders of packages in SILT_VENV: %v. Try: make verify", len(found), err)
	}
	w, err := installedWheel(found[0])
	if err != nil {
		t.Fatal(err)
	}
	tables, err := allTables(w)
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	for _, fresh := range tables {
		versions = append(versions, fresh.Version)
		if text(t, embedded(t, fresh.Version)) != text(t, fresh) {
			t.Errorf("%s is stale: run `go generate ./internal/ocsf`", fresh.Version)
		}
	}
	if slices.Sort(versions); len(versions) != 9 || versions[8] != "1.8.0" {
		t.Errorf("tables of %v", versions)
	}
	out := t.TempDir()
	if err := writeSources(out, w); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sources.json", "licenses/ocsf-schema/LICENSE", "licenses/ocsf-json-schema/LICENSE", "licenses/valllabh/ocsf-schema-golang/LICENSE"} {
		fresh, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile(filepath.Join("../facts", filepath.FromSlash(name))); err != nil || string(kept) != string(fresh) {
			t.Errorf("facts/%s is stale: run `go generate ./internal/ocsf` (%v)", name, err)
		}
	}
}
