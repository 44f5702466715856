package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
)

// Examined is what a job's lake, state and catalog hold beside what its ledger says.
type Examined struct {
	ledger.Findings
	// Partitions are folders of the lake with live files that the catalog does not have.
	Partitions []string `json:"partitions"`
	// NotListed is why held files could not be listed; "" when they were.
	NotListed string `json:"not_listed,omitempty"`

	missing map[string][]catalog.Partition // by table
}

// Mended is what Mend did, and Left what is still there.
type Mended struct {
	Finished   int    `json:"rolled_forward"`  // entries that were not done
	Fence      uint64 `json:"fence,omitempty"` // the entry
	Fenced     int    `json:"fenced"`          // batches
	Partitions int    `json:"partitions"`      // added
	ledger.Cleaned
	Warnings []string  `json:"warnings,omitempty"`
	Left     *Examined `json:"-"`
}

// Examine lists what lies around and compares it with the ledger. It writes nothing.
func (r *Runner) Examine(ctx context.Context) (*Examined, error) {
	var out *Examined
	_, err := r.perform(ctx, &run{opts: RunOptions{Trigger: "ON_DEMAND"}, command: "doctor", dry: true, work: func(x *run, ctx context.Context) (err error) {
		_, out, err = x.examine(ctx)
		return err
	}})
	return out, err
}

// Mend puts right what Examine finds and what may be put right: it rolls forward what is not done, writes one fence for the
// batches of abandoned attempts that nobody is at work on, drops and deletes what is dead or of a void attempt, and adds missing
// partitions. The order is a rule: lists first, the ledger after, deletes last. ErrNoDelete: nothing was done.
func (r *Runner) Mend(ctx context.Context) (*Mended, error) {
	out := &Mended{}
	if r.Deleter == nil {
		return out, fmt.Errorf("doctor --fix: %w", ErrNoDelete)
	}
	sum, err := r.perform(ctx, &run{opts: RunOptions{Trigger: "ON_DEMAND"}, command: "doctor", work: func(x *run, ctx context.Context) error {
		return x.mend(ctx, out)
	}})
	out.Warnings = sum.Warnings
	return out, err
}

func (x *run) mend(ctx context.Context, out *Mended) error {
	if err := x.finish(ctx); err != nil {
		return err
	}
	if err := x.markDone(ctx); err != nil {
		return err
	}
	out.Finished = x.sum.Finished
	survey, found, err := x.examine(ctx)
	if err != nil {
		return err
	}
	e, err := x.ledger.FenceAbandoned(ctx, &found.Findings)
	if err != nil {
		return err
	}
	if e.Seq != 0 {
		out.Fence, out.Fenced = e.Seq, len(e.Moves)
		x.log.Info().Uint64("entry", e.Seq).Int("batches", len(e.Moves)).Msg("fenced abandoned attempts")
		if found, err = x.judge(ctx, survey); err != nil {
			return err
		}
	}
	if out.Cleaned, err = x.ledger.Clean(ctx, x.Deleter, &found.Findings); err != nil {
		return err
	}
	for table, ps := range found.missing {
		n, err := x.Catalog.AddPartitions(ctx, table, ps)
		if err != nil {
			return err
		}
		out.Partitions += n
	}
	_, out.Left, err = x.examine(ctx)
	return err
}

// examine lists, folds and judges. What is held is listed with the right to delete where there is one: Security Lake's boundary
// lets a provider role list objects, and not uploads.
func (x *run) examine(ctx context.Context) (*ledger.Survey, *Examined, error) {
	survey, err := x.ledger.Look(ctx, x.surveyor(), x.folders())
	if err != nil {
		return nil, nil, err
	}
	found, err := x.judge(ctx, survey)
	return survey, found, err
}

func (x *run) surveyor() LakeStore {
	if x.Deleter != nil {
		return x.Deleter
	}
	return x.Lake
}

func (x *run) judge(ctx context.Context, survey *ledger.Survey) (*Examined, error) {
	f, err := x.ledger.Judge(ctx, x.surveyor(), survey)
	if err != nil {
		return nil, err
	}
	out := &Examined{Findings: *f, Partitions: []string{}, missing: map[string][]catalog.Partition{}}
	if survey.NotListed != nil {
		out.NotListed = survey.NotListed.Error()
	}
	return out, x.partitions(ctx, out)
}

// folders of the lake that the job writes to, none below another.
func (x *run) folders() []string {
	all := []string{"ext/" + x.Spec.Lake.SourceName + "/"}
	for _, t := range x.targets {
		all = append(all, t.Folder)
	}
	slices.Sort(all)
	var out []string
	for _, f := range all {
		if len(out) == 0 || !strings.HasPrefix(f, out[len(out)-1]) {
			out = append(out, f)
		}
	}
	return out
}

// partitions finds the folders of live files that the catalog does not know.
func (x *run) partitions(ctx context.Context, out *Examined) error {
	want := map[string]map[string]catalog.Partition{} // by table and folder
	last := ""
	for _, key := range out.Live() { // sorted, so those of a folder come together
		folder := key[:strings.LastIndexByte(key, '/')+1]
		if folder == last {
			continue
		}
		last = folder
		top, p, ok := lake.ParsePrefix(folder)
		if !ok {
			continue
		}
		for _, t := range x.targets {
			if t.Folder != top {
				continue
			}
			if want[t.Table] == nil {
				want[t.Table] = map[string]catalog.Partition{}
			}
			want[t.Table][folder] = catalog.Partition{Values: p.Values(), Location: x.location(folder)}
		}
	}
	for table, folders := range want {
		have := map[[3]string]bool{}
		err := x.Catalog.Partitions(ctx, table, func(p catalog.Partition) error { have[p.Values] = true; return nil })
		if err != nil && !errors.Is(err, catalog.ErrNoTable) {
			return err
		}
		for folder, p := range folders {
			if !have[p.Values] {
				out.Partitions = append(out.Partitions, folder)
				out.missing[table] = append(out.missing[table], p)
			}
		}
	}
	slices.Sort(out.Partitions)
	return nil
}

// deleteAgain deletes once more what died lately, where the job may delete: it catches what the store finished late. It is no
// reason to fail.
func (x *run) deleteAgain(ctx context.Context) {
	if x.Deleter == nil {
		return
	}
	if _, err := x.ledger.DeleteAgain(ctx, x.Deleter); err != nil {
		x.warn(fmt.Sprintf("files that died lately were not all deleted again: %v", err))
	}
}
