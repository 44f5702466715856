package projection_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/sqltest"
)

// An expression that fails for every record is reported in its place, and one that fails for some is not.
func TestFailsForEveryRecord(t *testing.T) {
	for _, c := range []struct {
		expr string
		want diag.Severity
		text string
	}{
		{"timezone('Nowhere/Bad', ts)::VARCHAR", diag.Warning, "Unknown TimeZone 'Nowhere/Bad'"},
		{"(ts AT TIME ZONE 'Nowhere/Bad')::VARCHAR", diag.Warning, "Unknown TimeZone"},
		{"name || timezone('Nowhere/Bad', ts)::VARCHAR", diag.Warning, "Unknown TimeZone"},
		{"time_bucket(to_days(0), ts)::VARCHAR", diag.Warning, "Period must be greater than 0"},
		{"timezone(name, ts)::VARCHAR", diag.Note, ""},
		{"timezone('Europe/Berlin', ts)::VARCHAR", diag.Note, ""},
		{"date_part(name, ts)::VARCHAR", diag.Note, ""},
		{"time_bucket(name::INTERVAL, ts)::VARCHAR", diag.Note, ""},
		{"(name LIKE '%a' ESCAPE '!')::VARCHAR", diag.Note, ""},
	} {
		found := sqltest.Diagnostics(t, sqltest.SmallMapping(t, c.expr+" AS app_name", ""))
		got := diag.Note
		for _, d := range found {
			if d.Code == diag.SQL && strings.Contains(d.Message, "every record") {
				got = d.Severity
				if !strings.Contains(d.Message, c.text) || d.Line != 3 {
					t.Errorf("%s: %s", c.expr, d)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: severity %v, want %v\n%s", c.expr, got, c.want, sqltest.Listed(found))
		}
	}
	found := sqltest.Diagnostics(t, sqltest.SmallMapping(t, "", "WHERE timezone('Nowhere/Bad', ts) IS NOT NULL"))
	if !strings.Contains(sqltest.Listed(found), "fails for every record") {
		t.Error(sqltest.Listed(found))
	}
}
