package attempt

import (
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/refused"
)

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
