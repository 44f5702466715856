// Package jsonvalue writes values of binary formats as JSON, for the scanner of internal/decode. How each type is written is in
// docs/formats.md.
package jsonvalue

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"
)

// Unit is a unit of times, by its digits after the point of a second.
type Unit int

// The units.
const (
	Millis Unit = 3
	Micros Unit = 6
	Nanos  Unit = 9
)

// perSecond is how many of them a second has.
func (u Unit) perSecond() int64 {
	return map[Unit]int64{Millis: 1e3, Micros: 1e6, Nanos: 1e9}[u]
}

// Layout is time.Format's, with the digits of the unit after the point.
func (u Unit) Layout() string { return "15:04:05." + "000000000"[:u] }

// Clock returns what appends times of a day in a unit. What is not one is written as a number.
func (u Unit) Clock() func(dst []byte, v int64) []byte {
	second, form := u.perSecond(), u.Layout()
	return func(dst []byte, v int64) []byte {
		if v < 0 || v >= 86400*second {
			return strconv.AppendInt(dst, v, 10)
		}
		dst = time.Unix(0, v*(1e9/second)).UTC().AppendFormat(append(dst, '"'), form)
		return append(dst, '"')
	}
}

// Instant returns what appends times since 1970 in a unit. Without utc, they have no zone.
func (u Unit) Instant(utc bool) func(dst []byte, v int64) []byte {
	second, form := u.perSecond(), "2006-01-02T"+u.Layout()
	if utc {
		form += "Z"
	}
	return func(dst []byte, v int64) []byte {
		s, f := v/second, v%second
		if f < 0 {
			s, f = s-1, f+second
		}
		return append(time.Unix(s, f*(1e9/second)).UTC().AppendFormat(append(dst, '"'), form), '"')
	}
}

// Date appends a day, given as days since 1970.
func Date(dst []byte, days int64) []byte {
	return append(time.Unix(days*86400, 0).UTC().AppendFormat(append(dst, '"'), "2006-01-02"), '"')
}

// Float writes the shortest number that is read as the same value; what JSON has no number for is a text.
func Float(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	form := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(dst, v, form, -1, bits)
}

// Decimal writes digits with a point before the last scale of them.
func Decimal(dst []byte, neg bool, digits string, scale int) []byte {
	if neg {
		dst = append(dst, '-')
	}
	if scale <= 0 {
		return append(dst, digits...)
	}
	point := len(digits) - scale
	if point <= 0 {
		dst = append(dst, '0', '.')
		for ; point < 0; point++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(append(dst, digits[:point]...), '.')
	return append(dst, digits[point:]...)
}

// Big writes a decimal of big-endian bytes in two's complement.
func Big(dst, v []byte, scale int) []byte {
	n := new(big.Int).SetBytes(v)
	if len(v) > 0 && v[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(v))*8))
	}
	neg := n.Sign() < 0
	return Decimal(dst, neg, n.Abs(n).String(), scale)
}

// UUID appends the UUID of 16 bytes; other bytes as base64.
func UUID(dst, v []byte) []byte {
	if len(v) != 16 {
		return Base64(dst, v)
	}
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i, b := range v {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return append(dst, '"')
}

// Interval writes months, days and milliseconds as an ISO 8601 duration.
func Interval(dst, v []byte) []byte {
	if len(v) != 12 {
		return Base64(dst, v)
	}
	ms := binary.LittleEndian.Uint32(v[8:])
	dst = strconv.AppendUint(append(dst, `"P`...), uint64(binary.LittleEndian.Uint32(v)), 10)
	dst = strconv.AppendUint(append(dst, 'M'), uint64(binary.LittleEndian.Uint32(v[4:])), 10)
	dst = Decimal(append(dst, "DT"...), false, strconv.FormatUint(uint64(ms), 10), 3)
	return append(dst, `S"`...)
}

// Base64 appends bytes as a text of base64.
func Base64(dst, v []byte) []byte {
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v)
	return append(dst, '"')
}

// Readable tells whether bytes that nothing is said of are taken for text: UTF-8 without control characters but tab, line feed
// and carriage return.
func Readable(v []byte) bool {
	for _, c := range v {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(v)
}

// Text writes a JSON string. Bytes that are not UTF-8 stay as they are: the scanner refuses the record, which is then in
// quarantine as it came.
func Text[T string | []byte](dst []byte, s T) []byte {
	return append(Escaped(append(dst, '"'), s), '"')
}

// Escaped writes what is between the quotes of a JSON string. A part of a text can be written by itself.
func Escaped[T string | []byte](dst []byte, s T) []byte {
	const digits = "0123456789abcdef"
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(dst, s[from:]...)
}
