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

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
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

// history is one interleaving of arrivals, runs, replays, deaths and delays over one job.
type history struct {
	t       *testing.T
	p       *parts
	random  *rand.Rand
	now     time.Time
	next    int // flow id
	objects int
	want    wanted // once everything has run and the mapping is mended
	waiting []*zombie
	log     []string
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

// arrive stages an object with good records, some that are none, and some that are too old for the job before it is mended.
func (h *history) arrive() {
	h.objects++
	k := key(fmt.Sprintf("%03d", h.objects))
	var lines []string
	for i := range 1 + h.random.IntN(4) {
		h.next++
		switch h.random.IntN(5) {
		case 0:
			lines = append(lines, "broken")
			h.want.quarantined[fmt.Sprintf("%s@%d", k, i+1)] = 1
		case 1:
			lines = append(lines, flow(h.next, -9000)) // 1996
			h.want.rows[row(h.next, -9000)] = 1
		default:
			day := h.random.IntN(3)
			lines = append(lines, flow(h.next, day))
			h.want.rows[row(h.next, day)] = 1
		}
	}
	if err := h.p.put(k, gz(lines...)); err != nil {
		h.t.Fatal(err)
	}
	h.did("%s arrives with %d records", k, len(lines))
}

// perform starts a run or a replay that may go wrong, and waits until it ends or stalls.
func (h *history) perform(replay bool, how fault) {
	f := &injector{at: h.random.IntN(80), how: how, stalled: make(chan struct{}), wake: make(chan struct{})}
	if replay {
		f.at /= 2
	}
	if how == "" {
		f.at = 1 << 30
	}
	r := h.p.faulty(f)
	z := &zombie{name: fmt.Sprintf("run %d", len(h.log)), f: f, ended: make(chan struct{})}
	if replay {
		z.name = fmt.Sprintf("replay %d", len(h.log))
		r.Spec = h.mended()
	}
	var sum *jobs.Summary
	var err error
	go func() {
		defer close(z.ended)
		if replay {
			sum, err = r.Replay(context.Background(), jobs.ReplayOptions{})
		} else {
			sum, err = r.Run(context.Background(), jobs.RunOptions{})
		}
		if err != nil && !slices.ContainsFunc([]error{errInjected, errDead, ledger.ErrHeld, ledger.ErrVoid, ledger.ErrMoved, objstore.ErrNotExist}, func(e error) bool { return errors.Is(err, e) }) {
			h.t.Errorf("%s: %v", z.name, err)
		}
	}()
	select {
	case <-z.ended:
		h.did("%s, operation %d %s %s: %d published, %v", z.name, f.at, how, f.hit(), sum.Records.Published, err)
	case <-f.stalled:
		h.did("%s waits in %s", z.name, f.hit())
		h.waiting = append(h.waiting, z)
		if h.random.IntN(2) == 0 { // its leases expire
			h.now = h.now.Add(6 * time.Minute)
			h.clock()
			h.perform(replay, "")
		}
	}
}

// mended is the job once it takes older events.
func (h *history) mended() *jobs.Spec {
	s := *h.p.spec
	s.EventDays.MaxAge = 20000 * 24 * time.Hour
	return &s
}

// wake lets what waits in the middle of an operation go on to its end.
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
	case n < 3:
		h.arrive()
	case n < 7:
		h.perform(false, how)
	case n < 9:
		h.perform(true, how)
	case n < 10:
		h.pass()
	case len(h.waiting) > 0:
		h.wake()
	}
}

// neverTwice holds what readers see at this moment to what they may see.
func (h *history) neverTwice() {
	got := map[string]int{}
	err := h.p.lake.List(context.Background(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error { return h.p.rowsOf(context.Background(), o.Key, got) })
	if err != nil {
		h.t.Error(err)
	}
	for k, n := range got {
		if n > h.want.rows[k] {
			h.t.Errorf("row %s is visible %d times", k, n)
		}
	}
}

// TestAnyInterleaving: however objects arrive, runs and replays are begun, fail, die, or wait in the middle of an operation
// while others go on, each record is in the lake once or in quarantine once.
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
			h := &history{t: t, p: newMemParts(t, 1), random: rand.New(rand.NewPCG(seed, 0)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
				want: wanted{map[string]int{}, map[string]int{}}}
			h.p.spec.Limits.BatchBytes = 1200 // two or three objects
			h.clock()
			h.arrive()
			for range 14 {
				h.step()
				h.neverTwice()
			}
			for len(h.waiting) > 0 {
				h.wake()
				h.neverTwice()
			}
			h.now = h.now.Add(time.Hour)
			h.clock()
			last := h.p.runner()
			if _, err := last.Run(context.Background(), jobs.RunOptions{}); err != nil {
				t.Errorf("the last run: %v", err)
			}
			h.neverTwice()
			last = h.p.runner()
			last.Spec = h.mended()
			if _, err := last.Replay(context.Background(), jobs.ReplayOptions{}); err != nil {
				t.Errorf("the last replay: %v", err)
			}
			for _, s := range h.p.problems(context.Background(), h.want) {
				t.Error(s)
			}
			if t.Failed() {
				t.Errorf("SILT_SEED=%d\n%s", seed, strings.Join(h.log, "\n"))
			}
		})
	}
	wg.Wait()
}
