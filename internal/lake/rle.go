package lake

import "encoding/binary"

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
