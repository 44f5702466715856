package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/mappingtest"
	"github.com/silt-etl/silt/mappings"
)

// unreadable are the reasons of records that no mapping could publish: they are broken, their time is not one or has no year, or what
// they have as an account is not one.
var unreadable = []string{"RECORD_NOT_JSON", "RECORD_NOT_UTF8", "RECORD_HAS_NUL", "CSV_QUOTE", "CSV_COLUMNS", "LINE_NO_MATCH", "TIME_UNREADABLE", "YEAR_UNKNOWN", "ACCOUNT_INVALID"}

// passes fails the test if a mapping that etl infer wrote does not publish a record of its own sample that can be read.
func (r inferredRun) passes(t *testing.T, sample []byte) {
	t.Helper()
	for reason, n := range r.reasons {
		if code, _, _ := strings.Cut(reason, " "); !slices.Contains(unreadable, code) {
			t.Errorf("%d records are quarantined: %s\n%.1500s\n%s", n, reason, sample, r.out)
		}
	}
}

// TestInferredMappingsOfMappingTests: the records of the tests of each shipped mapping.
func TestInferredMappingsOfMappingTests(t *testing.T) {
	var dirs []string
	for _, pattern := range []string{"sql/*/tests", "mappings/*.tests"} {
		found, err := filepath.Glob(shipped(pattern))
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range found {
			dirs = append(dirs, strings.TrimSuffix(strings.TrimSuffix(f, "/tests"), ".tests"))
		}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err != nil {
			dir += ".json"
		}
		m, err := mappings.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		files, err := mappingtest.Load(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			t.Run(strings.ReplaceAll(f.Path, "/", "_"), func(t *testing.T) {
				t.Parallel()
				var sample bytes.Buffer
				for _, c := range f.Cases {
					for _, r := range c.Records {
						if bytes.HasPrefix(r, []byte("\x1f\x8b")) { // a packed object
							z, err := gzip.NewReader(bytes.NewReader(r))
							if err != nil {
								t.Fatal(err)
							}
							if r, err = io.ReadAll(z); err != nil {
								t.Fatal(err)
							}
						}
						sample.Write(append(bytes.TrimRight(r, "\r\n"), '\n'))
					}
				}
				runInferred(t, "sample.log", sample.Bytes()).passes(t, sample.Bytes())
			})
		}
	}
}

// TestInferredMappingsOfAnySample: made-up records of any shape, with values that are missing, odd names and times in many notations.
func TestInferredMappingsOfAnySample(t *testing.T) {
	for _, seed := range append(seeds(40), 309) { // 309: a user of whom only the address is always known
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			name, sample := anySample(rand.New(rand.NewPCG(seed, 15)))
			runInferred(t, name, sample).passes(t, sample)
		})
	}
}

func seeds(n uint64) (all []uint64) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// oddNames are keys that products use, and keys that SQL makes difficult.
var oddNames = []string{"time", "ts", "@timestamp", "date", "Time", "event_time", "src", "src_ip", "dst_ip", "sourceIPAddress", "user", "userName", "user.name", "select", "from", "key", "raw", "unmapped", "a b", "a-b",
	"ü", "100", "status", "code", "method", "uri", "url", "host", "hostname", "dest", "port", "dstport", "spt", "bytes", "bytes_in", "proto", "severity", "level", "message", "msg", "file", "path", "pid", "image",
	"cmd", "hash", "query", "rcode", "action", "result", "id", "uid", "account_id", "region", "event_name", "agent", "title", "rule_name", "session", "at", "end", "start", "Order", "group", "x'y", "tab\tname", "mac",
	"process", "parent_image", "domain", "email", "title.name", "count", "type", "class_uid", "metadata", "device", "actor", "finding", "answers", "http_method", "duration", "timestamp"}

// oddValues make texts of one kind, from a number.
var oddValues = []func(i int) string{
	func(i int) string { return fmt.Sprintf("192.0.2.%d", i%250) },
	func(i int) string { return fmt.Sprintf("2001:db8::%x", i) },
	func(i int) string { return fmt.Sprint(1000 + i) },
	func(i int) string { return fmt.Sprintf("%d.5", i) },
	func(i int) string { return fmt.Sprintf("2026-03-01T10:00:%02dZ", i%60) },
	func(i int) string { return fmt.Sprintf("2026-03-01 10:00:%02d", i%60) },
	func(i int) string { return fmt.Sprintf("2026-03-01 10:00:%02d,123", i%60) },
	func(i int) string { return fmt.Sprintf("01/Mar/2026:10:00:%02d +0100", i%60) },
	func(i int) string { return fmt.Sprintf("03/01/2026 10:00:%02d", i%60) },
	func(i int) string { return fmt.Sprintf("Sun Mar 01 10:00:%02d.25 2026", i%60) },
	func(i int) string { return "2026-03-01" },
	func(i int) string { return fmt.Sprintf("10:00:%02d", i%60) },
	func(i int) string { return fmt.Sprint(1772359200 + i) },
	func(i int) string { return fmt.Sprint(1772359200123 + i) },
	func(i int) string { return fmt.Sprintf("1772359200.%03d", i) },
	func(i int) string { return []string{"GET", "POST", "PATCH", "PURGE"}[i%4] },
	func(i int) string { return []string{"tcp", "UDP", "icmp"}[i%3] },
	func(i int) string { return []string{"low", "High", "weird"}[i%3] },
	func(i int) string { return fmt.Sprintf("https://www.example.com/%d", i) },
	func(i int) string { return fmt.Sprintf("host%d.example.com", i) },
	func(i int) string { return fmt.Sprintf("EXAMPLE\\user%d", i) },
	func(i int) string { return fmt.Sprintf("user%d@example.com", i) },
	func(i int) string { return fmt.Sprintf("/var/log/%d.log", i) },
	func(i int) string { return fmt.Sprintf("00:11:22:33:44:%02x", i%256) },
	func(i int) string { return []string{"200", "404", "-"}[i%3] },
	func(i int) string { return fmt.Sprint(70000 + 1000*i) },
	func(i int) string { return []string{"login", "logout", "signin failed"}[i%3] },
	func(i int) string { return fmt.Sprintf("text %d", i) },
	func(i int) string { return fmt.Sprintf("%032x", i) },
	func(i int) string { return "111122223333" },
	func(i int) string { return "us-east-1" },
	func(i int) string { return fmt.Sprintf("0x%x", i) },
	func(i int) string { return []string{"true", "false"}[i%2] },
	func(i int) string { return "-" },
	func(i int) string { return fmt.Sprint(int64(9007199254740993) + int64(i)) },
}

// anySample makes some records in one of the formats.
func anySample(r *rand.Rand) (name string, sample []byte) {
	names := slices.Clone(oddNames)
	r.Shuffle(len(names), func(i, k int) { names[i], names[k] = names[k], names[i] })
	type column struct {
		name    string
		value   func(i int) string
		missing int // of ten records
		form    int // of a JSON value
	}
	var columns []column
	for _, n := range names[:3+r.IntN(12)] {
		columns = append(columns, column{n, oddValues[r.IntN(len(oddValues))], []int{0, 0, 0, 2, 6, 9}[r.IntN(6)], r.IntN(9)})
	}
	format := r.IntN(5)
	separator := []string{"", ",", "\t", "", ";"}[format]
	var b bytes.Buffer
	if separator != "" {
		for i, c := range columns {
			if i > 0 {
				b.WriteString(separator)
			}
			fmt.Fprintf(&b, `"c%d %s"`, i, strings.Map(func(c rune) rune { return map[bool]rune{true: c, false: '_'}[c < 0x7f && c > 0x20] }, c.name))
		}
		b.WriteString("\n")
	}
	for i := range 4 + r.IntN(20) {
		record := map[string]any{}
		var texts []string
		for k, c := range columns {
			v := c.value(i*7 + k)
			if r.IntN(10) < c.missing {
				if v = ""; r.IntN(2) == 0 && format == 0 {
					record[c.name] = nil
				}
			}
			texts = append(texts, v)
			if v == "" {
				continue
			}
			switch {
			case c.form == 0 && json.Valid([]byte(v)):
				record[c.name] = json.RawMessage(v)
			case c.form == 1:
				record[c.name] = map[string]any{"ip": v, "name": v, "in.ner": i}
			case c.form == 2:
				record[c.name] = []string{v, v}
			case c.form == 3:
				record[c.name] = []any{map[string]any{"name": v}, map[string]any{"value": i}}
			default:
				record[c.name] = v
			}
		}
		switch format {
		case 0:
			line, err := json.Marshal(record)
			if err != nil {
				panic(err)
			}
			b.Write(line)
		case 3:
			for k, c := range columns {
				if texts[k] != "" {
					fmt.Fprintf(&b, "f%d_%s=%q ", k, strings.Map(func(c rune) rune {
						return map[bool]rune{true: c, false: '_'}[c < 0x7f && c > 0x20 && c != '=' && c != '"' && c != '\'']
					}, c.name), texts[k])
				}
			}
			fmt.Fprintf(&b, "n=%d", i)
		default:
			for k, v := range texts {
				if k > 0 {
					b.WriteString(separator)
				}
				fmt.Fprintf(&b, "%q", v)
			}
		}
		b.WriteString("\n")
	}
	return []string{"a.json", "a.csv", "a.tsv", "a.log", "a.csv"}[format], b.Bytes()
}
