package unpack

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// xzParts passes the bytes of xz streams on, and says before each block how large its dictionary is. The library would allocate what a
// block names, and takes an object that is cut between two blocks for a whole one. It never passes on what it does not know.
type xzParts struct {
	r     *bufio.Reader
	need  func(dictionary int64) error
	left  int64 // bytes of the part that is being passed on
	in    xzPart
	check int64 // bytes of the checksum of a block
	size  int64 // bytes of the compressed data, or of the index, so far
	count int64 // blocks of the stream
	index int64 // records of the index that are still to come
}

// xzPart is what comes next.
type xzPart uint8

const (
	xzStream xzPart = iota
	xzBlock
	xzChunk
	xzRecord
	xzEnd // nothing, padding, or another stream
)

const (
	xzHeadBytes   = 12
	xzFooterBytes = 12
	// xzSmallest is the smallest dictionary of the library.
	xzSmallest = 1 << 12
	// xzBlocks is how many blocks a stream can have: the library keeps a record of each. Writers make blocks of megabytes.
	xzBlocks = 1 << 20
)

var errXZ = errors.New("a broken header, or something that is not LZMA2")

func (x *xzParts) Read(p []byte) (int, error) {
	if x.left == 0 {
		if err := x.part(); err != nil {
			return 0, err
		}
	}
	n, err := x.r.Read(p[:min(int64(len(p)), x.left)])
	x.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// peek looks at up to n bytes, and at least one.
func (x *xzParts) peek(n int) ([]byte, error) {
	b, err := x.r.Peek(n)
	if len(b) > 0 {
		return b, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}

// part looks at what comes next.
func (x *xzParts) part() error {
	switch x.in {
	case xzEnd:
		b, err := x.r.Peek(1)
		if len(b) == 0 {
			return err
		}
		if b[0] == 0 {
			x.left = 4
			return nil
		}
		x.in = xzStream
		return x.part()
	case xzStream:
		b, err := x.peek(xzHeadBytes)
		if err != nil {
			return err
		}
		x.left, x.in, x.count = xzHeadBytes, xzBlock, 0
		if len(b) < xzHeadBytes {
			return nil // it is cut
		}
		size, known := map[byte]int64{0: 0, 1: 4, 4: 8, 10: 32}[b[7]]
		if !known || string(b[:6]) != "\xfd7zXZ\x00" {
			return errXZ
		}
		x.check = size
	case xzBlock:
		return x.block()
	case xzChunk:
		return x.chunk()
	case xzRecord:
		return x.record()
	}
	return nil
}

// block looks at the header of a block, or at the beginning of the index.
func (x *xzParts) block() error {
	b, err := x.peek(1)
	if err != nil {
		return err
	}
	if b[0] == 0 {
		if b, err = x.peek(1 + binary.MaxVarintLen64); err != nil {
			return err
		}
		records, n := binary.Uvarint(b[1:])
		if n <= 0 && len(b) == 1+binary.MaxVarintLen64 || n > 0 && records != uint64(x.count) {
			return errXZ
		}
		x.left, x.in, x.index = int64(1+max(n, 1)), xzRecord, int64(records)
		x.size = x.left
		return nil
	}
	size := (int(b[0]) + 1) * 4
	if b, err = x.peek(size); err != nil {
		return err
	}
	x.left, x.in, x.size = int64(size), xzChunk, 0
	if len(b) < size {
		return nil // it is cut
	}
	if x.count++; x.count > xzBlocks {
		return errors.New("too many blocks")
	}
	flags, rest := b[1], b[2:]
	for _, flag := range []byte{0x40, 0x80} {
		if flags&flag == 0 {
			continue
		}
		_, n := binary.Uvarint(rest)
		if n <= 0 {
			return errXZ
		}
		rest = rest[n:]
	}
	if flags&0x3f != 0 || len(rest) < 3 || rest[0] != 0x21 || rest[1] != 1 || rest[2] > 40 {
		return errXZ
	}
	bits := int64(rest[2])
	return x.need(min(1<<32-1, (2|bits&1)<<(bits/2+11)))
}

// chunk looks at a chunk of LZMA2.
func (x *xzParts) chunk() error {
	b, err := x.peek(6)
	if err != nil {
		return err
	}
	at := func(i int) int64 {
		if len(b) < i+2 {
			return 0 // it is cut
		}
		return int64(binary.BigEndian.Uint16(b[i:])) + 1
	}
	switch control := b[0]; {
	case control == 0:
		x.size++
		x.left, x.in = 1+(4-x.size%4)%4+x.check, xzBlock
		return nil
	case control == 1 || control == 2:
		x.left = 3 + at(1)
	case control >= 0xc0:
		x.left = 6 + at(3)
	case control >= 0x80:
		x.left = 5 + at(3)
	default:
		return errXZ
	}
	x.size += x.left
	return nil
}

// record looks at a record of the index, or at what follows the last one: padding, a checksum and the footer.
func (x *xzParts) record() error {
	if x.index == 0 {
		x.left, x.in = (4-x.size%4)%4+4+xzFooterBytes, xzEnd
		return nil
	}
	b, err := x.peek(2 * binary.MaxVarintLen64)
	if err != nil {
		return err
	}
	x.index--
	x.left = 0
	for range 2 {
		_, n := binary.Uvarint(b[x.left:])
		if n <= 0 {
			if len(b) == 2*binary.MaxVarintLen64 {
				return errXZ
			}
			n = 1 // it is cut
		}
		x.left += int64(n)
	}
	x.left = min(x.left, int64(len(b)))
	x.size += x.left
	return nil
}
