package mappings

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/engine"
	shipped "github.com/silt-etl/silt/sql"
	"github.com/silt-etl/silt/sql/duckdb"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Compile checks the mapping and compiles it. All diagnostics are given, warnings too; compiled is nil where one of
// them is an error. err is for what is not a fault of the mapping. Nothing is read or run: it needs no network and no sample.
func (m *Mapping) Compile(ctx context.Context) (compiled *sqlgen.Compiled, diagnostics diag.List, err error) {
	src, db, t, diagnostics, err := m.open(ctx)
	if err != nil || src == nil {
		return nil, diagnostics, err
	}
	defer db.Close()
	compiled, diagnostics, err = sqlgen.Compile(ctx, src, db)
	if t != nil {
		for i, p := range diagnostics {
			diagnostics[i] = t.showPlace(p)
		}
		if compiled != nil {
			t.showFlows(compiled.Flows)
		}
		diagnostics.Sort()
	}
	return compiled, diagnostics, err
}

// Show gives the SQL of a mapping for people: of a declarative one raw.sql and its SELECTs, which loaded as files are the same
// mapping, so that its author can continue in SQL; of a mapping in SQL the projections that are made of it. No SQL is given
// where a diagnostic is an error.
func (m *Mapping) Show(ctx context.Context) ([]diag.File, diag.List, error) {
	compiled, diagnostics, err := m.Compile(ctx)
	if err != nil || compiled == nil {
		return nil, diagnostics, err
	}
	var out []diag.File
	if !m.Declarative() {
		for _, p := range compiled.Projections {
			out = append(out, diag.File{Path: p.Name, Text: p.SQL + "\n"})
		}
		return out, diagnostics, nil
	}
	t, _ := m.translate()
	out = append(out, diag.File{Path: rawFile, Text: t.files[rawFile]})
	texts := t.translator.readable(t.parts, diagnostics)
	for _, n := range sortedKeys(texts) {
		out = append(out, diag.File{Path: n, Text: texts[n]})
	}
	return out, diagnostics, nil
}

// open makes the compiler's input: the SQL files, and a database of its own in which the macros exist. src is nil where
// diagnostics say why.
func (m *Mapping) open(ctx context.Context) (src *projection.Mapping, db *duckdb.Database, t *translation, diagnostics diag.List, err error) {
	src = &projection.Mapping{Name: m.Name, Version: m.version}
	files := m.Files
	if m.Declarative() {
		if t, diagnostics = m.translate(); t == nil {
			return nil, nil, nil, diagnostics, nil
		}
		files, src.Notes = t.files, diagnostics
	}
	for _, n := range sortedKeys(files) {
		f := diag.File{Path: m.place(n), Text: files[n]}
		switch {
		case n == rawFile:
			src.Raw = f
		case n == macrosFile:
			src.Macros = f
		case n == projection.CommonFile:
			src.Common = f
		case IsPackageFile(n):
			src.Packages = append(src.Packages, f)
		case n == LibraryFile:
		case path.Ext(n) == ".sql":
			sel := projection.Select{File: f}
			if t != nil {
				sel.Name = t.values[n]
			}
			src.Selects = append(src.Selects, sel)
		}
	}
	if src.RawColumns, err = duckdb.Table(ctx, src.Raw.Text); err != nil {
		diagnostics, err = blame(diagnostics, src.Raw, err)
		return nil, nil, nil, diagnostics, err
	}
	if m.checkPackages(&diagnostics); diagnostics.Failed() {
		return nil, nil, nil, diagnostics, nil
	}
	if lib, packages := files[LibraryFile], packageText(files); lib+packages+src.Macros.Text != "" {
		if src.Notes, err = shadows(src.Notes, src.Macros); err != nil {
			return nil, nil, nil, nil, err
		}
		if src.Setup, src.MacroDefs, err = duckdb.Macros(ctx, lib+packages+src.Macros.Text); err != nil { // its own ones may call the others
			of := src.Macros
			var e *engine.Error
			if errors.As(err, &e) && e.Offset >= 0 {
				e.Offset = max(e.Offset-len(lib), -1)
				for _, p := range src.Packages {
					n := len(p.Text) + len("\n")
					if e.Offset < n {
						of = p
						break
					}
					e.Offset -= n
				}
			}
			diagnostics, err = blame(diagnostics, of, err)
			return nil, nil, nil, diagnostics, err
		}
	}
	if err = m.readLookups(ctx, src); err != nil {
		return nil, nil, nil, nil, err
	}
	if db, err = duckdb.Open(ctx, src.Setup, src.Lookups...); err != nil {
		return nil, nil, nil, nil, fmt.Errorf("mapping %s: %w", m.Name, err)
	}
	return src, db, t, diagnostics, nil
}

// shadows adds a note for each macro of the mapping that is called instead of one of the library.
func shadows(notes diag.List, f diag.File) (diag.List, error) {
	library, err := shipped.Library()
	if err != nil {
		return nil, err
	}
	shadowed := shipped.Shadowed(library, f.Text)
	for _, name := range slices.Sorted(maps.Keys(shadowed)) {
		notes.At(f, shadowed[name], diag.Note, diag.ShadowedMacro, "give it another name to call the library's", "macro %s is used instead of the library's macro of this name", name)
	}
	return notes, nil
}

// place is what diagnostics call a file of the mapping.
func (m *Mapping) place(name string) string {
	if m.Origin == "" || m.Origin == "." {
		return name
	}
	return strings.TrimSuffix(m.Origin, "/") + "/" + name
}

// blame makes a diagnostic of what DuckDB says against a file; another error stays one.
func blame(diagnostics diag.List, f diag.File, err error) (diag.List, error) {
	var e *engine.Error
	if !errors.As(err, &e) {
		return diagnostics, err
	}
	diagnostics.At(f, e.Offset, diag.Error, diag.SQL, "", "%s", e.Message)
	return diagnostics, nil
}
