package attempt

import (
	"math"
	"slices"

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
	projection    int // 0: a condition
	leaves, lists []int
	longest       float64
	ignored       int // if the leaves have at most so many bytes, it takes nothing
	takes         bound.Shares
}

// usual is what the values of a mapping that comes with the program have, in bytes. The bounds of what it makes of them are far too large.
const usual = 1024

// chunkWork is the work that the guarded expressions may take for one chunk. A chunk with one record may take more.
const chunkWork = bound.MaxWork / 4

// newRoom makes the room of a chunk whose guarded expressions may take so many bytes.
func newRoom(guards []sqlgen.Guard, memory int64) room {
	var r room
	for _, g := range guards {
		if g.Longest < 0 {
			continue // it is never computed
		}
		ignored := 0
		if g.Harmless {
			ignored = usual
		}
		r.guards = append(r.guards, guard{ignored: ignored, projection: g.Projection, leaves: g.Leaves, lists: g.Lists, longest: g.Longest,
			takes: bound.SharesOf(g.Memory, g.Work, float64(memory), chunkWork)})
	}
	return r
}

// packed says that it matters how many rows the guards' expressions are computed for, if they are computed from a table.
func packed(guards []sqlgen.Guard) bool {
	return slices.ContainsFunc(guards, func(g sqlgen.Guard) bool { return g.Longest >= 0 && !g.Harmless })
}

func (r *room) empty() { r.used = 0 }

// add counts what a record takes, and says whether the chunk is full.
func (r *room) add(takes float64) bool {
	r.used += takes
	return r.used >= 1
}

// takes is the part of a chunk's room that a record takes. Every condition is computed for it, and the outputs of one projection: the
// largest counts.
func (r *room) takes(values []decode.Value) float64 {
	projection, conditions, outputs, largest := 0, 0.0, 0.0, 0.0
	for i := range r.guards {
		g := &r.guards[i]
		takes := g.of(values)
		switch {
		case g.projection == 0:
			conditions += takes
			continue
		case g.projection != projection:
			projection, outputs = g.projection, 0
		}
		outputs += takes
		largest = math.Max(largest, outputs)
	}
	return conditions + largest
}

func (g *guard) of(values []decode.Value) float64 {
	bytes, elements := 0, 0.0
	for _, leaf := range g.leaves {
		bytes += len(values[leaf].Text)
	}
	if bytes <= g.ignored {
		return 0
	}
	if len(g.lists) == 0 {
		return g.takes.At(math.Min(float64(bytes), g.longest), 0) // what is longer is not computed
	}
	for _, leaf := range g.lists {
		elements += bound.MostElements(values[leaf].Text)
	}
	return g.takes.At(float64(bytes), elements) // the guard counts elements, too, and what is longer may be computed
}
