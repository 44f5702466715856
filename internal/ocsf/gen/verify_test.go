//go:build verify

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

// The embedded tables are what the generator makes of the Python package that requirements.txt pins.
func TestVerifyTables(t *testing.T) {
	w := venvWheel(t)
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

// The tables of the module say about types, requirements and values what the official exports say.
func TestVerifyFirstTables(t *testing.T) {
	officials, err := venvWheel(t).officials()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, x := range officials {
		if x.Version > "1.2.0" {
			continue
		}
		table := embedded(t, x.Version)
		owners := slices.Clone(table.Objects)
		for _, c := range table.Classes {
			owners = append(owners, c.Owner)
		}
		for _, o := range owners {
			want := x.Objects[o.Name]
			if want == nil {
				want = x.Classes[o.Name]
			}
			for _, i := range o.Attributes {
				row := table.Attributes[i]
				got, want := statedBy(table, row), want.Attributes[row.Name].stated()
				// 1.1.0 gives database.type_id the value 3 twice, with two captions
				if got != want && (x.Version != "1.1.0" || o.Name+"."+row.Name != "database.type_id") {
					t.Errorf("%s %s.%s: %s, want %s", x.Version, o.Name, row.Name, got, want)
				}
				compared++
			}
		}
	}
	if compared < 6000 {
		t.Errorf("%d attributes were compared", compared)
	}
}

// statedBy is what a table says about an attribute, as text.
func statedBy(table *facts.Table, row facts.Attribute) string {
	texts := map[string]string{}
	if row.Enum > 0 {
		for _, v := range table.Enums[row.Enum-1] {
			texts[v.Key] = v.Text
		}
	}
	return fmt.Sprint(row.Type, " ", row.Object, " ", row.Array, " ", row.Requirement, " ", texts) // maps print sorted
}

func (a *officialAttribute) stated() string {
	if a == nil {
		return "absent"
	}
	texts := map[string]string{}
	for key, value := range a.Enum {
		texts[key] = value.Caption
	}
	requirement := a.Requirement
	if requirement == "" {
		requirement = "optional"
	}
	return fmt.Sprint(a.Type, " ", a.ObjectType, " ", a.IsArray, " ", requirement, " ", texts)
}

func venvWheel(t *testing.T) *wheel {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.Getenv("SILT_VENV"), "lib", "python3*", "site-packages"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d folders of packages in SILT_VENV: %v. Try: make verify", len(found), err)
	}
	w, err := readWheel(os.DirFS(found[0]))
	if err != nil {
		t.Fatal(err)
	}
	return w
}
