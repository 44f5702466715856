package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// unreadShown is how many fields that nobody reads are findings; --output json has all.
const unreadShown = 20

// checkSample runs a sample through a mapping, or a job's, and tells what its author should know of it.
func (a *app) checkSample(ctx context.Context, what, file string) (*sample.Coverage, []finding, error) {
	p := &previewCmd{Mapping: what, Sample: file}
	run, err := p.previewer(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	in, err := p.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	temp, err := os.MkdirTemp("", "silt-check-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(temp)
	coverage := sample.NewCoverage(run.compiled)
	err = sample.Run(ctx, run.options(temp), sample.ReadObject(in, run.compiled, run.captures.Columns(run.compiled.KeyColumns)), func(_ sample.Record, out *sample.Outcome) error {
		coverage.Add(out)
		return nil
	})
	var whole *decode.Reject
	if errors.As(err, &whole) {
		return nil, []finding{{File: file, Severity: "error", Code: "SAMPLE_QUARANTINE", Message: whole.Error() + "; a run publishes nothing of such an object"}}, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("sample %s: %w", file, err)
	}
	coverage.Finish()
	return coverage, sampleFindings(run.compiled, coverage), nil
}

func sampleFindings(compiled *sqlgen.Compiled, c *sample.Coverage) []finding {
	places := newPlaces(compiled)
	var found []finding
	add := func(at finding, severity, code, format string, args ...any) {
		at.Severity, at.Code, at.Message = severity, code, render.Safe(fmt.Sprintf(format, args...))
		found = append(found, at)
	}
	for _, r := range c.Reasons {
		path := ""
		if r.Path != "" {
			path = " " + r.Path
		}
		add(places.of(r.Path), "warning", "SAMPLE_QUARANTINE", "quarantine takes %s of %s, %s%s: %s", human.Count(r.Records), records(c.Records), r.Reason, path, r.Example)
	}
	for _, f := range c.Fields {
		if f.Misfits > 0 {
			example := ""
			if f.Misfit != "" {
				example = ", as " + strconv.Quote(f.Misfit)
			}
			add(finding{File: f.File, Line: f.Line, Column: f.Column}, "warning", "SAMPLE_MISFIT", "%s: not of the type %[4]s in %[2]s of %[3]s%[5]s", f.Path, human.Count(f.Misfits), count(f.Records, "value"), f.Type, example)
		}
	}
	for _, x := range c.Attributes {
		if x.Kept > 0 {
			add(places.of(x.Path), "warning", "SAMPLE_KEPT", "%s did not take its value in %s; it is in unmapped", x.Path, records(x.Kept))
		}
	}
	unread := c.Unread()
	for i, f := range unread {
		at := places.of(f.Path)
		if i == unreadShown {
			add(at, "note", "SAMPLE_UNREAD", "%d more fields are read by no SELECT (--output json has all)", len(unread)-i)
			break
		}
		add(at, "note", "SAMPLE_UNREAD", "%s is in %s of %s, and no SELECT reads it: %s", f.Path, human.Count(f.Unmapped), count(c.Published, "event"), strconv.Quote(f.Example))
	}
	return found
}

func records(n int64) string { return count(n, "record") }

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return human.Count(n) + " " + what + "s"
}

func sampleLine(c *sample.Coverage) string {
	return fmt.Sprintf("sample: %s: %s published, %s filtered, %s quarantined", records(c.Records), human.Count(c.Published), human.Count(c.Filtered), human.Count(c.Quarantined))
}

// places finds where the mapping speaks of a raw field or an OCSF attribute.
type places struct {
	at    map[string]finding
	first finding
}

func newPlaces(compiled *sqlgen.Compiled) *places {
	p := &places{at: map[string]finding{}}
	for _, l := range compiled.Flows {
		if l.File != "" && p.first.File == "" {
			p.first = finding{File: l.File}
		}
		for _, f := range l.Flows {
			if _, ok := p.at[f.Path]; !ok {
				p.at[f.Path] = finding{File: f.File, Line: f.Line, Column: f.Column}
			}
		}
	}
	for _, l := range compiled.Flows {
		if l.Line > 0 {
			p.at[l.Raw] = finding{File: l.File, Line: l.Line, Column: l.Column}
		}
	}
	return p
}

// of gives the place of a path, or the mapping as a whole.
func (p *places) of(path string) finding {
	if f, ok := p.at[path]; ok {
		return f
	}
	return p.first
}
