package lake

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/google/go-cmp/cmp"
)

func TestWritersAgainstAssembled(t *testing.T) {
	for name, nw := range writers {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				s, b := firewall(0)
				bs := batches(b, seed, 1, 0, 63, 64, 65, 2048, 700)
				f, st := write(t, nw, s, WriterOptions{Threads: int(seed)}, bs)
				if diff := cmp.Diff(FileStats{Rows: 2941, Bytes: int64(len(f)), RowGroups: 1, MinTime: day0, MaxTime: day0 + 2940/3}, st); diff != "" {
					t.Errorf("stats (-want +got):\n%s", diff)
				}
				same(t, s, f, bs)
				verify(t, f, expect(s, 2941))
			})
		}
	}
}

// TestSmallLimits goes over page and row group boundaries everywhere, wide values included.
func TestSmallLimits(t *testing.T) {
	for name, nw := range writers {
		for seed := range uint64(6) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 7))
				o := WriterOptions{Threads: 1 + r.IntN(3), PageBytes: 64 + r.IntN(4000), RowGroupRows: int64(50 + r.IntN(900)), RowGroupBytes: int64(10_000 + r.IntN(100_000))}
				s, b := firewall(3000)
				bs := batches(b, seed, 1+r.IntN(300), 500, 1+r.IntN(100), 1200)
				f, st := write(t, nw, s, o, bs)
				same(t, s, f, bs)
				rep := verify(t, f, expect(s, st.Rows))
				if rep.RowGroups != st.RowGroups || rep.RowGroups < 2 || rep.Pages < 100 {
					t.Errorf("%+v %+v", rep, st)
				}
			})
		}
	}
}

// wideSchema has each kind of column that can hold wide texts, with and without a dictionary.
func wideSchema() *Schema {
	s := &Schema{Class: "network_activity", Columns: []*Node{
		leafNode("time", Int64, 0), constNode("class_uid", Int32, 4001), leafNode("dict", String, 1), leafNode("plain", String, 2),
		listNode("list", String, 3), leafNode("unmapped", Map, 4),
	}}
	s.Columns[3].NearUnique = true
	return s
}

func wideBatch(from int, rows [][4]string) arrow.RecordBatch {
	b := &builder{}
	b.column(arrow.PrimitiveTypes.Int64, number(func(_ *rand.Rand, i int) int64 { return day0 + int64(i) }))
	at := func(k int) func(*rand.Rand, array.Builder, int) {
		return text(func(_ *rand.Rand, i int) string { return rows[i-from][k] })
	}
	b.column(tText, at(0))
	b.column(tText, at(1))
	b.column(tTexts, func(r *rand.Rand, b array.Builder, i int) {
		l := b.(*array.ListBuilder)
		l.Append(true)
		at(2)(r, l.ValueBuilder(), i)
	})
	b.column(tMap1, func(r *rand.Rand, b array.Builder, i int) {
		m := b.(*array.MapBuilder)
		m.Append(true)
		m.KeyBuilder().(*array.StringBuilder).Append("k")
		at(3)(r, m.ItemBuilder(), i)
	})
	return b.batch(nil, from, len(rows))
}

func noise(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + r.IntN(26))
	}
	return string(b)
}

// TestWideValues: pages stay within 1 MiB with values of 8 KB, of 300 KB and of nearly a page, and mixtures.
func TestWideValues(t *testing.T) {
	for name, nw := range writers {
		t.Run(name, func(t *testing.T) {
			s := wideSchema()
			r := rand.New(rand.NewPCG(1, 1))
			var bs []arrow.RecordBatch
			n := 0
			add := func(rows [][4]string) { bs = append(bs, wideBatch(n, rows)); n += len(rows) }
			var eight [][4]string
			for range 100 {
				eight = append(eight, [4]string{noise(r, 8<<10), noise(r, 8<<10), noise(r, 8<<10), noise(r, 8<<10)})
			}
			add(eight)
			most := MaxValueBytes - 8
			add([][4]string{{noise(r, 300<<10), noise(r, 700<<10), "", ""}, {noise(r, 390<<10), noise(r, 300<<10), noise(r, 300<<10), noise(r, 300<<10)},
				{"a", "b", "c", "d"}, {noise(r, 500<<10), noise(r, most), noise(r, most-64), noise(r, most-64)}, {noise(r, most), "", "", ""}, {"a", "b", "c", "d"}, {noise(r, 700<<10), "", noise(r, 700<<10), noise(r, 700<<10)}})
			add(eight[:20])
			f, st := write(t, nw, s, WriterOptions{}, bs)
			same(t, s, f, bs)
			rep := verify(t, f, expect(s, st.Rows))
			if rep.LargestPage < MaxPageBytes-8<<10 || rep.LargestPage > MaxPageBytes {
				t.Errorf("%+v", rep)
			}
		})
	}
}

func TestTooWideIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	for name, nw := range writers {
		t.Run(name, func(t *testing.T) {
			s := wideSchema()
			long := strings.Repeat("x", MaxPageBytes)
			for k, path := range []string{"dict", "plain", "list.list.element", "unmapped.key_value.value"} {
				rows := make([][4]string, 5)
				rows[1][k], rows[3][k] = long, long
				var buf bytes.Buffer
				w, err := nw(&buf, s, WriterOptions{})
				if err != nil {
					t.Fatal(err)
				}
				b := wideBatch(0, rows)
				var wide *ValueTooWideError
				if err := w.Write(b); !errors.As(err, &wide) {
					t.Fatalf("%s: %v", path, err)
				}
				if diff := cmp.Diff(&ValueTooWideError{Path: path, Row: 1, Bytes: wide.Bytes}, wide); diff != "" || wide.Bytes < MaxPageBytes {
					t.Fatalf("%s: %v (-want +got):\n%s", path, wide, diff)
				}
				es, err := TooWide(s, b)
				if err != nil {
					t.Fatal(err)
				}
				var wideRows []int
				for _, e := range es {
					wideRows = append(wideRows, e.Row)
				}
				if diff := cmp.Diff([]int{1, 3}, wideRows); diff != "" {
					t.Fatalf("rows that are too wide (-want +got):\n%s", diff)
				}
				if err := w.Write(b.NewSlice(2, 3)); err != nil || w.Rows() != 1 { // the file is still good
					t.Fatal(err)
				}
				st, err := w.Close()
				if err != nil || st.Rows != 1 {
					t.Fatal(err)
				}
				same(t, s, buf.Bytes(), []arrow.RecordBatch{b.NewSlice(2, 3)})
				verify(t, buf.Bytes(), expect(s, 1))
			}
		})
	}
}

func TestOrder(t *testing.T) {
	for name, nw := range writers {
		t.Run(name, func(t *testing.T) {
			s := &Schema{Class: "x", Columns: []*Node{leafNode("time", Int64, 0)}}
			times := func(vs ...int64) arrow.RecordBatch {
				b := &builder{}
				b.column(arrow.PrimitiveTypes.Int64, func(_ *rand.Rand, b array.Builder, i int) {
					if vs[i] < 0 {
						b.AppendNull()
					} else {
						b.(*array.Int64Builder).Append(vs[i])
					}
				})
				return b.batch(nil, 0, len(vs))
			}
			var buf bytes.Buffer
			w, err := nw(&buf, s, WriterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var oe *OrderError
			for _, c := range []struct {
				b   arrow.RecordBatch
				row int
			}{{times(5, 5, 7), -1}, {times(8, 6), 1}, {times(6), 0}, {times(9, -1), 1}, {times(), -1}, {times(7, 8), -1}} {
				err := w.Write(c.b)
				if c.row < 0 && err != nil || c.row >= 0 && (!errors.As(err, &oe) || oe.Row != c.row) {
					t.Fatalf("%v: %v", c.b, err)
				}
			}
			st, err := w.Close()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(FileStats{Rows: 5, Bytes: st.Bytes, RowGroups: 1, MinTime: 5, MaxTime: 8}, st); diff != "" {
				t.Fatalf("stats (-want +got):\n%s", diff)
			}
			if err := w.Write(times(9)); !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
			if _, err := w.Close(); !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
	}
}

func TestNoRows(t *testing.T) {
	for name, nw := range writers {
		s, b := firewall(0)
		f, st := write(t, nw, s, WriterOptions{}, batches(b, 1, 0))
		if st.Rows != 0 || st.RowGroups != 0 {
			t.Errorf("%s: %+v", name, st)
		}
		verify(t, f, expect(s, 0))
		if tbl := read(t, f); tbl.NumRows() != 0 || int(tbl.NumCols()) != len(s.Columns) {
			t.Errorf("%s: %d rows of %d columns", name, tbl.NumRows(), tbl.NumCols())
		}
	}
}

func TestBatchThatDoesNotFit(t *testing.T) {
	s := &Schema{Class: "x", Columns: []*Node{leafNode("time", Int64, 0), leafNode("port", Int32, 1), {Name: "g", Kind: Group, Present: 3, Children: []*Node{leafNode("a", String, 1)}}}}
	b := &builder{}
	b.column(arrow.PrimitiveTypes.Int64, number(func(_ *rand.Rand, i int) int64 { return 1 }))
	b.column(tText, text(word))
	var be *BatchError
	for name, nw := range writers {
		w, err := nw(&bytes.Buffer{}, s, WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(batches(b, 1, 3)[0]); !errors.As(err, &be) || be.Path != "port" || !strings.Contains(be.Reason, "utf8") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDictionaries: one that outgrows its page, one that does not pay, and pages of more than 65,536 values.
func TestDictionaries(t *testing.T) {
	b := &builder{}
	b.column(arrow.PrimitiveTypes.Int64, number(func(_ *rand.Rand, i int) int64 { return day0 + int64(i) }))
	b.column(tText, text(func(r *rand.Rand, i int) string { return fmt.Sprintf("host-%d-%040d", r.IntN(8_000+i/4), 1) }))
	b.column(tText, text(func(r *rand.Rand, _ int) string { return fmt.Sprint(r.Uint64()) }))
	b.column(arrow.PrimitiveTypes.Int32, number(func(r *rand.Rand, _ int) int64 { return int64(r.IntN(1000)) - 500 }))
	b.column(arrow.PrimitiveTypes.Int64, maybe(2, number(func(r *rand.Rand, i int) int64 { return int64(r.Uint64()) })))
	s := &Schema{Class: "x", Columns: []*Node{leafNode("time", Int64, 0), constNode("class_uid", Int32, 4001), leafNode("host", String, 1),
		leafNode("id", String, 2), leafNode("n", Int32, 3), leafNode("h", Int64, 4)}}
	bs := batches(b, 3, 30_000, 30_000, 30_000)
	f, st := write(t, writers["page"], s, WriterOptions{RowGroupRows: 60_000}, bs)
	same(t, s, f, bs)
	rep := verify(t, f, expect(s, st.Rows))
	if rep.LargestDict < 400<<10 || rep.LargestDict > maxDictBytes || rep.RowGroups != 2 {
		t.Errorf("%+v", rep)
	}
	m, _, err := readFooter(bytes.NewReader(f), int64(len(f)), "test.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} { // given up in the first row group, not tried in the second
		if got := m.groups[i].chunks[3].dictOff > 0; got != want {
			t.Errorf("unique ids have a dictionary in row group %d: %v", i, got)
		}
	}
	a, _ := write(t, writers["arrow"], s, WriterOptions{RowGroupRows: 60_000}, bs)
	if len(f) > len(a)*11/10 {
		t.Errorf("%d bytes, pqarrow has %d", len(f), len(a))
	}
}

// TestStatistics compares minimum, maximum and NULLs of every column with those that pqarrow finds.
func TestStatistics(t *testing.T) {
	s, b := firewall(0)
	bs := batches(b, 5, 1000, 1000, 500)
	stats := func(nw newWriter) []string {
		f, _ := write(t, nw, s, WriterOptions{RowGroupRows: 1000}, bs)
		return statistics(t, f)
	}
	want, got := stats(writers["arrow"]), stats(writers["page"])
	if len(got) != len(want) || len(got) < 3*30 {
		t.Fatalf("%d column chunks, not %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s\nnot %s", got[i], want[i])
		}
	}
}

// ofNothing is what statistics says of bounds of a column chunk without values. pqarrow writes some.
const ofNothing = " bounds of nothing"

// statistics of a file's column chunks, a line each, and whether the file says that it is in order of its first column.
func statistics(t *testing.T, f []byte) []string {
	t.Helper()
	rd, err := file.NewParquetReader(bytes.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for g := range rd.NumRowGroups() {
		rg := rd.MetaData().RowGroup(g)
		for c := range rg.NumColumns() {
			cc, err := rg.ColumnChunk(c)
			if err != nil {
				t.Fatal(err)
			}
			st, err := cc.Statistics()
			if err != nil {
				t.Fatal(err)
			}
			name := cc.PathInSchema().String()
			line := fmt.Sprint(g, name, " values ", cc.NumValues(), " nulls ", st.NullCount())
			switch {
			case st.HasMinMax() && cc.NumValues() == st.NullCount():
				line += ofNothing
			case st.HasMinMax() && !strings.HasSuffix(name, ".key_value.value"):
				line += fmt.Sprintf(" %x %x", st.EncodeMin(), st.EncodeMax())
			}
			out = append(out, line)
		}
		if sc := rg.SortingColumns(); len(sc) != 1 || sc[0].ColumnIdx != 0 || sc[0].Descending {
			t.Errorf("sorting columns %v", sc)
		}
	}
	return out
}

type brokenWriter struct{ left int }

var errDisk = errors.New("no space left on device")

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	s, b := firewall(0)
	bs := batches(b, 1, 500, 500)
	for _, nw := range []func(*brokenWriter) (Writer, error){
		func(w *brokenWriter) (Writer, error) {
			return NewWriter(w, s, WriterOptions{RowGroupRows: 100})
		},
		func(w *brokenWriter) (Writer, error) {
			return newArrowWriter(w, s, WriterOptions{RowGroupRows: 100})
		},
	} {
		for _, left := range []int{0, 4, 1000, 20_000} {
			w, err := nw(&brokenWriter{left})
			for _, b := range bs {
				if err == nil {
					err = w.Write(b)
				}
			}
			if err == nil {
				_, err = w.Close()
			}
			if !errors.Is(err, errDisk) {
				t.Errorf("after %d bytes: %v", left, err)
			}
		}
	}
}

func TestBytesIsNearTheSize(t *testing.T) {
	for name, nw := range writers {
		s, b := firewall(0)
		var buf bytes.Buffer
		w, err := nw(&buf, s, WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range batches(b, 1, 8_000, 8_000) {
			if err := w.Write(x); err != nil {
				t.Fatal(err)
			}
		}
		est := w.Bytes()
		st, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		if est < st.Bytes/2 || est > st.Bytes*2 {
			t.Errorf("%s: %d said, %d written", name, est, st.Bytes)
		}
	}
}
