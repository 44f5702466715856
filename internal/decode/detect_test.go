package decode

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestDetect: what a sample looks like, and that the format found reads every record of it.
func TestDetect(t *testing.T) {
	vpc := "2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
	alb := `http 2018-07-02T22:23:00.186641Z app/my 192.0.2.1:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - -` + "\n"
	for _, c := range []struct {
		name, sample, want string
		records            int
	}{
		{"json", `{"a":1}` + "\n" + `{"a":2}`, "json", 2},
		{"array", ` [{"a":1}]`, "json", 1},
		{"envelope", `{"Records":[{"a":1},{"a":2}]}`, "json Records", 2},
		{"cut envelope", `{"owner":"x","logEvents":[{"a":1},{"a":2}`, "json logEvents", 3},
		{"an object with a list", `{"a":1,"tags":[{"k":1}]}`, "json", 1},
		{"cef", "<13>Oct  3 23:50:22 h CEF:0|a|b|c|d|e|3|src=1\nCEF:0|a|b|c|d|e|3|\n", "cef", 2},
		{"leef", "LEEF:1.0|a|b|c|d|src=1\tx=2\n", "leef", 1},
		{"kv", "<189>date=2023-10-03 time=23:50:22 devname=\"F G\" a=1\n<189>date=2023-10-03 time=23:50:22 devname=\"F G\" a=2\n", "kv", 2},
		{"csv", "a,b,c\n1,2,3\n4,5,\"x\ny\"\n", "csv ',' header a b c", 2},
		{"csv without header", "2023/10/03 23:50:22,x,y\n2023/10/03 23:50:23,x,z\n", "csv ',' column_1 column_2 column_3", 2},
		{"tsv", "when\twho\n1\tada, or eve\n2\teve\n", "csv '\\t' header when who", 2},
		{"vpc", "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n" + vpc + vpc, "csv ' ' header version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status", 2},
		{"alb", alb + alb, "csv ' ' column_1 column_2 column_3 column_4 column_5 column_6 column_7 column_8 column_9 column_10 column_11 column_12 column_13 column_14 column_15 column_16", 2},
		{"comments", "#Version: 1.0\n#Fields: a b c\n2019-12-04\t21:02:31\tLAX1\n2019-12-04\t21:02:32\tLAX1\n", "csv '\\t' column_1 column_2 column_3 #", 2},
		{"prose", "something happened here today\nand then more\n\nof it happened, again\n", "lines line", 3},
	} {
		for _, object := range [][]byte{[]byte(c.sample), packed([]byte(c.sample))} {
			d, err := Detect(bytes.NewReader(object))
			if err != nil {
				t.Fatal(c.name, err)
			}
			got := string(d.Format.Name)
			if d.Format.Delimiter != 0 {
				got += fmt.Sprintf(" %q", d.Format.Delimiter)
			}
			if d.Format.Header == HeaderYes {
				got += " header"
			}
			got = strings.TrimSpace(strings.Join([]string{got, strings.Join(d.Format.Columns, " "), strings.Join(d.Format.Records, "."), d.Format.Comment}, " "))
			if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(c.want), " ") || d.Evidence == "" {
				t.Errorf("%s: %s (%s), want %s", c.name, got, d.Evidence, c.want)
				continue
			}
			r := NewRecords(&Spec{Format: d.Format}, NewKeys(), Options{})
			r.Open(bytes.NewReader(object))
			n := 0
			for {
				_, raw, rej, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil || rej != nil && c.name != "cut envelope" {
					t.Fatalf("%s: %q: %v %v", c.name, raw, rej, err)
				}
				n++
			}
			if n != c.records {
				t.Errorf("%s: %d records, want %d", c.name, n, c.records)
			}
		}
	}
	if d, err := Detect(strings.NewReader("PAR1\x15")); err != nil || d.Format.Name != FormatParquet {
		t.Error("Parquet is not recognised", d, err)
	}
	for _, none := range []string{" \n", "nothing\n", "\x01\x02 a\nb\n"} {
		if d, err := Detect(strings.NewReader(none)); err == nil {
			t.Errorf("%q is %+v", none, d)
		}
	}
	if _, err := Detect(strings.NewReader("\x1f\x8b")); err == nil {
		t.Error("a cut gzip has a format")
	}
}

// TestDetectEnvelope: an array holds the records where it is all that a document has, or is called what it is.
func TestDetectEnvelope(t *testing.T) {
	long := `{"Records":[` + strings.TrimSuffix(strings.Repeat(`{"a":1,"b":"`+strings.Repeat("x", 1000)+`"},`, 2000), ",") + `]}`
	for _, c := range []struct{ doc, want string }{
		{`{"Records":[{"a":1},{"a":2}]}`, "Records"},
		{`{"Records":[{"a":1}]}` + "\n" + `{"Records":[]}`, "Records"},
		{`{"kind":"admin#reports#activities","etag":"x","items":[{"a":1},{"a":2}]}`, "items"},
		{`{"@odata.context":"https://x","value":[{"a":1}]}`, "value"},
		{`{"name":"x","value":[{"a":1}]}`, ""},
		{`{"owner":"x","about":{"n":[1,2]},"logEvents":[{"a":1}],"tags":[]}`, "logEvents"},
		{long, "Records"},
		{`{"a":1,"answers":[{"a":1},{"a":2}]}`, ""}, // a record that has a list
		{`{"a":1,"b":2,"c":3,"d":4,"records":[{"a":1}]}`, ""},
		{`{"records":[{"a":1}],"events":[{"a":1}]}`, ""},
		{`{"Records":[1,2]}`, ""},
		{`{"Records":[{"a":1},2]}`, ""},
		{`{"Records":[]}`, ""},
		{`[{"Records":1}]`, ""},
		{`{"a":1}{"Records":[{"a":1}]}`, ""},
		{"", ""},
	} {
		for _, object := range [][]byte{[]byte(c.doc), packed([]byte(c.doc))} {
			d, err := Detect(bytes.NewReader(object[:min(len(object), 256<<10)]))
			if have := strings.Join(d.Format.Records, "."); have != c.want || err != nil && c.doc != "" {
				t.Errorf("%.60s: envelope %q, want %q (%v)", c.doc, have, c.want, err)
			}
		}
	}
}
