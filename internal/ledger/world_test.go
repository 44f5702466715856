package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// node is one process's way to a store: its requests can be made to wait, to fail, or to lose their answers.
type node struct {
	*memstore.Store
	before, after func(op, key string) error
}

func do[T any](n *node, op, key string, fn func() (T, error)) (T, error) {
	var zero T
	if n.before != nil {
		if err := n.before(op, key); err != nil {
			return zero, err
		}
	}
	v, err := fn()
	if err == nil && n.after != nil {
		if err := n.after(op, key); err != nil {
			return zero, err
		}
	}
	return v, err
}

type got struct {
	r io.ReadCloser
	o objstore.Object
}

func (n *node) List(ctx context.Context, o objstore.ListOptions, fn func(objstore.Object) error) error {
	_, err := do(n, "list", o.Prefix, func() (int, error) { return 0, n.Store.List(ctx, o, fn) })
	return err
}

func (n *node) Head(ctx context.Context, key string) (objstore.Object, error) {
	return do(n, "head", key, func() (objstore.Object, error) { return n.Store.Head(ctx, key) })
}

func (n *node) Get(ctx context.Context, key string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	g, err := do(n, "get", key, func() (got, error) { r, ob, err := n.Store.Get(ctx, key, o); return got{r, ob}, err })
	return g.r, g.o, err
}

func (n *node) Put(ctx context.Context, key string, r io.Reader, o objstore.PutOptions) (objstore.Object, error) {
	return do(n, "put", key, func() (objstore.Object, error) { return n.Store.Put(ctx, key, r, o) })
}

func (n *node) Delete(ctx context.Context, key string) error {
	_, err := do(n, "delete", key, func() (int, error) { return 0, n.Store.Delete(ctx, key) })
	return err
}

func (n *node) Hold(ctx context.Context, key string, r io.ReaderAt, size int64) (objstore.Held, error) {
	return do(n, "hold", key, func() (objstore.Held, error) { return n.Store.Hold(ctx, key, r, size) })
}

func (n *node) Publish(ctx context.Context, h objstore.Held) error {
	_, err := do(n, "publish", h.Key, func() (int, error) { return 0, n.Store.Publish(ctx, h) })
	return err
}

func (n *node) Drop(ctx context.Context, h objstore.Held) error {
	_, err := do(n, "drop", h.Key, func() (int, error) { return 0, n.Store.Drop(ctx, h) })
	return err
}

// world is the stores of one job. Staging objects hold lines "<day> <record>"; those of day q are rejected.
type world struct {
	t                    *testing.T
	state, lake, staging *memstore.Store
	mu                   sync.Mutex
	partitions           map[string]bool
	ever                 map[string]string // every version staging had: "key etag" to content
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, state: memstore.New("mem://state"), lake: memstore.New("mem://lake"), staging: memstore.New("mem://staging"),
		partitions: map[string]bool{}, ever: map[string]string{}}
	return w
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (w *world) stage(key, text string) objstore.Object {
	o := must(w.staging.Put(context.Background(), key, strings.NewReader(text), objstore.PutOptions{}))
	w.mu.Lock()
	w.ever[key+" "+o.ETag] = text
	w.mu.Unlock()
	return o
}

func (w *world) list() []objstore.Object {
	var out []objstore.Object
	must(0, w.staging.List(context.Background(), objstore.ListOptions{}, func(o objstore.Object) error { out = append(out, o); return nil }))
	return out
}

func newID() string { return ulid.Make().String() }

// proc is one run of the job: a small runner over the ledger.
type proc struct {
	w     *world
	l     *Ledger
	lake  *node
	adder PartitionAdder
	per   int // objects a batch
}

func (w *world) proc(before, after func(op, key string) error) *proc {
	p := &proc{w: w, lake: &node{w.lake, before, after}, per: 2}
	p.l = must(Open(&node{w.state, before, after}, "job", Options{Run: newID(), Parallel: 1, Tries: 3, RetryDelay: 1}))
	p.adder = func(_ context.Context, files []File) error {
		_, err := do(p.lake, "partitions", "", func() (int, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, f := range files {
				w.partitions[f.Values[2]] = true
			}
			return 0, nil
		})
		return err
	}
	return p
}

func (p *proc) roll(ctx context.Context, later bool) (RollResult, error) {
	return p.l.RollForward(ctx, RollOptions{Lake: p.lake, Deleter: p.lake, AddPartitions: p.adder, Later: later})
}

func (p *proc) plan(ctx context.Context) (Entry, error) {
	st, err := p.l.Fold(ctx)
	if err != nil {
		return Entry{}, err
	}
	at := st.Seq()
	m := &Manifest{ID: newID(), Mapping: Mapping{Name: "m", Digest: "d", Files: []MappingFile{{"a.sql", "SELECT 1"}}}, SchemaVersion: "1.1.0",
		Settings: map[string]string{"region": "us-east-1"}}
	for _, o := range p.w.list() {
		if st.TakenObject(o) {
			continue
		}
		if n := len(m.Batches); n == 0 || len(m.Batches[n-1].Objects) == p.per {
			m.Batches = append(m.Batches, ManifestBatch{Batch: newID()})
		}
		b := &m.Batches[len(m.Batches)-1]
		b.Objects = append(b.Objects, o)
	}
	if len(m.Batches) == 0 {
		return Entry{}, nil
	}
	return p.l.Plan(ctx, at, m)
}

// attempt reads a batch and holds its files, and gives what is to be committed.
func (p *proc) attempt(ctx context.Context, b Batch) (*Attempt, error) {
	m, err := p.l.Manifest(ctx, b.Manifest, b.ID)
	if err != nil {
		return nil, err
	}
	a := &Attempt{ID: newID(), Why: WhyRun, Manifest: m.ID, Moves: []Move{{b.ID, b.Base}}}
	days := map[string][]string{}
	for _, o := range m.Batches[0].Objects {
		r := ObjectResult{ObjectID: ObjectID{o.Key, o.ETag}}
		in, _, err := p.w.staging.Get(ctx, o.Key, objstore.GetOptions{ETag: o.ETag})
		if err != nil {
			r.Gone = true
			a.Objects = append(a.Objects, r)
			continue
		}
		for _, line := range strings.Fields(strings.ReplaceAll(string(must(io.ReadAll(in))), " ", "_")) {
			day, _, _ := strings.Cut(line, "_")
			days[day] = append(days[day], line)
			r.Read++
			if day == "q" {
				r.Quarantined++
			} else {
				r.Published++
			}
		}
		a.Totals.Add(r.Counts)
		a.Objects = append(a.Objects, r)
	}
	for _, day := range []string{"d1", "d2", "d3"} {
		if len(days[day]) == 0 {
			continue
		}
		text := strings.Join(days[day], "\n") + "\n"
		key := "ext/src/region=r/accountId=a/eventDay=" + day + "/" + FileName(b.ID, a.ID, len(a.Files))
		h, err := p.lake.Hold(ctx, key, strings.NewReader(text), int64(len(text)))
		if err != nil {
			return a, err
		}
		a.Files = append(a.Files, File{Held: h, Table: "t", Values: [3]string{"r", "a", day}, Rows: int64(len(days[day]))})
	}
	if q := days["q"]; len(q) > 0 {
		text := strings.Join(q, "\n") + "\n"
		key := p.l.QuarantineKey(b.ID, a.ID)
		if _, err := p.l.store.Put(ctx, key, strings.NewReader(text), objstore.PutOptions{}); err != nil {
			return a, err
		}
		a.Quarantine = append(a.Quarantine, QuarantineFile{Batch: b.ID, Key: key, SHA256: sumOf([]byte(text)), SizeBytes: int64(len(text)), Records: int64(len(q))})
	}
	return a, nil
}

// run is what a run of the job does.
func (p *proc) run(ctx context.Context) error {
	res, err := p.roll(ctx, true)
	if err != nil {
		return err
	}
	rolled := res.Rolled
	for {
		st, err := p.l.Fold(ctx)
		if err != nil {
			return err
		}
		open := st.OpenBatches()
		if len(open) == 0 {
			e, err := p.plan(ctx)
			if errors.Is(err, ErrMoved) {
				continue
			}
			if err != nil {
				return err
			}
			if e.Seq == 0 {
				if len(rolled) == 0 {
					return nil
				}
				if _, err := p.l.MarkDone(ctx, rolled...); err != nil {
					return err
				}
				if res, err = p.roll(ctx, true); err != nil {
					return err
				}
				rolled = res.Rolled
			}
			continue
		}
		a, err := p.attempt(ctx, open[0])
		if err != nil {
			return err
		}
		_, err = p.l.Commit(ctx, a, rolled...)
		if errors.Is(err, ErrVoid) {
			if err := p.l.Discard(ctx, p.lake, a); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if res, err = p.roll(ctx, true); err != nil {
			return err
		}
		rolled = res.Rolled
	}
}

// watermark is the newest last-modified time of a prefix, or zero while a listing must not leave anything out.
func watermark(s *State, prefix string) time.Time {
	for _, m := range s.Bookmark().Marks {
		if m.Prefix == prefix && m.FreedFrom.IsZero() {
			return m.Modified
		}
	}
	return time.Time{}
}

func (w *world) reader() (*Ledger, *State) {
	l := must(Open(w.state, "job", Options{}))
	return l, must(l.Fold(context.Background()))
}

func read(s *memstore.Store, key string) string {
	in, _, err := s.Get(context.Background(), key, objstore.GetOptions{})
	if err != nil {
		return ""
	}
	return string(must(io.ReadAll(in)))
}

// onlyLive checks that readers see no file that no batch has.
func (w *world) onlyLive(when string) {
	w.t.Helper()
	_, st := w.reader()
	must(0, w.lake.List(context.Background(), objstore.ListOptions{}, func(o objstore.Object) error {
		if !st.Live(o.Key) {
			w.t.Fatalf("%s: readers see %s, which no batch has", when, o.Key)
		}
		return nil
	}))
}

// exact checks, after a clean run, that every record of what staging holds is once in the lake or once in quarantine, records
// of versions that are gone at most once and wholly, and that nothing is left to do.
func (w *world) exact(when string) {
	w.t.Helper()
	_, st := w.reader()
	if n := len(st.NotDone()) + len(st.OpenBatches()); n > 0 {
		w.t.Fatalf("%s: %d things are left to do", when, n)
	}
	w.onlyLive(when)
	seen := map[string]int{}
	must(0, w.lake.List(context.Background(), objstore.ListOptions{}, func(o objstore.Object) error {
		for _, line := range strings.Fields(read(w.lake, o.Key)) {
			seen[line]++
			if _, day, _ := strings.Cut(o.Key, "eventDay="); !w.partitions[day[:2]] {
				w.t.Fatalf("%s: the partition of %s is missing", when, o.Key)
			}
		}
		return nil
	}))
	for _, b := range st.Batches() {
		for _, f := range b.Files {
			if read(w.lake, f) == "" {
				w.t.Fatalf("%s: file %s is live but not visible", when, f)
			}
		}
		for _, q := range b.Quarantine {
			for _, line := range strings.Fields(read(w.state, q)) {
				seen[line]++
			}
		}
	}
	now := map[string]bool{}
	for _, o := range w.list() {
		now[o.Key+" "+o.ETag] = true
	}
	for version, text := range w.ever {
		var counts []int
		for _, line := range strings.Fields(strings.ReplaceAll(text, " ", "_")) {
			counts = append(counts, seen[line])
		}
		lo, hi := slices.Min(counts), slices.Max(counts)
		if hi > 1 || lo != hi || now[version] && lo != 1 {
			w.t.Fatalf("%s: the records of %s are there %v times", when, version, counts)
		}
	}
}

func staged(t *testing.T) *world {
	w := newWorld(t)
	w.stage("in/1", "d1 a1\nd2 a2\nq a3\n")
	w.stage("in/2", "d1 b1\n")
	w.stage("in/3", "d2 c1\nd3 c2\nq c3\n")
	return w
}

// rig gives a world with one plan of one batch, and n processes that know it.
func rig(t *testing.T, n int) (*world, []*proc, Batch) {
	w := staged(t)
	var ps []*proc
	for range n {
		p := w.proc(nil, nil)
		p.per = 3
		ps = append(ps, p)
	}
	if _, err := ps[0].plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		must(p.l.Fold(t.Context()))
	}
	return w, ps, ps[0].l.st.OpenBatches()[0]
}

// raw puts an entry into the ledger as it is, past all checks.
func (w *world) raw(seq uint64, text string) {
	key := fmt.Sprintf("job/ledger/%020d.json", seq)
	must(w.state.Put(context.Background(), key, bytes.NewReader([]byte(text)), objstore.PutOptions{IfAbsent: true}))
}

var day = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
