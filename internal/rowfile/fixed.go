package rowfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

var errEnd = errors.New("it ends too early")

// appendFixed appends a value of a type of fixed width, as Arrow has it in memory.
func appendFixed(to array.Builder, b []byte) error {
	var w [8]byte
	copy(w[:], b)
	u := binary.NativeEndian.Uint64(w[:])
	switch to := to.(type) {
	case *array.BooleanBuilder:
		to.Append(b[0] != 0)
	case *array.Int8Builder:
		to.Append(int8(b[0]))
	case *array.Uint8Builder:
		to.Append(b[0])
	case *array.Int16Builder:
		to.Append(int16(binary.NativeEndian.Uint16(b)))
	case *array.Uint16Builder:
		to.Append(binary.NativeEndian.Uint16(b))
	case *array.Int32Builder:
		to.Append(int32(binary.NativeEndian.Uint32(b)))
	case *array.Uint32Builder:
		to.Append(binary.NativeEndian.Uint32(b))
	case *array.Int64Builder:
		to.Append(int64(u))
	case *array.Uint64Builder:
		to.Append(u)
	case *array.Float32Builder:
		to.Append(math.Float32frombits(binary.NativeEndian.Uint32(b)))
	case *array.Float64Builder:
		to.Append(math.Float64frombits(u))
	case *array.Date32Builder:
		to.Append(arrow.Date32(binary.NativeEndian.Uint32(b)))
	case *array.TimestampBuilder:
		to.Append(arrow.Timestamp(u))
	default:
		return fmt.Errorf("the type %s is not known", to.Type())
	}
	return nil
}
