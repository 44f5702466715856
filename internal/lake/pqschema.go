package lake

import "strings"

// The numbers of Parquet's format (parquet.thrift) that this package writes and reads.
const (
	physBoolean   = 0
	physInt32     = 1
	physInt64     = 2
	physDouble    = 5
	physByteArray = 6

	repRequired = 0
	repOptional = 1
	repRepeated = 2

	convNone = -1
	convUTF8 = 0
	convMap  = 1
	convList = 3
	convTime = 9 // TIMESTAMP_MILLIS, which is in UTC

	// Those that other programs write.
	physInt96       = 3
	physFloat       = 4
	convMapKeyValue = 2
	convEnum        = 4
	convDecimal     = 5
	convDate        = 6
	convMicros      = 10
	convUint8       = 11
	convUint32      = 13
	convInt8        = 15
	convInt16       = 16
	convJSON        = 19

	// Members of the logical union.
	logicalString  = 1
	logicalMap     = 2
	logicalList    = 3
	logicalEnum    = 4
	logicalDecimal = 5
	logicalDate    = 6
	logicalTime    = 8
	logicalJSON    = 12

	pageData       = 0
	pageIndex      = 1
	pageDictionary = 2
	pageDataV2     = 3

	encPlain     = 0
	encPlainDict = 2
	encRLE       = 3
	encDict      = 8

	codecZstd = 6
)

// maxStatBytes is the longest minimum or maximum that a file's statistics hold.
const maxStatBytes = 64

// element is a node of the file's own schema.
type element struct {
	name string
	phys int // -1 for a group
	rep  int
	conv int
	kids []*element
	// near: see NearUnique. value: the leaf is a map's value.
	near, value bool
}

// elements of the file that n becomes.
func elementOf(n *Node) *element {
	e := &element{name: n.Name, phys: -1, rep: repOptional, conv: convNone, near: n.NearUnique}
	switch n.Kind {
	case Group:
		for _, c := range n.Children {
			e.kids = append(e.kids, elementOf(c))
		}
	case String:
		e.phys, e.conv = physByteArray, convUTF8
	case Int32:
		e.phys = physInt32
	case Timestamp:
		e.phys, e.conv = physInt64, convTime
	case Int64:
		e.phys = physInt64
	case Double:
		e.phys = physDouble
	case Bool:
		e.phys = physBoolean
	case List:
		c := elementOf(n.Children[0])
		c.name = "element"
		e.conv, e.kids = convList, []*element{{name: "list", phys: -1, rep: repRepeated, conv: convNone, kids: []*element{c}}}
	case Map:
		e.conv = convMap
		e.kids = []*element{{name: "key_value", phys: -1, rep: repRepeated, conv: convNone,
			kids: []*element{{name: "key", phys: physByteArray, rep: repRequired, conv: convUTF8},
				{name: "value", phys: physByteArray, rep: repOptional, conv: convUTF8, value: true}}}}
	}
	return e
}

// leaf is a column of the file.
type leaf struct {
	field  *field
	index  int
	path   []string
	phys   int
	maxDef int
	maxRep int
	dict   bool // a dictionary is worth trying
	value  bool // of a map: its values, not its keys
	way    []hop
}

// hop is a part of the way from a field's array to the values of a leaf inside: into the field `name` of a struct, or to the
// elements of a list or the keys or values (which, `name` says) of a map.
type hop struct {
	name string
	list bool
}

func (l *leaf) dotted() string { return strings.Join(l.path, ".") }

// leavesOf lists the columns of the file in order.
func leavesOf(fl *fileLayout) []*leaf {
	var ls []*leaf
	for _, f := range fl.leaves {
		var path []string
		for _, a := range f.anc {
			path = append(path, a.node.Name)
		}
		var walk func(e *element, path []string, way []hop, def, rep int, near bool)
		walk = func(e *element, path []string, way []hop, def, rep int, near bool) {
			path = append(path[:len(path):len(path)], e.name)
			near = near || e.near
			if e.rep != repRequired {
				def++
			}
			if e.rep == repRepeated {
				rep++
			}
			for _, k := range e.kids {
				w := way
				if k.rep != repRepeated { // a list's or map's repeated group is not an array of its own
					w = append(way[:len(way):len(way)], hop{k.name, e.rep == repRepeated})
				}
				walk(k, path, w, def, rep, near)
			}
			if e.phys < 0 {
				return
			}
			l := &leaf{field: f, index: len(ls), path: path, phys: e.phys, maxDef: def, maxRep: rep, value: e.value, way: way}
			l.dict = !near && !l.value && e.phys != physBoolean && e.phys != physDouble
			ls = append(ls, l)
		}
		walk(elementOf(f.node), path, nil, len(f.anc), 0, false)
	}
	return ls
}

// physName is what Parquet calls a physical type.
func physName(phys int) string {
	switch phys {
	case physBoolean:
		return "BOOLEAN"
	case physInt32:
		return "INT32"
	case physInt64:
		return "INT64"
	case physDouble:
		return "DOUBLE"
	}
	return "BYTE_ARRAY"
}
