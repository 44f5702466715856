package projection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/bound"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// An expression whose value, or whose computing, can become too large for a record of usual length gets a guard: where what it reads is
// too long for it, it is not computed and its value is NULL, as if it had failed.
//
// DuckDB computes what several expressions have in common once, but not inside of CASE. So where NULLs in place of all that an
// expression reads make it NULL, the guard is put in front of each value that it reads. Elsewhere it is put around the expression.

const (
	// nullTime bounds the search for expressions that NULLs make NULL.
	nullTime = 5 * time.Second
	// maxRepeated is how many lengths the guards in front of the values of one expression may ask for.
	maxRepeated = 64
)

// Guarded is what an expression with a guard takes of one record, if the texts that it reads have at most Longest bytes.
type Guarded struct {
	Projection   int // of an output; 1 is the first. 0: a condition
	Leaves       []*rawtable.Leaf
	Lists        []*rawtable.Leaf // as in bound.Estimate
	Memory, Work bound.Poly
	Longest      float64
	Harmless     bool // it takes far less of usual values: the mapping comes with the program
}

// guards puts guards in front of expressions, and collects them.
type guards struct {
	set   *Set
	ships bool // the mapping comes with the program
	all   []Guarded
}

// put puts guards where they are needed. What one record may take is divided among the expressions of a projection that have one.
func (g *guards) put(parent context.Context, projections []*Projection) error {
	ctx, cancel := context.WithTimeout(parent, nullTime)
	defer cancel()
	var conditions []*bound.Estimate
	for _, p := range projections {
		for _, cond := range p.conditions {
			if cond.takes.NeedsGuard() {
				conditions = append(conditions, cond.takes, cond.takes) // the owner's SQL has it twice
			}
		}
	}
	for i, p := range projections {
		all := conditions
		for _, o := range p.Outs {
			if o.takes != nil && o.takes.NeedsGuard() {
				all = append(all[:len(all):len(all)], o.takes)
			}
		}
		together := bound.Together(all)
		longest := func(e *bound.Estimate) float64 {
			if alone := e.Longest(len(all)); alone > 2*together {
				return alone
			}
			return together // expressions with the same guard can share what they have in common
		}
		for _, o := range p.Outs {
			if o.takes == nil || !o.takes.NeedsGuard() {
				continue
			}
			n := g.note(i+1, o.File, o.At, o.takes, longest(o.takes))
			sql, err := g.guardValues(ctx, o, n)
			if parent.Err() != nil {
				return parent.Err()
			}
			if err != nil {
				return err
			}
			if sql == "" {
				sql = guardWhole(o.takes, n, o.SQL)
			}
			o.SQL, o.Total, o.Never = sql, false, false
		}
		for j := range p.conditions {
			cond := &p.conditions[j]
			if !cond.takes.NeedsGuard() {
				continue
			}
			sql := &p.Where
			if cond.drop >= 0 {
				sql = &p.Drops[cond.drop]
			}
			*sql = guardWhole(cond.takes, g.note(0, cond.file, cond.at, cond.takes, longest(cond.takes)), *sql)
		}
	}
	return nil
}

// note keeps what an expression with a guard takes, and gives the bytes that it may read. An expression that no record passes is reported.
func (g *guards) note(projection int, f diag.File, at int, e *bound.Estimate, longest float64) float64 {
	if g.ships {
		longest = e.Harmless(longest)
	}
	if longest < 0 {
		g.set.Report.At(f, at, diag.Warning, diag.Null, "make its widths, replacements or nested calls smaller", "the value is NULL in every record, because it can become larger than %d MiB, or take too long", bound.MaxMemory>>20)
	}
	g.all = append(g.all, Guarded{Projection: projection, Leaves: e.Leaves, Lists: e.Lists, Memory: e.Memory, Work: e.Work, Longest: longest, Harmless: g.ships})
	return longest
}

// guardWhole is an expression with its guard around it.
func guardWhole(e *bound.Estimate, longest float64, sql string) string {
	return "CASE WHEN " + e.Guard(longest) + " THEN " + sql + " END"
}

// guardValues is an output's expression with its guard in front of each value that it reads, or "" if that is not the same as a guard
// around it.
func (g *guards) guardValues(ctx context.Context, o *Output, longest float64) (string, error) {
	e := o.takes
	if longest < 0 || len(e.Leaves) == 0 || e.CountsElements() || o.printed == nil {
		return "", nil
	}
	for _, l := range o.Reads {
		if !slices.Contains(e.Leaves, l) {
			return "", nil // the value can come from it alone
		}
	}
	columns := make([]string, len(e.Leaves))
	for i, l := range e.Leaves {
		columns[i] = l.Column
	}
	values, other := 0, false
	for _, tree := range []syntax.Node{o.printed, o.Expr} {
		syntax.Walk(tree, func(n syntax.Node) bool {
			switch names := syntax.ColumnNames(n); {
			case syntax.Str(n, "class") == "LAMBDA": // its parameters can be called as a column
				other = true
			case syntax.Str(n, "class") == "COLUMN_REF":
				values++
				other = other || len(names) != 1 || !slices.Contains(columns, names[0])
			}
			return true
		})
	}
	if other || values*len(e.Leaves) > maxRepeated {
		return "", nil
	}
	plain, err := syntax.Print(g.set.database, o.printed)
	if err != nil {
		return "", err
	}
	open, end, ok := strings.Cut(o.SQL, plain)
	if !ok {
		return "", nil
	}
	if null, err := g.isNull(ctx, o); err != nil || !null {
		return "", err
	}
	parts := map[string]any{}
	for _, column := range columns {
		if parts[column], err = g.set.snippet(guardWhole(e, longest, syntax.Ident(column))); err != nil {
			return "", err
		}
	}
	guarded, err := syntax.Print(g.set.database, put(syntax.Clone(o.printed), parts).(syntax.Node))
	if err != nil {
		return "", err
	}
	return open + guarded + end, nil
}

// isNull says that an output's value is NULL if all that it reads is NULL. Functions that give another value each time are refused, so
// that one look proves it.
func (g *guards) isNull(ctx context.Context, o *Output) (bool, error) {
	var columns []string
	for _, l := range o.Reads {
		columns = append(columns, "CAST(NULL AS "+l.Type+") AS "+syntax.Ident(l.Column))
	}
	rows, err := g.set.database.Rows(ctx, "SELECT CAST(("+o.SQL+") IS NULL AS VARCHAR) FROM (SELECT "+strings.Join(columns, ", ")+") AS records")
	var refused *syntax.Error
	switch {
	case errors.As(err, &refused) || ctx.Err() != nil:
		return false, nil // what is wrong with it is reported where its type is asked for
	case err != nil:
		return false, fmt.Errorf("sqlgen: try an expression: %w", err)
	}
	return len(rows) == 1 && rows[0][0] == "true", nil
}

// bare is the SQL of a predicate to ask DuckDB for its type, with the weakest guard that it can have: DuckDB computes what it can.
func bare(sql string, takes *bound.Estimate) string {
	if !takes.NeedsGuard() {
		return sql
	}
	return guardWhole(takes, takes.Longest(1), sql)
}
