package render

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

// result is Rows that returns batches, and then an error or nil.
type result struct {
	schema  *arrow.Schema
	batches []arrow.RecordBatch
	err     error
}

func (r *result) Schema() *arrow.Schema { return r.schema }

func (r *result) Next() (arrow.RecordBatch, error) {
	if len(r.batches) == 0 {
		return nil, r.err
	}
	b := r.batches[0]
	r.batches = r.batches[1:]
	return b, nil
}

func rows(t *testing.T, json string, fields ...arrow.Field) *result {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	return &result{schema: schema, batches: []arrow.RecordBatch{b}}
}

func field(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

var str = arrow.BinaryTypes.String

func TestJSONKeepsValuesAndOrder(t *testing.T) {
	r := rows(t, `[{"big":9007199254740993,"d":0.1,"s":{"z":"<&>\u001b[0m","a":null},"l":[1,null],"m":[{"key":"k","value":"v"}],"ts":"2025-01-02T03:04:05.000006","b":true},
		{"big":null,"d":1e300,"s":null,"l":[],"m":null,"ts":null,"b":null}]`,
		field("big", arrow.PrimitiveTypes.Int64), field("d", arrow.PrimitiveTypes.Float64), field("s", arrow.StructOf(field("z", str), field("a", str))),
		field("l", arrow.ListOf(arrow.PrimitiveTypes.Int32)), field("m", arrow.MapOf(str, str)), field("ts", &arrow.TimestampType{Unit: arrow.Microsecond}),
		field("b", arrow.FixedWidthTypes.Boolean))
	b := r.batches[0]
	for i, want := range []string{
		`{"big":9007199254740993,"d":0.1,"s":{"z":"<&>\u001b[0m","a":null},"l":[1,null],"m":{"k":"v"},"ts":"2025-01-02T03:04:05.000006","b":true}`,
		`{"big":null,"d":1e+300,"s":null,"l":[],"m":null,"ts":null,"b":null}`,
	} {
		if got := string(Object(nil, b, i, false)); got != want {
			t.Errorf("row %d is\n%s\nwant\n%s", i, got, want)
		}
	}
	for i, want := range []string{
		`{"big":9007199254740993,"d":0.1,"s":{"z":"<&>\u001b[0m"},"l":[1,null],"m":{"k":"v"},"ts":"2025-01-02T03:04:05.000006","b":true}`, `{"d":1e+300}`,
	} {
		if got := string(Object(nil, b, i, true)); got != want {
			t.Errorf("row %d without nulls is\n%s\nwant\n%s", i, got, want)
		}
	}
}

func TestSparseLeavesOutEmptyObjects(t *testing.T) {
	r := rows(t, `[{"a":{"b":{"c":null}},"x":1}]`, field("a", arrow.StructOf(field("b", arrow.StructOf(field("c", str))))), field("x", arrow.PrimitiveTypes.Int64))
	if got := string(Object(nil, r.batches[0], 0, true)); got != `{"x":1}` {
		t.Error(got)
	}
}

func TestWriteJSON(t *testing.T) {
	var b strings.Builder
	if err := WriteJSON(&b, rows(t, `[{"n":1},{"n":null}]`, field("n", arrow.PrimitiveTypes.Int64))); err != nil || b.String() != "[\n{\"n\":1},\n{\"n\":null}\n]\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
	b.Reset()
	if err := WriteJSON(&b, &result{schema: arrow.NewSchema(nil, nil)}); err != nil || b.String() != "[]\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestErrorOfRowsIsReturned(t *testing.T) {
	for name, write := range map[string]func(r *result) error{
		"json":  func(r *result) error { return WriteJSON(&strings.Builder{}, r) },
		"csv":   func(r *result) error { return WriteCSV(&strings.Builder{}, r) },
		"table": func(r *result) error { return WriteTable(&strings.Builder{}, r, false) },
	} {
		r := rows(t, `[{"n":1}]`, field("n", arrow.PrimitiveTypes.Int64))
		r.err = errors.New("broken")
		if err := write(r); !errors.Is(err, r.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTable(t *testing.T) {
	r := rows(t, `[{"n":5,"name":"日本"},{"n":1234,"name":"a\nb\u001b[31m"},{"n":null,"name":null}]`, field("n", arrow.PrimitiveTypes.Int64), field("name", str))
	var b strings.Builder
	if err := WriteTable(&b, r, false); err != nil {
		t.Fatal(err)
	}
	want := `   n  name
----  --------------
   5  日本
1234  a\nb\u001b[31m
NULL  NULL
(3 rows)
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWideCellsAreCutOnlyOnATerminal(t *testing.T) {
	long := strings.Repeat("x", 200)
	for terminal, want := range map[bool]string{true: strings.Repeat("x", maxCell-1) + "…", false: long} {
		var b strings.Builder
		if err := WriteTable(&b, rows(t, fmt.Sprintf(`[{"s":%q}]`, long), field("s", str)), terminal); err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(b.String(), "\n")[2]; got != want {
			t.Errorf("terminal %v: %s", terminal, got)
		}
	}
}

func TestTableOfManyRowsIsStreamed(t *testing.T) {
	var js strings.Builder
	js.WriteString("[")
	for i := range measuredRows * 2 {
		if i > 0 {
			js.WriteString(",")
		}
		fmt.Fprintf(&js, `{"n":%d}`, i)
	}
	js.WriteString("]")
	var b strings.Builder
	if err := WriteTable(&b, rows(t, js.String(), field("n", arrow.PrimitiveTypes.Int64)), false); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	got := append(lines[:3:3], lines[len(lines)-3:]...) // header, dashes, first row; last row, count, end
	if diff := cmp.Diff([]string{"  n", "---", "  0", "1999", "(2000 rows)", ""}, got); diff != "" || len(lines) != 2*measuredRows+4 {
		t.Errorf("%d lines, of which (-want +got):\n%s", len(lines), diff)
	}
}

func TestCSV(t *testing.T) {
	r := rows(t, `[{"n":null,"s":"a,\"b\"\nc","l":["x"]}]`, field("n", arrow.PrimitiveTypes.Int64), field("s", str), field("l", arrow.ListOf(str)))
	var b strings.Builder
	if err := WriteCSV(&b, r); err != nil || b.String() != "n,s,l\n,\"a,\"\"b\"\"\nc\",\"[\"\"x\"\"]\"\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// Safe escapes what could control a terminal, and nothing else. SafeLines and SafeWriter keep line breaks and tabs.
func TestSafe(t *testing.T) {
	for _, c := range []struct{ name, in, safe, lines string }{
		{"plain", "plain text, ü 漢 😀", "plain text, ü 漢 😀", "plain text, ü 漢 😀"},
		{"lines", "a\n\tb\r", `a\n\tb\u000d`, "a\n\tb" + `\u000d`},
		{"escape", "\x1b[31m\x07\x7f\x00", `\u001b[31m\u0007\u007f\u0000`, `\u001b[31m\u0007\u007f\u0000`},
		{"C1", "\u0080\u009b\u009f\u00a0", `\u0080\u009b\u009f` + "\u00a0", `\u0080\u009b\u009f` + "\u00a0"},
		{"direction", "\u202e\u2069\u200f\u061c", `\u202e\u2069\u200f\u061c`, `\u202e\u2069\u200f\u061c`},
		{"no width", "\u200b\u200d\u2060\ufeff\u00ad\u180e", `\u200b\u200d\u2060\ufeff\u00ad\u180e`, `\u200b\u200d\u2060\ufeff\u00ad\u180e`},
		{"separators", "\u2028\u2029", `\u2028\u2029`, `\u2028\u2029`},
		{"tags", "\U000e0041", `\udb40\udc41`, `\udb40\udc41`},
		{"not UTF-8", "a\x9b\xff\xe2\x80", `a\x9b\xff\xe2\x80`, `a\x9b\xff\xe2\x80`},
		{"backslashes and quotes stay", `a\b "c" \n`, `a\b "c" \n`, `a\b "c" \n`},
	} {
		if got := Safe(c.in); got != c.safe {
			t.Errorf("%s: Safe gives %q, want %q", c.name, got, c.safe)
		}
		if got := SafeLines(c.in); got != c.lines {
			t.Errorf("%s: SafeLines gives %q, want %q", c.name, got, c.lines)
		}
		for size := 1; size <= len(c.in); size++ { // also when characters are cut
			var out strings.Builder
			w := NewSafeWriter(&out)
			for rest := c.in; rest != ""; {
				n := min(size, len(rest))
				if written, err := w.Write([]byte(rest[:n])); written != n || err != nil {
					t.Fatalf("%s: wrote %d of %d, %v", c.name, written, n, err)
				}
				rest = rest[n:]
			}
			if err := w.Flush(); err != nil || out.String() != c.lines {
				t.Errorf("%s: in pieces of %d: %q, %v, want %q", c.name, size, out.String(), err, c.lines)
			}
		}
	}
	var out strings.Builder
	Fprintf(&out, "%s %-4s|%v %d\n", errors.New("x\ny"), "a\r", []int{1}, 2)
	if want := `x\ny a\u000d|[1] 2` + "\n"; out.String() != want {
		t.Errorf("Fprintf gives %q, want %q", out.String(), want)
	}
}
