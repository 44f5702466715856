package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// damages are texts that are neither a lease nor a run record.
var damages = map[string]string{"empty": "", "blank": " \n", "zeros": "\x00\x00\x00", "text": "junk", "null": "null", "a list": "[]", "nothing in it": "{}",
	"half of it": `{"v":1,"run":"01M8`, "another type": `{"v":"one","run":7}`}

// A damaged lease counts by its age: a young one is held by an unknown run, an old one is replaced. It stops nothing else.
func TestDamagedLease(t *testing.T) {
	for name, text := range damages {
		t.Run(name, func(t *testing.T) {
			s := memstore.New("mem://state")
			s.SetNow(day)
			var warned []string
			l := must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseRenew: time.Hour, Warn: func(text string) { warned = append(warned, text) }}))
			key := l.leasePrefix() + id1 + ".json"
			must(s.Put(t.Context(), key, strings.NewReader(text), objstore.PutOptions{}))
			s.SetNow(day.Add(time.Minute))
			var held *HeldError
			if _, err := l.Lease(t.Context(), id1); !errors.As(err, &held) || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "Try: again in 4m0s") {
				t.Errorf("a young lease: %v", err)
			}
			if holders, err := l.Holders(t.Context()); err != nil || len(holders) > 0 || len(warned) != 1 {
				t.Errorf("holders %v, %v; warned %q", holders, err, warned)
			}
			if leases, err := l.Leases(t.Context()); err != nil || cmp.Diff(map[string]string{id1: ""}, leases) != "" {
				t.Errorf("leases %v, %v", leases, err)
			}
			if other, err := l.Lease(t.Context(), id2); err != nil {
				t.Errorf("another lease: %v", err)
			} else {
				must(0, other.Release(t.Context()))
			}
			s.SetNow(day.Add(6 * time.Minute))
			le, err := l.Lease(t.Context(), id1)
			if err != nil {
				t.Fatalf("an old lease: %v", err)
			}
			if len(warned) != 2 {
				t.Errorf("warned %q", warned)
			}
			must(0, le.Release(t.Context()))
		})
	}
}

// A holder whose lease is damaged writes it again, at its next renewal and at its release.
func TestDamagedWhileHeld(t *testing.T) {
	s := memstore.New("mem://state")
	l := must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseRenew: time.Hour}))
	le := must(l.Lease(t.Context(), id1))
	for name, text := range damages {
		must(s.Put(t.Context(), le.key, strings.NewReader(text), objstore.PutOptions{}))
		if err := le.renewOnce(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if holders := must(l.Holders(t.Context())); !holders[l.opts.Run] {
			t.Errorf("%s: the run does not hold its lease after a renewal", name)
		}
	}
	must(s.Put(t.Context(), le.key, strings.NewReader(""), objstore.PutOptions{}))
	must(0, le.Release(t.Context()))
	if holders := must(l.Holders(t.Context())); len(holders) > 0 {
		t.Errorf("holders after the release: %v", holders)
	}
}

// A run with a damaged record is listed as damaged, and the other runs are listed as always.
func TestDamagedRunRecord(t *testing.T) {
	for name, text := range damages {
		for _, what := range []string{"start", "end"} {
			t.Run(name+" "+what, func(t *testing.T) {
				s := memstore.New("mem://state")
				s.SetNow(day)
				good, bad := newID(), newID()
				for _, run := range []string{good, bad} {
					l := must(Open(s, "job", Options{Run: run, RetryDelay: 1}))
					must(0, l.StartRun(t.Context(), RunStart{Command: "run", Started: day}))
					must(0, l.EndRun(t.Context(), RunEnd{State: RunSucceeded}))
				}
				l := must(Open(s, "job", Options{Run: newID(), RetryDelay: 1}))
				must(s.Put(t.Context(), l.runKey(bad, what), strings.NewReader(text), objstore.PutOptions{}))
				states := func() map[string]RunState {
					t.Helper()
					infos, err := l.Runs(t.Context(), 0)
					if err != nil {
						t.Fatal(err)
					}
					out := map[string]RunState{}
					for _, r := range infos {
						if out[r.Run] = r.State; r.Started.IsZero() {
							t.Errorf("run %s has no time", r.Run)
						}
						if r.State == RunDamaged && (!strings.Contains(r.Note, what+".json is damaged") || !strings.Contains(r.Note, "Try: etl doctor --fix")) {
							t.Errorf("note %q", r.Note)
						}
					}
					return out
				}
				if diff := cmp.Diff(map[string]RunState{good: RunSucceeded, bad: RunDamaged}, states()); diff != "" {
					t.Errorf("states (-want +got):\n%s", diff)
				}
				if r, err := l.Run(t.Context(), bad); err != nil || r.State != RunDamaged {
					t.Errorf("the run alone: %+v, %v", r, err)
				}
				if found := must(l.Damaged(t.Context())); len(found) != 1 || !found[0].Fresh {
					t.Errorf("found %+v", found)
				}
				s.SetNow(day.Add(time.Hour))
				found := must(l.Damaged(t.Context()))
				if len(found) != 1 || found[0].Key != l.runKey(bad, what) || found[0].Fresh {
					t.Fatalf("found %+v", found)
				}
				must(0, found[0].Repair(t.Context()))
				want := map[string]RunState{"start": RunSucceeded, "end": RunFailed}[what]
				if diff := cmp.Diff(map[string]RunState{good: RunSucceeded, bad: want}, states()); diff != "" {
					t.Errorf("states after the repair (-want +got):\n%s", diff)
				}
				if found := must(l.Damaged(t.Context())); len(found) > 0 {
					t.Errorf("found after the repair: %+v", found)
				}
			})
		}
	}
}

// A repair of a damaged lease releases it, unless a run has written it since.
func TestRepairLease(t *testing.T) {
	s := memstore.New("mem://state")
	s.SetNow(day)
	l := must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseRenew: time.Hour}))
	for _, name := range []string{id1, id2} {
		must(s.Put(t.Context(), l.leasePrefix()+name+".json", strings.NewReader("junk"), objstore.PutOptions{}))
	}
	for _, d := range must(l.Damaged(t.Context())) {
		if !d.Fresh {
			t.Errorf("%s is young, and can be repaired", d.Key)
		}
	}
	s.SetNow(day.Add(time.Hour))
	found := must(l.Damaged(t.Context()))
	if len(found) != 2 {
		t.Fatalf("found %+v", found)
	}
	other := must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseRenew: time.Hour}))
	le := must(other.Lease(t.Context(), id2))
	for _, d := range found {
		must(0, d.Repair(t.Context()))
	}
	if holders := must(l.Holders(t.Context())); !holders[other.opts.Run] || len(holders) != 1 {
		t.Errorf("holders %v", holders)
	}
	if found := must(l.Damaged(t.Context())); len(found) > 0 {
		t.Errorf("found after the repair: %+v", found)
	}
	must(0, le.Release(t.Context()))
}
