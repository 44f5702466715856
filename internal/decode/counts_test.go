package decode

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestCounts: each key of a record's own counts once for each record that has it, whatever SQL adds, however often inline keys are
// forgotten, and without records that are skipped or taken back.
func TestCounts(t *testing.T) {
	mem := memory.NewGoAllocator()
	keys := NewKeys()
	s, e, reference := NewScanner(firewallSpec(), keys), NewExpander(keys), NewExpander(keys)
	r := newRand()
	want := map[string]int64{}
	for batch := range 4 {
		rests, mores, skips := array.NewStringBuilder(mem), array.NewStringBuilder(mem), array.NewInt16Builder(mem)
		var back [][2]string
		for i := range 3000 {
			record := firewallLine(r)
			switch i % 5 {
			case 1:
				record = record[:len(record)-1] + `,"x":{"new":1},"x":{"new":2}}` // twice in one record
			case 2:
				record = record[:len(record)-1] + fmt.Sprintf(`,"late %d":[1]}`, batch)
			}
			if _, rej := s.Scan([]byte(record)); rej != nil {
				t.Fatal(rej)
			}
			more := string(appendEntry(nil, fmt.Sprintf("of SQL %d %d", batch, i), []byte("1"))) // more than an expander remembers
			if i%7 == 0 {
				more += string(appendEntry(nil, "x.new", []byte(`"by SQL"`)))
			}
			rests.Append(string(s.Rest()))
			mores.Append(more)
			if i%11 == 0 {
				skips.Append(3)
				continue
			}
			skips.AppendNull()
			if i%13 == 0 {
				back = append(back, [2]string{string(s.Rest()), more})
				continue
			}
			entries, err := reference.Expand(s.Rest(), []byte(more))
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range entries {
				if !strings.HasPrefix(entry.Key, "of SQL") {
					want[entry.Key]++
				}
			}
		}
		m, err := e.Map(mem, rests.NewArray(), mores.NewArray(), skips.NewArray())
		if err != nil {
			t.Fatal(err)
		}
		if !m.IsNull(0) || !m.IsNull(11) || m.IsNull(1) {
			t.Fatal("rows that are skipped have values, or others have none")
		}
		for _, b := range back {
			if err := e.Uncount([]byte(b[0]), []byte(b[1])); err != nil {
				t.Fatal(err)
			}
		}
		got := map[string]int64{}
		more := e.Counts(func(key string, n int64) { got[key] = n })
		if !maps.Equal(got, want) || more || want["x.new"] == 0 {
			t.Fatalf("batch %d: %v, want %v, more %v", batch, got, want, more)
		}
	}
}

// TestCountsBound: keys beyond the bound of names have no counts, and this is said.
func TestCountsBound(t *testing.T) {
	keys := NewKeys()
	s, e := NewScanner(&Spec{}, keys), NewExpander(keys)
	for i := range 20_000 {
		if _, rej := s.Scan(fmt.Appendf(nil, `{"k%d":1}`, i)); rej != nil {
			t.Fatal(rej)
		}
		if _, err := e.Expand(s.Rest(), nil); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	more := e.Counts(func(string, int64) { n++ })
	if n == 0 || n > MaxKeys || !more {
		t.Errorf("%d names, more %v", n, more)
	}
}
