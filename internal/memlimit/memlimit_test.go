package memlimit

import (
	"runtime/debug"
	"testing"
)

func TestSet(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	for _, c := range []struct{ have, limit, want int64 }{
		{1 << 40, 4 << 30, 1 << 30}, {1 << 40, 256 << 20, 64 << 20}, {1 << 40, 1, 64 << 20}, {100 << 20, 4 << 30, 100 << 20},
	} {
		debug.SetMemoryLimit(c.have)
		Set(c.limit)
		if got := debug.SetMemoryLimit(-1); got != c.want {
			t.Errorf("limit %d with %d set: %d, want %d", c.limit, c.have, got, c.want)
		}
		Allow(100 << 20)
		if got := debug.SetMemoryLimit(-1); got != c.want+100<<20 {
			t.Errorf("with 100 MiB more: %d", got)
		}
	}
}
