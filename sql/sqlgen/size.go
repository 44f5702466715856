package sqlgen

import (
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
)

// maxParts is how many parts an expression may have with macros in place, and maxDeep how deep they may lie in each other. DuckDB and
// the compiler hold them in memory that no limit bounds.
const (
	maxParts = 50_000
	maxDeep  = 400
)

// size is a number of parts that is linear in those of a macro's arguments, and a depth.
type size struct {
	own  float64
	per  map[string]float64 // by parameter, of a body
	args []float64          // of a macro, by place
	deep int
}

// measured gives the size of what a macro comes to.
func (c *compiler) measured(name string) size {
	if s, ok := c.sizes[name]; ok {
		return s
	}
	c.sizes[name] = size{own: 1} // DuckDB refuses macros that call themselves
	var all size
	for _, m := range c.m.MacroDefs {
		if !strings.EqualFold(m.Name, name) {
			continue
		}
		s := c.size(c.bodies[m.Definition], m.Parameters)
		all.own, all.deep = max(all.own, s.own), max(all.deep, s.deep)
		for k, p := range m.Parameters {
			if k == len(all.args) {
				all.args = append(all.args, 0)
			}
			all.args[k] = max(all.args[k], s.per[strings.ToLower(p)])
		}
	}
	c.sizes[name] = all
	return all
}

// size of an expression with macros in place. Calls are counted, not put there.
func (c *compiler) size(v any, params []string) size {
	out := size{per: map[string]float64{}}
	add := func(times float64, s size, below int) {
		out.own += times * s.own
		for p, n := range s.per {
			out.per[p] += times * n
		}
		out.deep = max(out.deep, s.deep+below)
	}
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			add(1, c.size(e, params), 0)
		}
	case node:
		class := str(t, "class")
		if names := columnNames(t); class == "COLUMN_REF" && len(names) == 1 && contains(params, names[0]) {
			out.per[strings.ToLower(names[0])]++
			return out
		}
		if name := strings.ToLower(str(t, "function_name")); class == "FUNCTION" && c.isMacro(name) {
			m := c.measured(name)
			out.own, out.deep = m.own, m.deep
			for k, a := range list(t, "children") {
				times := 1.0
				if k < len(m.args) {
					times = max(times, m.args[k])
				}
				if arg, _ := a.(node); str(arg, "alias") != "" { // named: it may be any of them
					times = max(times, slices.Max(append([]float64{1}, m.args...)))
				}
				add(times, c.size(a, params), m.deep)
			}
			return out
		}
		below := 0
		if class != "" {
			out.own, below = 1, 1
		}
		for _, e := range t {
			add(1, c.size(e, params), below)
		}
		out.deep = max(out.deep, below)
	}
	return out
}

func (c *compiler) isMacro(name string) bool {
	for _, m := range c.m.MacroDefs {
		if strings.EqualFold(m.Name, name) {
			return true
		}
	}
	return false
}

// tooLarge refuses an expression before anything is made of it.
func (c *compiler) tooLarge(f diag.File, e any) bool {
	if c.sizes == nil { // in a macro, which is measured where it is called
		return false
	}
	s := c.size(e, nil)
	switch {
	case s.own > maxParts:
		c.report.At(f, location(e), diag.Error, diag.SQLRefused, "macros that call each other more than once in a row double what they are given", "the expression is too large: it has more than %d parts with its macros in place", maxParts)
	case s.deep > maxDeep:
		c.report.At(f, location(e), diag.Error, diag.SQLRefused, "write a list, as concat(a, b, c), or a MAP literal", "the expression is too deep: calls lie in each other more than %d levels deep with its macros in place", maxDeep)
	default:
		return false
	}
	return true
}
