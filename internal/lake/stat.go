package lake

import (
	"encoding/binary"
	"math"
)

// stat is the least and the greatest value of a column chunk, in the order that readers use: texts by bytes, numbers signed.
type stat struct {
	phys     int
	any      bool
	off      bool // a value has no order (NaN)
	lo, hi   int64
	fLo, fHi float64
	tLo, tHi []byte
	tooLong  bool
}

func (s *stat) reset() { s.any, s.off, s.tooLong = false, false, false }

func (s *stat) int(v int64) {
	switch {
	case !s.any:
		s.lo, s.hi, s.any = v, v, true
	case v < s.lo:
		s.lo = v
	case v > s.hi:
		s.hi = v
	}
}

func (s *stat) bool(v bool) {
	if v {
		s.int(1)
	} else {
		s.int(0)
	}
}

func (s *stat) double(v float64) {
	switch {
	case v != v:
		s.off = true
	case !s.any:
		s.fLo, s.fHi, s.any = v, v, true
	case v < s.fLo:
		s.fLo = v
	case v > s.fHi:
		s.fHi = v
	}
}

// text takes no note of texts once one was too long to be kept: the statistics are left out then.
func (s *stat) text(v string) {
	switch {
	case s.tooLong:
	case !s.any:
		s.any = true
		s.tLo, s.tHi = append(s.tLo[:0], v...), append(s.tHi[:0], v...)
		s.tooLong = len(v) > maxStatBytes
	case v < string(s.tLo):
		s.tLo = append(s.tLo[:0], v...)
		s.tooLong = len(v) > maxStatBytes
	case v > string(s.tHi):
		s.tHi = append(s.tHi[:0], v...)
		s.tooLong = len(v) > maxStatBytes
	}
}

// bounds in PLAIN, without a text's length; false if there are none.
func (s *stat) bounds() (lo, hi string, ok bool) {
	if !s.any || s.off || s.tooLong {
		return "", "", false
	}
	switch s.phys {
	case physBoolean:
		return string([]byte{byte(s.lo)}), string([]byte{byte(s.hi)}), true
	case physInt32:
		return le32(uint32(s.lo)), le32(uint32(s.hi)), true
	case physInt64:
		return le64(uint64(s.lo)), le64(uint64(s.hi)), true
	case physDouble:
		lo, hi := s.fLo, s.fHi
		if lo == 0 { // a zero has two signs, and readers compare bits or not
			lo = math.Copysign(0, -1)
		}
		if hi == 0 {
			hi = math.Copysign(0, 1)
		}
		return le64(math.Float64bits(lo)), le64(math.Float64bits(hi)), true
	}
	return string(s.tLo), string(s.tHi), true
}

func le32(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }
func le64(v uint64) string { return string(binary.LittleEndian.AppendUint64(nil, v)) }
