package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

// The embedded tables are what the generator makes of the module that go.mod pins. The JSON is compared, not the gzip
// around it, for that may change with the Go release.
func TestTablesAreGenerated(t *testing.T) {
	dir, err := moduleDir()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../facts/*.json.gz")
	if err != nil || len(files) != len(exportFiles()) {
		t.Fatalf("%d tables for %d exports: %v", len(files), len(exportFiles()), err)
	}
	for _, file := range exportFiles() {
		fresh, err := tableFrom(filepath.Join(dir, "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join("../facts", fresh.Version+".json.gz")
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := facts.Read(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(fresh)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is stale: run `go generate ./internal/ocsf`", name)
		}
		if info, err := os.Stat(name); err != nil || info.Size() > 100_000 {
			t.Errorf("%s has %d bytes: it was to be compact (%v)", name, info.Size(), err)
		}
	}
}

// Two builds of one export give the same rows in the same order: map iteration must not show.
func TestGenerationRepeats(t *testing.T) {
	dir, err := moduleDir()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for range 2 {
		table, err := tableFrom(filepath.Join(dir, "schema", exportFiles()[0]))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(table)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	if texts[0] != texts[1] {
		t.Error("the same export gave two tables")
	}
}

// An extension's class that nobody listed would take a core class's number.
func TestClashOfClassesIsRefused(t *testing.T) {
	x := &export{Version: "9.9.9", Objects: map[string]*exportedType{}, Classes: map[string]*exportedType{
		"a": {Name: "a", UID: 1, Category: "other"}, "b": {Name: "b", UID: 1, Category: "other"},
	}}
	if _, err := build(x); err == nil {
		t.Error("two classes with one class_uid were taken")
	}
}
