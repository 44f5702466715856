package jobfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
)

const smallSpec = `name: nf
source: {staging: ./staging}
mapping: network-firewall
lake: {location: ./lake, source_name: network-firewall, region: us-east-1}
`

// FuzzSpec: Parse returns either diagnostics, each with a place in the file and a text that fits a terminal, or a job that keeps what
// a Spec promises and that reads the same a second time.
func FuzzSpec(f *testing.F) {
	files, err := filepath.Glob("../../jobs/specs/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, more := range []string{"", "limits: {max_retries: -1}\n", "limits: {memory: 9999999T}\n", "event_days: {max_age: 0.0015ms, max_future: 1d12h0.5s}\n", "\"a\\nb\": 1\n", "\"\\u001b[2J\": {}\n",
		"schedule: {cron: \"CRON_TZ=X * * * * *\", timezone: \"../etc\"}\n", "schedule: {cron: \"* * *\\n* *\"}\n", "state: \"${A}${B\"\n", "state: ${HOME}\n", "name: x\n", "limits: &a {threads: *a}\n", "state: |\n  a\n  b\n", "---\nname: y\n", "catalog: ~\n", "limits: [1]\n", "\t", "? x\n: y\n", "<<: {name: z}\n", "source: {}\n", "\xff\xfe", "state: !!binary aGk=\n"} {
		f.Add([]byte(smallSpec + more))
	}
	for _, s := range []string{"", "x", "[", "{", "-", "\"", "a: b: c", "%YAML 9\n---\n", strings.Repeat("[", 2000), strings.Repeat("a:\n ", 300)} {
		f.Add([]byte(s))
	}
	env := func(name string) (string, bool) { return "from: {the: environment}", name == "HOME" }
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := jobfile.Parse("job.yaml", text, env, kinds())
		if err != nil {
			var list diag.List
			if !errors.As(err, &list) || len(list) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			lines := 1 + strings.Count(strings.ReplaceAll(string(text), "\r", "\n"), "\n")
			for _, d := range list {
				if d.File != "job.yaml" || d.Severity != diag.Error || d.Code != diag.Job {
					t.Errorf("not an error about the job file: %+v", d)
				}
				if d.Line < 1 || d.Column < 1 || d.Line > lines {
					t.Errorf("the file has %d lines: %+v", lines, d)
				}
				said := d.String()
				if !utf8.ValidString(said) || strings.ContainsFunc(said, unicode.IsControl) {
					t.Errorf("not fit for a terminal: %q", said)
				}
				if len(said) > 2000 {
					t.Errorf("%d bytes long: %.200q", len(said), said)
				}
			}
			return
		}
		for rule, broken := range map[string]bool{
			"name":                        !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`).MatchString(s.Name),
			"limits.memory":               s.Limits.MemoryBytes < 256<<20,
			"limits.batch_bytes":          s.Limits.BatchBytes < 1,
			"limits.timeout":              s.Limits.Timeout <= 0,
			"limits.max_concurrent_runs":  s.Limits.MaxConcurrentRuns < 1,
			"limits.max_partitions":       s.Limits.MaxPartitions < 1,
			"limits.max_retries":          s.Limits.MaxRetries < 0,
			"limits.max_quarantine_ratio": !(s.Limits.MaxQuarantineRatio >= 0 && s.Limits.MaxQuarantineRatio <= 1),
			"limits.max_unmatched_ratio":  !(s.Limits.MaxUnmatchedRatio >= 0 && s.Limits.MaxUnmatchedRatio <= 1),
			"event_days.max_age":          s.EventDays.MaxAge < 0,
			"source.lookback":             s.Source.Lookback < 0,
			"source.recheck_folders":      s.Source.RecheckFolders < 0,
			"state":                       s.State == "",
			"catalog.database":            s.Catalog.Database == "",
		} {
			if broken {
				t.Errorf("accepted with a wrong %s: %+v", rule, s)
			}
		}
		if twice, err := jobfile.Parse("job.yaml", text, env, kinds()); err != nil || !reflect.DeepEqual(s, twice) {
			t.Errorf("the second reading gives another job: %v", err)
		}
	})
}
