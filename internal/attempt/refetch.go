package attempt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// refetch frames the objects of rejected rows again and hands each reject its raw bytes.
func (w *output) refetch(ctx context.Context, add func(r rejectedRecord, class string) error) error {
	r := &refetcher{w: w, records: w.scan.newRecords(), object: -1}
	defer r.close()
	class := ""
	if len(w.o.Compiled.Projections) == 1 {
		class = w.o.Compiled.Projections[0].Class
	}
	ex := decode.NewExpander(w.scan.keys)
	untaken := newUntaken(w.o.Compiled)
	return w.rejects.Each(func(t [3]int64) error {
		object, record := int(t[0]), t[1]
		if st := &w.scan.states[object]; st.bad.Load() || st.members.isBad(record) { // rows are rejected before it is known, if they are wide
			return nil
		}
		raw, err := r.find(ctx, object, record)
		if err != nil {
			return err
		}
		reason := w.explain(w.reasons[t[2]], r.records, ex)
		if reason.Code == sqlgen.ReasonMissingRequired {
			reason.Message += untaken.why(reason.Path, r.records, w.o.HideRecords)
		}
		reason.Message += otherFormat(reason.Code, w.o.Compiled, raw)
		c := cmp.Or(w.classOf[int32(t[2])], class)
		if reason.Code == sqlgen.ReasonNoProjection {
			c = ""
			w.countKind(r.records)
		}
		return add(rejectedRecord{object: object, number: record, member: r.records.Member(), raw: raw, context: r.records.Context(),
			reject: &decode.Reject{Code: reason.Code, Path: reason.Path, Message: reason.Message, Offset: r.records.Offset()}}, c)
	})
}

// refetcher frames objects again, to find records of them. They are asked for in the order of objects and records.
type refetcher struct {
	w       *output
	records *decode.Records
	object  int // that is open, or -1
	body    io.Closer
}

// find returns the bytes of a record. They are valid until the next call.
func (r *refetcher) find(ctx context.Context, object int, record int64) ([]byte, error) {
	key := r.w.scan.objects[object].Key
	if r.object != object {
		r.close()
		f, err := r.w.scan.reopen(ctx, object)
		if err != nil {
			return nil, fmt.Errorf("read %s again for quarantine: %w", key, err)
		}
		r.object, r.body = object, f.body
		begin(r.records, f.body, f.rows)
	}
	for {
		number, raw, rej, err := r.records.Next()
		if e := ctx.Err(); e != nil { // there may be many records between two rejects
			return nil, e
		}
		if err != nil {
			return nil, fmt.Errorf("read %s again for quarantine: %s was not found: %w", key, decode.PlaceText(record, "?"), err)
		}
		if number != record {
			continue
		}
		if rej != nil {
			return nil, errors.New("the scanner refused a record that it accepted before. Nothing was committed. Please report this")
		}
		return raw, nil
	}
}

func (r *refetcher) close() {
	if r.body != nil {
		_ = r.body.Close() // it was only read
		r.body = nil
	}
}

// explain distinguishes a time that cannot be read from a missing one, and shows its value.
func (w *output) explain(r sqlgen.Reason, records *decode.Records, ex *decode.Expander) sqlgen.Reason {
	if r.Code != sqlgen.ReasonTimeMissing {
		return r
	}
	for _, p := range w.o.Compiled.Projections {
		for _, leaf := range p.TimeLeaves {
			if !slices.Contains(records.Misfits(), leaf) {
				continue
			}
			path := strings.Join(w.o.Compiled.Scan.Leaves[leaf].Path, ".")
			r.Code, r.Path = sqlgen.ReasonTimeUnreadable, path
			r.Message = path + " is not a readable time"
			if w.o.HideRecords {
				return r
			}
			entries, err := ex.Expand(records.Rest(), nil)
			if err != nil {
				return r
			}
			for _, e := range entries {
				if e.Key == path {
					r.Message = fmt.Sprintf("%s is not a readable time: %.80q", path, e.Value)
				}
			}
			return r
		}
	}
	return r
}
