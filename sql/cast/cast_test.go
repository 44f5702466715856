package cast_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

// Each value becomes the type OCSF gives its path, exactly, or it is NULL and stays in unmapped. Nothing is rounded.
func TestCasts(t *testing.T) {
	m := sqltest.SmallMapping(t, `
  name AS app_name, real AS "traffic.packets", name::INTEGER AS "dst_endpoint.port", ev.a AS "traffic.bytes_in", n AS "src_endpoint.port",
  big AS "connection_info.tcp_flags", 0 AS "connection_info.direction_id", n AS "connection_info.uid", yes AS message, day AS start_time, ev.b.d AS end_time,
  tags AS "metadata.labels", doc AS raw_data, "group" AS "unmapped.g", n + 1 AS "unmapped.next", ev.b AS "unmapped.b",
  big AS status_id, 10 / (n - 5) AS count, strptime(ev.a, '%Y') AS "metadata.processed_time", n::DOUBLE AS "metadata.sequence",
  coalesce(name::INTEGER, 7) AS "connection_info.protocol_num", CASE WHEN name = n THEN 1 ELSE 2 END AS timezone_offset`, "")
	compiled := sqltest.Compile(t, m)
	const base = `"ts":"1969-12-31T23:59:59.9995Z","name":`
	for _, c := range []struct {
		name, line string
		want       map[string]any
		gone       []string
		unmapped   map[string]any
	}{
		{"all fit", `{` + base + `"443","real":12.0,"n":7,"big":1,"yes":true,"day":"1969-12-31","ev":{"a":"2020","b":{"d":"2020-01-01T00:00:00.5+0100","c":3}},"tags":["x","y"],"doc":{"k":[1]},"group":"G"}`,
			map[string]any{"time": -1, "app_name": "443", "traffic.packets": 12, "dst_endpoint.port": 443, "traffic.bytes_in": 2020, "src_endpoint.port": 7,
				"connection_info.tcp_flags": 1, "connection_info.uid": "7", "message": "true", "start_time": -86400000, "end_time": 1577833200500,
				"metadata.labels": `["x","y"]`, "raw_data": `{"k":[1]}`, "status_id": 1, "status": "Success", "count": 5, "metadata.processed_time": 1577836800000, "metadata.sequence": 7},
			nil, map[string]any{"g": "G", "next": "8", "b.c": "3", "b.d": "2020-01-01T00:00:00.5+0100"}},
		{"none fits", `{` + base + `"443.7","real":12.5,"n":70000,"big":5000000000,"yes":"si","day":"soon","ev":{"a":"1e3","b":{"d":"tomorrow"}},"tags":"one"}`,
			map[string]any{"app_name": "443.7", "connection_info.uid": "70000", "status_id": 99, "status": "Other", "metadata.sequence": 70000},
			[]string{"traffic.packets", "dst_endpoint.port", "traffic.bytes_in", "src_endpoint.port", "connection_info.tcp_flags", "message", "start_time", "end_time", "metadata.labels", "metadata.processed_time"},
			map[string]any{"real": "12.5", "big": "5000000000", "yes": "si", "day": "soon", "ev.a": "1e3", "b.d": "tomorrow", "tags": "one", "next": "70001"}},
		{"failing expression", `{` + base + `"a","n":5}`, map[string]any{"src_endpoint.port": 5, "connection_info.protocol_num": 7}, []string{"count", "timezone_offset"}, map[string]any{"next": "6"}},
		{"nulls", `{` + base + `"a","n":null,"tags":null,"doc":null}`, nil, []string{"src_endpoint.port", "metadata.labels", "raw_data", "status_id", "status"}, map[string]any{}},
	} {
		e := sqltest.Run(t, compiled, nil, c.line)[0]
		if e.Reason != nil {
			t.Errorf("%s: rejected: %v", c.name, *e.Reason)
		}
		for path, want := range c.want {
			got := e.Fields[path]
			if b, ok := got.(interface{ MarshalJSON() ([]byte, error) }); ok {
				text, _ := b.MarshalJSON()
				got = string(text)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %s is %v, want %v", c.name, path, got, want)
			}
		}
		for _, path := range c.gone {
			if v, ok := e.Fields[path]; ok {
				t.Errorf("%s: %s is %v, want NULL", c.name, path, v)
			}
		}
		sqltest.Same(t, c.name+": unmapped", e.Unmapped, c.unmapped)
	}
}

// A required enum that has no value becomes 0 Unknown, and says so in its text.
func TestRequiredEnumDefaults(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": sqltest.SmallHead + `SELECT ts AS "time", n AS activity_id, big AS severity_id,
  'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", name AS "src_endpoint.name", 'd' AS "dst_endpoint.name",
  ev.a AS "connection_info.uid", ev.b.c AS "connection_info.direction_id" FROM raw`})
	compiled := sqltest.Compile(t, m)
	e := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"a","ev":{"a":"u"}}`)[0]
	for path, want := range map[string]any{"activity_id": 0, "activity_name": "Unknown", "type_uid": 400100, "type_name": "Network Activity: Unknown", "severity_id": 0, "severity": "Unknown", "connection_info.direction_id": 0, "connection_info.direction": "Unknown"} {
		if fmt.Sprint(e.Fields[path]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", path, e.Fields[path], want)
		}
	}
	e = sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"a","n":6,"big":55}`)[0]
	for path, want := range map[string]any{"activity_id": 6, "type_uid": 400106, "type_name": "Network Activity: Traffic", "severity_id": 99, "severity": "Other"} {
		if fmt.Sprint(e.Fields[path]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", path, e.Fields[path], want)
		}
	}
	if _, ok := e.Fields["connection_info.direction_id"]; ok {
		t.Error("connection_info is there although nothing fills it")
	}
	sqltest.Same(t, "unmapped", e.Unmapped, map[string]any{"big": "55"})
}

// A required object in a required one, of which only an optional attribute is not constant: metadata.product is there without it.
func TestRequiredObjectOfConstants(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": sqltest.SmallHead + `SELECT ts AS "time", 6 AS activity_id, 1 AS severity_id,
  'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", name AS "metadata.product.feature.name", 's' AS "src_endpoint.name", 'd' AS "dst_endpoint.name" FROM raw`})
	compiled := sqltest.Compile(t, m)
	for line, want := range map[string]string{
		`{"ts":"2024-01-01T00:00:00Z"}`:               "<nil>",
		`{"ts":"2024-01-01T00:00:00Z","name":"flow"}`: "flow",
	} {
		e := sqltest.Run(t, compiled, nil, line)[0]
		if e.Reason != nil || fmt.Sprint(e.Fields["metadata.product.name"]) != "p" || fmt.Sprint(e.Fields["metadata.product.feature.name"]) != want {
			t.Errorf("%s: %v %v", line, e.Reason, e.Fields)
		}
	}
}

// A text that is not a time is unreadable, an absent one is missing, however the mapping reads it.
func TestTimeOfText(t *testing.T) {
	for _, expr := range []string{"name", "name::TIMESTAMP", "CAST(name AS TIMESTAMPTZ)", "TRY_CAST(name AS TIMESTAMP)", "name::VARCHAR::TIMESTAMP", "strptime(name, '%Y-%m-%dT%H:%M:%SZ')",
		"time_from_text(name, '%Y-%m-%dT%H:%M:%SZ')", "coalesce(try_strptime(name, '%d.%m.%Y'), name::TIMESTAMP)", "ev.a::TIMESTAMP"} {
		m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": sqltest.SmallHead + "SELECT " + strings.Replace(sqltest.SmallBase, "ts AS", expr+" AS", 1) + " FROM raw"})
		got := sqltest.Run(t, sqltest.Compile(t, m), nil, `{"name":"2024-01-01T00:00:00Z","ev":{"a":"2024-01-01T00:00:00Z"}}`, `{"name":"soon","ev":{"a":"soon"}}`, `{"n":1}`)
		var codes []string
		for _, e := range got {
			if e.Reason == nil {
				codes = append(codes, "-")
				continue
			}
			codes = append(codes, e.Reason.Code)
		}
		if want := []string{"-", sqlgen.ReasonTimeUnreadable, sqlgen.ReasonTimeMissing}; strings.Join(codes, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", expr, codes, want)
		}
	}
}

// The datetime profile's times are timestamps, made as the others are; free objects are JSON texts, as they came.
func TestDateTimeAndJSON(t *testing.T) {
	raw := strings.Replace(sqltest.NestedRaw, "tags MAP", "text VARCHAR, doc JSON, tags MAP", 1)
	text := sqltest.DNSMapping(t, "-- profiles: datetime\n", `, ts AS time_dt, text AS start_time_dt, '2024-01-01T01:00:00+01:00' AS end_time_dt, '1970-01-01T00:00:00.001Z' AS end_time, pid AS query_time_dt,
  [{'name': 'n', 'value': md5, 'data': {'k': md5}, 'provider': 'p'}] AS enrichments,
  answers AS raw_data`).Files["m.sql"]
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": raw, "m.sql": text}))
	e := sqltest.Run(t, compiled, nil, `{`+sqltest.NestedRecord+`,"text":"1969-12-31T23:59:59.9999Z","md5":"m","answers":[{"data":1,"zz":2.50}]}`)[0]
	for path, want := range map[string]string{"time_dt": "1704067200000", "start_time_dt": "-1", "end_time_dt": "1704067200000", "end_time": "1", "query_time_dt": "4",
		"raw_data": `"[{\"data\":1,\"zz\":2.50}]"`, "enrichments": `[{"data":"{\"k\":\"m\"}","name":"n","provider":"p","value":"m"}]`} {
		if got := sqltest.Shown(t, e, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	sqltest.Same(t, "unmapped", e.Unmapped, map[string]any{"host.hostname": "h"})
	kinds := map[string]string{}
	for _, c := range lake.Columns(&compiled.Projections[0].Schema) {
		kinds[c.Name] = c.Type
	}
	if kinds["time_dt"] != "timestamp" || kinds["end_time_dt"] != "timestamp" || kinds["time"] != "bigint" || kinds["enrichments"] != "array<struct<name:string,value:string,data:string,provider:string>>" {
		t.Errorf("types %v", kinds)
	}
	e = sqltest.Run(t, compiled, nil, `{`+sqltest.NestedRecord+`,"text":"soon"}`)[0]
	if got := sqltest.Shown(t, e, "start_time_dt"); got != "" || e.Unmapped["text"] != "soon" || len(e.Misses) == 0 {
		t.Errorf("start_time_dt %q, unmapped %v, misses %v", got, e.Unmapped, e.Misses)
	}
	// free objects
	free := sqltest.ProcessMapping(t, "", `, tags AS "process.xattributes"`)
	e = sqltest.Run(t, sqltest.Compile(t, free), nil, `{`+sqltest.NestedRecord+`,"tags":{"a":1,"b":{"c":[]}}}`)[0]
	if got := sqltest.Shown(t, e, "process.xattributes"); got != `"{\"a\":1,\"b\":{\"c\":[]}}"` || e.Unmapped["tags"] != "" {
		t.Errorf("xattributes %s, unmapped %v", got, e.Unmapped)
	}
	free = sqltest.ProcessMapping(t, "", `, {'k': md5} AS "process.xattributes"`)
	e = sqltest.Run(t, sqltest.Compile(t, free), nil, `{`+sqltest.NestedRecord+`,"md5":"m"}`)[0]
	if got := sqltest.Shown(t, e, "process.xattributes"); got != `"{\"k\":\"m\"}"` {
		t.Errorf("xattributes %s", got)
	}
	if got := sqltest.Listed(sqltest.Diagnostics(t, sqltest.ProcessMapping(t, "", `, md5 AS "process.xattributes.k"`))); !strings.Contains(got, `write {'k': value} AS "process.xattributes"`) {
		t.Error(got)
	}
}
