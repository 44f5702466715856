// Package runs lists the runs of a job and describes one of them: its summary, its files, and the staging objects of each file. It only
// reads the ledger, and decides nothing.
package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/report"
)

// ErrNotFound says that the job has no such run.
var ErrNotFound = errors.New("run not found")

// List returns the newest runs, without their logs and summaries. limit 0: all.
func List(ctx context.Context, l *ledger.Ledger, limit int) ([]ledger.RunInfo, error) {
	infos, err := l.Runs(ctx, limit)
	for _, r := range infos {
		if r.End != nil {
			r.End.Log, r.End.Summary = "", nil
		}
	}
	return infos, err
}

// Table lays out runs as etl runs prints them.
func Table(infos []ledger.RunInfo) render.Table {
	t := render.Table{Header: []string{"run", "started", "took", "state", "trigger", "objects", "read", "published", "filtered", "quarantined", "files", "note"},
		Right: []bool{false, false, true, false, false, true, true, true, true, true, true, false}}
	for _, r := range infos {
		row := []string{r.Run, r.Started.UTC().Format(time.DateTime), "", string(r.State), r.Trigger, "", "", "", "", "", "", r.Note}
		if e := r.End; e != nil {
			row[2] = e.Ended.Sub(r.Started).Round(100 * time.Millisecond).String()
			for i, n := range []int64{int64(e.Objects), e.Records.Read, e.Records.Published, e.Records.Filtered, e.Records.Quarantined, int64(e.Files)} {
				row[5+i] = human.Count(n)
			}
			if e.Error != "" && r.State != ledger.RunDamaged {
				row[11] = e.Error
			}
		}
		if r.Command != "run" && r.State != ledger.RunDamaged {
			row[11] = strings.TrimSuffix(r.Command+": "+row[11], ": ")
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// Run is one run with the entries that it committed.
type Run struct {
	ledger.RunInfo
	Commits []ledger.LineageCommit `json:"commits"`
	Missing []string               `json:"missing,omitempty"` // attempt records that retention has deleted
}

// Find returns a run by its ID in any case, or the newest one for "last". ErrNotFound: the job does not have it.
func Find(ctx context.Context, l *ledger.Ledger, id string) (*Run, error) {
	id = strings.ToUpper(id)
	if id == "LAST" {
		newest, err := l.Runs(ctx, 1)
		if err != nil {
			return nil, err
		}
		if len(newest) == 0 {
			return nil, ErrNotFound
		}
		id = newest[0].Run
	}
	if _, err := ulid.ParseStrict(id); err != nil {
		return nil, ErrNotFound
	}
	info, err := l.Run(ctx, id)
	if errors.Is(err, objstore.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	lineage, err := l.Lineage(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &Run{RunInfo: info, Commits: lineage.Commits, Missing: lineage.Missing}
	if r.Commits == nil {
		r.Commits = []ledger.LineageCommit{}
	}
	return r, nil
}

// WriteText prints a run of a job for a person.
func (r *Run) WriteText(w io.Writer, job string) {
	var sum report.Summary
	if r.End != nil && json.Unmarshal(r.End.Summary, &sum) == nil && sum.Run == r.RunInfo.Run {
		sum.WriteText(w)
		if r.State == ledger.RunDamaged {
			fmt.Fprintln(w, r.Note)
		}
	} else {
		render.Fprintf(w, "%s: run %s %s, started %s", job, r.RunInfo.Run, r.State, r.Started.UTC().Format(time.DateTime))
		if r.Host != "" {
			render.Fprintf(w, " on %s", r.Host)
		}
		if r.Note != "" {
			render.Fprintf(w, " (%s)", r.Note)
		}
		fmt.Fprintln(w)
	}
	for _, m := range r.Missing {
		render.Fprintf(w, "the record of attempt %s was deleted by retention\n", m)
	}
	for _, c := range r.Commits {
		writeCommit(w, c)
	}
}

func writeCommit(w io.Writer, c ledger.LineageCommit) {
	state := ""
	if !c.Done {
		state = "; the next run finishes publishing it"
	}
	render.Fprintf(w, "\nentry %d (%s): batch %s, attempt %s%s\n", c.Seq, c.Why, strings.Join(c.Batches, ", "), c.Attempt, state)
	render.Fprintf(w, "  records %s\n", counts(c.Totals, c.Documents))
	byID := map[ledger.ObjectID]ledger.ObjectResult{}
	for _, o := range c.Objects {
		byID[o.ObjectID] = o
	}
	for _, f := range c.Files {
		gone := ""
		if !f.Live {
			gone = ", removed by a later entry"
		}
		render.Fprintf(w, "  file %s\n    %s, %s, table %s%s, from\n", f.Key, human.Plural(f.Rows, "row"), human.Size(f.SizeBytes), f.Table, gone)
		for _, in := range f.Inputs {
			writeInput(w, byID[in])
		}
	}
	var rest []ledger.ObjectResult // without rows in a file
	for _, o := range c.Objects {
		if o.Gone || o.Counts.Published == 0 {
			rest = append(rest, o)
		}
	}
	if len(rest) > 0 {
		render.Fprintf(w, "  without rows in a file\n")
		for _, o := range rest {
			writeInput(w, o)
		}
	}
	for _, q := range c.Quarantine {
		render.Fprintf(w, "  quarantine %s\n    %s, %s\n", q.Key, human.Plural(q.Records, "record"), human.Size(q.SizeBytes))
	}
}

func writeInput(w io.Writer, o ledger.ObjectResult) {
	if o.Gone {
		render.Fprintf(w, "    %s (changed or deleted since the listing: left for the next run)\n", o.Key)
		return
	}
	render.Fprintf(w, "    %s (%s)\n", o.Key, counts(o.Counts, o.Documents))
}

func counts(c ledger.Counts, documents int64) string {
	return fmt.Sprintf("%s = %s published + %s filtered + %s quarantined", report.Read(c.Read, documents), human.Count(c.Published), human.Count(c.Filtered), human.Count(c.Quarantined))
}

// Manifest returns the manifest of the first batch that a run planned, with this batch only, or nil if it planned none. It has the mapping
// that the run planned with. Batches that it took over from an earlier run were processed with that run's.
func Manifest(ctx context.Context, l *ledger.Ledger, run string) (*ledger.Manifest, error) {
	st, err := l.Fold(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range st.Batches() {
		if b.Run == run {
			return l.Manifest(ctx, b.Manifest, b.ID)
		}
	}
	return nil, nil
}
