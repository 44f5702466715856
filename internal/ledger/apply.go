package ledger

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/ledger/index"
)

// change is what an entry does to the state, worked out before anything is touched.
type change struct {
	slots   []int32 // the moved batches
	after   []batch // what they become
	opened  []plannedBatch
	gone    []index.Key
	adds    []fileRef
	removes []fileRef
	qdead   []string
}

// check tells whether an entry fits, without applying it.
func (s *State) check(rec *record) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.effect(rec)
	return errors.Join(err, s.broken())
}

func misfit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// effect works out what an entry changes, or why it does not fit.
func (s *State) effect(rec *record) (*change, error) {
	e := &rec.entry
	if e.Seq != s.seq+1 {
		return nil, misfit("entry %d cannot follow entry %d", e.Seq, s.seq)
	}
	c := &change{}
	for _, m := range e.Moves {
		slot, ok := s.slot[m.Batch]
		if !ok {
			return nil, misfit("it moves batch %s, which no plan opened", m.Batch)
		}
		b := s.batches[slot]
		if b.base != m.Base {
			return nil, misfit("it moves batch %s from entry %d, but entry %d moved it last", m.Batch, m.Base, b.base)
		}
		want := []BatchState{BatchOpen, BatchCommitted, BatchReleased}
		switch {
		case e.Kind == KindCommit && e.Why == WhyRun, e.Kind == KindRelease && e.Why == WhyReplan:
			want = []BatchState{BatchOpen}
		case e.Kind == KindCommit, e.Kind == KindRelease:
			want = []BatchState{BatchCommitted}
		}
		if !slices.Contains(want, b.state) {
			return nil, misfit("a %s for %s moves batch %s, which is %s", e.Kind, e.Why, m.Batch, b.state)
		}
		b.base = e.Seq
		c.slots = append(c.slots, slot)
		c.after = append(c.after, b)
	}
	var err error
	switch e.Kind {
	case KindPlan:
		err = s.plan(rec, c)
	case KindCommit:
		err = s.commit(rec, c)
	case KindRelease:
		for i := range c.after {
			b := &c.after[i]
			if b.state == BatchOpen {
				b.free = 0 // these are among its inputs
			}
			b.state, b.files, b.quarantine = BatchReleased, nil, nil
			b.free, b.bounds = b.free+b.inputs, int32(len(s.bounds))
			b.inputs, b.counts = 0, Counts{}
		}
	}
	if err != nil {
		return nil, err
	}
	return c, s.deaths(c)
}

func (s *State) plan(rec *record, c *change) error {
	e := &rec.entry
	if len(rec.planned) != len(e.Batches) {
		return misfit("the plan opens %d batches, but its manifest has %d", len(e.Batches), len(rec.planned))
	}
	seen, opened := map[index.Key]struct{}{}, map[string]bool{}
	for i, p := range rec.planned {
		if p.id != e.Batches[i].Batch || len(p.hashes) != e.Batches[i].Objects {
			return misfit("the plan opens batch %s of %d objects, but its manifest has batch %s of %d", e.Batches[i].Batch, e.Batches[i].Objects, p.id, len(p.hashes))
		}
		if _, ok := s.slot[p.id]; ok || opened[p.id] {
			return misfit("batch %s is opened twice", p.id)
		}
		opened[p.id] = true
		for _, h := range p.hashes {
			if slot, ok := s.objects.Get(h); ok && !s.free(slot) {
				return misfit("an object of batch %s is already taken", p.id)
			}
			if _, ok := seen[h]; ok {
				return misfit("the plan has an object twice, the second time in batch %s", p.id)
			}
			seen[h] = struct{}{}
		}
	}
	c.opened = rec.planned
	return nil
}

func (s *State) commit(rec *record, c *change) error {
	e, a := &rec.entry, rec.attempt
	if !slices.Equal(e.Moves, a.Moves) || e.Why != a.Why {
		return misfit("the commit and its attempt %s move different batches", a.ID)
	}
	if len(e.Moves) != 1 && (e.Why == WhyRun || e.Why == WhyReplay) {
		return misfit("a commit for %s moves one batch, not %d", e.Why, len(e.Moves))
	}
	counts, err := s.results(a, c)
	if err != nil {
		return err
	}
	if had := c.after[0].counts.Quarantined; e.Why == WhyReplay && a.Totals.Read < had {
		return misfit("attempt %s replays %d records of a batch with %d in quarantine, so the others would be lost", a.ID, a.Totals.Read, had)
	}
	own := make([]fileRef, len(a.Files))
	for i, f := range a.Files {
		if s.live[f.Held.Key] > 0 {
			return misfit("file %s is already live; keys are never reused", f.Held.Key)
		}
		own[i] = fileRef{f.Held.Key, e.Attempt}
	}
	leaves := map[string]bool{}
	for _, k := range a.Removes {
		leaves[k] = true
	}
	for i := range c.after {
		b := &c.after[i]
		b.state = BatchCommitted
		if e.Why == WhyRun { // what was free before and gone now may be overwritten: its next version is to be found
			b.free = min(b.free, b.objects-b.inputs)
		}
		if e.Why != WhyExpire { // what a rewind takes back depends on when rows came, not on when others went
			b.run, b.committed = e.Run, e.Seq
		}
		quarantine := slices.Clone(b.quarantine)
		switch e.Why {
		case WhyRun, WhyReplace:
			if counts[i].Read < b.counts.Read {
				return misfit("attempt %s replaces batch %s with %d of its %d records, so the others would be lost", a.ID, b.id, counts[i].Read, b.counts.Read)
			}
			b.files, b.counts, b.made, quarantine = own, counts[i], a.Manifest, nil
		case WhyReplay:
			b.files, quarantine = slices.Concat(b.files, own), nil
			// What it read beyond the batch's quarantine are records of objects that were quarantined whole.
			b.counts.Read += a.Totals.Read - b.counts.Quarantined
			b.counts.Published += a.Totals.Published
			b.counts.Filtered += a.Totals.Filtered
			b.counts.Quarantined = a.Totals.Quarantined
		case WhyCompact, WhyExpire:
			kept := slices.DeleteFunc(slices.Clone(b.files), func(f fileRef) bool { return leaves[f.key] })
			b.files = slices.Concat(kept, own)
			if quarantine, err = expire(b, a, quarantine); err != nil {
				return err
			}
		}
		for _, q := range a.Quarantine {
			if q.Batch == b.id {
				quarantine = append(quarantine, q.Key)
			}
		}
		b.quarantine = quarantine
	}
	c.adds = own
	return nil
}

// expire ends the quarantine of a batch that an attempt names, and counts its records as what they are from then on.
func expire(b *batch, a *Attempt, quarantine []string) ([]string, error) {
	var goes []string
	var records int64
	for _, q := range a.Expires {
		if q.Batch == b.id {
			goes = append(goes, q.Key)
			records += q.Records
		}
	}
	if len(goes) == 0 {
		return quarantine, nil
	}
	slices.Sort(goes)
	if had := slices.Sorted(slices.Values(quarantine)); !slices.Equal(goes, had) || records != b.counts.Quarantined {
		return nil, misfit("attempt %s ends %d quarantine files with %d records of batch %s, which has %d with %d", a.ID, len(goes), records, b.id,
			len(had), b.counts.Quarantined)
	}
	b.counts.Expired += records
	b.counts.Quarantined = 0
	return nil, nil
}

// results fits an attempt's objects to the moved batches: a run must account for every object of its batch, a replacement
// for every input and find none gone; a replay names some of its batch. It gives the counts of each moved batch.
func (s *State) results(a *Attempt, c *change) ([]Counts, error) {
	counts := make([]Counts, len(c.after))
	if a.Why != WhyRun && a.Why != WhyReplace && a.Why != WhyReplay {
		return counts, nil
	}
	want := 0
	for i := range c.after {
		want += int(c.after[i].inputs)
	}
	seen := make(map[index.Key]struct{}, len(a.Objects))
	for _, o := range a.Objects {
		h := hashObject(o.Key, o.ETag)
		if _, ok := seen[h]; ok {
			return nil, misfit("attempt %s names object %s twice", a.ID, o.Key)
		}
		seen[h] = struct{}{}
		slot, ok := s.objects.Get(h)
		i := slices.Index(c.slots, slot)
		if !ok || i < 0 {
			return nil, misfit("attempt %s names object %s, which does not belong to its batch", a.ID, o.Key)
		}
		counts[i].Add(o.Counts)
		if o.Gone {
			if a.Why != WhyRun {
				return nil, misfit("attempt %s is a %s of a batch although its input %s is gone", a.ID, a.Why, o.Key)
			}
			c.gone = append(c.gone, h)
			c.after[i].inputs--
		}
	}
	if len(seen) != want && a.Why != WhyReplay {
		return nil, misfit("attempt %s reports %d of %d objects", a.ID, len(seen), want)
	}
	return counts, nil
}

// deaths finds what no batch has any more, and refuses an entry that takes a file from one batch and leaves it to another.
func (s *State) deaths(c *change) error {
	left := map[string]int32{}
	for i, slot := range c.slots {
		for _, f := range s.batches[slot].files {
			if _, ok := left[f.key]; !ok {
				c.removes = append(c.removes, f)
			}
			left[f.key]++
		}
		for _, q := range s.batches[slot].quarantine {
			if !slices.Contains(c.after[i].quarantine, q) {
				c.qdead = append(c.qdead, q)
			}
		}
	}
	stays := map[string]bool{}
	for i := range c.after {
		for _, f := range c.after[i].files {
			stays[f.key] = true
		}
	}
	c.removes = slices.DeleteFunc(c.removes, func(f fileRef) bool { return stays[f.key] })
	for _, f := range c.removes {
		if s.live[f.key] != left[f.key] {
			return misfit("it takes file %s from one batch, but another batch keeps it", f.key)
		}
	}
	return nil
}

// apply folds one entry in.
func (s *State) apply(rec *record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.effect(rec)
	if err := errors.Join(err, s.broken()); err != nil {
		return err
	}
	e := &rec.entry
	s.seq = e.Seq
	s.runs[e.Run] = append(s.runs[e.Run], e.Seq)
	for _, p := range c.opened {
		s.open(e, p)
	}
	for _, h := range c.gone {
		s.objects.Delete(h)
	}
	await(s.Awaited, rec)
	if len(c.gone) > 0 {
		for _, o := range rec.attempt.Objects {
			if !o.Gone {
				continue
			}
			k := hashKey(o.Key)
			if slot, ok := s.latest.Get(k); ok && slices.Contains(c.slots, slot) {
				s.latest.Delete(k)
			}
		}
	}
	if rec.attempt != nil {
		Versions{s}.learn(rec.attempt)
	}
	for i, slot := range c.slots {
		for _, f := range s.batches[slot].files {
			if s.live[f.key]--; s.live[f.key] == 0 {
				delete(s.live, f.key)
			}
		}
		for _, f := range c.after[i].files {
			s.live[f.key]++
		}
		for _, q := range s.batches[slot].quarantine {
			delete(s.quarantine, q)
		}
		for _, q := range c.after[i].quarantine {
			s.quarantine[q] = struct{}{}
		}
		s.batches[slot] = c.after[i]
	}
	switch e.Kind {
	case KindSkip:
		s.skip(e)
	case KindSame:
		Versions{s}.apply(e)
	case KindPause:
		s.paused = *e.On
	}
	if len(c.adds)+len(c.removes)+len(c.qdead) > 0 {
		r := &rolling{seq: e.Seq, kind: e.Kind, why: e.Why, run: e.Run, attempt: e.Attempt, adds: c.adds, removes: c.removes, qdead: c.qdead}
		for _, m := range e.Moves {
			r.batches = append(r.batches, m.Batch)
		}
		s.rolling[e.Seq] = r
	}
	for _, d := range e.Done {
		delete(s.rolling, d)
	}
	s.rememberDeaths(e, c.removes)
	return nil
}

// await keeps what an entry says of objects that were seen and not taken.
func await(t *awaited.Table, rec *record) {
	e := &rec.entry
	switch {
	case e.Kind == KindPlan:
		t.SetFolders(rec.listFrom)
		for _, key := range rec.missing {
			t.Forget(awaited.ID(hashKey(key)))
		}
		if t.Empty() {
			return
		}
		for _, p := range rec.planned {
			for _, k := range p.keys {
				t.Planned(awaited.ID(k))
			}
		}
	case e.Kind == KindSkip:
		for _, o := range e.Objects {
			t.Forget(awaited.ID(hashKey(o.Key)))
		}
	case rec.attempt != nil && e.Why == WhyRun:
		for _, o := range rec.attempt.Objects {
			switch {
			case o.Left != "":
				t.Saw(awaited.ID(hashKey(o.Key)), o.Key, o.ETag, o.Left, timeOf(rec.attempt.ID))
			case !t.Empty():
				t.Forget(awaited.ID(hashKey(o.Key)))
			}
		}
	}
}

// timeOf is the time at which a ULID was made.
func timeOf(id string) time.Time {
	u, err := ulid.ParseStrict(id)
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(u.Time()).UTC()
}

func (s *State) open(e *Entry, p plannedBatch) {
	slot := int32(len(s.batches))
	s.grown += len(p.hashes)
	s.slot[p.id] = slot
	s.batches = append(s.batches, batch{id: p.id, manifest: *e.Manifest, base: e.Seq, objects: int32(len(p.hashes)),
		inputs: int32(len(p.hashes)), bytes: p.bytes, marks: p.marks, run: e.Run})
	for i, h := range p.hashes {
		// What a release set free is done with once it, or a newer version of its key, is taken: staging has one of them. Which batch
		// it was in is found by the key alone, so that it counts once however its versions come and go.
		if had, ok := s.latest.Get(p.keys[i]); ok && had != skipped && s.free(had) {
			s.batches[had].free--
			s.batches[slot].free++
		}
		s.objects.Put(h, slot)
		s.latest.Put(p.keys[i], slot)
	}
}

// skipped is the slot of objects that no batch has.
const skipped = math.MaxInt32

func (s *State) skip(e *Entry) {
	for _, o := range e.Objects {
		h := hashObject(o.Key, o.ETag)
		had, ok := s.objects.Get(h)
		if ok && !s.free(had) {
			continue
		}
		k := hashKey(o.Key)
		if last, has := s.latest.Get(k); ok && has && last == had { // else a newer version has been taken since, and it counts
			s.batches[had].free--
		}
		s.objects.Put(h, skipped)
		s.latest.Put(k, skipped)
		s.skippedObjects++
	}
	if e.Bound != nil {
		s.bounds = append(s.bounds, *e.Bound)
	}
}
