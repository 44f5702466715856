package lookup

import (
	"cmp"
	"slices"
	"strconv"
	"unsafe"
)

// intervalIndex finds rows by the interval of addresses or numbers that a value is in.
type intervalIndex struct {
	numbers bool
	four    narrow // IPv4 addresses, or whole numbers
	six     wide
	parent  []int32 // of timed prefixes: the group of the next shorter prefix
}

// narrow are intervals of up to 64 bits: each begins at a start and ends before the next one. The first begins at 0.
type narrow struct {
	starts []uint64
	groups []int32 // -1: none
	// top has for the upper half of an IPv4 address how many intervals begin before it. nil: not of addresses.
	top []uint32
}

// wide are the same of 128 bits.
type wide struct {
	hi, lo []uint64
	groups []int32
	top    []uint32
}

func (n *narrow) find(v uint64) int {
	from, to := 0, len(n.starts)
	if n.top != nil {
		h := v >> 16
		from, to = int(n.top[h]), int(n.top[h+1])
	}
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
		return x.four.find(v)
	}
	a, ok := readAddress(keys[0])
	switch {
	case !ok:
		return -1
	case a.four:
		return x.four.find(a.lo)
	}
	return x.six.find(a)
}

func (x *intervalIndex) next(group int) int {
	if x.parent == nil {
		return -1
	}
	return int(x.parent[group])
}

func (x *intervalIndex) bytes() int64 {
	return int64(cap(x.four.starts)+cap(x.six.hi)+cap(x.six.lo))*8 + int64(cap(x.four.groups)+cap(x.six.groups)+cap(x.parent)+len(x.four.top)+len(x.six.top))*4
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
	slices.SortFunc(b.short, func(x, y shortSpan) int {
		if c := cmp.Compare(x.key(), y.key()); c != 0 {
			return c
		}
		return cmp.Compare(x.row, y.row)
	})
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
	x.four.addTop(b.numbers)
	x.six.addTop()
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
	if a.four {
		n := &f.x.four
		if len(n.starts) == 0 && a.lo > 0 {
			n.starts, n.groups = append(n.starts, 0), append(n.groups, -1)
		}
		if k := len(n.starts); k > 0 && n.starts[k-1] == a.lo {
			n.groups[k-1] = group
			return
		}
		n.starts, n.groups = append(n.starts, a.lo), append(n.groups, group)
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
	if last.four && !f.x.numbers && next.lo > 1<<32-1 || next.hi == 0 && next.lo == 0 || last.four && next.hi > 0 {
		return // it was the last address
	}
	f.begin(next, group)
}

// merge makes one of the last two intervals if they are of the same group.
func (n *narrow) merge() {
	if k := len(n.groups) - 1; k > 0 && n.groups[k] == n.groups[k-1] {
		n.starts, n.groups = n.starts[:k], n.groups[:k]
	}
}

func (n *wide) merge() {
	if k := len(n.groups) - 1; k > 0 && n.groups[k] == n.groups[k-1] {
		n.hi, n.lo, n.groups = n.hi[:k], n.lo[:k], n.groups[:k]
	}
}

func (n *narrow) addTop(numbers bool) {
	n.starts, n.groups = slices.Clip(n.starts), slices.Clip(n.groups)
	if numbers || len(n.starts) < 64 {
		return
	}
	n.top = make([]uint32, 1<<16+1)
	for i, s := range n.starts {
		n.top[s>>16+1] = uint32(i + 1)
	}
	for h := 1; h < len(n.top); h++ {
		n.top[h] = max(n.top[h], n.top[h-1])
	}
}

func (n *wide) addTop() {
	n.hi, n.lo, n.groups = slices.Clip(n.hi), slices.Clip(n.lo), slices.Clip(n.groups)
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
