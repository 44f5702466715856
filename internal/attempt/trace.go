package attempt

import (
	"slices"

	"github.com/silt-etl/silt/sql/sqlgen"
)

// Trace receives, record by record, the result of what an attempt reads: the counts of a Result do not show it. Rejected records
// are left out, because the quarantine file names them. Objects are numbered as they were given to Run. The calls come from several
// goroutines, one at a time for each function.
type Trace struct {
	// Begun reports that the attempt reads its records, from the first one on. It can begin again: what was reported before is void.
	Begun func()
	// Filtered reports a record that a drop predicate matches.
	Filtered func(object int, record int64)
	// Published reports a record that became a row (counted from 0) of the file at path. misses are the output paths that
	// did not take their value, and the required attributes that it lacks.
	Published func(object int, record int64, path string, row int64, misses []sqlgen.Miss)
}

func (t *Trace) begun() {
	if t != nil {
		t.Begun()
	}
}

func (t *Trace) filtered(object int32, record int64) {
	if t != nil {
		t.Filtered(int(object), record)
	}
}

// published reports rows, the first of which is row number at of the file.
func (t *Trace) published(f *fileSet, r *rows, from, to int, at int64) {
	if t == nil {
		return
	}
	for i := from; i < to; i++ {
		t.Published(int(r.object.Value(i)), r.record.Value(i), f.path, at+int64(i-from), slices.Collect(missing(f.p, r, i)))
	}
}
