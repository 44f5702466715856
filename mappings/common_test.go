package mappings_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/sql/sqltest"
)

// A lookup in _common.sql, or in a SELECT whose time _common.sql has, finds the row that is valid at the time of the record.
func TestLookupsAndCommonTime(t *testing.T) {
	dir := lookupMapping(t, map[string]string{
		"_common.sql": `SELECT r.ts AS "time", *, lookup('assets', name).owner AS "dst_endpoint.name", 1 AS severity_id, 'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name" FROM raw r;`,
		"a.sql":       sqltest.SmallHead + `SELECT 1 AS activity_id, name AS "src_endpoint.name", lookup('assets', name).tier AS message FROM raw WHERE n = 1;`,
		"b.sql":       sqltest.SmallHead + `SELECT 1 AS activity_id, name AS "src_endpoint.name", x.day::TIMESTAMP AS "time" FROM raw x WHERE n = 2;`,
	})
	var got []string
	for _, e := range sqltest.Run(t, sqltest.Compile(t, loaded(t, dir)), nil,
		`{"ts":"2024-02-01T00:00:00Z","name":"192.0.2.1","n":1}`, `{"ts":"2025-02-01T00:00:00Z","name":"192.0.2.1","n":1}`,
		`{"ts":"2024-02-01T00:00:00Z","day":"2025-02-01","name":"192.0.2.1","n":2}`) {
		got = append(got, fmt.Sprint(e.Record, " ", e.Reason, " ", e.Fields["dst_endpoint.name"], " ", e.Fields["message"]))
	}
	if d := cmp.Diff([]string{"1 <nil> ada 2", "2 <nil> bob 1", "3 <nil> bob <nil>"}, got); d != "" {
		t.Error(d)
	}
}
