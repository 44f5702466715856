package sample_test

import (
	"testing"

	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/sql/sqltest"
)

// A record without a required object says which attribute of it could not take which value, and why. A value that is not there, and one
// that an expression reads, is not named.
func TestWhyMissing(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, verb VARCHAR, ip VARCHAR);",
		"m.sql": "-- class: http_activity\n-- without: http_response, dst_endpoint\nSELECT ts AS \"time\", 99 AS activity_id, 1 AS severity_id, 'P' AS \"metadata.product.name\", 'V' AS \"metadata.product.vendor_name\",\n" +
			"verb AS \"http_request.http_method\", ip AS \"src_endpoint.ip\" FROM raw"}))
	var got []string
	err := sample.Run(t.Context(), sample.Options{Compiled: compiled, Region: "us-east-1", Account: "external", TempDir: t.TempDir(), MaxDay: 40000}, func(yield func(sample.Record, error) bool) {
		for i, fields := range []string{`"verb":"PATCH","ip":"192.0.2.1"`, `"verb":"GET","ip":"192.0.2.1"`, `"ip":"192.0.2.1"`, `"verb":"GET","ip":"example"`} {
			if !yield(sample.Record{Number: int64(i + 1), Raw: []byte(`{"ts":"2024-01-01T00:00:00Z",` + fields + `}`)}, nil) {
				return
			}
		}
	}, func(_ sample.Record, out *sample.Outcome) error {
		got = append(got, out.Class+" "+out.Message)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"http_activity required http_request has no value: http_request.http_method could not take \"PATCH\"; 'PATCH' is not a value of the enum (CONNECT, DELETE, GET, HEAD, OPTIONS, POST, PUT, TRACE)",
		"http_activity ",
		"http_activity required http_request has no value",
		"http_activity required src_endpoint has no value: src_endpoint.ip could not take \"example\"; it is not a value of type ip_t",
	} {
		if got[i] != want {
			t.Errorf("record %d: %s\nwant %s", i+1, got[i], want)
		}
	}
}
