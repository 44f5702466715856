package decode

import (
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// utf16 tells that an object's text is UTF-16, as Windows writes it: by its byte order mark, or, where the first two characters are
// ASCII, by the NUL bytes in them. Text is UTF-8 otherwise.
func utf16(head []byte) (order unicode.Endianness, is bool) {
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

func ascii(c byte) bool { return c >= ' ' && c < 0x7F || blank(c) }

// recode goes on with the object as UTF-8, if it is UTF-16. Half a surrogate pair becomes U+FFFD: UTF-8 cannot hold it.
func (r *Reader) recode() error {
	order, is := utf16(r.buf[r.p:r.n])
	if !is {
		return nil
	}
	read := bytes.NewReader(bytes.Clone(r.buf[r.p:r.n]))
	r.un.out = transform.NewReader(io.MultiReader(read, r.un.out), unicode.UTF16(order, unicode.UseBOM).NewDecoder())
	r.p, r.n, r.seek, r.eof = 0, 0, 0, false
	return r.need(8)
}
