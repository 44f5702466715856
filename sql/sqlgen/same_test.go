package sqlgen_test

import (
	"reflect"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// The same mapping compiles to the same plan each time: two runs, and two machines, do the same.
func TestSamePlan(t *testing.T) {
	first := sqltest.Compile(t, sqltest.NetworkFirewall(t))
	for range 5 {
		again := sqltest.Compile(t, sqltest.NetworkFirewall(t))
		if !reflect.DeepEqual(first.ScanColumns, again.ScanColumns) || !reflect.DeepEqual(first.Lineage, again.Lineage) || !reflect.DeepEqual(first.Flows, again.Flows) {
			t.Fatalf("scan columns differ:\n%v\n%v", first.ScanColumns, again.ScanColumns)
		}
		for i := range first.Projections {
			if first.Projections[i].SQL != again.Projections[i].SQL {
				t.Fatalf("SQL differs:\n%s\n%s", first.Projections[i].SQL, again.Projections[i].SQL)
			}
		}
	}
}
