package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
)

// publisher makes the lake and the catalog show what committed entries say, whichever run wrote them.
//
// The order of one entry is fixed in ledger.RollForward: publish the added files, delete the replaced ones, then add the partitions
// (publisher.addPartitions). An entry that is rolled forward is marked done by the next entry that this run writes, or by markDone.
type publisher struct {
	run      *run
	unmarked []ledger.Rolled // rolled forward, and not marked done yet
	busy     map[string]bool // runs that held a lease when finishEarlierWork last asked
}

// finishEarlierWork rolls forward what earlier runs committed and did not finish. Entries whose writer is still working are left to
// it.
func (p *publisher) finishEarlierWork(ctx context.Context) error {
	busy, err := p.run.ledger.Holders(ctx)
	if err != nil {
		return err
	}
	p.busy = busy
	if err := p.checkPlaces(ctx); err != nil {
		return err
	}
	n, err := p.rollForward(ctx, func(r ledger.Rolling) bool { return !busy[r.Run] })
	if err != nil {
		return fmt.Errorf("finish what an earlier run committed: %w", err)
	}
	p.run.sum.Finished += n
	if n > 0 {
		p.run.log.Info().Int("entries", n).Msg("finished what an earlier run had committed")
	}
	return nil
}

// checkPlaces refuses to finish entries of an earlier run in another lake or table than theirs: files that are held there would
// count as lost here, and files to delete there would count as deleted.
func (p *publisher) checkPlaces(ctx context.Context) error {
	st, err := p.run.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	places := newPlaceCheck(p.run.config, p.run.ledger)
	for _, r := range st.NotDone() {
		if len(r.Adds)+len(r.Removes) == 0 || p.busy[r.Run] {
			continue
		}
		b, _ := st.Batch(r.Batches[0])
		changed, err := places.changed(ctx, b)
		if err != nil {
			return err
		}
		if changed = withoutStaging(changed); r.Kind == ledger.KindRelease {
			changed = onlyLake(changed)
		}
		if len(changed) > 0 {
			return fmt.Errorf("%w since run %s wrote entry %d, and the lake does not show all of that entry yet: %s. Try: put the setting back until a run has finished the entry",
				ErrSettings, r.Run, r.Seq, strings.Join(changed, ", "))
		}
	}
	return nil
}

// rollForward makes the lake show what committed entries say, and returns how many entries there were.
func (p *publisher) rollForward(ctx context.Context, only func(ledger.Rolling) bool) (int, error) {
	x := p.run
	res, err := x.ledger.RollForward(ctx, ledger.RollOptions{Lake: x.Lake, Deleter: x.Deleter, AddPartitions: p.addPartitions, Only: only, Later: true})
	for _, l := range res.Lost {
		x.warn(fmt.Sprintf("the store lost %s of committed batches %s; their objects are loaded again if staging still has them, otherwise their records are lost",
			human.Plural(int64(len(l.Files)), "held file"), strings.Join(l.Batches, ", ")))
	}
	p.unmarked = append(p.unmarked, res.Rolled...)
	for _, b := range res.Blocked {
		switch {
		case p.isRewind(ctx, b.Seq): // its rows are still visible: loading its objects again would double them
			return len(res.Entries), errors.Join(err, fmt.Errorf("entry %d, a rewind, waits for its files to be deleted: %w: %w", b.Seq, b.Err, ErrNoDelete))
		case x.command == "replace": // every further batch would be visible twice
			return len(res.Entries), errors.Join(err, fmt.Errorf("entry %d is written, and the files it replaces are not deleted yet: %w: %w", b.Seq, b.Err, ErrNoDelete))
		}
		x.warn(fmt.Sprintf("entry %d waits for files to be deleted, and this role is not allowed to delete them: %v", b.Seq, b.Err))
	}
	return len(res.Entries), err
}

// isRewind says whether an entry that is not done withdraws committed rows.
func (p *publisher) isRewind(ctx context.Context, seq uint64) bool {
	st, err := p.run.ledger.Fold(ctx)
	if err != nil {
		return true
	}
	for _, r := range st.NotDone() {
		if r.Seq == seq {
			return r.Why == ledger.WhyRewind
		}
	}
	return false
}

// addPartitions adds the partitions of files that are visible now.
func (p *publisher) addPartitions(ctx context.Context, files []ledger.File) error {
	byTable := map[string]map[[3]string]catalog.Partition{}
	for _, f := range files {
		if byTable[f.Table] == nil {
			byTable[f.Table] = map[[3]string]catalog.Partition{}
		}
		folder := f.Held.Key[:strings.LastIndexByte(f.Held.Key, '/')+1]
		byTable[f.Table][f.Values] = catalog.Partition{Values: f.Values, Location: p.location(folder)}
	}
	for table, ps := range byTable {
		var list []catalog.Partition
		for _, p := range ps {
			list = append(list, p)
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Location < list[j].Location })
		_, err := p.run.Catalog.AddPartitions(ctx, table, list)
		if errors.Is(err, catalog.ErrNoTable) { // the catalog was lost after the entry's run had grown the table
			if err = p.run.check.growTables(ctx, map[string]bool{table: true}); err == nil {
				_, err = p.run.Catalog.AddPartitions(ctx, table, list)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// location of a folder of the lake, as the catalog names it.
func (p *publisher) location(folder string) string {
	return strings.TrimSuffix(p.run.Lake.String(), "/") + "/" + folder
}

// markDone writes an entry that marks everything done that was rolled forward.
func (p *publisher) markDone(ctx context.Context) error {
	if len(p.unmarked) == 0 {
		return nil
	}
	_, err := p.run.ledger.MarkDone(ctx, p.unmarked...)
	p.unmarked = nil
	return err
}

// finishAndMark finishes what earlier runs committed, marks it done at once, and returns the number of entries.
func (p *publisher) finishAndMark(ctx context.Context) (int, error) {
	if err := p.finishEarlierWork(ctx); err != nil {
		return p.run.sum.Finished, err
	}
	return p.run.sum.Finished, p.markDone(ctx)
}

// deleteReleasedFiles deletes files of released batches that nobody has deleted yet, whoever wrote the release: their objects are free
// to be planned, and their rows would be visible twice. It returns the first fold without such a release. A plan is written
// right after that fold, so no release can come between.
func (p *publisher) deleteReleasedFiles(ctx context.Context) (*ledger.State, error) {
	tried := map[uint64]bool{}
	for _, r := range p.unmarked {
		tried[r.Seq] = true
	}
	for {
		st, err := p.run.ledger.Fold(ctx)
		if err != nil {
			return nil, err
		}
		todo := map[uint64]bool{}
		for _, n := range st.NotDone() {
			if n.Kind == ledger.KindRelease && !tried[n.Seq] {
				todo[n.Seq], tried[n.Seq] = true, true
			}
		}
		if len(todo) == 0 {
			return st, nil
		}
		if _, err := p.rollForward(ctx, func(r ledger.Rolling) bool { return todo[r.Seq] }); err != nil {
			return nil, err
		}
	}
}

// deleteLateFiles deletes recently withdrawn files once more, if the job may delete: the store may have finished a publication
// late. A run does not fail because of it.
func (p *publisher) deleteLateFiles(ctx context.Context) {
	if p.run.Deleter == nil {
		return
	}
	if _, err := p.run.ledger.DeleteAgain(ctx, p.run.Deleter); err != nil {
		p.run.warn(fmt.Sprintf("files that were withdrawn recently were not all deleted a second time: %v", err))
	}
}

// waitForOthers keeps a run that did nothing from reporting success while a batch is committed and not visible yet: its writer seems
// to be working, but may have died within the time of its lease. A run that did work of its own only warns.
func (p *publisher) waitForOthers(ctx context.Context) error {
	x := p.run
	st, err := x.ledger.Fold(ctx)
	if err != nil || len(st.NotDone()) == 0 {
		return err
	}
	if _, err := p.finishAndMark(ctx); err != nil { // the other's lease may have ended by now
		return err
	}
	busy, err := x.ledger.Holders(ctx)
	if err != nil {
		return err
	}
	if st, err = x.ledger.Fold(ctx); err != nil {
		return err
	}
	unfinished := slices.DeleteFunc(st.NotDone(), func(r ledger.Rolling) bool { return !busy[r.Run] })
	if len(unfinished) == 0 {
		return nil
	}
	first := unfinished[0]
	text := fmt.Sprintf("run %s has committed entry %d, which is not visible yet. Try: etl run --wait 10m, which waits until that run has ended or its lease has expired", first.Run, first.Seq)
	if x.sum.Batches == 0 && !x.worksAlongside(ctx, first.Run) {
		return fmt.Errorf("%w: %s", ledger.ErrHeld, text)
	}
	x.warn(text)
	return nil
}
