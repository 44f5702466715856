package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/silt-etl/silt/internal/ledger/index"
)

// groupRows is how many rows a row group has, which is what reading and writing hold.
const groupRows = 1 << 17

// nopCloser hides Close from the Parquet writer: the file is its opener's to close.
type nopCloser struct{ io.Writer }

// write writes a file; next appends a row and says false when there is none left.
func write(w io.Writer, schema *arrow.Schema, next func(*array.RecordBuilder) (bool, error), props ...parquet.WriterProperty) error {
	props = append(props, parquet.WithCompression(compress.Codecs.Zstd), parquet.WithStats(false))
	pw, err := pqarrow.NewFileWriter(schema, nopCloser{w}, parquet.NewWriterProperties(props...), pqarrow.NewArrowWriterProperties())
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for more := true; more; {
		rows := 0
		for rows < groupRows {
			if more, err = next(b); err != nil {
				return err
			}
			if !more {
				break
			}
			rows++
		}
		rec := b.NewRecordBatch()
		if rows > 0 {
			err = pw.Write(rec)
		}
		rec.Release()
		if err != nil {
			return err
		}
	}
	return pw.Close()
}

// read calls fn for each batch of rows of a file that has exactly this schema. Its own errors are ErrDamaged.
func read(ctx context.Context, r parquet.ReaderAtSeeker, schema *arrow.Schema, fn func(arrow.RecordBatch) error) (err error) {
	damaged := func(err error) error { return fmt.Errorf("%w: %w", ErrDamaged, err) }
	defer func() {
		if p := recover(); p != nil { // the reader is not proof against every file
			err = damaged(fmt.Errorf("%v", p))
		}
	}()
	pr, err := file.NewParquetReader(r)
	if err != nil {
		return damaged(err)
	}
	defer pr.Close()
	fr, err := pqarrow.NewFileReader(pr, pqarrow.ArrowReadProperties{BatchSize: 8192}, memory.DefaultAllocator)
	if err != nil {
		return damaged(err)
	}
	for g := range pr.NumRowGroups() {
		rr, err := fr.GetRecordReader(ctx, nil, []int{g})
		if err != nil {
			return damaged(err)
		}
		err = func() error {
			defer rr.Release()
			for rr.Next() {
				rec := rr.RecordBatch()
				if err := sameColumns(rec.Schema(), schema); err != nil {
					return damaged(err)
				}
				if err := fn(rec); err != nil {
					return err
				}
			}
			if err := rr.Err(); err != nil && !errors.Is(err, io.EOF) {
				return damaged(err)
			}
			return nil
		}()
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func sameColumns(got, want *arrow.Schema) error {
	if got.NumFields() != want.NumFields() {
		return fmt.Errorf("%d columns, want %d", got.NumFields(), want.NumFields())
	}
	for i, f := range want.Fields() {
		if g := got.Field(i); g.Name != f.Name || !arrow.TypeEqual(g.Type, f.Type) {
			return fmt.Errorf("column %s of type %s, want %s of type %s", g.Name, g.Type, f.Name, f.Type)
		}
	}
	return nil
}

func segmentSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{{Name: "hash", Type: &arrow.FixedSizeBinaryType{ByteWidth: len(index.Key{})}},
		{Name: "slot", Type: arrow.PrimitiveTypes.Int32}}, nil)
}

// WriteSegment writes a sorted segment. Hashes are not compressed, because that would not make them smaller.
func WriteSegment(w io.Writer, r *index.Segment) error {
	c := r.Cursor()
	return write(w, segmentSchema(), func(b *array.RecordBuilder) (bool, error) {
		k, v, ok, err := c.Next()
		if ok && err == nil {
			b.Field(0).(*array.FixedSizeBinaryBuilder).Append(k[:])
			b.Field(1).(*array.Int32Builder).Append(v)
		}
		return ok, err
	}, parquet.WithCompressionFor("hash", compress.Codecs.Uncompressed), parquet.WithDictionaryFor("hash", false))
}

// ReadSegment calls fn for each entry of a segment, in the order of the file.
func ReadSegment(ctx context.Context, r parquet.ReaderAtSeeker, fn func(index.Key, int32) error) error {
	return read(ctx, r, segmentSchema(), func(rec arrow.RecordBatch) error {
		hashes, slots := rec.Column(0).(*array.FixedSizeBinary), rec.Column(1).(*array.Int32)
		if hashes.NullN()+slots.NullN() > 0 {
			return fmt.Errorf("%w: a null", ErrDamaged)
		}
		for i := range slots.Len() {
			if err := fn(index.Key(hashes.Value(i)), slots.Value(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// rowSchema is that of a struct of strings and int64s.
func rowSchema(t reflect.Type) *arrow.Schema {
	var fields []arrow.Field
	for i := range t.NumField() {
		f := arrow.Field{Name: snake(t.Field(i).Name), Type: arrow.BinaryTypes.String}
		if t.Field(i).Type.Kind() == reflect.Int64 {
			f.Type = arrow.PrimitiveTypes.Int64
		}
		fields = append(fields, f)
	}
	return arrow.NewSchema(fields, nil)
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		lower := i > 0 && name[i-1] >= 'a' && name[i-1] <= 'z'
		if lower && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// WriteRows writes structs of strings and int64s.
func WriteRows[T any](w io.Writer, rows []T) error {
	return write(w, rowSchema(reflect.TypeFor[T]()), func(b *array.RecordBuilder) (bool, error) {
		if len(rows) == 0 {
			return false, nil
		}
		v := reflect.ValueOf(&rows[0]).Elem()
		rows = rows[1:]
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.Int64:
				b.Field(i).(*array.Int64Builder).Append(f.Int())
			default:
				b.Field(i).(*array.StringBuilder).Append(f.String())
			}
		}
		return true, nil
	})
}

// ReadRows reads what WriteRows wrote.
func ReadRows[T any](ctx context.Context, r parquet.ReaderAtSeeker, fn func(T) error) error {
	return read(ctx, r, rowSchema(reflect.TypeFor[T]()), func(rec arrow.RecordBatch) error {
		for row := range int(rec.NumRows()) {
			var out T
			v := reflect.ValueOf(&out).Elem()
			for i := range v.NumField() {
				switch c := rec.Column(i).(type) {
				case *array.Int64:
					v.Field(i).SetInt(c.Value(row))
				case *array.String:
					v.Field(i).SetString(strings.Clone(c.Value(row)))
				}
			}
			if err := fn(out); err != nil {
				return err
			}
		}
		return nil
	})
}
