package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
)

// Fixed is what Fix did.
type Fixed struct {
	Finished   int      `json:"rolled_forward"`  // entries that were not done
	Fence      uint64   `json:"fence,omitempty"` // the entry that made abandoned attempts void
	Fenced     int      `json:"fenced"`          // batches
	Partitions int      `json:"partitions"`      // added to the catalog
	Dropped    int      `json:"dropped"`         // held files
	Deleted    int      `json:"deleted"`         // visible files that an entry had removed
	Quarantine int      `json:"quarantine"`      // quarantine files that were deleted
	Records    int      `json:"records"`         // records of void attempts that were deleted
	Repaired   int      `json:"repaired"`        // damaged leases and run records
	Warnings   []string `json:"warnings,omitempty"`
	// Left is what remains after the fix; nil if the fix failed.
	Left *Comparison `json:"-"`
}

// Fix repairs what Compare finds and what can be repaired safely. The steps are those of its body, and their order is a rule:
//
//  1. Roll forward: finish entries that are not done.
//  2. List, then fold: a listed held file belongs to an attempt that began before the fold.
//  3. Fence the batches of abandoned attempts that no run works on: their attempts become void.
//  4. Drop and delete what is dead or of a void attempt. Files that no entry names stay.
//  5. Repair damaged leases and run records that no run may be using.
//  6. Add missing partitions.
//
// Every step can be repeated. After an error the result says what was done; it is never nil.
func Fix(ctx context.Context, p Places) (*Fixed, error) {
	out := &Fixed{}
	var err error
	if out.Finished, err = p.RollForward(ctx); err != nil {
		return out, err
	}
	listed, err := list(ctx, p)
	if err != nil {
		return out, err
	}
	found, err := listed.compare(ctx, p)
	if err != nil {
		return out, err
	}
	fence, err := fenceAbandoned(ctx, p.Ledger, found.Abandoned)
	if err != nil {
		return out, err
	}
	if fence.Seq != 0 {
		out.Fence, out.Fenced = fence.Seq, len(fence.Moves)
		p.Log.Info().Uint64("entry", fence.Seq).Int("batches", len(fence.Moves)).Msg("fenced abandoned attempts")
		if found, err = listed.compare(ctx, p); err != nil {
			return out, err
		}
	}
	if err := out.clean(ctx, p, found); err != nil {
		return out, err
	}
	for _, d := range found.Damaged {
		if d.Fresh {
			continue
		}
		if err := d.Repair(ctx); err != nil {
			return out, err
		}
		out.Repaired++
	}
	for table, partitions := range found.missingPartitions {
		n, err := p.Catalog.AddPartitions(ctx, table, partitions)
		if err != nil {
			return out, err
		}
		out.Partitions += n
	}
	out.Left, err = Compare(ctx, p)
	return out, err
}

// fenceAbandoned writes one fence for the batches of abandoned attempts that no run works on. It returns a zero Entry if there are
// none. Call it once for a listing: a loop of fences could void the attempts of a live run forever.
func fenceAbandoned(ctx context.Context, l *ledger.Ledger, abandoned []Abandoned) (ledger.Entry, error) {
	var ids []string
	for _, a := range abandoned {
		if !a.Busy && !slices.Contains(ids, a.Batch) {
			ids = append(ids, a.Batch)
		}
	}
	if len(ids) == 0 {
		return ledger.Entry{}, nil
	}
	return l.Fence(ctx, ids...)
}

// clean drops held files, deletes dead visible files and quarantine files, and last the records of void attempts, which say what
// these attempts hold.
func (f *Fixed) clean(ctx context.Context, p Places, found *Comparison) error {
	for _, h := range found.Held {
		if err := p.Lake.Drop(ctx, h.Held); err != nil {
			return fmt.Errorf("drop a held file: %w", err)
		}
		f.Dropped++
	}
	for _, key := range found.Dead {
		deleted, err := deleteDead(ctx, p, key, found.deadRefs[key])
		if err != nil {
			return err
		}
		if deleted {
			f.Deleted++
		}
	}
	for _, q := range found.deadQuarantine {
		if err := p.Ledger.DeleteAttemptObject(ctx, q); err != nil {
			return err
		}
		f.Quarantine++
	}
	for _, r := range found.voidRecords {
		if err := p.Ledger.DeleteAttemptObject(ctx, r); err != nil {
			return err
		}
		f.Records++
	}
	return nil
}

// deleteDead drops what is held of a dead file before it deletes the file: once nothing is held, no late publication can bring the
// file back. A file whose name is like the attempt's, but which the attempt does not have, stays.
func deleteDead(ctx context.Context, p Places, key string, ref *ledger.AttemptRef) (bool, error) {
	a, err := p.Ledger.Attempt(ctx, *ref)
	switch {
	case errors.Is(err, objstore.ErrNotExist): // retention has deleted the record
	case err != nil:
		return false, err
	default:
		i := slices.IndexFunc(a.Files, func(f ledger.File) bool { return f.Held.Key == key })
		if i < 0 {
			return false, nil
		}
		if err := p.Lake.Drop(ctx, a.Files[i].Held); err != nil {
			return false, fmt.Errorf("drop a dead file: %w", err)
		}
	}
	if err := p.Lake.Delete(ctx, key); err != nil {
		return false, fmt.Errorf("delete a dead file: %w", err)
	}
	return true, nil
}
