package lake

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// hybrid is Parquet's RLE and bit-packing hybrid, for levels and dictionary numbers. Runs come in as runs: a thousand equal
// levels cost as much as one.
type hybrid struct {
	out   []byte
	width int
	val   uint32   // of the open run
	run   int      // its length
	lits  []uint32 // values before it that are to be bit-packed; whole groups of eight but for the last
}

func (h *hybrid) reset(width int) {
	h.out, h.width, h.run, h.lits = h.out[:0], width, 0, h.lits[:0]
}

func (h *hybrid) add(v uint32, n int) {
	if v == h.val && h.run > 0 {
		h.run += n
		return
	}
	if h.run > 0 {
		h.endRun()
	}
	h.val, h.run = v, n
}

// addAll adds values that are seldom alike.
func (h *hybrid) addAll(vs []uint32) {
	if h.run > 0 {
		h.endRun()
	}
	for i := 0; i < len(vs); {
		v, j := vs[i], i+1
		for j < len(vs) && vs[j] == v {
			j++
		}
		if j-i < 8 {
			for ; i < j; i++ {
				h.lits = append(h.lits, v)
			}
			continue
		}
		h.val, h.run = v, j-i
		h.endRun()
		i = j
	}
}

func (h *hybrid) endRun() {
	if k := len(h.lits) & 7; k != 0 {
		for n := min(8-k, h.run); n > 0; n-- {
			h.lits = append(h.lits, h.val)
			h.run--
		}
	}
	if h.run < 8 {
		for ; h.run > 0; h.run-- {
			h.lits = append(h.lits, h.val)
		}
		return
	}
	h.pack()
	h.out = binary.AppendUvarint(h.out, uint64(h.run)<<1)
	for i := 0; i < h.width; i += 8 {
		h.out = append(h.out, byte(h.val>>i))
	}
	h.run = 0
}

// pack writes the literals, the last group filled up with zeros (which only the end of a page may have).
func (h *hybrid) pack() {
	if len(h.lits) == 0 {
		return
	}
	for len(h.lits)&7 != 0 {
		h.lits = append(h.lits, 0)
	}
	h.out = binary.AppendUvarint(h.out, uint64(len(h.lits)/8)<<1|1)
	var acc uint64
	n, w := 0, h.width
	for _, v := range h.lits {
		acc |= uint64(v) << n
		for n += w; n >= 8; n -= 8 {
			h.out = append(h.out, byte(acc))
			acc >>= 8
		}
	}
	h.lits = h.lits[:0]
}

// finish returns the encoded values, valid until the next reset.
func (h *hybrid) finish() []byte {
	if h.run > 0 {
		h.endRun()
	}
	h.pack()
	return h.out
}

// hybridBound is the most bytes that n values of the width can take: a run of eight and a group of eight in turn are worst.
func hybridBound(n, width int) int { return (n/8+1)*(width+2) + 16 }

// dict numbers the distinct values of a column chunk and holds its dictionary page: texts, or numbers of 4 or 8 bytes.
type dict struct {
	page  []byte   // the values as PLAIN has them
	n     int      // how many
	off   []uint32 // texts: where each begins in page
	hash  []uint64 // of each
	table []uint32 // number + 1 by hash, 0 for free; its length is a power of two
	seed  maphash.Seed
	width int // bytes of a number; 0 for texts

	last uint32   // number given last
	next []uint32 // texts: the number that last followed each one
}

func newDict(phys int) *dict {
	d := &dict{seed: maphash.MakeSeed(), table: make([]uint32, 256)}
	switch phys {
	case physInt32:
		d.width = 4
	case physInt64, physDouble:
		d.width = 8
	}
	return d
}

func (d *dict) reset() {
	d.page, d.n, d.off, d.hash, d.next, d.last = d.page[:0], 0, d.off[:0], d.hash[:0], d.next[:0], 0
	clear(d.table)
}

// text's number; fresh if it is new.
func (d *dict) text(s string) (id uint32, fresh bool) {
	if d.n > 0 {
		// A column often repeats its values, and map keys come in the same order in every row.
		if d.equal(d.last, s) {
			return d.last, false
		}
		if k := d.next[d.last]; d.equal(k, s) {
			d.last = k
			return k, false
		}
	}
	h := maphash.String(d.seed, s)
	i := h & uint64(len(d.table)-1)
	for ; d.table[i] != 0; i = (i + 1) & uint64(len(d.table)-1) {
		if k := d.table[i] - 1; d.hash[k] == h && d.equal(k, s) {
			d.next[d.last], d.last = k, k
			return k, false
		}
	}
	id = uint32(d.n)
	d.off = append(d.off, uint32(len(d.page)))
	d.page = binary.LittleEndian.AppendUint32(d.page, uint32(len(s)))
	d.page = append(d.page, s...)
	d.next = append(d.next, id)
	d.next[d.last], d.last = id, id
	d.insert(i, h)
	return id, true
}

func (d *dict) equal(id uint32, s string) bool {
	o := int(d.off[id])
	n := int(binary.LittleEndian.Uint32(d.page[o:]))
	return n == len(s) && string(d.page[o+4:o+4+n]) == s
}

// number's number; doubles come as their bits.
func (d *dict) number(v uint64) (id uint32, fresh bool) {
	h := v * 0x9e3779b97f4a7c15
	h ^= h >> 32
	i := h & uint64(len(d.table)-1)
	for ; d.table[i] != 0; i = (i + 1) & uint64(len(d.table)-1) {
		if k := d.table[i] - 1; d.hash[k] == h { // the hash of a number is its own: the multiplier is odd
			return k, false
		}
	}
	if d.width == 4 {
		d.page = binary.LittleEndian.AppendUint32(d.page, uint32(v))
	} else {
		d.page = binary.LittleEndian.AppendUint64(d.page, v)
	}
	id = uint32(d.n)
	d.insert(i, h)
	return id, true
}

// insert the value number d.n at the free place i.
func (d *dict) insert(i, h uint64) {
	d.hash = append(d.hash, h)
	d.n++
	d.table[i] = uint32(d.n)
	if d.n*2 < len(d.table) {
		return
	}
	d.table = make([]uint32, len(d.table)*4)
	for k, h := range d.hash {
		j := h & uint64(len(d.table)-1)
		for d.table[j] != 0 {
			j = (j + 1) & uint64(len(d.table)-1)
		}
		d.table[j] = uint32(k + 1)
	}
}

// bits of a number; at least one, for some readers take no zero.
func (d *dict) bits() int { return max(1, bits.Len(uint(max(d.n-1, 0)))) }
