package sqlgen

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// mergeClasses makes one projection of those of one event class, so that a class leaves one file a partition however many
// SELECTs it has: their results are put under each other, over a schema that has the fields of all of them in the order in
// which they come. What only some of them have is NULL in the rows of the others. The numbers of _reject, and who owns what,
// stay as they were.
func mergeClasses(ps []Projection) []Projection {
	var out []Projection
	at := map[string]int{}
	groups := [][]*Projection{}
	for i := range ps {
		g, ok := at[ps[i].Class]
		if !ok {
			g = len(groups)
			at[ps[i].Class] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], &ps[i])
	}
	for _, g := range groups {
		if len(g) == 1 {
			out = append(out, *g[0])
		} else {
			out = append(out, merge(g))
		}
	}
	return out
}

// merger builds the columns of a merged projection: exprs[i] are those of the i-th part, over its own result.
type merger struct {
	exprs [][]string
}

const union = "\nUNION ALL\n"

// column adds a column and gives its number.
func (m *merger) column(exprs []string) int {
	for i, e := range exprs {
		m.exprs[i] = append(m.exprs[i], e)
	}
	return len(m.exprs[0]) - 1
}

func merge(parts []*Projection) Projection {
	first := parts[0]
	p := Projection{Class: first.Class, UID: first.UID, ConstAccount: first.ConstAccount,
		Schema: lake.Schema{Class: first.Schema.Class, Version: first.Schema.Version}}
	m := &merger{exprs: make([][]string, len(parts))}
	lists := make([][]*lake.Node, len(parts))
	var names []string
	leaves := map[int]bool{}
	for i, q := range parts {
		cols := q.Schema.Columns
		lists[i] = cols[:len(cols)-1] // unmapped is the last
		names = append(names, q.Name)
		for _, l := range q.TimeLeaves {
			leaves[l] = true
		}
		if q.ConstAccount != p.ConstAccount {
			p.ConstAccount = ""
		}
	}
	p.Name = strings.Join(names, "+")
	for l := range leaves {
		p.TimeLeaves = append(p.TimeLeaves, l)
	}
	sort.Ints(p.TimeLeaves)
	p.Schema.Columns = m.nodes(lists)
	unmapped := *first.Schema.Columns[len(first.Schema.Columns)-1]
	unmapped.Column = len(m.exprs[0])
	p.Schema.Columns = append(p.Schema.Columns, &unmapped)
	var sql []string
	for i, q := range parts {
		var miss string
		p.Misses, miss = mergeMisses(p.Misses, q.Misses)
		cols := []string{"_time", "_day", "_account", "_reject", rawtable.ColObject, rawtable.ColRecord, rawtable.ColRest, "_more", miss + " AS _miss"}
		for k, e := range m.exprs[i] {
			cols = append(cols, e+" AS c"+strconv.Itoa(k))
		}
		sql = append(sql, "SELECT\n  "+strings.Join(cols, ",\n  ")+"\nFROM (\n"+q.SQL+"\n)")
	}
	p.SQL = strings.Join(sql, union)
	for i := range sql {
		one := make([]string, len(sql))
		for k := range sql {
			if one[k] = sql[k]; k != i {
				one[k] += "\nWHERE FALSE" // only its types count
			}
		}
		p.Parts = append(p.Parts, strings.Join(one, union))
	}
	return p
}

// mergeMisses adds what the bits of one part mean to what those of the parts before it do, and gives the SQL of its bits in their new
// places. Parts share the bits of what they have in common, and the last bit of what does not fit.
func mergeMisses(all, part []Miss) (merged []Miss, sql string) {
	merged = all
	masks := map[int]uint64{}
	same := true
	for i, m := range part {
		at := slices.Index(merged, m)
		switch {
		case at >= 0:
		case len(merged) < maxMisses:
			at = len(merged)
			merged = append(merged, m)
		default:
			at = maxMisses - 1
			merged[at] = Miss{Path: otherMisses}
		}
		masks[at] |= 1 << i
		same = same && at == i
	}
	if same {
		return merged, "_miss"
	}
	var sum []string
	for _, at := range slices.Sorted(maps.Keys(masks)) {
		sum = append(sum, fmt.Sprintf("CASE WHEN _miss & CAST(%d AS UBIGINT) <> 0 THEN %s ELSE 0 END", masks[at], pow2(at)))
	}
	return merged, "CAST(CASE WHEN _miss = 0 THEN 0 ELSE " + strings.Join(sum, " + ") + " END AS UBIGINT)"
}

// nodes merges the fields of one level; lists[i] are those of the i-th part, nil where it has none.
func (m *merger) nodes(lists [][]*lake.Node) []*lake.Node {
	var order []string
	byName := map[string][]*lake.Node{}
	for i, list := range lists {
		before := 0 // a field that is new goes behind the one it follows in its own part
		for _, n := range list {
			if byName[n.Name] == nil {
				byName[n.Name] = make([]*lake.Node, len(lists))
				order = append(order[:before:before], append([]string{n.Name}, order[before:]...)...)
			}
			byName[n.Name][i] = n
			for k, name := range order {
				if name == n.Name {
					before = k + 1
				}
			}
		}
	}
	out := make([]*lake.Node, 0, len(order))
	for _, name := range order {
		out = append(out, m.node(byName[name]))
	}
	return out
}

// node merges one field; ns[i] is nil where the i-th part lacks it.
func (m *merger) node(ns []*lake.Node) *lake.Node {
	var one lake.Node
	all, same := true, true
	for _, n := range ns {
		if n == nil {
			all = false
			continue
		}
		if one.Name == "" {
			one = *n
		}
		same = same && n.Column < 0 && reflect.DeepEqual(n.Const, one.Const)
		one.NearUnique = one.NearUnique || n.NearUnique
	}
	if one.Kind == lake.Group {
		lists, present := make([][]*lake.Node, len(ns)), make([]string, len(ns))
		for i, n := range ns {
			present[i] = "FALSE"
			if n != nil {
				lists[i], present[i] = n.Children, presence(n)
			}
		}
		one.Children = m.nodes(lists)
		one.Present = 1 + m.column(present)
		return &one
	}
	// a constant of all parts that have the field stays one: where the field's group is absent, so is the constant. At the top
	// there is no group around it.
	if same && all {
		return &one
	}
	as := ""
	if one.Kind == lake.List && one.Children[0].Kind == lake.Group {
		elem := mergeElements(ns)
		one.Children, as = []*lake.Node{elem}, " AS "+nodeType(elem)+"[])"
	}
	exprs := make([]string, len(ns))
	for i, n := range ns {
		exprs[i] = "NULL"
		if n != nil {
			exprs[i] = value(n)
			if as != "" {
				exprs[i] = "CAST(" + exprs[i] + as // DuckDB fills what a part's objects lack with NULL
			}
		}
	}
	one.Column, one.Const, one.Lookup, one.LookupElse = m.column(exprs), nil, nil, ""
	return &one
}

// mergeElements gives the objects of lists the fields of all of them, those of the first part first.
func mergeElements(lists []*lake.Node) *lake.Node {
	var elems []*lake.Node
	for _, n := range lists {
		if n != nil {
			elems = append(elems, n.Children[0])
		}
	}
	return mergeFields(elems)
}

func mergeFields(ns []*lake.Node) *lake.Node {
	one := *ns[0]
	switch {
	case one.Kind == lake.List && one.Children[0].Kind == lake.Group:
		one.Children = []*lake.Node{mergeElements(ns)}
	case one.Kind == lake.Group:
		one.Children = nil
		by := map[string][]*lake.Node{}
		var order []string
		for _, n := range ns {
			for _, x := range n.Children {
				if by[x.Name] == nil {
					order = append(order, x.Name)
				}
				by[x.Name] = append(by[x.Name], x)
			}
		}
		for _, name := range order {
			one.Children = append(one.Children, mergeFields(by[name]))
		}
	}
	return &one
}

// nodeType is a field inside a list as a type of DuckDB.
func nodeType(n *lake.Node) string {
	switch n.Kind {
	case lake.Group:
		var parts []string
		for _, x := range n.Children {
			parts = append(parts, syntax.Ident(x.Name)+" "+nodeType(x))
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	case lake.List:
		return nodeType(n.Children[0]) + "[]"
	case lake.Int32:
		return "INTEGER"
	case lake.Int64, lake.Timestamp:
		return "BIGINT"
	case lake.Double:
		return "DOUBLE"
	case lake.Bool:
		return "BOOLEAN"
	}
	return "VARCHAR"
}

// presence is where a group is present, as lake.Node says it, over its part's own result.
func presence(n *lake.Node) string {
	if n.Present > 0 {
		return fmt.Sprintf("coalesce(c%d, FALSE)", n.Present-1)
	}
	var any []string
	var walk func(n *lake.Node)
	walk = func(n *lake.Node) {
		switch {
		case n.Kind == lake.Group && n.Present > 0:
			any = append(any, presence(n))
		case n.Kind == lake.Group:
			for _, k := range n.Children {
				walk(k)
			}
		case n.Column >= 0:
			any = append(any, value(n)+" IS NOT NULL")
		}
	}
	for _, k := range n.Children {
		walk(k)
	}
	if len(any) == 0 {
		return "TRUE"
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// value is a field's value as SQL over its part's own result.
func value(n *lake.Node) string {
	if n.Column >= 0 && n.Lookup == nil {
		return "c" + strconv.Itoa(n.Column)
	}
	if n.Column >= 0 {
		keys := make([]int64, 0, len(n.Lookup))
		for k := range n.Lookup {
			keys = append(keys, k)
		}
		sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
		col := "c" + strconv.Itoa(n.Column)
		b := "CASE " + col
		for _, k := range keys {
			b += fmt.Sprintf(" WHEN %d THEN %s", k, textLiteral(n.Lookup[k]))
		}
		if n.LookupElse != "" {
			return "CASE WHEN " + col + " IS NOT NULL THEN " + b + " ELSE " + textLiteral(n.LookupElse) + " END END"
		}
		return b + " END"
	}
	switch v := n.Const.(type) {
	case nil:
		return "NULL"
	case string:
		return textLiteral(v)
	case bool:
		return strings.ToUpper(strconv.FormatBool(v))
	case []string:
		parts := make([]string, len(v))
		for i, s := range v {
			parts[i] = textLiteral(s)
		}
		return "CAST([" + strings.Join(parts, ", ") + "] AS VARCHAR[])"
	}
	return fmt.Sprintf("CAST(%v AS %s)", n.Const, nodeType(n))
}

func textLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
