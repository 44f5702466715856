package mappingtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/silt-etl/silt/mappings"
)

const raw = `CREATE TABLE raw (ts TIMESTAMP, kind VARCHAR, src VARCHAR, port INTEGER, tags VARCHAR[], "key" STRUCT(zone VARCHAR));`

const projection = `-- class: network_activity
-- drop: kind = 'heartbeat'
-- profiles: cloud
-- without: connection_info, cloud.provider
SELECT ts AS "time", 6 AS activity_id, 1 AS severity_id, 'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name",
  src AS "src_endpoint.ip", port AS "src_endpoint.port", src AS "dst_endpoint.ip", tags AS "metadata.labels", key.zone AS "cloud.zone", 'AWS' AS "cloud.provider"
FROM raw`

// mapping with tests in a folder of its own.
func mapping1(t *testing.T, tests map[string]string) *mappings.Mapping {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"raw.sql": raw, "network_activity.sql": projection}
	for n, text := range tests {
		files["tests/"+n] = text
	}
	for n, text := range files {
		at := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := mappings.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func results(t *testing.T, m *mappings.Mapping) ([]*File, []Result) {
	t.Helper()
	files, err := Load(m)
	if err != nil {
		t.Fatal(err)
	}
	compiled, problems, err := m.Compile(context.Background())
	if err != nil || compiled == nil {
		t.Fatal(err, problems)
	}
	rs, err := Run(context.Background(), compiled, files, Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return files, rs
}

// TestShipped runs the tests of every mapping that comes with the program; each has some.
func TestShipped(t *testing.T) {
	folders, err := filepath.Glob("../../sql/*/raw.sql")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../mappings/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		files = append(files, filepath.Dir(f))
	}
	if len(files) < 2 {
		t.Fatalf("found only %v", files)
	}
	for _, at := range files {
		m, err := mappings.Load(at)
		if err != nil {
			t.Fatal(err)
		}
		_, rs := results(t, m)
		if len(rs) == 0 {
			t.Errorf("%s has no tests", at)
		}
		for _, r := range rs {
			for _, d := range r.Diffs {
				t.Errorf("%s:%d: %s: %s", r.Case.File, d.Line, r.Case.Name, d)
			}
		}
	}
}

// A shipped mapping brings its tests along.
func TestShippedByName(t *testing.T) {
	m, err := mappings.Load("network-firewall")
	if err != nil {
		t.Fatal(err)
	}
	files, err := Load(m)
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
}

const good = `{ts: "2025-06-01T00:00:00Z", kind: a, src: 10.0.0.1, port: 80, tags: [x, y], more: 1}`

func TestVerdicts(t *testing.T) {
	type verdict struct{ name, want string }
	var table []verdict
	tests := map[string]string{"two.log": `{"ts":"2025-06-01T00:00:00Z","src":"::1"}` + "\n{"}
	for _, c := range []struct{ name, test, want string }{
		{"right", "raw: " + good + "\n  expect: {src_endpoint.port: 80, src_endpoint: {ip: 10.0.0.1}, class_uid: 4001}", ""},
		{"time as text", "raw: " + good + "\n  expect: {time: 2025-06-01T02:00:00+02:00}", ""},
		{"wrong value", "raw: " + good + "\n  expect: {src_endpoint.port: 81}", "3:31: src_endpoint.port: want 81, got 80"},
		{"wrong type", "raw: " + good + "\n  expect: {src_endpoint.port: \"80\"}", `want "80", got 80`},
		{"not there", "raw: " + good + "\n  expect: {tls.sni: x}", `tls.sni: want "x", got nothing`},
		{"there", "raw: " + good + "\n  expect: {src_endpoint: null}", "want nothing, got {"},
		{"list", "raw: " + good + "\n  expect: {metadata.labels: [x, y]}", ""},
		{"shorter list", "raw: " + good + "\n  expect: {metadata.labels: [x]}", `want ["x"], got ["x","y"]`},
		{"element", "raw: " + good + "\n  expect: {metadata.labels: [x, z]}", `metadata.labels[1]: want "z", got "y"`},
		{"unmapped", "raw: " + good + "\n  expect: {unmapped: {more: 1, kind: a}}", ""},
		{"unmapped wrong", "raw: " + good + "\n  expect: {unmapped.more: 2}", `unmapped.more: want 2, got "1"`},
		{"unmapped is empty", "raw: " + good + "\n  expect: {unmapped: {}}", `unmapped: want {}, got {"kind":"a","more":"1"}`},
		{"whole", "raw: " + good + "\n  match: whole\n  expect: {src_endpoint.port: 80}", "class_uid: want nothing, got 4001"},
		{"class", "raw: " + good + "\n  class: authentication\n  expect: {severity_id: 1}", "class: want authentication, got network_activity"},
		{"capture", "raw: " + good + "\n  key: {zone: us-east-1a}\n  expect: {cloud.zone: us-east-1a}", ""},
		{"no capture", "raw: " + good + "\n  expect: {cloud.zone: us-east-1a}", "got nothing"},
		{"filtered", "raw: {kind: heartbeat}\n  filtered: true", ""},
		{"not filtered", "raw: " + good + "\n  filtered: true", "want the record to be filtered, got an event of network_activity"},
		{"filtered instead", "raw: {kind: heartbeat}\n  expect: {severity_id: 1}", "want an event, got a record that is filtered"},
		{"quarantine", "raw: {kind: a, src: 10.0.0.1}\n  quarantine: TIME_MISSING", ""},
		{"quarantine with a path", "raw: {kind: a, src: 10.0.0.1}\n  quarantine: {code: TIME_MISSING, path: time}", ""},
		{"another path", "raw: {kind: a, src: 10.0.0.1}\n  quarantine: {code: TIME_MISSING, path: tame}", "want quarantine TIME_MISSING tame, got quarantine TIME_MISSING time ("},
		{"another code", "raw: {kind: a, src: 10.0.0.1}\n  quarantine: NO_PROJECTION", "got quarantine TIME_MISSING"},
		{"not quarantined", "raw: " + good + "\n  quarantine: TIME_MISSING", "got an event"},
		{"text", "raw: '{\"kind\": '\n  quarantine: RECORD_NOT_JSON", ""},
		{"several", "raw: [" + good + ", {kind: heartbeat}]\n  events: [{expect: {severity_id: 1}}, {filtered: true}]", ""},
		{"second of several", "raw: [" + good + ", {kind: heartbeat}]\n  events: [{expect: {severity_id: 1}}, {expect: {severity_id: 1}}]", "want an event, got a record that is filtered"},
		{"file", "raw_file: two.log\n  events: [{expect: {severity_id: 1}}, {quarantine: RECORD_NOT_JSON}]", ""},
		{"nothing expected", "raw: " + good, "etl test --update writes"},
		{"nothing named", "raw: " + good + "\n  expect: {}", "etl test --update writes"},
		{"big number", `raw: {ts: "2025-06-01T00:00:00Z", src: "::1", big: 12345678901234567890}` + "\n  expect: {unmapped: {big: 12345678901234567890}}", ""},
		{"anchors", "raw: &r " + good + "\n  expect: {severity_id: 1}\n- name: again\n  raw: *r\n  expect: {severity_id: 1}", ""},
	} {
		name := fmt.Sprintf("%03d.yaml", len(table))
		table = append(table, verdict{c.name, c.want})
		tests[name] = "- name: n\n  " + c.test + "\n"
	}
	_, rs := results(t, mapping1(t, tests))
	got := map[string]string{}
	for _, r := range rs {
		for _, d := range r.Diffs {
			got[filepath.Base(r.Case.File)] += fmt.Sprintf("%d:%d: %s\n", d.Line, d.Column, d)
		}
	}
	for i, c := range table {
		all := got[fmt.Sprintf("%03d.yaml", i)]
		if c.want == "" && all != "" || c.want != "" && !strings.Contains(all, c.want) {
			t.Errorf("%s: want %q, got:\n%s", c.name, c.want, all)
		}
	}
}

func TestProblems(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("    a0: &a0 [1]\n")
	for i := range 12 {
		fmt.Fprintf(&bomb, "    a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 9), i)
	}
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "- name: a\n  raw: {}\n  expct: {}\n", `a.yaml:3:3: error: unknown key "expct"; the keys are name, key, raw`},
		{"not YAML", "- name: a\n  raw: {\n", "a.yaml:"},
		{"no list", "name: a\nraw: {}\n", "a.yaml:1:1: error: the file is a list of tests"},
		{"no name", "- raw: {a: 1}\n", "a.yaml:1:3: error: the test has no name"},
		{"no record", "- name: a\n", "a.yaml:1:3: error: the test has no record"},
		{"empty", "- name: a\n  raw: ''\n", "a.yaml:2:8: error: the record is empty"},
		{"twice", "- {name: a, raw: {b: 1}}\n- {name: a, raw: {b: 1}}\n", `a.yaml:2:3: error: a second test of the name "a", the first is in line 1`},
		{"two verdicts", "- name: a\n  raw: {b: 1}\n  filtered: true\n  quarantine: X\n", "a.yaml:4:3: error: quarantine, and filtered above it"},
		{"match", "- name: a\n  raw: {b: 1}\n  match: some\n", "a.yaml:3:3: error: match is partial"},
		{"key", "- name: a\n  raw: {b: 1}\n  key: AWSLogs/1/x\n", "a.yaml:3:3: error: key holds the captures"},
		{"filtered", "- name: a\n  raw: {b: 1}\n  filtered: no\n", "a.yaml:3:3: error: filtered is true"},
		{"quarantine key", "- name: a\n  raw: {b: 1}\n  quarantine: {code: X, paht: y}\n", "a.yaml:3:25: error: unknown key quarantine.paht"},
		{"named twice", "- name: a\n  raw: {b: 1}\n  expect: {a.b: 1, a: {b: 2}}\n", "error: b is named twice, first in line 3"},
		{"no file", "- name: a\n  raw_file: none.log\n", "a.yaml:2:13: error: raw_file none.log not found. Try: a file in the folder of this one (example: raw_file: records.log)"},
		{"out of the folder", "- name: a\n  raw_file: ../raw.sql\n", `a.yaml:2:13: error: raw_file "../raw.sql" is not the path of a file in the folder of this one. Try: `},
		{"several", "- name: a\n  raw: [{b: 1}, {b: 2}]\n  filtered: true\n", "a.yaml:1:3: error: the raw data holds 2 records"},
		{"fewer events", "- name: a\n  raw: [{b: 1}, {b: 2}]\n  events: [{filtered: true}]\n", "error: 2 records, but events holds 1"},
		{"event", "- name: a\n  raw: {b: 1}\n  events: [{filtred: true}]\n", "a.yaml:3:12: error: each of events has one key"},
		{"too deep", "- name: a\n  raw: " + strings.Repeat("[", 100_000) + "\n", "a.yaml:2:133: error: nested deeper than 128 levels"},
		{"alias of itself", "- name: a\n  raw: &a [*a, *a]\n", "error: nested deeper than 100 levels"},
		{"aliases that multiply", "- name: a\n  raw:\n" + bomb.String(), "error: the aliases of the file repeat more than 16 MiB"},
		{"alias", "- name: a\n  raw: *nothing\n", "a.yaml:2:"},
	} {
		_, err := Load(mapping1(t, map[string]string{"a.yaml": c.text}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.name, c.want, err)
		}
	}
}

// TestPipe: a named pipe among the tests is refused, and nothing waits for its writer.
func TestPipe(t *testing.T) {
	m := mapping1(t, map[string]string{"a.yaml": "- name: a\n  raw_file: b.yaml\n"})
	if err := syscall.Mkfifo(filepath.Join(m.Origin, "tests", "b.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(m)
	for _, want := range []string{"a.yaml:2:13: error: raw_file: read b.yaml: it is a named pipe", "b.yaml:1:1: error: the file cannot be read: it is a named pipe"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// What --update writes passes; comments and what was right stay as they are.
func TestUpdate(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"in place", `# head
- name: "é"   # why
  raw: ` + good + `
  # inner
  expect: {src_endpoint.port: 81, class_uid: 4001} # tail
`, `# head
- name: "é"   # why
  raw: ` + good + `
  # inner
  expect: {src_endpoint.port: 80, class_uid: 4001} # tail
`},
		{"two on a line", "- name: a\n  raw: " + good + "\n  expect: {src_endpoint: {port: 7, ip: 'x'}, tls.sni: y}\n",
			"- name: a\n  raw: " + good + "\n  expect: {src_endpoint: {port: 80, ip: \"10.0.0.1\"}, tls.sni: null}\n"},
		{"another shape", "- name: a\n  raw: " + good + "\n  expect:\n    src_endpoint: 5 # gone\n    severity_id: 1\n\n# next\n- name: b\n  raw: {kind: heartbeat}\n  filtered: true\n",
			"- name: a\n  raw: " + good + "\n  expect:\n    src_endpoint.ip: \"10.0.0.1\"\n    src_endpoint.port: 80\n    severity_id: 1\n\n# next\n- name: b\n  raw: {kind: heartbeat}\n  filtered: true\n"},
		{"another verdict", "- name: a\n  raw: {kind: heartbeat}\n  expect: {severity_id: 1}\n", "- name: a\n  raw: {kind: heartbeat}\n  filtered: true\n"},
		{"quarantine", "- name: a\n  raw: {kind: x, src: '::1'}\n  filtered: true\n  match: partial\n", "- name: a\n  raw: {kind: x, src: '::1'}\n  quarantine: {code: TIME_MISSING, path: time}\n  match: partial\n"},
		{"events", "- name: a\n  raw: [{kind: heartbeat}, {kind: x, src: '::1'}]\n- name: b\n  raw: {kind: heartbeat}\n  filtered: true\n",
			"- name: a\n  raw: [{kind: heartbeat}, {kind: x, src: '::1'}]\n  events:\n    - filtered: true\n    - quarantine: {code: TIME_MISSING, path: time}\n- name: b\n  raw: {kind: heartbeat}\n  filtered: true\n"},
		{"times", "- name: a\n  raw: {kind: a, src: '::1', ts: '2025-06-01T00:00:01.25Z'}\n  expect:\n    time: 2025-06-01T00:00:02Z\n",
			"- name: a\n  raw: {kind: a, src: '::1', ts: '2025-06-01T00:00:01.25Z'}\n  expect:\n    time: 2025-06-01T00:00:01.250Z\n"},
		{"times as numbers", "- name: a\n  raw: {kind: a, src: '::1', ts: '2025-06-01T00:00:01Z'}\n  expect: {time: 5}\n",
			"- name: a\n  raw: {kind: a, src: '::1', ts: '2025-06-01T00:00:01Z'}\n  expect: {time: 1748736001000}\n"},
		{"a new time", "- name: a\n  raw: {kind: a, src: '::1', ts: '2025-06-01T00:00:01Z'}\n  expect:\n    src_endpoint: 5\n    time: null\n    metadata.version: 1\n",
			"- name: a\n  raw: {kind: a, src: '::1', ts: '2025-06-01T00:00:01Z'}\n  expect:\n    src_endpoint.ip: \"::1\"\n    time: 2025-06-01T00:00:01Z\n    metadata.version: \"1.1.0\"\n"},
		{"unmapped", "- name: a\n  raw: " + good + "\n  expect:\n    unmapped: {more: {a: 1}, kind: a}\n", "- name: a\n  raw: " + good + "\n  expect:\n    unmapped: {more: {a: null}, kind: a}\n"},
	} {
		m := mapping1(t, map[string]string{"a.yaml": c.before})
		files, rs := results(t, m)
		got, err := Update(files[0], rs)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if string(got) != c.after {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.after)
		}
		_, rs = results(t, mapping1(t, map[string]string{"a.yaml": string(got)}))
		for _, r := range rs {
			for _, d := range r.Diffs {
				t.Errorf("%s: %s fails after --update: %s", c.name, r.Case.Name, d)
			}
		}
	}
	// A whole event that is written from nothing passes, and fails when one more thing is in it.
	m := mapping1(t, map[string]string{"a.yaml": "- name: a\n  raw: " + good + "\n  match: whole\n"})
	files, rs := results(t, m)
	text, err := Update(files[0], rs)
	if err != nil {
		t.Fatal(err)
	}
	if _, rs = results(t, mapping1(t, map[string]string{"a.yaml": string(text)})); len(rs[0].Diffs) > 0 {
		t.Errorf("%s\n%v", text, rs[0].Diffs)
	}
	less := strings.Replace(string(text), "    activity_id: 6\n", "", 1)
	if _, rs = results(t, mapping1(t, map[string]string{"a.yaml": less})); len(rs[0].Diffs) != 1 || rs[0].Diffs[0].Path != "activity_id" {
		t.Errorf("%s\n%v", less, rs[0].Diffs)
	}
	// Flow style is refused with a place, not mangled.
	m = mapping1(t, map[string]string{"a.yaml": "- {name: a, raw: {kind: heartbeat}, quarantine: X}\n"})
	files, rs = results(t, m)
	if _, err := Update(files[0], rs); err == nil || !strings.Contains(err.Error(), "a.yaml:1:3: error: --update writes tests in block style only") {
		t.Errorf("flow style: %v", err)
	}
}
