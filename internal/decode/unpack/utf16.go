package unpack

import (
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// UTF16 tells whether text that begins with head is UTF-16, as Windows writes it, and its byte order. A byte order mark says
// so, or, where the first two characters are ASCII, the NUL bytes in them. All other text is UTF-8.
func UTF16(head []byte) (order unicode.Endianness, is bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return unicode.LittleEndian, true
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return unicode.BigEndian, true
	case len(head) < 4:
	case ascii(head[0]) && head[1] == 0 && ascii(head[2]) && head[3] == 0:
		return unicode.LittleEndian, true
	case head[0] == 0 && ascii(head[1]) && head[2] == 0 && ascii(head[3]):
		return unicode.BigEndian, true
	}
	return unicode.LittleEndian, false
}

func ascii(c byte) bool {
	return c >= ' ' && c < 0x7F || c == '\n' || c == '\r' || c == '\t'
}

// recoded gives head and then the rest as UTF-8.
func recoded(order unicode.Endianness, head []byte, rest io.Reader) io.Reader {
	whole := io.MultiReader(bytes.NewReader(bytes.Clone(head)), rest)
	return transform.NewReader(whole, unicode.UTF16(order, unicode.UseBOM).NewDecoder())
}
