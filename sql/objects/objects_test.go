package objects_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

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
		{"nulls", `[null,{"data":"x"}]`, `[{"rdata":"x"}]`, `[null,{"data":"x"}]`, false},
		{"no list", `"x"`, ``, `x`, false},
	} {
		line := `{` + sqltest.NestedRecord + `,"answers":` + c.raw + `}`
		for _, consumed := range []bool{false, true} {
			header := ""
			if consumed {
				header = "-- consumes: answers = coalesce(list_transform(answers, lambda a: {'data': a.rdata, 'type': a.type, 'ttl': CAST(a.ttl AS VARCHAR), 'flags': a.flag_ids}), [])\n"
			}
			e := sqltest.Run(t, sqltest.Compile(t, sqltest.DNSMapping(t, header, transform)), nil, line)[0]
			if got := sqltest.Shown(t, e, "answers"); got != c.want || e.Reason != nil {
				t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, e.Reason)
			}
			kept := c.kept
			if !consumed && c.name != "empty" { // a list without elements has no value
				kept = strings.Trim(c.raw, `"`)
			}
			if e.Unmapped["answers"] != kept {
				t.Errorf("%s, consumed %t: unmapped %q, want %q", c.name, consumed, e.Unmapped["answers"], kept)
			}
			if missed := c.missed || consumed && c.kept == "x"; (len(e.Misses) > 0) != missed {
				t.Errorf("%s, consumed %t: misses %v", c.name, consumed, e.Misses)
			}
		}
	}
}

// A raw list that has OCSF's form is mapped as it is; what does not fit into it, or is not OCSF's, leaves it in unmapped.
func TestListAsItIs(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.DNSMapping(t, "", `, ready AS answers`))
	for raw, want := range map[string][2]string{
		`[{"rdata":"x","ttl":60,"flag_ids":[1,3]},{"rdata":"y"}]`: {`[{"flag_ids":[1,3],"rdata":"x","ttl":60},{"rdata":"y"}]`, ""},
		`[{"rdata":"x","ttl":"60"}]`:                              {`[{"rdata":"x","ttl":60}]`, ""},
		`[{"rdata":"x","ttl":1.5}]`:                               {`[{"rdata":"x"}]`, `[{"rdata":"x","ttl":1.5}]`},
		`[{"rdata":"x","more":1}]`:                                {`[{"rdata":"x"}]`, `[{"rdata":"x","more":1}]`},
		`[{"rdata":"x","flag_ids":[1,"q"]}]`:                      {`[{"flag_ids":[1],"rdata":"x"}]`, `[{"rdata":"x","flag_ids":[1,"q"]}]`},
		`[{"rdata":"x","flag_ids":5}]`:                            {`[{"rdata":"x"}]`, `[{"rdata":"x","flag_ids":5}]`},
		`[{"rdata":"x"},5]`:                                       {`[{"rdata":"x"}]`, `[{"rdata":"x"},5]`},
		`[{"ttl":5}]`:                                             {``, `[{"ttl":5}]`},
		`{"rdata":"x"}`:                                           {``, `x`},
		`[]`:                                                      {``, ``},
		`null`:                                                    {``, ``},
	} {
		e := sqltest.Run(t, compiled, nil, `{`+sqltest.NestedRecord+`,"ready":`+raw+`}`)[0]
		if raw[0] == '{' {
			e.Unmapped["ready"] = e.Unmapped["ready.rdata"]
		}
		if got := sqltest.Shown(t, e, "answers"); got != want[0] || e.Unmapped["ready"] != want[1] || e.Reason != nil {
			t.Errorf("%s: %s, unmapped %q; want %v (%v)", raw, got, e.Unmapped["ready"], want, e.Reason)
		}
	}
}

// Objects in elements, lists in objects in elements, constants.
func TestListsInLists(t *testing.T) {
	written := `, [{'technique': {'uid': technique, 'name': 'T'}, 'tactics': [{'uid': tactic, 'name': 'Execution'}, {'uid': 'TA0003', 'name': 'Persistence'}], 'version': '14.1'}] AS attacks`
	computed := `, list_transform([technique], lambda t: {'technique': {'uid': t, 'name': 'T'}, 'tactics': [{'uid': tactic, 'name': 'Execution'}, {'uid': 'TA0003', 'name': 'Persistence'}], 'version': '14.1'}) AS attacks`
	for name, sql := range map[string]string{"written": written, "computed": computed} {
		compiled := sqltest.Compile(t, sqltest.ProcessMapping(t, "-- profiles: security_control\n", sql+`, 1 AS disposition_id`))
		e := sqltest.Run(t, compiled, nil, `{`+sqltest.NestedRecord+`,"technique":"T1","tactic":"TA0002"}`)[0]
		want := `[{"tactics":[{"name":"Execution","uid":"TA0002"},{"name":"Persistence","uid":"TA0003"}],"technique":{"name":"T","uid":"T1"},"version":"14.1"}]`
		if got := sqltest.Shown(t, e, "attacks"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// What a macro gives is seen as if it were written out: a value in it counts as mapped.
func TestListFromMacro(t *testing.T) {
	m := sqltest.ProcessMapping(t, "", `, [fingerprint(3, sha256)] AS "process.file.hashes"`)
	m = sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.NestedRaw, "m.sql": m.Files["m.sql"], "macros.sql": "CREATE MACRO fingerprint(id, h) AS {'algorithm_id': id, 'value': h};"})
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, `{`+sqltest.NestedRecord+`,"sha256":"s"}`)[0]
	if got := sqltest.Shown(t, e, "process.file.hashes"); got != `[{"algorithm":"SHA-256","algorithm_id":3,"value":"s"}]` || e.Unmapped["sha256"] != "" {
		t.Errorf("%s, unmapped %v", got, e.Unmapped)
	}
}
