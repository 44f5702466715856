package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/silt-etl/silt/internal/objstore"
)

var errInjected = errors.New("injected")

// fault strikes at the at-th request of a process.
type fault struct {
	at    int
	after bool // the request happens, its answer is lost
	crash bool // nothing works from then on
	mu    sync.Mutex
	n     int
	hit   bool
}

func (f *fault) before(string, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.hit && f.crash || f.n == f.at && !f.after {
		f.hit = true
		return errInjected
	}
	return nil
}

func (f *fault) afterwards(string, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n == f.at && f.after {
		f.hit = true
		return errInjected
	}
	return nil
}

func (f *fault) String() string {
	return fmt.Sprintf("request %d, happened %v, crash %v", f.at, f.after, f.crash)
}

// TestSweep fails every request of a run in turn, in four ways, and lets a clean run follow.
func TestSweep(t *testing.T) {
	for _, after := range []bool{false, true} {
		for _, crash := range []bool{false, true} {
			for at := 1; ; at++ {
				f := &fault{at: at, after: after, crash: crash}
				w := staged(t)
				err := w.proc(f.before, f.afterwards).run(t.Context())
				if err != nil && !errors.Is(err, errInjected) {
					t.Fatalf("%v: %v", f, err)
				}
				w.onlyLive(f.String())
				if err := w.proc(nil, nil).run(t.Context()); err != nil {
					t.Fatalf("%v: the clean run: %v", f, err)
				}
				w.exact(f.String())
				if !f.hit {
					if at < 40 {
						t.Fatalf("a run of %d requests is not the whole path", at)
					}
					break
				}
			}
		}
	}
}

// TestSweepTwice crashes a run and then the run that cleans up after it.
func TestSweepTwice(t *testing.T) {
	for at := 1; ; at += 3 {
		first := &fault{at: at, after: at%2 == 0, crash: true}
		for again := 1; ; again++ {
			second := &fault{at: again, after: again%3 != 0, crash: true}
			when := fmt.Sprintf("%v, then %v", first, second)
			first.n, first.hit = 0, false
			w := staged(t)
			_ = w.proc(first.before, first.afterwards).run(t.Context())
			_ = w.proc(second.before, second.afterwards).run(t.Context())
			w.onlyLive(when)
			if err := w.proc(nil, nil).run(t.Context()); err != nil {
				t.Fatalf("%s: the clean run: %v", when, err)
			}
			w.exact(when)
			if !second.hit {
				break
			}
		}
		if !first.hit {
			break
		}
	}
}

// gate lets one request of one process through at a time, in an order drawn from rng. Now and then one of them sleeps for a while,
// so that others do much between two of its requests.
type gate struct {
	arrive chan int
	end    chan int
	pass   []chan bool
}

// interleave runs the processes until all have ended. step is called between requests and tells whether to kill the process
// whose turn it is.
func interleave(n int, rng *rand.Rand, step func() (kill bool), start func(i int, before func(op, key string) error)) {
	g := &gate{arrive: make(chan int), end: make(chan int)}
	for i := range n {
		g.pass = append(g.pass, make(chan bool))
		dead := false
		before := func(string, string) error {
			if dead {
				return errInjected
			}
			g.arrive <- i
			if dead = !<-g.pass[i]; dead {
				return errInjected
			}
			return nil
		}
		go func() {
			start(i, before)
			g.end <- i
		}()
	}
	var waiting []int
	asleep, until := -1, 0
	for alive, turn := n, 0; alive > 0; turn++ {
		for len(waiting) < alive {
			select {
			case i := <-g.arrive:
				waiting = append(waiting, i)
			case <-g.end:
				alive--
			}
		}
		if alive == 0 {
			return
		}
		if turn >= until {
			asleep, until = rng.IntN(n+1)-1, turn+rng.IntN(80)
		}
		k := rng.IntN(len(waiting))
		if waiting[k] == asleep {
			k = (k + 1) % len(waiting)
		}
		i := waiting[k]
		waiting = append(waiting[:k], waiting[k+1:]...)
		g.pass[i] <- !step()
	}
}

// TestInterleaved runs two or three runners request by request in random orders, with objects overwritten, held files lost,
// plans released and fenced under them, and some of the runners killed. The invariants hold after every request, and a clean run must bring it right from every end.
func TestInterleaved(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := staged(t)
		when := fmt.Sprintf("seed %d", seed)
		over, kill, lose := -1, -1, -1
		if seed%3 == 0 {
			over = rng.IntN(80)
		}
		if seed%2 == 0 {
			kill = rng.IntN(120)
		}
		if seed%5 == 0 {
			lose = rng.IntN(100)
		}
		requests, lost := 0, false
		watcher := must(Open(w.state, "job", Options{}))
		var broken error
		errs := make([]error, 3)
		n := 2 + int(seed%2)
		interleave(n, rng, func() bool {
			requests++
			if requests == over {
				w.stage("in/1", "d1 x1\nd3 x2\nq x3\n")
			}
			if requests >= lose && lose >= 0 {
				if held := must(w.lake.HeldList(context.Background(), "")); len(held) > 0 {
					must(0, w.lake.Drop(context.Background(), held[rng.IntN(len(held))]))
					lose, lost = -1, true
				}
			}
			if broken == nil && !lost { // what the store lost is neither held nor visible
				if broken = w.watch(watcher); broken != nil {
					broken = fmt.Errorf("before request %d: %w", requests, broken)
				}
			}
			return requests == kill
		}, func(i int, before func(op, key string) error) {
			p := w.proc(before, nil)
			p.per = 1 + int(seed%3)
			switch {
			case seed%7 == 0 && i == 1:
				if _, errs[i] = p.l.Replan(context.Background()); errs[i] != nil {
					return
				}
			case seed%11 == 0 && i == 1:
				st, err := p.l.Fold(context.Background())
				if errs[i] = err; err != nil {
					return
				}
				for _, b := range st.OpenBatches() {
					if _, errs[i] = p.l.Fence(context.Background(), b.ID); errs[i] != nil {
						return
					}
				}
			}
			errs[i] = p.run(context.Background())
		})
		if broken != nil {
			t.Fatalf("%s: %v", when, broken)
		}
		for i, err := range errs {
			if err != nil && !errors.Is(err, errInjected) {
				t.Fatalf("%s: runner %d: %v", when, i, err)
			}
		}
		if err := w.proc(nil, nil).run(t.Context()); err != nil {
			t.Fatalf("%s: the clean run: %v", when, err)
		}
		w.exact(when)
	}
}

// TestOneWinner has many attempts at one batch commit at once.
func TestOneWinner(t *testing.T) {
	const n = 8
	w, ps, b := rig(t, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	var attempts []*Attempt
	for _, p := range ps {
		a, err := p.attempt(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		attempts = append(attempts, a)
	}
	for i, p := range ps {
		wg.Go(func() { _, errs[i] = p.l.Commit(context.Background(), attempts[i]) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			if err := ps[i].l.Discard(t.Context(), w.lake, attempts[i]); err == nil {
				t.Error("the winner was let drop its files")
			}
		case errors.Is(err, ErrVoid):
			if err := ps[i].l.Discard(t.Context(), w.lake, attempts[i]); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("a loser did not learn that it lost: %v", err)
		}
	}
	if won != 1 {
		t.Fatalf("%d attempts won", won)
	}
	if held := must(w.lake.HeldList(t.Context(), "")); len(held) != 3 {
		t.Errorf("%d files are held, the winner has 3", len(held))
	}
	if err := w.proc(nil, nil).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.exact("after the race")
}

// TestUnknownOutcome: an entry whose answers are all lost is neither given up for lost nor written twice.
func TestUnknownOutcome(t *testing.T) {
	for _, lostAnswers := range []int{1, 2, 99} {
		w, ps, b := rig(t, 1)
		p := ps[0]
		a, err := p.attempt(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		lossy := func(op, key string) error {
			if op == "put" && key == p.l.entryKey(2) || op == "get" && key == p.l.entryKey(2) {
				if n++; n <= lostAnswers {
					return errInjected
				}
			}
			return nil
		}
		p.l.store.(*node).after = lossy
		_, err = p.l.Commit(t.Context(), a)
		p.l.store.(*node).after = nil
		if lostAnswers < 3 {
			if err != nil {
				t.Fatalf("%d answers lost: %v", lostAnswers, err)
			}
		} else {
			if !errors.Is(err, ErrUnknown) || errors.Is(err, ErrVoid) {
				t.Fatalf("all answers lost: %v", err)
			}
			if err := p.l.Discard(t.Context(), p.lake, a); !errors.Is(err, ErrUnknown) {
				t.Errorf("files of an unknown outcome may be dropped: %v", err)
			}
		}
		if err := w.proc(nil, nil).run(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.exact("after lost answers")
		_, st := w.reader()
		if b, _ := st.Batch(b.ID); len(b.Files) != 3 || b.Base != 2 {
			t.Errorf("the batch was not committed once, by its first entry: %+v", b)
		}
	}
}

// TestRefusedWrite: a store that says no has said so; the outcome is known.
func TestRefusedWrite(t *testing.T) {
	_, ps, b := rig(t, 1)
	p := ps[0]
	a, err := p.attempt(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	p.l.store.(*node).before = func(op, key string) error {
		if op == "put" {
			return fmt.Errorf("put %s: %w", key, objstore.ErrDenied)
		}
		return nil
	}
	if _, err := p.l.Commit(t.Context(), a); !errors.Is(err, objstore.ErrDenied) || errors.Is(err, ErrUnknown) {
		t.Errorf("a denied write: %v", err)
	}
}
