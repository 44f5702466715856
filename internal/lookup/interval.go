package lookup

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"unsafe"
)

// intervalIndex finds rows by the interval of addresses or numbers that a value is in.
type intervalIndex struct {
	numbers bool
	four    fours
	whole   narrow // numbers
	six     wide
	parent  []int32 // of timed prefixes: the group of the next shorter prefix
}

// fours are intervals of IPv4 addresses: each begins at a place and ends before the next one.
type fours struct {
	places []place
	// top has for each slot of 1<<shift addresses, from that of the first place, how many places begin before it.
	top   []uint32
	shift uint8
}

// place is where an interval begins. The group is -1 if no row has it.
type place struct {
	start uint32
	group int32
}

// narrow are intervals of numbers: each begins at a start and ends before the next one. The first begins at 0.
type narrow struct {
	starts []uint64
	groups []int32 // -1: none
}

// wide are intervals of IPv6 addresses, as those of narrow.
type wide struct {
	hi, lo []uint64
	groups []int32
	// top has for the upper 16 bits of an address how many intervals begin before it.
	top []uint32
}

// between gives the places among which the first is that begins after an address. None is before them: both are 0.
func (f *fours) between(v uint32) (from, to uint32) {
	n := len(f.places)
	if n == 0 || v < f.places[0].start {
		return 0, 0
	}
	if slot := int((v - f.places[0].start) >> f.shift); slot+1 < len(f.top) {
		return f.top[slot], f.top[slot+1]
	}
	return uint32(n), uint32(n)
}

// half halves the places among which the first is that begins after an address.
func (f *fours) half(v, from, to uint32) (uint32, uint32) {
	if mid := (from + to) / 2; f.places[mid].start <= v {
		from = mid + 1
	} else {
		to = mid
	}
	return from, to
}

func (f *fours) find(v uint32) int {
	from, to := f.between(v)
	for from < to {
		from, to = f.half(v, from, to)
	}
	if from == 0 {
		return -1
	}
	return int(f.places[from-1].group)
}

// findAll finds the groups of up to Batch addresses. Each step is done for all of them, because the processor then waits for the memory of
// many places at once.
func (f *fours) findAll(all []uint32, groups []int64) {
	var from, to [Batch]uint32
	for i, v := range all {
		from[i], to[i] = f.between(v)
	}
	for i, v := range all {
		if from[i] < to[i] {
			from[i], to[i] = f.half(v, from[i], to[i])
		}
	}
	for i, v := range all {
		for from[i] < to[i] {
			from[i], to[i] = f.half(v, from[i], to[i])
		}
		groups[i] = -1
		if from[i] > 0 {
			groups[i] = int64(f.places[from[i]-1].group)
		}
	}
}

func (n *narrow) find(v uint64) int {
	from, to := 0, len(n.starts)
	for from < to { // the first that begins after v
		if mid := int(uint(from+to) >> 1); n.starts[mid] <= v {
			from = mid + 1
		} else {
			to = mid
		}
	}
	if from == 0 {
		return -1
	}
	return int(n.groups[from-1])
}

func (n *wide) find(a address) int {
	if len(n.hi) == 0 {
		return -1
	}
	h := a.hi >> 48
	from, to := int(n.top[h]), int(n.top[h+1])
	for from < to {
		if mid := int(uint(from+to) >> 1); n.hi[mid] < a.hi || n.hi[mid] == a.hi && n.lo[mid] <= a.lo {
			from = mid + 1
		} else {
			to = mid
		}
	}
	if from == 0 {
		return -1
	}
	return int(n.groups[from-1])
}

func (x *intervalIndex) find(_ *Table, keys [][]byte) int {
	if x.numbers {
		v, ok := readNumber(keys[0])
		if !ok {
			return -1
		}
		return x.whole.find(v)
	}
	a, ok := readAddress(keys[0])
	switch {
	case !ok:
		return -1
	case a.four:
		return x.four.find(uint32(a.lo))
	}
	return x.six.find(a)
}

// findAll finds the groups of up to Batch addresses.
func (x *intervalIndex) findAll(keys [][]byte, groups []int64) {
	var fours [Batch]uint32
	var at [Batch]int // their keys
	var found [Batch]int64
	n := 0
	for i, k := range keys {
		a, ok := readAddress(k)
		switch {
		case !ok:
			groups[i] = -1
		case a.four:
			fours[n], at[n] = uint32(a.lo), i
			n++
		default:
			groups[i] = int64(x.six.find(a))
		}
	}
	x.four.findAll(fours[:n], found[:n])
	for i, group := range found[:n] {
		groups[at[i]] = group
	}
}

func (x *intervalIndex) next(group int) int {
	if x.parent == nil {
		return -1
	}
	return int(x.parent[group])
}

func (x *intervalIndex) bytes() int64 {
	return int64(cap(x.four.places)+cap(x.whole.starts)+cap(x.six.hi)+cap(x.six.lo))*8 +
		int64(cap(x.whole.groups)+cap(x.six.groups)+cap(x.parent)+len(x.four.top)+len(x.six.top))*4
}

// readNumber reads a whole number as one whose order is that of unsigned numbers.
func readNumber(t []byte) (uint64, bool) {
	if len(t) == 0 || len(t) > 20 {
		return 0, false
	}
	v, err := strconv.ParseInt(unsafe.String(&t[0], len(t)), 10, 64)
	return uint64(v) ^ 1<<63, err == nil
}

// span is an interval of a row, both ends inclusive.
type span struct {
	first, last address
	row         uint32
}

// shortSpan is a span of IPv4 addresses.
type shortSpan struct{ first, last, row uint32 }

// key sorts by the begin, and larger spans before those in them.
func (s shortSpan) key() uint64 { return uint64(s.first)<<32 | uint64(^s.last) }

func (s shortSpan) span() span {
	return span{address{lo: uint64(s.first), four: true}, address{lo: uint64(s.last), four: true}, s.row}
}

func (b *builder) addSpan(first, last address) {
	if first.four && !b.numbers {
		b.short = append(b.short, shortSpan{uint32(first.lo), uint32(last.lo), uint32(b.rows)})
		return
	}
	b.spans = append(b.spans, span{first, last, uint32(b.rows)})
}

// sorted yields all spans, IPv4 first.
func (b *builder) sorted(yield func(span) bool) {
	sortShort(b.short)
	slices.SortFunc(b.spans, order)
	for _, s := range b.short {
		if !yield(s.span()) {
			return
		}
	}
	for _, s := range b.spans {
		if !yield(s) {
			return
		}
	}
}

// compareShort orders spans as order does.
func compareShort(x, y shortSpan) int {
	if c := cmp.Compare(x.key(), y.key()); c != 0 {
		return c
	}
	return cmp.Compare(x.row, y.row)
}

// sortShort sorts spans: by their begin into buckets, in place, and each bucket in the same way. That compares little, and stays near in
// memory.
func sortShort(s []shortSpan) {
	if len(s) <= 64 || slices.IsSortedFunc(s, compareShort) {
		slices.SortFunc(s, compareShort)
		return
	}
	least, most := s[0].first, s[0].first
	for i := range s {
		least, most = min(least, s[i].first), max(most, s[i].first)
	}
	if least == most {
		slices.SortFunc(s, compareShort)
		return
	}
	const buckets = 256
	shift := max(0, bits.Len32(most-least)-8)
	var next, ends [buckets]int
	for i := range s {
		ends[(s[i].first-least)>>shift&(buckets-1)]++
	}
	sum := 0
	for i, n := range ends {
		next[i] = sum
		sum += n
		ends[i] = sum
	}
	begin := 0
	for i := range uint32(buckets) {
		for ; next[i] < ends[i]; next[i]++ {
			x := s[next[i]]
			for of := (x.first - least) >> shift & (buckets - 1); of != i; of = (x.first - least) >> shift & (buckets - 1) {
				at := next[of]
				next[of]++
				x, s[at] = s[at], x
			}
			s[next[i]] = x
		}
		sortShort(s[begin:ends[i]])
		begin = ends[i]
	}
}

// order sorts spans by their begin, and larger ones before those in them.
func order(a, b span) int {
	switch {
	case a.first != b.first:
		if a.first.less(b.first) {
			return -1
		}
		return 1
	case a.last != b.last:
		if b.last.less(a.last) {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.row, b.row)
}

// intervals builds the index of prefixes or ranges. Prefixes may be in each other.
func (b *builder) intervals() (index, error) {
	x := &intervalIndex{numbers: b.numbers}
	var group []uint32 // of a row
	if b.timed() {
		group = make([]uint32, b.rows)
	}
	groups := 0
	var open []openSpan
	f := &flattener{x: x}
	x.four.places = make([]place, 0, 2*len(b.short)) // each begins at a place, and another one begins behind it
	begun, last := false, span{}
	for s := range b.sorted {
		before := last
		same := begun && before.first == s.first && before.last == s.last
		if begun && s.first.four != before.first.four {
			open = f.close(open, nil)
		}
		begun, last = true, s
		open = f.close(open, &s.first)
		g := int32(s.row)
		switch {
		case same && group == nil:
			return nil, b.duplicate(int(before.row), int(s.row))
		case same:
			group[s.row] = group[before.row]
			continue
		case len(open) > 0 && b.How == Range:
			return nil, b.crossing(int(open[len(open)-1].row), int(s.row))
		case group != nil:
			g = int32(groups)
			group[s.row] = uint32(groups)
			groups++
			up := int32(-1)
			if len(open) > 0 {
				up = open[len(open)-1].group
			}
			x.parent = append(x.parent, up)
		}
		open = append(open, openSpan{s.last, g, s.row})
		f.begin(s.first, g)
	}
	f.close(open, nil)
	b.spans, b.short = nil, nil
	x.done()
	if group == nil {
		return x, nil
	}
	return x, b.periods(group, groups)
}

// openSpan is an interval that the current one is in.
type openSpan struct {
	last  address
	group int32
	row   uint32
}

// flattener turns intervals that are in each other into intervals that follow each other.
type flattener struct{ x *intervalIndex }

// begin lets a group begin at an address.
func (f *flattener) begin(a address, group int32) {
	if f.x.numbers {
		f.x.whole.begin(a.lo, group)
		return
	}
	if a.four {
		f.x.four.begin(uint32(a.lo), group)
		return
	}
	n := &f.x.six
	if len(n.hi) == 0 && (a.hi > 0 || a.lo > 0) {
		n.hi, n.lo, n.groups = append(n.hi, 0), append(n.lo, 0), append(n.groups, -1)
	}
	if k := len(n.hi); k > 0 && n.hi[k-1] == a.hi && n.lo[k-1] == a.lo {
		n.groups[k-1] = group
		return
	}
	n.hi, n.lo, n.groups = append(n.hi, a.hi), append(n.lo, a.lo), append(n.groups, group)
}

// done makes the tops.
func (x *intervalIndex) done() {
	x.four.addTop()
	x.whole.starts, x.whole.groups = trimmed(x.whole.starts), trimmed(x.whole.groups)
	x.six.addTop()
}

// close ends the intervals that end before an address; nil: all.
func (f *flattener) close(open []openSpan, before *address) []openSpan {
	for len(open) > 0 {
		top := open[len(open)-1]
		if before != nil && !top.last.less(*before) {
			break
		}
		open = open[:len(open)-1]
		group := int32(-1)
		if len(open) > 0 {
			group = open[len(open)-1].group
		}
		f.end(top.last, group)
	}
	return open
}

// end lets a group begin behind an address.
func (f *flattener) end(last address, group int32) {
	next := last
	next.lo++
	if next.lo == 0 {
		next.hi++
	}
	if last.four && !f.x.numbers && next.lo > math.MaxUint32 || next.hi == 0 && next.lo == 0 || last.four && next.hi > 0 {
		return // it was the last address
	}
	f.begin(next, group)
}

func (n *narrow) begin(v uint64, group int32) {
	if len(n.starts) == 0 && v > 0 {
		n.starts, n.groups = append(n.starts, 0), append(n.groups, -1)
	}
	if k := len(n.starts); k > 0 && n.starts[k-1] == v {
		n.groups[k-1] = group
		return
	}
	n.starts, n.groups = append(n.starts, v), append(n.groups, group)
}

func (f *fours) begin(v uint32, group int32) {
	if k := len(f.places); k > 0 && f.places[k-1].start == v {
		f.places[k-1].group = group
		return
	}
	f.places = append(f.places, place{v, group})
}

// merge makes one of the last two intervals if they are of the same group.
func (f *fours) merge() {
	if k := len(f.places) - 1; k > 0 && f.places[k].group == f.places[k-1].group {
		f.places = f.places[:k]
	}
}

func (n *wide) merge() {
	if k := len(n.groups) - 1; k > 0 && n.groups[k] == n.groups[k-1] {
		n.hi, n.lo, n.groups = n.hi[:k], n.lo[:k], n.groups[:k]
	}
}

// addTop makes slots of two to four places each, if the places are spread evenly.
func (f *fours) addTop() {
	f.places = trimmed(f.places)
	n := len(f.places)
	if n == 0 {
		return
	}
	first := f.places[0].start
	reach := f.places[n-1].start - first
	for int(reach>>f.shift) > n/2 {
		f.shift++
	}
	f.top = make([]uint32, int(reach>>f.shift)+2)
	for i, p := range f.places {
		f.top[(p.start-first)>>f.shift+1] = uint32(i + 1)
	}
	for h := 1; h < len(f.top); h++ {
		f.top[h] = max(f.top[h], f.top[h-1])
	}
}

func (n *wide) addTop() {
	n.hi, n.lo, n.groups = trimmed(n.hi), trimmed(n.lo), trimmed(n.groups)
	if len(n.hi) == 0 {
		return
	}
	n.top = make([]uint32, 1<<16+1)
	for i, h := range n.hi {
		n.top[h>>48+1] = uint32(i + 1)
	}
	for h := 1; h < len(n.top); h++ {
		n.top[h] = max(n.top[h], n.top[h-1])
	}
}
