package mappings_test

import (
	"testing"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

// --where takes what a mapping's WHERE takes, and refuses the same.
func TestHostileWhere(t *testing.T) {
	m := sqltest.SmallMapping(t, "", "")
	for i, e := range append([]string{"true) OR (random() > 0", "1 = 1; DROP TABLE raw", "1 = 1 -- x", "name = 'x' FROM raw UNION SELECT 1", "n = 1) AS a, (2"}, sqltest.HostileExpressions...) {
		if i >= 5 && i%6 > 0 {
			continue
		}
		compiled, diagnostics, err := m.Where(t.Context(), "("+e+") IS NOT NULL")
		if err != nil {
			t.Fatal(err)
		}
		if compiled != nil || !diagnostics.Failed() {
			t.Errorf("%s is taken", e)
		}
	}
	for _, e := range []string{"name = 'x'", "n > 1 AND ev.b.c IS NULL", "lpad(name, 5, '0') = '00001'", "format('{}-{:02d}', name, n) = 'x-01'", "list_aggregate(tags, 'max') = 'x'", "age(ts, ts) = INTERVAL 0 DAY", "in_cidr(name, '10.0.0.0/8')"} {
		if compiled, diagnostics, err := m.Where(t.Context(), e); err != nil || compiled == nil {
			t.Errorf("%s is refused: %v %s", e, err, sqltest.Listed(diagnostics))
		}
	}
}

// Whatever of the library a mapping's SELECTs may call, --where and drop lines may call too, whether the mapping calls it or not.
func TestWhereCallsLibrary(t *testing.T) {
	own := map[string]string{"raw.sql": sqltest.SmallRaw, "macros.sql": "CREATE MACRO inner_ip(x) AS is_private_ip(x);",
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ", in_cidr(name, '10.0.0.0/8')::VARCHAR AS \"unmapped.inside\" FROM raw"}
	for _, m := range []*mappings.Mapping{sqltest.SmallMapping(t, "", ""), sqltest.Mapping(t, own)} {
		for e, want := range map[string][2]bool{
			"is_private_ip(name)":                                              {true, false},
			"NOT in_cidr(name, '8.8.0.0/16')":                                  {true, false},
			"user_of(name) = '8.8.8.8' OR name IS NULL":                        {false, true},
			"in_cidr(name, '10.0.0.0/8') AND n IS NULL":                        {true, false},
			"in_cidr(name, '10.0.0.0/8') IS DISTINCT FROM is_private_ip(name)": {false, false},
		} {
			compiled, diagnostics, err := m.Where(t.Context(), e)
			if err != nil || compiled == nil {
				t.Errorf("%s: %s is refused: %v %s", m.Name, e, err, sqltest.Listed(diagnostics))
				continue
			}
			got := sqltest.Run(t, compiled, nil, `{"name":"10.0.0.1"}`, `{"name":"8.8.8.8"}`)
			if taken := [2]bool{got[0].Reason == nil, got[1].Reason == nil}; taken != want {
				t.Errorf("%s takes %v, want %v", e, taken, want)
			}
		}
	}
	declared, err := mappings.Load("network-firewall.json", ".")
	if err != nil {
		t.Fatal(err)
	}
	if compiled, diagnostics, err := declared.Where(t.Context(), "is_private_ip(event.src_ip)"); err != nil || compiled == nil {
		t.Errorf("declarative: refused: %v %s", err, sqltest.Listed(diagnostics))
	}
	if compiled, diagnostics, err := sqltest.Mapping(t, own).Where(t.Context(), "inner_ip(name)"); err != nil || compiled == nil {
		t.Errorf("the mapping's own macro is refused: %v %s", err, sqltest.Listed(diagnostics))
	}
	drop := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": sqltest.SmallHead + "-- drop: is_private_ip(name)\nSELECT " + sqltest.SmallBase + " FROM raw"})
	got := sqltest.Run(t, sqltest.Compile(t, drop), nil, `{"ts":"2024-01-01T00:00:00Z","name":"10.0.0.1"}`, `{"ts":"2024-01-01T00:00:00Z","name":"8.8.8.8"}`)
	if got[0].Reason == nil || got[0].Reason.Code != sqlgen.ReasonDropped || got[1].Reason != nil {
		t.Errorf("dropped: %v, kept: %v", got[0].Reason, got[1].Reason)
	}
}
