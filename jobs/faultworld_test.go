package jobs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/gluefake"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// parts are the stores and the catalog of one job. Each runner opens its own.
type parts struct {
	spec                 *jobfile.Spec
	staging, lake, state jobs.LakeStore
	catalog              catalog.Catalog
	adopted              bool // its ledger was rebuilt from the lake
	checkpoints          int  // entries after which a run writes a checkpoint; 0: what a job has
}

// testMapping is the shipped mapping, testMapping once: a sweep runs the job some hundred times.
var testMapping = sync.OnceValues(func() (*mappings.Mapping, *sqlgen.Compiled) {
	m, err := mappings.Load("network-firewall")
	if err != nil {
		panic(err)
	}
	p, err := compilePlan(context.Background(), m)
	if err != nil {
		panic(err)
	}
	return m, p
})

func (p *parts) runner() *jobs.Runner {
	m, compiled := testMapping()
	return &jobs.Runner{Spec: p.spec, ExitCode: exitCodeOf, Mapping: m, Compile: func(context.Context, *mappings.Mapping) (*sqlgen.Compiled, error) { return compiled, nil },
		Staging: p.staging, Lake: p.lake, State: p.state, Catalog: p.catalog, CheckpointEntries: p.checkpoints}
}

// faulty is a runner whose operations f counts.
func (p *parts) faulty(f *injector) *jobs.Runner {
	r := p.runner()
	r.Staging, r.Lake, r.State, r.Catalog = faultStore{p.staging, f}, faultStore{p.lake, f}, faultStore{p.state, f}, faultCatalog{p.catalog, f}
	r.OpenEngine = f.openEngine
	compile := r.Compile
	r.Compile = func(ctx context.Context, m *mappings.Mapping) (compiled *sqlgen.Compiled, err error) {
		err = f.do("compile", "engine", m.Name, func() (err error) { compiled, err = compile(ctx, m); return err })
		return compiled, err
	}
	return r
}

// afterwards is a runner at a time when today's leases have expired.
func (p *parts) afterwards() *jobs.Runner {
	r := p.runner()
	r.State = later{p.state, 10 * time.Minute}
	return r
}

func (p *parts) put(key string, data []byte) error {
	_, err := p.staging.Put(context.Background(), key, bytes.NewReader(data), objstore.PutOptions{})
	return err
}

// faultSpec is the job of a sweep. location is that of the lake.
func faultSpec(t *testing.T, staging, lake, state, catalog string, batchBytes int) *jobfile.Spec {
	t.Helper()
	s, err := jobfile.Parse("job.yaml", []byte(fmt.Sprintf(`name: test
source:
  staging: %s
  include: ["**/*.log.gz"]
  key_pattern: "{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/"
mapping: network-firewall
lake: {location: "%s", source_name: network-firewall, region: us-east-1, account_id: "111122223333"}
catalog: %s
state: %s
limits: {batch_bytes: %d, max_quarantine_ratio: 1, max_broken_ratio: 1, memory: 1GiB, threads: 1}
`, staging, lake, catalog, state, batchBytes)), func(string) (string, bool) { return "", false }, kinds())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newMemParts is a job over stores in memory.
func newMemParts(t *testing.T, batchBytes int) *parts {
	t.Helper()
	dir := t.TempDir()
	p := &parts{staging: memstore.New("mem://staging"), lake: memstore.New("mem://lake"), state: memstore.New("mem://state")}
	p.spec = faultSpec(t, dir+"/staging", dir+"/lake", dir+"/state", "{type: local}", batchBytes)
	cat, err := local.Open(filepath.Join(dir, "catalog"), p.spec.Catalog.Database)
	if err != nil {
		t.Fatal(err)
	}
	p.catalog = cat
	return p
}

// newDirParts is a job over folders.
func newDirParts(t *testing.T, batchBytes int) *parts {
	t.Helper()
	return newDirPartsAt(t, t.TempDir(), batchBytes)
}

func newDirPartsAt(t *testing.T, dir string, batchBytes int) *parts {
	t.Helper()
	p := &parts{spec: faultSpec(t, dir+"/staging", dir+"/lake", dir+"/state", "{type: local}", batchBytes)}
	for name, to := range map[string]*jobs.LakeStore{"staging": &p.staging, "lake": &p.lake, "state": &p.state} {
		s, err := dirstore.Open(dirstore.Config{Root: filepath.Join(dir, name), Create: true, HideSilt: name == "lake"})
		if err != nil {
			t.Fatal(err)
		}
		*to = s
	}
	cat, err := local.Open(filepath.Join(dir, "lake", "catalog"), p.spec.Catalog.Database)
	if err != nil {
		t.Fatal(err)
	}
	p.catalog = cat
	return p
}

// newS3Parts gives jobs that share one S3 server and one Glue, each with prefixes and a database of its own.
func newS3Parts(t *testing.T) func() *parts {
	t.Helper()
	fake := gluefake.Start(t)
	return newS3PartsAt(t, objstoretest.StartVersityGW(t), fake.URL, fake.CreateDatabase)
}

// copying gives jobs as s3 does, with a lake that holds copies.
func copying(t *testing.T, s3 func() *parts) func() *parts {
	return func() *parts {
		p := s3()
		s, err := kinds().Stores.Open(t.Context(), p.spec.Lake.Location, objstore.Options{Region: "us-east-1", HoldCopies: true})
		if err != nil {
			t.Fatal(err)
		}
		p.lake = s.(jobs.LakeStore)
		return p
	}
}

// newS3PartsAt is newS3Parts with the caller's servers.
func newS3PartsAt(t *testing.T, server *objstoretest.Server, glueURL string, createDatabase func(t testing.TB, name string)) func() *parts {
	t.Helper()
	server.Setenv(t)
	t.Setenv("AWS_ENDPOINT_URL_GLUE", glueURL)
	for _, b := range []string{"staging", "lake", "state"} {
		server.MakeBucket(t, b)
	}
	var made atomic.Int64
	return func() *parts {
		n := made.Add(1)
		database := fmt.Sprintf("%s_%d", s3Database, n)
		createDatabase(t, database)
		at := func(bucket string) string { return fmt.Sprintf("s3://%s/%d", bucket, n) }
		p := &parts{spec: faultSpec(t, at("staging"), at("lake"), at("state"), "{type: glue, database: "+database+"}", 1)}
		for name, to := range map[string]*jobs.LakeStore{"staging": &p.staging, "lake": &p.lake, "state": &p.state} {
			s, err := kinds().Stores.Open(t.Context(), at(name), objstore.Options{Region: "us-east-1"})
			if err != nil {
				t.Fatal(err)
			}
			*to = s.(jobs.LakeStore)
		}
		cat, err := glue.Open(t.Context(), glue.Config{Database: database, Region: "us-east-1"})
		if err != nil {
			t.Fatal(err)
		}
		p.catalog = cat
		return p
	}
}

// wanted is what a job has to leave: rows by flow_id and time, and quarantined records by object and number.
type wanted struct {
	rows, quarantined map[string]int
}

// smallJob stages three objects in two batches: five records of two days and one that is none.
func (p *parts) smallJob() (wanted, error) {
	objects := map[string][]byte{key("a"): gz(flow(1, 0), flow(2, 1)), key("b"): gz(flow(3, 0), "broken"), key("c"): gz(flow(4, 1), flow(5, 0))}
	for k, data := range objects {
		if err := p.put(k, data); err != nil {
			return wanted{}, err
		}
	}
	p.spec.Limits.BatchBytes = int64(len(objects[key("a")]) + len(objects[key("b")]))
	return wanted{rows: map[string]int{row(1, 0): 1, row(2, 1): 1, row(3, 0): 1, row(4, 1): 1, row(5, 0): 1}, quarantined: map[string]int{key("b") + "@2": 1}}, nil
}

// row identifies a row that flow made.
func row(id, days int) string {
	return fmt.Sprintf("%d at %d", id, time.Date(2020, 10, 1+days, 21, 26, 5, 7e6, time.UTC).UnixMilli())
}

// rowsOf reads the rows of a Parquet file of the lake.
func (p *parts) rowsOf(ctx context.Context, key string, into map[string]int) error {
	in, _, err := p.lake.Get(ctx, key, objstore.GetOptions{})
	if err != nil {
		return err
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer f.Close()
	s := f.MetaData().Schema
	for g := range f.NumRowGroups() {
		n := f.RowGroup(g).NumRows()
		id, err := f.RowGroup(g).Column(s.ColumnIndexByName("connection_info.uid"))
		if err != nil {
			return err
		}
		at, err := f.RowGroup(g).Column(s.ColumnIndexByName("time"))
		if err != nil {
			return err
		}
		ids, times := make([]parquet.ByteArray, n), make([]int64, n)
		levels := make([]int16, n)
		if _, m, err := id.(*file.ByteArrayColumnChunkReader).ReadBatch(n, ids, levels, nil); err != nil || int64(m) != n {
			return fmt.Errorf("%s: %d of %d flow ids: %w", key, m, n, err)
		}
		if _, m, err := at.(*file.Int64ColumnChunkReader).ReadBatch(n, times, levels, nil); err != nil || int64(m) != n {
			return fmt.Errorf("%s: %d of %d times: %w", key, m, n, err)
		}
		for i := range n {
			into[fmt.Sprintf("%s at %d", ids[i], times[i])]++
		}
	}
	return nil
}

// differ lists how got differs from want.
func differ(what string, got, want map[string]int) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if got[k] != want[k] {
			out = append(out, fmt.Sprintf("%s: %s is there %d times, not %d", what, k, got[k], want[k]))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if want[k] == 0 {
			out = append(out, fmt.Sprintf("%s: %s is there %d times and should not be", what, k, got[k]))
		}
	}
	return out
}

// problems are what is not as a finished job has to leave it: every record once in the lake or in quarantine, for those who
// list the lake and for those who ask the catalog; a ledger that folds and has nothing left to do; no file without an owner.
func (p *parts) problems(ctx context.Context, want wanted) (out []string) {
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	l, err := ledger.Open(p.state, p.spec.Name, ledger.Options{})
	if err != nil {
		return []string{err.Error()}
	}
	st, err := l.Fold(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	if n := st.NotDone(); len(n) > 0 {
		bad("%d entries are not done: %+v", len(n), n)
	}
	out = append(out, p.provenanceProblems(ctx, l, st)...)
	live, quarantined, committed := map[string]bool{}, map[string]int{}, map[string]bool{}
	for _, b := range st.Batches() {
		if b.State == ledger.BatchOpen {
			bad("batch %s is open", b.ID)
		}
		committed[b.ID] = true
		for _, f := range b.Files {
			live[f] = true
		}
		for _, q := range b.Quarantine {
			in, _, err := p.state.Get(ctx, q, objstore.GetOptions{})
			if err != nil {
				bad("quarantine: %v", err)
				continue
			}
			data, err := io.ReadAll(in)
			in.Close()
			if err == nil {
				err = quarantine.Read(ctx, bytes.NewReader(data), func(r quarantine.Row) error {
					quarantined[fmt.Sprintf("%s@%d", r.Object, r.Record)]++
					return nil
				})
			}
			if err != nil {
				bad("quarantine: %v", err)
			}
		}
	}
	out = append(out, differ("quarantine", quarantined, want.quarantined)...)

	listed, seen := map[string]int{}, map[string]bool{}
	err = p.lake.List(ctx, objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error {
		seen[o.Key] = true
		return p.rowsOf(ctx, o.Key, listed)
	})
	if err != nil {
		bad("list the lake: %v", err)
	}
	out = append(out, differ("listed", listed, want.rows)...)
	for k := range live {
		if !seen[k] {
			bad("live file %s is not visible", k)
		}
	}
	for k := range seen {
		if !live[k] {
			bad("visible file %s is not live", k)
		}
	}

	asked := map[string]int{}
	tables, err := p.catalog.Tables(ctx)
	if err != nil {
		bad("tables: %v", err)
	}
	for _, table := range tables {
		var folders []string
		if err := p.catalog.Partitions(ctx, table, func(q catalog.Partition) error { folders = append(folders, q.Location); return nil }); err != nil {
			bad("partitions: %v", err)
		}
		for _, f := range folders {
			prefix, ours := strings.CutPrefix(f, strings.TrimSuffix(p.lake.String(), "/")+"/")
			if !ours || !strings.HasSuffix(prefix, "/") {
				bad("partition at %s, which is not in %s", f, p.lake)
				continue
			}
			if err := p.lake.List(ctx, objstore.ListOptions{Prefix: prefix}, func(o objstore.Object) error { return p.rowsOf(ctx, o.Key, asked) }); err != nil {
				bad("list %s: %v", f, err)
			}
		}
	}
	out = append(out, differ("by the catalog", asked, want.rows)...)

	// What is held must be of a void attempt at a batch that the ledger knows, so that doctor can tell that it may go.
	held, err := p.lake.HeldList(ctx, "")
	if err != nil {
		bad("list what is held: %v", err)
	}
	for _, h := range held {
		batch, _, _ := strings.Cut(h.Key[strings.LastIndex(h.Key, "/")+1:], "-")
		if live[h.Key] || !committed[batch] {
			bad("%s is held; live %v, its batch ended %v", h.Key, live[h.Key], committed[batch])
		}
	}
	return out
}
