package sqlgen_test

import (
	"fmt"
	"sort"
	"testing"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

func twoProjections(t *testing.T) *mappings.Mapping {
	return sqltest.Mapping(t, map[string]string{
		"raw.sql": sqltest.SmallRaw,
		"a.sql": "-- class: network_activity\n-- drop: n = 5\nSELECT " + sqltest.SmallBase + `, big AS "traffic.bytes", ev.a AS "unmapped.first"
FROM raw WHERE n >= 1`,
		"b.sql": "-- class: network_activity\n-- drop: ev.a::INTEGER = 6\nSELECT " + sqltest.SmallBase + `, ev.a AS app_name
FROM raw WHERE n <= 2 OR n = 5 OR 10 / (n - 9) = 77 OR ev.b.c / n > 0`,
	})
}

// Every record has one owner: it comes out of exactly one SELECT, or with the reason why it has none.
func TestOwnership(t *testing.T) {
	record := func(n int, a string) string {
		return fmt.Sprintf(`{"ts":"2024-01-01T00:00:00Z","name":"ip","n":%d,"big":%d,"ev":{"a":"%s"}}`, n, n*100, a)
	}
	lines := []string{record(3, "x"), record(0, "y"), record(1, "z"), record(5, "v"), record(3, "6"), `{"ts":"2024-01-01T00:00:00Z","name":"ip","ev":{"a":"w"}}`}
	var got []string
	for _, e := range sqltest.Run(t, sqltest.Compile(t, twoProjections(t)), nil, lines...) {
		code := ""
		if e.Reason != nil {
			code = e.Reason.Code
		}
		if e.Fields["app_name"] != nil {
			code += "app_name"
		}
		got = append(got, fmt.Sprint(e.Record, " ", code))
	}
	sort.Strings(got)
	want := []string{"1 ", "2 app_name", "3 " + sqlgen.ReasonSeveralProjections, "4 " + sqlgen.ReasonDropped, "5 " + sqlgen.ReasonDropped, "6 " + sqlgen.ReasonNoProjection}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// What one projection outputs and another does not is restored in the other one.
func TestProjectionsDiffer(t *testing.T) {
	lines := []string{
		`{"ts":"2024-01-01T00:00:00Z","name":"ip","n":3,"big":300,"ev":{"a":"x"},"new":1}`,
		`{"ts":"2024-01-01T00:00:00Z","name":"ip","n":0,"big":9,"ev":{"a":"y"},"tags":["p","q"]}`,
	}
	for _, e := range sqltest.Run(t, sqltest.Compile(t, twoProjections(t)), nil, lines...) {
		switch e.Record {
		case 1:
			sqltest.Same(t, "a", e.Unmapped, map[string]any{"n": "3", "new": "1", "first": "x"})
			if e.Fields["traffic.bytes"] != int64(300) || e.Fields["app_name"] != nil {
				t.Errorf("a: %v", e.Fields)
			}
		case 2:
			sqltest.Same(t, "b", e.Unmapped, map[string]any{"n": "0", "big": "9", "tags": `["p","q"]`})
			if e.Fields["app_name"] != "y" {
				t.Errorf("b: %v", e.Fields)
			}
		}
	}
}

func TestDropInOneProjection(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": sqltest.SmallHead + "-- drop: name = 'noise'\nSELECT " + sqltest.SmallBase + " FROM raw"})
	events := sqltest.Run(t, sqltest.Compile(t, m), nil,
		`{"ts":"2024-01-01T00:00:00Z","name":"noise"}`, `{"ts":"2024-01-01T00:00:00Z","name":"signal"}`, `{"ts":"2024-01-01T00:00:00Z"}`)
	if len(events) != 3 || events[0].Reason.Code != sqlgen.ReasonDropped || events[1].Reason != nil || events[2].Reason.Code != sqlgen.ReasonMissingRequired {
		t.Errorf("%+v", events)
	}
}
