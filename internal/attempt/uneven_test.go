package attempt_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/engine"
)

// manyLogins is an object of n records.
func manyLogins(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"ts\":\"2026-01-02T03:04:05Z\",\"id\":\"login number %d of a large object\"}\n", i*7919%n)
	}
	return b.String()
}

// TestLargeObjectBesideSmallOnes: a sort that needs more memory than it has spills, however unequal the objects are.
func TestLargeObjectBesideSmallOnes(t *testing.T) {
	large, small := manyLogins(900_000), manyLogins(10)
	for _, threads := range []int{1, 2} {
		o := options(t, compiled(t, ""), bodies{local: true, get: func(key string) io.ReadCloser {
			if key == "large" {
				return io.NopCloser(strings.NewReader(large))
			}
			return io.NopCloser(strings.NewReader(small))
		}})
		o.MemoryBytes, o.Threads = 192<<20, threads
		r, err := attempt.Run(t.Context(), o, object("small", "large", "small", "small"))
		if err != nil || r.Totals().Published != 900_030 {
			t.Errorf("%d threads: %v", threads, err)
		}
	}
}

// TestFailureBesideWaitingThreads: threads that wait for the last object to be scanned end if its thread fails.
func TestFailureBesideWaitingThreads(t *testing.T) {
	large := manyLogins(300_000)
	o := options(t, compiled(t, ""), bodies{local: true, get: func(key string) io.ReadCloser {
		return io.NopCloser(strings.NewReader(large[:max(0, len(large)*len(key)-4*len(large))]))
	}})
	o.Threads = 4
	o.Open = func(o engine.Options) (attempt.Engine, error) {
		o.MemoryBytes, o.TempDir = 24<<20, "" // the sort cannot spill
		return engine.Open(o)
	}
	_, err := attempt.Run(t.Context(), o, object("a", "b", "c", "large"))
	if err == nil || !strings.Contains(err.Error(), "DuckDB needs more than") {
		t.Errorf("%v", err)
	}
}
