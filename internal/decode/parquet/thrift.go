package parquet

import "encoding/binary"

// footerSize is what is in a footer, before anything is allocated for it.
type footerSize struct {
	structs, elements int64
	schema            int64 // elements of the list of the schema's fields
}

// bytes is about what the library allocates for it.
func (f footerSize) bytes(footer int64) int64 {
	return 2*footer + f.structs*structBytes + f.elements*elementBytes + f.schema*fieldBytes
}

// Types of Thrift's compact protocol, as in its specification.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI64    = 6 // 4 and 5 are shorter integers, which are written alike
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
	thriftUUID   = 13
)

const (
	maxFooterDepth = 32
	schemaField    = 2 // of FileMetaData
)

// walker passes over the values of a footer.
type walker struct {
	b    []byte
	size footerSize
}

// measureFooter looks at a whole footer. ok is false if it is not in Thrift's compact protocol, claims more than it has, or is nested
// too deep.
func measureFooter(b []byte) (size footerSize, ok bool) {
	w := walker{b: b}
	ok = w.fields(0)
	return w.size, ok
}

// fields passes over those of a struct.
func (w *walker) fields(depth int) bool {
	w.size.structs++
	id := int64(0)
	for depth <= maxFooterDepth {
		if len(w.b) == 0 {
			return false
		}
		head := w.b[0]
		w.b = w.b[1:]
		if head == 0 {
			return true
		}
		if id += int64(head >> 4); head>>4 == 0 {
			v, ok := w.varint()
			if !ok {
				return false
			}
			id = int64(v>>1) ^ -int64(v&1)
		}
		kind := head & 15
		if kind == thriftTrue || kind == thriftFalse {
			continue
		}
		if !w.value(kind, depth, depth == 0 && id == schemaField) {
			return false
		}
	}
	return false
}

func (w *walker) value(kind byte, depth int, isSchema bool) bool {
	switch kind {
	case thriftTrue, thriftFalse, thriftByte: // an element of a list
		return w.skip(1)
	case thriftByte + 1, thriftByte + 2, thriftI64:
		_, ok := w.varint()
		return ok
	case thriftDouble:
		return w.skip(8)
	case thriftUUID:
		return w.skip(16)
	case thriftBinary:
		n, ok := w.varint()
		return ok && w.skip(n)
	case thriftList, thriftSet:
		if len(w.b) == 0 {
			return false
		}
		head := w.b[0]
		w.b = w.b[1:]
		n, ok := uint64(head>>4), true
		if n == 15 {
			n, ok = w.varint()
		}
		if isSchema {
			w.size.schema += int64(min(n, uint64(len(w.b))))
		}
		return ok && w.each(n, depth, head&15)
	case thriftMap:
		n, ok := w.varint()
		if !ok || n == 0 {
			return ok
		}
		if len(w.b) == 0 {
			return false
		}
		head := w.b[0]
		w.b = w.b[1:]
		return w.each(n, depth, head>>4, head&15)
	case thriftStruct:
		return w.fields(depth + 1)
	}
	return false
}

// each passes over n elements, each of values of the kinds. Each value has at least a byte.
func (w *walker) each(n uint64, depth int, kinds ...byte) bool {
	if n > uint64(len(w.b)) || depth >= maxFooterDepth {
		return false
	}
	w.size.elements += int64(n)
	for range n {
		for _, k := range kinds {
			if !w.value(k, depth+1, false) {
				return false
			}
		}
	}
	return true
}

func (w *walker) skip(n uint64) bool {
	if n > uint64(len(w.b)) {
		return false
	}
	w.b = w.b[n:]
	return true
}

func (w *walker) varint() (uint64, bool) {
	v, n := binary.Uvarint(w.b)
	if n <= 0 {
		return 0, false
	}
	w.b = w.b[n:]
	return v, true
}
