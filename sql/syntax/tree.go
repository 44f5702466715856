// Package syntax works on the syntax tree of SQL as DuckDB's own parser gives it: it parses and prints through a Parser, walks,
// reads names and literals, and puts the bodies of macros in place of their calls. It does not judge: package allow says what a
// mapping may use. It knows neither OCSF nor the raw record.
//
// SQL text is never put together from pieces of an author's text: an expression is changed as a tree and printed by DuckDB.
package syntax

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"sort"
	"strings"
)

// Node is a node of DuckDB's syntax tree, as json_serialize_sql prints it. Numbers are json.Number: a location that is not
// known is 2^64-1, and constants may be wider than a float64 holds.
type Node = map[string]any

// Statement is a parsed SELECT and the wrapping that the printer wants back.
type Statement struct {
	root  Node // the whole of json_serialize_sql's answer
	Count int  // statements in the text
	Body  Node // the first statement's "node"
	Class string
	Named int // parameters
}

// Parse reads one statement. A *SyntaxError stays one.
func Parse(p Parser, sql string) (*Statement, error) {
	raw, err := p.Parse(sql)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var root Node
	if err := dec.Decode(&root); err != nil {
		return nil, fmt.Errorf("syntax tree from DuckDB: %w", err)
	}
	list, ok := root["statements"].([]any)
	if !ok { // one statement without its wrapping
		root = Node{"error": false, "statements": []any{root}}
		list = root["statements"].([]any)
	}
	if len(list) == 0 {
		return nil, &Error{Message: "the file has no statement", Offset: -1}
	}
	first, _ := list[0].(Node)
	body, _ := first["node"].(Node)
	if body == nil {
		return nil, fmt.Errorf("syntax tree from DuckDB has no node")
	}
	params, _ := first["named_param_map"].([]any)
	return &Statement{root: root, Count: len(list), Body: body, Class: Str(body, "type"), Named: len(params)}, nil
}

// Print gives the SQL text of an expression.
func Print(p Parser, e Node) (string, error) {
	e = Clone(e).(Node)
	e["alias"] = ""
	root := Node{"error": false, "statements": []any{Node{"named_param_map": []any{}, "node": Node{
		"type": "SELECT_NODE", "modifiers": []any{}, "cte_map": Node{"map": []any{}}, "select_list": []any{e},
		"from_table":   Node{"type": "EMPTY", "alias": "", "sample": nil, "query_location": json.Number("0")},
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

func Str(n Node, key string) string {
	s, _ := n[key].(string)
	return s
}

func List(n Node, key string) []any {
	l, _ := n[key].([]any)
	return l
}

func Child(n Node, key string) Node {
	c, _ := n[key].(Node)
	return c
}

func Flag(n Node, key string) bool {
	b, _ := n[key].(bool)
	return b
}

// Location is the byte offset of a node, or the first one below it that has one; -1: none has.
func Location(v any) int {
	best := -1
	Walk(v, func(n Node) bool {
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

// Walk calls f for every node below v, parents first; f false stops the descent there.
func Walk(v any, f func(Node) bool) {
	switch t := v.(type) {
	case Node:
		if !f(t) {
			return
		}
		for _, k := range InOrder(t) {
			Walk(t[k], f)
		}
	case []any:
		for _, c := range t {
			Walk(c, f)
		}
	}
}

// InOrder gives a node's keys in an order of their own, which is that of the text where there are several: the same mapping has
// to give the same result each time, and maps have no order.
func InOrder(n Node) []string {
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

func Clone(v any) any {
	switch t := v.(type) {
	case Node:
		n := make(Node, len(t))
		for k, c := range t {
			n[k] = Clone(c)
		}
		return n
	case []any:
		l := make([]any, len(t))
		for i, c := range t {
			l[i] = Clone(c)
		}
		return l
	}
	return v
}

func ColumnNames(n Node) []string {
	var names []string
	for _, v := range List(n, "column_names") {
		s, _ := v.(string)
		names = append(names, s)
	}
	return names
}

// Literal gives the value of a constant: string, int64, float64, bool, []string, or nil for NULL. Casts of a constant to the
// plain types are seen through where they change nothing but the type.
func Literal(n Node) (v any, ok bool) {
	switch Str(n, "class") {
	case "CONSTANT":
		val := Child(n, "value")
		if Flag(val, "is_null") {
			return nil, true
		}
		typ := Child(val, "type")
		switch x := val["value"].(type) {
		case string:
			return x, Str(typ, "id") == "VARCHAR"
		case bool:
			return x, true
		case json.Number:
			if Str(typ, "id") == "DECIMAL" {
				r, ok := new(big.Rat).SetString(x.String())
				if !ok {
					return nil, false
				}
				scale, _ := Child(typ, "type_info")["scale"].(json.Number)
				s, _ := scale.Int64()
				r.Quo(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(s), nil)))
				f, _ := r.Float64()
				return f, true
			}
			if i, err := x.Int64(); err == nil {
				return i, true
			}
			f, err := x.Float64()
			return f, err == nil && (Str(typ, "id") == "DOUBLE" || Str(typ, "id") == "FLOAT")
		}
	case "CAST":
		inner, ok := Literal(Child(n, "child"))
		if !ok {
			return nil, false
		}
		switch id := Str(Child(n, "cast_type"), "id"); id {
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
		if Str(n, "function_name") == "list_value" {
			texts := []string{}
			for _, c := range List(n, "children") {
				e, _ := c.(Node)
				t, ok := Literal(e)
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

// Ident quotes an identifier.
func Ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// Quote quotes a string literal.
func Quote(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }

// nowhere is how DuckDB's tree says that a place is not known.
const Nowhere = json.Number("18446744073709551615")

// Reference gives the dotted name of a column reference, also where it is spelled (event).tcp or event['tcp']; nil for
// anything else.
func Reference(n Node) []string {
	switch Str(n, "type") {
	case "COLUMN_REF":
		return ColumnNames(n)
	case "STRUCT_EXTRACT", "ARRAY_EXTRACT":
		args := List(n, "children")
		if len(args) != 2 {
			return nil
		}
		of, _ := args[0].(Node)
		by, _ := args[1].(Node)
		names := Reference(of)
		field, ok := Literal(by)
		name, is := field.(string)
		if names == nil || !ok || !is {
			return nil
		}
		return append(append([]string(nil), names...), name)
	}
	return nil
}

func ContainsFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// Bare sees through casts: the dotted name an expression is, or nil, and the target types of the casts, innermost first.
func Bare(e Node) (names []string, casts []Node) {
	for Str(e, "class") == "CAST" {
		casts = append([]Node{Child(e, "cast_type")}, casts...)
		e = Child(e, "child")
	}
	return Reference(e), casts
}

// Results gives the expressions that the value of e can come from: the branches of CASE and COALESCE, else e itself.
func Results(e Node) []Node {
	switch {
	case Str(e, "class") == "CASE":
		var all []Node
		for _, v := range List(e, "case_checks") {
			check, _ := v.(Node)
			all = append(all, Results(Child(check, "then_expr"))...)
		}
		return append(all, Results(Child(e, "else_expr"))...)
	case Str(e, "type") == "OPERATOR_COALESCE":
		var all []Node
		for _, v := range List(e, "children") {
			arg, _ := v.(Node)
			all = append(all, Results(arg)...)
		}
		return all
	case Str(e, "type") == "OPERATOR_TRY":
		if args := List(e, "children"); len(args) == 1 {
			arg, _ := args[0].(Node)
			return Results(arg)
		}
	}
	return []Node{e}
}

func IsCall(e Node, name string) bool {
	return Str(e, "class") == "FUNCTION" && strings.EqualFold(Str(e, "function_name"), name)
}

// Parser is DuckDB's own parser: Parse gives the syntax tree of one statement as json_serialize_sql prints it (an error of
// the syntax comes back as *SyntaxError), Print the SQL of such a tree (json_deserialize_sql).
type Parser interface {
	Parse(sql string) (ast []byte, err error)
	Print(ast []byte) (sql string, err error)
}

// Error is DuckDB's complaint, at a byte offset into the text it was given (-1: unknown).
type Error struct {
	Message string
	Offset  int
}

func (e *Error) Error() string { return e.Message }

// forgetPlaces makes the places of a tree unknown: they are not places in the author's text.
func forgetPlaces(e Node) {
	Walk(e, func(n Node) bool {
		if _, ok := n["query_location"]; ok {
			n["query_location"] = Nowhere
		}
		return true
	})
}

// Snippets parses SQL of the compiler's own, each text once.
type Snippets struct {
	parser Parser
	parsed map[string]Node
}

// NewSnippets returns snippets that p parses.
func NewSnippets(p Parser) *Snippets { return &Snippets{parser: p, parsed: map[string]Node{}} }

// Parse returns the tree of an expression, which the caller may put into another tree.
func (s *Snippets) Parse(sql string) (Node, error) {
	n := s.parsed[sql]
	if n == nil {
		st, err := Parse(s.parser, "SELECT "+sql)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", sql, err)
		}
		n, _ = st.Body["select_list"].([]any)[0].(Node)
		forgetPlaces(n)
		s.parsed[sql] = n
	}
	return Clone(n).(Node), nil
}
