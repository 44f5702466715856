package diag

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiagnosticString(t *testing.T) {
	for _, c := range []struct {
		d    Diagnostic
		want string
	}{
		{Diagnostic{File: "job.yaml", Line: 3, Column: 5, Message: "limits.memroy is not a key", Hint: "limits.memory?"}, "job.yaml:3:5: error: limits.memroy is not a key (limits.memory?)"},
		{Diagnostic{File: "raw.sql", Severity: Warning, Message: "empty"}, "raw.sql: warning: empty"},
	} {
		if got := c.d.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// A diagnostic keeps all its parts in JSON, and a list keeps each diagnostic once.
func TestList(t *testing.T) {
	warning := Diagnostic{File: "b", Line: 2, Column: 1, Severity: Warning, Code: Unread, Message: "m"}
	failure := Diagnostic{File: "a", Line: 9, Column: 4, EndLine: 9, EndColumn: 7, Code: Type, Message: "n", Hint: "h", Fix: &Fix{Text: "x"}}
	var l List
	l.Add(warning, warning)
	if l.Err() != nil {
		t.Errorf("a list of warnings is an error: %v", l.Err())
	}
	l.Add(failure, warning)
	l.Sort()
	if diff := cmp.Diff(List{failure, warning}, l); diff != "" {
		t.Errorf("sorted (-want +got):\n%s", diff)
	}
	if got, want := l.Err().Error(), "a:9:4: error: n (h)\nb:2:1: warning: m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if diff := cmp.Diff(List{failure}, l.Errors()); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var back List
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, back); diff != "" {
		t.Errorf("through JSON (-want +got):\n%s", diff)
	}
}

func TestPosition(t *testing.T) {
	for _, c := range []struct{ offset, line, column int }{{0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {4, 2, 2}, {99, 2, 3}} {
		if line, column := Position("ab\ncd", c.offset); line != c.line || column != c.column {
			t.Errorf("offset %d: got %d:%d, want %d:%d", c.offset, line, column, c.line, c.column)
		}
	}
}

// Each code has a text of its own.
func TestCodeTexts(t *testing.T) {
	seen := map[string]Code{}
	for _, c := range CodeTexts() {
		if c.Code.Text() != c.Text || c.Text == "" {
			t.Errorf("%s: text %q, want %q", c.Code, c.Code.Text(), c.Text)
		}
		if other, taken := seen[c.Text]; taken {
			t.Errorf("%s and %s have the same text", c.Code, other)
		}
		seen[c.Text] = c.Code
	}
}

func TestOpError(t *testing.T) {
	err := error(&OpError{Op: "read", Object: "s3://b/k", Err: fs.ErrNotExist, Try: "etl run --full-sweep"})
	if got, want := err.Error(), "read s3://b/k: file does not exist. Try: etl run --full-sweep"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}
