package sqlgen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/diag"
)

// Two projections overlap where one record is taken by both. That is not decided by reasoning about predicates, but by finding such a
// record: of the constants that the predicates compare each column with, NULL, and a value that is none of them, DuckDB looks
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
	expr  node
	reads []*leaf
}

// checkOverlaps reports pairs of projections for which there is a record that both take.
func (c *compiler) checkOverlaps() error {
	if len(c.projections) < 2 {
		return nil
	}
	seen := map[[2]int]bool{}
	report := func(i, j int, record string) {
		if seen[[2]int{i, j}] {
			return
		}
		seen[[2]int{i, j}] = true
		a, b := c.projections[i], c.projections[j]
		c.report.At(b.file, max(b.whereAt, 0), diag.Warning, diag.Overlap, "let their WHERE clauses exclude each other: records that both take go to quarantine", "%s takes records that %s takes, too: %s", b.name, a.name, record)
	}
	dropped := false
	for _, p := range c.projections {
		dropped = dropped || len(p.drops) > 0
	}
	for j, b := range c.projections {
		for i, a := range c.projections[:j] {
			if a.where == b.where && !dropped && (a.where == "" || a.where == "TRUE") {
				report(i, j, "neither has a WHERE clause")
			}
		}
	}
	from := c.witnesses()
	if from == "" {
		return nil
	}
	var took, sum, drops, shown []string
	for _, p := range c.projections {
		w := p.where
		if w == "" {
			w = "TRUE"
		}
		took = append(took, "CASE WHEN "+w+" THEN '1' ELSE '0' END")
		sum = append(sum, "CASE WHEN "+w+" THEN 1 ELSE 0 END")
		for _, d := range p.drops {
			drops = append(drops, " AND ("+d+") IS NOT TRUE")
		}
	}
	for _, l := range c.conditionLeaves() {
		value := ident(l.column)
		shown = append(shown, "CASE WHEN "+value+" IS NOT NULL THEN "+text(l.dotted()+" = ")+" || CASE WHEN typeof("+value+") = 'VARCHAR' THEN '''' || CAST("+value+" AS VARCHAR) || '''' ELSE CAST("+value+" AS VARCHAR) END END")
	}
	shown = append(shown, "NULL")
	ctx, cancel := context.WithTimeout(c.ctx, overlapTime)
	defer cancel()
	rows, err := c.db.Rows(ctx, "SELECT concat("+strings.Join(took, ", ")+"), concat_ws(', ', "+strings.Join(shown, ", ")+") FROM "+from+
		" AS records WHERE "+strings.Join(sum, " + ")+" > 1"+strings.Join(drops, ""))
	var syntax *SyntaxError
	if errors.As(err, &syntax) || ctx.Err() != nil && c.ctx.Err() == nil {
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
			record = "one in which the fields they ask for are NULL"
		}
		for n, j := range takers {
			for _, i := range takers[:n] {
				report(i, j, record)
			}
		}
	}
	return nil
}

// conditionLeaves are the leaves that predicates read, in order.
func (c *compiler) conditionLeaves() []*leaf {
	var all []*leaf
	seen := map[*leaf]bool{}
	for _, p := range c.projections {
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
func (c *compiler) witnesses() string {
	consts := map[string][]any{} // by column, in lower case
	for _, p := range c.projections {
		for _, cond := range p.conditions {
			compared(cond.expr, consts)
		}
	}
	total := 1
	var from []string
	for n, l := range c.conditionLeaves() {
		values := []string{"CAST(NULL AS " + l.typ + ")"}
		add := func(v string) { values = append(values, "TRY_CAST("+v+" AS "+l.typ+")") }
		switch l.typ {
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
		for _, v := range consts[strings.ToLower(l.column)] {
			switch v := v.(type) {
			case string:
				add(text(v))
			case bool:
				add(fmt.Sprint(v))
			case int64:
				add(fmt.Sprint(v))
				if l.typ != "VARCHAR" {
					add(fmt.Sprintf("(%d::HUGEINT - 1)", v))
					add(fmt.Sprintf("(%d::HUGEINT + 1)", v))
				}
			case float64:
				add(fmt.Sprint(v))
			}
		}
		values = distinct(values)
		if total *= len(values); total > maxWitnesses {
			return ""
		}
		from = append(from, fmt.Sprintf("(SELECT DISTINCT %s FROM (VALUES (%s)) AS v%d(%s))", ident(l.column), strings.Join(values, "), ("), n, ident(l.column)))
	}
	if len(from) == 0 {
		return ""
	}
	return "(SELECT * FROM " + strings.Join(from, ", ") + ")"
}

// compared collects, for each column, the constants that stand beside it in a comparison, a list or a call.
func compared(v any, into map[string][]any) {
	walk(v, func(n node) bool {
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
				m, _ := x.(node)
				if m == nil {
					continue
				}
				if lit, ok := literal(m); ok && lit != nil {
					values = append(values, lit)
					continue
				}
				for str(m, "class") == "CAST" || str(m, "function_name") == "lower" || str(m, "function_name") == "upper" || str(m, "type") == "OPERATOR_TRY" {
					inner := child(m, "child")
					if inner == nil {
						args := list(m, "children")
						if len(args) != 1 {
							break
						}
						inner, _ = args[0].(node)
					}
					m = inner
				}
				if str(m, "class") == "COLUMN_REF" {
					if names := columnNames(m); len(names) > 0 {
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
