package sqlgen

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf"
)

// The bounds of a time read from a number or a text, in ms since 1970: the years 1 to 9999. A TIMESTAMP needs none.
const (
	minTime = -62135596800000
	maxTime = 253402300799999
)

// casting is how a value becomes OCSF's.
type casting struct {
	sql string
	// fallible: a value may become NULL.
	fallible bool
	// why is set where no value of the type can be one of the attribute's.
	why string
}

// castTo gives the SQL that makes x, of DuckDB's type t, a value of a (an element of it, where it is an array). What does
// not fit exactly becomes NULL; nothing is rounded.
func castTo(a *ocsf.Attribute, t *duckType, x string) casting {
	fam := t.family()
	if fam == famNull {
		return casting{sql: "CAST(NULL AS " + duckName(a.Base) + ")", fallible: true}
	}
	switch a.Base {
	case ocsf.String:
		return castText(fam, t, x)
	case ocsf.Integer, ocsf.Long:
		return castInteger(a, fam, t, x)
	case ocsf.Float:
		switch fam {
		case famReal, famInt, famBig:
			if t.id == "DOUBLE" {
				return casting{sql: x}
			}
			return casting{sql: "CAST(" + x + " AS DOUBLE)"}
		case famText:
			return casting{sql: "TRY_CAST(" + x + " AS DOUBLE)", fallible: true}
		}
	case ocsf.Boolean:
		switch fam {
		case famBool:
			return casting{sql: x}
		case famText:
			return casting{sql: "CASE lower(" + x + ") WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END", fallible: true}
		}
	case ocsf.Timestamp, ocsf.DateTime:
		return castTime(fam, t, x)
	case ocsf.JSON, ocsf.Struct: // an object of any keys is written as JSON
		if fam == famJSON {
			return casting{sql: "CAST(" + x + " AS VARCHAR)"}
		}
		return casting{sql: "CAST(to_json(" + x + ") AS VARCHAR)"}
	}
	return casting{why: fmt.Sprintf("%s is no %s", t.text, a.Type)}
}

func duckName(b ocsf.Base) string {
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

func castText(fam family, t *duckType, x string) casting {
	switch fam {
	case famText:
		if t.id == "VARCHAR" {
			return casting{sql: x}
		}
	case famTime:
		if t.id != "DATE" {
			return casting{sql: "TRY(strftime(CAST(" + x + " AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ'))", fallible: true}
		}
	case famJSON:
		return casting{sql: "(" + x + " ->> '$')", fallible: true}
	case famList, famStruct, famOther:
		if t.id != "TIME" && t.id != "INTERVAL" && t.id != "BLOB" {
			return casting{sql: "CAST(to_json(" + x + ") AS VARCHAR)"}
		}
	}
	return casting{sql: "CAST(" + x + " AS VARCHAR)"}
}

// wholeNumber is the condition under which x of a family is a whole number, "" where it always is.
func wholeNumber(fam family, x string) string {
	switch fam {
	case famText:
		return "regexp_full_match(" + x + ", '\\s*[+-]?[0-9]+\\s*')"
	case famReal:
		return "(" + x + ") = trunc(" + x + ")"
	}
	return ""
}

func castInteger(a *ocsf.Attribute, fam family, t *duckType, x string) casting {
	name := duckName(a.Base)
	least, greatest, _ := a.Range()
	narrow := a.Type == "port_t"
	var out casting
	switch fam {
	case famInt:
		out.sql = x
		if t.id != "INTEGER" || name != "INTEGER" {
			out.sql = "CAST(" + x + " AS " + name + ")"
		}
	case famBig:
		switch {
		case name == "BIGINT" && t.id == "BIGINT":
			out.sql = x
		case name == "BIGINT" && t.id == "UINTEGER":
			out.sql = "CAST(" + x + " AS BIGINT)"
		default:
			out = casting{sql: "TRY_CAST(" + x + " AS " + name + ")", fallible: true}
		}
	case famText, famReal:
		out = casting{sql: "CASE WHEN " + wholeNumber(fam, x) + " THEN TRY_CAST(" + x + " AS " + name + ") END", fallible: true}
	default:
		return casting{why: fmt.Sprintf("%s is no %s", t.text, a.Type)}
	}
	if narrow {
		out = casting{sql: fmt.Sprintf("CASE WHEN %s BETWEEN %d AND %d THEN %s END", out.sql, least, greatest, out.sql), fallible: true}
	}
	return out
}

// castTime gives epoch milliseconds, rounded down also before 1970: DuckDB's // rounds towards zero, so the division is
// done on a positive number.
func castTime(fam family, t *duckType, x string) casting {
	const floor = "(epoch_us(%s) + 62135596800000000) // 1000 - 62135596800000"
	switch fam {
	case famTime:
		switch t.id {
		case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE":
			return casting{sql: fmt.Sprintf(floor, x)}
		}
		return casting{sql: "TRY(" + fmt.Sprintf(floor, "CAST("+x+" AS TIMESTAMP)") + ")", fallible: true}
	case famInt, famBig:
		return casting{sql: fmt.Sprintf("CASE WHEN %s BETWEEN %d AND %d THEN CAST(%s AS BIGINT) END", x, minTime, maxTime, x), fallible: true}
	case famText:
		// With a zone in the type, DuckDB heeds the offset in the text; without, it drops it.
		ms := "TRY(" + fmt.Sprintf(floor, "TRY_CAST("+x+" AS TIMESTAMPTZ)") + ")"
		return casting{sql: ms, fallible: true}
	}
	return casting{why: t.text + " is no time: give a TIMESTAMP, epoch milliseconds, or an ISO 8601 text"}
}

// enumList is the values of an enum as SQL.
func enumList(a *ocsf.Attribute) string {
	var ids []string
	for _, v := range a.Enum {
		if a.Base == ocsf.String {
			ids = append(ids, text(v.Key))
		} else {
			ids = append(ids, fmt.Sprint(v.ID))
		}
	}
	return strings.Join(ids, ", ")
}
