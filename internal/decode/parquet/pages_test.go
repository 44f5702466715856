package parquet

import (
	"encoding/binary"
	"testing"
)

// TestDeltaEnd: integers are passed over as they are encoded, and blocks that take too much memory are refused.
func TestDeltaEnd(t *testing.T) {
	made := func(block, minis, total uint64, rest ...byte) []byte {
		var b []byte
		for _, v := range []uint64{block, minis, total, 10} {
			b = binary.AppendUvarint(b, v)
		}
		return append(b, rest...)
	}
	for name, c := range map[string]struct {
		b    []byte
		n    int64
		left int // -1: refused
	}{
		"one value":            {made(128, 4, 1, 7, 7), 1, 2},
		"none":                 {made(128, 4, 0, 7), 5, 1},
		"a miniblock":          {made(128, 4, 5, append([]byte{0, 1, 0, 0, 0}, 1, 2, 3, 4, 9)...), 5, 1},
		"all values alike":     {made(128, 4, 129, 0, 0, 0, 0, 0, 9), 129, 1},
		"more than promised":   {made(128, 4, 6, 0, 0, 0, 0, 0), 5, -1},
		"cut in a miniblock":   {made(128, 4, 5, 0, 8, 0, 0, 0, 1, 2), 5, -1},
		"cut in the widths":    {made(128, 4, 5, 0, 8), 5, -1},
		"a very large block":   {made(1<<31, 1, 1<<31, 0, 0), 1 << 31, -1},
		"no miniblocks":        {made(128, 0, 5, 0), 5, -1},
		"uneven miniblocks":    {made(128, 3, 5, 0), 5, -1},
		"cut in its beginning": {[]byte{0x80}, 5, -1},
	} {
		rest, ok := deltaEnd(c.b, c.n)
		if ok != (c.left >= 0) || ok && len(rest) != c.left {
			t.Errorf("%s: %d bytes left, %t", name, len(rest), ok)
		}
	}
}
