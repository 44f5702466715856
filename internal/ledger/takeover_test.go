package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/ledger/holder"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// gone is a process of this machine that has ended, as seen from holder.Self: its ID belongs to a process that started later.
func gone() holder.Holder {
	h := holder.Self()
	h.Started--
	return h
}

// elsewhere is a process of another machine.
func elsewhere() holder.Holder {
	h := gone()
	h.Boot = "another"
	return h
}

func batchAttempt(n int) holder.Holder {
	h := elsewhere()
	h.Boot += fmt.Sprint(n)
	h.BatchJob, h.BatchAttempt = "5a7f", n
	return h
}

// The lease of a process that has certainly ended is free at once, for whoever asks. Any other one is held until its own expiry.
func TestTakeOver(t *testing.T) {
	for _, c := range []struct {
		name      string
		first, by holder.Holder
		free      bool
	}{
		{"a process that has ended", gone(), holder.Self(), true},
		{"a process that is alive", holder.Self(), holder.Self(), false},
		{"another machine", elsewhere(), holder.Self(), false},
		{"a run that does not know itself", gone(), holder.Holder{}, false},
		{"an earlier attempt", batchAttempt(1), batchAttempt(2), true},
		{"a later attempt", batchAttempt(2), batchAttempt(1), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := memstore.New("mem://state")
			s.SetNow(day)
			open := func(h holder.Holder) *Ledger {
				return must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseRenew: time.Hour, Holder: h}))
			}
			a, b := open(c.first), open(c.by)
			must(0, a.StartRun(t.Context(), RunStart{Command: "run", Started: day}))
			first := must(a.Lease(t.Context(), id1))
			if holders := must(b.Holders(t.Context())); holders[a.opts.Run] == c.free {
				t.Errorf("holders %v", holders)
			}
			state := map[bool]RunState{true: RunFailed, false: RunRunning}[c.free]
			if r := must(b.Run(t.Context(), a.opts.Run)); r.State != state {
				t.Errorf("etl runs says %s, want %s", r.State, state)
			}
			second, err := b.Lease(t.Context(), id1)
			if !c.free {
				if !errors.Is(err, ErrHeld) {
					t.Fatalf("the lease is %v", err)
				}
				s.SetNow(day.Add(time.Minute)) // not renewed since
				if second, err = b.Lease(t.Context(), id1); err != nil {
					t.Fatalf("a lease that has expired: %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if err := first.renewOnce(t.Context()); !errors.Is(err, ErrHeld) {
				t.Errorf("the first holder renews what was taken over: %v", err)
			}
			must(0, first.Release(t.Context()))
			if _, err := open(elsewhere()).Lease(t.Context(), id1); !errors.Is(err, ErrHeld) {
				t.Errorf("after the first holder's release: %v", err)
			}
			must(0, second.Release(t.Context()))
		})
	}
}

// A live holder on another machine keeps its lease over 50 renewals, each as late as its schedule allows, and with either version's.
func TestLiveHolderKeepsItsLease(t *testing.T) {
	for _, c := range []struct {
		name         string
		expiry, wait time.Duration
	}{{"now", 0, 10 * time.Second}, {"the version before", longestExpiry, time.Minute}, {"short", 5 * time.Second, time.Second}} {
		t.Run(c.name, func(t *testing.T) {
			s := memstore.New("mem://state")
			s.SetNow(day)
			a := must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseExpiry: c.expiry, Holder: elsewhere()}))
			if c.expiry == 0 && (a.opts.LeaseExpiry != time.Minute || a.opts.LeaseRenew != c.wait) {
				t.Errorf("expiry %s, renewed each %s", a.opts.LeaseExpiry, a.opts.LeaseRenew)
			}
			a.opts.LeaseRenew = time.Hour // the test renews
			le := must(a.Lease(t.Context(), id1))
			write := func() { must(0, le.renewOnce(t.Context())) }
			if c.expiry == longestExpiry { // it wrote neither expiry nor holder
				write = func() {
					text := fmt.Sprintf(`{"v":1,"run":%q,"nonce":%q,"renewals":1}`, a.opts.Run, le.body.Nonce)
					must(s.Put(t.Context(), le.key, strings.NewReader(text), objstore.PutOptions{}))
				}
				write()
			}
			b := must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseRenew: time.Hour, Holder: holder.Self()}))
			at := day
			for n := range 50 {
				at = at.Add(c.wait)
				s.SetNow(at)
				if _, err := b.Lease(t.Context(), id1); !errors.Is(err, ErrHeld) {
					t.Fatalf("after %d renewals: %v", n, err)
				}
				if holders := must(b.Holders(t.Context())); !holders[a.opts.Run] {
					t.Fatalf("after %d renewals the holders are %v", n, holders)
				}
				write()
			}
			if le.mu.Lock(); c.expiry != longestExpiry && le.body.Renewals != 50 {
				t.Errorf("%d renewals", le.body.Renewals)
			}
			le.mu.Unlock()
		})
	}
}

// A lease counts for as long as it says, whatever the run that asks was set to, but never for more than five minutes.
func TestLeaseNamesItsExpiry(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`"expiry_ms":5000`:                 5 * time.Second,
		`"expiry_ms":60000`:                time.Minute,
		`"renewals":7`:                     5 * time.Minute,
		`"expiry_ms":0`:                    5 * time.Minute,
		`"expiry_ms":-1`:                   5 * time.Minute,
		`"expiry_ms":9223372036854775807`:  5 * time.Minute,
		`"expiry_ms":600000`:               5 * time.Minute,
		`"expiry_ms":"60s"`:                5 * time.Minute, // damaged
		`"expiry_ms":60000,"holder":"me"`:  5 * time.Minute, // damaged
		`"expiry_ms":60000,"holder":{}`:    time.Minute,
		`"expiry_ms":60000,"later":"this"`: time.Minute,
	} {
		s := memstore.New("mem://state")
		s.SetNow(day)
		b := must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseRenew: time.Hour, LeaseExpiry: time.Second, Holder: holder.Self()}))
		must(s.Put(t.Context(), b.leasePrefix()+id1+".json", strings.NewReader(`{"v":1,"run":"`+newID()+`",`+text+`}`), objstore.PutOptions{}))
		s.SetNow(day.Add(want - time.Second))
		if _, err := b.Lease(t.Context(), id1); !errors.Is(err, ErrHeld) {
			t.Errorf("%s: before %s: %v", text, want, err)
		}
		if leases := must(b.Leases(t.Context())); len(leases) != 1 {
			t.Errorf("%s: before %s: leases %v", text, want, leases)
		}
		s.SetNow(day.Add(want))
		if leases := must(b.Leases(t.Context())); len(leases) != 0 {
			t.Errorf("%s: after %s: leases %v", text, want, leases)
		}
		if le, err := b.Lease(t.Context(), id1); err != nil {
			t.Errorf("%s: after %s: %v", text, want, err)
		} else {
			must(0, le.Release(t.Context()))
		}
	}
}

// What a lease says can be read by the version before: its own fields keep their names and types.
func TestLeaseForOlderVersions(t *testing.T) {
	s := memstore.New("mem://state")
	l := must(Open(s, "job", Options{Run: newID(), RetryDelay: 1, LeaseRenew: time.Hour, Holder: holder.Self()}))
	le := must(l.Lease(t.Context(), id1))
	var old struct {
		V        int    `json:"v"`
		Run      string `json:"run"`
		Nonce    string `json:"nonce"`
		Renewals int    `json:"renewals"`
		Released bool   `json:"released"`
	}
	for _, released := range []bool{false, true} {
		if err := json.Unmarshal(must(l.read(t.Context(), le.key)), &old); err != nil {
			t.Fatal(err)
		}
		if old.V != 1 || old.Run != l.opts.Run || old.Released != released {
			t.Errorf("an older version reads %+v", old)
		}
		if !released {
			must(0, le.Release(t.Context()))
		}
	}
}
