package attempt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
)

// Replay supplies the records of an attempt from the quarantine of a batch. Every row of the quarantine is added, chosen or not; rows
// that are not chosen go into the attempt's quarantine file unchanged. For a chosen row of record 0, the object is read from staging at
// the version that was quarantined.
//
// The bytes are in files of the attempt's temp folder; memory holds about 100 bytes an object.
type Replay struct {
	dir     string
	objects []replayed
	at      map[objectID]int

	spool *os.File
	w     *bufio.Writer
	size  int64
	last  int // object of the spool's last record, or -1

	keptFile *os.File
	kept     *quarantine.Writer

	hiddenFile *os.File // chosen rows without bytes
	hidden     *quarantine.Writer
	newStager  func() *stager
	mu         sync.Mutex // for stagers
	stagers    []*stager

	chosen int64
	rows   digest
	has    quarantine.Has

	notWhole Cut // chosen rows that are cut
}

// Cut are records of which quarantine has only the beginning, so that a replay cannot read them. It does not read them from their object: a
// record is cut because it is too long for the mapping's format, and with another format records have other numbers. A replace reads the
// whole object again.
type Cut struct {
	Records int64
	Object  string // of the first one
	Place   string // in its object (example: record 3)
}

// With returns all of c and d.
func (c Cut) With(d Cut) Cut {
	if c.Records == 0 {
		c.Object, c.Place = d.Object, d.Place
	}
	c.Records += d.Records
	return c
}

type objectID struct{ key, etag string }

// replayed is what the quarantine has of one object.
type replayed struct {
	id    objectID
	runs  []section // of the spool, ascending records in each
	last  int64     // record that ends the last run
	whole *quarantine.Row
	kept  int64 // records, not rows of record 0
	n     int64 // chosen records
	// members are chosen rows of members of an archive as a whole, by number. The members are read from staging.
	members map[int64]quarantine.Row
}

type section struct{ at, size int64 }

// digest of rows in any order: their content, without the run that wrote them.
type digest struct {
	sum   uint64
	count int64
}

var digestSeed = maphash.MakeSeed()

func (d *digest) add(r quarantine.Row) {
	type said struct {
		object, etag, class, path, reason, message, member string
		number, record                                     int64
	}
	d.sum += maphash.Comparable(digestSeed, said{r.Object, r.ETag, r.Class, r.Path, r.Reason, r.Message, r.Member, r.MemberNumber, r.Record})
	d.count++
}

// NewReplay puts its files into a folder, which the caller removes.
func NewReplay(dir string) (*Replay, error) {
	f, err := os.OpenFile(filepath.Join(dir, "replay"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("temp folder: %w", err)
	}
	return &Replay{dir: dir, spool: f, w: bufio.NewWriterSize(f, 256<<10), at: map[objectID]int{}, last: -1}, nil
}

// Add adds one row of the batch's quarantine. A record without bytes (an array that was not closed) stays in quarantine, since there is
// nothing to run. A record that is cut stays as well: see Cut.
func (r *Replay) Add(row quarantine.Row, chosen bool) error {
	id := objectID{row.Object, row.ETag}
	i, ok := r.at[id]
	if !ok {
		i = len(r.objects)
		r.at[id] = i
		r.objects = append(r.objects, replayed{id: id})
	}
	o := &r.objects[i]
	r.rows.add(row)
	r.has.Cut, r.has.Members = r.has.Cut || row.Cut(), r.has.Members || row.MemberNumber > 0
	if chosen && row.Hidden() && row.Reason != decode.ReasonTooLong {
		return r.addHidden(row)
	}
	if chosen && row.Cut() {
		if r.notWhole.Records++; r.notWhole.Records == 1 {
			r.notWhole.Object, r.notWhole.Place = row.Object, row.Place()
		}
	}
	switch {
	case !chosen || row.Record > 0 && len(row.Raw) == 0 || row.Cut():
		if row.Record > 0 {
			o.kept++
		}
		return r.keep(row)
	case row.Record == 0 && row.MemberNumber > 0:
		r.chosen++
		if o.members == nil {
			o.members = map[int64]quarantine.Row{}
		}
		o.members[row.MemberNumber] = row
		return nil
	case row.Record == 0:
		r.chosen++
		o.whole = &row
		return nil
	}
	r.chosen++
	o.n++
	return r.put(i, row)
}

// put appends a record to the spool.
func (r *Replay) put(i int, row quarantine.Row) error {
	o, number := &r.objects[i], decode.NumberOf(row.MemberNumber, row.Record)
	if r.last != i || number <= o.last {
		o.runs = append(o.runs, section{at: r.size})
	}
	var head []byte
	head = binary.AppendUvarint(head, uint64(number))
	n := int64(0)
	parts := [][]byte{row.Raw, row.Context, []byte(row.Member)}
	for _, p := range parts {
		head = binary.AppendUvarint(head, uint64(len(p)))
		n += int64(len(p))
	}
	for _, p := range append([][]byte{head}, parts...) {
		if _, err := r.w.Write(p); err != nil {
			return fmt.Errorf("temp folder: %w", err)
		}
	}
	n += int64(len(head))
	o.runs[len(o.runs)-1].size += n
	r.size += n
	r.last, o.last = i, number
	return nil
}

// keep sets a row aside for the next quarantine file.
func (r *Replay) keep(row quarantine.Row) error {
	if r.kept == nil {
		f, err := os.OpenFile(filepath.Join(r.dir, "kept.parquet"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("temp folder: %w", err)
		}
		r.keptFile = f
		if r.kept, err = quarantine.NewWriter(f, quarantine.Has{Cut: true, Members: true}); err != nil {
			return err
		}
	}
	return r.kept.Add(row)
}

// Chosen returns how many rows were chosen.
func (r *Replay) Chosen() int64 { return r.chosen }

// Cut returns the chosen records that are cut.
func (r *Replay) Cut() Cut { return r.notWhole }

// Records returns how many records were added, chosen or not, without whole objects. It is called after Stage.
func (r *Replay) Records() int64 {
	var n int64
	for i := range r.objects {
		n += r.objects[i].n + r.objects[i].kept
	}
	return n
}

// SizeBytes of the chosen records.
func (r *Replay) SizeBytes() int64 { return r.size }

// Objects returns the objects of the added rows, in the order in which Run needs them. Only key and ETag are set.
func (r *Replay) Objects() []objstore.Object {
	out := make([]objstore.Object, len(r.objects))
	for i := range r.objects {
		out[i] = objstore.Object{Key: r.objects[i].id.key, ETag: r.objects[i].id.etag}
	}
	return out
}

// Close closes the files.
func (r *Replay) Close() {
	r.spool.Close()
	for _, s := range r.stagers {
		s.close()
	}
	for _, f := range []*os.File{r.keptFile, r.hiddenFile} {
		if f != nil {
			f.Close()
		}
	}
}

// ready checks the objects that Run got, and ends the files.
func (r *Replay) ready(objects []Object) error {
	if len(objects) != len(r.objects) {
		return fmt.Errorf("a replay of %d objects was given %d", len(r.objects), len(objects))
	}
	for i := range r.objects {
		o := &r.objects[i]
		if objects[i].Key != o.id.key || objects[i].ETag != o.id.etag {
			return fmt.Errorf("a replay was given its objects in another order: %s", objects[i].Key)
		}
		if o.whole != nil && o.n+o.kept > 0 {
			return fmt.Errorf("%s is in quarantine as a whole and by record; its quarantine file is damaged", o.id.key)
		}
	}
	if err := r.w.Flush(); err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	if r.kept == nil {
		return nil
	}
	return r.kept.Close()
}

// eachKept calls fn for the rows that were not chosen.
func (r *Replay) eachKept(ctx context.Context, fn func(quarantine.Row) error) error {
	if r == nil || r.kept == nil {
		return nil
	}
	if _, err := r.keptFile.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return quarantine.Read(ctx, r.keptFile, fn)
}

// whole is the row of an object that is to be read from staging, or nil.
func (r *Replay) whole(i int) *quarantine.Row {
	if r == nil {
		return nil
	}
	return r.objects[i].whole
}

// untouched says that not one row of an object was chosen.
func (r *Replay) untouched(i int) bool {
	o := &r.objects[i]
	return o.n == 0 && o.whole == nil && len(o.members) == 0
}

// records returns the chosen records of an object, from the first one each time. nil: the object is read from staging.
func (r *Replay) records(i int) decode.Framed {
	if r == nil || r.objects[i].whole != nil {
		return nil
	}
	m := &merged{id: r.objects[i].id, newStager: r.newStager}
	if len(r.objects[i].members) > 0 {
		m.whole = &wholeMembers{id: m.id, newStager: r.newStager, rows: r.objects[i].members}
	}
	for _, s := range r.objects[i].runs {
		m.runs = append(m.runs, &spooled{r: bufio.NewReaderSize(io.NewSectionReader(r.spool, s.at, s.size), int(min(s.size, 64<<10)))})
	}
	return m
}

// spooled is one run of records in the spool. raw and context are read when the record is next.
type spooled struct {
	r      *bufio.Reader
	number int64
	size   uint64 // of raw
	more   uint64 // of context, which follows
	name   uint64 // of the member's name, which follows
	state  spooledState
}

type spooledState uint8

const (
	spooledNew spooledState = iota
	spooledHead
	spooledEnd
)

// merged returns the records of an object's runs in ascending order. There are few runs: one or two for each attempt that rejected
// records.
type merged struct {
	id        objectID
	newStager func() *stager
	stager    *stager // nil until a record is read from staging
	runs      []*spooled
	last      int64
	buf       []byte
	offset    int64         // of the last record, -1: not known
	member    string        // of the last record
	whole     *wholeMembers // read from staging; nil: the object has none
	fromWhole bool          // the last record is of whole
	reading   int64         // the member that whole reads
}

// Offset is where the last record begins in its object or member; -1: not known.
func (m *merged) Offset() int64 { return m.offset }

// Member is the name of the last record's member.
func (m *merged) Member() string { return m.member }

// Reject is why the framing refused the last record, or its member, if it was read from staging.
func (m *merged) Reject() *decode.Reject {
	if m.fromWhole {
		return m.whole.rej
	}
	return nil
}

// Next implements decode.Framed.
func (m *merged) Next() (number int64, raw, context []byte, err error) {
	var next *spooled
	for _, s := range m.runs {
		if s.state == spooledNew {
			if err := s.head(); err != nil {
				return 0, nil, nil, err
			}
		}
		if s.state == spooledHead && (next == nil || s.number < next.number) {
			next = s
		}
	}
	if m.fromWhole = false; m.whole != nil {
		if err := m.whole.peek(); err != nil {
			return 0, nil, nil, err
		}
		if m.whole.number > 0 && (next == nil || m.whole.number < next.number) {
			return m.fromStaging()
		}
	}
	if next == nil {
		if m.stager != nil {
			m.stager.close()
		}
		return 0, nil, nil, io.EOF
	}
	if next.number <= m.last {
		return 0, nil, nil, fmt.Errorf("record %d is in quarantine twice", next.number)
	}
	m.last = next.number
	size := next.size + next.more + next.name
	if uint64(cap(m.buf)) < size {
		m.buf = make([]byte, size)
	}
	m.buf = m.buf[:size]
	if _, err := io.ReadFull(next.r, m.buf); err != nil {
		return 0, nil, nil, fmt.Errorf("temp folder: %w", noEOF(err))
	}
	next.state = spooledNew
	m.offset = -1
	end := next.size + next.more
	if m.member = ""; next.name > 0 {
		m.member = string(m.buf[end:])
	}
	if next.size == 0 {
		return m.staged(decodePlace(m.last, m.buf[:end]))
	}
	return m.last, m.buf[:next.size:next.size], m.buf[next.size:end:end], nil
}

// fromStaging returns the record that whole has found.
func (m *merged) fromStaging() (number int64, raw, context []byte, err error) {
	w := m.whole
	member, record := decode.Place(w.number)
	if record == 0 && member == m.reading { // it broke after records of it were given
		m.fromWhole, m.offset, m.member, w.peeked = true, w.offset, w.member, false
		return w.number, w.raw, w.context, nil
	}
	m.reading = member
	if w.number <= m.last {
		return 0, nil, nil, fmt.Errorf("%s is in quarantine by itself and with its member", decode.PlaceText(w.number, w.member))
	}
	m.fromWhole, m.last, m.offset, m.member, w.peeked = true, w.number, w.offset, w.member, false
	return w.number, w.raw, w.context, nil
}

// staged reads a record from staging, where Stage has found it.
func (m *merged) staged(at place) (number int64, raw, context []byte, err error) {
	m.offset = at.offset
	if m.stager == nil {
		m.stager = m.newStager()
	}
	raw, context, why, err := m.stager.find(m.id, at)
	if err == nil && why != "" {
		err = fmt.Errorf("read %s again: record %d: %s", m.id.key, at.record, why)
	}
	return at.record, raw, context, err
}

func (s *spooled) head() error {
	number, err := binary.ReadUvarint(s.r)
	if errors.Is(err, io.EOF) {
		s.state = spooledEnd
		return nil
	}
	size, err2 := binary.ReadUvarint(s.r)
	more, err3 := binary.ReadUvarint(s.r)
	name, err4 := binary.ReadUvarint(s.r)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return fmt.Errorf("temp folder: %w", noEOF(err))
	}
	s.number, s.size, s.more, s.name, s.state = int64(number), size, more, name, spooledHead
	return nil
}

// noEOF keeps a cut spool from looking like the end of an object.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// emptyBody is the body of an object whose records come from quarantine.
func emptyBody() io.ReadCloser { return io.NopCloser(bytes.NewReader(nil)) }
