package sqlgen_test

import (
	"fmt"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// A placeholder means "no value": its column is NULL, and unmapped does not have it. In one field only, it is a value in all others.
func TestNullInJSON(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{
		"raw.sql": "-- null: -\n-- null: nat = 0.0.0.0, \"\"\nCREATE TABLE raw (ts TIMESTAMP, name VARCHAR, n INTEGER, nat VARCHAR, host VARCHAR);",
		"m.sql":   sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, n AS "src_endpoint.port", nat AS "src_endpoint.proxy_endpoint.ip", host AS "dst_endpoint.hostname" FROM raw`}))
	e := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"10.0.0.1","n":"-","nat":"0.0.0.0","host":"0.0.0.0","other":"-","more":{"x":"-","y":""}}`)[0]
	for _, path := range []string{"src_endpoint.port", "src_endpoint.proxy_endpoint.ip"} {
		if v, ok := e.Fields[path]; ok {
			t.Errorf("%s is %v", path, v)
		}
	}
	sqltest.Same(t, "unmapped", e.Unmapped, map[string]any{"more.y": ""})
	if e.Reason != nil || len(e.Misses) > 0 || e.Fields["dst_endpoint.hostname"] != "0.0.0.0" {
		t.Errorf("%+v", e)
	}
}

// A list that the mapping declares and that has no elements is NULL, and is not kept in unmapped, whether it is the output or an
// expression reads it. Other arrays stay.
func TestEmptyLists(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{
		"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, ips VARCHAR[], parts STRUCT(kind VARCHAR)[], more JSON);",
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, ips AS "src_endpoint.intermediate_ips", parts[1].kind AS status_detail, name AS "src_endpoint.hostname",
  more AS "unmapped.extra" FROM raw`}))
	for record, want := range map[string]string{
		`"ips":[],"parts":[],"more":[],"other":[]`:                          "<nil> map[extra:[] other:[]]",
		`"ips":["192.0.2.1"],"parts":[{"kind":"x"}],"more":[1],"other":[1]`: `x map[extra:[1] other:[1] parts:[{"kind":"x"}]]`,
	} {
		e := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"h",`+record+`}`)[0]
		if got := fmt.Sprint(e.Fields["status_detail"], " ", e.Unmapped); got != want || len(e.Misses) > 0 {
			t.Errorf("%s: %s, want %s; kept %v", record, got, want, e.Misses)
		}
	}
}
