package index

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
)

const (
	width    = len(Key{}) + 4 // bytes of an entry: the key, then the value
	perBlock = 128            // entries between two keys of a segment's guide
	spill    = 4 << 20        // bytes from which on a segment is in a file
)

// Segment is a part of an Index that does not change any more: entries in ascending order of keys, each once, in memory or in a
// temporary file. A value below zero says that the key was deleted.
type Segment struct {
	n     int
	data  io.ReaderAt
	file  *os.File // nil: in memory
	guide []Key    // the first key of each block
}

// Len is how many entries the segment has.
func (r *Segment) Len() int { return r.n }

// Close gives the segment's file back. A segment that nobody uses any more is closed by the garbage collector as well.
func (r *Segment) Close() {
	if r.file != nil {
		r.file.Close() // what it held is of no use any more, so neither is an error
	}
}

// get looks a key up. buf has room for a block.
func (r *Segment) get(k Key, buf []byte) (value int32, ok bool, err error) {
	b := sort.Search(len(r.guide), func(i int) bool { return bytes.Compare(r.guide[i][:], k[:]) > 0 }) - 1
	if b < 0 {
		return 0, false, nil
	}
	n := min(perBlock, r.n-b*perBlock)
	buf = buf[:n*width]
	if _, err := r.data.ReadAt(buf, int64(b)*perBlock*int64(width)); err != nil && !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	i := sort.Search(n, func(i int) bool { return bytes.Compare(buf[i*width:i*width+len(k)], k[:]) >= 0 })
	if i == n || !bytes.Equal(buf[i*width:i*width+len(k)], k[:]) {
		return 0, false, nil
	}
	return int32(binary.LittleEndian.Uint32(buf[i*width+len(k):])), true, nil
}

// Each calls fn for every entry in order, deleted ones with a value below zero. It stops at fn's first error.
func (r *Segment) Each(fn func(Key, int32) error) error {
	c := r.Cursor()
	for {
		k, v, ok, err := c.Next()
		if err != nil || !ok {
			return err
		}
		if err := fn(k, v); err != nil {
			return err
		}
	}
}

// Cursor walks over a segment.
type Cursor struct {
	in    *bufio.Reader
	key   Key
	value int32
}

// Cursor begins a walk.
func (r *Segment) Cursor() *Cursor {
	return &Cursor{in: bufio.NewReaderSize(io.NewSectionReader(r.data, 0, int64(r.n)*int64(width)), 256<<10)}
}

// Next is the next entry; ok is false at the end.
func (c *Cursor) Next() (k Key, value int32, ok bool, err error) {
	ok, err = c.next()
	return c.key, c.value, ok, err
}

func (c *Cursor) next() (bool, error) {
	var e [width]byte
	if _, err := io.ReadFull(c.in, e[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, fmt.Errorf("read the index of objects: %w", err)
	}
	copy(c.key[:], e[:])
	c.value = int32(binary.LittleEndian.Uint32(e[len(c.key):]))
	return true, nil
}

// ErrOrder: keys were not given in ascending order, each once.
var ErrOrder = errors.New("keys are not in order")

// Builder makes a Segment of entries that come in order.
type Builder struct {
	dir     string
	segment *Segment
	last    Key
	mem     bytes.Buffer
	out     *bufio.Writer // nil: still in memory
}

// NewBuilder makes segments whose files, if they need one, are in dir; "": the system's folder for such.
func NewBuilder(dir string) *Builder { return &Builder{dir: dir, segment: &Segment{}} }

// Add appends an entry.
func (b *Builder) Add(k Key, value int32) error {
	if b.segment.n > 0 && bytes.Compare(k[:], b.last[:]) <= 0 {
		return ErrOrder
	}
	if b.segment.n%perBlock == 0 {
		b.segment.guide = append(b.segment.guide, k)
	}
	b.last = k
	b.segment.n++
	var e [width]byte
	copy(e[:], k[:])
	binary.LittleEndian.PutUint32(e[len(k):], uint32(value))
	if b.out != nil {
		_, err := b.out.Write(e[:])
		return b.wrap(err)
	}
	b.mem.Write(e[:])
	if b.mem.Len() < spill {
		return nil
	}
	f, err := TempFile(b.dir)
	if err != nil {
		return b.wrap(err)
	}
	b.segment.file, b.out = f, bufio.NewWriterSize(f, 256<<10)
	_, err = b.out.Write(b.mem.Bytes())
	b.mem = bytes.Buffer{}
	return b.wrap(err)
}

func (b *Builder) wrap(err error) error {
	if err != nil {
		return fmt.Errorf("write the index of objects to a temporary file: %w; limits.temp_dir needs about 50 bytes for each object that was ever taken", err)
	}
	return nil
}

// Segment ends the building.
func (b *Builder) Segment() (*Segment, error) {
	if b.out == nil {
		b.segment.data = bytes.NewReader(b.mem.Bytes())
		return b.segment, nil
	}
	b.segment.data = b.segment.file
	return b.segment, b.wrap(b.out.Flush())
}

// Discard releases what a Builder that will not be finished has.
func (b *Builder) Discard() { b.segment.Close() }

// TempFile makes a file without a name: it ends with the process, however that ends.
func TempFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "silt-index-")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// merge makes one segment of two. What newer has wins; deleted entries are left out where nothing older is below.
func merge(dir string, older, newer *Segment, oldest bool) (*Segment, error) {
	b := NewBuilder(dir)
	segment, err := mergeInto(b, older.Cursor(), newer.Cursor(), oldest)
	if err != nil {
		b.Discard()
	}
	return segment, err
}

func mergeInto(b *Builder, x, y *Cursor, oldest bool) (*Segment, error) {
	add := func(c *Cursor) error {
		if c.value < 0 && oldest {
			return nil
		}
		return b.Add(c.key, c.value)
	}
	xOK, err := x.next()
	if err != nil {
		return nil, err
	}
	yOK, err := y.next()
	for err == nil && (xOK || yOK) {
		order := 0
		switch {
		case !xOK:
			order = 1
		case !yOK:
			order = -1
		default:
			order = bytes.Compare(x.key[:], y.key[:])
		}
		if order < 0 {
			err = add(x)
		} else {
			err = add(y)
		}
		if order <= 0 && err == nil {
			xOK, err = x.next()
		}
		if order >= 0 && err == nil {
			yOK, err = y.next()
		}
	}
	if err != nil {
		return nil, err
	}
	return b.Segment()
}
