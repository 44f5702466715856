package infer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

func infer(t testing.TB, o Options, lines ...string) *Result {
	t.Helper()
	if o.Name == "" {
		o.Name = "sample"
	}
	res, err := Infer([]Sample{{Name: "sample.jsonl", Body: strings.NewReader(strings.Join(lines, "\n"))}}, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// compile holds the written mapping to etl check: no errors.
func compile(t testing.TB, res *Result) *sqlgen.Compiled {
	t.Helper()
	texts := map[string]string{}
	for _, f := range res.Files {
		texts[f.Path] = f.Text
	}
	m, err := mappings.LoadFiles("m", texts)
	if err != nil {
		t.Fatal(err)
	}
	compiled, diagnostics, err := m.Compile(context.Background())
	if err != nil || compiled == nil {
		t.Fatalf("%v %v\n%v", err, diagnostics, texts)
	}
	return compiled
}

// everything makes a mapping that reads each field of raw.sql, so that the scanner tells of each whether it fits.
func everything(t testing.TB, res *Result) *sqlgen.Compiled {
	t.Helper()
	var b strings.Builder
	b.WriteString("-- class: base_event\n-- without: nothing\nSELECT\n")
	for i, f := range res.Fields {
		fmt.Fprintf(&b, "  %s AS \"unmapped.f%d\",\n", mappings.FieldSQL(f.keys), i)
	}
	b.WriteString("  1 AS severity_id, 0::BIGINT AS \"time\", 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\"\nFROM raw")
	return compile(t, &Result{Files: []diag.File{res.Files[0], {Path: "base_event.sql", Text: b.String()}}})
}

// random writes a JSON value, of all shapes that logs have and some that they should not.
func random(r *rand.Rand, depth int) string {
	texts := []string{"", "x", "443", "007", "-", "true", "10.0.0.1", "fe80::1", "2025-06-01T00:00:00Z", "2025-06-01 00:00:00.5", "2025-06-01T00:00:00+0200", "01/Jun/2025:00:00:00 +0000",
		"1e3", "9223372036854775808", "ümlaut \"quoted\" \\ \n\u2028", "GET", "https://x.example/", `C:\a.exe`, strings.Repeat("a", 64), "1748736000"}
	numbers := []string{"0", "-0", "1", "443", "70000", "2147483648", "9007199254740993", "9223372036854775807", "9223372036854775808", "1.5", "1.0", "1e3", "1748736000", "1748736000123"}
	switch n := r.IntN(12); {
	case n == 0:
		return "null"
	case n == 1:
		return []string{"true", "false"}[r.IntN(2)]
	case n < 5:
		return numbers[r.IntN(len(numbers))]
	case n < 8 || depth > 4:
		b, _ := json.Marshal(texts[r.IntN(len(texts))])
		return string(b)
	case n < 10:
		return randomObject(r, depth+1)
	}
	var items []string
	for range r.IntN(4) {
		items = append(items, random(r, depth+1))
	}
	return "[" + strings.Join(items, ",") + "]"
}

func randomObject(r *rand.Rand, depth int) string {
	keys := []string{"a", "A", "b", "time", "key", "raw", "select", "src_ip", "dst port", "x.y", "_obj", "", "ü", "user", "status", "o\"q", "a'b", "severity"}
	var items []string
	for range 1 + r.IntN(5) {
		k, _ := json.Marshal(keys[r.IntN(len(keys))])
		items = append(items, string(k)+":"+random(r, depth))
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// What is written holds for each record of the sample, whatever the records are: no value misses the type that raw.sql gives it,
// lists are cast by DuckDB without an error, and the mapping has no errors.
func TestTypesHoldForEveryRecord(t *testing.T) {
	db, err := engine.Open(engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lists, leaves := 0, 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		// Few shapes, so that fields have types, with some values of other shapes among them.
		shape := r.Uint64()
		var lines []string
		for i := range 1 + r.IntN(30) {
			from := rand.New(rand.NewPCG(shape+uint64(i%3), 7))
			if r.IntN(10) == 0 {
				from = r
			}
			lines = append(lines, randomObject(from, 0))
		}
		res := infer(t, Options{}, lines...)
		compile(t, res)
		compiled := everything(t, res)
		leaves += len(compiled.Scan.Leaves)
		records := decode.NewRecords(&compiled.Scan, decode.NewKeys(), decode.Options{})
		records.Open(strings.NewReader(strings.Join(lines, "\n")))
		for range lines {
			n, raw, rej, err := records.Next()
			if err != nil || rej != nil {
				t.Fatalf("seed %d: %v %v", seed, err, rej)
			}
			for _, i := range records.Misfits() {
				t.Errorf("seed %d, record %d: %v does not take its value\n%s\n%s", seed, n, compiled.Scan.Leaves[i].Path, raw, res.Files[0].Text)
			}
			for i, v := range records.Values() {
				typ := typeOf(res, compiled.Scan.Leaves[i].Path)
				if !v.Set || !strings.HasSuffix(typ, "[]") {
					continue
				}
				lists++
				sql := fmt.Sprintf("SELECT CAST(%s::JSON AS %s)::VARCHAR", mappings.Literal(string(v.Text)), typ)
				rows, err := db.Query(context.Background(), sql)
				if err == nil {
					var b any
					if b, err = rows.Next(); b == nil {
						err = errors.Join(err, errors.New("no row"))
					}
					rows.Close()
				}
				if err != nil {
					t.Errorf("seed %d: %v\n%s", seed, err, sql)
				}
			}
		}
		if t.Failed() {
			return
		}
	}
	if lists < 20 || leaves < 200 {
		t.Errorf("%d lists and %d fields: the samples are too plain to say anything", lists, leaves)
	}
}

func typeOf(res *Result, path []string) string {
	for _, f := range res.Fields {
		if strings.Join(f.keys, "\x00") == strings.Join(path, "\x00") {
			return f.Type
		}
	}
	return ""
}

func fieldOf(t *testing.T, res *Result, path string) Field {
	t.Helper()
	for _, f := range res.Fields {
		if f.Path == path {
			return f
		}
	}
	t.Fatalf("no field %s in %+v", path, res.Fields)
	return Field{}
}

// Types, and what is noted of those that are not clear.
func TestTypes(t *testing.T) {
	var lines []string
	for i := range 100 {
		n, mixed, opt := fmt.Sprint(i), fmt.Sprint(i), ""
		if i%33 == 2 {
			mixed = `"none"`
		}
		if i < 25 {
			opt = `,"opt":{"deep":[1,2]}`
		}
		lines = append(lines, `{"n":`+n+`,"mixed":`+mixed+`,"text":"`+n+`","src_port":"`+n+`","id":`+n+`,"f":1.5,"b":true,"at":"2025-06-01T00:00:00Z","tags":["a"],"objs":[{"k":1}],"either":`+
			[]string{`1`, `[1]`}[i%2]+`,"big":18446744073709551615,"void":null`+opt+`}`)
	}
	res := infer(t, Options{}, lines...)
	for path, want := range map[string]string{"n": "BIGINT", "mixed": "VARCHAR", "text": "VARCHAR", "src_port": "INTEGER", "id": "VARCHAR", "f": "DOUBLE", "b": "BOOLEAN", "at": "TIMESTAMP",
		"tags": "VARCHAR[]", "objs": "STRUCT(k BIGINT)[]", "either": "JSON", "big": "VARCHAR", "void": "VARCHAR", "opt.deep": "BIGINT[]"} {
		if got := fieldOf(t, res, path).Type; got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{"mixed": `ambiguous: number in 97%, else text (example: "none")`, "either": "ambiguous: list in 50%, single value in 50%", "void": "always null",
		"id": "an identifier written in digits"} {
		if got := strings.Join(fieldOf(t, res, path).Notes, "; "); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if !strings.Contains(res.Files[0].Text, "opt STRUCT( -- in 25% of the records\n") {
		t.Errorf("optional:\n%s", res.Files[0].Text)
	}
}

// Delimited text is found by its lines, and the types hold for each record of it too.
func TestDelimitedText(t *testing.T) {
	for name, c := range map[string]struct {
		text, header string
		records      int64
		types        map[string]string
	}{
		"space": {"version account-id srcaddr srcport start note\n2 012345678901 10.0.0.1 443 1748736000 a\n2 012345678901 - - 1748736000 \"b c\"\n", "-- format: csv\n-- delimiter: space\n-- header: yes\n-- null: -\n-- timestamp: start epoch_s\n", 2,
			map[string]string{"version": "VARCHAR", "account-id": "VARCHAR", "srcaddr": "VARCHAR", "srcport": "INTEGER", "start": "TIMESTAMP", "note": "VARCHAR"}},
		"comma": {"time,user,ok\n2025-06-01T00:00:00Z,\"a, b\",true\n2025-06-01T00:00:01Z,\"say \"\"x\"\"\nand more\",false\n2025-06-01T00:00:02Z,c,true\n2025-06-01T00:00:02Z,c,\n", "-- format: csv\n-- header: yes\n", 4,
			map[string]string{"time": "TIMESTAMP", "user": "VARCHAR", "ok": "BOOLEAN"}},
		"no header": {"a;2025-06-01 10:00:00;1.5\nb;2025-06-01 10:00:01;2\nb;2025-06-01 10:00:01;1e3\n", "-- format: csv\n-- delimiter: semicolon\n-- header: no\n", 3,
			map[string]string{"column_1": "VARCHAR", "column_2": "TIMESTAMP", "column_3": "DOUBLE"}},
		"tab, comments, ragged": {"#a comment\nts\tn\tx\n1748736000\t1\ty\n1748736000\tnone\ty\t9\n1748736000\t3\n" + strings.Repeat("1748736000\t3\tz\n", 60), "-- format: csv\n-- delimiter: tab\n-- header: yes\n-- comment: #\n-- timestamp: ts epoch_s\n", 63,
			map[string]string{"ts": "TIMESTAMP", "n": "VARCHAR", "x": "VARCHAR"}},
		"key=value": {"date=2025-06-01 srcip=10.0.0.1 srcport=1 action=\"a b\" eventtime=1748772000\ndate=2025-06-01 srcip=10.0.0.2 srcport=2 eventtime=1748772001\n", "-- format: kv\n-- timestamp: eventtime epoch_s\n", 2,
			map[string]string{"srcip": "VARCHAR", "srcport": "INTEGER", "eventtime": "TIMESTAMP", "action": "VARCHAR"}},
		"CEF behind syslog": {strings.Repeat("<134>Jun  1 10:00:00 fw CEF:0|Acme|FW|1|100|conn|3|rt=1748772000000 src=10.0.0.1 dst=198.51.100.4 spt=50000 dpt=443\n", 2), "-- format: cef\n-- timestamp: rt epoch_ms\n", 2,
			map[string]string{"rt": "TIMESTAMP", "src": "VARCHAR", "syslog.host": "VARCHAR", "deviceVersion": "VARCHAR"}},
		"one object a line": {"{\"a\": 1}\n{\"a\": 2}\n", "", 2, map[string]string{"a": "BIGINT"}},
	} {
		res, err := Infer([]Sample{{Name: "s", Body: strings.NewReader(c.text)}}, Options{Name: "s"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if res.Records != c.records {
			t.Errorf("%s: %d records, want %d", name, res.Records, c.records)
		}
		for path, want := range c.types {
			if got := fieldOf(t, res, path).Type; got != want {
				t.Errorf("%s: %s is %s, want %s", name, path, got, want)
			}
		}
		_, after, _ := strings.Cut(res.Files[0].Text, "dotted name.\n")
		if got, _, _ := strings.Cut(after, "CREATE TABLE"); got != c.header {
			t.Errorf("%s: header\n%swant\n%s", name, got, c.header)
		}
		compile(t, res)
		compiled := everything(t, res)
		records := decode.NewRecords(&compiled.Scan, decode.NewKeys(), decode.Options{})
		records.Open(strings.NewReader(c.text))
		for n := range c.records {
			_, raw, rej, err := records.Next()
			if err != nil || rej != nil {
				t.Fatalf("%s, record %d: %v %v", name, n+1, rej, err)
			}
			for _, i := range records.Misfits() {
				t.Errorf("%s: %v does not take its value: %s", name, compiled.Scan.Leaves[i].Path, raw)
			}
		}
	}
}

// Time formats are named with how many values they read, and local times by what the sample's last change says.
func TestTimes(t *testing.T) {
	changed := time.Date(2025, 6, 1, 8, 0, 30, 0, time.UTC)
	for text, want := range map[string][2]string{
		`"2025-06-01 10:00:00.25"`:     {"%Y-%m-%d %H:%M:%S.%f", "no zone in the text: UTC assumed; compared with when the sample was last changed the offset looks like +02:00"},
		`"2025-06-01 07:59:00"`:        {"%Y-%m-%d %H:%M:%S", "no zone in the text: UTC assumed"},
		`"2025-06-01T10:00:00+0200"`:   {"%Y-%m-%dT%H:%M:%S%z", "the text has the zone"},
		`"01/Jun/2025:10:00:00 +0200"`: {"%d/%b/%Y:%H:%M:%S %z", "the text has the zone"},
		`"01.06.2025 10:00:00"`:        {"%d.%m.%Y %H:%M:%S", "+02:00"},
		`"2025-06-01 10:00:00,123"`:    {"%Y-%m-%d %H:%M:%S,%g", "+02:00"},
		`"Jun  1 2025 10:00:00"`:       {"%b %d %Y %H:%M:%S", "+02:00"},
		`1748764800`:                   {"seconds since 1970", "UTC by definition"},
		`"1748764800.25"`:              {"seconds since 1970", "UTC by definition"},
		`1748764800250`:                {"milliseconds since 1970", "UTC by definition"},
		`1748764800250000`:             {"microseconds since 1970", "UTC by definition"},
		`1748764800250000000`:          {"nanoseconds since 1970", "UTC by definition"},
	} {
		lines := `{"ts":` + text + `,"v":1}` + "\n" + `{"ts":` + text + `}`
		res, err := Infer([]Sample{{Name: "s", Body: strings.NewReader(lines), Changed: changed}}, Options{Name: "s"})
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Times) != 1 || res.Times[0].Format != want[0] || !strings.HasSuffix(res.Times[0].Zone, want[1]) {
			t.Errorf("%s: %+v, want %v", text, res.Times, want)
			continue
		}
		if !strings.HasPrefix(res.Times[0].Evidence, "100% ") {
			t.Errorf("%s: evidence %q", text, res.Times[0].Evidence)
		}
		compile(t, res)
	}
	ambiguous := infer(t, Options{}, `{"ts":"06/01/2025 10:00:00"}`)
	if got := ambiguous.Times[0].Evidence; !strings.Contains(got, "and as many as %d/%m/%Y") {
		t.Errorf("both formats read it: %q", got)
	}
	some := infer(t, Options{}, `{"ts":"06/13/2025 10:00:00"}`, `{"ts":"06/01/2025 10:00:00"}`, `{"ts":"soon"}`)
	if got := some.Times[0].Evidence; got != "66.7% parse as %m/%d/%Y %H:%M:%S" {
		t.Errorf("%q", got)
	}
}

// A sample that is larger than what is remembered: fields beyond the bound are named, keys made of data become JSON, and the
// types hold all the same.
func TestBounds(t *testing.T) {
	var lines []string
	for i := range 3000 {
		lines = append(lines, fmt.Sprintf(`{"ts":"2025-06-01T00:00:00Z","by_host":{"h%d":%d},"k%d":"%s"}`, i, i, i, strings.Repeat("v", 500)))
	}
	res := infer(t, Options{}, lines...)
	if got := fieldOf(t, res, "by_host"); got.Type != "JSON" || !strings.Contains(strings.Join(got.Notes, ""), "the keys are data") {
		t.Errorf("by_host: %+v", got)
	}
	if len(res.Fields) > maxFields || len(res.Notes) == 0 || !strings.Contains(res.Notes[0], "more fields than etl infer counts") {
		t.Errorf("%d fields, notes %q", len(res.Fields), res.Notes)
	}
	compile(t, res)
	limited := infer(t, Options{Limit: 10}, lines...)
	if !limited.Sampled || limited.Records != 10 || !strings.Contains(strings.Join(limited.Notes, ""), "not all records were read") {
		t.Errorf("%+v", limited.Notes)
	}
}

func TestClass(t *testing.T) {
	for want, line := range map[string]string{
		"network_activity":  `{"start":1748736000,"srcaddr":"10.0.0.1","dstaddr":"10.0.0.2","srcport":1,"dstport":443,"protocol":6,"packets":1,"bytes":40}`,
		"http_activity":     `{"time":"2025-06-01T00:00:00Z","clientIp":"10.0.0.1","method":"GET","url":"http://a.example/","status":200}`,
		"dns_activity":      `{"query_timestamp":"2025-06-01T00:00:00Z","query_name":"a.example.","query_type":"A","rcode":"NOERROR","srcaddr":"10.0.0.1"}`,
		"authentication":    `{"time":"2025-06-01T00:00:00Z","event":"user.login","username":"ada","src_ip":"10.0.0.1"}`,
		"api_activity":      `{"eventTime":"2025-06-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","userIdentity":{"userName":"ada"}}`,
		"process_activity":  `{"time":"2025-06-01T00:00:00Z","ProcessId":"4","Image":"C:\\a.exe","CommandLine":"a"}`,
		"file_activity":     `{"time":"2025-06-01T00:00:00Z","TargetFilename":"C:\\a\\b.exe","sha256":"` + strings.Repeat("a", 64) + `"}`,
		"detection_finding": `{"time":"2025-06-01T00:00:00Z","title":"Port scan","severity":"high"}`,
		"base_event":        `{"time":"2025-06-01T00:00:00Z","what":"ever"}`,
	} {
		res := infer(t, Options{}, line)
		if res.Class != want {
			t.Errorf("%s: %s (%v)", want, res.Class, res.Classes)
		}
		compile(t, res)
	}
	if _, err := Infer([]Sample{{Body: strings.NewReader("{}")}}, Options{Class: "network_activty"}); !errors.Is(err, ErrClass) || !strings.Contains(err.Error(), "did you mean network_activity?") {
		t.Errorf("%v", err)
	}
	if _, err := Infer([]Sample{{Name: "s", Body: strings.NewReader("{nothing\n")}}, Options{}); !errors.Is(err, ErrNoRecords) || !strings.Contains(err.Error(), "RECORD_NOT_JSON") {
		t.Errorf("%v", err)
	}
}

// What stands in names and values stays in its comment.
func TestHostileNames(t *testing.T) {
	res := infer(t, Options{Name: "x\nDROP TABLE raw; --"}, `{"ts\n); ATTACH 'x'; --":"2025-06-01T00:00:00Z","severity":"a\nb","sev\u2028er":"c"}`,
		`{"ts\n); ATTACH 'x'; --":"2025-06-01T00:00:00Z","severity":"; DROP\r\nTABLE","sev\u2028er":"d"}`, `{"severity":"x"}`)
	compiled := compile(t, res) // SQL that a comment let out would be refused
	if len(compiled.Scan.Leaves) != 1 {
		t.Errorf("%v", compiled.Scan.Leaves)
	}
}
