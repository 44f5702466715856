package sqlgen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/sqltest"
)

const rebuildRaw = `CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, who VARCHAR, n INTEGER, big BIGINT, level VARCHAR, seen TIMESTAMP, yes BOOLEAN, real DOUBLE, tags VARCHAR[], proto VARCHAR, extra VARCHAR, ports STRUCT(port VARCHAR, name VARCHAR)[]);`

func rebuilding(consumes, more string) map[string]string {
	return map[string]string{"raw.sql": rebuildRaw, "m.sql": "-- profiles: host, security_control\n" + sqltest.SmallHead + consumes + "\nSELECT " + sqltest.SmallBase + more + " FROM raw"}
}

// A consumed field leaves unmapped in exactly the records in which the expression gives its value.
func TestRebuilt(t *testing.T) {
	user := `, user_of(who) AS "actor.user.name", domain_of(who) AS "actor.user.domain", 0 AS "device.type_id", 'h' AS "device.hostname"`
	back := `-- consumes: who = coalesce(actor.user.domain || '\', '') || actor.user.name`
	for _, c := range []struct{ name, consumes, more, field, value, kept string }{
		{"rebuilt", back, user, "who", `"ACME\\ada"`, ""},
		{"rebuilt without a domain", back, user, "who", `"ada"`, ""},
		{"another notation", back, user, "who", `"ada@example.com"`, "ada@example.com"},
		{"more than two parts", back, user, "who", `"a\\b\\c"`, `a\b\c`},
		{"the expression gives NULL", back, user, "who", `"\\"`, `\`},
		{"no value", back, user, "who", `null`, ""},
		{"a text of a number", `-- consumes: proto = CAST(connection_info.protocol_num AS VARCHAR)`, `, iana_protocol(proto) AS "connection_info.protocol_num", 0 AS "connection_info.direction_id"`, "proto", `"17"`, ""},
		{"leading zero", `-- consumes: proto = CAST(connection_info.protocol_num AS VARCHAR)`, `, iana_protocol(proto) AS "connection_info.protocol_num", 0 AS "connection_info.direction_id"`, "proto", `"017"`, "017"},
		{"a number", `-- consumes: n = duration // 1000`, `, n * 1000 AS duration`, "n", `5`, ""},
		{"a number that overflows", `-- consumes: n = duration // 1000`, `, n * 1000 AS duration`, "n", `2147483647`, "2147483647"},
		{"a time", `-- consumes: seen = start_time`, `, coalesce(seen, ts) AS start_time`, "seen", `"2024-01-01T00:00:00.250Z"`, ""},
		{"a time with microseconds, as every time", `-- consumes: seen = start_time`, `, coalesce(seen, ts) AS start_time`, "seen", `"2024-01-01T00:00:00.250001Z"`, ""},
		{"a computed time with microseconds", `-- consumes: seen = start_time`, `, CASE WHEN seen > ts THEN seen END AS start_time`, "seen", `"2024-01-01T00:00:00.250001Z"`, "2024-01-01T00:00:00.250001Z"},
		{"passed through", `-- consumes: extra = app_name`, `, coalesce(extra, proto) AS app_name`, "extra", `"v"`, ""},
		{"passed through, and lost with its object", `-- consumes: extra = tls.cipher`, `, coalesce(extra, proto) AS "tls.cipher", proto AS "tls.version"`, "extra", `"v"`, "v"},
		{"the second of two", `-- consumes: proto = app_name`, `, coalesce(extra, proto) AS app_name, 'x' AS "metadata.log_name"`, "proto", `"tcp"`, ""},
		{"a time before 1970", `-- consumes: seen = start_time`, `, coalesce(seen, ts) AS start_time`, "seen", `"1950-01-01T00:00:00.251Z"`, ""},
		{"text of an enum", `-- consumes: level = lower(severity)`, `, CASE level WHEN 'high' THEN 4 ELSE 99 END AS severity_id`, "level", `"high"`, ""},
		{"99 Other", `-- consumes: level = lower(severity)`, `, CASE level WHEN 'high' THEN 4 ELSE 99 END AS severity_id`, "level", `"terrible"`, "terrible"},
		{"a constant", `-- consumes: extra = 'v1'`, ``, "extra", `"v1"`, ""},
		{"not that constant", `-- consumes: extra = 'v1'`, ``, "extra", `"v2"`, "v2"},
		{"a placeholder", `-- consumes: extra = coalesce(app_name, '-')`, `, nullif(extra, '-') AS app_name`, "extra", `"-"`, ""},
		{"a boolean", `-- consumes: yes = (status_id = 1)`, `, CASE WHEN yes THEN 1 ELSE 2 END AS status_id`, "yes", `true`, ""},
		{"a boolean, 99", `-- consumes: yes = (status_id = 1)`, `, CASE WHEN yes THEN 1 ELSE 99 END AS status_id`, "yes", `false`, ""},
		{"a list", `-- consumes: tags = metadata.labels`, `, list_transform(tags, lambda x: x) AS "metadata.labels"`, "tags", `["a", "b" ]`, ""},
		{"a list that is cut", `-- consumes: tags = metadata.labels`, `, tags[1:1] AS "metadata.labels"`, "tags", `["a","b"]`, `["a","b"]`},
		{"a list of objects", `-- consumes: ports = list_transform(observables, lambda o: {'port': o.value, 'name': o.name})`, `, list_transform(ports, lambda p: {'name': p.name, 'value': p.port, 'type_id': 99}) AS observables`, "ports", `[{"port":"1","name":"x"}]`, ""},
		{"a list of objects with more", `-- consumes: ports = list_transform(observables, lambda o: {'port': o.value, 'name': o.name})`, `, list_transform(ports, lambda p: {'name': p.name, 'value': p.port, 'type_id': 99}) AS observables`, "ports", `[{"port":"1","name":"x","z":1}]`, `[{"port":"1","name":"x","z":1}]`},
		{"a text instead of a list of objects", `-- consumes: ports = list_transform(observables, lambda o: {'port': o.value, 'name': o.name})`, `, list_transform(ports, lambda p: {'name': p.name, 'value': p.port, 'type_id': 99}) AS observables`, "ports", `"all"`, "all"},
		{"a number instead of a list of objects", `-- consumes: ports = list_transform(observables, lambda o: {'port': o.value, 'name': o.name})`, `, list_transform(ports, lambda p: {'name': p.name, 'value': p.port, 'type_id': 99}) AS observables`, "ports", `443`, "443"},
		{"a list of texts instead of objects", `-- consumes: ports = list_transform(observables, lambda o: {'port': o.value, 'name': o.name})`, `, list_transform(ports, lambda p: {'name': p.name, 'value': p.port, 'type_id': 99}) AS observables`, "ports", `["all"]`, `["all"]`},
		{"entries of unmapped", `-- consumes: extra = unmapped.parts.first || '/' || unmapped.parts.rest`, `, split_part(extra, '/', 1) AS "unmapped.parts.first", split_part(extra, '/', 2) AS "unmapped.parts.rest"`, "extra", `"a/b"`, ""},
		{"entries of unmapped, more parts", `-- consumes: extra = unmapped.parts.first || '/' || unmapped.parts.rest`, `, split_part(extra, '/', 1) AS "unmapped.parts.first", split_part(extra, '/', 2) AS "unmapped.parts.rest"`, "extra", `"a/b/c"`, "a/b/c"},
		{"an entry and an attribute", `-- consumes: extra = app_name || coalesce(unmapped.rest, '')`, `, left(extra, 1) AS app_name, nullif(substr(extra, 2), '') AS "unmapped.rest"`, "extra", `"abc"`, ""},
		{"a number in unmapped is a text", `-- consumes: n = CAST(unmapped.half AS INTEGER) * 2`, `, n // 2 AS "unmapped.half"`, "n", `8`, ""},
		{"a time in unmapped is a text", `-- consumes: seen = unmapped.again`, `, seen + INTERVAL 0 DAY AS "unmapped.again"`, "seen", `"2024-01-01T00:00:00.250Z"`, ""},
		{"a field with another name in unmapped", `-- consumes: extra = lower(unmapped."Name")`, `, proto AS "unmapped.Name", upper(extra) AS app_name`, "extra", `"v"`, "v"},
		{"plain, equal", `-- consumes: proto`, `, coalesce(proto, 'x') AS app_name`, "proto", `"tcp"`, ""},
		{"plain, not equal", `-- consumes: proto`, `, lower(proto) AS app_name`, "proto", `"TCP"`, "TCP"},
		{"plain, in a list", `-- consumes: proto`, `, [proto] AS "metadata.labels"`, "proto", `"TCP"`, ""},
		{"plain, decided for NULL", `-- consumes: proto`, `, nullif(proto, '-') AS app_name`, "proto", `"-"`, "-"},
		{"plain, a number", `-- consumes: big`, `, CASE WHEN big > 0 THEN big END AS "count"`, "big", `7`, ""},
		{"plain, a cast loses it", `-- consumes: big`, `, CASE WHEN big > 0 THEN big END AS "src_endpoint.port"`, "big", `70000`, "70000"},
	} {
		files := rebuilding(c.consumes, c.more)
		if strings.Contains(c.more, " AS severity_id") {
			files["m.sql"] = strings.Replace(files["m.sql"], "1 AS severity_id, ", "", 1)
		}
		e := sqltest.Run(t, sqltest.Compile(t, sqltest.Mapping(t, files)), nil, fmt.Sprintf(`{"ts":"2024-01-01T00:00:00Z","name":"10.0.0.1",%q:%s}`, c.field, c.value))[0]
		if e.Reason != nil || e.Unmapped[c.field] != c.kept {
			t.Errorf("%s: unmapped has %q, want %q (%v)", c.name, e.Unmapped[c.field], c.kept, e.Reason)
		}
		if c.name == "plain, decided for NULL" && len(e.Misses) > 0 {
			t.Errorf("%s: misses %v", c.name, e.Misses)
		}
	}
}

// An object instead of a list of objects stays in unmapped, field by field.
func TestObjectInsteadOfList(t *testing.T) {
	files := rebuilding(`-- consumes: ports = list_transform(observables, lambda o: {'port': o.value, 'name': o.name})`, `, list_transform(ports, lambda p: {'name': p.name, 'value': p.port, 'type_id': 99}) AS observables`)
	e := sqltest.Run(t, sqltest.Compile(t, sqltest.Mapping(t, files)), nil, `{"ts":"2024-01-01T00:00:00Z","name":"10.0.0.1","ports":{"port":"1","name":"x"}}`)[0]
	if e.Reason != nil || e.Unmapped["ports.port"] != "1" || e.Unmapped["ports.name"] != "x" {
		t.Errorf("unmapped %v, reason %v", e.Unmapped, e.Reason)
	}
}

// What is wrong with a consumes line is reported at its place.
func TestRebuildDiagnostics(t *testing.T) {
	user := `, user_of(who) AS "actor.user.name", 0 AS "device.type_id", 'h' AS "device.hostname", lower(who) AS "unmapped.name"`
	for line, want := range map[string]string{
		`-- consumes: who`:                            "m.sql:3:14: warning: who leaves unmapped only if a column that reads it has exactly its value (write `-- consumes: who = <expression of columns>`, or remove it)",
		`-- consumes: whom = actor.user.name`:         "m.sql:3:14: error: raw has no field whom (did you mean who?)",
		`-- consumes: who = actor.user.nam`:           "m.sql:3:20: error: no column fills actor.user.nam (did you mean actor.user.name?)",
		`-- consumes: who = unmapped.nam`:             "m.sql:3:20: error: no column fills unmapped.nam (did you mean unmapped.name?)",
		`-- consumes: who = who`:                      "m.sql:3:20: error: no column fills who",
		`-- consumes: who = actor.user.name FROM x`:   "error: syntax error",
		`-- consumes: who = lowr(actor.user.name)`:    "m.sql:3:20: error: ",
		`-- consumes: who = actor.user.name, name`:    "m.sql:3:20: error: a consumes line must hold one expression",
		`-- consumes: who = uuid()`:                   "m.sql:3:20: error: uuid cannot be used in a mapping",
		`-- consumes: who = actor.user.name + TRUE`:   "m.sql:3:20: error: ",
		`-- consumes: who = (SELECT actor.user.name)`: "a subquery cannot be used in a mapping",
	} {
		got := sqltest.Listed(sqltest.Diagnostics(t, sqltest.Mapping(t, rebuilding(line, user))))
		if !strings.Contains(got, want) {
			t.Errorf("%s:\nwant %s\ngot  %s", line, want, got)
		}
	}
	clean := sqltest.Diagnostics(t, sqltest.Mapping(t, rebuilding(`-- consumes: who = actor.user.name`, user)))
	for _, d := range clean {
		if d.Severity <= diag.Warning {
			t.Errorf("a line that is right: %s", d)
		}
	}
}
