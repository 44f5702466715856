package ledger

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/objstore"
)

// Survey is what lies in a job's lake and state. It is listed before the ledger is read: what was listed as held belongs to an
// attempt that began before the fold, so a fence written after it makes that attempt void.
type Survey struct {
	visible    map[string]bool
	held       []objstore.Held
	records    map[attemptID]recordAt
	quarantine []string
	seq        uint64 // of the first fold after the listing; 0: not folded yet

	// NotListed is why what is held could not be listed; nil when it was. The attempts' records still tell of their files.
	NotListed error
}

// attemptID names an attempt: the ULIDs of its first batch and of itself.
type attemptID struct{ batch, attempt string }

type recordAt struct {
	key  string
	base uint64
}

// HeldFile is a file of an attempt that is held, or whose attempt's record says so where the store cannot list what it holds.
type HeldFile struct {
	objstore.Held
	Why    string `json:"why"` // void, dead, published
	Listed bool   `json:"listed"`
}

// Abandoned is an attempt that stopped before its entry, at a batch that nobody has moved since. Busy: a lease of its batch is
// held, so it may go on.
type Abandoned struct {
	Batch   string `json:"batch"`
	Attempt string `json:"attempt"`
	Files   int    `json:"files"` // that are held, or said to be by its record
	Busy    bool   `json:"busy,omitempty"`
}

// Findings are what a survey says beside a fold. Keys are of the lake, those of Quarantine and Records of the state.
type Findings struct {
	Unknown    []string    `json:"unknown"`    // visible, and no entry names them: they did not come from this job
	Dead       []string    `json:"dead"`       // visible, although dead
	Missing    []string    `json:"missing"`    // live, and neither visible nor to be rolled forward
	Held       []HeldFile  `json:"held"`       // may be dropped
	Foreign    []string    `json:"foreign"`    // held, for a batch that this ledger does not know
	Abandoned  []Abandoned `json:"abandoned"`  // need a fence
	Quarantine []string    `json:"quarantine"` // dead, or of a void attempt
	Records    []string    `json:"records"`    // of void attempts
	Waiting    []Rolling   `json:"waiting"`    // not done, and their writers hold no lease
	LiveFiles  int         `json:"live_files"`

	live  []string
	refs  map[string]*AttemptRef // of Dead
	voids []recordAt
}

// Live are the keys of the files that are visible, some batch has, and whose entries are done, in order.
func (f *Findings) Live() []string { return f.live }

// Look lists the lake's folders and the job's state. Nothing is read from the ledger.
func (l *Ledger) Look(ctx context.Context, lake Lake, folders []string) (*Survey, error) {
	s := &Survey{visible: map[string]bool{}, records: map[attemptID]recordAt{}}
	for _, folder := range folders {
		err := lake.List(ctx, objstore.ListOptions{Prefix: folder}, func(o objstore.Object) error {
			s.visible[o.Key] = true
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("list the lake: %w", err)
		}
		held, err := lake.HeldList(ctx, folder)
		if err != nil {
			s.NotListed = err
			if !errors.Is(err, objstore.ErrDenied) {
				return nil, fmt.Errorf("list what is held: %w", err)
			}
		}
		s.held = append(s.held, held...)
	}
	prefix := l.job + "/attempts/"
	err := l.store.List(ctx, objstore.ListOptions{Prefix: prefix}, func(o objstore.Object) error {
		p := strings.Split(strings.TrimPrefix(o.Key, prefix), "/")
		if len(p) != 3 {
			return nil
		}
		base, okBase := parseSeq(p[1] + ".json")
		id, okName := strings.CutSuffix(p[2], ".json")
		if okBase && okName && isULID(p[0]) && isULID(id) {
			s.records[attemptID{p[0], id}] = recordAt{o.Key, base}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list attempt records: %w", err)
	}
	err = l.store.List(ctx, objstore.ListOptions{Prefix: l.job + "/quarantine/"}, func(o objstore.Object) error {
		s.quarantine = append(s.quarantine, o.Key)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list quarantine: %w", err)
	}
	return s, nil
}

// parseFile reads batch and attempt off the name of a lake's file.
func parseFile(key string) (attemptID, bool) {
	p := strings.Split(strings.TrimSuffix(path.Base(key), ".parquet"), "-")
	if len(p) != 3 || !strings.HasSuffix(key, ".parquet") || !isULID(p[0]) || !isULID(p[1]) {
		return attemptID{}, false
	}
	return attemptID{p[0], p[1]}, true
}

// fate of an attempt.
type fate int

const (
	fateForeign   fate = iota // this ledger does not know its batch
	fateNamed                 // by an entry
	fateVoid                  // it can never be named
	fateAbandoned             // it could still be named
)

// judge is one reading of a survey beside a fold.
type judge struct {
	l     *Ledger
	s     *Survey
	st    *State
	named map[string]map[string]*AttemptRef // by batch, by attempt
}

// Judge folds the ledger and says what the survey means. It can be called again after a fence.
func (l *Ledger) Judge(ctx context.Context, lake Lake, s *Survey) (*Findings, error) {
	st, err := l.Fold(ctx)
	if err != nil {
		return nil, err
	}
	if s.seq == 0 {
		s.seq = st.Seq()
	}
	j := &judge{l: l, s: s, st: st, named: map[string]map[string]*AttemptRef{}}
	f := &Findings{Unknown: []string{}, Dead: []string{}, Missing: []string{}, Held: []HeldFile{}, Foreign: []string{},
		Abandoned: []Abandoned{}, Quarantine: []string{}, Records: []string{}, Waiting: []Rolling{}, refs: map[string]*AttemptRef{}}
	leases, err := l.heldLeases(ctx)
	if err != nil {
		return nil, err
	}
	holders := map[string]bool{}
	for _, run := range leases {
		holders[run] = true
	}
	pending := map[string]bool{} // left to whoever rolls their entry forward, in its order
	for _, r := range st.NotDone() {
		for _, k := range slices.Concat(r.Adds, r.Removes) {
			pending[k] = true
		}
		if !holders[r.Run] {
			f.Waiting = append(f.Waiting, r)
		}
	}
	if err := j.files(ctx, f, pending); err != nil {
		return nil, err
	}
	if err := j.attempts(ctx, f, pending, leases); err != nil {
		return nil, err
	}
	return f, j.missing(ctx, lake, f, pending)
}

// fate says what became of an attempt. base is 0 where its record was never written.
func (j *judge) fate(ctx context.Context, id attemptID, base uint64) (fate, *AttemptRef, error) {
	b, ok := j.st.Batch(id.batch)
	if !ok {
		return fateForeign, nil, nil
	}
	named, err := j.history(ctx, b)
	if err != nil {
		return fateForeign, nil, err
	}
	if ref := named[id.attempt]; ref != nil {
		return fateNamed, ref, nil
	}
	// Without a record the base is not known. But it was held when it was listed, so it is not above the fold after that.
	if base == 0 {
		base = j.s.seq
	}
	if b.State == BatchReleased || b.Base > base {
		return fateVoid, nil, nil
	}
	return fateAbandoned, nil, nil
}

// history are the attempts that entries named at a batch. It follows the entries that moved the batch, from the last one back.
func (j *judge) history(ctx context.Context, b Batch) (map[string]*AttemptRef, error) {
	if m := j.named[b.ID]; m != nil {
		return m, nil
	}
	m := map[string]*AttemptRef{}
	for seq := b.Base; seq != 0; {
		e, err := j.l.Entry(ctx, seq)
		if err != nil {
			return nil, err
		}
		if e.Kind == KindCommit {
			m[strings.TrimSuffix(path.Base(e.Attempt.Key), ".json")] = e.Attempt
		}
		i := slices.IndexFunc(e.Moves, func(m Move) bool { return m.Batch == b.ID })
		if seq = 0; i >= 0 { // the plan that opened it moves nothing
			seq = e.Moves[i].Base
		}
	}
	j.named[b.ID] = m
	return m, nil
}

// files sorts what is visible.
func (j *judge) files(ctx context.Context, f *Findings, pending map[string]bool) error {
	for _, key := range sortedKeys(j.s.visible) {
		if pending[key] {
			continue
		}
		if j.st.Live(key) {
			f.live = append(f.live, key)
			continue
		}
		is, ref := fateForeign, (*AttemptRef)(nil)
		if id, ok := parseFile(key); ok {
			var err error
			if is, ref, err = j.fate(ctx, id, j.s.records[id].base); err != nil {
				return err
			}
		}
		if is == fateNamed {
			f.Dead = append(f.Dead, key)
			f.refs[key] = ref
		} else {
			f.Unknown = append(f.Unknown, key)
		}
	}
	return nil
}

// attempts sorts what is held, the records, and quarantine.
func (j *judge) attempts(ctx context.Context, f *Findings, pending map[string]bool, leases map[string]string) error {
	abandoned := map[attemptID]int{} // and how many files
	listed := map[string]bool{}
	for _, h := range j.s.held {
		listed[h.Key] = true
		id, ok := parseFile(h.Key)
		if pending[h.Key] {
			continue
		}
		is := fateForeign
		if ok {
			var err error
			if is, _, err = j.fate(ctx, id, j.s.records[id].base); err != nil {
				return err
			}
		}
		file := HeldFile{Held: h, Listed: true}
		switch {
		case is == fateForeign:
			f.Foreign = append(f.Foreign, h.Key)
			continue
		case is == fateAbandoned:
			abandoned[id]++
			continue
		case is == fateVoid:
			file.Why = "void"
		case !j.st.Live(h.Key):
			file.Why = "dead"
		case j.s.visible[h.Key]: // its publication stopped before its end
			file.Why = "published"
		default:
			continue
		}
		f.Held = append(f.Held, file)
	}
	for _, id := range sortedAttempts(j.s.records) {
		at := j.s.records[id]
		is, _, err := j.fate(ctx, id, at.base)
		if err != nil {
			return err
		}
		if is != fateVoid && is != fateAbandoned {
			continue
		}
		// Some stores cannot list what they hold, so what the record says is taken for held.
		text, err := j.l.read(ctx, at.key)
		if errors.Is(err, objstore.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		a, err := decodeAttempt(text)
		if err != nil || a.ID != id.attempt { // nobody needs it; nothing is done from it
			continue
		}
		if is == fateAbandoned {
			abandoned[id] = len(a.Files)
			continue
		}
		f.Records = append(f.Records, at.key)
		f.voids = append(f.voids, at)
		for _, file := range a.Files {
			if own, ok := parseFile(file.Held.Key); ok && own == id && !listed[file.Held.Key] {
				f.Held = append(f.Held, HeldFile{Held: file.Held, Why: "void"})
			}
		}
	}
	for _, key := range j.s.quarantine {
		id := attemptID{path.Base(path.Dir(key)), strings.TrimSuffix(path.Base(key), ".parquet")}
		if j.st.liveQuarantine(key) || !isULID(id.batch) || !isULID(id.attempt) || j.l.QuarantineKey(id.batch, id.attempt) != key {
			continue
		}
		is, _, err := j.fate(ctx, id, j.s.records[id].base)
		if err != nil {
			return err
		}
		switch is {
		case fateNamed, fateVoid:
			f.Quarantine = append(f.Quarantine, key)
		case fateAbandoned:
			abandoned[id] += 0
		}
	}
	for _, id := range sortedAttempts(abandoned) {
		b, _ := j.st.Batch(id.batch)
		_, busy := leases[b.Manifest.ID]
		for name := range leases { // those that work on committed batches hold leases of other names
			busy = busy || b.State == BatchCommitted && name != LeasePlanning
		}
		f.Abandoned = append(f.Abandoned, Abandoned{Batch: id.batch, Attempt: id.attempt, Files: abandoned[id], Busy: busy})
	}
	return nil
}

// missing are live files that nobody sees, and that were not withdrawn meanwhile.
func (j *judge) missing(ctx context.Context, lake Lake, f *Findings, pending map[string]bool) error {
	var doubt []string
	for _, key := range j.st.liveFiles() {
		f.LiveFiles++
		if !j.s.visible[key] && !pending[key] {
			doubt = append(doubt, key)
		}
	}
	absent := make([]bool, len(doubt))
	err := j.l.each(len(doubt), func(i int) error {
		_, err := lake.Head(ctx, doubt[i])
		absent[i] = errors.Is(err, objstore.ErrNotExist)
		if absent[i] {
			return nil
		}
		return err
	})
	if err != nil || len(doubt) == 0 {
		return err
	}
	st, err := j.l.Fold(ctx)
	if err != nil {
		return err
	}
	for i, key := range doubt {
		if absent[i] && st.Live(key) {
			f.Missing = append(f.Missing, key)
		}
	}
	return nil
}

func (s *State) liveFiles() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sortedKeys(s.live)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func sortedAttempts[V any](m map[attemptID]V) []attemptID {
	out := make([]attemptID, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b attemptID) int {
		return strings.Compare(a.batch+a.attempt, b.batch+b.attempt)
	})
	return out
}

// FenceAbandoned writes one fence for the batches of abandoned attempts that nobody is at work on. Nothing to fence: a zero
// Entry. It is to be called once for a survey: again and again could chase a live attempt for ever.
func (l *Ledger) FenceAbandoned(ctx context.Context, f *Findings) (Entry, error) {
	var ids []string
	for _, a := range f.Abandoned {
		if !a.Busy && !slices.Contains(ids, a.Batch) {
			ids = append(ids, a.Batch)
		}
	}
	if len(ids) == 0 {
		return Entry{}, nil
	}
	return l.Fence(ctx, ids...)
}

// Cleaned is what Clean removed.
type Cleaned struct {
	Dropped    int `json:"dropped"`
	Deleted    int `json:"deleted"`
	Quarantine int `json:"quarantine"`
	Records    int `json:"records"`
}

// Clean drops what is held and may go, deletes dead visible files and quarantine files, and last the records of void attempts,
// which say what they hold. Every step can be repeated. Nothing else is touched: what no entry names stays.
func (l *Ledger) Clean(ctx context.Context, lake Lake, f *Findings) (Cleaned, error) {
	var c Cleaned
	for _, h := range f.Held {
		if err := lake.Drop(ctx, h.Held); err != nil {
			return c, fmt.Errorf("drop a held file: %w", err)
		}
		c.Dropped++
	}
	for _, key := range f.Dead {
		// Dropping first: once nothing is held no late publication can follow the delete.
		a, err := l.Attempt(ctx, *f.refs[key])
		if err != nil && !errors.Is(err, objstore.ErrNotExist) {
			return c, err
		}
		if err == nil {
			i := slices.IndexFunc(a.Files, func(o File) bool { return o.Held.Key == key })
			if i < 0 {
				continue // a name like the attempt's, which is none of its files
			}
			if err := lake.Drop(ctx, a.Files[i].Held); err != nil {
				return c, fmt.Errorf("drop a dead file: %w", err)
			}
		}
		if err := lake.Delete(ctx, key); err != nil {
			return c, fmt.Errorf("delete a dead file: %w", err)
		}
		c.Deleted++
	}
	for _, key := range f.Quarantine {
		if err := l.store.Delete(ctx, key); err != nil {
			return c, fmt.Errorf("delete quarantine: %w", err)
		}
		c.Quarantine++
	}
	for _, r := range f.voids {
		if err := l.store.Delete(ctx, r.key); err != nil {
			return c, fmt.Errorf("delete the record of a void attempt: %w", err)
		}
		c.Records++
	}
	return c, nil
}
