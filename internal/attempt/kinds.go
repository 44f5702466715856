package attempt

import (
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/looks"
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
