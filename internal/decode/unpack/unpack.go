// Package unpack reads an object's bytes without their compression (gzip, zstd, bzip2, xz, lz4, snappy), and UTF-16 as UTF-8. The first
// bytes of an object say how it is packed, never its name. An object can be packed twice, as Firehose does with what CloudWatch Logs
// has packed.
//
// It verifies what it reads: the checksums and lengths that the format has, and that the object ends where the format ends. It knows
// nothing about records, or about the members of archives.
//
// Invariants: an object that cannot be unpacked to its end gives a *Fault, never a silent end; an error of the underlying
// reader is passed on, wrapped, and never taken for a fault of the content.
package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/silt-etl/silt/internal/decode/budget"
)

const (
	inputBuffer = 256 << 10
	// keptWindowBytes is the largest zstd window whose memory is kept for the next object: levels up to 19 need no more.
	keptWindowBytes = 8 << 20
	// hugeWindowBytes is the size from which the memory of a window is collected at once.
	hugeWindowBytes = 32 << 20
	// See Most. What gzip packed once can unpack to so many times its size.
	twiceRatio, twiceBytes = 1032, 64 << 20
)

// Fault says why the content of an object cannot be unpacked, in one line.
type Fault struct{ Message string }

func (f *Fault) Error() string { return f.Message }

// Source reads from R and keeps its error, so that a caller can tell it from errors of other origin.
type Source struct {
	R   io.Reader
	Err error // nil, or what R returned other than io.EOF
	n   int64 // bytes read
}

func (s *Source) Read(p []byte) (int, error) {
	n, err := s.R.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.Err = err
	}
	return n, err
}

// N is how many bytes have been read.
func (s *Source) N() int64 { return s.n }

// Reader gives the bytes of one object after the other, unpacked. It keeps its decoders from object to object. One goroutine
// uses it at a time.
type Reader struct {
	// Memory is asked before a window is allocated; the object's error is a *budget.TooLarge if it gives less. nil: see budget.Use.
	Memory *budget.Use
	// Stopped returns why reading must stop, or nil. It is asked while an object that is packed twice is unpacked. It may be nil.
	Stopped func() error

	src    Source
	in     *bufio.Reader
	gz     *gzip.Reader
	zstd   *zstd.Decoder
	frames frames
	most   int64 // the largest window that zstd has had
	out    io.Reader
	kind   Kind
	first  io.Reader // what an object holds, unpacked once
	second *Reader   // of what an object holds that is packed itself; kept for the next one
	outer  *Reader   // of which this is the second
	twice  bool      // second is in use
	end    error     // what ended unpackedOnce; io.EOF if it is whole

	// Member says that the objects are members of an archive. Given is asked whether so many bytes more may come of one that is packed.
	Member bool
	Given  func(n int) error
	// Held is what else the archive of which the objects are members has in memory.
	Held int64
	// Once says that what an object holds is not unpacked, whatever it looks like.
	Once bool

	around *Reader // of the archive that the object is a member of; nil: it is not
	inside *Reader // of the members of this archive
}

// Around says that the objects that are opened from now on are members of an archive, which outer unpacks; nil: they are not. The memory
// of both counts together.
func (u *Reader) Around(outer *Reader) {
	if u.around != nil {
		u.around.inside = nil
	}
	if u.around = outer; outer != nil {
		outer.inside = u
	}
}

// Kind is what the first bytes of an object say it is, as a person would call it.
type Kind string

// The kinds that callers ask for.
const (
	Plain   Kind = "" // anything that could be text
	Parquet Kind = "Parquet"
	Avro    Kind = "Avro"
	Zip     Kind = "zip"
	gzipped Kind = "gzip"
	zstded  Kind = "zstd"
	bzipped Kind = "bzip2"
	xzed    Kind = "xz"
	lz4ed   Kind = "lz4"
	snapped Kind = "snappy"
)

// kinds are recognized by how an object begins.
var kinds = []struct {
	magic string
	kind  Kind
}{
	{"\x1f\x8b", gzipped},
	{"\x28\xb5\x2f\xfd", zstded},
	{"BZh", bzipped},
	{"\xfd7zXZ\x00", xzed},
	{"\x04\x22\x4d\x18", lz4ed},
	{"\xff\x06\x00\x00sNaP", snapped},
	{"PK\x03\x04", Zip},
	{"PK\x05\x06", Zip}, // without members
	{"PAR1", Parquet},
	{"Obj\x01", Avro},
}

// KindOf recognizes the kind of an object by its first 8 bytes, or all of a shorter one.
func KindOf(head []byte) Kind {
	for _, k := range kinds {
		if bytes.HasPrefix(head, []byte(k.magic)) {
			return k.kind
		}
	}
	// pzstd and seekable writers begin with a skippable zstd frame: 0x184D2A50 to 0x184D2A5F.
	if len(head) >= 4 && head[0]>>4 == 5 && bytes.Equal(head[1:4], []byte("\x2a\x4d\x18")) {
		return zstded
	}
	return Plain
}

// Packed gives the bytes of the object that was opened last as they are, if Open refused it.
func (u *Reader) Packed() io.Reader { return u.in }

// Size is how many bytes of the object have been read.
func (u *Reader) Size() int64 { return u.src.n }

// packed says whether objects of the kind are unpacked here.
func (k Kind) packed() bool {
	switch k {
	case gzipped, zstded, bzipped, xzed, lz4ed, snapped:
		return true
	}
	return false
}

// Kind of the object that was opened last, as "gzip" or "gzip inside of gzip".
func (u *Reader) Kind() Kind {
	switch {
	case u.twice:
		return u.second.Kind()
	case u.outer != nil:
		return u.kind + " inside of " + u.outer.kind
	}
	return u.kind
}

// Open begins another object. It reads the first bytes of r.
func (u *Reader) Open(r io.Reader) error {
	u.src = Source{R: r}
	if u.in == nil {
		u.in = bufio.NewReaderSize(&u.src, inputBuffer)
	} else {
		u.in.Reset(&u.src)
	}
	head, err := u.in.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return u.fault(err)
	}
	u.kind, u.twice = KindOf(head), false
	switch u.kind {
	case Plain:
		u.out = u.in
	case gzipped:
		u.out = (*gzipMembers)(u)
		if err := u.gzipMember(); err != nil {
			return err
		}
		return u.openSecond()
	case zstded:
		if err := u.openZstd(); err != nil {
			return err
		}
		return u.openSecond()
	case bzipped, xzed, lz4ed, snapped:
		if err := u.openOther(); err != nil {
			return err
		}
		return u.openSecond()
	case Parquet, Avro:
		if u.Member {
			return &Fault{string(u.kind) + " inside of an archive is not supported"}
		}
		return &Fault{string(u.kind) + ": write `-- format: " + strings.ToLower(string(u.kind)) + "` into the mapping's raw.sql to read it"}
	default:
		return &Fault{string(u.kind) + " is not supported here; objects must be text, packed or not"}
	}
	return nil
}

// openSecond looks at the beginning of what an object holds, and unpacks that too if it is packed.
func (u *Reader) openSecond() error {
	if u.outer != nil || u.Once {
		return nil
	}
	var head [8]byte
	n := 0
	for n < len(head) {
		k, err := u.out.Read(head[n:])
		n += k
		if err == io.EOF {
			break
		}
		if err != nil {
			return u.fault(err)
		}
	}
	u.first = io.MultiReader(bytes.NewReader(head[:n]), u.out)
	u.out = u.first
	if !KindOf(head[:n]).packed() {
		return nil
	}
	if u.second == nil {
		u.second = &Reader{outer: u, Memory: u.Memory}
	}
	u.twice, u.end, u.out = true, nil, &bounded{u: u, r: u.second}
	if err := u.second.Open((*unpackedOnce)(u)); err != nil {
		return u.fault(err)
	}
	return nil
}

// unpackedOnce gives what an object holds that is packed twice.
type unpackedOnce Reader

func (o *unpackedOnce) Read(b []byte) (int, error) {
	u := (*Reader)(o)
	if u.end != nil { // the second one reads on after an error
		return 0, u.end
	}
	if u.Stopped != nil { // much can come of few bytes of the object, of which nobody reads anything
		if err := u.Stopped(); err != nil {
			u.src.Err = err
			u.end = u.fault(err)
			return 0, u.end
		}
	}
	n, err := u.first.Read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // an error that wraps io.EOF is a failed read, not the end
		err = u.fault(err)
	}
	u.end = err
	return n, err
}

func (u *Reader) openZstd() (err error) {
	u.frames.need = func(window int64) error { return u.need(window, "a zstd window") }
	u.frames.reset(u.in)
	if u.zstd == nil {
		// Memory decides how large a window may be.
		u.zstd, err = zstd.NewReader(&u.frames, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(u.Memory.Most())))
	} else {
		err = u.zstd.Reset(&u.frames)
	}
	if err != nil {
		return u.fault(err)
	}
	u.out = u.zstd
	return nil
}

// need asks for the memory of a window, with what the other levels of packing have.
func (u *Reader) need(window int64, what string) error {
	u.most = max(u.most, window)
	top := u
	if u.outer != nil {
		top = u.outer
	}
	for _, r := range []*Reader{top.around, top.inside} {
		if r != nil {
			window += r.windows()
		}
	}
	err := u.Memory.Need(window+top.windows()-u.most+top.Held, what)
	if _, large := errors.AsType[*budget.TooLarge](err); !large {
		u.src.Err = err // it is not about the content
	}
	return err
}

// windows are the largest ones of both levels.
func (u *Reader) windows() int64 {
	if u.twice {
		return u.most + u.second.most
	}
	return u.most
}

// Close ends the object, and frees the memory of a large window.
func (u *Reader) Close() {
	if u.second != nil {
		u.second.Close()
	}
	if u.most > keptWindowBytes && u.zstd != nil {
		u.zstd.Close()
		u.zstd, u.out = nil, nil
	}
	if u.most > hugeWindowBytes { // the next window must not come on top of it
		runtime.GC()
	}
	u.most = 0
}

// Read gives the next bytes of the object. An error other than io.EOF is a *Fault, or the object's own read error, wrapped.
func (u *Reader) Read(p []byte) (int, error) {
	n, err := u.out.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // an error that wraps io.EOF is a failed read, not the end
		err = u.fault(err)
	}
	if u.Member && u.kind != Plain {
		if e := u.Given(n); e != nil {
			return 0, e
		}
	}
	return n, err
}

// Recode takes head, all that was read of the object so far. If the object is UTF-16, it is read again from its beginning, as
// UTF-8: head must then be dropped. Half a surrogate pair becomes U+FFFD, because UTF-8 cannot hold it.
func (u *Reader) Recode(head []byte) bool {
	order, is := UTF16(head)
	if is {
		u.out = recoded(order, head, u.out)
	}
	return is
}

// gzipMember begins a gzip member. The library reads several members by itself, but takes one that is cut inside its header's file
// name for the end of the object, so members are separated here.
func (u *Reader) gzipMember() error {
	var err error
	if u.gz == nil {
		u.gz, err = gzip.NewReader(u.in)
	} else {
		err = u.gz.Reset(u.in)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		u.gz = nil // a reader that failed to open cannot be reset
		return u.fault(err)
	}
	u.gz.Multistream(false)
	return nil
}

// gzipMembers reads all gzip members of an object, one after the other. It verifies the checksum and length of each.
type gzipMembers Reader

func (m *gzipMembers) Read(p []byte) (int, error) {
	u := (*Reader)(m)
	for {
		n, err := u.gz.Read(p)
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		if errors.Is(err, io.EOF) {
			if _, err = u.in.Peek(1); err != nil {
				return n, err
			}
			if err = u.gzipMember(); err != nil {
				return n, err
			}
		}
		if n > 0 {
			return n, nil
		}
	}
}

// fault turns an error met while unpacking into a *Fault where the content is the cause.
func (u *Reader) fault(err error) error {
	var f *Fault
	name := string(u.kind)
	if u.outer != nil {
		name = string(u.Kind())
	}
	large, isLarge := errors.AsType[*budget.TooLarge](err)
	switch {
	case isLarge:
		return large
	case u.src.Err != nil && u.outer != nil: // the outer one has said what it is
		return u.src.Err
	case u.src.Err != nil:
		return fmt.Errorf("read the object: %w", u.src.Err)
	case errors.As(err, &f):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Fault{name + ": the object is truncated"}
	case errors.Is(err, gzip.ErrChecksum):
		return &Fault{name + ": the checksum or the length does not match"}
	case errors.Is(err, gzip.ErrHeader):
		return &Fault{name + ": a broken header, or bytes after the end that are not a gzip member"}
	}
	msg := err.Error()
	return &Fault{name + ": " + msg[:min(80, len(msg))]}
}
