package infer

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

func TestEnvelope(t *testing.T) {
	long := `{"Records":[` + strings.TrimSuffix(strings.Repeat(`{"a":1,"b":"`+strings.Repeat("x", 1000)+`"},`, 2000), ",") + `]}`
	for _, c := range []struct{ doc, want string }{
		{`{"Records":[{"a":1},{"a":2}]}`, "Records"},
		{`{"Records":[{"a":1}]}` + "\n" + `{"Records":[]}`, "Records"},
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
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write([]byte(c.doc))
		_ = z.Close()
		for _, head := range [][]byte{[]byte(c.doc), packed.Bytes()} {
			if have := envelope(head[:min(len(head), headBytes)]); have != c.want {
				t.Errorf("%.60s: envelope %q, want %q", c.doc, have, c.want)
			}
		}
	}
}

// TestInferEnvelope: the fields are those of the elements, and the mapping reads them.
func TestInferEnvelope(t *testing.T) {
	var docs []string
	for i := range 3 {
		docs = append(docs, fmt.Sprintf(`{"Records":[{"eventTime":"2025-01-01T00:00:0%dZ","sourceIPAddress":"192.0.2.1"},{"eventTime":"2025-01-01T00:00:00Z","eventName":"x"}]}`, i))
	}
	res := infer(t, Options{}, docs...)
	if res.Records != 6 || len(res.Fields) != 3 || res.Fields[0].Path != "eventTime" {
		t.Fatalf("%d records, %+v", res.Records, res.Fields)
	}
	if plan := compiled(t, res); len(plan.Scan.Format.Records) != 1 || plan.Scan.Format.Records[0] != "Records" {
		t.Errorf("%+v", plan.Scan.Format)
	}
}
