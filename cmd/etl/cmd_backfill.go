package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/memlimit"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

type backfillCmd struct {
	Job         string        `arg:"" help:"Job file." example:"job.yaml"`
	From        string        `required:"" placeholder:"DATE" help:"First day, included (UTC)." example:"2023-01-01"`
	To          string        `required:"" placeholder:"DATE" help:"Last day, included (UTC)." example:"2024-06-30"`
	Yes         bool          `short:"y" help:"Continue after the estimate without asking."`
	Replace     bool          `help:"Reprocess the committed batches of these days with the current mapping, instead of loading what is new."`
	Restore     string        `placeholder:"TIER" help:"Ask S3 to restore the archived objects of these days (GLACIER, DEEP_ARCHIVE), and load what can be read. Expedited takes minutes and cannot restore from DEEP_ARCHIVE, Standard takes hours, Bulk up to two days and costs least. Default: archived objects are left." example:"Standard"`
	Days        int           `placeholder:"N" help:"With --restore, which needs it: how many days the restored copies stay readable. Default: none." example:"3"`
	Wait        time.Duration `placeholder:"DURATION" help:"How long to wait for objects that are being restored, and for other runs that are processing some of the objects. Default: 0s." example:"12h"`
	NewestFirst bool          `help:"Start with the latest month."`
	Shards      int           `placeholder:"N" help:"Divide the objects (with --replace: the batches) into N shares, and process one of them. Default: AWS_BATCH_JOB_ARRAY_SIZE, else 1." example:"8"`
	Shard       int           `placeholder:"I" help:"The share to process, counted from 0. Default: AWS_BATCH_JOB_ARRAY_INDEX." example:"0"`
	NoBars      bool          `help:"Print log lines instead of progress bars on a terminal."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*backfillCmd) Help() string {
	return commandHelp{
		Does: "etl backfill loads the objects whose key names a day of the range, month by month. It first prints an estimate " +
			"of objects, bytes and time, and asks for confirmation. You can stop it and start the same command again: " +
			"committed batches are skipped, and open ones are resumed. If a batch fails, the backfill continues with the others.\n\n" +
			"With --replace it reprocesses batches that are already committed. Use it after you fix a mapping. A batch is " +
			"reprocessed in full, including objects outside the range. Its new files replace the old ones, which needs the " +
			"right to delete in the lake. A batch that fails stays as it was.\n\n" +
			"Objects in S3 Glacier Flexible Retrieval and Deep Archive have to be restored before they can be read. The estimate " +
			"counts them, and with --restore the command asks S3 to restore them, which costs money. Run the same command again " +
			"after some hours, or add --wait: it loads what is restored. --wait also waits for other runs that are processing some " +
			"of the objects, and loads what they leave open.",
		Never: "It never loads an object a second time without --replace, and it never writes before you confirm.",
		Examples: []string{
			"etl backfill job.yaml --from 2023-01-01 --to 2024-06-30",
			"etl backfill job.yaml --from 2024-01-01 --to 2024-01-31 --replace --yes",
			"etl backfill job.yaml --from 2023-01-01 --to 2023-12-31 --restore Standard --days 3 --wait 12h",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitQuarantine, exitHeld, exitStopped},
	}.String()
}

func (c *backfillCmd) options(env func(string) (string, bool)) (o jobs.BackfillOptions, err error) {
	o = jobs.BackfillOptions{Trigger: "ON_DEMAND", NewestFirst: c.NewestFirst, Replace: c.Replace, Shards: c.Shards, Shard: c.Shard,
		Restore: objstore.RestoreOptions{Tier: c.Restore, Days: c.Days}, Wait: c.Wait}
	for flag, p := range map[string]struct {
		text string
		to   *time.Time
	}{"--from": {c.From, &o.From}, "--to": {c.To, &o.To}} {
		if *p.to, err = time.Parse(time.DateOnly, p.text); err != nil {
			return o, usagef("%s: %q is not a date (example: 2024-06-30)", flag, p.text)
		}
	}
	if size, ok := env("AWS_BATCH_JOB_ARRAY_SIZE"); ok && c.Shards == 0 {
		index, _ := env("AWS_BATCH_JOB_ARRAY_INDEX")
		n, err1 := strconv.Atoi(size)
		i, err2 := strconv.Atoi(index)
		if err1 != nil || err2 != nil {
			return o, usagef("AWS_BATCH_JOB_ARRAY_SIZE=%q and AWS_BATCH_JOB_ARRAY_INDEX=%q are not numbers", size, index)
		}
		o.Shards, o.Shard = n, i
	}
	if err := o.Check(); err != nil {
		return o, usageError{err}
	}
	return o, checkWait(c.Wait)
}

// Run implements etl backfill.
func (c *backfillCmd) Run(ctx context.Context, a *app) error {
	o, err := c.options(a.env)
	if err != nil {
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
	e, err := r.Estimate(ctx, o)
	if err != nil {
		return err
	}
	switch {
	case c.Yes && c.Output == "json": // standard output is the summary's
	case c.Output == "json":
		if err := printJSON(a.stdout, e); err != nil {
			return err
		}
	default:
		e.WriteText(a.stdout)
	}
	if !c.Yes {
		if c.Output == "json" || !isTerminal(os.Stdin) || !isTerminal(a.stdout) {
			return usagef("not confirmed, and nothing was written. Try: add --yes")
		}
		fmt.Fprint(a.stdout, "Start? [y/N] ")
		answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
			return usagef("not confirmed, and nothing was written")
		}
	}
	return a.runAndPrint(r, c.NoBars, c.Output, func() (*report.Summary, error) { return r.Backfill(ctx, o) })
}
