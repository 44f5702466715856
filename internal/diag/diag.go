// Package diag describes what is wrong with something that a person wrote or asked for.
//
// A Diagnostic is about a place in a file: a job file, a mapping, a test file. An OpError is about an operation on something
// outside of files: a bucket, a table, a ledger. Every package reports with these two types, and only cmd/etl prints them.
// The package knows no other package of Silt.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says what a Diagnostic means for the file it is about.
type Severity uint8

const (
	Error   Severity = iota // the file cannot be used
	Warning                 // it can be used, but its author should know
	Note                    // all is well, and its author may want to know
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

// MarshalText writes a severity as etl check prints it.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(b []byte) error {
	for _, v := range []Severity{Error, Warning, Note} {
		if string(b) == v.String() {
			*s = v
			return nil
		}
	}
	return fmt.Errorf("%q is not a severity (example: warning)", b)
}

// Diagnostic is one finding about a file, at a place its author can go to.
//
// Line and Column are 1-based, and Column counts bytes. Both are 0 if the diagnostic is about the file as a whole. EndLine and
// EndColumn are the first place after the text in question; they are 0 if only its beginning is known.
type Diagnostic struct {
	File      string   `json:"file"`
	Line      int      `json:"line,omitempty"`
	Column    int      `json:"column,omitempty"`
	EndLine   int      `json:"end_line,omitempty"`
	EndColumn int      `json:"end_column,omitempty"`
	Severity  Severity `json:"severity"`
	Code      Code     `json:"code,omitempty"`
	Message   string   `json:"message"`        // one line: what is wrong, and where if the place does not say it
	Hint      string   `json:"hint,omitempty"` // one line: what to do
	Fix       *Fix     `json:"fix,omitempty"`
}

// Fix is a change that an editor can offer: Text replaces the diagnostic's range.
type Fix struct {
	Text string `json:"text"`
}

// String gives file:line:column: severity: message (hint).
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(d.File)
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", d.Line, d.Column)
	}
	fmt.Fprintf(&b, ": %s: %s", d.Severity, d.Message)
	if d.Hint != "" {
		b.WriteString(" (" + d.Hint + ")")
	}
	return b.String()
}

// same says whether two diagnostics tell a reader the same thing.
func (d Diagnostic) same(o Diagnostic) bool {
	d.Fix, o.Fix = nil, nil
	return d == o
}

// File is a text that diagnostics are about. Path is what they call it.
type File struct {
	Path string
	Text string
}

// List is diagnostics in the order in which they were found. As an error it is what is wrong with a file.
type List []Diagnostic

// Add appends the diagnostics that the list does not hold yet.
func (l *List) Add(ds ...Diagnostic) {
	for _, d := range ds {
		if !slices.ContainsFunc(*l, d.same) {
			*l = append(*l, d)
		}
	}
}

// Failed says whether one of the diagnostics is an error.
func (l List) Failed() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// At adds a diagnostic at a byte offset of a file. An offset below 0 stands for the file as a whole.
func (l *List) At(f File, offset int, s Severity, code Code, hint, format string, args ...any) {
	d := Diagnostic{File: f.Path, Severity: s, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}
	if offset >= 0 {
		d.Line, d.Column = Position(f.Text, offset)
	}
	l.Add(d)
}

// Sort orders the list by file and place, and keeps the order of diagnostics about the same place.
func (l List) Sort() {
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Errors returns the errors of the list, without warnings and notes.
func (l List) Errors() List {
	return slices.DeleteFunc(slices.Clone(l), func(d Diagnostic) bool { return d.Severity != Error })
}

// Err returns the list as an error, or nil if the list has no error in it.
func (l List) Err() error {
	if !l.Failed() {
		return nil
	}
	return l
}

// Error gives one line for each diagnostic.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Position gives the 1-based line and column (in bytes) of a byte offset.
func Position(text string, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}
