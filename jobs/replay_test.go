package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// corrected is the shipped mapping after its author has seen the quarantine: it takes dns records as well, and drops noise.
var corrected = sync.OnceValues(func() (*mappings.Mapping, *sqlgen.Compiled) {
	m, _ := testMapping()
	files := maps.Clone(m.Files)
	const name = "network_activity.sql"
	files[name] = "-- drop: event.event_type = 'noise'\n" + strings.Replace(files[name], "IN ('netflow', 'alert', 'tls')", "IN ('netflow', 'alert', 'tls', 'dns')", 1)
	if !strings.Contains(files[name], "'dns'") {
		panic("the shipped mapping has another WHERE")
	}
	n, err := mappings.LoadFiles(m.Name, files)
	if err != nil {
		panic(err)
	}
	p, err := compilePlan(context.Background(), n)
	if err != nil {
		panic(err)
	}
	return n, p
})

// withCorrected gives a runner the corrected mapping.
func withCorrected(r *jobs.Runner) *jobs.Runner {
	m, compiled := corrected()
	r.Mapping, r.Compile = m, func(context.Context, *mappings.Mapping) (*sqlgen.Compiled, error) { return compiled, nil }
	return r
}

// kindOf is flow of another type.
func kindOf(id, days int, kind string) string {
	return strings.Replace(flow(id, days), `"event_type":"netflow"`, `"event_type":"`+kind+`"`, 1)
}

// denied is a store that lets nobody read some keys.
type denied struct {
	jobs.LakeStore
	part string
}

func (s denied) Get(ctx context.Context, key string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	if strings.Contains(key, s.part) {
		return nil, objstore.Object{}, objstore.Fail("get", s.String(), key, objstore.ErrDenied, "")
	}
	return s.LakeStore.Get(ctx, key, o)
}

// replayJob runs a job of four objects in two batches with the shipped mapping, so that there is something to replay, and says
// what is to be there before and after a replay with the corrected one.
func (p *parts) replayJob(ctx context.Context) (before, after wanted, err error) {
	long := strings.ReplaceAll(kindOf(3, 1, "dns"), ",", ",\n ") // a record over several lines stays one record
	objects := []struct {
		name string
		data []byte
	}{
		{"a", gz(flow(1, 0), kindOf(2, 0, "dns"), "broken", kindOf(9, 0, "noise"), kindOf(4, 1, "dns"))},
		{"b", gz(long, kindOf(8, 0, "other"))},
		{"c", gz(flow(5, 0), kindOf(6, 0, "dns"))}, // denied at first: whole
		{"d", gz(flow(7, 0))[:60]},                 // cut: quarantined as a whole, forever
	}
	for _, o := range objects {
		if err := p.put(key(o.name), o.data); err != nil {
			return before, after, err
		}
	}
	p.spec.Limits.BatchBytes = int64(len(objects[0].data) + len(objects[1].data))
	p.spec.Source.RetryDenied = jobfile.RetryDenied{Times: 1}
	r := p.runner()
	r.Staging = denied{p.staging, "/c.log"}
	sum, err := r.Run(ctx, jobs.RunOptions{Trigger: "ON_DEMAND"})
	if err == nil && (sum.Batches != 2 || sum.Objects.Quarantined != 2) {
		err = fmt.Errorf("%d batches, %+v", sum.Batches, sum.Objects)
	}
	at := func(name string, record int) string { return fmt.Sprintf("%s@%d", key(name), record) }
	before = wanted{rows: map[string]int{row(1, 0): 1}, quarantined: map[string]int{
		at("a", 2): 1, at("a", 3): 1, at("a", 4): 1, at("a", 5): 1, at("b", 1): 1, at("b", 2): 1, at("c", 0): 1, at("d", 0): 1}}
	after = wanted{rows: map[string]int{row(1, 0): 1, row(2, 0): 1, row(3, 1): 1, row(4, 1): 1, row(5, 0): 1, row(6, 0): 1},
		quarantined: map[string]int{at("a", 3): 1, at("b", 2): 1, at("d", 0): 1}}
	return before, after, err
}

// counts are those of all batches, as the ledger has them.
func (p *parts) counts(t *testing.T) (c ledger.Counts) {
	t.Helper()
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := l.Fold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Bookmark().Records
}

// rowsInQuarantine are the live ones.
func (p *parts) rowsInQuarantine(t *testing.T) (rows []quarantine.Row) {
	t.Helper()
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q := quarantine.Reader{Ledger: l, State: p.state, TempDir: t.TempDir()}
	if err := q.Each(t.Context(), func(_ string, r quarantine.Row) error { rows = append(rows, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return rows
}

func (p *parts) check(t *testing.T, when string, want wanted) {
	t.Helper()
	for _, s := range p.problems(t.Context(), want) {
		t.Errorf("%s: %s", when, s)
	}
}

func where(t *testing.T, conditions ...string) quarantine.Filter {
	t.Helper()
	f, err := quarantine.ParseWhere(conditions)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestReplay: with the shipped mapping nothing changes and nothing is written; a dry run of the corrected one tells and writes
// nothing; the corrected one publishes what passes, counts add up, and a second time there is nothing to do.
func TestReplay(t *testing.T) {
	for name, newParts := range map[string]func(*testing.T) *parts{
		"memory":      func(t *testing.T) *parts { return newMemParts(t, 1) },
		"folders":     func(t *testing.T) *parts { return newDirParts(t, 1) },
		"S3 and Glue": func(t *testing.T) *parts { return newS3Parts(t)() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newParts(t)
			before, after, err := p.replayJob(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p.check(t, "after the run", before)
			replay := func(r *jobs.Runner, dry bool, f quarantine.Filter) *report.Summary {
				t.Helper()
				sum, err := r.Replay(t.Context(), jobs.ReplayOptions{Trigger: "ON_DEMAND", DryRun: dry, Where: f})
				if err != nil {
					t.Fatal(err)
				}
				return sum
			}
			old := p.runner()
			old.Staging = denied{p.staging, "/c.log"}
			seq := p.seq(t)
			if sum := replay(old, false, quarantine.Filter{}); sum.Records != (report.RecordCounts{Read: 6, Quarantined: 6}) || sum.Batches != 0 || sum.Objects.Quarantined != 2 {
				t.Errorf("replay with the mapping as it was: %+v", sum)
			}
			if sum := replay(withCorrected(p.runner()), true, quarantine.Filter{}); sum.Records != (report.RecordCounts{Read: 8, Published: 5, Filtered: 1, Quarantined: 2}) || len(sum.Partitions) != 0 {
				t.Errorf("dry run: %+v", sum)
			}
			p.check(t, "after replays without effect", before)
			if p.seq(t) != seq {
				t.Error("a replay without effect wrote to the ledger")
			}

			sum := replay(withCorrected(p.runner()), false, quarantine.Filter{})
			same(t, "replay", fields{"command": "replay", "batches": 2, "records": report.RecordCounts{Read: 8, Published: 5, Filtered: 1, Quarantined: 2},
				"reasons": map[string]int64{"RECORD_NOT_JSON": 1, "NO_PROJECTION": 1, "OBJECT_UNREADABLE": 1}},
				fields{"command": sum.Command, "batches": sum.Batches, "records": sum.Records, "reasons": sum.Reasons})
			p.check(t, "after the replay", after)
			if c := p.counts(t); c != (ledger.Counts{Read: 9, Published: 6, Filtered: 1, Quarantined: 2}) {
				t.Errorf("the ledger counts %+v", c)
			}
			for _, r := range p.rowsInQuarantine(t) {
				if r.Run != sum.Run || r.ETag == "" || r.Record > 0 && len(r.Raw) == 0 {
					t.Errorf("row %+v", r)
				}
			}
			seq = p.seq(t)
			if sum := replay(withCorrected(p.runner()), false, quarantine.Filter{}); sum.Records.Published != 0 || sum.Records.Quarantined != 2 {
				t.Errorf("second replay: %+v", sum)
			}
			p.check(t, "after a second replay", after)
			if p.seq(t) != seq {
				t.Error("the second replay wrote to the ledger")
			}
			if sum, err := withCorrected(p.runner()).Run(t.Context(), jobs.RunOptions{Trigger: "ON_DEMAND"}); err != nil || sum.Records.Read != 0 {
				t.Errorf("a run after it: %v %+v", err, sum)
			}
		})
	}
}

func (p *parts) seq(t *testing.T) uint64 {
	t.Helper()
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := l.Fold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Seq()
}

// TestReplayWhere: what is not chosen stays as it is, to the byte and with the run that refused it.
func TestReplayWhere(t *testing.T) {
	p := newMemParts(t, 1)
	before, after, err := p.replayJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]quarantine.Row{}
	for _, r := range p.rowsInQuarantine(t) {
		old[fmt.Sprint(r.Object, "@", r.Record)] = r
	}
	sum, err := withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{Where: where(t, "reason=NO_PROJECTION", "object=**/{b,c}.log.gz")})
	if err != nil {
		t.Fatal(err)
	}
	if sum.Records != (report.RecordCounts{Read: 2, Published: 1, Quarantined: 1}) || sum.Kept != 4 || sum.Objects.Read != 1 {
		t.Errorf("%+v", sum)
	}
	part := wanted{rows: maps.Clone(before.rows), quarantined: maps.Clone(before.quarantined)}
	part.rows[row(3, 1)] = 1
	delete(part.quarantined, key("b")+"@1")
	p.check(t, "after a replay of b", part)
	for _, r := range p.rowsInQuarantine(t) {
		was := old[fmt.Sprint(r.Object, "@", r.Record)]
		if strings.HasSuffix(r.Object, "/b.log.gz") {
			was.Run = sum.Run
		}
		if fmt.Sprint(r) != fmt.Sprint(was) {
			t.Errorf("row %+v\nwas %+v", r, was)
		}
	}
	if sum, err = withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{Where: where(t, "reason=OBJECT_DENIED")}); err != nil {
		t.Fatal(err)
	}
	if sum.Records != (report.RecordCounts{Read: 2, Published: 2}) || sum.Objects.Read != 1 {
		t.Errorf("replay of whole objects: %+v", sum)
	}
	if _, err = withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{}); err != nil {
		t.Fatal(err)
	}
	p.check(t, "after a replay of all", after)
}

// TestReplayKeepsCaptures: what the mapping reads of an object's key is there in a replay too, also for a batch replayed twice.
func TestReplayKeepsCaptures(t *testing.T) {
	p := newMemParts(t, 1)
	for _, account := range []string{"444455556666", "777788889999"} {
		if err := p.put(strings.Replace(key("z"), "111122223333", account, 1), gz(kindOf(1, 0, "dns"))); err != nil {
			t.Fatal(err)
		}
	}
	p.spec.Limits.BatchBytes = 1 << 20
	if _, err := p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"777788889999", "444455556666"} {
		sum, err := withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{Where: where(t, "object="+account+"/**")})
		if err != nil {
			t.Fatal(err)
		}
		if len(sum.Partitions) != 1 || !strings.Contains(sum.Partitions[0].Partition, "accountId="+account) {
			t.Errorf("replay of %s: %+v", account, sum.Partitions)
		}
	}
	if c := p.counts(t); c != (ledger.Counts{Read: 2, Published: 2}) {
		t.Errorf("the ledger counts %+v", c)
	}
}

// TestReplayOfGoneObject: an object quarantined whole that is not in staging any more stays, and says so, once.
func TestReplayOfGoneObject(t *testing.T) {
	p := newMemParts(t, 1)
	if _, _, err := p.replayJob(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.put(key("c"), gz(flow(50, 0))); err != nil { // another version
		t.Fatal(err)
	}
	if err := p.staging.Delete(t.Context(), key("d")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range p.rowsInQuarantine(t) {
			if r.Record == 0 {
				n++
				if strings.Count(r.Message, "not in staging any more") != 1 || r.Reason == "" {
					t.Errorf("row %+v", r)
				}
			}
		}
		if n != 2 {
			t.Errorf("%d whole objects in quarantine", n)
		}
	}
	if c := p.counts(t); c != (ledger.Counts{Read: 7, Published: 4, Filtered: 1, Quarantined: 2}) {
		t.Errorf("the ledger counts %+v", c)
	}
}

// TestReplayFaults: whichever operation of a replay goes wrong, the next replay leaves every record once. Some operations,
// evenly spread, are tried; with SILT_SOAK=1 all are.
func TestReplayFaults(t *testing.T) {
	for _, c := range []struct {
		stores string
		how    fault
		every  int
		parts  func(*testing.T, int) *parts
	}{
		{"memory", faultBefore, 7, newMemParts}, {"memory", faultLost, 5, newMemParts}, {"memory", faultDead, 3, newMemParts},
		{"folders", faultDead, 13, newDirParts},
	} {
		t.Run(c.stores+": an operation "+string(c.how), func(t *testing.T) {
			made := c.parts(t, 1)
			_, after, err := made.replayJob(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			every := c.every
			if os.Getenv("SILT_SOAK") != "" {
				every = 1
			}
			var next atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for !t.Failed() {
						at := int(next.Add(1)-1) * every
						p := c.parts(t, 1)
						p.spec = made.spec // the places that are in its manifests
						p.resembles(t, made)
						f := &injector{at: at, how: c.how}
						first, err := withCorrected(p.faulty(f)).Replay(t.Context(), jobs.ReplayOptions{Trigger: "ON_DEMAND"})
						if f.hit() == "" {
							if at < 40 || err != nil {
								t.Errorf("the sweep ended after %d operations: %v", f.n, err)
							}
							return
						}
						if c.how.dead() && err == nil {
							t.Errorf("operation %d (%s): a dead process says it succeeded", at, f.hit())
						}
						again := p.runner()
						if c.how.dead() {
							again = p.afterwards()
						}
						if _, err := withCorrected(again).Replay(t.Context(), jobs.ReplayOptions{Trigger: "ON_DEMAND"}); err != nil {
							t.Errorf("operation %d (%s): %v; the next replay: %v", at, f.hit(), first.Error, err)
						}
						p.check(t, fmt.Sprintf("operation %d (%s) %s", at, f.hit(), c.how), after)
					}
				})
			}
			wg.Wait()
		})
	}
}

// resembles makes p what made is, with the same staging: a run before each replay would take most of a sweep's time.
func (p *parts) resembles(t *testing.T, made *parts) {
	fill := func(to, from jobs.LakeStore) error {
		return from.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error {
			if strings.Contains(o.Key, "/leases/") || strings.HasPrefix(o.Key, "catalog/") {
				return nil
			}
			in, _, err := from.Get(t.Context(), o.Key, objstore.GetOptions{})
			if err != nil {
				return err
			}
			defer in.Close()
			_, err = to.Put(t.Context(), o.Key, in, objstore.PutOptions{})
			return err
		})
	}
	p.staging = made.staging
	err := errors.Join(fill(p.state, made.state), fill(p.lake, made.lake))
	if err != nil {
		t.Error(err)
		return
	}
	tables, err := made.catalog.Tables(t.Context())
	for _, name := range tables {
		table, e := made.catalog.Table(t.Context(), name)
		at := func(location string) string {
			return strings.Replace(location, strings.TrimSuffix(made.lake.String(), "/")+"/", strings.TrimSuffix(p.lake.String(), "/")+"/", 1)
		}
		table.Location = at(table.Location)
		_, e2 := p.catalog.EnsureTable(t.Context(), table)
		var ps []catalog.Partition
		e3 := made.catalog.Partitions(t.Context(), name, func(q catalog.Partition) error {
			q.Location = at(q.Location)
			ps = append(ps, q)
			return nil
		})
		_, e4 := p.catalog.AddPartitions(t.Context(), name, ps)
		err = errors.Join(err, e, e2, e3, e4)
	}
	if err != nil {
		t.Error(err)
	}
}

// unleased is a state store that hides others' leases, as if they had expired: two replays then work at once.
type unleased struct {
	jobs.LakeStore
	mine jobs.LakeStore
}

func (s unleased) of(key string) jobs.LakeStore {
	if strings.Contains(key, "/leases/") {
		return s.mine
	}
	return s.LakeStore
}

func (s unleased) Get(ctx context.Context, key string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	return s.of(key).Get(ctx, key, o)
}

func (s unleased) Put(ctx context.Context, key string, r io.Reader, o objstore.PutOptions) (objstore.Object, error) {
	return s.of(key).Put(ctx, key, r, o)
}

func (s unleased) List(ctx context.Context, o objstore.ListOptions, fn func(objstore.Object) error) error {
	return s.of(o.Prefix).List(ctx, o, fn)
}

// leaseOfReplay is the lease of another run, which replays.
func (p *parts) leaseOfReplay(t *testing.T) *ledger.Lease { return p.leaseOf(t, ledger.LeaseReplay) }

// leaseOf is a lease that another run has.
func (p *parts) leaseOf(t *testing.T, name string) *ledger.Lease {
	t.Helper()
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{Run: "01HZZZZZZZZZZZZZZZZZZZZZZ1"})
	if err != nil {
		t.Fatal(err)
	}
	lease, err := l.Lease(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// TestTwoReplaysAtOnce: with leases the second one reports that another run holds the work; without, the ledger decides.
func TestTwoReplaysAtOnce(t *testing.T) {
	p := newMemParts(t, 1)
	_, after, err := p.replayJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lease := p.leaseOfReplay(t)
	if _, err := withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{}); !errors.Is(err, ledger.ErrHeld) || exitCodeOf(err) != 4 {
		t.Errorf("a replay alongside another: %v", err)
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		if round > 0 {
			p = newMemParts(t, 1)
			if _, after, err = p.replayJob(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		var published int64
		for i := range 3 {
			wg.Go(func() {
				r := withCorrected(p.runner())
				r.State = unleased{p.state, memstore.New(fmt.Sprintf("mem://leases-%d", i))}
				sum, err := r.Replay(t.Context(), jobs.ReplayOptions{Trigger: "ON_DEMAND"})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				published += sum.Records.Published
				mu.Unlock()
			})
		}
		wg.Wait()
		if published != 5 {
			t.Errorf("the replays say that they published %d records", published)
		}
		p.check(t, "after three replays at once", after)
	}
}

// onWaiting calls a function when a run logs that it waits.
type onWaiting func()

func (f onWaiting) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "waiting for another run") {
		f()
	}
	return len(p), nil
}

// TestReplayWaits: a replay that may wait continues when the other one has ended, and ends as one that waits no longer when its time is
// over.
func TestReplayWaits(t *testing.T) {
	p := newMemParts(t, 1)
	_, after, err := p.replayJob(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lease := p.leaseOfReplay(t)
	waited := 0
	r := withCorrected(p.runner())
	r.LogTo = onWaiting(func() { waited++ })
	if _, err := r.Replay(t.Context(), jobs.ReplayOptions{Wait: time.Millisecond}); !errors.Is(err, ledger.ErrHeld) || waited != 1 {
		t.Errorf("a wait that is too short: %v, logged %d times", err, waited)
	}
	r = withCorrected(p.runner())
	r.LogTo = onWaiting(func() {
		if err := lease.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if sum, err := r.Replay(t.Context(), jobs.ReplayOptions{Wait: time.Hour}); err != nil || sum.Records.Published != 5 {
		t.Errorf("after a wait: %v, %+v", err, sum.Records)
	}
	p.check(t, "after a replay that waited", after)
}

// TestReplayOfDamagedQuarantine: a quarantine file that lacks records is not replayed.
func TestReplayOfDamagedQuarantine(t *testing.T) {
	p := newMemParts(t, 1)
	if _, _, err := p.replayJob(t.Context()); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := quarantine.NewWriter(&b, quarantine.Has{})
	if err != nil {
		t.Fatal(err)
	}
	rows := p.rowsInQuarantine(t)
	if err := errors.Join(w.Add(rows[0]), w.Close()); err != nil {
		t.Fatal(err)
	}
	err = p.state.List(t.Context(), objstore.ListOptions{Prefix: "test/quarantine/"}, func(o objstore.Object) error {
		_, err := p.state.Put(t.Context(), o.Key, bytes.NewReader(b.Bytes()), objstore.PutOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := withCorrected(p.runner()).Replay(t.Context(), jobs.ReplayOptions{}); err == nil || !strings.Contains(err.Error(), "nothing was replayed") {
		t.Errorf("replay of a damaged file: %v", err)
	}
}
