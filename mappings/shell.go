package mappings

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
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
	return plainSelects(compiled), diagnostics, nil
}

func plainSelects(compiled *sqlgen.Compiled) (all []PlainSelect) {
	for _, l := range compiled.Lineage {
		var columns []string
		for _, c := range inOrder(l.Columns) {
			columns = append(columns, "  "+columnSQL(c))
		}
		sql := "SELECT\n" + strings.Join(columns, ",\n") + "\nFROM raw"
		if l.Where != "" {
			sql += "\nWHERE " + l.Where
		}
		all = append(all, PlainSelect{File: path.Base(l.File), Class: l.Class, SQL: sql})
	}
	return all
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
