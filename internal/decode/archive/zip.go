package archive

import (
	"archive/zip"
	"compress/bzip2"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
)

const (
	// The memory of a directory is so many times its size; it is read in portions, so that a small one asks for little.
	directoryRatio           = 10
	directoryStart, dirLimit = 64 << 10, 16 << 20

	methodBzip2 = 12
	encrypted   = 1
)

// counted is an archive whose directory is read, up to a limit. It keeps the error of its bytes.
type counted struct {
	io.ReaderAt
	stopped func() error
	left    int64
	err     error
}

func (c *counted) ReadAt(p []byte, at int64) (int, error) {
	if err := c.stopped(); err != nil {
		c.err = err
		return 0, err
	}
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, errTooMuch
	}
	if at < 0 { // a directory can name any place
		return 0, zip.ErrFormat
	}
	n, err := c.ReaderAt.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// zipReader gives the members in the order of the directory.
type zipReader struct {
	meter
	at    *counted
	files []*zip.File
	n     int64
}

// OpenZip reads the directory of a zip archive, which is at its end. A *Fault refuses the archive. Other errors are those of at and Bounds.
func OpenZip(at io.ReaderAt, size int64, b Bounds) (Reader, error) {
	b.Size = func() int64 { return size }
	z := &zipReader{meter: meter{Bounds: b, kind: "zip"}, at: &counted{ReaderAt: at, stopped: b.Stopped}}
	var r *zip.Reader
	for limit := int64(directoryStart); ; limit *= 2 {
		if err := b.Need(directoryRatio * min(limit, size)); err != nil {
			return nil, err
		}
		z.at.left = limit + directoryStart // the end of the archive is looked for in less
		var err error
		r, err = zip.NewReader(z.at, size)
		switch {
		case z.at.err != nil:
			return nil, z.at.err
		case err == nil || errors.Is(err, zip.ErrInsecurePath):
		case errors.Is(err, errTooMuch) && limit < dirLimit:
			continue
		case errors.Is(err, errTooMuch):
			return nil, &Fault{fmt.Sprintf("zip: the directory has more than %d MiB", dirLimit>>20)}
		case errors.Is(err, zip.ErrFormat), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			return nil, &Fault{"zip: the directory at its end is missing or damaged: the object is truncated"}
		default:
			return nil, &Fault{"zip: " + strings.TrimPrefix(short(err), "zip: ")}
		}
		break
	}
	z.at.left = 1<<63 - 1
	var packed uint64
	for _, f := range r.File {
		if packed += f.CompressedSize64; f.CompressedSize64 > uint64(size) || packed > uint64(size) {
			return nil, &Fault{"zip: its members overlap, or have more bytes than the object"}
		}
	}
	if len(r.File) > MaxMembers {
		return nil, &Fault{fmt.Sprintf("zip: more than %d members", MaxMembers)}
	}
	r.RegisterDecompressor(zip.Deflate, flate.NewReader)
	r.RegisterDecompressor(methodBzip2, func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) })
	z.files = r.File
	return z, nil
}

func (z *zipReader) Next() (*Member, error) {
	for int(z.n) < len(z.files) {
		f := z.files[z.n]
		z.n++
		if strings.HasSuffix(f.Name, "/") || !f.Mode().IsRegular() {
			continue
		}
		m := &Member{Number: z.n, Name: label(f.Name)}
		if f.Flags&encrypted != 0 {
			m.Encrypted, m.Refused = true, "the member is encrypted"
			return m, nil
		}
		body, err := f.Open()
		switch {
		case z.at.err != nil:
			return nil, z.at.err
		case errors.Is(err, zip.ErrAlgorithm):
			m.Refused = fmt.Sprintf("compression method %d of zip is not supported", f.Method)
		case err != nil:
			m.Refused = "the header of the member is damaged"
		default:
			m.Body = &metered{&z.meter, &zipBody{z: z, r: body, sum: crc32.NewIEEE(), want: f.CRC32}}
		}
		return m, nil
	}
	return nil, io.EOF
}

// zipBody is a member whose checksum is verified. The library verifies its length, and takes a checksum of 0 for none.
type zipBody struct {
	z    *zipReader
	r    io.Reader
	sum  hash.Hash32
	want uint32
}

func (b *zipBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.sum.Write(p[:n])
	switch {
	case err == nil:
	case b.z.at.err != nil:
		err = b.z.at.err
	case err == io.EOF: // an error that wraps io.EOF is a failed read, not the end
		if b.sum.Sum32() != b.want {
			err = zip.ErrChecksum
		}
	}
	return n, err
}

// Damage says in a few words what an error of a member's body means.
func Damage(err error) string {
	switch {
	case errors.Is(err, zip.ErrChecksum):
		return "the checksum does not match"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the member is truncated"
	}
	return "the packed data is damaged (" + short(err) + ")"
}

// ErrOfArchive is true for a *Fault, and for an error of the archive's bytes.
func (z *zipReader) ErrOfArchive(err error) bool {
	_, isFault := errors.AsType[*Fault](err)
	return isFault || z.at.err != nil
}
