package sqlgen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/sql/sqltest"
)

// A SELECT with `-- otherwise:` takes the records that no drop line and no other SELECT takes, also if a condition of those fails.
func TestOtherwise(t *testing.T) {
	base := func(head, tail string) string {
		return head + "SELECT " + strings.ReplaceAll(sqltest.SmallBase, `"src_endpoint.name"`, `"unmapped.s"`) + " FROM raw " + tail
	}
	one := "-- class: network_activity\n-- without: src_endpoint\n"
	rest := "-- otherwise: base_event\nSELECT ts AS \"time\", 0 AS activity_id, 1 AS severity_id, 'v' AS \"metadata.product.vendor_name\", 'p' AS \"metadata.product.name\" FROM raw "
	for _, c := range []struct {
		files map[string]string
		want  []string
	}{
		{map[string]string{"a.sql": base(one+"-- drop: n = 9\n", "WHERE n = 1"), "b.sql": base(one, "WHERE n = 2"), "rest.sql": rest},
			[]string{"a+b", "a+b", "rest", "rest", "DROPPED"}},
		{map[string]string{"a.sql": base(one, "WHERE n = 1"), "b.sql": base(one, "WHERE n <= 2"), "rest.sql": rest + "WHERE n = 3"},
			[]string{"SEVERAL_PROJECTIONS", "a+b", "rest", "NO_PROJECTION", "NO_PROJECTION"}},
		{map[string]string{"a.sql": base(one, "WHERE (1 / (n - 2))::INTEGER = -1 AND name::INTEGER = 1"), "rest.sql": rest + "WHERE n < 9", "rest2.sql": rest + "WHERE n > 2"},
			[]string{"rest+rest2", "rest+rest2", "SEVERAL_PROJECTIONS", "rest+rest2", "rest+rest2"}},
	} {
		c.files["raw.sql"] = sqltest.SmallRaw
		var lines []string
		for _, n := range []string{"1", "2", "3", "null", "9"} {
			lines = append(lines, fmt.Sprintf(`{"ts":"2024-01-01T00:00:00Z","name":"n","n":%s}`, n))
		}
		if c.want[3] == "rest+rest2" {
			lines[3] = strings.Replace(lines[3], "null", "-5", 1)
		}
		got := make([]string, len(lines))
		for _, e := range sqltest.Run(t, sqltest.Compile(t, sqltest.Mapping(t, c.files)), nil, lines...) {
			if got[e.Record-1] = e.Projection; e.Reason != nil {
				got[e.Record-1] = e.Reason.Code
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Error(d)
		}
	}
}

func TestOtherwiseMistakes(t *testing.T) {
	for _, c := range []struct{ head, want string }{
		{"-- class: network_activity\n-- otherwise\n", "m.sql:2:1: error: the line `-- otherwise:` must name the class (write `-- otherwise: base_event` instead of the line `-- class:`)"},
		{"-- class: network_activity\r\n-- otherwise\r\n", "m.sql:2:1: error: the line `-- otherwise:` must name the class"},
		{"-- otherwise:\n-- class: network_activity\n", "m.sql:1:1: error: the line `-- otherwise:` must name the class"},
		{"-- class: network_activity\n-- otherwise: base_event\n", "m.sql:2:1: error: the header names a class twice"},
		{"-- otherwise:\n", "m.sql:1:1: error: the header does not name a class"},
		{"-- otherwise: nothing\n", "m.sql:1:15: error: OCSF 1.1.0 has no class \"nothing\""},
	} {
		m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": c.head + "SELECT " + sqltest.SmallBase + " FROM raw"})
		if got := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(got, c.want) {
			t.Errorf("want %s, got:\n%s", c.want, got)
		}
	}
}
