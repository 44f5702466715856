// Command planning measures what planning costs against a ledger of many objects: a fresh process opens the ledger, folds it
// from its checkpoint and what came after, lists a staging folder, and writes a plan. docs/performance.md has the figures.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
	"github.com/silt-etl/silt/internal/staging"
)

const (
	job        = "bench"
	keyPattern = "{account_id}/network-firewall/{region}/{yyyy}/{mm}/{dd}/"
	perEntry   = 100_000 // objects of one plan
	perBatch   = 5_000
)

func main() {
	objects := flag.Int("objects", 1_000_000, "number of objects in the ledger")
	planned := flag.Int("planned", 1_000_000, "how many of the objects were planned and committed; the others are marked as done, which is faster to create and the same in a checkpoint")
	tail := flag.Int("tail", 20_000, "how many of the objects came after the checkpoint")
	listed := flag.Int("listed", 100_000, "number of objects in staging; half of them are new")
	rounds := flag.Int("rounds", 5, "number of measured processes, after one that is not counted")
	state := flag.String("state", "", "where the state is: a folder or s3://bucket/prefix; default: a temporary folder")
	plan := flag.String("plan", "", "internal: plan this staging folder")
	mk := flag.String("make", "", "internal: create this staging folder and the ledger")
	next := flag.Int("next", 0, "internal: prepare the state for the round after this one")
	full := flag.Bool("full", false, "internal: fold without checkpoints")
	flag.Parse()
	var err error
	switch {
	case *plan != "":
		err = measurePlanning(context.Background(), *state, *plan, *full)
	case *next > 0:
		err = prepare(context.Background(), *state, *next, *tail)
	case *mk != "":
		err = createAll(context.Background(), *state, *mk, *objects, *planned, *tail, *listed)
	default:
		err = run(*state, *rounds)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "planning:", err)
		os.Exit(1)
	}
}

func openStores(ctx context.Context, state, stage string) (objstore.Bucket, objstore.Reader, error) {
	s, err := objstore.Registry{s3store.Kind(), dirstore.Kind()}.Open(ctx, state, objstore.Options{Region: "us-east-1"})
	if err != nil {
		return nil, nil, err
	}
	in, err := dirstore.Open(dirstore.Config{Root: stage})
	return s, in, err
}

func openLedger(state objstore.Bucket, full bool) (*ledger.Ledger, *staging.Pattern, error) {
	p, err := staging.ParsePattern(keyPattern)
	if err != nil {
		return nil, nil, err
	}
	l, err := ledger.Open(state, job, ledger.Options{Run: ulid.Make().String(), WatermarkPrefix: p.DatePrefix, MarksBy: keyPattern, NoCheckpoints: full})
	return l, p, err
}

// figures of one measured process.
type figures struct {
	Fold, List, Plan float64 // seconds
	Wall, CPU        float64 // seconds of the process
	PeakMB           float64
	New              int
}

// measurePlanning is what a measured process does: it folds, lists and plans, and prints its figures.
func measurePlanning(ctx context.Context, state, stage string, full bool) error {
	s, in, err := openStores(ctx, state, stage)
	if err != nil {
		return err
	}
	l, p, err := openLedger(s, full)
	if err != nil {
		return err
	}
	var f figures
	at := time.Now()
	lap := func(into *float64) { *into = time.Since(at).Seconds(); at = time.Now() }
	st, err := l.Fold(ctx)
	if err != nil {
		return err
	}
	lap(&f.Fold)
	found, err := staging.List(ctx, in, staging.Options{Pattern: p, Include: []string{"**/*.log.gz"}, Taken: st.TakenObject, Changed: st.Changed})
	if err != nil {
		return err
	}
	f.New = len(found.New)
	lap(&f.List)
	m := manifest()
	for _, b := range staging.Batches(found.New, perBatch, nil) {
		mb := ledger.ManifestBatch{Batch: ulid.Make().String()}
		for _, o := range b {
			mb.Objects = append(mb.Objects, o.Object)
		}
		m.Batches = append(m.Batches, mb)
	}
	if _, err := l.Plan(ctx, st.Seq(), m); err != nil {
		return err
	}
	lap(&f.Plan)
	return json.NewEncoder(os.Stdout).Encode(f)
}

func manifest() *ledger.Manifest {
	return &ledger.Manifest{ID: ulid.Make().String(), SchemaVersion: "1.1.0", Mapping: ledger.Mapping{Name: "m", Digest: "d",
		Files: []ledger.MappingFile{{Path: "a.sql", Text: "SELECT 1"}}}}
}

// key is the key of the i-th object. Each day has a thousand objects.
func key(i int) string {
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i/1000)
	return fmt.Sprintf("111122223333/network-firewall/us-east-1/%s/111122223333_network-firewall_flow_us-east-1_fw_%s_%08x.log.gz",
		day.Format("2006/01/02"), day.Format("200601021504"), i)
}

// createAll creates staging and the ledger. It runs in a process of its own, because the system counts the memory of a parent
// process into the peak of its child.
func createAll(ctx context.Context, state, stage string, objects, planned, tail, listed int) error {
	at := time.Now()
	taken, err := createStaging(stage, listed, objects)
	if err != nil {
		return err
	}
	s, _, err := openStores(ctx, state, stage)
	if err != nil {
		return err
	}
	if err := createLedger(ctx, s, taken, objects, planned, tail); err != nil {
		return err
	}
	fmt.Printf("created %d objects in staging and a ledger of %d objects in %.0f s\n", listed, objects, time.Since(at).Seconds())
	return sizes(ctx, s)
}

// prepare releases what a round has planned, writes a checkpoint and adds a tail, so that all rounds find the same state.
func prepare(ctx context.Context, state string, round, tail int) error {
	s, _, err := openStores(ctx, state, os.TempDir())
	if err != nil {
		return err
	}
	l, _, err := openLedger(s, false)
	if err != nil {
		return err
	}
	if _, err := l.Replan(ctx); err != nil {
		return err
	}
	if _, _, err := l.Checkpoint(ctx, false); err != nil {
		return err
	}
	for i := 0; i < tail; i += perBatch {
		err := commit(ctx, l, func(i int) objstore.Object {
			return objstore.Object{Key: fmt.Sprintf("other/%d/%s", round, key(i)), ETag: "e", SizeBytes: 1, LastModified: time.Unix(int64(i), 0)}
		}, i, min(perBatch, tail-i))
		if err != nil {
			return err
		}
	}
	return nil
}

func run(state string, rounds int) error {
	ctx := context.Background()
	temp, err := os.MkdirTemp("", "silt-planning-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	stage := filepath.Join(temp, "staging")
	if state == "" {
		state = filepath.Join(temp, "state")
		if err := os.MkdirAll(state, 0o700); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	maker := exec.CommandContext(ctx, self, append(os.Args[1:], "-state", state, "-make", stage)...)
	maker.Stdout, maker.Stderr = os.Stdout, os.Stderr
	if err := maker.Run(); err != nil {
		return fmt.Errorf("create the ledger: %w", err)
	}
	for _, full := range []bool{false, true} {
		n := rounds
		if full { // reading every entry is slow; one process is enough to compare with
			n = 0
		}
		var all []figures
		for i := range n + 1 { // the first is not counted
			f, err := measure(ctx, self, state, stage, full)
			if err != nil {
				return err
			}
			if !full {
				next := exec.CommandContext(ctx, self, append(os.Args[1:], "-state", state, "-next", strconv.Itoa(i+1))...)
				next.Stderr = os.Stderr
				if err := next.Run(); err != nil {
					return fmt.Errorf("prepare the ledger for the next round: %w", err)
				}
			}
			if i > 0 || full {
				all = append(all, f)
			}
		}
		report(map[bool]string{false: "from the checkpoint", true: "from entry 1"}[full], all)
	}
	return nil
}

// createStaging creates the files. Half of them are the last objects of the ledger; it returns these.
func createStaging(root string, listed, objects int) ([]objstore.Object, error) {
	for i := range listed {
		name := filepath.Join(root, filepath.FromSlash(key(objects-listed/2+i)))
		if i == 0 || i%1000 == 0 || filepath.Dir(name) != filepath.Dir(filepath.Join(root, filepath.FromSlash(key(objects-listed/2+i-1)))) {
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				return nil, err
			}
		}
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			return nil, err
		}
	}
	in, err := dirstore.Open(dirstore.Config{Root: root})
	if err != nil {
		return nil, err
	}
	var out []objstore.Object
	err = in.List(context.Background(), objstore.ListOptions{}, func(o objstore.Object) error {
		if len(out) < listed/2 {
			out = append(out, o)
		}
		return nil
	})
	return out, err
}

// createLedger plans and commits objects, writes a checkpoint, and plans and commits the tail. The last objects are given.
func createLedger(ctx context.Context, s objstore.Bucket, last []objstore.Object, objects, planned, tail int) error {
	l, _, err := openLedger(s, false)
	if err != nil {
		return err
	}
	object := func(i int) objstore.Object {
		if j := i - (objects - len(last)); j >= 0 {
			return last[j]
		}
		return objstore.Object{Key: key(i), ETag: fmt.Sprintf("%032x", i*7919), SizeBytes: 1, LastModified: time.Unix(int64(i), 0)}
	}
	for i := 0; i < objects-tail; {
		n := min(perEntry, objects-tail-i)
		if i < objects-tail-planned {
			n = min(n, objects-tail-planned-i)
			var ids []ledger.ObjectID
			for j := range n {
				o := object(i + j)
				ids = append(ids, ledger.ObjectID{Key: o.Key, ETag: o.ETag})
			}
			if _, err := l.Skip(ctx, ids, nil); err != nil {
				return err
			}
		} else if err := commit(ctx, l, object, i, n); err != nil {
			return err
		}
		i += n
	}
	if _, _, err := l.Checkpoint(ctx, false); err != nil {
		return err
	}
	for i := objects - tail; i < objects; i += perBatch {
		if err := commit(ctx, l, object, i, min(perBatch, objects-i)); err != nil {
			return err
		}
	}
	return nil
}

// commit plans n objects from the i-th on, and commits their batches with one file each.
func commit(ctx context.Context, l *ledger.Ledger, object func(int) objstore.Object, i, n int) error {
	st, err := l.Fold(ctx)
	if err != nil {
		return err
	}
	m := manifest()
	for j := range n {
		if j%perBatch == 0 {
			m.Batches = append(m.Batches, ledger.ManifestBatch{Batch: ulid.Make().String()})
		}
		b := &m.Batches[len(m.Batches)-1]
		b.Objects = append(b.Objects, object(i+j))
	}
	if _, err := l.Plan(ctx, st.Seq(), m); err != nil {
		return err
	}
	for _, b := range m.Batches {
		now, _ := st.Batch(b.Batch)
		a := &ledger.Attempt{ID: ulid.Make().String(), Why: ledger.WhyRun, Manifest: m.ID, Moves: []ledger.Move{{Batch: b.Batch, Base: now.Base}}}
		for _, o := range b.Objects {
			a.Objects = append(a.Objects, ledger.ObjectResult{ObjectID: ledger.ObjectID{Key: o.Key, ETag: o.ETag}, Counts: ledger.Counts{Read: 1, Published: 1}})
			a.Totals.Add(ledger.Counts{Read: 1, Published: 1})
		}
		a.Files = []ledger.File{{Held: objstore.Held{Key: "ext/s/region=r/accountId=a/eventDay=d/" + ledger.FileName(b.Batch, a.ID, 0), UploadID: "u"},
			Table: "t", Values: [3]string{"r", "a", "d"}, Rows: int64(len(b.Objects))}}
		if _, err := l.Commit(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// sizes prints how many objects each folder of the state has, and their size.
func sizes(ctx context.Context, s objstore.Bucket) error {
	for _, folder := range []string{"ledger", "manifests", "attempts", "checkpoints"} {
		n, bytes := 0, int64(0)
		err := s.List(ctx, objstore.ListOptions{Prefix: job + "/" + folder + "/"}, func(o objstore.Object) error {
			n++
			bytes += o.SizeBytes
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Printf("%-12s %6d objects %9.1f MB\n", folder, n, float64(bytes)/1e6)
	}
	return nil
}

// measure runs a measured process and adds what the system reports about it.
func measure(ctx context.Context, self, state, stage string, full bool) (f figures, err error) {
	cmd := exec.CommandContext(ctx, self, "-state", state, "-plan", stage, fmt.Sprintf("-full=%v", full))
	cmd.Stderr = os.Stderr
	at := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(out, &f); err != nil {
		return f, err
	}
	f.Wall = time.Since(at).Seconds()
	f.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return f, errors.New("this operating system does not report the memory of a process")
	}
	unit := 1024.0
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	f.PeakMB = float64(u.Maxrss) * unit / 1e6
	return f, nil
}

// report prints the median of each figure, with the smallest and the largest.
func report(name string, all []figures) {
	fmt.Printf("%s, %d new:\n", name, all[0].New)
	for _, c := range []struct {
		name string
		of   func(figures) float64
	}{{"wall s", func(f figures) float64 { return f.Wall }}, {"CPU s", func(f figures) float64 { return f.CPU }},
		{"peak MB", func(f figures) float64 { return f.PeakMB }}, {"  fold s", func(f figures) float64 { return f.Fold }},
		{"  list s", func(f figures) float64 { return f.List }}, {"  plan s", func(f figures) float64 { return f.Plan }}} {
		var v []float64
		for _, f := range all {
			v = append(v, c.of(f))
		}
		slices.Sort(v)
		fmt.Printf("  %-9s %8.2f  (%.2f to %.2f)\n", strings.TrimRight(c.name, " "), v[len(v)/2], v[0], v[len(v)-1])
	}
}
