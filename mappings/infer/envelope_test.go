package infer

import (
	"fmt"
	"testing"
)

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
	if compiled := compile(t, res); len(compiled.Scan.Format.Records) != 1 || compiled.Scan.Format.Records[0] != "Records" {
		t.Errorf("%+v", compiled.Scan.Format)
	}
}
