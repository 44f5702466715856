// Package cast makes values of DuckDB's types the values of OCSF's: the SQL that converts a column, and constants. What does not fit
// exactly becomes NULL; nothing is rounded or cut. A cast says whether it can lose a value, so that the value can be kept
// in unmapped.
package cast

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/ocsf/texttype"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/syntax"
)

// The bounds of a time read from a number or a text, in ms since 1970: the years 1 to 9999. A TIMESTAMP needs none.
const (
	minTime = -62135596800000
	maxTime = 253402300799999
)

// Casting is how a value becomes OCSF's.
type Casting struct {
	SQL string
	// fallible: a value may become NULL.
	Fallible bool
	// why is set where no value of the type can be one of the attribute's.
	Why string
}

// To gives the SQL that makes x, of DuckDB's type t, a value of a (an element of it, where it is an array). What does
// not fit exactly becomes NULL; nothing is rounded.
func To(a *ocsf.Attribute, t *ducktype.Type, x string) Casting {
	fam := t.Family()
	if fam == ducktype.Null {
		return Casting{SQL: "CAST(NULL AS " + TypeName(a.Base) + ")", Fallible: true}
	}
	switch a.Base {
	case ocsf.String:
		return checked(a, castText(fam, t, x))
	case ocsf.Integer, ocsf.Long:
		return castInteger(a, fam, t, x)
	case ocsf.Float:
		switch fam {
		case ducktype.Real, ducktype.Int, ducktype.BigInt:
			if t.ID == "DOUBLE" {
				return Casting{SQL: x}
			}
			return Casting{SQL: "CAST(" + x + " AS DOUBLE)"}
		case ducktype.Text:
			return Casting{SQL: "TRY_CAST(" + x + " AS DOUBLE)", Fallible: true}
		}
	case ocsf.Boolean:
		switch fam {
		case ducktype.Bool:
			return Casting{SQL: x}
		case ducktype.Text:
			return Casting{SQL: "CASE lower(" + x + ") WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END", Fallible: true}
		}
	case ocsf.Timestamp, ocsf.DateTime:
		return castTime(fam, t, x)
	case ocsf.JSON, ocsf.Struct: // an object of any keys is written as JSON
		if fam == ducktype.JSON {
			return Casting{SQL: "CAST(" + x + " AS VARCHAR)"}
		}
		return Casting{SQL: "CAST(to_json(" + x + ") AS VARCHAR)"}
	}
	return Casting{Why: fmt.Sprintf("a value of type %s cannot become %s", t.Text, a.Type)}
}

func TypeName(b ocsf.Base) string {
	switch b {
	case ocsf.Integer:
		return "INTEGER"
	case ocsf.Long, ocsf.Timestamp, ocsf.DateTime:
		return "BIGINT"
	case ocsf.Float:
		return "DOUBLE"
	case ocsf.Boolean:
		return "BOOLEAN"
	}
	return "VARCHAR"
}

func castText(fam ducktype.Family, t *ducktype.Type, x string) Casting {
	switch fam {
	case ducktype.Text:
		if t.ID == "VARCHAR" {
			return Casting{SQL: x}
		}
	case ducktype.Time:
		if t.ID != "DATE" {
			return Casting{SQL: "TRY(strftime(CAST(" + x + " AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ'))", Fallible: true}
		}
	case ducktype.JSON:
		return Casting{SQL: "(" + x + " ->> '$')", Fallible: true}
	case ducktype.List, ducktype.Struct, ducktype.Other:
		if t.ID != "TIME" && t.ID != "INTERVAL" && t.ID != "BLOB" {
			return Casting{SQL: "CAST(to_json(" + x + ") AS VARCHAR)"}
		}
	}
	return Casting{SQL: "CAST(" + x + " AS VARCHAR)"}
}

// checked leaves out the texts that are not values of the attribute's type.
func checked(a *ocsf.Attribute, c Casting) Casting {
	if texttype.Of(a.Type) == nil {
		return c
	}
	return Casting{SQL: texttype.Function(a.Type) + "(" + c.SQL + ")", Fallible: true}
}

// WholeNumber is the condition under which x of a family is a whole number, "" where it always is.
func WholeNumber(fam ducktype.Family, x string) string {
	switch fam {
	case ducktype.Text:
		return "regexp_full_match(" + x + ", '\\s*[+-]?[0-9]+\\s*')"
	case ducktype.Real:
		return "(" + x + ") = trunc(" + x + ")"
	}
	return ""
}

func castInteger(a *ocsf.Attribute, fam ducktype.Family, t *ducktype.Type, x string) Casting {
	name := TypeName(a.Base)
	least, greatest, _ := a.Range()
	narrow := a.Type == "port_t"
	var out Casting
	switch fam {
	case ducktype.Int:
		out.SQL = x
		if t.ID != "INTEGER" || name != "INTEGER" {
			out.SQL = "CAST(" + x + " AS " + name + ")"
		}
	case ducktype.BigInt:
		switch {
		case name == "BIGINT" && t.ID == "BIGINT":
			out.SQL = x
		case name == "BIGINT" && t.ID == "UINTEGER":
			out.SQL = "CAST(" + x + " AS BIGINT)"
		default:
			out = Casting{SQL: "TRY_CAST(" + x + " AS " + name + ")", Fallible: true}
		}
	case ducktype.Text, ducktype.Real:
		out = Casting{SQL: "CASE WHEN " + WholeNumber(fam, x) + " THEN TRY_CAST(" + x + " AS " + name + ") END", Fallible: true}
	default:
		return Casting{Why: fmt.Sprintf("a value of type %s cannot become %s", t.Text, a.Type)}
	}
	if narrow {
		out = Casting{SQL: fmt.Sprintf("CASE WHEN %s BETWEEN %d AND %d THEN %s END", out.SQL, least, greatest, out.SQL), Fallible: true}
	}
	return out
}

// castTime gives epoch milliseconds, rounded down also before 1970: DuckDB's // rounds towards zero, so the division is
// done on a positive number.
func castTime(fam ducktype.Family, t *ducktype.Type, x string) Casting {
	const floor = "(epoch_us(%s) + 62135596800000000) // 1000 - 62135596800000"
	switch fam {
	case ducktype.Time:
		switch t.ID {
		case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE":
			return Casting{SQL: fmt.Sprintf(floor, x)}
		}
		return Casting{SQL: "TRY(" + fmt.Sprintf(floor, "CAST("+x+" AS TIMESTAMP)") + ")", Fallible: true}
	case ducktype.Int, ducktype.BigInt:
		return Casting{SQL: fmt.Sprintf("CASE WHEN %s BETWEEN %d AND %d THEN CAST(%s AS BIGINT) END", x, minTime, maxTime, x), Fallible: true}
	case ducktype.Text:
		// With a zone in the type, DuckDB heeds the offset in the text; without, it drops it.
		ms := "TRY(" + fmt.Sprintf(floor, "TRY_CAST("+x+" AS TIMESTAMPTZ)") + ")"
		return Casting{SQL: ms, Fallible: true}
	}
	return Casting{Why: t.Text + " is not a time: use a TIMESTAMP, epoch milliseconds, or an ISO 8601 text"}
}

// EnumList is the values of an enum as SQL.
func EnumList(a *ocsf.Attribute) string {
	var ids []string
	for _, v := range a.Enum {
		if a.Base == ocsf.String {
			ids = append(ids, syntax.Quote(v.Key))
		} else {
			ids = append(ids, fmt.Sprint(v.ID))
		}
	}
	return strings.Join(ids, ", ")
}

func KindOf(b ocsf.Base) lake.Kind {
	switch b {
	case ocsf.Integer:
		return lake.Int32
	case ocsf.Long, ocsf.Timestamp:
		return lake.Int64
	case ocsf.DateTime:
		return lake.Timestamp
	case ocsf.Float:
		return lake.Double
	case ocsf.Boolean:
		return lake.Bool
	}
	return lake.String
}

const Other = 99 // Other, in every enum that has it
