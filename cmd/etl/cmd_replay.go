package main

import (
	"context"
	"time"

	"github.com/silt-etl/silt/internal/memlimit"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

type replayCmd struct {
	Job    string        `arg:"" help:"Job file." example:"job.yaml"`
	Where  []string      `sep:"none" placeholder:"FIELD=VALUE" help:"Only records with reason=CODE, path=PATH or object=GLOB. If you repeat a field, a record needs to match only one of its values. If you give different fields, a record must match all of them. Default: all records." example:"reason=NO_PROJECTION"`
	DryRun bool          `help:"Run the records through the mapping, report the result, and write nothing."`
	Wait   time.Duration `placeholder:"DURATION" help:"How long to wait while another replay of the job is in progress, before ending with exit code 4. Default: 0s." example:"10m"`
	NoBars bool          `help:"Print log lines instead of progress bars on a terminal."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*replayCmd) Help() string {
	return commandHelp{
		Does: "etl replay runs quarantined records through the current mapping. Use it after you fix a mapping. Records that " +
			"pass are published. The others stay in quarantine, with their current reason. If a batch fails, its records stay in " +
			"quarantine, and the replay continues with the other batches.\n\n" +
			"Exit code 0 means that the replay finished, not that every record passed. Runs of the job can be in progress " +
			"at the same time; a second replay ends with exit code 4, or waits for the first one with --wait.",
		Never: "It never publishes a record twice, and never drops one: a record is either published or still in quarantine.",
		Examples: []string{
			"etl replay job.yaml --dry-run",
			"etl replay job.yaml --where reason=NO_PROJECTION --where 'object=AWSLogs/**'",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitQuarantine, exitHeld, exitStopped},
	}.String()
}

// Run implements etl replay.
func (c *replayCmd) Run(ctx context.Context, a *app) error {
	where, err := quarantine.ParseWhere(c.Where)
	if err != nil {
		return usagef("--where: %w", err)
	}
	if err := checkWait(c.Wait); err != nil {
		return err
	}
	spec, err := a.loadSpec(c.Job)
	if err != nil {
		return err
	}
	r, err := a.box.runner(ctx, spec, a.stderr)
	if err != nil {
		return err
	}
	memlimit.Set(spec.Limits.MemoryBytes)
	return a.runAndPrint(r, c.NoBars, c.Output, func() (*report.Summary, error) {
		return r.Replay(ctx, jobs.ReplayOptions{Trigger: "ON_DEMAND", Where: where, DryRun: c.DryRun, Wait: c.Wait})
	})
}
