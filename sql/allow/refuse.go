package allow

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
	"github.com/silt-etl/silt/sql/syntax"
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

// keywordFunctions are values without parentheses that DuckDB's tree holds as column names, and whether they read the clock.
var keywordFunctions = map[string]bool{
	"current_timestamp": true, "current_date": true, "current_time": true, "localtime": true, "localtimestamp": true,
	"current_localtime": true, "current_localtimestamp": true,
	"current_user": false, "session_user": false, "user": false, "current_role": false, "current_schema": false, "current_catalog": false,
}

// Statement reports every clause of a SELECT that a mapping must not have: a projection looks at one record at a time,
// and gives one event for each that it takes.
func (c *Checker) Statement(f diag.File, st *syntax.Statement) bool {
	bad := func(at int, what, hint string) {
		c.list.At(f, at, diag.Error, diag.SQLRefused, hint, "%s: each file of a mapping must hold one plain SELECT FROM raw", what)
	}
	before := len(*c.list)
	const one = "a SELECT turns one record into one event; do this when you query the lake"
	if st.Count != 1 {
		bad(0, "several statements", "write one SELECT per file")
	}
	if st.Class != "SELECT_NODE" {
		bad(0, "a set operation or recursive query (UNION, EXCEPT, INTERSECT, WITH RECURSIVE)", "write one file for each part")
		return false
	}
	b := st.Body
	if m := syntax.Child(b, "cte_map"); len(syntax.List(m, "map")) > 0 {
		bad(syntax.Location(m), "WITH", "write the expression where it is used, or make it a macro in macros.sql")
	}
	for _, v := range syntax.List(b, "modifiers") {
		m, _ := v.(syntax.Node)
		switch t := syntax.Str(m, "type"); t {
		case "DISTINCT_MODIFIER":
			bad(syntax.Location(m), "DISTINCT", one)
		case "ORDER_MODIFIER":
			bad(syntax.Location(m), "ORDER BY", "files are ordered by time already")
		case "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER":
			bad(syntax.Location(m), "LIMIT", one)
		default:
			bad(syntax.Location(m), t, one)
		}
	}
	if len(syntax.List(b, "group_expressions")) > 0 || len(syntax.List(b, "group_sets")) > 0 || syntax.Str(b, "aggregate_handling") != "STANDARD_HANDLING" {
		bad(syntax.Location(b["group_expressions"]), "GROUP BY", one)
	}
	if b["having"] != nil {
		bad(syntax.Location(b["having"]), "HAVING", one)
	}
	if b["qualify"] != nil {
		bad(syntax.Location(b["qualify"]), "QUALIFY", one)
	}
	if b["sample"] != nil {
		bad(-1, "SAMPLE", "no record must be lost; to leave records out on purpose, add a `-- drop:` line")
	}
	if st.Named > 0 {
		bad(-1, "a parameter ($1 or ?)", "write the value")
	}
	from := syntax.Child(b, "from_table")
	at := syntax.Location(from)
	switch t := syntax.Str(from, "type"); t {
	case "BASE_TABLE":
		name := syntax.Str(from, "table_name")
		if !strings.EqualFold(name, "raw") || syntax.Str(from, "catalog_name") != "" || (syntax.Str(from, "schema_name") != "" && !strings.EqualFold(syntax.Str(from, "schema_name"), "main")) {
			bad(at, "FROM "+name, "write FROM raw")
		}
		if from["sample"] != nil {
			bad(at, "TABLESAMPLE", "no record must be lost; to leave records out on purpose, add a `-- drop:` line")
		}
		if from["at_clause"] != nil {
			bad(at, "AT", "write FROM raw")
		}
		if len(syntax.List(from, "column_name_alias")) > 0 {
			bad(at, "column names after the table's alias", "use the names of raw.sql")
		}
	case "JOIN":
		bad(at, "a join", "a SELECT sees one record at a time, so there is nothing to join")
	case "SUBQUERY":
		bad(at, "a subquery in FROM", "write FROM raw")
	case "TABLE_FUNCTION":
		bad(at, "a table function in FROM", "write FROM raw; the job's source says where records come from")
	case "EMPTY":
		bad(0, "FROM is missing", "write FROM raw")
	default:
		bad(at, t, "write FROM raw")
	}
	return len(*c.list) == before
}

// Expression reports what an expression must not contain. Macros of the mapping are bound by DuckDB later, within TRY, which takes
// neither subqueries nor volatile functions.
func (c *Checker) Expression(f diag.File, e any) bool {
	return !c.tooLarge(f, e) && c.parts(f, e)
}

// Body reports what the body of a macro must not contain. Its size counts where the macro is called.
func (c *Checker) Body(f diag.File, e any) bool { return c.parts(f, e) }

func (c *Checker) parts(f diag.File, e any) bool {
	ok := true
	bad := func(n syntax.Node, what, hint string) {
		ok = false
		c.list.At(f, syntax.Location(n), diag.Error, diag.SQLRefused, hint, "%s cannot be used in a mapping", what)
	}
	syntax.Walk(e, func(n syntax.Node) bool {
		switch syntax.Str(n, "class") {
		case "STAR":
			bad(n, "*", "name each OCSF path (example: `event.src_ip AS \"src_endpoint.ip\"`); fields that you do not name go to unmapped")
			return false
		case "SUBQUERY":
			bad(n, "a subquery", "a SELECT sees one record at a time; for a lookup, use CASE or a MAP literal")
			return false
		case "WINDOW":
			bad(n, "a window function", "a SELECT turns one record into one event")
			return false
		case "PARAMETER":
			bad(n, "a parameter", "write the value")
		case "POSITIONAL_REFERENCE":
			bad(n, "a column by its number", "use its name")
		case "DEFAULT":
			bad(n, "DEFAULT", "write the value")
		case "FUNCTION":
			c.function(n, bad)
		case "COLUMN_REF":
			ok = c.keyword(f, n) && ok
		}
		return true
	})
	return ok
}

// keyword reports a reference to a column that raw.sql does not declare, and that DuckDB reads as a function of the same name.
func (c *Checker) keyword(f diag.File, n syntax.Node) bool {
	names := syntax.ColumnNames(n)
	if len(names) != 1 {
		return true
	}
	clock, is := keywordFunctions[strings.ToLower(names[0])]
	near, declared := c.field(names[0])
	switch {
	case !is || declared:
		return true
	case clock && near == "":
		c.list.At(f, syntax.Location(n), diag.Error, diag.SQLRefused, "a mapping must give the same result every time: take the time from the record", "%s cannot be used in a mapping", names[0])
		return false
	}
	hint := "add \"" + names[0] + "\" to raw.sql, or correct the name"
	if near != "" {
		hint = "did you mean " + near + "?"
	}
	c.list.At(f, syntax.Location(n), diag.Error, diag.UnknownField, hint, "raw has no field %s, and SQL's function of this name cannot be used in a mapping", names[0])
	return false
}

func (c *Checker) function(n syntax.Node, bad func(n syntax.Node, what, hint string)) {
	name := strings.ToLower(syntax.Str(n, "function_name"))
	info, known := c.functions[name]
	switch {
	case name == "unnest":
		bad(n, "UNNEST", "a SELECT turns one record into one event; take one element (example: list[1]), or keep the list")
	case syntax.Flag(n, "distinct") || n["filter"] != nil || len(syntax.List(syntax.Child(n, "order_bys"), "orders")) > 0 || info.Aggregate && !info.Scalar:
		bad(n, "the aggregate function "+name, "a SELECT turns one record into one event; for lists, use list_sum, list_max, ...")
	case info.Volatile || processFunctions[name]:
		bad(n, name, hintRepeat)
	case refusedCall(name, n) != "":
		bad(n, name, refusedCall(name, n))
	case known && info.Scalar && !c.allowed[name] && !c.macros.Is(name):
		names := slices.Sorted(maps.Keys(c.allowed))
		hint := "it is not on the list of allowed functions"
		if near := suggest.Nearest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		bad(n, name, hint)
	case !known:
		names := make([]string, 0, len(c.functions))
		for k := range c.functions {
			names = append(names, k)
		}
		sort.Strings(names)
		hint := "define it in macros.sql, or correct the name"
		if near := suggest.Nearest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		bad(n, "the unknown function "+name, hint)
	case !info.Scalar:
		bad(n, "the table function "+name, "write FROM raw; the job's source says where records come from")
	}
}

// MaxParts is how many parts an expression may have with macros in place, and maxDeep how deep they may be nested. DuckDB and
// the compiler hold them in memory that no limit bounds.
const (
	MaxParts = 50_000
	maxDeep  = 400
)

// tooLarge refuses an expression before anything is made of it.
func (c *Checker) tooLarge(f diag.File, e any) bool {
	parts, depth := c.macros.Size(e)
	switch {
	case parts > MaxParts:
		c.list.At(f, syntax.Location(e), diag.Error, diag.SQLRefused, "a macro that uses its argument twice doubles the expression with each call", "the expression is too large: it has more than %d parts after its macros are expanded", MaxParts)
	case depth > maxDeep:
		c.list.At(f, syntax.Location(e), diag.Error, diag.SQLRefused, "use one call with several arguments (example: concat(a, b, c)), or a MAP literal", "the expression is too deep: its calls are nested more than %d levels after its macros are expanded", maxDeep)
	default:
		return false
	}
	return true
}
