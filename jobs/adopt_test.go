package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/adopt"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/provenance"
	"github.com/silt-etl/silt/jobs"
)

// loseState gives the job a state without anything in it.
func (p *parts) loseState(t *testing.T) {
	t.Helper()
	p.adopted = true
	switch p.state.(type) {
	case *memstore.Store:
		p.state = memstore.New("mem://lost")
	case *dirstore.Store:
		s, err := dirstore.Open(dirstore.Config{Root: t.TempDir(), Create: true})
		if err != nil {
			t.Fatal(err)
		}
		p.state = s
	default:
		var keys []string
		err := p.state.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error { keys = append(keys, o.Key); return nil })
		for _, k := range keys {
			err = errors.Join(err, p.state.Delete(t.Context(), k))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// mustAdopt adopts with the right to delete.
func (p *parts) mustAdopt(t *testing.T, o adopt.Options) *adopt.Report {
	t.Helper()
	p.adopted = true
	r, sum, err := p.deleting().Adopt(t.Context(), jobs.AdoptOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	if sum.State != "SUCCEEDED" || sum.Command != "adopt" {
		t.Errorf("%s ended as %s", sum.Command, sum.State)
	}
	return r
}

// history is a job of several batches that were replaced, replayed and added to.
func (p *parts) history(t *testing.T) (after wanted) {
	t.Helper()
	_, after, err := p.replaceJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := p.put(key("d"), gz(kindOf(7, 0, "dns"), flow(8, 0))); err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, jobs.RunOptions{})
	if _, err := withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{}); err != nil {
		t.Fatal(err)
	}
	after.rows[row(7, 0)], after.rows[row(8, 0)] = 1, 1
	p.check(t, "history", after)
	return after
}

// TestAdoptLake: a ledger that was lost is rebuilt from the lake alone. Every row is there once, objects are taken, and counts
// reconcile; quarantined records are lost, and counted.
func TestAdoptLake(t *testing.T) {
	s3 := newS3Parts(t)
	for name, newParts := range map[string]func() *parts{
		"memory":  func() *parts { return newMemParts(t, 1) },
		"folders": func() *parts { return newDirParts(t, 1) },
		"S3":      s3,
	} {
		t.Run(name, func(t *testing.T) {
			p := newParts()
			after := p.history(t)
			before := p.counts(t)
			p.loseState(t)
			_, err := p.runner().Run(t.Context(), jobs.RunOptions{})
			wantError(t, "a run", err, jobs.ErrOtherFiles, 1)
			files := p.visible(t)
			dry := p.mustAdopt(t, adopt.Options{DryRun: true})
			if n := p.seq(t); n != 0 {
				t.Errorf("a dry run wrote %d entries", n)
			}
			r := p.mustAdopt(t, adopt.Options{})
			same(t, "report", fields{"batches": 3, "attempts": 5, "objects": 4, "rows": int64(8), "lost": int64(1), "files": len(files), "skip": true, "problems": 0},
				fields{"batches": r.Batches, "attempts": r.Attempts, "objects": r.Objects, "rows": r.Rows, "lost": r.Quarantined, "files": r.Files, "skip": r.SkipUntil == nil, "problems": len(r.Unadopted)})
			if dry.DryRun = false; dry.Quarantined == 0 {
				dry.Quarantined = r.Quarantined // only known once it is adopted
			}
			if diff := cmp.Diff(dry, r); diff != "" {
				t.Errorf("(-dry run +adopt):\n%s", diff)
			}
			after.quarantined = nil
			p.check(t, "adopted", after)
			if diff := cmp.Diff(files, p.visible(t)); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
			got, want := p.counts(t), before
			want.Expired, want.Quarantined = before.Quarantined, 0
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Read != 0 || sum.Objects.Taken != 4 {
				t.Errorf("a run: %+v", sum.Objects)
			}
			seq := p.seq(t)
			if r := p.mustAdopt(t, adopt.Options{}); r.Attempts != 0 || p.seq(t) != seq {
				t.Errorf("a second adopt: %+v, and entries %d to %d", r, seq, p.seq(t))
			}
			// what comes later works as if nothing had happened, also after a second loss
			if _, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil {
				t.Fatal(err)
			}
			after.quarantined = map[string]int{key("a") + "@3": 1}
			p.check(t, "replaced", after)
			p.loseState(t)
			p.mustAdopt(t, adopt.Options{})
			after.quarantined = nil
			p.check(t, "adopted twice", after)
		})
	}
}

// TestAdoptCopies: an older copy of the state becomes what the lake is, whenever it was made: before a batch, with the batch open, before
// a replay and before a replace. Its quarantine comes back as far as the copy has it.
func TestAdoptCopies(t *testing.T) {
	p := newMemParts(t, 1)
	state := &writeLog{LakeStore: p.state}
	p.state = state
	after := p.history(t)
	if _, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil {
		t.Fatal(err)
	}
	p.check(t, "history", after)
	files := p.visible(t)
	n, refused, started := 0, 0, 0
	for at := 0; at <= len(state.puts); at++ {
		if at < len(state.puts) && !strings.Contains(state.puts[at].key, "/ledger/") {
			continue // a copy differs only by the entries that it has
		}
		n++
		q := *p
		q.state = state.copyThrough(t, at)
		q.lake = copyOf(t, p.lake)
		// A run with the copy may have been tried first: it loads nothing twice, and does not keep the copy from being adopted.
		if n%3 > 0 {
			seq := q.seq(t)
			_, err := q.deleting().Run(t.Context(), jobs.RunOptions{Replan: n%3 == 2})
			if err != nil && !errors.Is(err, jobs.ErrOtherFiles) {
				t.Errorf("the copy before write %d: a run before it is adopted: %v", at, err)
			}
			if err != nil {
				refused++
			}
			if diff := cmp.Diff(files, q.visible(t)); diff != "" {
				t.Errorf("the copy before write %d: files after a run of entry %d on (-before +after):\n%s", at, seq, diff)
			}
		}
		r, _, err := q.deleting().Adopt(t.Context(), jobs.AdoptOptions{})
		if err != nil && strings.Contains(err.Error(), "move the folders ledger, checkpoints, manifests and attempts") { // the entry was not done, and its files are gone
			started++
			var keys []string
			e := q.state.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error { keys = append(keys, o.Key); return nil })
			for _, k := range keys {
				if !strings.Contains(k, "/quarantine/") {
					e = errors.Join(e, q.state.Delete(t.Context(), k))
				}
			}
			if e != nil {
				t.Fatal(e)
			}
			r, _, err = q.deleting().Adopt(t.Context(), jobs.AdoptOptions{})
		}
		if err != nil {
			t.Errorf("the copy before write %d: %v", at, err)
			continue
		}
		q.adopted = true
		want := after
		if len(q.rowsInQuarantine(t)) == 0 {
			want.quarantined = nil
		}
		q.check(t, fmt.Sprintf("the copy before write %d", at), want)
		if diff := cmp.Diff(files, q.visible(t)); diff != "" {
			t.Errorf("the copy before write %d: files (-before +after):\n%s\n%+v", at, diff, r)
		}
		if sum := q.mustRun(t, jobs.RunOptions{}); sum.Objects.Read != 0 {
			t.Errorf("the copy before write %d: a run reads %+v", at, sum.Objects)
		}
	}
	if n < 12 || refused < 4 || started > n/4 {
		t.Errorf("%d copies, with which %d runs were refused, and %d of which were left for the lake alone", n, refused, started)
	}
}

// writeLog notes what is written to a store, in order.
type writeLog struct {
	jobs.LakeStore
	mu   sync.Mutex
	puts []recorded
}

type recorded struct {
	key  string
	data []byte // nil: deleted
}

func (r *writeLog) note(key string, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.puts = append(r.puts, recorded{key, data})
}

// Put implements objstore.Bucket.
func (r *writeLog) Put(ctx context.Context, key string, in io.Reader, o objstore.PutOptions) (objstore.Object, error) {
	data, err := io.ReadAll(in)
	if err != nil {
		return objstore.Object{}, err
	}
	out, err := r.LakeStore.Put(ctx, key, bytes.NewReader(data), o)
	if err == nil {
		r.note(key, data)
	}
	return out, err
}

// Delete implements objstore.Bucket.
func (r *writeLog) Delete(ctx context.Context, key string) error {
	err := r.LakeStore.Delete(ctx, key)
	if err == nil {
		r.note(key, nil)
	}
	return err
}

// copyThrough is the store as it was after a number of writes, without leases: their holders are gone.
func (r *writeLog) copyThrough(t *testing.T, writes int) jobs.LakeStore {
	t.Helper()
	out := memstore.New("mem://copy")
	for _, w := range r.puts[:writes] {
		var err error
		switch {
		case strings.Contains(w.key, "/leases/"):
		case w.data == nil:
			err = out.Delete(t.Context(), w.key)
		default:
			_, err = out.Put(t.Context(), w.key, bytes.NewReader(w.data), objstore.PutOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestAdoptRefuses: a file that cannot be adopted with certainty keeps everything from being written, unless a skip covers its objects.
func TestAdoptRefuses(t *testing.T) {
	first := func(p *parts, of int) string {
		for _, k := range p.visible(t) {
			if strings.HasSuffix(k, fmt.Sprintf("-%d.parquet", of)) {
				return k
			}
		}
		t.Fatal("no such file")
		return ""
	}
	move := func(p *parts, from, to string) {
		t.Helper()
		in, _, err := p.lake.Get(t.Context(), from, objstore.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if _, err := p.lake.Put(t.Context(), to, in, objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		before, after func(p *parts)
		why           string
	}{
		"files without provenance": {before: func(p *parts) { p.spec.Lake.Provenance = "off" }, why: "no provenance"},
		"file 0 is gone": {after: func(p *parts) {
			if err := p.lake.Delete(t.Context(), first(p, 0)); err != nil {
				t.Fatal(err)
			}
		}, why: "file 0"},
		"a damaged file 0": {after: func(p *parts) {
			if _, err := p.lake.Put(t.Context(), first(p, 0), strings.NewReader("x"), objstore.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}, why: "Parquet"},
		"a file of another size": {after: func(p *parts) {
			if _, err := p.lake.Put(t.Context(), first(p, 1), strings.NewReader("x"), objstore.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}, why: "1 bytes"},
		"another name":  {after: func(p *parts) { p.spec.Name = "other" }, why: "--from test"},
		"another table": {after: func(p *parts) { p.spec.Catalog.Table = "other" }, why: "no class of the job writes to that table"},
		"a missing file, and an object that is gone": {after: func(p *parts) {
			if err := errors.Join(p.lake.Delete(t.Context(), first(p, 1)), p.staging.Delete(t.Context(), key("a"))); err != nil {
				t.Fatal(err)
			}
		}, why: "staging no longer has the object"},
		"a copy of a file under another attempt": {after: func(p *parts) {
			k := first(p, 0)
			id, _, _ := provenance.Parse(k)
			move(p, k, strings.Replace(k, id.Attempt, "01KB6R8Y2N0000000000000001", 1))
		}, why: "a copy of another file"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newMemParts(t, 1)
			if c.before != nil {
				c.before(p)
			}
			if _, err := p.smallJob(); err != nil {
				t.Fatal(err)
			}
			p.mustRun(t, jobs.RunOptions{})
			p.loseState(t)
			if c.after != nil {
				c.after(p)
			}
			files := p.visible(t)
			_, _, err := p.deleting().Adopt(t.Context(), jobs.AdoptOptions{})
			wantError(t, "adopt", err, adopt.ErrUnaccounted, 1, c.why, "--skip-until ")
			_, until, _ := strings.Cut(fmt.Sprint(err), "--skip-until ")
			until, _, _ = strings.Cut(until, ",")
			at, e := time.Parse(time.RFC3339, until)
			if e != nil {
				t.Fatal(e)
			}
			_, _, err = p.deleting().Adopt(t.Context(), jobs.AdoptOptions{Options: adopt.Options{SkipUntil: at.Add(-time.Hour)}})
			wantError(t, "with a skip that covers too little", err, adopt.ErrUnaccounted, 1)
			if n := p.seq(t); n != 0 {
				t.Fatalf("it wrote %d entries", n)
			}
			r := p.mustAdopt(t, adopt.Options{SkipUntil: at})
			if r.SkipUntil == nil || len(r.Unadopted) == 0 {
				t.Errorf("report: %+v", r)
			}
			if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Read != 0 {
				t.Errorf("a run after it reads %+v", sum.Objects)
			}
			if diff := cmp.Diff(files, p.visible(t)); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
		})
	}
}

// TestAdoptIncomplete: a batch of which a file is missing is withdrawn, and its objects are loaded again; without the right to delete it
// is refused.
func TestAdoptIncomplete(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		p.mustRun(t, jobs.RunOptions{})
		p.loseState(t)
		for _, k := range p.visible(t) {
			if strings.HasSuffix(k, "-1.parquet") {
				if err := p.lake.Delete(t.Context(), k); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		_, _, err = p.runner().Adopt(t.Context(), jobs.AdoptOptions{})
		wantError(t, "without the right to delete", err, adopt.ErrUnaccounted, 1, "lake.delete_role_arn")
		if r := p.mustAdopt(t, adopt.Options{}); r.Partial != 1 {
			t.Errorf("report: %+v", r)
		}
		p.mustRun(t, jobs.RunOptions{})
		want.quarantined = nil
		for _, s := range p.problems(t.Context(), wanted{rows: want.rows}) {
			if !strings.HasPrefix(s, "quarantine: "+key("b")) { // it comes back if b was in the batch
				t.Error(s)
			}
		}
	})
}

// putBack writes the files of an old copy of a lake again, without the first ones, and returns how many the copy has.
func putBack(t *testing.T, lake, old jobs.LakeStore, without int) (n int) {
	t.Helper()
	err := old.List(t.Context(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error {
		if n++; n <= without {
			return nil
		}
		in, _, err := old.Get(t.Context(), o.Key, objstore.GetOptions{})
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = lake.Put(t.Context(), o.Key, in, objstore.PutOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAdoptReplaced: files that a replace removed and that are still there are deleted.
func TestAdoptReplaced(t *testing.T) {
	p := newMemParts(t, 1)
	_, after, err := p.replaceJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := copyOf(t, p.lake)
	if _, err := withCorrected(p.deleting()).Backfill(t.Context(), october()); err != nil {
		t.Fatal(err)
	}
	n := putBack(t, p.lake, old, 1) // file 0 is already gone
	p.loseState(t)
	_, _, err = p.runner().Adopt(t.Context(), jobs.AdoptOptions{})
	wantError(t, "without the right to delete", err, adopt.ErrUnaccounted, 1, "lake.delete_role_arn")
	if r := p.mustAdopt(t, adopt.Options{}); r.Replaced != n-1 {
		t.Errorf("report: %+v", r)
	}
	after.quarantined = nil
	p.check(t, "adopted", after)
}

// TestAdoptHalfReplaced: a replace of which a file is missing, next to the files that it replaced, is withdrawn, and its objects are
// loaded again, whichever operation an adopt dies at before it is repeated.
func TestAdoptHalfReplaced(t *testing.T) {
	made := newMemParts(t, 1)
	_, after, err := made.replaceJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := copyOf(t, made.lake)
	if _, err := withCorrected(made.deleting()).Backfill(t.Context(), october()); err != nil {
		t.Fatal(err)
	}
	files := made.visible(t)
	putBack(t, made.lake, old, 0)
	missing := files[slices.IndexFunc(files, func(k string) bool { return strings.HasSuffix(k, "-1.parquet") })]
	if err := made.lake.Delete(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
	stopped := 0
	for at := 0; !t.Failed(); at++ {
		f := &injector{at: at, how: []fault{faultDead, faultDeadAfter}[at%2]}
		p := *made
		p.lake, p.state = copyOf(t, made.lake), memstore.New("mem://lost")
		p.adopted = true
		if p.catalog, err = local.Open(filepath.Join(t.TempDir(), "catalog"), p.spec.Catalog.Database); err != nil {
			t.Fatal(err)
		}
		r := p.faulty(f)
		r.Deleter = r.Lake
		_, _, err := r.Adopt(t.Context(), jobs.AdoptOptions{})
		if f.hit() == "" {
			if err != nil || stopped < 20 {
				t.Errorf("without a fault, after %d stops: %v", stopped, err)
			}
			return
		}
		stopped++
		again := p.afterwards()
		again.Deleter = again.Lake
		if _, _, err := again.Adopt(t.Context(), jobs.AdoptOptions{}); err != nil {
			t.Errorf("stopped at operation %d (%s), adopt again: %v", at, f.hit(), err)
		}
		if _, err := withCorrected(p.afterwards()).Run(t.Context(), jobs.RunOptions{}); err != nil {
			t.Errorf("stopped at operation %d (%s), a run: %v", at, f.hit(), err)
		}
		after.quarantined = nil
		for _, s := range p.problems(t.Context(), after) {
			if !strings.HasPrefix(s, "quarantine: ") { // it comes back for objects that are loaded again
				t.Errorf("stopped at operation %d (%s): %s", at, f.hit(), s)
			}
		}
	}
}

// TestAdoptOther: with --from, files that have the job's former name are adopted. Two jobs that share a table adopt their own files.
func TestAdoptOther(t *testing.T) {
	p := newMemParts(t, 1)
	if _, err := p.smallJob(); err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, jobs.RunOptions{})
	shared := *p
	spec := *p.spec
	spec.Name, spec.Lake.Shared = "second", true
	shared.spec = &spec
	shared.mustRun(t, jobs.RunOptions{})
	p.loseState(t)
	p.spec.Lake.Shared = true
	if r := p.mustAdopt(t, adopt.Options{}); r.Batches != 2 || r.Foreign != r.Files {
		t.Errorf("report: %+v", r)
	}
	p.loseState(t)
	p.spec.Name = "renamed"
	r, _, err := p.deleting().Adopt(t.Context(), jobs.AdoptOptions{From: "test"})
	if err != nil || r.Batches != 2 || r.Foreign != r.Files {
		t.Errorf("with a former name: %+v, %v", r, err)
	}
	if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Read != 0 {
		t.Errorf("a run of the renamed job: %+v", sum.Objects)
	}
}

// TestAdoptStopped: whichever operation an adopt dies at, no run loads anything twice before it is repeated, and when it is repeated
// everything is adopted.
func TestAdoptStopped(t *testing.T) {
	var next, stopped, halfWay atomic.Int64
	var wg sync.WaitGroup
	made := newMemParts(t, 1)
	after := made.history(t)
	after.quarantined = nil
	for range 4 {
		wg.Go(func() {
			for !t.Failed() {
				at := int(next.Add(1) - 1)
				f := &injector{at: at, how: []fault{faultDead, faultDeadAfter, faultLost}[at%3]}
				p := *made
				p.lake, p.state = copyOf(t, made.lake), memstore.New("mem://lost")
				p.adopted = true
				cat, err := local.Open(filepath.Join(t.TempDir(), "catalog"), p.spec.Catalog.Database)
				if err != nil {
					t.Error(err)
					return
				}
				p.catalog = cat
				r := p.faulty(f)
				r.Deleter = r.Lake
				_, _, err = r.Adopt(t.Context(), jobs.AdoptOptions{})
				if f.hit() == "" {
					if err != nil {
						t.Errorf("without a fault: %v", err)
					}
					return
				}
				stopped.Add(1)
				when := fmt.Sprintf("operation %d (%s) %s", at, f.hit(), f.how)
				for _, o := range []jobs.RunOptions{{}, {Replan: true}} {
					_, err := p.afterwards().Run(t.Context(), o)
					if errors.Is(err, jobs.ErrAdopting) {
						halfWay.Add(1)
					}
					if err != nil && !errors.Is(err, jobs.ErrOtherFiles) && !errors.Is(err, jobs.ErrAdopting) && !errors.Is(err, ledger.ErrHeld) {
						t.Errorf("%s, the next run: %v", when, err)
					}
				}
				again := p.afterwards()
				again.Deleter = again.Lake
				if _, _, err := again.Adopt(t.Context(), jobs.AdoptOptions{}); err != nil {
					t.Errorf("%s, adopt again: %v", when, err)
					return
				}
				if sum, err := p.afterwards().Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Objects.Read != 0 {
					t.Errorf("%s, a run after all: %+v, %v", when, sum.Objects, err)
				}
				for _, s := range p.problems(t.Context(), after) {
					t.Errorf("%s, after all: %s", when, s)
				}
			}
		})
	}
	wg.Wait()
	if n, half := stopped.Load(), halfWay.Load(); n < 40 || half < 10 {
		t.Errorf("the sweep ended after %d operations, and %d runs found an adopt that was half way", n, half)
	}
}
