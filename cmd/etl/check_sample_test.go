package main

import (
	"strings"
	"testing"
)

// The exit code of etl check --sample is 2 if the sample shows an error, and 0 for warnings.
func TestCheckSampleExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "m/raw.sql", "CREATE TABLE raw (ts TIMESTAMP);")
	writeText(t, "m/base_event.sql", "-- class: base_event\nSELECT ts AS \"time\", 1 AS severity_id, 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\" FROM raw")
	const good = `{"ts":"2026-03-01T10:00:00Z"}` + "\n"
	for _, c := range []struct {
		name, text string
		code       int
		want       string
	}{
		{"good.jsonl", good, exitDone, "ok\nsample: 1 record: 1 published"},
		{"half.jsonl", good + "{\n", exitDone, "warning: 1 of 2 records would go to quarantine, RECORD_NOT_JSON: "},
		{"cut.jsonl", "{\n", exitUsage, "error: 1 of 1 record would go to quarantine, RECORD_NOT_JSON: "},
		{"tables.parquet", "PAR1 and what follows", exitUsage, "error: OBJECT_UNREADABLE: "},
		{"cut.gz", "\x1f\x8b\x08\x00\x00\x00", exitUsage, "error: OBJECT_UNREADABLE: "},
	} {
		writeText(t, c.name, c.text)
		out, errs, code := etl(t, "check", "m", "--sample", c.name)
		if code != c.code || errs != "" || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d, want %d; want %q in:\n%s%s", c.name, code, c.code, c.want, out, errs)
		}
	}
}
