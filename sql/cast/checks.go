package cast

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/ocsf/texttype"
)

// CheckMacros defines in SQL the functions that check texts (texttype.Function), for a DuckDB shell.
//
//go:embed checks.sql
var CheckMacros string

// Calls says whether SQL calls functions of CheckMacros.
func Calls(sql string) bool {
	return slices.ContainsFunc(texttype.Checked(), func(typ string) bool { return strings.Contains(sql, texttype.Function(typ)+"(") })
}

// Fitting gives what of a literal is of the attribute's type, nil for nothing; why says what is not. Such a literal does not stop a
// mapping, because mappings that were written before the check have it.
func Fitting(a *ocsf.Attribute, v any) (rest any, why string) {
	check := texttype.Of(a.Type)
	if check == nil {
		return v, ""
	}
	refuses := func(s string) bool {
		if check([]byte(s)) {
			return false
		}
		why = fmt.Sprintf("'%s' is not a value of type %s", s, a.Type)
		return true
	}
	switch x := v.(type) {
	case string:
		if refuses(x) {
			return nil, why
		}
	case []string:
		if list := slices.DeleteFunc(slices.Clone(x), refuses); why != "" {
			if len(list) == 0 {
				return nil, why
			}
			return list, why
		}
	}
	return v, ""
}
