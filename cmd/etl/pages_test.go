package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/silt-etl/silt/internal/decode/archive/archivetest"
	"github.com/silt-etl/silt/internal/lookup/mmdbtest"
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

// The example of docs/lookups.md gives what the page says. What it puts into unmapped is not called a field that no SELECT reads.
func TestLookupsPage(t *testing.T) {
	blocks := sqltest.PageBlocks(t, "../../docs/lookups.md", "An example")
	t.Chdir(t.TempDir())
	for i, name := range []string{"vpn/lookups/assets.csv", "vpn/raw.sql", "vpn/authentication.sql"} {
		writeText(t, name, blocks[i])
	}
	writeText(t, "logins.jsonl", `{"ts":"2025-06-01T08:15:02Z","client":"192.0.2.7","user":"ada"}
{"ts":"2025-06-01T08:15:03Z","client":"192.0.2.8","user":"bob"}
{"ts":"2025-06-01T08:15:04Z","client":"198.51.100.1","user":"eve"}
`)
	out, errs, code := etl(t, "check", "vpn", "--sample", "logins.jsonl")
	if code != exitDone || out != "ok\nsample: 3 records: 3 published, 0 filtered, 0 quarantined\n" {
		t.Errorf("etl check: exit code %d\n%s%s", code, out, errs)
	}
	out, errs, code = etl(t, "preview", "vpn", "logins.jsonl", "--output", "json")
	lines := slices.Collect(strings.Lines(out))
	if code != exitDone || len(lines) != 3 {
		t.Fatalf("etl preview: exit code %d\n%s%s", code, out, errs)
	}
	for i, want := range []string{`"src_endpoint":{"ip":"192.0.2.7","name":"ada"}},"unmapped":{"tier":"1"}}`, `"src_endpoint":{"ip":"192.0.2.8","name":"network team"}},"unmapped":{"tier":"2"}}`,
		`"src_endpoint":{"ip":"198.51.100.1"}}}`} {
		if !strings.HasSuffix(lines[i], want+"\n") {
			t.Errorf("want %s in %s", want, lines[i])
		}
	}
}

// The example of Parquet in docs/lookups.md has the types that the page says.
func TestLookupsPageParquet(t *testing.T) {
	example, columns := sqltest.PageBlocks(t, "../../docs/lookups.md", "An example"), sqltest.PageBlocks(t, "../../docs/lookups.md", "Parquet")
	t.Chdir(t.TempDir())
	text := arrow.BinaryTypes.String
	writeText(t, "vpn/lookups/assets.parquet", string(parquetRows(t, []arrow.Field{{Name: "network", Type: text}, {Name: "tier", Type: arrow.PrimitiveTypes.Int32}, {Name: "tags", Type: arrow.ListOf(text)},
		{Name: "site", Type: arrow.StructOf(arrow.Field{Name: "city", Type: text})}}, `[{"network":"192.0.2.0/24","tier":2,"tags":["dmz","old"],"site":{"city":"Ulm"}}]`)))
	writeText(t, "vpn/raw.sql", example[1])
	head, _, _ := strings.Cut(example[2], "  lookup(")
	writeText(t, "vpn/authentication.sql", head+columns[0]+"FROM raw")
	writeText(t, "logins.jsonl", `{"ts":"2025-06-01T08:15:02Z","client":"192.0.2.7","user":"ada"}`+"\n")
	if out, errs, code := etl(t, "check", "vpn", "--sample", "logins.jsonl"); code != exitDone || !strings.HasPrefix(out, "ok\n") {
		t.Errorf("etl check: exit code %d\n%s%s", code, out, errs)
	}
	out, errs, code := etl(t, "preview", "vpn", "logins.jsonl", "--output", "json")
	if want := `"src_endpoint":{"ip":"192.0.2.7","location":{"city":"Ulm"},"zone":"dmz"}},"unmapped":{"tier":"2"}}`; code != exitDone || !strings.HasSuffix(out, want+"\n") {
		t.Errorf("etl preview: exit code %d\n%s%s, want %s", code, out, errs, want)
	}
}

// The example of a MaxMind database in docs/lookups.md takes values of each depth.
func TestLookupsPageMaxMind(t *testing.T) {
	example, blocks := sqltest.PageBlocks(t, "../../docs/lookups.md", "An example"), sqltest.PageBlocks(t, "../../docs/lookups.md", "MaxMind databases")
	t.Chdir(t.TempDir())
	type object = map[string]any
	w := mmdbtest.New(t, 28, true)
	w.Insert("192.0.2.0/24", w.Put(object{"country": object{"iso_code": "DE"}, "city": object{"names": object{"en": "Ulm"}}, "subdivisions": []any{object{"iso_code": "BW"}}}))
	writeText(t, "vpn/lookups/geo.mmdb", string(w.File()))
	writeText(t, "vpn/raw.sql", blocks[0]+"\n"+strings.SplitAfterN(example[1], "\n", 2)[1])
	head, _, _ := strings.Cut(example[2], "  lookup(")
	writeText(t, "vpn/authentication.sql", head+blocks[1]+"FROM raw")
	writeText(t, "logins.jsonl", `{"ts":"2025-06-01T08:15:02Z","client":"192.0.2.7","user":"ada"}`+"\n")
	if out, errs, code := etl(t, "check", "vpn", "--sample", "logins.jsonl"); code != exitDone || !strings.HasPrefix(out, "ok\n") {
		t.Errorf("etl check: exit code %d\n%s%s", code, out, errs)
	}
	out, errs, code := etl(t, "preview", "vpn", "logins.jsonl", "--output", "json")
	if want := `"src_endpoint":{"ip":"192.0.2.7","location":{"country":"DE","city":"Ulm","region":"BW"}}}}`; code != exitDone || !strings.HasSuffix(out, want+"\n") {
		t.Errorf("etl preview: exit code %d\n%s%s, want %s", code, out, errs, want)
	}
}

// parquetRows makes a Parquet file of rows in JSON.
func parquetRows(t *testing.T, fields []arrow.Field, rows string) []byte {
	t.Helper()
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(record.Schema(), &out, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// avroSample is an Avro file with one record.
func avroSample(fields string, record []byte) string {
	text := func(b []byte, s string) []byte { return append(binary.AppendVarint(b, int64(len(s))), s...) }
	b := text([]byte("Obj\x01\x02"), "avro.schema")
	b = append(text(b, `{"type":"record","name":"R","fields":[`+fields+`]}`), "\x000123456789abcdef\x02"...)
	return string(text(b, string(record))) + "0123456789abcdef"
}

// The examples of docs/formats.md that declare a whole record read what the page says that they read.
func TestFormatsPage(t *testing.T) {
	syslog := "48 <34>1 2026-01-31T08:15:02Z fw1 app - - - message"
	page, err := os.ReadFile("../../docs/formats.md")
	if err != nil || !strings.Contains(string(page), "`"+syslog+"`") {
		t.Errorf("docs/formats.md does not have %q: %v", syslog, err)
	}
	lines := sqltest.PageBlocks(t, "../../docs/formats.md", "lines")
	texts := sqltest.PageBlocks(t, "../../docs/formats.md", "Texts inside of records")
	xml := sqltest.PageBlocks(t, "../../docs/formats.md", "windows_xml")
	json := sqltest.PageBlocks(t, "../../docs/formats.md", "json")
	values := sqltest.PageBlocks(t, "../../docs/formats.md", "Values of text")
	text, _, _ := strings.Cut(string(page), "\nLines for every format:")
	_, first, _ := strings.Cut(text, "```sql\n")
	top := []string{strings.TrimSuffix(strings.TrimSpace(first), "```")}
	_, shapes, _ := strings.Cut(string(page), "\n### One log in several shapes\n")
	several := strings.Split(shapes, "\n```")
	member, _, _ := strings.Cut(sqltest.PageBlocks(t, "../../docs/formats.md", "Packings and archives")[0], "\n```")
	for name, c := range map[string]struct {
		raw, selects, sample string
		want                 []string
	}{
		"avro": {sqltest.PageBlocks(t, "../../docs/formats.md", "avro")[0], `at_us AS "time", Body."user" AS message, Body.src_ip AS "unmapped.ip"`,
			avroSample(`{"name":"Body","type":"bytes"},{"name":"at_us","type":{"type":"long","logicalType":"timestamp-micros"}}`, binary.AppendVarint([]byte("\x36"+`{"user":"ada","src_ip":"x"}`), 1769847302250000)),
			[]string{`"time":1769847302250,`, `"message":"ada"},"unmapped":{"ip":"x"}`}},
		"windows_xml": {xml[0], `"System"."TimeCreated"."SystemTime" AS "time", "EventData"."IpAddress" AS message, "EventData"."Data"[2] AS "unmapped.second", "System"."Execution"."ProcessID" + 1 AS "unmapped.process",
			"UserData"."LogFileCleared"."SubjectUserName" AS "unmapped.who", "RenderingInfo"."Keywords"."Keyword"[1] AS "unmapped.keyword"`,
			"<Events><Event xmlns='x'><System><EventID Qualifiers=\"16384\">7036</EventID><TimeCreated SystemTime='2026-01-31T08:15:02.25Z'/><Execution ProcessID=\"744\"/></System>\n" +
				`<EventData Name="T"><Data Name="IpAddress">192.0.2.7</Data><Data>a</Data><Data>b</Data><Data Name="IpAddress">&lt;x&gt;</Data><Data Name="other">-</Data></EventData>` +
				`<UserData><LogFileCleared><SubjectUserName>ada</SubjectUserName><Channel>Security</Channel></LogFileCleared></UserData><RenderingInfo><Keywords><Keyword>k</Keyword></Keywords></RenderingInfo></Event></Events>`,
			[]string{`"message":"192.0.2.7"},"unmapped":{"second":"b","process":"745","keyword":"k","System.EventID":"7036","System.EventID@Qualifiers":"16384",`,
				`"EventData.IpAddress":"<x>","EventData.Data":"[\"a\",\"b\"]","EventData@Name":"T","who":"ada","UserData.LogFileCleared.Channel":"Security",`}},
		"windows_xml in a field": {xml[1], `raw_xml."System"."TimeCreated"."SystemTime" AS "time", TargetUserName AS message, EventID + 1 AS "unmapped.next"`,
			`{"raw_xml":"<Event><System><EventID>1102</EventID><TimeCreated SystemTime='2026-01-31T08:15:02.25Z'/></System><EventData><Data Name='TargetUserName'>ada</Data></EventData></Event>"}`,
			[]string{`"message":"ada"},"unmapped":{"next":"1103"`}},
		"pattern": {lines[0], `raw."at" AS "time", request AS message, who AS "unmapped.user"`, "192.0.2.1 - - [10/Oct/2025:13:55:36 -0700] \"GET / HTTP/1.0\" 200 -\n",
			[]string{`"message":"GET / HTTP/1.0"},"unmapped":{"client":"192.0.2.1","status":"200"}`}},
		"patterns": {lines[1], `raw."at" AS "time", raw.message, pattern AS "unmapped.n"`, "2026-01-31T08:15:02Z login ada from 192.0.2.7\n2026-01-31T08:15:03Z disk full\n",
			[]string{`"unmapped":{"who":"ada","client":"192.0.2.7","n":"1"}`, `"message":"disk full"},"unmapped":{"n":"2"}`}},
		"begins": {lines[2], `raw."at" AS "time", raw.message`, "2026-01-31T08:15:02Z ERROR failed\n  at a.b\n\n  at c.d\n2026-01-31T08:15:03Z INFO ok\n",
			[]string{`"message":"failed\n  at a.b\n\n  at c.d"},"unmapped":{"level":"ERROR"}`, `"message":"ok"},"unmapped":{"level":"INFO"}`}},
		"structured": {texts[len(texts)-1], `line."timestamp" AS "time", line.structured."fw@32473.1.2"."source-address" AS message`,
			"<14>1 2026-02-03T10:11:12Z fw1 RT_FLOW - DENY [fw@32473.1.2 source-address=\"192.0.2.1\" source-port=\"51000\"] denied\n", []string{`"message":"192.0.2.1"}`}},
		"events": {json[3], `created AS "time", alert AS message, evidence."user" AS "unmapped.who", evidence.id AS "unmapped.n"`, json[2],
			[]string{`"message":"A-7"},"unmapped":{"source.tenant":"acme","n":"1","who":"ada","evidence.ip":"192.0.2.7"}`, `"message":"A-7"},"unmapped":{"source.tenant":"acme","n":"2","who":"eve",`, `{"record":3,"raw":`, `"message":"A-8"},"unmapped":{"source.tenant":"acme"}`}},
		"octets": {"-- format: lines\n-- framing: octets\n-- parse: line syslog\nCREATE TABLE raw (line STRUCT(\"timestamp\" TIMESTAMP, message VARCHAR))",
			`line."timestamp" AS "time", line.message`, syslog + syslog, []string{`{"record":1,"raw":"\u003c34\u003e1 `, `{"record":2,"raw":"\u003c34\u003e1 `, `"message":"message"}`}},
		"records": {json[0] + "\nCREATE TABLE raw (ts TIMESTAMP, n INTEGER, owner VARCHAR)", `ts AS "time", owner AS message, n AS "unmapped.n"`, `{"owner":"x","Records":[{"ts":"2026-01-31T08:15:02Z","n":1},{"ts":"2026-01-31T08:15:02Z","n":2,"owner":"y"}]}`,
			[]string{`"message":"x"},"unmapped":{"n":"1"}`, `"message":"y"},"unmapped":{"n":"2","owner":"x"}`}},
		"records of several forms": {json[1], `'2026-01-31T08:15:02Z' AS "time", "Id" AS message`, `{"detail":{"findings":[{"Id":"1"}]}} {"Findings":[{"Id":"2"}]} {"Id":"3"}`, []string{`"message":"1"`, `"message":"2"`, `"message":"3"`}},
		"csv": {top[0], `"when" AS "time", "action" AS message, src AS "unmapped.from", port + 1 AS "unmapped.next"`, "2026-01-31T08:15:02Z\t192.0.2.7\t443\t\"allow, logged\"\tr7\n2026-01-31T08:15:03Z\t-\t-\tdeny\n",
			[]string{`"message":"allow, logged"},"unmapped":{"next":"444","from":"192.0.2.7","port":"443","column_5":"r7"}`, `"message":"deny"}}`}},
		"types of records": {sqltest.PageBlocks(t, "../../docs/formats.md", "csv")[0] + "\nCREATE TABLE raw (received TIMESTAMP, type VARCHAR, src VARCHAR, threat VARCHAR)", `received AS "time", threat AS message, src AS "unmapped.from"`,
			"2026-01-31T08:15:02Z,s1,TRAFFIC,end,192.0.2.7,192.0.2.9,10,20\n<14>Jan 31 08:15:02 fw1 2026-01-31T08:15:02Z,s1,THREAT,url,192.0.2.8,192.0.2.9,worm,high\n2026-01-31T08:15:02Z,s1,SYSTEM,x\n",
			[]string{`"serial":"s1","type":"TRAFFIC","subtype":"end","from":"192.0.2.7","dst":"192.0.2.9","bytes_sent":"10","bytes_received":"20"`, `"message":"worm"},"unmapped":{"syslog.pri":"14",`, `"severity":"high"`, `"column_4":"x"`}},
		"timestamps":           {values[0] + "\nCREATE TABLE raw (generated TIMESTAMP, start TIMESTAMP)", `generated AS "time", start AS start_time`, `{"generated":"2026/01/31 09:15:02","start":1769847302250}`, []string{`"time":1769847302000,`, `"start_time":1769847302250`}},
		"times without a year": {"CREATE TABLE raw (\"at\" VARCHAR)", strings.TrimSuffix(strings.TrimSpace(values[1]), ";"), `{"at":"2026 Jan 31 08:15:02"}`, []string{`"time":1769847302000,`}},
		"placeholders": {sqltest.PageBlocks(t, "../../docs/formats.md", "Placeholders")[0] + "\nCREATE TABLE raw (ts TIMESTAMP, translated_ip VARCHAR, name VARCHAR)", `ts AS "time", name AS message, translated_ip AS "unmapped.ip"`,
			`{"ts":"2026-01-31T08:15:02Z","translated_ip":"0.0.0.0","name":"N/A","other":"(null)","empty":"","host":"0.0.0.0"}`, []string{`"unmapped":{"host":"0.0.0.0"}`}},
		"shapes": {strings.TrimPrefix(several[1], "sql\n"), `TIMESTAMP '2026-01-31' AS "time", "EventData".TargetUserName AS message, "EventData".LogonType + 1 AS "unmapped.next", "EventID" + 1 AS "unmapped.id"`,
			strings.TrimPrefix(several[3], "json\n"), []string{`"message":"ada"},"unmapped":{"next":"4","id":"4625","winlog.event_id":"4624"`, `"message":"ada"},"unmapped":{"next":"4","id":"4625","EventID":"4624"`}},
		"member": {member, `ts AS "time", raw.message, "key".host || "key".dd AS "unmapped.at"`, string(archivetest.Zip(t, archivetest.Member{"logs/fw1/2026-01-31.log", `{"ts":"2026-01-31T08:15:02Z","message":"x"}`}, archivetest.Member{"readme", `{"ts":"2026-01-31T08:15:02Z","message":"y"}`})),
			[]string{`"message":"x"},"unmapped":{"at":"fw131"}`, `"message":"y"}`}},
		"zeek": {sqltest.PageBlocks(t, "../../docs/formats.md", "zeek")[0], `TIMESTAMP '1970-01-01' + to_milliseconds(CAST(CAST(ts AS DOUBLE) * 1000 AS BIGINT)) AS "time", answers[2] AS message`, "#path\tdns\n#fields\tts\tid.orig_h\tanswers\n#types\ttime\taddr\tvector[string]\n1769847302.25\t192.0.2.7\tweb.example.net,192.0.2.80\n",
			[]string{`"time":1769847302250,`, `"message":"192.0.2.80"`, `"id.orig_h":"192.0.2.7"`}},
		"a text in a field": {texts[0], `Description.UtcTime AS "time", Description.Image AS message`, `{"Host":"h","Description":"Process Create:\r\nUtcTime: 2026-01-31 08:15:02.250\r\nProcessId: 7\r\nImage: C:\\a.exe\r\nUser: -"}`,
			[]string{`"time":1769847302250,`, `"message":"C:\\a.exe"},"unmapped":{"Host":"h","Description.title":"Process Create","Description.ProcessId":"7"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			writeText(t, "m/raw.sql", c.raw)
			writeText(t, "m/base_event.sql", "-- class: base_event\nSELECT 1 AS severity_id, 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\", "+c.selects+" FROM raw")
			writeText(t, "sample", c.sample)
			out, errs, code := etl(t, "preview", "m", "sample", "--output", "json")
			for _, want := range c.want {
				if code != exitDone || strings.Contains(out, `"reason"`) || !strings.Contains(out, want) {
					t.Errorf("exit code %d, want %s in:\n%s%s", code, want, out, errs)
				}
			}
		})
	}
}

// The example about shifted columns refuses records with more columns, and with a value that the column cannot have.
func TestShiftedColumnsPage(t *testing.T) {
	blocks := sqltest.PageBlocks(t, "../../docs/formats.md", "csv")
	t.Chdir(t.TempDir())
	writeText(t, "m/raw.sql", blocks[len(blocks)-1])
	writeText(t, "m/base_event.sql", `-- class: base_event
SELECT received AS "time", 1 AS severity_id, tags AS message, bytes + 1 AS "unmapped.next", 'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name" FROM raw`)
	const id = "0f8fad5b-d9cb-469f-a165-70867728950e"
	writeText(t, "sample", "2026-01-31T08:15:02Z,TRAFFIC,{a, b},7,"+id+"\n2026-01-31T08:15:02Z,TRAFFIC,{a, b},7,"+id+",more\n2026-01-31T08:15:02Z,TRAFFIC,a,new,7,"+id+"\n2026-01-31T08:15:02Z,TRAFFIC,a,new,7\n")
	out, errs, code := etl(t, "preview", "m", "sample", "--output", "json")
	for _, want := range []string{`"message":"{a, b}"`, `"unmapped":{"next":"8","type":"TRAFFIC","bytes":"7","rule_uuid":"` + id + `"}`} {
		if code != exitDone || strings.Count(out, `"reason":"CSV_COLUMNS"`) != 3 || !strings.Contains(out, want) {
			t.Errorf("exit code %d, want %s and three records refused in:\n%s%s", code, want, out, errs)
		}
	}
}

// The mapping with which docs/mappings.md begins does what the page says, and its tests are those of the section about tests.
func TestMappingsPage(t *testing.T) {
	example := sqltest.PageBlocks(t, "../../docs/mappings.md", "An example")
	tests := sqltest.PageBlocks(t, "../../docs/mappings.md", "Tests")
	consumes := sqltest.PageBlocks(t, "../../docs/mappings.md", "unmapped")
	t.Chdir(t.TempDir())
	writeText(t, "vpn/raw.sql", example[0])
	writeText(t, "vpn/authentication.sql", example[1])
	writeText(t, "vpn/tests/login.yaml", tests[0])
	writeText(t, "vpn/tests/keepalives.log", `{"kind":"keepalive"}`+"\n"+`{"kind":"keepalive","ts":"2026-01-31T08:15:02Z"}`)
	if out, errs, code := etl(t, "test", "vpn"); code != exitDone || !strings.Contains(out, "3 tests") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	writeText(t, "logins.jsonl", `{"ts":"2026-01-31T08:15:02.250+01:00","kind":"login","user":"ada","result":"ok","client":{"ip":"198.51.100.7","port":50211},"gateway":"vpn1","mfa":"totp"}
{"ts":"2026-01-31T08:15:09Z","kind":"login","user":"eve","result":"denied","client":{"ip":"203.0.113.9","port":"http"}}
{"ts":"2026-01-31T08:15:10Z","kind":"keepalive"}
{"ts":"yesterday","kind":"login"}
{"ts":"2026-01-31T08:16:00Z","kind":"logout"}
`)
	out, errs, code := etl(t, "preview", "vpn", "logins.jsonl", "--output", "json")
	for _, want := range []string{`"time":1769843702250,`, `"unmapped":{"kind":"login","mfa":"totp"}`, `"client.port":"http"`, `"filtered":true`, `"reason":"TIME_UNREADABLE"`, `"reason":"NO_PROJECTION"`} {
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("exit code %d, want %s in:\n%s%s", code, want, out, errs)
		}
	}
	// the lines of the section about unmapped, over columns that they can rebuild the fields of
	writeText(t, "c/raw.sql", `CREATE TABLE raw (ts TIMESTAMP, result VARCHAR, proto VARCHAR, "user" VARCHAR, hashes VARCHAR, client VARCHAR)`)
	writeText(t, "c/m.sql", "-- class: process_activity\n-- profiles: host\n"+strings.NewReplacer("connection_info.protocol_name", "unmapped.protocol", "src_endpoint.ip", "unmapped.ip", "src_endpoint.port", "CAST(unmapped.port AS INTEGER)").Replace(consumes[0])+"\n"+`SELECT ts AS "time",
  1 AS activity_id, 1 AS severity_id, CASE result WHEN 'ok' THEN 1 ELSE 2 END AS status_id, lower(proto) AS "unmapped.protocol", 0 AS "device.type_id", 'h' AS "device.hostname",
  user_of("user") AS "actor.user.name", domain_of("user") AS "actor.user.domain", 7 AS "process.pid", fingerprints(hashes) AS "process.file.hashes", 'a' AS "process.file.name", 1 AS "process.file.type_id",
  host_of(client) AS "unmapped.ip", port_of(client) AS "unmapped.port", 'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name" FROM raw`)
	writeText(t, "c.jsonl", `{"ts":"2026-01-31T08:15:02Z","result":"ok","proto":"TCP","user":"ACME\\ada","hashes":"MD5=00112233445566778899AABBCCDDEEFF","client":"192.0.2.7:443"}`)
	out, errs, code = etl(t, "preview", "c", "c.jsonl", "--output", "json")
	if want := `"unmapped":{"protocol":"tcp","ip":"192.0.2.7","port":"443"}`; code != exitDone || !strings.Contains(out, want) {
		t.Errorf("exit code %d, want %s in:\n%s%s", code, want, out, errs)
	}
}

// The expressions of the section about objects and lists, and the lines of the one about incomplete records, do what the page says.
func TestObjectsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/mappings.md")
	if err != nil {
		t.Fatal(err)
	}
	lists := sqltest.PageBlocks(t, "../../docs/mappings.md", "Objects and lists of objects")
	_, attacks, _ := strings.Cut(lists[0], "...,\n")
	const product = `1 AS activity_id, 1 AS severity_id, 'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name"`
	const dns, process = "-- class: dns_activity\n-- profiles: host, security_control\n-- without: device, query, dst_endpoint, src_endpoint", "-- class: process_activity\n-- without: device, actor"
	for name, c := range map[string]struct {
		head, raw, columns, indented, record string
		want                                 []string
	}{
		"an object": {dns, "client STRUCT(ip VARCHAR, port INTEGER)", product, "{'ip': client.ip, 'port': client.port} AS src_endpoint", `"client":{"ip":"192.0.2.7","port":53,"zone":"z"}`,
			[]string{`"src_endpoint":{"ip":"192.0.2.7","port":53}`, `"unmapped":{"client.zone":"z"}`}},
		"a STRUCT": {dns, "client STRUCT(ip VARCHAR, port INTEGER, zone2 VARCHAR)", product, "client AS src_endpoint", `"client":{"ip":"192.0.2.7","port":53,"zone2":"z"}`,
			[]string{`"src_endpoint":{"ip":"192.0.2.7","port":53}`, `"unmapped":{"client.zone2":"z"}`}},
		"a list": {process, "sha256 VARCHAR, md5 VARCHAR", product + `, 7 AS "process.pid", 'f' AS "process.file.name", 1 AS "process.file.type_id"`,
			`[{'algorithm_id': 3, 'value': sha256}, {'algorithm_id': 1, 'value': md5}] AS "process.file.hashes"`, `"sha256":"aa","md5":"bb"`,
			[]string{`"algorithm_id":3`, `"value":"aa"`, `"algorithm":"MD5"`, `"value":"bb"`}},
		"a computed list": {dns, "answers STRUCT(data VARCHAR, kind VARCHAR)[]", product, "list_transform(answers, lambda a: {'rdata': a.data, 'type': a.kind}) AS answers", `"answers":[{"data":"192.0.2.9","kind":"A"}]`,
			[]string{`"answers":[{"rdata":"192.0.2.9","type":"A"}]`, `"unmapped":{"answers":`}},
		"a list of STRUCT": {dns, "answers STRUCT(rdata VARCHAR, type VARCHAR)[]", product, "answers AS answers", `"answers":[{"rdata":"192.0.2.9","type":"A"},null,{"type":"A"}]`,
			[]string{`"answers":[{"rdata":"192.0.2.9","type":"A"}]`}},
		"lists in lists": {dns, "tech_id VARCHAR, tech_name VARCHAR", product, strings.TrimSpace(attacks), `"tech_id":"T1059","tech_name":"Command and Scripting Interpreter"`,
			[]string{`"attacks":[{"technique":{"uid":"T1059","name":"Command and Scripting Interpreter"},"tactics":[{"uid":"TA0002","name":"Execution"}],"version":"14.1"}]`}},
		"incomplete": {sqltest.PageBlocks(t, "../../docs/mappings.md", "Incomplete records")[0], "code INTEGER", product + `, 'GET' AS "http_request.http_method", 'h' AS "src_endpoint.hostname"`, `http_response.code`, `"code":"x"`, []string{`"unmapped":{"code":"x"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			column := c.indented
			if column == "http_response.code" {
				column = `code AS "http_response.code"`
			}
			if !strings.Contains(string(page), c.indented) {
				t.Fatalf("the page does not have %s", c.indented)
			}
			t.Chdir(t.TempDir())
			writeText(t, "m/raw.sql", "CREATE TABLE raw (ts TIMESTAMP, "+c.raw+")")
			writeText(t, "m/m.sql", c.head+"\nSELECT ts AS \"time\", "+c.columns+", "+column+" FROM raw")
			writeText(t, "sample.jsonl", `{"ts":"2026-01-31T08:15:02Z",`+c.record+"}\n")
			out, errs, code := etl(t, "preview", "m", "sample.jsonl", "--output", "json")
			for _, want := range c.want {
				if code != exitDone || !strings.Contains(out, want) {
					t.Errorf("exit code %d, want %s in:\n%s%s", code, want, out, errs)
				}
			}
		})
	}
}
