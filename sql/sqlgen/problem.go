package sqlgen

import (
	"fmt"
	"sort"
	"strings"
)

// Severity of a Problem.
type Severity uint8

const (
	Error   Severity = iota // the mapping cannot be used
	Warning                 // it can, but its author should know
	Note                    // all is well; its author may want to know
)

func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Note:
		return "note"
	}
	return "error"
}

// Problem is one finding about a mapping, at a place its author can go to. Line and Column are 1-based (Column counts
// bytes, as editors' "go to" does for ASCII); both are 0 where the finding is about the file as a whole.
type Problem struct {
	File     string
	Line     int
	Column   int
	Severity Severity
	Code     string // stable, as UNKNOWN_PATH
	Message  string // one line: what and where
	Hint     string // one line: what to do; may be empty
}

// String gives file:line:column: severity: message (hint).
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	fmt.Fprintf(&b, ": %s: %s", p.Severity, p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Failed says whether any of the problems is an error.
func Failed(ps []Problem) bool {
	for _, p := range ps {
		if p.Severity == Error {
			return true
		}
	}
	return false
}

// report collects problems while a mapping is compiled, so that its author sees all of them at once.
type report struct {
	problems []Problem
	seen     map[Problem]bool
}

func (r *report) add(p Problem) {
	if r.seen == nil {
		r.seen = map[Problem]bool{}
	}
	if !r.seen[p] {
		r.seen[p] = true
		r.problems = append(r.problems, p)
	}
}

// at adds a problem at a byte offset of a file; offset < 0 is the file as a whole.
func (r *report) at(f File, offset int, s Severity, code, hint, format string, args ...any) {
	p := Problem{File: f.Path, Severity: s, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}
	if offset >= 0 {
		p.Line, p.Column = Position(f.Text, offset)
	}
	r.add(p)
}

// sorted gives the problems by file and place.
func (r *report) sorted() []Problem {
	sort.SliceStable(r.problems, func(i, j int) bool {
		a, b := r.problems[i], r.problems[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
	return r.problems
}

func (r *report) failed() bool { return Failed(r.problems) }

// Position gives the 1-based line and column (in bytes) of a byte offset.
func Position(text string, offset int) (line, column int) {
	if offset > len(text) {
		offset = len(text)
	}
	before := text[:offset]
	line = 1 + strings.Count(before, "\n")
	return line, offset - strings.LastIndexByte(before, '\n')
}

// nearest gives the candidate with the smallest edit distance to s, or "" when none is near enough to be a slip.
func nearest(s string, candidates []string) string {
	best, limit := "", len(s)/3+2
	for _, c := range candidates {
		if d := distance(strings.ToLower(s), strings.ToLower(c), limit); d < limit {
			best, limit = c, d
		}
	}
	return best
}

// distance is Levenshtein's, cut off at limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost = 1 + min(diag, row[j], row[j-1])
			}
			diag, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
