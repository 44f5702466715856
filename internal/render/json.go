// Package render prints Arrow records for people and programs: as JSON, CSV and an aligned table.
//
// It never changes a value: 64-bit integers are written in full, and structs and maps keep the order of their fields. NULL is null
// in JSON, an empty field in CSV and the word NULL in a table. Text from logs is not trusted: control characters are escaped, so
// that they never reach a terminal.
package render

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// JSON appends row i of a as compact JSON. With sparse, it leaves out NULL fields of structs, and structs, lists and maps in which
// nothing is left; a value in which nothing is left is null.
//
// Integers stay integers, even beyond 2^53; decimals are numbers; NaN and infinities are text; dates are YYYY-MM-DD; timestamps
// are RFC 3339 in UTC, without Z if the type has no time zone; binary is base64.
func JSON(dst []byte, a arrow.Array, i int, sparse bool) []byte {
	if a.IsNull(i) {
		return append(dst, "null"...)
	}
	switch a := a.(type) {
	case *array.Struct:
		t := a.DataType().(*arrow.StructType)
		return object(dst, t.NumFields(), sparse, func(dst []byte, n int) ([]byte, bool) {
			dst = append(appendString(dst, t.Field(n).Name), ':')
			return value(dst, a.Field(n), i, sparse)
		})
	case *array.Map:
		from, to := a.ValueOffsets(i)
		keys, items := a.Keys(), a.Items()
		return object(dst, int(to-from), sparse, func(dst []byte, n int) ([]byte, bool) {
			at := int(from) + n
			dst = append(appendString(dst, cellText(keys, at)), ':')
			return value(dst, items, at, sparse)
		})
	case array.ListLike:
		from, to := a.ValueOffsets(i)
		if sparse && from == to {
			return append(dst, "null"...)
		}
		dst = append(dst, '[')
		for j := from; j < to; j++ {
			if j > from {
				dst = append(dst, ',')
			}
			dst = JSON(dst, a.ListValues(), int(j), sparse)
		}
		return append(dst, ']')
	case *array.Float32, *array.Float64:
		f, bits := floatValue(a, i)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return appendString(dst, strconv.FormatFloat(f, 'g', -1, bits))
		}
		return strconv.AppendFloat(dst, f, floatFormat(f), -1, bits)
	case *array.Boolean, *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Uint8, *array.Uint16, *array.Uint32, *array.Uint64, *array.Decimal128:
		return append(dst, cellText(a, i)...)
	}
	return appendString(dst, cellText(a, i))
}

// value is JSON, and says whether a sparse value has anything left.
func value(dst []byte, a arrow.Array, i int, sparse bool) ([]byte, bool) {
	from := len(dst)
	dst = JSON(dst, a, i, sparse)
	return dst, !sparse || string(dst[from:]) != "null"
}

// object appends n members. write appends one as "name":value and says whether to keep it.
func object(dst []byte, n int, sparse bool, write func(dst []byte, n int) ([]byte, bool)) []byte {
	start, kept := len(dst), 0
	dst = append(dst, '{')
	for j := range n {
		from := len(dst)
		if kept > 0 {
			dst = append(dst, ',')
		}
		var keep bool
		if dst, keep = write(dst, j); !keep {
			dst = dst[:from]
			continue
		}
		kept++
	}
	if sparse && kept == 0 {
		return append(dst[:start], "null"...)
	}
	return append(dst, '}')
}

// floatFormat is the format in which encoding/json writes a number: exponents only for very large and very small ones.
func floatFormat(f float64) byte {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return 'e'
	}
	return 'f'
}

func floatValue(a arrow.Array, i int) (float64, int) {
	if f, ok := a.(*array.Float32); ok {
		return float64(f.Value(i)), 32
	}
	return a.(*array.Float64).Value(i), 64
}

// appendString appends s as a JSON string that people can read: <, > and & are not escaped, and control characters are.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s { // bytes that are not UTF-8 become U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case isControl(r):
			dst = appendEscaped(dst, r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// cellText is a scalar as text without quotes. Structs, lists and maps are compact JSON.
func cellText(a arrow.Array, i int) string {
	switch a := a.(type) {
	case *array.String:
		return a.Value(i)
	case *array.Int64:
		return strconv.FormatInt(a.Value(i), 10)
	case *array.Boolean:
		return strconv.FormatBool(a.Value(i))
	case *array.Decimal128:
		return a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.Date32:
		return a.Value(i).ToTime().Format(time.DateOnly)
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		layout := "2006-01-02T15:04:05.999999999"
		if t.TimeZone != "" {
			layout += "Z"
		}
		return a.Value(i).ToTime(t.Unit).UTC().Format(layout)
	case *array.Binary:
		return base64.StdEncoding.EncodeToString(a.Value(i))
	case *array.Float32, *array.Float64:
		f, bits := floatValue(a, i)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'g', -1, bits)
		}
		return strconv.FormatFloat(f, floatFormat(f), -1, bits)
	case *array.Struct, *array.Map, array.ListLike:
		return string(JSON(nil, a, i, false))
	}
	return a.ValueStr(i)
}

// Object appends row i of a record as one JSON object with a member for each column. JSON explains sparse.
func Object(dst []byte, b arrow.RecordBatch, i int, sparse bool) []byte {
	return object(dst, int(b.NumCols()), sparse, func(dst []byte, n int) ([]byte, bool) {
		dst = append(appendString(dst, b.ColumnName(n)), ':')
		return value(dst, b.Column(n), i, sparse)
	})
}

// Indent gives compact JSON line breaks and indents.
func Indent(compact []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, compact, "", "  ") != nil {
		return compact // not JSON
	}
	return out.Bytes()
}
