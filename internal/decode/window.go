package decode

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/silt-etl/silt/internal/decode/archive"
	"github.com/silt-etl/silt/internal/decode/budget"
	"github.com/silt-etl/silt/internal/decode/unpack"
)

const (
	// MaxRejectBytes is how many bytes of a record that is too long are kept, so that quarantine can show it.
	MaxRejectBytes = 1 << 20
	// MaxDocumentBytes is how far an open bracket is looked for. An object with a bracket that is open for longer is refused as a whole.
	MaxDocumentBytes = 128 << 20
)

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
	// TempDir is the folder for a copy of what is read more than once and is not a file. "": the system's.
	TempDir string
	// Stopped returns why reading must stop, or nil. It is asked while an object is read and unpacked, also if no record comes of it,
	// and must be cheap. nil: reading never stops early.
	Stopped func() error
	// Memory bounds what objects ask for in addition to the memory of their records. nil: budget.Unlimited for each.
	Memory *budget.Budget
	// HashKey is the key of hashes of Spec.Redact. Without one, such values are masked.
	HashKey []byte

	use *budget.Use // of Memory, by the Records
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
	kept    int // see MaxRejectBytes
	held    int // the longest record that is in memory as a whole
	whole   int // see MaxDocumentBytes
	lineMax int // the longest line framed by its newline
}

func (o Options) limits() limits {
	if o.MaxRecordBytes <= 0 {
		o.MaxRecordBytes = DefaultMaxRecordBytes
	}
	return limits{max: o.MaxRecordBytes, kept: MaxRejectBytes, held: max(o.MaxRecordBytes, MaxRejectBytes), whole: max(o.MaxRecordBytes, MaxDocumentBytes),
		lineMax: min(lineBytes, o.MaxRecordBytes)}
}

// tooLong refuses the record b if it is too long, and cuts it. offset is where it begins in the object, or -1.
func (l limits) tooLong(b []byte, offset int64) ([]byte, *Reject) {
	if len(b) <= l.max {
		return b, nil
	}
	return b[:min(len(b), l.kept)], l.longer(int64(len(b)), offset)
}

// longer is the Reject of a record of so many bytes.
func (l limits) longer(length, offset int64) *Reject {
	r := &Reject{Code: ReasonTooLong, Message: strconv.FormatInt(length, 10) + " bytes"}
	if offset >= 0 {
		r.Message += " from byte " + strconv.FormatInt(offset, 10) + " of the unpacked object"
	}
	r.Message += "; at most " + strconv.Itoa(l.max) + " are accepted"
	if length > int64(l.kept) {
		r.Offset, r.Length = offset, length
		r.Message += "; raw is cut to the first " + strconv.Itoa(l.kept)
	}
	return r
}

// piece is what a reader cuts out of an object: a record, or a line of several JSON values.
type piece struct {
	bytes    []byte    // valid until the next piece
	reject   *Reject   // why it was refused while it was framed, or nil
	document *document // one that is longer than held, of which bytes are the first; or nil
	at       int64     // where it begins in the unpacked object
}

// window holds the part of an object that is unpacked and not yet framed. Framers of streams embed it.
type window struct {
	limits
	stop
	base int // size of buf, while no record is longer
	// documents are framed, whose records are in them: a document may be longer than a record.
	documents bool

	src    io.Reader
	un     *unpack.Reader
	in     io.Reader // what is framed: un, or a file with a part of an object
	begun  bool      // the object is open
	pieces int64

	buf  []byte
	from int64 // where buf begins in the unpacked object
	p, n int   // buf[p:n] is not yet framed
	seek int   // buf[p:seek] holds no newline
	eof  bool

	head  []byte   // the first bytes of a record that is too long
	temp  string   // folder
	aside tempFile // bytes to read again before the rest of the object
}

func newWindow(o Options) window {
	return window{limits: o.limits(), stop: o.Stopped, base: bufferBytes, temp: o.TempDir, un: &unpack.Reader{Memory: o.use, Stopped: o.Stopped}}
}

// offset is where the next byte to frame is in the unpacked object.
func (w *window) offset() int64 { return w.from + int64(w.p) }

// reset begins another object, with the same buffers.
func (w *window) reset(src io.Reader) {
	w.un.Close()
	w.src, w.begun, w.pieces = src, false, 0
	w.from, w.p, w.n, w.seek, w.eof = 0, 0, 0, 0, false
	w.aside.close()
}

// begin opens the object: it is unpacked, and UTF-8, from here on.
func (w *window) begin() error {
	if err := w.un.Open(&stoppable{w.src, w.stop}); err != nil {
		switch {
		case w.un.Kind() == unpack.Zip:
			return &foundArchive{kind: string(unpack.Zip), in: w.un.Packed(), w: w}
		case w.un.Kind() == unpack.Parquet && !w.un.Member:
			return &foundParquet{in: w.un.Packed(), refused: unreadableFault(err)}
		}
		return unreadableFault(err)
	}
	w.in = w.un
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
	if err := w.need(archive.HeadBytes); err != nil {
		return err
	}
	if archive.IsTar(w.buf[w.p:w.n]) {
		return w.beginTar()
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
		w.from += int64(w.p)
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
		k, err := w.read(w.buf[w.n:])
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

// read reads what was put aside, and then the rest of the object.
func (w *window) read(b []byte) (int, error) {
	if w.aside.File != nil {
		n, err := w.aside.Read(b)
		if n > 0 || err != nil && err != io.EOF { //nolint:errorlint // an error that wraps io.EOF is a failed read, not the end
			return n, err
		}
		w.aside.close()
	}
	return w.in.Read(b)
}

// beginLong keeps the beginning of a record that is longer than held, before what comes next takes its place in buf.
func (w *window) beginLong() { w.head = append(w.head[:0], w.buf[w.p:min(w.n, w.p+w.kept)]...) }

// more replaces the bytes that were framed or passed by the next ones of a long record.
func (w *window) more() error {
	w.p = w.n
	w.shrink()
	return w.fill()
}

// endLong is a long record of so many bytes that began at offset.
func (w *window) endLong(length, offset int64) piece {
	p := piece{bytes: w.head, reject: w.longer(length, offset)}
	w.head = nil
	return p
}

// tempFile holds bytes that were put aside. The zero tempFile is closed.
type tempFile struct{ *os.File }

// putAside creates a file, which has a name if a folder was given, so that it counts in limits.temp_bytes.
func (w *window) putAside() (tempFile, error) {
	f, err := os.CreateTemp(w.temp, "long-record-")
	if err == nil && w.temp == "" {
		err = os.Remove(f.Name())
	}
	if err != nil {
		return tempFile{}, fmt.Errorf("temp folder: %w", err)
	}
	return tempFile{f}, nil
}

func (f *tempFile) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // an error that wraps io.EOF is a failed read, not the end
		err = fmt.Errorf("temp folder: %w", err)
	}
	return n, err
}

func (f *tempFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	if err != nil {
		err = fmt.Errorf("temp folder: %w", err)
	}
	return n, err
}

// rewind makes the next Read begin at a place.
func (f *tempFile) rewind(at int64) error {
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	return nil
}

// close removes the file, if there is one.
func (f *tempFile) close() {
	if f.File != nil {
		_ = f.Close()
		_ = os.Remove(f.Name()) // what is left is removed with the folder
		f.File = nil
	}
}

// again frames the bytes from offset on again, which are in a file.
func (w *window) again(f tempFile, offset int64) error {
	w.aside.close()
	w.aside = f
	w.from, w.p, w.n, w.seek, w.eof = offset, 0, 0, 0, false
	return f.rewind(0)
}

// shrink frees the memory of a long record once it is done with.
func (w *window) shrink() {
	if len(w.buf) > 8*w.base && w.n-w.p <= w.base/2 {
		small := make([]byte, w.base)
		w.n = copy(small, w.buf[w.p:w.n])
		w.from += int64(w.p)
		w.seek = max(0, w.seek-w.p)
		w.p, w.buf = 0, small
	}
}

// longerThanHeld refuses an object with a bracket that stays open for too long.
func (w *window) longerThanHeld() *Reject {
	return unreadable("record " + strconv.FormatInt(w.pieces+1, 10) + " is longer than " + strconv.Itoa(w.whole) + " bytes")
}

func unreadable(msg string) *Reject { return &Reject{Code: ReasonUnpack, Message: msg} }

// unreadableFault turns a fault of unpacking into the Reject of the object. Other errors are not about the content.
func unreadableFault(err error) error {
	var f *unpack.Fault
	if errors.As(err, &f) {
		return unreadable(f.Message)
	}
	if large, ok := errors.AsType[*budget.TooLarge](err); ok {
		return &Reject{Code: ReasonTooLarge, Message: large.Error()}
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
