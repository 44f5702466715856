package attempt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	Record  int64
	Why     string
}

// With returns all of n and m.
func (n NotStaged) With(m NotStaged) NotStaged {
	if n.Records == 0 {
		n.Object, n.Record, n.Why = m.Object, m.Record, m.Why
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
		if r.hidden, err = quarantine.NewWriter(f, true); err != nil {
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
	if r.hidden == nil {
		return not, nil
	}
	if err := r.hidden.Close(); err != nil {
		return not, err
	}
	if _, err := r.hiddenFile.Seek(0, io.SeekStart); err != nil {
		return not, fmt.Errorf("temp folder: %w", err)
	}
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
	err = quarantine.Read(ctx, r.hiddenFile, func(row quarantine.Row) error {
		where := place{row.Record, row.Offset, row.Length}
		_, _, why, err := s.find(objectID{row.Object, row.ETag}, where)
		if err != nil {
			return err
		}
		i := r.at[objectID{row.Object, row.ETag}]
		if why != "" {
			not = not.With(NotStaged{Records: 1, Object: row.Object, Record: row.Record, Why: why})
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
	body    io.Closer // of the open object, or nil
	number  int64     // of the last record that was read
	why     string    // why no more of the object can be read
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
	s.id, s.number, s.why = id, 0, ""
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

// find gives a record as decode framed it, or why it is not to be found.
func (s *stager) find(id objectID, at place) (raw, around []byte, why string, err error) {
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
			s.why = fmt.Sprintf("the mapping finds only %d records in the object", s.number)
		case err != nil:
			s.why = "the object cannot be read to its end"
		}
		if err != nil {
			break
		}
		if s.number = number; number < at.record {
			continue
		}
		offset, length := s.records.Offset(), int64(len(b))
		if rej != nil && rej.Length > 0 {
			return nil, nil, "the record is too long", nil
		}
		if length != at.length || at.offset >= 0 && offset >= 0 && offset != at.offset {
			return nil, nil, "the mapping splits the object into other records than before. Try: etl backfill --replace", nil
		}
		return b, s.records.Context(), "", nil
	}
	return nil, nil, s.why, nil
}
