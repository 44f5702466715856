package main

import (
	"context"
)

type retentionCmd struct {
	Job    string `arg:"" help:"Job file." example:"job.yaml"`
	DryRun bool   `help:"Only report what would be deleted: the number of files and bytes, and the date of the oldest file."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*retentionCmd) Help() string {
	return commandHelp{
		Does: "etl retention deletes quarantine, manifests and attempt records that are older than the keys below retention: " +
			"of the job file allow. Without these keys everything is kept. It can run while runs are in progress, and it " +
			"can be killed and repeated.",
		Never: "It never deletes lake files or ledger entries, nor anything that open work still needs.",
		Examples: []string{
			"etl retention job.yaml --dry-run",
			"etl retention job.yaml --output json",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitHeld, exitStopped},
	}.String()
}

// Run implements etl retention.
func (c *retentionCmd) Run(ctx context.Context, a *app) error {
	r, err := a.quietRunner(ctx, c.Job)
	if err != nil {
		return err
	}
	out, err := r.Retain(ctx, c.DryRun)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return printJSON(a.stdout, out)
	}
	out.WriteText(a.stdout)
	return nil
}
