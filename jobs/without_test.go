package jobs_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	validate "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.1"
)

// TestWithout: records without a required attribute are published if the header names it, and are counted. The third-party validator
// complains about these records and no others, and about this attribute only.
func TestWithout(t *testing.T) {
	w := newWorld(t)
	sum, rows := w.runMapping(map[string]string{
		"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, ip VARCHAR, code INTEGER, why VARCHAR, ssl VARCHAR, cipher VARCHAR);`,
		"http_activity.sql": `-- class: http_activity
-- profiles: cloud, security_control
-- without: http_response.code, tls.version
SELECT 'AWS' AS "cloud.provider", 1 AS action_id, ts AS "time", 3 AS activity_id, 1 AS severity_id, ip AS "src_endpoint.ip", '192.0.2.9' AS "dst_endpoint.ip", 'GET' AS "http_request.http_method",
  'h' AS "http_request.url.hostname", '/' AS "http_request.url.path", 'http' AS "http_request.url.scheme", 'http://h/' AS "http_request.url.url_string",
  code AS "http_response.code", why AS "http_response.message", ssl AS "tls.version", cipher AS "tls.cipher", 'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name"
FROM raw`},
		`{"ts":"2024-01-01T00:00:00Z","ip":"192.0.2.1","code":200,"ssl":"TLSv1.3","cipher":"x"}`,
		`{"ts":"2024-01-01T00:00:01Z","ip":"192.0.2.2","cipher":"y"}`,
		`{"ts":"2024-01-01T00:00:02Z","ip":"192.0.2.3","code":"-","why":"reset"}`)
	want := map[string]int64{"http_response.code": 2, "tls.version": 1}
	if !maps.Equal(sum.Without, want) || sum.Records.Published != 3 || len(rows) != 3 {
		t.Fatalf("without %v, %+v, %d rows", sum.Without, sum.Records, len(rows))
	}
	var out bytes.Buffer
	sum.WriteText(&out)
	if line := "published without http_response.code 2, tls.version 1"; !strings.Contains(out.String(), line) {
		t.Errorf("the summary does not say %q:\n%s", line, out.String())
	}
	for i, row := range rows {
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range [][]string{{"http_response", "code"}, {"tls", "version"}} { // the validator stops at its first complaint
			err = validate.Validate("http_activity", text)
			if err == nil {
				break
			}
			if !onlyUndeclared(t, "http_activity", err, nil, want) {
				t.Fatalf("row %d: %v\n%s", i, err, text)
			}
			complete(row, path)
			text, _ = json.Marshal(row)
		}
		if err := validate.Validate("http_activity", text); err != nil {
			t.Fatalf("row %d, completed: %v\n%s", i, err, text)
		}
	}
	if want["http_response.code"] != 0 || want["tls.version"] != 0 {
		t.Errorf("complaints that are missing: %v", want)
	}
}

// complete gives a row an attribute that it lacks.
func complete(row map[string]any, path []string) {
	o, ok := row[path[0]].(map[string]any)
	if !ok && path[0] == "tls" {
		return
	}
	if !ok {
		o = map[string]any{}
		row[path[0]] = o
	}
	switch {
	case o[path[1]] != nil:
	case path[1] == "code":
		o["code"] = 200
	default:
		o[path[1]] = "x"
	}
}
