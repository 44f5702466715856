package engine

import (
	"fmt"
	"strings"
)

// maxExpanded is how many tokens a macro may come to with the macros that it calls in place. DuckDB puts them in place when it creates
// a macro, in memory that no limit holds: f1(x) := x || x, f2(x) := f1(f1(x)), ... is 2^60 copies of x in 60 lines.
const maxExpanded = 50_000

// expansions are the macros of a text, as far as was read.
type expansions map[string]expansion

// expansion is what a call comes to: own tokens, and each argument so many times.
type expansion struct {
	own  float64
	args []float64
}

// cost is a number of tokens that is linear in the sizes of parameters.
type cost struct {
	own float64
	per map[string]float64
}

func (c *cost) add(times float64, d cost) {
	c.own += times * d.own
	for p, n := range d.per {
		c.per[p] += times * n
	}
}

// define takes a CREATE MACRO statement whose name is at token i. It refuses what gets too large, before DuckDB sees it.
func (x expansions) define(s []token, i int) error {
	name := strings.ToLower(s[i].name())
	if _, twice := x[name]; twice {
		return &Error{Kind: "Contract", Message: fmt.Sprintf("macro %s is defined twice", name), Offset: s[i].at}
	}
	var all expansion
	for at := i + 1; at < len(s) && s[at].text == "("; {
		end := closing(s, at)
		var params []string
		for _, p := range arguments(s[at+1 : end]) {
			if len(p) > 0 {
				params = append(params, strings.ToLower(p[0].name()))
			}
		}
		next := end + 1
		for next < len(s) && !(s[next].text == "," && next+1 < len(s) && s[next+1].text == "(" && isHead(s, next+1)) {
			if opens(s[next]) {
				next = closing(s, next)
			}
			next++
		}
		next = min(next, len(s))
		c := x.cost(s[min(end+1, next):next], params)
		all.own = max(all.own, c.own+float64(end-at))
		for k, p := range params {
			if k == len(all.args) {
				all.args = append(all.args, 0)
			}
			all.args[k] = max(all.args[k], c.per[p])
		}
		at = next + 1
	}
	total := all.own
	for _, n := range all.args {
		total += n
	}
	if total > maxExpanded {
		return &Error{Kind: "Contract", Message: fmt.Sprintf("macro %s is too large: it has more than %d tokens after the macros that it calls are expanded", name, maxExpanded), Offset: s[i].at}
	}
	x[name] = all
	return nil
}

// isHead tells whether the parenthesis at token i holds the parameters of one more definition.
func isHead(s []token, i int) bool {
	end := closing(s, i)
	return end+1 < len(s) && s[end+1].is("as")
}

// cost of an expression in a macro with parameters.
func (x expansions) cost(toks []token, params []string) cost {
	c := cost{per: map[string]float64{}}
	for i := 0; i < len(toks); i++ {
		name := strings.ToLower(toks[i].name())
		m, known := x[name]
		if known && i+1 < len(toks) && toks[i+1].text == "(" {
			end := closing(toks, i+1)
			c.own += m.own
			for k, arg := range arguments(toks[i+2 : end]) {
				times := 1.0
				if k < len(m.args) {
					times = m.args[k]
				}
				if len(arg) > 1 && (arg[1].text == ":" || arg[1].text == "=") { // named: it may be any of them
					for _, n := range m.args {
						times = max(times, n)
					}
				}
				c.add(times, x.cost(arg, params))
			}
			i = end
			continue
		}
		isParam := false
		for _, p := range params {
			isParam = isParam || p != "" && p == name
		}
		if isParam {
			c.per[name]++
		} else {
			c.own++
		}
	}
	return c
}

func opens(t token) bool  { return t.text == "(" || t.text == "[" || t.text == "{" }
func closes(t token) bool { return t.text == ")" || t.text == "]" || t.text == "}" }

// closing gives the token that ends what begins at i, the last one where none does.
func closing(toks []token, i int) int {
	depth := 0
	for j := i; j < len(toks); j++ {
		if opens(toks[j]) {
			depth++
		}
		if closes(toks[j]) {
			if depth--; depth == 0 {
				return j
			}
		}
	}
	return len(toks) - 1
}

// arguments cuts at top-level commas.
func arguments(toks []token) (all [][]token) {
	from := 0
	for i := 0; i < len(toks); i++ {
		if opens(toks[i]) {
			i = closing(toks, i)
		} else if toks[i].text == "," {
			all = append(all, toks[from:i])
			from = i + 1
		}
	}
	if from < len(toks) {
		all = append(all, toks[from:])
	}
	return all
}
