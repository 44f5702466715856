// Package allow decides which SQL a mapping may use: one plain SELECT FROM raw, without what joins, groups, orders or looks outside
// of the record, with the functions that functions.txt lists, and up to a size. A function is allowed by adding it to
// functions.txt. The engine's own sandbox (no files, no network, bounded memory) does not depend on this package.
package allow

import (
	_ "embed"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/syntax"
)

//go:embed functions.txt
var functionList string

// allowedFunctions reads the list of functions that a mapping may call.
func allowedFunctions() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(functionList) {
		if w := strings.Fields(line); len(w) > 2 && w[0] == "allow" {
			all[w[1]] = true
		}
	}
	return all
}

// Function is what a function's name stands for in DuckDB.
type Function struct {
	Scalar    bool // there is a scalar function or macro of this name
	Aggregate bool
	Volatile  bool // its result is not fixed by its arguments
}

// Checker refuses what a mapping must not use.
type Checker struct {
	list      *diag.List
	functions map[string]Function
	macros    *syntax.Macros
	field     func(name string) (near string, declared bool) // of raw.sql
	allowed   map[string]bool
}

// NewChecker returns a checker that reports to list. functions are DuckDB's by name in lower case; field says whether raw.sql
// declares a field of that name, or else the nearest name of one.
func NewChecker(list *diag.List, functions map[string]Function, macros *syntax.Macros, field func(name string) (near string, declared bool)) *Checker {
	return &Checker{list: list, functions: functions, macros: macros, field: field, allowed: allowedFunctions()}
}
