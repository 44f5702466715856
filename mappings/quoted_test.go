package mappings

import (
	"strings"
	"testing"
)

// Names with quotes, dots and blanks are written as in SQL wherever a mapping names a field: in SELECTs, and in comment lines.
func TestQuotedNames(t *testing.T) {
	const raw = `-- timestamp: "a b"."w""n" %d.%m.%Y
-- parse: "j""s.on" json
-- also: "o""q" "other ""q"".s"
CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, "o""q" VARCHAR, "j""s.on" STRUCT(k VARCHAR), "a b" STRUCT("w""n" TIMESTAMP, "p""q" VARCHAR, "x.y, z" VARCHAR));`
	m := files(t, map[string]string{"raw.sql": raw, "m.sql": smallHead + `-- consumes: "a b"."x.y, z", "o""q"
SELECT ` + smallBase + `, "a b"."w""n" AS start_time, lower("o""q") AS app_name, concat("a b"."p""q", "a b"."x.y, z") AS message, raw."j""s.on".k AS status_detail FROM raw`})
	line := `{"ts":"2024-01-01T00:00:00Z","name":"n","j\"s.on":"{\"k\":\"K\"}","a b":{"w\"n":"02.01.2024","p\"q":"P","x.y, z":"X"},`
	for _, field := range []string{`"o\"q":"O"}`, `"other \"q\".s":"O"}`} {
		e := runPlan(t, compile(t, m), nil, line+field)[0]
		if e.reason != nil {
			t.Fatal(e.reason)
		}
		same(t, "fields", map[string]any{"a": e.fields["app_name"], "m": e.fields["message"], "d": e.fields["status_detail"], "s": e.fields["start_time"]},
			map[string]any{"a": "o", "m": "PX", "d": "K", "s": int64(1704153600000)})
		if e.unmapped[`o"q`] != "" || e.unmapped["a b.x.y, z"] != "" {
			t.Errorf("consumed, and in unmapped: %v", e.unmapped)
		}
	}
	bad := files(t, map[string]string{"raw.sql": raw, "m.sql": smallHead + "-- consumes: name, \"o\"\"p\"\nSELECT " + smallBase + " FROM raw"})
	if got := listed(problemsOf(t, bad)); !strings.Contains(got, `m.sql:2:20: error: raw has no field "o""p" (is o"q meant?)`) {
		t.Error(got)
	}
}
