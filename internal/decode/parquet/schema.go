package parquet

import (
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/silt-etl/silt/internal/decode/jsonvalue"
)

// shape is how a node of the schema is written.
type shape uint8

const (
	shapeLeaf  shape = iota
	shapeGroup       // an object of its fields
	shapeOnly        // a group that is not written itself, but as its one field: the repeated group of a LIST
	shapeList        // an array; its one field is repeated
	shapeMap         // an object of key and value; its one field is repeated
)

// node is a field of the schema.
type node struct {
	key      []byte // its name as a JSON key, with the colon
	shape    shape
	repeated bool
	optional bool
	def, rep int16 // levels at which it is there, and at which it has another element
	kids     []*node
	from, to int // its columns
}

// maxNodes and maxDepth of a schema. Records that are nested deeper than the scanner takes are refused one by one.
const (
	maxNodes = 100_000
	maxDepth = 250
	maxScale = 1000 // of decimals
)

func (o *Rows) schema() error {
	sc := o.file.MetaData().Schema
	b := &builder{sc: sc}
	o.root = b.node(sc.Root(), 0, 0, 0)
	if b.err != nil {
		return b.err
	}
	o.root.optional, o.root.repeated = false, false // its annotation does not matter
	if o.root.shape != shapeGroup {
		o.root.shape = shapeGroup
	}
	o.cols = b.cols
	if len(o.cols) == 0 {
		return faultf("it has no columns")
	}
	return nil
}

type builder struct {
	sc   *schema.Schema
	cols []*column
	n    int
	err  error
}

func (b *builder) node(s schema.Node, def, rep int16, depth int) *node {
	n := &node{key: append(jsonvalue.Text(nil, s.Name()), ':'), from: len(b.cols)}
	if b.n++; b.n > maxNodes || depth > maxDepth {
		b.err = faultf("its schema has more than %d fields, or more than %d levels", maxNodes, maxDepth)
		return n
	}
	if depth > 0 {
		switch s.RepetitionType() {
		case parquet.Repetitions.Optional:
			n.optional = true
			def++
		case parquet.Repetitions.Repeated:
			n.repeated = true
			def++
			rep++
		}
	}
	n.def, n.rep = def, rep
	g, ok := s.(*schema.GroupNode)
	if !ok {
		d := b.sc.Column(len(b.cols))
		if t, ok := d.LogicalType().(interface{ Scale() int32 }); ok && (t.Scale() < 0 || t.Scale() > maxScale) {
			b.err = faultf("column %.80s is a decimal with %d digits after the point, which is not supported", s.Name(), t.Scale())
		}
		b.cols = append(b.cols, newColumn(d, def, rep))
		n.to = len(b.cols)
		return n
	}
	n.shape = shapeGroup
	for i := range g.NumFields() {
		n.kids = append(n.kids, b.node(g.Field(i), def, rep, depth+1))
	}
	n.to = len(b.cols)
	if n.to == n.from && b.err == nil {
		b.err = faultf("its schema has a group without columns, %.80s", s.Name())
	}
	if b.err == nil && len(n.kids) == 1 && n.kids[0].repeated && !n.repeated {
		n.annotated(g)
	}
	return n
}

// annotated makes a list or a map of a group that is said to be one. The rules for lists of old writers are those of the format's
// LogicalTypes.md: a repeated group of several fields, or of a name of old, is the element itself.
func (n *node) annotated(g *schema.GroupNode) {
	mid := n.kids[0]
	switch {
	case is[schema.ListLogicalType](g) || g.ConvertedType() == schema.ConvertedTypes.List:
		n.shape = shapeList
		name := g.Field(0).Name()
		if mid.shape == shapeGroup && len(mid.kids) == 1 && !mid.kids[0].repeated && name != "array" && name != g.Name()+"_tuple" {
			mid.shape = shapeOnly
		}
	case is[schema.MapLogicalType](g) || g.ConvertedType() == schema.ConvertedTypes.Map || g.ConvertedType() == schema.ConvertedTypes.MapKeyValue:
		if mid.shape != shapeGroup || len(mid.kids) != 2 {
			n.shape = shapeList
			return
		}
		n.shape = shapeList // of objects of key and value, if a key is not text
		if key, ok := g.Field(0).(*schema.GroupNode).Field(0).(*schema.PrimitiveNode); ok && !mid.kids[0].repeated && !mid.kids[1].repeated && key.PhysicalType() == parquet.Types.ByteArray && (is[schema.StringLogicalType](key) || is[schema.EnumLogicalType](key)) {
			n.shape = shapeMap
		}
	}
}

// is tells whether a field has a logical type. The library has some of them by value and some by pointer.
func is[T any](n schema.Node) bool {
	switch any(n.LogicalType()).(type) {
	case T, *T:
		return true
	}
	return false
}
