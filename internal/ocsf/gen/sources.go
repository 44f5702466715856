package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// source says where data in the program comes from. scripts/release reads sources.json next to the data, and the licences in
// licenses/<name>.
type source struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	Used    string `json:"used"` // for what
}

// writeSources writes sources.json and the licences next to the tables.
func writeSources(out string, w *wheel) error {
	version, err := moduleVersion()
	if err != nil {
		return err
	}
	dir, err := moduleDir()
	if err != nil {
		return err
	}
	ofModule, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
	if err != nil {
		return err
	}
	newest := ""
	for name := range w.exports {
		newest = max(newest, strings.TrimSuffix(name, ".json")) // versions have one digit in each part
	}
	sources := []source{
		{"ocsf-schema", newest, "pkg:github/ocsf/ocsf-schema@" + newest, "the classes, objects and attributes of OCSF, 1.0.0 to " + newest},
		{wheelPackage, wheelVersion, "pkg:pypi/" + wheelPackage + "@" + wheelVersion, "the exports of OCSF 1.3.0 to " + newest + ", and the types of observables"},
		{strings.TrimPrefix(sourceModule, "github.com/"), version, "pkg:golang/" + sourceModule + "@" + version, "the exports of OCSF 1.0.0 to 1.2.0"},
	}
	for i, text := range [][]byte{w.ofSchema, w.licence, ofModule} {
		if len(text) == 0 {
			return fmt.Errorf("%s: no licence was found", sources[i].Name)
		}
		file := filepath.Join(out, "licenses", filepath.FromSlash(sources[i].Name), "LICENSE")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(sources, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "sources.json"), append(text, '\n'), 0o644)
}
