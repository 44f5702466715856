package syntax

import (
	"slices"
	"strings"
)

// size is a number of parts that is linear in those of a macro's arguments, and a depth.
type size struct {
	own  float64
	per  map[string]float64 // by parameter, of a body
	args []float64          // of a macro, by place
	deep int
}

// measured gives the size of what a macro comes to.
func (ms *Macros) measured(name string) size {
	if s, ok := ms.sizes[name]; ok {
		return s
	}
	ms.sizes[name] = size{own: 1} // DuckDB refuses macros that call themselves
	var all size
	for _, m := range ms.defs {
		if !strings.EqualFold(m.Name, name) {
			continue
		}
		s := ms.size(ms.bodies[m.Definition], m.Parameters)
		all.own, all.deep = max(all.own, s.own), max(all.deep, s.deep)
		for k, p := range m.Parameters {
			if k == len(all.args) {
				all.args = append(all.args, 0)
			}
			all.args[k] = max(all.args[k], s.per[strings.ToLower(p)])
		}
	}
	ms.sizes[name] = all
	return all
}

// size of an expression with macros in place. Calls are counted, not put there.
func (ms *Macros) size(v any, params []string) size {
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
			add(1, ms.size(e, params), 0)
		}
	case Node:
		class := Str(t, "class")
		if names := ColumnNames(t); class == "COLUMN_REF" && len(names) == 1 && ContainsFold(params, names[0]) {
			out.per[strings.ToLower(names[0])]++
			return out
		}
		if name := strings.ToLower(Str(t, "function_name")); class == "FUNCTION" && ms.Is(name) {
			m := ms.measured(name)
			out.own, out.deep = m.own, m.deep
			for k, a := range List(t, "children") {
				times := 1.0
				if k < len(m.args) {
					times = max(times, m.args[k])
				}
				if arg, _ := a.(Node); Str(arg, "alias") != "" { // named: it may be any of them
					times = max(times, slices.Max(append([]float64{1}, m.args...)))
				}
				add(times, ms.size(a, params), m.deep)
			}
			return out
		}
		below := 0
		if class != "" {
			out.own, below = 1, 1
		}
		for _, e := range t {
			add(1, ms.size(e, params), below)
		}
		out.deep = max(out.deep, below)
	}
	return out
}

// Size returns how many parts an expression has with its macros in place, and how deep its calls are nested.
func (ms *Macros) Size(e any) (parts float64, depth int) {
	s := ms.size(e, nil)
	return s.own, s.deep
}
