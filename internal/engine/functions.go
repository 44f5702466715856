package engine

import (
	"context"
	"encoding/json"
	"fmt"
)

// FunctionInfo is what a name stands for among DuckDB's functions; one name may be several things.
type FunctionInfo struct {
	Scalar    bool
	Aggregate bool
	Table     bool // table functions and table macros: rows, not a value
	Macro     bool // a scalar macro; what it is made of decides, see CheckMacros
	Pragma    bool
	// Volatile: another value at each call (random, nextval, uuid, ...).
	Volatile bool
	// PerQuery: another value in each query (now, current_date, ...), so that a second attempt differs from the first.
	PerQuery bool
}

// Functions gives DuckDB's functions by name in lower case, the DB's own macros and sources among them.
func (d *DB) Functions(ctx context.Context) (map[string]FunctionInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows, err := d.side.text(`SELECT to_json({'n': lower(function_name), 't': function_type, 's': stability})::VARCHAR
		FROM (SELECT DISTINCT function_name, function_type, stability FROM duckdb_functions())`, nil)
	if err != nil {
		return nil, fmt.Errorf("engine: functions: %w", err)
	}
	all := make(map[string]FunctionInfo, len(rows))
	for _, r := range rows {
		var f struct{ N, T, S string }
		if err := json.Unmarshal([]byte(r), &f); err != nil {
			return nil, fmt.Errorf("engine: functions: %w", err)
		}
		i := all[f.N]
		switch f.T {
		case "scalar":
			i.Scalar = true
		case "aggregate":
			i.Aggregate = true
		case "table", "table_macro":
			i.Table = true
		case "macro":
			i.Macro = true
		case "pragma":
			i.Pragma = true
		}
		i.Volatile = i.Volatile || f.S == "VOLATILE"
		i.PerQuery = i.PerQuery || f.S == "CONSISTENT_WITHIN_QUERY"
		all[f.N] = i
	}
	return all, nil
}
