package sqlgen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/sql/sqltest"
)

// A list that the SELECT writes out: texts of enums are filled in, an element that lacks what OCSF requires is left out, and
// what it was made of is in unmapped; a value in it counts as mapped.
func TestListWrittenOut(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.ProcessMapping(t, "", `,
  [{'algorithm_id': 3, 'value': sha256}, {'algorithm_id': kind, 'value': md5}] AS "process.file.hashes"`))
	for _, c := range []struct {
		name, line, want string
		unmapped         map[string]any
		misses           []string
	}{
		{"both", `{` + sqltest.NestedRecord + `,"sha256":"s","md5":"m","kind":1}`, `[{"algorithm":"SHA-256","algorithm_id":3,"value":"s"},{"algorithm":"MD5","algorithm_id":1,"value":"m"}]`, nil, nil},
		{"one", `{` + sqltest.NestedRecord + `,"sha256":"s"}`, `[{"algorithm":"SHA-256","algorithm_id":3,"value":"s"}]`, nil, nil},
		{"unknown algorithm", `{` + sqltest.NestedRecord + `,"md5":"m"}`, `[{"algorithm":"Unknown","algorithm_id":0,"value":"m"}]`, nil, nil},
		{"not of the enum", `{` + sqltest.NestedRecord + `,"md5":"m","kind":77}`, `[{"algorithm":"Other","algorithm_id":99,"value":"m"}]`, map[string]any{"kind": "77"}, []string{"process.file.hashes.algorithm_id"}},
		{"without value", `{` + sqltest.NestedRecord + `,"kind":1}`, ``, map[string]any{"kind": "1"}, []string{"process.file.hashes.algorithm_id"}},
		{"none", `{` + sqltest.NestedRecord + `}`, ``, nil, nil},
		{"without the file's name", `{"ts":"2024-01-01T00:00:00Z","pid":4,"host":{"hostname":"h"},"sha256":"s"}`, ``, map[string]any{"sha256": "s"}, []string{"process.file.hashes.value"}},
	} {
		e := sqltest.Run(t, compiled, nil, c.line)[0]
		if e.Reason != nil {
			t.Errorf("%s: rejected: %v", c.name, *e.Reason)
		}
		if got := sqltest.Shown(t, e, "process.file.hashes"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		delete(e.Unmapped, "host.ip")
		sqltest.Same(t, c.name+": unmapped", e.Unmapped, c.unmapped)
		if fmt.Sprint(e.Misses) != fmt.Sprint(c.misses) {
			t.Errorf("%s: misses %v, want %v", c.name, e.Misses, c.misses)
		}
	}
	for _, n := range compiled.Projections[0].Schema.Columns {
		if n.Name != "process" {
			continue
		}
		cols := lake.Columns(&lake.Schema{Columns: []*lake.Node{n}})
		if want := "hashes:array<struct<algorithm_id:int,algorithm:string,value:string>>"; !strings.Contains(cols[0].Type, want) {
			t.Errorf("type %s, want %s in it", cols[0].Type, want)
		}
	}
}

// An object as one column is the same as its leaves.
func TestWholeObjects(t *testing.T) {
	for name, sql := range map[string]string{
		"leaves":   `host.ip AS "process.file.owner.name", md5 AS "process.file.owner.uid", kind AS "process.file.owner.type_id"`,
		"written":  `{'name': host.ip, 'uid': md5, 'type_id': kind} AS "process.file.owner"`,
		"computed": `CASE WHEN TRUE THEN {'name': host.ip, 'uid': md5, 'type_id': kind} END AS "process.file.owner"`,
	} {
		compiled := sqltest.Compile(t, sqltest.ProcessMapping(t, "", ", "+sql))
		for line, want := range map[string]string{
			`{` + sqltest.NestedRecord + `,"md5":"m","kind":1}`:    "10.0.0.1 m 1 User",
			`{` + sqltest.NestedRecord + `,"md5":"m","kind":1000}`: "10.0.0.1 m 99 Other",
			`{` + sqltest.NestedRecord + `}`:                       "10.0.0.1 <nil> <nil> <nil>",
		} {
			e := sqltest.Run(t, compiled, nil, line)[0]
			got := fmt.Sprint(e.Fields["process.file.owner.name"], " ", e.Fields["process.file.owner.uid"], " ", e.Fields["process.file.owner.type_id"], " ", e.Fields["process.file.owner.type"])
			if got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
			if _, kept := e.Unmapped["md5"]; kept && name != "computed" {
				t.Errorf("%s: md5 is mapped and in unmapped", name)
			}
		}
	}
	compiled := sqltest.Compile(t, sqltest.DNSMapping(t, "", `, host AS dst_endpoint`))
	e := sqltest.Run(t, compiled, nil, `{`+strings.Replace(sqltest.NestedRecord, `"ip"`, `"more":1,"port":99999,"ip"`, 1)+`}`)[0]
	sqltest.Same(t, "group: unmapped", e.Unmapped, map[string]any{"host.port": "99999", "host.more": "1", "pid": "4"})
	if e.Fields["dst_endpoint.hostname"] != "h" || e.Fields["dst_endpoint.ip"] != "10.0.0.1" {
		t.Errorf("group: %v", e.Fields)
	}
}

// An element of constants alone is there whenever its object is, and not where the object is dropped.
func TestListOfConstants(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.ProcessMapping(t, "", `, [{'algorithm_id': 1, 'value': 'same'}] AS "process.file.hashes"`))
	for line, want := range map[string]string{
		`{` + sqltest.NestedRecord + `}`:                                `[{"algorithm":"MD5","algorithm_id":1,"value":"same"}]`,
		`{"ts":"2024-01-01T00:00:00Z","pid":4,"host":{"hostname":"h"}}`: ``,
	} {
		e := sqltest.Run(t, compiled, nil, line)[0]
		if got := sqltest.Shown(t, e, "process.file.hashes"); got != want || e.Reason != nil {
			t.Errorf("%s: %s, want %s (%v)", line, got, want, e.Reason)
		}
	}
}

// Two SELECTs of a class have lists of other fields: the file has all of them.
func TestNestedMerge(t *testing.T) {
	m := sqltest.DNSMapping(t, "", `, [{'rdata': md5, 'ttl': pid}] AS answers`)
	two := sqltest.DNSMapping(t, "", `, list_transform([md5], lambda x: {'type': 'A', 'rdata': x}) AS answers`)
	m = sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.NestedRaw, "a.sql": m.Files["m.sql"] + " WHERE kind = 1", "b.sql": two.Files["m.sql"] + " WHERE kind = 2"})
	compiled := sqltest.Compile(t, m)
	events := sqltest.Run(t, compiled, nil, `{`+sqltest.NestedRecord+`,"kind":1,"md5":"m"}`, `{`+sqltest.NestedRecord+`,"kind":2,"md5":"m"}`)
	if len(compiled.Projections) != 1 || len(events) != 2 {
		t.Fatalf("%d projections, %d events", len(compiled.Projections), len(events))
	}
	for i, want := range []string{`[{"rdata":"m","ttl":4}]`, `[{"rdata":"m","type":"A"}]`} {
		if got := sqltest.Shown(t, events[i], "answers"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// An object in a list that has a key twice is kept with its list: the event has only one of the values.
func TestListKeyTwice(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.DNSMapping(t, "", ", ready AS answers"))
	for list, kept := range map[string]string{
		`[{"rdata":"a","type":"A"}]`:             "",
		`[{"rdata":"a","type":"A","rdata":"b"}]`: `[{"rdata":"a","type":"A","rdata":"b"}]`,
	} {
		e := sqltest.Run(t, compiled, nil, `{`+sqltest.NestedRecord+`,"ready":`+list+`}`)[0]
		if got := sqltest.Shown(t, e, "answers"); got != `[{"rdata":"a","type":"A"}]` || e.Unmapped["ready"] != kept {
			t.Errorf("%s: %s, unmapped %q", list, got, e.Unmapped["ready"])
		}
	}
}
