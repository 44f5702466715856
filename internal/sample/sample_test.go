package sample_test

import (
	"fmt"
	"testing"

	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/sql/sqltest"
)

// An attempt begins again if an expression fails for a record of its second class. The rows of the first class are then counted once.
func TestAttemptBeginsAgain(t *testing.T) {
	head := "-- class: %s\nSELECT ts AS \"time\", 1 AS activity_id, 1 AS severity_id, 'P' AS \"metadata.product.name\", 'V' AS \"metadata.product.vendor_name\", id AS \"user.name\""
	compiled := sqltest.Compile(t, sqltest.Mapping(t, map[string]string{"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, id VARCHAR, zone VARCHAR);",
		"a.sql": fmt.Sprintf(head, "account_change") + " FROM raw WHERE zone IS NULL",
		"b.sql": fmt.Sprintf(head, "authentication") + ", timezone(zone, ts) AS \"unmapped.local\" FROM raw WHERE zone IS NOT NULL",
	}))
	var records []sample.Record
	for i, zone := range []string{`null`, `"Europe/Berlin"`, `"Nowhere/Bad"`, `null`} {
		records = append(records, sample.Record{Number: int64(i + 1), Raw: []byte(`{"ts":"2024-01-01T00:00:00Z","id":"x","zone":` + zone + `}`)})
	}
	got := ""
	err := sample.Run(t.Context(), sample.Options{Compiled: compiled, Region: "us-east-1", Account: "external", TempDir: t.TempDir(), MaxDay: 40000}, func(yield func(sample.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}, func(_ sample.Record, out *sample.Outcome) error {
		got += out.Class + " " + out.Reason + "; "
		return nil
	})
	if want := "account_change ; authentication ;  EXPRESSION_FAILED; account_change ; "; err != nil || got != want {
		t.Errorf("%v: %s, want %s", err, got, want)
	}
}
