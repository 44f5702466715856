package projection

import (
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/bound"
	"github.com/silt-etl/silt/sql/rawtable"
)

// An expression whose value, or whose computing, can become too large for a record of usual length gets a guard: where what it reads is
// too long for it, it is not computed and its value is NULL, as if it had failed.

// Guarded is what an expression with a guard takes of one record, if the texts that it reads have at most Longest bytes.
type Guarded struct {
	Projection   int // of an output; 1 is the first. 0: a condition
	Leaves       []*rawtable.Leaf
	Memory, Work bound.Poly
	Longest      float64
}

// guards puts guards in front of expressions, and collects them.
type guards struct {
	report *diag.List
	ships  bool // the mapping comes with the program
	all    []Guarded
}

// put puts guards where they are needed. What one record may take is divided among the expressions of a projection that have one.
func (g *guards) put(projections []*Projection) {
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
		longest := func(e *bound.Estimate) float64 { return max(together, e.Longest(len(all))) }
		for _, o := range p.Outs {
			if o.takes != nil && o.takes.NeedsGuard() {
				o.SQL = g.guarded(i+1, p.File, o.At, o.takes, longest(o.takes), o.SQL)
				o.Total, o.Never = false, false
			}
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
			*sql = g.guarded(0, p.File, cond.at, cond.takes, longest(cond.takes), *sql)
		}
	}
}

// guarded is an expression with its guard. One that no record passes is reported.
func (g *guards) guarded(projection int, f diag.File, at int, e *bound.Estimate, longest float64, sql string) string {
	if g.ships {
		longest = e.Harmless(longest)
	}
	if longest < 0 {
		g.report.At(f, at, diag.Warning, diag.Null, "make its widths, replacements or nested calls smaller", "the value is NULL in every record, because it can become larger than %d MiB, or take too long", bound.MaxMemory>>20)
	}
	g.all = append(g.all, Guarded{Projection: projection, Leaves: e.Leaves, Memory: e.Memory, Work: e.Work, Longest: longest})
	return "CASE WHEN " + e.Guard(longest) + " THEN " + sql + " END"
}

// bare is the SQL of a predicate to ask DuckDB for its type, with the weakest guard that it can have: DuckDB computes what it can.
func bare(sql string, takes *bound.Estimate) string {
	if !takes.NeedsGuard() {
		return sql
	}
	return "CASE WHEN " + takes.Guard(takes.Longest(1)) + " THEN " + sql + " END"
}
