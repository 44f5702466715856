package attempt

import (
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/looks"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/refused"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// otherFormat says that a record looks like another format than the mapping reads, if it was rejected for a reason that this explains.
func otherFormat(reason string, mapping *sqlgen.Compiled, raw []byte) string {
	switch reason {
	case sqlgen.ReasonNoProjection, sqlgen.ReasonSeveralProjections, sqlgen.ReasonTimeMissing, sqlgen.ReasonMissingRequired:
		return looks.Hint(string(mapping.Scan.Format.Name), raw)
	}
	return ""
}

// countKind counts a record that matches no SELECT by the values that the SELECTs choose by. records has just read it.
func (w *output) countKind(records *decode.Records) {
	c := w.o.Compiled
	if w.o.HideRecords || len(c.ChosenBy) == 0 {
		return
	}
	fields := make([]refused.Field, 0, len(c.ChosenBy))
	for _, leaf := range c.ChosenBy {
		v := records.Values()[leaf]
		fields = append(fields, refused.Field{Path: strings.Join(c.Scan.Leaves[leaf].Path, "."), Set: v.Set, Value: v.Text})
	}
	w.kinds.Add(refused.KindOf(fields), 1)
}

// addMisfits counts what an object that was read whole had.
func (s *scan) addMisfits(misfits, redacted []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, k := range misfits {
		s.misfits[i] += k
	}
	for i, k := range redacted {
		s.redacted[i] += k
	}
}

// put puts a record into a row.
func (s *scan) put(ch *engine.Chunk, row int, id recordID, captures []*string, rest []byte, values []decode.Value) {
	ch.SetInt32(0, row, int32(id.object))
	ch.SetInt64(1, row, id.number)
	ch.SetText(2, row, rest)
	col := 3
	for _, v := range captures {
		if v == nil {
			ch.SetNull(col, row)
		} else {
			ch.SetText(col, row, []byte(*v))
		}
		col++
	}
	for i, v := range values {
		switch {
		case !v.Set:
			ch.SetNull(col, row)
		default:
			switch s.kinds[i] {
			case decode.Bool:
				ch.SetBool(col, row, v.Int != 0)
			case decode.Int32:
				ch.SetInt32(col, row, int32(v.Int))
			case decode.Int64, decode.Timestamp:
				ch.SetInt64(col, row, v.Int)
			case decode.Double:
				ch.SetDouble(col, row, v.Num)
			default:
				ch.SetText(col, row, v.Text)
			}
		}
		col++
	}
	for _, c := range s.o.Compiled.TextColumns {
		if v := values[c.Leaf]; v.Set {
			ch.SetText(col, row, v.Text)
		} else {
			ch.SetNull(col, row)
		}
		col++
	}
}
