package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/mappings/infer"
)

type inferCmd struct {
	Sample []string `arg:"" complete:"file" help:"Plain or compressed log files, s3://bucket/key, or - for standard input." example:"sample.log.gz"`
	Name   string   `placeholder:"NAME" help:"Name of the source. Default: the folder of --save, else the name of the first sample." example:"vpn"`
	Class  string   `placeholder:"CLASS" help:"Event class to write. Default: the best-scoring class." example:"authentication"`
	Limit  int64    `default:"0" help:"Read only this many records of each sample; 0 reads all." example:"10000"`
	Save   string   `placeholder:"DIR" complete:"dir" help:"Save raw.sql and the SELECT as files in a new folder. Default: print them." example:"sql/vpn"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*inferCmd) Help() string {
	return commandHelp{
		Does: "etl infer reads sample records and writes a first mapping. It recognises the format, writes raw.sql with types " +
			"that fit every record, and writes a SELECT with OCSF paths for the fields that it recognises by name and " +
			"value. It explains why it chose the event class, and the SQL has the reason above each column.\n\n" +
			"If etl ships a mapping for the records, the command names it, and writes another one only with --save or --class.\n\n" +
			"The result is a start: read it, complete what the comments name, and run etl check and etl preview.",
		Never: "It never overwrites a file. It never guesses silently: a comment marks each uncertain choice.",
		Examples: []string{
			"etl infer sample.log.gz",
			"etl infer vpn-1.jsonl vpn-2.jsonl --save sql/vpn",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// Run implements etl infer.
func (c *inferCmd) Run(ctx context.Context, a *app) error {
	if c.Limit < 0 {
		return usagef("--limit must be 0 (all records) or more")
	}
	if c.Name == "" {
		from := c.Sample[0]
		if c.Save != "" {
			from = filepath.Base(filepath.Clean(c.Save))
		}
		base, _, _ := strings.Cut(from[strings.LastIndexByte(from, '/')+1:], ".")
		if c.Name = strings.Trim(notInName.ReplaceAllString(base, "-"), "-"); c.Name == "" {
			c.Name = "source"
		}
	}
	samples := make([]infer.Sample, 0, len(c.Sample))
	for _, name := range c.Sample {
		body, changed, err := openSample(ctx, name)
		if err != nil {
			return err
		}
		defer body.Close()
		shown := filepath.Base(name)
		if name == "-" {
			shown = "standard input"
		}
		samples = append(samples, infer.Sample{Name: shown, Body: body, Changed: changed})
	}
	res, err := infer.Infer(samples, infer.Options{Name: c.Name, Class: c.Class, Limit: c.Limit, Stopped: ctx.Err})
	var whole *decode.Reject
	switch {
	case errors.Is(err, infer.ErrNoRecords), errors.Is(err, infer.ErrClass), errors.As(err, &whole):
		return usageError{err}
	case err != nil:
		return err
	}
	files := make([]sqlFile, 0, len(res.Files))
	for _, f := range res.Files {
		files = append(files, sqlFile{f.Path, f.Text})
	}
	if c.Output == "json" {
		if err := printJSON(a.stdout, struct {
			*infer.Result
			Files []sqlFile `json:"files"`
		}{res, files}); err != nil {
			return err
		}
		if c.Save != "" {
			return saveSQL(&app{stdout: a.stderr, stderr: a.stderr, env: a.env}, c.Save, files)
		}
		return nil
	}
	if res.Shipped != "" && c.Save == "" && c.Class == "" {
		render.Fprintf(a.stdout, "%s: %s records of %s. etl ships a mapping for these records, %[4]s. Try: etl preview %[4]s %[5]s, and write mapping: %[4]s in the job file. "+
			"To write a mapping of your own: etl infer %[5]s --save DIR\n", res.Name, human.Count(res.Records), res.Format, res.Shipped, c.Sample[0])
		return nil
	}
	writeInferred(a.stdout, res, c.Class)
	if c.Save == "" {
		for _, f := range files {
			fmt.Fprintf(a.stdout, "\n-- file: %s\n%s", f.File, f.SQL)
		}
		return nil
	}
	fmt.Fprintln(a.stdout)
	if err := saveSQL(a, c.Save, files); err != nil {
		return err
	}
	render.Fprintf(a.stdout, "next: etl check %s, then etl preview %s %s\n", c.Save, c.Save, c.Sample[0])
	return nil
}

// writeInferred prints the evidence for the format, the class and the times. chosen is the class of --class.
func writeInferred(w io.Writer, res *infer.Result, chosen string) {
	render.Fprintf(w, "%s: %s records of %s", res.Name, human.Count(res.Records), res.Format)
	if res.Rejected > 0 {
		render.Fprintf(w, ", and %s that cannot be read:", human.Count(res.Rejected))
		for _, code := range slices.Sorted(maps.Keys(res.Reasons)) {
			render.Fprintf(w, " %s", code)
		}
	}
	if res.FormatEvidence != "" {
		render.Fprintf(w, "\n%s: %s", res.Format, res.FormatEvidence)
	}
	if res.Shipped != "" {
		render.Fprintf(w, "\netl ships a mapping for these records, %s. Try: etl preview %[1]s SAMPLE", res.Shipped)
	}
	t := &render.Table{Header: []string{"class", "score", "because of"}, Right: []bool{false, true}, MaxCell: 120}
	for _, s := range res.Classes {
		if s.Score > 0 {
			t.Rows = append(t.Rows, []string{s.Class, fmt.Sprintf("%.1f", s.Score), strings.Join(s.Evidence, ", ")})
		}
	}
	switch {
	case len(t.Rows) > 0 && chosen == "" && res.Class == "base_event" && res.Classes[0].Score < infer.LeastScore:
		render.Fprintf(w, "\n\nclass base_event, because no candidate has a score of %.1f or more. Try: --class CLASS\n", infer.LeastScore)
		_ = t.Write(w)
	case len(t.Rows) > 0:
		render.Fprintf(w, "\n\nclass %s, of these candidates:\n", res.Class)
		_ = t.Write(w)
	default:
		render.Fprintf(w, "\n\nclass %s, because no name or value of a field suggests another one. Try: --class CLASS\n", res.Class)
	}
	fmt.Fprintln(w, "\ntimes:")
	if len(res.Times) == 0 {
		fmt.Fprintln(w, "  not found: a record has the time of its object, when it was last modified, until you write another column AS \"time\"")
	}
	for _, x := range res.Times {
		render.Fprintf(w, "  %s: %s", x.Field, x.Evidence)
		if x.Zone != "" {
			render.Fprintf(w, "; %s", x.Zone)
		}
		fmt.Fprintln(w)
	}
	mapped := 0
	for _, f := range res.Fields {
		if len(f.OCSF) > 0 {
			mapped++
		}
	}
	render.Fprintf(w, "\n%d of %d fields have a place in OCSF; the others go to unmapped\n", mapped, len(res.Fields))
	for _, n := range res.Notes {
		render.Fprintf(w, "note: %s\n", n)
	}
}
