package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/jobs"
)

// An error is printed once, and gives its exit code.
func TestReport(t *testing.T) {
	mapping := diag.List{{File: "a.sql", Line: 1, Column: 2, Message: "m", Hint: "h"}, {File: "a.sql", Severity: diag.Warning, Message: "w"}}.Errors()
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{nil, 0, ""},
		{mapping, 2, "a.sql:1:2: error: m (h)\n"},
		{usagef("x"), 2, "etl: x\n"},
		{printedError{3}, 3, ""},
		{errors.New("x"), 1, "etl: x\n"},
		{jobs.ErrStopped, 5, "etl: stopped\n"},
		{jobs.ErrQuarantine, 3, "etl: too many bad records\n"},
		{fmt.Errorf("run: %w", jobs.ErrTimeout), 1, "etl: run: timeout\n"},
	} {
		var b strings.Builder
		if code := printError(&b, c.err); code != c.code || b.String() != c.text {
			t.Errorf("%v: code %d, %q, want %d, %q", c.err, code, b.String(), c.code, c.text)
		}
	}
}

// The rows of the table are numbered from 0, and each error that a row names ends with its code, wrapped or not.
func TestExitCodes(t *testing.T) {
	names := map[string]bool{}
	for i, c := range exitCodes() {
		if c.Code != i || c.Meaning == "" || names[c.Name] {
			t.Errorf("row %d: %+v", i, c)
		}
		names[c.Name] = true
		for _, err := range c.Errors {
			if got := exitCodeOf(fmt.Errorf("batch x: %w", err)); got != c.Code {
				t.Errorf("%v: exit code %d, want %d", err, got, c.Code)
			}
		}
	}
	if got := exitCodeOf(errors.New("another")); got != exitFailed {
		t.Errorf("an error that no row names: exit code %d, want %d", got, exitFailed)
	}
}

// exitCodeTable is the table of docs/commands.md.
func exitCodeTable() string {
	var b strings.Builder
	b.WriteString("| exit code | meaning |\n| --- | --- |\n")
	for _, c := range exitCodes() {
		fmt.Fprintf(&b, "| %d | %s |\n", c.Code, c.Meaning)
	}
	return b.String()
}

// docs/commands.md has the table of exit codes. -update writes it.
func TestExitCodesInDocs(t *testing.T) {
	const begin, end = "<!-- made by: go test ./cmd/etl -update -->\n", "<!-- end -->"
	path := shipped("docs/commands.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("docs/commands.md has lost the marks of its table of exit codes")
	}
	want := exitCodeTable()
	if *update && got != want {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table of exit codes in docs/commands.md is out of date; run go test ./cmd/etl -update (-want +got):\n%s", diff)
	}
}
