package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/compare"
	"github.com/silt-etl/silt/internal/human"
)

// failOn are the flags with which a difference is a failure. A comparison that could not read an object fails too, because nobody
// knows what its other records show.
type failOn struct {
	ExitCode bool     `help:"End with exit code 1 for any difference. Default: exit code 0."`
	FailOn   []string `name:"fail-on" placeholder:"KIND" help:"End with exit code 1 for differences of these kinds: changed, moved, quarantined, removed-column, column-type. Default: none." example:"quarantined,removed-column"`
}

// failKind is a kind of differences, for --fail-on.
type failKind struct {
	name string
	// found says what a report has of this kind, or "".
	found func(*compare.Report) string
}

func failKinds() []failKind {
	return []failKind{
		{"changed", func(r *compare.Report) string { return recordsThat(r.Changed, "changed") }},
		{"moved", func(r *compare.Report) string { return recordsThat(r.Moved, "moved") }},
		{"quarantined", func(r *compare.Report) string { return recordsThat(r.Quarantined(), "moved to quarantine") }},
		{"removed-column", func(r *compare.Report) string { return columnsThat(r, compare.ColumnRemoved, "removed") }},
		{"column-type", func(r *compare.Report) string { return columnsThat(r, compare.ColumnType, "with another type") }},
	}
}

func recordsThat(n int64, what string) string {
	if n == 0 {
		return ""
	}
	return human.Plural(n, "record") + " " + what
}

func columnsThat(r *compare.Report, change, what string) string {
	var n int64
	example := ""
	for _, c := range r.Columns {
		if c.Change == change {
			if n++; example == "" {
				example = strings.TrimSuffix(c.Class+": "+c.Path, ": ")
			}
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s %s (%s)", human.Plural(n, "column"), what, example)
}

func (f *failOn) any() bool { return f.ExitCode || len(f.FailOn) > 0 }

// check refuses kinds that do not exist.
func (f *failOn) check() error {
	var names []string
	for _, k := range failKinds() {
		names = append(names, k.name)
	}
	for _, name := range f.FailOn {
		if !slices.Contains(names, name) {
			return usagef("--fail-on %s: not a kind of difference. Try: %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// failure is the error with which etl diff ends because of what the report has, or nil. Its exit code is that of a failed check.
func (f *failOn) failure(r *compare.Report) error {
	if !f.any() {
		return nil
	}
	flag, kinds := "--fail-on "+strings.Join(f.FailOn, ","), f.FailOn
	if f.ExitCode {
		flag, kinds = "--exit-code", []string{"changed", "moved", "removed-column", "column-type"}
	}
	var found []string
	for _, k := range failKinds() {
		if text := k.found(r); text != "" && slices.Contains(kinds, k.name) {
			found = append(found, text)
		}
	}
	if text := columnsThat(r, compare.ColumnAdded, "added"); text != "" && f.ExitCode {
		found = append(found, text)
	}
	if n := len(r.Unreadable); n > 0 {
		found = append(found, fmt.Sprintf("%s not read to the end", human.Plural(int64(n), "object")))
	}
	if len(found) == 0 {
		return nil
	}
	return errors.New(flag + ": " + strings.Join(found, ", "))
}

// unreadable is the error with which etl diff --ocsf ends if the mapping has mistakes at the other version, so that no records ran.
func (f *failOn) unreadable(m *moveReport) error {
	if !f.any() {
		return nil
	}
	return fmt.Errorf("no records were compared, because the mapping has mistakes at OCSF %s", m.To)
}
