package main

import (
	"context"
	"io"

	"github.com/silt-etl/silt/jobs"
)

type replayCmd struct {
	Job    string   `arg:"" help:"Job file."`
	Where  []string `sep:"none" placeholder:"FIELD=VALUE" help:"Only records with reason=CODE, object=GLOB or path=PATH. May be given several times: one field's values are alternatives, several fields must all hold."`
	DryRun bool     `help:"Run the records through the mapping, say what would become of them, and write nothing."`
	NoBars bool     `help:"Log lines instead of progress bars on a terminal."`
	outputFlag
}

// Run implements etl replay.
func (c *replayCmd) Run(ctx context.Context, a *app) error {
	where, err := jobs.ParseWhere(c.Where)
	if err != nil {
		return usagef("--where: %w", err)
	}
	spec, err := a.loadSpec(c.Job)
	if err != nil {
		return err
	}
	r, err := a.runner(ctx, spec)
	if err != nil {
		return err
	}
	var end func()
	if isTerminal(a.stderr) && !c.NoBars {
		b := newBars(a.stderr)
		r.Progress, end = b, b.End
		r.LogTo = io.Discard
	}
	sum, err := r.Replay(ctx, jobs.ReplayOptions{Trigger: "ON_DEMAND", Where: where, DryRun: c.DryRun})
	if end != nil {
		end()
	}
	if e := printSummary(a.stdout, c.Output, sum); e != nil && err == nil {
		return e
	}
	return err
}
