package unpack

import (
	"bufio"

	"github.com/klauspost/compress/zstd"
)

// frames passes the bytes of zstd frames on, and says before each frame how large its window is. What is not a frame is passed on as it
// is: the decoder refuses it.
type frames struct {
	r     *bufio.Reader
	need  func(window int64) error
	left  int // bytes of the part that is being passed on
	in    framePart
	check bool // a checksum ends the frame
}

// framePart is what comes next.
type framePart uint8

const (
	frameHead framePart = iota
	frameBlock
	frameNone // nothing that is known
)

const (
	zstdHeadBytes  = zstd.HeaderMaxSize
	zstdBlockBytes = 3
	zstdCheckBytes = 4
	zstdRLE        = 1 // type of a block that is one byte, repeated
)

func (f *frames) reset(r *bufio.Reader) { f.r, f.left, f.in = r, 0, frameHead }

func (f *frames) Read(p []byte) (int, error) {
	if f.left == 0 {
		if err := f.part(); err != nil {
			return 0, err
		}
	}
	if f.in != frameNone {
		p = p[:min(len(p), f.left)]
	}
	n, err := f.r.Read(p)
	f.left = max(0, f.left-n)
	return n, err
}

// part looks at what comes next. An error of the underlying reader is left to Read.
func (f *frames) part() error {
	switch f.in {
	case frameHead:
		var h zstd.Header
		b, _ := f.r.Peek(zstdHeadBytes)
		if h.Decode(b) != nil {
			f.in = frameNone
			return nil
		}
		if h.Skippable {
			f.left = h.HeaderSize + int(h.SkippableSize)
			return nil
		}
		window := h.WindowSize
		if h.SingleSegment {
			window = h.FrameContentSize
		}
		if err := f.need(int64(min(window, 1<<62))); err != nil {
			return err
		}
		f.left, f.check, f.in = h.HeaderSize, h.HasCheckSum, frameBlock
	case frameBlock:
		b, _ := f.r.Peek(zstdBlockBytes)
		if len(b) < zstdBlockBytes {
			f.in = frameNone
			return nil
		}
		head := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
		size := head >> 3
		if head>>1&3 == zstdRLE {
			size = 1
		}
		f.left = zstdBlockBytes + size
		if head&1 != 0 {
			f.in = frameHead
			if f.check {
				f.left += zstdCheckBytes
			}
		}
	}
	return nil
}
