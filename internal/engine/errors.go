package engine

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Error is what DuckDB says about a statement, in one line.
type Error struct {
	// Kind is DuckDB's own class of errors: Parser, Binder, Catalog, Conversion, Out of Memory, Permission, ...
	Kind    string
	Message string
	// Offset is the byte of the statement that DuckDB points at, -1 where it points at none.
	Offset int
}

func (e *Error) Error() string {
	if e.Kind == "" {
		return "duckdb: " + e.Message
	}
	return "duckdb: " + strings.ToLower(e.Kind) + " error: " + e.Message
}

// OutOfMemory is the Kind of a statement that needs more than Options.MemoryBytes.
const OutOfMemory = "Out of Memory"

// PanicError is a Cursor that panicked: a defect of the caller's, which ends the query and not the process.
type PanicError struct {
	Source string
	Value  any
	Stack  []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("source %s: panic: %s", e.Source, oneLine(fmt.Sprint(e.Value)))
}

// duckError reads the text of an error under errors_as_json (set in open), which some of DuckDB's paths prefix with the
// kind and some leave out.
func duckError(text string) *Error {
	e := &Error{Offset: -1}
	if i := strings.IndexByte(text, '{'); i >= 0 {
		var j struct {
			Type     string `json:"exception_type"`
			Message  string `json:"exception_message"`
			Position string `json:"position"`
		}
		if err := json.Unmarshal([]byte(text[i:]), &j); err == nil && j.Message != "" {
			e.Kind, text = j.Type, j.Message
			if n, err := strconv.Atoi(j.Position); err == nil {
				e.Offset = n
			}
		}
	}
	// The excerpt that DuckDB draws under a message repeats the statement; Offset says the same.
	if i := strings.Index(text, "\n\nLINE "); i >= 0 {
		text = text[:i]
	}
	if e.Kind == OutOfMemory || strings.HasPrefix(text, "Out of Memory Error") {
		e.Kind = OutOfMemory
		text, _, _ = strings.Cut(strings.TrimSpace(text), "\n") // below is advice on settings that are not the user's
		text = strings.TrimSpace(text) + "; raise the memory limit, use fewer threads, or free space in the temp folder"
	}
	e.Message = oneLine(text)
	return e
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
