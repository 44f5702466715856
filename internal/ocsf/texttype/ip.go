package texttype

// IP says whether a text is an IPv4 or IPv6 address. IPv6 can be compressed, end in an IPv4 address, and have a zone (%eth0). As in
// OCSF's pattern, blanks can stand around the address.
func IP(t []byte) bool {
	if ipv4(t) {
		return true
	}
	if len(t) == 0 {
		return false
	}
	if space(t[0]) || space(t[len(t)-1]) {
		for len(t) > 0 && space(t[0]) {
			t = t[1:]
		}
		for len(t) > 0 && space(t[len(t)-1]) {
			t = t[:len(t)-1]
		}
		return ipv4(t) || ipv6(t)
	}
	return ipv6(t)
}

func space(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' && c != '\v' }

// ipv4 says whether a text is four decimal numbers of up to 255, without leading zeros.
func ipv4(t []byte) bool {
	i := 0
	for part := 0; ; part++ {
		if i >= len(t) {
			return false
		}
		n := uint(t[i] - '0')
		if n > 9 {
			return false
		}
		i++
		if i < len(t) && t[i]-'0' <= 9 {
			if n == 0 {
				return false
			}
			n = n*10 + uint(t[i]-'0')
			i++
			if i < len(t) && t[i]-'0' <= 9 {
				if n = n*10 + uint(t[i]-'0'); n > 255 {
					return false
				}
				i++
			}
		}
		if part == 3 {
			return i == len(t)
		}
		if i >= len(t) || t[i] != '.' {
			return false
		}
		i++
	}
}

// ipv6 says whether a text is an IPv6 address.
func ipv6(t []byte) bool {
	i, groups, compressed := 0, 0, false
	if len(t) >= 2 && t[0] == ':' && t[1] == ':' {
		if compressed, i = true, 2; i == len(t) || t[i] == '%' {
			return zone(t[i:])
		}
	}
	for ; ; i++ {
		start := i
		for i < len(t) && hex[t[i]] {
			i++
		}
		if i < len(t) && t[i] == '.' {
			end := i
			for end < len(t) && t[end] != '%' {
				end++
			}
			return (groups > 0 || compressed) && ipv4(t[start:end]) && whole(groups+2, compressed) && zone(t[end:])
		}
		if i == start || i-start > 4 {
			return false
		}
		groups++
		if i == len(t) || t[i] == '%' {
			return whole(groups, compressed) && zone(t[i:])
		}
		if t[i] != ':' {
			return false
		}
		if i+1 < len(t) && t[i+1] == ':' {
			if compressed {
				return false
			}
			compressed = true
			if i++; i+1 == len(t) || t[i+1] == '%' {
				return whole(groups, compressed) && zone(t[i+1:])
			}
		}
	}
}

// whole says whether so many groups of 16 bits are an address: :: stands for at least one.
func whole(groups int, compressed bool) bool {
	return groups == 8 && !compressed || compressed && groups < 8
}

// zone says whether a text is % and the name of a zone, or nothing.
func zone(t []byte) bool {
	for _, c := range t {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return len(t) != 1
}
