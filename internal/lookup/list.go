package lookup

import (
	"encoding/binary"
	"iter"
	"unicode/utf8"
)

// A list is kept as a text: of each element its length and one, or 0 for NULL, and the text; of numbers one byte, and eight if it is 1.

// listBuilder makes the text of a list.
type listBuilder struct {
	b []byte
	n int
}

func (l *listBuilder) reset() { l.b, l.n = l.b[:0], 0 }

func (l *listBuilder) addNull() { l.b, l.n = append(l.b, 0), l.n+1 }

func (l *listBuilder) addText(v []byte) {
	l.b, l.n = append(binary.AppendUvarint(l.b, uint64(len(v))+1), v...), l.n+1
}

func (l *listBuilder) addNumber(v int64) {
	l.b, l.n = binary.LittleEndian.AppendUint64(append(l.b, 1), uint64(v)), l.n+1
}

// Element is an element of a list.
type Element struct {
	Null   bool
	Text   []byte
	Number int64 // see Table.Number
}

// elements yields the elements of a list.
func elements(list []byte, typ Type) iter.Seq[Element] {
	return func(yield func(Element) bool) {
		for len(list) > 0 {
			var e Element
			switch {
			case list[0] == 0:
				e.Null, list = true, list[1:]
			case typ == Text:
				n, k := binary.Uvarint(list)
				e.Text, list = list[k:k+int(n)-1], list[k+int(n)-1:]
			default:
				e.Number, list = int64(binary.LittleEndian.Uint64(list[1:])), list[9:]
			}
			if !yield(e) {
				return
			}
		}
	}
}

// validList says whether the texts of a list are UTF-8.
func validList(list []byte, typ Type) bool {
	if typ != Text {
		return true
	}
	for e := range elements(list, typ) {
		if !utf8.Valid(e.Text) {
			return false
		}
	}
	return true
}
