package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folderJob writes a job with one staging object into a new working folder, and runs it. It returns a function that runs etl, and
// fails the test unless it ends with an exit code.
func folderJob(t *testing.T, records string) func(code int, args ...string) (out, errs string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.Mkdir("staging", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"staging/a.log": records, "job.yaml": "name: nfw\nsource: {staging: ./staging}\nmapping: network-firewall\n" +
		"lake: {location: ./lake, source_name: nfw, region: us-east-1, account_id: \"111122223333\"}\nlimits: {memory: 512MiB, max_quarantine_ratio: 1}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := func(code int, args ...string) (string, string) {
		t.Helper()
		out, errs, got := etl(t, args...)
		if got != code {
			t.Fatalf("etl %q: exit code %d, want %d\n%s\n%s", args, got, code, out, errs)
		}
		return out, errs
	}
	command(0, "run", "job.yaml")
	return command
}

const oneRecord = `{"firewall_name":"f","event_timestamp":"1601587565","event":{"timestamp":"2020-10-01T21:26:05.007+0000","flow_id":1,"event_type":"netflow","src_ip":"10.0.0.1","src_port":1,"dest_ip":"10.0.0.9","dest_port":2,"proto":"TCP"}}` + "\n"

// glob returns the only file that matches a pattern, or the first of several.
func glob(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}

// contains fails the test for each text that is missing.
func contains(t *testing.T, out string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("%q is not in\n%s", w, out)
		}
	}
}

// A damaged lease or run record stops no command. etl doctor names both, and --fix repairs them once no run can be using them.
func TestDamagedState(t *testing.T) {
	command := folderJob(t, oneRecord)
	for _, text := range []string{"", "junk"} {
		lease, end := glob(t, "lake/.silt/nfw/leases/*.json"), glob(t, "lake/.silt/nfw/runs/*/end.json")
		for _, name := range []string{lease, end} {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, errs := command(0, "run", "job.yaml"); !strings.Contains(errs, "is damaged, so its holder is unknown. Try: etl doctor --fix") {
			t.Errorf("the run does not report the lease: %s", errs)
		}
		out, _ := command(0, "runs", "job.yaml")
		contains(t, out, "DAMAGED", "SUCCEEDED", "end.json is damaged", "Try: etl doctor --fix")
		out, _ = command(0, "doctor", "job.yaml")
		contains(t, out, "warn damaged objects: 2 objects of the state", filepath.Base(lease), "end.json")
		for _, name := range []string{lease, end} {
			if err := os.Chtimes(name, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		out, _ = command(0, "doctor", "job.yaml", "--fix")
		contains(t, out, "repaired 2 damaged objects")
		if strings.Contains(out, "warn damaged") {
			t.Errorf("after --fix:\n%s", out)
		}
		if out, _ = command(0, "runs", "job.yaml"); strings.Contains(out, "DAMAGED") {
			t.Errorf("after --fix:\n%s", out)
		}
	}
}
