package bound

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"unicode"
)

// A search for all matches of a pattern is linear if the search for one of them reads little beyond its end. RE2 reads on after a match
// as long as a better one is possible, so the number of characters that it can read there is what decides. It is found by running
// RE2's own automaton over all texts: its states are the ordered lists of instructions that are still possible.

// maxVisits is how many instructions are looked at before a pattern counts as too large for that.
const maxVisits = 1 << 19

// overrun gives the number of characters that a search reads at most beyond the end of a match. ok is false if no bound was found.
// It holds with every option of DuckDB's functions.
func overrun(pattern string) (chars int, ok bool) {
	for _, flags := range []syntax.Flags{0, syntax.DotNL, syntax.FoldCase, syntax.DotNL | syntax.FoldCase} {
		re, err := syntax.Parse(pattern, syntax.Perl|flags)
		if err != nil {
			return 0, false
		}
		prog, err := syntax.Compile(re.Simplify())
		if err != nil {
			return 0, false
		}
		a := newAutomaton(prog)
		if a.walk(); a.unbounded {
			return 0, false
		}
		chars = max(chars, a.longest)
	}
	return chars, true
}

// automaton finds the states of a leftmost-first search.
type automaton struct {
	prog      *syntax.Prog
	runes     []rune // one of each class of characters that the pattern tells apart
	asserts   bool   // the pattern looks at the characters around a place, as \b
	states    map[string]*searchState
	todo      []*searchState
	visits    int
	longest   int
	unbounded bool

	seen []int // the round in which an instruction was last looked at
	now  int
}

// searchState is where a search is between two characters.
type searchState struct {
	at      []uint32 // instructions, the best first; their empty-width conditions are not tested yet
	before  rune     // the character before, or -1: one of its kind
	matched bool     // there is a match: only better ones are looked for
	further []*searchState
	depth   int // how many characters can follow without another match; -1: not known yet, -2: being computed
}

func newAutomaton(prog *syntax.Prog) *automaton {
	a := &automaton{prog: prog, states: map[string]*searchState{}, seen: make([]int, len(prog.Inst))}
	edges := []rune{0, '\n', '\n' + 1, '0', '9' + 1, 'A', 'Z' + 1, '_', '_' + 1, 'a', 'z' + 1}
	for i := range prog.Inst {
		in := &prog.Inst[i]
		a.asserts = a.asserts || in.Op == syntax.InstEmptyWidth
		if in.Op != syntax.InstRune && in.Op != syntax.InstRune1 {
			continue
		}
		if len(in.Rune) == 1 {
			edges = append(edges, in.Rune[0], in.Rune[0]+1)
			for r := unicode.SimpleFold(in.Rune[0]); r != in.Rune[0]; r = unicode.SimpleFold(r) {
				edges = append(edges, r, r+1)
			}
			continue
		}
		for j := 0; j+1 < len(in.Rune); j += 2 {
			edges = append(edges, in.Rune[j], in.Rune[j+1]+1)
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	if a.visits = len(edges) * len(prog.Inst); a.visits > maxVisits {
		a.unbounded = true
		return a
	}
	kinds := map[string]bool{}
	for _, r := range edges {
		if r > unicode.MaxRune {
			continue
		}
		kind := []byte{kindOf(r)}
		for i := range prog.Inst {
			if consumes(&prog.Inst[i], r) {
				kind = binary.AppendUvarint(kind, uint64(i))
			}
		}
		if !kinds[string(kind)] {
			kinds[string(kind)] = true
			a.runes = append(a.runes, r)
		}
	}
	return a
}

// consumes says that an instruction takes the character r.
func consumes(in *syntax.Inst, r rune) bool {
	switch in.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return in.MatchRune(r)
	}
	return false
}

// kindOf is what empty-width conditions tell of a character.
func kindOf(r rune) byte {
	switch {
	case r < 0:
		return 0
	case r == '\n':
		return 1
	case syntax.IsWordChar(r):
		return 2
	}
	return 3
}

// walk goes through all states, from the beginning of a text and from the end of an earlier match, and then through those after a match.
func (a *automaton) walk() {
	if a.unbounded {
		return
	}
	for _, before := range []rune{-1, '\n', 'a', ' '} {
		a.state(nil, before, false)
	}
	for len(a.todo) > 0 && !a.unbounded {
		s := a.todo[len(a.todo)-1]
		a.todo = a.todo[:len(a.todo)-1]
		for _, r := range a.runes {
			a.step(s, r)
		}
	}
	for _, s := range a.states {
		if !a.unbounded && s.matched {
			a.longest = max(a.longest, 1+a.depth(s))
		}
	}
}

// state is the state with these instructions, which is looked at later if it is new.
func (a *automaton) state(at []uint32, before rune, matched bool) *searchState {
	if !a.asserts {
		before = -1
	}
	key := []byte{kindOf(before), 0}
	if matched {
		key[1] = 1
	}
	for _, pc := range at {
		key = binary.AppendUvarint(key, uint64(pc))
	}
	s := a.states[string(key)]
	if s == nil {
		s = &searchState{at: at, before: before, matched: matched, depth: -1}
		a.states[string(key)] = s
		a.todo = append(a.todo, s)
	}
	return s
}

// step follows a character.
func (a *automaton) step(s *searchState, r rune) {
	flags := syntax.EmptyOpContext(s.before, r)
	a.now++
	var ready []uint32
	match := false
	for i := 0; i <= len(s.at) && !match; i++ {
		switch {
		case i < len(s.at):
			ready, match = a.closure(ready, s.at[i], flags)
		case !s.matched: // a match may begin here
			ready, match = a.closure(ready, uint32(a.prog.Start), flags)
		}
	}
	a.now++
	var at []uint32
	for _, pc := range ready {
		if in := &a.prog.Inst[pc]; consumes(in, r) && a.seen[in.Out] != a.now {
			a.seen[in.Out] = a.now
			at = append(at, in.Out)
		}
	}
	if a.visits += len(ready) + 1; a.visits > maxVisits {
		a.unbounded = true
	}
	matched := s.matched || match
	if matched && len(at) == 0 {
		return // the search ends
	}
	to := a.state(at, r, matched)
	if s.matched && !match {
		s.further = append(s.further, to)
	}
}

// closure adds the instructions that take characters and are reached from pc without one, the best first. It ends at a match: what comes
// after it is worse.
func (a *automaton) closure(ready []uint32, pc uint32, flags syntax.EmptyOp) ([]uint32, bool) {
	stack := []uint32{pc}
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if a.seen[pc] == a.now {
			continue
		}
		a.seen[pc] = a.now
		a.visits++
		switch in := &a.prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, in.Arg, in.Out)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags == 0 {
				stack = append(stack, in.Out)
			}
		case syntax.InstMatch:
			return ready, true
		case syntax.InstFail:
		default:
			ready = append(ready, pc)
		}
	}
	return ready, false
}

// depth is how many characters can follow a state before the search ends or matches once more.
func (a *automaton) depth(s *searchState) int {
	switch {
	case s.depth == -2: // it can be reached again and again
		a.unbounded = true
	case s.depth == -1:
		s.depth = -2
		deepest := 0
		for _, to := range s.further {
			if deepest = max(deepest, 1+a.depth(to)); a.unbounded {
				return 0
			}
		}
		s.depth = deepest
	}
	return max(s.depth, 0)
}
