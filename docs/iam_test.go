package docs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/iampolicy"
)

// TestPolicyCalls: docs/iam.md has the requests and actions that policies are made from.
func TestPolicyCalls(t *testing.T) {
	var b strings.Builder
	b.WriteString("| part | request | action | for |\n| --- | --- | --- | --- |\n")
	for _, c := range iampolicy.Calls() {
		_, name, _ := strings.Cut(c.Name, ".")
		why := c.For
		if c.Unseen != "" {
			why += " \\*"
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", c.Part, name, strings.Join(c.Actions, "`, `"), why)
	}
	generated(t, "docs/iam.md", b.String())
}
