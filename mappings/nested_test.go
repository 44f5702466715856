package mappings

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/lake"
)

const nestedRaw = `CREATE TABLE raw (ts TIMESTAMP, sha256 VARCHAR, md5 VARCHAR, kind INTEGER, name VARCHAR, pid INTEGER, tactic VARCHAR, technique VARCHAR,
  host STRUCT(hostname VARCHAR, ip VARCHAR, port INTEGER),
  answers STRUCT(data VARCHAR, "type" VARCHAR, ttl VARCHAR, flags INTEGER[])[],
  ready STRUCT(rdata VARCHAR, "type" VARCHAR, ttl INTEGER, flag_ids INTEGER[])[],
  tags MAP(VARCHAR, VARCHAR));`

func processMapping(t testing.TB, header, more string) *Mapping {
	t.Helper()
	return files(t, map[string]string{"raw.sql": nestedRaw, "m.sql": "-- class: process_activity\n" + header + `SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id,
  'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", host.hostname AS "device.hostname", 0 AS "device.type_id",
  name AS "process.file.name", 1 AS "process.file.type_id", pid AS "process.pid", pid AS "actor.process.pid"` + more + " FROM raw"})
}

func dnsMapping(t testing.TB, header, more string) *Mapping {
	t.Helper()
	return files(t, map[string]string{"raw.sql": nestedRaw, "m.sql": "-- class: dns_activity\n" + header + `SELECT ts AS "time", 2 AS activity_id, 1 AS severity_id,
  'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name", name AS "query.hostname", host.ip AS "src_endpoint.ip"` + more + " FROM raw"})
}

// shown is a field as JSON text, NULLs left out; "" where it is absent.
func shown(t testing.TB, e event, path string) string {
	t.Helper()
	v, ok := e.fields[path]
	if !ok {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var x any
	if err := json.Unmarshal(b, &x); err != nil {
		t.Fatal(err)
	}
	b, _ = json.Marshal(bare(x))
	return string(b)
}

func bare(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, y := range x {
			if x[k] = bare(y); y == nil {
				delete(x, k)
			}
		}
	case []any:
		for i, y := range x {
			x[i] = bare(y)
		}
	}
	return v
}

const nestedTime = `"ts":"2024-01-01T00:00:00Z","name":"a.exe","pid":4,"host":{"hostname":"h","ip":"10.0.0.1"}`

// A list that the SELECT writes out: texts of enums are filled in, an element that lacks what OCSF requires is left out, and
// what it was made of is in unmapped; a value in it counts as mapped.
func TestListWrittenOut(t *testing.T) {
	compiled := compile(t, processMapping(t, "", `,
  [{'algorithm_id': 3, 'value': sha256}, {'algorithm_id': kind, 'value': md5}] AS "process.file.hashes"`))
	for _, c := range []struct {
		name, line, want string
		unmapped         map[string]any
		misses           []string
	}{
		{"both", `{` + nestedTime + `,"sha256":"s","md5":"m","kind":1}`, `[{"algorithm":"SHA-256","algorithm_id":3,"value":"s"},{"algorithm":"MD5","algorithm_id":1,"value":"m"}]`, nil, nil},
		{"one", `{` + nestedTime + `,"sha256":"s"}`, `[{"algorithm":"SHA-256","algorithm_id":3,"value":"s"}]`, nil, nil},
		{"unknown algorithm", `{` + nestedTime + `,"md5":"m"}`, `[{"algorithm":"Unknown","algorithm_id":0,"value":"m"}]`, nil, nil},
		{"not of the enum", `{` + nestedTime + `,"md5":"m","kind":77}`, `[{"algorithm":"Other","algorithm_id":99,"value":"m"}]`, map[string]any{"kind": "77"}, []string{"process.file.hashes.algorithm_id"}},
		{"without value", `{` + nestedTime + `,"kind":1}`, ``, map[string]any{"kind": "1"}, []string{"process.file.hashes.algorithm_id"}},
		{"none", `{` + nestedTime + `}`, ``, nil, nil},
		{"without the file's name", `{"ts":"2024-01-01T00:00:00Z","pid":4,"host":{"hostname":"h"},"sha256":"s"}`, ``, map[string]any{"sha256": "s"}, []string{"process.file.hashes.value"}},
	} {
		e := runPlan(t, compiled, nil, c.line)[0]
		if e.reason != nil {
			t.Errorf("%s: rejected: %v", c.name, *e.reason)
		}
		if got := shown(t, e, "process.file.hashes"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		delete(e.unmapped, "host.ip")
		same(t, c.name+": unmapped", e.unmapped, c.unmapped)
		if fmt.Sprint(e.misses) != fmt.Sprint(c.misses) {
			t.Errorf("%s: misses %v, want %v", c.name, e.misses, c.misses)
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

// A list that an expression computes is read object by object; it stays in unmapped, as whatever an expression reads.
func TestListComputed(t *testing.T) {
	const transform = `,
  list_transform(answers, lambda a: {'rdata': a.data, 'type': a."type", 'ttl': a.ttl, 'flag_ids': a.flags}) AS answers`
	for _, c := range []struct {
		name, raw, want, kept string
		missed                bool
	}{
		{"plain", `[{"data":"10.0.0.2","type":"A","ttl":"60"},{"data":"h2"}]`, `[{"rdata":"10.0.0.2","ttl":60,"type":"A"},{"rdata":"h2"}]`, "", false},
		{"a cast fails", `[{"data":"x","ttl":"soon"}]`, `[{"rdata":"x"}]`, `[{"data":"x","ttl":"soon"}]`, true},
		{"one lacks what is required", `[{"type":"A"},{"data":"x"}]`, `[{"rdata":"x"}]`, `[{"type":"A"},{"data":"x"}]`, true},
		{"all lack it", `[{"type":"A"}]`, ``, `[{"type":"A"}]`, true},
		{"empty", `[]`, ``, ``, false},
		{"nulls", `[null,{"data":"x"}]`, `[{"rdata":"x"}]`, ``, false},
		{"no list", `"x"`, ``, `x`, false},
	} {
		line := `{` + nestedTime + `,"answers":` + c.raw + `}`
		for _, consumed := range []bool{false, true} {
			header := ""
			if consumed {
				header = "-- consumes: answers\n"
			}
			e := runPlan(t, compile(t, dnsMapping(t, header, transform)), nil, line)[0]
			if got := shown(t, e, "answers"); got != c.want || e.reason != nil {
				t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, e.reason)
			}
			kept := c.kept
			if !consumed {
				kept = strings.Trim(c.raw, `"`)
			}
			if e.unmapped["answers"] != kept {
				t.Errorf("%s, consumed %t: unmapped %q, want %q", c.name, consumed, e.unmapped["answers"], kept)
			}
			if missed := c.missed || consumed && c.kept == "x"; (len(e.misses) > 0) != missed {
				t.Errorf("%s, consumed %t: misses %v", c.name, consumed, e.misses)
			}
		}
	}
}

// A raw list that has OCSF's form is mapped as it is; what does not fit into it, or is not OCSF's, leaves it in unmapped.
func TestListAsItIs(t *testing.T) {
	compiled := compile(t, dnsMapping(t, "", `, ready AS answers`))
	for raw, want := range map[string][2]string{
		`[{"rdata":"x","ttl":60,"flag_ids":[1,3]},{"rdata":"y"}]`: {`[{"flag_ids":[1,3],"rdata":"x","ttl":60},{"rdata":"y"}]`, ""},
		`[{"rdata":"x","ttl":"60"}]`:                              {`[{"rdata":"x","ttl":60}]`, ""},
		`[{"rdata":"x","ttl":1.5}]`:                               {`[{"rdata":"x"}]`, `[{"rdata":"x","ttl":1.5}]`},
		`[{"rdata":"x","more":1}]`:                                {`[{"rdata":"x"}]`, `[{"rdata":"x","more":1}]`},
		`[{"rdata":"x","flag_ids":[1,"q"]}]`:                      {`[{"flag_ids":[1,null],"rdata":"x"}]`, `[{"rdata":"x","flag_ids":[1,"q"]}]`},
		`[{"rdata":"x","flag_ids":5}]`:                            {`[{"rdata":"x"}]`, `[{"rdata":"x","flag_ids":5}]`},
		`[{"rdata":"x"},5]`:                                       {`[{"rdata":"x"}]`, `[{"rdata":"x"},5]`},
		`[{"ttl":5}]`:                                             {``, `[{"ttl":5}]`},
		`{"rdata":"x"}`:                                           {``, `x`},
		`[]`:                                                      {``, ``},
		`null`:                                                    {``, ``},
	} {
		e := runPlan(t, compiled, nil, `{`+nestedTime+`,"ready":`+raw+`}`)[0]
		if raw[0] == '{' {
			e.unmapped["ready"] = e.unmapped["ready.rdata"]
		}
		if got := shown(t, e, "answers"); got != want[0] || e.unmapped["ready"] != want[1] || e.reason != nil {
			t.Errorf("%s: %s, unmapped %q; want %v (%v)", raw, got, e.unmapped["ready"], want, e.reason)
		}
	}
}

// Objects in elements, lists in objects in elements, constants.
func TestListsInLists(t *testing.T) {
	written := `, [{'technique': {'uid': technique, 'name': 'T'}, 'tactics': [{'uid': tactic, 'name': 'Execution'}, {'uid': 'TA0003', 'name': 'Persistence'}], 'version': '14.1'}] AS attacks`
	computed := `, list_transform([technique], lambda t: {'technique': {'uid': t, 'name': 'T'}, 'tactics': [{'uid': tactic, 'name': 'Execution'}, {'uid': 'TA0003', 'name': 'Persistence'}], 'version': '14.1'}) AS attacks`
	for name, sql := range map[string]string{"written": written, "computed": computed} {
		compiled := compile(t, processMapping(t, "-- profiles: security_control\n", sql+`, 1 AS disposition_id`))
		e := runPlan(t, compiled, nil, `{`+nestedTime+`,"technique":"T1","tactic":"TA0002"}`)[0]
		want := `[{"tactics":[{"name":"Execution","uid":"TA0002"},{"name":"Persistence","uid":"TA0003"}],"technique":{"name":"T","uid":"T1"},"version":"14.1"}]`
		if got := shown(t, e, "attacks"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
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
		compiled := compile(t, processMapping(t, "", ", "+sql))
		for line, want := range map[string]string{
			`{` + nestedTime + `,"md5":"m","kind":1}`:    "10.0.0.1 m 1 User",
			`{` + nestedTime + `,"md5":"m","kind":1000}`: "10.0.0.1 m 99 Other",
			`{` + nestedTime + `}`:                       "10.0.0.1 <nil> <nil> <nil>",
		} {
			e := runPlan(t, compiled, nil, line)[0]
			got := fmt.Sprint(e.fields["process.file.owner.name"], " ", e.fields["process.file.owner.uid"], " ", e.fields["process.file.owner.type_id"], " ", e.fields["process.file.owner.type"])
			if got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
			if _, kept := e.unmapped["md5"]; kept && name != "computed" {
				t.Errorf("%s: md5 is mapped and in unmapped", name)
			}
		}
	}
	compiled := compile(t, dnsMapping(t, "", `, host AS dst_endpoint`))
	e := runPlan(t, compiled, nil, `{`+strings.Replace(nestedTime, `"ip"`, `"more":1,"port":99999,"ip"`, 1)+`}`)[0]
	same(t, "group: unmapped", e.unmapped, map[string]any{"host.port": "99999", "host.more": "1", "pid": "4"})
	if e.fields["dst_endpoint.hostname"] != "h" || e.fields["dst_endpoint.ip"] != "10.0.0.1" {
		t.Errorf("group: %v", e.fields)
	}
}

// An element of constants alone is there whenever its object is, and not where the object is dropped.
func TestListOfConstants(t *testing.T) {
	compiled := compile(t, processMapping(t, "", `, [{'algorithm_id': 1, 'value': 'same'}] AS "process.file.hashes"`))
	for line, want := range map[string]string{
		`{` + nestedTime + `}`: `[{"algorithm":"MD5","algorithm_id":1,"value":"same"}]`,
		`{"ts":"2024-01-01T00:00:00Z","pid":4,"host":{"hostname":"h"}}`: ``,
	} {
		e := runPlan(t, compiled, nil, line)[0]
		if got := shown(t, e, "process.file.hashes"); got != want || e.reason != nil {
			t.Errorf("%s: %s, want %s (%v)", line, got, want, e.reason)
		}
	}
}

// What a macro gives is seen as if it were written out: a value in it counts as mapped.
func TestListFromMacro(t *testing.T) {
	m := processMapping(t, "", `, [fingerprint(3, sha256)] AS "process.file.hashes"`)
	m = files(t, map[string]string{"raw.sql": nestedRaw, "m.sql": m.Files["m.sql"], "macros.sql": "CREATE MACRO fingerprint(id, h) AS {'algorithm_id': id, 'value': h};"})
	e := runPlan(t, compile(t, m), nil, `{`+nestedTime+`,"sha256":"s"}`)[0]
	if got := shown(t, e, "process.file.hashes"); got != `[{"algorithm":"SHA-256","algorithm_id":3,"value":"s"}]` || e.unmapped["sha256"] != "" {
		t.Errorf("%s, unmapped %v", got, e.unmapped)
	}
}

func TestNestedProblems(t *testing.T) {
	for sql, want := range map[string]string{
		`[{'algorithm_id': 3, 'vlaue': sha256}] AS "process.file.hashes"`:                                      "m.sql:4:",
		`[{'algorithm_id': 3, 'vlue': sha256, 'value': md5}] AS "process.file.hashes"`:                         "is value meant?",
		`[{'algorithm_id': 33, 'value': sha256}] AS "process.file.hashes"`:                                     "33 is no value of the enum",
		`[{'algorithm_id': 3}] AS "process.file.hashes"`:                                                       "requires process.file.hashes.value",
		`list_transform([md5], lambda m: {'algorithm_id': 3}) AS "process.file.hashes"`:                        "requires process.file.hashes.value",
		`list_transform([md5], lambda m: {'algorithm_id': 33, 'value': m}) AS "process.file.hashes"`:           "33 is no value of the enum",
		`list_transform([md5], lambda m: {'algorithm_id': 3, 'valu': m, 'value': m}) AS "process.file.hashes"`: "is value meant?",
		`{'algorithm_id': 3, 'value': md5} AS "process.file.hashes"`:                                           "is an array of fingerprint",
		`md5 AS "process.file.hashes"`:                                                                         "is an array of fingerprint",
		`md5 AS "process.file.owner"`:                                                                          "is an object (user)",
		`md5 AS "process.file.hashes.value"`:                                                                   `write [{'value': value}] AS "process.file.hashes"`,
		`{'name': md5, 'nme': md5} AS "process.file.owner"`:                                                    "process.file.owner.nme",
		`{'name': md5} AS "process.file.owner", md5 AS "process.file.owner.name"`:                              "filled twice",
		`host AS "process.file.owner"`:                                                                         "no field of host is an attribute of user",
	} {
		problems := problemsOf(t, processMapping(t, "", ", "+sql))
		if got := listed(problems); !problems.Failed() || !strings.Contains(got, want) {
			t.Errorf("%s: want %q in:\n%s", sql, want, got)
		}
	}
}

// The datetime profile's times are timestamps, made as the others are; free objects are JSON texts, as they came.
func TestDateTimeAndJSON(t *testing.T) {
	raw := strings.Replace(nestedRaw, "tags MAP", "text VARCHAR, doc JSON, tags MAP", 1)
	text := dnsMapping(t, "-- profiles: datetime\n", `, ts AS time_dt, text AS start_time_dt, '2024-01-01T01:00:00+01:00' AS end_time_dt, '1970-01-01T00:00:00.001Z' AS end_time, pid AS query_time_dt,
  [{'name': 'n', 'value': md5, 'data': {'k': md5}, 'provider': 'p'}] AS enrichments,
  answers AS raw_data`).Files["m.sql"]
	compiled := compile(t, files(t, map[string]string{"raw.sql": raw, "m.sql": text}))
	e := runPlan(t, compiled, nil, `{`+nestedTime+`,"text":"1969-12-31T23:59:59.9999Z","md5":"m","answers":[{"data":1,"zz":2.50}]}`)[0]
	for path, want := range map[string]string{"time_dt": "1704067200000", "start_time_dt": "-1", "end_time_dt": "1704067200000", "end_time": "1", "query_time_dt": "4",
		"raw_data": `"[{\"data\":1,\"zz\":2.50}]"`, "enrichments": `[{"data":"{\"k\":\"m\"}","name":"n","provider":"p","value":"m"}]`} {
		if got := shown(t, e, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	same(t, "unmapped", e.unmapped, map[string]any{"host.hostname": "h"})
	kinds := map[string]string{}
	for _, c := range lake.Columns(&compiled.Projections[0].Schema) {
		kinds[c.Name] = c.Type
	}
	if kinds["time_dt"] != "timestamp" || kinds["end_time_dt"] != "timestamp" || kinds["time"] != "bigint" || kinds["enrichments"] != "array<struct<name:string,value:string,data:string,provider:string>>" {
		t.Errorf("types %v", kinds)
	}
	e = runPlan(t, compiled, nil, `{`+nestedTime+`,"text":"soon"}`)[0]
	if got := shown(t, e, "start_time_dt"); got != "" || e.unmapped["text"] != "soon" || len(e.misses) == 0 {
		t.Errorf("start_time_dt %q, unmapped %v, misses %v", got, e.unmapped, e.misses)
	}
	// free objects
	free := processMapping(t, "", `, tags AS "process.xattributes"`)
	e = runPlan(t, compile(t, free), nil, `{`+nestedTime+`,"tags":{"a":1,"b":{"c":[]}}}`)[0]
	if got := shown(t, e, "process.xattributes"); got != `"{\"a\":1,\"b\":{\"c\":[]}}"` || e.unmapped["tags"] != "" {
		t.Errorf("xattributes %s, unmapped %v", got, e.unmapped)
	}
	free = processMapping(t, "", `, {'k': md5} AS "process.xattributes"`)
	e = runPlan(t, compile(t, free), nil, `{`+nestedTime+`,"md5":"m"}`)[0]
	if got := shown(t, e, "process.xattributes"); got != `"{\"k\":\"m\"}"` {
		t.Errorf("xattributes %s", got)
	}
	if got := listed(problemsOf(t, processMapping(t, "", `, md5 AS "process.xattributes.k"`))); !strings.Contains(got, `write {'k': value} AS "process.xattributes"`) {
		t.Error(got)
	}
}

// Two SELECTs of a class have lists of other fields: the file has all of them.
func TestNestedMerge(t *testing.T) {
	m := dnsMapping(t, "", `, [{'rdata': md5, 'ttl': pid}] AS answers`)
	two := dnsMapping(t, "", `, list_transform([md5], lambda x: {'type': 'A', 'rdata': x}) AS answers`)
	m = files(t, map[string]string{"raw.sql": nestedRaw, "a.sql": m.Files["m.sql"] + " WHERE kind = 1", "b.sql": two.Files["m.sql"] + " WHERE kind = 2"})
	compiled := compile(t, m)
	events := runPlan(t, compiled, nil, `{`+nestedTime+`,"kind":1,"md5":"m"}`, `{`+nestedTime+`,"kind":2,"md5":"m"}`)
	if len(compiled.Projections) != 1 || len(events) != 2 {
		t.Fatalf("%d projections, %d events", len(compiled.Projections), len(events))
	}
	for i, want := range []string{`[{"rdata":"m","ttl":4}]`, `[{"rdata":"m","type":"A"}]`} {
		if got := shown(t, events[i], "answers"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Events that are OCSF already: a column for each object, by name; what OCSF does not have, or does not fit, is in unmapped.
func TestReadyOCSF(t *testing.T) {
	m := files(t, map[string]string{"raw.sql": `CREATE TABLE raw (
  activity_id INTEGER, activity_name VARCHAR, class_uid INTEGER, category_uid INTEGER, class_name VARCHAR, type_uid BIGINT, "time" BIGINT, severity_id INTEGER, status_id INTEGER,
  metadata STRUCT(version VARCHAR, profiles VARCHAR[], uid VARCHAR, product STRUCT(name VARCHAR, vendor_name VARCHAR, home VARCHAR)),
  "user" STRUCT(name VARCHAR, uid VARCHAR, type_id INTEGER, groups STRUCT(name VARCHAR, uid VARCHAR)[], nick VARCHAR),
  src_endpoint STRUCT(ip VARCHAR, port INTEGER, location STRUCT(city VARCHAR, coordinates DOUBLE[])),
  dst_endpoint STRUCT(hostname VARCHAR),
  observables STRUCT(name VARCHAR, "type" VARCHAR, type_id INTEGER, value VARCHAR)[]);`,
		"authentication.sql": `-- class: authentication
SELECT activity_id, activity_name, class_uid, category_uid, class_name, type_uid, "time", severity_id, status_id, metadata, raw."user", src_endpoint, dst_endpoint, observables AS observables FROM raw`})
	compiled := compile(t, m)
	const event = `{"activity_id":1,"activity_name":"Logon","class_uid":3002,"category_uid":3,"class_name":"Authentication","type_uid":300201,"time":1704067200000,"severity_id":1,"status_id":1,
"metadata":{"version":"1.1.0","uid":"e1","product":{"name":"App","vendor_name":"Acme","home":"https://app"}},
"user":{"name":"ada","uid":"7","type_id":1,"groups":[{"name":"ops","uid":"g1"},{"uid":"g2"}],"nick":"a"},
"src_endpoint":{"ip":"192.0.2.1","port":443,"location":{"city":"Bonn","coordinates":[7.1,50.7]},"zone":"x"},"dst_endpoint":{"hostname":"app"},
"observables":[{"name":"user.name","type":"User Name","type_id":4,"value":"ada"}],"app_id":9}`
	line := strings.ReplaceAll(event, "\n", "")
	e := runPlan(t, compiled, nil, line)[0]
	if e.reason != nil || len(e.misses) > 0 {
		t.Fatalf("%v %v", e.reason, e.misses)
	}
	for path, want := range map[string]string{"class_uid": "3002", "user.name": `"ada"`, "user.groups": `[{"name":"ops","uid":"g1"},{"uid":"g2"}]`, "user.type": `"User"`,
		"observables": `[{"name":"user.name","type":"User Name","type_id":4,"value":"ada"}]`, "src_endpoint.location.coordinates": "[7.1,50.7]", "metadata.product.name": `"App"`, "status": `"Success"`} {
		if got := shown(t, e, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	same(t, "unmapped", e.unmapped, map[string]any{"metadata.product.home": "https://app", "user.nick": "a", "src_endpoint.zone": "x", "app_id": "9"})
	// another class or version than the mapping's
	e = runPlan(t, compiled, nil, strings.NewReplacer(`"class_uid":3002`, `"class_uid":3001`, `"1.1.0"`, `"1.0.0-rc.2"`).Replace(line))[0]
	if fmt.Sprint(e.fields["class_uid"]) != "3002" || e.unmapped["class_uid"] != "3001" || e.fields["metadata.version"] != "1.1.0" || e.unmapped["metadata.version"] != "1.0.0-rc.2" || len(e.misses) != 2 {
		t.Errorf("%v, unmapped %v, misses %v", e.fields, e.unmapped, e.misses)
	}
}
