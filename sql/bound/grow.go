package bound

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/sql/allow"
)

// grow bounds a function's result, what it needs meanwhile, and its steps beyond one for each byte of the result.
func grow(name string, growth allow.Growth, args []value) (v value, scratch, work Poly) {
	arg := func(i int) value {
		if i < len(args) {
			return args[i]
		}
		return value{}
	}
	sum := joined(args)
	rest := joined(args[min(1, len(args)):])
	work = sum.memory()
	text := func(p Poly) value { return value{text: p, fixed: sum.fixed, rough: sum.rough, slots: 1, vectors: 1} }
	list := func(bytes, elements Poly) value {
		return value{text: bytes, count: elements, fixed: sum.fixed, rough: true, slots: 1, vectors: 2}
	}
	switch growth {
	case allow.GrowsNot:
		return scalar(sum.fixed), nil, work
	case allow.GrowsNotMore:
		if n, ok := arg(len(args) - 1).literal.(int64); ok && prefixes[name] { // the last argument is a number of characters
			if n >= 0 && n < 1<<16 && len(sum.count) == 0 {
				sum.text = constant(4 * float64(n))
			}
		}
		return sum, nil, work
	case allow.GrowsToWidth: // a character takes four bytes at most
		if n, ok := arg(1).literal.(int64); ok {
			return text(constant(4 * float64(max(n, 0)))), nil, work
		}
		return text(endless()), nil, work
	case allow.GrowsByFormat:
		format, _ := arg(0).literal.(string)
		return text(formatSize(format, rest.memory())), nil, work
	case allow.GrowsByReplace:
		return text(replaceSize(arg(0), arg(1), arg(2))), nil, work.plus(searchWork(arg(0), arg(1)))
	case allow.GrowsByPattern:
		all := true
		if o, ok := arg(3).literal.(string); ok || len(args) < 4 { // without the option g the first match only
			all = strings.Contains(o, "g")
		}
		work = work.plus(patternWork(arg(0), arg(1), all))
		size := arg(0).text.plus(constant(1)).times(arg(2).text.plus(constant(1)))
		if !all {
			size = arg(0).text.plus(arg(2).text).plus(arg(0).text.times(backReferences(arg(2))))
		}
		v = text(size)
		v.rough = true
		return v, nil, work
	case allow.GrowsBySeparator:
		return text(separatorSize(name, args)), nil, work
	case allow.GrowsByProduct:
		p := arg(0).memory().plus(constant(1)).times(rest.memory().plus(constant(1)))
		v = sum
		v.text, v.count = p, p.scale(1.0/slot)
		return v, nil, work.plus(p)
	case allow.GrowsBySquare:
		p := sum.memory().times(sum.memory()).scale(4)
		return text(p), nil, work.plus(p)
	case allow.GrowsByMatrix:
		p := arg(0).text.plus(constant(1)).times(arg(1).text.plus(constant(1)))
		return scalar(sum.fixed), p.scale(8), work.plus(p.scale(4))
	case allow.GrowsByPairs:
		return sum, nil, work.plus(arg(0).each().times(arg(1).each()))
	case allow.SearchesPattern:
		groups := 1
		if names, ok := arg(2).literal.([]string); ok {
			groups = len(names)
		}
		return text(arg(0).text.scale(float64(max(1, groups)))), nil, work.plus(patternWork(arg(0), arg(1), false))
	case allow.SearchesPatternAll:
		return list(arg(0).text, arg(0).text.plus(constant(1))), nil, work.plus(patternWork(arg(0), arg(1), true))
	case allow.SearchesLike:
		return scalar(sum.fixed), nil, work.plus(likeWork(name, arg(0), arg(1)))
	case allow.Searches:
		return text(arg(0).text), nil, work.plus(searchWork(arg(0), arg(1)))
	case allow.Splits:
		return list(arg(0).text, splitCount(arg(0), arg(1))), nil, work.plus(searchWork(arg(0), arg(1)))
	case allow.GrowsByPath:
		if path, ok := arg(1).literal.(string); len(args) < 2 || ok && !strings.Contains(path, "..") {
			if elements := sum.count.plus(sum.inner); len(elements) > 0 {
				return list(sum.text, elements), nil, work
			}
			return list(sum.text, sum.text.scale(0.5)), nil, work
		}
		p := sum.text.times(sum.text)
		return list(p, p), nil, work.plus(p)
	case allow.GrowsByTimeFormat:
		return text(sum.text.scale(32)), nil, work
	}
	if n, ok := growth.Longest(); ok {
		return text(constant(n)), nil, work
	}
	if f, ok := growth.Factor(); ok {
		v = sum
		v.text = sum.memory().scale(f)
		if f >= 8 || len(sum.text) == 0 { // numbers become texts
			v.text = v.text.plus(constant(4 * slot))
		}
		if f == 20 { // a list of what is in a text
			v.count = sum.count.plus(sum.text.scale(0.5))
		}
		return v, nil, work
	}
	return text(endless()), nil, work // not on the list: allow refuses it
}

// prefixes are functions that take as many characters of a text as their last argument says.
var prefixes = map[string]bool{"left": true, "right": true, "left_grapheme": true, "right_grapheme": true}

// each is how many parts a value has that are compared one by one.
func (v value) each() Poly {
	if len(v.count) > 0 {
		return v.count.plus(constant(1))
	}
	return v.text.plus(constant(1))
}

// splitCount bounds the parts of a text: a separator of several bytes can be there fewer times.
func splitCount(text, separator value) Poly {
	n := 1.0
	if s, ok := separator.literal.(string); ok {
		n = max(1, float64(len(s)))
	}
	return text.text.scale(1 / n).plus(constant(1))
}

// formatSize bounds what format and printf make: every number in the format may be a width or a precision.
func formatSize(format string, args Poly) Poly {
	size := float64(len(format))
	for _, n := range digits.FindAllString(format, -1) {
		v, _ := strconv.ParseFloat(n, 64)
		size += 4 * v
	}
	places := float64(strings.Count(format, "{") + strings.Count(format, "%"))
	number := 24.0
	if strings.ContainsAny(format, "fF") { // all digits of a large number
		number = 350
	}
	return args.plus(constant(number)).scale(places).plus(constant(size + slot))
}

var digits = regexp.MustCompile(`[0-9]+`)

// replaceSize bounds replace: the text has as many matches as fit into it.
func replaceSize(text, from, to value) Poly {
	n := text.text.plus(constant(1))
	if f, ok := from.literal.(string); ok {
		if f == "" {
			return text.text
		}
		if t, ok := to.literal.(string); ok && len(t) <= len(f) {
			return text.text
		}
		n = text.text.scale(1 / float64(len(f)))
	}
	return text.text.plus(n.times(to.text))
}

// searchWork is what it takes to look for a text in another one. For a constant the search does not start again.
func searchWork(in, what value) Poly {
	if s, ok := what.literal.(string); ok && len(s) <= 256 {
		return in.text
	}
	return in.text.times(what.text.scale(1.0 / 8).plus(constant(1)))
}

// backReferences is how often a replacement can repeat its match.
func backReferences(to value) Poly {
	if s, ok := to.literal.(string); ok {
		return constant(float64(strings.Count(s, `\`)))
	}
	return to.text
}

// separatorSize bounds the text of a list's elements, and of values that the first argument separates.
func separatorSize(name string, args []value) Poly {
	if len(args) == 0 {
		return nil
	}
	sum := joined(args)
	if name == "concat_ws" {
		return sum.text.plus(args[0].text.scale(float64(len(args)))).plus(sum.count.times(args[0].text.plus(constant(2)))).plus(sum.memory())
	}
	if aggregate, ok := args[min(1, len(args)-1)].literal.(string); ok && strings.EqualFold(aggregate, "bitstring_agg") {
		return endless() // as many bits as two numbers are apart
	}
	per := joined(args[1:]).text
	if len(sum.text) == 0 || len(args[0].inner) > 0 { // of numbers, or lists
		per = per.plus(constant(2 * slot))
	}
	return sum.text.plus(sum.inner.scale(4 * slot)).plus(args[0].count.times(per))
}

const (
	// unknownPattern is how many steps for each byte a pattern of one byte may take that is not a constant.
	unknownPattern = 1000
	// usualPattern is how many states a constant pattern has at most that a macro makes.
	usualPattern = 4096
	// wordSteps is how many states of a pattern are followed in the time of one step.
	wordSteps = 16
)

// patternWork bounds a search for a regular expression. It is linear in the text, except for all matches of a pattern whose search may
// read far beyond the end of its match before it gives up.
func patternWork(text, pattern value, all bool) Poly {
	in := text.text
	p, ok := pattern.literal.(string)
	switch {
	case !ok && pattern.fixed: // macros make patterns of constants; DuckDB compiles them once
		if work := in.scale(1 + usualPattern/wordSteps); !all {
			return work
		}
		return in.times(in).scale(2)
	case !ok:
		steps := pattern.text.scale(unknownPattern / wordSteps).plus(constant(1))
		if all {
			return in.times(in).times(steps)
		}
		return in.times(steps)
	}
	states, early := patternShape(p)
	work := in.scale(1 + states/wordSteps)
	if !all {
		return work
	}
	if beyond, ok := overrun(p); ok { // each match has one character of its own at least
		return work.plus(in.scale(4 * float64(beyond)))
	}
	if early {
		return work
	}
	return work.plus(in.times(in).scale(2))
}

// patternShape gives the number of states of a pattern, and whether its form says that a search stops near the end of its match.
func patternShape(p string) (states float64, early bool) {
	re, err := syntax.Parse(p, syntax.Perl)
	if err != nil { // not known to Go: as large as its repetitions allow
		states = float64(len(p))
		for _, n := range digits.FindAllString(p, -1) {
			v, _ := strconv.ParseFloat(n, 64)
			states *= max(1, min(v, 1000))
		}
		return states, false
	}
	early = endsEarly(re)
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 1e6, early
	}
	return float64(len(prog.Inst)), early
}

// endsEarly says that a match's last repetition is its only one without an end, so that the search stops where the match does.
func endsEarly(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpStar, syntax.OpPlus:
		return plain(re.Sub[0])
	case syntax.OpRepeat:
		return plain(re.Sub[0])
	case syntax.OpCapture:
		return endsEarly(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub[:len(re.Sub)-1] {
			if !bounded(sub) {
				return false
			}
		}
		return endsEarly(re.Sub[len(re.Sub)-1])
	}
	return bounded(re)
}

// plain is one character of a class.
func plain(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) == 1
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return true
	}
	return false
}

// bounded says that a pattern matches no text of any length.
func bounded(re *syntax.Regexp) bool {
	if re.Op == syntax.OpStar || re.Op == syntax.OpPlus || re.Op == syntax.OpRepeat && re.Max < 0 {
		return false
	}
	for _, sub := range re.Sub {
		if !bounded(sub) {
			return false
		}
	}
	return true
}

// likeWork bounds LIKE, which tries each place for each %, one inside of the other. For a constant without _ DuckDB has a search of its
// own, which does not go back.
func likeWork(name string, text, pattern value) Poly {
	in := text.text
	p, ok := pattern.literal.(string)
	if !ok {
		return in.times(pattern.text) // projection has put a limit on its %
	}
	if (name == "~~" || name == "!~~") && !strings.Contains(p, "_") {
		return in
	}
	many := "%"
	if name == "~~~" {
		many = "*"
	}
	parts := 0
	for i, part := range strings.Split(strings.TrimRight(p, many), many) {
		if i > 0 && part != "" {
			parts++
		}
	}
	work := in.scale(2)
	for range max(0, parts-1) {
		work = work.times(in)
	}
	return work
}
