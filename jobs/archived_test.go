package jobs_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog/gluefake"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	"github.com/silt-etl/silt/internal/recheck"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// archivedWorld is a job whose staging has an archive.
type archivedWorld struct {
	*parts
	t *testing.T
	objstoretest.Archive
	prefix string // of the archive's keys
}

func newArchivedWorld(t *testing.T) *archivedWorld {
	t.Helper()
	return &archivedWorld{parts: newMemParts(t, 2<<30), t: t}
}

// newS3ArchivedWorld is a job on an S3 server that archives.
func newS3ArchivedWorld(t *testing.T) *archivedWorld {
	t.Helper()
	w := &archivedWorld{t: t}
	fake := gluefake.Start(t)
	w.parts = newS3PartsAt(t, w.Before(t, objstoretest.StartVersityGW(t)), fake.URL, fake.CreateDatabase)()
	w.spec.Limits.BatchBytes = 2 << 30
	w.prefix = strings.TrimSuffix(strings.TrimPrefix(w.staging.String(), "s3://"), "/") + "/"
	return w
}

func (w *archivedWorld) runner() *jobs.Runner {
	r := w.deleting()
	if w.prefix == "" {
		r.Staging = w.Reader(w.staging)
	}
	r.RestoreDelay = time.Millisecond
	return r
}

func (w *archivedWorld) move(night int, class string) { w.Move(w.prefix+nightKey(night), class) }

func (w *archivedWorld) run() *report.Summary {
	w.t.Helper()
	sum, err := w.runner().Run(w.t.Context(), jobs.RunOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return sum
}

func (w *archivedWorld) backfill(o jobs.BackfillOptions) *report.Summary {
	w.t.Helper()
	o.From, o.To = date("2020-10-01"), date("2020-10-31")
	sum, err := w.runner().Backfill(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return sum
}

func (w *archivedWorld) estimate(o jobs.BackfillOptions) *report.Estimate {
	w.t.Helper()
	o.From, o.To = date("2020-10-01"), date("2020-10-31")
	e, err := w.runner().Estimate(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// counts what the worlds' tests compare of a summary.
func archivedCounts(sum *report.Summary) fields {
	f := fields{"state": sum.State, "read": sum.Objects.Read, "archived": sum.Objects.Archived, "denied": sum.Objects.Denied}
	if r := sum.Restores; r != nil {
		f["started"], f["in progress"], f["failed"] = r.Started, r.InProgress, r.Failed
	}
	return f
}

// bothArchives runs a test with a store in memory and with an S3 server.
func bothArchives(t *testing.T, test func(t *testing.T, w *archivedWorld)) {
	t.Run("memory", func(t *testing.T) { test(t, newArchivedWorld(t)) })
	t.Run("s3", func(t *testing.T) { test(t, newS3ArchivedWorld(t)) })
}

// TestArchived: a run leaves out what a read would be refused of, without trying, and takes it once it is restored, although the watermark
// has passed its day and the object is still of its class. INTELLIGENT_TIERING is tried; GLACIER_IR is read.
func TestArchived(t *testing.T) {
	bothArchives(t, func(t *testing.T, w *archivedWorld) {
		w.spec.Source.RecheckFolders = 0 // a recheck would find it too
		w.stageNights(t, 1, 10)
		w.move(1, objstore.ClassGlacier)
		w.move(2, objstore.ClassDeepArchive)
		w.move(3, objstore.ClassIntelligentTiering)
		w.move(4, "GLACIER_IR")
		sum := w.run()
		same(t, "the first run", fields{"state": "SUCCEEDED", "read": 7, "archived": 3, "denied": 0}, archivedCounts(sum))
		if !warned(sum, "left 2 objects") || !warned(sum, "--from 2020-10-01 --to 2020-10-02 --restore Standard --days 3") || !warned(sum, nightKey(1)) {
			t.Errorf("warnings: %q", sum.Warnings)
		}
		for _, o := range w.awaited(t) {
			if o.Key != nightKey(3) { // the others were not read, and so are not awaited by their keys
				t.Errorf("awaited: %+v", o)
			}
		}
		for _, problem := range w.left(t.Context(), nightRows(1, 10, 1, 2, 3)) {
			t.Error(problem)
		}
		if found := leftOutOf(t, w.runner()); found.Archived.Objects != 2 {
			t.Errorf("doctor finds %+v", found)
		}
		w.stageNights(t, 11, 12)
		if err := w.state.Delete(t.Context(), "test/listing.json"); err != nil { // the ledger alone is enough
			t.Fatal(err)
		}
		same(t, "the second run", fields{"state": "SUCCEEDED", "read": 2, "archived": 3, "denied": 0}, archivedCounts(w.run()))

		if sum := w.backfill(jobs.BackfillOptions{Restore: objstore.RestoreOptions{Tier: "Bulk", Days: 2}}); sum.Restores.InProgress != 3 {
			t.Errorf("%+v", sum.Restores)
		}
		same(t, "in progress", fields{"state": "SUCCEEDED", "read": 0, "archived": 3, "denied": 0}, archivedCounts(w.run()))
		w.Finish(time.Now().AddDate(0, 0, 2))
		same(t, "restored", fields{"state": "SUCCEEDED", "read": 3, "archived": 0, "denied": 0}, archivedCounts(w.run()))
		w.Expire()
		same(t, "expired", fields{"state": "SUCCEEDED", "read": 0, "archived": 0, "denied": 0}, archivedCounts(w.run()))
		for _, problem := range w.left(t.Context(), nightRows(1, 12)) {
			t.Error(problem)
		}
	})
}

// TestBackfillRestore: the estimate counts archived objects, and --restore asks for each of them once, loads what can be read, and says
// how many are being restored. The same command loads the rest later.
func TestBackfillRestore(t *testing.T) {
	bothArchives(t, func(t *testing.T, w *archivedWorld) {
		w.stageNights(t, 1, 6)
		w.move(1, objstore.ClassGlacier)
		w.move(2, objstore.ClassDeepArchive)
		w.move(3, objstore.ClassIntelligentTiering)
		w.move(6, objstore.ClassGlacier)
		var size int64
		for _, n := range []int{1, 2, 6} {
			o, err := w.staging.Head(t.Context(), nightKey(n))
			if err != nil {
				t.Fatal(err)
			}
			size += o.SizeBytes
		}
		e := w.estimate(jobs.BackfillOptions{})
		same(t, "the estimate", fields{"objects": 3, "archived": 3, "size": size, "restoring": 0}, fields{"objects": e.Objects, "archived": e.Archived, "size": e.ArchivedSize, "restoring": e.Restoring})

		expedited := jobs.BackfillOptions{Restore: objstore.RestoreOptions{Tier: "Expedited", Days: 1}, From: date("2020-10-01"), To: date("2020-10-31")}
		if e := w.estimate(expedited); len(e.Warnings) == 0 || !strings.Contains(strings.Join(e.Warnings, " "), "1 object of these days") {
			t.Errorf("the estimate warns of %q", e.Warnings)
		}
		if _, err := w.runner().Backfill(t.Context(), expedited); err == nil || !strings.Contains(err.Error(), "DEEP_ARCHIVE") || len(w.Asked()) > 0 {
			t.Errorf("expedited: %v, asked %q", err, w.Asked())
		}

		o := jobs.BackfillOptions{Restore: objstore.RestoreOptions{Tier: "Standard", Days: 4}}
		sum := w.backfill(o)
		same(t, "the first", fields{"state": "SUCCEEDED", "read": 2, "archived": 4, "denied": 0, "started": 4, "in progress": 4, "failed": 0}, archivedCounts(sum))
		var text strings.Builder
		sum.WriteText(&text)
		for _, want := range []string{"4 restores with the tier Standard asked for; 4 (", "3 to 5 hours", "run the same command again"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("the summary does not say %q:\n%s", want, text.String())
			}
		}
		asked := w.Asked()
		slices.Sort(asked)
		var want []string
		for n, days := range map[int]int{1: 4, 2: 4, 3: 0, 6: 4} {
			want = append(want, fmt.Sprintf("%s%s Standard %d", w.prefix, nightKey(n), days))
		}
		slices.Sort(want)
		if !slices.Equal(asked, want) {
			t.Errorf("asked for\n%s\nwant\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
		}
		if e := w.estimate(jobs.BackfillOptions{}); e.Restoring != 4 || e.Objects != 0 {
			t.Errorf("the estimate then: %+v", e)
		}

		same(t, "too early", fields{"state": "SUCCEEDED", "read": 0, "archived": 4, "denied": 0, "started": 0, "in progress": 4, "failed": 0}, archivedCounts(w.backfill(o)))
		w.Finish(time.Now().AddDate(0, 0, 4))
		same(t, "restored", fields{"state": "SUCCEEDED", "read": 4, "archived": 0, "denied": 0, "started": 0, "in progress": 0, "failed": 0}, archivedCounts(w.backfill(o)))
		if n := len(w.Asked()); n != 4 {
			t.Errorf("asked %d times", n)
		}
		for _, problem := range w.left(t.Context(), nightRows(1, 6)) {
			t.Error(problem)
		}
	})
}

// TestRestoreWait: with a wait, the backfill loads in the end what was restored meanwhile, also from a server whose listings do not show
// the status of a restore. Each object that could not be read otherwise is tried once.
func TestRestoreWait(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		t.Run(fmt.Sprintf("status hidden %t", hidden), func(t *testing.T) {
			w := newArchivedWorld(t)
			w.HideStatus = hidden
			w.stageNights(t, 1, 6)
			w.move(1, objstore.ClassGlacier)
			w.move(2, objstore.ClassIntelligentTiering)
			w.move(5, objstore.ClassDeepArchive)
			w.spec.Limits.MaxDeniedObjects = 1
			r := w.runner()
			looks := 0
			r.Staging = denying{r.Staging, r.Staging.(objstore.Restorer), nightKey(4), &looks}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for n := 0; n < 3; time.Sleep(5 * time.Millisecond) {
					n += w.Finish(time.Now().AddDate(0, 0, 3))
				}
			}()
			sum, err := r.Backfill(t.Context(), jobs.BackfillOptions{From: date("2020-10-01"), To: date("2020-10-31"), Restore: objstore.RestoreOptions{Tier: "Bulk", Days: 3}, Wait: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			<-done
			same(t, "the backfill", fields{"state": "SUCCEEDED", "read": 5, "archived": 0, "denied": 1, "started": 3, "in progress": 0, "failed": 0}, archivedCounts(sum))
			if looks != 1 {
				t.Errorf("the denied object was tried %d times", looks)
			}
			for _, problem := range w.left(t.Context(), nightRows(1, 6, 4)) {
				t.Error(problem)
			}
		})
	}
}

// TestRestoreDenied: if the identity is not allowed to restore objects, the backfill loads what can be read and fails, and names the permission.
func TestRestoreDenied(t *testing.T) {
	w := newArchivedWorld(t)
	w.stageNights(t, 1, 3)
	w.move(2, objstore.ClassGlacier)
	w.Deny = true
	sum, err := w.runner().Backfill(t.Context(), jobs.BackfillOptions{From: date("2020-10-01"), To: date("2020-10-31"), Restore: objstore.RestoreOptions{Tier: "Bulk", Days: 3}})
	if err == nil || exitCodeOf(err) != 1 || !strings.Contains(err.Error(), "s3:RestoreObject") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	same(t, "the backfill", fields{"state": "FAILED", "read": 2, "archived": 1, "denied": 0, "started": 0, "in progress": 0, "failed": 1}, archivedCounts(sum))
	for _, problem := range w.left(t.Context(), nightRows(1, 3, 2)) {
		t.Error(problem)
	}
	_, err = w.deleting().Backfill(t.Context(), jobs.BackfillOptions{From: date("2020-10-01"), To: date("2020-10-31"), Restore: objstore.RestoreOptions{Tier: "Bulk", Days: 3}})
	if err == nil || !strings.Contains(err.Error(), "only S3 has archives") {
		t.Errorf("a store without an archive: %v", err)
	}
}

// TestWaitingIsKeptTwice: what a run leaves is named by listing.json and by the plan of the run (list_from). One of them is enough, the
// earlier day counts, and neither keeps a folder listed once the object is taken.
func TestWaitingIsKeptTwice(t *testing.T) {
	folder := strings.TrimSuffix(nightKey(1), "2020/10/01/"+nightKey(1)[strings.Index(nightKey(1), "2020/10/01/")+len("2020/10/01/"):])
	day := func(n int) time.Time { return time.Date(2020, 10, n, 0, 0, 0, 0, time.UTC) }
	for name, change := range map[string]func(m *recheck.Memo){
		"kept":                  func(*recheck.Memo) {},
		"without the folder":    func(m *recheck.Memo) { m.Waiting = nil },
		"with a later day":      func(m *recheck.Memo) { m.Waiting[folder] = day(7) },
		"with an earlier day":   func(m *recheck.Memo) { m.Waiting[folder] = day(-40) },
		"with another folder":   func(m *recheck.Memo) { m.Waiting = map[string]time.Time{"no/such/folder/": day(1)} },
		"of a newer etl":        func(m *recheck.Memo) { m.Waiting = nil; m.Until = day(30) },
		"removed, plan is kept": nil,
	} {
		for _, checkpoints := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, checkpoints %d", name, checkpoints), func(t *testing.T) {
				t.Parallel()
				w := newArchivedWorld(t)
				w.checkpoints = checkpoints
				w.spec.Source.RecheckFolders = 0 // a recheck would find it too
				w.stageNights(t, 1, 10)
				w.move(2, objstore.ClassGlacier)
				w.run()
				for night := 11; night <= 12; night++ { // while the object waits, watermarks move and plans are made
					if change == nil {
						if err := w.state.Delete(t.Context(), "test/listing.json"); err != nil {
							t.Fatal(err)
						}
					} else {
						m, err := recheck.Load(t.Context(), w.state, "test")
						if err != nil {
							t.Fatal(err)
						}
						if !m.Waiting[folder].Equal(day(2)) {
							t.Errorf("listing.json has %v", m.Waiting)
						}
						change(&m)
						if err := m.Save(t.Context(), w.state, "test"); err != nil {
							t.Fatal(err)
						}
					}
					w.stageNights(t, night, night)
					same(t, "while it waits", fields{"state": "SUCCEEDED", "read": 1, "archived": 1, "denied": 0}, archivedCounts(w.run()))
					if got := w.state0(t).Awaited.Folders()[folder]; got != "2020-10-02" {
						t.Errorf("the plans say that the folder is listed from %q on", got)
					}
				}
				w.Forget(nightKey(2)) // copied over itself into another class
				w.stageNights(t, 13, 13)
				same(t, "then", fields{"state": "SUCCEEDED", "read": 2, "archived": 0, "denied": 0}, archivedCounts(w.run()))
				w.stageNights(t, 14, 14)
				w.run()
				if sum := w.run(); sum.Objects.Listed != 3 {
					t.Errorf("the lookback has 3 nights, and %d objects were listed", sum.Objects.Listed)
				}
				for _, problem := range w.left(t.Context(), nightRows(1, 14)) {
					t.Error(problem)
				}
			})
		}
	}
}

// TestArchivedBeforeTheLookback: an archived object that a recheck finds in an old folder is named by listing.json alone. The next run
// takes it once it is restored; without listing.json a recheck does, within a week.
func TestArchivedBeforeTheLookback(t *testing.T) {
	for _, lost := range []bool{false, true} {
		p := newMemParts(t, 1<<20)
		want := wanted{rows: map[string]int{}}
		now := date("2020-12-01")
		p.setClock(now)
		for day := range 3 {
			p.stageDay(t, want, now.AddDate(0, 0, -day).Format("2006/01/02"), 1+day)
		}
		w := &watched{archive: &objstoretest.Archive{}}
		p.runAt(t, now, w)
		p.stageDay(t, want, "2020/09/13", 50)
		late := keyOf("2020/09/13", "o50")
		w.archive.Move(late, objstore.ClassDeepArchive)
		found := false
		for range 8 {
			now = now.AddDate(0, 0, 1)
			found = p.runAt(t, now, w).Objects.Archived == 1 || found
		}
		if !found {
			t.Error("no recheck has found the archived object")
		}
		w.archive.Forget(late)
		runs := 1
		if lost {
			if err := p.state.Delete(t.Context(), "test/listing.json"); err != nil {
				t.Fatal(err)
			}
			runs = 8
		}
		for range runs {
			now = now.AddDate(0, 0, 1)
			p.runAt(t, now, w)
		}
		p.again(t, want)
	}
}

// denying is a staging that refuses one key, and counts how often.
type denying struct {
	objstore.Reader
	objstore.Restorer
	key   string
	count *int
}

func (d denying) Get(ctx context.Context, key string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	if key == d.key {
		*d.count++
		return nil, objstore.Object{}, objstore.Fail("get", d.String(), key, objstore.ErrDenied, "allow s3:GetObject")
	}
	return d.Reader.Get(ctx, key, o)
}
