package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

type checkCmd struct {
	What   []string `arg:"" optional:"" name:"job|mapping" complete:"mapping" help:"Job files, folders of SQL, .json mappings or names of shipped mappings." example:"job.yaml"`
	Schema bool     `help:"Print the JSON Schema of a job file, for editors."`
	Sample string   `placeholder:"FILE" complete:"file" help:"Also run a sample through the mapping, and report the values that do not fit, the records that go to quarantine, and the fields that no SELECT reads. FILE is a plain or packed file, s3://bucket/key, or - for standard input. Default: no sample." example:"sample.log.gz"`
	Output string   `help:"Format of the output: text, json, or sarif for code scanning." enum:"text,json,sarif" default:"text" short:"o"`
}

// Help implements kong.HelpProvider.
func (*checkCmd) Help() string {
	return commandHelp{
		Does: "etl check finds the mistakes in job files and mappings. It prints each one with file, line and column, what is " +
			"wrong, and what to do. For a job it also checks its mapping, the names of its tables, and that " +
			"source.key_pattern has the captures that the mapping reads.",
		Never: "It never runs a job and writes nothing. Without --sample it needs neither data nor network.",
		Examples: []string{
			"etl check job.yaml",
			"etl check sql/network-firewall --sample sample.log.gz",
			"etl check job.yaml network-firewall --output sarif",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// finding is a problem of a job file or a mapping, as etl check prints it. Line and Column are 0 for a file as a whole.
type finding struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity"` // error, warning, note
	Code     string `json:"code,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

func (f finding) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	fmt.Fprintf(&b, ": %s: %s", f.Severity, f.Message)
	if f.Hint != "" {
		b.WriteString(" (" + f.Hint + ")")
	}
	return b.String()
}

// Run implements etl check. What it finds is its result, so that goes to stdout.
func (c *checkCmd) Run(ctx context.Context, a *app) error {
	if c.Schema {
		_, err := a.stdout.Write(jobfile.Schema(jobKinds()))
		return err
	}
	if len(c.What) == 0 {
		return usagef("name a job file or a mapping, or give --schema")
	}
	if c.Sample != "" && len(c.What) != 1 {
		return usagef("--sample goes with one mapping or job")
	}
	found := []finding{}
	seen := map[finding]bool{}
	for _, w := range c.What {
		fs, err := a.check(ctx, w)
		if err != nil {
			return err
		}
		for _, f := range fs {
			if !seen[f] { // two jobs may share a mapping
				seen[f] = true
				found = append(found, f)
			}
		}
	}
	failed := slices.ContainsFunc(found, func(f finding) bool { return f.Severity == "error" })
	var coverage *sample.Coverage
	if c.Sample != "" && !failed {
		var more []finding
		var err error
		if coverage, more, err = a.checkSample(ctx, c.What[0], c.Sample); err != nil {
			return err
		}
		found = slices.DeleteFunc(found, func(f finding) bool { return f.Code == "UNREAD" }) // the sample ranks them
		found = append(found, more...)
	}
	if err := printFindings(a.stdout, c.Output, found, coverage); err != nil {
		return err
	}
	if failed {
		return printedError{exitUsage}
	}
	return nil
}

func printFindings(w io.Writer, output string, found []finding, coverage *sample.Coverage) error {
	switch output {
	case "json":
		ok := true
		for _, f := range found {
			ok = ok && f.Severity != "error"
		}
		return printJSON(w, struct {
			OK       bool             `json:"ok"`
			Problems []finding        `json:"problems"`
			Sample   *sample.Coverage `json:"sample,omitempty"`
		}{ok, found, coverage})
	case "sarif":
		return printSARIF(w, found)
	}
	if coverage != nil {
		defer func() { fmt.Fprintln(w, sampleLine(coverage)) }()
	}
	for _, f := range found {
		fmt.Fprintln(w, f)
	}
	if !slices.ContainsFunc(found, func(f finding) bool { return f.Severity != "note" }) {
		fmt.Fprintln(w, "ok")
	}
	return nil
}

// check looks at one argument. An error is no finding: something else than the file is at fault.
func (a *app) check(ctx context.Context, what string) ([]finding, error) {
	info, err := os.Stat(what)
	ext := filepath.Ext(what)
	switch {
	case ext == ".yaml" || ext == ".yml":
		return a.checkJob(ctx, what)
	case err == nil && !info.IsDir() && ext != ".json":
		return nil, usagef("%s is neither a job (.yaml) nor a mapping (a folder of SQL, or .json)", what)
	}
	m, err := findMapping(what, "")
	if err != nil {
		if errors.Is(err, mappings.ErrNotFound) {
			return nil, usageError{err}
		}
		return []finding{{File: what, Severity: "error", Message: err.Error()}}, nil
	}
	_, found, err := checkMapping(ctx, m)
	return found, err
}

func (a *app) checkJob(ctx context.Context, file string) ([]finding, error) {
	fail := func(err error) ([]finding, error) {
		var list diag.List
		if !errors.As(err, &list) {
			return nil, err
		}
		var out []finding
		for _, d := range list {
			out = append(out, asFinding(d))
		}
		return out, nil
	}
	spec, err := a.loadSpec(file)
	if err != nil {
		return fail(err)
	}
	m, err := a.loadMapping(spec)
	if err != nil {
		return fail(err)
	}
	compiled, found, err := checkMapping(ctx, m)
	if err != nil || compiled == nil {
		return found, err
	}
	at := func(key string) finding { return asFinding(spec.At(key)) }
	if err := compiled.CheckFormat(spec.Source.Format); err != nil {
		f := at("source.format")
		f.Message = "source.format: " + err.Error()
		found = append(found, f)
	}
	if _, err := jobs.Targets(spec, compiled); err != nil {
		f := at("lake.source_name")
		f.Message = "lake.source_name: " + err.Error()
		found = append(found, f)
	}
	if len(compiled.KeyColumns) > 0 && spec.Source.KeyPattern == "" {
		f := at("source")
		f.Severity = "warning"
		f.Message = fmt.Sprintf("source.key_pattern is missing, but the mapping reads %s of the staging key: they will be NULL", strings.Join(compiled.KeyColumns, ", "))
		found = append(found, f)
	}
	return found, nil
}

// checkMapping compiles a mapping; compiled is nil where one of the findings is an error.
func checkMapping(ctx context.Context, m *mappings.Mapping) (*sqlgen.Compiled, []finding, error) {
	compiled, problems, err := m.Compile(ctx)
	if err != nil {
		return nil, nil, err
	}
	return compiled, findings(problems), nil
}

func findings(problems diag.List) []finding {
	found := make([]finding, 0, len(problems))
	for _, p := range problems {
		found = append(found, finding{File: p.File, Line: p.Line, Column: p.Column, Severity: p.Severity.String(), Code: string(p.Code), Message: p.Message, Hint: p.Hint})
	}
	return found
}

func asFinding(d diag.Diagnostic) finding {
	return finding{File: d.File, Line: d.Line, Column: d.Column, Severity: d.Severity.String(), Code: string(d.Code), Message: d.Message, Hint: d.Hint}
}
