package lookup

import (
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// periods are the times for which the rows of groups are valid.
type periods struct {
	start    []uint32 // of a group in order, and one more for the end
	order    []uint32 // rows by group and by time
	from, to []int64  // of a row; to is exclusive
}

// row returns the row of a group that is valid at a time, or -1.
func (p *periods) row(group int, at int64) int {
	rows := p.order[p.start[group]:p.start[group+1]]
	i := sort.Search(len(rows), func(i int) bool { return p.from[rows[i]] > at }) - 1
	if i < 0 || at >= p.to[rows[i]] {
		return -1
	}
	return int(rows[i])
}

func (p *periods) bytes() int64 {
	return int64(len(p.start)+len(p.order))*4 + int64(cap(p.from)+cap(p.to))*8
}

// periods orders the rows of groups by time. No two may be valid at the same time.
func (b *builder) periods(group []uint32, groups int) error {
	p := b.times
	p.start = make([]uint32, groups+1)
	for _, g := range group {
		p.start[g+1]++
	}
	for g := range groups {
		p.start[g+1] += p.start[g]
	}
	p.order = make([]uint32, len(group))
	fill := slices.Clone(p.start[:groups])
	for row, g := range group {
		p.order[fill[g]] = uint32(row)
		fill[g]++
	}
	for g := range groups {
		rows := p.order[p.start[g]:p.start[g+1]]
		slices.SortFunc(rows, func(x, y uint32) int {
			if p.from[x] < p.from[y] || p.from[x] == p.from[y] && x < y {
				return -1
			}
			return 1
		})
		for i := 1; i < len(rows); i++ {
			if p.to[rows[i-1]] > p.from[rows[i]] {
				return b.overlap(int(rows[i-1]), int(rows[i]))
			}
		}
	}
	return nil
}

var timeForms = []string{time.DateOnly, time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999"}

// readTime reads a time of validity in milliseconds since 1970. Without an offset it is UTC.
func readTime(v []byte) (ms int64, ok bool) {
	for _, form := range timeForms {
		if t, err := time.Parse(form, strings.TrimSpace(string(v))); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}

// always is a time that never comes.
const always = math.MaxInt64
