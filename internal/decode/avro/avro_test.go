package avro

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"

	"github.com/silt-etl/silt/internal/decode/budget"
)

// all reads the records of an object.
func all(r io.Reader, o Options) (records []string, err error) {
	if o.MaxRecord == 0 {
		o.MaxRecord, o.Keep = 16<<20, 1<<20
	}
	f, err := Open(r, o)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for {
		b, _, err := f.Next()
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		records = append(records, string(b))
	}
}

// TestFastavro: files that fastavro 1.12 wrote, with every type, and each codec in several blocks.
func TestFastavro(t *testing.T) {
	others := []string{``, `,"other":{"ip":"203.0.113.1","port":1}`, `,"other":"LOW"`, `,"other":7`}
	var want []string
	for i := range 8 {
		d, opt, body := "1e+300", "", ""
		if i == 0 {
			d = `"NaN"`
		}
		if i%2 == 0 {
			opt, body = `"opt":"x",`, `"body":"{\"a\":1}",`
		}
		want = append(want, fmt.Sprintf(`{"ok":%t,"i":%d,"l":%d,"f":0.5,"d":%s,"s":"zoë \"%d\"\n",%s"raw":"AP8=",%s"fix":"AQIDBA==","level":"HIGH","tags":["a",null,"b"],"labels":{"one":1},"day":"2026-01-31",`+
			`"clock_ms":"08:15:02.250","clock_us":"08:15:02.250001","at_ms":"2026-01-31T08:15:02.250Z","at_us":"1969-12-31T23:59:59.999999Z","local":"2026-01-31T08:15:02.000001","price":-12.30,"fixprice":0.005,`+
			`"id":"00112233-4455-6677-8899-aabbccddeeff","peer":{"ip":"192.0.2.%d","port":443,"via":{"ip":"198.51.100.1"}}%s}`, i%2 == 0, -i, 1<<62+i, d, i, opt, body, i, others[i%4]))
	}
	for _, codec := range []string{"null", "deflate", "snappy", "zstandard", "bzip2", "xz"} {
		b, err := os.ReadFile("testdata/" + codec + ".avro")
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(b), "bytes": iotest.OneByteReader(bytes.NewReader(b)), "twice": bytes.NewReader(append(append([]byte(nil), b...), b...))} {
			got, err := all(r, Options{})
			expected := strings.Join(want, "\n")
			if name == "twice" {
				expected += "\n" + expected
			}
			if err != nil || strings.Join(got, "\n") != expected {
				t.Errorf("%s, %s: %v\n got %s\nwant %s", codec, name, err, strings.Join(got, "\n"), expected)
			}
		}
		for cut := 0; cut < len(b); cut += 3 {
			got, err := all(bytes.NewReader(b[:cut]), Options{})
			if whole := err == nil && len(got) < len(want) && len(got) > 0 || cut == bytes.Index(b, b[len(b)-syncBytes:])+syncBytes; err == nil && !whole {
				t.Errorf("%s: %d of %d bytes are read: %d records", codec, cut, len(b), len(got))
			}
			if f := (*Fault)(nil); err != nil && !errors.As(err, &f) {
				t.Errorf("%s: cut at %d: %v", codec, cut, err)
			}
		}
		for i := bytes.Index(b, b[len(b)-syncBytes:]); i < len(b); i += 7 { // the blocks
			bad := bytes.Clone(b)
			bad[i] ^= 0x20
			got, err := all(bytes.NewReader(bad), Options{})
			if err == nil && codec == "snappy" && strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("snappy: a changed byte at %d is not noticed: %s", i, got)
			}
		}
	}
}

// long appends a number as Avro has it.
func long(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

func str(b []byte, s string) []byte { return append(long(b, int64(len(s))), s...) }

// file is a file of blocks, each of a number of records and their bytes.
func file(schema, codec string, blocks ...any) []byte {
	b := long([]byte(Magic), 2)
	b = str(str(b, "avro.schema"), schema)
	b = str(str(b, "avro.codec"), codec)
	b = append(long(b, 0), "0123456789abcdef"...)
	for i := 0; i < len(blocks); i += 2 {
		content := blocks[i+1].([]byte)
		switch codec {
		case "snappy":
			content = binary.BigEndian.AppendUint32(snappy.Encode(nil, content), crc32.ChecksumIEEE(content))
		case "deflate":
			var out bytes.Buffer
			w, _ := flate.NewWriter(&out, 1)
			_, _ = w.Write(content)
			_ = w.Close()
			content = out.Bytes()
		}
		b = long(long(b, int64(blocks[i].(int))), int64(len(content)))
		b = append(append(b, content...), "0123456789abcdef"...)
	}
	return b
}

func record(fields string) string {
	return `{"type":"record","name":"R","namespace":"a.b","fields":[` + fields + `]}`
}

// TestTypes: types and names that fastavro does not write.
func TestTypes(t *testing.T) {
	for _, c := range []struct {
		fields string
		value  []byte
		want   string
	}{
		{`{"name":"a","type":{"type":"long","logicalType":"timestamp-nanos"}}`, long(nil, 1), `{"a":"1970-01-01T00:00:00.000000001Z"}`},
		{`{"name":"a","type":{"type":"long","logicalType":"local-timestamp-millis"}}`, long(nil, -1), `{"a":"1969-12-31T23:59:59.999"}`},
		{`{"name":"a","type":{"type":"int","logicalType":"timestamp-millis"}}`, long(nil, 5), `{"a":5}`},
		{`{"name":"a","type":{"type":"long","logicalType":"local-time-micros"}}`, long(nil, 5), `{"a":5}`},
		{`{"name":"a","type":{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}}`, []byte("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"), `{"a":"00112233-4455-6677-8899-aabbccddeeff"}`},
		{`{"name":"a","type":{"type":"fixed","name":"D","size":12,"logicalType":"duration"}}`, []byte("\x01\x00\x00\x00\x02\x00\x00\x00\xbc\x0b\x00\x00"), `{"a":"P1M2DT3.004S"}`},
		{`{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":3,"scale":-1}}`, str(nil, "text"), `{"a":"text"}`},
		{`{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":3}}`, str(nil, "\xff"), `{"a":-1}`},
		{`{"name":"a","type":{"type":"fixed","name":"x.F","size":2}},{"name":"b","type":"x.F"}`, []byte("abcd"), `{"a":"YWI=","b":"Y2Q="}`},
		{`{"name":"a","type":{"type":"enum","name":"E","symbols":["q\"","r"]}},{"name":"b","type":"E"},{"name":"c","type":"a.b.E"},{"name":"d","type":{"type":"E"}}`, []byte{0, 2, 0, 2}, `{"a":"q\"","b":"r","c":"q\"","d":"r"}`},
		{`{"name":"a\"b","type":{"type":"array","items":{"type":"map","values":"boolean"}}}`, append(append(long(nil, 2), append(str(long(nil, 1), "k"), 1, 0)...), 0, 0), `{"a\"b":[{"k":true},{}]}`},
		{`{"name":"a","type":{"type":"array","items":"int"}}`, append(long(long(nil, -2), 2), 2, 4, 2, 6, 0), `{"a":[1,2,3]}`},
		{`{"name":"a","type":["int","null"]},{"name":"b","type":[{"type":"null"}]}`, []byte{2, 0}, `{}`},
		{`{"name":"next","type":["null","R"]},{"name":"v","type":"int"}`, []byte{2, 2, 0, 6, 4, 2}, `{"next":{"next":{"v":3},"v":2},"v":1}`},
		{`{"name":"a","type":"string"},{"name":"a","type":"string"}`, str(str(nil, "1"), "\x01{"), `{"a":"1","a":"\u0001{"}`},
	} {
		got, err := all(bytes.NewReader(file(record(c.fields), "null", 1, c.value)), Options{})
		if err != nil || strings.Join(got, "\n") != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.fields, err, got, c.want)
		}
	}
}

// flipped is b with another byte at a place from its end.
func flipped(b []byte, fromEnd int) []byte {
	b = bytes.Clone(b)
	b[len(b)-fromEnd] ^= 1
	return b
}

// TestFaults: what cannot be read is a fault, with one line that says why.
func TestFaults(t *testing.T) {
	ints := record(`{"name":"a","type":"int"}`)
	whole := file(ints, "null", 2, []byte{2, 4})
	damaged := flipped(whole, 1)
	for _, c := range []struct {
		object []byte
		want   string
	}{
		{nil, "the object is empty"}, {[]byte("{\"a\":1}\n"), "not an Avro file"}, {[]byte("\x1f\x8b123456"), "gzip: an Avro file is compressed inside"}, {[]byte(Magic), "truncated"},
		{damaged, "block 1 does not end with the marker"}, {whole[:len(whole)-1], "truncated"}, {append(bytes.Clone(whole), 2), "truncated"}, {append(bytes.Clone(whole), "text after it"...), "the object is damaged"},
		{file(ints, "lzo"), `"lzo", which is not supported`}, {file("{", "null"), "not JSON"}, {file(ints+"x", "null"), "not JSON"}, {file(`"int"`, "null"), "not a record"}, {file(record(`{"name":"a","type":"x"}`), "null"), `does not define the type "x"`},
		{file(record(`{"name":"a","type":[]}`), "null"), "no types"}, {file(record(`{"name":"a","type":["null",["int"]]}`), "null"), "a union is in a union"}, {file(record(`{"name":"a"}`), "null"), "not a name"},
		{file(record(`{"name":"a","type":{"type":"fixed","name":"F","size":-1}}`), "null"), "too large"}, {file(record(`{"type":"int"}`), "null"), "no name"}, {file(record(`{"name":"a","type":{"type":"record","name":"a.b.R","fields":[]}}`), "null"), "twice"},
		{file(record(`{"name":"a","type":`+strings.Repeat(`{"type":"array","items":`, 300)+`"int"`+strings.Repeat("}", 301)), "null"), "250 levels"},
		{file(ints, "null", 1, []byte{2, 4}), "block 1: more follows its records"}, {file(ints, "null", 3, []byte{2, 4, 0x80}), "a number is cut"}, {file(ints, "null", 3, []byte{2, 4}), "3 records in 2 bytes"}, {file(ints, "null", 0, []byte{2}), "no records"},
		{file(ints, "null", 1, long(nil, 1<<40)), "an int has the value"}, {file(record(`{"name":"a","type":"string"}`), "null", 1, long(nil, 1<<40)), "where 0 follow"}, {file(record(`{"name":"a","type":"string"}`), "null", 1, long(nil, -5)), "where 0 follow"},
		{file(record(`{"name":"a","type":["null","int"]}`), "null", 1, long(nil, 2)), "of type 2"}, {file(record(`{"name":"a","type":{"type":"enum","name":"E","symbols":["A"]}}`), "null", 1, long(nil, -1)), "symbol -1"},
		{file(record(`{"name":"a","type":{"type":"array","items":"int"}}`), "null", 1, long(long(nil, -1), 1<<50)), "items of"}, {file(record(`{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":9}}`), "null", 1, str(nil, strings.Repeat("9", maxNumber+1))), "a number of"},
		{append(long(long(long(bytes.Clone(whole), 1), 1<<40), 0), 0), "truncated"}, {flipped(file(ints, "snappy", 2, []byte{2, 4}), syncBytes+1), "does not match"}, {file(ints, "deflate", 1, []byte{})[:60], "truncated"},
	} {
		got, err := all(bytes.NewReader(c.object), Options{})
		f := (*Fault)(nil)
		if large := (*budget.TooLarge)(nil); errors.As(err, &large) && c.want == "truncated" {
			continue // it claims more than the budget
		}
		if !errors.As(err, &f) || !strings.Contains(f.Message, c.want) || strings.Contains(f.Message, "\n") {
			t.Errorf("%.60q: %v, %v, want %s", c.object, got, err, c.want)
		}
	}
	broken := errors.New("connection reset")
	for _, at := range []int{0, 20, len(whole) - 3, len(whole)} {
		if _, err := all(io.MultiReader(bytes.NewReader(whole[:at]), iotest.ErrReader(broken)), Options{}); !errors.Is(err, broken) {
			t.Errorf("a read error at %d: %v", at, err)
		}
	}
}

// TestBombs: what takes few bytes and promises much ends soon, and within the budget.
func TestBombs(t *testing.T) {
	nulls := record(`{"name":"a","type":{"type":"array","items":"null"}}`)
	fields := strings.Repeat(`{"name":"x","type":"null"},`, 1000)
	empty := record(`{"name":"a","type":{"type":"array","items":{"type":"record","name":"N","fields":[` + strings.TrimSuffix(fields, ",") + `]}}}`)
	fan := `{"name":"z","type":"int"}`
	for i := range 40 {
		fan = fmt.Sprintf(`{"name":"a","type":{"type":"record","name":"F%d","fields":[%s]}},{"name":"b","type":"F%[1]d"}`, i, strings.ReplaceAll(fan, `"int"`, `"null"`))
	}
	for name, c := range map[string]struct {
		object []byte
		want   string
	}{
		"a list of nulls":           {file(nulls, "null", 1, append(long(nil, 1<<62), 0)), "times as long"},
		"a list of nothing":         {file(empty, "null", 1, append(long(nil, 1<<62), 0)), "times as long"},
		"records without bytes":     {file(record(""), "null", 1<<40, []byte{}), "0 bytes"},
		"a record that has itself":  {file(record(`{"name":"a","type":"R"}`), "null", 1, []byte{0}), "deeper than"},
		"records that double":       {file(record(fan), "null", 1, []byte{0}), "times as long"},
		"a block of many bytes":     {append(long(long(file(nulls, "null"), 1), 1<<40), 0), "possible with limits.memory"},
		"a text of many bytes":      {file(record(`{"name":"a","type":"string"}`), "null", 1, long(nil, 1<<40)), "follow"},
		"deflate":                   {file(record(`{"name":"a","type":"string"}`), "deflate", 1, str(nil, strings.Repeat("x", 70<<20))), "possible with limits.memory"},
		"snappy that claims much":   {bytes.Replace(file(nulls, "snappy", 1, bytes.Repeat([]byte{7}, 100)), snappy.Encode(nil, bytes.Repeat([]byte{7}, 100))[:1], []byte("\xff\xff\xff\xff\x0f"), 1), ""},
		"a header of many texts":    {append(long([]byte(Magic), 1<<62), bytes.Repeat([]byte{0}, 10<<20)...), "its header has more than"},
		"a header with a long text": {append(long(long([]byte(Magic), 1), 1<<40), 'x'), "its header has more than"},
	} {
		_, err := all(bytes.NewReader(c.object), Options{Memory: budget.New(64<<20, 64<<20).NewUse(nil)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestLongRecord: of a record that is too long, its length and first bytes are given, and the next one is read.
func TestLongRecord(t *testing.T) {
	schema := record(`{"name":"s","type":"string"},{"name":"b","type":"bytes"},{"name":"n","type":{"type":"map","values":"int"}}`)
	var block []byte
	values := []string{"short", strings.Repeat("long\n", 100_000), "last"}
	var want []string
	for _, v := range values {
		block = append(str(str(block, v), "\x00"+v), 2, 2, '{', 2, 0)
		want = append(want, fmt.Sprintf(`{"s":"%s","b":"%s","n":{"{":1}}`, strings.ReplaceAll(v, "\n", `\n`), base("\x00"+v)))
	}
	f, err := Open(bytes.NewReader(file(schema, "null", 3, block)), Options{MaxRecord: 1000, Keep: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		b, n, err := f.Next()
		if err != nil || n != int64(len(w)) || string(b) != w[:min(len(w), map[bool]int{false: 1000, true: 100}[len(w) > 1000])] {
			t.Errorf("record %d: %.120s of %d bytes (%v), want %.120s of %d", i, b, n, err, w, len(w))
		}
	}
}

func base(s string) string {
	b := &block{most: 1 << 30}
	b.text([]byte(s), false)
	return strings.Trim(string(b.out), `"`)
}

func FuzzRecords(f *testing.F) {
	for _, codec := range []string{"null", "deflate", "snappy", "zstandard", "bzip2", "xz"} {
		b, err := os.ReadFile("testdata/" + codec + ".avro")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(file(record(`{"name":"a","type":{"type":"array","items":["null","R"]}}`), "null", 2, []byte{2, 0, 0, 0}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Open(bytes.NewReader(b), Options{MaxRecord: 1 << 10, Keep: 100, Memory: budget.New(16<<20, 16<<20).NewUse(nil)})
		for n := 0; err == nil && n < 10_000; n++ {
			var v []byte
			var length int64
			if v, length, err = r.Next(); err == nil && length <= 1<<10 && (int64(len(v)) != length || v[0] != '{' || v[len(v)-1] != '}') {
				t.Fatalf("%q of %d bytes", v, length)
			}
		}
		large, fault := (*budget.TooLarge)(nil), (*Fault)(nil)
		if err != nil && err != io.EOF && !errors.As(err, &fault) && !errors.As(err, &large) {
			t.Fatal(err)
		}
	})
}

func BenchmarkRecords(b *testing.B) {
	schema := record(`{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"src","type":"string"},{"name":"dst","type":["null","string"]},{"name":"port","type":"int"},{"name":"bytes","type":"long"},{"name":"ok","type":"boolean"}`)
	var block []byte
	for i := range 1000 {
		block = append(long(long(str(append(str(long(block, 1769847302250000+int64(i)), "192.0.2.7"), 2), "198.51.100.7"), 443), int64(i)*1000), 1)
	}
	for _, codec := range []string{"null", "deflate", "snappy"} {
		b.Run(codec, func(b *testing.B) {
			object := file(schema, codec, 1000, block, 1000, block, 1000, block)
			b.SetBytes(3 * int64(len(block)))
			for range b.N {
				if got, err := count(object); err != nil || got != 3000 {
					b.Fatal(got, err)
				}
			}
		})
	}
}

func count(object []byte) (n int, err error) {
	f, err := Open(bytes.NewReader(object), Options{MaxRecord: 16 << 20, Keep: 1 << 20})
	for err == nil {
		if _, _, err = f.Next(); err == nil {
			n++
		}
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}
