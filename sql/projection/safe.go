package projection

import (
	"strings"

	"github.com/silt-etl/silt/sql/syntax"
)

// Some calls are harmless with a constant and not with a value of the record. safe puts a condition around those.

// wildcards are the characters of a pattern that stand for any text, by the function that takes the pattern.
var wildcards = map[string]string{"~~": "%", "!~~": "%", "~~*": "%", "!~~*": "%", "~~~": "*",
	"like_escape": "%", "not_like_escape": "%", "ilike_escape": "%", "not_ilike_escape": "%"}

// safe gives a call, or what stands in its place.
func (w *rewriter) safe(n syntax.Node) (syntax.Node, error) {
	name := strings.ToLower(syntax.Str(n, "function_name"))
	args := syntax.List(n, "children")
	if syntax.Str(n, "class") != "FUNCTION" || wildcards[name] == "" || len(args) < 2 {
		return n, nil
	}
	pattern, _ := args[1].(syntax.Node)
	if _, constant := syntax.Literal(pattern); constant {
		return n, nil
	}
	// DuckDB tries each place for each %, one inside of the other: '%' || name || '%' is quick, six of them never end.
	many := syntax.Quote(wildcards[name])
	count := "(strlen(_pattern) - strlen(replace(_pattern, " + many + ", '')))"
	return w.around("CASE WHEN "+count+" <= 2 OR "+count+" <= 4 AND strlen(_text) <= 256 THEN _call END",
		map[string]any{"_pattern": pattern, "_text": args[0], "_call": n})
}

// around puts parts of the author's expression in place of the names in an expression of the compiler's own.
func (w *rewriter) around(sql string, parts map[string]any) (syntax.Node, error) {
	out, err := w.c.snippet(sql)
	if err != nil {
		return nil, err
	}
	call, _ := parts["_call"].(syntax.Node)
	out = put(out, parts).(syntax.Node)
	out["alias"] = syntax.Str(call, "alias")
	out["query_location"] = call["query_location"]
	return out, nil
}

func put(v any, parts map[string]any) any {
	switch t := v.(type) {
	case []any:
		for i, e := range t {
			t[i] = put(e, parts)
		}
	case syntax.Node:
		if names := syntax.ColumnNames(t); len(names) == 1 && syntax.Str(t, "class") == "COLUMN_REF" {
			if part, ok := parts[names[0]]; ok {
				part := syntax.Clone(part)
				if n, ok := part.(syntax.Node); ok {
					n["alias"] = syntax.Str(t, "alias") // of a field in struct_pack
				}
				return part
			}
		}
		for k, e := range t {
			t[k] = put(e, parts)
		}
	}
	return v
}
