package decode

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode/unpack"
)

// fuzzSpec has leaves of every kind, one below the other, two of one path, kept and named ones.
func fuzzSpec() *Spec {
	return &Spec{Format: Format{Null: []string{"-", "N/A"}}, Nulls: []Null{{[]string{"e", "o"}, []string{"::", ""}}, {[]string{"z"}, []string{"zero"}}}, Leaves: []Leaf{
		{Path: []string{"t"}, Kind: Text},
		{Path: []string{"b"}, Kind: Bool},
		{Path: []string{"i"}, Kind: Int32},
		{Path: []string{"l"}, Kind: Int64, Keep: true},
		{Path: []string{"d"}, Kind: Double},
		{Path: []string{"at"}, Kind: Timestamp},
		{Path: []string{"j"}, Kind: JSON},
		{Path: []string{"j", "t"}, Kind: Text},
		{Path: []string{"k"}, Kind: JSON, Keep: true},
		{Path: []string{"k", "i"}, Kind: Int64},
		{Path: []string{"k", "j"}, Kind: JSON},
		{Path: []string{"e", "t"}, Kind: Text, Keep: true, Name: "named"},
		{Path: []string{"e", "o"}, Kind: Text, Name: "other.name"},
		{Path: []string{"e", "o", "x"}, Kind: Text},
		{Path: []string{"e", "a.b"}, Kind: Text},
		{Path: []string{"t"}, Kind: Int64},
		{Path: []string{""}, Kind: Text},
	}}
}

var scanSeeds = []string{
	`{"t":"-","t":"x","i":"N\/A","e":{"o":"::","t":"::"},"z":"zero","y":"-"}`, `{"t":"","e":{"o":""},"z":"\u007aero","j":"-","k":["-"]}`,
	`{}`, ` { } `, `{"t":"x"}{"t":"y"}`, `{"t":null,"t":"later"}`, `{"t":1.50,"b":"true","i":"443","l":9223372036854775807,"d":"-1e3"}`,
	`{"i":2147483648,"l":-9223372036854775808,"d":1e999,"b":"yes"}`, `{"i":1.0,"l":007}`, `{"i":"007","l":"1e3","d":"0x1"}`,
	`{"at":"2020-10-01T00:00:13.977896+0000"}`, `{"at":"2024-02-29 23:59:59.123456789-05:30"}`, `{"at":"2023-02-29T00:00:00Z"}`,
	`{"at":"0001-01-01T00:00:00+01:00"}`, `{"at":"9999-12-31t23:59:59.999999999z"}`, `{"at":"2016-12-31T23:59:60Z"}`, `{"at":1601510413}`,
	`{"j":{"t":"in","u":[1,2]},"k":{"i":3,"o":{"p":1}}}`, "{\"j\":{\t\"t\"\n:\"in\"},\"k\":[1,\n2]}", `{"k":{"i":"x","j":{},"i":5}}`,
	`{"e":{"t":"x","o":{"x":"deep","y":1},"a.b":2,"a":{"b":3}}}`, `{"e":{"o":1},"e":{"t":"second","n":{"m":[]}}}`,
	`{"a.b":1,"a":{"b":2,"b":"\u00e9\ud83d\ude00"}}`, `{"":1,"x":{"":{"":{}}}}`, `{"\u0074":"key in escapes","q\"\\":"\b\f\n\r\t\/"}`,
	`{"x":"\u0000"}`, `{"x":"\ud800"}`, `{"x":"\udc00"}`, `{"x":"\ud800\u0041"}`, "{\"x\":\"\x00\"}", "{\"x\":\"\xff\"}", "{\"x\":1}\xff",
	`{"x":tru}`, `{"x":01}`, `{"x":-}`, `{"x":1.}`, `{"x":.5}`, `{"x":1e}`, `{"x":"\q"}`, `{"x":"\u12`, `{"x"`, `{"x":`, `{"x":1,}`, `{,}`, `{"x" 1}`, `{x:1}`,
	`1`, `"text"`, `[{}]`, `null`, `text`, ``, ` `, `{"x":{"y":[{"z":"}"}]}}`, "{\"a\": 1,\r\n \"b\": \"c\"}\r\n",
	"{\"x\":\"\u2028\uFEFF\x7f\"}", `{"x":[1,{"t":2}],"t":[],"i":[],"j":[ ],"k":{}}`, `{"l":-0,"i":-0,"d":-0}`,
}

func FuzzScan(f *testing.F) {
	for _, s := range scanSeeds {
		f.Add([]byte(s), []byte(scanSeeds[6]))
	}
	f.Add([]byte(strings.Repeat(`{"x":`, 201)+"1"+strings.Repeat("}", 201)), []byte(`{"x":[]}`))
	f.Add([]byte(strings.Repeat(`{"x":`, 200)+"1"+strings.Repeat("}", 200)), []byte(`{"x":[]}`))
	f.Add([]byte(strings.Repeat(`[`, 300)), []byte(`{"x":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+`}`))
	spec := fuzzSpec()
	f.Fuzz(func(t *testing.T, first, second []byte) {
		// One scanner for both and both again: what it learned from one record must not show in another.
		keys := NewKeys()
		keys.max = 5
		s, e := NewScanner(spec, keys), NewExpander(keys)
		s.nodes = maxNodes - 4
		for _, b := range [][]byte{first, second, first, second} {
			if err := compare(s, e, spec, b); err != nil {
				t.Fatalf("%q: %v", b, err)
			}
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add([]byte(""), []byte("\"a\":1\x02\"b\":{\"c\":[1],\"d\":{}}\x02"))
	f.Add([]byte("##1\x02#$\"x\\n\"\x02##2\x02"), []byte("\"one\":\"\\u00e9\"\x02\"tw\\u006f\":null\x02\"one\":{ }\x02"))
	f.Add([]byte("zz1\x02"), []byte("\"a"))
	f.Fuzz(func(t *testing.T, rest, more []byte) {
		keys := NewKeys()
		e := NewExpander(keys)
		keys.prefix("one")
		if _, err := e.Expand(more, rest); err != nil {
			keys.prefix("two")
			keys.prefix("a")
		}
		got, err := e.Expand(rest, more)
		if err != nil {
			return
		}
		met := map[string]bool{}
		for _, x := range got {
			if met[x.Key] {
				t.Fatalf("key %q twice: %s", x.Key, show(got))
			}
			met[x.Key] = true
		}
		again := NewExpander(keys)
		twice, err := again.Expand(rest, more)
		if err != nil || show(twice) != show(got) {
			t.Fatalf("%s, by a fresh expander %s (%v)", show(got), show(twice), err)
		}
	})
}

var readSeeds = []string{
	"", "\n", "{}", "{\"a\":1}\n{\"b\":2}\n", "\xef\xbb\xbf{\"a\":1}\r\n\r\n{\"b\":2}", "{\"a\":1}{\"b\":2} {\"c\":3}", "[{\"a\":1},{\"b\":[2]}]", " [ ] ",
	"[\n{\"a\":\"]\"},\n{\"b\":\n", "{\n \"a\": 1\n}\n{\n \"b\": 2\n}\n", "{\"a\":\n{\"b\":1}\n{\"c\":1}\n", "{\"a\":\n\"b\"\n{\"c\":1}\n{\"d\":1}\n",
	"text\n{\"a\":1}\nmore", "[{\"a\":\"x\n},{\"b\":1}] tail\n{\"c\":1}", strings.Repeat("{\"a\":1}", 20), "{\"a\":\"" + strings.Repeat("x", 100) + "\"}\n{}", "\x1f\x8b", "\x28\xb5\x2f\xfd",
	"[{}] [{}],{}\n]{\n\xef\xbb\xbf{}\xef\xbb", strings.Repeat(" ", 200) + "{}\n" + strings.Repeat("z", 200) + "\n{}", "[[{}],1,\"a,b\",nul l]", "\\\n{\"\\\n{}",
}

// FuzzReader cuts and frames whatever comes. Nothing may get lost: the records, in order, are all of the object but blanks,
// byte order marks and, where it is read by values, the brackets and commas between them.
func FuzzReader(f *testing.F) {
	for _, s := range readSeeds {
		f.Add([]byte(s), uint8(40), uint8(7))
		f.Add(packed([]byte(s)), uint8(0), uint8(1))
	}
	f.Fuzz(func(t *testing.T, object []byte, limit, chunk uint8) {
		small := newJSONReader(nil, Options{MaxRecordBytes: int(limit)})
		small.base = 8
		if limit > 0 {
			small.held, small.kept, small.whole = int(limit), max(1, int(limit)/2), 3*int(limit)
		}
		for _, r := range []*jsonReader{small, newJSONReader(nil, Options{})} {
			r.open(&chunked{object, int(chunk)%16 + 1})
			var plain unpack.Reader
			if plain.Open(bytes.NewReader(object)) != nil {
				return
			}
			left, err := io.ReadAll(&plain)
			if err != nil || is16(left) {
				return
			}
			byValues, plainText := false, left
			for n := int64(1); ; n++ {
				rec, err := r.next()
				byValues = byValues || r.values || r.fell
				if err == io.EOF {
					break
				}
				if err != nil {
					return // the object is refused as a whole
				}
				if r.pieces != n {
					t.Fatalf("number %d, want %d", r.pieces, n)
				}
				if len(rec.bytes) == 0 && rec.reject == nil {
					t.Fatal("an empty record")
				}
				for !bytes.HasPrefix(left, rec.bytes) && gap(left, byValues) > 0 {
					left = left[gap(left, byValues):]
				}
				if !bytes.HasPrefix(left, rec.bytes) {
					t.Fatalf("record %q does not come next in %q", rec.bytes, left)
				}
				left = left[cutLength(t, plainText, left, rec.bytes, rec.reject):]
			}
			for gap(left, byValues) > 0 {
				left = left[gap(left, byValues):]
			}
			if len(left) > 0 {
				t.Fatalf("lost: %q", left)
			}
		}
	})
}

// cutLength is how long a record is, which may be cut: then it begins at its offset.
func cutLength(t *testing.T, object, left, raw []byte, rej *Reject) int {
	if rej == nil || rej.Length == 0 {
		return len(raw)
	}
	if rej.Length <= int64(len(raw)) || rej.Offset != int64(len(object)-len(left)) {
		t.Fatalf("%+v for record %q of %q, which begins at %d", rej, raw, object, len(object)-len(left))
	}
	return int(rej.Length)
}

// gap is how many bytes b begins with that may belong to no record.
func gap(b []byte, byValues bool) int {
	switch {
	case len(b) == 0:
		return 0
	case blank(b[0]), byValues && (b[0] == ',' || b[0] == '[' || b[0] == ']'):
		return 1
	case bytes.HasPrefix(b, []byte(bom)):
		return len(bom)
	}
	return 0
}

// chunked reads a few bytes at a time.
type chunked struct {
	b []byte
	n int
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.b[:min(c.n, len(c.b))])
	c.b = c.b[n:]
	return n, nil
}

// FuzzRecords holds the records of an object against those of its lines: every accepted record is one that the reference
// accepts.
func FuzzRecords(f *testing.F) {
	for _, s := range append(readSeeds, scanSeeds...) {
		f.Add([]byte(s))
	}
	spec := fuzzSpec()
	f.Fuzz(func(t *testing.T, object []byte) {
		d := NewRecords(spec, NewKeys(), Options{})
		d.Open(bytes.NewReader(object))
		for {
			_, raw, rej, err := d.Next()
			if err != nil {
				return
			}
			if rej != nil {
				continue
			}
			if ref, n, codes := refScan(spec, raw); codes != nil || n != len(raw) || len(ref.values) != len(d.Values()) {
				t.Fatalf("%q accepted, want %v", raw, codes)
			}
		}
	})
}
