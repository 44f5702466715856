package mappings

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqlgen"
)

// A text that is no time is unreadable, an absent one is missing, however the mapping reads it.
func TestTimeOfText(t *testing.T) {
	for _, expr := range []string{"name", "name::TIMESTAMP", "CAST(name AS TIMESTAMPTZ)", "TRY_CAST(name AS TIMESTAMP)", "name::VARCHAR::TIMESTAMP", "strptime(name, '%Y-%m-%dT%H:%M:%SZ')",
		"time_from_text(name, '%Y-%m-%dT%H:%M:%SZ')", "coalesce(try_strptime(name, '%d.%m.%Y'), name::TIMESTAMP)", "ev.a::TIMESTAMP"} {
		m := files(t, map[string]string{"raw.sql": smallRaw, "m.sql": smallHead + "SELECT " + strings.Replace(smallBase, "ts AS", expr+" AS", 1) + " FROM raw"})
		got := runPlan(t, compile(t, m), nil, `{"name":"2024-01-01T00:00:00Z","ev":{"a":"2024-01-01T00:00:00Z"}}`, `{"name":"soon","ev":{"a":"soon"}}`, `{"n":1}`)
		var codes []string
		for _, e := range got {
			if e.reason == nil {
				codes = append(codes, "-")
				continue
			}
			codes = append(codes, e.reason.Code)
		}
		if want := []string{"-", sqlgen.ReasonTimeUnreadable, sqlgen.ReasonTimeMissing}; strings.Join(codes, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", expr, codes, want)
		}
	}
}
