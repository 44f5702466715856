package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/ledger/holder"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
)

// takeoverPlace is a job of n batches with three records each. etl is this test binary.
func takeoverPlace(t *testing.T, n int) *place {
	t.Helper()
	etl, err := exec.LookPath("etl")
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, etl: etl, dir: t.TempDir()}
	p.write("job.yaml", placeJob+"limits: {batch_bytes: 1, memory: 256MiB}\n")
	for i := range n {
		var text strings.Builder
		for j := range 3 {
			fmt.Fprintf(&text, `{"firewall_name":"fw","event":{"timestamp":"2025-06-01T10:00:0%d+0000","flow_id":%d,"event_type":"netflow","src_ip":"10.0.0.1","src_port":1,"dest_ip":"10.0.0.9","dest_port":2,"proto":"UDP"}}`+"\n", j, 10*i+j)
		}
		p.write(fmt.Sprintf("staging/AWSLogs/111122223333/network-firewall/flow/us-east-1/fw/2025/06/01/10/%03d.log.gz", i), gzipped(text.String()))
	}
	return p
}

// wantOnce holds the lake to the records of staging, each once.
func (p *place) wantOnce() {
	p.t.Helper()
	if got, want := p.published(), p.staged(); !maps.Equal(got, want) {
		p.t.Errorf("%d rows of %d flows, want %d of %d", total(got), len(got), total(want), len(want))
	}
}

// kill ends a run by SIGKILL and does not wait until it has ended, as a supervisor that starts the next run at once.
func (s *started) kill() {
	s.signal(syscall.SIGKILL)
	go s.cmd.Wait()
}

// lease is the lease that is held, with what it says. There is one.
func (p *place) lease() (path string, body map[string]any) {
	p.t.Helper()
	return p.leaseIn("lake/.silt/nf")
}

func (p *place) leaseIn(state string) (path string, body map[string]any) {
	p.t.Helper()
	paths, err := filepath.Glob(filepath.Join(p.dir, state, "leases/*.json"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			p.t.Fatal(err)
		}
		body = nil
		if err := json.Unmarshal(text, &body); err != nil {
			p.t.Fatal(err)
		}
		if body["released"] == nil {
			return path, body
		}
	}
	p.t.Fatal("no lease is held")
	return "", nil
}

// moveElsewhere makes the lease that is held one of another machine, and says when it was last renewed.
func (p *place) moveElsewhere() (renewed time.Time) {
	p.t.Helper()
	return p.moveElsewhereIn("lake/.silt/nf")
}

func (p *place) moveElsewhereIn(state string) (renewed time.Time) {
	p.t.Helper()
	path, body := p.leaseIn(state)
	info, err := os.Stat(path)
	if err != nil {
		p.t.Fatal(err)
	}
	body["holder"].(map[string]any)["boot"] = "another"
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		p.t.Fatal(err)
	}
	return info.ModTime()
}

// TestRestartedAtOnce: runs that are killed and started again on the same machine continue at once, and deliver each record once.
// SILT_SOAK=1 kills fifty.
func TestRestartedAtOnce(t *testing.T) {
	random, kills := killed(t, 6, 50)
	p := takeoverPlace(t, kills+5)
	for n := range kills {
		s := p.start("run", "job.yaml")
		s.until("batch begins", 1) // a run that another one holds up ends before that
		for range random.IntN(2 * linesOfABatch) {
			if s.lines.Scan() {
				s.seen = append(s.seen, s.lines.Text())
			}
		}
		s.kill()
		if log := strings.Join(s.seen, "\n"); strings.Contains(log, "expired") || strings.Contains(log, "waiting") {
			t.Fatalf("kill %d: the next run did not continue at once:\n%s", n, log)
		}
	}
	code, out, errs := p.run("run", "job.yaml")
	if code != 0 {
		t.Fatalf("the last run: exit %d\n%s%s", code, out, errs)
	}
	p.wantOnce()
	for _, r := range p.runs() {
		if r.State != "SUCCEEDED" && r.State != "FAILED" {
			t.Errorf("run %s, whose process has ended, is %s", r.Run, r.State)
		}
	}
}

// TestRestartedElsewhere: a run that starts after one was killed on another machine waits for the lease to expire, and continues then.
// SILT_SOAK=1 kills ten, whose leases expire after 5 s.
func TestRestartedElsewhere(t *testing.T) {
	kills, expiry := 2, time.Second
	if os.Getenv("SILT_SOAK") != "" {
		kills, expiry = 10, 5*time.Second
	}
	p := takeoverPlace(t, kills+1)
	for n := range kills {
		s := p.start("run", "job.yaml", "--lease-expiry", expiry.String())
		s.until("batch begins", 1)
		s.kill()
		renewed := p.moveElsewhere()
		next := p.start("run", "job.yaml", "--wait", "5m", "--lease-expiry", expiry.String())
		next.until("resuming an earlier plan", 1)
		next.until("batch begins", 1)
		if early := time.Until(renewed.Add(expiry)); early > 0 {
			t.Errorf("kill %d: the next run continued %s before the lease expired", n, early)
		}
		next.until("published", 1)
		next.signal(syscall.SIGTERM)
		if code := next.end(30 * time.Second); code != 5 && code != 0 {
			t.Fatalf("kill %d: the next run: exit %d\n%s", n, code, strings.Join(next.seen, "\n"))
		}
	}
	if code, out, errs := p.run("run", "job.yaml"); code != 0 {
		t.Fatalf("the last run: exit %d\n%s%s", code, out, errs)
	}
	p.wantOnce()

	// Without --wait a run ends at once, and says what to do. With it the run can be stopped while it waits.
	p.write("staging/AWSLogs/111122223333/network-firewall/flow/us-east-1/fw/2025/06/01/10/more.log.gz", gzipped(strings.Repeat("broken\n", 3)))
	s := p.start("run", "job.yaml")
	s.until("batch begins", 1)
	s.kill()
	p.moveElsewhere()
	code, out, errs := p.run("run", "job.yaml")
	if lines := reported(errs); code != 4 || len(lines) != 1 || !strings.Contains(lines[0], "--wait 10m") {
		t.Errorf("without --wait: exit %d\n%s%s", code, out, errs)
	}
	s = p.start("run", "job.yaml", "--wait", "1h")
	s.until("waiting for another run", 1)
	s.signal(syscall.SIGTERM)
	if code := s.end(10 * time.Second); code != 5 {
		t.Errorf("stopped while it waits: exit %d\n%s", code, strings.Join(s.seen, "\n"))
	}
	if code, out, errs := p.run("run", "job.yaml", "--wait", "300ms"); code != 4 {
		t.Errorf("after its wait: exit %d\n%s%s", code, out, errs)
	}
}

// TestStoppedHolder: a run that is stopped (SIGSTOP) for longer than its lease's expiry loses the lease to the next run, and costs no
// row when it wakes up. With SILT_SOAK=1 it first keeps the lease over fifty renewals, while another machine asks for it all the time.
func TestStoppedHolder(t *testing.T) {
	soak := os.Getenv("SILT_SOAK") != ""
	batches, args := 12, []string{"run", "job.yaml"}
	if soak {
		batches, args = 1500, append(args, "--lease-expiry", "5s")
	}
	p := takeoverPlace(t, batches)
	first := p.start(args...)
	first.until("batch begins", 3)
	path, _ := p.lease()
	if soak {
		first.readOn() // its log must not fill the pipe
		state, err := dirstore.Open(dirstore.Config{Root: filepath.Join(p.dir, "lake/.silt")})
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := holder.Self()
		elsewhere.Boot = "another"
		other, err := ledger.Open(state, "nf", ledger.Options{Run: ulid.Make().String(), Holder: elsewhere})
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		for renewals := 0.0; renewals < 50; asked++ {
			if _, err := other.Lease(t.Context(), strings.TrimSuffix(filepath.Base(path), ".json")); !errors.Is(err, ledger.ErrHeld) {
				t.Fatalf("after %v renewals the lease is %v", renewals, err)
			}
			_, body := p.lease()
			renewals, _ = body["renewals"].(float64)
			time.Sleep(50 * time.Millisecond)
		}
		t.Logf("another machine asked %d times for a lease that was renewed 50 times", asked)
	}
	first.signal(syscall.SIGSTOP)
	if !soak { // there it expires by itself, perhaps before another run looks at it
		if code, out, errs := p.run("run", "job.yaml"); code != 4 {
			t.Errorf("while the lease counts: exit %d\n%s%s", code, out, errs)
		}
		old := time.Now().Add(-2 * time.Minute)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := p.run("run", "job.yaml", "--wait", "1m")
	if code != 0 || !strings.Contains(out, "SUCCEEDED") {
		t.Fatalf("the next run: exit %d\n%s%s", code, out, errs)
	}
	p.wantOnce()
	first.signal(syscall.SIGCONT)
	if code := first.end(time.Minute); code != 0 {
		t.Errorf("the run that woke up: exit %d\n%s", code, strings.Join(first.seen, "\n"))
	}
	p.wantOnce()
	if code, out, errs := p.run("run", "job.yaml"); code != 0 || !strings.Contains(out, "0 files") {
		t.Errorf("once more: exit %d\n%s%s", code, out, errs)
	}
}

func gzipped(text string) string {
	var data bytes.Buffer
	z := gzip.NewWriter(&data)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return data.String()
}
