package sqlgen

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
)

// processFunctions tell of the process, the clock or the session and not of the record; some of them DuckDB does not call
// volatile.
var processFunctions = map[string]bool{
	"current_catalog": true, "current_database": true, "current_date": true, "current_query": true, "current_role": true,
	"current_schema": true, "current_schemas": true, "current_setting": true, "current_time": true, "current_timestamp": true,
	"current_user": true, "currval": true, "error": true, "gen_random_uuid": true, "get_current_time": true,
	"get_current_timestamp": true, "getenv": true, "getvariable": true, "in_search_path": true, "localtime": true,
	"localtimestamp": true, "nextval": true, "now": true, "pg_sleep": true, "query": true, "query_table": true, "random": true,
	"read_blob": true, "read_text": true, "session_user": true, "setseed": true, "sleep_ms": true, "stats": true, "today": true,
	"transaction_timestamp": true, "txid_current": true, "user": true, "uuid": true, "uuidv4": true, "uuidv7": true, "version": true,
	"write_log": true,
}

// keywordFunctions are values without parentheses that DuckDB's tree holds as column names.
var keywordFunctions = map[string]bool{
	"current_timestamp": true, "current_date": true, "current_time": true, "localtime": true, "localtimestamp": true,
	"current_user": true, "session_user": true, "user": true, "current_role": true, "current_schema": true, "current_catalog": true,
	"current_localtime": true, "current_localtimestamp": true,
}

// refuseStatement tells every clause of a SELECT that a mapping may not have: a projection looks at one record at a time,
// and gives one event for each that it takes.
func (c *compiler) refuseStatement(f diag.File, st *statement) bool {
	bad := func(at int, what, hint string) {
		c.report.At(f, at, diag.Error, diag.SQLRefused, hint, "%s: a mapping is one plain SELECT FROM raw", what)
	}
	before := len(*c.report)
	const one = "one record in, one event out: leave it to the query over the lake"
	if st.count != 1 {
		bad(0, "there are several statements", "one file, one SELECT")
	}
	if st.class != "SELECT_NODE" {
		bad(0, "a set operation or recursive query (UNION, EXCEPT, INTERSECT, WITH RECURSIVE)", "write a file for each part: every file is a projection")
		return false
	}
	b := st.body
	if m := child(b, "cte_map"); len(list(m, "map")) > 0 {
		bad(location(m), "WITH", "write the expression where it is used, or make it a macro in macros.sql")
	}
	for _, v := range list(b, "modifiers") {
		m, _ := v.(node)
		switch t := str(m, "type"); t {
		case "DISTINCT_MODIFIER":
			bad(location(m), "DISTINCT", one)
		case "ORDER_MODIFIER":
			bad(location(m), "ORDER BY", "files are ordered by time already")
		case "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER":
			bad(location(m), "LIMIT", one)
		default:
			bad(location(m), t, one)
		}
	}
	if len(list(b, "group_expressions")) > 0 || len(list(b, "group_sets")) > 0 || str(b, "aggregate_handling") != "STANDARD_HANDLING" {
		bad(location(b["group_expressions"]), "GROUP BY", one)
	}
	if b["having"] != nil {
		bad(location(b["having"]), "HAVING", one)
	}
	if b["qualify"] != nil {
		bad(location(b["qualify"]), "QUALIFY", one)
	}
	if b["sample"] != nil {
		bad(-1, "SAMPLE", "nothing may be lost; name what to leave out with a `-- drop:` line")
	}
	if st.named > 0 {
		bad(-1, "a parameter ($1 or ?)", "write the value")
	}
	from := child(b, "from_table")
	at := location(from)
	switch t := str(from, "type"); t {
	case "BASE_TABLE":
		name := str(from, "table_name")
		if !strings.EqualFold(name, "raw") || str(from, "catalog_name") != "" || (str(from, "schema_name") != "" && !strings.EqualFold(str(from, "schema_name"), "main")) {
			bad(at, "FROM "+name, "write FROM raw")
		}
		if from["sample"] != nil {
			bad(at, "TABLESAMPLE", "nothing may be lost; name what to leave out with a `-- drop:` line")
		}
		if from["at_clause"] != nil {
			bad(at, "AT", "write FROM raw")
		}
		if len(list(from, "column_name_alias")) > 0 {
			bad(at, "column names after the table's alias", "rename in raw.sql, or use the names it has")
		}
	case "JOIN":
		bad(at, "a join", "one record at a time: there is nothing to join with")
	case "SUBQUERY":
		bad(at, "a subquery in FROM", "write FROM raw")
	case "TABLE_FUNCTION":
		bad(at, "a table function in FROM", "write FROM raw; the job's source says where records come from")
	case "EMPTY":
		bad(0, "FROM is missing", "write FROM raw")
	default:
		bad(at, t, "write FROM raw")
	}
	return len(*c.report) == before
}

// refuseExpr tells what an expression may not hold. Macros of the mapping are bound by DuckDB later, within TRY, which takes
// neither subqueries nor volatile functions.
func (c *compiler) refuseExpr(f diag.File, e any) bool {
	if c.tooLarge(f, e) {
		return false
	}
	ok := true
	bad := func(n node, what, hint string) {
		ok = false
		c.report.At(f, location(n), diag.Error, diag.SQLRefused, hint, "%s cannot be used in a mapping", what)
	}
	walk(e, func(n node) bool {
		switch str(n, "class") {
		case "STAR":
			bad(n, "*", "name each OCSF path: `event.src_ip AS \"src_endpoint.ip\"`; what is not named goes to unmapped by itself")
			return false
		case "SUBQUERY":
			bad(n, "a subquery", "one record at a time; a lookup is a CASE or a MAP literal")
			return false
		case "WINDOW":
			bad(n, "a window function", "one record in, one event out")
			return false
		case "PARAMETER":
			bad(n, "a parameter", "write the value")
		case "POSITIONAL_REFERENCE":
			bad(n, "a column by its number", "name it")
		case "DEFAULT":
			bad(n, "DEFAULT", "write the value")
		case "FUNCTION":
			c.refuseFunction(n, bad)
		case "COLUMN_REF":
			if names := columnNames(n); len(names) == 1 && keywordFunctions[strings.ToLower(names[0])] && c.src.root.get(names[0]) == nil {
				bad(n, names[0], "a run must give the same result when it is repeated: take the time from the record")
			}
		}
		return true
	})
	return ok
}

func (c *compiler) refuseFunction(n node, bad func(n node, what, hint string)) {
	name := strings.ToLower(str(n, "function_name"))
	info, known := c.functions[name]
	switch {
	case name == "unnest":
		bad(n, "UNNEST", "one record in, one event out; take an element, as list[1], or keep the list")
	case flag(n, "distinct") || n["filter"] != nil || len(list(child(n, "order_bys"), "orders")) > 0 || info.Aggregate && !info.Scalar:
		bad(n, name+", an aggregate,", "one record in, one event out; for lists there are list_sum, list_max, ...")
	case info.Volatile || processFunctions[name]:
		bad(n, name, hintRepeat)
	case refusedCall(name, n) != "":
		bad(n, name, refusedCall(name, n))
	case known && info.Scalar && !c.allowed[name] && !c.isMacro(name):
		names := slices.Sorted(maps.Keys(c.allowed))
		hint := "it is not on the list of functions for mappings"
		if near := suggest.Nearest(name, names); near != "" {
			hint = "is " + near + " meant?"
		}
		bad(n, name, hint)
	case !known:
		names := make([]string, 0, len(c.functions))
		for k := range c.functions {
			names = append(names, k)
		}
		sort.Strings(names)
		hint := "macros.sql can define it"
		if near := suggest.Nearest(name, names); near != "" {
			hint = "is " + near + " meant?"
		}
		bad(n, "the unknown function "+name, hint)
	case !info.Scalar:
		bad(n, name+", which gives a table,", "write FROM raw; the job's source says where records come from")
	}
}
