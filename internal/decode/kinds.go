package decode

import (
	"math"
	"strconv"
)

// take sets the leaves of key k to the scalar or array v, and says whether v belongs in the rest as well: because a leaf
// keeps it there, or because it does not fit. esc: v is a string with escapes.
func (s *Scanner) take(k *node, v []byte, esc bool) (toRest bool) {
	text := v
	if v[0] == '"' {
		text = s.unquoted(v[1:len(v)-1], esc)
	}
	return s.set(k, text, v)
}

// unquoted is the text of a string's inside.
func (s *Scanner) unquoted(v []byte, esc bool) []byte {
	if !esc {
		return v
	}
	from := len(s.text)
	s.text = unescape(s.text, v)
	return s.text[from:len(s.text):len(s.text)]
}

// set is take for a value as text; json is its JSON text, nil for a text that is not from JSON.
func (s *Scanner) set(k *node, text, json []byte) (toRest bool) {
	first := byte('"')
	if json != nil {
		first = json[0]
	}
	for l := k.leaf; l >= 0; l = s.leaves[l].next {
		d := &s.leaves[l]
		out := &s.values[l]
		out.Text = text
		switch d.kind {
		case Text:
			out.Set = first != '['
		case Int64:
			out.Int, out.Set = integer(text)
		case Int32:
			out.Int, out.Set = integer(text)
			out.Set = out.Set && out.Int >= math.MinInt32 && out.Int <= math.MaxInt32
		case Timestamp:
			switch {
			case d.time != nil && first != '[':
				out.Int, out.Set = d.time.parse(text)
			case first == '"':
				out.Int, out.Set = parseTime(text)
			}
		case Bool:
			out.Set = true
			switch string(text) {
			case "true":
				out.Int = 1
			case "false":
				out.Int = 0
			default:
				out.Set = false
			}
		case Double:
			out.Num, out.Set = double(text)
		case JSON:
			out.Set, out.Text = true, json
			switch {
			case json == nil:
				out.Text = s.quoted(text)
			case first == '[':
				out.Text = s.cleaned(json)
			}
		}
		if !out.Set {
			*out = Value{}
			s.misfits = append(s.misfits, l)
			toRest = true
		} else if d.keep && !(d.list && string(out.Text) == "[]") {
			toRest = true
		}
	}
	return toRest
}

// integer reads what JSON writes as an integer, of 64 bits at most. "007" is a name, not a number.
func integer(v []byte) (int64, bool) {
	neg := len(v) > 0 && v[0] == '-'
	if neg {
		v = v[1:]
	}
	if len(v) == 0 || len(v) > 19 || v[0] == '0' && len(v) > 1 {
		return 0, false
	}
	var x uint64
	for _, c := range v {
		if c -= '0'; c > 9 {
			return 0, false
		}
		x = x*10 + uint64(c)
	}
	switch {
	case neg && x <= 1<<63:
		return -int64(x), true
	case !neg && x <= math.MaxInt64:
		return int64(x), true
	}
	return 0, false
}

// double reads what JSON writes as a number. One beyond a double's range does not fit.
func double(v []byte) (float64, bool) {
	p := parser{b: v}
	if p.number(0) != len(v) {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(v), 64)
	return x, err == nil
}

const (
	minTime = -62135596800 * 1e6   // 0001-01-01T00:00:00Z in microseconds since 1970
	maxTime = 253402300800*1e6 - 1 // 9999-12-31T23:59:59.999999Z
	dayUs   = 86400 * 1e6
)

// parseTime reads 2006-01-02T15:04:05, a blank, t or T between date and time, a fraction of up to 9 digits (what is below a
// microsecond is cut off), and an offset (Z, z, +hhmm, +hh:mm, the last two also after a blank; none: UTC). It returns microseconds since 1970 in UTC, in the
// years 1 to 9999. Second 60 is refused.
func parseTime(v []byte) (int64, bool) {
	if len(v) < 19 || v[4] != '-' || v[7] != '-' || v[10] != 'T' && v[10] != ' ' && v[10] != 't' || v[13] != ':' || v[16] != ':' {
		return 0, false
	}
	y := two(v[0:])*100 + two(v[2:])
	mo, d := two(v[5:]), two(v[8:])
	h, mi, se := two(v[11:]), two(v[14:]), two(v[17:])
	if two(v[0:])|two(v[2:])|mo|d|h|mi|se < 0 {
		return 0, false
	}
	if y < 1 || mo < 1 || mo > 12 || d < 1 || d > monthDays(y, mo) || h > 23 || mi > 59 || se > 59 {
		return 0, false
	}
	us, n := fraction(v[19:])
	if n < 0 {
		return 0, false
	}
	off, ok := offset(v[19+n:])
	if !ok {
		return 0, false
	}
	t := days(y, mo, d)*dayUs + int64(h*3600+mi*60+se-off*60)*1e6 + us
	return t, t >= minTime && t <= maxTime
}

// two is the number of the two digits v begins with, or negative.
func two(v []byte) int {
	a, b := v[0]-'0', v[1]-'0'
	if a > 9 || b > 9 {
		return -1 << 20
	}
	return int(a)*10 + int(b)
}

// fraction reads ".5" to ".500000000" at the start of v, if it is there, in microseconds. n is how long it is, -1 if broken.
func fraction(v []byte) (us int64, n int) {
	if len(v) == 0 || v[0] != '.' {
		return 0, 0
	}
	n = 1
	for n < len(v) && v[n]-'0' <= 9 {
		if n <= 6 {
			us = us*10 + int64(v[n]-'0')
		}
		n++
	}
	if n == 1 || n > 10 {
		return 0, -1
	}
	for k := n; k <= 6; k++ {
		us *= 10
	}
	return us, n
}

// offset reads all of v as an offset from UTC, in minutes.
func offset(v []byte) (minutes int, ok bool) {
	if len(v) > 1 && v[0] == ' ' && (v[1] == '+' || v[1] == '-') {
		v = v[1:]
	}
	switch len(v) {
	case 0:
		return 0, true
	case 1:
		return 0, v[0] == 'Z' || v[0] == 'z'
	case 6:
		if v[3] != ':' {
			return 0, false
		}
	case 5:
	default:
		return 0, false
	}
	h, m := two(v[1:]), two(v[len(v)-2:])
	if h|m < 0 || h > 23 || m > 59 {
		return 0, false
	}
	switch v[0] {
	case '+':
		return h*60 + m, true
	case '-':
		return -(h*60 + m), true
	}
	return 0, false
}

func monthDays(y, m int) int {
	if m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0) {
		return 29
	}
	return [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[m-1]
}

// days since 1970-01-01 in the Gregorian calendar, which is taken to hold for all years. The year begins in March, so that
// the leap day comes last.
func days(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	return int64(365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468)
}

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
