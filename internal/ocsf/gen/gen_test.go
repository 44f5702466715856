package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

// The embedded tables of the first versions are what the generator makes of the module that go.mod pins. The JSON is compared, not the
// gzip around it, for that may change with the Go release. `make verify` compares the tables of the other versions.
func TestTablesAreGenerated(t *testing.T) {
	tables, err := moduleTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, fresh := range tables {
		kept := embedded(t, fresh.Version)
		kept.Observables = nil // of another source
		if text(t, kept) != text(t, fresh) {
			t.Errorf("%s is stale: run `go generate ./internal/ocsf`", fresh.Version)
		}
	}
}

// Lakes have been written with these tables: change a digest only for a fact that was wrong. The numbers of observables do not count.
func TestFirstTablesAreAsBefore(t *testing.T) {
	for version, want := range map[string]string{
		"1.0.0": "5f7a3639b131c47000e49482450571e6300c5e2de9799003c4ff57c70240341c",
		"1.1.0": "6594134696f8754431a5f47fd32ce73373e3f477a4876181395aec7242410f74",
		"1.2.0": "ac23855632552842dd07706e2a9a9c1d85d6d9b8623b70df766b78f22e337d24",
	} {
		kept := embedded(t, version)
		kept.Observables = nil
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(text(t, kept)))); got != want {
			t.Errorf("the table of %s has changed: %s", version, got)
		}
	}
}

func TestTablesAreCompact(t *testing.T) {
	files, err := filepath.Glob("../facts/*.json.gz")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d tables: %v", len(files), err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Size() > 50_000 {
			t.Errorf("%s has %d bytes: it was to be compact (%v)", name, info.Size(), err)
		}
	}
}

// embedded reads a table as it is in the program.
func embedded(t *testing.T, version string) *facts.Table {
	t.Helper()
	f, err := os.Open(filepath.Join("../facts", version+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kept, err := facts.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func text(t *testing.T, table *facts.Table) string {
	t.Helper()
	b, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Two builds of one export give the same rows in the same order: map iteration must not show.
func TestGenerationRepeats(t *testing.T) {
	dir, err := moduleDir()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for range 2 {
		table, err := tableFrom(filepath.Join(dir, "schema", moduleFiles()[0]))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text(t, table))
	}
	if texts[0] != texts[1] {
		t.Error("the same export gave two tables")
	}
}

// An extension's class that nobody listed would take a core class's number.
func TestClashOfClassesIsRefused(t *testing.T) {
	x := &export{Version: "9.9.9", Objects: map[string]*exportedType{}, Classes: map[string]*exportedType{
		"a": {described: described{Name: "a", UID: 1}, Category: "other"}, "b": {described: described{Name: "b", UID: 1}, Category: "other"},
	}}
	if _, err := build(x); err == nil {
		t.Error("two classes with one class_uid were taken")
	}
}
