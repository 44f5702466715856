package main

import (
	"context"
	"io"
	"time"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/jobs"
)

type runCmd struct {
	Job       string `arg:"" help:"Job file."`
	DryRun    bool   `help:"Show what a run would read, and write nothing."`
	FullSweep bool   `help:"List staging whole, also folders of days before the lookback."`
	Replan    bool   `help:"Plan anew what earlier runs planned and did not commit, with the mapping as it is now."`
	NoBars    bool   `help:"Log lines instead of progress bars on a terminal."`
	outputFlag
}

// Run implements etl run.
func (c *runCmd) Run(ctx context.Context, a *app) error {
	spec, err := a.loadSpec(c.Job)
	if err != nil {
		return err
	}
	r, err := a.runner(ctx, spec)
	if err != nil {
		return err
	}
	if c.DryRun && c.Replan {
		return usagef("--replan writes to the ledger, --dry-run writes nothing: leave one out")
	}
	if c.DryRun {
		p, err := r.DryRun(ctx, c.FullSweep)
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return printJSON(a.stdout, p)
		}
		p.WriteText(a.stdout)
		return nil
	}
	var end func()
	if isTerminal(a.stderr) && !c.NoBars {
		b := newBars(a.stderr)
		r.Progress, end = b, b.End
		r.LogTo = io.Discard
	}
	sum, err := r.RunWithRetries(ctx, jobs.RunOptions{Trigger: "ON_DEMAND", FullSweep: c.FullSweep, Replan: c.Replan})
	if end != nil {
		end()
	}
	if e := printSummary(a.stdout, c.Output, sum); e != nil && err == nil {
		return e
	}
	return err
}

func printSummary(w io.Writer, output string, sum *jobs.Summary) error {
	if output == "json" {
		return printJSON(w, sum)
	}
	sum.WriteText(w)
	return nil
}

// runner wires a job.
func (a *app) runner(ctx context.Context, spec *jobfile.Spec) (*jobs.Runner, error) {
	m, err := a.loadMapping(spec)
	if err != nil {
		return nil, err
	}
	if _, err := compile(ctx, m); err != nil {
		return nil, err
	}
	st, err := openStores(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &jobs.Runner{Spec: spec, Mapping: m, Compile: compile, Staging: st.staging, Lake: st.lake, Deleter: st.deleter, State: st.state, Catalog: st.catalog,
		LogTo: a.stderr, Now: time.Now, Version: version, ExitCode: exitCodeOf}, nil
}
