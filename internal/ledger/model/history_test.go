package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// TestSameHistories runs random histories through the model and through package ledger, and compares after every action what can
// be seen: batches, entries that are not done, taken objects, visible and held files, quarantine. So the model stays a model of the
// code: a rule that changes in only one of the two fails here.
//
// A history has three processes that begin operations, continue, or die, an object that is overwritten, fences, answers that get
// lost, and a held file that the store drops. An action is what a process does between two points at which another can come in
// between: it decides and holds its files, or rolls an entry forward, or writes its entry, or discards an attempt that lost.
func TestSameHistories(t *testing.T) {
	counts := map[string]int{}
	for seed := range uint64(120) {
		r := rules{overwrite: int(seed % 3), touch: seed%7 < 2, twoBatches: seed%2 == 0, lifecycle: seed%5 == 0, bad: seed%7 == 3, denied: seed%6 == 1}
		h := newHistory(t, seed, r)
		for range 80 {
			if h.full() {
				break
			}
			h.act()
			h.compare()
		}
		for what, n := range h.counts {
			counts[what] += n
		}
	}
	t.Logf("actions: %v", counts)
	for _, what := range []string{"plan", "plan moved", "commit", "commit void", "replace", "replay", "compact", "compact void", "release", "release moved", "done",
		"done moved", "skip", "same", "pause", "fence", "discard", "roll", "roll released lost files", "answer lost", "overwrite", "denied", "die"} {
		if counts[what] == 0 {
			t.Errorf("no history has the action %q", what)
		}
	}
}

type history struct {
	t      *testing.T
	seed   uint64
	rnd    *rand.Rand
	r      rules
	m      state
	log    []string
	counts map[string]int

	state, lake, staging *memstore.Store
	reader               *ledger.Ledger
	procs                [3]process
	versions             [3]objstore.Object // as the model counts them
	batches              []string           // the ID of each of the model's batches
	attempts             []*ledger.Attempt  // of each of the model's attempts
	files                map[string]string  // keys in the lake and in quarantine, and what the model calls them
}

// process is what a process of the model has in the code.
type process struct {
	l       *ledger.Ledger
	attempt *ledger.Attempt
	rolled  []ledger.Rolled
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newID() string { return ulid.Make().String() }

func newHistory(t *testing.T, seed uint64, r rules) *history {
	h := &history{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 9)), r: r, counts: map[string]int{}, files: map[string]string{},
		state: memstore.New("mem://state"), lake: memstore.New("mem://lake"), staging: memstore.New("mem://staging")}
	h.reader = must(ledger.Open(h.state, "job", ledger.Options{TempDir: t.TempDir()}))
	h.versions[1] = h.stage("in/1", "version b")
	h.versions[0] = h.stage("in/1", "version a")
	if r.touch {
		h.versions[1].ETag = "touched"
	}
	h.versions[2] = h.stage("in/2", "the other object")
	return h
}

func (h *history) stage(key, text string) objstore.Object {
	return must(h.staging.Put(h.t.Context(), key, strings.NewReader(text), objstore.PutOptions{}))
}

// full says whether the model has no room for another action.
func (h *history) full() bool {
	f := fold(&h.m, h.m.Len, &h.r)
	return h.m.Len > maxEntries-5 || h.m.NA > maxAttempts-2 || f.nb > maxBatches-4
}

func (h *history) note(what string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(what, args...))
}

func (h *history) fatalf(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf("seed %d, after\n  %s\n%s", h.seed, strings.Join(h.log, "\n  "), fmt.Sprintf(format, args...))
}

// act does one action in the model and in the code. It returns false if nothing is left to do.
func (h *history) act() {
	i := h.rnd.IntN(len(h.procs))
	p := &h.m.P[i]
	switch n := h.rnd.IntN(100); {
	case n < 4 && p.Op != opNone:
		h.note("%c dies", 'A'+i)
		h.counts["die"]++
		*p, h.procs[i] = proc{}, process{}
		return
	case n < 10 && h.r.overwrite > int(h.m.Object1):
		h.m.Object1++
		h.note("object 1 is overwritten")
		h.counts["overwrite"]++
		h.stage("in/1", map[bool]string{true: "version b", false: "version a"}[h.m.Object1 == 1])
		return
	case n < 13:
		h.fence()
		return
	case n < 18 && h.r.denied && h.m.Access < 2:
		h.m.Access++
		h.note("access to object 2 becomes %d", h.m.Access)
		return
	case n < 25 && h.r.lifecycle && !h.m.Aborted && h.m.Holds != 0:
		h.drop()
		return
	}
	switch {
	case p.Op == opNone || p.PC == fin:
		ops := []op{opRun, opRun, opRun, opReplan, opSplit, opReplace, opReplay, opRewind, opCompact, opSkip}
		if h.rnd.IntN(20) == 0 {
			ops = []op{opPause}
		}
		*p = proc{Op: ops[h.rnd.IntN(len(ops))]}
		h.procs[i] = process{l: must(ledger.Open(h.state, "job", ledger.Options{Run: newID(), Parallel: 1, RetryDelay: 1, TempDir: h.t.TempDir()}))}
		h.note("%c begins %s", 'A'+i, opName[p.Op])
		h.decide(i)
	case p.PC == start:
		h.decide(i)
	case p.PC == put:
		h.put(i)
	case p.PC == cleanup:
		h.move(i)
		h.counts["discard"]++
		if err := h.procs[i].l.Discard(h.t.Context(), h.lake, h.procs[i].attempt); err != nil {
			h.fatalf("discard: %v", err)
		}
	default:
		h.fatalf("process %c stands at %d between two actions", 'A'+i, p.PC)
	}
}

// move does one step of a process in the model.
func (h *history) move(i int) {
	for _, s := range h.m.next(&h.r) {
		if s.who == byte('A'+i) {
			h.note("%c: %s %d", s.who, s.what, s.arg)
			h.m = s.next
			return
		}
	}
	h.fatalf("process %c has no step", 'A'+i)
}

// decide reads the ledger and does what can be done before the next entry: roll an entry forward, or make and hold files.
func (h *history) decide(i int) {
	p, q := &h.m.P[i], &h.procs[i]
	q.attempt, q.rolled = nil, nil
	h.move(i)
	if _, err := q.l.Fold(h.t.Context()); err != nil {
		h.fatalf("fold: %v", err)
	}
	switch p.PC {
	case roll:
		seq, had := uint64(p.E)+1, h.m.Len
		for p.PC != put || p.Want.Kind != done {
			if p.PC == fin { // a skip or a pause ends once it has released what was lost; in the code the roll-forward continues
				*p = proc{Op: opRoll}
			}
			h.move(i)
		}
		res, err := q.l.RollForward(h.t.Context(), ledger.RollOptions{Lake: h.lake, Deleter: h.lake, Later: true,
			Only: func(e ledger.Rolling) bool { return e.Seq == seq }})
		if err != nil || len(res.Rolled) != 1 {
			h.fatalf("roll forward entry %d: %+v, %v", seq, res, err)
		}
		q.rolled = res.Rolled
		h.counts["roll"]++
		if h.m.Len > had {
			h.counts["roll released lost files"]++
		}
		if lost := h.m.Len > had; lost != (len(res.Lost) > 0) {
			h.fatalf("the model lost files: %t; the code lost %+v", lost, res.Lost)
		}
	case read:
		if p.Want.Kind == replace && p.Want.Batch[1] != 0 { // the code replaces batches one by one, and refuses those that share a file
			*p = proc{Op: p.Op, PC: fin}
			return
		}
		made := h.m.NA
		for p.PC == read || p.PC == hold {
			h.move(i)
		}
		if h.m.NA > made {
			q.attempt = h.hold(q.l, p.Want.Kind)
		}
	}
}

// hold makes the model's last attempt in the code.
func (h *history) hold(l *ledger.Ledger, of kind) *ledger.Attempt {
	ctx := h.t.Context()
	at := &h.m.Attempts[h.m.NA-1]
	a := &ledger.Attempt{ID: newID(), Why: map[kind]ledger.Why{commit: ledger.WhyRun, replace: ledger.WhyReplace, replay: ledger.WhyReplay, compact: ledger.WhyCompact}[of]}
	h.attempts = append(h.attempts, a)
	f := fold(&h.m, h.m.Len, &h.r)
	for k, b := range at.Batch {
		if b != 0 {
			a.Moves = append(a.Moves, ledger.Move{Batch: h.batches[b-1], Base: uint64(at.Base[k])})
		}
	}
	for part, records := range at.Files {
		if records == 0 {
			continue
		}
		key := fmt.Sprintf("ext/src/region=r/accountId=a/eventDay=d%d/", part) + ledger.FileName(a.Moves[0].Batch, a.ID, len(a.Files))
		text := fmt.Sprintf("%06b", records)
		held := must(h.lake.Hold(ctx, key, strings.NewReader(text), int64(len(text))))
		a.Files = append(a.Files, ledger.File{Held: held, Table: "src", Values: [3]string{"r", "a", fmt.Sprintf("d%d", part)}, Rows: int64(bits.OnesCount8(records))})
		h.files[key] = fileName(len(h.attempts)-1, part)
	}
	if at.Q != 0 {
		key, text := l.QuarantineKey(a.Moves[0].Batch, a.ID), fmt.Sprintf("%06b", at.Q)
		must(h.state.Put(ctx, key, strings.NewReader(text), objstore.PutOptions{}))
		sum := sha256.Sum256([]byte(text))
		a.Quarantine = append(a.Quarantine, ledger.QuarantineFile{Batch: a.Moves[0].Batch, Key: key, SHA256: hex.EncodeToString(sum[:]), SizeBytes: int64(len(text)),
			Records: int64(bits.OnesCount8(at.Q))})
		h.files[key] = fmt.Sprintf("attempt %d", len(h.attempts)-1)
	}
	b := f.b[at.Batch[0]-1]
	result := func(v int, gone bool, read, quarantined uint8) {
		r := ledger.ObjectResult{ObjectID: ledger.ObjectID{Key: h.versions[v].Key, ETag: h.versions[v].ETag}, Gone: gone}
		if gone && v == 2 {
			r.Left = awaited.Denied
			h.counts["denied"]++
		}
		if !gone {
			if h.r.touch {
				r.SHA256 = contentOf(v)
			}
			r.Counts = ledger.Counts{Read: int64(bits.OnesCount8(read)), Quarantined: int64(bits.OnesCount8(quarantined)),
				Published: int64(bits.OnesCount8(read &^ quarantined))}
		}
		a.Objects = append(a.Objects, r)
		a.Totals.Add(r.Counts)
	}
	for v := range h.versions {
		in := uint8(1) << v
		switch of {
		case commit, replace:
			if vers := map[kind]uint8{commit: b.vers, replace: b.inputs}[of]; vers&in != 0 {
				result(v, at.Read&in == 0, h.r.records(v), h.r.records(v)&at.Q)
			}
		case replay:
			if again := h.r.records(v) & h.m.Attempts[b.q-1].Q; b.inputs&in != 0 && again != 0 {
				result(v, false, again, 0)
			}
		}
	}
	if of == compact {
		for _, b := range at.Batch {
			for _, name := range bitNames(f.b[b-1].live & 0x5555) {
				a.Removes = append(a.Removes, h.keyOf(name))
			}
		}
	} else {
		st := must(l.Fold(ctx))
		batch, _ := st.Batch(a.Moves[0].Batch)
		a.Manifest = batch.Manifest.ID
	}
	return a
}

// put writes the entry that a process wants, in both.
func (h *history) put(i int) {
	p, q, ctx := &h.m.P[i], &h.procs[i], h.t.Context()
	want, op, at, before := p.Want, p.Op, p.N, h.m.Len
	stale := h.m.Len != p.N
	for p.PC == put && h.m.Len == before {
		h.move(i)
	}
	won := h.m.Len > before
	if h.rnd.IntN(4) == 0 { // the answer to the entry is lost
		lost := false
		h.state.SetHooks(nil, func(op, key string) error {
			if op == "put" && strings.Contains(key, "/ledger/") && !lost {
				lost = true
				h.counts["answer lost"]++
				return errors.New("the connection broke")
			}
			return nil
		})
		defer h.state.SetHooks(nil, nil)
	}
	ids := []string{}
	for _, b := range want.Batch {
		if b != 0 {
			ids = append(ids, h.batches[b-1])
		}
	}
	var e ledger.Entry
	var err error
	what, loses := kindName[want.Kind], "moved"
	switch want.Kind {
	case plan:
		m := &ledger.Manifest{ID: newID(), Mapping: ledger.Mapping{Name: "m", Digest: "d", Files: []ledger.MappingFile{{Path: "a.sql", Text: "SELECT 1"}}},
			SchemaVersion: "1.1.0", Settings: map[string]string{"region": "us-east-1"}}
		for _, vers := range want.V {
			if vers == 0 {
				continue
			}
			b := ledger.ManifestBatch{Batch: newID()}
			for v, o := range h.versions {
				if vers>>v&1 == 1 {
					b.Objects = append(b.Objects, o)
				}
			}
			m.Batches = append(m.Batches, b)
		}
		if e, err = q.l.Plan(ctx, uint64(at), m); err == nil {
			for _, b := range m.Batches {
				h.batches = append(h.batches, b.Batch)
			}
		} else if errors.Is(err, ledger.ErrMoved) {
			err = nil
		}
	case commit, replace, replay, compact:
		loses = "void"
		if e, err = q.l.Commit(ctx, q.attempt); errors.Is(err, ledger.ErrVoid) {
			err = nil
		}
	case release:
		why := ledger.WhyRewind
		if op != opRewind {
			why = ledger.WhyReplan
		}
		if !stale { // otherwise the model looks again, where the code decides again in the same call
			e, err = q.l.Release(ctx, why, ids...)
		}
	case done:
		e, err = q.l.MarkDone(ctx, q.rolled...)
	case skip:
		var objects []ledger.ObjectID
		for v, o := range h.versions {
			if want.V[0]>>v&1 == 1 {
				objects = append(objects, ledger.ObjectID{Key: o.Key, ETag: o.ETag})
			}
		}
		e, err = q.l.Skip(ctx, objects, nil)
	case same:
		var objects ledger.SameObjects
		for v, o := range h.versions {
			if want.V[0]>>v&1 == 1 {
				objects = append(objects, ledger.SameObject{ObjectID: ledger.ObjectID{Key: o.Key, ETag: o.ETag}, SHA256: contentOf(v)})
			}
		}
		e, err = objects.Write(ctx, q.l)
	case pause:
		e, err = q.l.Pause(ctx, true)
	}
	if err != nil {
		h.fatalf("write a %s entry: %v", what, err)
	}
	if (e.Seq != 0) != won {
		h.fatalf("%s: the model wrote the entry: %t; the code wrote number %d", what, won, e.Seq)
	}
	if !won {
		what += " " + loses
	}
	h.counts[what]++
}

// contentOf is the digest of a version's content in a world where object 1 is touched.
func contentOf(v int) string {
	sum := sha256.Sum256([]byte{byte(v / 2)})
	return hex.EncodeToString(sum[:])
}

// fence moves a batch and changes nothing else, as etl doctor --fix does.
func (h *history) fence() {
	f := fold(&h.m, h.m.Len, &h.r)
	if f.nb == 0 {
		return
	}
	k := h.rnd.IntN(f.nb)
	if !f.b[k].open && !f.b[k].committed {
		return
	}
	h.note("batch %d is fenced", k)
	h.m.Ledger[h.m.Len] = entry{Kind: fence, Nonce: h.m.Len, Batch: [2]uint8{uint8(k + 1)}, Base: [2]uint8{f.b[k].cur}}
	h.m.Len++
	doctor := must(ledger.Open(h.state, "job", ledger.Options{Run: newID(), TempDir: h.t.TempDir()}))
	if _, err := doctor.Fence(h.t.Context(), h.batches[k]); err != nil {
		h.fatalf("fence: %v", err)
	}
	h.counts["fence"]++
}

// drop makes the store lose a held file.
func (h *history) drop() {
	names := bitNames(h.m.Holds)
	n := h.rnd.IntN(len(names))
	h.note("the store drops %s", names[n])
	for b := range 16 {
		if fileName(b/parts, b%parts) == names[n] {
			h.m.Holds &^= 1 << b
		}
	}
	h.m.Aborted = true
	for _, a := range h.attempts {
		for _, f := range a.Files {
			if h.files[f.Held.Key] == names[n] {
				must(0, h.lake.Drop(h.t.Context(), f.Held))
			}
		}
	}
}

// observed is what can be seen of a history, in the model's words.
type observed struct {
	Entries    int
	Paused     bool
	Awaited    bool // object 2
	Batches    []seenBatch
	NotDone    []int
	Taken      [3]bool
	Visible    []string
	Held       []string
	Quarantine []string // files in the state store
}

type seenBatch struct {
	State      string
	Base       int
	Files      []string
	Quarantine string
	Inputs     int // of a committed batch
}

func fileName(attempt, part int) string { return fmt.Sprintf("attempt %d part %d", attempt, part) }

func bitNames(files uint16) []string {
	out := []string{}
	for b := range 16 {
		if files>>b&1 == 1 {
			out = append(out, fileName(b/parts, b%parts))
		}
	}
	return out
}

func (h *history) keyOf(name string) string {
	for key, n := range h.files {
		if n == name {
			return key
		}
	}
	return ""
}

func (h *history) compare() {
	h.t.Helper()
	if diff := cmp.Diff(h.inModel(), h.inCode()); diff != "" {
		h.fatalf("the model and the code differ (-model +code):\n%s", diff)
	}
}

func (h *history) inModel() observed {
	f := fold(&h.m, h.m.Len, &h.r)
	o := observed{Entries: int(h.m.Len), Paused: f.paused, Awaited: f.awaited, Visible: bitNames(h.m.Finals), Held: bitNames(h.m.Holds), Quarantine: []string{}}
	for _, b := range f.b[:f.nb] {
		s := seenBatch{State: "released", Base: int(b.cur), Files: []string{}}
		switch {
		case b.open:
			s.State = "open"
		case b.committed:
			s.State, s.Files, s.Inputs = "committed", bitNames(b.live), bits.OnesCount8(b.inputs)
			if b.q != 0 {
				s.Quarantine = fmt.Sprintf("attempt %d", b.q-1)
			}
		}
		o.Batches = append(o.Batches, s)
	}
	for i := range int(h.m.Len) {
		if (f.moves&^f.done)>>i&1 == 1 {
			o.NotDone = append(o.NotDone, i+1)
		}
	}
	for v := range o.Taken {
		o.Taken[v] = f.taken>>v&1 == 1
	}
	for a := range 8 {
		if h.m.QFiles>>a&1 == 1 {
			o.Quarantine = append(o.Quarantine, fmt.Sprintf("attempt %d", a))
		}
	}
	return o
}

func (h *history) inCode() observed {
	ctx := context.Background()
	st, err := h.reader.Fold(ctx)
	if err != nil {
		h.fatalf("fold: %v", err)
	}
	o := observed{Entries: int(st.Seq()), Paused: st.Paused(), Awaited: !st.Awaited.Empty(), Visible: []string{}, Held: []string{}, Quarantine: []string{}}
	for _, b := range st.Batches() {
		s := seenBatch{State: b.State.String(), Base: int(b.Base), Files: []string{}}
		for _, key := range b.Files {
			s.Files = append(s.Files, h.files[key])
		}
		slices.Sort(s.Files)
		for _, key := range b.Quarantine {
			s.Quarantine += h.files[key]
		}
		if b.State == ledger.BatchCommitted {
			s.Inputs = b.Inputs
		}
		o.Batches = append(o.Batches, s)
	}
	for _, e := range st.NotDone() {
		o.NotDone = append(o.NotDone, int(e.Seq))
	}
	for v := range o.Taken {
		o.Taken[v] = st.TakenObject(h.versions[v])
	}
	names := func(s *memstore.Store, prefix string) []string {
		out := []string{}
		must(0, s.List(ctx, objstore.ListOptions{Prefix: prefix}, func(o objstore.Object) error { out = append(out, h.files[o.Key]); return nil }))
		slices.Sort(out)
		return out
	}
	o.Visible, o.Quarantine = names(h.lake, ""), names(h.state, "job/quarantine/")
	for _, held := range must(h.lake.HeldList(ctx, "")) {
		o.Held = append(o.Held, h.files[held.Key])
	}
	slices.Sort(o.Held)
	return o
}
