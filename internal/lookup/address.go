package lookup

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"unsafe"
)

// address is a value of 128 bits: an IPv6 address, or an IPv4 address in lo.
type address struct {
	hi, lo uint64
	four   bool
}

func (a address) less(b address) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// readAddress reads an IPv4 or IPv6 address. Blanks around it, its zone, and the form of IPv4 in IPv6 do not matter.
func readAddress(t []byte) (a address, ok bool) {
	for len(t) > 0 && t[0] == ' ' {
		t = t[1:]
	}
	for len(t) > 0 && t[len(t)-1] == ' ' {
		t = t[:len(t)-1]
	}
	if v, ok := readIPv4(t); ok {
		return address{lo: uint64(v), four: true}, true
	}
	if len(t) < 2 || len(t) > 128 {
		return a, false
	}
	ip, err := netip.ParseAddr(unsafe.String(&t[0], len(t)))
	if err != nil {
		return a, false
	}
	return ofIP(ip), true
}

func ofIP(ip netip.Addr) address {
	if ip = ip.Unmap(); ip.Is4() {
		b := ip.As4()
		return address{lo: uint64(binary.BigEndian.Uint32(b[:])), four: true}
	}
	b := ip.As16()
	return address{hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:])}
}

// readIPv4 reads four decimal numbers without leading zeros.
func readIPv4(t []byte) (v uint32, ok bool) {
	i := 0
	for part := 0; ; part++ {
		start, n := i, uint32(0)
		for i < len(t) && t[i]-'0' <= 9 && i-start < 3 {
			n = n*10 + uint32(t[i]-'0')
			i++
		}
		if i == start || n > 255 || i-start > 1 && t[start] == '0' {
			return 0, false
		}
		v = v<<8 | n
		if part == 3 {
			return v, i == len(t)
		}
		if i == len(t) || t[i] != '.' {
			return 0, false
		}
		i++
	}
}

// prefix is a network.
type prefix struct {
	first address
	bits  uint8 // of 32 or 128
}

// last is the last address of the network.
func (p prefix) last() address {
	a := p.first
	switch {
	case a.four:
		a.lo |= uint64(^uint32(0)) >> p.bits
	case p.bits >= 64:
		if p.bits < 128 {
			a.lo |= ^uint64(0) >> (p.bits - 64)
		}
	default:
		a.hi |= ^uint64(0) >> p.bits
		a.lo = ^uint64(0)
	}
	return a
}

// readPrefix4 reads an IPv4 network such as 192.0.2.0/24, or an address. Whatever it does not read, readPrefix reads or refuses.
func readPrefix4(t []byte) (first, last uint32, ok bool) {
	slash := bytes.IndexByte(t, '/')
	if slash < 0 {
		first, ok = readIPv4(t)
		return first, first, ok
	}
	first, ok = readIPv4(t[:slash])
	bits := 0
	switch size := t[slash+1:]; {
	case len(size) == 1 && '0' <= size[0] && size[0] <= '9':
		bits = int(size[0] - '0')
	case len(size) == 2 && '1' <= size[0] && size[0] <= '3' && '0' <= size[1] && size[1] <= '9':
		bits = int(size[0]-'0')*10 + int(size[1]-'0')
	default:
		return 0, 0, false
	}
	if !ok || bits > 32 {
		return 0, 0, false
	}
	host := uint32(uint64(1)<<(32-bits) - 1)
	return first, first | host, first&host == 0
}

// readPrefix reads a network, or an address as a network of its own. why says what is wrong.
func readPrefix(t string) (p prefix, why string) {
	if ip, err := netip.ParseAddr(t); err == nil && ip.Zone() == "" {
		p.first = ofIP(ip)
		if p.bits = 128; p.first.four {
			p.bits = 32
		}
		return p, ""
	}
	n, err := netip.ParsePrefix(t)
	if err != nil {
		return p, "not a CIDR prefix (example: 192.0.2.0/24) or an address"
	}
	if n != n.Masked() {
		return p, "the address has bits behind the prefix: the network is " + n.Masked().String()
	}
	p.first, p.bits = ofIP(n.Addr()), uint8(n.Bits())
	if p.first.four && n.Addr().Is4In6() {
		if n.Bits() < 96 {
			return p, "a prefix of IPv4 addresses in IPv6 form must have 96 bits or more"
		}
		p.bits -= 96
	}
	return p, ""
}
