package local_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/catalogtest"
	"github.com/silt-etl/silt/internal/catalog/local"
)

func open(t *testing.T, dir string) *local.Catalog {
	t.Helper()
	c, err := local.Open(dir, "lake")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSuite(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) catalog.Catalog { return open(t, t.TempDir()) }, catalogtest.Options{
		FailItem: func(t *testing.T, c catalog.Catalog, table string, values [3]string) {
			// A file where the partition's folder would be: works for root too, whom permissions do not stop.
			at := filepath.Join(c.String(), table, "partitions", values[0], values[1])
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		},
	})
}

func wanted(columns ...string) catalog.Table {
	t := catalog.Table{Name: "events", Location: "/lake/ext/firewall/"}
	for _, name := range columns {
		t.Columns = append(t.Columns, catalog.Column{Name: name, Type: "int"})
	}
	return t
}

func day(d string) catalog.Partition {
	return catalog.Partition{Values: [3]string{"us-east-1", "111122223333", d}, Location: "/lake/ext/firewall/eventDay=" + d + "/"}
}

// A writer that died between the table and its partitions leaves the mark; the next one finishes its work, whether it
// comes with a table or with partitions.
func TestHalfDoneGrowthIsFinished(t *testing.T) {
	finishers := map[string]func(*local.Catalog) error{
		"by a table": func(c *local.Catalog) error { _, err := c.EnsureTable(t.Context(), wanted("a")); return err },
		"by a partition": func(c *local.Catalog) error {
			_, err := c.AddPartitions(t.Context(), "events", []catalog.Partition{day("20260103")})
			return err
		},
	}
	for name, finish := range finishers {
		t.Run(name, func(t *testing.T) {
			c := open(t, t.TempDir())
			if _, err := c.EnsureTable(t.Context(), wanted("a")); err != nil {
				t.Fatal(err)
			}
			if _, err := c.AddPartitions(t.Context(), "events", []catalog.Partition{day("20260101"), day("20260102")}); err != nil {
				t.Fatal(err)
			}
			edit(t, filepath.Join(c.String(), "events", "table.json"), func(table map[string]any) {
				sd := table["StorageDescriptor"].(map[string]any)
				sd["Columns"] = append(sd["Columns"].([]any), map[string]any{"Name": "b", "Type": "int"})
				table["Parameters"].(map[string]any)[catalog.PendingParameter] = "died"
			})
			if err := finish(c); err != nil {
				t.Fatal(err)
			}
			whole, err := c.InspectTable(t.Context(), "events")
			if err != nil || whole.Parameters[catalog.PendingParameter] != "" {
				t.Errorf("the mark is left: %v, %v", whole.Parameters, err)
			}
			seen := 0
			err = c.InspectPartitions(t.Context(), "events", func(p catalog.GluePartition) error {
				seen++
				if len(p.StorageDescriptor.Columns) != 2 {
					t.Errorf("partition %v has columns %v", p.Values, p.StorageDescriptor.Columns)
				}
				return nil
			})
			if err != nil || seen < 2 {
				t.Errorf("%d partitions, %v", seen, err)
			}
		})
	}
}

// What a person wrote into the files stays when the table grows.
func TestEditsArePreserved(t *testing.T) {
	c := open(t, t.TempDir())
	if _, err := c.EnsureTable(t.Context(), wanted("a")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.String(), "events", "table.json")
	edit(t, path, func(table map[string]any) {
		table["Description"] = "ours"
		table["Parameters"].(map[string]any)["owner_team"] = "soc"
		table["StorageDescriptor"].(map[string]any)["Columns"].([]any)[0].(map[string]any)["Comment"] = "first"
	})
	if _, err := c.EnsureTable(t.Context(), wanted("a", "b")); err != nil {
		t.Fatal(err)
	}
	whole, err := c.InspectTable(t.Context(), "events")
	if err != nil {
		t.Fatal(err)
	}
	columns := whole.StorageDescriptor.Columns
	if whole.Description != "ours" || whole.Parameters["owner_team"] != "soc" || len(columns) != 2 || columns[0].Comment != "first" {
		t.Errorf("growth lost an edit: %+v", whole)
	}
	if whole.VersionId == "0" {
		t.Error("the version did not change")
	}
}

// A partition that somebody left with older columns is updated when it is added again.
func TestOldPartitionIsMended(t *testing.T) {
	c := open(t, t.TempDir())
	if _, err := c.EnsureTable(t.Context(), wanted("a", "b")); err != nil {
		t.Fatal(err)
	}
	p := []catalog.Partition{day("20260101")}
	if _, err := c.AddPartitions(t.Context(), "events", p); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(c.String(), "events", "partitions", "us-east-1", "111122223333", "20260101.json"), func(partition map[string]any) {
		sd := partition["StorageDescriptor"].(map[string]any)
		sd["Columns"] = sd["Columns"].([]any)[:1]
	})
	if n, err := c.AddPartitions(t.Context(), "events", p); err != nil || n != 0 {
		t.Fatalf("%d, %v", n, err)
	}
	err := c.InspectPartitions(t.Context(), "events", func(p catalog.GluePartition) error {
		if len(p.StorageDescriptor.Columns) != 2 {
			t.Errorf("the partition has columns %v", p.StorageDescriptor.Columns)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBadFilesAreNamed(t *testing.T) {
	c := open(t, t.TempDir())
	if _, err := c.EnsureTable(t.Context(), wanted("a")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.String(), "events", "table.json")
	if err := os.WriteFile(path, []byte(`{"Name": `), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := c.EnsureTable(t.Context(), wanted("a"))
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}

// Temporary files of a writer that died are nobody's partitions.
func TestLeftoversAreIgnored(t *testing.T) {
	c := open(t, t.TempDir())
	if _, err := c.EnsureTable(t.Context(), wanted("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddPartitions(t.Context(), "events", []catalog.Partition{day("20260101")}); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(c.String(), "events", "partitions", "us-east-1", "111122223333")
	if err := os.WriteFile(filepath.Join(folder, ".tmp-1.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := 0
	if err := c.Partitions(t.Context(), "events", func(catalog.Partition) error { seen++; return nil }); err != nil || seen != 1 {
		t.Errorf("%d partitions, %v", seen, err)
	}
}

func TestForeignTable(t *testing.T) {
	c := open(t, t.TempDir())
	if _, err := c.EnsureTable(t.Context(), wanted("a")); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(c.String(), "events", "table.json"), func(table map[string]any) {
		table["PartitionKeys"] = []any{map[string]any{"Name": "day", "Type": "string"}}
	})
	_, ensured := c.EnsureTable(t.Context(), wanted("a", "b"))
	_, added := c.AddPartitions(t.Context(), "events", []catalog.Partition{day("20260101")})
	if !errors.Is(ensured, catalog.ErrForeign) || !errors.Is(added, catalog.ErrForeign) {
		t.Errorf("a table with other keys: %v, %v", ensured, added)
	}
}

func TestOpenRefusesNames(t *testing.T) {
	for _, name := range []string{"", "..", "a/b", "Lake", ".hidden"} {
		if _, err := local.Open(t.TempDir(), name); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("database %q: %v", name, err)
		}
	}
	if _, err := local.Open("", "lake"); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("no folder: %v", err)
	}
}

func edit(t *testing.T, path string, change func(map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var value map[string]any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	change(value)
	if text, err = json.Marshal(value); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
