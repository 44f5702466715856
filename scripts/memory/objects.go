package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// objectCases are objects that ask for memory themselves, at several limits.
func objectCases(n func(int) int) (out []testCase) {
	for _, m := range []struct {
		text  string
		limit int64
	}{{"256MiB", 256}, {"512MiB", 512}, {"1GiB", 1024}, {"2GiB", 2048}} {
		out = append(out,
			testCase{name: "a document of 300 MB with its records in an array", memory: m.text, limit: m.limit, raw: "-- records: Records\n" + rawSQL, objects: func(put func(string, func(io.Writer) error) error) (counts, error) {
				records := n(5_000_000)
				return counts{published: int64(records)}, put("document", around(`{"Records":[`, repeat("{"+stamp+`,"id":"r%d"},`, records), `]}`))
			}},
			testCase{name: "4 objects with zstd windows of 128 MiB", memory: m.text, limit: m.limit, window: 128 << 20, objects: func(put func(string, func(io.Writer) error) error) (c counts, err error) {
				for _, name := range []string{"a", "b", "c", "d"} {
					err = errors.Join(err, put(name, repeat("{"+stamp+`,"id":"r%d"}`+"\n", 3_000_000)))
					c.published += 3_000_000
				}
				if m.limit < 1024 {
					c = counts{objects: 4}
				}
				return c, err
			}})
		all := counts{published: 1000}
		if m.limit < 1024 {
			all = counts{objects: 1}
		}
		one := counts{objects: 1}
		if m.limit > 1024 {
			one = counts{quarantined: 1}
		}
		raw := "-- format: parquet\n" + rawSQL
		out = append(out,
			testCase{name: "a Parquet page of 200 MB", memory: m.text, limit: m.limit, raw: raw, parquet: "page", want: one},
			testCase{name: "40 Parquet rows of 20 MiB", memory: m.text, limit: m.limit, raw: raw, parquet: "rows", want: counts{quarantined: 40}},
			testCase{name: "100 Parquet columns with pages of 1 MB", memory: m.text, limit: m.limit, raw: raw, parquet: "columns", want: all})
	}
	return out
}

// around writes a head and a tail around what write does.
func around(head string, write func(io.Writer) error, tail string) func(io.Writer) error {
	return func(w io.Writer) error {
		if _, err := io.WriteString(w, head); err != nil {
			return err
		}
		if err := write(w); err != nil {
			return err
		}
		_, err := io.WriteString(w, tail)
		return err
	}
}

// writeParquet writes a file with columns ts, c0, c1 and so on. It runs in a process of its own, since what it needs would count in the peak
// of the process that is started next.
func writeParquet(kind, path string) error {
	columns, rows, bytes := 1, 1, 200_000_000
	switch kind {
	case "rows":
		rows, bytes = 40, 20<<20
	case "columns":
		columns, rows, bytes = 100, 1000, 1000
	}
	fields := schema.FieldList{schema.NewByteArrayNode("ts", parquet.Repetitions.Required, -1)}
	for i := range columns {
		fields = append(fields, schema.NewByteArrayNode(fmt.Sprint("c", i), parquet.Repetitions.Required, -1))
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	page := int64(bytes)
	if kind == "columns" {
		page = 1 << 20
	}
	w := file.NewParquetWriter(f, root, file.WithWriterProps(parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithDictionaryDefault(false), parquet.WithStats(false), parquet.WithDataPageSize(page), parquet.WithBatchSize(1))))
	g, err := w.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for i := range columns + 1 {
		c, err := g.NextColumn()
		if err != nil {
			return err
		}
		for range rows {
			value := "2026-01-02T03:04:05Z"
			if i > 0 {
				value = strings.Repeat(fmt.Sprintf("%08x", rand.Uint32()), bytes/8)
			}
			if _, err := c.(*file.ByteArrayColumnChunkWriter).WriteBatch([]parquet.ByteArray{parquet.ByteArray(value)}, nil, nil); err != nil {
				return err
			}
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return errors.Join(g.Close(), w.Close())
}
