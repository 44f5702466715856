package sqlgen

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
)

// duckType is a DuckDB type as DESCRIBE prints it, taken apart as far as a mapping needs: the fields of a STRUCT and the
// element of a LIST. Everything else is only its text.
type duckType struct {
	id     string // STRUCT, LIST, MAP, VARCHAR, ...; without parameters
	text   string // as DuckDB prints it
	fields []duckField
	elem   *duckType
}

type duckField struct {
	name string
	typ  *duckType
}

// parseType reads DuckDB's own spelling of a type, as `STRUCT("timestamp" TIMESTAMP, tags VARCHAR[])`.
func parseType(s string) (*duckType, error) {
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

func (p *typeParser) typ() (*duckType, error) {
	p.space()
	from := p.i
	for p.i < len(p.s) && !strings.ContainsRune("(,)[", rune(p.s[p.i])) {
		p.i++
	}
	t := &duckType{id: strings.TrimSpace(p.s[from:p.i])}
	if t.id == "" {
		return nil, fmt.Errorf("type %q: a name is missing at %d", p.s, p.i)
	}
	if p.i < len(p.s) && p.s[p.i] == '(' {
		if t.id == "STRUCT" {
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
		t.id += " " + more
	}
	t.text = strings.TrimSpace(p.s[from:p.i])
	for p.i < len(p.s) && p.s[p.i] == '[' {
		end := strings.IndexByte(p.s[p.i:], ']')
		if end < 0 {
			return nil, fmt.Errorf("type %q: [ is not closed", p.s)
		}
		p.i += end + 1
		t = &duckType{id: "LIST", elem: t, text: strings.TrimSpace(p.s[from:p.i])}
	}
	return t, nil
}

func (p *typeParser) fields(t *duckType) error {
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
		t.fields = append(t.fields, duckField{name: name, typ: ft})
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

// scanKind says how the scanner reads a value of this type, the type its column has in `records`, and the type that the
// column must still be cast to ("": none).
func (t *duckType) scanKind() (k decode.Kind, column, cast string) {
	switch t.id {
	case "VARCHAR":
		return decode.Text, "VARCHAR", ""
	case "BOOLEAN":
		return decode.Bool, "BOOLEAN", ""
	case "INTEGER":
		return decode.Int32, "INTEGER", ""
	case "TINYINT", "SMALLINT", "UTINYINT", "USMALLINT":
		return decode.Int32, "INTEGER", t.text
	case "BIGINT":
		return decode.Int64, "BIGINT", ""
	case "UINTEGER":
		return decode.Int64, "BIGINT", t.text
	case "DOUBLE":
		return decode.Double, "DOUBLE", ""
	case "FLOAT":
		return decode.Double, "DOUBLE", t.text
	case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE": // all instants are UTC here
		return decode.Timestamp, "TIMESTAMP", ""
	case "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS":
		return decode.Timestamp, "TIMESTAMP", t.text
	case "LIST", "MAP", "STRUCT", "UNION", "JSON":
		return decode.JSON, "VARCHAR", t.text
	}
	return decode.Text, "VARCHAR", t.text
}

// family groups types by how they are cast to OCSF's.
type family uint8

const (
	famOther family = iota
	famText
	famBool
	famInt    // TINYINT to INTEGER, signed or not, as far as INTEGER holds them
	famBig    // integers wider than INTEGER
	famReal   // DOUBLE, FLOAT, DECIMAL
	famTime   // TIMESTAMP of any precision, with or without zone, DATE
	famJSON   // JSON
	famList   // LIST
	famStruct // STRUCT
	famNull   // an untyped NULL
)

func (t *duckType) family() family {
	switch t.id {
	case "VARCHAR", "UUID", "ENUM":
		return famText
	case "BOOLEAN":
		return famBool
	case "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT":
		return famInt
	case "BIGINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM":
		return famBig
	case "DOUBLE", "FLOAT", "DECIMAL":
		return famReal
	case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE":
		return famTime
	case "JSON":
		return famJSON
	case "LIST":
		return famList
	case "STRUCT":
		return famStruct
	case "NULL", `"NULL"`:
		return famNull
	}
	return famOther
}
