package jobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

const day = 24 * time.Hour

// aged is a runner of a time d later, with the right to delete.
func (p *parts) aged(d time.Duration) *jobs.Runner {
	r := p.runner()
	r.State, r.Deleter = later{p.state, d}, p.lake
	return r
}

// count is how many objects a folder of the job's state has.
func (p *parts) count(t *testing.T, folder string) (n int) {
	t.Helper()
	err := p.state.List(t.Context(), objstore.ListOptions{Prefix: p.spec.Name + "/" + folder + "/"}, func(objstore.Object) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *parts) exact(t *testing.T, when string, want wanted) {
	t.Helper()
	for _, s := range p.problems(t.Context(), want) {
		t.Errorf("%s: %s", when, s)
	}
}

// kept is a job with one run, whose spec keeps things for a while.
func kept(t *testing.T, p *parts) (wanted, *report.Summary) {
	t.Helper()
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	p.spec.Retention = jobfile.Retention{Quarantine: 365 * day, Manifests: 90 * day, Attempts: 90 * day}
	sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.exact(t, "after a run", want)
	return want, sum
}

// TestRetention: what is deleted is reported before and counted after; what is young stays; and everything else continues: runs, replays,
// rewinds to a run and to the beginning, doctor, lineage.
func TestRetention(t *testing.T) {
	s3 := newS3Parts(t)
	for name, newParts := range map[string]func() *parts{"memory": func() *parts { return newMemParts(t, 1) }, "folders": func() *parts { return newDirParts(t, 1) }, "S3 and Glue": s3} {
		t.Run(name, func(t *testing.T) {
			p := newParts()
			want, first := kept(t, p)
			young, err := p.aged(89*day).Retain(t.Context(), false)
			if err != nil || young.Quarantine.Files+young.Manifests.Files+young.Attempts.Files > 0 || p.count(t, "checkpoints/heads") > 0 {
				t.Fatalf("all is young: %+v %v", young, err)
			}
			dry, err := p.aged(100*day).Retain(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "what would be deleted after 100 days", fields{"quarantine": 0, "manifests": 1, "attempts": 2},
				fields{"quarantine": dry.Quarantine.Files, "manifests": dry.Manifests.Files, "attempts": dry.Attempts.Files})
			if dry.Attempts.SizeBytes == 0 || dry.Attempts.Oldest == nil {
				t.Errorf("attempts without a size or a date: %+v", dry.Attempts)
			}
			dry, err = p.aged(400*day).Retain(t.Context(), true)
			if err != nil || dry.Quarantine.Files != 1 || dry.Records != 1 || len(dry.Entries) > 0 {
				t.Errorf("what would go after 400 days: %+v %v", dry, err)
			}
			p.exact(t, "after dry runs", want)

			done, err := p.aged(400*day).Retain(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "what was deleted after 400 days", fields{"quarantine": 1, "records": 1, "entries": 1, "manifests": 1, "attempts": 2, "held": 0, "warnings": 0},
				fields{"quarantine": done.Quarantine.Files, "records": int(done.Records), "entries": len(done.Entries), "manifests": done.Manifests.Files,
					"attempts": done.Attempts.Files, "held": done.Held, "warnings": len(done.Warnings)})
			var text strings.Builder
			done.WriteText(&text)
			if !strings.Contains(text.String(), "1 record of quarantine") {
				t.Error(text.String())
			}
			quarantined := want.quarantined
			want.quarantined = map[string]int{}
			p.exact(t, "after retention", want)
			if q, m, a, c := p.count(t, "quarantine"), p.count(t, "manifests"), p.count(t, "attempts"), p.count(t, "checkpoints/heads"); q != 0 || m != 0 || a != 1 || c != 2 {
				t.Errorf("left: %d quarantine files, %d manifests, %d attempts (of the expiry), %d checkpoints", q, m, a, c)
			}
			l, err := jobs.OpenLedger(p.spec, p.state)
			if err != nil {
				t.Fatal(err)
			}
			st, err := l.Fold(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c := st.Bookmark().Records; c != (ledger.Counts{Read: 6, Published: 5, Expired: 1}) {
				t.Errorf("the ledger counts %+v", c)
			}
			if line, err := l.Lineage(t.Context(), first.Run); err != nil || len(line.Missing) != 2 {
				t.Errorf("lineage: %+v %v", line, err)
			}
			if all, err := l.Runs(t.Context(), 0); err != nil || len(all) < 3 {
				t.Errorf("runs: %d %v", len(all), err)
			}
			blind, _ := ledger.Open(p.state, p.spec.Name, ledger.Options{NoCheckpoints: true})
			if _, err := blind.Fold(t.Context()); !errors.Is(err, objstore.ErrNotExist) || !strings.Contains(err.Error(), "checkpoint") {
				t.Errorf("a fold without checkpoints: %v", err)
			}

			if sum, err := p.aged(400*day).Replay(t.Context(), jobs.ReplayOptions{}); err != nil || sum.Records.Read != 0 {
				t.Errorf("a replay: %v", err)
			}
			if x, err := compare(t.Context(), p.aged(400*day)); err != nil || len(x.Unknown)+len(x.Dead)+len(x.Missing)+len(x.Held)+len(x.Quarantine) > 0 {
				t.Errorf("doctor: %+v %v", x, err)
			}
			if err := p.put(key("d"), gz(flow(6, 0), "also broken")); err != nil {
				t.Fatal(err)
			}
			if sum, err := p.aged(401*day).Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Objects.New != 1 {
				t.Errorf("a run: %v", err)
			}
			want.rows[row(6, 0)] = 1
			want.quarantined = map[string]int{key("d") + "@2": 1}
			p.exact(t, "after another run", want)
			again, err := p.aged(401*day).Retain(t.Context(), false)
			if err != nil || again.Quarantine.Files != 1 || again.Attempts.Files != 2 || again.Manifests.Files != 1 {
				t.Errorf("a second retention: %+v %v", again, err) // of the expiry and of the run since
			}

			// What was committed up to the first run stays when the job is rewound to it, although its quarantine has expired.
			w, err := p.aged(402*day).Rewind(t.Context(), first.Run, false)
			if err != nil || w.Batches != 1 || w.Deleted != 1 {
				t.Errorf("back to the first run: %+v %v", w, err)
			}
			// Files whose records are gone are deleted by their keys.
			w, err = p.aged(402*day).Rewind(t.Context(), "", false)
			if err != nil || w.Batches != 2 || w.Deleted != 4 {
				t.Errorf("back to the beginning: %+v %v", w, err)
			}
			p.exact(t, "after all was withdrawn", wanted{})
			if _, err := p.aged(403*day).Run(t.Context(), jobs.RunOptions{}); err != nil {
				t.Fatal(err)
			}
			for k, n := range quarantined {
				want.quarantined[k] = n
			}
			want.quarantined[key("d")+"@2"] = 1
			p.exact(t, "after all ran again", want)
		})
	}
}

// TestRetentionKeeps: records that something needs stay: of open batches, of entries that are not done, of attempts whose files
// may be held and must not be dropped.
func TestRetentionKeeps(t *testing.T) {
	p := newMemParts(t, 1)
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	p.spec.Retention = jobfile.Retention{Quarantine: 365 * day, Manifests: 90 * day, Attempts: 90 * day}
	// A run that dies when it publishes leaves an entry not done and a batch open.
	r := p.runner()
	r.Lake = dyingLake{p.lake}
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); err == nil {
		t.Fatal("the run did not die")
	}
	l, err := ledger.Open(later{p.state, 400 * day}, p.spec.Name, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	old := func() *ledger.Old {
		t.Helper()
		o, err := l.Old(t.Context(), ledger.Ages{Quarantine: 1, Manifests: 1, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	st, err := l.Fold(t.Context())
	if err != nil || len(st.NotDone()) != 1 || len(st.OpenBatches()) != 1 {
		t.Fatalf("%d entries are not done, %d batches open: %v", len(st.NotDone()), len(st.OpenBatches()), err)
	}
	if o := old(); len(o.Manifests)+len(o.Attempts) > 0 {
		t.Errorf("what an unfinished run needs would go: %+v", o)
	}
	if _, err := p.aged(400*day).Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	p.exact(t, "after the next run", want)
	if o := old(); len(o.Manifests) != 1 || len(o.Attempts) != 2 || len(o.Quarantine) != 1 {
		t.Errorf("what nobody needs: %+v", o)
	}
	// A void attempt whose files are held: its record stays where nobody may drop them, and goes with them where one may.
	b := st.Batches()[0]
	void := &ledger.Attempt{V: 1, ID: "01HZZZZZZZZZZZZZZZZZZZZZZ9", Run: "x", Why: ledger.WhyRun, Moves: []ledger.Move{{Batch: b.ID, Base: 1}}}
	h, err := p.lake.Hold(t.Context(), "ext/x/"+ledger.FileName(b.ID, void.ID, 0), strings.NewReader("x"), 1)
	if err != nil {
		t.Fatal(err)
	}
	void.Files = []ledger.File{{Held: h, Table: "t"}}
	name := fmt.Sprintf("%s/attempts/%s/%020d/%s.json", p.spec.Name, b.ID, 1, void.ID)
	putJSON(t, p.state, name, void)
	runner := p.aged(400 * day)
	runner.Deleter = nil
	done, err := runner.Retain(t.Context(), false)
	if err != nil || done.Held != 1 || done.Attempts.Files != 2 {
		t.Errorf("without the right to drop: %+v %v", done, err)
	}
	done, err = p.aged(400*day).Retain(t.Context(), false)
	if err != nil || done.Held != 0 || done.Attempts.Files == 0 {
		t.Errorf("with the right to drop: %+v %v", done, err)
	}
	if held, err := p.lake.HeldList(t.Context(), ""); err != nil || len(held) > 0 {
		t.Errorf("held: %v %v", held, err)
	}
}

// dyingLake is a lake of a process that dies when it publishes.
type dyingLake struct{ jobs.LakeStore }

func (dyingLake) Publish(context.Context, objstore.Held) error { return errDead }

func putJSON(t *testing.T, s objstore.Bucket, key string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), key, bytes.NewReader(text), objstore.PutOptions{IfAbsent: true}); err != nil {
		t.Fatal(err)
	}
}

// TestRetentionFaults: whichever operation of a retention fails, runs continue, the next retention ends the work, and every
// record is in the lake, in quarantine or counted as expired, once.
func TestRetentionFaults(t *testing.T) {
	s3 := newS3Parts(t)
	for _, c := range []struct {
		stores string
		how    fault
		every  int
		parts  func() *parts
	}{
		{"memory", faultDead, 3, func() *parts { return newMemParts(t, 1) }},
		{"memory", faultLost, 7, func() *parts { return newMemParts(t, 1) }},
		{"memory", faultBefore, 11, func() *parts { return newMemParts(t, 1) }},
		{"folders", faultDeadAfter, 13, func() *parts { return newDirParts(t, 1) }},
		{"S3 and Glue", faultDead, 17, s3},
	} {
		t.Run(c.stores+": an operation "+string(c.how), func(t *testing.T) {
			if os.Getenv("SILT_SOAK") != "" {
				c.every = 1
			}
			var next, operations atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for !t.Failed() {
						f := &injector{at: int(next.Add(1)-1) * c.every, how: c.how}
						if !retainOnce(t, c.parts(), f) {
							operations.Store(int64(f.n))
							return
						}
					}
				})
			}
			wg.Wait()
			if operations.Load() < 60 {
				t.Errorf("the sweep ended after %d operations", operations.Load())
			}
		})
	}
}

// retainOnce says whether the fault was reached.
func retainOnce(t *testing.T, p *parts, f *injector) bool {
	want, err := p.smallJob()
	if err != nil {
		t.Error(err)
		return false
	}
	p.spec.Retention = jobfile.Retention{Quarantine: 365 * day, Manifests: 90 * day, Attempts: 90 * day}
	if _, err := p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Error(err)
		return false
	}
	r := p.faulty(f)
	r.State, r.Deleter = faultStore{later{p.state, 400 * day}, f}, faultStore{p.lake, f}
	_, err = r.Retain(t.Context(), false)
	when := fmt.Sprintf("operation %d (%s) %s", f.at, f.hit(), f.how)
	if f.hit() == "" && err != nil {
		t.Errorf("a retention without a fault: %v", err)
	}
	// The run after sees a ledger that folds, with the record in quarantine or expired.
	if _, err := p.aged(401*day).Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Errorf("%s: the next run: %v", when, err)
		return true
	}
	l, _ := jobs.OpenLedger(p.spec, p.state)
	st, err := l.Fold(t.Context())
	if err != nil {
		t.Errorf("%s: %v", when, err)
		return true
	}
	now := want
	if c := st.Bookmark().Records; c.Expired == 1 {
		now.quarantined = map[string]int{}
	} else if c.Quarantined != 1 {
		t.Errorf("%s: the ledger counts %+v", when, c)
	}
	p.exact(t, when, now)
	if _, err := p.aged(402*day).Retain(t.Context(), false); err != nil {
		t.Errorf("%s: the next retention: %v", when, err)
	}
	want.quarantined = map[string]int{}
	p.exact(t, when+", after the next retention", want)
	if q, m := p.count(t, "quarantine"), p.count(t, "manifests"); q+m > 0 {
		t.Errorf("%s: %d quarantine files and %d manifests are left", when, q, m)
	}
	if _, err := p.aged(403*day).Rewind(t.Context(), "", false); err != nil {
		t.Errorf("%s: taking all back: %v", when, err)
	}
	p.exact(t, when+", after all was withdrawn", wanted{})
	return f.hit() != ""
}
