package attempt

import (
	"math"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/bound"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// room decides how many records go into a chunk, from what the mapping's guarded expressions make of them: DuckDB computes an
// expression for a whole chunk at once, and checks its memory limit and interrupts only between two chunks.
type room struct {
	guards []guard
	used   float64
}

// guard is what an expression with a guard takes, as a part of a chunk's room.
type guard struct {
	projection int // 0: a condition
	leaves     []int
	longest    float64
	takes      bound.Curve
}

// chunkMemory and chunkWork are what the guarded expressions may take for one chunk. A chunk with one record may take more.
const (
	chunkMemory = 32 << 20
	chunkWork   = bound.MaxWork / 4
)

func newRoom(guards []sqlgen.Guard) room {
	var r room
	for _, g := range guards {
		if g.Longest < 0 {
			continue // it is never computed
		}
		add := guard{projection: g.Projection, leaves: g.Leaves, longest: g.Longest}
		memory, work := g.Memory.Curve(), g.Work.Curve()
		for i := range add.takes {
			add.takes[i] = math.Max(memory[i]/chunkMemory, work[i]/chunkWork)
		}
		r.guards = append(r.guards, add)
	}
	return r
}

func (r *room) empty() { r.used = 0 }

// add counts a record, and says whether the chunk is full. Every condition is computed for it, and the outputs of one projection: the
// largest counts.
func (r *room) add(values []decode.Value) bool {
	projection, outputs, largest := 0, 0.0, 0.0
	for i := range r.guards {
		g := &r.guards[i]
		bytes := 0
		for _, leaf := range g.leaves {
			bytes += len(values[leaf].Text)
		}
		takes := g.takes.At(math.Min(float64(bytes), g.longest)) // what is longer is not computed
		switch {
		case g.projection == 0:
			r.used += takes
			continue
		case g.projection != projection:
			projection, outputs = g.projection, 0
		}
		outputs += takes
		largest = math.Max(largest, outputs)
	}
	r.used += largest
	return r.used >= 1
}
