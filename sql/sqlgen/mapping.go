package sqlgen

import (
	"context"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/suggest"
)

// Mapping is a mapping in SQL, as package mappings loads it (a declarative one is translated to SQL first).
type Mapping struct {
	Name string
	// Raw is raw.sql, and RawColumns the columns that its CREATE TABLE declares: the contract of the raw record.
	Raw        diag.File
	RawColumns []Column
	// Macros is macros.sql; Setup are its statements, MacroDefs what they define.
	Macros    diag.File
	Setup     []string
	MacroDefs []Macro
	// Selects hold one SELECT each.
	Selects []Select
	// Notes are the diagnostics of the loader, as coercions of a declarative mapping.
	Notes diag.List
}

// Select is a file with one SELECT. Name, where it is set, is what its projection is called instead of the file's name.
type Select struct {
	diag.File
	Name string
}

// Column of a table or a query: its name and its type in DuckDB's spelling.
type Column struct {
	Name string
	Type string
}

// Macro is a scalar macro's definition: an expression that can be parsed as SELECT <Definition>.
type Macro struct {
	Name       string
	Parameters []string
	Definition string
}

// FunctionInfo is what a function's name stands for in DuckDB.
type FunctionInfo struct {
	Scalar    bool // there is a scalar function or macro of this name
	Aggregate bool
	Volatile  bool // its result is not fixed by its arguments
}

// Database is what the compiler asks of DuckDB, with the mapping's macros created. Nothing of it reads data.
type Database interface {
	Parser
	// Describe gives the columns of a SELECT, bound but not run. What DuckDB says against it comes back as *SyntaxError.
	Describe(ctx context.Context, query string) ([]Column, error)
	// Rows runs a SELECT of texts over constants. What DuckDB says against it comes back as *SyntaxError.
	Rows(ctx context.Context, query string) ([][]string, error)
	// Functions gives all functions by name in lower case.
	Functions(ctx context.Context) (map[string]FunctionInfo, error)
}

// header is what the comments above a SELECT say.
type header struct {
	class    string
	classAt  int
	version  string
	verAt    int
	profiles []word
	drops    []word // predicates
	consumes []word // raw paths
	without  []word // OCSF paths of required attributes that the source does not have
}

// word is a piece of a header and its byte offset.
type word struct {
	text string
	at   int
}

// DefaultVersion is the OCSF version of a mapping that names none: what Security Lake's own sources are written in.
const DefaultVersion = "1.1.0"

var headerKeys = []string{"class", "ocsf", "version", "profiles", "drop", "consumes", "without"}

// HeaderKeys are the keys that the comments above a SELECT may have.
func HeaderKeys() []string { return slices.Clone(headerKeys) }

// headerLines calls fn for each `-- key: value` line before the first line that is neither blank nor a comment: where the line
// begins, its key in lower case, and its value, which may be empty. Comments of any other form are left alone.
func headerLines(text string, fn func(start int, key string, value word)) {
	at := 0
	for _, line := range strings.SplitAfter(text, "\n") {
		start := at
		at += len(line)
		trimmed := strings.TrimSpace(line)
		if trimmed == "" {
			continue
		}
		if !strings.HasPrefix(trimmed, "--") {
			return
		}
		key, _, ok := strings.Cut(strings.TrimLeft(trimmed[2:], "- "), ":")
		if !ok || strings.ContainsAny(key, " \t.") {
			continue
		}
		valueAt := start + strings.Index(line, ":") + 1
		fn(start, strings.ToLower(key), trimWord(strings.TrimRight(line[valueAt-start:], " \t\r\n"), valueAt))
	}
}

// parseHeader reads the comments above a SELECT; a near miss of a key (`-- profile: cloud`) is told.
func parseHeader(f diag.File, r *diag.List) header {
	h := header{version: DefaultVersion, classAt: -1, verAt: -1}
	headerLines(f.Text, func(start int, key string, value word) {
		switch key {
		case "class":
			h.class, h.classAt = value.text, value.at
		case "ocsf", "version":
			h.version, h.verAt = strings.TrimPrefix(value.text, "v"), value.at
		case "profiles":
			h.profiles = append(h.profiles, splitWords(value.text, value.at)...)
		case "drop":
			h.drops = append(h.drops, value)
		case "consumes":
			h.consumes = append(h.consumes, splitNames(value.text, value.at)...)
		case "without":
			h.without = append(h.without, splitWords(value.text, value.at)...)
		default:
			if n := suggest.Nearest(key, headerKeys); n != "" {
				r.At(f, start, diag.Warning, diag.HeaderKey, "the keys are "+strings.Join(headerKeys, ", "), "header key %q is not known; is %q meant?", key, n)
			}
		}
	})
	return h
}

func trimWord(s string, at int) word {
	t := strings.TrimLeft(s, " \t")
	return word{strings.TrimSpace(t), at + len(s) - len(t)}
}

func splitWords(s string, at int) (words []word) {
	for _, part := range strings.Split(s, ",") {
		if w := trimWord(part, at); w.text != "" {
			words = append(words, w)
		}
		at += len(part) + 1
	}
	return words
}

// splitNames cuts at commas that are not within double quotes.
func splitNames(s string, at int) (words []word) {
	from, quoted := 0, false
	for i := 0; i <= len(s); i++ {
		switch {
		case i < len(s) && s[i] == '"':
			quoted = !quoted
		case i == len(s) || s[i] == ',' && !quoted:
			if w := trimWord(s[from:i], at+from); w.text != "" {
				words = append(words, w)
			}
			from = i + 1
		}
	}
	return words
}
