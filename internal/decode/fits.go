package decode

import "math"

// Fits says whether a leaf of this kind takes a value: text is a JSON string without quotes and escapes (quoted), or a number,
// a boolean, an array or an object as it was written. The Scanner decides by the same rules.
func Fits(k Kind, text []byte, quoted bool) bool {
	nested := !quoted && len(text) > 0 && (text[0] == '[' || text[0] == '{')
	switch k {
	case JSON:
		return true
	case Text:
		return !nested
	case Bool:
		return string(text) == "true" || string(text) == "false"
	case Int32:
		i, ok := integer(text)
		return ok && i >= math.MinInt32 && i <= math.MaxInt32
	case Int64:
		_, ok := integer(text)
		return ok
	case Double:
		_, ok := double(text)
		return ok
	case Timestamp:
		_, ok := parseTime(text)
		return ok && quoted
	}
	return false
}

// Time reads a text as a Timestamp leaf does: microseconds since 1970 in UTC.
func Time(text []byte) (us int64, ok bool) { return parseTime(text) }
