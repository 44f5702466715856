// Package fields parses text into fields: delimited values, key=value pairs, CEF, LEEF, syslog headers, Windows event
// text, lines with a pattern. It works on bytes alone: what a value is, is decided by package decode.
//
// Parsers append to what they are given, fields to dst and unescaped values to buf, and give both back; values alias the text
// that was parsed or buf. A fault is one line that says why a text was refused, or ""; with a fault, dst has nothing new.
//
// Invariants: nothing is read past the text that was given; every part of an accepted text that is not a separator, quote or
// escape is in exactly one field.
package fields

// Field is one named value. Both alias the text that was parsed, or the parser's buffer.
type Field struct {
	Name       string // the key, if it is one of the format's own; "": Key
	Key, Value []byte
	Section    []byte // the key that this one is below, or nil
	// Derived is set if the value only repeats another field.
	Derived bool
}

// MessageKey is the key of text that stands outside of keys and values.
const MessageKey = "message"

func field(name string, value []byte) Field { return Field{Name: name, Value: value} }

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// unescape appends v without the backslashes before those of chars that stand in it; pairs maps a char to what it means.
func unescape(buf, v []byte, plain string, pairs bool) (out, value []byte) {
	from := len(buf)
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '\\' && i+1 < len(v) {
			next := v[i+1]
			switch {
			case has(plain, next):
				c = next
				i++
			case pairs && next == 'n':
				c = '\n'
				i++
			case pairs && next == 'r':
				c = '\r'
				i++
			}
		}
		buf = append(buf, c)
	}
	return buf, buf[from:len(buf):len(buf)]
}

func has(set string, c byte) bool {
	for i := range len(set) {
		if set[i] == c {
			return true
		}
	}
	return false
}
