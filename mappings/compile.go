package mappings

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/engine"
	shipped "github.com/silt-etl/silt/sql"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Compile checks the mapping and compiles it. All diagnostics are given, warnings too; compiled is nil where one of
// them is an error. err is for what is no fault of the mapping. Nothing is read or run: it needs no network and no sample.
func (m *Mapping) Compile(ctx context.Context) (compiled *sqlgen.Compiled, problems diag.List, err error) {
	src, db, t, problems, err := m.open(ctx)
	if err != nil || src == nil {
		return nil, problems, err
	}
	defer db.Close()
	compiled, problems, err = sqlgen.Compile(ctx, src, db)
	if t != nil {
		for i, p := range problems {
			problems[i] = t.showPlace(p)
		}
		if compiled != nil {
			t.showFlows(compiled.Flows)
		}
		problems.Sort()
	}
	return compiled, problems, err
}

// Show gives the SQL of a mapping for people: of a declarative one raw.sql and its SELECTs, which loaded as files are the same
// mapping, so that its author can go on in SQL; of a mapping in SQL the projections that are made of it. No SQL is given
// where a problem is an error.
func (m *Mapping) Show(ctx context.Context) ([]diag.File, diag.List, error) {
	compiled, problems, err := m.Compile(ctx)
	if err != nil || compiled == nil {
		return nil, problems, err
	}
	var out []diag.File
	if !m.Declarative() {
		for _, p := range compiled.Projections {
			out = append(out, diag.File{Path: p.Name, Text: p.SQL + "\n"})
		}
		return out, problems, nil
	}
	t, _ := m.translate()
	out = append(out, diag.File{Path: rawFile, Text: t.files[rawFile]})
	texts := t.by.people(t.parts, problems)
	for _, n := range sortedKeys(texts) {
		out = append(out, diag.File{Path: n, Text: texts[n]})
	}
	return out, problems, nil
}

// open makes the compiler's input: the SQL files, and a database of its own in which the macros exist. src is nil where
// problems say why.
func (m *Mapping) open(ctx context.Context) (src *sqlgen.Mapping, db *database, t *translation, problems diag.List, err error) {
	src = &sqlgen.Mapping{Name: m.Name}
	files := m.Files
	if m.Declarative() {
		if t, problems = m.translate(); t == nil {
			return nil, nil, nil, problems, nil
		}
		files, src.Notes = t.files, problems
	}
	for _, n := range sortedKeys(files) {
		f := diag.File{Path: m.place(n), Text: files[n]}
		switch {
		case n == rawFile:
			src.Raw = f
		case n == macrosFile:
			src.Macros = f
		case n == LibraryFile:
		case path.Ext(n) == ".sql":
			sel := sqlgen.Select{File: f}
			if t != nil {
				sel.Name = t.values[n]
			}
			src.Selects = append(src.Selects, sel)
		}
	}
	cols, err := engine.DescribeTable(ctx, src.Raw.Text)
	if err != nil {
		problems, err = blame(problems, src.Raw, err)
		return nil, nil, nil, problems, err
	}
	for _, col := range cols {
		src.RawColumns = append(src.RawColumns, sqlgen.Column(col))
	}
	if lib := files[LibraryFile]; lib+src.Macros.Text != "" {
		if m.beside != nil { // it was loaded from a folder, not from a manifest
			if p, err := shadows(src.Macros); err != nil || p != nil {
				return nil, nil, nil, append(problems, p...), err
			}
		}
		stmts, defs, err := engine.CheckMacros(ctx, lib+src.Macros.Text) // its own ones may call the library's
		if err != nil {
			var e *engine.Error
			if errors.As(err, &e) && e.Offset >= 0 {
				e.Offset = max(e.Offset-len(lib), -1)
			}
			problems, err = blame(problems, src.Macros, err)
			return nil, nil, nil, problems, err
		}
		src.Setup = stmts
		for _, d := range defs {
			src.MacroDefs = append(src.MacroDefs, sqlgen.Macro(d))
		}
	}
	e, err := engine.Open(engine.Options{MemoryBytes: 256 << 20, Threads: 1})
	if err != nil {
		return nil, nil, nil, nil, err
	}
	for _, s := range src.Setup {
		if err := e.Exec(ctx, s); err != nil {
			e.Close()
			return nil, nil, nil, nil, fmt.Errorf("mapping %s: macros: %w", m.Name, err)
		}
	}
	return src, &database{DB: e, Parser: e.Parser()}, t, problems, nil
}

// shadows tells a macro of the mapping that has the name of one of the library.
func shadows(f diag.File) (diag.List, error) {
	library, err := shipped.Library()
	if err != nil {
		return nil, err
	}
	name, at := shipped.Shadowed(library, f.Text)
	if at < 0 {
		return nil, nil
	}
	var out diag.List
	out.At(f, at, diag.Error, diag.SQLRefused, "call that one, or choose another name", "macro %s: a macro of this name comes with the program", name)
	return out, nil
}

// place is what problems call a file of the mapping.
func (m *Mapping) place(name string) string {
	if m.Origin == "" || m.Origin == "." {
		return name
	}
	return strings.TrimSuffix(m.Origin, "/") + "/" + name
}

// blame makes a problem of what DuckDB says against a file; another error stays one.
func blame(problems diag.List, f diag.File, err error) (diag.List, error) {
	var e *engine.Error
	if !errors.As(err, &e) {
		return problems, err
	}
	problems.At(f, e.Offset, diag.Error, diag.SQL, "", "%s", e.Message)
	return problems, nil
}

// database is what sqlgen asks of DuckDB.
type database struct {
	*engine.DB
	sqlgen.Parser
}

// Describe binds a query and gives its columns. DuckDB's places are not given on: they are none of the author's text.
func (d *database) Describe(ctx context.Context, query string) ([]sqlgen.Column, error) {
	rows, err := d.Rows(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+query+")")
	if err != nil {
		return nil, err
	}
	cols := make([]sqlgen.Column, len(rows))
	for i, r := range rows {
		cols[i] = sqlgen.Column{Name: r[0], Type: r[1]}
	}
	return cols, nil
}

// Rows runs a query of texts.
func (d *database) Rows(ctx context.Context, query string) (all [][]string, err error) {
	rows, err := d.Query(ctx, query)
	if err != nil {
		return nil, complaint(err)
	}
	defer rows.Close()
	for {
		batch, err := rows.Next()
		if err != nil {
			return nil, complaint(err)
		}
		if batch == nil {
			return all, nil
		}
		for i := range int(batch.NumRows()) {
			row := make([]string, batch.NumCols())
			for k := range row {
				row[k] = batch.Column(k).ValueStr(i)
			}
			all = append(all, row)
		}
		batch.Release()
	}
}

func complaint(err error) error {
	var e *engine.Error
	if errors.As(err, &e) {
		return &sqlgen.SyntaxError{Message: e.Message, Offset: -1}
	}
	return err
}

// Functions gives DuckDB's functions and the mapping's macros.
func (d *database) Functions(ctx context.Context) (map[string]sqlgen.FunctionInfo, error) {
	all, err := d.DB.Functions(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]sqlgen.FunctionInfo, len(all))
	for n, f := range all {
		out[n] = sqlgen.FunctionInfo{Scalar: f.Scalar || f.Macro, Aggregate: f.Aggregate, Volatile: f.Volatile || f.PerQuery}
	}
	return out, nil
}
