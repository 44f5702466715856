package sqlgen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"sort"
	"strings"
)

// node is a node of DuckDB's syntax tree, as json_serialize_sql prints it. Numbers are json.Number: a location that is not
// known is 2^64-1, and constants may be wider than a float64 holds.
type node = map[string]any

// statement is a parsed SELECT and the wrapping that the printer wants back.
type statement struct {
	root  node // the whole of json_serialize_sql's answer
	count int  // statements in the text
	body  node // the first statement's "node"
	class string
	named int // parameters
}

// parse reads one statement. A *SyntaxError stays one.
func parse(p Parser, sql string) (*statement, error) {
	raw, err := p.Parse(sql)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var root node
	if err := dec.Decode(&root); err != nil {
		return nil, fmt.Errorf("syntax tree from DuckDB: %w", err)
	}
	list, ok := root["statements"].([]any)
	if !ok { // one statement without its wrapping
		root = node{"error": false, "statements": []any{root}}
		list = root["statements"].([]any)
	}
	if len(list) == 0 {
		return nil, &SyntaxError{Message: "there is no statement", Offset: -1}
	}
	first, _ := list[0].(node)
	body, _ := first["node"].(node)
	if body == nil {
		return nil, fmt.Errorf("syntax tree from DuckDB has no node")
	}
	params, _ := first["named_param_map"].([]any)
	return &statement{root: root, count: len(list), body: body, class: str(body, "type"), named: len(params)}, nil
}

// printExpr gives the SQL text of an expression.
func printExpr(p Parser, e node) (string, error) {
	e = clone(e).(node)
	e["alias"] = ""
	root := node{"error": false, "statements": []any{node{"named_param_map": []any{}, "node": node{
		"type": "SELECT_NODE", "modifiers": []any{}, "cte_map": node{"map": []any{}}, "select_list": []any{e},
		"from_table":   node{"type": "EMPTY", "alias": "", "sample": nil, "query_location": json.Number("0")},
		"where_clause": nil, "group_expressions": []any{}, "group_sets": []any{}, "aggregate_handling": "STANDARD_HANDLING",
		"having": nil, "sample": nil, "qualify": nil}}}}
	raw, err := json.Marshal(root)
	if err != nil {
		return "", err
	}
	sql, err := p.Print(raw)
	if err != nil {
		return "", fmt.Errorf("print an expression: %w", err)
	}
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(sql), "SELECT ")), nil
}

func str(n node, key string) string {
	s, _ := n[key].(string)
	return s
}

func list(n node, key string) []any {
	l, _ := n[key].([]any)
	return l
}

func child(n node, key string) node {
	c, _ := n[key].(node)
	return c
}

func flag(n node, key string) bool {
	b, _ := n[key].(bool)
	return b
}

// location is the byte offset of a node, or the first one below it that has one; -1: none has.
func location(v any) int {
	best := -1
	walk(v, func(n node) bool {
		if num, ok := n["query_location"].(json.Number); ok {
			if at, ok := new(big.Int).SetString(num.String(), 10); ok && at.IsInt64() {
				if i := int(at.Int64()); best < 0 || i < best {
					best = i
				}
			}
		}
		return true
	})
	return best
}

// walk calls f for every node below v, parents first; f false stops the descent there.
func walk(v any, f func(node) bool) {
	switch t := v.(type) {
	case node:
		if !f(t) {
			return
		}
		for _, k := range inOrder(t) {
			walk(t[k], f)
		}
	case []any:
		for _, c := range t {
			walk(c, f)
		}
	}
}

// inOrder gives a node's keys in an order of their own, which is that of the text where there are several: the same mapping has
// to give the same result each time, and maps have no order.
func inOrder(n node) []string {
	keys := make([]string, 0, len(n))
	for k := range n {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if a, b := keys[i], keys[j]; (a == "when_expr") != (b == "when_expr") {
			return a == "when_expr" // WHEN a THEN b
		}
		return keys[i] < keys[j]
	})
	return keys
}

func clone(v any) any {
	switch t := v.(type) {
	case node:
		n := make(node, len(t))
		for k, c := range t {
			n[k] = clone(c)
		}
		return n
	case []any:
		l := make([]any, len(t))
		for i, c := range t {
			l[i] = clone(c)
		}
		return l
	}
	return v
}

func columnNames(n node) []string {
	var names []string
	for _, v := range list(n, "column_names") {
		s, _ := v.(string)
		names = append(names, s)
	}
	return names
}

// literal gives the value of a constant: string, int64, float64, bool, []string, or nil for NULL. Casts of a constant to the
// plain types are seen through where they change nothing but the type.
func literal(n node) (v any, ok bool) {
	switch str(n, "class") {
	case "CONSTANT":
		val := child(n, "value")
		if flag(val, "is_null") {
			return nil, true
		}
		typ := child(val, "type")
		switch x := val["value"].(type) {
		case string:
			return x, str(typ, "id") == "VARCHAR"
		case bool:
			return x, true
		case json.Number:
			if str(typ, "id") == "DECIMAL" {
				r, ok := new(big.Rat).SetString(x.String())
				if !ok {
					return nil, false
				}
				scale, _ := child(typ, "type_info")["scale"].(json.Number)
				s, _ := scale.Int64()
				r.Quo(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(s), nil)))
				f, _ := r.Float64()
				return f, true
			}
			if i, err := x.Int64(); err == nil {
				return i, true
			}
			f, err := x.Float64()
			return f, err == nil && (str(typ, "id") == "DOUBLE" || str(typ, "id") == "FLOAT")
		}
	case "CAST":
		inner, ok := literal(child(n, "child"))
		if !ok {
			return nil, false
		}
		switch id := str(child(n, "cast_type"), "id"); id {
		case "VARCHAR":
			_, is := inner.(string)
			return inner, is
		case "BOOLEAN":
			switch inner {
			case "t", "true":
				return true, true
			case "f", "false":
				return false, true
			}
		case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER":
			_, is := inner.(int64)
			return inner, is
		}
	case "FUNCTION":
		if str(n, "function_name") == "list_value" {
			texts := []string{}
			for _, c := range list(n, "children") {
				e, _ := c.(node)
				t, ok := literal(e)
				s, is := t.(string)
				if !ok || !is {
					return nil, false
				}
				texts = append(texts, s)
			}
			return texts, true
		}
	}
	return nil, false
}

// ident quotes an identifier.
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// text quotes a string literal.
func text(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }
