package mappingtest

import (
	"bytes"
	"context"
	"fmt"
	"regexp"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Result of a case.
type Result struct {
	Case     *Case
	Diffs    []Diff // none: it passed
	outcomes []*sample.Outcome
	schema   *ocsf.Schema
}

// Options of Run.
type Options struct {
	Match   *regexp.Regexp // of the names of cases; nil: all
	TempDir string
	// MinDay and MaxDay bound the event days, in days since 1970. Both 0: a test must not begin to fail because its record grows old.
	MinDay, MaxDay int32
}

// Run runs cases as one batch, and compares.
func Run(ctx context.Context, compiled *sqlgen.Compiled, files []*File, options Options) ([]Result, error) {
	var results []Result
	var records []sample.Record
	var of []int // result of each record
	var problems diag.List
	schema, err := ocsf.Load(compiled.Version)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		for _, c := range f.Cases {
			if options.Match != nil && !options.Match.MatchString(c.Name) {
				continue
			}
			rs, prob := c.records(ctx, compiled)
			if prob != nil {
				problems = append(problems, *prob)
				continue
			}
			for _, r := range rs {
				records, of = append(records, r), append(of, len(results))
			}
			results = append(results, Result{Case: c, schema: schema})
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	if day := func(year int32) int32 { return (year - 1970) * 366 }; options.MinDay == 0 && options.MaxDay == 0 {
		options.MinDay, options.MaxDay = day(1900), day(2200)
	}
	o := sample.Options{Compiled: compiled, Region: "us-east-1", Account: "external", TempDir: options.TempDir, MinDay: options.MinDay, MaxDay: options.MaxDay}
	next := 0
	err = sample.Run(ctx, o, func(yield func(sample.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}, func(_ sample.Record, out *sample.Outcome) error {
		r := &results[of[next]]
		next++
		r.outcomes = append(r.outcomes, out)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range results {
		r := &results[i]
		if !r.Case.expects() {
			r.Diffs = []Diff{{Line: r.Case.Line, Column: r.Case.Column, Want: "expect, quarantine, filtered or events", Got: "nothing; etl test --update writes the result"}}
			continue
		}
		for j, w := range r.Case.Wants {
			r.Diffs = append(r.Diffs, compare(r.Case, w, r.outcomes[j])...)
		}
	}
	return results, nil
}

// expects says whether the case asserts anything.
func (c *Case) expects() bool {
	for _, w := range c.Wants {
		if w.Kind != Event || c.Whole || len(w.event.fields) > 0 {
			return true
		}
	}
	return false
}

// records of a case, framed where they come from a file.
func (c *Case) records(ctx context.Context, compiled *sqlgen.Compiled) ([]sample.Record, *diag.Diagnostic) {
	captures := c.Captures.Columns(compiled.KeyColumns)
	var rs []sample.Record
	if c.rawFile == nil {
		var context []byte
		if compiled.Scan.Format.Records != nil {
			context = []byte("{}") // a record of its own: no envelope around it
		}
		for i, raw := range c.Records {
			rs = append(rs, sample.Record{Number: int64(i + 1), Raw: raw, Context: context, Captures: captures})
		}
		return rs, nil
	}
	bad := func(format string, args ...any) *diag.Diagnostic {
		return &diag.Diagnostic{File: c.File, Line: c.rawFile.line, Column: c.rawFile.column, Message: fmt.Sprintf("raw_file %s: ", c.rawFile.text) + fmt.Sprintf(format, args...)}
	}
	for r, err := range sample.ReadObject(ctx, bytes.NewReader(c.Records[0]), compiled, captures) {
		if err != nil {
			return nil, bad("%v", err)
		}
		rs = append(rs, r)
	}
	if len(rs) == 0 {
		return nil, bad("it holds no record")
	}
	return rs, c.counted(len(rs))
}
