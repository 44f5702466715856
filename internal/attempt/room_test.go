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
		r := newRoom(guards)
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

// A record counts for the projection that takes most of it, because it has one owner, and for each condition.
func TestRoomOfProjections(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.SmallMapping(t, "levenshtein(name, reverse(name))::VARCHAR AS app_name", ""))
	guard := compiled.Guards[0]
	values := make([]decode.Value, len(compiled.Scan.Leaves))
	for i := range values {
		values[i].Text = bytes.Repeat([]byte("x"), 1000)
	}
	used := func(projections ...int) float64 {
		var guards []sqlgen.Guard
		for _, p := range projections {
			g := guard
			g.Projection = p
			guards = append(guards, g)
		}
		r := newRoom(guards)
		r.add(values)
		return r.used
	}
	one := used(1)
	if one <= 0 {
		t.Fatal("the expression takes no room")
	}
	for _, c := range []struct {
		projections []int
		times       float64
	}{{[]int{1, 1, 1}, 3}, {[]int{1, 2, 3}, 1}, {[]int{1, 2, 2, 3}, 2}, {[]int{0, 0}, 2}, {[]int{1, 0, 2, 2, 0}, 4}} {
		if got := used(c.projections...); got != c.times*one {
			t.Errorf("%v take %g times the room of one, not %g", c.projections, got/one, c.times)
		}
	}
	guard.Longest = -1
	if got := used(0, 1); got != 0 {
		t.Errorf("expressions that are never computed take %g", got)
	}
}
