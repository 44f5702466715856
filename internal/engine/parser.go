package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SyntaxError is what DuckDB's parser says about a text, at a byte offset into it (-1: unknown).
type SyntaxError struct {
	Message string
	Offset  int
}

func (e *SyntaxError) Error() string { return e.Message }

// Parser is DuckDB's own parser and printer. It needs no table to exist.
type Parser struct{ d *DB }

// Parser returns the database's parser.
func (d *DB) Parser() Parser { return Parser{d} }

// Parse gives json_serialize_sql's document, {"error": false, "statements": [{"node": ...}]}, of exactly one SELECT. A
// query_location in it is a byte offset into sql (2^64-1: none). A text that is not one SELECT is a *SyntaxError.
func (p Parser) Parse(sql string) ([]byte, error) {
	rows, err := p.d.side.text("SELECT json_serialize_sql($1::VARCHAR)::VARCHAR", &sql)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Kind == "Parser" {
			return nil, &SyntaxError{Message: e.Message + p.d.wordHint(sql, e.Offset), Offset: e.Offset}
		}
		return nil, fmt.Errorf("engine: parse: %w", err)
	}
	var doc struct {
		Error      bool              `json:"error"`
		Message    string            `json:"error_message"`
		Position   string            `json:"position"`
		Statements []json.RawMessage `json:"statements"`
	}
	if err := json.Unmarshal([]byte(rows[0]), &doc); err != nil {
		return nil, fmt.Errorf("engine: parse: %w", err)
	}
	if doc.Error {
		e := &SyntaxError{Message: oneLine(doc.Message), Offset: -1}
		if n, err := strconv.Atoi(doc.Position); err == nil {
			e.Offset = n
			e.Message += p.d.wordHint(sql, n)
		}
		if doc.Message == "Only SELECT statements can be serialized to json!" {
			e.Message, e.Offset = "only a SELECT is allowed here", 0
		}
		return nil, e
	}
	if len(doc.Statements) != 1 {
		e := &SyntaxError{Message: fmt.Sprintf("one SELECT is allowed here, not %d statements", len(doc.Statements)), Offset: -1}
		if toks, err := lex(sql); err == nil && len(doc.Statements) > 1 {
			if s := statements(toks); len(s) > 1 {
				e.Offset = s[1][0].at
			}
		}
		return nil, e
	}
	return []byte(rows[0]), nil
}

// Print gives the SQL of a document that Parse gave, in DuckDB's own notation.
func (p Parser) Print(ast []byte) (string, error) {
	text := string(ast)
	rows, err := p.d.side.text("SELECT json_deserialize_sql($1::VARCHAR::JSON)", &text)
	if err != nil {
		return "", fmt.Errorf("engine: print: %w", err)
	}
	return rows[0], nil
}

// wordHint says that a word of SQL is in the way, if a syntax error at a byte of sql is at one or behind one: a name that is such a word
// must be quoted. It is "" otherwise.
func (d *DB) wordHint(sql string, offset int) string {
	toks, err := lex(sql)
	if err != nil || offset < 0 {
		return ""
	}
	i := slices.IndexFunc(toks, func(t token) bool { return t.at == offset })
	if i < 0 {
		return ""
	}
	// Words that begin or connect the parts of a statement are rarely meant as names.
	common := strings.Fields("select from where as and or not null case when then else end in on is like between cast try_cast create table true false distinct")
	for _, t := range toks[max(0, i-1) : i+1] {
		if !t.word || slices.Contains(common, t.text) {
			continue
		}
		if rows, err := d.side.text("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved' AND keyword_name = $1::VARCHAR", &t.text); err == nil && len(rows) == 1 {
			return fmt.Sprintf("; %s is a word of SQL: if it is a name here, write it in double quotes (\"%s\")", t.text, t.text)
		}
	}
	return ""
}
