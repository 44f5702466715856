package allow

import (
	"regexp"
	"strings"

	"github.com/silt-etl/silt/sql/syntax"
)

const (
	hintRepeat = "a mapping must give the same result every time, on any machine"
	hintGrowth = "DuckDB's memory limit does not apply within one call; use only the values of the record"
)

// inside are the beginnings and ends of names of functions that show DuckDB's own state, or what a server would have.
var inside = regexp.MustCompile(`^(pg_|has_.*_privilege$|inet_|icu_|__internal|duckdb_|pragma_|json_(de)?serialize|json_execute|current_|.*_description$|get_block_size$|format_type$|format_pg_type$|map_to_pg_oid$|parse_duckdb_log_message$|vector_type$|enable_|disable_|checkpoint$|force_checkpoint$|sql_auto_complete$|which_secret$|ago$)`)

// grow are functions whose result may be of any size, whatever the record's.
var grow = map[string]bool{"repeat": true, "range": true, "generate_series": true, "list_resize": true, "array_resize": true,
	"list_reduce": true, "array_reduce": true, "reduce": true, "bar": true}

// widest is the length that lpad and rpad may fill up to, in characters.
const widest = 10_000

// dynamicWidth is a width of 5 digits and more, or one that an argument gives.
var dynamicWidth = regexp.MustCompile(`[0-9]{5}|\*|\{[^{}]*\{`)

// sampling are aggregates whose result depends on chance or on the order in which threads come.
var sampling = map[string]bool{"reservoir_quantile": true, "approx_quantile": true, "approx_top_k": true}

// refusedCall says why a function of DuckDB must not be called like this; "" if it is allowed.
func refusedCall(name string, n syntax.Node) (hint string) {
	args := syntax.List(n, "children")
	constant := func(i int) (any, bool) {
		if i >= len(args) {
			return nil, false
		}
		e, _ := args[i].(syntax.Node)
		return syntax.Literal(e)
	}
	switch name {
	case "lpad", "rpad":
		if v, ok := constant(1); ok {
			if length, is := v.(int64); is && length <= widest {
				return ""
			}
		}
		return "the length must be a constant of at most 10000; " + hintGrowth
	case "printf", "format":
		if v, ok := constant(0); ok {
			if text, is := v.(string); is && !dynamicWidth.MatchString(text) {
				return ""
			}
		}
		return "the format must be a constant text with widths of at most four digits; " + hintGrowth
	case "age":
		if len(args) == 1 {
			return hintRepeat + ": give both times"
		}
	case "list_aggregate", "list_aggr", "array_aggregate", "array_aggr", "aggregate":
		v, ok := constant(1)
		aggregate, is := v.(string)
		if !ok || !is {
			return "write the name of the aggregate in quotes"
		}
		if sampling[strings.ToLower(aggregate)] {
			return hintRepeat
		}
	}
	switch {
	case grow[name]:
		return hintGrowth
	case inside.MatchString(name):
		return hintRepeat
	}
	return ""
}
