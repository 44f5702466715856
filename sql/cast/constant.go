package cast

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/ocsf/texttype"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/syntax"
)

// Fault says why an attribute cannot take the text of a raw field. It is "" if it can, or if the reason is not known.
func Fault(a *ocsf.Attribute, text string) string {
	if _, fault := Constant(a, text); fault != "" {
		return fault
	}
	if fits := texttype.Of(a.Type); fits != nil && !fits([]byte(text)) {
		return "it is not a value of type " + a.Type
	}
	return ""
}

// Constant makes a literal a value of the attribute, in the Go type that lake.Node.Const wants; why says what is wrong.
func Constant(a *ocsf.Attribute, v any) (value any, why string) {
	if v == nil {
		return nil, ""
	}
	if list, ok := v.([]string); ok {
		if !a.IsArray {
			return nil, "it takes one value, not a list"
		}
		if a.Base != ocsf.String {
			return nil, "a constant list must hold texts only"
		}
		return list, ""
	}
	if a.IsArray {
		return nil, "the attribute is an array (example: ['...'])"
	}
	switch a.Base {
	case ocsf.JSON, ocsf.Struct:
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err.Error()
		}
		return string(b), ""
	case ocsf.String:
		s, ok := v.(string)
		if !ok {
			s = fmt.Sprint(v)
		}
		if len(a.Enum) > 0 && a.Base == ocsf.String {
			var keys []string
			for _, e := range a.Enum {
				if e.Key == s {
					return s, ""
				}
				keys = append(keys, e.Key)
			}
			return nil, notInEnum(fmt.Sprintf("'%s'", s), suggest.Nearest(s, keys), a)
		}
		return s, ""
	case ocsf.Integer, ocsf.Long, ocsf.Timestamp, ocsf.DateTime:
		i, ok := WholeLiteral(v)
		if s, is := v.(string); is && !ok && IsTime(a) {
			t, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				return nil, "'" + s + "' is not a time (example: '2026-01-31T08:15:02Z', or epoch milliseconds)"
			}
			i, ok = t.UnixMilli(), true
		}
		if !ok {
			return nil, fmt.Sprintf("%v is not a whole number (%s)", v, a.Type)
		}
		if least, greatest, ranged := a.Range(); ranged && (i < least || i > greatest) {
			return nil, fmt.Sprintf("%d is outside %d to %d", i, least, greatest)
		}
		if len(a.Enum) > 0 {
			if _, ok := a.EnumText(i); !ok {
				return nil, notInEnum(fmt.Sprint(i), "", a)
			}
		}
		if a.Base == ocsf.Integer {
			return int32(i), ""
		}
		return i, ""
	case ocsf.Float:
		switch x := v.(type) {
		case float64:
			return x, ""
		case int64:
			return float64(x), ""
		}
	case ocsf.Boolean:
		if b, ok := v.(bool); ok {
			return b, ""
		}
	}
	return nil, fmt.Sprintf("%v is not a value of type %s", v, a.Type)
}

func WholeLiteral(v any) (int64, bool) {
	switch x := v.(type) {
	case int64:
		return x, true
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int64(x), true
		}
	case string:
		var i int64
		if _, err := fmt.Sscanf(x, "%d", &i); err == nil && fmt.Sprint(i) == x {
			return i, true
		}
	}
	return 0, false
}

func notInEnum(v, near string, a *ocsf.Attribute) string {
	if near != "" {
		return fmt.Sprintf("%s is not a value of the enum; did you mean '%s'?", v, near)
	}
	var all []string
	for i, e := range a.Enum {
		if i == 12 {
			all = append(all, "...")
			break
		}
		if a.Base == ocsf.String {
			all = append(all, e.Key)
		} else {
			all = append(all, fmt.Sprintf("%d %s", e.ID, e.Text))
		}
	}
	return fmt.Sprintf("%s is not a value of the enum (%s)", v, strings.Join(all, ", "))
}

// IsTime says whether values of an attribute are points in time.
func IsTime(a *ocsf.Attribute) bool { return a.Base == ocsf.Timestamp || a.Base == ocsf.DateTime }

// HasUnknown says whether an attribute is an enum of numbers with 0.
func HasUnknown(a *ocsf.Attribute) bool {
	if a.Base != ocsf.Integer && a.Base != ocsf.Long || a.IsArray {
		return false
	}
	_, ok := a.EnumText(0)
	return ok
}

// Caption is the text of an enum's number.
func Caption(x string, a *ocsf.Attribute) string {
	var b strings.Builder
	b.WriteString("CASE " + x)
	for _, v := range a.Enum {
		fmt.Fprintf(&b, " WHEN %d THEN %s", v.ID, syntax.Quote(v.Text))
	}
	return b.String() + " END"
}

// ConstantSQL is a constant (see lake.Node) as SQL of a type.
func ConstantSQL(v any, typ string) string {
	switch x := v.(type) {
	case string:
		return syntax.Quote(x)
	case []string:
		var parts []string
		for _, s := range x {
			parts = append(parts, syntax.Quote(s))
		}
		return "CAST([" + strings.Join(parts, ", ") + "] AS " + typ + ")"
	}
	return fmt.Sprintf("CAST(%v AS %s)", v, typ)
}
