package attempt

import (
	"bytes"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/mappings"
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
		r := newRoom(guards, 32<<20)
		for r.empty(); n < 5000; {
			n++
			if r.add(r.takes(values)) {
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
		r := newRoom(guards, 32<<20)
		r.add(r.takes(values))
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

// Guards of a mapping that comes with the program do not matter for usual values. A copy of it is not trusted.
func TestHarmlessGuards(t *testing.T) {
	for _, name := range mappings.Names() {
		m, err := mappings.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		compiled := sqltest.Compile(t, m)
		if len(compiled.Guards) == 0 {
			continue
		}
		values := make([]decode.Value, len(compiled.Scan.Leaves))
		for i := range values {
			values[i].Text = []byte("2026-01-02T03:04:05.678Z")
		}
		if r := newRoom(compiled.Guards, 32<<20); packed(compiled.Guards) || r.takes(values) > 0 {
			t.Errorf("%s can be projected a few rows at a time", name)
		}
		own, err := mappings.LoadFiles(name, m.Files)
		if err != nil {
			t.Fatal(err)
		}
		own.Origin, own.Lookups = "", m.Lookups
		if !packed(sqltest.Compile(t, own).Guards) {
			t.Errorf("a copy of %s is trusted", name)
		}
	}
}

// Lists take what their elements take, and not what as many elements as fit into their bytes would take.
func TestRoomOfLists(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.SmallMapping(t, "length(list_transform(tags, lambda x: list_transform(tags, lambda y: x || y))::VARCHAR)::VARCHAR AS app_name", ""))
	if len(compiled.Guards) != 1 || len(compiled.Guards[0].Lists) != 1 {
		t.Fatalf("%+v", compiled.Guards)
	}
	takes := func(text string) float64 {
		values := make([]decode.Value, len(compiled.Scan.Leaves))
		values[compiled.Guards[0].Lists[0]].Text = []byte(text)
		r := newRoom(compiled.Guards, 32<<20)
		return r.takes(values)
	}
	one, many := takes(`["`+strings.Repeat("x", 400)+`"]`), takes("["+strings.Repeat("1,", 200)+"1 ]")
	if one <= 0 || many < 100*one {
		t.Errorf("one long element takes %g, and 201 short ones take %g", one, many)
	}
}
