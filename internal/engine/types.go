package engine

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// kind is how a column's values are stored in DuckDB's vector.
type kind uint8

const (
	kindFixed   kind = iota // width bytes each, as Arrow has them
	kindBool                // a byte each; bits in Arrow
	kindText                // string_t
	kindList                // offset and length into a child; a MAP is a list of structs of key and value
	kindStruct              // children
	kindDecimal             // width bytes, sign-extended to Arrow's 16
)

// newColumn builds the Arrow side of a DuckDB type. wide adds the types that mappings never have.
func newColumn(lt bindings.LogicalType, wide bool) (*column, error) {
	fixed := func(t arrow.DataType, width int) (*column, error) {
		return &column{kind: kindFixed, typ: t, width: width}, nil
	}
	switch id := bindings.GetTypeId(lt); id {
	case bindings.TypeBoolean:
		return &column{kind: kindBool, typ: arrow.FixedWidthTypes.Boolean, width: 1}, nil
	case bindings.TypeTinyInt:
		return fixed(arrow.PrimitiveTypes.Int8, 1)
	case bindings.TypeSmallInt:
		return fixed(arrow.PrimitiveTypes.Int16, 2)
	case bindings.TypeInteger:
		return fixed(arrow.PrimitiveTypes.Int32, 4)
	case bindings.TypeBigInt:
		return fixed(arrow.PrimitiveTypes.Int64, 8)
	case bindings.TypeUTinyInt:
		return fixed(arrow.PrimitiveTypes.Uint8, 1)
	case bindings.TypeUSmallInt:
		return fixed(arrow.PrimitiveTypes.Uint16, 2)
	case bindings.TypeUInteger:
		return fixed(arrow.PrimitiveTypes.Uint32, 4)
	case bindings.TypeUBigInt:
		return fixed(arrow.PrimitiveTypes.Uint64, 8)
	case bindings.TypeFloat:
		return fixed(arrow.PrimitiveTypes.Float32, 4)
	case bindings.TypeDouble:
		return fixed(arrow.PrimitiveTypes.Float64, 8)
	case bindings.TypeDate:
		return fixed(arrow.FixedWidthTypes.Date32, 4)
	case bindings.TypeTimestamp:
		return fixed(&arrow.TimestampType{Unit: arrow.Microsecond}, 8)
	case bindings.TypeTimestampTZ:
		return fixed(&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, 8)
	case bindings.TypeTimestampS:
		return fixed(&arrow.TimestampType{Unit: arrow.Second}, 8)
	case bindings.TypeTimestampMS:
		return fixed(&arrow.TimestampType{Unit: arrow.Millisecond}, 8)
	case bindings.TypeTimestampNS:
		return fixed(&arrow.TimestampType{Unit: arrow.Nanosecond}, 8)
	case bindings.TypeVarchar:
		if a := bindings.LogicalTypeGetAlias(lt); a != "" && !wide {
			return nil, fmt.Errorf("has the type %s; cast it to VARCHAR", a)
		}
		return &column{kind: kindText, typ: arrow.BinaryTypes.String}, nil
	case bindings.TypeList:
		return listColumn(lt, wide)
	case bindings.TypeMap:
		return mapColumn(lt, wide)
	case bindings.TypeStruct:
		return structColumn(lt, wide)
	case bindings.TypeHugeInt:
		if wide {
			return &column{kind: kindDecimal, typ: &arrow.Decimal128Type{Precision: 38}, width: 16}, nil
		}
		return nil, fmt.Errorf("has the type HUGEINT; cast it to BIGINT or DOUBLE")
	case bindings.TypeDecimal:
		if wide {
			return decimalColumn(lt)
		}
		return nil, fmt.Errorf("has the type DECIMAL(%d,%d); cast it to DOUBLE or BIGINT", bindings.DecimalWidth(lt), bindings.DecimalScale(lt))
	default:
		return nil, fmt.Errorf("has the type %s; cast it to VARCHAR or another plain type", typeName(id))
	}
}

func decimalColumn(lt bindings.LogicalType) (*column, error) {
	c := &column{kind: kindDecimal, typ: &arrow.Decimal128Type{Precision: int32(bindings.DecimalWidth(lt)), Scale: int32(bindings.DecimalScale(lt))}}
	switch bindings.DecimalInternalType(lt) {
	case bindings.TypeSmallInt:
		c.width = 2
	case bindings.TypeInteger:
		c.width = 4
	case bindings.TypeBigInt:
		c.width = 8
	default:
		c.width = 16
	}
	return c, nil
}

func listColumn(lt bindings.LogicalType, wide bool) (*column, error) {
	t := bindings.ListTypeChildType(lt)
	defer bindings.DestroyLogicalType(&t)
	child, err := newColumn(t, wide)
	if err != nil {
		return nil, fmt.Errorf("is a list whose element %w", err)
	}
	return &column{kind: kindList, typ: arrow.ListOf(child.typ), children: []*column{child}}, nil
}

func mapColumn(lt bindings.LogicalType, wide bool) (*column, error) {
	kt, vt := bindings.MapTypeKeyType(lt), bindings.MapTypeValueType(lt)
	defer bindings.DestroyLogicalType(&kt)
	defer bindings.DestroyLogicalType(&vt)
	key, err := newColumn(kt, wide)
	if err != nil {
		return nil, fmt.Errorf("is a map whose key %w", err)
	}
	value, err := newColumn(vt, wide)
	if err != nil {
		return nil, fmt.Errorf("is a map whose value %w", err)
	}
	m := arrow.MapOf(key.typ, value.typ)
	entry := &column{kind: kindStruct, typ: m.Elem(), children: []*column{key, value}}
	return &column{kind: kindList, typ: m, children: []*column{entry}}, nil
}

func structColumn(lt bindings.LogicalType, wide bool) (*column, error) {
	c := &column{kind: kindStruct}
	var fields []arrow.Field
	for i := range bindings.StructTypeChildCount(lt) {
		name := bindings.StructTypeChildName(lt, i)
		t := bindings.StructTypeChildType(lt, i)
		child, err := newColumn(t, wide)
		bindings.DestroyLogicalType(&t)
		if err != nil {
			return nil, fmt.Errorf("is a struct whose field %q %w", name, err)
		}
		c.children = append(c.children, child)
		fields = append(fields, arrow.Field{Name: name, Type: child.typ, Nullable: true})
	}
	c.typ = arrow.StructOf(fields...)
	return c, nil
}

func typeName(t bindings.Type) string {
	switch t {
	case bindings.TypeTime:
		return "TIME"
	case bindings.TypeTimeTZ:
		return "TIMETZ"
	case bindings.TypeTimeNS:
		return "TIME_NS"
	case bindings.TypeInterval:
		return "INTERVAL"
	case bindings.TypeUHugeInt:
		return "UHUGEINT"
	case bindings.TypeBlob:
		return "BLOB"
	case bindings.TypeEnum:
		return "ENUM"
	case bindings.TypeArray:
		return "ARRAY"
	case bindings.TypeUUID:
		return "UUID"
	case bindings.TypeUnion:
		return "UNION"
	case bindings.TypeBit:
		return "BIT"
	case bindings.TypeBigNum:
		return "BIGNUM"
	case bindings.TypeGeometry:
		return "GEOMETRY"
	case bindings.TypeVariant:
		return "VARIANT"
	case bindings.TypeSQLNull:
		return "NULL"
	}
	return fmt.Sprintf("number %d", t)
}
