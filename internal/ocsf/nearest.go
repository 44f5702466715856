package ocsf

import (
	"slices"
	"strings"
)

// suggestionDepth is how many segments a suggested path has at most. Deeper ones exist without end, for objects contain
// themselves (process.parent_process); nobody misses them among suggestions.
const suggestionDepth = 4

// The costs of making one name out of another, a name being its words. They are guesses held by the tests' examples.
const (
	costAbbreviated = 0.2 // src for source
	costBegins      = 0.3 // ipaddr for ip: one is how the other begins
	costExtra       = 0.5 // a word that only the right name has
	costMissing     = 0.8 // a word that only the wrong name has
	costOther       = 1.2 // a word for a wholly different one
	costProfile     = 0.1 // breaks ties: what is always there before what a profile adds
	costSegment     = 0.02
	gainLast        = 0.3 // both paths end in the same segment
)

// NearestClass is the known class whose name or caption is most like the given one, or "" where none is near.
func (s *Schema) NearestClass(name string) string {
	var n nearest
	for _, c := range s.classes {
		n.offer(c.Name, min(distance(words(name), words(c.Name)), distance(words(name), words(c.Caption))))
	}
	return n.within(words(name))
}

// NearestProfile is the known profile whose name is most like the given one, or "" where none is near.
func (s *Schema) NearestProfile(name string) string {
	var n nearest
	for _, p := range s.profiles {
		_, short, extension := strings.Cut(p, "/")
		cost := distance(words(name), words(p))
		if extension {
			cost = min(cost, distance(words(name), words(short)))
		}
		n.offer(p, cost)
	}
	return n.within(words(name))
}

// nearestPath looks through all paths of the class that can be columns.
func (s *Schema) nearestPath(class *Class, path string) string {
	wrong, last := words(path), path[strings.LastIndex(path, ".")+1:]
	var n nearest
	letters := strings.NewReplacer("_", "", "-", "")
	s.walk(class, func(candidate string, attributes []*Attribute) {
		cost := distance(wrong, words(candidate)) + costSegment*float64(len(attributes))
		switch name := attributes[len(attributes)-1].Name; {
		case name == last:
			cost -= gainLast
		case letters.Replace(strings.ToLower(last)) == letters.Replace(name): // host_name of hostname
			cost = distance(words(strings.TrimSuffix(path, last)), words(strings.TrimSuffix(candidate, name))) + costSegment*float64(len(attributes)) - gainLast
		}
		if slices.ContainsFunc(attributes, func(a *Attribute) bool { return a.Profile != "" }) {
			cost += costProfile
		}
		n.offer(candidate, cost)
	})
	return n.within(wrong)
}

// walk visits every path of the class that Resolve accepts, to suggestionDepth and never through the same object twice.
func (s *Schema) walk(class *Class, visit func(path string, attributes []*Attribute)) {
	var down func(at *Fields, prefix string, above []*Attribute)
	down = func(at *Fields, prefix string, above []*Attribute) {
		for _, a := range at.Attributes {
			path, attributes := prefix+a.Name, append(slices.Clip(above), a)
			if a.Base != Struct || a.IsMap && !a.IsArray {
				visit(path, attributes)
				continue
			}
			seen := slices.ContainsFunc(above, func(b *Attribute) bool { return b.Object == a.Object })
			if !a.IsArray && !seen && len(attributes) < suggestionDepth {
				down(&s.objects[a.Object].Fields, path+".", attributes)
			}
		}
	}
	down(&class.Fields, "", nil)
}

// nearest keeps the cheapest name, the first of equals.
type nearest struct {
	name string
	cost float64
}

func (n *nearest) offer(name string, cost float64) {
	if n.name == "" || cost < n.cost {
		n.name, n.cost = name, cost
	}
}

// within is the kept name, unless most of the wrong one's words would have to be made up.
func (n *nearest) within(wrong []string) string {
	if n.name == "" || n.cost > 0.4+0.35*float64(len(wrong)) {
		return ""
	}
	return n.name
}

// words cuts names and paths at everything that separates: src_endpoint.ip and "Src Endpoint IP" are the same three.
func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("._-/ ", r) })
}

// distance is the least cost of making the words of one name out of another's, in order.
func distance(wrong, right []string) float64 {
	row := make([]float64, len(right)+1)
	for j := range row {
		row[j] = float64(j) * costExtra
	}
	for i, w := range wrong {
		diagonal := row[0]
		row[0] = float64(i+1) * costMissing
		for j, r := range right {
			best := min(diagonal+wordCost(w, r), row[j+1]+costMissing, row[j]+costExtra)
			diagonal, row[j+1] = row[j+1], best
		}
	}
	return row[len(right)]
}

// wordCost is 0 for equal words, little for abbreviations and slips, and costOther for others; less where both begin alike, for
// what people add to a name or misremember is mostly its end.
func wordCost(a, b string) float64 {
	if a == b {
		return 0
	}
	if abbreviates(a, b) || abbreviates(b, a) {
		return costAbbreviated
	}
	alike := prefix(a, b)
	if alike >= 2 && alike == min(len(a), len(b)) {
		return costBegins
	}
	if n, longest := edits(a, b), max(len(a), len(b)); n*5 <= longest*2 {
		return float64(n) / float64(longest)
	}
	if alike >= 2 {
		return costOther * (1 - float64(alike)/float64(len(a)+len(b)))
	}
	return costOther
}

// prefix is how many bytes both words begin with.
func prefix(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// abbreviates says whether short has at least three letters, begins as long does, and leaves letters of it out.
func abbreviates(short, long string) bool {
	if len(short) < 3 || len(short) >= len(long) || short[0] != long[0] {
		return false
	}
	at := 0
	for i := 0; i < len(long) && at < len(short); i++ {
		if long[i] == short[at] {
			at++
		}
	}
	return at == len(short)
}

// edits counts the bytes to insert, delete or replace, and the neighbours to swap.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
