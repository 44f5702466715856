package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

func TestLeaseAge(t *testing.T) {
	s := memstore.New("mem://state")
	open := func() *Ledger {
		return must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseExpiry: 5 * time.Minute, LeaseRenew: time.Hour}))
	}
	a, b := open(), open()
	first, err := a.Lease(t.Context(), id1)
	if err != nil {
		t.Fatal(err)
	}
	s.SetNow(day.Add(4 * time.Minute))
	var held *HeldError
	if _, err := b.Lease(t.Context(), id1); !errors.Is(err, ErrHeld) || !errors.As(err, &held) || held.Run != a.opts.Run || held.Age != 4*time.Minute {
		t.Fatalf("a held lease: %v", err)
	}
	if other, err := b.Lease(t.Context(), id2); err != nil {
		t.Errorf("the lease of another plan: %v", err)
	} else {
		must(0, other.Release(t.Context()))
	}
	if holders := must(b.Holders(t.Context())); !holders[a.opts.Run] || len(holders) != 1 {
		t.Errorf("holders: %v", holders)
	}
	s.SetNow(day.Add(6 * time.Minute))
	if holders := must(b.Holders(t.Context())); len(holders) != 0 {
		t.Errorf("holders of expired leases: %v", holders)
	}
	second, err := b.Lease(t.Context(), id1)
	if err != nil {
		t.Fatalf("an expired lease: %v", err)
	}
	if err := first.renewOnce(t.Context()); !errors.Is(err, ErrHeld) {
		t.Errorf("renewed what another run took: %v", err)
	}
	must(0, first.Release(t.Context()))
	if _, err := a.Lease(t.Context(), id1); !errors.Is(err, ErrHeld) {
		t.Errorf("the loser's release freed the winner's lease: %v", err)
	}
	must(0, second.Release(t.Context()))
	third, err := a.Lease(t.Context(), id1)
	if err != nil {
		t.Fatalf("a released lease: %v", err)
	}
	must(0, third.Release(t.Context()))
}

func TestLeaseRenews(t *testing.T) {
	s := memstore.New("mem://state")
	s.SetNow(day)
	open := func() *Ledger {
		return must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseExpiry: 5 * time.Minute, LeaseRenew: 5 * time.Millisecond}))
	}
	a, b := open(), open()
	le := must(a.Lease(t.Context(), id1))
	renewedAt := func(at time.Time) {
		t.Helper()
		s.SetNow(at)
		for range 1000 {
			if o := must(s.Head(t.Context(), le.key)); o.LastModified.Equal(at) {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatal("the lease is not renewed")
	}
	renewedAt(day.Add(4 * time.Minute))
	s.SetHooks(func(op, key string) error { // no renewal from here on
		if op == "put" {
			return errInjected
		}
		return nil
	}, nil)
	s.SetNow(day.Add(8 * time.Minute))
	if _, err := b.Lease(t.Context(), id1); !errors.Is(err, ErrHeld) {
		t.Fatalf("a lease that was renewed four minutes ago: %v", err)
	}
	// neither a failed renewal nor a lost answer is a lost lease
	s.SetHooks(nil, func(op, key string) error {
		if op == "put" || op == "get" {
			return errInjected
		}
		return nil
	})
	renewedAt(day.Add(9 * time.Minute))
	s.SetHooks(nil, nil)
	renewedAt(day.Add(10 * time.Minute))
	select {
	case <-le.done:
		t.Error("a lost answer was taken for a lost lease")
	default:
	}
	must(s.Put(t.Context(), le.key, strings.NewReader(`{"v":1,"run":"other"}`), objstore.PutOptions{}))
	select {
	case <-le.done:
	case <-time.After(10 * time.Second):
		t.Error("the holder does not learn that its lease is gone")
	}
	must(0, le.Release(t.Context()))
}

func TestRuns(t *testing.T) {
	s := memstore.New("mem://state")
	s.SetNow(day)
	at := func(d time.Duration) string {
		var id ulid.ULID
		must(0, id.SetTime(ulid.Timestamp(day.Add(d))))
		return id.String()
	}
	open := func(run string) *Ledger {
		return must(Open(s, "job", Options{Run: run, RetryDelay: 1, LeaseRenew: time.Hour}))
	}
	crashed, ended, working := open(at(-100*24*time.Hour)), open(at(-24*time.Hour)), open(at(-time.Hour))
	for _, l := range []*Ledger{crashed, ended, working} {
		must(0, l.StartRun(t.Context(), RunStart{Trigger: "ON_DEMAND", Command: "run", Started: day}))
	}
	if err := ended.EndRun(t.Context(), RunEnd{State: RunRunning}); err == nil {
		t.Error("a run ended as RUNNING")
	}
	must(0, ended.EndRun(t.Context(), RunEnd{State: RunSucceeded, Records: Counts{Read: 3, Published: 3}, Summary: []byte(`{"x":1}`)}))
	if err := ended.EndRun(t.Context(), RunEnd{State: RunFailed}); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("a run ended twice: %v", err)
	}
	for _, r := range must(working.Runs(t.Context(), 0)) {
		if r.End == nil && r.State != RunRunning {
			t.Errorf("a run that has just started: %+v", r)
		}
	}
	s.SetNow(day.Add(time.Hour))
	lease := must(working.Lease(t.Context(), newID()))
	runs := must(open("").Runs(t.Context(), 0))
	if len(runs) != 3 || runs[0].Run != working.opts.Run || runs[2].Run != crashed.opts.Run {
		t.Fatalf("not newest first: %+v", runs)
	}
	if diff := cmp.Diff([]RunState{RunRunning, RunSucceeded, RunFailed}, []RunState{runs[0].State, runs[1].State, runs[2].State}); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if runs[1].End.Records.Read != 3 || runs[2].Note != NoEnd {
		t.Errorf("read %d and note %q, want 3 and %q", runs[1].End.Records.Read, runs[2].Note, NoEnd)
	}
	must(0, lease.Release(t.Context()))
	if r := must(open("").Run(t.Context(), working.opts.Run)); r.State != RunFailed || r.Note != NoEnd {
		t.Errorf("a run without lease and end: %+v", r)
	}
	if two := must(open("").Runs(t.Context(), 2)); len(two) != 2 || two[1].Run != ended.opts.Run {
		t.Errorf("the last two: %+v", two)
	}
	if _, err := open("").Run(t.Context(), id1); !errors.Is(err, objstore.ErrNotExist) {
		t.Errorf("an unknown run: %v", err)
	}
}

func TestLineageAndBookmark(t *testing.T) {
	w := staged(t)
	p := w.proc(nil, nil)
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, st := w.reader()
	lin := must(l.Lineage(t.Context(), p.l.opts.Run))
	if len(lin.Commits) != 2 || len(lin.Entries) != 4 { // plan, commit, commit with done, done
		t.Fatalf("lineage: %+v", lin)
	}
	files := 0
	for _, c := range lin.Commits {
		if !c.Done {
			t.Errorf("commit %d is not done", c.Seq)
		}
		for _, f := range c.Files {
			files++
			if !f.Live || len(f.Inputs) != len(c.Objects) || read(w.lake, f.Key) == "" {
				t.Errorf("file %+v", f)
			}
		}
	}
	k := st.Bookmark()
	type progress struct {
		Committed, Files, NotDone int
		Read                      int64
		Records                   Counts
		LastRun                   string
	}
	want := progress{Committed: 2, Read: 3, Files: files, Records: Counts{Read: 7, Published: 5, Quarantined: 2}, LastRun: p.l.opts.Run}
	if diff := cmp.Diff(want, progress{Committed: k.Committed, Read: k.Read, Files: k.Files, NotDone: k.NotDone, Records: k.Records, LastRun: k.LastRun}); diff != "" {
		t.Errorf("bookmark (-want +got):\n%s", diff)
	}
	if len(k.Marks) != 1 || k.Marks[0].Key != "in/3" || !k.Marks[0].Modified.Equal(day) {
		t.Errorf("watermarks: %+v", k.Marks)
	}
	if none := must(l.Lineage(t.Context(), newID())); len(none.Commits) != 0 {
		t.Errorf("lineage of an unknown run: %+v", none)
	}
}

func TestMarksByPrefix(t *testing.T) {
	w := newWorld(t)
	w.stage("a/1", "d1 a\n")
	w.state.SetNow(day)
	w.staging.SetNow(day.Add(time.Hour))
	w.stage("b/1", "d1 b\n")
	if err := w.proc(nil, nil).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := must(Open(w.state, "job", Options{WatermarkPrefix: func(k string) string { return k[:2] }}))
	st := must(l.Fold(t.Context()))
	if a, b := watermark(st, "a/"), watermark(st, "b/"); !a.Equal(day) || !b.Equal(day.Add(time.Hour)) || !watermark(st, "c/").IsZero() {
		t.Errorf("watermarks %v, %v", a, b)
	}
}
