package ledger

import (
	"context"
	"errors"

	"github.com/silt-etl/silt/internal/objstore"
)

// LineageFile is a file of the lake and the objects its rows came from.
type LineageFile struct {
	Key       string     `json:"key"`
	Table     string     `json:"table"`
	Values    [3]string  `json:"values"`
	Rows      int64      `json:"rows"`
	SizeBytes int64      `json:"size"`
	SHA256    string     `json:"sha256"`
	Live      bool       `json:"live"` // false: a later entry removed it
	Inputs    []ObjectID `json:"inputs"`
}

// LineageCommit is one commit of a run.
type LineageCommit struct {
	Seq        uint64           `json:"seq"`
	Why        Why              `json:"why"`
	Batches    []string         `json:"batches"`
	Attempt    string           `json:"attempt"`
	Done       bool             `json:"done"` // rolled forward
	Totals     Counts           `json:"totals"`
	Documents  int64            `json:"documents,omitempty"`
	Files      []LineageFile    `json:"files"`
	Quarantine []QuarantineFile `json:"quarantine,omitempty"`
	Objects    []ObjectResult   `json:"objects"`
}

// Lineage links what a run committed to what it read.
type Lineage struct {
	Run     string          `json:"run"`
	Entries []uint64        `json:"entries"`
	Commits []LineageCommit `json:"commits"`
	Missing []string        `json:"missing,omitempty"` // attempt records that retention has removed
}

// Lineage reads a run's entries and the attempts they name.
func (l *Ledger) Lineage(ctx context.Context, run string) (Lineage, error) {
	st, err := l.Fold(ctx)
	if err != nil {
		return Lineage{}, err
	}
	out := Lineage{Run: run, Entries: st.RunEntries(run)}
	open := map[uint64]bool{}
	for _, r := range st.NotDone() {
		open[r.Seq] = true
	}
	for _, seq := range out.Entries {
		e, err := l.Entry(ctx, seq)
		if err != nil {
			return out, err
		}
		if e.Kind != KindCommit {
			continue
		}
		a, err := l.Attempt(ctx, *e.Attempt)
		if errors.Is(err, objstore.ErrNotExist) {
			out.Missing = append(out.Missing, e.Attempt.Key)
			continue
		}
		if err != nil {
			return out, err
		}
		c := LineageCommit{Seq: seq, Why: e.Why, Attempt: a.ID, Done: !open[seq], Totals: a.Totals, Documents: a.Documents, Quarantine: a.Quarantine, Objects: a.Objects}
		for _, m := range e.Moves {
			c.Batches = append(c.Batches, m.Batch)
		}
		for _, f := range a.Files {
			lf := LineageFile{Key: f.Held.Key, Table: f.Table, Values: f.Values, Rows: f.Rows, SizeBytes: f.Held.SizeBytes,
				SHA256: f.Held.SHA256, Live: st.Live(f.Held.Key)}
			for i, o := range a.Objects {
				if !o.Gone && len(f.Inputs) == 0 {
					lf.Inputs = append(lf.Inputs, a.Objects[i].ObjectID)
				}
			}
			for _, i := range f.Inputs {
				lf.Inputs = append(lf.Inputs, a.Objects[i].ObjectID)
			}
			c.Files = append(c.Files, lf)
		}
		out.Commits = append(out.Commits, c)
	}
	return out, nil
}
