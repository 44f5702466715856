package lake

import "encoding/binary"

// Types of Thrift's compact protocol.
const (
	tTrue   = 1
	tFalse  = 2
	tByte   = 3
	tI16    = 4
	tI32    = 5
	tI64    = 6
	tDouble = 7
	tBinary = 8
	tList   = 9
	tSet    = 10
	tMap    = 11
	tStruct = 12
)

// maxThriftDepth of values that are skipped; Parquet's own structs nest to 5 or so.
const maxThriftDepth = 24

// thriftReader reads the compact protocol from untrusted bytes: it never reads past them, never allocates, and after
// a fault (bad) everything reads as nothing, so that loops end. short tells that the fault was the end of the bytes.
type thriftReader struct {
	b     []byte
	p     int
	bad   bool
	short bool
}

func (r *thriftReader) fail() { r.bad, r.p = true, len(r.b) }
func (r *thriftReader) cut()  { r.short = true; r.fail() }

func (r *thriftReader) byte() byte {
	if r.p >= len(r.b) {
		r.cut()
		return 0
	}
	r.p++
	return r.b[r.p-1]
}

func (r *thriftReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.p:])
	switch {
	case n == 0:
		r.cut()
		return 0
	case n < 0:
		r.fail()
		return 0
	}
	r.p += n
	return v
}

// int is a zigzag varint.
func (r *thriftReader) int() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *thriftReader) binary() []byte {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.b)-r.p) {
		r.cut()
		return nil
	}
	r.p += int(n)
	return r.b[r.p-int(n) : r.p]
}

// list is the header of a list: the type and the number of elements, which is never more than the bytes left.
func (r *thriftReader) list() (typ byte, n int) {
	h := r.byte()
	k := uint64(h >> 4)
	if k == 15 {
		k = r.uvarint()
	}
	if r.bad || k > uint64(len(r.b)-r.p) {
		r.cut()
		return 0, 0
	}
	return h & 15, int(k)
}

// each calls fn for every element of a list whose elements must have the given type.
func (r *thriftReader) each(typ byte, fn func()) {
	t, n := r.list()
	if n > 0 && t != typ {
		r.fail()
	}
	for ; n > 0 && !r.bad; n-- {
		fn()
	}
}

// fields calls fn for every field of a struct; a field that fn does not take (false) is skipped. A taken one of type tTrue
// or tFalse has no bytes of its own.
func (r *thriftReader) fields(fn func(id int64, typ byte) bool) { r.fieldsAt(0, fn) }

func (r *thriftReader) fieldsAt(depth int, fn func(id int64, typ byte) bool) {
	var id int64
	for !r.bad {
		h := r.byte()
		if h == 0 {
			return
		}
		if h>>4 != 0 {
			id += int64(h >> 4)
		} else {
			id = r.int()
		}
		if r.bad {
			return
		}
		if fn == nil || !fn(id, h&15) {
			r.skip(h&15, depth+1)
		}
	}
}

func (r *thriftReader) skip(typ byte, depth int) {
	if depth > maxThriftDepth {
		r.fail()
		return
	}
	switch typ {
	case tTrue, tFalse:
	case tByte:
		r.byte()
	case tI16, tI32, tI64:
		r.uvarint()
	case tDouble:
		if len(r.b)-r.p < 8 {
			r.cut()
			return
		}
		r.p += 8
	case tBinary:
		r.binary()
	case tList, tSet:
		t, n := r.list()
		for ; n > 0 && !r.bad; n-- {
			r.skipElement(t, depth+1)
		}
	case tMap:
		n := r.uvarint()
		if r.bad || n == 0 {
			return
		}
		kv := r.byte()
		for ; n > 0 && !r.bad; n-- {
			r.skipElement(kv>>4, depth+1)
			r.skipElement(kv&15, depth+1)
		}
	case tStruct:
		r.fieldsAt(depth, nil)
	default:
		r.fail()
	}
}

// skipElement differs from skip in that a boolean inside a list has a byte.
func (r *thriftReader) skipElement(typ byte, depth int) {
	if typ == tTrue || typ == tFalse {
		r.byte()
		return
	}
	r.skip(typ, depth)
}

// thriftWriter writes Thrift's compact protocol.
type thriftWriter struct {
	b    []byte
	last []int16 // the last field's number, for each open struct
}

func (t *thriftWriter) uvarint(v uint64) { t.b = binary.AppendUvarint(t.b, v) }
func (t *thriftWriter) int(v int64)      { t.uvarint(uint64(v<<1) ^ uint64(v>>63)) }
func (t *thriftWriter) begin()           { t.last = append(t.last, 0) }
func (t *thriftWriter) end()             { t.b, t.last = append(t.b, 0), t.last[:len(t.last)-1] }

func (t *thriftWriter) field(id int16, typ byte) {
	l := &t.last[len(t.last)-1]
	if d := id - *l; d > 0 && d < 16 {
		t.b = append(t.b, byte(d)<<4|typ)
	} else {
		t.b = append(t.b, typ)
		t.int(int64(id))
	}
	*l = id
}

func (t *thriftWriter) i32(id int16, v int64) { t.field(id, tI32); t.int(v) }
func (t *thriftWriter) i64(id int16, v int64) { t.field(id, tI64); t.int(v) }
func (t *thriftWriter) bool(id int16, v bool) {
	if v {
		t.field(id, tTrue)
	} else {
		t.field(id, tFalse)
	}
}

func (t *thriftWriter) text(s string) { t.uvarint(uint64(len(s))); t.b = append(t.b, s...) }

func (t *thriftWriter) binary(id int16, v string) { t.field(id, tBinary); t.text(v) }

func (t *thriftWriter) sub(id int16, fn func()) {
	t.field(id, tStruct)
	t.strct(fn)
}

func (t *thriftWriter) strct(fn func()) { t.begin(); fn(); t.end() }

func (t *thriftWriter) list(id int16, typ byte, n int) {
	t.field(id, tList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|typ)
		return
	}
	t.b = append(t.b, 0xf0|typ)
	t.uvarint(uint64(n))
}
