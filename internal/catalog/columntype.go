package catalog

import (
	"fmt"
	"strings"
)

// TypeKind is what a Type is made of.
type TypeKind uint8

const (
	Primitive TypeKind = iota // Name: `string`, `int`, `decimal(10,2)`
	Array                     // of Elem
	Map                       // from Key to Elem
	Struct                    // of Fields
)

// Type is a parsed column type of Glue (Hive's spelling).
type Type struct {
	Kind   TypeKind
	Name   string
	Key    *Type
	Elem   *Type
	Fields []Field
}

// Field of a Struct.
type Field struct {
	Name string
	Type Type
}

// maxTypeDepth bounds the recursion of ParseType; OCSF's deepest paths are under 20.
const maxTypeDepth = 100

// ParseType reads a type string. White space between tokens is allowed, since hand-written tables have it; String writes none.
func ParseType(s string) (Type, error) {
	p := typeParser{text: s}
	t, err := p.parse(0)
	if err == nil {
		p.space()
		if p.at != len(s) {
			err = p.fail("more text after the type")
		}
	}
	if err != nil {
		return Type{}, err
	}
	return t, nil
}

// String writes the type in Glue's spelling, without spaces: `array<struct<name:string,uid:string>>`.
func (t Type) String() string {
	var b strings.Builder
	t.write(&b)
	return b.String()
}

func (t Type) write(b *strings.Builder) {
	switch t.Kind {
	case Array:
		b.WriteString("array<")
		t.Elem.write(b)
		b.WriteByte('>')
	case Map:
		b.WriteString("map<")
		t.Key.write(b)
		b.WriteByte(',')
		t.Elem.write(b)
		b.WriteByte('>')
	case Struct:
		b.WriteString("struct<")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(f.Name)
			b.WriteByte(':')
			f.Type.write(b)
		}
		b.WriteByte('>')
	default:
		b.WriteString(t.Name)
	}
}

type typeParser struct {
	text string
	at   int
}

func (p *typeParser) fail(why string) error {
	return fmt.Errorf("%w: type %q at byte %d: %s", ErrInvalid, clip(p.text), p.at, why)
}

func (p *typeParser) space() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t' || p.text[p.at] == '\n') {
		p.at++
	}
}

// take consumes c if it is next.
func (p *typeParser) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *typeParser) need(c byte) error {
	if !p.take(c) {
		return p.fail(fmt.Sprintf("%q is missing", string(c)))
	}
	return nil
}

func (p *typeParser) word() string {
	p.space()
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			break
		}
		p.at++
	}
	return p.text[start:p.at]
}

func (p *typeParser) parse(depth int) (Type, error) {
	if depth > maxTypeDepth {
		return Type{}, p.fail(fmt.Sprintf("more than %d levels deep", maxTypeDepth))
	}
	word := strings.ToLower(p.word())
	switch word {
	case "":
		return Type{}, p.fail("a type name is missing")
	case "array":
		elem, err := p.inner(depth, "<", ">")
		return Type{Kind: Array, Elem: elem}, err
	case "map":
		key, err := p.inner(depth, "<", ",")
		if err != nil {
			return Type{}, err
		}
		elem, err := p.inner(depth, "", ">")
		return Type{Kind: Map, Key: key, Elem: elem}, err
	case "struct":
		fields, err := p.fields(depth)
		return Type{Kind: Struct, Fields: fields}, err
	}
	if p.take('(') {
		word += "("
		for {
			digits := p.word()
			if digits == "" || strings.Trim(digits, "0123456789") != "" {
				return Type{}, p.fail("a number is missing")
			}
			word += digits
			if p.take(')') {
				break
			}
			if err := p.need(','); err != nil {
				return Type{}, err
			}
			word += ","
		}
		word += ")"
	}
	return Type{Name: word}, nil
}

// inner parses a type between two delimiters.
func (p *typeParser) inner(depth int, before, after string) (*Type, error) {
	if before != "" {
		if err := p.need(before[0]); err != nil {
			return nil, err
		}
	}
	t, err := p.parse(depth + 1)
	if err != nil {
		return nil, err
	}
	return &t, p.need(after[0])
}

func (p *typeParser) fields(depth int) ([]Field, error) {
	if err := p.need('<'); err != nil {
		return nil, err
	}
	var fields []Field
	for {
		p.space()
		// A field's name may hold anything but the delimiters: real tables have dashes and dots in them.
		end := strings.IndexAny(p.text[p.at:], ":<>,")
		if end <= 0 || p.text[p.at+end] != ':' {
			return nil, p.fail("a struct field `name:type` is missing")
		}
		name := strings.TrimSpace(p.text[p.at : p.at+end])
		if name == "" {
			return nil, p.fail("a struct field has no name")
		}
		p.at += end + 1
		t, err := p.parse(depth + 1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, Field{Name: name, Type: t})
		if p.take('>') {
			return fields, nil
		}
		if err := p.need(','); err != nil {
			return nil, err
		}
	}
}
