package query

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/silt-etl/silt/internal/engine"
)

// reference is one place in the SQL that names a table.
type reference struct {
	catalog, schema, name string
	// as is what columns are qualified with: the alias, or the name.
	as string
	// conditions are the conjuncts of the WHERE above it that speak of the partition keys alone: rows of partitions in which one
	// of them is not true are not wanted here. None: every partition is.
	conditions []node
}

// node is a piece of json_serialize_sql's document.
type node = map[string]any

func kindOf(n node) string { return text(n, "type") }

func text(n node, key string) string {
	s, _ := n[key].(string)
	return s
}

// planner finds out what a query needs, in a database of its own in which nothing of the person's is run.
type planner struct {
	db        *engine.DB
	functions map[string]engine.FunctionInfo

	allowed []string // folders
	setup   []string
	defined map[string]View // the views that the SQL names
}

func newPlanner() (*planner, error) {
	db, err := engine.Open(engine.Options{MemoryBytes: 512 << 20, Threads: 1})
	if err != nil {
		return nil, err
	}
	return &planner{db: db}, nil
}

func (p *planner) close() { _ = p.db.Close() }

var (
	explain = regexp.MustCompile(`(?is)^\s*EXPLAIN\s+(ANALYZE\s+)?`)
	word    = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
)

// references lists the tables that the SQL names. showAll says that it asks for the tables themselves (SHOW TABLES). What the
// parser cannot turn into a document (PIVOT) is searched for the names of tables, which may find too many.
func (p *planner) references(ctx context.Context, sql string, names *tableNames) (refs []reference, showAll bool, err error) {
	if p.functions, err = p.db.Functions(ctx); err != nil {
		return nil, false, err
	}
	parsed := sql[len(explain.FindString(sql)):]
	ast, err := p.db.Parser().Parse(parsed)
	var se *engine.SyntaxError
	if errors.As(err, &se) && strings.HasPrefix(se.Message, "only a SELECT") {
		seen := map[string]bool{}
		for _, w := range word.FindAllString(sql, -1) {
			if low := strings.ToLower(w); (names.of[low] != "" || contains(names.views, low)) && !seen[low] {
				seen[low] = true
				refs = append(refs, reference{name: w, as: w})
			}
		}
		return refs, false, nil
	}
	if err != nil {
		if se != nil && se.Offset >= 0 {
			se.Offset += len(sql) - len(parsed)
		}
		return nil, false, sqlError(sql, err)
	}
	var doc any
	d := json.NewDecoder(bytes.NewReader(ast))
	d.UseNumber() // an unknown offset is 2^64-1
	if err := d.Decode(&doc); err != nil {
		return nil, false, err
	}
	w := walker{p: p}
	w.walk(doc, nil)
	return w.refs, w.showAll, nil
}

type walker struct {
	p       *planner
	refs    []reference
	showAll bool
}

// scope is the names of the CTEs that can be seen, the innermost first.
type scope struct {
	name string
	next *scope
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.next {
		if strings.EqualFold(s.name, name) {
			return true
		}
	}
	return false
}

func (w *walker) walk(v any, s *scope) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			w.walk(x, s)
		}
	case node:
		w.node(v, s)
	}
}

func (w *walker) node(n node, s *scope) {
	if ctes, ok := n["cte_map"].(node); ok { // each sees those before it, and itself where it is recursive
		list, _ := ctes["map"].([]any)
		for _, e := range list {
			entry, _ := e.(node)
			name := text(entry, "key")
			inner := s
			if isRecursive(entry) {
				inner = &scope{name, s}
			}
			w.walk(entry["value"], inner)
			s = &scope{name, s}
		}
	}
	var own node // a table right below this SELECT
	switch kindOf(n) {
	case "BASE_TABLE":
		w.table(n, s, nil)
		return
	case "SHOW_REF":
		if n["query"] == nil {
			w.showAll = true
		}
	case "SELECT_NODE":
		if from, ok := n["from_table"].(node); ok && kindOf(from) == "BASE_TABLE" {
			own = from
			where, _ := n["where_clause"].(node)
			if n["sample"] != nil {
				where = nil // which rows a sample draws from must not change
			}
			w.table(from, s, where)
		}
	}
	for key, v := range n {
		if key == "cte_map" || own != nil && key == "from_table" {
			continue
		}
		w.walk(v, s)
	}
}

func isRecursive(entry node) bool {
	value, _ := entry["value"].(node)
	query, _ := value["query"].(node)
	inner, _ := query["node"].(node)
	return kindOf(inner) == "RECURSIVE_CTE_NODE"
}

func (w *walker) table(n node, s *scope, where node) {
	r := reference{catalog: text(n, "catalog_name"), schema: text(n, "schema_name"), name: text(n, "table_name"), as: text(n, "alias")}
	if r.catalog == "" && r.schema == "" && s.has(r.name) {
		return
	}
	if r.as == "" {
		r.as = r.name
	}
	renamed, _ := n["column_name_alias"].([]any)
	if where != nil && n["sample"] == nil && len(renamed) == 0 {
		for _, c := range conjuncts(where) {
			if columns := 0; w.onlyKeys(c, r.as, &columns) && columns > 0 {
				r.conditions = append(r.conditions, c)
			}
		}
	}
	w.refs = append(w.refs, r)
}

func conjuncts(n node) []node {
	if kindOf(n) != "CONJUNCTION_AND" {
		return []node{n}
	}
	var out []node
	list, _ := n["children"].([]any)
	for _, c := range list {
		if c, ok := c.(node); ok {
			out = append(out, conjuncts(c)...)
		}
	}
	return out
}

// onlyKeys says whether an expression gives the same for every row of a partition: it reads the partition keys of the table
// (counted) and calls nothing that is different each time.
func (w *walker) onlyKeys(v any, as string, columns *int) bool {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if !w.onlyKeys(x, as, columns) {
				return false
			}
		}
	case node:
		switch text(v, "class") {
		case "COLUMN_REF":
			var names []string
			list, _ := v["column_names"].([]any)
			for _, x := range list {
				s, _ := x.(string)
				names = append(names, s)
			}
			if len(names) == 2 && strings.EqualFold(names[0], as) {
				names = names[1:]
			}
			if len(names) != 1 || !isKey(names[0]) {
				return false
			}
			*columns++
			return true
		case "FUNCTION":
			f, known := w.p.functions[strings.ToLower(text(v, "function_name"))]
			if !known || f.Volatile || f.Aggregate && !f.Scalar || text(v, "schema") != "" {
				return false
			}
		case "SUBQUERY", "WINDOW", "LAMBDA", "LAMBDA_REF", "PARAMETER", "STAR", "POSITIONAL_REFERENCE":
			return false
		}
		for _, x := range v {
			if !w.onlyKeys(x, as, columns) {
				return false
			}
		}
	}
	return true
}

// keysWithin says whether all columns of a condition on partition keys are among keys.
func keysWithin(v any, keys []string) bool {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if !keysWithin(x, keys) {
				return false
			}
		}
	case node:
		if text(v, "class") == "COLUMN_REF" {
			list, _ := v["column_names"].([]any)
			if len(list) == 0 {
				return false
			}
			name, _ := list[len(list)-1].(string)
			return contains(keys, strings.ToLower(name))
		}
		for _, x := range v {
			if !keysWithin(x, keys) {
				return false
			}
		}
	}
	return true
}

func isKey(name string) bool {
	switch strings.ToLower(name) {
	case "region", "accountid", "eventday":
		return true
	}
	return false
}
