package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func packedZstd(b []byte) []byte {
	w, _ := zstd.NewWriter(nil, zstd.WithEncoderCRC(true))
	return w.EncodeAll(b, nil)
}

// packedNamed is a gzip member with a file name in its header.
func packedNamed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Name = "a-long-file-name.log"
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// newJSONReader cuts the object r as JSON.
func newJSONReader(r io.Reader, o Options) *jsonReader {
	j := &jsonReader{window: newWindow(o)}
	j.open(r)
	return j
}

// check compares an object's records; a rejected one is its code, a blank, and its bytes.
func check(t *testing.T, object []byte, o Options, want ...string) {
	t.Helper()
	for _, chunk := range []int{1 << 20, 3} {
		got, err := readAll(&chunked{object, chunk}, &Spec{}, o)
		if err != nil {
			t.Fatalf("%.80q: %v", object, err)
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("%.80q gives\n%.2000q, want\n%.2000q", object, got, want)
		}
	}
}

func TestReadAsMeant(t *testing.T) {
	const a, b, c = `{"a":1}`, `{"b":{"x":"}"}}`, `{"c":[1,{"d":"\"]"}]}`
	nl := []byte("\n")
	for name, object := range map[string]string{
		"lines":                     a + "\n" + b + "\n" + c + "\n",
		"no final newline":          a + "\n" + b + "\n" + c,
		"CRLF":                      a + "\r\n" + b + "\r\n" + c + "\r\n",
		"byte order mark":           bom + a + "\n" + b + "\n" + c + "\n",
		"byte order mark inside":    a + "\n" + bom + b + "\n" + c + "\n",
		"blank lines":               "\n\n" + a + "\n \t\n\r\n" + b + "\n\n" + c + "\n\n  ",
		"blanks around":             "  " + a + "  \n\t" + b + " \r\n " + c,
		"glued":                     a + b + c,
		"glued with blanks":         a + " " + b + "\t" + c + "  \n",
		"glued in part":             a + "\n" + b + c + "\n",
		"array":                     "[" + a + "," + b + "," + c + "]",
		"array over lines":          "[\n  " + a + ",\n  " + b + ",\n  " + c + "\n]\n",
		"array after a mark":        bom + "\r\n [ " + a + " , " + b + "," + c + " ] ",
		"arrays":                    "[" + a + "]\n[" + b + "," + c + "]\n[]\n",
		"array, then lines":         "[" + a + "]\n" + b + "\n" + c,
		"array with blanks in gaps": "[" + a + strings.Repeat(" ", 5000) + "," + b + "," + c + "]",
	} {
		t.Run(name, func(t *testing.T) {
			check(t, []byte(object), Options{}, a, b, c)
			check(t, packed([]byte(object)), Options{}, a, b, c)
			check(t, packedZstd([]byte(object)), Options{}, a, b, c)
			check(t, []byte(object), Options{MaxRecordBytes: 30}, a, b, c) // a line longer than that is framed by values
		})
	}
	check(t, cat(packed([]byte(a+"\n"+b[:5])), packed(nil), packedNamed([]byte(b[5:]+c))), Options{}, a, b, c)
	check(t, cat(packedZstd([]byte(a+"\n")), packedZstd([]byte(b+c))), Options{}, a, b, c)
	check(t, cat([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), packedZstd([]byte(a))), Options{}, a)
	for _, empty := range [][]byte{nil, nl, []byte(bom), []byte(" \r\n\t"), []byte("[]"), []byte("[ \n ]"), packed(nil), packed(nl), packedZstd(nil)} {
		check(t, empty, Options{})
	}
}

func TestRecordsOverSeveralLines(t *testing.T) {
	one, two := "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": \"}\"\n  }\n}", "{\n\t\"d\": 2\r\n}"
	check(t, []byte(one+"\n"+two+"\n"), Options{}, one, two)
	check(t, []byte(one+two), Options{}, one, two)
	check(t, []byte("{\n\"a\":\n{\n\"b\":1}}\n"+two), Options{}, "{\n\"a\":\n{\n\"b\":1}}", two)
	check(t, []byte("["+one+",\n"+two+"\n]"), Options{}, one, two)
	// A broken first record of several lines, by the way its second line begins.
	check(t, []byte("{\n\"a\": 1,,\n}\n"+two), Options{}, ReasonJSON+" {\n\"a\": 1,,\n}", two)
	// A string that is not closed costs its record only.
	check(t, []byte("[{\"a\": \"x,\n\"b\": 1},\n"+two+"]"), Options{}, ReasonJSON+" {\"a\": \"x,\n\"b\": 1}", two)
	// A record that never closes: the rest is read as lines.
	check(t, []byte("[{\"a\":1},\n{\"b\":\n{\"c\":1}\n{\"d\":1}"), Options{}, `{"a":1}`, ReasonJSON+` {"b":`, `{"c":1}`, `{"d":1}`)
	check(t, []byte("{\"a\":\n\"b\"\n{\"c\":1}\n{\"d\":1}\n"), Options{}, ReasonJSON+` {"a":`, ReasonJSON+` "b"`, `{"c":1}`, `{"d":1}`)
	check(t, []byte(`[{"a":1},`), Options{}, `{"a":1}`, ReasonJSON+" ") // who wrote it was cut short
}

func TestBrokenRecordsAmongGood(t *testing.T) {
	const a, b = `{"a":1}`, `{"b":2}`
	for _, c := range []struct{ bad, code string }{
		{`{"a":`, ReasonJSON}, {`{"a":"x`, ReasonJSON}, {`{"a":1`, ReasonJSON}, {`}`, ReasonJSON}, {`text`, ReasonJSON}, {`1`, ReasonJSON},
		{`"x"`, ReasonJSON}, {`[1]`, ReasonJSON}, {`null`, ReasonJSON}, {`{'a':1}`, ReasonJSON}, {`{"a":NaN}`, ReasonJSON}, {"{\"a\":\"\t\"}", ReasonJSON},
		{"{\"a\":\"\xff\"}", ReasonUTF8}, {"\xc0\xaf", ReasonUTF8}, {`{"a":"\ud83d"}`, ReasonUTF8}, {`{"a":"\ude00\ud83d"}`, ReasonUTF8},
		{"{\"a\":\"\x00\"}", ReasonNUL}, {"{\"a\":1}\x00", ReasonNUL}, {"\x00", ReasonNUL}, {`{"a":"\u0000"}`, ReasonNUL}, {`{"\u0000":1}`, ReasonNUL},
		{strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000), ReasonTooDeep},
		{`{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + "}", ReasonTooDeep},
		{`{"a":` + strings.Repeat("[", 1<<20), ReasonTooDeep}, // does not even close
		{`{"a":"` + strings.Repeat("x", 3<<20) + `"}`, ReasonTooLong},
		{strings.Repeat("x", 3<<20), ReasonTooLong},
	} {
		o := Options{MaxRecordBytes: 2 << 20}
		if c.bad == "{\"a\":1}\x00" { // glued: the record before it is good
			check(t, []byte(a+"\n"+c.bad+"\n"+b+"\n"), o, a, `{"a":1}`, c.code+" \x00", b)
			continue
		}
		raw := c.bad
		if c.code == ReasonTooLong {
			raw = raw[:MaxRejectBytes]
		}
		check(t, []byte(a+"\n"+c.bad+"\n"+b+"\n"), o, a, c.code+" "+raw, b)
		check(t, []byte(a+"\r\n"+c.bad), o, a, c.code+" "+raw)
		if c.bad != "}" && c.bad != "[1]" {
			check(t, []byte(c.bad+"\n"+b+"\n"+a), o, c.code+" "+raw, b, a)
		}
	}
	long := `{"a":"` + strings.Repeat("x", 40) + `"}`
	check(t, []byte(a+"\n"+long+"\n"+b+"\n"), Options{MaxRecordBytes: 30}, a, ReasonTooLong+" "+long, b)
	// A long line does not change how the lines after it are read.
	check(t, []byte(a+b+a+b+a+b+"\n"+`{"c":}`+a+"\n"+b), Options{MaxRecordBytes: 30}, a, b, a, b, a, b, ReasonJSON+` {"c":}`+a, b)
	// Glued: what comes before the broken one is good. What is not JSON takes the rest of the line with it.
	check(t, []byte(a+b+`{"c":}`+a+"\n"+b), Options{}, a, b, ReasonJSON+` {"c":}`+a, b)
	check(t, []byte(a+`{"c":"\u0000"}`+b+"\n"+b), Options{}, a, ReasonNUL+` {"c":"\u0000"}`, b, b)
	check(t, []byte(a+"{\"c\":\"\xff\"} "+b+"\n"+b), Options{}, a, ReasonUTF8+" {\"c\":\"\xff\"}", b, b)
	// In an array every element is framed.
	check(t, []byte(`[`+a+`,{"c":},5,"x,]",[`+b+`],nul l,`+b+`]`), Options{}, a, ReasonJSON+` {"c":}`, ReasonJSON+` 5`, ReasonJSON+` "x,]"`,
		ReasonJSON+` [`+b+`]`, ReasonJSON+` nul`, ReasonJSON+` l`, b)
}

// TestOpen: another object may be opened in the middle of one.
func TestOpen(t *testing.T) {
	d := NewRecords(&Spec{}, NewKeys(), Options{})
	for _, object := range []string{`{"a":1}{"b":2}`, `[{"a":1},{"b":2}]`, "{\n\"a\":1}\n{}", "{\"a\":1}\n{\"b\":2}"} {
		d.Open(strings.NewReader(object))
		n, raw, rej, err := d.Next()
		if rej != nil || err != nil {
			t.Fatalf("%s: %v, %v", object, rej, err)
		}
		if n != 1 || !bytes.Contains(raw, []byte(`"a":1`)) {
			t.Fatalf("%s: record %d is %s, want record 1 with a:1", object, n, raw)
		}
	}
}

// TestUnreadable: an object that cannot be unpacked to its end is refused as a whole, wherever it is cut.
func TestUnreadable(t *testing.T) {
	lines := firewallLines(40)
	gz := cat(packed(lines[:3000]), packedNamed(lines[3000:]))
	first := len(packed(lines[:3000]))
	d := NewRecords(&Spec{}, NewKeys(), Options{}) // one for all: a broken object leaves nothing behind
	refused := func(what string, object []byte) {
		t.Helper()
		d.Open(bytes.NewReader(object))
		var err error
		for err == nil {
			_, _, _, err = d.Next()
		}
		var rej *Reject
		if !errors.As(err, &rej) || rej.Code != ReasonUnpack {
			t.Fatalf("%s: %v, want %s", what, err, ReasonUnpack)
		}
	}
	for cut := 2; cut < len(gz); cut++ {
		if cut != first { // there the object is whole
			refused(fmt.Sprintf("gzip cut at %d of %d", cut, len(gz)), gz[:cut])
		}
	}
	for _, at := range []int{first - 1, first - 5, len(gz) - 1, len(gz) - 4, len(gz) - 5, len(gz) - 8, 0 + first, first + 1} {
		b := bytes.Clone(gz)
		b[at] ^= 1
		refused(fmt.Sprintf("gzip with byte %d changed", at), b)
	}
	refused("garbage after gzip", cat(gz, []byte("garbage after it")))
	refused("a byte after gzip", cat(gz, []byte{0x1f}))
	refused("lines after gzip", cat(gz, lines))
	z := packedZstd(lines)
	for cut := 4; cut < len(z); cut += 3 {
		refused(fmt.Sprintf("zstd cut at %d", cut), z[:cut])
	}
	whole, _ := readAll(bytes.NewReader(z), &Spec{}, Options{})
	for at := 5; at < len(z); at += 29 {
		b := bytes.Clone(z)
		b[at] ^= 1
		got, err := readAll(bytes.NewReader(b), &Spec{}, Options{})
		if err == nil && fmt.Sprint(got) == fmt.Sprint(whole) {
			continue // a bit that does not matter
		}
		refused(fmt.Sprintf("zstd with byte %d changed", at), b)
	}
	refused("garbage after zstd", cat(z, []byte("garbage")))
	refused("packed three times", packed(packed(packed(lines))))
	refused("zip", []byte("PK\x03\x04...."))
	refused("Parquet", []byte("PAR1...."))
}

// failing gives its bytes, then an error.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}

// TestReadErrors: what the store reports is not the content's fault, also where it looks like a truncation.
func TestReadErrors(t *testing.T) {
	lines := firewallLines(40)
	reset := errors.New("connection reset")
	for _, want := range []error{reset, io.ErrUnexpectedEOF} {
		for _, object := range [][]byte{nil, lines[:500], packed(lines)[:1], packed(lines)[:5], packed(lines)[:600], packed(lines), packedZstd(lines)[:2], packedZstd(lines)[:300]} {
			r := NewRecords(&Spec{}, NewKeys(), Options{})
			r.Open(&failing{bytes.NewReader(object), want})
			var err error
			for err == nil {
				_, _, _, err = r.Next()
			}
			var rej *Reject
			if !errors.Is(err, want) || errors.As(err, &rej) {
				t.Fatalf("%d bytes, then %v: %v", len(object), want, err)
			}
			if _, _, _, again := r.Next(); again != err {
				t.Fatalf("then %v", again)
			}
			r.Open(bytes.NewReader(packed(lines)))
			if _, _, _, err := r.Next(); err != nil {
				t.Fatalf("the next object: %v", err)
			}
		}
	}
}

// repeated gives unit n times between head and tail, without holding it.
func repeated(head, unit string, n int, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), io.LimitReader(&endless{unit: unit}, int64(n*len(unit))), strings.NewReader(tail))
}

type endless struct {
	unit string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		k := copy(p[n:], e.unit[e.at:])
		n += k
		e.at = (e.at + k) % len(e.unit)
	}
	return len(p), nil
}

// TestLongRecords: a record that is too long is one reject with its offset, its length and its first bytes, whatever its length and its
// format are; the records around it are good; and not more than the longest record is held.
func TestLongRecords(t *testing.T) {
	const size = 40 << 20
	value := func(head, tail string) io.Reader { return repeated(head, "xxxxxxxx", size/8, tail) }
	csv := Format{Name: FormatCSV, Columns: []string{"a", "b"}, Quote: '"', Delimiter: ','}
	line := Format{Name: FormatLine, Columns: []string{"a"}, Comment: "#"}
	for _, c := range []struct {
		name           string
		format         Format
		object         io.Reader
		records        int
		offset, length int64
	}{
		{"a line", Format{}, value("{\"a\":1}\n{\"a\":\"", "\"}\n{\"b\":2}\n"), 3, 8, size + 8},
		{"the last line", Format{}, value("{\"a\":1}\n\n{\"a\":\"", "\"}"), 2, 9, size + 8},
		{"a line that does not close", Format{}, value("{\"a\":1}\n{\"a\":\"", "\n{\"b\":2}\n"), 3, 8, size + 6},
		{"a word", Format{}, value("{\"a\":1}\n", "\n{\"b\":2}\n"), 3, 8, size},
		{"an element", Format{}, value("[{\"a\":1},{\"a\":\"", "\"},{\"b\":2}]"), 3, 9, size + 8},
		{"several lines", Format{}, value("{\n\"a\":1}\n{\n\"a\":\"", "\"}\n{\"b\":2}"), 3, 9, size + 9},
		{"an escaped quote", Format{}, repeated("{\"a\":1}\n{\"a\":\"x", "xxxxxx\\\"", size/8, "\"}\n{\"b\":2}\n"), 3, 8, size + 9},
		{"CSV", csv, value("1,2\r\n3,", "\r\n4,5\r\n"), 3, 5, size + 2},
		{"an open quote", csv, value("1,2\n3,\"", "\n4,5\n"), 3, 4, size + 3},
		{"text", line, value("first\n", "\nlast"), 3, 6, size},
		{"a comment", line, repeated("first\n#", "xxxxxxxx", size/8, "\nlast"), 2, 0, 0},
		{"blanks", line, repeated("first\n", "        ", size/8, "\nlast"), 2, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d := NewRecords(&Spec{Format: c.format}, NewKeys(), Options{TempDir: t.TempDir(), MaxRecordBytes: 2 << 20})
			d.Open(c.object)
			n, long := 0, 0
			for {
				_, raw, rej, err := d.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if n++; rej == nil {
					continue
				}
				long++
				if want := (Reject{Code: ReasonTooLong, Message: rej.Message, Offset: c.offset, Length: c.length}); *rej != want || len(raw) != MaxRejectBytes || strings.Count(string(raw), "x") < MaxRejectBytes/2 {
					t.Errorf("record %d: %+v, %d bytes", n, rej, len(raw))
				}
			}
			if n != c.records || long != 1 && c.length > 0 || long > 0 && c.length == 0 {
				t.Errorf("%d records, %d of them too long", n, long)
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
				t.Errorf("%d MiB allocated", got>>20)
			}
		})
	}
}

// TestLongUnclosed: a record of several lines that never closes costs itself, also if it is longer than held.
func TestLongUnclosed(t *testing.T) {
	object := []byte("{\n\"a\":1}\n{\n\"a\":\"" + strings.Repeat("x", 3<<20) + "\"\n{\"b\":2}\n{\"c\":3}\n")
	check(t, object, Options{MaxRecordBytes: 1 << 20, TempDir: t.TempDir()}, "{\n\"a\":1}", ReasonJSON+" {", ReasonJSON+" \"a\"", ReasonTooLong+" :\""+strings.Repeat("x", MaxRejectBytes-2), "{\"b\":2}", "{\"c\":3}")
	var rej *Reject
	_, err := readAll(repeated("{\n\"a\":\"", "xxxxxxxx", MaxDocumentBytes/8, "\"\n{\"b\":2}\n"), &Spec{}, Options{TempDir: t.TempDir()})
	if !errors.As(err, &rej) || rej.Code != ReasonUnpack {
		t.Fatalf("%v", err)
	}
}

// TestBoundedMemory: objects without newlines, of any length, are read in a buffer of a few records.
func TestBoundedMemory(t *testing.T) {
	line := firewallLine(newRand())
	n := (24 << 20) / len(line)
	for name, object := range map[string]io.Reader{
		"glued":            repeated("", line, n, ""),
		"glued and spaced": repeated("", line+" ", n, "\n"),
		"array":            repeated("[", line+",", n-1, line+"]"),
		"blanks":           repeated(line, " ", 8<<20, strings.Repeat(line, n-1)),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d := NewRecords(firewallSpec(), NewKeys(), Options{})
			d.Open(object)
			got := 0
			for {
				_, _, rej, err := d.Next()
				if err == io.EOF {
					break
				}
				if rej != nil || err != nil {
					t.Fatal(rej, err)
				}
				got++
			}
			runtime.ReadMemStats(&after)
			if got != n || after.TotalAlloc-before.TotalAlloc > 8<<20 {
				t.Fatalf("%d records of %d, %d MiB allocated", got, n, (after.TotalAlloc-before.TotalAlloc)>>20)
			}
		})
	}
}
