package parquet

import (
	"encoding/binary"
	"encoding/json"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/silt-etl/silt/internal/decode/jsonvalue"
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
		return func(dst []byte, c *column, i int) []byte { return jsonvalue.Float(dst, float64(c.f32[i]), 32) }
	case parquet.Types.Double:
		return func(dst []byte, c *column, i int) []byte { return jsonvalue.Float(dst, c.f64[i], 64) }
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
		return jsonvalue.Date
	case schema.DecimalLogicalType:
		return scaled(t.Scale())
	case *schema.DecimalLogicalType:
		return scaled(t.Scale())
	case schema.TimeLogicalType:
		return unit(t.TimeUnit()).Clock()
	case *schema.TimeLogicalType:
		return unit(t.TimeUnit()).Clock()
	case schema.TimestampLogicalType:
		return unit(t.TimeUnit()).Instant(t.IsAdjustedToUTC())
	case *schema.TimestampLogicalType:
		return unit(t.TimeUnit()).Instant(t.IsAdjustedToUTC())
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
		return jsonvalue.Decimal(dst, neg, strconv.FormatUint(u, 10), int(scale))
	}
}

// unit is the unit of a column.
func unit(u schema.TimeUnitType) jsonvalue.Unit {
	switch u {
	case schema.TimeUnitMillis:
		return jsonvalue.Millis
	case schema.TimeUnitMicros:
		return jsonvalue.Micros
	}
	return jsonvalue.Nanos
}

// appendInt96 writes a timestamp of old writers: nanoseconds of a day, and the Julian day. 2440588 is 1970-01-01.
func appendInt96(dst []byte, v parquet.Int96) []byte {
	nanos := int64(binary.LittleEndian.Uint64(v[:8]))
	day := int64(int32(binary.LittleEndian.Uint32(v[8:])))
	t := time.Unix((day-2440588)*86400+nanos/1e9, nanos%1e9).UTC()
	return append(t.AppendFormat(append(dst, '"'), "2006-01-02T"+jsonvalue.Nanos.Layout()+"Z"), '"')
}

// text writes the values of BYTE_ARRAY.
func text(d *schema.Column) func(dst, v []byte) []byte {
	switch t := d.LogicalType().(type) {
	case schema.StringLogicalType, *schema.StringLogicalType, schema.EnumLogicalType, *schema.EnumLogicalType:
		return func(dst, v []byte) []byte { return jsonvalue.Text(dst, v) }
	case schema.JSONLogicalType, *schema.JSONLogicalType:
		return func(dst, v []byte) []byte {
			if json.Valid(v) {
				return append(dst, v...)
			}
			return jsonvalue.Text(dst, v)
		}
	case schema.DecimalLogicalType:
		return func(dst, v []byte) []byte { return jsonvalue.Big(dst, v, int(t.Scale())) }
	case *schema.DecimalLogicalType:
		return func(dst, v []byte) []byte { return jsonvalue.Big(dst, v, int(t.Scale())) }
	case schema.BSONLogicalType, *schema.BSONLogicalType:
		return jsonvalue.Base64
	}
	return func(dst, v []byte) []byte {
		if jsonvalue.Readable(v) {
			return jsonvalue.Text(dst, v)
		}
		return jsonvalue.Base64(dst, v)
	}
}

// fixed writes the values of FIXED_LEN_BYTE_ARRAY.
func fixed(d *schema.Column) func(dst, v []byte) []byte {
	switch t := d.LogicalType().(type) {
	case schema.DecimalLogicalType:
		return func(dst, v []byte) []byte { return jsonvalue.Big(dst, v, int(t.Scale())) }
	case *schema.DecimalLogicalType:
		return func(dst, v []byte) []byte { return jsonvalue.Big(dst, v, int(t.Scale())) }
	case schema.UUIDLogicalType, *schema.UUIDLogicalType:
		return jsonvalue.UUID
	case schema.Float16LogicalType, *schema.Float16LogicalType:
		return func(dst, v []byte) []byte {
			if len(v) != 2 {
				return jsonvalue.Base64(dst, v)
			}
			return jsonvalue.Float(dst, float64(float16.FromLEBytes(v).Float32()), 32)
		}
	case schema.IntervalLogicalType, *schema.IntervalLogicalType:
		return jsonvalue.Interval
	case schema.StringLogicalType, *schema.StringLogicalType:
		return func(dst, v []byte) []byte { return jsonvalue.Text(dst, v) }
	}
	if d.ConvertedType() == schema.ConvertedTypes.Interval {
		return jsonvalue.Interval
	}
	return jsonvalue.Base64
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
		if jsonvalue.Readable(v) {
			return longText
		}
		return longBase64
	}
}
