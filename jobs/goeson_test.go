package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
)

// swapQuarantine gives the quarantine file of a night the text of another one's, and returns what puts it back.
func (p *parts) swapQuarantine(t *testing.T, night, other int) (undo func()) {
	t.Helper()
	all := p.state0(t).Batches()
	read := func(key string) []byte {
		in, _, err := p.state.Get(t.Context(), key, objstore.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		var b bytes.Buffer
		if _, err := b.ReadFrom(in); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	put := func(key string, text []byte) {
		if _, err := p.state.Put(t.Context(), key, bytes.NewReader(text), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	at := all[night-1].Quarantine[0]
	was := read(at)
	put(at, read(all[other-1].Quarantine[0]))
	return func() { put(at, was) }
}

// TestReplayGoesOn: a batch whose replay fails or is refused stays as it was and does not keep the others from being replayed. The
// replay ends with the worst exit code.
func TestReplayGoesOn(t *testing.T) {
	for _, c := range []struct {
		name             string
		refused, damaged bool
		code             int
	}{{"refused", true, false, 3}, {"damaged", false, true, 1}, {"both", true, true, 1}} {
		p := newMemParts(t, 1)
		before := wanted{rows: map[string]int{}, quarantined: map[string]int{}}
		for n, days := range map[int][]int{1: {0, 1}, 2: {0}, 3: {0}} { // the dns records of night 1 are of two days
			var lines []string
			for _, d := range days {
				lines = append(lines, kindOf(10*n+d, d, "dns"))
				before.quarantined[fmt.Sprintf("%s@%d", nightKey(n), len(lines))] = 1
			}
			if err := p.put(nightKey(n), gz(lines...)); err != nil {
				t.Fatal(err)
			}
		}
		p.mustRun(t, jobs.RunOptions{})
		p.check(t, c.name+", before", before)
		after := wanted{rows: map[string]int{row(10, 0): 1, row(11, 1): 1, row(20, 0): 1, row(30, 0): 1}, quarantined: map[string]int{}}
		failed, stays := 0, func(n int, rows ...string) {
			for _, r := range rows {
				delete(after.rows, r)
			}
			for i := range rows {
				after.quarantined[fmt.Sprintf("%s@%d", nightKey(n), i+1)] = 1
			}
		}
		undo := func() {}
		if c.refused {
			p.spec.Limits.MaxPartitions = 1
			failed++
			stays(1, row(10, 0), row(11, 1))
		}
		if c.damaged {
			undo = p.swapQuarantine(t, 2, 1)
			failed++
			stays(2, row(20, 0))
		}
		sum, err := withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{})
		undo()
		if got := exitCodeOf(err); got != c.code || len(sum.Failed) != failed || sum.State != "FAILED" {
			t.Errorf("%s: exit code %d, %+v: %v", c.name, got, sum.Failed, err)
		}
		if c.refused != errors.Is(err, jobs.ErrQuarantine) {
			t.Errorf("%s: %v", c.name, err)
		}
		p.check(t, c.name, after)
	}
}

// TestReplayOfFailedRecords: a replay has no limit for records for which an expression still fails. They stay in quarantine, and do not
// keep the others from being published.
func TestReplayOfFailedRecords(t *testing.T) {
	p := newMemParts(t, 1)
	if err := p.put(key("a"), gz(flow(1, 0), kindOf(2, 0, "dns"), flow(3, 1))); err != nil {
		t.Fatal(err)
	}
	fails := failsAt(fmt.Sprint(time.Date(2020, 10, 2, 21, 26, 5, 7e6, time.UTC).UnixMilli()))
	if _, err := wrapped(p.runner(), fails, false).Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	p.check(t, "before", wanted{rows: map[string]int{row(1, 0): 1}, quarantined: map[string]int{key("a") + "@2": 1, key("a") + "@3": 1}})
	p.spec.Limits.MaxQuarantineRatio = 0.01
	sum, err := wrapped(withCorrected(p.runner()), fails, false).Replay(t.Context(), jobs.ReplayOptions{})
	if err != nil || sum.Records.Published != 1 || sum.Reasons["EXPRESSION_FAILED"] != 1 {
		t.Errorf("%+v, %v, %v", sum.Records, sum.Reasons, err)
	}
	p.check(t, "replayed", wanted{rows: map[string]int{row(1, 0): 1, row(2, 0): 1}, quarantined: map[string]int{key("a") + "@3": 1}})
}

// TestReplaceGoesOn: a batch whose replacement fails or is refused stays as it was and does not keep the others from being replaced.
// The replace ends with the worst exit code, and the same command once more replaces the rest.
func TestReplaceGoesOn(t *testing.T) {
	o := october()
	o.To = date("2020-10-31")
	for _, c := range []struct {
		name         string
		refused, bad bool // the batches of nights 1 and 2
		code         int
	}{{"refused", true, false, 3}, {"failed", false, true, 1}, {"both", true, true, 1}} {
		p := newMemParts(t, 1)
		before := wanted{rows: map[string]int{}, quarantined: map[string]int{}}
		for n := 1; n <= 4; n++ {
			lines := []string{flow(n, n-1), kindOf(10+n, n-1, "dns")}
			before.rows[row(n, n-1)] = 1
			if n == 1 {
				lines = append(lines, "broken", "broken")
			}
			for i := 2; i <= len(lines); i++ {
				before.quarantined[fmt.Sprintf("%s@%d", nightKey(n), i)] = 1
			}
			if err := p.put(nightKey(n), gz(lines...)); err != nil {
				t.Fatal(err)
			}
		}
		p.mustRun(t, jobs.RunOptions{})
		p.check(t, c.name+", before", before)
		want := wanted{maps.Clone(before.rows), maps.Clone(before.quarantined)}
		replaced := func(n int) {
			want.rows[row(10+n, n-1)] = 1
			delete(want.quarantined, nightKey(n)+"@2")
		}
		failed := 0
		for n, stays := range []bool{c.refused, c.bad, false, false} {
			if stays {
				failed++
			} else {
				replaced(n + 1)
			}
		}
		r := withCorrected(p.deleting())
		if c.refused {
			p.spec.Limits.MaxQuarantineRatio = 0.4
		}
		if c.bad {
			r.Staging = onBad{r.Staging, nightKey(2), func(context.Context) error { return attempt.ErrTooLong }}
		}
		sum, err := r.Backfill(t.Context(), o)
		if got := exitCodeOf(err); got != c.code || sum.Replaced != 4-failed || len(sum.Failed) != failed || sum.State != "FAILED" {
			t.Errorf("%s: exit code %d, %d replaced, %+v: %v", c.name, got, sum.Replaced, sum.Failed, err)
		}
		p.check(t, c.name, want)
		p.spec.Limits.MaxQuarantineRatio = 1
		if sum, err = withCorrected(p.deleting()).Backfill(t.Context(), o); err != nil || sum.Replaced != failed {
			t.Errorf("%s, once more: %+v, %v", c.name, sum, err)
		}
		replaced(1)
		replaced(2)
		p.check(t, c.name+", once more", want)
	}
}

// TestBackfillWaits: a backfill that can wait continues when the other run has ended, and resumes what that run left open. If the other run
// takes longer, it ends as a backfill that does not wait.
func TestBackfillWaits(t *testing.T) {
	p := newMemParts(t, 1)
	want := p.stage(t, 1, 1, 3)
	o := jobs.BackfillOptions{From: date("2020-01-01"), To: date("2020-03-31")}
	ctx, stop := context.WithCancel(t.Context())
	r := p.runner()
	r.Progress = &stopLater{stage: jobs.StageWrite, after: 1, stop: stop}
	if _, err := r.Backfill(ctx, o); !errors.Is(err, jobs.ErrStopped) {
		t.Fatal(err)
	}
	open := p.state0(t).OpenBatches()
	if len(open) == 0 {
		t.Fatal("nothing was left open")
	}
	o.To = date("2020-01-31") // all of it is held
	lease := p.leaseOf(t, open[0].Manifest.ID)
	r = p.runner()
	o.Wait = time.Millisecond
	if _, err := r.Backfill(t.Context(), o); !errors.Is(err, ledger.ErrHeld) || !strings.Contains(err.Error(), "--wait 10m") {
		t.Errorf("a wait that is too short: %v", err)
	}
	r.LogTo = onWaiting(func() { t.Error("it waits for objects of other days") })
	o.Wait, o.From, o.To = time.Hour, date("2020-02-01"), date("2020-03-31")
	if sum, err := r.Backfill(t.Context(), o); err != nil || sum.Batches != 2 {
		t.Errorf("a backfill of other days: %v, %+v", err, sum)
	}
	r.LogTo = onWaiting(func() {
		if err := lease.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
	o.From = date("2020-01-01")
	if sum, err := r.Backfill(t.Context(), o); err != nil || sum.Batches != 1 || sum.Resumed != 1 {
		t.Errorf("after a wait: %v, %+v", err, sum)
	}
	p.again(t, want)
}

// TestReplaceWaits: a replace that can wait replaces the other batches first, and then waits for those that another replace is processing:
// it leaves them if they are replaced by then, and replaces them otherwise.
func TestReplaceWaits(t *testing.T) {
	for _, ends := range []bool{true, false} {
		p := newMemParts(t, 1)
		_, after, err := p.replaceJob(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		gate := &pauseAt{stage: jobs.StageHold, reached: make(chan struct{}), free: make(chan struct{})}
		ended := make(chan error, 1)
		go func() {
			r := withCorrected(p.deleting())
			r.Progress = gate
			_, err := r.Backfill(ctx, october())
			ended <- err
		}()
		<-gate.reached
		o := october()
		r := withCorrected(p.deleting())
		o.Wait = time.Millisecond
		if sum, err := r.Backfill(t.Context(), o); err != nil || sum.Replaced != 1 || len(sum.Warnings) != 1 {
			t.Errorf("a wait that is too short: %+v, %v", sum, err)
		}
		if _, err := r.Backfill(t.Context(), o); !errors.Is(err, ledger.ErrHeld) {
			t.Errorf("with nothing else to do: %v", err)
		}
		r.LogTo = onWaiting(func() {
			if !ends {
				stop()
			}
			close(gate.free)
		})
		o.Wait = time.Hour
		sum, err := r.Backfill(t.Context(), o)
		if want := map[bool]int{true: 0, false: 1}[ends]; err != nil || sum.Replaced != want || len(sum.Warnings) != 0 {
			t.Errorf("the other one ends: %t: %+v, %v", ends, sum, err)
		}
		if err := <-ended; (err == nil) != ends {
			t.Error(err)
		}
		p.check(t, "in the end", after)
	}
}
