package shipped_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode/fields"
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

// What the parser takes for the time of a syslog header is what time_of_log reads.
func TestSyslogHeaderTimes(t *testing.T) {
	library, err := shipped.Library()
	if err != nil {
		t.Fatal(err)
	}
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, m := range library {
		if m.File == "times.sql" {
			if err := db.Exec(context.Background(), m.Text); err != nil {
				t.Fatal(err)
			}
		}
	}
	for header, want := range map[string]string{
		"<13>Oct 11 22:14:15 ":                    "2024-10-11 22:14:15",
		"<13>Oct 11 22:14:15.25 ":                 "2024-10-11 22:14:15.25",
		"<13>Oct 11 22:14:15 2024 UTC ":           "2024-10-11 22:14:15",
		"<13>Oct 11 22:14:15 2024 CEST ":          "2024-10-11 20:14:15",
		"<13>Oct 11 22:14:15 CEST 2024 ":          "2024-10-11 20:14:15",
		"<13>Oct 11 2024 22:14:15 ":               "2024-10-11 22:14:15",
		"<13>Oct 11 2024 22:14:15.123456789 EST ": "2024-10-12 03:14:15.123456",
		"<13>Fri Oct 11 22:14:15 2024 ":           "2024-10-11 22:14:15",
		"<13>Fri, 11 Oct 2024 22:14:15 -0500 ":    "2024-10-12 03:14:15",
		"<13>11 Oct 2024 22:14:15 ":               "2024-10-11 22:14:15",
		"<13>2024 Oct 11 22:14:15 ":               "2024-10-11 22:14:15",
		"<189>: 2024 Oct  1 9:14:15.5 JST: ":      "2024-10-01 00:14:15.5",
		"<13>2024-10-11 22:14:15 ":                "2024-10-11 22:14:15",
		"<13>2024-10-11 22:14:15,25 +02:00 ":      "2024-10-11 20:14:15.25",
		"<13>2024/10/11 22:14:15 GMT ":            "2024-10-11 22:14:15",
		"<13>2024-10-11T22:14:15.25-05:30 ":       "2024-10-12 03:44:15.25",
		"<189>7: *Oct 11 22:14:15.123 UTC: ":      "2024-10-11 22:14:15.123",
		"<189>7: .Oct 11 2024 22:14:15 AEDT: ":    "2024-10-11 11:14:15",
		"<13>Oct 11 22:14:15 GMT+00:00 ":          "2024-10-11 22:14:15",
		"<13>Oct 11 22:14:15 UTC+2 ":              "2024-10-11 20:14:15",
		"<13>Oct 11 22:14:15 WIB ":                "2024-10-11 15:14:15",
		"<134>1 1728684855.5 ":                    "2024-10-11 22:14:15.5",
		"<13>Oct 11 22:14:15 CST ":                "NULL", // ambiguous
		"<134>1 1728684855123456789 ":             "2024-10-11 22:14:15.123456",
		"<134>1 17286848551.5 ":                   "2517-10-19 06:22:31.5",
	} {
		line := header + "gw1 app: x"
		if strings.HasSuffix(header, ": ") { // Cisco writes no host after the time
			line = header + "app: x"
		}
		all, rest := fields.Syslog(nil, []byte(line))
		at, host := "", ""
		for _, f := range all {
			switch f.Name {
			case "timestamp":
				at = string(f.Value)
			case "host":
				host = string(f.Value)
			}
		}
		if string(rest) != "x" || host != "gw1" && !strings.HasSuffix(header, ": ") {
			t.Errorf("%s: host %q, message %q", header, host, rest)
		}
		rows, err := db.Query(context.Background(), "SELECT coalesce(CAST(time_of_log('"+at+"', NULL, NULL, year_of_log('"+at+"', NULL, NULL, NULL, '2024-10-12T00:00:00Z')) AS VARCHAR), 'NULL')")
		if err != nil {
			t.Fatal(err)
		}
		b, err := rows.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Column(0).ValueStr(0); got != want {
			t.Errorf("%s: %q is %s, want %s", header, at, got, want)
		}
		b.Release()
		rows.Close()
	}
}
