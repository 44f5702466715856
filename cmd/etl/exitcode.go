package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/jobs"
)

// The exit codes. They are a contract: a code keeps its meaning, and a new one gets the next number and a row in exitCodes.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitQuarantine
	exitHeld
	exitStopped
)

// exitCode is one exit code of etl: what it means, and which errors end with it.
type exitCode struct {
	Code    int
	Name    string
	Meaning string             // one line of Markdown without links
	Errors  []error            // sentinels, found with errors.Is
	types   []func(error) bool // types of errors
}

// exitCodes is the one table of exit codes. --help, the man page and docs/commands.md are made from it. Of several rows that
// match an error the first one decides, but exitFailed only if no other row matches. jobs.Failures has the order of several errors.
func exitCodes() []exitCode {
	return []exitCode{
		{Code: exitDone, Name: "done", Meaning: "done"},
		{Code: exitFailed, Name: "failed", Meaning: "failed: a store, a catalog, the machine, a timeout, or a failed check or test",
			Errors: []error{jobs.ErrTimeout, jobs.ErrBatchTimeout}}, // and all errors that no row names
		{Code: exitUsage, Name: "usage", Meaning: "wrong usage, or an invalid job file, mapping or query",
			types: []func(error) bool{as[usageError], as[diag.List]}},
		{Code: exitQuarantine, Name: "quarantine", Meaning: "failed: too many bad records, partitions or unread objects (the `max_` keys of `limits`)",
			Errors: []error{jobs.ErrQuarantine, jobs.ErrUnread}},
		{Code: exitHeld, Name: "held", Meaning: "another run of the job is already processing the work",
			Errors: []error{ledger.ErrHeld}},
		{Code: exitStopped, Name: "stopped", Meaning: "stopped by SIGINT or SIGTERM; the next run continues from there",
			Errors: []error{jobs.ErrStopped, context.Canceled}},
	}
}

// exitCodeOf gives the exit code of a command that returned err.
func exitCodeOf(err error) int {
	if err == nil {
		return exitDone
	}
	if printed, ok := errors.AsType[printedError](err); ok {
		return printed.code
	}
	if several, ok := errors.AsType[*jobs.Failures](err); ok {
		return several.ExitCode(exitCodeOf)
	}
	for _, c := range exitCodes() {
		if c.Code != exitFailed && c.matches(err) {
			return c.Code
		}
	}
	return exitFailed
}

func (c exitCode) matches(err error) bool {
	return slices.ContainsFunc(c.Errors, func(sentinel error) bool { return errors.Is(err, sentinel) }) ||
		slices.ContainsFunc(c.types, func(isType func(error) bool) bool { return isType(err) })
}

// as says whether an error is, or wraps, one of type E.
func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// usageError is a mistake in the command line, or in something that it names.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// printedError ends the process with a code after the command itself has printed why.
type printedError struct{ code int }

func (e printedError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitCodeLines lists exit codes for help texts, one a line; all of them if none is named.
func exitCodeLines(codes ...int) string {
	var b strings.Builder
	for _, c := range exitCodes() {
		if len(codes) == 0 || slices.Contains(codes, c.Code) {
			fmt.Fprintf(&b, "  %d  %s\n", c.Code, strings.ReplaceAll(c.Meaning, "`", ""))
		}
	}
	return b.String()
}
