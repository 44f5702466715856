package main

import (
	"context"
	"errors"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/runs"
	"github.com/silt-etl/silt/jobs"
)

type runsCmd struct {
	List runsListCmd `cmd:"" default:"withargs" help:"List the runs of a job, newest first: etl runs JOB."`
	Show runsShowCmd `cmd:"" help:"Show one run: its summary, and each lake file with the staging objects it was made from."`
}

// Help implements kong.HelpProvider.
func (*runsCmd) Help() string {
	return commandHelp{
		Does: "etl runs JOB lists the runs of a job, and etl runs show JOB RUN shows one of them. Replays, backfills and " +
			"other commands that process data are listed too.",
		Never: "It only reads, and you can use it while runs are in progress.",
		Examples: []string{
			"etl runs job.yaml",
			"etl runs show job.yaml last",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

type runsListCmd struct {
	Job   string `arg:"" help:"Job file." example:"job.yaml"`
	Limit int    `default:"20" help:"List only this many runs; 0 lists all." example:"100"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*runsListCmd) Help() string {
	return commandHelp{
		Does: "etl runs list prints one line for each run of a job, newest first: when it started, how long it took, its " +
			"state, and what it read, published, filtered and sent to quarantine. The state is RUNNING, SUCCEEDED, FAILED, " +
			"STOPPED, TIMEOUT, WAITING or DAMAGED. WAITING means that the run ended because other runs were already " +
			"processing the work. DAMAGED means that a record of the run cannot be read.",
		Never: "It only reads.",
		Examples: []string{
			"etl runs job.yaml",
			"etl runs list job.yaml --limit 0 --output json",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

type runsShowCmd struct {
	Job string `arg:"" help:"Job file." example:"job.yaml"`
	ID  string `arg:"" name:"run" complete:"none" help:"ID of the run, or last." example:"last"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*runsShowCmd) Help() string {
	return commandHelp{
		Does: "etl runs show prints the summary of a run. For each ledger entry that the run committed, it lists every lake " +
			"file with its rows, and the staging objects that the rows came from. JSON output also has the first 256 KiB of " +
			"the run's log.",
		Never: "It only reads.",
		Examples: []string{
			"etl runs show job.yaml last",
			"etl runs show job.yaml 01M85BD4GNKPDRQBB9WJQ9RBZH --output json",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// readLedger opens a job's ledger for reading. It is nil if the state is a folder that does not exist, because the job has not run yet.
func (a *app) readLedger(ctx context.Context, job string) (*jobfile.Spec, *ledger.Ledger, error) {
	spec, _, l, err := a.readState(ctx, job)
	return spec, l, err
}

// readState is readLedger, and also returns the store that the ledger is in.
func (a *app) readState(ctx context.Context, job string) (*jobfile.Spec, objstore.Reader, *ledger.Ledger, error) {
	spec, err := a.loadSpec(job)
	if err != nil {
		return nil, nil, nil, err
	}
	at, kind, err := storeKinds().Find(spec.State)
	if err != nil {
		return nil, nil, nil, err
	}
	state, err := kind.Open(ctx, at, objstore.Options{Region: spec.Lake.Region})
	if errors.Is(err, objstore.ErrNoStore) && kind.CreatedByRun {
		return spec, nil, nil, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	l, err := jobs.OpenLedger(spec, state)
	return spec, state, l, err
}

// Run implements etl runs.
func (c *runsListCmd) Run(ctx context.Context, a *app) error {
	if c.Limit < 0 {
		return usagef("--limit must be 0 or more")
	}
	spec, l, err := a.readLedger(ctx, c.Job)
	if err != nil {
		return err
	}
	infos := []ledger.RunInfo{}
	if l != nil {
		if infos, err = runs.List(ctx, l, c.Limit); err != nil {
			return err
		}
	}
	if c.Output == "json" {
		return printJSON(a.stdout, infos)
	}
	if len(infos) == 0 {
		render.Fprintf(a.stdout, "%s has no runs yet\n", spec.Name)
		return nil
	}
	t := runs.Table(infos)
	if isTerminal(a.stdout) {
		t.MaxCell = 60
	}
	return t.Write(a.stdout)
}

// Run implements etl runs show.
func (c *runsShowCmd) Run(ctx context.Context, a *app) error {
	spec, l, err := a.readLedger(ctx, c.Job)
	if err != nil {
		return err
	}
	notFound := usagef("%s does not have a run %s. Try: etl runs %s", spec.Name, c.ID, c.Job)
	if l == nil {
		return notFound
	}
	r, err := runs.Find(ctx, l, c.ID)
	switch {
	case errors.Is(err, runs.ErrNotFound):
		return notFound
	case err != nil:
		return err
	case c.Output == "json":
		return printJSON(a.stdout, r)
	}
	r.WriteText(a.stdout, spec.Name)
	return nil
}
