package mappings

import (
	"fmt"
	"testing"
)

// Each value becomes the type OCSF gives its path, exactly, or it is NULL and stays in unmapped. Nothing is rounded.
func TestCasts(t *testing.T) {
	m := smallMapping(t, `
  name AS app_name, real AS "traffic.packets", name::INTEGER AS "dst_endpoint.port", ev.a AS "traffic.bytes_in", n AS "src_endpoint.port",
  big AS "connection_info.tcp_flags", 0 AS "connection_info.direction_id", n AS "connection_info.uid", yes AS message, day AS start_time, ev.b.d AS end_time,
  tags AS "metadata.labels", doc AS raw_data, "group" AS "unmapped.g", n + 1 AS "unmapped.next", ev.b AS "unmapped.b",
  big AS status_id, 10 / (n - 5) AS count, strptime(ev.a, '%Y') AS "metadata.processed_time", n::DOUBLE AS "metadata.sequence",
  coalesce(name::INTEGER, 7) AS "connection_info.protocol_num", CASE WHEN name = n THEN 1 ELSE 2 END AS timezone_offset`, "")
	compiled := compile(t, m)
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
		e := runPlan(t, compiled, nil, c.line)[0]
		if e.reason != nil {
			t.Errorf("%s: rejected: %v", c.name, *e.reason)
		}
		for path, want := range c.want {
			got := e.fields[path]
			if b, ok := got.(interface{ MarshalJSON() ([]byte, error) }); ok {
				text, _ := b.MarshalJSON()
				got = string(text)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %s is %v, want %v", c.name, path, got, want)
			}
		}
		for _, path := range c.gone {
			if v, ok := e.fields[path]; ok {
				t.Errorf("%s: %s is %v, want NULL", c.name, path, v)
			}
		}
		same(t, c.name+": unmapped", e.unmapped, c.unmapped)
	}
}

// A required enum that has no value becomes 0 Unknown, and says so in its text.
func TestRequiredEnumDefaults(t *testing.T) {
	m := files(t, map[string]string{"raw.sql": smallRaw, "m.sql": smallHead + `SELECT ts AS "time", n AS activity_id, big AS severity_id,
  'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", name AS "src_endpoint.ip", 'd' AS "dst_endpoint.ip",
  ev.a AS "connection_info.uid", ev.b.c AS "connection_info.direction_id" FROM raw`})
	compiled := compile(t, m)
	e := runPlan(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"a","ev":{"a":"u"}}`)[0]
	for path, want := range map[string]any{"activity_id": 0, "activity_name": "Unknown", "type_uid": 400100, "type_name": "Network Activity: Unknown", "severity_id": 0, "severity": "Unknown", "connection_info.direction_id": 0, "connection_info.direction": "Unknown"} {
		if fmt.Sprint(e.fields[path]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", path, e.fields[path], want)
		}
	}
	e = runPlan(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"a","n":6,"big":55}`)[0]
	for path, want := range map[string]any{"activity_id": 6, "type_uid": 400106, "type_name": "Network Activity: Traffic", "severity_id": 99, "severity": "Other"} {
		if fmt.Sprint(e.fields[path]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", path, e.fields[path], want)
		}
	}
	if _, ok := e.fields["connection_info.direction_id"]; ok {
		t.Error("connection_info is there although nothing fills it")
	}
	same(t, "unmapped", e.unmapped, map[string]any{"big": "55"})
}

// A required object in a required one, of which only an optional attribute is not constant: metadata.product is there without it.
func TestRequiredObjectOfConstants(t *testing.T) {
	m := files(t, map[string]string{"raw.sql": smallRaw, "m.sql": smallHead + `SELECT ts AS "time", 6 AS activity_id, 1 AS severity_id,
  'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", name AS "metadata.product.feature.name", 's' AS "src_endpoint.ip", 'd' AS "dst_endpoint.ip" FROM raw`})
	compiled := compile(t, m)
	for line, want := range map[string]string{
		`{"ts":"2024-01-01T00:00:00Z"}`:               "<nil>",
		`{"ts":"2024-01-01T00:00:00Z","name":"flow"}`: "flow",
	} {
		e := runPlan(t, compiled, nil, line)[0]
		if e.reason != nil || fmt.Sprint(e.fields["metadata.product.name"]) != "p" || fmt.Sprint(e.fields["metadata.product.feature.name"]) != want {
			t.Errorf("%s: %v %v", line, e.reason, e.fields)
		}
	}
}
