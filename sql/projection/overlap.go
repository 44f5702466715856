package projection

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/bound"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// Two projections overlap where one record is taken by both. That is not decided by reasoning about predicates, but by finding such a
// record: of the constants that the predicates compare each column with, NULL, and one other value, DuckDB looks
// for one that satisfies two WHERE clauses and no drop. What is found is a proof; where nothing is, there may still be one
// (a run, or a sample, then shows it).

const (
	// maxWitnesses bounds the combinations of values tried.
	maxWitnesses = 20_000
	// overlapTime bounds the search: predicates are not trusted to be quick.
	overlapTime = 5 * time.Second
)

// condition is a predicate of a projection, over records, as it is reasoned about.
type condition struct {
	file  diag.File
	expr  syntax.Node
	reads []*rawtable.Leaf
	takes *bound.Estimate
	at    int // its byte offset
	drop  int // its index in Drops, -1: Where
}

// ChosenBy gives the leaves of a record that the WHERE clauses read, in the order of the record's fields: all of them if they are at
// most limit, else those that the WHERE clause of every projection reads, and none if those are more than limit too.
func ChosenBy(all []*Projection, limit int) []*rawtable.Leaf {
	readers := map[*rawtable.Leaf]int{}
	all = slices.DeleteFunc(slices.Clone(all), func(p *Projection) bool { return p.Head.Otherwise })
	for _, p := range all {
		reads := map[*rawtable.Leaf]bool{}
		for _, c := range p.conditions {
			for _, l := range c.reads {
				if c.drop < 0 && l.Key == "" {
					reads[l] = true
				}
			}
		}
		for l := range reads {
			readers[l]++
		}
	}
	leaves := slices.SortedFunc(maps.Keys(readers), func(a, b *rawtable.Leaf) int { return a.Order - b.Order })
	if len(leaves) > limit {
		leaves = slices.DeleteFunc(leaves, func(l *rawtable.Leaf) bool { return readers[l] < len(all) })
	}
	if len(leaves) > limit {
		return nil
	}
	return leaves
}

// checkOverlaps reports pairs of projections for which there is a record that both take.
func (c *Set) checkOverlaps(parent context.Context) error {
	// What a SELECT with `-- otherwise:` has in common with others is theirs.
	all := slices.DeleteFunc(slices.Clone(c.Projections), func(p *Projection) bool { return p.Head.Otherwise })
	if len(all) < 2 {
		return nil
	}
	seen := map[[2]int]bool{}
	report := func(i, j int, record string) {
		if seen[[2]int{i, j}] {
			return
		}
		seen[[2]int{i, j}] = true
		a, b := all[i], all[j]
		c.Report.At(b.File, max(b.WhereAt, 0), diag.Warning, diag.Overlap, "make their WHERE clauses exclude each other: records that match both go to quarantine", "%s matches records that %s also matches: %s", b.Name, a.Name, record)
	}
	dropped := false
	for _, p := range c.Projections {
		dropped = dropped || len(p.Drops) > 0
	}
	for j, b := range all {
		for i, a := range all[:j] {
			if a.Where == b.Where && !dropped && (a.Where == "" || a.Where == "TRUE") {
				report(i, j, "neither has a WHERE clause")
			}
		}
	}
	from := c.witnesses()
	if from == "" {
		return nil
	}
	var took, sum, drops, shown []string
	for _, p := range all {
		w := p.Where
		if w == "" {
			w = "TRUE"
		}
		took = append(took, "CASE WHEN "+w+" THEN '1' ELSE '0' END")
		sum = append(sum, "CASE WHEN "+w+" THEN 1 ELSE 0 END")
	}
	for _, p := range c.Projections {
		for _, d := range p.Drops {
			drops = append(drops, " AND ("+d+") IS NOT TRUE")
		}
	}
	for _, l := range c.ConditionLeaves() {
		value := syntax.Ident(l.Column)
		shown = append(shown, "CASE WHEN "+value+" IS NOT NULL THEN "+syntax.Quote(l.Dotted()+" = ")+" || CASE WHEN typeof("+value+") = 'VARCHAR' THEN '''' || CAST("+value+" AS VARCHAR) || '''' ELSE CAST("+value+" AS VARCHAR) END END")
	}
	shown = append(shown, "NULL")
	ctx, cancel := context.WithTimeout(parent, overlapTime)
	defer cancel()
	rows, err := c.database.Rows(ctx, "SELECT concat("+strings.Join(took, ", ")+"), concat_ws(', ', "+strings.Join(shown, ", ")+") FROM "+from+
		" AS records WHERE "+strings.Join(sum, " + ")+" > 1"+strings.Join(drops, ""))
	var refused *syntax.Error
	if errors.As(err, &refused) || ctx.Err() != nil && parent.Err() == nil {
		return nil // a predicate that DuckDB cannot evaluate in time proves nothing
	}
	if err != nil {
		return fmt.Errorf("sqlgen: overlaps: %w", err)
	}
	for _, r := range rows {
		var takers []int
		for i, b := range []byte(r[0]) {
			if b == '1' {
				takers = append(takers, i)
			}
		}
		record := r[1]
		if record == "" {
			record = "one in which the fields of the WHERE clauses are NULL"
		}
		for n, j := range takers {
			for _, i := range takers[:n] {
				report(i, j, record)
			}
		}
	}
	return nil
}

// ConditionLeaves are the leaves that predicates read, in order.
func (c *Set) ConditionLeaves() []*rawtable.Leaf {
	var all []*rawtable.Leaf
	seen := map[*rawtable.Leaf]bool{}
	for _, p := range c.Projections {
		for _, cond := range p.conditions {
			for _, l := range cond.reads {
				if !seen[l] {
					seen[l] = true
					all = append(all, l)
				}
			}
		}
	}
	return all
}

// witnesses is a relation of records to try, "" where there are too many.
func (c *Set) witnesses() string {
	consts := map[string][]any{} // by column, in lower case
	for _, p := range c.Projections {
		for _, cond := range p.conditions {
			compared(cond.expr, consts)
		}
	}
	total := 1
	var from []string
	for n, l := range c.ConditionLeaves() {
		values := []string{"CAST(NULL AS " + l.Type + ")"}
		add := func(v string) {
			if v = "TRY_CAST(" + v + " AS " + l.Type + ")"; !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		switch l.Type {
		case "VARCHAR":
			add("'something else'")
		case "BOOLEAN":
			add("TRUE")
			add("FALSE")
		case "TIMESTAMP":
			add("TIMESTAMP '2001-02-03 04:05:06'")
		default:
			add("-7777")
		}
		for _, v := range consts[strings.ToLower(l.Column)] {
			switch v := v.(type) {
			case string:
				add(syntax.Quote(v))
			case bool:
				add(fmt.Sprint(v))
			case int64:
				add(fmt.Sprint(v))
				if l.Type != "VARCHAR" {
					add(fmt.Sprintf("(%d::HUGEINT - 1)", v))
					add(fmt.Sprintf("(%d::HUGEINT + 1)", v))
				}
			case float64:
				add(fmt.Sprint(v))
			}
		}
		if total *= len(values); total > maxWitnesses {
			return ""
		}
		from = append(from, fmt.Sprintf("(SELECT DISTINCT %s FROM (VALUES (%s)) AS v%d(%s))", syntax.Ident(l.Column), strings.Join(values, "), ("), n, syntax.Ident(l.Column)))
	}
	if len(from) == 0 {
		return ""
	}
	return "(SELECT * FROM " + strings.Join(from, ", ") + ")"
}

// compared collects, for each column, the constants that it is compared with in a comparison, a list or a call.
func compared(v any, into map[string][]any) {
	syntax.Walk(v, func(n syntax.Node) bool {
		var columns []string
		var values []any
		for key, below := range n {
			if key == "cast_type" || key == "value" {
				continue
			}
			children, ok := below.([]any)
			if !ok {
				children = []any{below}
			}
			for _, x := range children {
				m, _ := x.(syntax.Node)
				if m == nil {
					continue
				}
				if lit, ok := syntax.Literal(m); ok && lit != nil {
					values = append(values, lit)
					continue
				}
				for syntax.Str(m, "class") == "CAST" || syntax.Str(m, "function_name") == "lower" || syntax.Str(m, "function_name") == "upper" || syntax.Str(m, "type") == "OPERATOR_TRY" {
					inner := syntax.Child(m, "child")
					if inner == nil {
						args := syntax.List(m, "children")
						if len(args) != 1 {
							break
						}
						inner, _ = args[0].(syntax.Node)
					}
					m = inner
				}
				if syntax.Str(m, "class") == "COLUMN_REF" {
					if names := syntax.ColumnNames(m); len(names) > 0 {
						columns = append(columns, strings.ToLower(names[len(names)-1]))
					}
				}
			}
		}
		for _, col := range columns {
			into[col] = append(into[col], values...)
		}
		return true
	})
}
