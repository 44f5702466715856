package jobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const smallSpec = `name: nf
source: {staging: ./staging}
mapping: network-firewall
lake: {location: ./lake, source_name: network-firewall, region: us-east-1}
`

var problemPlace = regexp.MustCompile(`^job\.yaml:([0-9]+):([0-9]+): (.+)$`)

// FuzzSpec: a job file is refused with what is wrong, a line each, that says where in the file that is; or it is a job that keeps
// what is promised of one, and whose settings a manifest can hand on.
func FuzzSpec(f *testing.F) {
	files, err := filepath.Glob("specs/*.yaml")
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
		s, err := ParseSpec("job.yaml", text, env)
		if err != nil {
			var bad *SpecError
			if !errors.As(err, &bad) || len(bad.Problems) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			for _, p := range bad.Problems {
				m := problemPlace.FindStringSubmatch(p)
				if m == nil {
					t.Fatalf("not job.yaml:line:column: message: %q", p)
				}
				line, _ := strconv.Atoi(m[1])
				column, _ := strconv.Atoi(m[2])
				if lines := 1 + strings.Count(strings.ReplaceAll(string(text), "\r", "\n"), "\n"); line < 1 || column < 1 || line > lines {
					t.Errorf("there is no such place among %d lines: %q", lines, p)
				}
				if !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl) {
					t.Errorf("not fit for a terminal: %q", p)
				}
				if len(p) > 2000 {
					t.Errorf("%d bytes long: %.200q", len(p), p)
				}
			}
			return
		}
		for _, bad := range []bool{!jobName.MatchString(s.Name), s.Limits.MemoryBytes < 256<<20, s.Limits.BatchBytes < 1, s.Limits.Timeout <= 0, s.Limits.MaxConcurrentRuns < 1,
			s.Limits.MaxRetries < 0, !(s.Limits.MaxQuarantineRatio >= 0 && s.Limits.MaxQuarantineRatio <= 1), s.EventDays.MaxAge < 0, s.Source.Lookback < 0, s.State == "", s.Catalog.Database == ""} {
			if bad {
				t.Errorf("accepted: %+v", s)
			}
		}
		again := *s
		for _, k := range s.settings() {
			if k.set == nil {
				continue
			}
			if err := k.set(&again, k.text); err != nil {
				t.Errorf("%s of an accepted job cannot be handed on: %v", k.key, err)
			}
		}
		if !reflect.DeepEqual(*s, again) {
			t.Errorf("handed on it is another job: %s", fmt.Sprint(again))
		}
		if twice, err := ParseSpec("job.yaml", text, env); err != nil || !reflect.DeepEqual(s, twice) {
			t.Errorf("read again it is another job: %v", err)
		}
	})
}
