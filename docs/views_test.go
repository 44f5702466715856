package docs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/views"
)

// TestViewsPage: docs/views.md describes each view as its file does. -update writes it.
func TestViewsPage(t *testing.T) {
	all, err := views.All()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, v := range all {
		fmt.Fprintf(&b, "\n### %s\n", v.Name)
		b.WriteString(human.Wrap(v.Answers, "", "", 120) + "\n\n" + human.Wrap("**Cost:** "+v.Cost, "", "", 120) + "\n\n")
		classes := make([]string, len(v.Inputs))
		for i, in := range v.Inputs {
			classes[i] = "`" + in.Class + "`"
		}
		b.WriteString(human.Wrap("**Reads:** "+strings.Join(classes, ", ")+".", "", "", 120) + "\n\n")
		columns := make([]string, len(v.Columns))
		for i, c := range v.Columns {
			columns[i] = "`" + c.Name + "`"
		}
		b.WriteString(human.Wrap("**Columns:** "+strings.Join(columns, ", ")+".", "", "", 120) + "\n")
	}
	b.WriteString("\n")
	generated(t, "docs/views.md", b.String())
}
