package main

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/memlimit"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

type runCmd struct {
	Job       string        `arg:"" help:"Job file." example:"job.yaml"`
	DryRun    bool          `help:"Show what a run would read, and write nothing."`
	FullSweep bool          `help:"List all of staging, including folders older than the lookback."`
	Reread    []string      `placeholder:"KEY" help:"Load the file of this key again although its content may be the same, if a run left it alone. A glob as in source.include names several. Default: none." example:"edge/2025/06/01/a.log"`
	Replan    bool          `help:"Release the batches that earlier runs planned but did not commit, and plan their objects again with the current mapping."`
	Wait      time.Duration `placeholder:"DURATION" help:"How long to wait while another run of the job does the work, before ending with exit code 4. Default: 0s." example:"10m"`
	NoBars    bool          `help:"Print log lines instead of progress bars on a terminal."`
	// LeaseExpiry is for tests of what happens after a lease has expired.
	LeaseExpiry time.Duration `hidden:""`
	// Scheduled says that etl serve starts this process, and gives it the text of the job file.
	Scheduled bool `hidden:""`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*runCmd) Help() string {
	return commandHelp{
		Does: "etl run first finishes what earlier runs committed. Then it lists staging, processes the new objects in " +
			"batches, and resumes the batches that earlier runs left open: it reads the records, maps them to OCSF, and " +
			"publishes Parquet files and partitions. One ledger entry commits a batch, so every record is delivered exactly " +
			"once, even if the process is killed. If a batch fails, the run continues with the others. Two runs of " +
			"one job cannot load an object twice; by default the second one ends with exit code 4. With --wait it waits until " +
			"the first one has ended. After a run was killed, the next run on the same machine continues at once; on another " +
			"machine or in another container it can continue after a minute.\n\n" +
			"If a run fails for a reason that may be temporary, it is retried up to limits.max_retries times. Records that " +
			"cannot be mapped go to quarantine.",
		Never: "It never changes staging, and it never publishes a part of a batch.",
		Examples: []string{
			"etl run job.yaml",
			"etl run job.yaml --dry-run",
			"etl run job.yaml --wait 10m",
			"etl run job.yaml --full-sweep --output json",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitQuarantine, exitHeld, exitStopped},
	}.String()
}

// Run implements etl run.
func (c *runCmd) Run(ctx context.Context, a *app) error {
	if c.Scheduled {
		s := scheduledRun{file: c.Job, log: jobs.NewLog(a.stderr), errors: a.stdout}
		return s.do(ctx, os.Stdin, a.env, func(ctx context.Context, spec *jobfile.Spec) (*jobs.Runner, error) {
			return a.box.runner(ctx, spec, a.stderr)
		})
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
	r.LeaseExpiry = c.LeaseExpiry
	if err := checkWait(c.Wait); err != nil {
		return err
	}
	if c.DryRun && c.Replan {
		return usagef("--replan and --dry-run cannot be used together, because --replan writes to the ledger")
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
	return a.runAndPrint(r, c.NoBars, c.Output, func() (*report.Summary, error) {
		return r.RunWithRetries(ctx, jobs.RunOptions{Trigger: "ON_DEMAND", FullSweep: c.FullSweep, Replan: c.Replan, Reread: c.Reread, Wait: c.Wait})
	})
}

func checkWait(wait time.Duration) error {
	if wait < 0 {
		return usagef("--wait %s: a wait cannot be negative (example: --wait 10m)", wait)
	}
	return nil
}

// runner builds the Runner of a job: its mapping, stores and catalog.
func (a *app) runner(ctx context.Context, spec *jobfile.Spec) (*jobs.Runner, error) {
	m, err := loadMapping(spec)
	if err != nil {
		return nil, err
	}
	return newRunner(ctx, spec, m, a.stderr)
}

// newRunner builds the Runner of a job whose mapping was loaded.
func newRunner(ctx context.Context, spec *jobfile.Spec, m *mappings.Mapping, log io.Writer) (*jobs.Runner, error) {
	if err := findLookups(ctx, spec, m); err != nil {
		return nil, err
	}
	while := 2 * m.LookupFileBytes() // about what it takes to read them
	memlimit.Allow(while)
	compiled, err := compile(ctx, m)
	memlimit.Allow(-while)
	if err != nil {
		return nil, err
	}
	memlimit.Allow(compiled.LookupBytes())
	compileOnce := func(ctx context.Context, other *mappings.Mapping) (*sqlgen.Compiled, error) {
		if other == m {
			return compiled, nil
		}
		return compile(ctx, other)
	}
	st, err := openStores(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &jobs.Runner{Spec: spec, Mapping: m, Compile: compileOnce, Staging: st.staging, Lake: st.lake, Deleter: st.deleter, State: st.state, Catalog: st.catalog,
		LogTo: log, Now: time.Now, Version: version, ExitCode: exitCodeOf, LookupEnv: os.LookupEnv}, nil
}
