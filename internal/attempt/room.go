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
	guards []sqlgen.Guard
	used   float64
}

// chunkMemory and chunkWork are what the guarded expressions may take for one chunk. A chunk with one record may take more.
const (
	chunkMemory = 32 << 20
	chunkWork   = bound.MaxWork / 4
)

func (r *room) empty() { r.used = 0 }

// add counts a record, and says whether the chunk is full.
func (r *room) add(values []decode.Value) bool {
	for i := range r.guards {
		g := &r.guards[i]
		bytes := 0
		for _, leaf := range g.Leaves {
			bytes += len(values[leaf].Text)
		}
		s := math.Min(float64(bytes), math.Max(g.Longest, 0)) // what is longer is not computed
		r.used += math.Max(g.Memory.At(s, s/2)/chunkMemory, g.Work.At(s, s/2)/chunkWork)
	}
	return r.used >= 1
}
