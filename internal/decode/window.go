package decode

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/silt-etl/silt/internal/decode/unpack"
)

// MaxRejectBytes is how many bytes of a record that is too long are held, so that quarantine can keep it. An object with a
// longer record is refused as a whole.
const MaxRejectBytes = 128 << 20

const (
	bufferBytes = 512 << 10 // size of a window, while no record is longer
	lineBytes   = 1 << 20   // a longer line of JSON is framed value by value
)

// bom is UTF-8's byte order mark.
const bom = "\xef\xbb\xbf"

// Options of Records.
type Options struct {
	// MaxRecordBytes is the longest record accepted, in bytes. 0: DefaultMaxRecordBytes.
	MaxRecordBytes int
	// TempDir is the folder for a copy of an object that is read more than once and is not a file. "": the system's.
	TempDir string
	// Stopped returns why reading must stop, or nil. It is asked while an object is read and unpacked, also if no record comes of it,
	// and must be cheap. nil: reading never stops early.
	Stopped func() error
}

// stop is Options.Stopped, which may be nil.
type stop func() error

func (s stop) err() error {
	if s == nil {
		return nil
	}
	return s()
}

// stoppable is an object that cannot be read any further once stop says so.
type stoppable struct {
	io.Reader
	stop
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(p)
}

// limits of the records of an object, in bytes.
type limits struct {
	max     int // the longest record accepted
	held    int // the longest record read, see MaxRejectBytes
	lineMax int // the longest line framed by its newline
}

func (o Options) limits() limits {
	if o.MaxRecordBytes <= 0 {
		o.MaxRecordBytes = DefaultMaxRecordBytes
	}
	return limits{max: o.MaxRecordBytes, held: max(o.MaxRecordBytes, MaxRejectBytes), lineMax: min(lineBytes, o.MaxRecordBytes)}
}

func (l limits) tooLong(b []byte) *Reject {
	if len(b) <= l.max {
		return nil
	}
	return &Reject{Code: ReasonTooLong, Message: strconv.Itoa(len(b)) + " bytes; at most " + strconv.Itoa(l.max) + " are accepted"}
}

// piece is what a reader cuts out of an object: a record, or a line of several JSON values.
type piece struct {
	bytes  []byte  // valid until the next piece
	reject *Reject // why it was refused while it was framed, or nil
}

// window holds the part of an object that is unpacked and not yet framed. Framers of streams embed it.
type window struct {
	limits
	stop
	base int // size of buf, while no record is longer

	src    io.Reader
	un     unpack.Reader
	begun  bool // the object is open
	pieces int64

	buf  []byte
	p, n int // buf[p:n] is not yet framed
	seek int // buf[p:seek] holds no newline
	eof  bool
}

func newWindow(o Options) window {
	return window{limits: o.limits(), stop: o.Stopped, base: bufferBytes}
}

// reset begins another object, with the same buffers.
func (w *window) reset(src io.Reader) {
	w.src, w.begun, w.pieces = src, false, 0
	w.p, w.n, w.seek, w.eof = 0, 0, 0, false
}

// begin opens the object: it is unpacked, and UTF-8, from here on.
func (w *window) begin() error {
	if err := w.un.Open(&stoppable{w.src, w.stop}); err != nil {
		return unreadableFault(err)
	}
	if w.buf == nil {
		w.buf = make([]byte, w.base)
	}
	if err := w.need(8); err != nil {
		return err
	}
	if k := unpack.KindOf(w.buf[:min(8, w.n)]); k != unpack.Plain {
		msg := string(k) + ": the object must unpack to text"
		if w.un.Kind() != unpack.Plain {
			msg = string(k) + " inside of " + string(w.un.Kind()) + ": the object must unpack to text"
		}
		return unreadable(msg)
	}
	if w.un.Recode(w.buf[w.p:w.n]) {
		w.p, w.n, w.seek, w.eof = 0, 0, 0, false
		return w.need(8)
	}
	return nil
}

// need reads on until k bytes are at hand, or the object ends.
func (w *window) need(k int) error {
	for w.n-w.p < k && !w.eof {
		if err := w.fill(); err != nil {
			return err
		}
	}
	return nil
}

// fill reads as much as fits, so that moving the remainder to the front is rare. The buffer grows if it is full.
func (w *window) fill() error {
	if w.p > 0 {
		copy(w.buf, w.buf[w.p:w.n])
		w.n -= w.p
		w.seek = max(0, w.seek-w.p)
		w.p = 0
	}
	if w.n == len(w.buf) {
		bigger := make([]byte, max(w.n+1, min(2*w.n, w.held+w.base)))
		copy(bigger, w.buf)
		w.buf = bigger
	}
	for idle := 0; w.n < len(w.buf); {
		if err := w.err(); err != nil { // a small object can unpack to many bytes
			return fmt.Errorf("read the object: %w", err)
		}
		k, err := w.un.Read(w.buf[w.n:])
		w.n += k
		if idle++; k > 0 {
			idle = 0
		} else if idle > 100 && err == nil {
			err = io.ErrNoProgress
		}
		if err == io.EOF { //nolint:errorlint // an error that wraps io.EOF is a failed read, not the end
			w.eof = true
			return nil
		}
		if err != nil {
			return unreadableFault(err)
		}
	}
	return nil
}

// shrink frees the memory of a long record once it is done with.
func (w *window) shrink() {
	if len(w.buf) > 8*w.base && w.n-w.p <= w.base/2 {
		small := make([]byte, w.base)
		w.n = copy(small, w.buf[w.p:w.n])
		w.seek = max(0, w.seek-w.p)
		w.p, w.buf = 0, small
	}
}

// longerThanHeld refuses an object with a record that is longer than can be held.
func (w *window) longerThanHeld() *Reject {
	return unreadable("record " + strconv.FormatInt(w.pieces+1, 10) + " is longer than " + strconv.Itoa(w.held) + " bytes")
}

func unreadable(msg string) *Reject { return &Reject{Code: ReasonUnpack, Message: msg} }

// unreadableFault turns a fault of unpacking into the Reject of the object. Other errors are not about the content.
func unreadableFault(err error) error {
	var f *unpack.Fault
	if errors.As(err, &f) {
		return unreadable(f.Message)
	}
	return err
}

func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func allBlank(b []byte) bool {
	for _, c := range b {
		if !blank(c) {
			return false
		}
	}
	return true
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func withoutCR(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] == '\r' {
		return b[:len(b)-1]
	}
	return b
}
