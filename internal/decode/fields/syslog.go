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

// Syslog appends the fields of a syslog header to dst: pri, facility and severity (computed from pri), sequence (the number that Cisco
// writes before the time), timestamp, host, app, procid, msgid, and structured with its brackets. A field that RFC 5424 writes as "-" is
// left out. rest is the message. Without a header of RFC 5424 or RFC 3164, rest is b.
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
			if epochLen(rest[2:]) > 0 {
				rest = rest[2:]
			}
		}
		if t := trimLeft(rest); len(t) > 0 && t[0] == ':' { // ":Oct 11", ": 2024 Oct 11"
			if t = trimLeft(t[1:]); logTimeLen(t) > 0 {
				rest = t
			}
		}
		if n := epochLen(rest); n > 0 {
			return hostAndTag(append(dst, field("timestamp", rest[:n])), trimLeft(rest[n:]))
		}
	}
	if number, after, ok := sequence(rest); ok {
		if named, at, ok := sequenceHost(after); ok {
			n := logTimeLen(at)
			return tag(append(dst, field("sequence", number), field("host", named), field("timestamp", at[:n])), afterTime(at[n:]))
		}
		if logTimeLen(after) > 0 {
			dst, rest = append(dst, field("sequence", number)), after
		}
	}
	n := logTimeLen(rest)
	if n == 0 {
		return dst, rest
	}
	after := trimLeft(rest[n:])
	if len(after) > 0 && after[0] == ':' { // "Oct 11 22:14:15: %ASA-6-302013: ", without a host
		return tag(append(dst, field("timestamp", rest[:n])), afterTime(after))
	}
	if len(dst) == 0 && rest[0] >= '0' && rest[0] <= '9' { // a line that begins with a time may be anything
		if host, _ := word(after); len(host) == 0 || !isHost(host) {
			return dst, rest
		}
	}
	return hostAndTag(append(dst, field("timestamp", rest[:n])), after)
}

// hostAndTag reads "host app[procid]: ", or a tag without a host.
func hostAndTag(dst []Field, b []byte) ([]Field, []byte) {
	host, more := word(b)
	switch {
	case len(host) == 0 || bytes.ContainsAny(host, "=|,;\""):
		return dst, b
	case host[len(host)-1] == ':':
		return tag(dst, b)
	}
	return tag(append(dst, field("host", host)), afterTime(trimLeft(more)))
}

// afterTime leaves out the colon that Cisco writes after the time or after the host.
func afterTime(b []byte) []byte {
	if len(b) > 0 && b[0] == ':' && (len(b) == 1 || b[1] == ' ') {
		b = b[1:]
	}
	return trimLeft(b)
}

// sequence reads the number that Cisco writes before the time: "000123: ".
func sequence(b []byte) (number, after []byte, ok bool) {
	n := 0
	for n < len(b) && n < 10 && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	if n == 0 || n+1 >= len(b) || b[n] != ':' || b[n+1] != ' ' {
		return nil, nil, false
	}
	return b[:n], trimLeft(b[n+1:]), true
}

// sequenceHost reads the host that stands between the number and the time: "router1: *Oct 11 22:14:15: ".
func sequenceHost(b []byte) (host, at []byte, ok bool) {
	w, more := word(b)
	if len(w) < 2 || w[len(w)-1] != ':' || bytes.ContainsAny(w, "=|,;\"") || logTimeLen(trimLeft(more)) == 0 {
		return nil, nil, false
	}
	return w[:len(w)-1], trimLeft(more), true
}

// isHost tells whether a word can be the name of a host after a time that any log could begin with. It is not the level of a message.
func isHost(w []byte) bool {
	for _, c := range w {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && !has("._-:%/", c) {
			return false
		}
	}
	switch string(bytes.ToUpper(w)) {
	case "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "ERR", "FATAL", "CRITICAL", "CRIT", "ALERT", "EMERG", "-":
		return false
	}
	return true
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
