package mappings

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/lookup"
	"github.com/silt-etl/silt/sql/duckdb"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/syntax"
)

// PlainSelect is a SELECT of a mapping as DuckDB runs it without Silt: the columns of _common.sql are in it.
type PlainSelect struct {
	File  string
	Class string
	SQL   string
}

// Selects gives the SELECTs of a mapping with the columns of _common.sql in them. They need the mapping's macros and a table raw.
func (m *Mapping) Selects(ctx context.Context) ([]PlainSelect, diag.List, error) {
	compiled, diagnostics, err := m.Compile(ctx)
	if err != nil || compiled == nil {
		return nil, diagnostics, err
	}
	return plainSelects(compiled, func(sqlgen.Lineage) string { return "raw" }), diagnostics, nil
}

// plainSelects gives the SELECTs, each from what from gives.
func plainSelects(compiled *sqlgen.Compiled, from func(l sqlgen.Lineage) string) (all []PlainSelect) {
	var drops, taken []string
	for _, l := range compiled.Lineage {
		for _, d := range l.Drops {
			if not := "(" + d + ") IS NOT TRUE"; !slices.Contains(drops, not) {
				drops = append(drops, not)
			}
		}
		if !l.Otherwise {
			taken = append(taken, "("+cmp.Or(l.Where, "TRUE")+") IS NOT TRUE")
		}
	}
	for _, l := range compiled.Lineage {
		var columns []string
		for _, c := range inOrder(l.Columns) {
			columns = append(columns, "  "+columnSQL(c))
		}
		var where []string
		if l.Where != "" {
			where = append(where, l.Where)
		}
		if where = append(where, drops...); l.Otherwise {
			where = append(where, taken...)
		}
		if len(where) > 1 && l.Where != "" {
			where[0] = "(" + l.Where + ")"
		}
		sql := "SELECT\n" + strings.Join(columns, ",\n") + "\nFROM " + from(l)
		if len(where) > 0 {
			sql += "\nWHERE " + strings.Join(where, "\n  AND ")
		}
		all = append(all, PlainSelect{File: path.Base(l.File), Class: l.Class, SQL: sql})
	}
	return all
}

// Shell gives a mapping as one script for a DuckDB shell: the macros that it calls, the table raw, and its SELECTs.
func (m *Mapping) Shell(ctx context.Context) (string, diag.List, error) {
	m.allColumns = true
	compiled, diagnostics, err := m.Compile(ctx)
	if err != nil || compiled == nil {
		return "", diagnostics, err
	}
	files := m.Files
	if m.Declarative() {
		t, _ := m.translate()
		files = t.files
	}
	var b strings.Builder
	fmt.Fprintf(&b, "-- The mapping %s for a DuckDB shell. Fill the table raw before the SELECTs, with records as Silt reads them\n", m.Name)
	b.WriteString("-- (example for JSON: INSERT INTO raw BY NAME SELECT * FROM read_json('records.jsonl');).\n")
	lookups := ""
	if len(compiled.Lookups) > 0 {
		if files, err = callLibrary(files, lookupLibrary); err != nil {
			return "", nil, err
		}
		if lookups, err = m.shellLookups(compiled); err != nil {
			return "", nil, err
		}
	}
	for _, name := range MacroFiles(files) {
		if text := strings.TrimSpace(files[name]); text != "" {
			if text, err = callsOfMacros(strings.TrimSuffix(text, ";"), compiled.Lookups, ""); err != nil {
				return "", nil, err
			}
			fmt.Fprintf(&b, "\n-- %s\n%s;\n", name, text)
		}
		if name == LibraryFile {
			b.WriteString(lookups)
		}
	}
	fmt.Fprintf(&b, "\n-- %s\n%s;\n", rawFile, strings.TrimSuffix(strings.TrimSpace(files[rawFile]), ";"))
	columns, err := duckdb.Table(ctx, files[rawFile])
	if err != nil {
		return "", nil, err
	}
	declared := slices.ContainsFunc(columns, func(c ducktype.Column) bool { return strings.EqualFold(c.Name, rawtable.KeyTable) })
	if len(compiled.KeyColumns) > 0 && !declared {
		fields := make([]string, len(compiled.KeyColumns))
		for i, name := range compiled.KeyColumns {
			fields[i] = syntax.Ident(name) + " VARCHAR"
		}
		fmt.Fprintf(&b, "-- the captures of the staging key\nALTER TABLE raw ADD COLUMN %s STRUCT(%s);\n", syntax.Ident(rawtable.KeyTable), strings.Join(fields, ", "))
	}
	timed := slices.ContainsFunc(compiled.Lookups, func(t *lookup.Table) bool { return t.Timed() })
	from := func(l sqlgen.Lineage) string {
		if timed {
			return timedRaw(l.Columns)
		}
		return "raw"
	}
	for _, s := range plainSelects(compiled, from) {
		text, err := callsOfMacros(s.SQL, compiled.Lookups, syntax.Ident(recordTime))
		if err != nil {
			return "", nil, err
		}
		fmt.Fprintf(&b, "\n-- %s: %s\n%s;\n", s.File, s.Class, text)
	}
	return b.String(), diagnostics, nil
}

// MacroFiles are the files with macros, those that others call first.
func MacroFiles(files map[string]string) []string {
	return slices.Concat([]string{LibraryFile}, packageFiles(files), []string{macrosFile})
}

// inOrder gives the columns that the author wrote, each behind those whose aliases it uses, as DuckDB wants them.
func inOrder(columns []sqlgen.LineageColumn) (out []sqlgen.LineageColumn) {
	done := map[string]bool{}
	var add func(c sqlgen.LineageColumn)
	add = func(c sqlgen.LineageColumn) {
		if done[c.Path] {
			return
		}
		done[c.Path] = true
		for _, name := range c.Uses {
			if i := slices.IndexFunc(columns, func(x sqlgen.LineageColumn) bool { return strings.EqualFold(x.Path, name) }); i >= 0 {
				add(columns[i])
			}
		}
		out = append(out, c)
	}
	for _, c := range columns {
		if c.Kind != sqlgen.LineageFilled {
			add(c)
		}
	}
	return out
}

// columnSQL is a column with its alias. The text of a column without an alias ends before its name.
func columnSQL(c sqlgen.LineageColumn) string {
	sql := c.SQL
	if sql == "" || strings.HasSuffix(sql, ".") {
		sql += syntax.Ident(c.Path)
	}
	return fmt.Sprintf("%s AS %s", sql, syntax.Ident(c.Path))
}
