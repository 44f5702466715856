package staging

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/objstore"
)

// maxLinksOut bounds how many links that lead out of staging a listing remembers.
const maxLinksOut = 10_000

// linked is an object whose key leads through a link.
type linked struct {
	objstore.Object
	late bool // it is in a folder before the cutoff
}

// links makes a listing read each file once, whatever links lead to it:
//
//   - An object whose own key is read too is left to that key.
//   - Of several keys that lead to another file, the one that was taken counts, or else the first one.
type links struct {
	o      *Options
	done   bool // choose was called
	others map[string][]linked
	linked int
	out    map[string]bool
}

func newLinks(o *Options) *links {
	return &links{o: o, others: map[string][]linked{}, out: map[string]bool{}}
}

// leadsOut notes a link that leads out of staging, unless include and exclude leave it out.
func (s *links) leadsOut(key string) {
	if len(s.out) < maxLinksOut && (strings.HasSuffix(key, "/") || s.o.selected(key)) {
		s.out[key] = true
	}
}

// postpone leaves an object behind a link out, or keeps it for choose. It is false for what choose returned.
func (s *links) postpone(o objstore.Object, late bool) bool {
	switch {
	case s.done:
		return false
	case !strings.HasPrefix(o.Link, "/") && s.o.selected(o.Link):
		s.linked++
	default:
		s.others[o.Link] = append(s.others[o.Link], linked{o, late})
	}
	return true
}

// known says whether the object, or another version of it, was taken under its key.
func (s *links) known(l linked) bool {
	return s.o.Taken != nil && s.o.Taken(l.Object) || s.o.Changed != nil && s.o.Changed(l.Object)
}

// choose gives one object for each file that is only read through links, by key.
func (s *links) choose() []linked {
	s.done = true
	var out []linked
	for _, file := range slices.Sorted(maps.Keys(s.others)) {
		same := s.others[file]
		slices.SortFunc(same, func(a, b linked) int { return strings.Compare(a.Key, b.Key) })
		best := max(0, slices.IndexFunc(same, s.known))
		out = append(out, same[best])
		s.linked += len(same) - 1
	}
	return out
}

// DescribeLinksOut says which links were not followed.
func DescribeLinksOut(keys []string) string {
	const few = 3
	names := strings.Join(keys[:min(few, len(keys))], ", ")
	if len(keys) > few {
		names += fmt.Sprintf(" and %d more", len(keys)-few)
	}
	lead, are := "leads", "is"
	if len(keys) > 1 {
		lead, are = "lead", "are"
	}
	return fmt.Sprintf("%s of staging %s out of it and %s not followed: %s", human.Plural(int64(len(keys)), "link"), lead, are, names)
}
