package parquet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/silt-etl/silt/internal/decode/budget"
	"github.com/silt-etl/silt/internal/decode/parquet"
)

// texts makes a file of one column, of one page in one row group.
func texts(t *testing.T, codec compress.Compression, encoding pq.Encoding, dictionary bool, values ...string) []byte {
	t.Helper()
	root := schema.MustGroup(schema.NewGroupNode("schema", pq.Repetitions.Required, schema.FieldList{logical(t, "s", schema.StringLogicalType{}, pq.Types.ByteArray, -1)}, -1))
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root, file.WithWriterProps(pq.NewWriterProperties(pq.WithCompression(codec), pq.WithEncoding(encoding), pq.WithDictionaryDefault(dictionary),
		pq.WithDictionaryPageSizeLimit(1<<30), pq.WithDataPageSize(1<<30), pq.WithStats(false))))
	g, err := w.AppendRowGroupChecked()
	if err != nil {
		t.Fatal(err)
	}
	column(t, g, func(c *file.ByteArrayColumnChunkWriter) error {
		all := make([]pq.ByteArray, len(values))
		for i, v := range values {
			all[i] = pq.ByteArray(v)
		}
		_, err := c.WriteBatch(all, nil, nil)
		return err
	})
	if err := errors.Join(g.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// footed is a file that has nothing but a footer.
func footed(footer []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(append([]byte("PAR1PAR1"), footer...), uint32(len(footer))), "PAR1"...)
}

// list is a footer whose field has a list of n structs, of which so many are there. Each is empty.
func list(field byte, n uint64, there int) []byte {
	b := binary.AppendUvarint([]byte{field<<4 | 9, 0xfc}, n)
	return append(append(b, make([]byte, there)...), 0)
}

// measured reads all rows within a budget, and gives the most that was in use, roughly.
func measured(t *testing.T, data []byte, most int64) (rows int, peak int64, err error) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapSys - m.HeapReleased
	use := budget.New(0, most).NewUse(nil)
	r, err := parquet.Open(bytes.NewReader(data), int64(len(data)), parquet.Options{MaxRow: 16 << 20, Keep: 1 << 20, Memory: use})
	for err == nil {
		if _, _, err = r.Next(); err == nil {
			rows++
		}
	}
	runtime.ReadMemStats(&m)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return rows, int64(m.HeapSys-m.HeapReleased) - int64(before), err
}

// TestBombs: what a file asks for is refused before it is allocated, if it is more than the budget has. What it only claims is a fault.
func TestBombs(t *testing.T) {
	const most = 8 << 20
	long := strings.Repeat("x", 32<<20)
	var distinct, prefixed []string
	for i := range 300_000 {
		distinct = append(distinct, fmt.Sprint(i))
	}
	for i := range 400 {
		prefixed = append(prefixed, long[:1<<20]+fmt.Sprintf("%03d", i))
	}
	for name, c := range map[string]struct {
		data  []byte
		rows  int
		large bool
	}{
		"a page in zstd":                {texts(t, compress.Codecs.Zstd, pq.Encodings.Plain, false, long), 0, true},
		"a page in snappy":              {texts(t, compress.Codecs.Snappy, pq.Encodings.Plain, false, long), 0, true},
		"a page in gzip":                {texts(t, compress.Codecs.Gzip, pq.Encodings.Plain, false, long), 0, true},
		"a page in brotli":              {texts(t, compress.Codecs.Brotli, pq.Encodings.Plain, false, long), 0, true},
		"a dictionary":                  {texts(t, compress.Codecs.Zstd, pq.Encodings.Plain, true, long), 0, true},
		"a dictionary of short values":  {texts(t, compress.Codecs.Zstd, pq.Encodings.Plain, true, distinct...), 0, true},
		"prefixes":                      {texts(t, compress.Codecs.Zstd, pq.Encodings.DeltaByteArray, false, prefixed...), 400, false},
		"empty row groups":              {footed(list(4, 4<<20, 4<<20)), 0, true},
		"row groups that are not there": {footed(list(4, 1<<40, 10)), 0, false},
		"empty fields":                  {footed(list(2, 90_000, 90_000)), 0, true},
		"more fields than there can be": {footed(list(2, 200_000, 200_000)), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			rows, peak, err := measured(t, c.data, most)
			var large *budget.TooLarge
			switch {
			case errors.As(err, &large) != c.large:
				t.Errorf("%d rows, %v", rows, err)
			case c.rows == 0 && !c.large:
				fault(t, err)
			case rows != c.rows:
				t.Errorf("%d rows of %d, %v", rows, c.rows, err)
			}
			if peak > 4*most {
				t.Errorf("%d MiB in use", peak>>20)
			}
		})
	}
}

// TestExactCodecs: a page that unpacks to more than its header says is refused, and not unpacked.
func TestExactCodecs(t *testing.T) {
	for _, which := range []compress.Compression{compress.Codecs.Zstd, compress.Codecs.Snappy, compress.Codecs.Gzip, compress.Codecs.Brotli, compress.Codecs.Lz4Raw} {
		codec, err := compress.GetCodec(which)
		if err != nil {
			t.Fatal(err)
		}
		packed := codec.Encode(make([]byte, 0, codec.CompressBound(64<<20)), make([]byte, 64<<20))
		for _, size := range []int{0, 1, 1 << 20} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := compress.Decode(codec, make([]byte, size), packed)
			runtime.ReadMemStats(&after)
			if len(got) > size || size > 0 && err == nil {
				t.Errorf("%s: %d bytes of %d, %v", which, len(got), size, err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
				t.Errorf("%s: %d MiB allocated for %d bytes", which, n>>20, size)
			}
		}
		dst := make([]byte, 64<<20)
		if got, err := compress.Decode(codec, dst, packed); err != nil || len(got) != len(dst) {
			t.Errorf("%s: %d bytes, %v", which, len(got), err)
		}
	}
}

// TestDeltaBlocks: a block of deltas says how much memory it takes. One that is too large is a fault.
func TestDeltaBlocks(t *testing.T) {
	values := make([]string, 40)
	for i := range values {
		values[i] = fmt.Sprintf("value %d", i*i)
	}
	for _, e := range []pq.Encoding{pq.Encodings.DeltaLengthByteArray, pq.Encodings.DeltaByteArray} {
		data := texts(t, compress.Codecs.Uncompressed, e, false, values...)
		if rows, _, err := measured(t, data, 8<<20); rows != len(values) || err != nil {
			t.Fatalf("%s: %d rows, %v", e, rows, err)
		}
		head := []byte{0x80, 0x01, 0x04, 40} // blocks of 128, 4 in each, 40 values
		if !bytes.Contains(data, head) {
			t.Fatalf("%s: the block was not found", e)
		}
		bad := bytes.Replace(data, head, []byte{0xff, 0x7f, 0x01, 40}, 1) // of 16,383
		_, _, err := measured(t, bad, 8<<20)
		fault(t, err)
	}
}

// TestLongRows: of a row that is too long, the first bytes and its length are given. The rows next to it are whole.
func TestLongRows(t *testing.T) {
	wide := strings.Repeat("\"\x01x", 8<<20) // 9 bytes for each 3
	rows := []string{"a", wide, "b", strings.Repeat("y", 100_000), wide[:3<<20]}
	data := texts(t, compress.Codecs.Zstd, pq.Encodings.Plain, false, rows...)
	r, err := parquet.Open(bytes.NewReader(data), int64(len(data)), parquet.Options{MaxRow: 16 << 20, Keep: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range rows {
		row, length, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		want := `{"s":"` + strings.NewReplacer(`"`, `\"`, "\x01", `\u0001`).Replace(v) + `"}`
		if length != int64(len(want)) {
			t.Errorf("row %d: length %d, want %d", i, length, len(want))
		}
		if length > 16<<20 {
			want = want[:1<<20]
		}
		if string(row) != want {
			t.Errorf("row %d differs: %.100q", i, row)
		}
	}
}

// TestCutRows: the length of a row that is cut is that of the whole row, whatever is in it.
func TestCutRows(t *testing.T) {
	for seed := range uint64(60) {
		data, _ := made(t, seed)
		whole, err := read(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, most := range []int{1, 30, 200} {
			r, err := parquet.Open(bytes.NewReader(data), int64(len(data)), parquet.Options{MaxRow: most, Keep: most})
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range whole {
				row, length, err := r.Next()
				if err != nil || length != int64(len(want)) || len(row) > most && len(row) != len(want) {
					t.Fatalf("row %d of at most %d bytes: length %d of %d, %d bytes, %v", i, most, length, len(want), len(row), err)
				}
			}
		}
	}
}
