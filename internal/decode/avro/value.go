package avro

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/silt-etl/silt/internal/decode/jsonvalue"
)

const (
	maxDepth  = 10_000   // of a record: the scanner refuses records that are nested deeper than it takes
	maxNumber = 64 << 10 // bytes of a decimal
	longBytes = 48 << 10 // the length from which a value is written in parts: a multiple of 3, for base64

	// What an object may give is bounded, in bytes of JSON and in fields that are looked at: an empty record, and a list of nulls, take no
	// bytes. It is so many times the bytes of its blocks, and so many more.
	roomRatio = 256
	roomBytes = 16 << 20

	impossible = "a length or a count that cannot be"
)

// block is the unpacked content of a block, as far as it is not yet decoded. After the first error, nothing that is written counts, and every
// loop ends.
type block struct {
	b     []byte
	i     int
	err   error
	depth int

	out  []byte // the record
	most int    // the longest record, in bytes
	keep int    // bytes of a longer record that are kept
	head []byte // the first bytes of a record that is longer; nil: it is not
	gone int64  // how many of its bytes are not in out any more
	room int64  // bytes of JSON that the object may still give
	work int64  // fields and values that may still be looked at
}

func (b *block) fail(format string, args ...any) {
	if b.err == nil {
		b.err = faultf(format, args...)
	}
}

// record writes the next record.
func (b *block) record(n *node) (length int64, err error) {
	if cap(b.out) > 4<<20 { // the memory of one long record is freed
		b.out = nil
	}
	b.out, b.head, b.gone = b.out[:0], nil, 0
	b.value(n)
	length = b.gone + int64(len(b.out))
	if b.room -= length; b.room < 0 {
		b.tooMuch()
	}
	if b.drop(); b.head != nil {
		b.out = b.head
	}
	return length, b.err
}

func (b *block) tooMuch() {
	b.fail("its records are more than %d times as long as its blocks", roomRatio)
}

// drop keeps a record that is too long from growing.
func (b *block) drop() {
	if len(b.out) <= b.most && (b.head == nil || len(b.out) <= longBytes) {
		return
	}
	if b.head == nil {
		b.head = append(make([]byte, 0, b.keep), b.out[:min(len(b.out), b.keep)]...)
	}
	if b.gone += int64(len(b.out)); b.gone > b.room {
		b.tooMuch()
	}
	b.out = append(b.out[:0], b.out[len(b.out)-1]) // the last byte says whether a comma is needed
	b.gone--
}

// long is a zigzag number of variable length.
func (b *block) long() int64 {
	v, n := binary.Varint(b.b[b.i:])
	if n <= 0 {
		b.fail("a number is cut or too long")
		b.i = len(b.b)
		return 0
	}
	b.i += n
	return v
}

// take are the next size bytes.
func (b *block) take(size int64) []byte {
	if b.err != nil || size < 0 || size > int64(len(b.b)-b.i) {
		b.fail("%s: %d bytes, where %d follow", impossible, size, len(b.b)-b.i)
		return nil
	}
	v := b.b[b.i : b.i+int(size)]
	b.i += int(size)
	return v
}

// resolve is the type of the next value: of a union, the branch that the value is of.
func (b *block) resolve(n *node) *node {
	if n.kind != kindUnion {
		return n
	}
	i := b.long()
	if b.err != nil || i < 0 || i >= int64(len(n.branches)) {
		b.fail("a value of a union of %d types is of type %d", len(n.branches), i)
		return &node{}
	}
	return n.branches[i]
}

// value writes a value of a type that is not a union.
func (b *block) value(n *node) {
	if b.work--; b.work < 0 {
		b.tooMuch()
	}
	if b.drop(); b.err != nil {
		return
	}
	switch n.kind {
	case kindNull, kindUnion:
		b.out = append(b.out, "null"...)
	case kindBoolean:
		if v := b.take(1); v != nil {
			b.out = strconv.AppendBool(b.out, v[0] != 0)
		}
	case kindInt, kindLong:
		v := b.long()
		if n.kind == kindInt && v != int64(int32(v)) {
			b.fail("an int has the value %d", v)
		}
		if n.number != nil {
			b.out = n.number(b.out, v)
		} else {
			b.out = strconv.AppendInt(b.out, v, 10)
		}
	case kindFloat:
		if v := b.take(4); v != nil {
			b.out = jsonvalue.Float(b.out, float64(math.Float32frombits(binary.LittleEndian.Uint32(v))), 32)
		}
	case kindDouble:
		if v := b.take(8); v != nil {
			b.out = jsonvalue.Float(b.out, math.Float64frombits(binary.LittleEndian.Uint64(v)), 64)
		}
	case kindString:
		b.text(b.take(b.long()), true)
	case kindBytes:
		b.bytes(n, b.take(b.long()))
	case kindFixed:
		b.bytes(n, b.take(n.size))
	case kindEnum:
		i := b.long()
		if b.err != nil || i < 0 || i >= int64(len(n.symbols)) {
			b.fail("a value of an enum of %d symbols is symbol %d", len(n.symbols), i)
			return
		}
		b.out = append(b.out, n.symbols[i]...)
	default:
		if b.depth++; b.depth > maxDepth {
			b.fail("a record is nested deeper than %d levels", maxDepth)
			return
		}
		switch n.kind {
		case kindRecord:
			b.fields(n)
		case kindArray:
			b.elements(n.items)
		default:
			b.entries(n.items)
		}
		b.depth--
	}
}

// fields writes a record. Fields that are null are left out.
func (b *block) fields(n *node) {
	b.out = append(b.out, '{')
	for i := range n.fields {
		f := &n.fields[i]
		of := b.resolve(f.node)
		if b.err != nil {
			return
		}
		if of.kind == kindNull {
			if b.work--; b.work < 0 {
				b.tooMuch()
			}
			continue
		}
		if b.out[len(b.out)-1] != '{' {
			b.out = append(b.out, ',')
		}
		b.out = append(b.out, f.key...)
		b.value(of)
	}
	b.out = append(b.out, '}')
}

// count is how many items of an array or map come next; 0: it has ended.
func (b *block) count() int64 {
	n := b.long()
	if n < 0 {
		if n = -n; n < 0 {
			b.fail("%s: %d items", impossible, n)
		}
		if size := b.long(); size < 0 || size > int64(len(b.b)-b.i) {
			b.fail("%s: items of %d bytes", impossible, size)
		}
	}
	if b.err != nil {
		return 0
	}
	return n
}

func (b *block) elements(of *node) {
	b.out = append(b.out, '[')
	first := true
	for n := b.count(); n > 0; n = b.count() {
		for ; n > 0 && b.err == nil; n-- {
			if !first {
				b.out = append(b.out, ',')
			}
			first = false
			b.value(b.resolve(of))
		}
	}
	b.out = append(b.out, ']')
}

// entries writes a map as an object. Entries that are null are left out.
func (b *block) entries(of *node) {
	b.out = append(b.out, '{')
	first := true
	for n := b.count(); n > 0; n = b.count() {
		for ; n > 0 && b.err == nil; n-- {
			key := b.take(b.long())
			of := b.resolve(of)
			if of.kind == kindNull || b.err != nil {
				continue
			}
			if !first {
				b.out = append(b.out, ',')
			}
			first = false
			b.text(key, true)
			b.out = append(b.out, ':')
			b.value(of)
		}
	}
	b.out = append(b.out, '}')
}

// bytes writes bytes by their logical type.
func (b *block) bytes(n *node, v []byte) {
	switch {
	case n.bytes != nil && len(v) > maxNumber:
		b.fail("a number of %d bytes", len(v))
	case n.bytes != nil:
		b.out = n.bytes(b.out, v)
	default:
		b.text(v, n.kind == kindBytes && jsonvalue.Readable(v))
	}
}

// text writes a text, or base64, in parts.
func (b *block) text(v []byte, text bool) {
	b.out = append(b.out, '"')
	for len(v) > 0 && b.err == nil {
		part := v[:min(len(v), longBytes)]
		v = v[len(part):]
		if text {
			b.out = jsonvalue.Escaped(b.out, part)
		} else {
			b.out = base64.StdEncoding.AppendEncode(b.out, part)
		}
		b.drop()
	}
	b.out = append(b.out, '"')
}
