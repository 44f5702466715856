package decode

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode/unpack"
)

// TestEnvelope: each element is a record, with what else its document holds; a broken one costs itself; by itself, with its
// context, it says the same.
func TestEnvelope(t *testing.T) {
	spec := &Spec{Format: Format{Records: []string{"Records"}}, Leaves: leaves("a#", "owner")}
	deep := &Spec{Format: Format{Records: []string{"x", "y.z"}}, Leaves: leaves("a#", "owner")}
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

var noElement = regexp.MustCompile(`\[[\s,]*\]`)

// FuzzEnvelope: every letter and digit of an object is in a record, or in the envelope that comes with one, or its document held no
// record.
func FuzzEnvelope(f *testing.F) {
	for _, s := range append([]string{`{"R":[{"a":1},{"b":2}],"c":3}`, `{"R":[{"a":1},{"b":`, `{"R":[1,"x,]",{"a":"]"}]}{"c":1}`, `{"R":[]}`, `{"\u0052":[{}]}`}, readSeeds...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		d := NewRecords(&Spec{Format: Format{Records: []string{"R"}}}, NewKeys(), Options{})
		d.Open(bytes.NewReader(object))
		var plain unpack.Reader
		if plain.Open(bytes.NewReader(object)) != nil {
			return
		}
		all, err := io.ReadAll(&plain)
		if err != nil || is16(all) {
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
