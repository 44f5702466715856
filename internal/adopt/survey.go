package adopt

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/provenance"
)

// readers is how many footers are read, or objects looked up, at once.
const readers = 16

// Problem is a file, or an attempt with its files, that cannot be adopted with certainty.
type Problem struct {
	Key  string    `json:"key"` // of one of its files
	Why  string    `json:"why"`
	Time time.Time `json:"time"` // when its attempt began: its objects were last modified before
}

// found is an attempt that has visible files.
type found struct {
	id    provenance.ID
	files []objstore.Object
	entry *provenance.Entry
	known bool   // an entry of the ledger names it
	why   string // it cannot be adopted, unless it was replaced; "": it can
}

// plan of one batch: what has to be written for it.
type batchPlan struct {
	id       string
	attempts []*found     // all that have visible files
	state    ledger.Batch // of a batch that the ledger knows
	known    bool
	root     *found   // a run or a replace that gave the batch its files; nil: the ledger has it
	replays  []*found // after it, in order
	dead     []objstore.Object
	partial  bool // files are missing, so the batch is released once it is committed
	commits  []*found
	released []string // batches that the writer's ledger must have released, because this one has their objects
}

// survey compares the lake with the ledger.
type survey struct {
	p        Places
	st       *ledger.State
	attempts map[provenance.ID]*found
	batches  map[string]*batchPlan
	problems []Problem
	foreign  int // files of other jobs
	folders  map[string]string
	visible  map[string]objstore.Object
	records  map[ledger.AttemptObject]bool // attempt records that the state has; Key is ""
}

func newSurvey(ctx context.Context, p Places) (*survey, error) {
	listed, err := provenance.List(ctx, p.Lake, p.Folders)
	if err != nil {
		return nil, err
	}
	s := &survey{p: p, attempts: map[provenance.ID]*found{}, batches: map[string]*batchPlan{}, folders: map[string]string{}, visible: map[string]objstore.Object{}}
	if s.st, err = p.Ledger.Fold(ctx); err != nil {
		return nil, fmt.Errorf("%w. Try: if the state is a damaged copy, move the folder %s of the state away, and adopt again", err, p.Job)
	}
	for _, t := range p.Targets {
		s.folders[t.Folder] = t.Table
	}
	for id, files := range listed {
		for _, o := range files {
			s.visible[o.Key] = o
		}
		s.attempts[id] = &found{id: id, files: files}
	}
	records, err := p.Ledger.AttemptRecords(ctx)
	if err != nil {
		return nil, err
	}
	s.records = map[ledger.AttemptObject]bool{}
	for _, r := range records {
		r.Key = ""
		s.records[r] = true
	}
	if err := s.findKnown(ctx); err != nil {
		return nil, err
	}
	if err := s.readEntries(ctx); err != nil {
		return nil, err
	}
	s.group()
	for _, id := range slices.Sorted(maps.Keys(s.batches)) {
		s.order(s.batches[id])
	}
	if err := s.resolveHashes(ctx); err != nil {
		return nil, err
	}
	s.checkObjects()
	return s, s.checkPartial(ctx)
}

// findKnown notes which attempts the ledger names, and leaves out batches of which all attempts are live.
func (s *survey) findKnown(ctx context.Context) error {
	unknown := map[string]bool{} // batches
	for _, f := range s.attempts {
		f.known = !slices.ContainsFunc(f.files, func(o objstore.Object) bool { return !s.st.Live(o.Key) })
		if !f.known {
			unknown[f.id.Batch] = true
		}
	}
	for id := range unknown {
		b, ok := s.st.Batch(id)
		if !ok {
			continue
		}
		named, err := s.p.Ledger.NamedAttempts(ctx, b)
		if err != nil {
			return err
		}
		for _, f := range s.attempts {
			if f.id.Batch == id && named[f.id.Attempt] != nil {
				f.known = true
			}
		}
	}
	for id := range s.attempts {
		if !unknown[id.Batch] {
			delete(s.attempts, id)
		}
	}
	return nil
}

// readEntries reads the footers of file 0 of each attempt that is left, and leaves out the files of other jobs.
func (s *survey) readEntries(ctx context.Context) error {
	var mu sync.Mutex
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, f := range slices.Collect(maps.Values(s.attempts)) {
		g.Go(func() error {
			first := f.files[0]
			for _, o := range f.files {
				if _, n, _ := provenance.Parse(o.Key); n == 0 {
					first = o
				}
			}
			footer, err := provenance.Read(reading, s.p.Lake, first)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			f.entry = footer.Entry
			switch _, n, _ := provenance.Parse(first.Key); {
			case f.known:
			case footer.Job != "" && footer.Job != s.p.From && s.p.Shared:
				s.foreign += len(f.files)
				delete(s.attempts, f.id)
			case footer.Job != "" && footer.Job != s.p.From:
				f.why = fmt.Sprintf("it was written by job %s (if that is this job's former name: --from %s; if that job writes there on purpose: lake.shared: true)", footer.Job, footer.Job)
			case footer.Err != nil:
				f.why = footer.Err.Error()
			case footer.Job == "" && s.p.Shared:
				f.why = "it does not say which job wrote it"
			case footer.Entry != nil && (footer.Entry.Attempt != f.id.Attempt || footer.Entry.Batches[0].Batch != f.id.Batch):
				f.why = fmt.Sprintf("its provenance is that of attempt %s of batch %s, so it is a copy of another file", footer.Entry.Attempt, footer.Entry.Batches[0].Batch)
			case n > 0:
				f.why = "file 0 of its attempt, which has the provenance, is not in the lake"
			case footer.Entry == nil:
				f.why = "it has no provenance: an older version of etl wrote it, or lake.provenance was off"
			}
			return nil
		})
	}
	return g.Wait()
}

// group gathers the attempts by batch.
func (s *survey) group() {
	for _, id := range slices.SortedFunc(maps.Keys(s.attempts), func(a, b provenance.ID) int {
		return strings.Compare(a.Batch+a.Attempt, b.Batch+b.Attempt)
	}) {
		b := s.batches[id.Batch]
		if b == nil {
			b = &batchPlan{id: id.Batch}
			b.state, b.known = s.st.Batch(id.Batch)
			s.batches[id.Batch] = b
		}
		b.attempts = append(b.attempts, s.attempts[id])
	}
}

// refuse notes that an attempt cannot be adopted, and therefore its whole batch cannot. f is nil if the reason is not one attempt's.
func (s *survey) refuse(b *batchPlan, f *found, why string) {
	for _, x := range b.attempts {
		if x.known {
			continue
		}
		text := why
		if f != nil && x != f {
			text = "another attempt of its batch cannot be adopted: " + why
		}
		s.problems = append(s.problems, Problem{Key: x.files[0].Key, Why: text, Time: x.id.Time()})
	}
	delete(s.batches, b.id)
}

// order finds which attempts of a batch are live, and in which order they were committed.
func (s *survey) order(b *batchPlan) {
	dead := map[string]bool{}
	for _, f := range b.attempts {
		if f.why == "" && f.entry != nil && f.entry.Why == ledger.WhyReplace {
			for _, had := range f.entry.Batches[0].Had {
				dead[had] = true
			}
		}
	}
	var live []*found
	for _, f := range b.attempts {
		switch {
		case f.known:
		case dead[f.id.Attempt]:
			b.dead = append(b.dead, f.files...)
		default:
			live = append(live, f)
		}
	}
	for _, f := range live {
		if why := s.suits(b, f); why != "" {
			s.refuse(b, f, why)
			return
		}
		if f.entry.Why == ledger.WhyReplay {
			b.replays = append(b.replays, f)
			continue
		}
		if b.root != nil {
			s.refuse(b, f, "its batch has another attempt, "+b.root.id.Attempt+", and neither replaces the other")
			return
		}
		b.root = f
	}
	slices.SortStableFunc(b.replays, func(x, y *found) int { return len(x.entry.Batches[0].Had) - len(y.entry.Batches[0].Had) })
	if b.root != nil {
		b.commits = append(b.commits, b.root)
	}
	b.commits = append(b.commits, b.replays...)
	for i, f := range b.replays { // a replay adds to what the batch had then
		had := slices.Clone(f.entry.Batches[0].Had)
		for _, before := range b.commits[:len(b.commits)-len(b.replays)+i] {
			if !slices.Contains(had, before.id.Attempt) {
				s.refuse(b, f, "its attempt did not know attempt "+before.id.Attempt+" of the same batch")
				return
			}
			had = slices.DeleteFunc(had, func(id string) bool { return id == before.id.Attempt })
		}
		for _, id := range had {
			if !slices.Contains(provenance.AttemptsOf(b.state.Files), id) {
				s.refuse(b, f, "attempt "+id+", to which it added, has no file in the lake that can be adopted")
				return
			}
		}
	}
	if len(b.commits) > 0 && b.known && b.state.State == ledger.BatchReleased {
		s.refuse(b, b.commits[0], "the ledger has released its batch (move the folders ledger, checkpoints, manifests and attempts of the job out of the state, and adopt again)")
	}
}

// suits says why an attempt cannot be adopted, without regard to others; "": it can.
func (s *survey) suits(b *batchPlan, f *found) string {
	if f.why != "" {
		return f.why
	}
	e := f.entry
	if len(e.Batches) != 1 || e.Batches[0].Batch != b.id || len(e.Removes) > 0 || e.Why != ledger.WhyRun && e.Why != ledger.WhyReplace && e.Why != ledger.WhyReplay {
		return fmt.Sprintf("this version of etl does not adopt an attempt for %s that moved %d batches", e.Why, len(e.Batches))
	}
	for _, file := range e.Files {
		if table, ok := s.folders[folderOf(file.Key)]; !ok || table != file.Table {
			return fmt.Sprintf("it belongs to table %s, but no class of the job writes to that table in its folder", file.Table)
		}
		if o, ok := s.visible[file.Key]; !ok {
			b.partial = true
		} else if file.SizeBytes != 0 && o.SizeBytes != file.SizeBytes {
			return fmt.Sprintf("%s has %d bytes, but its attempt wrote %d", path.Base(file.Key), o.SizeBytes, file.SizeBytes)
		}
	}
	return ""
}

// folderOf is the folder of a target: the key up to the partition.
func folderOf(key string) string {
	i := strings.Index(key, "region=")
	if i < 0 {
		return path.Dir(key) + "/"
	}
	return key[:i]
}

// resolveHashes finds the objects of entries that only have hashes, in a listing of staging.
func (s *survey) resolveHashes(ctx context.Context) error {
	want := map[[16]byte]*objstore.Object{}
	each := func(fn func(f *found, o *provenance.Object)) {
		for _, b := range s.batches {
			for _, f := range b.commits {
				for i := range f.entry.Batches[0].Objects {
					if o := &f.entry.Batches[0].Objects[i]; len(o.Hash) == 16 {
						fn(f, o)
					}
				}
			}
		}
	}
	each(func(_ *found, o *provenance.Object) { want[[16]byte(o.Hash)] = nil })
	if len(want) == 0 {
		return nil
	}
	err := s.p.Staging.List(ctx, objstore.ListOptions{}, func(o objstore.Object) error {
		h := ledger.ObjectID{Key: o.Key, ETag: o.ETag}.Hash()
		if _, ok := want[h]; ok {
			want[h] = &o
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list staging: %w", err)
	}
	missing := map[*found]int{}
	each(func(f *found, o *provenance.Object) {
		if at := want[[16]byte(o.Hash)]; at != nil {
			o.Key, o.ETag, o.SizeBytes, o.Modified = at.Key, at.ETag, at.SizeBytes, at.LastModified.UnixMilli()
			return
		}
		missing[f]++
		o.Key, o.ETag = unknownFolder+hex.EncodeToString(o.Hash), hex.EncodeToString(o.Hash) // of no object
	})
	for f, n := range missing {
		// The files are adopted; only what the objects were called is not known.
		s.problems = append(s.problems, Problem{Key: f.files[0].Key, Time: f.id.Time(), Why: fmt.Sprintf("its provenance has hashes in place of keys, and %d of its objects are not in staging any more", n)})
	}
	return nil
}

// unknownFolder begins the keys of objects whose names are not known.
const unknownFolder = ".silt-unknown/"

// checkObjects compares the objects of each batch with those of other batches and with the ledger's.
func (s *survey) checkObjects() {
	taken := map[[16]byte]string{}
	for _, id := range slices.Sorted(maps.Keys(s.batches)) {
		b := s.batches[id]
		if len(b.commits) == 0 {
			continue
		}
		if why := s.fits(b); why != "" {
			s.refuse(b, b.commits[0], why)
			continue
		}
		for _, o := range b.objects() {
			h := ledger.ObjectID{Key: o.Key, ETag: o.ETag}.Hash()
			if other, ok := taken[h]; ok {
				s.refuse(b, b.commits[0], fmt.Sprintf("batch %s also has its object %s, so the rows of the object are there twice", other, o.Key))
				break
			}
			taken[h] = b.id
		}
	}
}

// objects of the batch that its first attempt read.
func (b *batchPlan) objects() []provenance.Object {
	return slices.DeleteFunc(slices.Clone(b.commits[0].entry.Batches[0].Objects), func(o provenance.Object) bool { return o.Gone })
}

// fits says why the attempts of a batch do not fit each other or the ledger; "": they do. The ledger would refuse such entries, but
// only after others were written.
func (s *survey) fits(b *batchPlan) string {
	inBatch := map[[16]byte]bool{}
	for _, o := range b.objects() {
		inBatch[ledger.ObjectID{Key: o.Key, ETag: o.ETag}.Hash()] = true
	}
	counts := b.state.Counts
	for i, f := range b.commits {
		var sum ledger.Counts
		var rows int64
		seen := map[[16]byte]bool{}
		for _, o := range f.entry.Batches[0].Objects {
			h := ledger.ObjectID{Key: o.Key, ETag: o.ETag}.Hash()
			if seen[h] {
				return fmt.Sprintf("its provenance names object %s twice", o.Key)
			}
			seen[h] = true
			held := inBatch[h]
			if b.known {
				held = s.st.Holds(b.id, objstore.Object{Key: o.Key, ETag: o.ETag})
			}
			if !held && o.Gone { // nothing of it was read, and a plan that is adopted leaves it out
				delete(seen, h)
				continue
			}
			if !held {
				return fmt.Sprintf("its object %s is not in its batch", o.Key)
			}
			sum.Add(o.Counts())
		}
		for _, x := range f.entry.Files {
			rows += x.Rows
		}
		var rejected int64
		if q := f.entry.Batches[0].Quarantined; q != nil {
			rejected = *q
		}
		if sum.Published != rows || sum.Quarantined != rejected || sum.Read != sum.Published+sum.Filtered+sum.Quarantined {
			return fmt.Sprintf("its provenance counts %d rows in files, %d records in quarantine, and %+v in objects", rows, rejected, sum)
		}
		first := i == 0 && (!b.known || b.root != nil)
		switch {
		case first && b.known && len(seen) != b.state.Inputs:
			return fmt.Sprintf("it has %d objects, but its batch has %d", len(seen), b.state.Inputs)
		case first && sum.Read < counts.Read, !first && sum.Read < counts.Quarantined:
			return fmt.Sprintf("it read %d records, but the batch had %d before", sum.Read, counts.Read)
		}
		counts = sum
	}
	if b.known {
		return ""
	}
	for _, o := range b.objects() {
		other, ok := s.st.LatestBatch(o.Key)
		if !ok || !s.st.Holds(other.ID, objstore.Object{Key: o.Key, ETag: o.ETag}) || slices.Contains(b.released, other.ID) {
			continue
		}
		if slices.ContainsFunc(other.Files, func(k string) bool { return s.visible[k].Key != "" }) {
			return fmt.Sprintf("the ledger has its object %s in batch %s, which has files in the lake", o.Key, other.ID)
		}
		b.released = append(b.released, other.ID)
	}
	return ""
}

// checkPartial looks for the objects of batches of which files are missing: they can only be released if staging still has them all.
func (s *survey) checkPartial(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(s.batches)) {
		b := s.batches[id]
		if len(b.dead) > 0 && !s.p.CanDelete {
			s.refuse(b, nil, "its batch has files that were replaced and must be deleted (set lake.delete_role_arn)")
			continue
		}
		if !b.partial || len(b.commits) == 0 {
			continue
		}
		lost, err := s.lostInputs(ctx, b)
		switch {
		case err != nil:
			return err
		case lost != "":
			s.refuse(b, nil, "files of its batch are missing, and staging no longer has the object "+lost+" to load them again")
		case !s.p.CanDelete:
			s.refuse(b, nil, "files of its batch are missing, so the others must be deleted and loaded again (set lake.delete_role_arn)")
		}
	}
	return nil
}

// lostInputs returns an object of a batch that staging does not have any more at its version, or "".
func (s *survey) lostInputs(ctx context.Context, b *batchPlan) (string, error) {
	var lost string
	var mu sync.Mutex
	g, looking := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, o := range b.objects() {
		g.Go(func() error {
			at, err := s.p.Staging.Head(looking, o.Key)
			if err != nil && !errors.Is(err, objstore.ErrNotExist) {
				return err
			}
			if err != nil || at.ETag != o.ETag {
				mu.Lock()
				lost = o.Key
				mu.Unlock()
			}
			return nil
		})
	}
	return lost, g.Wait()
}
