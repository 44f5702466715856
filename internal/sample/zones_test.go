package sample_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/sql/sqltest"
)

// TestZones: a local time that is read as UTC is found by the offset that the record has, and a time that is read in its zone is not.
func TestZones(t *testing.T) {
	const asUTC = `strptime(replace(left("at", 19), 'T', ' '), '%Y-%m-%d %H:%M:%S')`
	const inZone = `strptime("day" || ' ' || "at" || ' ' || tz, '%Y-%m-%d %H:%M:%S %z')`
	for name, c := range map[string]struct{ format, time, record, want string }{
		"offset in a field":         {"kv", `strptime("day" || ' ' || "at", '%Y-%m-%d %H:%M:%S')`, `day=2026-02-03 at=10:11:12 tz="+0200" id=a`, "at = 10:11:12 with tz = +0200"},
		"read in its zone":          {"kv", inZone, `day=2026-02-03 at=10:11:12 tz="+0200" id=a`, ""},
		"the offset is zero":        {"kv", `strptime("day" || ' ' || "at", '%Y-%m-%d %H:%M:%S')`, `day=2026-02-03 at=10:11:12 tz="+0000" id=a`, ""},
		"offset that is cut off":    {"json", asUTC, `{"at":"2026-02-03T10:11:12.5+02:00","id":"a"}`, "at = 2026-02-03T10:11:12.5+02:00"},
		"offset of an access log":   {"json", `strptime(left("at", 20), '%d/%b/%Y:%H:%M:%S')`, `{"at":"03/Feb/2026:10:11:12 -0500","id":"a"}`, "at = 03/Feb/2026:10:11:12 -0500"},
		"a TIMESTAMP reads it":      {"json", "CAST(\"at\" AS TIMESTAMPTZ)", `{"at":"2026-02-03T10:11:12+02:00","id":"a"}`, ""},
		"zone of a name, in JSON":   {"json", asUTC, `{"at":"2026-07-03 10:11:12","id":"a","host":{"timezone":"Europe/Berlin"}}`, "at = 2026-07-03 10:11:12 with host.timezone = Europe/Berlin"},
		"minutes":                   {"json", asUTC, `{"at":"2026-07-03 10:11:12","id":"a","timezone_offset":-420}`, "at = 2026-07-03 10:11:12 with timezone_offset = -420"},
		"marked as UTC":             {"json", asUTC, `{"at":"2026-07-03T10:11:12Z","id":"a","timezone":"Europe/Berlin"}`, ""},
		"the other time is local":   {"json", asUTC, `{"at":"2026-07-03 10:11:12","id":"a","local":"2026-07-03 12:11:12","tz":"+02:00"}`, ""},
		"the same moment elsewhere": {"json", asUTC, `{"at":"2026-07-03 10:11:12","id":"a","seen":"2026-07-03 12:11:12 +0200"}`, ""},
		"named UTC":                 {"json", `strptime(utc_time, '%Y-%m-%d %H:%M:%S')`, `{"utc_time":"2026-07-03 10:11:12","id":"a","tz":"+02:00"}`, ""},
		"an offset of bytes":        {"json", asUTC, `{"at":"2026-07-03 10:11:12","id":"a","log":{"offset":120}}`, ""},
		"a zone of DNS":             {"json", asUTC, `{"at":"2026-07-03 10:11:12","id":"a","zone":"example.com/x"}`, ""},
		"hostile zone":              {"json", asUTC, `{"at":"2026-07-03 10:11:12","id":"a","zone":"../../etc/passwd"}`, ""},
		"discarded":                 {"json\n-- discard: tz", asUTC, `{"at":"2026-07-03 10:11:12","id":"a","tz":"+02:00"}`, ""},
	} {
		compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{
			"raw.sql": "-- format: " + c.format + "\nCREATE TABLE raw (\"at\" VARCHAR, \"day\" VARCHAR, utc_time VARCHAR, tz VARCHAR, id VARCHAR);",
			"a.sql":   "-- class: authentication\nSELECT " + c.time + ` AS "time", 1 AS activity_id, 1 AS severity_id, 'P' AS "metadata.product.name", 'V' AS "metadata.product.vendor_name", id AS "user.name" FROM raw`,
		}))
		zones := sample.NewZones(compiled)
		published := 0
		err := sample.Run(t.Context(), sample.Options{Compiled: compiled, Region: "us-east-1", Account: "external", TempDir: t.TempDir(), MaxDay: 40000}, func(yield func(sample.Record, error) bool) {
			for i := range 2 {
				if !yield(sample.Record{Number: int64(i + 1), Raw: []byte(c.record)}, nil) {
					return
				}
			}
		}, func(r sample.Record, out *sample.Outcome) error {
			if out.OCSF != nil {
				published++
			} else {
				t.Errorf("%s: %s %s", name, out.Reason, out.Message)
			}
			return zones.Add(r, out)
		})
		want := int64(0)
		if c.want != "" {
			want = 2
		}
		if err != nil || published != 2 || zones.Example != c.want || zones.Records != want {
			t.Errorf("%s: %d records, %q, want %q, %v", name, zones.Records, zones.Example, strings.TrimSpace(c.want), err)
		}
	}
}
