package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/query"
	"github.com/silt-etl/silt/internal/views"
)

// viewTablesOf lists the tables of a job with their classes and columns. Tables that no run has created yet are left out.
func viewTablesOf(ctx context.Context, spec *jobfile.Spec, cat catalog.Catalog) ([]views.Table, error) {
	places, err := jobPlaces(ctx, spec, true)
	if err != nil {
		return nil, err
	}
	var out []views.Table
	for _, c := range places.classes {
		target := places.targets[c.Name]
		t, err := cat.Table(ctx, target.Table)
		if errors.Is(err, catalog.ErrNoTable) || errors.Is(err, catalog.ErrNoDatabase) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, views.Table{Source: target.Source, Class: c.Name, Database: spec.Catalog.Database, Name: t.Name, Columns: t.Columns})
	}
	return out, nil
}

// viewTablesIn guesses from columns which classes the tables of a database have, where no job says so. The SQL of a view reads only
// rows of its classes, so a wrong guess costs time and changes no result.
func viewTablesIn(ctx context.Context, v *views.View, cat catalog.Catalog, database string) (out []views.Table, err error) {
	names, err := cat.Tables(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		t, err := cat.Table(ctx, name)
		if err != nil {
			return nil, err
		}
		source := query.Alias(t.Name)
		if source == "" {
			source = t.Name
		}
		for _, in := range v.Inputs {
			if in.CanRead(t.Columns) {
				out = append(out, views.Table{Source: strings.ReplaceAll(source, "_", "-"), Class: in.Class, Database: database, Name: t.Name, Columns: t.Columns})
			}
		}
	}
	return out, nil
}

// addViews lets a query use the views: over the tables of the jobs, or of the whole database if there is no job.
func addViews(o *query.Options, specs ...*jobfile.Spec) error {
	all, err := views.All()
	if err != nil {
		return err
	}
	for _, v := range all {
		o.Views = append(o.Views, v.Name)
	}
	var ofJobs []views.Table
	read := false
	o.View = func(ctx context.Context, name string) (query.View, error) {
		v, err := views.Find(name)
		if err != nil {
			return query.View{}, err
		}
		tables := ofJobs
		switch {
		case len(specs) == 0:
			if tables, err = viewTablesIn(ctx, v, o.Catalog, "main"); err != nil {
				return query.View{}, err
			}
		case !read:
			for _, spec := range specs {
				more, err := viewTablesOf(ctx, spec, o.Catalog)
				if err != nil {
					return query.View{}, err
				}
				ofJobs = append(ofJobs, more...)
			}
			for i := range ofJobs {
				ofJobs[i].Database = "main" // where a query has every table, whatever the database is called
			}
			tables, read = ofJobs, true
		}
		sql, err := v.SQL(views.DuckDB, tables)
		if errors.Is(err, views.ErrNoTables) {
			return query.View{}, fmt.Errorf("%w: %w", query.ErrNoView, err)
		}
		out := query.View{SQL: sql, PrunedBy: v.PrunedBy}
		for _, t := range v.Reads(tables) {
			if !slices.Contains(out.Tables, t.Name) {
				out.Tables = append(out.Tables, t.Name)
			}
		}
		return out, err
	}
	return nil
}
