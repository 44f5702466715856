// Package ducktype reads the names of DuckDB's types, as DESCRIBE prints them, and says how the scanner reads values of each.
// It never asks DuckDB.
package ducktype

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
)

// Type is a DuckDB type as DESCRIBE prints it, taken apart as far as a mapping needs: the fields of a STRUCT and the
// element of a LIST. Everything else is only its text.
type Type struct {
	ID     string // STRUCT, LIST, MAP, VARCHAR, ...; without parameters
	Text   string // as DuckDB prints it
	Fields []Field
	Elem   *Type
}

type Field struct {
	Name string
	Type *Type
}

// Parse reads DuckDB's own spelling of a type, as `STRUCT("timestamp" TIMESTAMP, tags VARCHAR[])`.
func Parse(s string) (*Type, error) {
	p := typeParser{s: s}
	t, err := p.typ()
	if err == nil && strings.TrimSpace(p.s[p.i:]) != "" {
		err = fmt.Errorf("type %q: unexpected %q", s, p.s[p.i:])
	}
	return t, err
}

type typeParser struct {
	s string
	i int
}

func (p *typeParser) space() {
	for p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
}

func (p *typeParser) typ() (*Type, error) {
	p.space()
	from := p.i
	for p.i < len(p.s) && !strings.ContainsRune("(,)[", rune(p.s[p.i])) {
		p.i++
	}
	t := &Type{ID: strings.TrimSpace(p.s[from:p.i])}
	if t.ID == "" {
		return nil, fmt.Errorf("type %q: a name is missing at %d", p.s, p.i)
	}
	if p.i < len(p.s) && p.s[p.i] == '(' {
		if t.ID == "STRUCT" {
			if err := p.fields(t); err != nil {
				return nil, err
			}
		} else if err := p.skip(); err != nil {
			return nil, err
		}
	}
	// TIMESTAMP WITH TIME ZONE has no parameters, DECIMAL(10,2) may be followed by more words.
	rest := p.i
	for p.i < len(p.s) && !strings.ContainsRune(",)[", rune(p.s[p.i])) {
		p.i++
	}
	if more := strings.TrimSpace(p.s[rest:p.i]); more != "" {
		t.ID += " " + more
	}
	t.Text = strings.TrimSpace(p.s[from:p.i])
	for p.i < len(p.s) && p.s[p.i] == '[' {
		end := strings.IndexByte(p.s[p.i:], ']')
		if end < 0 {
			return nil, fmt.Errorf("type %q: [ is not closed", p.s)
		}
		p.i += end + 1
		t = &Type{ID: "LIST", Elem: t, Text: strings.TrimSpace(p.s[from:p.i])}
	}
	return t, nil
}

func (p *typeParser) fields(t *Type) error {
	for p.i++; ; p.i++ {
		p.space()
		name, err := p.name()
		if err != nil {
			return err
		}
		ft, err := p.typ()
		if err != nil {
			return err
		}
		t.Fields = append(t.Fields, Field{Name: name, Type: ft})
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != ',' && p.s[p.i] != ')' {
			return fmt.Errorf("type %q: ( is not closed", p.s)
		}
		if p.s[p.i] == ')' {
			p.i++
			return nil
		}
	}
}

func (p *typeParser) name() (string, error) {
	if p.i < len(p.s) && p.s[p.i] == '"' {
		var b strings.Builder
		for p.i++; p.i < len(p.s); p.i++ {
			if p.s[p.i] == '"' {
				if p.i+1 >= len(p.s) || p.s[p.i+1] != '"' {
					p.i++
					return b.String(), nil
				}
				p.i++
			}
			b.WriteByte(p.s[p.i])
		}
		return "", fmt.Errorf("type %q: a quote is not closed", p.s)
	}
	from := p.i
	for p.i < len(p.s) && p.s[p.i] != ' ' {
		p.i++
	}
	return p.s[from:p.i], nil
}

// skip passes a parenthesis with its quoted parts, as ENUM('a', 'b)') or MAP(VARCHAR, VARCHAR).
func (p *typeParser) skip() error {
	depth := 0
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.i++
				return nil
			}
		case '\'', '"':
			end := strings.IndexByte(p.s[p.i+1:], c)
			if end < 0 {
				return fmt.Errorf("type %q: a quote is not closed", p.s)
			}
			p.i += end + 1
		}
	}
	return fmt.Errorf("type %q: ( is not closed", p.s)
}

// ScanKind says how the scanner reads a value of this type, the type its column has in `records`, and the type that the
// column must still be cast to ("": none).
func (t *Type) ScanKind() (k decode.Kind, column, cast string) {
	switch t.ID {
	case "VARCHAR":
		return decode.Text, "VARCHAR", ""
	case "BOOLEAN":
		return decode.Bool, "BOOLEAN", ""
	case "INTEGER":
		return decode.Int32, "INTEGER", ""
	case "TINYINT", "SMALLINT", "UTINYINT", "USMALLINT":
		return decode.Int32, "INTEGER", t.Text
	case "BIGINT":
		return decode.Int64, "BIGINT", ""
	case "UINTEGER":
		return decode.Int64, "BIGINT", t.Text
	case "DOUBLE":
		return decode.Double, "DOUBLE", ""
	case "FLOAT":
		return decode.Double, "DOUBLE", t.Text
	case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE": // all instants are UTC here
		return decode.Timestamp, "TIMESTAMP", ""
	case "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS":
		return decode.Timestamp, "TIMESTAMP", t.Text
	case "LIST", "MAP", "STRUCT", "UNION", "JSON":
		return decode.JSON, "VARCHAR", t.Text
	}
	return decode.Text, "VARCHAR", t.Text
}

// Family groups types by how they are cast to OCSF's.
type Family uint8

const (
	Other Family = iota
	Text
	Bool
	Int    // TINYINT to INTEGER, signed or not, as far as INTEGER holds them
	BigInt // integers wider than INTEGER
	Real   // DOUBLE, FLOAT, DECIMAL
	Time   // TIMESTAMP of any precision, with or without zone, DATE
	JSON   // JSON
	List   // LIST
	Struct // STRUCT
	Null   // an untyped NULL
)

func (t *Type) Family() Family {
	switch t.ID {
	case "VARCHAR", "UUID", "ENUM":
		return Text
	case "BOOLEAN":
		return Bool
	case "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT":
		return Int
	case "BIGINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM":
		return BigInt
	case "DOUBLE", "FLOAT", "DECIMAL":
		return Real
	case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE":
		return Time
	case "JSON":
		return JSON
	case "LIST":
		return List
	case "STRUCT":
		return Struct
	case "NULL", `"NULL"`:
		return Null
	}
	return Other
}

// Column of a table or a query: its name and its type in DuckDB's spelling.
type Column struct {
	Name string
	Type string
}
