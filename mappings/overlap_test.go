package mappings

import (
	"strings"
	"testing"
)

// Two projections that can take the same record are told with such a record, where the predicates show one.
func TestOverlap(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"no WHERE", "", "", "neither has a WHERE clause"},
		{"one without", "", "WHERE name = 'x'", "name = 'x'"},
		{"equal constants", "WHERE name = 'x'", "WHERE name IN ('y', 'x')", "name = 'x'"},
		{"other constants", "WHERE name = 'x'", "WHERE name IN ('y', 'z')", ""},
		{"ranges", "WHERE n > 5", "WHERE n <= 6", "n = 6"},
		{"ranges apart", "WHERE n > 5", "WHERE n <= 5", ""},
		{"two fields", "WHERE name = 'x'", "WHERE n = 3", "name = 'x', n = 3"},
		{"one more condition", "WHERE name = 'x' AND n = 2", "WHERE name = 'x' AND n <> 2", ""},
		{"negation", "WHERE name <> 'x'", "WHERE name IS NOT NULL AND ev.a = 'q'", "name = 'something else', ev.a = 'q'"},
		{"NULL", "WHERE n IS NULL", "WHERE n IS NULL", "one in which the fields they ask for are NULL"},
		{"a call", "WHERE starts_with(name, 'ab')", "WHERE lower(name) = 'abc'", "name = 'abc'"},
		{"a call that excludes", "WHERE starts_with(name, 'ab')", "WHERE lower(name) = 'cbc'", ""},
		{"a failing one", "WHERE name::INTEGER = 4", "WHERE name = '4'", "name = '4'"},
		{"dropped", "\n-- drop: name = 'x'\n", "", "one in which"},
	} {
		a, header := c.a, ""
		if strings.HasPrefix(a, "\n") {
			header, a = strings.TrimLeft(a, "\n"), ""
		}
		m := files(t, map[string]string{"raw.sql": smallRaw,
			"a.sql": smallHead + header + "SELECT " + smallBase + " FROM raw " + a, "b.sql": smallHead + "SELECT " + smallBase + "\nFROM raw " + c.b})
		problems := problemsOf(t, m)
		got := listed(problems)
		if problems.Failed() || c.want == "" && strings.Contains(got, "takes records") || c.want != "" && !strings.Contains(got, "b takes records that a takes, too: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q in:\n%s", c.name, c.want, got)
		}
	}
	// A drop predicate goes before all.
	m := files(t, map[string]string{"raw.sql": smallRaw, "a.sql": smallHead + "-- drop: name = 'x'\nSELECT " + smallBase + " FROM raw WHERE name = 'x'",
		"b.sql": smallHead + "SELECT " + smallBase + " FROM raw WHERE name = 'x'"})
	if got := listed(problemsOf(t, m)); strings.Contains(got, "takes records") {
		t.Errorf("dropped records overlap:\n%s", got)
	}
	// A predicate with functions is evaluated, too.
	m = files(t, map[string]string{"raw.sql": smallRaw, "a.sql": smallHead + "SELECT " + smallBase + " FROM raw WHERE len(list_transform(string_split(replace(name, 'e', 'a,b'), ','), lambda x: x || x)) > 5 OR name = 'x'",
		"b.sql": smallHead + "SELECT " + smallBase + " FROM raw WHERE name = 'x'"})
	problemsOf(t, m)
}

// Flows follow raw fields into OCSF, with the places of both.
func TestFlows(t *testing.T) {
	m := smallMapping(t, `big AS "traffic.bytes", CASE n WHEN 1 THEN 'a' END AS app_name, ev.a AS "unmapped.first"`, "")
	m.Files["m.sql"] = "-- consumes: n\n" + m.Files["m.sql"]
	got := map[string]string{}
	for _, l := range compile(t, m).Flows {
		var to []string
		for _, f := range l.Flows {
			s := f.Path
			if !f.Exact {
				s += "?"
			}
			if f.Consumed {
				s += "!"
			}
			to = append(to, s)
		}
		got[l.Raw] = strings.Join(to, " ")
		if l.Line == 0 || l.Flows != nil && l.Flows[0].Line == 0 {
			t.Errorf("%s has no place: %+v", l.Raw, l)
		}
		if text := strings.Split(smallRaw, "\n")[l.Line-1][l.Column-1:]; !strings.HasPrefix(strings.TrimPrefix(text, `"`), l.Raw[strings.LastIndex(l.Raw, ".")+1:]) {
			t.Errorf("%s is placed at %q", l.Raw, text)
		}
	}
	same(t, "flows", got, map[string]any{"ts": "time", "name": "src_endpoint.ip", "n": "app_name?!", "big": "traffic.bytes", "real": "", "yes": "", "tags": "",
		"doc": "", "day": "", "group": "", "ev.a": "unmapped.first", "ev.b.c": "", "ev.b.d": ""})
}
