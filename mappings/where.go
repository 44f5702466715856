package mappings

import (
	"context"
	"maps"
	"path"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// whereFile is what diagnostics call a predicate.
const whereFile = "--where"

// Where compiles a predicate over the mapping's raw fields: in its compiled mapping, records of which it is not true are DROPPED, the others
// come out as events without meaning. It may hold what the mapping's own WHERE may hold, its own macros and those of the library included; diagnostics are at places
// in the predicate.
func (m *Mapping) Where(ctx context.Context, predicate string) (*sqlgen.Compiled, diag.List, error) {
	files := map[string]string{}
	if m.Declarative() {
		t, diagnostics := m.translate()
		if t == nil {
			return nil, diagnostics, nil
		}
		maps.Copy(files, t.files)
	} else {
		maps.Copy(files, m.Files)
	}
	for n := range files {
		if n != rawFile && n != macrosFile && n != LibraryFile && !IsPackageFile(n) {
			delete(files, n)
		}
	}
	const before = "-- drop: ("
	files[whereFile+".sql"] = "-- class: base_event\n" + before + strings.Join(strings.Fields(predicate), " ") + ") IS NOT TRUE\n" +
		`SELECT 946684800000 AS "time", 0 AS activity_id, 1 AS severity_id, 'none' AS "metadata.product.name", 'none' AS "metadata.product.vendor_name" FROM raw`
	files, err := callLibrary(files, files[whereFile+".sql"])
	if err != nil {
		return nil, nil, err
	}
	w := &Mapping{Name: m.Name, Origin: "", Files: files}
	compiled, diagnostics, err := w.Compile(ctx)
	if err != nil {
		return nil, nil, err
	}
	var mine diag.List
	for _, p := range diagnostics {
		if path.Base(p.File) == whereFile+".sql" && p.Severity == diag.Error {
			p.File = whereFile
			if p.Line == 2 {
				p.Line, p.Column = 1, max(1, p.Column-len(before))
			} else {
				p.Line, p.Column = 0, 0
			}
		}
		if p.Severity == diag.Error {
			mine = append(mine, p)
		}
	}
	return compiled, mine, nil
}
