package decode

import "bytes"

// bound says what ends a value besides its own end.
type bound uint8

const (
	boundLine  bound = iota // a newline ends it, whatever is open
	boundArray              // an element of a top-level array: a bare word ends at a comma, bracket or blank
	boundTop                // several lines a value, at the top: a bare word ends with its line
)

// framer finds where one value ends by its brackets and quotes alone, in as many pieces as it comes. It does not check JSON;
// the Scanner does. A string ends with its line at the latest (JSON allows no newline inside one), so that a missing quote
// costs one record.
type framer struct {
	bound bound
	kind  byte // '{' brackets, '"' a string, 'w' a bare word, 0 not begun
	depth int
	str   bool // inside a string
	esc   bool // after a backslash
}

// feed looks at b from i on and returns the index after the value, or -1 where the value goes on beyond b (then it wants
// to be called with more of the same bytes, and i the old length). A value that a newline ends does not include it.
func (f *framer) feed(b []byte, i int) int {
	if f.kind == 0 && i < len(b) {
		switch b[i] {
		case '{', '[':
			f.kind, f.depth = '{', 1
		case '"':
			f.kind, f.str = '"', true
		default:
			f.kind = 'w'
		}
		i++
	}
	if f.kind == 'w' {
		return f.word(b, i)
	}
	for i < len(b) {
		if f.str {
			if i = f.inString(b, i); f.str {
				if i < len(b) { // a newline of boundLine
					return i
				}
				return -1
			}
			if f.kind == '"' {
				return i
			}
			continue
		}
		switch b[i] {
		case '{', '[':
			f.depth++
		case '}', ']':
			if f.depth--; f.depth == 0 {
				return i + 1
			}
		case '"':
			f.str = true
		case '\n':
			if f.bound == boundLine {
				return i
			}
		}
		i++
	}
	return -1
}

// inString goes on inside a string. It leaves str set where the string goes on beyond b, or a newline at the index
// returned ends the whole value.
func (f *framer) inString(b []byte, i int) int {
	if f.esc && i < len(b) {
		f.esc = false
		if b[i] != '\n' {
			i++
		}
	}
	for {
		i = special(b, i)
		if i >= len(b) {
			return i
		}
		switch b[i] {
		case '"':
			f.str = false
			return i + 1
		case '\n':
			if f.bound == boundLine {
				return i
			}
			f.str = false
			return i
		case '\\':
			if i+1 >= len(b) {
				f.esc = true
				return i + 1
			}
			if b[i+1] != '\n' {
				i++
			}
		}
		i++
	}
}

func (f *framer) word(b []byte, i int) int {
	if f.bound != boundArray {
		if k := bytes.IndexByte(b[min(i, len(b)):], '\n'); k >= 0 {
			return i + k
		}
		return -1
	}
	for ; i < len(b); i++ {
		if c := b[i]; blank(c) || c == ',' || c == '[' || c == ']' || c == '{' || c == '"' {
			return i
		}
	}
	return -1
}

// extent is the length of the first value of b, an object, by its brackets; all of b where it does not close.
func extent(b []byte) int {
	f := framer{bound: boundTop}
	if n := f.feed(b, 0); n >= 0 {
		return n
	}
	return len(b)
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
