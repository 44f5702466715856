package jobfile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

const good = `name: network-firewall
source:
  staging: s3://acme-staging/AWSLogs/
  include: ["**/network-firewall/**/*.log.gz"]
  key_pattern: "{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/"
  format: json
  lookback: 48h
mapping: network-firewall
lake:
  location: s3://aws-security-data-lake-us-east-1-example
  source_name: network-firewall
  region: us-east-1
  account_id: "111122223333"
  role_arn: arn:aws:iam::111122223333:role/provider
  external_id: ${EXT}
catalog: {type: glue, database: amazon_security_lake_glue_db_us_east_1}
state: s3://acme-etl-state/
schedule: {cron: "15 2 * * *", timezone: UTC}
event_days: {max_age: 3650d, max_future: 1d}
limits: {timeout: 2h, batch_timeout: 30m, max_retries: 1, max_concurrent_runs: 1, memory: 4GiB, batch_bytes: 2GiB, max_quarantine_ratio: 0.01}
`

// kinds are the stores and catalogs of the etl program.
func kinds() jobfile.Kinds {
	return jobfile.Kinds{Stores: objstore.Registry{s3store.Kind(), dirstore.Kind()}, Catalogs: catalog.Registry{glue.Kind(), local.Kind()}}
}

func env(name string) (string, bool) {
	v, ok := map[string]string{"EXT": "a: b # not YAML", "HOME": "/h"}[name]
	return v, ok
}

func TestSpec(t *testing.T) {
	s, err := jobfile.Parse("job.yaml", []byte(good), env, kinds())
	if err != nil {
		t.Fatal(err)
	}
	if s.Lake.ExternalID != "a: b # not YAML" {
		t.Errorf("a variable's text was read as YAML: %q", s.Lake.ExternalID)
	}
	limits := jobfile.Limits{Timeout: 2 * time.Hour, BatchTimeout: 30 * time.Minute, MaxRetries: 1, MaxConcurrentRuns: 1, MemoryBytes: 4 << 30, BatchBytes: 2 << 30, MaxQuarantineRatio: 0.01, MaxUnmatchedRatio: 0.3, MaxBrokenRatio: 0.05, MaxPartitions: 1000}
	if diff := cmp.Diff(limits, s.Limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(jobfile.EventDays{MaxAge: 3650 * 24 * time.Hour, MaxFuture: 24 * time.Hour}, s.EventDays); diff != "" {
		t.Errorf("event_days (-want +got):\n%s", diff)
	}
	if want := 48 * time.Hour; s.Source.Lookback != want {
		t.Errorf("lookback %v, want %v", s.Source.Lookback, want)
	}
	if s.Catalog.Table != "amazon_security_lake_table_us_east_1_ext_network_firewall" || s.Catalog.Region != "us-east-1" || s.Source.Region != "us-east-1" {
		t.Errorf("defaults %+v", s.Catalog)
	}
}

func TestSpecLocalDefaults(t *testing.T) {
	s, err := jobfile.Parse("j.yaml", []byte("name: j\nsource: {staging: ./in}\nmapping: m\nlake: {location: ./lake, source_name: s, region: eu-central-1}\n"), env, kinds())
	if err != nil {
		t.Fatal(err)
	}
	want := jobfile.Default()
	want.Name, want.Source.Staging, want.Mapping, want.State = "j", "./in", "m", "lake/.silt"
	want.Source.Region = "eu-central-1"
	want.Lake.Location, want.Lake.SourceName, want.Lake.Region = "./lake", "s", "eu-central-1"
	want.Catalog = jobfile.Catalog{Type: "local", Region: "eu-central-1", Database: "amazon_security_lake_glue_db_eu_central_1", Table: "amazon_security_lake_table_eu_central_1_ext_s"}
	want.File, want.Text, want.Pos = "j.yaml", s.Text, s.Pos
	if diff := cmp.Diff(&want, s); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSpecErrors: every mistake is reported at its line and column, with what to do.
// TestMaxUnmatched: a job file that has raised limits.max_quarantine_ratio only means records that match no SELECT too.
func TestMaxUnmatched(t *testing.T) {
	for limits, want := range map[string]float64{"max_quarantine_ratio: 0.01": 0.3, "max_quarantine_ratio: 0.5": 0.5,
		"max_quarantine_ratio: 0.5, max_unmatched_ratio: 0.1": 0.1, "max_unmatched_ratio: 0": 0} {
		s, err := jobfile.Parse("job.yaml", []byte(strings.Replace(good, "max_quarantine_ratio: 0.01", limits, 1)), env, kinds())
		if err != nil || s.MaxUnmatched() != want {
			t.Errorf("%s: %v, %v", limits, s.MaxUnmatched(), err)
		}
	}
}

func TestSpecErrors(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "  lookback: 48h", "  look_back: 48h", "job.yaml:7:3: error: unknown key source.look_back (did you mean source.lookback?)"},
		{"unknown top key", "mapping: network", "maping: network", "job.yaml:8:1: error: unknown key maping (did you mean mapping?)"},
		{"unknown key in flow", "{type: glue,", "{typ: glue,", "job.yaml:16:11: error: unknown key catalog.typ (did you mean catalog.type?)"},
		{"twice", "state: s3://acme-etl-state/", "state: s3://a/\nstate: s3://b/", `job.yaml:18:1: error: the file is not YAML: mapping key "state" already defined`},
		{"missing", "  region: us-east-1\n", "", "job.yaml:10:11: error: lake.region is missing (AWS region of the lake. It is also the value of the region= partition.)"},
		{"env", "${EXT}", "${NOT_SET}", "job.yaml:15:16: error: lake.external_id: the environment variable NOT_SET is not set"},
		{"duration", "48h", "48 hours", `job.yaml:7:13: error: source.lookback: "48 hours" is not a duration (example: 48h, 7d or 90m)`},
		{"size", "4GiB", "four", `limits.memory: "four" is not a size (example: 4GiB or 512MB)`},
		{"ratio", "0.01", "1.5", `limits.max_quarantine_ratio: "1.5" is not a number from 0 to 1`},
		{"enum", "type: glue", "type: hive", `job.yaml:16:17: error: catalog.type: "hive" is not one of glue, local`},
		{"cron", "15 2 * * *", "61 2 * * *", `job.yaml:18:18: error: schedule.cron: "61 2 * * *"`},
		{"zone", "timezone: UTC", "timezone: Mars/Base", `schedule.timezone: "Mars/Base" is not an IANA time zone (example: Europe/Berlin)`},
		{"source name", "source_name: network-firewall", "source_name: a-name-of-far-too-many-characters", "job.yaml:11:16: error: lake.source_name"},
		{"region", "region: us-east-1", "region: useast", `lake.region: "useast" is not an AWS region (example: us-east-1)`},
		{"account", `"111122223333"`, `"../../x"`, "job.yaml:13:15: error: lake.account_id"},
		{"role", "arn:aws:iam::111122223333:role/provider", "provider", `lake.role_arn: "provider" is not a role (example: arn:aws`},
		{"scheme", "s3://acme-staging/AWSLogs/", "gs://x/", `source.staging: gs://...: unknown scheme (write s3://bucket/prefix or the path of a folder)`},
		{"pattern", "{hh}/", "{hh/", "source.key_pattern:"},
		{"glob", "**/*.log.gz", "[", `source.include: "**/network-firewall/[" is not a glob`},
		{"no state", "state: s3://acme-etl-state/\n", "", "state is missing"},
		{"copies in a folder", "location: s3://aws-security-data-lake-us-east-1-example", "hold: copy\n  location: ./lake", "lake.hold: copy is for a lake on S3"},
		{"glue on folder", "s3://aws-security-data-lake-us-east-1-example", "./lake", "catalog.type: glue needs a lake on S3"},
		{"list wanted", `["**/network-firewall/**/*.log.gz"]`, "x", "job.yaml:4:12: error: source.include must be a list"},
		{"scalar wanted", "mapping: network-firewall", "mapping: [a]", "mapping must be a single value"},
		{"group wanted", "schedule: {cron: \"15 2 * * *\", timezone: UTC}", "schedule: daily", "schedule must be a mapping of keys"},
		{"not yaml", "name: network-firewall", "name: [", "job.yaml:"},
		{"tab", "  lookback: 48h", "\tlookback: 48h", "job.yaml:7:"},
		{"two documents", "name: network-firewall", "---\na: b\n---\nname: x", "the file has a second document (write one job in each file)"},
		{"memory", "4GiB", "1MiB", "limits.memory: at least 256MiB are needed"},
		{"batch timeout", "batch_timeout: 30m", "batch_timeout: 0s", "limits.batch_timeout: must be more than 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatal("the case changes nothing")
			}
			_, err := jobfile.Parse("job.yaml", []byte(text), env, kinds())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got:  %v\nwant: %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "goroutine") {
				t.Error("a stack trace")
			}
		})
	}
}

// TestSpecAllProblems: one reading reports all mistakes, in the order of the file.
func TestSpecAllProblems(t *testing.T) {
	text := strings.NewReplacer("48h", "soon", "4GiB", "much", "type: glue", "typ: glue").Replace(good)
	_, err := jobfile.Parse("job.yaml", []byte(text), env, kinds())
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "job.yaml:7:") || !strings.HasPrefix(lines[1], "job.yaml:16:") || !strings.HasPrefix(lines[2], "job.yaml:20:") {
		t.Errorf("%q", lines)
	}
}

func TestSecretsStayOut(t *testing.T) {
	text := strings.Replace(good, "role_arn: arn:aws:iam::111122223333:role/provider", "role_arn: nonsense", 1)
	_, err := jobfile.Parse("job.yaml", []byte(text), func(string) (string, bool) { return "s3cr3t-external-id", true }, kinds())
	if err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
}

func TestDurationsAndSizes(t *testing.T) {
	for text, want := range map[string]time.Duration{"50ms": 50 * time.Millisecond, "1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "90m30s": 90*time.Minute + 30*time.Second} {
		if got, err := jobfile.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]int64{"4GiB": 4 << 30, "512MB": 512e6, "1048576": 1 << 20, "1.5 KiB": 1536} {
		if got, err := jobfile.ParseBytes(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// TestFix: the diagnostic of a misspelt key has a range and a replacement that an editor can apply.
func TestFix(t *testing.T) {
	text := strings.Replace(good, "  lookback: 48h", "  look_back: 48h", 1)
	_, err := jobfile.Parse("job.yaml", []byte(text), env, kinds())
	want := diag.List{{File: "job.yaml", Line: 7, Column: 3, EndLine: 7, EndColumn: 12, Code: diag.Job, Message: "unknown key source.look_back",
		Hint: "did you mean source.lookback?", Fix: &diag.Fix{Text: "lookback"}}}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestColumnsCountBytes: a place is counted in bytes, also after characters of several bytes.
func TestColumnsCountBytes(t *testing.T) {
	_, err := jobfile.Parse("job.yaml", []byte("{name: \"\u00fc\u00e4\", nam: x}"), env, kinds())
	if err == nil || !strings.Contains(err.Error(), "job.yaml:1:16: error: unknown key nam (") {
		t.Error(err)
	}
}

// TestNearest: a key of another group is suggested before a key that is only spelt alike.
func TestNearest(t *testing.T) {
	for key, want := range map[string]string{"limits: {cron: x}": "schedule.cron", "sources: {staging: x}": "source", "lake: {acount_id: x}": "lake.account_id"} {
		_, err := jobfile.Parse("job.yaml", []byte(key), env, kinds())
		if err == nil || !strings.Contains(err.Error(), "did you mean "+want+"?") {
			t.Errorf("%s: %v, want %s", key, err, want)
		}
	}
}

// TestBounds: days are rounded down, also before 1970.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		days     jobfile.EventDays
		at       time.Time
		min, max int32
	}{
		{jobfile.Default().EventDays, time.Date(2026, 1, 2, 23, 0, 0, 0, time.UTC), 20455 - 3650, 20456},
		{jobfile.EventDays{MaxAge: 36 * time.Hour}, time.Unix(3600, 0), -2, 0},
	} {
		if minDay, maxDay := c.days.Bounds(c.at); minDay != c.min || maxDay != c.max {
			t.Errorf("%v at %v: %d to %d, want %d to %d", c.days, c.at, minDay, maxDay, c.min, c.max)
		}
	}
}

// TestSpecTooDeep: nesting that would take the YAML parser gigabytes is refused before it, at its place.
func TestSpecTooDeep(t *testing.T) {
	for text, want := range map[string]string{
		"name: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000): "j.yaml:1:133: error: the file is nested deeper than 128 levels",
		strings.Repeat("- ", 100_000):                                          "j.yaml:1:257: error: the file is nested deeper than 128 levels",
	} {
		if _, err := jobfile.Parse("j.yaml", []byte(text), env, kinds()); err == nil || err.Error() != want {
			t.Errorf("%.20s: %.300v, want %s", text, err, want)
		}
	}
}

// TestSpecTooLong: a file that is too long to be a job file is not read in full.
func TestSpecTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(path, bytes.Repeat([]byte("# not a job\n"), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := jobfile.Load(path, env, kinds())
	if want := path + ":1:1: error: the job file cannot be read: it is larger than 1 MiB"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestClasses: lake.classes has keys for each class, whose mistakes are named with their places.
func TestClasses(t *testing.T) {
	parse := func(classes string) (*jobfile.Spec, error) {
		return jobfile.Parse("job.yaml", []byte(strings.Replace(good, "  external_id: ${EXT}\n", "  external_id: ${EXT}\n  classes:\n"+classes, 1)), env, kinds())
	}
	s, err := parse("    http_activity: {source_name: nfw-http, role_arn: \"arn:aws:iam::111122223333:role/http\", external_id: \"${EXT}\", table: t}\n    dns_activity: {source_name: nfw-dns}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]*jobfile.Class{"http_activity": {SourceName: "nfw-http", RoleARN: "arn:aws:iam::111122223333:role/http", ExternalID: "a: b # not YAML", Table: "t"}, "dns_activity": {SourceName: "nfw-dns"}}
	if diff := cmp.Diff(want, s.Lake.Classes); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"    HTTP: {source_name: x}\n":                                              `job.yaml:17:5: error: lake.classes: "HTTP" is not the name of an event class`,
		"    http_activity: {source: x}\n":                                          "job.yaml:17:21: error: unknown key lake.classes.http_activity.source",
		"    http_activity: {source_name: network-firewall-http}\n":                 "lake.classes.http_activity.source_name: source name \"network-firewall-http\" cannot be part of a lake key: it has 21 characters",
		"    http_activity: {role_arn: \"arn:aws:iam::111122223333:role/http\"}\n":  "lake.classes.http_activity.role_arn: source_name is missing",
		"    http_activity: {source_name: x, role_arn: http}\n":                     "lake.classes.http_activity.role_arn: \"http\" is not a role",
		"    http_activity: {source_name: x}\n    dns_activity: {source_name: x}\n": "lake.classes.http_activity.source_name: class dns_activity has source x already",
		"    http_activity: {source_name: x}\n  layout: single\n":                   "lake.classes: layout single puts all classes into one source",
		"    http_activity: {table: " + strings.Repeat("t", 129) + "}\n":            "lake.classes.http_activity.table: table name",
		"    http_activity: x\n":                                                    "lake.classes.http_activity must be a mapping of keys",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestAllAtOnce: mistakes that are found while the file is read, missing keys and wrong values are reported together, each key once. What
// could be read is there for a check of the mapping.
func TestAllAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "job.yaml")
	text := "name: My Job\nsource: {staging: ./staging, key_pattrn: x, settle: soon}\nmapping: m\nlake: {location: ./lake, sorce_name: a, region: us-east1, account_id: x}\nlimits: 7\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	spec, found := jobfile.Inspect(file, env, kinds())
	var got []string
	for _, d := range found {
		got = append(got, fmt.Sprintf("%d %s", d.Line, strings.SplitN(d.Message, ":", 2)[0]))
	}
	want := []string{"1 name", "2 unknown key source.key_pattrn", "2 source.settle", "4 unknown key lake.sorce_name", "4 lake.region", "4 lake.account_id", "5 limits must be a mapping of keys"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if spec == nil || spec.Mapping != "m" {
		t.Error(spec)
	}
	if _, err := jobfile.Load(file, env, kinds()); err == nil {
		t.Error("Load accepts the file")
	}
}
