package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// hostileText has what must never reach a terminal: an escape sequence, BEL, C1 controls, changes of direction, characters without a
// width, and a line of its own that looks like output.
const hostileText = "a\x1b[31mred\x07\u009b2J\u202eleft\u2066\u200bzero\ufeff\U000e0041\u2028\rback\nFORGED line"

const hostileMapping = "-- class: base_event\nSELECT ts AS \"time\", 1 AS severity_id, id AS \"metadata.uid\", id AS message, n AS \"count\",\n" +
	"'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\" FROM raw\n"

// wantNoControls fails the test for each character of an output that could control a terminal, and for a line made by hostileText.
func wantNoControls(t *testing.T, what, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s prints bytes that are not UTF-8: %q", what, out)
	}
	for _, r := range "\x1b\x07\u009b\u202e\u2066\u200b\ufeff\U000e0041\u2028\r" {
		if i := strings.IndexRune(out, r); i >= 0 {
			t.Errorf("%s prints %U raw: %q", what, r, out[max(0, i-80):min(len(out), i+80)])
		}
	}
	if strings.Contains("\n"+out, "\nFORGED") {
		t.Errorf("%s prints a line of its input:\n%s", what, out)
	}
}

// hostileJob writes a mapping and a job whose staging has hostileText in keys and in records: published ones, rejected ones, and an
// object that cannot be read. It returns the key of an object.
func hostileJob(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	now := time.Now().UTC().Format(time.RFC3339)
	name := hostileText + ".json"
	text, err := json.Marshal(hostileText)
	if err != nil {
		t.Fatal(err)
	}
	record := func(ts string) string {
		return fmt.Sprintf(`{"ts":%s,"id":%s,"n":%s,%s:%[2]s,"long":{%[4]s:1}}`+"\n", ts, text, text, text)
	}
	for path, content := range map[string]string{
		"m/h/raw.sql":        "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR, n BIGINT);\n",
		"m/h/base_event.sql": hostileMapping,
		"job.yaml": "name: t\nsource: {staging: ./staging}\nmapping: ./m/h\nlake: {location: ./lake, source_name: t, region: us-east-1}\n" +
			"limits: {memory: 512MiB, max_quarantine_ratio: 1}\nretention: {quarantine: 1d}\n",
		"staging/" + name:                    record(`"`+now+`"`) + record(string(text)) + hostileText + "\n",
		"staging/" + hostileText + ".gz":     "\x1f\x8b\x08 not gzip",
		"staging/" + hostileText + "/a.json": record(`"` + now + `"`),
		"old.json":                           record(`"` + now + `"`),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// Nothing that keys or records hold controls a terminal or makes a line of its own, whichever command prints it, as text or as JSON.
// JSON stays JSON.
func TestHostileText(t *testing.T) {
	name := hostileJob(t)
	sample := filepath.Join("staging", name)
	for _, args := range [][]string{
		{"run", "job.yaml", "--dry-run"},
		{"run", "job.yaml", "--dry-run", "-o", "json"},
		{"infer", sample},
		{"infer", sample, "-o", "json"},
		{"infer", sample, "--save", "saved"},
		{"check", "job.yaml", "--sample", sample},
		{"check", "m/h", "--sample", sample, "-o", "json"},
		{"preview", "m/h", sample},
		{"preview", "job.yaml", sample, "-o", "json"},
		{"preview", "m/h", sample, "--where", "id IS NOT NULL"},
		{"preview", "m/h", sample, "--coverage"},
		{"preview", "m/h", filepath.Join("staging", hostileText+".gz")},
		{"preview", "m/h", filepath.Join("staging", "missing"+name)},
		{"run", "job.yaml"},
		{"run", "job.yaml", "-o", "json"},
		{"bookmark", "show", "job.yaml"},
		{"bookmark", "show", "job.yaml", "-o", "json"},
		{"runs", "job.yaml"},
		{"runs", "show", "job.yaml", "last"},
		{"runs", "show", "job.yaml", "last", "-o", "json"},
		{"quarantine", "list", "job.yaml"},
		{"quarantine", "list", "job.yaml", "-o", "json"},
		{"quarantine", "show", "job.yaml", "--limit", "0"},
		{"quarantine", "show", "job.yaml", "-o", "json"},
		{"query", "--job", "job.yaml", "SELECT message, metadata FROM t"},
		{"query", "--job", "job.yaml", "SELECT message AS \"" + strings.ReplaceAll(hostileText, "\n", "") + "\" FROM t"},
		{"query", "--job", "job.yaml", "-o", "json", "SELECT message, metadata, unmapped FROM t"},
		{"query", "--job", "job.yaml", "-o", "csv", "SELECT replace(message, chr(10), '') AS m FROM t"},
		{"query", "--job", "job.yaml", "SELECT CAST(message AS INTEGER) FROM t"},
		{"sql", "m/h"},
		{"docs", "m/h"},
		{"doctor", "job.yaml"},
		{"doctor", "job.yaml", "-o", "json"},
		{"replay", "job.yaml"},
		{"replay", "job.yaml", "-o", "json"},
		{"bookmark", "set", "job.yaml", "--before", "2020-01-01"},
		{"bookmark", "reset", "job.yaml"},
		{"bookmark", "reset", "job.yaml", "-o", "json"},
		{"retention", "job.yaml", "--dry-run"},
		{"backfill", "job.yaml", "--from", "2020-01-01", "--to", "2020-01-02", "--yes"},
		{"run", hostileText + ".yaml"},
		{"check", hostileText},
		{hostileText},
		{"diff", "m/h", "--against", "RUN", "--job", "job.yaml", "--on", sample},
		{"diff", "m/h", "--against", "RUN", "--job", "job.yaml", "--on", sample, "-o", "json"},
	} {
		if args[0] == "diff" { // from the mapping of a run to another one
			runs, err := os.ReadDir("lake/.silt/t/runs")
			if err != nil || len(runs) == 0 {
				t.Fatalf("runs: %v, %v", runs, err)
			}
			args[3] = runs[0].Name()
			if err := os.WriteFile("m/h/base_event.sql", []byte(strings.Replace(hostileMapping, "id AS message", "upper(id) AS message", 1)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out, errs, code := etl(t, args...)
		what := fmt.Sprintf("etl %.60q", args)
		if code == exitUsage && strings.Contains(errs, "Try: etl --help") && len(args) > 1 {
			t.Errorf("%s: %s", what, errs)
		}
		if args[0] == "infer" { // SQL has names with line breaks, in quotes
			out = strings.ReplaceAll(out, "\nFORGED line\"", "")
			out = strings.ReplaceAll(out, "\nFORGED line.", "")
		}
		wantNoControls(t, what, out)
		wantNoControls(t, what+" (standard error)", errs)
		if args[len(args)-1] == "json" && !json.Valid([]byte(out)) {
			for _, line := range strings.Split(strings.TrimSpace(out), "\n") { // quarantine show prints a line for each record
				if !json.Valid([]byte(line)) {
					t.Errorf("%s is not JSON: %s", what, out)
					break
				}
			}
		}
	}
	saved, err := filepath.Glob("saved/*")
	if err != nil || len(saved) == 0 {
		t.Fatalf("infer --save wrote %v, %v", saved, err)
	}
	for _, path := range saved {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.SplitAfter(string(text), "\n") {
			if _, comment, ok := strings.Cut(line, "-- "); ok { // names in SQL are exact, in a file
				wantNoControls(t, path, comment)
			}
		}
	}
}
