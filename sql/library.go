package shipped

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/sql/syntax"
)

// Macro of the library: every mapping can call it without defining it.
type Macro struct {
	Name string // in lower case
	// Signature is the name with its parameters, as `in_cidr(ip, cidr)`.
	Signature string
	File      string // network.sql
	Doc       string // what it does, a paragraph
	Examples  []Example
	// Text is its CREATE MACRO statement.
	Text string
}

// Example of a macro: an expression, and its value cast to VARCHAR (NULL for none).
type Example struct{ Expr, Value string }

var (
	createMacro = regexp.MustCompile(`^CREATE MACRO ([a-z][a-z0-9_]*)\(([^)]*)\) AS\s`)
	call        = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_]*)"?\s*\(`)
	// defined finds the names that somebody's macros have.
	defined = regexp.MustCompile(`(?i)\b(?:MACRO|FUNCTION)\s+(?:IF\s+NOT\s+EXISTS\s+)?"?([A-Za-z_][A-Za-z0-9_]*)`)
)

// Library gives the macros that come with the program, those that others call before them.
func Library() ([]Macro, error) {
	names, err := fs.Glob(Mappings, "macros/*.sql")
	if err != nil {
		return nil, err
	}
	var all []Macro
	for _, n := range names {
		b, err := Mappings.ReadFile(n)
		if err != nil {
			return nil, err
		}
		ms, err := readMacros(strings.TrimPrefix(n, "macros/"), string(b))
		if err != nil {
			return nil, err
		}
		all = append(all, ms...)
	}
	return sorted(all), nil
}

// readMacros reads a file: blocks of comments, each followed by a statement; the first block is about the file.
func readMacros(file, text string) (all []Macro, err error) {
	m := Macro{File: file}
	var doc []string
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		body, comment := strings.CutPrefix(line, "-- ")
		example, is := strings.CutPrefix(body, "example: ")
		switch {
		case comment && is:
			expr, value, ok := strings.Cut(example, " => ")
			if !ok {
				return nil, fmt.Errorf("%s:%d: an example is written `-- example: expression => value`", file, i+1)
			}
			m.Examples = append(m.Examples, Example{expr, value})
		case comment:
			doc = append(doc, body)
		case strings.HasPrefix(line, "CREATE "):
			from := i
			for !strings.HasSuffix(lines[i], ";") {
				if i++; i == len(lines) {
					return nil, fmt.Errorf("%s:%d: the statement does not end in ;", file, from+1)
				}
			}
			m.Text = strings.Join(lines[from:i+1], "\n")
			head := createMacro.FindStringSubmatch(m.Text + " ")
			if head == nil {
				return nil, fmt.Errorf("%s:%d: not a CREATE MACRO name(parameters) AS", file, from+1)
			}
			m.Name, m.Signature, m.Doc = head[1], head[1]+"("+head[2]+")", strings.Join(doc, " ")
			all = append(all, m)
			m, doc = Macro{File: file}, nil
		case strings.TrimSpace(line) == "":
			m, doc = Macro{File: file}, nil
		default:
			return nil, fmt.Errorf("%s:%d: neither a comment nor CREATE MACRO", file, i+1)
		}
	}
	return all, nil
}

// sorted puts what a macro calls before it: DuckDB binds a macro when it is created.
func sorted(all []Macro) []Macro {
	by := map[string]Macro{}
	names := make([]string, 0, len(all))
	for _, m := range all {
		by[m.Name] = m
		names = append(names, m.Name)
	}
	sort.Strings(names)
	var out []Macro
	seen := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		m, ok := by[name]
		if !ok || seen[name] {
			return
		}
		seen[name] = true
		for _, c := range calls(m.body()) {
			add(c)
		}
		out = append(out, m)
	}
	for _, n := range names {
		add(n)
	}
	return out
}

func calls(text string) (names []string) {
	for _, m := range call.FindAllStringSubmatch(text, -1) {
		names = append(names, strings.ToLower(m[1]))
	}
	return names
}

// Used gives the macros of the library that SQL texts name, and those that these call, in an order in which they can be created.
// A name that is only in a comment counts, too: that does no harm.
func Used(library []Macro, texts ...string) []Macro {
	by := map[string]Macro{}
	for _, m := range library {
		by[m.Name] = m
	}
	used := map[string]bool{}
	var note func(text string)
	note = func(text string) {
		for _, c := range calls(text) {
			if m, ok := by[c]; ok && !used[c] {
				used[c] = true
				note(m.body())
			}
		}
	}
	for _, t := range texts {
		note(t)
	}
	var out []Macro
	for _, m := range library {
		if used[m.Name] {
			out = append(out, m)
		}
	}
	return out
}

// Without leaves out the macros that a text defines.
func Without(library []Macro, text string) (rest []Macro) {
	own := definitions(text)
	for _, m := range library {
		if _, ok := own[m.Name]; !ok {
			rest = append(rest, m)
		}
	}
	return rest
}

// Shadowed are the names that macros of the library share with those that a text defines, each with its place in the text.
func Shadowed(library []Macro, text string) map[string]int {
	own := definitions(text)
	for n := range own {
		if !slices.ContainsFunc(library, func(m Macro) bool { return m.Name == n }) {
			delete(own, n)
		}
	}
	return own
}

// Shadow gives the library for a mapping whose own macros a text defines. The mapping's macros keep their names. A macro of the library
// that has the name of one of them gets another name, by which the rest of the library calls it: what the library does is the same for
// every mapping.
func Shadow(library []Macro, text string) []Macro {
	shadowed := Shadowed(library, text)
	if len(shadowed) == 0 {
		return library
	}
	taken := definitions(text)
	for _, m := range library {
		taken[m.Name] = 0
	}
	renamed := slices.Clone(library)
	for _, name := range slices.Sorted(maps.Keys(shadowed)) {
		other := "library_" + name
		for _, ok := taken[other]; ok; _, ok = taken[other] {
			other += "_"
		}
		taken[other] = 0
		use := regexp.MustCompile(`\b` + name + `(\s*\()`)
		for i, m := range renamed {
			renamed[i].Text = use.ReplaceAllString(m.Text, other+"$1")
			if m.Name == name {
				renamed[i].Name = other
			}
		}
	}
	return renamed
}

// definitions are the names that a text defines as macros, in lower case, and where each stands.
func definitions(text string) map[string]int {
	all := map[string]int{}
	for _, m := range defined.FindAllStringSubmatchIndex(syntax.WithoutTexts(text), -1) {
		if n := strings.ToLower(text[m[2]:m[3]]); all[n] == 0 {
			all[n] = m[2]
		}
	}
	return all
}

// body is the expression of a macro.
func (m Macro) body() string { return m.Text[len(createMacro.FindString(m.Text+" "))-1:] }
