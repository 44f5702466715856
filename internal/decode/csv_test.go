package decode

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand"
	"regexp"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode/unpack"
)

func csvSpec(f Format) *Spec {
	f.Name = FormatCSV
	if f.Columns == nil {
		f.Columns = []string{"a", "b", "c"}
	}
	if f.Quote == 0 {
		f.Quote = '"'
	}
	return &Spec{Format: f, Leaves: []Leaf{{Path: []string{"a"}, Kind: Text}, {Path: []string{"b"}, Kind: Int32}}}
}

// listed gives every record of an object as number, code or leaves and rest; and its raw bytes.
func listed(t *testing.T, spec *Spec, object []byte, chunk int) (lines, raws []string, contexts []string) {
	t.Helper()
	keys := NewKeys()
	d := NewRecords(spec, keys, Options{MaxRecordBytes: 4 << 20})
	e := NewExpander(keys)
	d.Open(&chunked{object, chunk})
	for {
		n, raw, rej, err := d.Next()
		if err == io.EOF {
			return lines, raws, contexts
		}
		if err != nil {
			return append(lines, err.Error()), raws, contexts
		}
		lines = append(lines, tell(t, spec, d, e, n, rej))
		raws = append(raws, string(raw))
		contexts = append(contexts, string(d.Context()))
	}
}

func tell(t *testing.T, spec *Spec, d *Records, e *Expander, n int64, rej *Reject) string {
	t.Helper()
	if rej != nil {
		return fmt.Sprint(n, " ", rej.Code)
	}
	s := fmt.Sprint(n)
	for i, v := range d.Values() {
		if v.Set {
			s += fmt.Sprintf(" %s=%s", strings.Join(spec.Leaves[i].Path, "."), v.Text)
		}
	}
	entries, err := e.Expand(d.Rest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var rest []string
	for _, x := range entries {
		rest = append(rest, x.Key+"="+string(x.Value))
	}
	for _, i := range d.Misfits() {
		if i >= len(spec.Leaves) {
			rest = append(rest, "!"+strings.Join(spec.MisfitPath(i), "."))
		}
	}
	return s + " | " + strings.Join(rest, " ")
}

func TestCSV(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	for _, c := range []struct {
		name   string
		format Format
		object string
		want   []string
	}{
		{"plain", Format{}, "x,1,z\r\ny,2,\n\n,,w", []string{`1 a=x b=1 | c=z`, `2 a=y b=2 | `, `3 | c=w`}},
		{"misfit", Format{}, "x,http,z\n", []string{`1 a=x | b=http c=z`}},
		{"quotes", Format{}, "\"x,\"\"y\"\"\",\"1\",\"a\nb\r\nc\"\nq,2,w\"w\n", []string{"1 a=x,\"y\" b=1 | c=a\nb\r\nc", `2 a=q b=2 | c=w"w`}},
		{"more and fewer", Format{}, "x,1,z,more,5\nx\n", []string{`1 a=x b=1 | c=z column_4=more column_5=5`, `2 a=x | `}},
		{"header, in order", Format{}, "a,b,c\nx,1,z\n", []string{`1 a=x b=1 | c=z`}},
		{"header, in another order", Format{}, "\ufeffC, A ,b,new\nz,x,1,n\n", []string{`1 a=x b=1 | c=z new=n`}},
		{"header twice, as of files put together", Format{}, "b,a\n1,x\nb,a\n2,y\n", []string{`1 a=x b=1 | `, `2 a=y b=2 | `}},
		{"header, of many columns that are not declared", Format{}, "p,q,b,r,s,t,a,u\n1,2,3,4,5,6,x,8\n", []string{`1 a=x b=3 | p=1 q=2 r=4 s=5 t=6 u=8`}},
		{"header, with most columns renamed", Format{}, "b2,a,c2\n1,x,z\n", []string{`1 a=x | b2=1 c2=z`}},
		{"another header in the object", Format{}, "a,b,c\nx,1,z\nnew,c,b,a\nn,z,2,y\n", []string{`1 a=x b=1 | c=z`, `2 a=y b=2 | new=n c=z`}},
		{"another header, with most columns renamed", Format{}, "a,b,c\nx,1,z\nb,a2,c2\n2,y,z\n", []string{`1 a=x b=1 | c=z`, `2 b=2 | a2=y c2=z`}},
		{"a record of words is not a header", Format{}, "x,y,z\nx,1,z\na,y,z\n", []string{`1 a=x | b=y c=z`, `2 a=x b=1 | c=z`, `3 a=a | b=y c=z`}},
		{"more fields than the header names", Format{Closed: true}, "c,a\nz,x\nz,x,\nz,x,1\nz\n", []string{`1 a=x | c=z`, `2 a=x | c=z`, `3 CSV_COLUMNS`, `4 | c=z`}},
		{"no header", Format{Header: HeaderNo}, "a,b,c\n", []string{`1 a=a | b=b c=c`}},
		{"a header that must be there", Format{Header: HeaderYes}, "x,1,z\n", []string{`CSV_HEADER: the first record must be a header, but it names no column of raw.sql: "x,1,z"`}},
		{"a header that cannot be read", Format{Header: HeaderYes}, "\"a,b\nx,1\n", []string{`CSV_HEADER: the first record must be a header, but it cannot be read: the quote at byte 1 is not closed`}},
		{"a name twice", Format{}, "a,b,a,\nx,1,z,4\n", []string{`1 a=x b=1 | a=z column_4=4`}},
		{"tab", Format{Delimiter: '\t'}, "x\t1\tz z\n\t\t\n\tx\t\n", []string{`1 a=x b=1 | c=z z`, `2 | b=x`}},
		{"space", Format{Delimiter: ' '}, "x  1 \"z z\" \n x 2\n", []string{`1 a=x b=1 | c=z z`, `2 a=x b=2 | `}},
		{"null", Format{Null: []string{"-", "N/A"}}, "-,-,\"-\"\nx,N/A,--\n", []string{`1 | `, `2 a=x | c=--`}},
		{"comments", Format{Comment: "#"}, "# x\nx,1,#z\n#\n#Fields: a\n\"#x\",2\n", []string{`1 a=x b=1 | c=#z`, `2 a=#x b=2 | `}},
		{"escape", Format{Escape: '\\'}, `"x \"y\" \\",1,"\"` + "\nq" + `"` + "\n", []string{"1 a=x \"y\" \\ b=1 | c=\"\nq"}},
		{"no quote", Format{Quote: 1}, "\"x,1,z\"\n", []string{`1 a="x b=1 | c=z"`}},
		{"a stray quote costs its line", Format{}, "x,\"1,z\ny,2,\"w\"\nz,3\n", []string{`1 CSV_QUOTE`, `2 a=y b=2 | c=w`, `3 a=z b=3 | `}},
		{"a quote that never closes", Format{}, "x,1,\"z\ny,2,w\nz,3\n", []string{`1 CSV_QUOTE`, `2 a=y b=2 | c=w`, `3 a=z b=3 | `}},
		{"and not within 1 MiB", Format{}, "x,1,\"z\n" + strings.Repeat("y,2,w\n", 1<<18), append([]string{`1 CSV_QUOTE`}, many(1<<18, func(i int) string { return fmt.Sprint(i+2, " a=y b=2 | c=w") })...)},
		{"text after a quote", Format{}, "\"x\"y,1\nx,1\n", []string{`1 CSV_QUOTE`, `2 a=x b=1 | `}},
		{"a long line", Format{}, "\"" + long + "\",1\n", []string{`1 a=` + long + ` b=1 | `}},
		{"too long", Format{}, "x,1\n" + long + long + "\ny,2\n", []string{`1 a=x b=1 | `, `2 RECORD_TOO_LONG`, `3 a=y b=2 | `}},
		{"bad bytes", Format{}, "x\xff,1\nx\x00,2\ny,3\n", []string{`1 RECORD_NOT_UTF8`, `2 RECORD_HAS_NUL`, `3 a=y b=3 | `}},
		{"a name of more than one key", Format{Columns: []string{"a", "b.c"}}, "x,y\n", []string{`1 a=x | b.c=y`}},
		{"types", Format{Header: HeaderNo, Layouts: []Layout{{At: 1, Value: "T", Columns: []string{"x", "type", "b"}}, {At: 2, Value: "U", Columns: []string{"b", "a", "type", "y"}}}},
			"p,T,4,more\n5,q,U,r\ns,\"T\",\nu,6,U\nw,t,V\nT\n",
			[]string{`1 b=4 | x=p type=T column_4=more`, `2 a=q b=5 | type=U y=r`, `3 | x=s type=T`, `4 a=6 | b=u type=U`, `5 a=w | b=t c=V`, `6 a=T | `}},
		{"types whose lists must fit", Format{Header: HeaderNo, Closed: true, Braces: []string{"a"}, Expects: []Expect{{"b", regexp.MustCompile(`^(?:[0-9]+)$`)}},
			Layouts: []Layout{{At: 0, Value: "T", Columns: []string{"type", "a", "b"}}}},
			"T,{x, y,z},1\nT,x,1,\nT,x,1,2\nT,x,y\nT,{x,1\nT,,\nT\nU,x,y,z,5\nT,\"{\",1\n",
			[]string{`1 a={x, y,z} b=1 | type=T`, `2 a=x b=1 | type=T`, `3 CSV_COLUMNS`, `4 CSV_COLUMNS`, `5 a={x b=1 | type=T`, `6 | type=T`, `7 | type=T`,
				`8 a=U | b=x c=y column_4=z column_5=5`, `9 a={ b=1 | type=T`}},
		{"types, and a header", Format{Layouts: []Layout{{At: 0, Value: "T", Columns: []string{"a", "c"}}}}, "a,b,c\nT,1,z\n", []string{`1 a=T b=1 | c=z`}},
		{"syslog", Format{Syslog: true}, "<14>Oct  3 23:50:22 fw1 x,1,z\nOct  3 23:50:22 \"x,\ny\",2\n<14>1 2023-10-03T23:50:22Z fw1 - - - [m a=\"1,2\"] \"x\",3\nx,4\n2023-10-03T23:50:22Z,5\n<14>Oct  3 23:50:22 fw1 \"x,6\ny,7\n<14>\n",
			[]string{`1 a=x b=1 | syslog.pri=14 syslog.timestamp=Oct  3 23:50:22 syslog.host=fw1 c=z`, "2 a=x,\ny b=2 | syslog.timestamp=Oct  3 23:50:22",
				`3 a=x b=3 | syslog.pri=14 syslog.timestamp=2023-10-03T23:50:22Z syslog.host=fw1 syslog.structured=[m a="1,2"]`, `4 a=x b=4 | `, `5 a=2023-10-03T23:50:22Z b=5 | `,
				`6 CSV_QUOTE`, `7 a=y b=7 | `, `8 | syslog.pri=14`}},
		{"no syslog", Format{}, "<14>Oct  3 23:50:22 fw1 x,1\n", []string{`1 a=<14>Oct  3 23:50:22 fw1 x b=1 | `}},
		{"nothing", Format{}, "\n \r\n\t\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := csvSpec(c.format)
			for _, chunk := range []int{1 << 20, 3} {
				if chunk == 3 && len(c.object) > 1<<20 {
					continue
				}
				got, raws, contexts := listed(t, spec, []byte(c.object), chunk)
				if strings.Join(got, "¶") != strings.Join(c.want, "¶") {
					t.Fatalf("got\n%.3000q\nwant\n%.3000q", got, c.want)
				}
				// What went to quarantine says the same by itself.
				keys := NewKeys()
				d, e := NewRecords(spec, keys, Options{MaxRecordBytes: 4 << 20}), NewExpander(keys)
				var list keptList
				cut := func(i int) bool { return strings.Contains(c.want[i], ReasonTooLong) } // these are not read by themselves
				for i := range raws {
					if cut(i) {
						continue
					}
					list = append(list, kept{int64(i + 1), raws[i], contexts[i]})
				}
				d.OpenFramed(&list)
				for i := range raws {
					if cut(i) {
						continue
					}
					n, raw, rej, err := d.Next()
					if err != nil || string(raw) != raws[i] || string(d.Context()) != contexts[i] {
						t.Fatal(n, err)
					}
					if again := tell(t, spec, d, e, n, rej); again != c.want[i] {
						t.Fatalf("replayed: %.500q, want %.500q", again, c.want[i])
					}
				}
			}
		})
	}
}

type kept struct {
	n            int64
	raw, context string
}

type keptList []kept

func (l *keptList) Next() (int64, []byte, []byte, error) {
	if len(*l) == 0 {
		return 0, nil, nil, io.EOF
	}
	k := (*l)[0]
	*l = (*l)[1:]
	return k.n, []byte(k.raw), []byte(k.context), nil
}

func many(n int, f func(int) string) (all []string) {
	for i := range n {
		all = append(all, f(i))
	}
	return all
}

// TestCSVAgainstEncodingCSV: what Go's own writer writes is read back, field by field.
func TestCSVAgainstEncodingCSV(t *testing.T) {
	r := newRand()
	alphabet := []string{"a", "b", ",", ";", "\"", "\n", "\r\n", " ", "é", "\\", "#"}
	for round := range 300 {
		delimiter := []byte{',', ';', '\t'}[r.Intn(3)]
		var out bytes.Buffer
		w := csv.NewWriter(&out)
		w.Comma = rune(delimiter)
		w.UseCRLF = r.Intn(2) == 0
		var want []string
		for range 1 + r.Intn(20) {
			row := []string{"x" + text(r, alphabet), text(r, alphabet), text(r, alphabet)}
			w.Write(row)
			read := make([]string, 3)
			for i, v := range row {
				read[i] = fmt.Sprintf("%q", v)
				if w.UseCRLF { // the writer makes every newline \r\n
					read[i] = fmt.Sprintf("%q", strings.ReplaceAll(strings.ReplaceAll(v, "\r\n", "\n"), "\n", "\r\n"))
				}
			}
			want = append(want, strings.Join(read, " "))
		}
		w.Flush()
		spec := &Spec{Format: Format{Name: FormatCSV, Columns: []string{"a", "b", "c"}, Delimiter: delimiter, Quote: '"', Header: HeaderNo},
			Leaves: []Leaf{{Path: []string{"a"}}, {Path: []string{"b"}}, {Path: []string{"c"}}}}
		d := NewRecords(spec, NewKeys(), Options{})
		d.Open(&chunked{out.Bytes(), 1 + r.Intn(16)})
		for i, line := range want {
			n, _, rej, err := d.Next()
			if err != nil || rej != nil || n != int64(i+1) {
				t.Fatalf("round %d: %q: %v %v", round, out.String(), rej, err)
			}
			var got []string
			for _, v := range d.Values() {
				got = append(got, fmt.Sprintf("%q", v.Text))
			}
			if strings.Join(got, " ") != line {
				t.Fatalf("round %d: %q gives %v, want %s", round, out.String(), got, line)
			}
		}
		if _, _, _, err := d.Next(); err != io.EOF {
			t.Fatalf("round %d: more than was written: %v", round, err)
		}
	}
}

func text(r *rand.Rand, alphabet []string) string {
	var b strings.Builder
	for range r.Intn(8) {
		b.WriteString(alphabet[r.Intn(len(alphabet))])
	}
	return b.String()
}

// FuzzText frames whatever comes as CSV. Nothing may get lost: the records, in order, are all of the object but newlines, blank lines,
// byte order marks, comments and headers; and the fields of an accepted one, cut by hand, are its values.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a,b\n1,2\n", "\"x\ny\",2\n\"z", "x\r\n\r\n#c\n,,\n", "\xef\xbb\xbfa\n", "\"a\"\"b\",\"c\"d\ne", "\"\n\"\n\"\n", "\\\"\"\\\"\\", "  x  y  \n", "#\n\"#\"\n"} {
		f.Add([]byte(s), uint8(40), uint8(7), uint8(0))
		f.Add([]byte(s), uint8(3), uint8(1), uint8(6))
		f.Add([]byte("<13>Oct  3 23:50:22 h "+s), uint8(0), uint8(3), uint8(32))
	}
	f.Fuzz(func(t *testing.T, object []byte, limit, chunk, kind uint8) {
		format := Format{Name: FormatCSV, Columns: []string{"a", "b"}, Quote: '"', Header: Header(kind % 3), Delimiter: []byte{',', ' ', '\t', ';'}[kind/3%4]}
		if kind&64 != 0 {
			format.Comment = "#"
		}
		if kind&32 != 0 {
			format.Syslog = true
			format.Layouts = []Layout{{At: 1, Value: "2", Columns: []string{"b", "c", "a"}}}
		}
		if kind&128 != 0 {
			format.Escape = '\\'
		}
		spec := &Spec{Format: format, Leaves: []Leaf{{Path: []string{"a"}}, {Path: []string{"b"}, Kind: Int64}}}
		keys := NewKeys()
		d, e := NewRecords(spec, keys, Options{MaxRecordBytes: int(limit)}), NewExpander(keys)
		d.framer.(*csvFramer).lines.base = 8
		if limit > 0 {
			lines := &d.framer.(*csvFramer).lines
			lines.held, lines.kept, lines.whole = int(limit), max(1, int(limit)/2), 3*int(limit)
		}
		var plain unpack.Reader
		if plain.Open(bytes.NewReader(object)) != nil {
			return
		}
		left, err := io.ReadAll(&plain)
		if err != nil || is16(left) {
			return
		}
		plainText := left
		d.Open(&chunked{object, int(chunk)%16 + 1})
		for n := int64(1); ; n++ {
			number, raw, rej, err := d.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return // the object is refused as a whole
			}
			if number != n || len(raw) == 0 {
				t.Fatalf("record %d %q, want number %d", number, raw, n)
			}
			left = skipGap(left, d, &format)
			if !bytes.HasPrefix(left, raw) {
				t.Fatalf("record %q does not come next in %q", raw, left)
			}
			left = left[cutLength(t, plainText, left, raw, rej):]
			if rej != nil {
				continue
			}
			first := tell(t, spec, d, e, number, nil)
			again := NewRecords(spec, keys, Options{MaxRecordBytes: int(limit)})
			again.OpenFramed(&keptList{{number, string(raw), string(d.Context())}})
			if _, _, rej, err := again.Next(); err != nil || rej != nil {
				t.Fatalf("%q is not read again: %v %v", raw, rej, err)
			}
			if second := tell(t, spec, again, e, number, nil); second != first {
				t.Fatalf("%q: %s, then %s", raw, first, second)
			}
		}
		if left = skipGap(left, d, &format); len(left) > 0 {
			t.Fatalf("lost: %q", left)
		}
	})
}

func endsLine(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte("\r"))
	return len(b) == 0 || b[0] == '\n'
}

// skipGap passes lines that are not a record.
func skipGap(b []byte, d *Records, f *Format) []byte {
	for {
		if endsLine(b) {
			b = bytes.TrimPrefix(bytes.TrimPrefix(b, []byte("\r")), []byte("\n"))
		}
		b = bytes.TrimPrefix(b, []byte(bom))
		line, _, more := bytes.Cut(b, []byte("\n"))
		l := withoutCR(line)
		header := d.Context()
		switch {
		case len(b) == 0:
			return b
		case allBlank(l), f.Comment != "" && bytes.HasPrefix(l, []byte(f.Comment)):
			b = b[len(line):]
		case header != nil && bytes.HasPrefix(b, header) && endsLine(b[len(header):]):
			b = b[len(header):]
		default:
			return b
		}
		if !more && len(b) == 0 {
			return b
		}
	}
}
