package main

import (
	"context"
	"time"

	"github.com/silt-etl/silt/internal/adopt"
	"github.com/silt-etl/silt/jobs"
)

type adoptCmd struct {
	Job       string `arg:"" help:"Job file." example:"job.yaml"`
	From      string `placeholder:"NAME" help:"Former name of the job, which its files still have. Default: the name in the job file." example:"firewall-old"`
	SkipUntil string `placeholder:"TIME" help:"If some files cannot be adopted: count all objects that were last modified until this time as loaded, and leave those files alone. RFC 3339, or a day in UTC (its first moment). Default: nothing is skipped." example:"2026-03-01T04:00:00Z"`
	DryRun    bool   `help:"Compare, report what would be adopted, and write nothing."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*adoptCmd) Help() string {
	return commandHelp{
		Does: "etl adopt rebuilds the ledger of a job from the footers of the job's files in the lake, or adds to an old copy of " +
			"the ledger what the copy does not know. Use it if the state was lost or restored, or after you renamed the job. " +
			"Stop all runs of the job first. If you stop the command, start it again.\n\n" +
			"What was only in the state does not come back: quarantined records, skips, pauses, the history of runs, and " +
			"which objects had no published row.",
		Never: "It never guesses: unless every file of the job's folders is accounted for, or --skip-until covers the rest, it " +
			"writes nothing.",
		Examples: []string{
			"etl adopt job.yaml --dry-run",
			"etl adopt job.yaml --skip-until 2026-03-01T04:00:00Z",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitHeld, exitStopped},
	}.String()
}

// Run implements etl adopt.
func (c *adoptCmd) Run(ctx context.Context, a *app) error {
	o := jobs.AdoptOptions{From: c.From, Options: adopt.Options{DryRun: c.DryRun}}
	if c.SkipUntil != "" {
		var err error
		if o.SkipUntil, err = time.Parse(time.RFC3339, c.SkipUntil); err != nil {
			if o.SkipUntil, err = time.Parse(time.DateOnly, c.SkipUntil); err != nil {
				return usagef("--skip-until: %q is not a time (examples: 2026-03-01T04:00:00Z, 2026-03-01)", c.SkipUntil)
			}
		}
	}
	r, err := a.quietRunner(ctx, c.Job)
	if err != nil {
		return err
	}
	out, sum, err := r.Adopt(ctx, o)
	if out != nil {
		out.Job, out.Warnings = r.Spec.Name, sum.Warnings
	}
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return printJSON(a.stdout, out)
	}
	out.WriteText(a.stdout)
	return nil
}
