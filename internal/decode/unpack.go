package decode

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/silt-etl/silt/internal/decode/parquet"
)

const (
	inputBuffer = 256 << 10
	// maxWindowBytes is the largest zstd window read: what `zstd --long` writes by default (2^27). A frame that asks for
	// more is refused, so that no object can make the reader allocate what it likes.
	maxWindowBytes = 128 << 20
	parquetKind    = "Parquet"
)

// source remembers the object's own read errors, so that they are not taken for broken content.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// unpacker gives an object's bytes unpacked. What it is packed with is told by its first bytes, never by its name. The
// decoders are kept from object to object.
type unpacker struct {
	src  source
	in   *bufio.Reader
	gz   *gzip.Reader
	zstd *zstd.Decoder
	out  io.Reader
	kind string // for messages: "gzip", "zstd", ""
}

// open looks at the first bytes of r.
func (u *unpacker) open(r io.Reader) error {
	u.src = source{r: r}
	if u.in == nil {
		u.in = bufio.NewReaderSize(&u.src, inputBuffer)
	} else {
		u.in.Reset(&u.src)
	}
	head, err := u.in.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return u.fault(err)
	}
	u.kind = packing(head)
	switch u.kind {
	case "":
		u.out = u.in
	case "gzip":
		u.out = u
		return u.member()
	case "zstd":
		if u.zstd == nil {
			u.zstd, err = zstd.NewReader(u.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindowBytes))
		} else {
			err = u.zstd.Reset(u.in)
		}
		if err != nil {
			return u.fault(err)
		}
		u.out = u.zstd
	case parquetKind:
		return unreadable("Parquet: write `-- format: parquet` into the mapping's raw.sql to read it")
	default:
		return unreadable(u.kind + ", which is not read: only gzip, zstd and plain text are")
	}
	return nil
}

// packing names what the first bytes of an object say it is, "" for anything that could be text.
func packing(head []byte) string {
	for _, m := range []struct{ magic, name string }{
		{"\x1f\x8b", "gzip"},
		{"\x28\xb5\x2f\xfd", "zstd"},
		{"BZh", "bzip2"},
		{"\xfd7zXZ\x00", "xz"},
		{"\x04\x22\x4d\x18", "lz4"},
		{"\xff\x06\x00\x00sNaP", "snappy"},
		{"PK\x03\x04", "zip"},
		{parquet.Magic, parquetKind},
		{"Obj\x01", "Avro"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.name
		}
	}
	// A skippable zstd frame comes first in what pzstd and seekable writers make: 0x184D2A50 to 0x184D2A5F.
	if len(head) >= 4 && head[0]>>4 == 5 && bytes.Equal(head[1:4], []byte("\x2a\x4d\x18")) {
		return "zstd"
	}
	return ""
}

// member begins a gzip member. The library's own reading of several members takes one that is cut inside its header's file
// name for the end of the object, so members are told apart here.
func (u *unpacker) member() error {
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
		u.gz = nil // it is half made
		return u.fault(err)
	}
	u.gz.Multistream(false)
	return nil
}

// Read gives the bytes of all gzip members, one after the other. The checksum and length of each are verified.
func (u *unpacker) Read(p []byte) (int, error) {
	for {
		n, err := u.gz.Read(p)
		if err != nil && !errors.Is(err, io.EOF) {
			return n, u.fault(err)
		}
		if errors.Is(err, io.EOF) {
			if _, err = u.in.Peek(1); errors.Is(err, io.EOF) {
				return n, io.EOF
			} else if err != nil {
				return n, u.fault(err)
			}
			if err = u.member(); err != nil {
				return n, err
			}
		}
		if n > 0 {
			return n, nil
		}
	}
}

// fault turns an error met while unpacking into what Next returns: a *Reject where the content is at fault, the object's
// own read error wrapped otherwise.
func (u *unpacker) fault(err error) error {
	var r *Reject
	switch {
	case u.src.err != nil:
		return fmt.Errorf("reading the object: %w", u.src.err)
	case errors.As(err, &r):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return unreadable(u.kind + ": it ends early; the object is truncated")
	case errors.Is(err, gzip.ErrChecksum):
		return unreadable("gzip: the checksum or the length does not match")
	case errors.Is(err, gzip.ErrHeader):
		return unreadable("gzip: a broken header, or bytes after the end that are no gzip member")
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return unreadable("zstd: a window of more than 128 MiB")
	}
	msg := err.Error()
	return unreadable(u.kind + ": " + msg[:min(80, len(msg))])
}

func unreadable(msg string) *Reject { return &Reject{Code: ReasonUnpack, Message: msg} }
