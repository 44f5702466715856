package sqlgen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// TestOwnText: a column for the text of a number gives its own text where it has one, and the text of the number elsewhere. What
// rebuilds a raw value sees the text that is published, and a text that does not fit is still kept in unmapped.
func TestOwnText(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{
		"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, d VARCHAR, level VARCHAR);",
		"m.sql": sqltest.SmallHead + "-- consumes: d = CASE status WHEN 'Success' THEN 'ok' WHEN 'Failure' THEN 'no' ELSE status END\nSELECT " + sqltest.SmallBase + `,
  CASE d WHEN 'ok' THEN 1 WHEN 'no' THEN 2 WHEN 'none' THEN NULL ELSE 99 END AS status_id, CASE WHEN d NOT IN ('ok', 'no', 'none', 'odd') THEN d END AS status,
  name AS "src_endpoint.hostname", 0 AS "connection_info.direction_id", level AS "connection_info.direction" FROM raw`}))
	for d, want := range map[string]string{"ok": "1 Success  Unknown", "no": "2 Failure  Unknown", "locked": "99 locked  Unknown", "odd": "99 Other odd Unknown", "none": "<nil> <nil> none Unknown"} {
		e := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"h","d":"`+d+`"}`)[0]
		if got := fmt.Sprint(e.Fields["status_id"], " ", e.Fields["status"], " ", e.Unmapped["d"], " ", e.Fields["connection_info.direction"]); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
	if e := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"h","d":"ok","level":"in"}`)[0]; e.Fields["connection_info.direction"] != "in" {
		t.Errorf("%v", e.Fields)
	}
}

// TestTextLeftOut: a text that the header leaves out is NULL where the mapping gives none, and its own text elsewhere.
func TestTextLeftOut(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{
		"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, level VARCHAR);",
		"m.sql": sqltest.SmallHead + "-- without: connection_info.direction, status\nSELECT " + sqltest.SmallBase + `,
  1 AS status_id, name AS "src_endpoint.hostname", 0 AS "connection_info.direction_id", level AS "connection_info.direction" FROM raw`}))
	for record, want := range map[string]any{`{"ts":"2024-01-01T00:00:00Z","name":"h"}`: nil, `{"ts":"2024-01-01T00:00:00Z","name":"h","level":"in"}`: "in"} {
		e := sqltest.Run(t, compiled, nil, record)[0]
		if e.Fields["connection_info.direction"] != want || e.Fields["status"] != nil || e.Fields["status_id"] == nil {
			t.Errorf("%s: %v", record, e.Fields)
		}
	}
}

// In lists of objects that the mapping writes out, a text that is NULL falls back to the text of the number as well.
func TestOwnTextInLists(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{
		"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, d VARCHAR);",
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, name AS "src_endpoint.hostname",
  [{'name': 'h', 'value': name, 'type_id': 1, 'type': CASE WHEN d <> 'push' THEN d END}] AS observables FROM raw`}))
	for d, want := range map[string]string{"push": "Hostname", "own": "own"} {
		e := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"h","d":"`+d+`"}`)[0]
		if got := fmt.Sprintf("%s", e.Fields["observables"]); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}

// In lists of objects that an expression computes, elements get the text of the number, and their own text where they have one: in
// list_transform, in a macro, and in the STRUCTs of a raw field.
func TestOwnTextInComputedLists(t *testing.T) {
	for name, sql := range map[string]string{
		"without a text": `list_transform(marks, lambda m: {'name': 'h', 'value': m.v, 'type_id': m.n})`,
		"a NULL":         `list_transform(marks, lambda m: {'name': 'h', 'value': m.v, 'type_id': m.n, 'type': NULL})`,
		"own texts":      `list_transform(marks, lambda m: {'name': 'h', 'value': m.v, 'type_id': m.n, 'type': CASE WHEN m.n = 99 THEN m.v END})`,
		"a macro":        `list_transform(marks, lambda m: mark(m.v, m.n))`,
		"a STRUCT":       `structs`,
	} {
		compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{
			"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, marks STRUCT(v VARCHAR, n INTEGER)[],
  structs STRUCT(name VARCHAR, "value" VARCHAR, type_id INTEGER, "type" VARCHAR)[]);`,
			"macros.sql": `CREATE MACRO mark(v, n) AS {'name': 'h', 'value': v, 'type_id': n, 'type': CASE n WHEN 99 THEN v END};`,
			"m.sql":      sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, name AS "src_endpoint.hostname", ` + sql + ` AS observables FROM raw`}))
		for record, want := range map[string]string{
			`"v":"a","n":1,"type_id":1`:               `"type":"Hostname","type_id":1,"value":"a"`,
			`"v":"b","n":99,"type_id":99,"type":"b"`:  `"type":"b","type_id":99,"value":"b"`,
			`"v":"c","n":99,"type_id":99,"type":null`: `"type":"c","type_id":99,"value":"c"`,
			`"v":"d","n":0,"type_id":0`:               `"type":"Unknown","type_id":0,"value":"d"`,
		} {
			if own := name != "without a text" && name != "a NULL"; !own || strings.Contains(record, "null") && name == "a STRUCT" {
				want = strings.NewReplacer(`"type":"b"`, `"type":"Other"`, `"type":"c"`, `"type":"Other"`).Replace(want)
			}
			v := record[len(`"v":`):strings.Index(record, `,"n"`)]
			list := `[{` + record[:strings.Index(record, `,"type_id"`)] + `}]`
			object := `[{"name":"h","value":` + v + record[strings.Index(record, `,"type_id"`):] + `}]`
			e := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"h","marks":`+list+`,"structs":`+object+`}`)[0]
			if got := sqltest.Shown(t, e, "observables"); got != `[{"name":"h",`+want+`}]` {
				t.Errorf("%s: %s: %s, want %s", name, record, got, want)
			}
		}
	}
}
