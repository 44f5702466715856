package decode

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func TestExpandMore(t *testing.T) {
	keys := NewKeys()
	s, e := NewScanner(&Spec{}, keys), NewExpander(keys)
	if _, rej := s.Scan([]byte(`{"a":1,"b":{"c":"x"},"d":[1]}`)); rej != nil {
		t.Fatal(rej)
	}
	// What SQL makes of InlinePrefix(key) || to_json(v)::VARCHAR || chr(2).
	entry := func(key, json string) string { return InlinePrefix(key) + json + EntryEnd }
	for _, c := range []struct{ more, want string }{
		{"", `"a"="1" "b.c"="x" "d"="[1]"`},
		{entry("z", `"text"`) + entry("y", `2.50`), `"z"="text" "y"="2.50" "a"="1" "b.c"="x" "d"="[1]"`},
		{entry("b.c", `"first"`), `"b.c"="[\"first\",\"x\"]" "a"="1" "d"="[1]"`},
		{entry("d", `[0]`) + entry("d", `null`) + entry("d", `"x"`), `"d"="[[0],\"x\",[1]]" "a"="1" "b.c"="x"`},
		{entry("n", `null`), `"a"="1" "b.c"="x" "d"="[1]"`},
		{entry("b", `{"c":{"e":1,"f":null},"g":{},"c":2}`), `"b.c.e"="1" "b.g"="{}" "b.c"="[2,\"x\"]" "a"="1" "d"="[1]"`},
		{entry("o", `{ }`) + entry("p", `{}`) + entry("q", `{"r":{ }}`), `"o"="{}" "p"="{}" "q.r"="{}" "a"="1" "b.c"="x" "d"="[1]"`},
		{entry("o", `{"no":JSON}`), `"o"="{\"no\":JSON}" "a"="1" "b.c"="x" "d"="[1]"`},
		{entry("quote\" back\\ tab\t é ' :", `"\u00e9\n"`), `"quote\" back\\ tab\t é ' :"="é\n" "a"="1" "b.c"="x" "d"="[1]"`},
	} {
		got, err := e.Expand(s.Rest(), []byte(c.more))
		if err != nil || show(got) != c.want {
			t.Errorf("%q gives\n %s, %v, want\n %s", c.more, show(got), err, c.want)
		}
	}
	if p := InlinePrefix(`a."b"`); p != `"a.\"b\"":` {
		t.Errorf("%s", p)
	}
	if b := appendEntry([]byte("x"), "k", []byte("[1,\n2]")); string(b) != "x\"k\":[1, 2]\x02" {
		t.Errorf("%q", b)
	}
	for _, bad := range []string{"\"a", "\"a\"", "\"a\"1\x02", "\"a\":1", "\"a\":\x02", "a", "##", "##1", "##\x02", "~~1\x02", "#\xff1\x02", "\x02"} {
		if got, err := e.Expand([]byte(bad), nil); err == nil {
			t.Errorf("%q is read as %s", bad, show(got))
		}
	}
}

// TestKeyNumberedLater: a key that came inline first, and has a number since, is still one key.
func TestKeyNumberedLater(t *testing.T) {
	keys := NewKeys()
	e := NewExpander(keys)
	inline := string(appendEntry(nil, "k", []byte("1")))
	e.Expand(nil, []byte(inline))
	numbered := keys.prefix("k") + "2" + EntryEnd
	for _, c := range []struct{ rest, more string }{{numbered, inline}, {inline, numbered}, {numbered, inline}} {
		got, err := e.Expand([]byte(c.rest), []byte(c.more))
		if err != nil || len(got) != 1 || len(got[0].Value) != 5 {
			t.Fatalf("%s, %v", show(got), err)
		}
	}
	for i := range maxLocalKeys + 1 { // give up the inline keys
		e.slotOf(fmt.Append(nil, "x", i))
	}
	for _, c := range []struct{ rest, more string }{{numbered, ""}, {numbered, inline}, {inline, numbered}} {
		if got, err := e.Expand([]byte(c.rest), []byte(c.more)); err != nil || len(got) != 1 {
			t.Fatalf("%s, %v", show(got), err)
		}
		got, err := e.Expand([]byte(c.rest), appendEntry(nil, "another", []byte("3")))
		if err != nil || len(got) != 2 {
			t.Fatalf("%s, %v", show(got), err)
		}
	}
}

func TestKeysShared(t *testing.T) {
	keys := NewKeys()
	keys.max = 5000
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			s, e := NewScanner(&Spec{}, keys), NewExpander(keys)
			for i := range 3000 {
				record := fmt.Sprintf(`{"a%d":1,"b%d":2,"w%d":3}`, i, i*(w+1), w)
				s.Scan([]byte(record))
				got, err := e.Expand(s.Rest(), nil)
				want := fmt.Sprintf(`"a%d"="1" "b%d"="2" "w%d"="3"`, i, i*(w+1), w)
				if err != nil || show(got) != want {
					t.Errorf("%s: %s, %v", record, show(got), err)
					return
				}
			}
		})
	}
	wg.Wait()
	met := map[string]bool{}
	for _, k := range keys.names {
		if met[k] {
			t.Fatalf("%q has two numbers", k)
		}
		met[k] = true
	}
	if len(keys.names) != keys.max {
		t.Fatalf("%d keys", len(keys.names))
	}
}

// TestManyValues: records made to be slow take no more than their share.
func TestManyValues(t *testing.T) {
	keys := NewKeys()
	s, e := NewScanner(&Spec{Leaves: []Leaf{{Path: []string{"x"}}}}, keys), NewExpander(keys)
	var same, other strings.Builder
	for i := range 300000 {
		fmt.Fprintf(&same, `"a":%d,`, i)
		fmt.Fprintf(&other, `"k%d":1,`, i)
	}
	for want, record := range map[int]string{1: "{" + same.String() + `"a":1}`, 300001: "{" + other.String() + `"":1}`} {
		if _, rej := s.Scan([]byte(record)); rej != nil {
			t.Fatal(rej)
		}
		if got, err := e.Expand(s.Rest(), nil); err != nil || len(got) != want {
			t.Fatalf("%d entries, want %d: %v", len(got), want, err)
		}
	}
	glued := strings.Repeat("{}", 400000)
	if got, err := readAll(strings.NewReader(glued), &Spec{}, Options{}); err != nil || len(got) != 400000 {
		t.Fatal(len(got), err)
	}
	glued = strings.Repeat("{\"a\":\"\xff\"}", 80000)
	if got, err := readAll(strings.NewReader(glued), &Spec{}, Options{}); err != nil || len(got) != 80000 {
		t.Fatal(len(got), err)
	}
}

func TestMap(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	keys := NewKeys()
	s, e := NewScanner(firewallSpec(), keys), NewExpander(keys)
	rests, mores := array.NewStringBuilder(mem), array.NewStringBuilder(mem)
	defer rests.Release()
	defer mores.Release()
	r := newRand()
	const rows = 500
	for i := range rows {
		record := firewallLine(r)
		switch {
		case i%10 == 3:
			record = `{}`
		case i%10 == 4:
			record = record[:len(record)-1] + `,"event_timestamp":"again","event":{"app_proto":{"x":"` + strings.Repeat("é", i) + `"}}}`
		}
		if _, rej := s.Scan([]byte(record)); rej != nil {
			t.Fatal(rej)
		}
		switch i % 20 {
		case 13:
			rests.AppendNull()
		default:
			rests.Append(string(s.Rest()))
		}
		switch i % 7 {
		case 1:
			mores.Append("")
		case 2:
			mores.Append(string(appendEntry(appendEntry(nil, "event_timestamp", []byte(`"mine"`)), "o", []byte(`{"a":1,"b":{"a":"\u0041"}}`))))
		default:
			mores.AppendNull()
		}
	}
	rest, more := rests.NewArray(), mores.NewArray()
	defer rest.Release()
	defer more.Release()
	nulls := array.NewNull(rows)
	defer nulls.Release()
	for _, m := range []arrow.Array{more, nil, nulls} {
		got, err := e.Map(mem, rest, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.ValidateFull(); err != nil {
			t.Fatal(err)
		}
		ks, vs := got.Keys().(*array.String), got.Items().(*array.String)
		for i := range rows {
			add := ""
			if m == more {
				add = more.(*array.String).Value(i)
			}
			want, err := e.Expand([]byte(rest.(*array.String).Value(i)), []byte(add))
			if err != nil {
				t.Fatal(err)
			}
			var have []Entry
			from, to := got.ValueOffsets(i)
			for k := from; k < to; k++ {
				have = append(have, Entry{ks.Value(int(k)), []byte(vs.Value(int(k)))})
			}
			if show(have) != show(want) || got.IsNull(i) != (len(want) == 0) {
				t.Fatalf("row %d: %s, want %s", i, show(have), show(want))
			}
		}
		got.Release()
	}
	half := array.NewSlice(rest, 5, 17)
	defer half.Release()
	got, err := e.Map(mem, half, nil, nil)
	if err != nil || got.Len() != 12 {
		t.Fatal(err)
	}
	got.Release()
	bad := array.NewStringBuilder(mem)
	defer bad.Release()
	bad.AppendValues([]string{"", "~~1\x02"}, nil)
	b := bad.NewArray()
	defer b.Release()
	if _, err := e.Map(mem, b, nil, nil); err == nil || !strings.Contains(err.Error(), "row 1") {
		t.Fatal(err)
	}
	if _, err := e.Map(mem, nulls, nil, nil); err == nil {
		t.Fatal("a rest of nulls without text is read")
	}
}

// appendEntry appends an entry of the inline form to dst. json must be JSON text; see EntryEnd.
func appendEntry(dst []byte, key string, json []byte) []byte {
	dst = appendPrefix(dst, key)
	from := len(dst)
	dst = append(dst, json...)
	blankControls(dst[from:])
	return append(dst, entryEnd)
}
