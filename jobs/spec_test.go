package jobs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/jobs"
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

func env(name string) (string, bool) {
	v, ok := map[string]string{"EXT": "a: b # not YAML", "HOME": "/h"}[name]
	return v, ok
}

func TestSpec(t *testing.T) {
	s, err := jobs.ParseSpec("job.yaml", []byte(good), env)
	if err != nil {
		t.Fatal(err)
	}
	if s.Lake.ExternalID != "a: b # not YAML" {
		t.Errorf("a variable's text was read as YAML: %q", s.Lake.ExternalID)
	}
	if s.EventDays.MaxAge != 3650*24*time.Hour || s.Source.Lookback != 48*time.Hour || s.Limits.MemoryBytes != 4<<30 || s.Limits.MaxQuarantineRatio != 0.01 {
		t.Errorf("values %+v", s)
	}
	if s.Catalog.Table != "amazon_security_lake_table_us_east_1_ext_network_firewall" || s.Catalog.Region != "us-east-1" || s.Source.Region != "us-east-1" {
		t.Errorf("defaults %+v", s.Catalog)
	}
}

func TestSpecLocalDefaults(t *testing.T) {
	s, err := jobs.ParseSpec("j.yaml", []byte("name: j\nsource: {staging: ./in}\nmapping: m\nlake: {location: ./lake, source_name: s, region: eu-central-1}\n"), env)
	if err != nil {
		t.Fatal(err)
	}
	if s.State != "lake/.silt" || s.Catalog.Type != "local" || s.Lake.AccountID != "external" || s.Limits.BatchBytes != 2<<30 || s.Schedule.Timezone != "UTC" {
		t.Errorf("%+v", s)
	}
}

// TestSpecErrors: every mistake is told at its line and column, with what to do.
func TestSpecErrors(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "  lookback: 48h", "  look_back: 48h", "job.yaml:7:3: unknown key source.look_back; did you mean source.lookback?"},
		{"unknown top key", "mapping: network", "maping: network", "job.yaml:8:1: unknown key maping; did you mean mapping?"},
		{"unknown key in flow", "{type: glue,", "{typ: glue,", "job.yaml:16:11: unknown key catalog.typ; did you mean catalog.type?"},
		{"twice", "state: s3://acme-etl-state/", "state: s3://a/\nstate: s3://b/", "job.yaml:18:1: "},
		{"missing", "  region: us-east-1\n", "", "lake.region is missing"},
		{"env", "${EXT}", "${NOT_SET}", "job.yaml:15:16: lake.external_id: the environment variable NOT_SET is not set"},
		{"duration", "48h", "48 hours", `job.yaml:7:13: source.lookback: "48 hours" is no duration`},
		{"size", "4GiB", "four", `limits.memory: "four" is no size`},
		{"ratio", "0.01", "1.5", `limits.max_quarantine_ratio: "1.5" is no number from 0 to 1`},
		{"enum", "type: glue", "type: hive", `job.yaml:16:17: catalog.type: "hive" is none of glue, local`},
		{"cron", "15 2 * * *", "61 2 * * *", `job.yaml:18:18: schedule.cron: "61 2 * * *"`},
		{"zone", "timezone: UTC", "timezone: Mars/Base", `schedule.timezone: "Mars/Base" is no IANA time zone`},
		{"source name", "source_name: network-firewall", "source_name: a-name-of-far-too-many-characters", "job.yaml:11:16: lake.source_name"},
		{"region", "region: us-east-1", "region: useast", `lake.region: "useast" is no AWS region`},
		{"account", `"111122223333"`, `"../../x"`, "job.yaml:13:15: lake.account_id"},
		{"role", "arn:aws:iam::111122223333:role/provider", "provider", `lake.role_arn: "provider" is no role`},
		{"scheme", "s3://acme-staging/AWSLogs/", "gs://x/", `source.staging: "gs://x/" is neither s3://bucket/prefix nor a folder`},
		{"pattern", "{hh}/", "{hh/", "source.key_pattern:"},
		{"glob", "**/*.log.gz", "[", `source.include: "**/network-firewall/[" is no glob`},
		{"no state", "state: s3://acme-etl-state/\n", "", "state is missing"},
		{"copies in a folder", "location: s3://aws-security-data-lake-us-east-1-example", "hold: copy\n  location: ./lake", "lake.hold: copy is for a lake on S3"},
		{"glue on folder", "s3://aws-security-data-lake-us-east-1-example", "./lake", "catalog.type: glue needs a lake on S3"},
		{"list wanted", `["**/network-firewall/**/*.log.gz"]`, "x", "job.yaml:4:12: source.include must be a list"},
		{"scalar wanted", "mapping: network-firewall", "mapping: [a]", "mapping must be a single value"},
		{"group wanted", "schedule: {cron: \"15 2 * * *\", timezone: UTC}", "schedule: daily", "schedule must be a mapping of keys"},
		{"not yaml", "name: network-firewall", "name: [", "job.yaml:"},
		{"tab", "  lookback: 48h", "\tlookback: 48h", "job.yaml:7:"},
		{"two documents", "name: network-firewall", "---\na: b\n---\nname: x", "second document"},
		{"memory", "4GiB", "1MiB", "limits.memory: at least 256MiB"},
		{"batch timeout", "batch_timeout: 30m", "batch_timeout: 0s", "limits.batch_timeout: must be more than 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatal("the case changes nothing")
			}
			_, err := jobs.ParseSpec("job.yaml", []byte(text), env)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got:  %v\nwant: %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "goroutine") {
				t.Error("a stack trace")
			}
		})
	}
}

// TestSpecAllProblems: one look tells all mistakes, in the order of the file.
func TestSpecAllProblems(t *testing.T) {
	text := strings.NewReplacer("48h", "soon", "4GiB", "much", "type: glue", "typ: glue").Replace(good)
	_, err := jobs.ParseSpec("job.yaml", []byte(text), env)
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
	_, err := jobs.ParseSpec("job.yaml", []byte(text), func(string) (string, bool) { return "s3cr3t-external-id", true })
	if err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
}

func TestDurationsAndSizes(t *testing.T) {
	for text, want := range map[string]time.Duration{"50ms": 50 * time.Millisecond, "1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "90m30s": 90*time.Minute + 30*time.Second} {
		if got, err := jobs.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]int64{"4GiB": 4 << 30, "512MB": 512e6, "1048576": 1 << 20, "1.5 KiB": 1536} {
		if got, err := jobs.ParseBytes(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestPlural(t *testing.T) {
	for want, got := range map[string]string{"1 file": jobs.Plural(1, "file"), "0 files": jobs.Plural(0, "file"), "2,000 batches": jobs.Plural(2000, "batch"), "3 entries": jobs.Plural(3, "entry"), "1 entry": jobs.Plural(1, "entry")} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestSpecTooLong: what is no job file is not read whole.
func TestSpecTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(path, bytes.Repeat([]byte("# not a job\n"), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := jobs.LoadSpec(path, env)
	if want := path + ": cannot be read: it is longer than 1 MiB, which no job file is"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
