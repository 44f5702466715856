package jobs_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// watched is staging that counts listings by prefix, does something before the first read of a key, and denies reads. It can have an
// archive.
type watched struct {
	objstore.Reader
	mu      sync.Mutex
	lists   map[string]int
	before  map[string]func()
	denied  map[string]bool
	archive *objstoretest.Archive
}

func (w *watched) List(ctx context.Context, o objstore.ListOptions, fn func(objstore.Object) error) error {
	w.mu.Lock()
	if w.lists == nil {
		w.lists = map[string]int{}
	}
	w.lists[o.Prefix]++
	w.mu.Unlock()
	return w.Reader.List(ctx, o, fn)
}

func (w *watched) Get(ctx context.Context, k string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	w.mu.Lock()
	do := w.before[k]
	delete(w.before, k)
	denied := w.denied[k]
	w.mu.Unlock()
	if denied {
		return nil, objstore.Object{}, objstore.Fail("get", w.String(), k, objstore.ErrDenied, "allow s3:GetObject")
	}
	if do != nil {
		do()
	}
	return w.Reader.Get(ctx, k, o)
}

// runAt runs the job at a time, over w.
func (p *parts) runAt(t *testing.T, now time.Time, w *watched) *report.Summary {
	t.Helper()
	p.setClock(now)
	r := p.deleting()
	r.Now = func() time.Time { return now }
	if w.Reader = p.staging; w.archive != nil {
		w.Reader = w.archive.Reader(p.staging)
	}
	r.Staging = w
	sum, err := r.Run(t.Context(), jobs.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestRecheck: each folder of days before the lookback is listed once a week, so that what arrives there late is taken within a week,
// with a warning; a run lists at most source.recheck_folders of them.
func TestRecheck(t *testing.T) {
	p := newMemParts(t, 1<<20)
	want := wanted{rows: map[string]int{}}
	now := date("2020-12-01")
	p.setClock(now)
	for day := range 20 {
		p.stageDay(t, want, now.AddDate(0, 0, -day).Format("2006/01/02"), 1+day)
	}
	w := &watched{}
	p.runAt(t, now, w)
	old := keyOf("2020/11/13", "")
	old = old[:strings.Index(old, "/11/13/")+len("/11/13/")]
	months := strings.TrimSuffix(old, "11/13/") + "10/"
	p.stageDay(t, want, "2020/11/13", 50)
	p.stageDay(t, want, "2020/10/13", 51)
	w.lists = nil
	found, warnings := 0, 0
	for range 14 {
		now = now.Add(12 * time.Hour)
		sum := p.runAt(t, now, w)
		found += sum.Objects.Read
		if warned(sum, "under days before the lookback") {
			warnings++
		}
	}
	if found != 2 || warnings == 0 {
		t.Errorf("the runs of a week took %d late objects, and %d warned", found, warnings)
	}
	if w.lists[old] != 1 || w.lists[months] != 1 {
		t.Errorf("%s was listed %d times, %s %d times", old, w.lists[old], months, w.lists[months])
	}
	p.again(t, want)
	if left := p.leftOut(t); left.Late != 0 || left.Folders < 15 || left.Runs < 13 || left.Runs > 15 {
		t.Errorf("doctor finds %+v", left)
	}

	p.spec.Source.RecheckFolders = 3
	now = now.AddDate(0, 0, 8)
	if sum := p.runAt(t, now, w); sum.Rechecked != 3 {
		t.Errorf("%d folders were listed again", sum.Rechecked)
	}
	p.spec.Source.RecheckFolders = 0
	if sum := p.runAt(t, now.AddDate(0, 0, 8), w); sum.Rechecked != 0 {
		t.Errorf("%d folders were listed again", sum.Rechecked)
	}
}

// TestWaitingKeepsItsFolder: an object that is too young, or that is overwritten before it is read, is taken by the first run that can,
// although the watermark has passed its day meanwhile.
func TestWaitingKeepsItsFolder(t *testing.T) {
	for _, what := range []string{"unsettled", "overwritten"} {
		t.Run(what, func(t *testing.T) {
			p := newMemParts(t, 1<<20)
			p.spec.Source.RecheckFolders = 0 // a recheck would find it too
			want := wanted{rows: map[string]int{}}
			now := date("2020-12-01").Add(12 * time.Hour)
			p.setClock(now)
			p.stageDay(t, want, "2020/12/01", 1)
			w := &watched{}
			p.runAt(t, now, w)
			p.spec.Source.Settle = time.Hour
			waits := keyOf("2020/12/02", "o2")
			now = now.AddDate(0, 0, 1)
			p.setClock(now)
			p.stageDay(t, want, "2020/12/02", 2)
			rewrite := func(at time.Time, flowID int) {
				p.setClock(at)
				if err := p.put(waits, gz(flow(flowID, 0))); err != nil {
					t.Fatal(err)
				}
			}
			delete(want.rows, row(2, 0))
			want.rows[row(99, 0)] = 1
			for day := 3; day < 9; day++ {
				p.stageDay(t, want, fmt.Sprintf("2020/12/%02d", day), day)
				now = now.AddDate(0, 0, 1)
				if what == "unsettled" {
					rewrite(now, 100+day)
				} else if p.setClock(now.Add(-2 * time.Hour)); true {
					w.before = map[string]func(){waits: func() { rewrite(now.Add(-2*time.Hour), 100+day) }}
				}
				if sum := p.runAt(t, now, w); sum.Objects.Unsettled+sum.Objects.Gone != 1 {
					t.Fatalf("on day %d: %+v", day, sum.Objects)
				}
			}
			w.before = nil
			rewrite(now, 99)
			if sum := p.runAt(t, now.Add(2*time.Hour), w); sum.Objects.Read != 1 {
				t.Errorf("%+v", sum.Objects)
			}
			p.again(t, want)
		})
	}
}

// TestTimesOfTheFuture: an object with a time of a wrong clock is not too young forever.
func TestTimesOfTheFuture(t *testing.T) {
	p := newMemParts(t, 1<<20)
	want := wanted{rows: map[string]int{}}
	now := date("2020-12-01")
	p.spec.Source.Settle = time.Hour
	p.setClock(now.AddDate(10, 0, 0))
	p.stageDay(t, want, "2020/12/01", 1)
	if sum := p.runAt(t, now, &watched{}); sum.Objects.Read != 1 {
		t.Errorf("%+v", sum.Objects)
	}
	p.again(t, want)
}

// TestNeverBlind runs random histories: objects of days that are late, today's, and far in the future; of folders old and new; that are
// overwritten before or after they are read; that are too young; that are denied for a while; that are archived, before or after they are
// taken, restored, and archived again when the restored copy expires. After the runs of a week in which all can be read, runs have taken
// what a full listing has, each version once.
func TestNeverBlind(t *testing.T) {
	var met struct{ archived, denied atomic.Int64 } // in all histories
	t.Cleanup(func() {
		if os.Getenv("SILT_SEED") == "" && (met.archived.Load() == 0 || met.denied.Load() == 0) {
			t.Errorf("runs met %d archived and %d denied objects", met.archived.Load(), met.denied.Load())
		}
	})
	for _, seed := range seeds(t, soaking(6, 200)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 5))
			p := newMemParts(t, 1<<20)
			p.spec.Source.Settle = time.Hour
			p.spec.Limits.MaxDeniedObjects = 1000
			p.checkpoints = rnd.IntN(2) * 3
			archive := &objstoretest.Archive{}
			want := wanted{rows: map[string]int{}}
			rows := map[string]string{} // by key: the row of its version
			var keys, did []string
			flows := 0
			now := date("2020-12-01").Add(12 * time.Hour)
			stage := func(k string, at time.Time) {
				flows++
				p.setClock(at)
				if err := p.put(k, gz(flow(flows, 0))); err != nil {
					t.Fatal(err)
				}
				archive.Forget(k)
				if _, ok := rows[k]; !ok {
					keys = append(keys, k)
				}
				rows[k] = row(flows, 0)
				want.rows[rows[k]] = 1
			}
			newKey := func() string {
				day := now
				switch rnd.IntN(6) {
				case 0:
					day = now.AddDate(0, 0, -3-rnd.IntN(60))
				case 1:
					day = now.AddDate(0, 0, -rnd.IntN(3))
				case 2:
					day = now.AddDate(0, 0, 2+rnd.IntN(3000))
				}
				return strings.Replace(keyOf(day.Format("2006/01/02"), fmt.Sprint("o", flows)), "/fw/", fmt.Sprintf("/fw%d/", rnd.IntN(3)), 1)
			}
			overwrite := func(k string, at time.Time) {
				p.setClock(at)
				st := p.state0(t)
				if o, err := p.staging.Head(t.Context(), k); err != nil || !st.TakenObject(o) {
					delete(want.rows, rows[k]) // nobody has read that version, and nobody can any more
				}
				stage(k, at)
			}
			w := &watched{archive: archive}
			restore := func(k string) {
				head, err := archive.Reader(p.staging).Head(t.Context(), k)
				if err != nil {
					t.Fatal(err)
				}
				o := objstore.RestoreOptions{Tier: objstore.TierBulk, Days: 1}
				if head.StorageClass == objstore.ClassIntelligentTiering {
					o.Days = 0
				}
				if _, err := archive.Reader(p.staging).(objstore.Restorer).Restore(t.Context(), k, o); err != nil {
					t.Fatal(err)
				}
			}
			// weather changes what can be read.
			weather := func() {
				w.denied = map[string]bool{}
				for _, k := range keys {
					class := []string{objstore.ClassGlacier, objstore.ClassDeepArchive, objstore.ClassIntelligentTiering, "GLACIER_IR"}[rnd.IntN(4)]
					switch rnd.IntN(8) {
					case 0:
						w.denied[k] = true
						did = append(did, "denied: "+k)
					case 1:
						archive.Move(k, class)
						did = append(did, "archived: "+k+" in "+class)
					case 2:
						restore(k)
						did = append(did, "asked to restore: "+k)
					}
				}
				switch rnd.IntN(3) {
				case 0:
					did = append(did, fmt.Sprintf("restored: %d", archive.Finish(now)))
				case 1:
					archive.Expire()
					did = append(did, "restored copies have expired")
				}
			}
			archived, denied := 0, 0
			for range 8 {
				now = now.Add(time.Duration(6+rnd.IntN(40)) * time.Hour)
				for range 1 + rnd.IntN(3) {
					at := now.Add(-time.Duration(rnd.IntN(3)) * time.Hour) // some are too young
					if len(keys) > 0 && rnd.IntN(5) == 0 {
						k := keys[rnd.IntN(len(keys))]
						did = append(did, "overwritten: "+k)
						overwrite(k, at)
					} else {
						k := newKey()
						did = append(did, "new: "+k)
						stage(k, at)
					}
				}
				if rnd.IntN(3) == 0 {
					k := keys[rnd.IntN(len(keys))]
					did = append(did, "overwritten before it is read: "+k)
					w.before = map[string]func(){k: func() {
						delete(want.rows, rows[k])
						stage(k, now.Add(-2*time.Hour))
					}}
				}
				weather()
				sum := p.runAt(t, now, w)
				archived, denied = archived+sum.Objects.Archived, denied+sum.Objects.Denied
				w.before = nil
				did = append(did, fmt.Sprintf("run at %s: %+v", now.Format(time.DateTime), sum.Objects))
			}
			met.archived.Add(int64(archived))
			met.denied.Add(int64(denied))
			w.denied = nil
			for _, k := range keys {
				restore(k)
			}
			archive.Finish(now.AddDate(1, 0, 0))
			for range 9 {
				now = now.Add(24 * time.Hour)
				p.runAt(t, now, w)
			}
			for _, problem := range p.left(t.Context(), want) {
				t.Error(problem)
			}
			if left := p.leftOut(t); left.Late != 0 {
				t.Errorf("doctor finds %+v", left)
			}
			if t.Failed() {
				t.Logf("history:\n%s", strings.Join(did, "\n"))
			}
		})
	}
}
