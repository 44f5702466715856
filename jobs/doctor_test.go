package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
)

// mender is a runner of a time when leases of now have expired, with the right to delete.
func (p *parts) mender() *jobs.Runner {
	r := p.afterwards()
	r.Deleter = p.lake
	return r
}

// compare and fix are what etl doctor does with a job, without and with --fix.
func compare(ctx context.Context, r *jobs.Runner) (found *doctor.Comparison, err error) {
	_, err = r.Maintain(ctx, true, func(ctx context.Context, p doctor.Places) (err error) {
		found, err = doctor.Compare(ctx, p)
		return err
	})
	return found, err
}

func fix(ctx context.Context, r *jobs.Runner) (*doctor.Fixed, error) {
	fixed := &doctor.Fixed{}
	sum, err := r.Maintain(ctx, false, func(ctx context.Context, p doctor.Places) (err error) {
		fixed, err = doctor.Fix(ctx, p)
		return err
	})
	fixed.Warnings = sum.Warnings
	return fixed, err
}

// mended checks what a doctor --fix leaves: nothing held, nothing dead, nothing to do but open batches, every live file there.
func (p *parts) mended(ctx context.Context) (out []string) {
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	held, err := p.lake.HeldList(ctx, "")
	if err != nil {
		bad("list what is held: %v", err)
	}
	for _, h := range held {
		bad("%s is still held", h.Key)
	}
	x, err := compare(ctx, p.mender())
	if err != nil {
		return append(out, err.Error())
	}
	if n := len(x.Dead) + len(x.Missing) + len(x.Held) + len(x.Abandoned) + len(x.Quarantine) + len(x.Records) + len(x.Waiting) + len(x.Partitions) + len(x.Unknown) + len(x.Foreign); n > 0 {
		bad("doctor still finds %+v", x)
	}
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		return append(out, err.Error())
	}
	st, err := l.Fold(ctx)
	if err != nil {
		return append(out, err.Error())
	}
	for _, b := range st.Batches() { // no uncommitted attempt that its record tells of can be published any more
		err := p.state.List(ctx, objstore.ListOptions{Prefix: p.spec.Name + "/attempts/" + b.ID + "/"}, func(o objstore.Object) error {
			in, _, err := p.state.Get(ctx, o.Key, objstore.GetOptions{})
			if err != nil {
				return err
			}
			defer in.Close()
			text, err := io.ReadAll(in)
			if err == nil && b.State == ledger.BatchOpen {
				bad("the record %s of an open batch is still there: %s", o.Key, text)
			}
			return err
		})
		if err != nil {
			bad("%v", err)
		}
	}
	return out
}

// TestDoctorAfterDeath: wherever a run dies, doctor --fix leaves nothing behind, and the next run leaves every record once.
func TestDoctorAfterDeath(t *testing.T) {
	s3 := newS3Parts(t)
	copies := copying(t, s3)
	for _, c := range []struct {
		stores string
		every  int
		parts  func() *parts
	}{
		{"memory", 1, func() *parts { return newMemParts(t, 1) }},
		{"folders", 4, func() *parts { return newDirParts(t, 1) }},
		{"S3 and Glue", 6, s3},
		{"S3 with held copies", 4, copies},
	} {
		t.Run(c.stores, func(t *testing.T) {
			var next, fences, dropped atomic.Int64
			var operations atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for !t.Failed() {
						at := int(next.Add(1)-1) * soaking(c.every, 1)
						f := &injector{at: at, how: faultDead}
						p := c.parts()
						want, err := p.smallJob()
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = p.faulty(f).Run(t.Context(), jobs.RunOptions{})
						if f.hit() == "" {
							operations.Store(int64(at))
							return
						}
						when := fmt.Sprintf("operation %d (%s)", at, f.hit())
						m, err := fix(t.Context(), p.mender())
						if err != nil {
							t.Errorf("%s: doctor --fix: %v", when, err)
							return
						}
						if m.Fence > 0 {
							fences.Add(1)
						}
						dropped.Add(int64(m.Dropped))
						for _, s := range p.mended(t.Context()) {
							t.Errorf("%s, after doctor --fix: %s", when, s)
						}
						again, err := fix(t.Context(), p.mender())
						if err != nil || again.Fence+uint64(again.Dropped+again.Deleted+again.Quarantine+again.Records+again.Finished+again.Partitions) > 0 {
							t.Errorf("%s: a second doctor --fix did %+v, %v", when, again, err)
						}
						if _, err := p.mender().Run(t.Context(), jobs.RunOptions{}); err != nil {
							t.Errorf("%s: the next run: %v", when, err)
						}
						for _, s := range p.problems(t.Context(), want) {
							t.Errorf("%s, after the next run: %s", when, s)
						}
					}
				})
			}
			wg.Wait()
			t.Logf("%d operations, %d fences, %d files dropped", operations.Load(), fences.Load(), dropped.Load())
			if operations.Load() < 40 || fences.Load() < 1 || dropped.Load() < 1 {
				t.Errorf("the sweep ended after %d operations with %d fences and %d files dropped", operations.Load(), fences.Load(), dropped.Load())
			}
		})
	}
}

// TestDoctorBesideAZombie: a run waits in an operation, and doctor --fix, which believes it dead, ends all it held. When the run
// goes on it can publish nothing of that; no row is lost or doubled, and nothing it committed is missing.
func TestDoctorBesideAZombie(t *testing.T) {
	var next, void, operations atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !t.Failed() {
				at := int(next.Add(1) - 1)
				f := &injector{at: at, how: faultStall, stalled: make(chan struct{}), wake: make(chan struct{})}
				p := newMemParts(t, 1)
				want, err := p.smallJob()
				if err != nil {
					t.Error(err)
					return
				}
				var log bytes.Buffer
				r := p.faulty(f)
				r.LogTo = &log
				ended := make(chan error, 1)
				go func() {
					_, err := r.Run(t.Context(), jobs.RunOptions{})
					ended <- err
				}()
				select {
				case <-ended:
					operations.Store(int64(at))
					return
				case <-f.stalled:
				}
				when := fmt.Sprintf("operation %d (%s)", at, f.hit())
				if _, err := fix(t.Context(), p.mender()); err != nil {
					t.Errorf("%s: doctor --fix: %v", when, err)
				}
				close(f.wake)
				if err := <-ended; err != nil && !errors.Is(err, ledger.ErrHeld) {
					t.Errorf("%s: the zombie: %v", when, err)
				}
				void.Add(int64(strings.Count(log.String(), "another run was first")))
				if strings.Contains(log.String(), "the store lost") {
					t.Errorf("%s: a file that was committed is gone:\n%s", when, log.String())
				}
				sum, err := p.mender().Run(t.Context(), jobs.RunOptions{})
				if err != nil || len(sum.Warnings) > 0 {
					t.Errorf("%s: the next run: %v, %q", when, err, sum.Warnings)
				}
				for _, s := range p.problems(t.Context(), want) {
					t.Errorf("%s: %s", when, s)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d operations, %d attempts void", operations.Load(), void.Load())
	if operations.Load() < 40 || void.Load() < 1 {
		t.Errorf("the sweep ended after %d operations with %d void attempts", operations.Load(), void.Load())
	}
}

// abandon lets a run hold the first of two files of a batch, and end before the second: it may not drop it either.
func (p *parts) abandon(t *testing.T) {
	t.Helper()
	second := 2
	r := p.runner()
	r.Lake = noDelete{nthLake{p.lake, &second}}
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, errInjected) {
		t.Errorf("the run that is to leave a file: %v", err)
	}
}

// TestDoctorWhileARunGoesOn: doctor --fix waits in each of its operations, while a run begins and comes as far as an operation
// of its own; then doctor goes on to its end, and then the run does. Work may be lost, no row is, and no committed file.
func TestDoctorWhileARunGoesOn(t *testing.T) {
	far := []int{20, 26, 30, 34, 38, 42, 48, 1 << 30}
	if os.Getenv("SILT_SOAK") != "" {
		far = nil
		for i := range 90 {
			far = append(far, i)
		}
	}
	var next, ends atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !t.Failed() {
				n := int(next.Add(1) - 1)
				at, to := n/len(far)*soaking(3, 1), far[n%len(far)]
				p := newMemParts(t, 1)
				want, err := p.smallJob()
				if err != nil {
					t.Error(err)
					return
				}
				// something to mend: a run that died with files held
				p.abandon(t)
				fd := &injector{at: at, how: faultStall, stalled: make(chan struct{}), wake: make(chan struct{})}
				fixer := p.faulty(fd)
				fixer.Deleter, fixer.State = fixer.Lake, later{fixer.State.(jobs.LakeStore), 10 * 60e9}
				mended := make(chan error, 1)
				go func() {
					_, err := fix(t.Context(), fixer)
					mended <- err
				}()
				select {
				case err := <-mended:
					if err != nil {
						t.Errorf("doctor alone: %v", err)
					}
					ends.Store(int64(at))
					return
				case <-fd.stalled:
				}
				when := fmt.Sprintf("doctor in operation %d (%s)", at, fd.hit())
				fr := &injector{at: to, how: faultStall, stalled: make(chan struct{}), wake: make(chan struct{})}
				var log bytes.Buffer
				r := p.faulty(fr)
				r.LogTo, r.State = &log, later{r.State.(jobs.LakeStore), 10 * 60e9}
				ended := make(chan error, 1)
				go func() {
					_, err := r.Run(t.Context(), jobs.RunOptions{})
					ended <- err
				}()
				var runErr error
				select {
				case runErr = <-ended:
				case <-fr.stalled:
					when += fmt.Sprintf(", the run in operation %d (%s)", to, fr.hit())
				}
				close(fd.wake)
				if err := <-mended; err != nil {
					t.Errorf("%s: doctor: %v", when, err)
				}
				if fr.hit() != "" {
					close(fr.wake)
					runErr = <-ended
				}
				if runErr != nil && !errors.Is(runErr, ledger.ErrHeld) {
					t.Errorf("%s: the run: %v", when, runErr)
				}
				if strings.Contains(log.String(), "the store lost") {
					t.Errorf("%s: a file that was committed is gone:\n%s", when, log.String())
				}
				sum, err := p.mender().Run(t.Context(), jobs.RunOptions{})
				if err != nil || len(sum.Warnings) > 0 {
					t.Errorf("%s: the next run: %v, %q", when, err, sum.Warnings)
				}
				for _, s := range p.problems(t.Context(), want) {
					t.Errorf("%s: %s", when, s)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("doctor --fix has %d operations", ends.Load())
	if ends.Load() < 15 {
		t.Errorf("doctor --fix ended after %d operations", ends.Load())
	}
}

// TestDoctorLeavesWhatItDoesNotKnow: files of others stay, a lease keeps its batch from being fenced, a partition is added again.
func TestDoctorLeavesWhatItDoesNotKnow(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		ctx := t.Context()
		if _, err := p.smallJob(); err != nil {
			t.Fatal(err)
		}
		p.mustRun(t, jobs.RunOptions{})
		var live []string
		if err := p.lake.List(ctx, objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error { live = append(live, o.Key); return nil }); err != nil {
			t.Fatal(err)
		}
		folder := live[0][:strings.LastIndexByte(live[0], '/')+1]
		// the names that an attempt of the very batch would have, and one of nobody's
		batch := live[0][len(folder) : len(folder)+26]
		strange := []string{folder + "strange.parquet", folder + batch + "-01ARZ3NDEKTSV4RRFFQ69G5FAV-0.parquet", folder + "01ARZ3NDEKTSV4RRFFQ69G5FAV-01ARZ3NDEKTSV4RRFFQ69G5FAV-0.parquet"}
		for _, k := range strange {
			if _, err := p.lake.Put(ctx, k, strings.NewReader("x"), objstore.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		foreign, err := p.lake.Hold(ctx, folder+"01ARZ3NDEKTSV4RRFFQ69G5FAV-01ARZ3NDEKTSV4RRFFQ69G5FAV-1.parquet", strings.NewReader("x"), 1)
		if err != nil {
			t.Fatal(err)
		}
		x, err := compare(ctx, p.runner())
		if err != nil || len(x.Unknown) != 3 || len(x.Foreign) != 1 || x.LiveFiles != len(live) {
			t.Fatalf("%v: %+v", err, x)
		}
		m, err := fix(ctx, p.mender())
		if err != nil || m.Deleted+m.Dropped > 0 || m.Fence != 0 || len(m.Left.Unknown) != 3 || len(m.Left.Foreign) != 1 {
			t.Fatalf("%v: %+v", err, m)
		}
		for _, k := range strange {
			if _, err := p.lake.Head(ctx, k); err != nil {
				t.Errorf("%s: %v", k, err)
			}
			if err := p.lake.Delete(ctx, k); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.lake.Publish(ctx, foreign); err != nil { // it is still held
			t.Error(err)
		}
		if err := p.lake.Delete(ctx, foreign.Key); err != nil {
			t.Fatal(err)
		}

		// a live file that somebody deleted by hand is told, and nothing is made up for it
		if err := p.lake.Delete(ctx, live[0]); err != nil {
			t.Fatal(err)
		}
		x, err = compare(ctx, p.runner())
		if err != nil || len(x.Missing) != 1 || x.Missing[0] != live[0] {
			t.Fatalf("%v: %+v", err, x)
		}
	})
}

// TestDoctorFencesNobodyAtWork: while a run holds the lease of its plan, doctor --fix leaves its attempt alone.
func TestDoctorFencesNobodyAtWork(t *testing.T) {
	for at := 20; ; at++ { // as far as an attempt's record
		q := newMemParts(t, 1)
		want, err := q.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		f := &injector{at: at, how: faultStall, stalled: make(chan struct{}), wake: make(chan struct{})}
		ended := make(chan error, 1)
		go func() {
			_, err := q.faulty(f).Run(t.Context(), jobs.RunOptions{})
			ended <- err
		}()
		<-f.stalled
		if !strings.HasPrefix(f.hit(), "put mem://state/test/attempts/") {
			close(f.wake)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			continue
		}
		m, err := fix(t.Context(), q.deleting())
		if err != nil || m.Fence != 0 || m.Dropped > 0 || len(m.Left.Abandoned) != 1 || !m.Left.Abandoned[0].Busy {
			t.Errorf("%v: %+v, left %+v", err, m, m.Left)
		}
		close(f.wake)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, s := range q.problems(t.Context(), want) {
			t.Error(s)
		}
		return
	}
}

// TestDoctorAddsPartitions: one that somebody removed from the catalog is found and added again.
func TestDoctorAddsPartitions(t *testing.T) {
	p := newMemParts(t, 1)
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, jobs.RunOptions{})
	r := p.mender()
	r.Catalog = forgetful{r.Catalog}
	x, err := compare(t.Context(), r)
	if err != nil || len(x.Partitions) != 2 {
		t.Fatalf("%v: %+v", err, x)
	}
	var added []catalog.Partition
	r.Catalog = recording{forgetful{p.catalog}, &added}
	if _, err := fix(t.Context(), r); err != nil || len(added) != 2 {
		t.Errorf("%v: %+v", err, added)
	}
	for _, s := range p.problems(t.Context(), want) {
		t.Error(s)
	}
}

// forgetful is a catalog that has lost its partitions; recording one that keeps what is added.
type forgetful struct{ catalog.Catalog }

func (forgetful) Partitions(context.Context, string, func(catalog.Partition) error) error { return nil }

type recording struct {
	catalog.Catalog
	added *[]catalog.Partition
}

func (r recording) AddPartitions(ctx context.Context, table string, ps []catalog.Partition) (int, error) {
	*r.added = append(*r.added, ps...)
	return r.Catalog.AddPartitions(ctx, table, ps)
}

// TestDoctorNeedsToDelete: without the right to delete --fix refuses before it does anything; looking works.
func TestDoctorNeedsToDelete(t *testing.T) {
	p := newMemParts(t, 1)
	if _, err := p.smallJob(); err != nil {
		t.Fatal(err)
	}
	p.abandon(t)
	var before []string
	list := func() (out []string) {
		if err := p.state.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error { out = append(out, o.Key); return nil }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	before = list()
	if _, err := fix(t.Context(), p.afterwards()); !errors.Is(err, jobs.ErrNoDelete) || !strings.Contains(err.Error(), "delete_role_arn") {
		t.Errorf("doctor --fix: %v", err)
	}
	if x, err := compare(t.Context(), p.afterwards()); err != nil || len(x.Abandoned) != 1 || x.Abandoned[0].Busy {
		t.Errorf("doctor: %v, %+v", err, x)
	}
	if after := list(); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("something was written: %v", after)
	}
}

// TestRunDeletesAgain: a dead file that comes back, as when the store finishes a request late, is gone after the next run; one
// without the right to delete leaves it, and doctor --fix takes it.
func TestRunDeletesAgain(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		p.mustRun(t, jobs.RunOptions{})
		rewound, err := p.deleting().Rewind(t.Context(), "", false)
		if err != nil || len(rewound.Files) == 0 {
			t.Fatal(err, rewound)
		}
		p.mustRun(t, jobs.RunOptions{})
		revive := func() {
			if _, err := p.lake.Put(t.Context(), rewound.Files[0], strings.NewReader("late"), objstore.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		revive()
		p.mustRun(t, jobs.RunOptions{})
		p.again(t, want)
		revive()
		if _, err := p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil {
			t.Fatal(err)
		}
		if x, err := compare(t.Context(), p.runner()); err != nil || len(x.Dead) != 1 || x.Dead[0] != rewound.Files[0] || len(x.Unknown) > 0 {
			t.Errorf("%v: %+v", err, x)
		}
		if m, err := fix(t.Context(), p.deleting()); err != nil || m.Deleted != 1 {
			t.Errorf("%v: %+v", err, m)
		}
		p.again(t, want)
	})
}

// TestDoctorDropsWhatIsPublished: a publication that stopped between its two steps leaves its held file beside the visible one.
func TestDoctorDropsWhatIsPublished(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		p.mustRun(t, jobs.RunOptions{})
		var live string
		if err := p.lake.List(t.Context(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error { live = o.Key; return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := p.lake.Hold(t.Context(), live, strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
		x, err := compare(t.Context(), p.runner())
		if err != nil || len(x.Held) != 1 || x.Held[0].Why != "published" || !x.Held[0].Listed {
			t.Errorf("%v: %+v", err, x)
		}
		if m, err := fix(t.Context(), p.deleting()); err != nil || m.Dropped != 1 || m.Deleted > 0 {
			t.Errorf("%v: %+v", err, m)
		}
		for _, s := range append(p.mended(t.Context()), p.problems(t.Context(), want)...) {
			t.Error(s)
		}
	})
}
