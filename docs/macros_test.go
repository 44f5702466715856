package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql"
)

// TestMacrosPage: docs/macros.md is made of the library. go test ./docs -update writes it.
func TestMacrosPage(t *testing.T) {
	library, err := sql.Library()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(`# Macros
Every mapping can call these, without writing anything; ` + "`etl sql MAPPING --macros`" + ` prints those that it calls, to try its SELECT in a DuckDB
shell. A macro of the mapping's own [macros.sql](mappings.md#the-folder) may call them, and may not have a name of them. None of them
fails: a text that is not what a macro wants gives NULL, unless it says otherwise. The examples are run as tests.

This page is made of sql/macros; ` + "`go test ./docs -update`" + ` writes it.
`)
	titles := map[string]string{"network.sql": "Addresses, ports, protocols", "text.sql": "Keys and values in texts", "headers.sql": "Syslog, CEF, LEEF",
		"times.sql": "Times", "hosts.sql": "Users, files, hashes", "web.sql": "Web requests", "attack.sql": "MITRE ATT&CK"}
	for _, file := range []string{"text.sql", "headers.sql", "network.sql", "web.sql", "hosts.sql", "attack.sql", "times.sql"} {
		fmt.Fprintf(&b, "\n## %s\n", titles[file])
		for _, m := range library {
			if m.File != file {
				continue
			}
			fmt.Fprintf(&b, "\n**`%s`** %s\n\n", m.Signature, m.Doc)
			for _, e := range m.Examples {
				fmt.Fprintf(&b, "    %s  =>  %s\n", e.Expr, e.Value)
			}
		}
		delete(titles, file)
	}
	for _, m := range library {
		if !strings.Contains(b.String(), "**`"+m.Signature+"`**") {
			t.Errorf("%s: %s is on no page", m.File, m.Name)
		}
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, "docs", "macros.md"), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, "docs/macros.md") != b.String() {
		t.Error("docs/macros.md is not what sql/macros makes of it: go test ./docs -update")
	}
}
