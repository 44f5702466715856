package unpack

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// What the readers of these formats need, whatever an object holds.
const (
	bzip2Bytes  = 8 << 20
	lz4Bytes    = 16 << 20 // a block is up to 8 MiB
	snappyBytes = 1 << 20
	snappyBlock = 64 << 10
)

// openOther opens an object of bzip2, xz, lz4 or snappy. Each can be several streams, one after the other.
func (u *Reader) openOther() error {
	var out io.Reader
	var err error
	switch u.kind {
	case bzipped:
		if err = u.need(bzip2Bytes, "bzip2"); err == nil {
			out = bzip2.NewReader(u.in)
		}
	case xzed:
		parts := &xzParts{r: u.in, need: func(dictionary int64) error { return u.need(dictionary, "an xz dictionary") }}
		out, err = xz.ReaderConfig{DictCap: xzSmallest}.NewReader(parts)
	case lz4ed:
		if err = u.need(lz4Bytes, "lz4"); err == nil {
			out = lz4.NewReader(u.in)
		}
	default:
		if err = u.need(snappyBytes, "snappy"); err == nil {
			out = s2.NewReader(u.in, snappyOptions()...)
		}
	}
	if err != nil {
		return u.fault(err)
	}
	u.out = &bounded{u: u, r: out}
	return nil
}

// snappyOptions refuse the chunks that a reader may pass over, except padding: nobody writes them, and a chunk of data in which one bit is
// changed looks like one.
func snappyOptions() []s2.ReaderOption {
	options := []s2.ReaderOption{s2.ReaderMaxBlockSize(snappyBlock)}
	for id := 0x80; id <= 0xfd; id++ {
		options = append(options, s2.ReaderSkippableCB(uint8(id), func(io.Reader) error { return errChunk }))
	}
	return options
}

var errChunk = errors.New("an unknown chunk")

// bounded gives what an object unpacks to, up to Most. Some formats, and gzip in gzip, can make gigabytes of a few bytes.
type bounded struct {
	u     *Reader
	r     io.Reader
	given int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.given += int64(n); b.given > Most(b.u.src.n) {
		return 0, &Fault{fmt.Sprintf("%s: the object unpacks to more than %d times its size", b.u.Kind(), twiceRatio)}
	}
	return n, err
}

// Most is how many bytes an object of a size may unpack to if its packing alone does not bound it: an archive, an object that is packed
// twice, or one of bzip2 or xz.
func Most(size int64) int64 { return twiceBytes + twiceRatio*size }
