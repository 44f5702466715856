package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// ColumnDef is a column of a CREATE TABLE: its name, and its type as DuckDB spells it.
type ColumnDef struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Macro is one definition of a scalar macro. A macro of several definitions has one for each.
type Macro struct {
	Name       string   `json:"name"`
	Parameters []string `json:"parameters"`
	// Definition is the expression, in DuckDB's notation: it can be parsed as SELECT <Definition>.
	Definition string `json:"definition"`
}

// scratchMemory bounds a database in which nothing is computed.
const scratchMemory = 64 << 20

func scratch() (*DB, error) { return Open(Options{MemoryBytes: scratchMemory, Threads: 1}) }

// DescribeTable gives the columns of exactly one `CREATE TABLE raw (...)` of plain columns, by running it in a database of its
// own. Errors of the text are *Error with its offset.
func DescribeTable(ctx context.Context, createSQL string) ([]ColumnDef, error) {
	toks, err := lex(createSQL)
	if err != nil {
		return nil, err
	}
	all := statements(toks)
	if len(all) != 1 {
		return nil, complain(all, 1, "exactly one CREATE TABLE raw (...) is wanted, not %d statements", len(all))
	}
	if err := tableShape(all[0]); err != nil {
		return nil, err
	}
	d, err := scratch()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if err := d.create(ctx, createSQL); err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Kind == "Parser" {
			e.Message += d.wordHint(createSQL, e.Offset)
		}
		return nil, err
	}
	bad, err := d.side.text("SELECT constraint_text FROM duckdb_constraints()", nil)
	if err != nil {
		return nil, err
	}
	if len(bad) > 0 {
		return nil, &Error{Kind: "Contract", Message: "raw has a constraint (" + oneLine(bad[0]) + "): remove it, raw.sql declares names and types only", Offset: -1}
	}
	var cols []ColumnDef
	err = d.records(`SELECT to_json({'name': column_name, 'type': data_type, 'default': column_default})::VARCHAR
		FROM duckdb_columns() WHERE NOT internal ORDER BY column_index`, func(row []byte) error {
		var c struct {
			ColumnDef
			Default *string `json:"default"`
		}
		if err := json.Unmarshal(row, &c); err != nil {
			return err
		}
		if c.Default != nil {
			return &Error{Kind: "Contract", Message: fmt.Sprintf("column %s of raw has a DEFAULT or is generated: remove that, raw.sql declares names and types only", c.Name), Offset: -1}
		}
		cols = append(cols, c.ColumnDef)
		return nil
	})
	return cols, err
}

// tableShape holds a statement to CREATE [OR REPLACE] [TEMP] TABLE [IF NOT EXISTS] raw ( ... ) and nothing behind it: an AS
// would run a query.
func tableShape(s []token) error {
	i, _ := creates(s)
	want := func(cond bool) error {
		if cond {
			return nil
		}
		at := len(s) - 1
		if i < len(s) {
			at = i
		}
		return &Error{Kind: "Contract", Message: "the statement is not a plain CREATE TABLE raw (column type, ...)", Offset: s[at].at}
	}
	if err := want(i > 0 && i < len(s) && s[i].is("table")); err != nil {
		return err
	}
	i = skip(s, i+1, "if", "not", "exists")
	if err := want(i < len(s) && strings.EqualFold(s[i].name(), "raw")); err != nil {
		return err
	}
	i++
	if err := want(i < len(s) && s[i].text == "("); err != nil {
		return err
	}
	depth := 0
	for ; i < len(s); i++ {
		switch s[i].text {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			break
		}
	}
	i++
	return want(i == len(s))
}

// creates gives where the kind of thing that a CREATE statement creates stands (0: it is not a CREATE), and where TEMP does (-1).
func creates(s []token) (kind, temp int) {
	if !s[0].is("create") {
		return 0, -1
	}
	i := skip(s, 1, "or", "replace")
	if i < len(s) && (s[i].is("temp") || s[i].is("temporary")) {
		return i + 1, i
	}
	return i, -1
}

// skip gives the index behind words where they stand at i, else i.
func skip(s []token, i int, words ...string) int {
	for j, w := range words {
		if i+j >= len(s) || !s[i+j].is(w) {
			return i
		}
	}
	return i + len(words)
}

// complain is an Error at the n-th statement, or at the start.
func complain(all [][]token, n int, format string, args ...any) error {
	e := &Error{Kind: "Contract", Message: fmt.Sprintf(format, args...), Offset: 0}
	if n < len(all) {
		e.Offset = all[n][0].at
	}
	return e
}

// CheckMacros holds sql to CREATE MACRO statements of scalar macros whose names DuckDB does not use itself. It gives the
// statements one by one, ready for Exec, and what they define. TEMP is left out of them: a temporary macro is seen by one
// connection, and every query has its own.
func CheckMacros(ctx context.Context, sql string) (stmts []string, defs []Macro, err error) {
	toks, err := lex(sql)
	if err != nil {
		return nil, nil, err
	}
	d, err := scratch()
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	known, err := d.Functions(ctx)
	if err != nil {
		return nil, nil, err
	}
	all := statements(toks)
	sizes := expansions{}
	for n, s := range all {
		i, temp := creates(s)
		if i == 0 || i >= len(s) || !s[i].is("macro") && !s[i].is("function") {
			return nil, nil, complain(all, n, "only CREATE MACRO is allowed here")
		}
		i = skip(s, i+1, "if", "not", "exists")
		if i+1 >= len(s) || s[i].name() == "" || s[i+1].text != "(" {
			return nil, nil, complain(all, n, "CREATE MACRO name(parameters) AS expression is wanted, the name without a schema")
		}
		if _, taken := known[strings.ToLower(s[i].name())]; taken {
			return nil, nil, &Error{Kind: "Contract", Message: fmt.Sprintf("macro %s: DuckDB has a function of this name; choose another name", s[i].name()), Offset: s[i].at}
		}
		if err := sizes.define(s, i); err != nil {
			return nil, nil, err
		}
		last := s[len(s)-1]
		end := last.at + len(last.text)
		text := sql[s[0].at:end]
		if temp >= 0 {
			text = sql[s[0].at:s[temp].at] + sql[s[temp+1].at:end]
		}
		if err := d.create(ctx, text); err != nil {
			var e *Error
			if errors.As(err, &e) && e.Offset >= 0 {
				e.Offset = origin(s, temp, e.Offset)
			}
			return nil, nil, err
		}
		stmts = append(stmts, text)
	}
	err = d.records(`SELECT to_json({'name': function_name, 'parameters': parameters, 'definition': macro_definition, 'type': function_type})::VARCHAR
		FROM duckdb_functions() WHERE NOT internal`, func(row []byte) error {
		var m struct {
			Macro
			Type string `json:"type"`
		}
		if err := json.Unmarshal(row, &m); err != nil {
			return err
		}
		if m.Type != "macro" {
			return &Error{Kind: "Contract", Message: fmt.Sprintf("macro %s returns a table; only scalar macros are allowed", m.Name), Offset: -1}
		}
		defs = append(defs, m.Macro)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return stmts, defs, nil
}

// origin turns an offset into a statement's text, from which TEMP was cut at token temp (-1: was not), into one into the
// whole.
func origin(s []token, temp, at int) int {
	whole := s[0].at + at
	if temp >= 0 && whole >= s[temp].at && temp+1 < len(s) {
		whole += s[temp+1].at - s[temp].at
	}
	return whole
}

// create runs one CREATE statement.
func (d *DB) create(ctx context.Context, sql string) error {
	d.main.mu.Lock()
	defer d.main.mu.Unlock()
	c := d.begin(ctx, d.main.c)
	defer c.end()
	n := 0
	return c.reason(d.main.runLocked(sql, func(k bindings.StatementType) error {
		if n++; n > 1 || k != bindings.StatementTypeCreate {
			return refused(k)
		}
		return nil
	}))
}

// records calls do for each row, a JSON text, of a query of the engine's own.
func (d *DB) records(sql string, do func(row []byte) error) error {
	rows, err := d.side.text(sql, nil)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := do([]byte(r)); err != nil {
			return err
		}
	}
	return nil
}
