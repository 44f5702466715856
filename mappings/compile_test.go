package mappings_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqltest"
)

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("sql/mine/raw.sql", sqltest.SmallRaw)
	put("sql/mine/m.sql", "SELECT 1")
	put("sql/mine/tests/a.yaml", "not part of it")
	put("mappings/theirs.json", "{}")
	put("empty/readme.txt", "")
	mine, err := mappings.Load("mine", dir)
	if err != nil {
		t.Fatal(err)
	}
	if mine.Name != "mine" || len(mine.Files) != 2 || mine.Declarative() {
		t.Errorf("mine: %+v", mine)
	}
	if theirs, err := mappings.Load("theirs", dir); err != nil || !theirs.Declarative() || theirs.Name != "theirs" {
		t.Errorf("theirs: %+v, %v", theirs, err)
	}
	if byPath, err := mappings.Load(filepath.Join(dir, "sql/mine")); err != nil || byPath.Digest != mine.Digest {
		t.Errorf("by path: %v", err)
	}
	again, err := mappings.LoadFiles("mine", mine.Files)
	if err != nil || again.Digest != mine.Digest {
		t.Errorf("from a manifest's texts: %v", err)
	}
	put("sql/mine/m.sql", "SELECT 2")
	if changed, err := mappings.Load("mine", dir); err != nil || changed.Digest == mine.Digest {
		t.Errorf("the digest does not change with the text: %v", err)
	}
	if _, err := mappings.Load("network-firewal", dir); err == nil || !strings.Contains(err.Error(), "did you mean network-firewall?") {
		t.Error(err)
	}
	if _, err := mappings.Load("nowhere", dir); !errors.Is(err, mappings.ErrNotFound) || !strings.Contains(err.Error(), "network-firewall") {
		t.Errorf("nowhere: %v", err)
	}
	if _, err := mappings.Load(filepath.Join(dir, "empty")); err == nil || !strings.Contains(err.Error(), "raw.sql") {
		t.Errorf("empty: %v", err)
	}
	for _, n := range mappings.Names() {
		m, err := mappings.Load(n)
		if err != nil {
			t.Fatal(err)
		}
		if compiled, diagnostics, err := m.Compile(context.Background()); compiled == nil || err != nil {
			t.Errorf("%s: %v\n%s", n, err, sqltest.Listed(diagnostics))
		} else if slices.ContainsFunc(diagnostics, func(p diag.Diagnostic) bool {
			if n == "aws-waf" && p.Code == diag.Deprecated { // Security Lake fills http_status itself
				return false
			}
			return p.Severity != diag.Note && (p.Severity != diag.Warning || p.Code != diag.MissingRequired) // that a -- without: line names
		}) {
			t.Errorf("the shipped mapping %s has diagnostics:\n%s", n, sqltest.Listed(diagnostics))
		}
	}
}

func TestShow(t *testing.T) {
	out, _, err := sqltest.NetworkFirewall(t).Show(context.Background())
	if err != nil || len(out) != 1 || !strings.Contains(out[0].Text, "FROM records") {
		t.Fatalf("%v %v", out, err)
	}
}
