package sqlgen_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// A call that several columns have is computed once, if a column computes it in every record and it cannot fail. The values are those
// of a mapping that has each call by itself.
func TestSharedCalls(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{
		"macros.sql": `CREATE MACRO is_high(x) AS x >= 10; CREATE MACRO tenth(x) AS 100 // x; CREATE MACRO rarely(x) AS x < 0; CREATE MACRO of_high(x) AS CASE WHEN is_high(x) THEN 'h' ELSE 'l' END;`,
		"raw.sql":    sqltest.SmallRaw,
		"a.sql": "-- class: network_activity\nSELECT " + sqltest.SmallBase + `,
  CASE WHEN is_high(n) THEN ev.a END AS app_name,
  CASE WHEN is_high(n) THEN 'high' WHEN rarely(n) THEN 'negative' ELSE 'low' END AS "unmapped.one",
  CASE WHEN is_high(n) THEN NULL WHEN rarely(n) THEN 'less' END AS "unmapped.two",
  CASE WHEN tenth(n) = 10 THEN 'ten' END AS "unmapped.three",
  CASE WHEN tenth(n) = 10 THEN 'TEN' END AS "unmapped.four",
  of_high(n) AS "unmapped.five",
  of_high(n) || '!' AS "unmapped.six"
FROM raw`,
	})
	compiled := sqltest.Compile(t, m)
	for call, want := range map[string]int{"is_high(n)": 1, "rarely(n)": 2, "tenth(n)": 2, "of_high(n)": 1} {
		if got := strings.Count(strings.ReplaceAll(compiled.Projections[0].SQL, `"`, ""), call); got != want {
			t.Errorf("%s is %d times in\n%s\nwant %d", call, got, compiled.Projections[0].SQL, want)
		}
	}
	record := func(n string) string {
		return `{"ts":"2024-01-01T00:00:00Z","name":"ip","n":` + n + `,"big":1,"ev":{"a":"x"}}`
	}
	wants := []map[string]string{
		{"one": "high", "two": "", "three": "ten", "four": "TEN", "five": "h", "six": "h!"},
		{"one": "low", "two": "", "three": "", "four": "", "five": "l", "six": "l!"}, // 100 // 0 is NULL in DuckDB
		{"one": "negative", "two": "less", "three": "", "four": "", "five": "l", "six": "l!"},
		{"one": "low", "two": "", "three": "", "four": "", "five": "l", "six": "l!"},
	}
	for i, e := range sqltest.Run(t, compiled, nil, record("10"), record("0"), record("-3"), record("null")) {
		if e.Reason != nil {
			t.Fatalf("record %d: %+v", i+1, e.Reason)
		}
		for key, want := range wants[e.Record-1] {
			if got := e.Unmapped[key]; got != want {
				t.Errorf("record %d: %s is %q, want %q", e.Record, key, got, want)
			}
		}
		if got := e.Fields["app_name"]; (got == "x") != (e.Record == 1) {
			t.Errorf("record %d: app_name is %v", e.Record, got)
		}
	}
}
