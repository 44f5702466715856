package decode

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode/unpack"
)

// TestEnvelope: each element is a record, with what else its document holds; a broken one costs itself; by itself, with its
// context, it says the same.
func TestEnvelope(t *testing.T) {
	spec := &Spec{Format: Format{Records: []string{"Records"}}, Leaves: leaves("a#", "owner")}
	deep := &Spec{Format: Format{Records: []string{"x", "y.z"}}, Leaves: leaves("a#", "owner")}
	several := &Spec{Format: Format{Records: []string{"Records"}, OtherRecords: [][]string{{"x", "all"}}, RecordsOptional: true}, Leaves: leaves("a#", "owner")}
	for _, c := range []struct {
		name   string
		spec   *Spec
		object string
		want   []string
	}{
		{"plain", spec, `{"Records":[{"a":1},{"a":2,"b":"x"}]}`, []string{`1 a=1 | `, `2 a=2 | b=x`}},
		{"with more around", spec, `{"owner":"o","x":{"y":1},"Records":[{"a":1}, {"a":"x","owner":"mine"} ],"after":[1]}`,
			[]string{`1 a=1 owner=o | x.y=1 after=[1]`, `2 owner=mine | a=x owner=o x.y=1 after=[1]`}},
		{"several documents, glued and by line", spec, "{\"Records\":[{\"a\":1}]}{\"Records\":[],\"k\":1}\n{\"owner\":\"o\",\"Records\":[{\"a\":2}]}\n", []string{`1 a=1 | `, `2 a=2 owner=o | `}},
		{"pretty", spec, "{\n \"Records\": [\n  {\n   \"a\": 1\n  },\n  {\"a\": 2}\n ],\n \"owner\": \"o\"\n}\n", []string{`1 a=1 owner=o | `, `2 a=2 owner=o | `}},
		{"broken elements", spec, `{"Records":[{"a":1},{"a":},{"a":"\ud800"},7,"x",[],{"a":2}]}`, []string{`1 a=1 | `, `2 RECORD_NOT_JSON`, `3 RECORD_NOT_UTF8`, `4 RECORD_NOT_JSON`, `5 RECORD_NOT_JSON`, `6 RECORD_NOT_JSON`, `7 a=2 | `}},
		{"no array", spec, `{"a":1}` + "\n" + `{"Records":{"a":1}}{"Records":[{"a":5}]}` + "\n" + `{}[1]text`, []string{`1 RECORDS_MISSING`, `2 RECORDS_MISSING`, `3 a=5 | `, `4 RECORDS_MISSING`, `5 RECORD_NOT_JSON`}},
		{"cut", spec, `{"owner":"o","Records":[{"a":1},{"a":2`, []string{`1 a=1 owner=o | `, `2 RECORD_NOT_JSON`, `3 RECORD_NOT_JSON`}},
		{"broken around", spec, `{"owner":,"Records":[{"a":1}]}` + "\n" + `{"Records":[{"a":1}],}`, []string{`1 RECORD_NOT_JSON`, `2 RECORD_NOT_JSON`}},
		{"one of several arrays, or none", several, `{"owner":"o","x":{"n":1,"all":[{"a":1},{"a":2}]}}{"Records":[{"a":3}],"x":7}` + "\n" + `{"a":4,"owner":"p","x":{"all":1}} ` + "\n" + `{"a":}` + "\n[5]",
			[]string{`1 a=1 owner=o | x.n=1`, `2 a=2 owner=o | x.n=1`, `3 a=3 | x=7`, `4 a=4 owner=p | x.all=1`, `5 RECORD_NOT_JSON`, `6 RECORD_NOT_JSON`}},
		{"a path", deep, `{"owner":"o","x":{"n":1,"y.z":[{"a":1}]}}{"x":{"y":{"z":[]}}}`, []string{`1 a=1 owner=o | x.n=1`, `2 RECORDS_MISSING`}},
		{"longer than a record may be", spec, `{"Records":[` + strings.Repeat(`{"a":1},`, 5<<17) + `{"a":2}]}`, append(many(5<<17, func(i int) string { return fmt.Sprint(i+1, " a=1 | ") }), fmt.Sprint(5<<17+1, " a=2 | "))},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, raws, contexts := listed(t, c.spec, []byte(c.object), 1<<20)
			if strings.Join(got, "¶") != strings.Join(c.want, "¶") {
				t.Fatalf("got\n%.3000q\nwant\n%.3000q", got, c.want)
			}
			keys := NewKeys()
			d, e := NewRecords(c.spec, keys, Options{}), NewExpander(keys)
			for i, raw := range raws {
				d.OpenFramed(&keptList{{int64(i + 1), raw, contexts[i]}})
				n, _, rej, err := d.Next()
				if err != nil {
					t.Fatal(err)
				}
				if again := tell(t, c.spec, d, e, n, rej); again != got[i] && !(len(raw) == 0 || rej != nil && strings.Contains(got[i], "RECORD_NOT_JSON")) {
					t.Fatalf("replayed: %q, want %q", again, got[i])
				}
			}
		})
	}
}

// listedLong lists an object whose documents count as long from so many bytes on; 0: none does.
func listedLong(t *testing.T, spec *Spec, object []byte, held, base int) (lines []string) {
	t.Helper()
	keys := NewKeys()
	d, e := NewRecords(spec, keys, Options{TempDir: t.TempDir()}), NewExpander(keys)
	f, ok := d.framer.(*envelopeFramer)
	if !ok {
		f = &d.framer.(*eventsFramer).envelopeFramer
	}
	if held > 0 {
		f.r.held, f.r.base, f.long.base = held, base, base
	}
	d.Open(bytes.NewReader(object))
	for {
		n, raw, rej, err := d.Next()
		if err != nil {
			return append(lines, err.Error())
		}
		lines = append(lines, tell(t, spec, d, e, n, rej)+" "+string(raw)+" "+string(d.Context()))
	}
}

// tooLongFor says that got refuses a document as too long that is refused for what it holds, or is a record by itself, if it is shorter.
func tooLongFor(spec *Spec, got, want string) bool {
	return spec.Format.Events != nil && strings.Contains(got, " "+ReasonTooLong+" ") || strings.Contains(got, " "+ReasonTooLong+" ") && (strings.Contains(want, " "+ReasonJSON+" ") || strings.Contains(want, " "+ReasonRecords+" "))
}

func sameLong(t *testing.T, spec *Spec, object []byte) {
	t.Helper()
	want := listedLong(t, spec, object, 0, 0)
	for _, at := range [][2]int{{1, 16}, {40, 32}, {100, 8}} {
		got := listedLong(t, spec, object, at[0], at[1])
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] && !tooLongFor(spec, got[i], want[i]) {
				t.Fatalf("%q, long from %d bytes on:\ngot  %q\nwant %q", object, at[0], got, want)
			}
		}
	}
}

// TestLongDocuments: the records of a document that is read from a file are those of one that is read in memory, whatever it holds.
func TestLongDocuments(t *testing.T) {
	spec := &Spec{Format: Format{Records: []string{"R"}}, Leaves: leaves("a#", "owner")}
	r := newRand()
	parts := []string{"{", "}", "[", "]", ",", ":", "\n", " ", `"R":[`, `"R":[`, `{"a":1}`, `{"a":2,"b":"x]},"}`, `"owner":"o"`, `"`, `\`, "7", "text", "\r\n", `{"R":[{"a":1},`, "]}", "null", "\xff"}
	for range 3000 {
		var b strings.Builder
		b.WriteString(`{"owner":"o","R":[`)
		for range 1 + r.Intn(40) {
			b.WriteString(parts[r.Intn(len(parts))])
		}
		if r.Intn(2) == 0 {
			b.WriteString("]}\n")
		}
		sameLong(t, spec, []byte(b.String()))
	}
}

// TestLongDocument: a document that is much longer than a record gives its records in the memory of a few records. One whose length is
// not that of its records is in quarantine with its offset, its length and its first bytes.
func TestLongDocument(t *testing.T) {
	const size = 64 << 20
	spec := &Spec{Format: Format{Records: []string{"R"}}, Leaves: leaves("a#", "owner")}
	element := `{"a":1,"b":"` + strings.Repeat("x", 1000) + `"},`
	n := size / len(element)
	long := strings.Repeat("y", 20<<20)
	for name, c := range map[string]struct {
		object  io.Reader
		records int
		want    map[string]int // rejects
	}{
		"one line":          {repeated(`{"owner":"o","R":[`, element, n, `{"a":2}],"after":1}`+"\n"), n + 1, nil},
		"several lines":     {repeated("{\n\"owner\":\"o\",\"R\":[\n", element, n, "{\"a\":2}],\n\"after\":1}\n"), n + 1, nil},
		"two documents":     {io.MultiReader(repeated(`{"owner":"o","R":[`, element, n/2, `{"a":2}]}`), repeated(`{"owner":"o","R":[`, element, n/2, `{"a":2}]}`)), n/2*2 + 2, nil},
		"a long element":    {repeated(`{"owner":"o","R":[{"b":"`+long+`"},`, element, n, `{"a":2}]}`), n + 2, map[string]int{ReasonTooLong: 1}},
		"not closed":        {repeated(`{"owner":"o","R":[`, element, n, ``), n + 1, map[string]int{ReasonJSON: 1}},
		"much before":       {repeated(`{"owner":"`+long+`","R":[`, element, n, `{"a":2}]}`), 1, map[string]int{ReasonTooLong: 1}},
		"much after":        {repeated(`{"owner":"o","R":[`, element, n, `{"a":2}],"after":"`+long+`"}`), 1, map[string]int{ReasonTooLong: 1}},
		"broken around":     {repeated(`{"owner":"o","R":[`, element, n, `{"a":2}],}`), 1, map[string]int{ReasonJSON: 1}},
		"without the array": {repeated(`{"owner":"o","S":[`, element, n, `{"a":2}]}`), 1, map[string]int{ReasonTooLong: 1}},
		"not an object":     {repeated(`[[`, element, n, `{"a":2}]]`), 1, map[string]int{ReasonTooLong: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			dir := t.TempDir()
			d := NewRecords(spec, NewKeys(), Options{TempDir: dir})
			d.Open(c.object)
			got, rejects := 0, map[string]int{}
			for {
				_, raw, rej, err := d.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got++
				f := d.framer.(*envelopeFramer)
				if held := cap(f.r.buf) + cap(f.long.buf); held > 2*(DefaultMaxRecordBytes+bufferBytes) {
					t.Fatalf("buffers of %d MiB", held>>20)
				}
				if rej != nil {
					rejects[rej.Code]++
					if len(raw) > MaxRejectBytes || rej.Code == ReasonTooLong && (rej.Length < DefaultMaxRecordBytes || rej.Offset < 0) {
						t.Errorf("%d bytes, offset %d, length %d", len(raw), rej.Offset, rej.Length)
					}
				}
			}
			runtime.ReadMemStats(&after)
			if got != c.records || !maps.Equal(rejects, c.want) {
				t.Errorf("%d records, want %d; %v, want %v", got, c.records, rejects, c.want)
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 200 {
				t.Errorf("%d MiB allocated", mib)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
}

// unpacked gives the text of an object; ok is false if it has another encoding than UTF-8, or cannot be read.
func unpacked(object []byte) (text []byte, ok bool) {
	var plain unpack.Reader
	if plain.Open(bytes.NewReader(object)) != nil {
		return nil, false
	}
	text, err := io.ReadAll(&plain)
	return text, err == nil && !is16(text)
}

var noElement = regexp.MustCompile(`\[[\s,]*\]`)

// FuzzEnvelope: every letter and digit of an object is in a record, or in the envelope that comes with one, or its document held no
// record.
func FuzzEnvelope(f *testing.F) {
	for _, s := range append([]string{`{"R":[{"a":1},{"b":2}],"c":3}`, `{"R":[{"a":1},{"b":`, `{"R":[1,"x,]",{"a":"]"}]}{"c":1}`, `{"R":[]}`, `{"\u0052":[{}]}`}, readSeeds...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		sameLong(t, &Spec{Format: Format{Records: []string{"R"}}, Leaves: leaves("a#")}, object)
		d := NewRecords(&Spec{Format: Format{Records: []string{"R"}}}, NewKeys(), Options{})
		d.Open(bytes.NewReader(object))
		all, ok := unpacked(object)
		if !ok {
			return
		}
		have := map[byte]int{}
		empty := noElement.Match(all) // an array may hold no record, and its document then is in none
		for n := int64(1); ; n++ {
			number, raw, rej, err := d.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			if number != n || !bytes.Contains(all, raw) || rej == nil && d.Context() == nil {
				t.Fatalf("record %d %q, want number %d", number, raw, n)
			}
			for _, b := range [][]byte{raw, d.Context()} {
				for _, c := range letters(b) {
					have[byte(c)]++
				}
			}
		}
		for _, c := range letters(all) {
			if have[byte(c)] == 0 && !empty {
				t.Fatalf("%q is in no record of %q", c, all)
			}
		}
	})
}
