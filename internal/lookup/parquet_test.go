package lookup

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"
)

// parquetFile writes rows of JSON as a Parquet file.
func parquetFile(t testing.TB, fields []arrow.Field, rows string) []byte {
	t.Helper()
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader("["+rows+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return parquetOf(t, record)
}

func parquetOf(t testing.TB, record arrow.RecordBatch) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(record.Schema(), &out, parquet.NewWriterProperties(parquet.WithMaxRowGroupLength(1000)), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readAs(t testing.TB, d Declaration, ext string, file []byte) (*Table, error) {
	t.Helper()
	return Read(t.Context(), d, bytes.NewReader(file), Options{File: "lookups/" + d.Name + ext, Size: int64(len(file))})
}

// shown is a value of a row as text.
func shown(t *Table, col, row int) string {
	c := t.Columns()[col]
	number := func(v int64) string {
		switch c.Type {
		case Uint:
			return fmt.Sprint(uint64(v))
		case Double:
			return fmt.Sprint(math.Float64frombits(uint64(v)))
		case Timestamp:
			return time.UnixMicro(v).UTC().Format("2006-01-02 15:04:05.999999")
		case Date:
			return time.Unix(v*86400, 0).UTC().Format(time.DateOnly)
		case Bool:
			return fmt.Sprint(v != 0)
		}
		return fmt.Sprint(v)
	}
	switch {
	case c.List:
		var all []string
		for e := range t.List(col, row) {
			switch {
			case e.Null:
				all = append(all, "NULL")
			case c.Type == Text:
				all = append(all, fmt.Sprintf("%q", e.Text))
			default:
				all = append(all, number(e.Number))
			}
		}
		return fmt.Sprint(all)
	case c.Type == Text:
		return string(t.Text(col, row))
	}
	v, ok := t.Number(col, row)
	if !ok {
		return "NULL"
	}
	return number(v)
}

// Each type of a Parquet file has a type of a lookup, fields of structs are columns, and what has no type is JSON.
func TestParquetTypes(t *testing.T) {
	micros := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	fields := []arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "small", Type: arrow.PrimitiveTypes.Int16, Nullable: true},
		{Name: "large", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "unsigned", Type: arrow.PrimitiveTypes.Uint64, Nullable: true},
		{Name: "ratio", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "up", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "seen", Type: micros, Nullable: true},
		{Name: "local", Type: &arrow.TimestampType{Unit: arrow.Nanosecond}, Nullable: true},
		{Name: "born", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
		{Name: "ports", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32), Nullable: true},
		{Name: "days", Type: arrow.ListOf(arrow.FixedWidthTypes.Date32), Nullable: true},
		{Name: "country", Type: arrow.StructOf(arrow.Field{Name: "iso \"code", Type: arrow.BinaryTypes.String, Nullable: true},
			arrow.Field{Name: "names", Type: arrow.StructOf(arrow.Field{Name: "en", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true}), Nullable: true},
		{Name: "labels", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64), Nullable: true},
		{Name: "parts", Type: arrow.ListOf(arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true})), Nullable: true},
		{Name: "nested", Type: arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int64)), Nullable: true},
		{Name: "last", Type: arrow.BinaryTypes.String, Nullable: true},
	}
	file := parquetFile(t, fields, `{"id":"a\"\\\n","small":-7,"large":9223372036854775807,"unsigned":18446744073709551615,"ratio":0.5,"up":true,"seen":"2025-01-02T03:04:05.123456Z",
		"local":"1969-12-31T23:59:59.5","born":"1969-12-31","tags":["x,]\"\n",null,""],"ports":[1,null,-2],"days":["2025-01-01"],"country":{"iso \"code":"DE","names":{"en":"Germany"}},
		"labels":[{"key":"k\"]","value":1}],"parts":[{"a":1},{"a":null}],"nested":[[1],[]],"last":"é"},
		{"id":"b","tags":[],"country":{"names":null},"last":""},{"id":"c","up":false,"ratio":-1e300,"country":null}`)
	table, err := readAs(t, Declaration{Name: "x", How: Equal, Columns: []string{"id"}}, ".parquet", file)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`id Text a"\` + "\n" + `|b|c`, `small Int -7|NULL|NULL`, `large Int 9223372036854775807|NULL|NULL`, `unsigned Uint 18446744073709551615|NULL|NULL`,
		`ratio Double 0.5|NULL|-1e+300`, `up Bool true|NULL|false`, `seen Timestamp 2025-01-02 03:04:05.123456|NULL|NULL`, `local Timestamp 1969-12-31 23:59:59.5|NULL|NULL`,
		`born Date 1969-12-31|NULL|NULL`, `tags Text list ["x,]\"\n" NULL ""]|[]|[]`, `ports Int list [1 NULL -2]|[]|[]`, `days Date list [2025-01-01]|[]|[]`,
		`country.iso "code Text DE||`, `country.names.en Text Germany||`, `labels Text {"k\"]":1}||`, `parts Text [{"a":1},{}]||`, `nested Text [[1],[]]||`, `last Text é||`,
	}
	var got []string
	names := map[Type]string{Text: "Text", Bool: "Bool", Int: "Int", Uint: "Uint", Double: "Double", Timestamp: "Timestamp", Date: "Date"}
	for i, c := range table.Columns() {
		s := c.Name + " " + names[c.Type]
		if c.List {
			s += " list"
		}
		var values []string
		for _, key := range []string{"a\"\\\n", "b", "c"} {
			values = append(values, shown(table, i, table.Find(keys(key), 0)))
		}
		got = append(got, s+" "+strings.Join(values, "|"))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Decimals keep all digits, also as keys of ranges, and unsigned and Boolean columns are keys as their texts.
func TestParquetKeys(t *testing.T) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Uint64}, {Name: "b", Type: arrow.FixedWidthTypes.Boolean},
		{Name: "price", Type: &arrow.Decimal128Type{Precision: 30, Scale: 4}}}, nil))
	b.Field(0).(*array.Uint64Builder).AppendValues([]uint64{1, 1<<64 - 1}, nil)
	b.Field(1).(*array.BooleanBuilder).AppendValues([]bool{true, false}, nil)
	for _, v := range []string{"12345678901234567890.1234", "-0.0001"} {
		n, err := decimal128.FromString(v, 30, 4)
		if err != nil {
			t.Fatal(err)
		}
		b.Field(2).(*array.Decimal128Builder).Append(n)
	}
	file := parquetOf(t, b.NewRecordBatch())
	table, err := readAs(t, Declaration{Name: "x", How: Equal, Columns: []string{"n", "B"}}, ".parquet", file)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"1 true": "12345678901234567890.1234", "18446744073709551615 false": "-0.0001", "1 false": "none"} {
		got := "none"
		if row := table.Find(keys(strings.Fields(key)...), 0); row >= 0 {
			got = shown(table, table.Column("price"), row)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if n := len(table.Columns()); n != 3 {
		t.Errorf("%d columns, want 3", n)
	}
}

// A Parquet file finds the rows that a CSV file with the same texts finds, and its mistakes have the same messages, with rows.
func TestParquetAsCSV(t *testing.T) {
	w := &world{rand.New(rand.NewPCG(7, 9))}
	columns := []string{"network", "owner", "since", "until"}
	var fields []arrow.Field
	for _, c := range columns {
		fields = append(fields, arrow.Field{Name: c, Type: arrow.BinaryTypes.String})
	}
	d := Declaration{Name: "assets", How: CIDR, Columns: []string{"network"}, From: "since", To: "until"}
	for range 60 {
		var csv, rows strings.Builder
		csv.WriteString(strings.Join(columns, ",") + "\n")
		for i := range 1 + w.r.IntN(40) {
			a := w.address(w.r.IntN(3) == 0)
			p, err := a.Prefix(w.r.IntN(a.BitLen() + 1))
			if err != nil {
				t.Fatal(err)
			}
			from := w.r.IntN(4)
			fmt.Fprintf(&csv, "%s,o%d,%s,%s\n", p, i, day(from), day(from+w.r.IntN(3)))
		}
		for i, line := range strings.Split(strings.TrimSpace(csv.String()), "\n")[1:] {
			v := strings.Split(line, ",")
			if i > 0 {
				rows.WriteString(",")
			}
			fmt.Fprintf(&rows, `{"network":%q,"owner":%q,"since":%q,"until":%q}`, v[0], v[1], v[2], v[3])
		}
		one, err1 := tryRead(t, d, csv.String())
		two, err2 := readAs(t, d, ".parquet", parquetFile(t, fields, rows.String()))
		if err1 != nil || err2 != nil {
			var a, b *Error
			if !errors.As(err1, &a) || !errors.As(err2, &b) {
				t.Fatalf("CSV: %v; Parquet: %v", err1, err2)
			}
			a.Line, a.File, a.Row, a.Message = a.Line-1, b.File, true, b.Message // the message names the line of the other row
			if *a != *b {
				t.Fatalf("CSV: %v; Parquet: %v", err1, err2)
			}
			continue
		}
		for range 200 {
			key, at := w.address(w.r.IntN(3) == 0).String(), int64(w.r.IntN(7))*86400_000
			if x, y := one.Find(keys(key), at), two.Find(keys(key), at); x != y {
				t.Fatalf("%s at %d: row %d of CSV, %d of Parquet", key, at, x, y)
			}
		}
	}
}

// What is wrong with a Parquet file is one line, with the row and without values.
func TestParquetErrors(t *testing.T) {
	text, ts := arrow.BinaryTypes.String, &arrow.TimestampType{Unit: arrow.Millisecond}
	list := arrow.ListOf(text)
	for _, c := range []struct {
		d      Declaration
		fields []arrow.Field
		rows   string
		want   string
	}{
		{Declaration{How: Equal, Columns: []string{"a"}}, []arrow.Field{{Name: "a", Type: text}}, `{"a":"x"},{"a":"y"},{"a":"x"}`, "row 3: a: the same key is on row 1. Try: "},
		{Declaration{How: Equal, Columns: []string{"a"}}, []arrow.Field{{Name: "a", Type: text, Nullable: true}}, `{"a":"x"},{"a":null}`, "row 2: a: a key is empty. Try: remove the row"},
		{Declaration{How: Equal, Columns: []string{"a"}}, []arrow.Field{{Name: "a", Type: list}}, `{"a":["x"]}`, "x.parquet: a: a column of this type cannot be a key. Try: "},
		{Declaration{How: Equal, Columns: []string{"a"}}, []arrow.Field{{Name: "a", Type: ts}}, `{"a":"2025-01-01"}`, "x.parquet: a: a column of this type cannot be a key. Try: "},
		{Declaration{How: CIDR, Columns: []string{"a"}}, []arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, `{"a":1}`, "a: a column of this type cannot be a key. Try: "},
		{Declaration{How: CIDR, Columns: []string{"a"}}, []arrow.Field{{Name: "a", Type: text}}, `{"a":"192.0.2.1/24"}`, "row 1: a: the address has bits behind the prefix: the network is 192.0.2.0/24. Try: "},
		{Declaration{How: Range, Columns: []string{"a", "b"}}, []arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.PrimitiveTypes.Int64}}, `{"a":1,"b":5},{"a":5,"b":6}`, "row 2: a, b: the range has values of the one on row 1. Try: "},
		{Declaration{How: Equal, Columns: []string{"a"}, From: "b", To: "c"}, []arrow.Field{{Name: "a", Type: text}, {Name: "b", Type: ts}, {Name: "c", Type: ts}}, `{"a":"x","b":"2025-01-02","c":"2025-01-02"}`, "row 1: c: the validity ends before it begins. Try: "},
		{Declaration{How: Equal, Columns: []string{"a"}, From: "b", To: "c"}, []arrow.Field{{Name: "a", Type: text}, {Name: "b", Type: list}, {Name: "c", Type: ts}}, `{"a":"x","b":["2025-01-02"],"c":"2025-01-02"}`, "x.parquet: b: a column of this type cannot be a time of validity. Try: "},
		{Declaration{How: Equal, Columns: []string{"b"}}, []arrow.Field{{Name: "a", Type: text}, {Name: "A", Type: text}}, `{"a":"x","A":"y"}`, "x.parquet: A: two columns have this name. Try: "},
		{Declaration{How: Equal, Columns: []string{"a"}}, []arrow.Field{{Name: "a", Type: text}}, `{"a":"` + strings.Repeat("v", MaxValue+1) + `"}`, "row 1: a: a value is longer than 16384 bytes. Try: "},
	} {
		c.d.Name = "x"
		_, err := readAs(t, c.d, ".parquet", parquetFile(t, c.fields, c.rows))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	ok := parquetFile(t, []arrow.Field{{Name: "a", Type: text}}, `{"a":"x"}`)
	d := Declaration{Name: "x", How: Equal, Columns: []string{"a"}}
	for want, file := range map[string][]byte{
		"the object is empty": {}, "it does not begin with PAR1": []byte("network,owner\n192.0.2.0/24,ada\n"), "it does not end with PAR1": ok[:len(ok)-9],
	} {
		if _, err := readAs(t, d, ".parquet", file); err == nil || !strings.Contains(err.Error(), "lookups/x.parquet: it is not a Parquet file that can be read: "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 { // damaged files are read, or are one line
		file := slices.Clone(ok)
		for range 1 + r.IntN(3) {
			file[r.IntN(len(file))] = byte(r.Uint32())
		}
		var e *Error
		if _, err := readAs(t, d, ".parquet", file); err != nil && (!errors.As(err, &e) || strings.Contains(err.Error(), "\n")) {
			t.Fatal(err)
		}
	}
}
