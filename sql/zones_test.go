package shipped_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/engine"
	shipped "github.com/silt-etl/silt/sql"
)

// The table of abbreviations in docs/formats.md is what zone_offset reads.
func TestZoneTable(t *testing.T) {
	page, err := os.ReadFile("../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	library, err := shipped.Library()
	if err != nil {
		t.Fatal(err)
	}
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	text := ""
	for _, m := range library {
		if m.Name == "zone_offset" {
			text = m.Text
		}
	}
	if err := db.Exec(context.Background(), text); err != nil {
		t.Fatal(err)
	}
	offset := func(zone string) string {
		rows, err := db.Query(context.Background(), "SELECT coalesce(zone_offset('"+zone+"', NULL), 'not read')")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		b, err := rows.Next()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		return b.Column(0).ValueStr(0)
	}
	_, table, _ := strings.Cut(string(page), "<!-- zones:")
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([+-][0-9:]+|not read) \| ([A-Z, ]+) \|$`).FindAllStringSubmatch(table, -1) {
		for zone := range strings.SplitSeq(row[2], ", ") {
			listed[zone] = true
			if got := offset(zone); got != row[1] {
				t.Errorf("%s: the page says %s, the macro %s", zone, row[1], got)
			}
		}
	}
	for _, m := range regexp.MustCompile(`WHEN '([A-Z]+)'`).FindAllStringSubmatch(text, -1) {
		if !listed[m[1]] {
			t.Errorf("%s is not in the table", m[1])
		}
	}
	if len(listed) < 40 {
		t.Errorf("the table lists %d abbreviations", len(listed))
	}
}
