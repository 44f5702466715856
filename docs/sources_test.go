package docs_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/sourcepage"
	"github.com/silt-etl/silt/mappings"
)

// TestSources: docs/sources has the page of each shipped mapping as etl docs writes it, and no other. -update writes them.
func TestSources(t *testing.T) {
	dir := filepath.Join(root, "docs", "sources")
	names := mappings.Names()
	for _, name := range names {
		m, err := mappings.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		compiled, problems, err := m.Compile(context.Background())
		if err != nil || compiled == nil {
			t.Fatalf("%s: %v %v", name, err, problems)
		}
		want, err := sourcepage.Source(context.Background(), m, compiled, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, name+".md")
		have, err := os.ReadFile(at)
		switch {
		case *update:
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		case err != nil:
			t.Errorf("%v; run go test ./docs -update", err)
		case string(have) != want:
			t.Errorf("docs/sources/%s.md is not what the mapping says; run go test ./docs -update", name)
		}
	}
	readme := read(t, "README.md")
	for _, name := range names {
		if !strings.Contains(readme, "](docs/sources/"+name+".md)") {
			t.Errorf("README.md does not list the source %s", name)
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		if name := strings.TrimSuffix(filepath.Base(p), ".md"); !slices.Contains(names, name) {
			t.Errorf("%s is of no shipped mapping", p)
		}
	}
}
