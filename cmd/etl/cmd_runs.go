package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/report"
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
			"STOPPED, TIMEOUT or WAITING. WAITING means that the run ended because other runs were already processing the " +
			"work.",
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

// readLedger opens a job's ledger for reading. nil: the state is a folder that is not there, so nothing ran yet.
func (a *app) readLedger(ctx context.Context, job string) (*jobfile.Spec, *ledger.Ledger, error) {
	spec, _, l, err := a.readState(ctx, job)
	return spec, l, err
}

// readState is readLedger with the store that the ledger is in.
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
		if infos, err = l.Runs(ctx, c.Limit); err != nil {
			return err
		}
	}
	if c.Output == "json" {
		for _, r := range infos {
			if r.End != nil { // a list does not have whole logs; etl runs show has them
				r.End.Log, r.End.Summary = "", nil
			}
		}
		return printJSON(a.stdout, infos)
	}
	if len(infos) == 0 {
		fmt.Fprintf(a.stdout, "%s has no runs yet\n", spec.Name)
		return nil
	}
	t := render.Table{Header: []string{"run", "started", "took", "state", "trigger", "objects", "read", "published", "filtered", "quarantined", "files", "note"},
		Right: []bool{false, false, true, false, false, true, true, true, true, true, true, false}}
	for _, r := range infos {
		row := []string{r.Run, r.Started.UTC().Format(time.DateTime), "", string(r.State), r.Trigger, "", "", "", "", "", "", r.Note}
		if e := r.End; e != nil {
			row[2] = e.Ended.Sub(r.Started).Round(100 * time.Millisecond).String()
			for i, n := range []int64{int64(e.Objects), e.Records.Read, e.Records.Published, e.Records.Filtered, e.Records.Quarantined, int64(e.Files)} {
				row[5+i] = human.Count(n)
			}
			if e.Error != "" {
				row[11] = e.Error
			}
		}
		if r.Command != "run" {
			row[11] = strings.TrimSuffix(r.Command+": "+row[11], ": ")
		}
		t.Rows = append(t.Rows, row)
	}
	if isTerminal(a.stdout) {
		t.MaxCell = 60
	}
	return t.Write(a.stdout)
}

// runReport is etl runs show in JSON.
type runReport struct {
	ledger.RunInfo
	Commits []ledger.LineageCommit `json:"commits"`
	Missing []string               `json:"missing,omitempty"`
}

// Run implements etl runs show.
func (c *runsShowCmd) Run(ctx context.Context, a *app) error {
	spec, l, err := a.readLedger(ctx, c.Job)
	if err != nil {
		return err
	}
	none := usagef("%s has no run %s; etl runs %s lists them", spec.Name, c.ID, c.Job)
	if l == nil {
		return none
	}
	id := strings.ToUpper(c.ID)
	if id == "LAST" {
		last, err := l.Runs(ctx, 1)
		if err != nil {
			return err
		}
		if len(last) == 0 {
			return none
		}
		id = last[0].Run
	}
	info, err := l.Run(ctx, id)
	if errors.Is(err, objstore.ErrNotExist) {
		return none
	}
	if err != nil {
		return usageError{err}
	}
	lin, err := l.Lineage(ctx, id)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		r := runReport{RunInfo: info, Commits: lin.Commits, Missing: lin.Missing}
		if r.Commits == nil {
			r.Commits = []ledger.LineageCommit{}
		}
		return printJSON(a.stdout, r)
	}
	writeRun(a.stdout, spec, info, lin)
	return nil
}

func writeRun(w io.Writer, spec *jobfile.Spec, info ledger.RunInfo, lin ledger.Lineage) {
	var sum report.Summary
	if info.End != nil && json.Unmarshal(info.End.Summary, &sum) == nil && sum.Run == info.Run {
		sum.WriteText(w)
	} else {
		fmt.Fprintf(w, "%s: run %s %s, started %s", spec.Name, info.Run, info.State, info.Started.UTC().Format(time.DateTime))
		if info.Host != "" {
			fmt.Fprintf(w, " on %s", info.Host)
		}
		if info.Note != "" {
			fmt.Fprintf(w, " (%s)", info.Note)
		}
		fmt.Fprintln(w)
	}
	for _, m := range lin.Missing {
		fmt.Fprintf(w, "attempt %s is not kept any more\n", m)
	}
	for _, c := range lin.Commits {
		state := ""
		if !c.Done {
			state = "; the next run finishes publishing it"
		}
		fmt.Fprintf(w, "\nentry %d (%s): batch %s, attempt %s%s\n", c.Seq, c.Why, strings.Join(c.Batches, ", "), c.Attempt, state)
		t := c.Totals
		fmt.Fprintf(w, "  records %s read = %s published + %s filtered + %s quarantined\n", human.Count(t.Read), human.Count(t.Published), human.Count(t.Filtered), human.Count(t.Quarantined))
		of := map[ledger.ObjectID]ledger.ObjectResult{}
		for _, o := range c.Objects {
			of[o.ObjectID] = o
		}
		for _, f := range c.Files {
			gone := ""
			if !f.Live {
				gone = ", removed by a later entry"
			}
			fmt.Fprintf(w, "  file %s\n    %s rows, %s, table %s%s, from\n", render.Safe(f.Key), human.Count(f.Rows), human.Size(f.SizeBytes), f.Table, gone)
			for _, in := range f.Inputs {
				writeInput(w, of[in])
			}
		}
		var rest []ledger.ObjectResult // whose rows are in no file
		for _, o := range c.Objects {
			if o.Gone || o.Counts.Published == 0 {
				rest = append(rest, o)
			}
		}
		if len(rest) > 0 {
			fmt.Fprintf(w, "  in no file\n")
			for _, o := range rest {
				writeInput(w, o)
			}
		}
		for _, q := range c.Quarantine {
			fmt.Fprintf(w, "  quarantine %s\n    %s records, %s\n", render.Safe(q.Key), human.Count(q.Records), human.Size(q.SizeBytes))
		}
	}
}

func writeInput(w io.Writer, o ledger.ObjectResult) {
	if o.Gone {
		fmt.Fprintf(w, "    %s (changed or deleted meanwhile: left for the next run)\n", render.Safe(o.Key))
		return
	}
	c := o.Counts
	fmt.Fprintf(w, "    %s (%s read = %s published + %s filtered + %s quarantined)\n", render.Safe(o.Key), human.Count(c.Read), human.Count(c.Published), human.Count(c.Filtered), human.Count(c.Quarantined))
}
