package decode

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/silt-etl/silt/internal/decode/unpack"
)

func in16(s string, order binary.AppendByteOrder) (b []byte) {
	for _, c := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, c)
	}
	return b
}

// TestUTF16: an object of UTF-16 gives the records that it gives in UTF-8, packed or not, with a byte order mark or without.
func TestUTF16(t *testing.T) {
	const a, b = `{"a":"é€😀"}`, `{"b":[1,2]}`
	text := a + "\r\n\r\n" + b + "\r\n"
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, object := range [][]byte{in16(text, order), in16(bom16+text, order)} {
			check(t, object, Options{}, a, b)
			check(t, packed(object), Options{}, a, b)
			check(t, packedZstd(object), Options{}, a, b)
		}
		check(t, in16(bom16, order), Options{})
	}
	check(t, append(in16(bom16+`{"a":1}`, binary.LittleEndian), 0), Options{}, `{"a":1}`, ReasonJSON+" \uFFFD")
	check(t, []byte("\x00\x00"), Options{}, ReasonNUL+" \x00\x00")
	spec := csvSpec(Format{})
	if got, _, _ := listed(t, spec, in16(bom16+"a,b,c\r\nx,1,é\r\n", binary.LittleEndian), 3); len(got) != 1 || got[0] != "1 a=x b=1 | c=é" {
		t.Errorf("%q", got)
	}
}

const bom16 = "\uFEFF"

// is16 says that what follows is not text in UTF-8.
func is16(b []byte) bool {
	_, is := unpack.UTF16(b)
	return is
}
