package sqlgen_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// Flows follow raw fields into OCSF, with the places of both.
func TestFlows(t *testing.T) {
	m := sqltest.SmallMapping(t, `big AS "traffic.bytes", CASE n WHEN 1 THEN 'a' END AS app_name, ev.a AS "unmapped.first"`, "")
	m.Files["m.sql"] = "-- consumes: n\n" + m.Files["m.sql"]
	got := map[string]string{}
	for _, l := range sqltest.Compile(t, m).Flows {
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
		if text := strings.Split(sqltest.SmallRaw, "\n")[l.Line-1][l.Column-1:]; !strings.HasPrefix(strings.TrimPrefix(text, `"`), l.Raw[strings.LastIndex(l.Raw, ".")+1:]) {
			t.Errorf("%s is placed at %q", l.Raw, text)
		}
	}
	sqltest.Same(t, "flows", got, map[string]any{"ts": "time", "name": "src_endpoint.name", "n": "app_name?!", "big": "traffic.bytes", "real": "", "yes": "", "tags": "",
		"doc": "", "day": "", "group": "", "ev.a": "unmapped.first", "ev.b.c": "", "ev.b.d": ""})
}
