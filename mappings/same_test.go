package mappings

import (
	"reflect"
	"testing"
)

// The same mapping compiles to the same plan each time: two runs, and two machines, do the same.
func TestSamePlan(t *testing.T) {
	first := compile(t, shippedSQL(t))
	for range 5 {
		again := compile(t, shippedSQL(t))
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
