package spillsort_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/silt-etl/silt/internal/spillsort"
)

func all(t *testing.T, s *spillsort.Sorter[[3]int64]) (out [][3]int64) {
	t.Helper()
	if err := s.Each(func(v [3]int64) error { out = append(out, v); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	extreme := []int64{math.MinInt64, -1, 0, 1, math.MaxInt64}
	for _, n := range []int{0, 1, 2, 99, 100, 101, 5000, 120_000} {
		dir := t.TempDir()
		s := spillsort.New[[3]int64](t.Context().Err, dir, "x", 2400) // 100 tuples
		var want [][3]int64
		for range n {
			v := [3]int64{r.Int64N(4), r.Int64() - r.Int64(), extreme[r.IntN(len(extreme))]}
			if err := s.Add(v); err != nil {
				t.Fatal(err)
			}
			want = append(want, v)
		}
		slices.SortFunc(want, func(a, b [3]int64) int { return slices.Compare(a[:], b[:]) })
		if got := all(t, s); !slices.Equal(got, want) || s.Len() != int64(n) {
			t.Errorf("%d tuples came back as %d, or in another order", n, len(got))
		}
		if files, _ := os.ReadDir(dir); len(files) > 3*32 {
			t.Errorf("%d tuples: %d files", n, len(files))
		}
		s.Close()
		if files, _ := os.ReadDir(dir); len(files) > 0 {
			t.Errorf("%d tuples: %d files are left", n, len(files))
		}
	}
}

// TestMemory: a sorter allocates what it is allowed to, and buffers of its runs, for any number of tuples.
func TestMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := spillsort.New[[5]int64](t.Context().Err, t.TempDir(), "x", 64<<10)
	defer s.Close()
	const n = 1_000_000
	for i := range int64(n) {
		if err := s.Add([5]int64{0, i * 7919 % n, i}); err != nil {
			t.Fatal(err)
		}
	}
	next := int64(0)
	err := s.Each(func(v [5]int64) error {
		if v[1] != next {
			t.Fatalf("%d, want %d", v[1], next)
		}
		next++
		return nil
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err != nil || next != n {
		t.Errorf("%d tuples: %v", next, err)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("%d bytes are held", grown)
	}
}

func TestErrors(t *testing.T) {
	s := spillsort.New[[3]int64](t.Context().Err, t.TempDir()+"/missing", "x", 24)
	if err := s.Add([3]int64{1}); err != nil {
		t.Fatal(err)
	}
	if err := s.Add([3]int64{2}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that does not exist: %v", err)
	}
	s = spillsort.New[[3]int64](t.Context().Err, t.TempDir(), "x", 24)
	defer s.Close()
	for i := range int64(50) {
		if err := s.Add([3]int64{i}); err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("stop")
	if err := s.Each(func([3]int64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	ended := spillsort.New[[3]int64](func() error { return stop }, t.TempDir(), "x", 24)
	defer ended.Close()
	if err := errors.Join(ended.Add([3]int64{1}), ended.Each(func([3]int64) error { return nil })); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}
