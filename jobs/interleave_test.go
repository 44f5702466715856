package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// seeds of a random test: SILT_SEED alone, or n of them from the clock. Each is printed by the test that uses it.
func seeds(t *testing.T, n int) (out []uint64) {
	t.Helper()
	if text := os.Getenv("SILT_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SILT_SEED: %v", err)
		}
		return []uint64{seed}
	}
	first := uint64(time.Now().UnixNano())
	for i := range n {
		out = append(out, first+uint64(i))
	}
	return out
}

// soaking is few, or many with SILT_SOAK=1.
func soaking(few, many int) int {
	if os.Getenv("SILT_SOAK") != "" {
		return many
	}
	return few
}

// history is one interleaving of arrivals, changed objects, runs, replays, backfills, replaces, rewinds, deaths and delays over
// one job.
type history struct {
	t       *testing.T
	p       *parts
	random  *rand.Rand
	now     time.Time
	next    int // flow id
	objects []string
	deletes bool                // the job may delete: it is rewound and replaced, too
	latest  map[string]*version // by key
	earlier []*version          // that were overwritten
	waiting []*zombie
	log     []string
}

// version of an object, and what it has to leave once everything has run and the mapping is corrected. One that was overwritten has
// left all of it or nothing.
type version struct {
	key               string
	rows, quarantined []string
}

// zombie is a runner in the middle of an operation.
type zombie struct {
	name  string
	f     *injector
	ended chan struct{}
}

func (h *history) did(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

// stage writes a version of an object: good records, some that are too old for the job before it is corrected, and, at first, some
// that are none.
func (h *history) stage(k string) {
	v := &version{key: k}
	var lines []string
	for i := range 1 + h.random.IntN(4) {
		h.next++
		switch n := h.random.IntN(5); {
		case n == 0 && h.latest[k] == nil:
			lines = append(lines, "broken")
			v.quarantined = append(v.quarantined, fmt.Sprintf("%s@%d", k, i+1))
		case n == 1:
			lines = append(lines, flow(h.next, -9000)) // 1996
			v.rows = append(v.rows, row(h.next, -9000))
		default:
			day := h.random.IntN(3)
			lines = append(lines, flow(h.next, day))
			v.rows = append(v.rows, row(h.next, day))
		}
	}
	if err := h.p.put(k, gz(lines...)); err != nil {
		h.t.Fatal(err)
	}
	if old := h.latest[k]; old != nil {
		h.earlier = append(h.earlier, old)
	}
	h.latest[k] = v
	h.did("%s is staged with %d records", k, len(lines))
}

func (h *history) arrive() {
	k := key(fmt.Sprintf("%03d", len(h.objects)))
	h.objects = append(h.objects, k)
	h.stage(k)
}

// operation is a command of the job, with about how many operations of its stores it takes.
type operation struct {
	name string
	size int
	do   func(*jobs.Runner) (*report.Summary, error)
}

// operations that a history chooses from.
func (h *history) operations() []operation {
	ctx := context.Background()
	days := jobs.BackfillOptions{From: date("2020-10-01"), To: date("2020-10-01"), Shards: h.random.IntN(3), NewestFirst: h.random.IntN(2) == 0}
	if days.Shards > 0 {
		days.Shard = h.random.IntN(days.Shards)
	}
	plain := operation{"run", 80, func(r *jobs.Runner) (*report.Summary, error) { return r.Run(ctx, jobs.RunOptions{}) }}
	out := []operation{plain, plain, plain,
		{"replan", 80, func(r *jobs.Runner) (*report.Summary, error) { return r.Run(ctx, jobs.RunOptions{Replan: true}) }},
		{"replay", 40, func(r *jobs.Runner) (*report.Summary, error) {
			r.Spec = h.corrected()
			return r.Replay(ctx, jobs.ReplayOptions{})
		}},
		{"replay", 40, func(r *jobs.Runner) (*report.Summary, error) { return r.Replay(ctx, jobs.ReplayOptions{}) }},
		{fmt.Sprintf("backfill %d/%d", days.Shard, days.Shards), 80, func(r *jobs.Runner) (*report.Summary, error) { return r.Backfill(ctx, days) }},
	}
	if !h.deletes {
		return out
	}
	days.Replace = true
	replace := operation{fmt.Sprintf("replace %d/%d", days.Shard, days.Shards), 100, func(r *jobs.Runner) (*report.Summary, error) {
		r.Spec = h.corrected()
		return r.Backfill(ctx, days)
	}}
	back := operation{fmt.Sprintf("replace %d/%d with the older job", days.Shard, days.Shards), 100, func(r *jobs.Runner) (*report.Summary, error) { return r.Backfill(ctx, days) }}
	return append(out, replace, replace, back, operation{"rewind", 50, func(r *jobs.Runner) (*report.Summary, error) {
		_, err := r.Rewind(ctx, "", false)
		return &report.Summary{}, err
	}})
}

// runner is one of the job, with what it may do.
func (h *history) runner(f *injector) *jobs.Runner {
	r := h.p.faulty(f)
	if h.deletes {
		r.Deleter = faultStore{h.p.lake, f}
	}
	return r
}

// perform starts an operation that may go wrong, and waits until it ends or stalls.
func (h *history) perform(o operation, how fault) {
	f := &injector{at: h.random.IntN(o.size), how: how, stalled: make(chan struct{}), wake: make(chan struct{})}
	if how == "" {
		f.at = 1 << 30
	}
	r := h.runner(f)
	z := &zombie{name: fmt.Sprintf("%s %d", o.name, len(h.log)), f: f, ended: make(chan struct{})}
	var sum *report.Summary
	var err error
	go func() {
		defer close(z.ended)
		sum, err = o.do(r)
		if errors.Is(err, jobs.ErrUnread) && strings.Contains(f.hit(), " mem://staging/") { // later runs try the object again
			return
		}
		if err != nil && !slices.ContainsFunc([]error{errInjected, errDead, ledger.ErrHeld, ledger.ErrVoid, ledger.ErrMoved, objstore.ErrNotExist, jobs.ErrInputsGone},
			func(e error) bool { return errors.Is(err, e) }) {
			h.t.Errorf("%s: %v", z.name, err)
		}
	}()
	select {
	case <-z.ended:
		h.did("%s, operation %d %s %s: %d published, %d replaced, %v", z.name, f.at, how, f.hit(), sum.Records.Published, sum.Replaced, err)
	case <-f.stalled:
		h.did("%s waits in %s", z.name, f.hit())
		h.waiting = append(h.waiting, z)
		if h.random.IntN(2) == 0 { // its leases expire
			h.now = h.now.Add(6 * time.Minute)
			h.clock()
			h.perform(o, "")
		}
	}
}

// corrected is the job once it takes older events.
func (h *history) corrected() *jobfile.Spec {
	s := *h.p.spec
	s.EventDays.MaxAge = 20000 * 24 * time.Hour
	return &s
}

// wake lets what waits in the middle of an operation continue to its end.
func (h *history) wake() {
	i := h.random.IntN(len(h.waiting))
	z := h.waiting[i]
	h.waiting = slices.Delete(h.waiting, i, i+1)
	close(z.f.wake)
	<-z.ended
	h.did("%s was woken and ended", z.name)
}

// pass lets time go by.
func (h *history) pass() {
	h.now = h.now.Add(time.Duration(h.random.IntN(10)) * time.Minute)
	h.clock()
	h.did("it is %s", h.now.Format("15:04"))
}

func (h *history) clock() {
	for _, s := range []jobs.LakeStore{h.p.staging, h.p.lake, h.p.state} {
		s.(*memstore.Store).SetNow(h.now)
	}
}

func (h *history) step() {
	faults := []fault{"", "", faultBefore, faultLost, faultDead, faultDead, faultDeadAfter, faultStall, faultStall}
	how := faults[h.random.IntN(len(faults))]
	switch n := h.random.IntN(12); {
	case n < 2:
		h.arrive()
	case n < 3:
		h.stage(h.objects[h.random.IntN(len(h.objects))])
	case n < 9:
		all := h.operations()
		h.perform(all[h.random.IntN(len(all))], how)
	case n < 10:
		h.pass()
	case len(h.waiting) > 0:
		h.wake()
	}
}

// hold compares the stores at this moment with what they are allowed to have.
func (h *history) hold() {
	for _, s := range h.p.violations(context.Background()) {
		h.t.Errorf("after %s: %s", h.log[len(h.log)-1], s)
	}
}

// want is what has to be there in the end. What is left of a version that was overwritten is all of it or nothing, and nothing
// where the job replaces what changes.
func (h *history) want() wanted {
	want, is := wanted{map[string]int{}, map[string]int{}}, map[string]int{}
	add := func(v *version) {
		for _, r := range v.rows {
			want.rows[r] = 1
		}
		for _, q := range v.quarantined {
			want.quarantined[q] = 1
		}
	}
	for _, v := range h.latest {
		add(v)
	}
	if h.p.spec.Source.OnChange == "replace" {
		return want
	}
	if err := h.p.lake.List(context.Background(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error {
		return h.p.rowsOf(context.Background(), o.Key, is)
	}); err != nil {
		h.t.Error(err)
	}
	for _, r := range h.p.rowsInQuarantine(h.t) {
		is[fmt.Sprintf("%s@%d", r.Object, r.Record)] = 1
	}
	for _, v := range h.earlier {
		if slices.ContainsFunc(slices.Concat(v.rows, v.quarantined), func(r string) bool { return is[r] > 0 }) {
			add(v)
		}
	}
	return want
}

// waitsBesideOpen says whether an open batch has an object in a version that was overwritten since. A run lists before it resumes open
// batches, and with on_change: replace it leaves the new version of such an object for the run after it.
func (h *history) waitsBesideOpen() bool {
	if h.p.spec.Source.OnChange != "replace" {
		return false
	}
	now := map[string]string{}
	if err := h.p.staging.List(context.Background(), objstore.ListOptions{}, func(o objstore.Object) error {
		now[o.Key] = o.ETag
		return nil
	}); err != nil {
		h.t.Error(err)
	}
	l, err := ledger.Open(h.p.state, h.p.spec.Name, ledger.Options{})
	if err != nil {
		h.t.Error(err)
		return false
	}
	st, err := l.Fold(context.Background())
	if err != nil {
		h.t.Error(err)
		return false
	}
	for _, b := range st.OpenBatches() {
		m, err := l.Manifest(context.Background(), b.Manifest, b.ID)
		if err != nil {
			h.t.Error(err)
			return false
		}
		for _, planned := range m.Batches {
			if slices.ContainsFunc(planned.Objects, func(o objstore.Object) bool { return now[o.Key] != o.ETag }) {
				return true
			}
		}
	}
	return false
}

// TestAnyInterleaving: however objects arrive and change, and runs, replays, backfills, replaces and rewinds are begun, fail, die, or
// wait in the middle of an operation while others continue, no invariant of the protocol is broken after any step, and after one
// clean run, or two if a new version waits next to an open batch, each record is in the lake once or in quarantine once.
func TestAnyInterleaving(t *testing.T) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 3)
	for _, seed := range seeds(t, soaking(30, 1000)) {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if t.Failed() {
				return
			}
			h := &history{t: t, p: newMemParts(t, 1), random: rand.New(rand.NewPCG(seed, 0)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), latest: map[string]*version{}}
			h.p.spec.Limits.BatchBytes = 1200 // two or three objects
			h.deletes = h.random.IntN(4) > 0
			if h.deletes && h.random.IntN(2) == 0 {
				h.p.spec.Source.OnChange = "replace"
			}
			h.did("the job may delete: %v, on_change: %s", h.deletes, h.p.spec.Source.OnChange)
			h.clock()
			h.arrive()
			for range 16 {
				h.step()
				h.hold()
			}
			for len(h.waiting) > 0 {
				h.wake()
				h.hold()
			}
			h.now = h.now.Add(time.Hour)
			h.clock()
			never := &injector{at: 1 << 30}
			names := []string{"the last run"}
			if h.waitsBesideOpen() {
				names = []string{"the run that ends open batches", "the last run"}
			}
			for _, name := range names {
				if _, err := h.runner(never).Run(context.Background(), jobs.RunOptions{}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				h.did("%s", name)
				h.hold()
			}
			last := h.runner(never)
			last.Spec = h.corrected()
			if _, err := last.Replay(context.Background(), jobs.ReplayOptions{}); err != nil {
				t.Errorf("the last replay: %v", err)
			}
			h.did("the last replay")
			h.hold()
			for _, s := range h.p.left(context.Background(), h.want()) {
				t.Error(s)
			}
			if t.Failed() {
				t.Errorf("SILT_SEED=%d\n%s", seed, strings.Join(h.log, "\n"))
			}
		})
	}
	wg.Wait()
}
