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

// mender is a runner with the right to delete, at a time when today's leases have expired.
func (p *parts) mender() *jobs.Runner {
	r := p.afterwards()
	r.Deleter = p.lake
	return r
}

// corrected checks what doctor --fix leaves: only open batches need work, no file is held or dead, and every live file exists.
func (p *parts) corrected(ctx context.Context) (out []string) {
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

// Whatever operation a run dies in, doctor --fix leaves nothing behind, and after the next run every record is there once.
func TestDoctorAfterACrash(t *testing.T) {
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
						for _, s := range p.corrected(t.Context()) {
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

// A run stalls in an operation, and doctor --fix takes it for dead and drops what it holds. When the run continues, it cannot publish
// the dropped files: no row is lost or doubled, and no committed file is missing.
func TestDoctorDuringAStalledRun(t *testing.T) {
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
					t.Errorf("%s: the stalled run: %v", when, err)
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

// abandon makes a run hold the first of two files of a batch and fail before the second. It cannot drop the first either.
func (p *parts) abandon(t *testing.T) {
	t.Helper()
	second := 2
	r := p.runner()
	r.Lake = noDelete{nthLake{p.lake, &second}}
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, errInjected) {
		t.Errorf("the run that leaves a held file: %v", err)
	}
}

// doctor --fix stalls in each of its operations, while a run starts and comes as far as one of its own. Then doctor finishes, and
// then the run. Work can be lost, but no row and no committed file.
func TestDoctorDuringARun(t *testing.T) {
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
				// a run died with files held
				p.abandon(t)
				fd := &injector{at: at, how: faultStall, stalled: make(chan struct{}), wake: make(chan struct{})}
				fixer := p.faulty(fd)
				fixer.Deleter, fixer.State = fixer.Lake, later{fixer.State.(jobs.LakeStore), 10 * 60e9}
				corrected := make(chan error, 1)
				go func() {
					_, err := fix(t.Context(), fixer)
					corrected <- err
				}()
				select {
				case err := <-corrected:
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
				if err := <-corrected; err != nil {
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

// Files that no entry names are reported, and doctor --fix does not touch them.
func TestDoctorLeavesOtherFiles(t *testing.T) {
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
		// one name of another program, one that an attempt at the same batch would have, and one of an unknown batch
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
		others := map[string]int{"unknown": 3, "foreign": 1, "live_files": len(live)}
		x, err := compare(ctx, p.runner())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "found", others, found(t, x))
		m, err := fix(ctx, p.mender())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "fixed", doctor.Fixed{}, did(m))
		same(t, "left", others, found(t, m.Left))
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

		// a live file that somebody deleted by hand is reported
		if err := p.lake.Delete(ctx, live[0]); err != nil {
			t.Fatal(err)
		}
		if x, err = compare(ctx, p.runner()); err != nil {
			t.Fatal(err)
		}
		same(t, "missing", live[:1], x.Missing)
	})
}

// While a run holds the lease of its plan, doctor --fix does not fence its attempt.
func TestDoctorDoesNotFenceARunInProgress(t *testing.T) {
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
		if err != nil {
			t.Fatal(err)
		}
		same(t, "fixed", doctor.Fixed{}, did(m))
		same(t, "left", map[string]int{"abandoned": 1}, found(t, m.Left))
		if !m.Left.Abandoned[0].Busy {
			t.Error("the attempt of a run that holds its lease is not busy")
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

// Partitions that somebody removed from the catalog are found and added again.
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

// forgetful is a catalog that has lost its partitions. recording is one that remembers which are added.
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

// Without the right to delete, doctor --fix refuses before it writes anything. The comparison works.
func TestDoctorNeedsTheRightToDelete(t *testing.T) {
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
	x, err := compare(t.Context(), p.afterwards())
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Abandoned) != 1 || x.Abandoned[0].Busy {
		t.Errorf("abandoned attempts are %+v, want one that is not busy", x.Abandoned)
	}
	same(t, "the state after a refusal", before, list())
}

// The next run deletes a dead file that came back because the store finished a request late. A run without the right to delete
// leaves it, and doctor --fix deletes it.
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
		x, err := compare(t.Context(), p.runner())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "dead", rewound.Files[:1], x.Dead)
		same(t, "unknown", []string{}, x.Unknown)
		m, err := fix(t.Context(), p.deleting())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "fixed", doctor.Fixed{Deleted: 1}, did(m))
		p.again(t, want)
	})
}

// A publication that stopped between its two steps leaves a held file in addition to the visible one. doctor --fix drops it.
func TestDoctorDropsPublishedFiles(t *testing.T) {
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
		h, err := p.lake.HeldList(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		x, err := compare(t.Context(), p.runner())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "held", []doctor.HeldFile{{Held: h[0], Why: "published", Listed: true}}, x.Held)
		m, err := fix(t.Context(), p.deleting())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "fixed", doctor.Fixed{Dropped: 1}, did(m))
		for _, s := range append(p.corrected(t.Context()), p.problems(t.Context(), want)...) {
			t.Error(s)
		}
	})
}
