package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/human"
	shipped "github.com/silt-etl/silt/sql"
)

// TestMacrosPage: docs/macros.md is generated from the library. go test ./docs -update writes it.
func TestMacrosPage(t *testing.T) {
	library, err := shipped.Library()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(`# Macros
Every mapping can call these macros without defining them. ` + "`etl sql MAPPING --macros`" + ` prints the macros that
a mapping calls, so that you can run its SELECT in a DuckDB shell. A macro in the mapping's own
[macros.sql](mappings.md#the-folder) can call them, and must not have the name of one of them. A macro never fails: it
returns NULL for a text that it cannot read, unless its description says otherwise. The examples run as tests.

This page is generated from sql/macros by ` + "`go test ./docs -update`" + `.
`)
	titles := map[string]string{"network.sql": "Addresses, ports, protocols", "text.sql": "Keys and values in texts", "headers.sql": "Syslog, CEF, LEEF",
		"times.sql": "Times", "hosts.sql": "Users, files, hashes", "web.sql": "Web requests", "dns.sql": "DNS", "attack.sql": "MITRE ATT&CK"}
	for _, file := range []string{"text.sql", "headers.sql", "network.sql", "web.sql", "dns.sql", "hosts.sql", "attack.sql", "times.sql"} {
		fmt.Fprintf(&b, "\n## %s\n", titles[file])
		for _, m := range library {
			if m.File != file {
				continue
			}
			b.WriteString("\n" + human.Wrap("**`"+m.Signature+"`** "+m.Doc, "", "", 120) + "\n\n")
			for _, e := range m.Examples {
				line := fmt.Sprintf("    %s  =>  %s", e.Expr, e.Value)
				if len(line) > 120 {
					line = human.Wrap(e.Expr, "    ", "        ", 120) + "\n" + human.Wrap("=>  "+e.Value, "        ", "            ", 120)
				}
				b.WriteString(line + "\n")
			}
		}
		delete(titles, file)
	}
	for _, m := range library {
		if !strings.Contains(b.String(), "**`"+m.Signature+"`**") {
			t.Errorf("%s: %s is missing on the page", m.File, m.Name)
		}
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, "docs", "macros.md"), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, "docs/macros.md") != b.String() {
		t.Error("docs/macros.md is not up to date; run go test ./docs -update")
	}
}
