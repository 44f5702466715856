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
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings/infer"
)

type inferCmd struct {
	Sample []string `arg:"" help:"Raw log files, packed or plain, s3://bucket/key, or - for standard input."`
	Name   string   `help:"Name of the source. Default: the folder of --save, else the first sample's."`
	Class  string   `help:"Event class to write. Default: the one that most speaks for."`
	Limit  int64    `help:"Read only the first so many records of each sample. Default: all."`
	Save   string   `placeholder:"DIR" help:"Write raw.sql and the SELECT as files of a new folder."`
	outputFlag
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
	res, err := infer.Infer(samples, infer.Options{Name: c.Name, Class: c.Class, Limit: c.Limit})
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
	writeInferred(a.stdout, res)
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
	fmt.Fprintf(a.stdout, "next: etl check %s, then etl preview %s %s\n", c.Save, c.Save, c.Sample[0])
	return nil
}

// writeInferred shows what speaks for what.
func writeInferred(w io.Writer, res *infer.Result) {
	fmt.Fprintf(w, "%s: %s records of %s", res.Name, jobs.Count(res.Records), res.Format)
	if res.Rejected > 0 {
		fmt.Fprintf(w, ", and %s that cannot be read:", jobs.Count(res.Rejected))
		for _, code := range slices.Sorted(maps.Keys(res.Reasons)) {
			fmt.Fprintf(w, " %s", code)
		}
	}
	if res.FormatEvidence != "" {
		fmt.Fprintf(w, "\n%s: %s", res.Format, res.FormatEvidence)
	}
	fmt.Fprintf(w, "\n\nclass %s, of these candidates:\n", res.Class)
	t := &render.Table{Header: []string{"class", "score", "because of"}, Right: []bool{false, true}, MaxCell: 120}
	for _, s := range res.Classes {
		if s.Score > 0 {
			t.Rows = append(t.Rows, []string{s.Class, fmt.Sprintf("%.1f", s.Score), strings.Join(s.Evidence, ", ")})
		}
	}
	_ = t.Write(w)
	fmt.Fprintln(w, "\ntimes:")
	if len(res.Times) == 0 {
		fmt.Fprintln(w, "  none was found: every record will be quarantined until a column AS \"time\" is written")
	}
	for _, x := range res.Times {
		fmt.Fprintf(w, "  %s: %s", render.Safe(x.Field), render.Safe(x.Evidence))
		if x.Zone != "" {
			fmt.Fprintf(w, "; %s", x.Zone)
		}
		fmt.Fprintln(w)
	}
	mapped := 0
	for _, f := range res.Fields {
		if len(f.OCSF) > 0 {
			mapped++
		}
	}
	fmt.Fprintf(w, "\n%d of %d fields have a place in OCSF; the others go to unmapped\n", mapped, len(res.Fields))
	for _, n := range res.Notes {
		fmt.Fprintf(w, "note: %s\n", render.Safe(n))
	}
}
