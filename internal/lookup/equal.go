package lookup

import (
	"bytes"
	"hash/maphash"
)

// equalIndex finds rows by the texts of their key columns.
type equalIndex struct {
	seed  maphash.Seed
	slots []uint32 // one more than a row of the group in the lower bits, and a part of the hash in the others; 0: free
	group []uint32 // of timed tables: the group of a row
	keys  []*column
}

func (x *equalIndex) hash(v [][]byte) uint64 {
	h := maphash.Bytes(x.seed, v[0])
	for _, k := range v[1:] {
		h = h*0x9e3779b97f4a7c15 ^ maphash.Bytes(x.seed, k)
	}
	return h
}

func (x *equalIndex) same(row int, v [][]byte) bool {
	for i, c := range x.keys {
		if !bytes.Equal(c.texts.at(c.pos[row]), v[i]) {
			return false
		}
	}
	return true
}

const (
	rowBits = 24 // of MaxRows and one
	rowMask = 1<<rowBits - 1
)

// slot returns where the keys are, or would be, and the part of their hash that is in the slot. Where it differs, the keys differ.
func (x *equalIndex) slot(v [][]byte) (i int, tag uint32) {
	h := x.hash(v)
	mask := len(x.slots) - 1
	tag = uint32(h>>32) &^ rowMask
	i = int(h) & mask
	for x.slots[i] != 0 && (x.slots[i]&^rowMask != tag || !x.same(int(x.slots[i]&rowMask)-1, v)) {
		i = (i + 1) & mask
	}
	return i, tag
}

func (x *equalIndex) find(_ *Table, keys [][]byte) int {
	i, _ := x.slot(keys)
	row := int(x.slots[i]&rowMask) - 1
	if row < 0 || x.group == nil {
		return row
	}
	return int(x.group[row])
}

func (x *equalIndex) next(int) int { return -1 }

func (x *equalIndex) bytes() int64 { return int64(len(x.slots)+len(x.group)) * 4 }

// equal builds the index.
func (b *builder) equal() (index, error) {
	size := 64
	for size*2 < b.rows*3 {
		size *= 2
	}
	x := &equalIndex{seed: maphash.MakeSeed(), slots: make([]uint32, size), keys: b.keys}
	groups := 0
	if b.timed() {
		x.group = make([]uint32, b.rows)
	}
	v := make([][]byte, len(b.keys))
	for row := range b.rows {
		for i, c := range b.keys {
			v[i] = c.texts.at(c.pos[row])
		}
		i, tag := x.slot(v)
		first := int(x.slots[i]&rowMask) - 1
		switch {
		case first < 0:
			x.slots[i] = uint32(row+1) | tag
			if x.group != nil {
				x.group[row] = uint32(groups)
				groups++
			}
		case x.group != nil:
			x.group[row] = x.group[first]
		default:
			return nil, b.duplicate(first, row)
		}
	}
	if x.group == nil {
		return x, nil
	}
	return x, b.periods(x.group, groups)
}
