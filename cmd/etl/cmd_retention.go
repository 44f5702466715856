package main

import "context"

type retentionCmd struct {
	Job    string `arg:"" help:"Job file."`
	DryRun bool   `help:"Only say what would be deleted: how much, and of when the oldest is."`
	outputFlag
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
