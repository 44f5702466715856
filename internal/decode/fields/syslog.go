package fields

import "bytes"

// The names of a priority's halves are constants: nothing is made for a record.
var smallNumbers = func() (all [24][]byte) {
	for i := range all {
		if i >= 10 {
			all[i] = append(all[i], '0'+byte(i/10))
		}
		all[i] = append(all[i], '0'+byte(i%10))
	}
	return all
}()

// Syslog reads a syslog header, RFC 5424 or RFC 3164 in the forms met: pri, facility and severity (of pri), timestamp, host, app,
// procid, msgid, structured (its brackets and all). What is "-" in RFC 5424 is left out. rest is the message; it is all of b
// where there is no header.
func Syslog(dst []Field, b []byte) (out []Field, rest []byte) {
	rest = b
	if len(b) > 0 && b[0] == '<' {
		n, i := 0, 1
		for i < len(b) && i < 4 && b[i] >= '0' && b[i] <= '9' {
			n = n*10 + int(b[i]-'0')
			i++
		}
		if i == 1 || i == len(b) || b[i] != '>' || n > 191 {
			return dst, b
		}
		dst = append(dst, field("pri", b[1:i]), derived("facility", smallNumbers[n>>3]), derived("severity", smallNumbers[n&7]))
		rest = b[i+1:]
		if len(rest) > 2 && rest[0] == '1' && rest[1] == ' ' {
			if out, msg, ok := syslog5424(dst, rest[2:]); ok {
				return out, msg
			}
		}
	}
	n := timestampLen(rest)
	if n == 0 {
		return dst, rest
	}
	n += zoneLen(rest, n)
	after := trimLeft(rest[n:])
	host, more := word(after)
	if len(after) == len(rest[n:]) || len(host) == 0 || bytes.ContainsAny(host, "=|,;\"") {
		if len(dst) == 0 && rest[0] >= '0' && rest[0] <= '9' { // a line that begins with a time may be anything
			return dst, rest
		}
		return append(dst, field("timestamp", rest[:n])), after
	}
	dst = append(dst, field("timestamp", rest[:n]))
	if host[len(host)-1] == ':' { // a tag without a host
		return tag(dst, after)
	}
	dst = append(dst, field("host", host))
	return tag(dst, trimLeft(more))
}

func derived(key string, value []byte) Field {
	f := field(key, value)
	f.Derived = true
	return f
}

// tag reads "app[procid]: ".
func tag(dst []Field, b []byte) ([]Field, []byte) {
	w, more := word(b)
	if len(w) < 2 || w[len(w)-1] != ':' || bytes.ContainsAny(w, "=|,;\"") {
		return dst, b
	}
	app := w[:len(w)-1]
	if i := bytes.IndexByte(app, '['); i > 0 && app[len(app)-1] == ']' {
		return append(dst, field("app", app[:i]), field("procid", app[i+1:len(app)-1])), trimLeft(more)
	}
	return append(dst, field("app", app)), trimLeft(more)
}

func syslog5424(dst []Field, b []byte) ([]Field, []byte, bool) {
	base := len(dst)
	for _, name := range [...]string{"timestamp", "host", "app", "procid", "msgid"} {
		w, more := word(b)
		if len(w) == 0 || len(more) == 0 {
			return dst[:base], nil, false
		}
		if string(w) != "-" {
			dst = append(dst, field(name, w))
		}
		b = more[1:]
	}
	if len(b) > 0 && b[0] == '-' {
		return dst, trimLeft(b[1:]), true
	}
	end := 0
	for end < len(b) && b[end] == '[' {
		quoted := false
		for end++; end < len(b) && (quoted || b[end] != ']'); end++ {
			switch {
			case b[end] == '\\' && quoted && end+1 < len(b):
				end++
			case b[end] == '"':
				quoted = !quoted
			}
		}
		if end >= len(b) {
			return dst[:base], nil, false
		}
		end++
	}
	if end == 0 {
		return dst[:base], nil, false
	}
	dst = append(dst, field("structured", b[:end]))
	return dst, trimLeft(b[end:]), true
}

// timestampLen is how long the time is that b begins with: "Oct  3 23:50:22", with a year before or after the clock or a fraction, or
// ISO 8601 with a T. 0: none.
func timestampLen(b []byte) int {
	if len(b) >= 19 && digits(b, 0, 4) && b[4] == '-' && digits(b, 5, 2) && b[7] == '-' && digits(b, 8, 2) && b[10] == 'T' && digits(b, 11, 2) {
		w, _ := word(b)
		return len(w)
	}
	if len(b) < 15 || !bytes.Contains([]byte("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec "), b[:4]) || b[3] != ' ' {
		return 0
	}
	i := 4
	if b[i] == ' ' {
		i++
	}
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i < len(b)-5 && b[i] == ' ' && digits(b, i+1, 4) && b[i+5] == ' ' { // Cisco writes the year here
		i += 5
	}
	if i+9 > len(b) || b[i] != ' ' || !digits(b, i+1, 2) || b[i+3] != ':' || !digits(b, i+4, 2) || b[i+6] != ':' || !digits(b, i+7, 2) {
		return 0
	}
	i += 9
	if i < len(b) && b[i] == '.' {
		for i++; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		}
	}
	if i+5 <= len(b) && b[i] == ' ' && digits(b, i+1, 4) && (i+5 == len(b) || b[i+5] == ' ') {
		i += 5
	}
	return i
}

// zoneLen is how long the zone is behind the time that b begins with, and the blank before it: an abbreviation that is read as one, or
// an offset. A host with such a name has a colon after it, or nothing.
func zoneLen(b []byte, n int) int {
	if n+1 >= len(b) || b[n] != ' ' || b[0] <= '9' || b[n-5] == ' ' && digits(b, n-4, 4) { // after a year it is not read
		return 0
	}
	w, more := word(b[n+1:])
	if len(trim(more)) == 0 {
		return 0
	}
	switch string(w) {
	case "UTC", "GMT", "Z", "WET", "WEST", "CET", "CEST", "EET", "EEST", "MSK", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "BST", "IST", "JST", "KST", "AEST", "AEDT", "NZST", "NZDT":
		return 1 + len(w)
	}
	if (len(w) == 5 && digits(w, 1, 4) || len(w) == 6 && digits(w, 1, 2) && w[3] == ':' && digits(w, 4, 2)) && (w[0] == '+' || w[0] == '-') {
		return 1 + len(w)
	}
	return 0
}

func digits(b []byte, from, n int) bool {
	if from+n > len(b) {
		return false
	}
	for _, c := range b[from : from+n] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// word cuts b at its first blank, which stays with more.
func word(b []byte) (w, more []byte) {
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

func trimLeft(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return b
}
