package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/tempdir"
	"github.com/silt-etl/silt/sql/sqlgen"
)

func show(results []Result) string {
	var b strings.Builder
	for _, r := range results {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

// denying makes an operation of a store fail.
func denying(s *memstore.Store, operation string) {
	s.SetHooks(func(op, key string) error {
		if op == operation {
			return objstore.ErrDenied
		}
		return nil
	}, nil)
}

// The check of the lake only holds and drops: nothing becomes visible.
func TestLakeStaysEmpty(t *testing.T) {
	ctx := context.Background()
	s := memstore.New("mem")
	var operations []string
	s.SetHooks(nil, func(op, key string) error {
		operations = append(operations, op)
		return nil
	})
	if got, want := show(tryLake(ctx, s, nil, "ext/x/")), "ok   lake: mem can hold files without showing them to readers, and drop them\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if diff := cmp.Diff([]string{"hold", "drop"}, operations); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	if held, err := s.HeldList(ctx, ""); err != nil || len(held) > 0 {
		t.Errorf("%v remain, %v", held, err)
	}
}

func TestLake(t *testing.T) {
	for _, c := range []struct {
		name     string
		deny     string
		deleting bool // the job has a role that can delete
		want     []string
	}{
		{"holding is denied", "hold", false, []string{"FAIL lake: "}},
		{"dropping is denied", "drop", false, []string{"warn lake: mem can hold files without showing them to readers, but a held file cannot be dropped: ", "Try: allow s3:AbortMultipartUpload"}},
		{"a role that is denied deletes", "drop", true, []string{"ok   lake: ", "FAIL deleting: ", "Try: allow s3:AbortMultipartUpload and s3:DeleteObject below ext/ for lake.delete_role_arn"}},
		{"a role that can delete", "", true, []string{"ok   lake: ", "ok   deleting: held files can be dropped, and files can be deleted\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := memstore.New("mem")
			denying(s, c.deny)
			var deleter ledger.Lake
			if c.deleting {
				deleter = s
			}
			wantTexts(t, show(tryLake(context.Background(), s, deleter, "ext/x/")), c.want...)
		})
	}
}

// The lake is tried as each role of a class too, in the folder of that role's source.
func TestClassRoles(t *testing.T) {
	held := map[string]string{} // by role
	kinds := objstore.Registry{{Scheme: "s3", Form: "s3://bucket/prefix", Open: func(_ context.Context, _ location.Location, o objstore.Options) (objstore.Bucket, error) {
		s := memstore.New("mem")
		s.SetHooks(func(op, key string) error {
			if op != "hold" {
				return nil
			}
			held[o.RoleARN+" "+o.ExternalID] = key[:strings.LastIndexByte(key, '/')+1]
			if o.RoleARN == "denied" {
				return objstore.ErrDenied
			}
			return nil
		}, nil)
		return s, nil
	}}}
	e := &examination{Input: Input{Stores: kinds, Job: &jobfile.Spec{Lake: jobfile.Lake{Location: "s3://lake", SourceName: "x", RoleARN: "r", Classes: map[string]*jobfile.Class{
		"dns_activity": {SourceName: "x-dns", RoleARN: "dns", ExternalID: "id"}, "http_activity": {SourceName: "x-http", RoleARN: "denied"}, "file_activity": {SourceName: "x-file"}}}},
		Options: StoreOptions{Lake: objstore.Options{RoleARN: "r"}}}}
	wantTexts(t, show(checkLake(context.Background(), e)), "ok   lake: ", "ok   lake for class dns_activity: ", "FAIL lake for class http_activity: ")
	if diff := cmp.Diff(map[string]string{"r ": "ext/x/", "dns id": "ext/x-dns/", "denied ": "ext/x-http/"}, held); diff != "" {
		t.Errorf("folders by role (-want +got):\n%s", diff)
	}
}

func wantTexts(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%q is not in\n%s", w, got)
		}
	}
}

func TestStaging(t *testing.T) {
	three := []string{"a/readme.txt", "a/x.log.gz", "a/y.log.gz"}
	many := make([]string, stagingSample+1)
	for i := range many {
		many[i] = fmt.Sprintf("%d.log.gz", i)
	}
	for _, c := range []struct {
		name             string
		keys             []string
		include, exclude []string
		deny             string
		want             string
	}{
		{"empty", nil, nil, nil, "", "warn staging: mem can be listed and is empty. Try: check source.staging, if logs should be there already"},
		{"some selected", three, []string{"**/*.gz"}, []string{"**/y*"}, "", "ok   staging: mem can be listed and read; a run reads 1 of 3 objects"},
		{"more than are looked at", many, nil, nil, "", "ok   staging: mem can be listed and read; a run reads 1,000 of the first 1,000 objects"},
		{"nothing selected", three, []string{"b/**"}, nil, "", "warn staging: source.include and source.exclude select 0 of 3 objects in mem. Try: compare them with the keys, which begin below source.staging"},
		{"reading is denied", three, nil, nil, "get", "FAIL staging: get mem/a/readme.txt: access denied"},
		{"listing is denied", three, nil, nil, "list", "FAIL staging: list mem: access denied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := memstore.New("mem")
			for _, k := range c.keys {
				if _, err := s.Put(context.Background(), k, strings.NewReader("x"), objstore.PutOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			denying(s, c.deny)
			if got := tryStaging(context.Background(), s, c.include, c.exclude).String(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		skew time.Duration
		want string
	}{
		{time.Second, "ok   clock: this machine's clock and the store's differ by less than 30s"},
		{-5 * time.Minute, "warn clock: this machine's clock and the store's differ by 5m0s. Try: run an NTP client; S3 refuses requests if the clocks differ by 15 minutes"},
		{time.Hour, "warn clock: this machine's clock and the store's differ by 1h0m0s. Try: run an NTP client; S3 refuses requests if the clocks differ by 15 minutes"},
	} {
		s := memstore.New("mem")
		s.SetNow(now.Add(c.skew))
		if got := compareClocks(context.Background(), s, func() time.Time { return now }).String(); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.skew, got, c.want)
		}
	}
}

// The check of the catalog reads only: it creates no table.
func TestCatalog(t *testing.T) {
	ctx := context.Background()
	m := &Mapping{Compiled: &sqlgen.Compiled{Projections: []sqlgen.Projection{{Class: "network_activity", Schema: lake.Schema{Class: "network_activity",
		Columns: []*lake.Node{{Name: "time", Kind: lake.Int64}, {Name: "app_name", Kind: lake.String}}}}}},
		Targets: map[string]lake.Target{"network_activity": {Table: "t", Folder: "ext/x/"}}}
	location := func(folder string) string { return "/lake/" + folder }
	permissions := func(createsTable bool) string { return fmt.Sprintf("permissions (creates a table: %v)", createsTable) }
	for _, c := range []struct {
		name        string
		have        *catalog.Table
		permissions func(bool) string
		want        string
	}{
		{"no table", nil, nil, "ok   table t: does not exist yet; the first run creates it"},
		{"no table, and writing cannot be tested", nil, permissions, "warn catalog writes: not tested, because the catalog has no dry run; a run needs permissions (creates a table: true)"},
		{"the same columns", &catalog.Table{Columns: []catalog.Column{{Name: "time", Type: "bigint"}, {Name: "app_name", Type: "string"}}}, nil, "ok   table t: 2 columns, the same as in the mapping"},
		{"fewer columns", &catalog.Table{Columns: []catalog.Column{{Name: "time", Type: "bigint"}}}, permissions, "ok   table t: 1 column; the next run adds 1\n"},
		{"another type", &catalog.Table{Columns: []catalog.Column{{Name: "time", Type: "string"}}}, nil, "FAIL table t: a column would change its type: time is string"},
		{"another location", &catalog.Table{Location: "/other/ext/x/", Columns: []catalog.Column{{Name: "time", Type: "bigint"}}}, nil, "warn table t: its location is /other/ext/x/, but this job writes to /lake/ext/x/; readers see both"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cat, err := local.Open(t.TempDir(), "db")
			if err != nil {
				t.Fatal(err)
			}
			if c.have != nil {
				c.have.Name = "t"
				if c.have.Location == "" {
					c.have.Location = "/lake/ext/x/"
				}
				if _, err := cat.EnsureTable(ctx, *c.have); err != nil {
					t.Fatal(err)
				}
			}
			wantTexts(t, show(tryCatalog(ctx, cat, m, location, c.permissions)), c.want)
			if c.have == nil {
				if names, err := cat.Tables(ctx); err != nil || len(names) > 0 {
					t.Errorf("created %q, %v", names, err)
				}
			}
		})
	}
}

func TestMemory(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		limit int64
		want  string
	}{
		{"unknown", nil, 1 << 30, "warn memory: limits.memory is 1.0 GiB, and this machine's memory is unknown"},
		{"enough", map[string]string{"proc/meminfo": "MemTotal:        8388608 kB\nMemFree: 1 kB\n"}, 4 << 30,
			"ok   memory: limits.memory is 4.0 GiB, and this machine has 8.0 GiB"},
		{"all of it", map[string]string{"proc/meminfo": "MemTotal:        8388608 kB\n"}, 8 << 30,
			"warn memory: limits.memory is 8.0 GiB and this machine has 8.0 GiB, so little is left for other programs. Try: lower limits.memory to 80% of that"},
		{"a container without a limit", map[string]string{"proc/meminfo": "MemTotal:        8388608 kB\n", "sys/fs/cgroup/memory.max": "max\n"}, 4 << 30,
			"ok   memory: limits.memory is 4.0 GiB, and this machine has 8.0 GiB"},
		{"more than a container's limit", map[string]string{"proc/meminfo": "MemTotal:        8388608 kB\n", "sys/fs/cgroup/memory.max": "2147483648\n"}, 4 << 30,
			"FAIL memory: limits.memory is 4.0 GiB, but this container is limited to 2.0 GiB. Try: lower limits.memory to 80% of that"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range c.files {
				writeFile(t, filepath.Join(root, path), text)
			}
			if got := tryMemory(root, c.limit).String(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name       string
		dir        string
		batchBytes int64
		want       []string
	}{
		{"enough", dir, 1 << 20, []string{"ok   disk: ", "free in " + dir + "; a batch of limits.batch_bytes may need 2.0 MiB"}},
		{"too little", dir, 1 << 60, []string{"warn disk: ", "Try: free some space, set limits.temp_dir to another folder, or lower limits.batch_bytes"}},
		{"no folder", filepath.Join(dir, "nowhere"), 1, []string{"FAIL disk: ", "Try: set limits.temp_dir to a folder in which etl can write"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantTexts(t, tryDisk(c.dir, c.batchBytes).String(), c.want...) })
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v remain", left)
	}
}

// Times of a schedule are in the job's own time zone.
func TestSchedule(t *testing.T) {
	now := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC) // in the following night, Berlin changes to summer time
	for _, c := range []struct{ cron, want string }{
		{"15 4 * * *", "ok   schedule: etl serve starts the job next at 2026-03-29 04:15 CEST, 2026-03-30 04:15 CEST, 2026-03-31 04:15 CEST"},
		{"0 0 30 2 *", "warn schedule: 0 0 30 2 * names a time that never comes"},
		{"", "ok   schedule: the job has no schedule; it runs when etl run is called"},
	} {
		e := &examination{Input: Input{Job: &jobfile.Spec{Schedule: jobfile.Schedule{Cron: c.cron, Timezone: "Europe/Berlin"}}, Now: func() time.Time { return now }}}
		if got := show(checkSchedule(context.Background(), e)); got != c.want+"\n" {
			t.Errorf("got  %swant %s", got, c.want)
		}
	}
}

// Only parts of a job in stores and catalogs of AWS are asked about, each with its region and role.
func TestAWSParts(t *testing.T) {
	e := &examination{Input: Input{Stores: stores(t, nil), Catalog: catalog.Kind{Type: "glue", UsesAWS: true}, Job: &jobfile.Spec{State: "s3://state/x",
		Source: jobfile.Source{Staging: "./staging"}, Lake: jobfile.Lake{Location: "s3://lake", Region: "us-east-1", RoleARN: "r", DeleteRoleARN: "d",
			Classes: map[string]*jobfile.Class{"dns_activity": {SourceName: "x-dns", RoleARN: "c", ExternalID: "e"}, "http_activity": {SourceName: "x-http"}}},
		Catalog: jobfile.Catalog{Type: "glue", Region: "eu-west-1"}}}}
	want := []AWSPart{
		{Name: "lake", Region: "us-east-1", RegionKey: "lake.region", RoleARN: "r", Bucket: "lake"},
		{Name: "deleting", Region: "us-east-1", RegionKey: "lake.region", RoleARN: "d", Bucket: "lake"},
		{Name: "state", Region: "us-east-1", RegionKey: "lake.region", Bucket: "state"},
		{Name: "class dns_activity", Region: "us-east-1", RegionKey: "lake.region", RoleARN: "c", ExternalID: "e", Bucket: "lake"},
		{Name: "catalog", Region: "eu-west-1", RegionKey: "catalog.region"},
	}
	if diff := cmp.Diff(want, e.awsParts()); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

// Folders of killed processes are named with their size, and removed only with fix. A folder in use stays.
func TestTempFolders(t *testing.T) {
	dir := t.TempDir()
	used, err := tempdir.New(dir, "job")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Remove()
	left, old := filepath.Join(dir, "silt-job-1"), filepath.Join(dir, "silt-job-2")
	writeFile(t, filepath.Join(left, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "spill"), strings.Repeat("x", 2048))
	writeFile(t, filepath.Join(left, ".silt-lock"), "")
	writeFile(t, filepath.Join(old, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "spill"), "x")
	find := func(fix bool) string { return show(findTempFolders(context.Background(), dir, fix)) }
	unsure := "warn temp folders: 1 folder (1 B): " + old + " without a lock. Try: delete them if no older version of etl uses them\n"
	if d := cmp.Diff("warn temp folders: processes that were killed have left 1 folder (2.0 KiB): "+left+". Try: etl doctor --fix, or wait for the next run\n"+unsure, find(false)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("ok   temp folders: removed 1 folder (2.0 KiB): "+left+"\n"+unsure, find(true)); d != "" {
		t.Error(d)
	}
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("ok   temp folders: no killed process has left one\n", find(true)); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(used.Path); err != nil {
		t.Errorf("the folder in use: %v", err)
	}
}
