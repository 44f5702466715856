package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/jobs"
)

type bookmarkCmd struct {
	Show   bookmarkShowCmd   `cmd:"" default:"withargs" help:"Show how far a job has come: etl bookmark show JOB."`
	Set    bookmarkSetCmd    `cmd:"" help:"Mark objects as done without processing them, or rewind to a run."`
	Reset  bookmarkResetCmd  `cmd:"" help:"Undo what the job committed, so that it is processed again."`
	Pause  bookmarkPauseCmd  `cmd:"" help:"Pause a job: its runs exit without doing work."`
	Resume bookmarkResumeCmd `cmd:"" help:"Resume a paused job."`
}

// Help implements kong.HelpProvider.
func (*bookmarkCmd) Help() string {
	return commandHelp{
		Does: "The bookmark of a job is its committed progress. These commands show and change it. The commands that change " +
			"it first report what they would do, and act only with --yes.",
		Never: "They never change a ledger entry: a change of the bookmark is an entry of its own.",
		Examples: []string{
			"etl bookmark show job.yaml",
			"etl bookmark pause job.yaml",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

type bookmarkShowCmd struct {
	Job string `arg:"" help:"Job file." example:"job.yaml"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*bookmarkShowCmd) Help() string {
	return commandHelp{
		Does: "etl bookmark show prints how many batches, objects and records a job has processed, what it skips, and the " +
			"watermark of each folder of dated folders. JSON output also names the open batches.",
		Never: "It only reads.",
		Examples: []string{
			"etl bookmark show job.yaml",
			"etl bookmark show job.yaml --output json",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// Run implements etl bookmark show.
func (c *bookmarkShowCmd) Run(ctx context.Context, a *app) error {
	spec, _, l, err := a.readState(ctx, c.Job)
	if err != nil {
		return err
	}
	b := ledger.Bookmark{Marks: []ledger.Mark{}}
	if l != nil {
		st, err := l.Fold(ctx)
		if err != nil {
			return err
		}
		b = st.Bookmark()
	}
	if c.Output == "json" {
		return printJSON(a.stdout, b)
	}
	p := func(label, format string, args ...any) {
		render.Fprintf(a.stdout, "  %-11s "+format+"\n", append([]any{label}, args...)...)
	}
	paused := ""
	if b.Paused {
		paused = ", paused"
	}
	render.Fprintf(a.stdout, "%s: up to ledger entry %d%s\n", spec.Name, b.Seq, paused)
	p("batches", "%s committed, %s open, %s released", human.Count(int64(b.Committed)), human.Count(int64(b.Open)), human.Count(int64(b.Released)))
	p("objects", "%s read (%s), %s held by open batches, %s skipped by name, %s released", human.Count(b.Read), human.Size(b.SizeBytes), human.Count(b.Held), human.Count(int64(b.Skipped)), human.Count(b.Freed))
	expired := ""
	if b.Records.Expired > 0 {
		expired = fmt.Sprintf(" + %s expired", human.Count(b.Records.Expired))
	}
	p("records", "%s read = %s published + %s filtered + %s quarantined%s", human.Count(b.Records.Read), human.Count(b.Records.Published), human.Count(b.Records.Filtered), human.Count(b.Records.Quarantined), expired)
	p("lake", "%s", human.Plural(int64(b.Files), "file"))
	if b.NotDone > 0 {
		p("unfinished", "%s, which the next run finishes", human.Plural(int64(b.NotDone), "entry"))
	}
	for _, x := range b.Bounds {
		if x.Until != nil {
			p("skipped", "%s: all objects last modified until %s", x.Prefix, x.Until.UTC().Format(time.RFC3339))
		} else {
			p("skipped", "%s: all keys up to %s", x.Prefix, x.ThroughKey)
		}
	}
	for _, m := range b.Marks {
		p("watermark", "%s", watermarkLine(m))
	}
	if b.LastRun != "" {
		p("last run", "%s", b.LastRun)
	}
	return nil
}

// watermarkLine shows the watermark of a folder of dated folders: the latest object that a run took there.
func watermarkLine(m ledger.Mark) string {
	line := cmp.Or(m.Prefix, "(all of staging)") + "  "
	if m.Key == "" {
		line += "nothing taken yet"
	} else {
		line += m.Modified.UTC().Format(time.RFC3339) + "  " + m.Key
	}
	if !m.FreedFrom.IsZero() {
		line += "; released from " + m.FreedFrom.UTC().Format(time.RFC3339)
	}
	return line
}

type bookmarkSetCmd struct {
	Job    string `arg:"" help:"Job file." example:"job.yaml"`
	Before string `xor:"to" required:"" placeholder:"DATE" help:"Mark objects of earlier days as done without processing them (UTC)." example:"2024-06-30"`
	To     string `xor:"to" required:"" name:"run" placeholder:"ID" help:"Rewind to this run: undo what was committed after it." example:"01M85BD4GNKPDRQBB9WJQ9RBZH"`
	Yes    bool   `short:"y" help:"Carry out the change. Without it, only report what would change."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*bookmarkSetCmd) Help() string {
	return commandHelp{
		Does: "With --before, etl bookmark set marks older objects as done without processing them. Use it for a new job " +
			"whose staging holds years of logs that you do not want. If key_pattern has a date, the day in the key decides; " +
			"otherwise the day of the last change. With --run it rewinds the job to a run, as etl bookmark reset --to does.\n\n" +
			"Without --yes it only reports what would change, and ends with exit code 2.",
		Never: "--before never affects objects that were already read, or that an open batch holds.",
		Examples: []string{
			"etl bookmark set job.yaml --before 2024-06-30",
			"etl bookmark set job.yaml --run 01M85BD4GNKPDRQBB9WJQ9RBZH --yes",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitHeld, exitStopped},
	}.String()
}

// Run implements etl bookmark set.
func (c *bookmarkSetCmd) Run(ctx context.Context, a *app) error {
	if c.To != "" {
		return a.rewind(ctx, c.Job, c.To, c.Yes, c.Output)
	}
	before, err := time.Parse(time.DateOnly, c.Before)
	if err != nil {
		return usagef("--before: %q is not a date (example: 2024-06-30)", c.Before)
	}
	r, err := a.quietRunner(ctx, c.Job)
	if err != nil {
		return err
	}
	m, err := r.SkipBefore(ctx, before, !c.Yes)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = printJSON(a.stdout, m)
	} else {
		verb, late := "are", ""
		if m.DryRun {
			verb = "would be"
		}
		if m.Bound {
			late = ", including older objects that arrive later: keys without a day are judged by their last change"
		}
		render.Fprintf(a.stdout, "%s: %s objects (%s) before %s %s marked as done without processing%s\n", m.Job, human.Count(int64(m.Objects)), human.Size(m.SizeBytes), m.Before, verb, late)
	}
	if err == nil && !c.Yes {
		err = usagef("not confirmed, and nothing was written. Try: add --yes")
	}
	return err
}

type bookmarkResetCmd struct {
	Job string `arg:"" help:"Job file." example:"job.yaml"`
	To  string `placeholder:"RUN" help:"Keep what was committed up to the end of this run. Default: nothing is kept." example:"01M85BD4GNKPDRQBB9WJQ9RBZH"`
	Yes bool   `short:"y" help:"Carry out the change. Without it, only report what would change."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*bookmarkResetCmd) Help() string {
	return commandHelp{
		Does: "etl bookmark reset rewinds a job to its beginning, or with --to to the end of a run. It deletes the files that " +
			"were committed since, and the next run reads the objects again, once each. On S3 this needs " +
			"lake.delete_role_arn. If it is killed, the next run first completes the deletion.\n\n" +
			"Without --yes it only reports which runs, files and rows are concerned, and ends with exit code 2.",
		Never: "It cannot bring back rows of objects that are no longer in staging.",
		Examples: []string{
			"etl bookmark reset job.yaml",
			"etl bookmark reset job.yaml --to 01M85BD4GNKPDRQBB9WJQ9RBZH --yes",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitHeld, exitStopped},
	}.String()
}

// Run implements etl bookmark reset.
func (c *bookmarkResetCmd) Run(ctx context.Context, a *app) error {
	return a.rewind(ctx, c.Job, c.To, c.Yes, c.Output)
}

// rewind reports what a rewind would undo, and with yes carries it out.
func (a *app) rewind(ctx context.Context, job, to string, yes bool, output string) error {
	r, err := a.quietRunner(ctx, job)
	if err != nil {
		return err
	}
	w, err := r.Rewind(ctx, to, !yes)
	if err != nil {
		return err
	}
	if output == "json" {
		err = printJSON(a.stdout, w)
	} else {
		w.WriteText(a.stdout)
	}
	if err == nil && !yes && w.Batches > 0 {
		err = usagef("not confirmed, and nothing was written. Try: add --yes, which deletes the files; the next run reads the objects again if they are still in staging")
	}
	return err
}

type bookmarkPauseCmd struct {
	Job string `arg:"" help:"Job file." example:"job.yaml"`
}

// Help implements kong.HelpProvider.
func (*bookmarkPauseCmd) Help() string {
	return commandHelp{
		Does: "etl bookmark pause pauses a job. Its runs, by hand or by etl serve, exit with code 0 and a warning, without " +
			"doing work.",
		Never: "It does not stop a run in progress, and it does not stop etl replay.",
		Examples: []string{
			"etl bookmark pause job.yaml",
			"etl bookmark pause jobs/specs/network-firewall.yaml",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// Run implements etl bookmark pause.
func (c *bookmarkPauseCmd) Run(ctx context.Context, a *app) error {
	r, err := a.quietRunner(ctx, c.Job)
	if err != nil {
		return err
	}
	return pause(ctx, a.stdout, r, true)
}

type bookmarkResumeCmd struct {
	Job string `arg:"" help:"Job file." example:"job.yaml"`
}

// Help implements kong.HelpProvider.
func (*bookmarkResumeCmd) Help() string {
	return commandHelp{
		Does: "etl bookmark resume ends the pause of a job. The next run, by hand or by etl serve, continues where the last " +
			"one ended.",
		Never: "It does not start a run.",
		Examples: []string{
			"etl bookmark resume job.yaml",
			"etl bookmark resume jobs/specs/network-firewall.yaml",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// Run implements etl bookmark resume.
func (c *bookmarkResumeCmd) Run(ctx context.Context, a *app) error {
	r, err := a.quietRunner(ctx, c.Job)
	if err != nil {
		return err
	}
	return pause(ctx, a.stdout, r, false)
}

// pause pauses or resumes a job, and prints what that means.
func pause(ctx context.Context, out io.Writer, r *jobs.Runner, on bool) error {
	if _, err := r.Pause(ctx, on); err != nil {
		return err
	}
	text := "resumed"
	if on {
		text = "paused: runs exit without doing work until etl bookmark resume; a run in progress continues to its end"
	}
	render.Fprintf(out, "%s: %s\n", r.Spec.Name, text)
	return nil
}

// quietRunner is runner for a command with a short result: the log is kept in the state and not printed.
func (a *app) quietRunner(ctx context.Context, job string) (*jobs.Runner, error) {
	spec, err := a.loadSpec(job)
	if err != nil {
		return nil, err
	}
	r, err := a.runner(ctx, spec)
	if err != nil {
		return nil, err
	}
	r.LogTo = nil
	return r, nil
}
