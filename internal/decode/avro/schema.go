package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/silt-etl/silt/internal/decode/jsonvalue"
)

// Bounds of a schema. Records that are nested deeper than the scanner takes are refused one by one.
const (
	maxSchemaBytes = 4 << 20
	maxNodes       = 100_000
	maxSchemaDepth = 250
	maxScale       = 1000 // of decimals
	maxFixed       = 1 << 30
)

type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindFixed
	kindEnum
	kindRecord
	kindArray
	kindMap
	kindUnion
)

// node is a type of the schema. A record can be part of itself.
type node struct {
	kind     kind
	number   func(dst []byte, v int64) []byte // of int and long: how they are written; nil: as numbers
	bytes    func(dst, v []byte) []byte       // of bytes and fixed: how they are written; nil: bytes as text or base64, fixed as base64
	size     int64                            // of fixed
	symbols  [][]byte                         // of enum, as JSON
	fields   []field
	items    *node // of array and map
	branches []*node
}

type field struct {
	key  []byte // its name as a JSON key, with the colon
	node *node
}

// primitives by the names that a schema has for them.
func primitive(name string) (kind, bool) {
	k, ok := map[string]kind{"null": kindNull, "boolean": kindBoolean, "int": kindInt, "long": kindLong, "float": kindFloat, "double": kindDouble, "bytes": kindBytes, "string": kindString}[name]
	return k, ok
}

// parseSchema reads the schema of a file, whose records are of a record type.
func parseSchema(text []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, faultf("its schema is not JSON: %s", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, faultf("its schema is not JSON: more follows it")
	}
	p := &schemaParser{named: map[string]*node{}}
	n := p.node(v, "", 0)
	switch {
	case p.err != nil:
		return nil, p.err
	case n.kind != kindRecord:
		return nil, faultf("its schema is not a record, so that its values have no fields")
	}
	return n, nil
}

type schemaParser struct {
	named map[string]*node
	count int
	err   error
}

func (p *schemaParser) fail(format string, args ...any) *node {
	if p.err == nil {
		p.err = faultf("its schema cannot be read: "+format, args...)
	}
	return &node{}
}

// node reads a type. space is the namespace that names without one are in.
func (p *schemaParser) node(v any, space string, depth int) *node {
	if p.count++; p.count > maxNodes || depth > maxSchemaDepth {
		return p.fail("it has more than %d types, or more than %d levels", maxNodes, maxSchemaDepth)
	}
	if p.err != nil {
		return &node{}
	}
	switch v := v.(type) {
	case string:
		if k, ok := primitive(v); ok {
			return &node{kind: k}
		}
		if n := p.named[fullName(v, space)]; n != nil {
			return n
		}
		if n := p.named[v]; n != nil {
			return n
		}
		return p.fail("it does not define the type %.80q", v)
	case []any:
		n := &node{kind: kindUnion}
		for _, b := range v {
			branch := p.node(b, space, depth+1)
			if branch.kind == kindUnion {
				return p.fail("a union is in a union")
			}
			n.branches = append(n.branches, branch)
		}
		if len(v) == 0 {
			return p.fail("a union has no types")
		}
		return n
	case map[string]any:
		return p.complex(v, space, depth)
	}
	return p.fail("a type is not a name, an object or a list")
}

func fullName(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

// complex reads a type that is written as an object.
func (p *schemaParser) complex(v map[string]any, space string, depth int) *node {
	name, ok := v["type"].(string)
	if !ok {
		return p.node(v["type"], space, depth+1)
	}
	switch name {
	case "record", "error", "enum", "fixed":
		return p.definition(v, name, space, depth)
	case "array":
		return &node{kind: kindArray, items: p.node(v["items"], space, depth+1)}
	case "map":
		return &node{kind: kindMap, items: p.node(v["values"], space, depth+1)}
	}
	n := p.node(name, space, depth+1)
	if _, ok := primitive(name); ok {
		n.logical(v)
	}
	return n
}

// definition reads a type that has a name.
func (p *schemaParser) definition(v map[string]any, typ, space string, depth int) *node {
	name, _ := v["name"].(string)
	if name == "" {
		return p.fail("a type %s has no name", typ)
	}
	if s, ok := v["namespace"].(string); ok && !strings.Contains(name, ".") {
		space = s
	}
	name = fullName(name, space)
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		space = name[:i]
	}
	if p.named[name] != nil {
		return p.fail("it defines the type %.80q twice", name)
	}
	n := &node{}
	p.named[name] = n
	switch typ {
	case "enum":
		n.kind = kindEnum
		symbols, _ := v["symbols"].([]any)
		for _, s := range symbols {
			text, ok := s.(string)
			if !ok {
				return p.fail("a symbol of %.80q is not a text", name)
			}
			n.symbols = append(n.symbols, jsonvalue.Text(nil, text))
		}
	case "fixed":
		n.kind = kindFixed
		number, _ := v["size"].(json.Number)
		size, err := number.Int64()
		if err != nil || size < 0 || size > maxFixed {
			return p.fail("the size of %.80q is not a number, or too large", name)
		}
		n.size = size
		n.logical(v)
	default:
		n.kind = kindRecord
		fields, ok := v["fields"].([]any)
		if !ok {
			return p.fail("the record %.80q has no fields", name)
		}
		for _, f := range fields {
			f, _ := f.(map[string]any)
			key, ok := f["name"].(string)
			if !ok {
				return p.fail("a field of %.80q has no name", name)
			}
			n.fields = append(n.fields, field{append(jsonvalue.Text(nil, key), ':'), p.node(f["type"], space, depth+1)})
		}
	}
	return n
}

// logical notes the logical type. One that does not fit its type is ignored, as the specification demands.
func (n *node) logical(v map[string]any) {
	name, _ := v["logicalType"].(string)
	switch n.kind {
	case kindInt:
		switch name {
		case "date":
			n.number = jsonvalue.Date
		case "time-millis":
			n.number = jsonvalue.Millis.Clock()
		}
	case kindLong:
		zone, local := strings.CutPrefix(name, "local-")
		units := map[string]jsonvalue.Unit{"millis": jsonvalue.Millis, "micros": jsonvalue.Micros, "nanos": jsonvalue.Nanos}
		unit, known := units[strings.TrimPrefix(zone, "timestamp-")]
		switch {
		case name == "time-micros":
			n.number = jsonvalue.Micros.Clock()
		case known && strings.HasPrefix(zone, "timestamp-"):
			n.number = unit.Instant(!local)
		}
	case kindBytes, kindFixed:
		switch {
		case name == "decimal":
			number, is := v["scale"].(json.Number)
			scale, err := number.Int64()
			if !is {
				scale, err = 0, nil
			}
			if err == nil && scale >= 0 && scale <= maxScale {
				n.bytes = func(dst, v []byte) []byte { return jsonvalue.Big(dst, v, int(scale)) }
			}
		case n.kind == kindFixed && name == "uuid" && n.size == 16:
			n.bytes = jsonvalue.UUID
		case n.kind == kindFixed && name == "duration" && n.size == 12:
			n.bytes = jsonvalue.Interval
		}
	}
}
