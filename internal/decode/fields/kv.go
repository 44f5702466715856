package fields

import "bytes"

// KV reads key=value pairs with a delimiter between them; a blank (or 0, which is one) stands for any number of blanks and
// tabs. A value may be in double quotes, in which \" and \\ are escapes; such a value ends at the first quote with a delimiter
// or the end after it. Text that is not a pair is a field of its own, MessageKey: text before the first pair as a whole, later words one by
// one.
func KV(dst []Field, buf, b []byte, delimiter byte) ([]Field, []byte, string) {
	base := len(dst)
	blanks := delimiter == 0 || delimiter == ' '
	ends := func(c byte) bool { return c == delimiter || blanks && isBlank(c) }
	pairs := 0
	for i := 0; i < len(b); {
		if ends(b[i]) || isBlank(b[i]) {
			i++
			continue
		}
		from := i
		eq := -1
		for i < len(b) && !ends(b[i]) {
			if b[i] == '=' && eq < 0 {
				eq = i
				if i+1 < len(b) && b[i+1] == '"' {
					break
				}
			}
			i++
		}
		key := []byte(nil)
		if eq >= 0 {
			key = trim(b[from:eq])
		}
		if len(key) == 0 || bytes.IndexByte(key, '"') >= 0 {
			for i < len(b) && !ends(b[i]) {
				i++
			}
			v := trim(b[from:i])
			if n := len(dst); pairs == 0 && n > base { // still before the first pair
				first := dst[n-1].Value
				at := cap(b) - cap(first)
				dst[n-1].Value = b[at:i]
			} else {
				dst = append(dst, field(MessageKey, v))
			}
			continue
		}
		pairs++
		if i < len(b) && b[i] == '=' { // in quotes
			v, escaped, end := quoted(b, i+2, ends)
			if end < 0 {
				return dst[:base], buf, "the quoted value of " + cutText(key) + " is not closed"
			}
			if escaped {
				buf, v = unescape(buf, v, `"\`, false)
			}
			dst = append(dst, Field{Key: key, Value: v})
			i = end
			continue
		}
		dst = append(dst, Field{Key: key, Value: trim(b[eq+1 : i])})
	}
	if pairs == 0 {
		return dst[:base], buf, "it has no key=value pair"
	}
	return dst, buf, ""
}

// quoted reads the value whose opening quote is before i; end is the index after the closing quote, -1 without one.
func quoted(b []byte, i int, ends func(byte) bool) (v []byte, escaped bool, end int) {
	for from := i; i < len(b); i++ {
		switch b[i] {
		case '\\':
			if i+1 < len(b) && (b[i+1] == '"' && !lastQuote(b, i+1, ends) || b[i+1] == '\\') {
				escaped = true
				i++
			}
		case '"':
			if i+1 == len(b) || ends(b[i+1]) || isBlank(b[i+1]) {
				return b[from:i], escaped, i + 1
			}
		}
	}
	return nil, false, -1
}

// lastQuote tells that the quote at i, which a backslash stands before, must close its value all the same: nothing follows it, as in
// path="C:\".
func lastQuote(b []byte, i int, _ func(byte) bool) bool { return i+1 == len(b) }

func cutText(b []byte) string {
	if len(b) > 80 {
		return string(b[:80]) + "..."
	}
	return string(b)
}
