// Package mmdbtest writes MaxMind databases for tests.
package mmdbtest

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"net/netip"
	"slices"
	"testing"
)

// Writer makes a database, as https://maxmind.github.io/MaxMind-DB/ describes them.
type Writer struct {
	t     testing.TB
	bits  int // of a record of the tree
	six   bool
	nodes [][2]int // another node, -1: nothing, or -2 - the place of the data
	data  []byte
}

// Pointer stands for the value at a place.
type Pointer int

// New begins a database with records of 24, 28 or 32 bits in its tree.
func New(t testing.TB, bits int, six bool) *Writer {
	return &Writer{t: t, bits: bits, six: six, nodes: [][2]int{{-1, -1}}}
}

// Put writes a value, and returns its place.
func (m *Writer) Put(v any) int {
	at := len(m.data)
	m.data = appendValue(m.data, v)
	return at
}

// Insert gives a network the record at a place. Longer prefixes come after shorter ones.
func (m *Writer) Insert(network string, place int) {
	m.t.Helper()
	p, err := netip.ParsePrefix(network)
	if err != nil {
		m.t.Fatal(err)
	}
	address, bits := p.Addr().AsSlice(), p.Bits()
	if m.six && p.Addr().Is4() {
		address, bits = append(make([]byte, 12), address...), bits+96
	}
	node := 0
	for i := range bits - 1 {
		side := int(address[i/8]>>(7-i%8)) & 1
		next := m.nodes[node][side]
		if next < 0 {
			m.nodes = append(m.nodes, [2]int{next, next})
			next = len(m.nodes) - 1
			m.nodes[node][side] = next
		}
		node = next
	}
	m.nodes[node][int(address[(bits-1)/8]>>(7-(bits-1)%8))&1] = -2 - place
}

// File is the file.
func (m *Writer) File() []byte {
	var out []byte
	for _, n := range m.nodes {
		var v [2]uint32
		for side, to := range n {
			switch {
			case to >= 0:
				v[side] = uint32(to)
			case to == -1:
				v[side] = uint32(len(m.nodes))
			default:
				v[side] = uint32(len(m.nodes) + 16 - to - 2)
			}
		}
		b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, v[0]), v[1])
		switch m.bits {
		case 24:
			b = slices.Concat(b[1:4], b[5:])
		case 28:
			b = slices.Concat(b[1:4], []byte{b[0]<<4 | b[4]}, b[5:])
		}
		out = append(out, b...)
	}
	version := uint16(4)
	if m.six {
		version = 6
	}
	out = append(append(out, make([]byte, 16)...), m.data...)
	return appendValue(append(out, "\xab\xcd\xefMaxMind.com"...), map[string]any{"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0), "build_epoch": uint64(1),
		"database_type": "Test", "description": map[string]any{}, "ip_version": version, "languages": []any{}, "node_count": uint32(len(m.nodes)), "record_size": uint16(m.bits)})
}

func appendValue(b []byte, v any) []byte {
	head := func(kind, size int) {
		var more []byte
		switch {
		case size >= 285:
			more, size = binary.BigEndian.AppendUint16(nil, uint16(size-285)), 30
		case size >= 29:
			more, size = []byte{byte(size - 29)}, 29
		}
		if kind > 7 {
			b = append(b, byte(size), byte(kind-7))
		} else {
			b = append(b, byte(kind<<5|size))
		}
		b = append(b, more...)
	}
	whole := func(kind int, n uint64) []byte {
		digits := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, n), "\x00")
		head(kind, len(digits))
		return append(b, digits...)
	}
	switch v := v.(type) {
	case Pointer:
		return append(b, 0x20|0x18, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	case string:
		head(2, len(v))
		return append(b, v...)
	case []byte:
		head(4, len(v))
		return append(b, v...)
	case float64:
		head(3, 8)
		return binary.BigEndian.AppendUint64(b, math.Float64bits(v))
	case float32:
		head(15, 4)
		return binary.BigEndian.AppendUint32(b, math.Float32bits(v))
	case uint16:
		return whole(5, uint64(v))
	case uint32:
		return whole(6, uint64(v))
	case uint64:
		return whole(9, v)
	case int32:
		head(8, 4)
		return binary.BigEndian.AppendUint32(b, uint32(v))
	case [2]uint64: // 128 bits
		head(10, 16)
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, v[0]), v[1])
	case bool:
		n := 0
		if v {
			n = 1
		}
		head(14, n)
		return b
	case []any:
		head(11, len(v))
		for _, e := range v {
			b = appendValue(b, e)
		}
		return b
	case map[string]any:
		head(7, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b = appendValue(appendValue(b, k), v[k])
		}
		return b
	}
	panic(v)
}
