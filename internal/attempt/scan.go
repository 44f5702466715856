package attempt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/budget"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/sql/rawtable"
)

// fetchers is how many objects are fetched at once from a store that is not on this machine; ahead is how many may wait.
const (
	fetchers = 8
	ahead    = 32
)

// errWide says that DuckDB must project the rows a few at a time: they are too wide for its sort, or guarded expressions take too much
// for 2,048 of them.
var errWide = errors.New("the rows must be projected a few at a time")

// scan is the engine's Source: it hands objects to cursors, and keeps the result of each.
type scan struct {
	o       Options
	memory  memory
	stopped func() error // why the attempt must stop, or nil
	objects []Object
	keys    *decode.Keys
	readers *budget.Budget
	kinds   []decode.Kind
	cols    []engine.Column
	failed  failed        // records that go to quarantine, because an expression fails for them
	states  []objectState // states[i] is written by the one cursor or fetcher that has object i

	ready    chan fetched
	rawBytes atomic.Int64
	fetching sync.WaitGroup
	repeated bool         // the objects are read once more: what they hold is known
	wide     atomic.Int64 // bytes of rows that are wider than memory.wideRow
	packs    bool         // DuckDB puts the rows of several chunks into one before it computes guarded expressions
	guarded  atomic.Int64 // what rows take that take much, in millionths of a chunk's room

	pending atomic.Int64  // objects that are handed out and not scanned to their end, and one while more may come
	scanned chan struct{} // closed when pending is 0

	mu         sync.Mutex
	err        error
	outage     int // objects in a row that failed for a temporary reason
	spools     []*spool
	misfits    []int64 // records of objects read whole in which a leaf's value did not fit its type, by leaf
	spoolsMade int
	redacted   []int64 // likewise, records in which a rule of the mapping met a value, by rule
}

type objectState struct {
	state     ObjectState
	records   int64
	documents int64 // that were split into records
	rejected  int64 // by the scanner
	reason    string
	message   string
	temporary bool        // of a denied object
	bad       atomic.Bool // rows of it that the projection may still have must not be published
	members   members
}

// fetched is an object ready to be scanned.
type fetched struct {
	index int
	body  io.ReadCloser
	rows  decode.Framed // of a replay, instead of body
}

func newScan(ctx context.Context, o Options, m memory, objects []Object) *scan {
	s := &scan{o: o, memory: m, stopped: ctx.Err, objects: objects, keys: decode.NewKeys(), readers: budget.New(m.readers, m.reader), states: make([]objectState, len(objects))}
	s.cols = []engine.Column{{Name: rawtable.ColObject, Type: engine.Integer}, {Name: rawtable.ColRecord, Type: engine.BigInt}, {Name: rawtable.ColRest, Type: engine.Varchar}}
	for _, k := range o.Compiled.KeyColumns {
		s.cols = append(s.cols, engine.Column{Name: "_key_" + k, Type: engine.Varchar})
	}
	types := map[string]engine.Type{"VARCHAR": engine.Varchar, "BOOLEAN": engine.Boolean, "INTEGER": engine.Integer, "BIGINT": engine.BigInt, "DOUBLE": engine.Double, "TIMESTAMP": engine.Timestamp}
	for i, c := range o.Compiled.ScanColumns {
		s.cols = append(s.cols, engine.Column{Name: c.Name, Type: types[c.Type]})
		s.kinds = append(s.kinds, o.Compiled.Scan.Leaves[i].Kind)
	}
	for _, c := range o.Compiled.TextColumns {
		s.cols = append(s.cols, engine.Column{Name: c.Name, Type: engine.Varchar})
	}
	s.misfits, s.redacted = make([]int64, o.Compiled.Scan.Misfits()), make([]int64, len(o.Compiled.Scan.Redact))
	return s
}

// local is implemented by stores whose objects are files of this machine: they are read in place.
type local interface{ Local() bool }

// start begins handing out objects. From stores that are not local they are fetched ahead to the temp folder.
func (s *scan) start(ctx context.Context) {
	s.ready, s.scanned = make(chan fetched, ahead), make(chan struct{})
	s.pending.Store(1)
	if l, ok := s.o.Staging.(local); ok && l.Local() {
		s.fetching.Go(func() {
			defer s.done()
			defer close(s.ready)
			for i := range s.objects {
				if f, ok := s.open(ctx, i, s.get); ok && !s.hand(ctx, f) {
					return
				}
			}
		})
		return
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	for range fetchers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(s.objects) || ctx.Err() != nil {
					return
				}
				if f, ok := s.open(ctx, i, s.fetch); ok && !s.hand(ctx, f) {
					return
				}
			}
		})
	}
	s.fetching.Go(func() { wg.Wait(); close(s.ready); s.done() })
}

// restart hands out the objects that were read to their end once more.
func (s *scan) restart(ctx context.Context) {
	s.repeated = true
	s.start(ctx)
}

// open prepares an object: its records from quarantine, or the bytes that read returns.
func (s *scan) open(ctx context.Context, i int, read func(context.Context, int) io.ReadCloser) (fetched, bool) {
	if s.repeated && s.states[i].state != ObjectRead {
		return fetched{}, false
	}
	if rows := s.o.Replay.records(i); rows != nil {
		return fetched{index: i, body: emptyBody(), rows: rows}, true
	}
	body := read(ctx, i)
	return fetched{index: i, body: body}, body != nil
}

// begin makes records continue with an object.
func begin(records *decode.Records, body io.Reader, rows decode.Framed) {
	if rows != nil {
		records.OpenFramed(rows)
	} else {
		records.Open(body)
	}
}

func (s *scan) hand(ctx context.Context, f fetched) bool {
	s.pending.Add(1)
	select {
	case s.ready <- f:
		return true
	case <-ctx.Done():
		f.body.Close()
		s.done()
		return false
	}
}

// next waits for an object that is ready; ok is false if all are handed out. With last, it then waits until all are scanned to their
// end: after a thread has ended and combined its part of the sort, DuckDB does not spill what the others still scan.
func (s *scan) next(ctx context.Context, last bool) (f fetched, ok bool, err error) {
	select {
	case f, ok = <-s.ready:
	case <-ctx.Done():
		return f, false, ctx.Err()
	}
	if ok || !last {
		return f, ok, nil
	}
	select {
	case <-s.scanned:
		return f, false, nil
	case <-ctx.Done():
		return f, false, ctx.Err()
	}
}

// done ends one of pending.
func (s *scan) done() {
	if s.pending.Add(-1) == 0 {
		close(s.scanned)
	}
}

// get opens an object at its listed version, or notes why it cannot be read and returns nil.
func (s *scan) get(ctx context.Context, i int) io.ReadCloser {
	obj := s.objects[i]
	if s.o.TooLarge != "" {
		s.objectFailed(i, ReasonObjectTooLarge, s.o.TooLarge)
		return nil
	}
	if rej := s.failed[recordID{object: i}]; rej != nil {
		s.objectFailed(i, rej.Code, rej.Message)
		return nil
	}
	body, _, err := s.o.Staging.Get(ctx, obj.Key, objstore.GetOptions{ETag: obj.ETag})
	if err == nil {
		s.answered()
		return body
	}
	if !s.notRead(ctx, i, err) {
		s.fail(err)
	}
	return nil
}

func (s *scan) objectFailed(i int, reason, message string) {
	st := &s.states[i]
	if s.o.HideRecords && reason == decode.ReasonHeader {
		message = decode.HiddenMessage(reason)
	}
	st.state, st.reason, st.message = ObjectQuarantined, reason, message
	st.bad.Store(true)
}

// goneMessage ends the message of a row of record 0 that was chosen for a replay but whose object was not found.
const goneMessage = "; the object is not in staging any more at this version"

// gone records that an object was not found at its version. One that a replay wanted to read again stays in quarantine.
func (s *scan) gone(i int, state ObjectState) {
	if row := s.o.Replay.whole(i); row != nil {
		s.objectFailed(i, row.Reason, strings.TrimSuffix(row.Message, goneMessage)+goneMessage)
		return
	}
	s.states[i].state = state
	s.states[i].bad.Store(true)
}

// fetch copies an object to the temp folder, where it may be from an earlier pass.
func (s *scan) fetch(ctx context.Context, i int) io.ReadCloser {
	if f, err := os.Open(s.path(i)); err == nil {
		return f
	}
	body := s.get(ctx, i)
	if body == nil {
		return nil
	}
	defer body.Close()
	part := s.path(i) + ".part"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		s.fail(fmt.Errorf("temp folder: %w", err))
		return nil
	}
	if _, err = io.Copy(f, &countingReader{Reader: body, stopped: s.stopped}); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = os.Rename(part, s.path(i))
	}
	if err == nil {
		return f
	}
	f.Close()
	if !s.notRead(ctx, i, err) {
		s.fail(fmt.Errorf("fetch %s: %w", s.objects[i].Key, err))
	}
	return nil
}

func (s *scan) path(i int) string { return filepath.Join(s.o.TempDir, fmt.Sprintf("object-%06d", i)) }

// reopen opens an object a second time.
func (s *scan) reopen(ctx context.Context, i int) (fetched, error) {
	var err error
	f, _ := s.open(ctx, i, func(ctx context.Context, i int) io.ReadCloser {
		var h *os.File
		if h, err = os.Open(s.path(i)); err == nil {
			return h
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil
		}
		var body io.ReadCloser
		body, _, err = s.o.Staging.Get(ctx, s.objects[i].Key, objstore.GetOptions{ETag: s.objects[i].ETag})
		return body
	})
	return f, err
}

// fail records the first error, which ends the attempt.
func (s *scan) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// cause prefers the error that ended the scan to the one that the engine derived from it.
func (s *scan) cause(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return err
}

// close waits until nothing is fetched any more, for which the context must have ended.
func (s *scan) close() {
	s.fetching.Wait()
	for {
		f, ok := <-s.ready
		if !ok {
			break
		}
		_ = f.body.Close() // it was not read
	}
	for _, p := range s.spools {
		p.close()
	}
}

// Columns and NewCursor implement engine.Source.
func (s *scan) Columns() []engine.Column { return s.cols }

func (s *scan) NewCursor() engine.Cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoolsMade++
	p := newSpool(filepath.Join(s.o.TempDir, fmt.Sprintf("rejects-%03d", s.spoolsMade)))
	s.spools = append(s.spools, p)
	return &cursor{s: s, rejects: p, records: s.newRecords(), misfits: make([]int64, s.o.Compiled.Scan.Misfits()), redacted: make([]int64, len(s.redacted)), room: newRoom(s.o.Compiled.Guards, s.memory.guarded)}
}

// newRecords prepares to read records until the attempt stops.
func (s *scan) newRecords() *decode.Records {
	return decode.NewRecords(&s.o.Compiled.Scan, s.keys, decode.Options{TempDir: s.o.TempDir, Stopped: s.stopped, Memory: s.readers, HashKey: s.o.HashKey})
}

// cursor scans one object after the other for one thread of DuckDB.
type cursor struct {
	s        *scan
	records  *decode.Records
	rejects  *spool
	cur      fetched
	open     bool
	counted  *countingReader
	misfits  []int64 // of the object being scanned, by leaf
	redacted []int64 // likewise, by rule
	room     room
	member   int64      // that is being scanned; 0: the object is not an archive
	before   memberMark // what the object had when it began
	captures memberCaptures
}

// countingReader counts what is read, and ends with the error of stopped.
type countingReader struct {
	io.Reader
	stopped func() error
	n       int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	if err := c.stopped(); err != nil {
		return 0, err
	}
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// countingFile is a countingReader with random access.
type countingFile struct {
	*countingReader
	io.ReaderAt
	io.Seeker
}

func (c *countingFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, at)
	c.n += int64(n)
	return n, err
}

// seekable gives a format that needs random access the fetched file.
func (c *countingReader) seekable(body io.Reader) io.Reader {
	if f, ok := body.(*os.File); ok {
		return &countingFile{c, f, f}
	}
	return c
}

// Fill implements engine.Cursor.
func (c *cursor) Fill(ctx context.Context, ch *engine.Chunk) (int, error) {
	s := c.s
	rows := 0
	limit := ch.Cap()
	c.room.empty()
	var scanned, packed int64
	defer func() {
		if s.o.Progress != nil && !s.repeated {
			s.o.Progress(StageRecords, scanned)
			s.o.Progress(StageBytes, packed)
		}
	}()
	for rows < limit && (rows == 0 || ch.TextBytes() < s.memory.chunk) {
		if err := ctx.Err(); err != nil { // an object of rejects fills no row
			return 0, err
		}
		if !c.open {
			f, ok, err := s.next(ctx, rows == 0)
			if err != nil {
				return 0, err
			}
			if !ok {
				break
			}
			c.cur, c.open = f, true
			c.counted = &countingReader{Reader: f.body, stopped: s.stopped}
			begin(c.records, c.counted.seekable(f.body), f.rows)
			c.rejects.mark()
			c.member, c.captures = 0, memberCaptures{}
			clear(c.misfits)
			clear(c.redacted)
		}
		before, documents := c.counted.n, c.records.Documents()
		number, raw, rej, err := c.records.Next()
		packed += c.counted.n - before
		if c.cur.rows != nil {
			packed += int64(len(raw))
		}
		st := &s.states[c.cur.index]
		if err != nil {
			c.end(err)
			if s.cause(nil) != nil {
				return 0, s.cause(nil)
			}
			continue
		}
		if rej == nil {
			rej = s.failed[recordID{c.cur.index, number}]
		}
		if _, record := decode.Place(number); s.repeated && rej != nil && record == 0 {
			continue // the member was refused before, too
		}
		if !s.repeated {
			scanned++
			if err := c.count(st, number, raw, rej, c.records.Documents()-documents); err != nil {
				return 0, err
			}
		}
		if rej != nil {
			continue
		}
		before = ch.TextBytes()
		s.put(ch, rows, recordID{c.cur.index, number}, c.captures.of(s.o.Compiled, s.objects[c.cur.index].Captures, number, c.records), c.records.Rest(), c.records.Values())
		rows++
		if width := ch.TextBytes() - before; s.memory.tooWide(width, &s.wide) {
			s.fail(errWide)
			return 0, errWide
		}
		takes := c.room.takes(c.records.Values())
		if s.packs && tooMuch(takes, &s.guarded) {
			s.fail(errWide)
			return 0, errWide
		}
		if c.room.add(takes) {
			break
		}
	}
	return rows, nil
}

// count counts a record, and keeps it if it was rejected. documents are those that begin with it.
func (c *cursor) count(st *objectState, number int64, raw []byte, rej *decode.Reject, documents int64) error {
	member, record := decode.Place(number)
	if member > 0 && member != c.member {
		c.beginMember(st, member)
	}
	if member > 0 && record == 0 {
		return c.memberFailed(st, number, rej)
	}
	st.records++
	st.documents += documents
	if rej != nil {
		st.rejected++
	}
	st.members.count(member, rej)
	if rej == nil {
		c.s.rawBytes.Add(int64(len(raw)))
		for _, leaf := range c.records.Misfits() {
			c.misfits[leaf]++
		}
		for _, rule := range c.records.Redacted() {
			c.redacted[rule]++
		}
		return nil
	}
	c.s.rawBytes.Add(max(int64(len(raw)), rej.Length))
	context := c.records.Context()
	if c.s.o.HideRecords {
		rej, raw, context = rej.Hidden(c.records.Offset(), int64(len(raw))), nil, nil
	}
	if err := c.rejects.add(rejectedRecord{object: c.cur.index, number: number, member: c.records.Member(), reject: rej, raw: raw, context: context}); err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	return nil
}

// end closes the current object: all its records were read, or it cannot be read to its end.
func (c *cursor) end(err error) {
	s, i := c.s, c.cur.index
	st := &s.states[i]
	c.close()
	var rej *decode.Reject
	switch {
	case s.repeated && errors.Is(err, io.EOF):
		return
	case s.repeated:
		s.fail(fmt.Errorf("read %s again: %w", s.objects[i].Key, err))
		return
	case errors.Is(err, io.EOF):
		st.state = ObjectRead
		c.rejects.keep(i)
		s.addMisfits(c.misfits, c.redacted)
		return
	case errors.As(err, &rej):
		s.objectFailed(i, rej.Code, rej.Message)
	case s.stopped() == nil && s.notRead(context.Background(), i, err):
	default:
		s.fail(fmt.Errorf("read %s: %w", s.objects[i].Key, err))
		return
	}
	st.records, st.rejected, st.documents = 0, 0, 0
	if err := c.rejects.rewind(c.rejects.marked); err != nil {
		s.fail(fmt.Errorf("temp folder: %w", err))
	}
}

// Close implements engine.Cursor. DuckDB also closes a cursor whose thread has failed, so that the others do not wait for it.
func (c *cursor) Close() { c.close() }

// close ends the current object, if there is one.
func (c *cursor) close() {
	if c.open {
		c.cur.body.Close()
		c.records.Close()
		c.open = false
		c.s.done()
	}
}
