package sqlgen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

const httpRaw = `CREATE TABLE raw (ts TIMESTAMP, ip VARCHAR, code INTEGER, why VARCHAR, ssl VARCHAR, cipher VARCHAR, name VARCHAR, kind VARCHAR);`

func httpMapping(t *testing.T, without, more string) *sqlgen.Compiled {
	t.Helper()
	return sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": httpRaw, "m.sql": "-- class: http_activity\n" + without + `
SELECT ts AS "time", 3 AS activity_id, 1 AS severity_id, ip AS "src_endpoint.ip", '192.0.2.9' AS "dst_endpoint.ip", 'GET' AS "http_request.http_method",
  'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name"` + more + " FROM raw"}))
}

// A required attribute that the header names may be missing in a record: the record is published, and says what it lacks. Without the
// line the record is rejected, or its object is left out.
func TestWithoutInRecords(t *testing.T) {
	for _, c := range []struct {
		name, without, more, record string
		want, lacks, reason         string
	}{
		{"not named", "", `, code AS "http_response.code"`, `"why":"x"`, "", "", "http_response.code"},
		{"the object has nothing else", "-- without: http_response.code", `, code AS "http_response.code"`, `"why":"x"`, "http_response=<nil>", "http_response.code", ""},
		{"the object and the attribute", "-- without: http_response, http_response.code", `, code AS "http_response.code"`, ``, "http_response=<nil>", "http_response.code", ""},
		{"the object has more", "-- without: http_response.code", `, code AS "http_response.code", why AS "http_response.message"`, `"why":"x"`, "http_response.message=x", "http_response.code", ""},
		{"it is there", "-- without: http_response.code", `, code AS "http_response.code"`, `"code":200`, "http_response.code=200", "", ""},
		{"it does not fit", "-- without: http_response.code", `, code AS "http_response.code"`, `"code":"-"`, "unmapped.code=-", "http_response.code", ""},
		{"an optional object is left out", "-- without: http_response", `, ssl AS "tls.version", cipher AS "tls.cipher"`, `"cipher":"x"`, "unmapped.cipher=x", "", ""},
		{"an optional object", "-- without: http_response, tls.version", `, ssl AS "tls.version", cipher AS "tls.cipher"`, `"cipher":"x"`, "tls.cipher=x", "tls.version", ""},
		{"an optional object that is not there", "-- without: http_response, tls.version", `, ssl AS "tls.version", cipher AS "tls.cipher"`, ``, "tls=<nil>", "", ""},
		{"one of a rule", "-- without: http_response, src_endpoint", ``, `"ip":null`, "src_endpoint=<nil>", "src_endpoint", ""},
		{"another one is missing", "-- without: http_response.code", `, code AS "http_response.code"`, `"ip":null`, "", "http_response.code", "src_endpoint"},
		{"in a list that is written out", "-- without: http_response, observables.name", `, [{'name': name, 'type_id': 1, 'value': kind}] AS observables`, `"kind":"k"`, "", "observables.name", ""},
	} {
		record := `{"ts":"2024-01-01T00:00:00Z"`
		if !strings.Contains(c.record, `"ip"`) {
			record += `,"ip":"192.0.2.1"`
		}
		if c.record != "" {
			record += "," + c.record
		}
		e := sqltest.Run(t, httpMapping(t, c.without, c.more), nil, record+"}")[0]
		if reason := e.Reason; (reason != nil) != (c.reason != "") || reason != nil && (reason.Code != sqlgen.ReasonMissingRequired || reason.Path != c.reason) {
			t.Errorf("%s: rejected %v, want %q", c.name, reason, c.reason)
			continue
		}
		if c.reason == "" && strings.Join(e.Without, " ") != c.lacks {
			t.Errorf("%s: without %v, want %s", c.name, e.Without, c.lacks)
		}
		if path, value, ok := strings.Cut(c.want, "="); ok {
			got := fmt.Sprint(e.Fields[path])
			if key, is := strings.CutPrefix(path, "unmapped."); is {
				got = e.Unmapped[key]
			}
			if got != value {
				t.Errorf("%s: %s is %s, want %s", c.name, path, got, value)
			}
		}
	}
}

// SELECTs of one class share the bits of what a record can lack; the numbers come out right for each.
func TestMissesOfOneClass(t *testing.T) {
	head := "-- class: http_activity\n-- without: http_response.code, tls.version\nSELECT ts AS \"time\", 3 AS activity_id, 1 AS severity_id, ip AS \"src_endpoint.ip\", '192.0.2.9' AS \"dst_endpoint.ip\", 'GET' AS \"http_request.http_method\", 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\", "
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": httpRaw,
		"a.sql": head + `code AS "http_response.code" FROM raw WHERE kind = 'a'`,
		"b.sql": head + `ssl AS "tls.version", cipher AS "tls.cipher", code AS "http_response.code" FROM raw WHERE kind = 'b'`}))
	if n := len(compiled.Projections[0].Misses); len(compiled.Projections) != 1 || n > 4 {
		t.Errorf("%d projections, %d bits", len(compiled.Projections), n)
	}
	record := `{"ts":"2024-01-01T00:00:00Z","ip":"192.0.2.1","cipher":"x","kind":`
	for _, e := range sqltest.Run(t, compiled, nil, record+`"a"}`, record+`"b"}`, record+`"b","code":1}`) {
		want := map[int64]string{1: "[http_response.code]", 2: "[tls.version http_response.code]", 3: "[tls.version]"}[e.Record]
		got := fmt.Sprint(e.Without)
		if e.Record == 2 && got == "[http_response.code tls.version]" {
			got = want
		}
		if got != want {
			t.Errorf("record %d lacks %s, want %s", e.Record, got, want)
		}
	}
}
