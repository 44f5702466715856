package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// upgradePlace is a copy of testdata/upgrade, as the working directory.
type upgradePlace struct {
	t      *testing.T
	dir    string
	staged map[string]objstore.Object // by path: the versions that the earlier etl saw
}

func newUpgradePlace(t *testing.T) *upgradePlace {
	t.Helper()
	p := &upgradePlace{t: t, dir: t.TempDir(), staged: map[string]objstore.Object{}}
	for _, part := range []string{"jobs", "written"} {
		if err := os.CopyFS(p.dir, os.DirFS(filepath.Join("../../testdata/upgrade", part))); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(p.dir)
	old := time.Now().Add(-time.Hour) // the lease of the run that was killed has expired
	for path, text := range p.files(".") {
		if strings.Contains(path, "/catalog/") || strings.HasSuffix(path, "/end.json") {
			p.write(path, strings.ReplaceAll(text, "@PLACE@", p.dir))
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	var staged []struct {
		Path  string `json:"path"`
		Size  int64  `json:"size"`
		MTime int64  `json:"mtime_ns"`
		Inode uint64 `json:"inode"`
	}
	text, err := os.ReadFile("staging.json")
	if err == nil {
		err = json.Unmarshal(text, &staged)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range staged {
		p.staged[s.Path] = objstore.Object{ETag: fmt.Sprintf("%x-%x-%x", s.Size, s.MTime, s.Inode), SizeBytes: s.Size, LastModified: time.Unix(0, s.MTime)}
	}
	return p
}

func (p *upgradePlace) write(path, text string) {
	p.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// files are the contents of the files below a folder, by path.
func (p *upgradePlace) files(root string) map[string]string {
	p.t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return files
}

// wantKept compares files that no command may change or remove.
func (p *upgradePlace) wantKept(before map[string]string) {
	p.t.Helper()
	for path, text := range before {
		if now, err := os.ReadFile(path); err != nil || string(now) != text {
			p.t.Errorf("%s was changed or removed (%v)", path, err)
		}
	}
}

// runner is the one that etl run and etl replay use, with the staging versions that the earlier etl saw.
func (p *upgradePlace) runner(job string) *jobs.Runner {
	p.t.Helper()
	a := &app{stdout: io.Discard, stderr: zerolog.NewTestWriter(p.t), env: os.LookupEnv}
	spec, err := a.loadSpec(job + ".yaml")
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := a.runner(p.t.Context(), spec)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Staging = &pinnedStaging{Reader: r.Staging, folder: "staging/" + job + "/", versions: p.staged}
	r.Now = func() time.Time { return time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC) }
	return r
}

// etl runs a command that must succeed.
func (p *upgradePlace) etl(args ...string) string {
	p.t.Helper()
	out, errs, code := etl(p.t, args...)
	if code != 0 {
		p.t.Fatalf("etl %q: exit code %d\n%s%s", args, code, out, errs)
	}
	return out
}

// rows counts the rows of a job's table by one column.
func (p *upgradePlace) rows(job, column string) map[string]int { return p.count(job, job, column) }

// table counts the rows of another table of a job by flow.
func (p *upgradePlace) table(job, table string) map[string]int {
	return p.count(job, table, "connection_info.uid")
}

func (p *upgradePlace) count(job, table, column string) map[string]int {
	p.t.Helper()
	got := map[string]int{}
	out := p.etl("query", job+".yaml", fmt.Sprintf("SELECT %s, count(*) FROM %s GROUP BY ALL", column, table), "-o", "csv")
	lines, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	for _, line := range lines[1:] {
		if got[line[0]], err = strconv.Atoi(line[1]); err != nil {
			p.t.Fatal(err)
		}
	}
	return got
}

// quarantine counts the records in a job's quarantine by reason.
func (p *upgradePlace) quarantine(job string) map[string]int {
	p.t.Helper()
	var list struct {
		Groups []struct {
			Reason  string `json:"reason"`
			Records int    `json:"records"`
		} `json:"groups"`
	}
	out := p.etl("quarantine", "list", job+".yaml", "-o", "json")
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	got := map[string]int{}
	for _, g := range list.Groups {
		got[g.Reason] += g.Records
	}
	return got
}

// runs are the states of a job's runs, newest first.
func (p *upgradePlace) runs(job string) (states []string) {
	p.t.Helper()
	var runs []struct {
		Command string `json:"command"`
		State   string `json:"state"`
	}
	out := p.etl("runs", "list", job+".yaml", "-o", "json")
	if err := json.Unmarshal([]byte(out), &runs); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	for _, r := range runs {
		states = append(states, r.Command+" "+r.State)
	}
	return states
}

func (p *upgradePlace) same(what string, want, got any) {
	p.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// work is what the test compares of a run's summary.
type work struct {
	State                        string
	Finished, Resumed, Batches   int
	ObjectsRead, ObjectsTaken    int
	Read, Published, Quarantined int64
}

// did runs or replays a job to its end.
func (p *upgradePlace) did(what string, want work, run func() (*report.Summary, error), warnings ...string) {
	p.t.Helper()
	sum, err := run()
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	p.same(what, want, work{State: sum.State, Finished: sum.Finished, Resumed: sum.Resumed, Batches: sum.Batches, ObjectsRead: sum.Objects.Read,
		ObjectsTaken: sum.Objects.Taken, Read: sum.Records.Read, Published: sum.Records.Published, Quarantined: sum.Records.Quarantined})
	p.same(what+": warnings", warnings, sum.Warnings)
}

// once are rows that are there exactly once.
func once(ids ...string) map[string]int {
	rows := map[string]int{}
	for _, id := range ids {
		rows[id] = 1
	}
	return rows
}

// TestUpgrade reads, resumes and replays what an earlier version wrote (testdata/upgrade): rows are there exactly once, nothing
// that was taken is read again, open work ends, and what was written stays as it was.
func TestUpgrade(t *testing.T) {
	run := func(r *jobs.Runner) func() (*report.Summary, error) {
		return func() (*report.Summary, error) {
			return r.Run(context.Background(), jobs.RunOptions{Trigger: "ON_DEMAND"})
		}
	}
	replay := func(r *jobs.Runner, where ...string) func() (*report.Summary, error) {
		return func() (*report.Summary, error) {
			filter, err := quarantine.ParseWhere(where)
			if err != nil {
				return nil, err
			}
			return r.Replay(context.Background(), jobs.ReplayOptions{Trigger: "ON_DEMAND", Where: filter})
		}
	}

	t.Run("open work", func(t *testing.T) {
		p := newUpgradePlace(t)
		kept := p.files("lake/ext")
		for _, folder := range []string{"ledger", "manifests", "attempts"} {
			maps.Copy(kept, p.files("lake/.silt/firewall/"+folder))
		}
		p.same("rows that the earlier version published", once("1", "2", "4", "5"), p.rows("firewall", "connection_info.uid"))
		p.same("its quarantine", map[string]int{"EVENT_DAY_OUT_OF_RANGE": 1, "RECORD_NOT_JSON": 1}, p.quarantine("firewall"))
		p.same("its runs", []string{"run FAILED", "run SUCCEEDED"}, p.runs("firewall"))
		p.etl("doctor", "firewall.yaml")
		p.etl("bookmark", "show", "firewall.yaml")

		p.did("the run after the upgrade", work{State: "SUCCEEDED", Finished: 1, Resumed: 2, Batches: 2, ObjectsRead: 2, ObjectsTaken: 5, Read: 4, Published: 3, Quarantined: 1},
			run(p.runner("firewall")))
		flows := once("1", "2", "4", "5", "6", "7", "8", "9", "10")
		p.same("rows after it", flows, p.rows("firewall", "connection_info.uid"))
		p.same("quarantine after it", map[string]int{"EVENT_DAY_OUT_OF_RANGE": 1, "RECORD_NOT_JSON": 2}, p.quarantine("firewall"))
		if _, err := os.Stat("lake/.silt/held"); err == nil && len(p.files("lake/.silt/held")) > 0 {
			t.Errorf("files are held: %v", p.files("lake/.silt/held"))
		}
		p.did("another run", work{State: "SUCCEEDED", ObjectsTaken: 5}, run(p.runner("firewall")))

		job, err := os.ReadFile("firewall.yaml")
		if err != nil {
			t.Fatal(err)
		}
		p.write("firewall.yaml", strings.Replace(string(job), "max_age: 3650d", "max_age: 36500d", 1))
		p.did("a replay of the day that event_days takes now", work{State: "SUCCEEDED", Batches: 1, ObjectsRead: 1, Read: 1, Published: 1},
			replay(p.runner("firewall"), "reason=EVENT_DAY_OUT_OF_RANGE"))
		flows["3"] = 1
		p.same("rows after the replay", flows, p.rows("firewall", "connection_info.uid"))
		p.same("quarantine after the replay", map[string]int{"RECORD_NOT_JSON": 2}, p.quarantine("firewall"))

		fresh := "staging/firewall/111122223333/network-firewall/flow/us-east-1/edge/2025/06/03/10/a.log.gz"
		if err := os.MkdirAll(filepath.Dir(fresh), 0o755); err != nil {
			t.Fatal(err)
		}
		var data bytes.Buffer
		z := gzip.NewWriter(&data)
		fmt.Fprintln(z, `{"firewall_name":"edge","event":{"timestamp":"2025-06-03T10:00:11.000000+0000","flow_id":11,"event_type":"netflow","src_ip":"10.0.0.1","dest_ip":"192.0.2.9","proto":"TCP"}}`)
		z.Close()
		p.write(fresh, data.String())
		p.did("a run with a new object", work{State: "SUCCEEDED", Batches: 1, ObjectsRead: 1, ObjectsTaken: 5, Read: 1, Published: 1}, run(p.runner("firewall")))
		flows["11"] = 1
		p.same("rows after the new object", flows, p.rows("firewall", "connection_info.uid"))
		p.etl("doctor", "firewall.yaml")
		p.wantKept(kept)
	})

	t.Run("another volume", func(t *testing.T) {
		p := newUpgradePlace(t)
		elsewhere := func(o jobs.RunOptions) *report.Summary {
			r := p.runner("firewall")
			r.Staging = r.Staging.(*pinnedStaging).Reader // files as they are now: other times and inodes
			sum, err := r.Run(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			return sum
		}
		flows := once("1", "2", "4", "5", "6", "7", "8", "9", "10")
		sum := elsewhere(jobs.RunOptions{}) // the open batches find other versions, which wait for the next run
		p.same("objects of the run after the upgrade", report.ObjectCounts{Listed: 5, Gone: 2, Unsettled: 2, LeftAlone: 3}, sum.Objects)
		if len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], "left alone 3 files") || !strings.Contains(sum.Warnings[0], "--reread") {
			t.Errorf("warnings: %q", sum.Warnings)
		}
		sum = elsewhere(jobs.RunOptions{})
		p.same("objects of another run", report.ObjectCounts{Listed: 5, New: 2, Read: 2, LeftAlone: 3}, sum.Objects)
		p.same("rows after it", flows, p.rows("firewall", "connection_info.uid"))
		sum = elsewhere(jobs.RunOptions{})
		p.same("objects of a third run", report.ObjectCounts{Listed: 5, Taken: 2, LeftAlone: 3}, sum.Objects)

		sum = elsewhere(jobs.RunOptions{Reread: []string{"**/2025/06/0[1-2]/**"}})
		p.same("objects that are read again", report.ObjectCounts{Listed: 5, New: 3, Read: 3, Taken: 2, Changed: 3}, sum.Objects)
		sum = elsewhere(jobs.RunOptions{})
		p.same("objects after that", report.ObjectCounts{Listed: 5, Taken: 5}, sum.Objects)
		p.etl("doctor", "firewall.yaml")
	})

	t.Run("a rewind", func(t *testing.T) {
		p := newUpgradePlace(t)
		kept := p.files("lake/ext")
		for _, folder := range []string{"ledger", "manifests", "attempts", "checkpoints"} {
			maps.Copy(kept, p.files("state/vpn/"+folder))
		}
		p.same("rows that the earlier version left", once("ada", "eve"), p.rows("vpn", `"user".name`))
		p.same("its quarantine", map[string]int{"NO_PROJECTION": 1}, p.quarantine("vpn"))
		p.same("its runs", []string{"rewind SUCCEEDED", "run SUCCEEDED", "retention SUCCEEDED", "run SUCCEEDED"}, p.runs("vpn"))
		p.etl("doctor", "vpn.yaml")
		p.etl("bookmark", "show", "vpn.yaml")

		p.did("the run after the upgrade", work{State: "SUCCEEDED", Batches: 1, ObjectsRead: 1, ObjectsTaken: 2, Read: 2, Published: 1, Quarantined: 1}, run(p.runner("vpn")),
			`1 of 2 records match no SELECT of the mapping and went to quarantine: kind = "logout" (1). Example: 2025/06/02/a.jsonl.gz, record 2. Try: add a SELECT or a -- drop: line for them, then etl replay; or leave out their objects (source.exclude)`)
		p.same("rows after it", once("ada", "eve", "bob"), p.rows("vpn", `"user".name`))
		p.did("another run", work{State: "SUCCEEDED", ObjectsTaken: 3}, run(p.runner("vpn")))

		mapping, err := os.ReadFile("mappings/vpn/authentication.sql")
		if err != nil {
			t.Fatal(err)
		}
		corrected := strings.NewReplacer("kind = 'login'", "kind IN ('login', 'logout')", "1 AS activity_id", "CASE kind WHEN 'login' THEN 1 ELSE 2 END AS activity_id",
			"consumes: result", "consumes: result, kind").Replace(string(mapping))
		p.write("mappings/vpn/authentication.sql", corrected)
		p.did("a replay with the corrected mapping", work{State: "SUCCEEDED", Batches: 2, ObjectsRead: 2, Read: 2, Published: 2}, replay(p.runner("vpn")))
		p.same("rows after the replay", map[string]int{"ada": 2, "eve": 1, "bob": 2}, p.rows("vpn", `"user".name`))
		p.same("logons and logoffs", map[string]int{"1": 3, "2": 2}, p.rows("vpn", "activity_id::VARCHAR"))
		p.same("quarantine after the replay", map[string]int{}, p.quarantine("vpn"))
		p.etl("doctor", "vpn.yaml")
		p.wantKept(kept)
	})
}

// TestUpgradeClasses: a job of an earlier version gets a mapping with one class more. Its table grows on, open work ends there, and the new
// class gets a source and a table of its own. etl check names both before.
func TestUpgradeClasses(t *testing.T) {
	p := newUpgradePlace(t)
	kept := p.files("lake/ext")
	m, err := mappings.Load("network-firewall")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("sql/network-firewall", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range m.Files {
		if !strings.Contains(name, "/") {
			p.write("sql/network-firewall/"+name, text)
		}
	}
	p.write("sql/network-firewall/dns_activity.sql", `-- class: dns_activity
-- profiles: cloud
SELECT event.timestamp AS "time", 1 AS activity_id, 1 AS severity_id, event.flow_id AS "connection_info.uid", 0 AS "connection_info.direction_id",
  event.src_ip AS "src_endpoint.ip", event.dest_ip AS "dst_endpoint.ip", key.account_id AS "cloud.account.uid", 'AWS' AS "cloud.provider",
  'Network Firewall' AS "metadata.product.name", 'AWS' AS "metadata.product.vendor_name"
FROM raw WHERE event.event_type = 'dns'`)
	const table = "amazon_security_lake_table_us_east_1_ext_firewall_4003"
	for _, text := range []string{"class dns_activity has table " + table, "the custom source firewall-4003 of its own"} {
		if out := p.etl("check", "firewall.yaml"); !strings.Contains(out, text) {
			t.Errorf("etl check does not print %q:\n%s", text, out)
		}
	}
	fresh := "staging/firewall/111122223333/network-firewall/flow/us-east-1/edge/2025/06/03/10/a.log.gz"
	if err := os.MkdirAll(filepath.Dir(fresh), 0o755); err != nil {
		t.Fatal(err)
	}
	var data bytes.Buffer
	z := gzip.NewWriter(&data)
	for i, kind := range []string{"netflow", "dns"} {
		fmt.Fprintf(z, `{"firewall_name":"edge","event":{"timestamp":"2025-06-03T10:00:11.000000+0000","flow_id":%d,"event_type":%q,"src_ip":"10.0.0.1","dest_ip":"192.0.2.9","proto":"TCP"}}`+"\n", 11+i, kind)
	}
	z.Close()
	p.write(fresh, data.String())
	sum, err := p.runner("firewall").Run(context.Background(), jobs.RunOptions{Trigger: "ON_DEMAND"})
	if err != nil {
		t.Fatal(err)
	}
	p.same("objects of the run", report.ObjectCounts{Listed: 6, New: 1, Read: 3, Taken: 5}, sum.Objects)
	p.same("warnings", []string{"class dns_activity has its first rows: they go to the new table " + table + ". Security Lake must have the custom source firewall-4003"}, sum.Warnings)
	p.same("rows of the old table", once("1", "2", "4", "5", "6", "7", "8", "9", "10", "11"), p.rows("firewall", "connection_info.uid"))
	p.same("rows of the new table", map[string]int{"12": 1}, p.table("firewall", "firewall_4003"))
	p.did("another run", work{State: "SUCCEEDED", ObjectsTaken: 6}, func() (*report.Summary, error) {
		return p.runner("firewall").Run(context.Background(), jobs.RunOptions{Trigger: "ON_DEMAND"})
	})
	if out := p.etl("doctor", "firewall.yaml"); !strings.Contains(out, table) {
		t.Errorf("etl doctor does not check the new table:\n%s", out)
	}
	p.wantKept(kept)

	job, err := os.ReadFile("firewall.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for classes, want := range map[string]string{
		"network_activity: {source_name: other}": "firewall.yaml:7:138: error: lake.classes.network_activity.source_name: rows of the class are in ext/firewall/ already",
		"dns_activity: {source_name: other}":     "rows of the class are in ext/firewall-4003/ already",
		"http_activity: {source_name: other}":    "the mapping does not have the class http_activity; it has dns_activity, network_activity",
	} {
		p.write("moved.yaml", strings.Replace(string(job), `account_id: "111122223333"`, `account_id: "111122223333", classes: {`+classes+`}`, 1))
		if out, _, code := etl(t, "check", "moved.yaml"); code != 2 || !strings.Contains(strings.ReplaceAll(out, "moved.yaml", "firewall.yaml"), want) {
			t.Errorf("etl check of %s: exit code %d\n%s", classes, code, out)
		}
	}
}

// pinnedStaging is a folder whose files have the versions that an earlier etl saw there: git keeps neither modification times nor
// inodes. A file that is not listed has its own version.
type pinnedStaging struct {
	objstore.Reader
	folder   string
	versions map[string]objstore.Object // by folder and key
}

func (s *pinnedStaging) pin(o objstore.Object) objstore.Object {
	if v, ok := s.versions[s.folder+o.Key]; ok {
		v.Key = o.Key
		return v
	}
	return o
}

func (s *pinnedStaging) List(ctx context.Context, opts objstore.ListOptions, fn func(objstore.Object) error) error {
	return s.Reader.List(ctx, opts, func(o objstore.Object) error { return fn(s.pin(o)) })
}

func (s *pinnedStaging) Level(ctx context.Context, prefix string, fn func(objstore.Object) error) ([]string, error) {
	return s.Reader.Level(ctx, prefix, func(o objstore.Object) error { return fn(s.pin(o)) })
}

func (s *pinnedStaging) Head(ctx context.Context, key string) (objstore.Object, error) {
	o, err := s.Reader.Head(ctx, key)
	return s.pin(o), err
}

func (s *pinnedStaging) Get(ctx context.Context, key string, opts objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	now, err := s.Reader.Head(ctx, key)
	if err != nil {
		return nil, now, err
	}
	if opts.ETag == s.pin(now).ETag {
		opts.ETag = now.ETag
	}
	r, o, err := s.Reader.Get(ctx, key, opts)
	return r, s.pin(o), err
}
