package lookup

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// column holds the values of one column: texts and lists by their place, or numbers.
type column struct {
	name    string
	typ     Type
	list    bool
	texts   *texts
	pos     []uint32
	numbers []int64
	nulls   []uint64 // of numbers; nil: none
	known   *distinct
	longest int  // bytes of a text, or of a list in DuckDB
	dropped bool // no value is kept
}

func newColumn(of Column) *column {
	c := &column{name: of.Name, typ: of.Type, list: of.List}
	if c.typ == Text || c.list {
		c.texts = newTexts()
		c.known = &distinct{}
	}
	return c
}

// add appends a text. Columns with few distinct texts keep each once.
func (c *column) add(v []byte) bool {
	if len(v) == 0 {
		c.pos = append(c.pos, 0)
		return true
	}
	c.longest = max(c.longest, len(v))
	if c.known != nil && c.known.n > 1<<16 && c.known.n > len(c.pos)/2 {
		c.known = nil
	}
	var at uint32
	var ok bool
	if c.known != nil {
		at, ok = c.known.add(c.texts, v)
	} else {
		at, ok = c.texts.add(v)
	}
	c.pos = append(c.pos, at)
	return ok
}

// addNumber appends a number.
func (c *column) addNumber(v int64, null bool) {
	row := len(c.numbers)
	c.numbers = append(c.numbers, v)
	if !null && c.nulls == nil {
		return
	}
	for len(c.nulls) <= row>>6 {
		c.nulls = append(c.nulls, 0)
	}
	if null {
		c.nulls[row>>6] |= 1 << (row & 63)
	}
}

// done ends the column.
func (c *column) done(rows int) {
	c.known = nil
	c.pos, c.numbers = trimmed(c.pos), trimmed(c.numbers)
	for c.nulls != nil && len(c.nulls) <= rows>>6 {
		c.nulls = append(c.nulls, 0)
	}
}

// trimmed frees what a slice has grown by for nothing.
func trimmed[T any](s []T) []T {
	if cap(s)-len(s) <= len(s)/8 {
		return s
	}
	return append(make([]T, 0, len(s)), s...)
}

func (c *column) bytes() int64 {
	n := int64(cap(c.pos))*4 + int64(cap(c.numbers))*8 + int64(cap(c.nulls))*8
	if c.texts != nil {
		for _, b := range c.texts.blocks {
			n += int64(cap(b))
		}
	}
	return n
}

const (
	blockBits  = 20
	blockBytes = 1 << blockBits
)

// texts keeps texts in blocks, each with its length in front of it. A place is four bytes, so that all together have 4 GiB at most.
type texts struct {
	blocks [][]byte
}

func newTexts() *texts {
	t := &texts{}
	t.add(nil) // at 0
	return t
}

// add copies a text into the last block and returns its place. ok is false if the blocks are full.
func (t *texts) add(v []byte) (at uint32, ok bool) {
	need := len(v) + binary.MaxVarintLen32
	if n := len(t.blocks); n == 0 || len(t.blocks[n-1])+need > blockBytes {
		if n == 1<<(32-blockBits) {
			return 0, false
		}
		size := blockBytes
		if n == 0 {
			size = 4 << 10 // many columns are small
		}
		t.blocks = append(t.blocks, make([]byte, 0, size))
	}
	last := len(t.blocks) - 1
	b := t.blocks[last]
	at = uint32(last)<<blockBits | uint32(len(b))
	b = binary.AppendUvarint(b, uint64(len(v)))
	t.blocks[last] = append(b, v...)
	return at, true
}

func (t *texts) at(pos uint32) []byte {
	b := t.blocks[pos>>blockBits][pos&(blockBytes-1):]
	if n := int(b[0]); n < 0x80 {
		return b[1 : 1+n : 1+n]
	}
	n, k := binary.Uvarint(b)
	return b[k : k+int(n) : k+int(n)]
}

// distinct finds texts that were added before.
type distinct struct {
	seed  maphash.Seed
	slots []uint32 // places, 0: free
	n     int
}

func (d *distinct) add(t *texts, v []byte) (at uint32, ok bool) {
	if d.n*3 >= len(d.slots)*2 {
		d.grow(t)
	}
	mask := len(d.slots) - 1
	for i := int(maphash.Bytes(d.seed, v)) & mask; ; i = (i + 1) & mask {
		if d.slots[i] == 0 {
			at, ok = t.add(v)
			if ok {
				d.slots[i] = at
				d.n++
			}
			return at, ok
		}
		if bytes.Equal(t.at(d.slots[i]), v) {
			return d.slots[i], true
		}
	}
}

func (d *distinct) grow(t *texts) {
	if d.slots == nil {
		d.seed = maphash.MakeSeed()
	}
	old := d.slots
	d.slots = make([]uint32, max(64, 2*len(old)))
	mask := len(d.slots) - 1
	for _, at := range old {
		if at == 0 {
			continue
		}
		i := int(maphash.Bytes(d.seed, t.at(at))) & mask
		for d.slots[i] != 0 {
			i = (i + 1) & mask
		}
		d.slots[i] = at
	}
}
