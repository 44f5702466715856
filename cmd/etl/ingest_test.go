package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// The mapping of docs/ingest.md reads the document on that page as Firehose writes it, compressed or not, and etl infer writes the
// page's header lines for it.
func TestCloudWatchPage(t *testing.T) {
	var document string
	dir := t.TempDir()
	mapping := filepath.Join(dir, "api")
	if err := os.Mkdir(mapping, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, block := range sqltest.PageBlocks(t, "../../docs/ingest.md", "CloudWatch Logs: subscription filter, Firehose, bucket") {
		switch {
		case strings.HasPrefix(block, "{"):
			document = block
		case strings.Contains(block, "CREATE TABLE raw"):
			write(filepath.Join(mapping, "raw.sql"), []byte(block))
		case strings.HasPrefix(block, "-- class: "):
			write(filepath.Join(mapping, "api_activity.sql"), []byte(block))
		}
	}
	control := `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1772359202123,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`
	pack := func(all ...string) []byte {
		t.Helper()
		var b bytes.Buffer
		for _, text := range all {
			w := gzip.NewWriter(&b)
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return b.Bytes()
	}
	if out, errs, code := etl(t, "check", mapping); code != exitDone || out != "ok\n" {
		t.Fatalf("etl check: exit code %d\n%s%s", code, out, errs)
	}
	for name, content := range map[string][]byte{
		"decompressed": []byte(document + control + document),
		"once":         pack(document, control, document),
		"twice":        pack(string(pack(document, control, document))),
	} {
		sample := filepath.Join(dir, name)
		write(sample, content)
		out, errs, code := etl(t, "preview", mapping, sample)
		if code != exitDone || !strings.HasSuffix(out, "5 of 5 records shown: 4 published, 1 filtered, 0 quarantined\n") {
			t.Errorf("%s: etl preview: exit code %d\n%s%s", name, code, out, errs)
		}
		for _, want := range []string{"1772359201123", "192.0.2.8", "eve", "111122223333"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in:\n%s", name, want, out)
			}
		}
		out, errs, code = etl(t, "infer", sample)
		for _, want := range []string{"\n-- records: logEvents\n", "\n-- timestamp: timestamp epoch_ms\n", "\n-- parse: message json\n", "\n-- drop: messageType = 'CONTROL_MESSAGE'\n"} {
			if code != exitDone || !strings.Contains(out, want) {
				t.Errorf("%s: etl infer: exit code %d, want %q in:\n%s%s", name, code, want, out, errs)
			}
		}
	}
}
