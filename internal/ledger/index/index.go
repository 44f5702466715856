// Package index maps hashes to small numbers, in memory that does not grow with them: a small map of what is new above sorted
// segments in temporary files, the newer above the older. The ledger keeps in it who has which staging object.
//
// A segment takes 20 bytes for each entry and never changes. Segments are merged so that each is at least twice as long as the
// next newer one: a lookup reads one block of each of a few segments, and an entry is copied a few times in all.
package index

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
)

// Key is a hash.
type Key [16]byte

// Index is safe for many readers at once, or one writer.
//
// Reading a segment can fail, as a disk can. Get cannot report this: it answers that the key is not found, and Err returns the
// error from then on. No decision may be written while Err is not nil.
type Index struct {
	dir      string
	limit    int
	top      map[Key]int32 // newer than all segments; below zero: deleted
	segments []*Segment    // oldest first
	bufs     sync.Pool

	mu  sync.Mutex // guards err
	err error
}

// DefaultLimit is how many entries an Index keeps in its map.
const DefaultLimit = 1 << 18

// New makes an empty Index. dir is where its files are; "": the system's folder for such. limit 0: DefaultLimit.
func New(dir string, limit int) *Index {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Index{dir: dir, limit: limit, top: map[Key]int32{}, bufs: sync.Pool{New: func() any { b := make([]byte, perBlock*width); return &b }}}
}

// Err is the first error that reading or writing a file met.
func (x *Index) Err() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

func (x *Index) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = err
	}
}

// Get looks a key up.
func (x *Index) Get(k Key) (value int32, ok bool) {
	if v, ok := x.top[k]; ok {
		return max(v, 0), v >= 0
	}
	if len(x.segments) == 0 {
		return 0, false
	}
	buf := x.bufs.Get().(*[]byte)
	defer x.bufs.Put(buf)
	for _, r := range slices.Backward(x.segments) {
		v, ok, err := r.get(k, *buf)
		if err != nil {
			x.fail(fmt.Errorf("read the index of objects: %w", err))
			return 0, false
		}
		if ok {
			return max(v, 0), v >= 0
		}
	}
	return 0, false
}

// Put sets a key's value, which is not below zero.
func (x *Index) Put(k Key, value int32) { x.set(k, value) }

// Delete removes a key.
func (x *Index) Delete(k Key) { x.set(k, -1) }

func (x *Index) set(k Key, v int32) {
	if x.top[k] = v; len(x.top) >= x.limit {
		if err := x.Flush(); err != nil {
			x.fail(err)
		}
	}
}

// Flush makes a segment of what is in the map, and merges segments that have become alike in length.
func (x *Index) Flush() error {
	if len(x.top) == 0 {
		return nil
	}
	keys := make([]Key, 0, len(x.top))
	for k := range x.top {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	b := NewBuilder(x.dir)
	for _, k := range keys {
		if v := x.top[k]; v >= 0 || len(x.segments) > 0 {
			if err := b.Add(k, v); err != nil {
				b.Discard()
				return err
			}
		}
	}
	r, err := b.Segment()
	if err != nil {
		b.Discard()
		return err
	}
	if r.n > 0 {
		x.segments = append(x.segments, r)
	}
	clear(x.top)
	return x.settle(func(older, newer *Segment) bool { return older.n < 2*newer.n })
}

// Compact makes one segment of everything.
func (x *Index) Compact() error {
	if err := x.Flush(); err != nil {
		return err
	}
	return x.settle(func(_, _ *Segment) bool { return true })
}

// settle merges the newest two segments as long as they ask for it.
func (x *Index) settle(alike func(older, newer *Segment) bool) error {
	for n := len(x.segments); n > 1 && alike(x.segments[n-2], x.segments[n-1]); n = len(x.segments) {
		r, err := merge(x.dir, x.segments[n-2], x.segments[n-1], n == 2)
		if err != nil {
			return err
		}
		x.segments[n-2].Close()
		x.segments[n-1].Close()
		x.segments = append(x.segments[:n-2:n-2], r)
	}
	return nil
}

// Segments are the segments, oldest first. What is in the map is not in them: Flush comes first.
func (x *Index) Segments() []*Segment { return slices.Clone(x.segments) }

// Load puts a segment above all others; the map must be empty.
func (x *Index) Load(r *Segment) { x.segments = append(x.segments, r) }

// Close gives all files back.
func (x *Index) Close() {
	for _, r := range x.segments {
		r.Close()
	}
}

// Each calls fn for every key and its value. It takes memory for all of them: it is for tests.
func (x *Index) Each(fn func(Key, int32)) error {
	all := map[Key]int32{}
	for _, r := range x.segments {
		if err := r.Each(func(k Key, v int32) error { all[k] = v; return nil }); err != nil {
			return err
		}
	}
	for k, v := range x.top {
		all[k] = v
	}
	for k, v := range all {
		if v >= 0 {
			fn(k, v)
		}
	}
	return nil
}
