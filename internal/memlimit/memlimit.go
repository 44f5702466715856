// Package memlimit keeps the Go heap and the program's own pages of a process small enough for limits.memory. DuckDB has a limit of its own
// (internal/attempt).
package memlimit

import (
	"math"
	"os"
	"runtime/debug"
)

const (
	// heapShare of limits.memory is for the Go heap: from there on, garbage is collected more often. DuckDB gets a half.
	heapShare = 4
	leastHeap = 64 << 20
	// small is the limit below which the program's own pages matter: about 80 MiB, most of which is used at the start only.
	small = 1 << 30
)

// Set adapts this process to a limit of so many bytes. It never raises a limit that is set already, such as GOMEMLIMIT.
func Set(bytes int64) {
	debug.SetMemoryLimit(min(debug.SetMemoryLimit(-1), max(leastHeap, bytes/heapShare)))
	if bytes < small {
		releaseProgram()
	}
}

// Allow gives the Go heap more room, or less again, for tables that stay in memory and that DuckDB gets less for. A limit that GOMEMLIMIT
// sets stays as it is.
func Allow(more int64) {
	if now := debug.SetMemoryLimit(-1); now != math.MaxInt64 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(leastHeap, now+more))
	}
}
