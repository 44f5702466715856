package sqlgen

import (
	"context"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/projection"
)

// Compile compiles a mapping. It gives every diagnostic it finds; the result is nil where one of them is an error. err is
// for what is not a fault of the mapping.
func Compile(ctx context.Context, m *projection.Mapping, db projection.Database) (*Compiled, diag.List, error) {
	var report diag.List
	set, err := projection.Read(ctx, m, db, &report)
	var compiled *Compiled
	if set != nil {
		compiled = (&emitter{Set: set}).assemble()
	}
	report.Sort()
	if err != nil || report.Failed() {
		return nil, report, err
	}
	return compiled, report, nil
}
