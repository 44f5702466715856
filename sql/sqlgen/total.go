package sqlgen

import "strings"

// A run-time error in one record must not fail its batch, so every output is wrapped in TRY, which gives NULL instead.
// Expressions that cannot fail are left alone: it keeps the SQL readable, and what cannot fail can be proved never to be
// NULL, so that no check has to run for it.

// totalFunctions never fail on texts; the value is what they give.
var totalFunctions = map[string]family{
	"lower": famText, "upper": famText, "lcase": famText, "ucase": famText, "trim": famText, "ltrim": famText, "rtrim": famText,
	"||": famText, "concat": famText, "~~": famBool, "!~~": famBool, "starts_with": famBool, "^@": famBool, "prefix": famBool, "suffix": famBool,
	"ends_with": famBool, "contains": famBool, "length": famReal, "strlen": famReal, "position": famReal, "strpos": famReal,
	"instr": famReal, "replace": famText, "nullif": famText,
}

// totalWith are such functions that take whole numbers or patterns too; those must be literals: DuckDB then checks them when
// the mapping is compiled.
var totalWith = map[string]family{
	"substr": famText, "substring": famText, "left": famText, "right": famText, "split_part": famText, "regexp_full_match": famBool,
	"regexp_matches": famBool, "regexp_extract": famText,
}

// total says whether e, rewritten, cannot fail, and the family of its values (famNull for an untyped NULL).
func (c *compiler) total(e node) (family, bool) {
	if v, ok := literal(e); ok {
		switch v.(type) {
		case nil:
			return famNull, true
		case string:
			return famText, true
		case bool:
			return famBool, true
		case int64, float64:
			return famReal, true
		}
		return famList, true
	}
	switch str(e, "class") {
	case "COLUMN_REF":
		names := columnNames(e)
		if l := c.src.byColumn(names); l != nil {
			return numbers(columnFamily(l.typ)), true
		}
	case "CAST":
		fam, ok := c.total(child(e, "child"))
		t := &duckType{id: str(child(e, "cast_type"), "id")}
		return numbers(t.family()), ok && fam != famOther && flag(e, "try_cast") && t.family() != famOther
	case "CASE":
		fams := newSameFamily()
		for _, v := range list(e, "case_checks") {
			check, _ := v.(node)
			if fam, ok := c.total(child(check, "when_expr")); !ok || fam != famBool && fam != famNull {
				return famOther, false
			}
			fams.add(c.total(child(check, "then_expr")))
		}
		fams.add(c.total(child(e, "else_expr")))
		return fams.result()
	case "COMPARISON", "BETWEEN":
		fams := newSameFamily()
		for _, k := range []string{"left", "right", "input", "lower", "upper"} {
			if arg := child(e, k); arg != nil {
				fams.add(c.total(arg))
			}
		}
		_, ok := fams.result()
		return famBool, ok
	case "CONJUNCTION":
		return famBool, c.all(e, famBool)
	case "OPERATOR":
		switch str(e, "type") {
		case "OPERATOR_NOT":
			return famBool, c.all(e, famBool)
		case "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL":
			return famBool, c.all(e, famOther)
		case "COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE":
			fams := newSameFamily()
			for _, v := range list(e, "children") {
				arg, _ := v.(node)
				fams.add(c.total(arg))
			}
			fam, ok := fams.result()
			if str(e, "type") != "OPERATOR_COALESCE" {
				fam = famBool
			}
			return fam, ok
		}
	case "FUNCTION":
		if fam, ok := totalFunctions[strings.ToLower(str(e, "function_name"))]; ok {
			return fam, c.all(e, famText)
		}
		if fam, ok := totalWith[strings.ToLower(str(e, "function_name"))]; ok {
			args := list(e, "children")
			for i, v := range args {
				arg, _ := v.(node)
				if _, constant := literal(arg); i > 0 && !constant {
					return fam, false
				}
			}
			first, _ := args[0].(node)
			got, ok := c.total(first)
			return fam, ok && (got == famText || got == famNull)
		}
	}
	return famOther, false
}

// all says whether all children are total and of a family (famOther: any).
func (c *compiler) all(e node, want family) bool {
	for _, v := range list(e, "children") {
		arg, _ := v.(node)
		fam, ok := c.total(arg)
		if !ok || want != famOther && fam != want && fam != famNull {
			return false
		}
	}
	return true
}

// numbers makes one family of all numbers: among them DuckDB widens, and never fails.
func numbers(f family) family {
	if f == famInt || f == famBig {
		return famReal
	}
	return f
}

func columnFamily(typ string) family { return (&duckType{id: typ}).family() }

type sameFamily struct {
	fam family
	ok  bool
}

func newSameFamily() *sameFamily { return &sameFamily{fam: famNull, ok: true} }

func (s *sameFamily) add(f family, ok bool) {
	switch {
	case !ok:
		s.ok = false
	case s.fam == famNull:
		s.fam = f
	case f != famNull && f != s.fam:
		s.ok = false
	}
}

func (s *sameFamily) result() (family, bool) { return s.fam, s.ok }

// neverNull says whether e, which is total, is sure to have a value where the column given has one ("": always).
func neverNull(e node, given string) bool {
	if v, ok := literal(e); ok {
		return v != nil
	}
	switch {
	case str(e, "class") == "COLUMN_REF":
		names := columnNames(e)
		return given != "" && len(names) == 1 && names[0] == given
	case str(e, "class") == "CASE":
		for _, r := range results(e) {
			if !neverNull(r, given) {
				return false
			}
		}
		return true
	case str(e, "type") == "OPERATOR_COALESCE":
		for _, v := range list(e, "children") {
			if arg, _ := v.(node); neverNull(arg, given) {
				return true
			}
		}
	case str(e, "class") == "CAST":
		return str(child(e, "cast_type"), "id") == "VARCHAR" && neverNull(child(e, "child"), given)
	case str(e, "class") == "FUNCTION":
		fam, known := totalFunctions[strings.ToLower(str(e, "function_name"))]
		args := list(e, "children")
		for _, v := range args {
			if arg, _ := v.(node); !neverNull(arg, given) {
				return false
			}
		}
		return known && fam == famText && !strings.EqualFold(str(e, "function_name"), "nullif") && len(args) > 0
	}
	return false
}

func (s *source) byColumn(names []string) *leaf {
	if len(names) != 1 {
		return nil
	}
	for _, l := range s.leaves {
		if l.column == names[0] {
			return l
		}
	}
	for _, l := range s.keys {
		if l.column == names[0] {
			return l
		}
	}
	return nil
}
