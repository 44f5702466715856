package jobs_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/adopt"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// grown are mappings of the same source with more and more event classes: 1 is the one that the parts have, 2 also takes dns records as
// dns_activity, 3 also http records as http_activity.
var grown = sync.OnceValue(func() map[int]*mappings.Mapping {
	m, _ := testMapping()
	out := map[int]*mappings.Mapping{1: m}
	files := maps.Clone(m.Files)
	for i, class := range []string{"dns", "http"} {
		files[class+"_activity.sql"] = `-- class: ` + class + `_activity
-- profiles: cloud
SELECT event.timestamp AS "time", 1 AS activity_id, 1 AS severity_id, event.flow_id AS "connection_info.uid", 0 AS "connection_info.direction_id",
  event.src_ip AS "src_endpoint.ip", event.dest_ip AS "dst_endpoint.ip", key.account_id AS "cloud.account.uid", 'AWS' AS "cloud.provider",
  'Network Firewall' AS "metadata.product.name", 'AWS' AS "metadata.product.vendor_name"
` + map[string]string{"http": `, 'GET' AS "http_request.http_method", '/' AS "http_request.url.path", 200 AS "http_response.code"`}[class] + `
FROM raw WHERE event.event_type = '` + class + `'`
		next, err := mappings.LoadFiles(m.Name, maps.Clone(files))
		if err != nil {
			panic(err)
		}
		out[i+2] = next
	}
	return out
})

var grownCompiled sync.Map // by digest

// withClasses gives a runner the mapping of so many classes.
func withClasses(r *jobs.Runner, n int) *jobs.Runner {
	r.Mapping = grown()[n]
	r.Compile = func(ctx context.Context, m *mappings.Mapping) (*sqlgen.Compiled, error) {
		if p, ok := grownCompiled.Load(m.Digest); ok {
			return p.(*sqlgen.Compiled), nil
		}
		p, err := compilePlan(ctx, m)
		if err == nil {
			grownCompiled.Store(m.Digest, p)
		}
		return p, err
	}
	return r
}

// named gives the job another source.
func (p *parts) named(source string) *parts {
	p.spec.Lake.SourceName = source
	p.spec.Catalog.Table = "table_" + source
	return p
}

// folders counts the files of the lake by folder of a class.
func (p *parts) folders(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	if err := p.lake.List(t.Context(), objstore.ListOptions{Prefix: "ext/"}, func(o objstore.Object) error {
		folder, _, _ := strings.Cut(o.Key, "region=")
		out[folder]++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func (p *parts) tables(t *testing.T) []string {
	t.Helper()
	names, err := p.catalog.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// classNight stages an object of each kind, loads it with a mapping of so many classes, and adds its rows to what is wanted.
func (p *parts) classNight(t *testing.T, night, n int, want wanted) []string {
	t.Helper()
	lines := []string{flow(10*night+1, 0), kindOf(10*night+2, 0, "dns"), kindOf(10*night+3, 0, "http")}
	if err := p.put(nightKey(night), gz(lines[:n]...)); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		want.rows[row(10*night+1+i, 0)] = 1
	}
	sum, err := withClasses(p.deleting(), n).Run(t.Context(), jobs.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return sum.Warnings
}

func nothing() wanted { return wanted{rows: map[string]int{}, quarantined: map[string]int{}} }

func (p *parts) wantPlaces(t *testing.T, when string, folders map[string]int, tables ...string) {
	t.Helper()
	if diff := cmp.Diff(folders, p.folders(t)); diff != "" {
		t.Errorf("%s: files by folder (-want +got):\n%s", when, diff)
	}
	if diff := cmp.Diff(tables, p.tables(t)); diff != "" {
		t.Errorf("%s: tables (-want +got):\n%s", when, diff)
	}
}

// wantNothingToMend compares lake, state and catalog with the ledger, with the mapping of so many classes.
func (p *parts) wantNothingToMend(t *testing.T, n int) {
	t.Helper()
	x, err := compare(t.Context(), withClasses(p.mender(), n))
	if err != nil {
		t.Fatal(err)
	}
	if k := len(x.Dead) + len(x.Missing) + len(x.Held) + len(x.Abandoned) + len(x.Unknown) + len(x.Foreign) + len(x.Partitions) + len(x.Waiting); k > 0 {
		t.Errorf("doctor finds %+v", x)
	}
}

const ownTable = "amazon_security_lake_table_us_east_1_ext_nfw_"

// TestAddedClasses: the class that a job has rows of keeps its folder and its table, and each class that a newer mapping adds gets a source
// with a table of its own, which the first run names. An adopted ledger says the same.
func TestAddedClasses(t *testing.T) {
	t.Run("memory", func(t *testing.T) { addClasses(t, newMemParts(t, 1)) })
	t.Run("S3 and Glue", func(t *testing.T) { addClasses(t, newS3Parts(t)()) })
}

func addClasses(t *testing.T, p *parts) {
	p, want := p.named("nfw"), nothing()
	p.classNight(t, 1, 1, want)
	p.wantPlaces(t, "one class", map[string]int{"ext/nfw/": 1}, "table_nfw")
	warnings := p.classNight(t, 2, 2, want)
	if text := strings.Join(warnings, "\n"); !strings.Contains(text, "new table "+ownTable+"4003") || !strings.Contains(text, "custom source nfw-4003") {
		t.Errorf("the first run does not name the new table and the source: %q", warnings)
	}
	p.wantPlaces(t, "two classes", map[string]int{"ext/nfw/": 2, "ext/nfw-4003/": 1}, ownTable+"4003", "table_nfw")
	p.classNight(t, 3, 3, want)
	if warnings := p.classNight(t, 4, 3, want); warnings != nil {
		t.Errorf("the second run with the class warns: %q", warnings)
	}
	all := map[string]int{"ext/nfw/": 4, "ext/nfw-4003/": 3, "ext/nfw-4002/": 2}
	tables := []string{ownTable + "4002", ownTable + "4003", "table_nfw"}
	p.wantPlaces(t, "three classes", all, tables...)
	p.noProblems(t, "three classes", want)
	p.wantNothingToMend(t, 3)

	again := withClasses(p.deleting(), 3)
	o := october()
	if _, err := again.Backfill(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	p.wantPlaces(t, "replaced", map[string]int{"ext/nfw/": 4, "ext/nfw-4003/": 3, "ext/nfw-4002/": 2}, tables...)
	p.noProblems(t, "replaced", want)

	p.loseState(t)
	if _, sum, err := withClasses(p.deleting(), 3).Adopt(t.Context(), jobs.AdoptOptions{Options: adopt.Options{}}); err != nil || sum.Files == 0 {
		t.Fatalf("adopt: %v, %+v", err, sum)
	}
	p.classNight(t, 5, 3, want)
	all["ext/nfw/"], all["ext/nfw-4003/"], all["ext/nfw-4002/"] = 5, 4, 3
	p.wantPlaces(t, "after an adopt", all, tables...)
	p.wantNothingToMend(t, 3)
}

// loseManifests deletes the manifests of the job, as retention does.
func (p *parts) loseManifests(t *testing.T) {
	t.Helper()
	var keys []string
	err := p.state.List(t.Context(), objstore.ListOptions{Prefix: p.spec.Name + "/manifests/"}, func(o objstore.Object) error { keys = append(keys, o.Key); return nil })
	for _, k := range keys {
		err = errors.Join(err, p.state.Delete(t.Context(), k))
	}
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d manifests, %v", len(keys), err)
	}
}

// TestClassesWithoutManifests: the class in the folder of the source is read from a file if no manifest says it.
func TestClassesWithoutManifests(t *testing.T) {
	p, want := newMemParts(t, 1).named("nfw"), nothing()
	p.checkpoints = 1 // without manifests, a ledger is read from a checkpoint
	p.classNight(t, 1, 1, want)
	p.mustRun(t, jobs.RunOptions{})
	p.loseManifests(t)
	p.classNight(t, 2, 2, want)
	p.wantPlaces(t, "two classes", map[string]int{"ext/nfw/": 2, "ext/nfw-4003/": 1}, ownTable+"4003", "table_nfw")
	p.noProblems(t, "two classes", want)
}

// TestClassesByFolder: a new job of several classes, and one that has rows in ext/<source>/<class>/, has a folder for each class there.
func TestClassesByFolder(t *testing.T) {
	p, want := newMemParts(t, 1).named("nfw"), nothing()
	p.classNight(t, 1, 2, want)
	p.wantPlaces(t, "a new job", map[string]int{"ext/nfw/network_activity/": 1, "ext/nfw/dns_activity/": 1}, "table_nfw_dns_activity", "table_nfw_network_activity")
	if m := p.manifest(t); m.Classes != nil {
		t.Errorf("older versions of etl cannot read the manifest of a new job: %+v", m.Classes)
	}
	p.classNight(t, 2, 3, want)
	p.classNight(t, 3, 1, want) // a mapping that lost its other classes
	p.wantPlaces(t, "one class more", map[string]int{"ext/nfw/network_activity/": 3, "ext/nfw/dns_activity/": 2, "ext/nfw/http_activity/": 1},
		"table_nfw_dns_activity", "table_nfw_http_activity", "table_nfw_network_activity")
	p.noProblems(t, "one class more", want)
	p.wantNothingToMend(t, 3)
}

// TestNotRegistered: records of a class whose source has a name that is too long, or no role, go to quarantine. No limit counts them, and
// the rest is published. Once the job file names the source, a replay loads them, once.
func TestNotRegistered(t *testing.T) {
	for name, c := range map[string]struct {
		source, role, why string
		class             jobfile.Class
	}{
		"name": {"network-firewall", "", "the name network-firewall-4003 has 21 characters", jobfile.Class{SourceName: "nfw-dns"}},
		"role": {"nfw", "arn:aws:iam::111122223333:role/nfw", "no provider role", jobfile.Class{SourceName: "nfw-dns", RoleARN: "arn:aws:iam::111122223333:role/dns", Table: "dns"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, want := newMemParts(t, 1).named(c.source), nothing()
			p.classNight(t, 1, 1, want)
			p.spec.Lake.RoleARN = c.role
			p.spec.Limits.MaxQuarantineRatio = 0
			warnings := p.classNight(t, 2, 2, want)
			delete(want.rows, row(22, 0))
			want.quarantined[nightKey(2)+"@2"] = 1
			if len(warnings) != 1 || !strings.Contains(warnings[0], c.why) || !strings.Contains(warnings[0], "CLASS_NOT_REGISTERED") {
				t.Errorf("warnings %q", warnings)
			}
			p.noProblems(t, "not registered", want)
			for _, r := range p.rowsInQuarantine(t) {
				if r.Reason != "CLASS_NOT_REGISTERED" || r.Class != "dns_activity" || !strings.Contains(r.Message, c.why) || len(r.Raw) == 0 {
					t.Errorf("quarantine has %+v", r)
				}
			}
			replay := func() (published, quarantined int64) {
				t.Helper()
				sum, err := withClasses(p.deleting(), 2).Replay(t.Context(), jobs.ReplayOptions{})
				if err != nil {
					t.Fatal(err)
				}
				return sum.Records.Published, sum.Records.Quarantined
			}
			if n, q := replay(); n != 0 || q != 1 {
				t.Errorf("a replay before that published %d and left %d", n, q)
			}
			p.spec.Lake.Classes = map[string]*jobfile.Class{"dns_activity": &c.class}
			if n, q := replay(); n != 1 || q != 0 {
				t.Errorf("a replay published %d and left %d", n, q)
			}
			want.rows[row(22, 0)] = 1
			delete(want.quarantined, nightKey(2)+"@2")
			p.noProblems(t, "replayed", want)
			if n, q := replay(); n != 0 || q != 0 {
				t.Errorf("another replay published %d and left %d", n, q)
			}
			p.classNight(t, 3, 2, want)
			table := c.class.Table
			if table == "" {
				table = "amazon_security_lake_table_us_east_1_ext_nfw_dns"
			}
			tables := []string{table, "table_" + c.source}
			slices.Sort(tables)
			p.wantPlaces(t, "registered", map[string]int{"ext/" + c.source + "/": 3, "ext/nfw-dns/": 2}, tables...)
			p.noProblems(t, "registered", want)
			p.wantNothingToMend(t, 2)
		})
	}
}

// TestPlannedClasses: a plan keeps where its classes go. Its batches end as they were planned although a class was registered since; and a
// class that was given another place is refused until the setting is put back.
func TestPlannedClasses(t *testing.T) {
	p, want := newMemParts(t, 1), nothing()
	p.classNight(t, 1, 1, want)
	leave := func(night int) {
		t.Helper()
		if err := p.put(nightKey(night), gz(flow(10*night+1, 0), kindOf(10*night+2, 0, "dns"))); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r := withClasses(p.runner(), 2)
		w, asked := wait(p.staging)
		r.Staging = w
		go func() { <-asked; cancel() }()
		if _, err := r.Run(ctx, jobs.RunOptions{}); !errors.Is(err, jobs.ErrStopped) {
			t.Fatal(err)
		}
	}
	run := func() error { _, err := withClasses(p.afterwards(), 2).Run(t.Context(), jobs.RunOptions{}); return err }
	leave(2)
	p.spec.Lake.Classes = map[string]*jobfile.Class{"dns_activity": {SourceName: "nfw-dns"}}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	want.rows[row(21, 0)], want.quarantined[nightKey(2)+"@2"] = 1, 1
	p.noProblems(t, "planned before it was registered", want)

	leave(3)
	p.spec.Lake.Classes["dns_activity"].SourceName = "other"
	wantError(t, "another source", run(), jobs.ErrSettings, 1, `lake.classes.dns_activity was "ext/nfw-dns/ `, `and is "ext/other/ `, "put the setting back")
	p.spec.Lake.Classes = nil
	wantError(t, "no source", run(), jobs.ErrSettings, 1, "and is not set")
	p.spec.Lake.Classes = map[string]*jobfile.Class{"dns_activity": {SourceName: "nfw-dns"}}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	want.rows[row(31, 0)], want.rows[row(32, 0)] = 1, 1
	p.noProblems(t, "put back", want)

	p.spec.Lake.Classes["network_activity"] = &jobfile.Class{SourceName: "elsewhere"}
	if err := run(); err == nil || !strings.Contains(err.Error(), "lake.classes.network_activity.source_name: rows of the class are in ext/network-firewall/ already") {
		t.Errorf("a class that has rows was given another source: %v", err)
	}
	delete(p.spec.Lake.Classes, "network_activity")
	p.spec.Lake.Classes["htp_activity"] = &jobfile.Class{SourceName: "elsewhere"}
	if err := run(); err == nil || !strings.Contains(err.Error(), "the mapping does not have the class htp_activity") {
		t.Errorf("a class that the mapping does not have: %v", err)
	}
}

// TestPlanOfOneClass: a plan that is open when a mapping with more classes comes ends in the folder of the source, although the ledger has no
// file yet, and the new classes get sources of their own.
func TestPlanOfOneClass(t *testing.T) {
	p := newMemParts(t, 1).named("nfw")
	want := p.leftPlan(t)
	if err := p.put(key("d"), gz(flow(6, 0), kindOf(7, 0, "dns"))); err != nil {
		t.Fatal(err)
	}
	if _, err := withClasses(p.afterwards(), 2).Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	want.rows[row(6, 0)], want.rows[row(7, 0)] = 1, 1
	p.noProblems(t, "after the run", want)
	for folder := range p.folders(t) {
		if folder != "ext/nfw/" && folder != "ext/nfw-4003/" {
			t.Errorf("files are in %s", folder)
		}
	}
}

// TestRewoundClasses: a job whose rows were withdrawn, all of them, is loaded again into the same folders and tables.
func TestRewoundClasses(t *testing.T) {
	p, want := newMemParts(t, 1).named("nfw"), nothing()
	p.classNight(t, 1, 1, want)
	p.classNight(t, 2, 2, want)
	if _, err := withClasses(p.deleting(), 2).Rewind(t.Context(), "", false); err != nil {
		t.Fatal(err)
	}
	if _, err := withClasses(p.deleting(), 2).Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	p.wantPlaces(t, "loaded again", map[string]int{"ext/nfw/": 2, "ext/nfw-4003/": 1}, ownTable+"4003", "table_nfw")
	p.again(t, want)
}

// TestAddedClassCrash: a run that dies between the commit and the publication of a batch with an added class is finished where it was
// planned.
func TestAddedClassCrash(t *testing.T) {
	p, want := newMemParts(t, 1).named("nfw"), nothing()
	p.classNight(t, 1, 1, want)
	if err := p.put(nightKey(2), gz(flow(21, 0), kindOf(22, 0, "dns"))); err != nil {
		t.Fatal(err)
	}
	var down atomic.Bool
	down.Store(true)
	r := withClasses(p.runner(), 2)
	r.Lake = outage{p.lake, &down}
	if _, err := r.Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, errInjected) {
		t.Fatal(err)
	}
	want.rows[row(21, 0)], want.rows[row(22, 0)] = 1, 1
	if _, err := withClasses(p.afterwards(), 1).Run(t.Context(), jobs.RunOptions{}); err != nil { // whatever mapping it has
		t.Fatal(err)
	}
	p.wantPlaces(t, "finished", map[string]int{"ext/nfw/": 2, "ext/nfw-4003/": 1}, ownTable+"4003", "table_nfw")
	p.noProblems(t, "finished", want)
}

// TestClassesOfLayouts: lake.classes names sources also with layout source-per-class, and of a new job.
func TestClassesOfLayouts(t *testing.T) {
	for layout, folders := range map[string]map[string]int{
		"source-per-class": {"ext/nfw-4001/": 1, "ext/nfw-dns/": 1},
		"auto":             {"ext/nfw/network_activity/": 1, "ext/nfw-dns/": 1},
	} {
		p, want := newDirPartsAt(t, filepath.Join(t.TempDir(), layout), 1).named("nfw"), nothing()
		p.spec.Lake.Layout = layout
		p.spec.Lake.Classes = map[string]*jobfile.Class{"dns_activity": {SourceName: "nfw-dns"}}
		p.classNight(t, 1, 2, want)
		if diff := cmp.Diff(folders, p.folders(t)); diff != "" {
			t.Errorf("%s: files by folder (-want +got):\n%s", layout, diff)
		}
		p.noProblems(t, layout, want)
	}
}

// TestClassFaults: whichever operation a run or a replay with an added class dies in, the next one leaves every record once, and in the
// folder of its class.
func TestClassFaults(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		die    func(r *jobs.Runner) error
	}{
		"run": {"nfw", func(r *jobs.Runner) error { _, err := r.Run(t.Context(), jobs.RunOptions{}); return err }},
		"replay": {"network-firewall", func(r *jobs.Runner) error {
			_, err := r.Replay(t.Context(), jobs.ReplayOptions{})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			died := 0
			for at := 0; ; at += 5 {
				p, want := newMemParts(t, 1).named(c.source), nothing()
				p.classNight(t, 1, 1, want)
				if name == "replay" {
					p.classNight(t, 2, 2, want)
					p.spec.Lake.Classes = map[string]*jobfile.Class{"dns_activity": {SourceName: "nfw-4003"}}
				} else if err := p.put(nightKey(2), gz(flow(21, 0), kindOf(22, 0, "dns"))); err != nil {
					t.Fatal(err)
				}
				f := &injector{at: at, how: faultDead}
				err := c.die(withClasses(p.faulty(f), 2))
				if f.hit() == "" {
					if err != nil {
						t.Fatalf("without a fault: %v", err)
					}
					break
				}
				died++
				when := "death at " + f.hit()
				if err := c.die(withClasses(p.afterwards(), 2)); err != nil {
					t.Fatalf("%s: the next one: %v", when, err)
				}
				want.rows[row(21, 0)], want.rows[row(22, 0)] = 1, 1
				p.noProblems(t, when, want)
				p.wantPlaces(t, when, map[string]int{"ext/" + c.source + "/": 2, "ext/nfw-4003/": 1}, ownTable+"4003", "table_"+c.source)
				if t.Failed() {
					return
				}
			}
			if died < 8 {
				t.Errorf("the sweep ended after %d deaths", died)
			}
		})
	}
}
