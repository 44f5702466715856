// Package hostile holds tests that give whole runs of a job what nobody should send them: bombs, cut and changed objects, records
// without measure, odd files and clocks, disks that fill, and networks that break. It has no code of its own.
//
// Each test asserts the same: rows once, counts that reconcile, an error of one line, bounded memory and time, and a next run that
// continues. With SILT_SOAK=1 the tests run at full size.
package hostile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake/laketest"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// size is small in make test, and full in make soak.
func size(small, full int) int {
	if os.Getenv("SILT_SOAK") != "" {
		return full
	}
	return small
}

// flow is a record with an ID that its row has.
func flow(id int) string { return flowAt(id, "2025-06-02T10:00:00.000000+0000", "") }

// flowAt is a record with a time, and with more members of its event.
func flowAt(id int, at, more string) string {
	return fmt.Sprintf(`{"firewall_name":"fw","event":{"timestamp":%q,"flow_id":%d,"event_type":"netflow","src_ip":"10.0.0.1","src_port":1,"dest_ip":"10.0.0.9","dest_port":2,"proto":"UDP"%s}}`+"\n", at, id, more)
}

// ten are ten records with the IDs from first on.
func ten(first int) string {
	var b strings.Builder
	for i := range 10 {
		b.WriteString(flow(first + i))
	}
	return b.String()
}

func gz(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

func zst(t *testing.T, text string) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return e.EncodeAll([]byte(text), nil)
}

func kinds() jobfile.Kinds {
	return jobfile.Kinds{Stores: objstore.Registry{s3store.Kind(), dirstore.Kind()}, Catalogs: catalog.Registry{glue.Kind(), local.Kind()}}
}

// world is a job over folders, and the IDs that its lake must have.
type world struct {
	t    *testing.T
	dir  string
	lake string // the lake's folder
	spec *jobfile.Spec
	want map[string]bool // IDs of rows that have to be visible
	may  map[string]bool // IDs of rows that are allowed to be
	now  func() time.Time

	wrap func(*jobs.Runner)  // changes the stores of the next run; nil: none
	open func() *jobs.Runner // opens the stores; nil: folders
}

const settings = `
name: hostile
mapping: network-firewall
event_days: {max_age: 20000d}
limits: {memory: 256MiB, max_quarantine_ratio: 1, max_broken_ratio: 1, max_denied_objects: 1000000, max_retries: 0, timeout: 30m, batch_timeout: 20m}
`

func parse(t *testing.T, text string) *jobfile.Spec {
	t.Helper()
	s, err := jobfile.Parse("job.yaml", []byte(text+settings), func(string) (string, bool) { return "", false }, kinds())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, dir: dir, lake: filepath.Join(dir, "lake"), want: map[string]bool{}, may: map[string]bool{}, now: time.Now}
	w.spec = parse(t, "source: {staging: "+dir+"/staging}\nlake: {location: "+dir+"/lake, source_name: nf, region: us-east-1, account_id: \"111122223333\"}\n")
	w.put("first.log", []byte(ten(1)))
	w.wants(1, 10)
	return w
}

func (w *world) put(name string, data []byte) {
	w.t.Helper()
	path := filepath.Join(w.dir, "staging", name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

// wants says that the rows with n IDs from first on have to be visible in the end.
func (w *world) wants(first, n int) {
	for i := range n {
		w.want[strconv.Itoa(first+i)] = true
	}
}

func (w *world) runner() *jobs.Runner {
	w.t.Helper()
	if w.open != nil {
		return w.open()
	}
	m, err := mappings.Load("network-firewall")
	if err != nil {
		w.t.Fatal(err)
	}
	open := func(name string) *dirstore.Store {
		s, err := dirstore.Open(dirstore.Config{Root: filepath.Join(w.dir, name), Create: true, HideSilt: name != "lake/.silt"})
		if err != nil {
			w.t.Fatal(err)
		}
		return s
	}
	cat, err := local.Open(filepath.Join(w.dir, "lake", "catalog"), w.spec.Catalog.Database)
	if err != nil {
		w.t.Fatal(err)
	}
	lake := open("lake")
	r := &jobs.Runner{Spec: w.spec, Mapping: m, Compile: compile, Staging: open("staging"), Lake: lake, Deleter: lake, State: open("lake/.silt"), Catalog: cat,
		ExitCode: func(err error) int { return map[bool]int{true: 0, false: 1}[err == nil] }, Now: w.now}
	if w.wrap != nil {
		w.wrap(r)
	}
	return r
}

func compile(ctx context.Context, m *mappings.Mapping) (*sqlgen.Compiled, error) {
	c, problems, err := m.Compile(ctx)
	if err == nil && c == nil {
		err = fmt.Errorf("%v", problems)
	}
	return c, err
}

// run runs the job once, and checks what has to be true of every run, also of one that fails.
func (w *world) run() (*report.Summary, error) {
	w.t.Helper()
	return w.runWith(w.runner())
}

func (w *world) runWith(r *jobs.Runner) (*report.Summary, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Minute)
	defer cancel()
	began := time.Now()
	sum, err := r.Run(ctx, jobs.RunOptions{Trigger: "ON_DEMAND"})
	if err != nil && strings.Contains(err.Error(), "\n") {
		w.t.Errorf("the error has several lines: %q", err)
	}
	if r := sum.Records; r.Read != r.Published+r.Filtered+r.Quarantined {
		w.t.Errorf("the counts do not reconcile: %+v", r)
	}
	if ctx.Err() != nil {
		w.t.Errorf("the run took %s", time.Since(began))
	}
	for id, n := range w.rows() {
		if n > 1 {
			w.t.Errorf("row %s is there %d times", id, n)
		}
		if !w.want[id] && !w.may[id] {
			w.t.Errorf("row %s is there, which no record asks for", id)
		}
	}
	return sum, err
}

// done runs the job until it has nothing to do: the first run has to succeed, and the next one has to find nothing.
func (w *world) done() *report.Summary {
	w.t.Helper()
	sum, err := w.run()
	if err != nil {
		w.t.Fatalf("the run: %v", err)
	}
	w.settled()
	return sum
}

// settled says that every row that has to be visible is, and that another run has nothing to do.
func (w *world) settled() {
	w.t.Helper()
	next, err := w.run()
	if err != nil || next.Records.Read != 0 || next.Records.Published != 0 {
		w.t.Errorf("the next run: %v, %+v", err, next.Records)
	}
	rows := w.rows()
	missing := 0
	for id := range w.want {
		if rows[id] == 0 {
			missing++
		}
	}
	if missing > 0 {
		w.t.Errorf("%d of %d rows are missing", missing, len(w.want))
	}
}

// rows counts the rows that readers see, by ID.
func (w *world) rows() map[string]int { return rowsBelow(w.t, filepath.Join(w.lake, "ext")) }

func rowsBelow(t *testing.T, dir string) map[string]int {
	t.Helper()
	return laketest.Count(t, dir, "connection_info.uid")
}

// peakBelow says that the process, while work runs, takes at most so many bytes more than before it. Linux can forget the peak.
func peakBelow(t *testing.T, bytes int64, work func()) {
	t.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil {
		work() // not Linux, or not allowed
		return
	}
	before := status(t, "VmRSS:")
	work()
	if peak := status(t, "VmHWM:"); peak-before > bytes {
		t.Errorf("%d MiB of memory were needed, at most %d are allowed", (peak-before)>>20, bytes>>20)
	} else {
		t.Logf("%d MiB of memory were needed", (peak-before)>>20)
	}
}

// status is a line of /proc/self/status in bytes.
func status(t *testing.T, name string) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), name)
	f := strings.Fields(after)
	n, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
