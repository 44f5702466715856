// Package texttype decides which texts are values of OCSF's types ip_t, mac_t, hostname_t, email_t and url_t. It takes what OCSF's own
// patterns describe, and what products write for the same thing (MAC addresses with dots, underscores in host names). It refuses what
// cannot be an address or a name at all.
//
// The functions do not allocate, and their time is linear in the length of the text.
package texttype

import "strings"

// Check says whether a text is a value of a type.
type Check func(text []byte) bool

// Of returns the check of an OCSF type, nil for types that take any text.
func Of(ocsfType string) Check {
	switch ocsfType {
	case "ip_t":
		return IP
	case "mac_t":
		return MAC
	case "hostname_t":
		return Hostname
	case "email_t":
		return Email
	case "url_t":
		return URL
	}
	return nil
}

// Checked are the OCSF types that have a check.
func Checked() []string { return []string{"ip_t", "mac_t", "hostname_t", "email_t", "url_t"} }

// Of what bytes are, for Hostname, Email and URL. Bytes of characters that are not ASCII are plain.
const (
	plain   = 0
	blank   = 1 << iota // blanks and control characters
	mark                // in no host name, not even in one of NetBIOS
	angle               // < > "
	section             // / ? #: the end of a URL's authority
	word                // letters, digits, and what is not ASCII
	dot
	high // not ASCII
)

// kindOf says what each byte is.
var kindOf = kinds()

func kinds() (k [256]byte) {
	for c := range 256 {
		switch {
		case c <= ' ' || c == 0x7f:
			k[c] = blank | mark
		case c >= 0x80:
			k[c] = word | high
		case c == '.':
			k[c] = dot
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			k[c] = word
		}
	}
	for _, c := range []byte(`/\:?"<>|@,;[]`) {
		k[c] |= mark
	}
	for _, c := range []byte(`<>"`) {
		k[c] |= angle
	}
	for _, c := range []byte(`/?#`) {
		k[c] |= section
	}
	return k
}

// hex says which bytes are hexadecimal digits.
var hex = func() (h [256]bool) {
	for _, c := range []byte("0123456789abcdefABCDEF") {
		h[c] = true
	}
	return h
}()

// MAC says whether a text is a MAC address of 6 or 8 bytes: in pairs of digits with colons or hyphens (02:00:5e:10:00:01), in groups of
// four or six digits (0200.5e10.0001), or without separators. In pairs, a byte can have one digit (2:0:5e:10:0:1).
func MAC(t []byte) bool {
	if len(t) < 11 || len(t) > 23 {
		return false
	}
	var separator byte
	digits, groups, run, shortest, longest := 0, 1, 0, 16, 0
	for _, c := range t {
		switch {
		case hex[c]:
			digits++
			run++
		case c == ':' || c == '-' || c == '.':
			if run == 0 || separator != 0 && c != separator {
				return false
			}
			separator = c
			groups++
			shortest, longest, run = min(shortest, run), max(longest, run), 0
		default:
			return false
		}
	}
	shortest, longest = min(shortest, run), max(longest, run)
	if shortest == 0 {
		return false
	}
	switch groups {
	case 6: // a byte of 0 to 15 can have one digit, but not with dots, which numbers of versions have
		return longest <= 2 && (shortest == 2 || separator != '.')
	case 1, 2, 3:
		return shortest == longest && (digits == 12 || digits == 16 && groups == 1)
	case 4:
		return shortest == longest && digits == 16
	}
	return groups == 8 && shortest == 2 && longest == 2
}

const (
	maxName  = 255 // characters of a host name
	maxLabel = 63  // of a part between dots
)

// Hostname says whether a text can be the name of a host: parts of up to 63 characters with dots between them, up to 255 characters in
// all, and perhaps a dot at the end. The root (.) is one. It takes what DNS, NetBIOS and Windows have in names (_, -, $), names that
// are not in ASCII, *.example.com, DNS's \052 for a byte, and addresses: those of IPv6 with or without brackets. It refuses blanks,
// control characters, slashes, ports, lists, empty parts, and texts without a letter or digit.
func Hostname(t []byte) bool {
	start, words := 0, byte(0)
	for i, c := range t {
		k := kindOf[c]
		if k&(mark|dot|high) == 0 {
			words |= k
			continue
		}
		if c != '.' || i == start || i-start > maxLabel {
			return rareHostname(t)
		}
		start = i + 1
	}
	return words&word != 0 && len(t)-start <= maxLabel && len(t) <= maxName
}

// rareHostname is Hostname for any text, and takes twice the time.
func rareHostname(t []byte) bool {
	if len(t) == 0 || len(t) > 4*maxName {
		return false
	}
	length, label, words := 0, 0, 0
	for i := 0; i < len(t); i++ {
		c := t[i]
		k := kindOf[c]
		switch {
		case c == '.':
			if label == 0 {
				return len(t) == 1
			}
			label = 0
			length++
			continue
		case k&mark != 0:
			if c != '\\' || i+3 >= len(t) || !digit(t[i+1]) || !digit(t[i+2]) || !digit(t[i+3]) {
				return literal(t)
			}
			i += 3 // one byte in DNS
		case c >= 0x80 && c < 0xc0:
			continue // of a character that is counted already
		}
		if k&word != 0 {
			words++
		}
		length++
		if label++; label > maxLabel {
			return false
		}
	}
	return words > 0 && length <= maxName
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// literal says whether a text is an IPv6 address, in brackets perhaps.
func literal(t []byte) bool {
	if t[0] == '[' && t[len(t)-1] == ']' {
		t = t[1 : len(t)-1]
	}
	return ipv6(t)
}

// Email says whether a text is an address (ada@example.com), perhaps with the name of its owner (Ada <ada@example.com>). The part before
// the last @ can be anything without blanks, control characters, < and >, or anything in double quotes.
func Email(t []byte) bool {
	if n := len(t); n > 0 && t[n-1] == '>' {
		open := -1
		for i, c := range t[:n-1] {
			switch {
			case c == '<' && open >= 0, c == '>', c < ' ' || c == 0x7f:
				return false
			case c == '<':
				open = i
			}
		}
		if open < 0 {
			return false
		}
		t = t[open+1 : n-1]
	}
	at := -1
	for i := len(t) - 1; i > 0; i-- {
		if t[i] == '@' {
			at = i
			break
		}
	}
	if at < 1 {
		return false
	}
	local, host := t[:at], t[at+1:]
	if n := len(local); n > 2 && local[0] == '"' && local[n-1] == '"' {
		for _, c := range local {
			if c < ' ' || c == 0x7f || c == '<' || c == '>' {
				return false
			}
		}
	} else {
		for _, c := range local {
			if k := kindOf[c]; k&(blank|angle) != 0 || c == ',' || c == ';' || c == '@' {
				return false
			}
		}
	}
	return Hostname(host)
}

// URL says whether a text is a URL, or the part of one that logs have: a path, or a host with a port and a path. It has no control
// characters; up to the first / ? or # (behind ://, if the text has a scheme), it has no blanks and no < > " either. Behind that,
// logs write blanks as they are.
func URL(t []byte) bool {
	i, words := 0, false
	if len(t) > 0 && 'a' <= t[0]|0x20 && t[0]|0x20 <= 'z' {
		for i < len(t) && (digit(t[i]) || 'a' <= t[i]|0x20 && t[i]|0x20 <= 'z' || t[i] == '+' || t[i] == '-' || t[i] == '.') {
			i++
		}
		if i+3 <= len(t) && string(t[i:i+3]) == "://" {
			i += 3
		} else {
			i = 0
		}
	}
	if i == len(t) {
		return false
	}
	for ; i < len(t) && kindOf[t[i]]&section == 0; i++ {
		k := kindOf[t[i]]
		if k&(blank|angle) != 0 {
			return false
		}
		words = words || k&word != 0
	}
	if i == len(t) {
		return words
	}
	if !words && t[i] != '/' { // a query alone
		return false
	}
	for _, c := range t[i:] {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// Function names the SQL function that returns a text if it is a value of a type, and NULL if not (example: silt_ip).
func Function(ocsfType string) string { return "silt_" + strings.TrimSuffix(ocsfType, "_t") }
