package fields

import "bytes"

// Structured reads the structured data of RFC 5424, [id key="value" ...][id ...]: the parameters of an element are below its id. Blanks
// between elements are accepted. An element without parameters is a field that has the element as its value. "-" has no fields.
func Structured(dst []Field, buf, b []byte) ([]Field, []byte, string) {
	base := len(dst)
	rest := trim(b)
	if string(rest) == "-" {
		return dst, buf, ""
	}
	if len(rest) == 0 {
		return dst, buf, "it has no element"
	}
	for len(rest) > 0 {
		if rest[0] != '[' {
			return dst[:base], buf, "an element does not begin with ["
		}
		end := bytes.IndexAny(rest, " ]")
		if end < 0 {
			return dst[:base], buf, "an element is not closed"
		}
		id := rest[1:end]
		if len(id) == 0 || bytes.ContainsAny(id, "=\"[") {
			return dst[:base], buf, "an element has no id"
		}
		element, first := rest, len(dst)
		for rest = trimLeft(rest[end:]); len(rest) > 0 && rest[0] != ']'; rest = trimLeft(rest) {
			eq := bytes.IndexByte(rest, '=')
			if eq <= 0 || eq+1 == len(rest) || rest[eq+1] != '"' || bytes.ContainsAny(rest[:eq], " ]\"") {
				return dst[:base], buf, "a parameter of " + cutText(id) + " is not name=\"value\""
			}
			value, escaped, after := parameter(rest[eq+2:])
			if after == nil {
				return dst[:base], buf, "the value of " + cutText(rest[:eq]) + " is not closed"
			}
			if escaped {
				buf, value = unescape(buf, value, `"\]`, false)
			}
			dst = append(dst, Field{Section: id, Key: rest[:eq], Value: value})
			rest = after
		}
		if len(rest) == 0 {
			return dst[:base], buf, "an element is not closed"
		}
		rest = rest[1:]
		if len(dst) == first {
			dst = append(dst, Field{Key: id, Value: element[:len(element)-len(rest)]})
		}
		rest = trimLeft(rest)
	}
	return dst, buf, ""
}

// parameter reads a value up to the quote that closes it. after is what follows the quote, or nil if no quote closes it.
func parameter(b []byte) (value []byte, escaped bool, after []byte) {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			if i+1 < len(b) && has(`"\]`, b[i+1]) {
				escaped = true
				i++
			}
		case '"':
			return b[:i], escaped, b[i+1:]
		}
	}
	return nil, false, nil
}
