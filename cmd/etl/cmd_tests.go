package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/mappingtest"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/mappings"
)

// testCmd is etl test. Its file is not called cmd_test.go, which Go would take for a test.
type testCmd struct {
	Mapping []string `arg:"" optional:"" complete:"mapping" help:"Names of mappings, their folders or .json files. Default: the current folder if it is a mapping, else all mappings in ./sql and ./mappings." example:"sql/vpn"`
	Match   string   `name:"run" placeholder:"REGEX" help:"Run only tests whose name matches. Default: all tests." example:"'^login'"`
	Verbose bool     `short:"v" help:"Also name the tests that pass."`
	Update  bool     `help:"Rewrite the expectations that fail, so that they pass. Review the change before you commit it."`
	JUnit   string   `name:"junit" placeholder:"FILE" complete:"file" help:"Also write the results as JUnit XML. Default: no file." example:"results.xml"`
	sampleFlags
	outputFlag
}

// Help implements kong.HelpProvider.
func (*testCmd) Help() string {
	return commandHelp{
		Does: "etl test runs the tests of a mapping. A test is raw records and the OCSF events that they must become, in a " +
			"YAML file below tests/ of the mapping's folder. The tests of a mapping run as one batch, through everything " +
			"that a run does up to the finished Parquet file.\n\n" +
			"The exit code is 1 if a test fails, and 2 if a mapping or a test file cannot be used.",
		Never: "It never touches staging, lake or catalog. It changes a test file only with --update.",
		Examples: []string{
			"etl test",
			"etl test sql/vpn --run '^login' --verbose",
			"etl test network-firewall --junit results.xml",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// mappingTests are the results of one mapping in the JSON output.
type mappingTests struct {
	Mapping string       `json:"mapping"`
	OK      bool         `json:"ok"`
	Seconds float64      `json:"seconds"`
	Error   string       `json:"error,omitempty"` // of the mapping or a test file, because of which no tests were run
	Tests   []testResult `json:"tests"`
}

type testResult struct {
	Name  string             `json:"name"`
	File  string             `json:"file"`
	Line  int                `json:"line"`
	OK    bool               `json:"ok"`
	Diffs []mappingtest.Diff `json:"diffs,omitempty"`
}

// Run implements etl test. The exit code is 1 if a test fails, and 2 if a mapping or a test file cannot be used.
func (c *testCmd) Run(ctx context.Context, a *app) error {
	var match *regexp.Regexp
	if c.Match != "" {
		var err error
		if match, err = regexp.Compile(c.Match); err != nil {
			return usagef("--run: %w", err)
		}
	}
	names := c.Mapping
	if len(names) == 0 {
		if names = mappingsInFolder(); len(names) == 0 {
			return usagef("no mapping was found in ./sql, ./mappings or the current folder. Try: etl test MAPPING")
		}
	}
	temp, err := os.MkdirTemp("", "silt-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	all := []mappingTests{}
	code := exitDone
	for _, name := range names {
		m, err := namedMapping(name)
		if err != nil {
			return err
		}
		r, err := c.test(ctx, a, m, match, temp)
		if err != nil {
			return err
		}
		all = append(all, r)
		if c.Output == "text" {
			r.write(a.stdout, c.Verbose)
		}
		switch {
		case r.Error != "":
			code = exitUsage
		case !r.OK && code == exitDone:
			code = exitFailed
		}
	}
	if c.Output == "json" {
		if err := printJSON(a.stdout, struct {
			OK       bool           `json:"ok"`
			Mappings []mappingTests `json:"mappings"`
		}{code == exitDone, all}); err != nil {
			return err
		}
	}
	if c.JUnit != "" {
		if err := writeJUnit(c.JUnit, all); err != nil {
			return err
		}
	}
	if code != exitDone {
		return printedError{code}
	}
	return nil
}

// mappingsInFolder finds the mappings of the current folder.
func mappingsInFolder() []string {
	if exists("raw.sql") {
		return []string{"."}
	}
	folders, _ := filepath.Glob(filepath.Join("sql", "*", "raw.sql"))
	files, _ := filepath.Glob(filepath.Join("mappings", "*.json"))
	var names []string
	for _, f := range folders {
		names = append(names, filepath.Dir(f))
	}
	return append(names, files...)
}

// test runs the tests of one mapping. An error means that neither the mapping nor its tests are at fault.
func (c *testCmd) test(ctx context.Context, a *app, m *mappings.Mapping, match *regexp.Regexp, temp string) (mappingTests, error) {
	began := time.Now()
	r := mappingTests{Mapping: m.Name, Tests: []testResult{}}
	if m.Declarative() {
		r.Mapping += ".json"
	}
	results, err := c.results(ctx, a, m, match, temp)
	r.Seconds = time.Since(began).Seconds()
	if as[diag.List](err) {
		r.Error = err.Error()
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.OK = true
	for _, t := range results {
		r.Tests = append(r.Tests, testResult{Name: t.Case.Name, File: t.Case.File, Line: t.Case.Line, OK: len(t.Diffs) == 0, Diffs: t.Diffs})
		r.OK = r.OK && len(t.Diffs) == 0
	}
	return r, nil
}

func (c *testCmd) results(ctx context.Context, a *app, m *mappings.Mapping, match *regexp.Regexp, temp string) ([]mappingtest.Result, error) {
	compiled, err := compile(ctx, m)
	if err != nil {
		return nil, err
	}
	files, err := mappingtest.Load(m)
	if err != nil {
		return nil, err
	}
	o := mappingtest.Options{Match: match, TempDir: temp}
	if c.EventDays != "" {
		days, err := c.days(jobfile.Default().EventDays)
		if err != nil {
			return nil, err
		}
		o.MinDay, o.MaxDay = days.Bounds(time.Now())
	}
	if err := c.tests(files); err != nil {
		return nil, err
	}
	results, err := mappingtest.Run(ctx, compiled, files, o)
	if err != nil || !c.Update {
		return results, err
	}
	changed := false
	for _, f := range files {
		if !slices.ContainsFunc(results, func(r mappingtest.Result) bool { return r.Case.File == f.Path && len(r.Diffs) > 0 }) {
			continue
		}
		if strings.HasPrefix(m.Origin, "shipped:") {
			return nil, usagef("--update: the tests of %s come with the program and cannot be changed. Try: a folder of your own", m.Name)
		}
		text, err := mappingtest.Update(f, results)
		if err != nil {
			return nil, err
		}
		if err := replaceFile(f.Path, text); err != nil {
			return nil, err
		}
		render.Fprintf(a.stderr, "updated %s\n", f.Path)
		changed = true
	}
	if !changed {
		return results, nil
	}
	if files, err = mappingtest.Load(m); err != nil {
		return nil, err
	}
	if err := c.tests(files); err != nil {
		return nil, err
	}
	return mappingtest.Run(ctx, compiled, files, o)
}

// replaceFile replaces a file at once: readers see the old text or the new one.
func replaceFile(path string, text []byte) error {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".silt-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(f.Name(), mode)
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// write prints the results in the format of go test. The time is that of all tests, because they run as one batch.
func (r *mappingTests) write(w io.Writer, verbose bool) {
	for _, t := range r.Tests {
		switch {
		case !t.OK:
			render.Fprintf(w, "--- FAIL: %s/%s\n", r.Mapping, t.Name)
			for _, d := range t.Diffs {
				render.Fprintf(w, "    %s:%d:%d: %s\n", t.File, d.Line, d.Column, d.String())
			}
		case verbose:
			render.Fprintf(w, "--- PASS: %s/%s\n", r.Mapping, t.Name)
		}
	}
	tests := human.Plural(int64(len(r.Tests)), "test")
	switch {
	case r.Error != "":
		fmt.Fprintln(w, r.Error)
		render.Fprintf(w, "FAIL  %s  [no tests were run]\n", r.Mapping)
	case len(r.Tests) == 0:
		render.Fprintf(w, "?     %s  [no tests]\n", r.Mapping)
	case r.OK:
		render.Fprintf(w, "ok    %s  %s  %.2fs\n", r.Mapping, tests, r.Seconds)
	default:
		failed := 0
		for _, t := range r.Tests {
			if !t.OK {
				failed++
			}
		}
		render.Fprintf(w, "FAIL  %s  %d of %s  %.2fs\n", r.Mapping, failed, tests, r.Seconds)
	}
}
