package attempt

import (
	"bytes"
	"testing"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

// A chunk has fewer records if the mapping makes much of each, and all that DuckDB takes if it does not.
func TestRoom(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.SmallMapping(t, "length(hex(hex(hex(hex(hex(hex(hex(hex(hex(hex(hex(name))))))))))))::VARCHAR AS app_name", ""))
	if len(compiled.Guards) != 1 {
		t.Fatalf("%d guards", len(compiled.Guards))
	}
	fits := func(guards []sqlgen.Guard, size int) (n int) {
		values := make([]decode.Value, len(compiled.Scan.Leaves))
		for i := range values {
			values[i].Text = bytes.Repeat([]byte("x"), size)
		}
		r := room{guards: guards}
		for r.empty(); n < 5000; {
			n++
			if r.add(values) {
				break
			}
		}
		return n
	}
	if long, short := fits(compiled.Guards, 4000), fits(compiled.Guards, 1); long > 5 || short < 2048 {
		t.Errorf("a chunk takes %d long records and %d short ones", long, short)
	}
	if n := fits(compiled.Guards, 50<<20); n > 2 {
		t.Errorf("a chunk takes %d records beyond the guard", n)
	}
	if n := fits(nil, 50<<20); n != 5000 {
		t.Errorf("without a guard a chunk takes %d records", n)
	}
}
