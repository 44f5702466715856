package eventxml

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// writer writes the members of an object.
type writer struct {
	out   []byte
	fault *Fault // the first one
}

func (w *writer) fail(format string, args ...any) bool {
	if w.fault == nil {
		w.fault = &Fault{Broken, fmt.Sprintf(format, args...)}
	}
	return false
}

// object writes an object of attributes; nothing if there are none.
func (w *writer) object(at int, attrs []attribute) {
	if len(attrs) > 0 {
		w.out = append(w.out, '{')
		w.attributes(attrs)
		w.close(at)
	}
}

// close ends the object that begins at, and removes it if it is empty.
func (w *writer) close(at int) {
	if w.out = append(w.out, '}'); len(w.out) == at+2 {
		w.out = w.out[:at]
	}
}

// attributes writes attributes as members of the object that is open.
func (w *writer) attributes(attrs []attribute) {
	for _, a := range attrs {
		w.key(a.name, nil)
		w.quoted(a.value)
	}
}

// outside writes the attributes of an element that cannot be below its key, as members key@attribute of the object that is open.
func (w *writer) outside(key []byte, attrs []attribute) {
	for _, a := range attrs {
		w.key(key, a.name)
		w.quoted(a.value)
	}
}

// key begins a member of the object that is open.
func (w *writer) key(key, attribute []byte) {
	if w.out[len(w.out)-1] != '{' {
		w.out = append(w.out, ',')
	}
	w.out = append(w.out, '"')
	w.text(key)
	if attribute != nil {
		w.out = append(w.out, '@')
		w.text(attribute)
	}
	w.out = append(w.out, '"', ':')
}

func (w *writer) quoted(v []byte) {
	w.out = append(w.out, '"')
	w.text(v)
	w.out = append(w.out, '"')
}

// special are the bytes that a JSON string cannot have as they are, and &.
var special = func() (t [256]bool) {
	for c := range 0x20 {
		t[c] = true
	}
	t['"'], t['\\'], t['&'] = true, true, true
	return t
}()

// text writes text with references as the inside of a JSON string. Line ends stay as they are.
func (w *writer) text(v []byte) {
	from := 0
	for i := 0; i < len(v); i++ {
		if !special[v[i]] {
			continue
		}
		w.out = append(w.out, v[from:i]...)
		if v[i] != '&' {
			w.escape(v[i])
			from = i + 1
			continue
		}
		n := w.reference(v[i:])
		if n == 0 {
			return
		}
		i += n - 1
		from = i + 1
	}
	w.out = append(w.out, v[from:]...)
}

// raw writes text without references, as the inside of a JSON string.
func (w *writer) raw(v []byte) {
	from := 0
	for i, c := range v {
		if special[c] && c != '&' {
			w.out = append(w.out, v[from:i]...)
			w.escape(c)
			from = i + 1
		}
	}
	w.out = append(w.out, v[from:]...)
}

func (w *writer) escape(c byte) {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		w.out = append(w.out, '\\', c)
	case '\n':
		w.out = append(w.out, '\\', 'n')
	case '\r':
		w.out = append(w.out, '\\', 'r')
	case '\t':
		w.out = append(w.out, '\\', 't')
	default:
		w.out = append(w.out, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
	}
}

// maxReference is the longest reference, as &#x10FFFF; with zeros in front.
const maxReference = 16

// reference writes the character of the reference that v begins with, and returns how long it is; 0: it is not one.
func (w *writer) reference(v []byte) int {
	end := bytes.IndexByte(v[:min(len(v), maxReference)], ';')
	if end < 0 {
		w.fail("an & that does not begin a reference: %.20q", v)
		return 0
	}
	switch name := v[1:end]; string(name) {
	case "lt":
		w.out = append(w.out, '<')
	case "gt":
		w.out = append(w.out, '>')
	case "amp":
		w.out = append(w.out, '&')
	case "apos":
		w.out = append(w.out, '\'')
	case "quot":
		w.out = append(w.out, '\\', '"')
	default:
		c, ok := number(name)
		if !ok {
			w.fail("an unknown reference: %.20q", v[:end+1])
			return 0
		}
		w.character(c)
	}
	return end + 1
}

// number is the character of a reference #123 or #x1F.
func number(name []byte) (c rune, ok bool) {
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	base := rune(10)
	if name = name[1:]; name[0] == 'x' {
		base, name = 16, name[1:]
	}
	for _, d := range name {
		digit := rune(99)
		switch {
		case d >= '0' && d <= '9':
			digit = rune(d - '0')
		case d >= 'a' && d <= 'f':
			digit = rune(d-'a') + 10
		case d >= 'A' && d <= 'F':
			digit = rune(d-'A') + 10
		}
		if digit >= base {
			return 0, false
		}
		if c = c*base + digit; c > utf8.MaxRune {
			return 0, false
		}
	}
	return c, len(name) > 0
}

// character writes a character. Halves of a pair are written as JSON has them: the scanner joins them, and refuses one alone.
func (w *writer) character(c rune) {
	const digits = "0123456789abcdef"
	switch {
	case c < utf8.RuneSelf && special[c] && c != '&':
		w.escape(byte(c))
	case c >= 0xd800 && c < 0xe000:
		w.out = append(w.out, '\\', 'u', 'd', digits[c>>8&15], digits[c>>4&15], digits[c&15])
	default:
		w.out = utf8.AppendRune(w.out, c)
	}
}

func allBlank(b []byte) bool {
	for _, c := range b {
		if !blank(c) {
			return false
		}
	}
	return true
}
