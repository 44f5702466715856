package parquet

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// writer is how the values of a column are written: by its annotation, if that fits the physical type, else by the
// physical type.
func writer(d *schema.Column) func(dst []byte, c *column, i int) []byte {
	switch d.PhysicalType() {
	case parquet.Types.Boolean:
		return func(dst []byte, c *column, i int) []byte { return strconv.AppendBool(dst, c.bools[i]) }
	case parquet.Types.Int32:
		w := whole(d, 32)
		return func(dst []byte, c *column, i int) []byte { return w(dst, int64(c.i32[i])) }
	case parquet.Types.Int64:
		w := whole(d, 64)
		return func(dst []byte, c *column, i int) []byte { return w(dst, c.i64[i]) }
	case parquet.Types.Int96:
		return func(dst []byte, c *column, i int) []byte { return appendInt96(dst, c.i96[i]) }
	case parquet.Types.Float:
		return func(dst []byte, c *column, i int) []byte { return appendFloat(dst, float64(c.f32[i]), 32) }
	case parquet.Types.Double:
		return func(dst []byte, c *column, i int) []byte { return appendFloat(dst, c.f64[i], 64) }
	case parquet.Types.ByteArray:
		w := text(d)
		return func(dst []byte, c *column, i int) []byte { return w(dst, c.texts[i]) }
	}
	w := fixed(d)
	return func(dst []byte, c *column, i int) []byte { return w(dst, c.fixeds[i]) }
}

// whole writes integers, and what is written as integers.
func whole(d *schema.Column, bits int) func(dst []byte, v int64) []byte {
	switch t := d.LogicalType().(type) {
	case schema.IntLogicalType:
		return integer(t, bits)
	case *schema.IntLogicalType:
		return integer(*t, bits)
	case schema.DateLogicalType, *schema.DateLogicalType:
		return appendDate
	case schema.DecimalLogicalType:
		return scaled(t.Scale())
	case *schema.DecimalLogicalType:
		return scaled(t.Scale())
	case schema.TimeLogicalType:
		return clock(t.TimeUnit())
	case *schema.TimeLogicalType:
		return clock(t.TimeUnit())
	case schema.TimestampLogicalType:
		return instant(t.TimeUnit(), t.IsAdjustedToUTC())
	case *schema.TimestampLogicalType:
		return instant(t.TimeUnit(), t.IsAdjustedToUTC())
	}
	return func(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }
}

func integer(t schema.IntLogicalType, bits int) func(dst []byte, v int64) []byte {
	switch {
	case t.IsSigned():
		return func(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }
	case bits == 32:
		return func(dst []byte, v int64) []byte { return strconv.AppendUint(dst, uint64(uint32(v)), 10) }
	}
	return func(dst []byte, v int64) []byte { return strconv.AppendUint(dst, uint64(v), 10) }
}

func scaled(scale int32) func(dst []byte, v int64) []byte {
	return func(dst []byte, v int64) []byte {
		neg := v < 0
		u := uint64(v)
		if neg {
			u = -u
		}
		return appendDecimal(dst, neg, strconv.FormatUint(u, 10), int(scale))
	}
}

// unit gives the digits after the point, and the nanoseconds, of a unit.
func unit(u schema.TimeUnitType) (digits int, nanos int64) {
	switch u {
	case schema.TimeUnitMillis:
		return 3, 1e6
	case schema.TimeUnitMicros:
		return 6, 1e3
	}
	return 9, 1
}

// layout is time.Format's, with so many digits after the point.
func layout(digits int) string { return "15:04:05." + "000000000"[:digits] }

func clock(u schema.TimeUnitType) func(dst []byte, v int64) []byte {
	digits, nanos := unit(u)
	day := int64(24*time.Hour) / nanos
	return func(dst []byte, v int64) []byte {
		if v < 0 || v >= day { // no time of a day
			return strconv.AppendInt(dst, v, 10)
		}
		dst = time.Unix(0, v*nanos).UTC().AppendFormat(append(dst, '"'), layout(digits))
		return append(dst, '"')
	}
}

func instant(u schema.TimeUnitType, utc bool) func(dst []byte, v int64) []byte {
	digits, nanos := unit(u)
	form := "2006-01-02T" + layout(digits)
	if utc {
		form += "Z"
	}
	second := int64(time.Second) / nanos
	return func(dst []byte, v int64) []byte {
		s, f := v/second, v%second
		if f < 0 {
			s, f = s-1, f+second
		}
		return append(time.Unix(s, f*nanos).UTC().AppendFormat(append(dst, '"'), form), '"')
	}
}

func appendDate(dst []byte, days int64) []byte {
	return append(time.Unix(days*86400, 0).UTC().AppendFormat(append(dst, '"'), "2006-01-02"), '"')
}

// appendInt96 writes a timestamp of old writers: nanoseconds of a day, and the Julian day. 2440588 is 1970-01-01.
func appendInt96(dst []byte, v parquet.Int96) []byte {
	nanos := int64(binary.LittleEndian.Uint64(v[:8]))
	day := int64(int32(binary.LittleEndian.Uint32(v[8:])))
	t := time.Unix((day-2440588)*86400+nanos/1e9, nanos%1e9).UTC()
	return append(t.AppendFormat(append(dst, '"'), "2006-01-02T"+layout(9)+"Z"), '"')
}

// appendFloat writes the shortest number that is read as the same value; what JSON has no number for is a text.
func appendFloat(dst []byte, v float64, bits int) []byte {
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

// appendDecimal writes digits with a point before the last scale of them.
func appendDecimal(dst []byte, neg bool, digits string, scale int) []byte {
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

// text writes the values of BYTE_ARRAY.
func text(d *schema.Column) func(dst, v []byte) []byte {
	switch t := d.LogicalType().(type) {
	case schema.StringLogicalType, *schema.StringLogicalType, schema.EnumLogicalType, *schema.EnumLogicalType:
		return func(dst, v []byte) []byte { return appendText(dst, v) }
	case schema.JSONLogicalType, *schema.JSONLogicalType:
		return func(dst, v []byte) []byte {
			if json.Valid(v) {
				return append(dst, v...)
			}
			return appendText(dst, v)
		}
	case schema.DecimalLogicalType:
		return func(dst, v []byte) []byte { return appendBig(dst, v, int(t.Scale())) }
	case *schema.DecimalLogicalType:
		return func(dst, v []byte) []byte { return appendBig(dst, v, int(t.Scale())) }
	case schema.BSONLogicalType, *schema.BSONLogicalType:
		return appendBase64
	}
	return func(dst, v []byte) []byte {
		if readable(v) {
			return appendText(dst, v)
		}
		return appendBase64(dst, v)
	}
}

// fixed writes the values of FIXED_LEN_BYTE_ARRAY.
func fixed(d *schema.Column) func(dst, v []byte) []byte {
	switch t := d.LogicalType().(type) {
	case schema.DecimalLogicalType:
		return func(dst, v []byte) []byte { return appendBig(dst, v, int(t.Scale())) }
	case *schema.DecimalLogicalType:
		return func(dst, v []byte) []byte { return appendBig(dst, v, int(t.Scale())) }
	case schema.UUIDLogicalType, *schema.UUIDLogicalType:
		return appendUUID
	case schema.Float16LogicalType, *schema.Float16LogicalType:
		return func(dst, v []byte) []byte {
			if len(v) != 2 {
				return appendBase64(dst, v)
			}
			return appendFloat(dst, float64(float16.FromLEBytes(v).Float32()), 32)
		}
	case schema.IntervalLogicalType, *schema.IntervalLogicalType:
		return appendInterval
	case schema.StringLogicalType, *schema.StringLogicalType:
		return func(dst, v []byte) []byte { return appendText(dst, v) }
	}
	if d.ConvertedType() == schema.ConvertedTypes.Interval {
		return appendInterval
	}
	return appendBase64
}

// appendBig writes a decimal of big-endian bytes in two's complement.
func appendBig(dst, v []byte, scale int) []byte {
	n := new(big.Int).SetBytes(v)
	if len(v) > 0 && v[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(v))*8))
	}
	neg := n.Sign() < 0
	return appendDecimal(dst, neg, n.Abs(n).String(), scale)
}

func appendUUID(dst, v []byte) []byte {
	if len(v) != 16 {
		return appendBase64(dst, v)
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

// appendInterval writes months, days and milliseconds as an ISO 8601 duration.
func appendInterval(dst, v []byte) []byte {
	if len(v) != 12 {
		return appendBase64(dst, v)
	}
	ms := binary.LittleEndian.Uint32(v[8:])
	dst = strconv.AppendUint(append(dst, `"P`...), uint64(binary.LittleEndian.Uint32(v)), 10)
	dst = strconv.AppendUint(append(dst, 'M'), uint64(binary.LittleEndian.Uint32(v[4:])), 10)
	dst = appendDecimal(append(dst, "DT"...), false, strconv.FormatUint(uint64(ms), 10), 3)
	return append(dst, `S"`...)
}

func appendBase64(dst, v []byte) []byte {
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v)
	return append(dst, '"')
}

// readable tells whether bytes that nothing is said of are taken for text: UTF-8 without control characters but tab, line feed
// and carriage return.
func readable(v []byte) bool {
	for _, c := range v {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(v)
}

// appendText writes a JSON string. Bytes that are not UTF-8 stay as they are: the scanner refuses the record, which is then in
// quarantine as it came.
func appendText[T string | []byte](dst []byte, s T) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// appendEscaped writes what is between the quotes of a JSON string. A part of a text can be written by itself.
func appendEscaped[T string | []byte](dst []byte, s T) []byte {
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

// longForm is how a value of many bytes is written.
type longForm uint8

const (
	longText longForm = iota
	longJSON
	longBase64
	longRefused // numbers that are not numbers
)

// longer is the form of the long values of a column of bytes: what writer writes of shorter ones.
func longer(d *schema.Column) func(v []byte) longForm {
	always := func(f longForm) func([]byte) longForm { return func([]byte) longForm { return f } }
	switch d.LogicalType().(type) {
	case schema.StringLogicalType, *schema.StringLogicalType:
		return always(longText)
	case schema.DecimalLogicalType, *schema.DecimalLogicalType:
		return always(longRefused)
	}
	if d.PhysicalType() != parquet.Types.ByteArray {
		return always(longBase64)
	}
	switch d.LogicalType().(type) {
	case schema.EnumLogicalType, *schema.EnumLogicalType:
		return always(longText)
	case schema.BSONLogicalType, *schema.BSONLogicalType:
		return always(longBase64)
	case schema.JSONLogicalType, *schema.JSONLogicalType:
		return func(v []byte) longForm {
			if json.Valid(v) {
				return longJSON
			}
			return longText
		}
	}
	return func(v []byte) longForm {
		if readable(v) {
			return longText
		}
		return longBase64
	}
}
