// Package quarantine writes, reads and lists rejected records: Parquet files in the state, one row for each record, with the reason and
// the raw bytes. It never rejects a record itself. The limit on rejected records is in jobs/failures.go.
//
// A file counts only while a batch of the ledger names it. A row with record 0 stands for a whole object, or for a member of an archive, by
// reference: nothing of it was published, and raw is empty. Reason codes are a contract (docs/quarantine.md).
package quarantine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/silt-etl/silt/internal/decode"
)

// Row is one rejected record, or one whole object or member (Record 0).
type Row struct {
	Job     string `json:"job"`
	Run     string `json:"run"`
	Object  string `json:"object"`
	ETag    string `json:"etag"`
	Record  int64  `json:"record"`
	Class   string `json:"class,omitempty"`
	Path    string `json:"path,omitempty"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Raw     []byte `json:"raw,omitempty"`
	// Context is what else of the object is needed to read the record (example: a CSV header); mostly nil (decode).
	Context []byte `json:"context,omitempty"`
	// Offset and Length are set if Raw is cut, or if it is hidden because the mapping discards or redacts fields: where the record begins in the unpacked object (-1: not known), and how long it is.
	Offset int64 `json:"offset,omitempty"`
	Length int64 `json:"length,omitempty"`
	// Member is the name of the member of an archive that the record is of, and MemberNumber its number in the archive, from 1, since names
	// can come twice. Record, Offset and Length are then of the member. MemberNumber is 0 if the object is not an archive.
	Member       string `json:"member,omitempty"`
	MemberNumber int64  `json:"member_number,omitempty"`
}

// Place names the record in its object (example: member a.log, record 3); "": the object as a whole.
func (r *Row) Place() string { return place(r.Member, r.MemberNumber, r.Record) }

func place(member string, number, record int64) string {
	if number == 0 && record == 0 {
		return ""
	}
	return decode.PlaceText(decode.NumberOf(number, record), member)
}

// Cut says that Raw is only the beginning of the record, or nothing of it.
func (r *Row) Cut() bool { return r.Length > 0 }

// Hidden says that the row has nothing of the record: it has to be read from its object.
func (r *Row) Hidden() bool { return r.Record > 0 && r.Length > 0 && len(r.Raw) == 0 }

// Hide removes what the row has of the record, which is at offset (-1: not known) in its object.
func (r *Row) Hide(offset int64) {
	if r.Length == 0 && len(r.Raw) > 0 {
		r.Offset, r.Length = offset, int64(len(r.Raw))
	}
	r.Raw, r.Context = nil, nil
}

// columns of a file without cut records, and how many columns files of earlier versions have: they have no context.
const (
	columns      = 11
	cutColumns   = 13
	firstColumns = 10
)

// Has says what is among the rows of a file.
type Has struct {
	Cut     bool // cut or hidden records
	Members bool // records of members of archives
}

// schema of a file. Only one with members has all columns, and only one with cut records those for them, so that earlier versions of etl read
// the others, and never take a cut record for a whole one, or a record of a member for one of the object.
func schema(has Has) *arrow.Schema {
	s := func(n string) arrow.Field {
		return arrow.Field{Name: n, Type: arrow.BinaryTypes.String, Nullable: true}
	}
	n := func(n string) arrow.Field {
		return arrow.Field{Name: n, Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	}
	all := []arrow.Field{s("job"), s("run"), s("object"), s("etag"),
		n("record"),
		s("class"), s("path"), s("reason"), s("message"),
		{Name: "raw", Type: arrow.BinaryTypes.Binary, Nullable: true},
		{Name: "context", Type: arrow.BinaryTypes.Binary, Nullable: true},
		n("offset"), n("length"),
		s("member"), n("member_number")}
	switch {
	case has.Members:
	case has.Cut:
		all = all[:cutColumns]
	default:
		all = all[:columns]
	}
	return arrow.NewSchema(all, nil)
}

// flushBytes bounds what a Writer keeps in memory before it ends a row group.
const flushBytes = 8 << 20

// Writer writes one quarantine file.
type Writer struct {
	w     *pqarrow.FileWriter
	b     *array.RecordBuilder
	bytes int
	rows  int64
	has   Has
}

// NewWriter starts a file. has says what may be among its rows.
func NewWriter(w io.Writer, has Has) (*Writer, error) {
	has.Cut = has.Cut || has.Members // it has the columns for them
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithBatchSize(64),
		parquet.WithDictionaryFor("raw", false), parquet.WithStatsFor("raw", false), parquet.WithStatsFor("context", false)) // statistics hold whole values
	pw, err := pqarrow.NewFileWriter(schema(has), nopCloser{w}, props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, fmt.Errorf("start quarantine file: %w", err)
	}
	return &Writer{w: pw, b: array.NewRecordBuilder(memory.DefaultAllocator, schema(has)), has: has}, nil
}

// nopCloser hides Close from the Parquet writer, since whoever opened the file closes it.
type nopCloser struct{ io.Writer }

// Add appends a row. Raw is copied.
func (w *Writer) Add(r Row) error {
	if r.Cut() && !w.has.Cut {
		return fmt.Errorf("write quarantine file: record %d is cut, and the file is not for cut records", r.Record)
	}
	if r.MemberNumber > 0 && !w.has.Members {
		return fmt.Errorf("write quarantine file: record %d is of a member, and the file is not for members", r.Record)
	}
	for i, v := range []string{r.Job, r.Run, r.Object, r.ETag} {
		w.b.Field(i).(*array.StringBuilder).Append(v)
	}
	w.b.Field(4).(*array.Int64Builder).Append(r.Record)
	for i, v := range []string{r.Class, r.Path, r.Reason, r.Message} {
		f := w.b.Field(5 + i).(*array.StringBuilder)
		if v == "" {
			f.AppendNull()
		} else {
			f.Append(v)
		}
	}
	raw := w.b.Field(9).(*array.BinaryBuilder)
	if r.Record == 0 || r.Hidden() {
		raw.AppendNull()
	} else {
		raw.Append(r.Raw)
	}
	context := w.b.Field(firstColumns).(*array.BinaryBuilder)
	if len(r.Context) == 0 {
		context.AppendNull()
	} else {
		context.Append(r.Context)
	}
	if w.has.Members {
		member, number := w.b.Field(cutColumns).(*array.StringBuilder), w.b.Field(cutColumns+1).(*array.Int64Builder)
		if r.MemberNumber > 0 {
			member.Append(r.Member)
			number.Append(r.MemberNumber)
		} else {
			member.AppendNull()
			number.AppendNull()
		}
	}
	if w.has.Cut {
		offset, length := w.b.Field(columns).(*array.Int64Builder), w.b.Field(columns+1).(*array.Int64Builder)
		if r.Cut() {
			offset.Append(r.Offset)
			length.Append(r.Length)
		} else {
			offset.AppendNull()
			length.AppendNull()
		}
	}
	w.rows++
	w.bytes += len(r.Raw) + len(r.Context) + len(r.Message) + len(r.Object) + len(r.Member) + 100
	if w.bytes >= flushBytes {
		return w.flush()
	}
	return nil
}

// Note adds a text to the footer of the file, under a key.
func (w *Writer) Note(key, text string) error { return w.w.AppendKeyValueMetadata(key, text) }

// Rows returns how many rows were added.
func (w *Writer) Rows() int64 { return w.rows }

func (w *Writer) flush() error {
	rec := w.b.NewRecordBatch()
	defer rec.Release()
	w.bytes = 0
	if rec.NumRows() == 0 {
		return nil
	}
	if err := w.w.Write(rec); err != nil {
		return fmt.Errorf("write quarantine file: %w", err)
	}
	return nil
}

// Close finishes the file. It does not close the underlying writer.
func (w *Writer) Close() error {
	err := w.flush()
	if e := w.w.Close(); err == nil && e != nil {
		err = fmt.Errorf("end quarantine file: %w", e)
	}
	w.b.Release()
	return err
}

// Read calls fn for each row of a file, in order. fn may keep Row.Raw and Row.Context. One row group is in memory at a time, which is
// flushBytes and one record. A file that a Writer did not write, or that is damaged, is an error.
func Read(ctx context.Context, r parquet.ReaderAtSeeker, fn func(Row) error) error {
	var inFn error
	err := safely(func() error {
		return read(ctx, r, func(row Row) error {
			if inFn = ctx.Err(); inFn == nil {
				inFn = fn(row)
			}
			return inFn
		})
	})
	if err == nil || inFn != nil {
		return err
	}
	return fmt.Errorf("read quarantine file: %w", err)
}

// ReadNote returns a text that Writer.Note has added. A file without it is an error.
func ReadNote(r parquet.ReaderAtSeeker, key string) (text string, err error) {
	err = safely(func() error {
		pr, err := file.NewParquetReader(r)
		if err != nil {
			return err
		}
		defer pr.Close()
		value := pr.MetaData().KeyValueMetadata().FindValue(key)
		if value == nil {
			return fmt.Errorf("its footer does not have %s", key)
		}
		text = *value
		return nil
	})
	if err != nil {
		err = fmt.Errorf("read quarantine file: %w", err)
	}
	return text, err
}

// safely makes an error of a panic: the Parquet library panics over files that contradict themselves.
func safely(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			text, _, _ := strings.Cut(fmt.Sprint(p), "\n")
			err = fmt.Errorf("it is damaged: %s", text)
		}
	}()
	return fn()
}

func read(ctx context.Context, r parquet.ReaderAtSeeker, fn func(Row) error) error {
	pr, err := file.NewParquetReader(r)
	if err != nil {
		return err
	}
	defer pr.Close()
	fr, err := pqarrow.NewFileReader(pr, pqarrow.ArrowReadProperties{BatchSize: 256}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	have, err := fr.Schema()
	if err != nil {
		return err
	}
	known := func(want []arrow.Field) bool {
		return slices.ContainsFunc([]int{len(want), cutColumns, columns, firstColumns}, func(n int) bool { return sameColumns(have, want[:n]) })
	}
	if !known(schema(Has{Members: true}).Fields()) {
		return fmt.Errorf("its columns (%v) are not those of a quarantine file", have.Fields())
	}
	for g := range pr.NumRowGroups() {
		if err := readGroup(ctx, fr, g, fn); err != nil {
			return err
		}
	}
	return nil
}

// sameColumns compares names and types: what else a column says (nullability, ids) does not matter.
func sameColumns(a *arrow.Schema, b []arrow.Field) bool {
	return slices.EqualFunc(a.Fields(), b, func(x, y arrow.Field) bool { return x.Name == y.Name && arrow.TypeEqual(x.Type, y.Type) })
}

func readGroup(ctx context.Context, fr *pqarrow.FileReader, group int, fn func(Row) error) error {
	rr, err := fr.GetRecordReader(ctx, nil, []int{group})
	if err != nil {
		return err
	}
	defer rr.Release()
	for rr.Next() {
		if err := eachRow(rr.RecordBatch(), fn); err != nil {
			return err
		}
	}
	if err := rr.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func eachRow(rec arrow.RecordBatch, fn func(Row) error) error {
	str := func(i, row int) string {
		c := rec.Column(i).(*array.String)
		if c.IsNull(row) {
			return ""
		}
		return strings.Clone(c.Value(row))
	}
	for i := range int(rec.NumRows()) {
		row := Row{Job: str(0, i), Run: str(1, i), Object: str(2, i), ETag: str(3, i), Record: rec.Column(4).(*array.Int64).Value(i),
			Class: str(5, i), Path: str(6, i), Reason: str(7, i), Message: str(8, i)}
		if raw := rec.Column(9).(*array.Binary); !raw.IsNull(i) {
			row.Raw = append([]byte(nil), raw.Value(i)...)
		}
		if rec.NumCols() > columns {
			if n := rec.Column(columns + 1).(*array.Int64); !n.IsNull(i) {
				row.Offset, row.Length = rec.Column(columns).(*array.Int64).Value(i), n.Value(i)
			}
		}
		if rec.NumCols() > cutColumns {
			if n := rec.Column(cutColumns + 1).(*array.Int64); !n.IsNull(i) && n.Value(i) > 0 {
				row.Member, row.MemberNumber = str(cutColumns, i), n.Value(i)
			}
		}
		if rec.NumCols() > firstColumns {
			if c := rec.Column(firstColumns).(*array.Binary); !c.IsNull(i) {
				row.Context = append([]byte(nil), c.Value(i)...)
			}
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}
