package projection_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqltest"
)

const commonRaw = `CREATE TABLE raw (ts TIMESTAMP, kind VARCHAR, "user" VARCHAR, domain VARCHAR, proto VARCHAR, host STRUCT(name VARCHAR, ip VARCHAR), path VARCHAR);`

const commonColumns = `-- ocsf: 1.1.0
-- profiles: host, security_control
-- drop: kind = 'noise'
-- consumes: host.name = device.hostname
-- consumes: proto = upper(connection_info.protocol_name)
-- consumes: path = lower(file.path)
SELECT
  r.ts AS "time",
  99 AS activity_id,
  *,
  1 AS severity_id,
  upper(host.name) AS "device.hostname",
  0 AS "device.type_id",
  path AS "file.path", lower(proto) AS "connection_info.protocol_name",
  host.ip AS "dst_endpoint.ip",
  'p' AS "metadata.product.name",
  'v' AS "metadata.product.vendor_name"
FROM raw r;`

func commonMapping(t *testing.T, common string, selects ...string) *mappings.Mapping {
	t.Helper()
	files := map[string]string{"raw.sql": commonRaw, "_common.sql": common}
	for i, s := range selects {
		files[fmt.Sprintf("s%d.sql", i)] = s
	}
	return sqltest.Mapping(t, files)
}

const (
	commonFlow  = "-- class: network_activity\nSELECT 1 AS activity_id, \"user\" AS \"src_endpoint.name\" FROM raw WHERE kind = 'flow'"
	commonFile  = "-- class: file_activity\nSELECT 'x' AS \"file.name\", 1 AS \"file.type_id\", 2 AS severity_id, \"user\" AS \"actor.user.name\" FROM raw WHERE kind = 'file'"
	commonEmpty = `{"ts":"2025-01-01T00:00:00Z","kind":"flow","user":"ada","proto":"TCP","host":{"name":"fw","ip":"192.0.2.7"},"path":"/a"}`
)

// The columns and header lines of _common.sql hold for each SELECT that they fit. A column of the SELECT is used instead of that of
// _common.sql, and in its place.
func TestCommonColumns(t *testing.T) {
	m := commonMapping(t, commonColumns, commonFlow, commonFile)
	compiled := sqltest.Compile(t, m)
	var names [][]string
	for _, p := range compiled.Projections {
		var all []string
		for _, c := range p.Schema.Columns {
			all = append(all, c.Name)
		}
		names = append(names, all[:min(len(all), 3)])
	}
	if d := cmp.Diff([][]string{{"time", "activity_id", "activity_name"}, {"time", "activity_id", "activity_name"}}, names); d != "" {
		t.Error(d)
	}
	events := sqltest.Run(t, compiled, nil, commonEmpty, strings.Replace(commonEmpty, "flow", "file", 1), strings.Replace(commonEmpty, "flow", "noise", 1))
	got := map[string]any{}
	for _, e := range events {
		if e.Reason != nil {
			got[fmt.Sprint(e.Record)] = e.Reason.Code
			continue
		}
		for _, path := range []string{"activity_id", "severity_id", "dst_endpoint.ip", "connection_info.protocol_name", "file.path", "device.hostname", "metadata.profiles"} {
			if v, ok := e.Fields[path]; ok {
				got[fmt.Sprintf("%d %s", e.Record, path)] = fmt.Sprint(v)
			}
		}
		got[fmt.Sprintf("%d unmapped", e.Record)] = fmt.Sprint(e.Unmapped)
	}
	want := map[string]any{
		"1 activity_id": "1", "1 severity_id": "1", "1 dst_endpoint.ip": "192.0.2.7", "1 connection_info.protocol_name": "tcp", "1 device.hostname": "FW",
		"1 metadata.profiles": "[host security_control]", "1 unmapped": "map[host.name:fw kind:flow path:/a]",
		"2 activity_id": "99", "2 severity_id": "2", "2 file.path": "/a", "2 device.hostname": "FW",
		"2 metadata.profiles": "[host security_control]", "2 unmapped": "map[host.ip:192.0.2.7 host.name:fw kind:file proto:TCP]",
		"3": "DROPPED",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// What is wrong in _common.sql is reported there, and what fits no SELECT is a mistake.
func TestCommonMistakes(t *testing.T) {
	for _, c := range []struct{ name, common, want string }{
		{"left out", commonColumns, `_common.sql:14:40: note: file_activity has no attribute connection_info.protocol_name, so the column is left out there (its raw value stays in unmapped there)`},
		{"no class has it", strings.Replace(commonColumns, "device.hostname\"", "device.hostnam\"", 1), `_common.sql:12:23: error: network_activity, file_activity have no attribute device.hostnam (did you mean device.hostname?)`},
		{"unknown field", strings.Replace(commonColumns, "host.ip", "host.ipp", 1), `_common.sql:15:3: error: raw has no field host.ipp (did you mean host.ip?)`},
		{"class", "-- class: file_activity\n" + commonColumns, `_common.sql:1:11: error: _common.sql has no class (remove the line: each SELECT of the folder names its own class)`},
		{"where", strings.Replace(commonColumns, "FROM raw r", "FROM raw r WHERE kind = 'x'", 1), `_common.sql:18:18: error: _common.sql cannot have a WHERE clause`},
		{"syntax", "SELECT ts AS FROM raw", `_common.sql:1:19: error: syntax error at or near "raw"`},
		{"two stars", strings.Replace(commonColumns, "*,", "*, *,", 1), `_common.sql:10:6: error: * cannot be used in a mapping`},
		{"consumes", strings.Replace(commonColumns, "file.path)", "file.pat)", 1), `_common.sql:6:21: error: no SELECT reads path and fills what this expression names`},
		{"drop", strings.Replace(commonColumns, "kind = 'noise'", "knd = 'noise'", 1), `_common.sql:3:10: error: raw has no field knd (did you mean kind?)`},
		{"version", strings.Replace(commonColumns, "1.1.0", "9.9.9", 1), `_common.sql:1:10: error: unknown OCSF version "9.9.9"`},
		{"profile", strings.Replace(commonColumns, "host,", "hots,", 1), `_common.sql:2:14: error: OCSF 1.1.0 has no profile "hots"`},
		{"type", strings.Replace(commonColumns, "1 AS severity_id", "77 AS severity_id", 1), `_common.sql:11:3: error: severity_id: 77 `},
	} {
		if got := sqltest.Listed(sqltest.Diagnostics(t, commonMapping(t, c.common, commonFlow, commonFile))); !strings.Contains(got, c.want) {
			t.Errorf("%s: want %s, got:\n%s", c.name, c.want, got)
		}
	}
}

// An object of the SELECT is used instead of all columns of _common.sql that are inside of it.
func TestCommonObject(t *testing.T) {
	m := commonMapping(t, commonColumns, commonFile, strings.Replace(commonFlow, "1 AS activity_id", "1 AS activity_id, {'type_id': 9, 'uid': domain} AS device", 1))
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, strings.Replace(commonEmpty, `"kind"`, `"domain":"d","kind"`, 1))[0]
	sqltest.Same(t, "device", map[string]any{"type": e.Fields["device.type_id"], "uid": e.Fields["device.uid"], "host": e.Fields["device.hostname"]},
		map[string]any{"type": 9, "uid": "d", "host": nil})
}

// The alias of a column can be used in the columns after it, in WHERE, and across _common.sql. A field of the record comes first.
func TestAliases(t *testing.T) {
	common := strings.Replace(commonColumns, "  'p' AS", `  concat_ws('/', "device.hostname", message) AS status_detail,
  'p' AS`, 1)
	file := strings.Replace(commonFile, "2 AS severity_id", "2 AS severity_id, kind AS message", 1)
	flow := strings.Replace(strings.Replace(commonFlow, "1 AS activity_id", `CASE kind WHEN 'flow' THEN 6 END AS activity_id, domain || '\' || "user" AS message,
		lower(message) AS "status_code", list_transform([kind], lambda message: message || "status_code")[1] AS app_name, length("device.hostname") AS "count", "src_endpoint.ip" AS "connection_info.uid"`, 1),
		`"src_endpoint.name"`, `"src_endpoint.name", host.ip AS "src_endpoint.ip"`, 1)
	flow = strings.Replace(flow, `, "src_endpoint.ip" AS "connection_info.uid"`, "", 1)
	flow = strings.Replace(flow, ` FROM raw WHERE`, `, "src_endpoint.ip" AS "connection_info.uid" FROM raw WHERE activity_id = 6 AND`, 1)
	e := sqltest.Run(t, sqltest.Compile(t, commonMapping(t, common, file, flow)), nil, strings.Replace(commonEmpty, `"kind"`, `"domain":"D","kind"`, 1))[0]
	if e.Reason != nil {
		t.Fatal(e.Reason)
	}
	got := map[string]any{}
	for _, path := range []string{"message", "status_code", "app_name", "count", "status_detail", "connection_info.uid"} {
		got[path] = fmt.Sprint(e.Fields[path])
	}
	want := map[string]any{"message": `D\ada`, "status_code": `d\ada`, "app_name": `flowd\ada`, "count": "2", "status_detail": `FW/D\ada`, "connection_info.uid": "192.0.2.7"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// An alias that is nothing but a raw field counts as the field: its value does not stay in unmapped.
func TestAliasOfField(t *testing.T) {
	m := sqltest.SmallMapping(t, `doc AS "unmapped.d", ev.a AS message, message AS status_detail`, "")
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, `{"ts":"2024-01-01T00:00:00Z","name":"n","ev":{"a":"A"}}`)[0]
	sqltest.Same(t, "fields", map[string]any{"m": e.Fields["message"], "s": e.Fields["status_detail"], "u": e.Unmapped["ev.a"]}, map[string]any{"m": "A", "s": "A", "u": ""})
}

func TestAliasMistakes(t *testing.T) {
	twice := "name AS message"
	for i := range 20 {
		from := "message"
		if i > 0 {
			from = fmt.Sprintf("unmapped.x%d", i-1)
		}
		twice += fmt.Sprintf(`, "%s" || "%s" AS "unmapped.x%d"`, from, from, i)
	}
	for _, c := range []struct{ columns, want string }{
		{`lower(message) AS status_detail, name AS message`, `m.sql:3:7: error: raw has no field message, and the column of this name comes later (move the column above this one)`},
		{`lower(message) AS message`, `m.sql:3:7: error: raw has no field message, and the column of this name comes later`},
		{`name AS message, lower(mesage) AS status_detail`, `m.sql:3:24: error: raw has no field mesage`},
		{`nam AS message, message AS status_detail`, `m.sql:3:1: error: raw has no field nam`},
		{twice, `the expression is too large: it has more than 50000 parts after its aliases and macros are expanded (an alias that is used twice doubles the expression with each column)`},
	} {
		if got := sqltest.Listed(sqltest.Diagnostics(t, sqltest.SmallMapping(t, c.columns, ""))); !strings.Contains(got, c.want) {
			t.Errorf("%.60s: want %s, got:\n%s", c.columns, c.want, got)
		}
	}
	common := strings.Replace(commonColumns, "*,", `lower(message) AS status_detail, *,`, 1)
	flow := strings.Replace(commonFlow, "1 AS activity_id", "1 AS activity_id, upper(status_detail) AS message", 1)
	if got := sqltest.Listed(sqltest.Diagnostics(t, commonMapping(t, common, commonFile, flow))); !strings.Contains(got, "_common.sql:10:9: error: the column message cannot be used here, because it needs this one or has a mistake") {
		t.Error(got)
	}
}

// TestCommonPage compiles the example of docs/mappings.md, and runs it.
func TestCommonPage(t *testing.T) {
	blocks := sqltest.PageBlocks(t, "../../docs/mappings.md", "Shared columns")
	if len(blocks) != 4 {
		t.Fatalf("the section has %d blocks", len(blocks))
	}
	m := sqltest.Mapping(t, map[string]string{"_common.sql": blocks[0], "authentication.sql": blocks[1], "network_activity.sql": blocks[2], "raw.sql": blocks[3],
		"rest.sql": sqltest.PageBlocks(t, "../../docs/mappings.md", "What no other SELECT takes")[0]})
	notes := sqltest.Listed(sqltest.Diagnostics(t, m))
	if d := cmp.Diff("_common.sql:9:21: note: base_event has no attribute device.hostname, so the column is left out there (its raw value stays in unmapped there)\n"+
		"_common.sql:10:8: note: base_event has no attribute device.type_id, so the column is left out there (its raw value stays in unmapped there)\n"+
		"_common.sql:11:13: note: base_event has no attribute src_endpoint.ip, so the column is left out there (its raw value stays in unmapped there)\n"+
		"_common.sql:12:12: note: authentication, base_event have no attribute traffic.bytes, so the column is left out there (its raw value stays in unmapped there)\n", notes); d != "" {
		t.Error(d)
	}
	events := sqltest.Run(t, sqltest.Compile(t, m), nil,
		`{"ts":"2025-01-01T00:00:00Z","kind":"login","user":"ada","client":"192.0.2.1","gateway":"gw1","bytes":5}`,
		`{"ts":"2025-01-01T00:00:00Z","kind":"traffic","client":"192.0.2.1","gateway":"GW1","bytes":5000000000}`,
		`{"ts":"2025-01-01T00:00:00Z","kind":"keepalive"}`, `{"ts":"2025-01-01T00:00:00Z","kind":"reboot","gateway":"gw1"}`)
	got := map[string]any{}
	for _, e := range events {
		if e.Reason != nil {
			got[fmt.Sprint(e.Record)] = e.Reason.Code
			continue
		}
		got[fmt.Sprint(e.Record)] = strings.TrimSpace(fmt.Sprintln(e.Fields["severity_id"], e.Fields["device.hostname"], e.Fields["message"], e.Fields["dst_endpoint.name"], e.Fields["traffic.bytes"], e.Unmapped))
	}
	want := map[string]any{
		"1": "1 gw1 ada@gw1 <nil> <nil> map[bytes:5 kind:login]",
		"2": "3 gw1 <nil> inside 5000000000 map[gateway:GW1 kind:traffic]",
		"3": "DROPPED",
		"4": "1 <nil> <nil> <nil> <nil> map[gateway:gw1 kind:reboot]",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
