package projection_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// mappings.Names with quotes, dots and blanks are written as in SQL wherever a mapping names a field: in SELECTs, and in comment lines.
func TestQuotedNames(t *testing.T) {
	const raw = `-- timestamp: "a b"."w""n" %d.%m.%Y
-- parse: "j""s.on" json
-- also: "o""q" "other ""q"".s"
CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, "o""q" VARCHAR, "j""s.on" STRUCT(k VARCHAR), "a b" STRUCT("w""n" TIMESTAMP, "p""q" VARCHAR, "x.y, z" VARCHAR));`
	m := sqltest.Mapping(t, map[string]string{"raw.sql": raw, "m.sql": sqltest.SmallHead + `-- consumes: "a b"."x.y, z" = substr(message, 2)
-- consumes: raw."o""q" = upper(app_name)
SELECT ` + sqltest.SmallBase + `, "a b"."w""n" AS start_time, lower("o""q") AS app_name, concat("a b"."p""q", "a b"."x.y, z") AS message, raw."j""s.on".k AS status_detail FROM raw`})
	line := `{"ts":"2024-01-01T00:00:00Z","name":"n","j\"s.on":"{\"k\":\"K\"}","a b":{"w\"n":"02.01.2024","p\"q":"P","x.y, z":"X"},`
	for _, field := range []string{`"o\"q":"O"}`, `"other \"q\".s":"O"}`} {
		e := sqltest.Run(t, sqltest.Compile(t, m), nil, line+field)[0]
		if e.Reason != nil {
			t.Fatal(e.Reason)
		}
		sqltest.Same(t, "fields", map[string]any{"a": e.Fields["app_name"], "m": e.Fields["message"], "d": e.Fields["status_detail"], "s": e.Fields["start_time"]},
			map[string]any{"a": "o", "m": "PX", "d": "K", "s": int64(1704153600000)})
		if e.Unmapped[`o"q`] != "" || e.Unmapped["a b.x.y, z"] != "" {
			t.Errorf("consumed, and in unmapped: %v", e.Unmapped)
		}
	}
	bad := sqltest.Mapping(t, map[string]string{"raw.sql": raw, "m.sql": sqltest.SmallHead + "-- consumes: name, \"o\"\"p\"\nSELECT " + sqltest.SmallBase + " FROM raw"})
	if got := sqltest.Listed(sqltest.Diagnostics(t, bad)); !strings.Contains(got, `m.sql:2:20: error: raw has no field "o""p" (did you mean o"q?)`) {
		t.Error(got)
	}
}
