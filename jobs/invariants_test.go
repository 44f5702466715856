package jobs_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
)

// violations are what must not be at any moment, whatever is under way: the invariants of docs/protocol.md.
//
//   - Readers see no file but live ones and those that an entry which is not done removes; of live ones no row twice.
//   - A live file is held or visible, so that publishing it can be finished; the quarantine file of a batch is there.
//
// It is asked while nothing moves: between operations, with others waiting in the middle of theirs.
func (p *parts) violations(ctx context.Context) (out []string) {
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		return []string{err.Error()}
	}
	st, err := l.Fold(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	leaving := map[string]bool{}
	for _, n := range st.NotDone() {
		for _, k := range slices.Concat(n.Adds, n.Removes) {
			leaving[k] = !st.Live(k)
		}
	}
	visible, rows := map[string]bool{}, map[string]int{}
	if err := p.lake.List(ctx, objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error {
		visible[o.Key] = true
		switch {
		case st.Live(o.Key):
			return p.rowsOf(ctx, o.Key, rows)
		case !leaving[o.Key]:
			bad("%s is visible, is not live, and no entry that is not done removes it", o.Key)
		}
		return nil
	}); err != nil {
		bad("list the lake: %v", err)
	}
	for r, n := range rows {
		if n > 1 {
			bad("row %s is visible %d times in live files", r, n)
		}
	}
	held := map[string]bool{}
	all, err := p.lake.HeldList(ctx, "")
	if err != nil {
		bad("list what is held: %v", err)
	}
	for _, h := range all {
		held[h.Key] = true
	}
	for _, b := range st.Batches() {
		for _, f := range b.Files {
			if !visible[f] && !held[f] {
				bad("file %s of batch %s is neither held nor visible", f, b.ID)
			}
		}
		for _, q := range b.Quarantine {
			if _, err := p.state.Head(ctx, q); err != nil {
				bad("quarantine of batch %s: %v", b.ID, err)
			}
		}
	}
	return out
}
