package engine

import (
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"
)

// DuckDB's vectors hold what was there before, once in a while an address that Go's heap gave up. The collector must never
// come to see it: it takes the process down ("found bad pointer in Go heap").
func TestSetTextOverGarbage(t *testing.T) {
	big := make([]byte, 8<<20)
	stale := uintptr(unsafe.Pointer(&big[4<<20]))
	runtime.KeepAlive(big)
	big = nil
	runtime.GC()
	runtime.GC()

	var mem arena // C's memory
	defer mem.free()
	data := mem.hold(make([]byte, 16*chunkRows))
	c := Chunk{cols: []slot{{typ: Varchar, wanted: true, data: data}}}
	defer c.arena.free()
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			runtime.GC()
		}
	}()
	words := unsafe.Slice((*uintptr)(data), 2*chunkRows)
	text := []byte("a text of more than twelve bytes")
	for range 3000 {
		for i := range chunkRows {
			words[2*i+1] = stale
		}
		c.arena.reset()
		for i := range chunkRows {
			c.SetText(0, i, text)
		}
	}
	stop.Store(true)
	<-done
	v := view{data: data}
	for i := range chunkRows {
		if string(v.text(i)) != string(text) {
			t.Fatalf("row %d: %q", i, v.text(i))
		}
	}
}
