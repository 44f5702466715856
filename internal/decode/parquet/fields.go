package parquet

import (
	"encoding/json"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// Kind is what the values of a field are, in the text of a row.
type Kind uint8

// The kinds.
const (
	Text      Kind = iota // a text, or a number with all its digits
	Bool                  // true or false
	Int                   // a whole number of 64 bits
	Uint                  // one without a sign
	Double                // a number, or the text NaN, Infinity or -Infinity
	Timestamp             // a text: 2006-01-02T15:04:05.000000, with Z if it is known to be UTC
	Date                  // a text: 2006-01-02
	JSON                  // anything: objects, and arrays of anything but the kinds above
)

// Field describes a field of a row.
type Field struct {
	Name   string
	Kind   Kind
	List   bool    // an array of values of the kind
	Fields []Field // of an object; nil: it is not an object, or one whose keys the schema does not have
}

// Fields are the fields of a row, in the order in which a row has them.
func (o *Rows) Fields() []Field { return o.fields(o.root) }

func (o *Rows) fields(n *node) (all []Field) {
	for _, k := range n.kids {
		all = append(all, o.field(k))
	}
	return all
}

func (o *Rows) field(n *node) Field {
	f := Field{Kind: JSON}
	_ = json.Unmarshal(n.key[:len(n.key)-1], &f.Name) // it is the JSON of a text
	value := n
	if !n.repeated && n.shape == shapeList {
		f.List, value = true, n.kids[0]
		if value.shape == shapeOnly {
			value = value.kids[0]
			f.List = !value.repeated
		}
	} else {
		f.List = n.repeated
	}
	switch {
	case value.shape == shapeLeaf && (f.List || !n.repeated && value == n):
		f.Kind = kindOf(o.file.MetaData().Schema.Column(value.from))
	case value.shape == shapeGroup && value == n && !n.repeated:
		f.Fields = o.fields(n)
	}
	if f.Kind == JSON {
		f.List = false
	}
	return f
}

// kindOf is the kind of what writer writes.
func kindOf(d *schema.Column) Kind {
	switch d.PhysicalType() {
	case parquet.Types.Boolean:
		return Bool
	case parquet.Types.Float, parquet.Types.Double:
		return Double
	case parquet.Types.Int96:
		return Timestamp
	case parquet.Types.Int32, parquet.Types.Int64:
		return wholeKind(d)
	case parquet.Types.ByteArray:
		switch d.LogicalType().(type) {
		case schema.JSONLogicalType, *schema.JSONLogicalType:
			return JSON
		}
		return Text
	}
	switch d.LogicalType().(type) {
	case schema.Float16LogicalType, *schema.Float16LogicalType:
		return Double
	}
	return Text
}

func wholeKind(d *schema.Column) Kind {
	unsigned := func(t schema.IntLogicalType) Kind {
		if !t.IsSigned() && d.PhysicalType() == parquet.Types.Int64 {
			return Uint
		}
		return Int
	}
	switch t := d.LogicalType().(type) {
	case schema.IntLogicalType:
		return unsigned(t)
	case *schema.IntLogicalType:
		return unsigned(*t)
	case schema.DateLogicalType, *schema.DateLogicalType:
		return Date
	case schema.DecimalLogicalType, *schema.DecimalLogicalType, schema.TimeLogicalType, *schema.TimeLogicalType:
		return Text
	case schema.TimestampLogicalType, *schema.TimestampLogicalType:
		return Timestamp
	}
	return Int
}
