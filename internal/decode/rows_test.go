package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// rowsFile has a column n of 1, 2, 3, ..., in row groups of two, and a column s of the texts.
func rowsFile(t *testing.T, texts ...string) []byte {
	t.Helper()
	sc := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, sc)
	for i, s := range texts {
		b.Field(0).(*array.Int64Builder).Append(int64(i + 1))
		b.Field(1).(*array.StringBuilder).Append(s)
	}
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(sc, &out, parquet.NewWriterProperties(parquet.WithMaxRowGroupLength(2)), pqarrow.NewArrowWriterProperties())
	if err == nil {
		err = errors.Join(w.Write(b.NewRecordBatch()), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestParquetInsteadOfCSV: a mapping of CSV reads the rows of a Parquet file by their names, wherever the object is stored, and reads CSV
// before and after it. A row is the same record when it comes from quarantine.
func TestParquetInsteadOfCSV(t *testing.T) {
	spec := &Spec{Format: Format{Name: FormatCSV, Columns: []string{"s", "n"}}, Leaves: []Leaf{{Path: []string{"n"}, Kind: Int32}}}
	data := rowsFile(t, "a", "b", strings.Repeat("x", 100))
	d := NewRecords(spec, NewKeys(), Options{MaxRecordBytes: 50, TempDir: t.TempDir()})
	read := func(name string, want ...string) (raws, contexts [][]byte) {
		t.Helper()
		for i := 0; ; i++ {
			_, raw, rej, err := d.Next()
			if errors.Is(err, io.EOF) && i == len(want) {
				return raws, contexts
			}
			if err != nil || i >= len(want) {
				t.Fatalf("%s, record %d: %v", name, i+1, err)
			}
			got := ""
			if rej != nil {
				got = rej.Code
			} else {
				got = fmt.Sprint(d.Values()[0].Int, " ", rest(t, d))
			}
			if got != want[i] {
				t.Errorf("%s, record %d: %s, want %s", name, i+1, got, want[i])
			}
			raws, contexts = append(raws, bytes.Clone(raw)), append(contexts, bytes.Clone(d.Context()))
		}
	}
	rows := []string{"1 s=a", "2 s=b", ReasonTooLong}
	for name, r := range map[string]io.Reader{"in place": bytes.NewReader(data), "copied": io.MultiReader(bytes.NewReader(data))} {
		d.Open(strings.NewReader("t,7\n"))
		read(name+", CSV before", "7 s=t")
		d.Open(r)
		raws, contexts := read(name, rows...)
		d.Open(strings.NewReader("t,8\n"))
		after, none := read(name+", CSV after", "8 s=t")
		d.OpenFramed(&keptRows{raws: append(raws[:2:2], after...), contexts: append(contexts[:2:2], none...)})
		read(name+", from quarantine", "1 s=a", "2 s=b", "8 s=t")
	}
	d.Open(bytes.NewReader(data[:len(data)-9]))
	if _, _, _, err := d.Next(); err == nil || !strings.Contains(err.Error(), "Parquet: ") {
		t.Errorf("a file that is cut: %v", err)
	}
}

// keptRows are records with their contexts.
type keptRows struct {
	raws, contexts [][]byte
	n              int
}

func (k *keptRows) Next() (number int64, raw, context []byte, err error) {
	if k.n == len(k.raws) {
		return 0, nil, nil, io.EOF
	}
	k.n++
	return int64(k.n), k.raws[k.n-1], k.contexts[k.n-1], nil
}

// TestParquet: rows are records with numbers, wherever their object is stored; a bad one is refused alone, and is the same record when
// it comes from quarantine.
func TestParquet(t *testing.T) {
	spec := &Spec{Format: Format{Name: FormatParquet}, Leaves: []Leaf{{Path: []string{"n"}, Kind: Int32}}}
	data := rowsFile(t, "a", "b\xff", "c\x00", strings.Repeat("x", 100), "e")
	want := []string{"1 n=1 s=a", "2 " + ReasonUTF8, "3 " + ReasonNUL, "4 " + ReasonTooLong, "5 n=5 s=e"}
	dir := t.TempDir()
	d := NewRecords(spec, NewKeys(), Options{MaxRecordBytes: 50, TempDir: dir})
	say := func() (string, []byte, error) {
		n, raw, rej, err := d.Next()
		if err != nil {
			return "", nil, err
		}
		if rej != nil {
			return fmt.Sprint(n, " ", rej.Code), bytes.Clone(raw), nil
		}
		return fmt.Sprint(n, " n=", d.Values()[0].Int, " ", rest(t, d)), bytes.Clone(raw), nil
	}
	for name, r := range map[string]io.Reader{"in place": bytes.NewReader(data), "copied": io.MultiReader(bytes.NewReader(data))} {
		d.Open(r)
		var raws framedList
		for i := 0; ; i++ {
			got, raw, err := say()
			if errors.Is(err, io.EOF) && i == len(want) {
				break
			}
			if err != nil || i >= len(want) || got != want[i] {
				t.Fatalf("%s, record %d: %s, %v", name, i+1, got, err)
			}
			raws = append(raws, raw)
		}
		if string(raws[1]) != "{\"n\":2,\"s\":\"b\xff\"}" {
			t.Errorf("%s: the raw bytes are %q", name, raws[1])
		}
		d.OpenFramed(&raws)
		for i := range want {
			got, _, err := say()
			if _, w, _ := strings.Cut(want[i], " "); err != nil || !strings.HasSuffix(got, " "+w) {
				t.Errorf("%s, record %d from quarantine: %s, %v", name, i+1, got, err)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Error("copies are left", left, err)
	}
	for name, c := range map[string]struct {
		object []byte
		want   string
	}{
		"cut":    {data[:len(data)-1], "Parquet: it does not end with PAR1: the object is truncated"},
		"empty":  {nil, "Parquet: the object is empty"},
		"packed": {packed(data), "gzip: a Parquet file is compressed inside, page by page, and must not be compressed as a whole"},
		"json":   {[]byte(`{"n":1, "s": "abcdef"}`), "Parquet: it does not begin with PAR1, so it is not a Parquet file"},
	} {
		d.Open(bytes.NewReader(c.object))
		_, _, _, err := d.Next()
		var rej *Reject
		if !errors.As(err, &rej) || rej.Code != ReasonUnpack || rej.Message != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("broken pipe")
	d.Open(io.MultiReader(bytes.NewReader(data), failedReader{broken}))
	var rej *Reject
	if _, _, _, err := d.Next(); !errors.Is(err, broken) || errors.As(err, &rej) {
		t.Error("the object's own error:", err)
	}
	j := NewRecords(&Spec{}, NewKeys(), Options{})
	j.Open(bytes.NewReader(data))
	if _, _, _, err := j.Next(); err == nil || !strings.Contains(err.Error(), "write `-- format: parquet` into the mapping's raw.sql") {
		t.Error("as JSON:", err)
	}
}

// rest is what a record holds in addition to its leaves, as key=value.
func rest(t *testing.T, d *Records) string {
	t.Helper()
	entries, err := NewExpander(d.s.keys).Expand(d.Rest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, e := range entries {
		out += fmt.Sprintf("%s=%s ", e.Key, e.Value)
	}
	return strings.TrimSpace(out)
}

type failedReader struct{ err error }

func (f failedReader) Read([]byte) (int, error) { return 0, f.err }
