package engine

import (
	"fmt"
	"slices"
	"strings"
)

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
