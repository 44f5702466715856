package attempt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/budget"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// NotStaged are rows without bytes whose records could not be read from staging again. They stay in quarantine.
type NotStaged struct {
	Records int64
	Object  string // of the first one
	Place   string // in its object (example: record 3)
	Why     string
}

// With returns all of n and m.
func (n NotStaged) With(m NotStaged) NotStaged {
	if n.Records == 0 {
		n.Object, n.Place, n.Why = m.Object, m.Place, m.Why
	}
	n.Records += m.Records
	return n
}

// addHidden keeps a chosen row without bytes until Stage reads its record.
func (r *Replay) addHidden(row quarantine.Row) error {
	if r.hidden == nil {
		f, err := os.OpenFile(filepath.Join(r.dir, "hidden.parquet"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("temp folder: %w", err)
		}
		r.hiddenFile = f
		if r.hidden, err = quarantine.NewWriter(f, quarantine.Has{Cut: true, Members: true}); err != nil {
			return err
		}
	}
	r.chosen++
	return r.hidden.Add(row)
}

// Stage reads the records of chosen rows without bytes from staging, at the versions that were quarantined, and compares number, place and
// length, since another format may split an object into other records. What cannot be read stays in quarantine. It is called after the last
// Add.
func (r *Replay) Stage(ctx context.Context, staging objstore.Reader, compiled *sqlgen.Compiled, memoryBytes int64) (not NotStaged, err error) {
	m := (&Options{MemoryBytes: memoryBytes}).memory()
	readers := budget.New(m.readers, m.reader)
	r.newStager = func() *stager {
		s := &stager{ctx: ctx, staging: staging, records: decode.NewRecords(&compiled.Scan, decode.NewKeys(), decode.Options{TempDir: r.dir, Stopped: ctx.Err, Memory: readers})}
		r.mu.Lock()
		r.stagers = append(r.stagers, s)
		r.mu.Unlock()
		return s
	}
	s := r.newStager()
	defer s.close()
	if err := r.stageMembers(s); err != nil || r.hidden == nil {
		return not, err
	}
	if err := r.hidden.Close(); err != nil {
		return not, err
	}
	if _, err := r.hiddenFile.Seek(0, io.SeekStart); err != nil {
		return not, fmt.Errorf("temp folder: %w", err)
	}
	err = quarantine.Read(ctx, r.hiddenFile, func(row quarantine.Row) error {
		where := place{decode.NumberOf(row.MemberNumber, row.Record), row.Offset, row.Length}
		_, _, why, err := s.find(objectID{row.Object, row.ETag}, where)
		if err != nil {
			return err
		}
		i := r.at[objectID{row.Object, row.ETag}]
		if why != "" {
			not = not.With(NotStaged{Records: 1, Object: row.Object, Place: row.Place(), Why: why})
			r.chosen--
			r.objects[i].kept++
			return r.keep(row)
		}
		r.objects[i].n++
		row.Raw, row.Context = nil, where.encode()
		return r.put(i, row)
	})
	return not, err
}

// stageMembers leaves rows of members as a whole in quarantine if their object is not in staging any more.
func (r *Replay) stageMembers(s *stager) error {
	for i := range r.objects {
		o := &r.objects[i]
		if len(o.members) == 0 {
			continue
		}
		if err := s.open(o.id); err != nil {
			return err
		}
		if s.why == "" {
			continue
		}
		for _, number := range slices.Sorted(maps.Keys(o.members)) {
			row := o.members[number]
			row.Message = strings.TrimSuffix(row.Message, goneMessage) + goneMessage
			r.chosen--
			if err := r.keep(row); err != nil {
				return err
			}
		}
		o.members = nil
	}
	return nil
}

// wholeMembers reads members of an archive from staging that quarantine has as a whole.
type wholeMembers struct {
	id        objectID
	newStager func() *stager
	rows      map[int64]quarantine.Row // by number
	s         *stager
	left      []int64 // of rows that are still to come, if the archive cannot be read any more

	peeked       bool
	number       int64 // of the next record; 0: it was the last one
	raw, context []byte
	rej          *decode.Reject
	member       string
	offset       int64
}

// peek finds the next record, unless it was found already.
func (w *wholeMembers) peek() error {
	if w.peeked {
		return nil
	}
	if w.s == nil {
		w.s = w.newStager()
		if err := w.s.open(w.id); err != nil {
			return err
		}
		if w.s.why != "" {
			return fmt.Errorf("read %s again: %s", w.id.key, w.s.why)
		}
		only := map[int64]bool{}
		for number := range w.rows {
			only[number] = true
		}
		w.s.records.OpenMembers(w.s.body, only)
	}
	w.peeked = true
	if w.left != nil {
		w.refuse()
		return nil
	}
	number, raw, rej, err := w.s.records.Next()
	switch {
	case w.s.ctx.Err() != nil:
		return w.s.ctx.Err()
	case err == nil:
		w.number, w.raw, w.rej, w.context, w.member, w.offset = number, raw, rej, nil, w.s.records.Member(), w.s.records.Offset()
		if _, record := decode.Place(number); record > 0 {
			w.context = w.s.records.Context()
		}
		return nil
	case !errors.Is(err, io.EOF):
		if rej := (*decode.Reject)(nil); !errors.As(err, &rej) {
			return fmt.Errorf("read %s again: %v", w.id.key, err) //nolint:errorlint // the attempt fails, whatever the store says
		}
		last, _ := decode.Place(w.number)
		w.left = []int64{}
		for _, number := range slices.Sorted(maps.Keys(w.rows)) {
			if number >= last {
				w.left = append(w.left, number)
			}
		}
		w.refuse()
		return nil
	}
	w.number = 0
	w.s.close()
	return nil
}

// refuse gives the next row that is left as it was.
func (w *wholeMembers) refuse() {
	if len(w.left) == 0 {
		w.number = 0
		w.s.close()
		return
	}
	row := w.rows[w.left[0]]
	w.number, w.raw, w.context, w.member, w.offset = decode.NumberOf(row.MemberNumber, 0), nil, nil, row.Member, -1
	w.rej = &decode.Reject{Code: row.Reason, Message: row.Message}
	w.left = w.left[1:]
}

// place of a record in its object. The spool has it in the place of the record's bytes, which are never in a temporary file.
type place struct{ record, offset, length int64 }

func (p place) encode() []byte {
	return binary.AppendVarint(binary.AppendVarint(nil, p.offset), p.length)
}

func decodePlace(record int64, b []byte) place {
	offset, n := binary.Varint(b)
	length, _ := binary.Varint(b[max(n, 0):])
	return place{record, offset, length}
}

// stager finds records in the objects of staging. They are asked for in the order of a quarantine file.
type stager struct {
	ctx     context.Context //nolint:containedctx // one reading of a quarantine file, whose function has no place for a context
	staging objstore.Reader
	records *decode.Records
	id      objectID
	body    io.ReadCloser // of the open object, or nil
	number  int64         // of the last record that was read
	before  int64         // of the one before it
	why     string        // why no more of the object can be read
}

func (s *stager) close() {
	if s.body != nil {
		s.records.Close()
		_ = s.body.Close() // it was only read
		s.body = nil
	}
}

// open begins an object.
func (s *stager) open(id objectID) error {
	s.close()
	s.id, s.number, s.before, s.why = id, 0, 0, ""
	body, _, err := s.staging.Get(s.ctx, id.key, objstore.GetOptions{ETag: id.etag})
	switch {
	case err == nil:
		s.body = body
		s.records.Open(body)
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	case errors.Is(err, objstore.ErrNotExist), errors.Is(err, objstore.ErrChanged):
		s.why = "the object is not in staging any more at this version"
	default:
		s.why = err.Error()
	}
	return nil
}

// otherRecords is why a record is not where it was.
const otherRecords = "the mapping splits the object into other records than before. Try: etl backfill --replace"

// find gives a record as decode framed it, or why it is not to be found.
func (s *stager) find(id objectID, at place) (raw, around []byte, why string, err error) {
	if s.id == id && s.before < at.record && at.record < s.number {
		return nil, nil, otherRecords, nil
	}
	if s.id != id || at.record <= s.number && s.body != nil {
		if err := s.open(id); err != nil {
			return nil, nil, "", err
		}
	}
	for s.why == "" && s.number < at.record {
		number, b, rej, err := s.records.Next()
		switch {
		case s.ctx.Err() != nil:
			return nil, nil, "", s.ctx.Err()
		case errors.Is(err, io.EOF):
			s.why = otherRecords
			if member, records := decode.Place(s.number); member == 0 {
				s.why = fmt.Sprintf("the mapping finds only %d records in the object", records)
			}
		case err != nil:
			s.why = "the object cannot be read to its end"
		}
		if err != nil {
			break
		}
		if s.before, s.number = s.number, number; number < at.record {
			continue
		}
		if number > at.record { // its member has fewer records now, or is refused
			return nil, nil, otherRecords, nil
		}
		offset, length := s.records.Offset(), int64(len(b))
		if rej != nil && rej.Length > 0 {
			return nil, nil, "the record is too long", nil
		}
		if length != at.length || at.offset >= 0 && offset >= 0 && offset != at.offset {
			return nil, nil, otherRecords, nil
		}
		return b, s.records.Context(), "", nil
	}
	return nil, nil, s.why, nil
}
