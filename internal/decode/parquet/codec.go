package parquet

import (
	"errors"
	"sync"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// exact unpacks a page into the memory that its header asked for, and no further. The library's codecs for zstd and snappy allocate
// what the packed bytes ask for.
type exact struct {
	compress.Codec
	compress.StreamingCodec
	unpack func(dst, src []byte) ([]byte, error) // nil: that of Codec
}

var errLonger = errors.New("the page is longer than its header says")

// DecodeWithError implements compress.ErrorCodec.
func (e exact) DecodeWithError(dst, src []byte) ([]byte, error) {
	if len(dst) == 0 {
		return dst, nil
	}
	if e.unpack != nil {
		return e.unpack(dst, src)
	}
	return compress.Decode(e.Codec, dst, src)
}

// Decode implements compress.Codec.
func (e exact) Decode(dst, src []byte) []byte {
	out, err := e.DecodeWithError(dst, src)
	if err != nil {
		panic(err)
	}
	return out
}

// registered replaces the library's codecs before anything can use them: its table is not safe for concurrent use.
var _ = registered()

func registered() bool {
	decoder := sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
	})
	unpack := map[compress.Compression]func(dst, src []byte) ([]byte, error){
		compress.Codecs.Gzip: nil, compress.Codecs.Brotli: nil,
		compress.Codecs.Zstd: func(dst, src []byte) ([]byte, error) {
			d, err := decoder()
			if err != nil {
				return nil, err
			}
			return d.DecodeAll(src, dst[:0:len(dst)])
		},
		compress.Codecs.Snappy: func(dst, src []byte) ([]byte, error) {
			n, err := snappy.DecodedLen(src)
			if err == nil && n > len(dst) {
				err = errLonger
			}
			if err != nil {
				return nil, err
			}
			return snappy.Decode(dst, src)
		},
	}
	for which, fn := range unpack {
		codec, err := compress.GetCodec(which)
		if err != nil {
			continue
		}
		if s, ok := codec.(compress.StreamingCodec); ok {
			compress.RegisterCodec(which, exact{codec, s, fn})
		}
	}
	return true
}
