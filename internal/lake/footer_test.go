package lake

import (
	"bytes"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
)

// footerProperties and footerSchema are what arrow-go's builder of footers needs.
func footerProperties(f *footer) *parquet.WriterProperties {
	return parquet.NewWriterProperties(parquet.WithVersion(parquet.V1_0), parquet.WithCreatedBy(f.createdBy), parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithSortingColumns([]parquet.SortingColumn{{ColumnIdx: int32(f.time)}}))
}

func footerSchema(tb testing.TB, s *Schema, props *parquet.WriterProperties) *schema.Schema {
	tb.Helper()
	sc, err := pqarrow.ToParquet(arrowSchema(s), props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		tb.Fatal(err)
	}
	return sc
}

// builtFooter is a footer made by arrow-go's builder. It is slower than ours, takes the schema in another form, and writes encoding
// statistics in the random order of a map, so the writer does not use it; tests compare ours with it.
func builtFooter(tb testing.TB, f *footer, sc *schema.Schema, props *parquet.WriterProperties) []byte {
	tb.Helper()
	b := metadata.NewFileMetadataBuilder(sc, props, nil)
	for i := range f.groups {
		g := &f.groups[i]
		rg := b.AppendRowGroup()
		rg.SetNumRows(int(g.rows))
		for j := range g.chunks {
			c := &g.chunks[j]
			col := rg.NextColumnChunk()
			stats := metadata.EncodedStatistics{HasNullCount: true, NullCount: c.nulls, Signed: true}
			if c.bounds {
				stats.HasMin, stats.Min, stats.HasMax, stats.Max = true, []byte(c.lo), true, []byte(c.hi)
			}
			col.SetStats(stats)
			info := metadata.ChunkMetaInfo{NumValues: c.values, IndexPageOffset: -1, DataPageOffset: c.dataOff, CompressedSize: c.comp, UncompressedSize: c.unc}
			encodings := metadata.EncodingStats{DictEncodingStats: map[parquet.Encoding]int32{}, DataEncodingStats: map[parquet.Encoding]int32{}}
			if c.dict {
				info.DictPageOffset = c.dictOff
				encodings.DictEncodingStats[parquet.Encodings.Plain] = 1
			}
			if c.dictPages > 0 {
				encodings.DataEncodingStats[parquet.Encodings.RLEDict] = int32(c.dictPages)
			}
			if c.plainPages > 0 {
				encodings.DataEncodingStats[parquet.Encodings.Plain] = int32(c.plainPages)
			}
			if err := col.Finish(info, c.dict, c.dict && c.plainPages > 0, encodings); err != nil {
				tb.Fatal(err)
			}
		}
		if err := rg.Finish(0, int16(i)); err != nil {
			tb.Fatal(err)
		}
	}
	m, err := b.Finish()
	if err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := m.WriteTo(&out, nil); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// footerOf is the footer of a file of many columns, with so many row groups.
func footerOf(tb testing.TB, groups int) (*Schema, *footer) {
	tb.Helper()
	s, b := firewall(40)
	var buf bytes.Buffer
	w, err := NewWriter(&buf, s, WriterOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	if err := w.Write(batches(b, 1, 2000)[0]); err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	f := w.(*pageWriter).foot
	for len(f.groups) < groups {
		f.groups = append(f.groups, f.groups[0])
	}
	return s, &f
}

// TestFooterAgainstBuilder: our footer says what one made by arrow-go's builder says, to the gate's parser and to arrow-go's.
func TestFooterAgainstBuilder(t *testing.T) {
	s, f := footerOf(t, 3)
	props := footerProperties(f)
	ours, theirs := f.encode(), builtFooter(t, f, footerSchema(t, s, props), props)
	ours = ours[:len(ours)-8]
	parse := func(b []byte) *fileMeta {
		r := &thriftReader{b: b}
		m := readFileMeta(r)
		if r.bad {
			t.Fatal("a footer cannot be parsed")
		}
		for i := range m.schema {
			if e := &m.schema[i]; e.conv == 17 || e.conv == 18 { // pqarrow annotates integers, which means the same
				e.conv, e.logical = -1, 0
			}
		}
		return m
	}
	if diff := cmp.Diff(parse(theirs), parse(ours), cmp.AllowUnexported(fileMeta{}, schemaElement{}, groupMeta{}, chunkMeta{})); diff != "" {
		t.Errorf("the gate's parser (-built +ours):\n%s", diff)
	}
	type column struct {
		Path, Min, Max string
		Nulls          int64
		Dictionary     bool
	}
	read := func(b []byte) (columns []column) {
		m, err := metadata.NewFileMetaData(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.RowGroups {
			for j := range m.NumColumns() {
				c, err := m.RowGroup(i).ColumnChunk(j)
				if err != nil {
					t.Fatal(err)
				}
				x := column{Path: c.PathInSchema().String(), Dictionary: c.HasDictionaryPage()}
				if st, err := c.Statistics(); err == nil && st != nil {
					x.Nulls = st.NullCount()
					if st.HasMinMax() {
						x.Min, x.Max = string(st.EncodeMin()), string(st.EncodeMax())
					}
				}
				columns = append(columns, x)
			}
		}
		return columns
	}
	if diff := cmp.Diff(read(theirs), read(ours)); diff != "" {
		t.Errorf("arrow-go's parser (-built +ours):\n%s", diff)
	}
}

// BenchmarkFooter and BenchmarkFooterBuilder make the footer of a file of 10 row groups.
func BenchmarkFooter(b *testing.B) {
	_, f := footerOf(b, 10)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = io.Discard.Write(f.encode())
	}
}

func BenchmarkFooterBuilder(b *testing.B) {
	s, f := footerOf(b, 10)
	props := footerProperties(f)
	sc := footerSchema(b, s, props)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = io.Discard.Write(builtFooter(b, f, sc, props))
	}
}
