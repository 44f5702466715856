package sqlgen

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
)

// macro is a macro of the mapping. Calls are replaced by its body, so that the compiler sees which values it can give.
type macro struct {
	params []string
	body   node
}

// checkMacros parses the macros, refuses in them what is refused in a mapping, and puts calls of one in another in place.
func (c *compiler) checkMacros() error {
	c.macros, c.bodies, c.sizes = map[string]*macro{}, map[string]node{}, map[string]size{}
	defs := map[string]int{}
	for _, m := range c.m.MacroDefs {
		defs[strings.ToLower(m.Name)]++
	}
	for _, m := range c.m.MacroDefs {
		st, err := parse(c.db, "SELECT "+m.Definition)
		if err != nil {
			return fmt.Errorf("sqlgen: macro %s: %w", m.Name, err)
		}
		at := strings.Index(strings.ToLower(c.m.Macros.Text), strings.ToLower(m.Name))
		sub := &compiler{m: c.m, allowed: c.allowed, report: &diag.List{}, functions: c.functions, src: c.src}
		sub.refuseExpr(diag.File{Path: c.m.Macros.Path}, st.body["select_list"])
		for _, p := range *sub.report {
			c.report.At(c.m.Macros, at, diag.Error, p.Code, p.Hint, "macro %s: %s", m.Name, p.Message)
		}
		body, _ := list(st.body, "select_list")[0].(node)
		walk(body, func(n node) bool {
			if _, ok := n["query_location"]; ok {
				n["query_location"] = nowhere
			}
			return true
		})
		c.bodies[m.Definition] = clone(body).(node)
		if name := strings.ToLower(m.Name); defs[name] == 1 { // one of several is chosen by its arguments: left to DuckDB
			c.macros[name] = &macro{params: m.Parameters, body: body}
		}
	}
	for range c.macros { // as deep as calls can be nested; DuckDB refuses macros that call themselves
		for _, m := range c.macros {
			m.body = c.inlineAll(m.body).(node)
		}
	}
	return nil
}

func (c *compiler) inlineAll(v any) any {
	switch t := v.(type) {
	case []any:
		for i, e := range t {
			t[i] = c.inlineAll(e)
		}
	case node:
		for k, e := range t {
			t[k] = c.inlineAll(e)
		}
		if m := c.macros[strings.ToLower(str(t, "function_name"))]; m != nil {
			if in := m.inline(t); in != nil {
				return in
			}
		}
	}
	return v
}

// inline gives the body with the call's arguments in place of the parameters, or nil where the call is not that plain.
func (m *macro) inline(call node) node {
	args := list(call, "children")
	if str(call, "class") != "FUNCTION" || len(args) != len(m.params) {
		return nil
	}
	by := map[string]node{}
	for i, a := range args {
		arg, _ := a.(node)
		if str(arg, "alias") != "" { // a named argument
			return nil
		}
		by[strings.ToLower(m.params[i])] = arg
	}
	plain := true
	body := substitute(clone(m.body), by, &plain).(node)
	if !plain {
		return nil
	}
	body["alias"] = str(call, "alias")
	body["query_location"] = call["query_location"]
	return body
}

// substitute puts arguments in place of parameters. Fields of a parameter and lambdas make a body not plain.
func substitute(v any, by map[string]node, plain *bool) any {
	switch t := v.(type) {
	case []any:
		for i, e := range t {
			t[i] = substitute(e, by, plain)
		}
	case node:
		switch str(t, "class") {
		case "LAMBDA":
			*plain = false
			return t
		case "COLUMN_REF":
			names := columnNames(t)
			arg := by[strings.ToLower(names[0])]
			if arg == nil || len(names) > 1 {
				*plain = false
				return t
			}
			in := clone(arg).(node)
			in["alias"] = str(t, "alias") // of a field in struct_pack
			return in
		}
		for k, e := range t {
			t[k] = substitute(e, by, plain)
		}
	}
	return v
}
