package ledger

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/ledger/index"
	"github.com/silt-etl/silt/internal/objstore"
)

// BatchState is where a batch is in its life.
type BatchState uint8

const (
	BatchOpen BatchState = iota
	BatchCommitted
	BatchReleased
)

func (b BatchState) String() string { return [...]string{"open", "committed", "released"}[b] }

// MarshalText makes the state readable in JSON.
func (b BatchState) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// hashObject stands for a key and an ETag. 128 bits of SHA-256: keys may be chosen by whoever writes to staging, and an object
// taken for another would be lost.
func hashObject(key, etag string) index.Key {
	buf := make([]byte, 0, 256)
	buf = append(buf, key...)
	buf = append(buf, 0)
	buf = append(buf, etag...)
	sum := sha256.Sum256(buf)
	return index.Key(sum[:16])
}

// Hash stands for the key and the ETag of an object, in 16 bytes.
func (o ObjectID) Hash() [16]byte { return hashObject(o.Key, o.ETag) }

// hashKey stands for a key alone.
func hashKey(key string) index.Key {
	sum := sha256.Sum256([]byte(key))
	return index.Key(sum[:16])
}

type fileRef struct {
	key     string
	attempt *AttemptRef
}

type batch struct {
	id        string
	manifest  ManifestRef
	run       string // that planned it, later that committed it
	made      string // manifest of the attempt that made its files: a run's or a replace's
	state     BatchState
	base      uint64
	committed uint64 // the entry that last gave it rows or quarantine
	objects   int32  // planned
	inputs    int32  // objects less those that were gone
	// free: of a released batch, its objects of which nobody has taken this version or a newer one since; of an open one, its objects
	// that were free before, in this version or an older one; of a committed one, at most as many, which were gone when it read.
	free       int32
	bounds     int32 // released: how many bounds do not cover its objects, for they came while it held them
	bytes      int64
	files      []fileRef // never changed in place
	quarantine []string
	counts     Counts
	marks      []Mark
	lost       bool // its marks, for a checkpoint was made with another key pattern
}

type rolling struct {
	seq     uint64
	kind    Kind
	why     Why
	run     string
	attempt *AttemptRef
	batches []string
	adds    []fileRef
	removes []fileRef
	qdead   []string
}

// State is the fold of the ledger through Seq. Fold brings it forward in place; every method sees it as of one entry.
//
// It does not grow with the objects, because who has which is in temporary files, 40 bytes an object; it does with batches and
// files. An object of a released batch is free until another takes it, so that a release touches no object.
type State struct {
	mu             sync.RWMutex
	seq            uint64
	batches        []batch
	slot           map[string]int32
	objects        *index.Index // by key and ETag: the batch that took it last, or skipped
	latest         *index.Index // by key: the batch that took a version of it last, or skipped
	bounds         []Bound
	skippedObjects int
	live           map[string]int32 // lake files, and how many batches have them
	quarantine     map[string]struct{}
	rolling        map[uint64]*rolling
	paused         bool
	runs           map[string][]uint64
	died           []death // of the last days, oldest first
	// Awaited are objects and folders that later runs must look for, whatever the watermarks say.
	Awaited *awaited.Table
	grown   int // objects planned since the last checkpoint
}

// newState makes an empty one. dir is where files go, entries how many objects are kept in memory; 0: index.DefaultLimit.
func newState(dir string, entries int) *State {
	return &State{slot: map[string]int32{}, objects: index.New(dir, entries), latest: index.New(dir, entries), live: map[string]int32{}, Awaited: &awaited.Table{},
		quarantine: map[string]struct{}{}, rolling: map[uint64]*rolling{}, runs: map[string][]uint64{}}
}

// Batch as the ledger has it. Inputs are its objects less those that were gone; Files and Quarantine are keys in the lake and
// in the state store. Base is the entry that last moved it: what an attempt at it must name.
type Batch struct {
	ID         string      `json:"batch"`
	State      BatchState  `json:"state"`
	Base       uint64      `json:"base"`
	Committed  uint64      `json:"committed,omitempty"` // the entry that last gave it files or quarantine
	Manifest   ManifestRef `json:"manifest"`
	Made       string      `json:"made,omitempty"` // manifest that its files were made from: the plan's, or a replace's
	Run        string      `json:"run"`            // that committed it, or while it is open planned it
	Objects    int         `json:"objects"`
	Inputs     int         `json:"inputs"`
	SizeBytes  int64       `json:"size"` // of its objects
	Files      []string    `json:"files,omitempty"`
	Quarantine []string    `json:"quarantine,omitempty"`
	Counts     Counts      `json:"counts"`
	// FileAttempts are the attempts that made Files, in the same order.
	FileAttempts []*AttemptRef `json:"-"`
}

func (b *batch) public() Batch {
	p := Batch{ID: b.id, State: b.state, Base: b.base, Committed: b.committed, Manifest: b.manifest, Made: b.made, Run: b.run, Objects: int(b.objects),
		Inputs: int(b.inputs), SizeBytes: b.bytes, Quarantine: slices.Clone(b.quarantine), Counts: b.counts}
	for _, f := range b.files {
		p.Files = append(p.Files, f.key)
		p.FileAttempts = append(p.FileAttempts, f.attempt)
	}
	return p
}

// Seq is the number of the last entry folded; 0 when the ledger is empty.
func (s *State) Seq() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.seq
}

// Paused tells whether planning is stopped.
func (s *State) Paused() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.paused
}

// TakenObject says whether this version of an object is in an open batch, was read by a committed one, or is skipped by name or by a
// bound.
func (s *State) TakenObject(o objstore.Object) bool {
	covers := func(b Bound) bool { return b.covers(o.Key, o.LastModified) }
	s.mu.RLock()
	defer s.mu.RUnlock()
	slot, ok := Versions{s}.find(o.Key, o.ETag)
	switch {
	case !ok:
		return slices.ContainsFunc(s.bounds, covers)
	case s.free(slot):
		return slices.ContainsFunc(s.bounds[s.batches[slot].bounds:], covers)
	}
	return true
}

// free tells of who took an object last whether a release has set it free since.
func (s *State) free(slot int32) bool {
	return slot != skipped && s.batches[slot].state == BatchReleased
}

// broken is an error of reading what the state keeps in files: what was asked of it since may be wrong, so nothing may be
// written that was decided from it.
func (s *State) broken() error { return errors.Join(s.objects.Err(), s.latest.Err()) }

// Changed tells whether another version of this object's key is taken by an open or committed batch, or skipped by name: the
// object was overwritten since. Where that version was released, or gone when it was to be read, nothing was taken of it.
func (s *State) Changed(o objstore.Object) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if slot, ok := (Versions{s}).find(o.Key, o.ETag); ok && !s.free(slot) {
		return false
	}
	slot, ok := s.latest.Get(hashKey(o.Key))
	return ok && !s.free(slot)
}

// Holds tells whether a batch that is open or committed has this version of an object.
func (s *State) Holds(batch string, o objstore.Object) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	slot, ok := s.slot[batch]
	held, has := s.objects.Get(hashObject(o.Key, o.ETag))
	return ok && has && held == slot && !s.free(slot)
}

// LatestBatch is the batch that took a version of a key last. It can be released by now. There is none where that version was
// skipped, or gone when it was to be read.
func (s *State) LatestBatch(key string) (Batch, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	slot, ok := s.latest.Get(hashKey(key))
	if !ok || slot == skipped {
		return Batch{}, false
	}
	return s.batches[slot].public(), true
}

// Sharing are the batches, and those that share a file with one of them, and theirs in turn, in the order they were opened:
// what an entry that takes the files from one of them has to move.
func (s *State) Sharing(batches ...string) []string { return s.closure(batches) }

// Batch returns one batch.
func (s *State) Batch(id string) (Batch, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	slot, ok := s.slot[id]
	if !ok {
		return Batch{}, false
	}
	return s.batches[slot].public(), true
}

// Batches returns all batches in the order they were opened, released ones too.
func (s *State) Batches() []Batch { return s.which(func(*batch) bool { return true }) }

// OpenBatches returns what a plan opened and nobody has committed or released: the work to resume, oldest first.
func (s *State) OpenBatches() []Batch {
	return s.which(func(b *batch) bool { return b.state == BatchOpen })
}

// LakeFiles are the files of the lake that committed batches have.
type LakeFiles struct{ State *State }

// Each calls fn for each file, newest batch first, until it returns false.
func (f LakeFiles) Each(fn func(batch, key string) bool) {
	s := f.State
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := len(s.batches) - 1; i >= 0; i-- {
		b := &s.batches[i]
		if b.state != BatchCommitted {
			continue
		}
		for _, f := range b.files {
			if !fn(b.id, f.key) {
				return
			}
		}
	}
}

func (s *State) which(want func(*batch) bool) []Batch {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Batch
	for i := range s.batches {
		if want(&s.batches[i]) {
			out = append(out, s.batches[i].public())
		}
	}
	return out
}

// Live tells whether some batch has this file of the lake.
func (s *State) Live(key string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.live[key] > 0
}

// LiveQuarantine tells whether some batch has this quarantine file.
func (s *State) LiveQuarantine(key string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.quarantine[key]
	return ok
}

// RunEntries are the numbers of the entries a run wrote, in order.
func (s *State) RunEntries(run string) []uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.runs[run])
}

func (s *State) baseOf(id string) (uint64, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	slot, ok := s.slot[id]
	if !ok {
		return 0, false
	}
	return s.batches[slot].base, true
}

// moves of the batches that are known, from where they are.
func (s *State) moves(ids []string) []Move {
	var out []Move
	for _, id := range ids {
		if base, ok := s.baseOf(id); ok {
			out = append(out, Move{Batch: id, Base: base})
		}
	}
	return out
}

// closure adds to the batches those that share a file with one of them, and theirs in turn.
func (s *State) closure(ids []string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	in, files := map[int32]bool{}, map[string]bool{}
	take := func(slot int32) {
		in[slot] = true
		for _, f := range s.batches[slot].files {
			files[f.key] = true
		}
	}
	for _, id := range ids {
		if slot, ok := s.slot[id]; ok {
			take(slot)
		}
	}
	for again := len(files) > 0; again; {
		again = false
		for i := range s.batches {
			if !in[int32(i)] && slices.ContainsFunc(s.batches[i].files, func(f fileRef) bool { return files[f.key] }) {
				take(int32(i))
				again = true
			}
		}
	}
	var out []string
	for i := range s.batches {
		if in[int32(i)] {
			out = append(out, s.batches[i].id)
		}
	}
	return out
}

// having returns the batches that have one of these files.
func (s *State) having(keys []string) []string {
	var out []string
	for _, b := range s.which(func(b *batch) bool { return b.state == BatchCommitted }) {
		if slices.ContainsFunc(b.Files, func(k string) bool { return slices.Contains(keys, k) }) {
			out = append(out, b.ID)
		}
	}
	return out
}

// Rolling is an entry that is not done: the lake is perhaps not yet what the entry says.
type Rolling struct {
	Seq     uint64   `json:"seq"`
	Kind    Kind     `json:"kind"`
	Why     Why      `json:"why"`
	Run     string   `json:"run"`
	Batches []string `json:"batches"`
	Adds    []string `json:"adds,omitempty"`    // files to publish, or, if they are dead by now, to delete
	Removes []string `json:"removes,omitempty"` // files to delete
}

// NotDone returns the entries that need rolling forward, oldest first.
func (s *State) NotDone() []Rolling {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Rolling
	for _, r := range s.rolling {
		p := Rolling{Seq: r.seq, Kind: r.kind, Why: r.why, Run: r.run, Batches: slices.Clone(r.batches)}
		for _, f := range r.adds {
			p.Adds = append(p.Adds, f.key)
		}
		for _, f := range r.removes {
			p.Removes = append(p.Removes, f.key)
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Rolling) int { return int(int64(a.Seq) - int64(b.Seq)) })
	return out
}

// Rolled says that an entry was rolled forward, and which of the files it adds were live then.
type Rolled struct {
	Seq  uint64
	live string
}

func (s *State) liveOf(r *rolling) string {
	var b strings.Builder
	for _, f := range r.adds {
		if s.live[f.key] > 0 {
			b.WriteByte('1')
		} else {
			b.WriteByte('0')
		}
	}
	return b.String()
}

// stillRolled are the numbers among rolled that are not done yet and whose live files are the same as when they were rolled.
func (s *State) stillRolled(rolled []Rolled) []uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []uint64
	for _, t := range rolled {
		if r := s.rolling[t.Seq]; r != nil && s.liveOf(r) == t.live && !slices.Contains(out, t.Seq) {
			out = append(out, t.Seq)
		}
	}
	return out
}

// Mark is how far a prefix of staging has been taken: the newest last-modified time and the greatest key of the objects in
// open and committed batches. FreedFrom is zero, or not later than the oldest object that a release set free and nobody has
// taken since: a listing that starts at the mark less the lookback must go back that far, or those objects are lost.
type Mark struct {
	Prefix    string    `json:"prefix"`
	Modified  time.Time `json:"modified"`
	Key       string    `json:"key"`
	FreedFrom time.Time `json:"freed_from,omitzero"`
}

// Bookmark is a job's committed progress.
type Bookmark struct {
	Seq       uint64   `json:"seq"` // through this entry
	Paused    bool     `json:"paused"`
	Open      int      `json:"open_batches"`
	Committed int      `json:"committed_batches"`
	Released  int      `json:"released_batches"`
	NotDone   int      `json:"entries_not_done"`
	Held      int64    `json:"objects_held"` // by open batches
	Read      int64    `json:"objects_read"` // by committed ones
	Skipped   int      `json:"objects_skipped"`
	Freed     int64    `json:"objects_freed"` // by a release, and not taken since
	Bounds    []Bound  `json:"bounds,omitempty"`
	SizeBytes int64    `json:"size"` // of the objects of committed batches
	Records   Counts   `json:"records"`
	Files     int      `json:"files"`
	Marks     []Mark   `json:"marks"` // by prefix
	LastRun   string   `json:"last_run,omitempty"`
	OpenIDs   []string `json:"open,omitempty"`
}

// Bookmark reads the job's progress off the state.
func (s *State) Bookmark() Bookmark {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := Bookmark{Seq: s.seq, Paused: s.paused, NotDone: len(s.rolling), Skipped: s.skippedObjects,
		Bounds: slices.Clone(s.bounds), Files: len(s.live)}
	for i := range s.batches {
		b := &s.batches[i]
		switch b.state {
		case BatchOpen:
			k.Open++
			k.OpenIDs = append(k.OpenIDs, b.id)
			k.Held += int64(b.inputs)
		case BatchCommitted:
			k.Committed++
			k.Read += int64(b.inputs)
			k.SizeBytes += b.bytes
			k.Records.Add(b.counts)
			k.LastRun = max(k.LastRun, b.run)
		case BatchReleased:
			k.Released++
			k.Freed += int64(b.free)
		}
	}
	k.Marks = marksOf(s.batches, func(string, Mark) bool { return true })
	return k
}

// Marks returns the marks of all prefixes, by prefix, as Bookmark does. What a batch took of a prefix raises the mark only if
// credible says so: a mark of no credible batch has an empty key, or is left out.
func (s *State) Marks(credible func(batch string, m Mark) bool) []Mark {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return marksOf(s.batches, credible)
}

func marksOf(batches []batch, credible func(batch string, m Mark) bool) (out []Mark) {
	marks := map[string]Mark{}
	lost := false // objects are free, and under which prefix is not known
	for i := range batches {
		b := &batches[i]
		lost = lost || b.state != BatchOpen && b.lost && b.free > 0
		for _, m := range b.marks {
			all := marks[m.Prefix]
			all.Prefix = m.Prefix
			if b.state != BatchReleased && credible(b.id, m) {
				if m.Modified.After(all.Modified) {
					all.Modified = m.Modified
				}
				all.Key = max(all.Key, m.Key)
			}
			if b.state != BatchOpen && b.free > 0 && (all.FreedFrom.IsZero() || m.FreedFrom.Before(all.FreedFrom)) {
				all.FreedFrom = m.FreedFrom
			}
			marks[m.Prefix] = all
		}
	}
	for _, m := range marks {
		if lost {
			m.FreedFrom = longAgo
		}
		if !m.Modified.IsZero() || !m.FreedFrom.IsZero() {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b Mark) int { return strings.Compare(a.Prefix, b.Prefix) })
	return out
}
