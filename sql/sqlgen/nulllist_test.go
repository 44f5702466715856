package sqlgen_test

import (
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// A list of single values has no element that is NULL, and is NULL without elements, so that an object of nothing else is absent. What an
// element was made of stays in unmapped.
func TestListsOfSingleValues(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{
		"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, lat DOUBLE, lon DOUBLE, via VARCHAR, proxy VARCHAR, labels VARCHAR[], flags JSON);",
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, [lon, lat] AS "src_endpoint.location.coordinates", [via, proxy] AS "src_endpoint.intermediate_ips", labels AS "metadata.labels",
  CAST(flags AS VARCHAR[]) AS "dst_endpoint.intermediate_ips" FROM raw`}))
	for _, c := range []struct {
		line, location, ips, labels string
		unmapped                    map[string]any
	}{
		{`"lat":52.5,"lon":13.4,"via":"192.0.2.2","proxy":"192.0.2.3","labels":["a","b"]`, `[13.4,52.5]`, `["192.0.2.2","192.0.2.3"]`, `["a","b"]`, nil},
		{`"lat":null,"labels":null`, ``, ``, ``, nil},
		{`"lat":52.5,"proxy":"192.0.2.3","labels":["a",null]`, ``, `["192.0.2.3"]`, `["a"]`, map[string]any{"lat": "52.5"}},
		{`"labels":[null,null]`, ``, ``, ``, nil},
	} {
		e := sqltest.Run(t, compiled, nil, `{"ts":"2024-01-01T00:00:00Z","name":"10.0.0.1",`+c.line+`}`)[0]
		if e.Reason != nil {
			t.Fatalf("%s: %v", c.line, *e.Reason)
		}
		for path, want := range map[string]string{"src_endpoint.location.coordinates": c.location, "src_endpoint.intermediate_ips": c.ips, "metadata.labels": c.labels} {
			if got := sqltest.Shown(t, e, path); got != want {
				t.Errorf("%s: %s is %s, want %s", c.line, path, got, want)
			}
		}
		for _, k := range []string{"via", "proxy"} {
			delete(e.Unmapped, k)
		}
		if c.location != "" {
			delete(e.Unmapped, "lat")
			delete(e.Unmapped, "lon")
		}
		sqltest.Same(t, c.line, e.Unmapped, c.unmapped)
		if len(e.Misses) > 0 && c.unmapped == nil {
			t.Errorf("%s: misses %v", c.line, e.Misses)
		}
	}
}
