package sample

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// ReadObject returns the records of an object. If the object cannot be read to its end, the last error is its *decode.Reject.
func ReadObject(ctx context.Context, r io.Reader, compiled *sqlgen.Compiled, captures []*string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		d := decode.NewRecords(&compiled.Scan, decode.NewKeys(), decode.Options{Stopped: ctx.Err})
		d.Open(r)
		for {
			r, err := Next(d, compiled, captures)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Next returns the next record of an object, or the error of Records.Next. A member of an archive that cannot be read is a rejected
// record, too.
func Next(d *decode.Records, compiled *sqlgen.Compiled, captures []*string) (Record, error) {
	number, raw, rej, err := d.Next()
	if err != nil {
		return Record{}, err
	}
	r := Record{Number: number, Member: d.Member(), Raw: bytes.Clone(raw), Reject: rej, Captures: compiled.Scan.Format.Captures(d.Member(), compiled.KeyColumns, captures)}
	if _, record := decode.Place(number); record > 0 {
		r.Context = bytes.Clone(d.Context())
	} else {
		r.Reject = &decode.Reject{Code: rej.Code, Message: rej.Message + "; a run publishes nothing of such a member"}
	}
	return r, nil
}
