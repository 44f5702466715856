package index

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"
)

func key(n uint64) (k Key) {
	r := rand.New(rand.NewPCG(n, 1))
	for i := range k {
		k[i] = byte(r.Uint32())
	}
	return k
}

// TestAgainstMap: an Index says what a map says, also when it has been flushed, merged and deleted from.
func TestAgainstMap(t *testing.T) {
	for _, limit := range []int{1, 7, 300, 5000} {
		rng := rand.New(rand.NewPCG(uint64(limit), 2))
		x, want := New(t.TempDir(), limit), map[Key]int32{}
		for i := range 20000 {
			k := key(rng.Uint64N(6000))
			if limit == 1 && i > 1500 {
				break
			}
			if rng.IntN(4) == 0 {
				x.Delete(k)
				delete(want, k)
			} else {
				x.Put(k, int32(i))
				want[k] = int32(i)
			}
			if i == 9000 {
				if err := x.Compact(); err != nil {
					t.Fatal(err)
				}
				if len(x.Segments()) != 1 || x.Segments()[0].Len() != len(want) {
					t.Errorf("limit %d: compacted into %d segments, the first of %d entries, want %d", limit, len(x.Segments()), x.Segments()[0].Len(), len(want))
				}
			}
		}
		for n := range uint64(6100) {
			v, ok := x.Get(key(n))
			w, in := want[key(n)]
			if v != w || ok != in {
				t.Fatalf("limit %d: key %d is %d %v, want %d %v", limit, n, v, ok, w, in)
			}
		}
		n := 0
		if err := x.Each(func(k Key, v int32) {
			n++
			if want[k] != v {
				t.Fatalf("limit %d: %x is %d, want %d", limit, k, v, want[k])
			}
		}); err != nil || n != len(want) || x.Err() != nil {
			t.Fatalf("limit %d: %d keys of %d: %v %v", limit, n, len(want), err, x.Err())
		}
		for i, r := range x.Segments()[1:] {
			if limit < 5000 && x.Segments()[i].Len() < 2*r.Len() {
				t.Errorf("limit %d: segment %d has %d entries, the next newer %d", limit, i, x.Segments()[i].Len(), r.Len())
			}
		}
	}
}

// TestSpill: long segments are in files that have no name, and Err reports a file that cannot be read any more.
func TestSpill(t *testing.T) {
	dir := t.TempDir()
	x := New(dir, 1<<18)
	const n = 600_000
	for i := range uint64(n) {
		x.Put(key(i), int32(i))
	}
	for i := uint64(0); i < n; i += 997 {
		if v, ok := x.Get(key(i)); !ok || v != int32(i) {
			t.Fatalf("key %d is %d %v", i, v, ok)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v %v", left, err)
	}
	if x.segments[0].file == nil {
		t.Fatal("the longest segment is in memory")
	}
	x.segments[0].file.Close()
	for i := range uint64(100) {
		x.Get(key(i))
	}
	if x.Err() == nil {
		t.Error("a broken file goes unnoticed")
	}
	if err := New(dir+"/none", 1<<20).fill(1 << 18); err == nil {
		t.Error("a folder that is not there goes unnoticed")
	}
}

func (x *Index) fill(n int) error {
	for i := range uint64(n) {
		x.Put(key(i), 1)
	}
	return x.Flush()
}

func TestOrder(t *testing.T) {
	b := NewBuilder("")
	for _, k := range []Key{{1}, {2}} {
		if err := b.Add(k, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add(Key{2}, 2); !errors.Is(err, ErrOrder) {
		t.Errorf("the same key twice: %v", err)
	}
	if err := b.Add(Key{1}, 2); !errors.Is(err, ErrOrder) {
		t.Errorf("a smaller key: %v", err)
	}
}
