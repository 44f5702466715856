package projection

import (
	"strings"

	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/syntax"
)

// A run-time error in one record must not fail its batch, so every output is wrapped in TRY, which gives NULL instead.
// Expressions that cannot fail are left alone: it keeps the SQL readable, and what cannot fail can be proved never to be
// NULL, so that no check has to run for it.

// totalFunctions never fail on texts; the value is what they give.
var totalFunctions = map[string]ducktype.Family{
	"lower": ducktype.Text, "upper": ducktype.Text, "lcase": ducktype.Text, "ucase": ducktype.Text, "trim": ducktype.Text, "ltrim": ducktype.Text, "rtrim": ducktype.Text,
	"||": ducktype.Text, "concat": ducktype.Text, "concat_ws": ducktype.Text, "~~": ducktype.Bool, "!~~": ducktype.Bool, "starts_with": ducktype.Bool, "^@": ducktype.Bool, "prefix": ducktype.Bool, "suffix": ducktype.Bool,
	"ends_with": ducktype.Bool, "contains": ducktype.Bool, "length": ducktype.Real, "strlen": ducktype.Real, "position": ducktype.Real, "strpos": ducktype.Real,
	"instr": ducktype.Real, "replace": ducktype.Text, "nullif": ducktype.Text,
}

// totalWith are such functions that take whole numbers or patterns too; those must be literals: DuckDB then checks them when
// the mapping is compiled.
var totalWith = map[string]ducktype.Family{
	"substr": ducktype.Text, "substring": ducktype.Text, "left": ducktype.Text, "right": ducktype.Text, "split_part": ducktype.Text, "regexp_full_match": ducktype.Bool,
	"regexp_matches": ducktype.Bool, "regexp_extract": ducktype.Text,
}

// total says whether e, rewritten, cannot fail, and the family of its values (famNull for an untyped NULL).
func (c *Set) total(e syntax.Node) (ducktype.Family, bool) {
	if v, ok := syntax.Literal(e); ok {
		switch v.(type) {
		case nil:
			return ducktype.Null, true
		case string:
			return ducktype.Text, true
		case bool:
			return ducktype.Bool, true
		case int64, float64:
			return ducktype.Real, true
		}
		return ducktype.List, true
	}
	switch syntax.Str(e, "class") {
	case "COLUMN_REF":
		names := syntax.ColumnNames(e)
		if l := c.Src.ByColumn(names); l != nil {
			return numbers(columnFamily(l.Type)), true
		}
	case "CAST":
		fam, ok := c.total(syntax.Child(e, "child"))
		t := &ducktype.Type{ID: syntax.Str(syntax.Child(e, "cast_type"), "id")}
		return numbers(t.Family()), ok && fam != ducktype.Other && syntax.Flag(e, "try_cast") && t.Family() != ducktype.Other
	case "CASE":
		fams := newSameFamily()
		for _, v := range syntax.List(e, "case_checks") {
			check, _ := v.(syntax.Node)
			if fam, ok := c.total(syntax.Child(check, "when_expr")); !ok || fam != ducktype.Bool && fam != ducktype.Null {
				return ducktype.Other, false
			}
			fams.add(c.total(syntax.Child(check, "then_expr")))
		}
		fams.add(c.total(syntax.Child(e, "else_expr")))
		return fams.result()
	case "COMPARISON", "BETWEEN":
		fams := newSameFamily()
		for _, k := range []string{"left", "right", "input", "lower", "upper"} {
			if arg := syntax.Child(e, k); arg != nil {
				fams.add(c.total(arg))
			}
		}
		_, ok := fams.result()
		return ducktype.Bool, ok
	case "CONJUNCTION":
		return ducktype.Bool, c.all(e, ducktype.Bool)
	case "OPERATOR":
		switch syntax.Str(e, "type") {
		case "OPERATOR_NOT":
			return ducktype.Bool, c.all(e, ducktype.Bool)
		case "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL":
			return ducktype.Bool, c.all(e, ducktype.Other)
		case "COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE":
			fams := newSameFamily()
			for _, v := range syntax.List(e, "children") {
				arg, _ := v.(syntax.Node)
				fams.add(c.total(arg))
			}
			fam, ok := fams.result()
			if syntax.Str(e, "type") != "OPERATOR_COALESCE" {
				fam = ducktype.Bool
			}
			return fam, ok
		}
	case "FUNCTION":
		if fam, ok := c.lookups.family(syntax.Str(e, "function_name")); ok {
			return fam, c.all(e, ducktype.Other)
		}
		if fam, ok := totalFunctions[strings.ToLower(syntax.Str(e, "function_name"))]; ok {
			return fam, c.all(e, ducktype.Text)
		}
		if fam, ok := totalWith[strings.ToLower(syntax.Str(e, "function_name"))]; ok {
			args := syntax.List(e, "children")
			for i, v := range args {
				arg, _ := v.(syntax.Node)
				if _, constant := syntax.Literal(arg); i > 0 && !constant {
					return fam, false
				}
			}
			first, _ := args[0].(syntax.Node)
			got, ok := c.total(first)
			return fam, ok && (got == ducktype.Text || got == ducktype.Null)
		}
	}
	return ducktype.Other, false
}

// all says whether all children are total and of a family (famOther: any).
func (c *Set) all(e syntax.Node, want ducktype.Family) bool {
	for _, v := range syntax.List(e, "children") {
		arg, _ := v.(syntax.Node)
		fam, ok := c.total(arg)
		if !ok || want != ducktype.Other && fam != want && fam != ducktype.Null {
			return false
		}
	}
	return true
}

// numbers makes one family of all numbers: among them DuckDB widens, and never fails.
func numbers(f ducktype.Family) ducktype.Family {
	if f == ducktype.Int || f == ducktype.BigInt {
		return ducktype.Real
	}
	return f
}

func columnFamily(typ string) ducktype.Family { return (&ducktype.Type{ID: typ}).Family() }

type sameFamily struct {
	fam ducktype.Family
	ok  bool
}

func newSameFamily() *sameFamily { return &sameFamily{fam: ducktype.Null, ok: true} }

func (s *sameFamily) add(f ducktype.Family, ok bool) {
	switch {
	case !ok:
		s.ok = false
	case s.fam == ducktype.Null:
		s.fam = f
	case f != ducktype.Null && f != s.fam:
		s.ok = false
	}
}

func (s *sameFamily) result() (ducktype.Family, bool) { return s.fam, s.ok }

// NeverNull says whether e, which is total, is sure to have a value where the column given has one ("": always).
func NeverNull(e syntax.Node, given string) bool {
	if v, ok := syntax.Literal(e); ok {
		return v != nil
	}
	switch {
	case syntax.Str(e, "class") == "COLUMN_REF":
		names := syntax.ColumnNames(e)
		return given != "" && len(names) == 1 && names[0] == given
	case syntax.Str(e, "class") == "CASE":
		for _, r := range syntax.Results(e) {
			if !NeverNull(r, given) {
				return false
			}
		}
		return true
	case syntax.Str(e, "type") == "OPERATOR_COALESCE":
		for _, v := range syntax.List(e, "children") {
			if arg, _ := v.(syntax.Node); NeverNull(arg, given) {
				return true
			}
		}
	case syntax.Str(e, "class") == "CAST":
		return syntax.Str(syntax.Child(e, "cast_type"), "id") == "VARCHAR" && NeverNull(syntax.Child(e, "child"), given)
	case syntax.Str(e, "class") == "FUNCTION":
		fam, known := totalFunctions[strings.ToLower(syntax.Str(e, "function_name"))]
		args := syntax.List(e, "children")
		for _, v := range args {
			if arg, _ := v.(syntax.Node); !NeverNull(arg, given) {
				return false
			}
		}
		return known && fam == ducktype.Text && !strings.EqualFold(syntax.Str(e, "function_name"), "nullif") && len(args) > 0
	}
	return false
}
