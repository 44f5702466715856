package bound

import (
	"fmt"
	"math"
	"strings"

	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// harmless is how many bytes an expression may read without a guard if what it takes is within the bounds up to there.
const harmless = 256 << 10

// Longest is how many bytes the texts that an expression reads may have together, so that all of share expressions stay within what a
// mapping may take, however many elements their lists have. It is negative if even empty texts are too much.
func (e *Estimate) Longest(share int) float64 {
	return min(longest(e.Memory, MaxMemory/float64(share)), longest(e.Work, MaxWork/float64(share)))
}

// Together gives the bytes that each of several expressions may read if all may read as many.
func Together(all []*Estimate) float64 {
	var sum Estimate
	for _, e := range all {
		sum.Memory, sum.Work = sum.Memory.plus(e.Memory), sum.Work.plus(e.Work)
	}
	return sum.Longest(1)
}

// NeedsGuard says that the expression can take too much for a record that is not unusually long.
func (e *Estimate) NeedsGuard() bool { return e.Longest(1) < harmless }

// longest is the largest S for which p is at most limit. JSON of S bytes has fewer than S/2 elements.
func longest(p Poly, limit float64) float64 {
	fits := func(s float64) bool { return p.At(s, s/2) <= limit } // false if it is not a number
	if !fits(0) {
		return -1
	}
	low, high := 0.0, 1.0
	for fits(high) {
		if low, high = high, high*2; high > math.MaxInt32 {
			return math.MaxInt32
		}
	}
	for high-low > 1 {
		if middle := math.Floor((low + high) / 2); fits(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// Guard is the condition that the values that the expression reads have at most longest bytes. Lists may be longer if their elements
// are few: they are counted.
func (e *Estimate) Guard(longest float64) string {
	if longest < 0 {
		return "FALSE"
	}
	if len(e.Leaves) == 0 {
		return "TRUE"
	}
	bytes := sum(e.Leaves, "strlen(%s)")
	guard := fmt.Sprintf("%s <= %.0f", bytes, longest)
	if !e.CountsElements() {
		return guard
	}
	var parts []string
	for _, l := range e.Lists {
		parts = append(parts, elements(l)...)
	}
	b, n := "("+bytes+")", "("+strings.Join(parts, " + ")+")"
	return fmt.Sprintf("%s OR %s <= %d AND %s <= %.0f", guard, e.Memory.sql(b, n), maxCounted, e.Work.sql(b, n), float64(MaxWork))
}

// CountsElements says that the guard counts the elements of lists, too.
func (e *Estimate) CountsElements() bool {
	return len(e.Lists) > 0 && (e.Memory.counts() || e.Work.counts())
}

// Harmless is longest, or as much as is surely usual for a mapping that is known to go over lists in lists that are short.
func (e *Estimate) Harmless(longest float64) float64 {
	if len(e.Lists) > 0 {
		return max(longest, harmless)
	}
	return longest
}

// maxCounted bounds the memory of expressions whose lists are counted. How their elements are spread over the lists is not
// known, so the bound is many times what it really takes.
const maxCounted = 2 * MaxMemory

// elements counts what is in a list of JSON, and in the lists of its elements.
func elements(l *rawtable.Leaf) []string {
	column := syntax.Ident(l.Column)
	parts := []string{"coalesce(TRY(json_array_length(" + column + ")), 0)"}
	var in func(t *ducktype.Type, path string)
	in = func(t *ducktype.Type, path string) {
		switch t.Family() {
		case ducktype.List:
			parts = append(parts, "coalesce(list_sum(TRY(json_array_length("+column+", "+syntax.Quote(path)+"))), 0)")
			in(t.Elem, path+"[*]")
		case ducktype.JSON:
			parts = append(parts, "coalesce(list_sum(TRY(json_array_length("+column+", "+syntax.Quote(path)+"))), 0)")
		case ducktype.Struct:
			for _, f := range t.Fields {
				in(f.Type, path+"."+syntax.Ident(f.Name))
			}
		}
	}
	if l.Field != nil && l.Field.Type.Elem != nil {
		in(l.Field.Type.Elem, "$[*]")
	}
	return parts
}

// counts says that p depends on the number of elements.
func (p Poly) counts() bool {
	for at, v := range p {
		if at.n > 0 && v > 0 {
			return true
		}
	}
	return false
}

func sum(leaves []*rawtable.Leaf, of string) string {
	parts := make([]string, len(leaves))
	for i, l := range leaves {
		parts[i] = "coalesce(" + fmt.Sprintf(of, syntax.Ident(l.Column)) + ", 0)"
	}
	return strings.Join(parts, " + ")
}
