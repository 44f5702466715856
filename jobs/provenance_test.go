package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/provenance"
	"github.com/silt-etl/silt/jobs"
)

// provenanceProblems compares the footers of a job's live files with the records of their attempts.
func (p *parts) provenanceProblems(ctx context.Context, l *ledger.Ledger, st *ledger.State) (out []string) {
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf("provenance: "+format, args...)) }
	for _, b := range st.Batches() {
		named, err := l.NamedAttempts(ctx, b)
		if err != nil {
			return append(out, err.Error())
		}
		for _, key := range b.Files {
			o, err := p.lake.Head(ctx, key)
			if err != nil {
				bad("%v", err)
				continue
			}
			f, err := provenance.Read(ctx, p.lake, o)
			if err != nil || f.Err != nil || f.Job != p.spec.Name {
				bad("%s names job %q: %v, %v", key, f.Job, err, f.Err)
				continue
			}
			id, n, _ := provenance.Parse(key)
			if (f.Entry != nil) != (n == 0) {
				bad("%s has an entry: %v", key, f.Entry != nil)
			}
			if f.Entry == nil {
				continue
			}
			ref := named[id.Attempt]
			if ref == nil {
				bad("no entry of the ledger names the attempt of %s", key)
				continue
			}
			a, err := l.Attempt(ctx, *ref)
			if errors.Is(err, objstore.ErrNotExist) {
				continue // removed by retention
			}
			if err != nil {
				return append(out, err.Error())
			}
			if a.Why == ledger.WhyCompact {
				continue // no command compacts: a test commits a copy of a file, with the footer of the copied file
			}
			if diff := cmp.Diff(entryOf(st, a, p.spec.Name), f.Entry, cmpopts.IgnoreFields(provenance.Batch{}, "Had"), p.adoptedFields(),
				cmpopts.IgnoreFields(provenance.Object{}, "SizeBytes", "Modified")); diff != "" {
				bad("%s (-record +entry):\n%s", key, diff)
			}
		}
	}
	return out
}

// adoptedFields are those that a ledger which was rebuilt has otherwise than the footers.
func (p *parts) adoptedFields() cmp.Option {
	if !p.adopted {
		return cmp.Options{}
	}
	return cmp.Options{cmpopts.IgnoreFields(provenance.Entry{}, "Run", "Why"), cmpopts.IgnoreFields(provenance.Batch{}, "Base")}
}

// entryOf is the entry that an attempt must have.
func entryOf(st *ledger.State, a *ledger.Attempt, job string) *provenance.Entry {
	var batches []provenance.Batch
	for _, m := range a.Moves {
		b := provenance.Batch{Batch: m.Batch, Base: m.Base}
		for _, q := range a.Quarantine {
			if q.Batch == m.Batch {
				b.Quarantined = &q.Records
			}
		}
		for _, o := range a.Objects {
			if len(a.Moves) == 1 || st.Holds(m.Batch, objstore.Object{Key: o.Key, ETag: o.ETag}) {
				b.Objects = append(b.Objects, provenance.Object{Key: o.Key, ETag: o.ETag, SHA256: o.SHA256, Gone: o.Gone, Read: o.Read, Published: o.Published, Filtered: o.Filtered, Quarantined: o.Quarantined})
			}
		}
		batches = append(batches, b)
	}
	e := &provenance.Entry{V: 1, Job: job, Attempt: a.ID, Run: a.Run, Why: a.Why, Manifest: a.Manifest, Batches: batches}
	for i, f := range a.Files {
		file := provenance.File{Key: f.Held.Key, Table: f.Table, Values: f.Values, Rows: f.Rows, SizeBytes: f.Held.SizeBytes}
		if i == 0 {
			file.SizeBytes = 0
		}
		e.Files = append(e.Files, file)
	}
	return e
}

// TestProvenanceHad: an entry names the attempts whose files the batch had before: none for a run, that of the run for a replace and
// a replay.
func TestProvenanceHad(t *testing.T) {
	for name, do := range map[string]func(*parts) error{
		"replace": func(p *parts) error {
			_, err := withCorrected(p.deleting()).Backfill(t.Context(), october())
			return err
		},
		"replay": func(p *parts) error {
			_, err := withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newMemParts(t, 1)
			if _, _, err := p.replaceJob(t.Context()); err != nil {
				t.Fatal(err)
			}
			first := p.entries(t)
			if err := do(p); err != nil {
				t.Fatal(err)
			}
			n := 0
			for id, e := range p.entries(t) {
				var want []string
				if _, ok := first[id]; !ok {
					n++
					for of := range first {
						if of.Batch == id.Batch {
							want = append(want, of.Attempt)
						}
					}
				}
				if diff := cmp.Diff(want, e.Batches[0].Had); diff != "" || len(want) > 1 {
					t.Errorf("%s (-want +got):\n%s", e.Why, diff)
				}
				if o := e.Batches[0].Objects[0]; n > 0 && e.Why != ledger.WhyReplay && (o.SizeBytes == 0 || o.Modified == 0) {
					t.Errorf("%s: an object without size or time: %+v", e.Why, o)
				}
			}
			if n == 0 {
				t.Error("no attempt was added")
			}
		})
	}
}

// entries are those of the files that the lake has.
func (p *parts) entries(t *testing.T) map[provenance.ID]*provenance.Entry {
	t.Helper()
	listed, err := provenance.List(t.Context(), p.lake, []string{"ext/"})
	if err != nil {
		t.Fatal(err)
	}
	out := map[provenance.ID]*provenance.Entry{}
	for id, files := range listed {
		f, err := provenance.Read(t.Context(), p.lake, files[0])
		if err != nil || f.Entry == nil {
			t.Fatalf("%s: %v, %v", files[0].Key, err, f.Err)
		}
		out[id] = f.Entry
	}
	return out
}

// TestProvenanceOff: with lake.provenance: off a footer says nothing about the job.
func TestProvenanceOff(t *testing.T) {
	p := newMemParts(t, 1)
	p.spec.Lake.Provenance = "off"
	if _, err := p.smallJob(); err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, jobs.RunOptions{})
	err := p.lake.List(t.Context(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error {
		f, err := provenance.Read(t.Context(), p.lake, o)
		if diff := cmp.Diff(provenance.Footer{}, f); diff != "" {
			t.Errorf("%s:\n%s", o.Key, diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// visible are the keys of the lake's files.
func (p *parts) visible(t *testing.T) (keys []string) {
	t.Helper()
	err := p.lake.List(t.Context(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error { keys = append(keys, o.Key); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestFirstPlan: a job with an empty ledger loads nothing into a folder that has files of Silt, unless the job file allows it. It still loads
// into a folder with other files.
func TestFirstPlan(t *testing.T) {
	lost := func(p *parts) { p.state = memstore.New("mem://state2") }
	renamed := func(p *parts) { p.spec.Name = "other" }
	shared := func(p *parts) { p.spec.Lake.Shared = true }
	skipped := func(p *parts) {
		l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{Run: "01KB6R8Y2N0000000000000001"})
		if err != nil {
			t.Fatal(err)
		}
		until := time.Now().Add(time.Minute)
		if _, err := l.Skip(t.Context(), nil, &ledger.Bound{Until: &until}); err != nil {
			t.Fatal(err)
		}
	}
	off := func(p *parts) { p.spec.Lake.Provenance = "off" }
	for _, c := range []struct {
		name          string
		first, second []func(*parts)
		refused       string
	}{
		{"a new name", nil, []func(*parts){renamed}, "written by job test"},
		{"a lost state", nil, []func(*parts){lost}, "written by job test"},
		{"a lost state, and files without provenance", []func(*parts){off}, []func(*parts){lost}, "example: "},
		{"a lost state of a shared table", nil, []func(*parts){lost, shared}, "written by job test"},
		{"another job of a shared table", nil, []func(*parts){renamed, shared}, ""},
		{"another job of a shared table, and files without provenance", []func(*parts){off}, []func(*parts){renamed, shared}, ""},
		{"a lost state after a skip of all objects", nil, []func(*parts){lost, skipped}, ""},
		{"the same state", nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newMemParts(t, 1)
			if _, err := p.lake.Put(t.Context(), "ext/network-firewall/region=us-east-1/accountId=111122223333/eventDay=20201001/part-0.parquet", strings.NewReader("x"), objstore.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			for _, f := range c.first {
				f(p)
			}
			if _, err := p.smallJob(); err != nil {
				t.Fatal(err)
			}
			p.mustRun(t, jobs.RunOptions{})
			before := p.visible(t)
			for _, f := range c.second {
				f(p)
			}
			_, err := p.runner().Run(t.Context(), jobs.RunOptions{})
			if c.refused == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, "run", err, jobs.ErrOtherFiles, 1, c.refused, "lake.shared: true", "lake.source_name", "the name or the state")
			_, err = p.runner().Backfill(t.Context(), jobs.BackfillOptions{From: date("2020-10-01"), To: date("2020-10-03")})
			wantError(t, "backfill", err, jobs.ErrOtherFiles, 1)
			if diff := cmp.Diff(before, p.visible(t)); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
			if n := p.seq(t); n != 0 {
				t.Errorf("the ledger has %d entries", n)
			}
		})
	}
}

// copyOf copies a store.
func copyOf(t *testing.T, from objstore.Bucket) jobs.LakeStore {
	t.Helper()
	to := memstore.New(from.String())
	err := from.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error {
		in, _, err := from.Get(t.Context(), o.Key, objstore.GetOptions{})
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = to.Put(t.Context(), o.Key, in, objstore.PutOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// TestLedgerBehind: a run whose ledger is older than the lake commits nothing into a partition that shows it. Another job's files, and
// the files of a batch that was replaced, do not stop a run.
func TestLedgerBehind(t *testing.T) {
	p := newMemParts(t, 1)
	if _, _, err := p.replaceJob(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := copyOf(t, p.state)
	load := func(name string, id int) {
		t.Helper()
		if err := p.put(key(name), gz(flow(id, 0))); err != nil {
			t.Fatal(err)
		}
	}
	load("d", 7)
	p.mustRun(t, jobs.RunOptions{})
	newest := p.state
	for name, state := range map[string]jobs.LakeStore{"a new batch": old, "a replaced batch": nil} {
		t.Run(name, func(t *testing.T) {
			p.state = state
			if state == nil {
				p.state = copyOf(t, newest)
				withState := *p
				withState.state = newest
				if _, err := withCorrected(withState.deleting()).Backfill(t.Context(), october()); err != nil {
					t.Fatal(err)
				}
			}
			before, seq := p.visible(t), p.seq(t)
			load(strings.ReplaceAll(name, " ", "-"), 8)
			_, err := p.runner().Run(t.Context(), jobs.RunOptions{})
			wantError(t, "run", err, jobs.ErrOtherFiles, 1, "was written by job test", "older than the lake")
			if diff := cmp.Diff(before, p.visible(t)); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
			if n := p.seq(t); n > seq+1 {
				t.Errorf("the ledger has entries %d to %d", seq+1, n)
			}
		})
	}
	p.state = newest
	if sum := p.mustRun(t, jobs.RunOptions{}); sum.Objects.Read != 2 {
		t.Errorf("with the newest state: %+v", sum.Objects)
	}
	p.spec.Name, p.spec.Lake.Shared = "other", true
	p.mustRun(t, jobs.RunOptions{})
}
