package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/sql/sqlgen"
)

var update = flag.Bool("update", false, "write the golden files in testdata")

// golden compares a text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// stores is a registry of folders, and of S3 whose buckets are in memory.
func stores(t *testing.T, buckets map[string]*memstore.Store) objstore.Registry {
	t.Helper()
	return objstore.Registry{dirstore.Kind(), {Scheme: "s3", Form: "s3://bucket/prefix", NeedsState: true, HoldsCopies: true, DeletesNeedRole: true, UsesAWS: true,
		Open: func(_ context.Context, at location.Location, _ objstore.Options) (objstore.Bucket, error) {
			if s := buckets[at.Bucket()]; s != nil {
				return s, nil
			}
			return nil, &diag.OpError{Op: "open", Object: at.String(), Err: objstore.ErrNoStore}
		}}}
}

// fakeAWS knows one identity, and all buckets are in its region.
type fakeAWS struct {
	region string
	err    error
}

func (a fakeAWS) Identity(context.Context, AWSPart) (string, error) {
	return "arn:aws:iam::111122223333:user/etl", a.err
}

func (a fakeAWS) BucketRegion(context.Context, AWSPart) string { return a.region }

// s3Job is a job whose staging, lake and state are in buckets, with one object in staging. It has not run yet.
func s3Job(t *testing.T) (in Input, buckets map[string]*memstore.Store) {
	t.Helper()
	buckets = map[string]*memstore.Store{"staging": memstore.New("s3://staging"), "lake": memstore.New("s3://lake"), "state": memstore.New("s3://state")}
	if _, err := buckets["staging"].Put(t.Context(), "a.log", strings.NewReader("x"), objstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, s := range buckets {
		s.SetNow(now)
	}
	cat, err := local.Open(t.TempDir(), "security")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "proc/meminfo"), "MemTotal:        8388608 kB\n")
	targets := map[string]lake.Target{"network_activity": {Table: "network", Folder: "ext/nfw/"}}
	in = Input{File: "job.yaml", Stores: stores(t, buckets), AWS: fakeAWS{region: "us-east-1"}, SystemRoot: root, Now: func() time.Time { return now },
		Job: &jobfile.Spec{Name: "nfw", Source: jobfile.Source{Staging: "s3://staging", Region: "us-east-1"}, State: "s3://state",
			Lake:    jobfile.Lake{Location: "s3://lake", SourceName: "nfw", Region: "us-east-1"},
			Catalog: jobfile.Catalog{Type: "glue", Region: "us-east-1"}, Limits: jobfile.Limits{MemoryBytes: 4 << 30, BatchBytes: 1 << 20, TempDir: t.TempDir()}},
		Mapping: &Mapping{Name: "network-firewall", Targets: targets, Compiled: &sqlgen.Compiled{Version: "1.1.0", Projections: []sqlgen.Projection{{Class: "network_activity",
			Schema: lake.Schema{Class: "network_activity", Columns: []*lake.Node{{Name: "time", Kind: lake.Int64}}}}}}},
		Catalog:     catalog.Kind{Type: "glue", UsesAWS: true, WritePermissions: func(bool) string { return "glue:UpdateTable" }},
		OpenCatalog: func(context.Context) (catalog.Catalog, error) { return cat, nil },
		Maintain: func(ctx context.Context, write bool, work func(context.Context, Places) error) ([]string, error) {
			o := ledger.Options{TempDir: t.TempDir()}
			if write {
				o.Run = ulid.Make().String()
			}
			if buckets["state"] == nil {
				return nil, objstore.ErrNoStore
			}
			l, err := ledger.Open(buckets["state"], "nfw", o)
			if err != nil {
				return nil, err
			}
			return nil, work(ctx, Places{Ledger: l, Lake: buckets["lake"], Catalog: cat, Targets: targets, SourceFolder: "ext/nfw/",
				Location: func(folder string) string { return "s3://lake/" + folder }, RollForward: func(context.Context) (int, error) { return 0, nil }})
		}}
	return in, buckets
}

// run runs the checks, and returns their lines with what differs from machine to machine made equal.
func run(t *testing.T, in Input) (text string, report *Report) {
	t.Helper()
	var b strings.Builder
	report, err := Run(t.Context(), in, func(r Result) { b.WriteString(r.String() + "\n") })
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`[0-9.]+ [A-Z]iB free in \S+;`).ReplaceAllString(b.String(), "SPACE free in FOLDER;")
	text = regexp.MustCompile(`(doctor-?/?)[0-9A-Z]{26}`).ReplaceAllString(text, "${1}ULID")
	return regexp.MustCompile(`catalog: \S+/security`).ReplaceAllString(text, "catalog: FOLDER/security"), report
}

// The lines of etl doctor for jobs in several conditions.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		name   string // of the golden file
		change func(*testing.T, *Input, map[string]*memstore.Store)
		ok     bool
	}{
		{"good", func(*testing.T, *Input, map[string]*memstore.Store) {}, true},
		{"fix", func(_ *testing.T, in *Input, _ map[string]*memstore.Store) {
			in.Fix, in.Job.Lake.DeleteRoleARN = true, "arn:aws:iam::111122223333:role/delete"
		}, true},
		{"fix-without-role", func(_ *testing.T, in *Input, _ map[string]*memstore.Store) { in.Fix = true }, false},
		{"fix-after-failure", func(_ *testing.T, in *Input, buckets map[string]*memstore.Store) {
			in.Fix, in.Job.Lake.DeleteRoleARN = true, "arn:aws:iam::111122223333:role/delete"
			delete(buckets, "staging")
		}, false},
		{"invalid-job", func(_ *testing.T, in *Input, _ map[string]*memstore.Store) {
			in.Job, in.JobErr = nil, diag.List{{File: "job.yaml", Line: 2, Column: 3, Message: "a"}, {File: "job.yaml", Line: 4, Column: 1, Message: "b", Hint: "c"}}
		}, false},
		{"invalid-mapping", func(_ *testing.T, in *Input, _ map[string]*memstore.Store) {
			in.Mapping, in.MappingErr = nil, diag.List{{File: "sql/nfw/raw.sql", Line: 2, Column: 3, Message: "a"}, {File: "sql/nfw/raw.sql", Severity: diag.Warning, Message: "not shown"}}
		}, false},
		{"mapping-with-warnings", func(_ *testing.T, in *Input, _ map[string]*memstore.Store) { in.Mapping.Warnings = 3 }, true},
		{"wrong-places", func(_ *testing.T, in *Input, buckets map[string]*memstore.Store) {
			in.AWS = fakeAWS{"eu-west-1", errors.New("InvalidClientTokenId: the token is not valid")}
			in.Job.Source.RoleARN, in.Job.Schedule = "arn:aws:iam::111122223333:role/read", jobfile.Schedule{Cron: "15 2 * * *", Timezone: "UTC"}
			in.Job.Limits.MemoryBytes = 16 << 30
			clear(buckets)
		}, false},
		{"another-server", func(_ *testing.T, in *Input, _ map[string]*memstore.Store) { in.AWS = fakeAWS{"", ErrNotAsked} }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, buckets := s3Job(t)
			c.change(t, &in, buckets)
			text, report := run(t, in)
			golden(t, c.name+".txt", text)
			if report.OK != c.ok {
				t.Errorf("OK is %v, want %v", report.OK, c.ok)
			}
			for name, s := range buckets {
				held, err := s.HeldList(t.Context(), "")
				if left := keys(t, s); err != nil || len(held) > 0 || name != "staging" && len(left) > 0 {
					t.Errorf("%s: %q and held files %v remain, %v", name, left, held, err)
				}
			}
		})
	}
}

// A folder that a run would create is not created by a check: a folder next to it is used, and removed.
func TestRunBeforeFoldersExist(t *testing.T) {
	in, _ := s3Job(t)
	dir := t.TempDir()
	in.Job.Lake.Location, in.Job.State, in.Now = filepath.Join(dir, "lake"), filepath.Join(dir, "lake/.silt"), time.Now
	text, report := run(t, in)
	golden(t, "new-folders.txt", strings.ReplaceAll(regexp.MustCompile(`\.silt-doctor-ULID`).ReplaceAllString(text, "TEMPORARY"), dir, "DIR"))
	if left, err := os.ReadDir(dir); !report.OK || err != nil || len(left) > 0 {
		t.Errorf("OK is %v, %v remain, %v", report.OK, left, err)
	}
}

// A check that does not answer is given up, and the checks that follow still run.
func TestTimeLimit(t *testing.T) {
	e := &examination{}
	r := e.try(t.Context(), Check{Name: "slow", TimeLimit: time.Millisecond, run: func(ctx context.Context, _ *examination) []Result {
		<-ctx.Done()
		return []Result{fail("slow", context.Cause(ctx), "")}
	}})
	if got, want := show(r), "FAIL slow: no answer within 1ms\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A check needs only checks that stand before it.
func TestChecksNeedEarlierOnes(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Checks() {
		for _, name := range c.Needs {
			if !seen[name] {
				t.Errorf("%s needs %s, which does not stand before it", c.Name, name)
			}
		}
		if seen[c.Name] {
			t.Errorf("two checks have the name %s", c.Name)
		}
		seen[c.Name] = true
	}
}

// everything is a comparison in which something of each kind was found.
func everything() *Comparison {
	return &Comparison{Unknown: []string{"u1", "u2", "u3", "u4", "u5"}, Dead: []string{"d1"}, Missing: []string{"m1", "m2"},
		Held:       []HeldFile{{Held: objstore.Held{Key: "h1", UploadID: "1"}, Why: "void", Listed: true}, {Held: objstore.Held{Key: "h2", UploadID: "2"}, Why: "void"}},
		Foreign:    []string{"f1"},
		Abandoned:  []Abandoned{{Batch: "b1", Attempt: "a1", Files: 1}, {Batch: "b2", Attempt: "a2", Busy: true}},
		Quarantine: []string{"q1"}, Records: []string{"r1"}, Waiting: []ledger.Rolling{{Seq: 7, Kind: ledger.KindCommit, Why: ledger.WhyRun, Run: "run", Batches: []string{"b3"}, Adds: []string{"w1"}}},
		Damaged:           []ledger.Damaged{{Key: "job/leases/l1.json", Why: "it is empty"}, {Key: "job/runs/r1/end.json", Why: "it is empty", Fresh: true}},
		DamagedFiles:      []DamagedFile{{Key: "d1", Why: "w"}, {Key: "d2", Why: "w"}},
		DamagedQuarantine: []DamagedFile{{Key: "q2", Why: "not found"}}, NotCompared: 2, Read: &ReadFiles{Files: 3, SizeBytes: 2048},
		LiveFiles: 4, Partitions: []string{"p1/"}, NotListed: "access denied"}
}

// The lines for what a comparison found, and for what a fix did.
func TestComparisonLines(t *testing.T) {
	golden(t, "found.txt", show(everything().results()))
	golden(t, "found-nothing.txt", show((&Comparison{LiveFiles: 4}).results()))
	golden(t, "fixed.txt", (&Fixed{Finished: 2, Fence: 9, Fenced: 1, Partitions: 3, Dropped: 1, Deleted: 1, Quarantine: 1, Records: 1, Repaired: 2}).String()+"\n")
}

// The JSON of a report is a contract.
func TestReportJSON(t *testing.T) {
	report := &Report{OK: false, Checks: everything().results(), Found: everything(), Fixed: &Fixed{Finished: 2, Fence: 9, Fenced: 1, Warnings: []string{"w"}}}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(report); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", b.String())
}
