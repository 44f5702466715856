package syntax

import (
	"fmt"
	"slices"
	"strings"
)

// Macro is the definition of a scalar macro: an expression that can be parsed as SELECT <Definition>.
type Macro struct {
	Name       string
	Parameters []string
	Definition string
}

// Macros are the macros that a mapping can call. Calls are replaced by their bodies, so that the compiler sees which values they
// can give.
type Macros struct {
	defs   []Macro
	inline map[string]*macro
	bodies map[string]Node // as they are written, by definition
	sizes  map[string]size
}

type macro struct {
	params []string
	body   Node
}

// NewMacros parses macros and puts the bodies of those that other macros call in place.
func NewMacros(p Parser, defs []Macro) (*Macros, error) {
	ms := &Macros{defs: defs, inline: map[string]*macro{}, bodies: map[string]Node{}, sizes: map[string]size{}}
	count := map[string]int{}
	for _, d := range defs {
		count[strings.ToLower(d.Name)]++
	}
	for _, d := range defs {
		st, err := Parse(p, "SELECT "+d.Definition)
		if err != nil {
			return nil, fmt.Errorf("macro %s: %w", d.Name, err)
		}
		body, _ := List(st.Body, "select_list")[0].(Node)
		forgetPlaces(body)
		ms.bodies[d.Definition] = Clone(body).(Node)
		if name := strings.ToLower(d.Name); count[name] == 1 { // one of several is chosen by its arguments: left to DuckDB
			ms.inline[name] = &macro{params: d.Parameters, body: body}
		}
	}
	done := map[string]bool{}
	for name := range ms.inline {
		ms.complete(name, done)
	}
	return ms, nil
}

// complete puts the bodies of the macros that a macro calls in place, after theirs are complete. DuckDB refuses macros that call themselves.
func (ms *Macros) complete(name string, done map[string]bool) {
	m := ms.inline[name]
	if m == nil || done[name] {
		return
	}
	done[name] = true
	Walk(m.body, func(n Node) bool {
		if called := strings.ToLower(Str(n, "function_name")); called != "" {
			ms.complete(called, done)
		}
		return true
	})
	m.body = ms.inlineAll(m.body).(Node)
}

// Body returns the syntax tree of a macro as its author wrote it.
func (ms *Macros) Body(d Macro) Node { return ms.bodies[d.Definition] }

// Definitions returns the definitions of a macro.
func (ms *Macros) Definitions(name string) (all []Macro) {
	for _, d := range ms.defs {
		if strings.EqualFold(d.Name, name) {
			all = append(all, d)
		}
	}
	return all
}

// Is says whether a macro of this name exists.
func (ms *Macros) Is(name string) bool {
	return slices.ContainsFunc(ms.defs, func(d Macro) bool { return strings.EqualFold(d.Name, name) })
}

// Inline returns the body of the macro that e calls, with the arguments in place of the parameters. It returns nil if e does not
// call a macro, or if the macro cannot be put in place.
func (ms *Macros) Inline(e Node) Node {
	m := ms.inline[strings.ToLower(Str(e, "function_name"))]
	if m == nil {
		return nil
	}
	return m.apply(e, true)
}

// Expand returns the body of the macro that e calls as its author wrote it, with the arguments in place of the parameters: also for bodies
// with lambdas, columns and fields of parameters, which Inline leaves to DuckDB. It returns nil if the macro has several definitions, or if
// the call is not that plain.
func (ms *Macros) Expand(e Node) Node {
	defs := ms.Definitions(Str(e, "function_name"))
	if len(defs) != 1 {
		return nil
	}
	m := macro{params: defs[0].Parameters, body: ms.Body(defs[0])}
	return m.apply(e, false)
}

// InlineAll returns a copy of e in which the macros that it calls are put in place, those inside of arguments too.
func (ms *Macros) InlineAll(e Node) Node { return ms.inlineAll(Clone(e)).(Node) }

func (ms *Macros) inlineAll(v any) any {
	switch t := v.(type) {
	case []any:
		for i, e := range t {
			t[i] = ms.inlineAll(e)
		}
	case Node:
		for k, e := range t {
			t[k] = ms.inlineAll(e)
		}
		if in := ms.Inline(t); in != nil {
			return in
		}
	}
	return v
}

// apply returns the body with the call's arguments in place of the parameters, or nil if the call is not that plain.
func (m *macro) apply(call Node, simple bool) Node {
	args := List(call, "children")
	if Str(call, "class") != "FUNCTION" || len(args) != len(m.params) {
		return nil
	}
	s := substitution{by: map[string]Node{}, simple: simple}
	for i, a := range args {
		arg, _ := a.(Node)
		if Str(arg, "alias") != "" { // a named argument
			return nil
		}
		s.by[strings.ToLower(m.params[i])] = arg
	}
	body := s.put(Clone(m.body)).(Node)
	if s.failed {
		return nil
	}
	body["alias"] = Str(call, "alias")
	body["query_location"] = call["query_location"]
	return body
}

// substitution puts arguments in place of parameters.
type substitution struct {
	by     map[string]Node
	simple bool // columns, fields of parameters and lambdas make it fail
	failed bool
}

func (s *substitution) put(v any) any {
	switch t := v.(type) {
	case []any:
		for i, e := range t {
			t[i] = s.put(e)
		}
	case Node:
		switch Str(t, "class") {
		case "LAMBDA":
			s.lambda(t)
			return t
		case "COLUMN_REF":
			return s.column(t)
		}
		for k, e := range t {
			t[k] = s.put(e)
		}
	}
	return v
}

// column is the argument that a column stands for, or a field of it, or the column.
func (s *substitution) column(t Node) Node {
	names := ColumnNames(t)
	arg := s.by[strings.ToLower(names[0])]
	if s.simple && (arg == nil || len(names) > 1) {
		s.failed = true
	}
	if arg == nil || s.failed {
		return t
	}
	in := Clone(arg).(Node)
	for _, field := range names[1:] {
		in["alias"] = ""
		text := Node{"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": Nowhere,
			"value": Node{"type": Node{"id": "VARCHAR", "type_info": nil}, "is_null": false, "value": field}}
		in = Node{"class": "OPERATOR", "type": "STRUCT_EXTRACT", "alias": "", "query_location": Nowhere, "children": []any{in, text}}
	}
	in["alias"] = Str(t, "alias") // of a field in struct_pack
	return in
}

// lambda leaves the parameters of a lambda alone. It fails if one of them would hide what an argument means.
func (s *substitution) lambda(n Node) {
	if s.simple {
		s.failed = true
		return
	}
	own := map[string]bool{}
	Walk(n["lhs"], func(p Node) bool {
		if Str(p, "class") == "COLUMN_REF" {
			own[strings.ToLower(ColumnNames(p)[0])] = true
		}
		return true
	})
	inner := substitution{by: map[string]Node{}}
	for name, arg := range s.by {
		if own[name] {
			continue
		}
		inner.by[name] = arg
		Walk(arg, func(m Node) bool {
			s.failed = s.failed || Str(m, "class") == "COLUMN_REF" && own[strings.ToLower(ColumnNames(m)[0])]
			return true
		})
	}
	n["expr"] = inner.put(n["expr"])
	s.failed = s.failed || inner.failed
}
