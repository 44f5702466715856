// Command gen writes the embedded tables of internal/ocsf from the OCSF exports that the Go module
// github.com/valllabh/ocsf-schema-golang carries. Run it with `go generate ./internal/ocsf`; it needs the module cache only.
//
// The exports are a third party's rendering of the official schema and lose things: a class that redefines an attribute
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
	"strings"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

const sourceModule = "github.com/valllabh/ocsf-schema-golang"

func main() {
	out := flag.String("out", "facts", "folder for the tables")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "ocsf/gen:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	dir, err := moduleDir()
	if err != nil {
		return err
	}
	for _, file := range exportFiles() {
		t, err := tableFrom(filepath.Join(dir, "schema", file))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := facts.Write(&b, t); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, t.Version+".json.gz"), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// moduleDir is where the go command keeps the module that go.mod pins.
func moduleDir() (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", sourceModule)
	cmd.Stderr = os.Stderr
	b, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", sourceModule, err)
	}
	dir := strings.TrimSpace(string(b))
	if dir == "" {
		return "", fmt.Errorf("module %s is not in the module cache: run `go mod download %s`", sourceModule, sourceModule)
	}
	return dir, nil
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
