// Package fastmacro has functions in Go of macros of the library (sql/macros) that most records call. The macro is the
// definition: a test compares the two. Their time is linear in the length of the text.
package fastmacro

import "bytes"

// Scope of an address.
const (
	none    = iota
	private // RFC 1918, 6598, 4193, loopback and link-local
	host    // any other of one host
	group   // multicast and broadcast
)

// Direction of a connection in OCSF's direction_id, as the macro direction_between gives it for two texts: 1 Inbound, 2 Outbound, 3
// Lateral, 0 Unknown.
func Direction(src, dst []byte) int32 {
	switch from, to := scope(src), scope(dst); {
	case from == private && (to == private || to == group):
		return 3
	case from == private && to == host:
		return 2
	case from == host && to == private:
		return 1
	}
	return 0
}

// scope is the first that holds of the macros is_private_ip, is_host_ip and is_group_ip.
func scope(t []byte) int {
	if n, digits := number(t); digits > 0 && len(t) > digits && t[digits] == '.' {
		return scope4(n, digits, t)
	}
	if len(t) > 7 && t[0] == ':' && t[1] == ':' && t[6] == ':' && isF4(t[2:6]) {
		rest := t[7:]
		if n, digits := number(rest); digits > 0 && len(rest) > digits && rest[digits] == '.' && scope4(n, digits, rest) == private {
			return private
		}
	}
	return scope6(t)
}

func isF4(t []byte) bool {
	for _, c := range t {
		if c|0x20 != 'f' {
			return false
		}
	}
	return true
}

// number reads up to three digits without a leading zero; digits is 0 where there are none.
func number(t []byte) (n, digits int) {
	for digits < len(t) && digits < 3 && t[digits]-'0' <= 9 {
		n = n*10 + int(t[digits]-'0')
		digits++
	}
	if digits > 1 && t[0] == '0' {
		return 0, 0
	}
	return n, digits
}

// scope4 is the scope of a text that begins with the number n and a dot.
func scope4(n, digits int, t []byte) int {
	rest := t[digits+1:] // behind the first dot
	for _, c := range rest {
		if c != '.' && c-'0' > 9 {
			return none
		}
	}
	second, more := number(rest)
	pair := more > 0 && len(rest) > more && rest[more] == '.' // a second number, and what is behind its dot
	behind := len(rest) - more - 1
	switch {
	case n == 10 || n == 127:
		if 3 <= len(rest) && len(rest) <= 11 {
			return private
		}
	case !pair || behind < 3 || behind > 11:
	case n == 172 && 16 <= second && second <= 31, n == 192 && second == 168, n == 169 && second == 254, n == 100 && 64 <= second && second <= 127:
		return private
	}
	switch {
	case len(rest) < 5 || len(rest) > 11:
	case 1 <= n && n <= 223:
		return host
	case 224 <= n && n <= 239:
		return group
	case n == 255 && string(rest) == "255.255.255":
		return group
	}
	return none
}

// scope6 is the scope of an IPv6 address.
func scope6(t []byte) int {
	if string(t) == "::1" {
		return private
	}
	first := 0 // hexadecimal digits before the first colon
	for first < len(t) && isHex(t[first]) {
		first++
	}
	if first == len(t) || t[first] != ':' {
		return none
	}
	rest := t[first+1:]
	zone := bytes.IndexByte(rest, '%')
	body := rest
	zoned := zone >= 0
	if zoned {
		body = rest[:zone]
		if !isZone(rest[zone+1:]) {
			return none
		}
	}
	for _, c := range body {
		if !isHex(c) && c != ':' && c != '.' {
			return none
		}
	}
	low := func(i int) byte { return t[i] | 0x20 }
	if first == 4 && low(0) == 'f' && len(body) > 0 {
		switch c := low(1); {
		case c == 'c' || c == 'd', c == 'e' && (t[2] == '8' || t[2] == '9' || low(2) == 'a' || low(2) == 'b'):
			return private
		case c == 'f':
			return group
		}
	}
	switch {
	case 1 <= first && first <= 4 && t[0] != '0' && low(0) != 'f':
		return host
	case 2 <= first && first <= 4 && low(0) == 'f' && low(1) != 'f':
		return host
	case zoned:
		return none
	}
	// zeros and colons, then something that is not zero
	for i, c := range t {
		switch {
		case c == '0' || c == ':':
		case isHex(c) && bytes.IndexByte(t[:i], ':') >= 0:
			return host
		default:
			return none
		}
	}
	return none
}

func isHex(c byte) bool { return c-'0' <= 9 || (c|0x20)-'a' <= 5 }

// isZone says whether a text is the name of a zone, as eth0.
func isZone(t []byte) bool {
	for _, c := range t {
		if c-'0' > 9 && (c|0x20)-'a' > 25 && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return len(t) > 0
}

// Region is how many bytes of the name of an availability zone are that of its region, 0 if it is not such a name: the macro
// zone_region.
func Region(zone []byte) int {
	letters := func(i int) int {
		for i < len(zone) && zone[i]-'a' <= 25 {
			i++
		}
		return i
	}
	digits := func(i int) int {
		for i < len(zone) && zone[i]-'0' <= 9 {
			i++
		}
		return i
	}
	if letters(0) != 2 {
		return 0
	}
	i, words := 2, 0
	for words < 2 && i+1 < len(zone) && zone[i] == '-' && letters(i+1) > i+1 {
		i = letters(i + 1)
		words++
	}
	if words == 0 || i+1 >= len(zone) || zone[i] != '-' || digits(i+1) == i+1 {
		return 0
	}
	region := digits(i + 1)
	i = region
	if i+4 < len(zone) && zone[i] == '-' && letters(i+1) == i+4 && zone[i+4] == '-' && digits(i+5) > i+5 {
		i = digits(i + 5)
	}
	if i+1 != len(zone) || zone[i]-'a' > 25 {
		return 0
	}
	return region
}
