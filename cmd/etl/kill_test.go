package main_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/gluefake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

const (
	killBatches  = 50
	killDatabase = "amazon_security_lake_glue_db_us_east_1"
	killJob      = `name: nf
source:
  staging: s3://staging/AWSLogs/
  include: ["**/*.log.gz"]
  key_pattern: "{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/"
mapping: network-firewall
lake: {location: "s3://lake", source_name: network-firewall, region: us-east-1, account_id: "111122223333"}
catalog: {type: glue, database: ` + killDatabase + `}
state: s3://state/
limits: {batch_bytes: 1, max_quarantine_ratio: 1, memory: 1GiB, max_retries: 0}
`
)

// killWorld is a job of fifty batches on an S3 server and Glue's API, with the rows it has to leave.
type killWorld struct {
	job         *place // where etl runs
	server      *place // the server's folder, which holds the buckets
	rows        map[string]int
	quarantined int64
}

// newKillWorld needs catalogURL to answer as Glue, with the database made.
func newKillWorld(t *testing.T, etl, catalogURL string) *killWorld {
	t.Helper()
	s := objstoretest.StartVersityGW(t)
	env := append(s.Env(), "AWS_ENDPOINT_URL_GLUE="+catalogURL)
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	for _, b := range []string{"staging", "lake", "state"} {
		s.MakeBucket(t, b)
	}
	w := &killWorld{job: &place{t: t, etl: etl, dir: t.TempDir(), env: env}, server: &place{t: t, dir: s.Dir}, rows: map[string]int{}}
	w.job.write("job.yaml", killJob)
	staging := openStore(t, "s3://staging/AWSLogs")
	for i := range killBatches {
		var data bytes.Buffer
		z := gzip.NewWriter(&data)
		for j := range 10 {
			id := strconv.Itoa(1000*i + j)
			w.rows[id]++
			fmt.Fprintf(z, `{"firewall_name":"fw","event":{"timestamp":"2025-06-%02dT10:00:0%d+0000","flow_id":%s,"event_type":"netflow","src_ip":"10.0.0.1","src_port":1,"dest_ip":"10.0.0.9","dest_port":2,"proto":"UDP"}}`+"\n", 1+(i+j)%4, j, id)
		}
		if i%10 == 0 {
			fmt.Fprintln(z, "broken")
			w.quarantined++
		}
		z.Close()
		k := fmt.Sprintf("111122223333/network-firewall/flow/us-east-1/fw/2025/06/01/10/%03d.log.gz", i)
		if _, err := staging.Put(t.Context(), k, &data, objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func openStore(t *testing.T, location string) objstore.Bucket {
	t.Helper()
	b, err := objstore.Registry{s3store.Kind(), dirstore.Kind()}.Open(t.Context(), location, objstore.Options{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// expireLeases makes the leases of the dead as old as they would be when the next run starts hours later: the server tells a
// file's modification time.
func (w *killWorld) expireLeases() {
	t := w.job.t
	t.Helper()
	leases, err := filepath.Glob(filepath.Join(w.server.dir, "state/nf/leases/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	for _, f := range leases {
		if err := os.Chtimes(f, old, old); err != nil {
			t.Fatal(err)
		}
	}
}

// wantPartial holds what readers see after a kill to what they may see: rows of staging, none twice.
func (w *killWorld) wantPartial(when string) (visible int) {
	t := w.job.t
	t.Helper()
	got := w.server.published()
	for id, n := range got {
		if n > w.rows[id] {
			t.Errorf("%s: flow %s is there %d times", when, id, n)
		}
	}
	return total(got)
}

// wantAll holds lake, catalog, quarantine and ledger to what a job that ended leaves.
func (w *killWorld) wantAll() {
	t := w.job.t
	t.Helper()
	if got := w.server.published(); !maps.Equal(got, w.rows) {
		t.Errorf("%d rows of %d flows, want %d of %d", total(got), len(got), total(w.rows), len(w.rows))
	}
	l, err := ledger.Open(openStore(t, "s3://state"), "nf", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := l.Fold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var sum ledger.Counts
	committed, folders := map[string]bool{}, map[string]bool{}
	for _, b := range st.Batches() {
		sum.Add(b.Counts)
		committed[b.ID] = b.State == ledger.BatchCommitted
		for _, f := range b.Files {
			folders["s3://lake/"+f[:strings.LastIndex(f, "/")+1]] = true
		}
	}
	got := map[string]int64{"batches": int64(len(committed)), "entries not done": int64(len(st.NotDone())), "quarantined": sum.Quarantined, "published": sum.Published}
	want := map[string]int64{"batches": killBatches, "entries not done": 0, "quarantined": w.quarantined, "published": int64(total(w.rows))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the ledger (-want +got):\n%s", diff)
	}
	cat, err := glue.Open(t.Context(), glue.Config{Database: killDatabase, Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	tables, err := cat.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if err := cat.Partitions(t.Context(), table, func(p catalog.Partition) error { shown[p.Location] = true; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if !maps.Equal(shown, folders) {
		t.Errorf("the catalog has the partitions %v, the files are in %v", shown, folders)
	}
	held, err := openStore(t, "s3://lake").(objstore.Holder).HeldList(context.WithoutCancel(t.Context()), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range held {
		batch, _, _ := strings.Cut(h.Key[strings.LastIndex(h.Key, "/")+1:], "-")
		if st.Live(h.Key) || !committed[batch] {
			t.Errorf("%s is held; live %v, its batch committed %v", h.Key, st.Live(h.Key), committed[batch])
		}
	}
}

// linesOfABatch are what a run logs of each.
const linesOfABatch = 4

// kill starts runs of the job and kills them at random moments, and lets the last run end. What is left of the job is cut into
// as many parts as there are kills, and the nth run dies at a random place of the nth part, or right away where the runs before
// came further: so the deaths are spread over the whole job. It returns how many runs died: fewer than kills where the job was
// done before.
func (w *killWorld) kill(random *rand.Rand, kills int, where *deaths) (died int) {
	t := w.job.t
	t.Helper()
	visible := w.wantPartial("before a kill")
	first := killBatches * visible / total(w.rows)
	for died < kills {
		place := float64(first) + float64(killBatches-first)*(float64(died)+random.Float64())/float64(kills)
		ahead := place - float64(killBatches*visible/total(w.rows))
		lines, later := 1+max(0, int(linesOfABatch*ahead)), time.Duration(random.Int64N(int64(50*time.Millisecond)))
		if random.IntN(8) == 0 {
			lines, later = 0, 8*later // before it has logged anything, or at the start
		}
		c := w.job.command("run", "job.yaml")
		stderr, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if lines == 0 {
			time.AfterFunc(later, func() { c.Process.Kill() })
		}
		var log bytes.Buffer
		for n, in := 1, bufio.NewScanner(stderr); in.Scan(); n++ {
			log.WriteString(in.Text() + "\n")
			if n == lines {
				time.AfterFunc(later, func() { c.Process.Kill() })
			}
		}
		if err := c.Wait(); err == nil {
			return died
		} else if !w.wasKilled(c) {
			t.Fatalf("a run that was not killed, after %d kills: %v\n%s", died, err, log.String())
		}
		died++
		visible = w.wantPartial(fmt.Sprintf("kill %d, %s after line %d", died, later, lines))
		where.add(log.String(), visible, total(w.rows))
		w.expireLeases()
	}
	t.Logf("%d kills, %d rows were visible by then", died, visible)
	if code, out, errs := w.job.run("run", "job.yaml"); code != 0 {
		t.Fatalf("the last run: exit %d\n%s%s", code, out, errs)
	}
	return died
}

func (w *killWorld) wasKilled(c *exec.Cmd) bool {
	s, ok := c.ProcessState.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL
}

// killed is how many kills a test is to make, and where its random numbers start.
func killed(t *testing.T, few, soak int) (*rand.Rand, int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SILT_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SILT_SEED: %v", err)
		}
	}
	t.Logf("SILT_SEED=%d", seed)
	if os.Getenv("SILT_SOAK") != "" {
		few = soak
	}
	if text := os.Getenv("SILT_KILLS"); text != "" { // a part of a soak
		var err error
		if few, err = strconv.Atoi(text); err != nil {
			t.Fatalf("SILT_KILLS: %v", err)
		}
	}
	return rand.New(rand.NewPCG(seed, 0)), few
}

// TestKilled: the real binary dies by SIGKILL at random moments of a job of fifty batches, on an S3 server and Glue's API, and
// is started again; in the end the lake's rows are those of staging. Some runs are stopped by SIGTERM first. SILT_SOAK=1 kills
// two hundred times.
func TestKilled(t *testing.T) {
	killJobs(t, func(t *testing.T) string {
		fake := gluefake.Start(t)
		fake.CreateDatabase(t, killDatabase)
		return fake.URL
	})
}

// killJobs kills runs of one job after the other, each with a Glue of its own, and tells where in a run they died.
func killJobs(t *testing.T, newGlue func(t *testing.T) (url string)) {
	random, kills := killed(t, 20, 200)
	etl := goBuild(t, t.TempDir(), "github.com/silt-etl/silt/cmd/etl")
	var where deaths
	for died, rounds := 0, 0; died < kills; rounds++ {
		w := newKillWorld(t, etl, newGlue(t))
		if rounds == 0 {
			w.stop(random, min(kills/5, 8))
		}
		died += w.kill(random, min(kills-died, 25), &where)
		if w.wantAll(); t.Failed() || rounds > kills {
			t.Fatalf("after %d kills in %d jobs", died, rounds+1)
		}
	}
	where.tell(t)
}

// deaths are the moments at which runs were killed: the last that each had logged, and how much of its job was visible by then.
type deaths struct {
	stages map[string]int
	tenths [11]int
}

func (d *deaths) add(log string, visible, rows int) {
	last := "nothing logged yet"
	for _, line := range strings.Split(log, "\n") {
		var l struct{ Message string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Message != "" { // the last line may be cut
			last = l.Message
		}
	}
	if d.stages == nil {
		d.stages = map[string]int{}
	}
	d.stages[last]++
	d.tenths[10*visible/rows]++
}

// tell prints them, and wants them to be spread: not all in one stage, nor in one part of the job.
func (d *deaths) tell(t *testing.T) {
	t.Helper()
	for _, stage := range slices.Sorted(maps.Keys(d.stages)) {
		t.Logf("%3d killed after %q %s", d.stages[stage], stage, strings.Repeat("#", d.stages[stage]))
	}
	tenths := 0
	for i, n := range d.tenths {
		t.Logf("%3d killed with %3d%% of the rows visible %s", n, 10*i, strings.Repeat("#", n))
		if n > 0 {
			tenths++
		}
	}
	if len(d.stages) < 3 || tenths < 6 {
		t.Errorf("the kills fell into %d stages of a run and %d tenths of the job", len(d.stages), tenths)
	}
}

// stop lets runs of the job stop by SIGTERM at random moments. Each has to end within ten seconds as STOPPED, with whole batches
// visible, nothing held, and no lease that keeps the next one out.
func (w *killWorld) stop(random *rand.Rand, stops int) {
	t := w.job.t
	t.Helper()
	for n := range stops {
		s := w.job.start("run", "job.yaml")
		for range 1 + random.IntN(3*linesOfABatch) {
			if !s.lines.Scan() {
				t.Fatalf("stop %d: it ended before it was stopped: %v\n%s", n, s.lines.Err(), strings.Join(s.seen, "\n"))
			}
			s.seen = append(s.seen, s.lines.Text())
		}
		s.signal(syscall.SIGTERM)
		if code := s.end(10 * time.Second); code != 5 || !strings.Contains(s.out.String(), "STOPPED") {
			t.Fatalf("stop %d: exit %d\n%s\n%s", n, code, s.out.String(), strings.Join(s.seen, "\n"))
		}
		if visible := w.wantPartial(fmt.Sprintf("stop %d", n)); visible%(total(w.rows)/killBatches) != 0 {
			t.Errorf("stop %d: %d rows are visible, which are no whole batches", n, visible)
		}
		held, err := openStore(t, "s3://lake").(objstore.Holder).HeldList(t.Context(), "")
		if err != nil || len(held) > 0 {
			t.Errorf("stop %d: %d files held, %v", n, len(held), err)
		}
	}
	published := 0
	for _, r := range w.job.runs() {
		if r.State != "STOPPED" || r.End.ExitCode != 5 {
			t.Errorf("etl runs shows %+v", r)
		}
		published += r.End.Records.Published
	}
	visible := total(w.server.published())
	if visible != published {
		t.Errorf("the runs say that they published %d, readers see %d", published, visible)
	}
	t.Logf("stopped %d times, %d rows were visible by then", stops, visible)
}
