package lake

import "encoding/binary"

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
