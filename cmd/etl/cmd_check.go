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

	"github.com/silt-etl/silt/internal/capture"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

type checkCmd struct {
	What   []string `arg:"" optional:"" name:"job|mapping" complete:"mapping" help:"Job files, folders of SQL, .json mappings or names of shipped mappings." example:"job.yaml"`
	Schema bool     `help:"Print the JSON Schema of a job file, for editors."`
	Sample string   `placeholder:"FILE" complete:"file" help:"Also run a sample through the mapping. The command reports values that do not fit, records that go to quarantine, and fields that no SELECT reads. FILE is a plain or compressed file, s3://bucket/key, or - for standard input. Default: no sample." example:"sample.log.gz"`
	OCSF   string   `name:"ocsf" placeholder:"VERSION" help:"Check the mappings for this OCSF version instead of their own, and say what changes: types of columns, values, attributes. Default: the version of each mapping." example:"1.5.0"`
	sampleFlags
	Output string `help:"Format of the output: text, json, or sarif for code scanning." enum:"text,json,sarif" default:"text" short:"o"`
}

// Help implements kong.HelpProvider.
func (*checkCmd) Help() string {
	return commandHelp{
		Does: "etl check finds the mistakes in job files and mappings. It prints each one with file, line and column, what is " +
			"wrong, and what to do. For a job it also checks its mapping, the names of its tables, and that " +
			"source.key_pattern has the captures that the mapping reads. If the state is a folder, it says which new tables and " +
			"sources the classes of the mapping need. With --ocsf, it says what a move to another OCSF version changes.",
		Never: "It never runs a job and writes nothing. Without --sample it needs no data. It uses the network only if the sample, or a lookup that the job names, is on S3.",
		Examples: []string{
			"etl check job.yaml",
			"etl check sql/network-firewall --sample sample.log.gz",
			"etl check job.yaml network-firewall --output sarif",
			"etl check sql/vpn --ocsf 1.5.0",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// Run implements etl check. Diagnostics are its result, so they go to standard output.
func (c *checkCmd) Run(ctx context.Context, a *app) error {
	if c.Schema {
		_, err := a.stdout.Write(jobfile.Schema(jobKinds()))
		return err
	}
	if len(c.What) == 0 {
		return usagef("no job file or mapping was named. Try: etl check job.yaml")
	}
	if c.Sample != "" && len(c.What) != 1 {
		return usagef("--sample needs exactly one mapping or job")
	}
	if c.Sample == "" && c.sampleFlags != (sampleFlags{}) {
		return usagef("--key, --key-pattern and --event-days need --sample")
	}
	if c.Sample != "" && c.OCSF != "" {
		return usagef("--sample runs the mapping at its own OCSF version. Try: etl diff --ocsf %s --on %s", c.OCSF, c.Sample)
	}
	found := diag.List{}
	for _, w := range c.What {
		list, err := a.check(ctx, w, c.OCSF)
		if err != nil {
			return err
		}
		found.Add(list...) // two jobs may share a mapping
	}
	failed := found.Failed()
	var coverage *sample.Coverage
	if c.Sample != "" && !failed {
		var list diag.List
		var err error
		if coverage, list, err = a.checkSample(ctx, &previewCmd{Mapping: c.What[0], Sample: c.Sample, sampleFlags: c.sampleFlags}); err != nil {
			return err
		}
		found = slices.DeleteFunc(found, func(d diag.Diagnostic) bool { return d.Code == diag.Unread }) // the sample ranks them
		found.Add(list...)
		failed = found.Failed()
	}
	if err := printDiagnostics(a.stdout, c.Output, found, coverage); err != nil {
		return err
	}
	if failed {
		return printedError{exitUsage}
	}
	return nil
}

func printDiagnostics(w io.Writer, output string, found diag.List, coverage *sample.Coverage) error {
	switch output {
	case "json":
		return printJSON(w, struct {
			OK       bool             `json:"ok"`
			Problems diag.List        `json:"problems"`
			Sample   *sample.Coverage `json:"sample,omitempty"`
		}{!found.Failed(), found, coverage})
	case "sarif":
		return printSARIF(w, found)
	}
	for _, d := range found {
		fmt.Fprintln(w, render.Safe(d.String()))
	}
	if !slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Severity != diag.Note }) {
		fmt.Fprintln(w, "ok")
	}
	if coverage != nil {
		fmt.Fprintln(w, sampleLine(coverage))
	}
	return nil
}

// check checks one argument. An error means that something else than the file is at fault.
func (a *app) check(ctx context.Context, what, version string) (diag.List, error) {
	info, err := os.Stat(what)
	switch {
	case isJob(what):
		return a.checkJob(ctx, what, version)
	case err == nil && !info.IsDir() && filepath.Ext(what) != ".json":
		return nil, usagef("%s is neither a job (.yaml) nor a mapping (a folder of SQL, or .json)", what)
	}
	m, err := findMapping(what, "")
	if err != nil {
		if errors.Is(err, mappings.ErrNotFound) {
			return nil, usageError{err}
		}
		return diag.List{{File: what, Message: err.Error()}}, nil
	}
	_, list, err := compileAt(ctx, m, version)
	return list, err
}

// compileAt compiles a mapping to be checked: with a version, for this OCSF version, with what the move to it changes.
func compileAt(ctx context.Context, m *mappings.Mapping, version string) (*sqlgen.Compiled, diag.List, error) {
	if version == "" {
		return m.Compile(ctx)
	}
	if _, err := ocsf.Load(version); err != nil {
		return nil, nil, usagef("--ocsf: %w", err)
	}
	compiled, list, err := m.WithOCSF(version).Compile(ctx)
	if err != nil {
		return nil, nil, err
	}
	r, err := moveTo(ctx, m, version)
	if own, ok := errors.AsType[diag.List](err); ok {
		if first := own.Errors()[0]; !list.Failed() { // the mapping has mistakes only at its own version
			list.Add(diag.Diagnostic{File: first.File, Severity: diag.Note, Code: diag.OCSFMove, Hint: "etl check without --ocsf reports them",
				Message: "what changes is not known, because the mapping has mistakes at its own OCSF version"})
		}
		return compiled, list, nil
	}
	if err != nil {
		return nil, nil, err
	}
	list.Add(r.diagnostics()...)
	list.Sort()
	return compiled, list, nil
}

func (a *app) checkJob(ctx context.Context, file, version string) (diag.List, error) {
	spec, mistakes := jobfile.Inspect(file, a.env, jobKinds())
	if spec == nil || spec.Mapping == "" {
		return mistakes, nil
	}
	m, err := jobMapping(ctx, spec)
	if list, ok := errors.AsType[diag.List](err); ok {
		mistakes.Add(list...)
		return mistakes, nil
	}
	if err != nil && len(mistakes) > 0 { // it can come from them
		return mistakes, nil
	}
	if err != nil {
		return nil, err
	}
	compiled, list, err := compileAt(ctx, m, version)
	if len(mistakes) > 0 { // what the job and its mapping are together is not known yet
		mistakes.Add(list...)
		return mistakes, err
	}
	if err != nil || compiled == nil || list.Failed() {
		return list, err
	}
	at := func(key string, severity diag.Severity, format string, args ...any) {
		d := spec.At(key)
		d.Severity, d.Message = severity, fmt.Sprintf(format, args...)
		list.Add(d)
	}
	if err := compiled.CheckFormat(spec.Source.Format); err != nil {
		at("source.format", diag.Error, "source.format: %v", err)
	}
	if tooNew(spec, compiled.Version) {
		at("lake.location", diag.Warning, "the mapping writes OCSF %s, and Security Lake accepts versions up to %s", compiled.Version, securityLakeVersion)
	}
	places, err := placeClasses(ctx, spec, m, compiled, false)
	if err != nil {
		list.Add(placeError(spec, err))
		places = classPlaces{}
	}
	for _, n := range places.notes(spec) {
		at("lake.source_name", n.severity, "%s", n.text)
	}
	fromKey := slices.DeleteFunc(slices.Clone(compiled.KeyColumns), func(name string) bool {
		return capture.IsAdded(name) || compiled.Scan.Format.Member != nil && slices.Contains(compiled.Scan.Format.Member.Names(), name)
	})
	if len(fromKey) > 0 && spec.Source.KeyPattern == "" {
		at("source", diag.Warning, "source.key_pattern is missing, but the mapping reads %s from the staging key: they will be NULL", strings.Join(fromKey, ", "))
	}
	return list, nil
}
