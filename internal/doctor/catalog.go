package doctor

import (
	"context"
	"errors"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/lake"
)

func checkCatalog(ctx context.Context, e *examination) []Result {
	const what = "catalog"
	c, err := e.OpenCatalog(ctx)
	if err != nil {
		return []Result{fail(what, err, "")}
	}
	root, _, err := e.Stores.Find(e.Job.Lake.Location)
	if err == nil {
		root, err = root.Abs()
	}
	if err != nil {
		return []Result{fail(what, err, "")}
	}
	location := func(folder string) string { return strings.TrimSuffix(root.String(), "/") + "/" + folder }
	return tryCatalog(ctx, c, e.Mapping, location, e.Catalog.WritePermissions)
}

// tryCatalog reads the database and the table of each class. It does not write: if writePermissions is not nil, the permissions
// that a run needs are named, not tested.
func tryCatalog(ctx context.Context, c catalog.Catalog, m *Mapping, location func(folder string) string, writePermissions func(createsTable bool) string) []Result {
	const what = "catalog"
	tables, err := c.Tables(ctx)
	if err != nil {
		return []Result{fail(what, err, "")}
	}
	results := []Result{ok(what, "%s can be read and has %s", c, human.Plural(int64(len(tables)), "table"))}
	seen := map[[2]string]bool{}
	creates := false
	for i := range m.Compiled.Projections {
		p := &m.Compiled.Projections[i]
		t := m.Targets[p.Class]
		if seen[[2]string{p.Class, t.Table}] {
			continue
		}
		seen[[2]string{p.Class, t.Table}] = true
		if t.Missing != "" {
			detail, try, _ := strings.Cut(t.Missing, ". Try: ")
			results = append(results, warn("class "+p.Class, try, "%s, so its records go to quarantine as CLASS_NOT_REGISTERED", detail))
			continue
		}
		want := catalog.Table{Name: t.Table, Location: location(t.Folder)}
		for _, col := range lake.Columns(&p.Schema) {
			want.Columns = append(want.Columns, catalog.Column{Name: col.Name, Type: col.Type})
		}
		r, isMissing := tryTable(ctx, c, want)
		creates = creates || isMissing
		results = append(results, r)
	}
	if writePermissions != nil {
		results = append(results, warn("catalog writes", "", "not tested, because the catalog has no dry run; a run needs %s", writePermissions(creates)))
	}
	return results
}

func tryTable(ctx context.Context, c catalog.Catalog, want catalog.Table) (r Result, isMissing bool) {
	what := "table " + want.Name
	have, err := c.Table(ctx, want.Name)
	if errors.Is(err, catalog.ErrNoTable) {
		return ok(what, "does not exist yet; the first run creates it"), true
	}
	if err != nil {
		return fail(what, err, ""), false
	}
	if in, ok := c.(catalog.Inspector); ok {
		whole, err := in.InspectTable(ctx, want.Name)
		if err == nil {
			err = catalog.CheckKind(whole)
		}
		if err != nil {
			return fail(what, err, ""), false
		}
	}
	merged, grows, err := catalog.Merge(have.Columns, want.Columns)
	if err != nil {
		return fail(what, err, ""), false
	}
	if strings.TrimSuffix(have.Location, "/") != strings.TrimSuffix(want.Location, "/") {
		return warn(what, "check lake.source_name and catalog.table, in case another job owns the table",
			"its location is %s, but this job writes to %s; readers see both, because each partition has its own location", have.Location, want.Location), false
	}
	columns := human.Plural(int64(len(have.Columns)), "column")
	if grows {
		return ok(what, "%s; the next run adds %d", columns, len(merged)-len(have.Columns)), false
	}
	return ok(what, "%s, the same as in the mapping", columns), false
}
