package jobs_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
)

// stagedFiles is a job whose staging folder other programs change.
type stagedFiles struct {
	*parts
	t    *testing.T
	root string
}

func newStagedFiles(t *testing.T) *stagedFiles {
	t.Helper()
	p := newDirParts(t, 1<<20)
	f := &stagedFiles{parts: p, t: t}
	f.openStaging(p.spec.Source.Staging)
	return f
}

// openStaging opens a staging folder as etl does.
func (f *stagedFiles) openStaging(root string) {
	f.t.Helper()
	s, err := dirstore.Open(dirstore.Config{Root: root, Create: true, HideSilt: true, StatusTimes: true})
	if err != nil {
		f.t.Fatal(err)
	}
	f.root, f.staging = root, s
}

func (f *stagedFiles) path(key string) string { return filepath.Join(f.root, filepath.FromSlash(key)) }

func (f *stagedFiles) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *stagedFiles) write(key string, data []byte) {
	f.t.Helper()
	f.must(os.MkdirAll(filepath.Dir(f.path(key)), 0o755))
	f.must(os.WriteFile(f.path(key), data, 0o644))
}

// overwrite writes data into the file itself, and sets its modification time back.
func (f *stagedFiles) overwrite(key string, data []byte) {
	f.t.Helper()
	info, err := os.Stat(f.path(key))
	f.must(err)
	f.write(key, data)
	f.must(os.Chtimes(f.path(key), info.ModTime(), info.ModTime()))
}

// moveVolume copies staging to another folder, without times.
func (f *stagedFiles) moveVolume() {
	f.t.Helper()
	to := filepath.Join(f.t.TempDir(), "volume")
	f.must(os.CopyFS(to, os.DirFS(f.root)))
	f.openStaging(to)
}

// run does a run, and compares what it says of objects.
func (f *stagedFiles) run(what string, want fields) *report.Summary {
	f.t.Helper()
	sum := f.mustRun(f.t, jobs.RunOptions{})
	o := sum.Objects
	got := fields{}
	for name, n := range map[string]int{"read": o.Read, "taken": o.Taken, "same": o.Same, "changed": o.Changed, "left alone": o.LeftAlone, "gone": o.Gone, "unsettled": o.Unsettled} {
		if n > 0 {
			got[name] = n
		}
	}
	same(f.t, what, want, got)
	return sum
}

// TestSameContent: what changes a file's times or inode and not its content doubles nothing, whatever source.on_change says. A run
// reads such a file once, and the next one knows it.
func TestSameContent(t *testing.T) {
	for name, change := range map[string]func(f *stagedFiles){
		"touch": func(f *stagedFiles) { now := time.Now(); f.must(os.Chtimes(f.path(key("a")), now, now)) },
		"time set back": func(f *stagedFiles) {
			long := time.Unix(-5, 7)
			f.must(os.Chtimes(f.path(key("a")), long, long))
		},
		"chmod": func(f *stagedFiles) { f.must(os.Chmod(f.path(key("a")), 0o600)) },
		"copy over": func(f *stagedFiles) {
			data, err := os.ReadFile(f.path(key("a")))
			f.must(err)
			f.must(os.Remove(f.path(key("a"))))
			f.write(key("a"), data)
		},
	} {
		for _, onChange := range []string{"process", "replace"} {
			t.Run(name+" "+onChange, func(t *testing.T) {
				t.Parallel()
				f := newStagedFiles(t)
				f.spec.Source.OnChange = onChange
				want, err := f.smallJob()
				f.must(err)
				f.run("the first run", fields{"read": 3})
				for range 2 {
					change(f)
					f.run("a run after the change", fields{"taken": 3, "same": 1})
					f.run("the run after it", fields{"taken": 3})
				}
				f.again(t, want)
			})
		}
	}
	for _, checkpoints := range []int{0, 1} {
		f := newStagedFiles(t)
		f.checkpoints = checkpoints
		want, err := f.smallJob()
		f.must(err)
		f.run("the first run", fields{"read": 3})
		f.moveVolume()
		f.run("a run on another volume", fields{"taken": 3, "same": 3})
		f.run("the run after it", fields{"taken": 3})
		f.again(t, want)
	}
}

// TestOtherContent: a copy under another key is another object, and new content under a known key is a changed object, also if its
// size and its modification time are those of the old one.
func TestOtherContent(t *testing.T) {
	f := newStagedFiles(t)
	line := flow(1, 0) + "\n"
	f.spec.Source.Include = nil
	log := strings.TrimSuffix(key("a"), ".gz")
	f.write(log, []byte(line))
	want := wanted{rows: map[string]int{row(1, 0): 1}}
	f.run("the first run", fields{"read": 1})
	f.write(strings.TrimSuffix(key("b"), ".gz"), []byte(line))
	want.rows[row(1, 0)]++
	f.run("a copy under another key", fields{"read": 1, "taken": 1})
	f.write(log, []byte(line+flow(2, 0)+"\n"))
	want.rows[row(1, 0)]++
	want.rows[row(2, 0)]++
	f.run("a log that is appended to", fields{"read": 1, "taken": 1, "changed": 1})
	f.overwrite(log, []byte(line+flow(3, 0)+"\n"))
	want.rows[row(1, 0)]++
	want.rows[row(3, 0)]++
	f.run("a rewrite of the same size and time", fields{"read": 1, "taken": 1, "changed": 1})
	f.write(log, []byte(line))
	f.run("the first content again", fields{"taken": 2, "same": 1})
	f.again(t, want)
}

// TestRewriteWithinTheTick: a rewrite of the same size right after a file was read is seen, even if the clock that stamps files has not
// moved since the file was written.
func TestRewriteWithinTheTick(t *testing.T) {
	f := newStagedFiles(t)
	for i := range 20 {
		f.write("k", []byte("old"))
		body, old, err := f.staging.Get(t.Context(), "k", objstore.GetOptions{})
		f.must(err)
		_, err = io.Copy(io.Discard, body)
		f.must(err)
		_ = body.Close()
		f.write("k", []byte("new"))
		if now, err := f.staging.Head(t.Context(), "k"); err != nil || now.ETag == old.ETag {
			t.Fatalf("rewrite %d: the ETag is %s before and after (%v)", i, now.ETag, err)
		}
	}
}

// TestNeverDoubled runs random histories of a staging folder: files are touched, copied, restored, rewritten and moved to another volume,
// between runs and checkpoints. Each content that a key had when a run looked is in the lake once.
func TestNeverDoubled(t *testing.T) {
	for _, seed := range seeds(t, soaking(4, 100)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 6))
			f := newStagedFiles(t)
			f.checkpoints = rnd.IntN(2) * 3
			type file struct {
				flows []int // of each content that the file had
				now   int   // the content that it has
				taken map[int]bool
			}
			files := map[string]*file{}
			var keys, did []string
			flows := 0
			content := func(flowID int) []byte { return gz(flow(flowID, 0)) }
			for range 30 {
				what := rnd.IntN(9)
				if len(keys) == 0 {
					what = 0
				}
				var k string
				var c *file
				if what > 0 {
					k = keys[rnd.IntN(len(keys))]
					c = files[k]
				}
				switch what {
				case 0:
					flows++
					k = key(fmt.Sprint("o", flows))
					keys = append(keys, k)
					files[k] = &file{flows: []int{flows}, taken: map[int]bool{}}
					f.write(k, content(flows))
				case 1:
					at := time.Unix(rnd.Int64N(3e9), rnd.Int64N(1e9))
					f.must(os.Chtimes(f.path(k), at, at))
				case 2:
					f.must(os.Chmod(f.path(k), 0o600+os.FileMode(rnd.IntN(2))*0o44))
				case 3: // a copy over the file
					f.must(os.Remove(f.path(k)))
					f.write(k, content(c.flows[c.now]))
				case 4:
					flows++
					c.flows = append(c.flows, flows)
					c.now = len(c.flows) - 1
					f.overwrite(k, content(flows))
				case 5: // an earlier content is restored
					c.now = rnd.IntN(len(c.flows))
					f.write(k, content(c.flows[c.now]))
				case 6:
					f.moveVolume()
				default:
					for _, c := range files {
						c.taken[c.flows[c.now]] = true
					}
					sum := f.mustRun(t, jobs.RunOptions{})
					did = append(did, fmt.Sprintf("run: %+v", sum.Objects))
				}
				did = append(did, fmt.Sprintf("%d: %s", what, k))
			}
			want := wanted{rows: map[string]int{}}
			f.mustRun(t, jobs.RunOptions{})
			for _, c := range files {
				c.taken[c.flows[c.now]] = true
				for id := range c.taken {
					want.rows[row(id, 0)]++
				}
			}
			for _, problem := range f.left(t.Context(), want) {
				t.Error(problem)
			}
			if sum := f.mustRun(t, jobs.RunOptions{}); sum.Objects.Read+sum.Objects.Same > 0 {
				t.Errorf("a run without a change: %+v", sum.Objects)
			}
			if t.Failed() {
				t.Logf("history:\n%s", strings.Join(did, "\n"))
			}
		})
	}
}

// TestTouchedWhileOpen: a file that is touched between its plan and its reading is loaded once.
func TestTouchedWhileOpen(t *testing.T) {
	f := newStagedFiles(t)
	want, err := f.smallJob()
	f.must(err)
	r := f.runner()
	r.Staging = touching{Reader: f.staging, touch: func() { now := time.Now().Add(time.Hour); f.must(os.Chtimes(f.path(key("a")), now, now)) }}
	sum, err := r.Run(t.Context(), jobs.RunOptions{})
	if err != nil || sum.Objects.Gone != 1 || sum.Objects.Read != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	f.run("the next run", fields{"read": 1, "taken": 2})
	f.run("the run after it", fields{"taken": 3})
	f.again(t, want)
}

// touching touches a file before it is read.
type touching struct {
	objstore.Reader
	touch func()
}

func (s touching) Get(ctx context.Context, k string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	if k == key("a") {
		s.touch()
	}
	return s.Reader.Get(ctx, k, o)
}

// TestRestoredAfterItWasGone: a file that was to be read with new content, and has the earlier one again when it is read, is not loaded
// twice; neither is one whose later content was withdrawn.
func TestRestoredAfterItWasGone(t *testing.T) {
	f := newStagedFiles(t)
	want, err := f.smallJob()
	f.must(err)
	first := f.run("the first run", fields{"read": 3})
	data, err := os.ReadFile(f.path(key("a")))
	f.must(err)
	f.write(key("a"), gz(flow(50, 0)))
	r := f.deleting()
	reads := 0
	r.Staging = touching{Reader: f.staging, touch: func() {
		if reads++; reads == 2 { // the first one compares
			f.write(key("a"), data)
		}
	}}
	if sum, err := r.Run(t.Context(), jobs.RunOptions{}); err != nil || sum.Objects.Gone != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	f.run("the run after it", fields{"taken": 3, "same": 1})
	f.again(t, want)
	f.write(key("a"), gz(flow(51, 0)))
	f.run("new content", fields{"read": 1, "taken": 2})
	if _, err := f.deleting().Rewind(t.Context(), first.Run, false); err != nil {
		t.Fatal(err)
	}
	f.write(key("a"), data)
	f.run("the run after a rewind", fields{"taken": 3, "same": 1})
	f.again(t, want)
}

// TestTouchedAndOpen: while a batch is open that another run planned, a file of it with another time waits.
func TestTouchedAndOpen(t *testing.T) {
	f := newStagedFiles(t)
	want, err := f.smallJob()
	f.must(err)
	f.spec.Limits.MaxConcurrentRuns = 2
	r := f.runner()
	r.Staging = touching{Reader: f.staging, touch: func() {
		now := time.Now().Add(time.Hour)
		f.must(os.Chtimes(f.path(key("c")), now, now))
		other := f.mustRun(t, jobs.RunOptions{})
		if other.Objects.Unsettled != 1 || other.Objects.Read != 0 {
			t.Errorf("the other run: %+v", other.Objects)
		}
	}}
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	f.mustRun(t, jobs.RunOptions{})
	f.again(t, want)
}

// TestTouchedThenRepaired: a replay and a replace read touched files, a rewind loads them again, once, whether or not a run has
// recognised them before; and a broken object that was touched is not quarantined twice.
func TestTouchedThenRepaired(t *testing.T) {
	touch := func(f *stagedFiles) {
		for _, name := range []string{"a", "b", "c", "cut"} {
			if _, err := os.Stat(f.path(key(name))); err == nil {
				now := time.Now().Add(time.Hour)
				f.must(os.Chtimes(f.path(key(name)), now, now))
			}
		}
	}
	for name, recognise := range map[string]bool{"recognised": true, "not recognised": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newStagedFiles(t)
			before, after, err := f.replaceJob(t.Context())
			f.must(err)
			f.write(key("cut"), gz(flow(7, 0))[:60])
			before.quarantined[key("cut")+"@0"], after.quarantined[key("cut")+"@0"] = 1, 1
			f.run("a run with an unreadable object", fields{"read": 1, "taken": 3})
			f.check(t, "after the run", before)
			touch(f)
			if recognise {
				f.run("a run after the touch", fields{"taken": 4, "same": 4})
				f.check(t, "after the touch", before)
			}
			if _, err := withCorrected(f.deleting()).Replay(t.Context(), jobs.ReplayOptions{}); err != nil {
				t.Fatal(err)
			}
			f.check(t, "after the replay", after)
			for _, row := range f.rowsInQuarantine(t) {
				if strings.Contains(row.Message, "not in staging") {
					t.Errorf("the replay did not find a touched file: %+v", row)
				}
			}
			touch(f)
			if sum, err := withCorrected(f.deleting()).Backfill(t.Context(), october()); err != nil || sum.Replaced == 0 {
				t.Fatalf("%+v, %v", sum, err)
			}
			f.check(t, "after the replace", after)
			touch(f)
			if _, err := f.deleting().Rewind(t.Context(), "", false); err != nil {
				t.Fatal(err)
			}
			f.run("a run after a rewind", fields{"read": 4})
			f.again(t, before)
			touch(f)
			f.run("a run after another touch", fields{"taken": 4, "same": 4})
			f.again(t, before)
		})
	}
}
