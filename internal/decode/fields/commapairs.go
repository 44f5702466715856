package fields

import "bytes"

// maxPairKey is how long a key of CommaPairs can be.
const maxPairKey = 40

// CommaPairs reads "Key: value, Key: value". A key is words that begin with an upper-case letter and have letters, digits and _, up to a
// colon and a blank. A value extends to the next comma before a key, or to its closing quote if it is in double quotes.
func CommaPairs(dst []Field, b []byte) (out []Field, fault string) {
	base := len(dst)
	rest := trim(b)
	for len(rest) > 0 {
		n := pairKey(rest)
		if n == 0 {
			return dst[:base], "the text does not begin with a key and a colon"
		}
		key, value := rest[:n], trimLeft(rest[n+1:])
		end, after := pairEnd(value)
		rest = value[after:]
		if value = trim(value[:end]); len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		dst = append(dst, Field{Key: key, Value: value})
	}
	if len(dst) == base {
		return dst, "the text has no key"
	}
	return dst, ""
}

// pairEnd finds the end of the value that b begins with, and where the next key begins.
func pairEnd(b []byte) (end, after int) {
	from := 0
	if len(b) > 0 && b[0] == '"' { // commas before the closing quote are part of the value
		for i := 1; i < len(b); i++ {
			if b[i] == '"' && (i+1 == len(b) || b[i+1] == ',') {
				from = i + 1
				break
			}
		}
	}
	for from < len(b) {
		i := bytes.IndexByte(b[from:], ',')
		if i < 0 {
			break
		}
		comma := from + i
		next := comma + 1
		for next < len(b) && b[next] == ' ' {
			next++
		}
		if next == len(b) {
			return comma, next
		}
		if next > comma+1 && pairKey(b[next:]) > 0 {
			return comma, next
		}
		from = comma + 1
	}
	return len(b), len(b)
}

// pairKey is the length of the key that b begins with, or 0.
func pairKey(b []byte) int {
	for i, c := range b[:min(len(b), maxPairKey+1)] {
		switch {
		case c == ':':
			if i == 0 || i+1 < len(b) && b[i+1] != ' ' {
				return 0
			}
			return i
		case i == 0 || b[i-1] == ' ': // a word begins
			if c < 'A' || c > 'Z' {
				return 0
			}
		case c == ' ', c == '_', c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		default:
			return 0
		}
	}
	return 0
}
