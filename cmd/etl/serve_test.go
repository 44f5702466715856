package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/ledger/holder"
)

// servedJob is a job that is due each second.
func (p *place) servedJob(name, more string) {
	p.write("jobs/"+name+".yaml", strings.NewReplacer("name: nf", "name: "+name, "./lake", "./"+name).Replace(placeJob)+
		"state: ./"+name+"/state\nschedule: {cron: \"@every 1s\"}\n"+more)
}

// serve starts etl serve, and gives its address.
func (p *place) serve() (s *started, addr string) {
	p.t.Helper()
	s = p.start("serve", "--jobs", "jobs", "--listen", "127.0.0.1:0")
	s.until("serving", 1)
	var line struct{ Addr string }
	if err := json.Unmarshal([]byte(s.seen[len(s.seen)-1]), &line); err != nil {
		p.t.Fatal(err)
	}
	return s, line.Addr
}

// health is what /healthz says about a job.
func health(t *testing.T, addr, job string) map[string]any {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Jobs []map[string]any }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, j := range all.Jobs {
		if j["name"] == job {
			return j
		}
	}
	t.Fatalf("/healthz does not know %s: %s", job, text)
	return nil
}

// wantLog holds a server's log to lines of JSON with their time: lines of runs have the run's ID, and lines of the server have none.
func (s *started) wantLog() {
	s.t.Helper()
	for _, line := range s.seen {
		var l struct {
			Time    time.Time
			Message string
			RunID   string `json:"run_id"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Time.IsZero() {
			s.t.Errorf("not a log line with its time: %v: %s", err, line)
		}
		ofServer := l.Message == "serving" || l.Message == "stopping"
		for _, message := range []string{"skipped ", "the process of the run ", "the run could not start"} {
			ofServer = ofServer || strings.HasPrefix(l.Message, message)
		}
		if ofServer != (l.RunID == "") {
			s.t.Errorf("run_id is %q: %s", l.RunID, line)
		}
	}
}

func TestServeRunsJobsAndStopsCleanly(t *testing.T) {
	p := takeoverPlace(t, 1)
	p.servedJob("often", "")
	s, addr := p.serve()
	s.until("run ended", 1)
	if line := s.seen[len(s.seen)-1]; !strings.Contains(line, `"state":"SUCCEEDED"`) || !strings.Contains(line, `"published":3`) {
		t.Errorf("the first run: %s", line)
	}
	if h := health(t, addr, "often"); h["last_start"] == nil || h["last_error"] != nil {
		t.Errorf("/healthz says %v", h)
	}
	// A job file is read when the server starts. A run that cannot start is an error of its job, and is logged.
	p.write("jobs/often.yaml", "name: [broken\n")
	s.until("run ended", 2)
	if err := os.RemoveAll(filepath.Join(p.dir, "staging")); err != nil {
		t.Fatal(err)
	}
	s.until("the run could not start", 2) // the error of the first one is known by then
	if text, _ := health(t, addr, "often")["last_error"].(string); !strings.Contains(text, "staging") || strings.Contains(text, "etl:") {
		t.Errorf("the last error is %q", text)
	}
	s.signal(syscall.SIGTERM)
	if code := s.end(15 * time.Second); code != 0 {
		t.Errorf("after SIGTERM: exit %d\n%s", code, strings.Join(s.seen, "\n"))
	}
	s.wantLog()
	if out := s.out.String(); out != "" {
		t.Errorf("on standard output: %s", out)
	}
	p.servedJob("often", "")
	if code, out, errs := p.run("runs", "jobs/often.yaml"); code != 0 || !strings.Contains(out, "SCHEDULED") || strings.Contains(out, "ON_DEMAND") {
		t.Errorf("exit %d, runs are\n%s%s", code, out, errs)
	}
}

// A run that does not answer limits.timeout ends alone: the server and the runs of other jobs continue, and its next run continues
// from there.
func TestServeRunEndsAlone(t *testing.T) {
	t.Parallel() // it waits most of its time
	p := takeoverPlace(t, 1)
	p.servedJob("stuck", "limits: {timeout: 3s}\n")
	p.servedJob("other", "")
	// The run waits for a lock of its state that it does not get.
	tmp := filepath.Join(p.dir, "stuck/state/.silt-tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(tmp, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	s, addr := p.serve()
	text := ""
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(text, "the process ends"); { // a slow start can time out itself
		if time.Now().After(deadline) {
			t.Fatal("the stuck run does not end")
		}
		s.until("run ended", 1)
		text, _ = health(t, addr, "stuck")["last_error"].(string)
	}
	if !strings.Contains(text, "limits.timeout (3s)") {
		t.Errorf("the last error is %q", text)
	}
	lock.Close()
	begun := time.Now().UTC().Truncate(time.Second).Format(time.RFC3339)
	h := health(t, addr, "other")
	for h["last_start"].(string) < begun { // until times out
		s.until("run ended", 1)
		h = health(t, addr, "other")
	}
	if h["last_error"] != nil {
		t.Errorf("after the end of the stuck run, the other job is %v", h)
	}
	for h := health(t, addr, "stuck"); h["last_error"] != nil; h = health(t, addr, "stuck") {
		s.until("run ended", 1)
	}
	s.signal(syscall.SIGTERM)
	if code := s.end(15 * time.Second); code != 0 {
		t.Errorf("after SIGTERM: exit %d\n%s", code, strings.Join(s.seen, "\n"))
	}
	for _, job := range []string{"stuck", "other"} {
		if got := p.publishedIn(job + "/ext"); len(got) != 3 {
			t.Errorf("%s: rows %v", job, got)
		}
	}
}

// If the server is killed, its runs stop as at a stop, and the next run continues at once.
func TestServeKilled(t *testing.T) {
	p := takeoverPlace(t, 20)
	p.servedJob("long", "limits: {batch_bytes: 1, memory: 256MiB}\n")
	s, _ := p.serve()
	s.until("batch begins", 2)
	var run holder.Holder
	lease, body := p.leaseIn("long/state/long")
	text, err := json.Marshal(body["holder"])
	if err == nil {
		err = json.Unmarshal(text, &run)
	}
	if err != nil || run.PID == 0 || run.PID == s.cmd.Process.Pid {
		t.Fatalf("%s is held by %s, and the server is process %d: %v", lease, text, s.cmd.Process.Pid, err)
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", run.PID))
	if err != nil || strings.Contains(string(command), "staging") || !strings.Contains(string(command), "long.yaml") {
		t.Errorf("the run's command line is %q, %v", command, err)
	}
	s.signal(syscall.SIGKILL)
	for deadline := time.Now().Add(30 * time.Second); !run.Ended(holder.Self()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the run continues without its server")
		}
	}
	code, out, errs := p.run("run", "jobs/long.yaml")
	if code != 0 || !strings.Contains(out, "SUCCEEDED") {
		t.Fatalf("the next run: exit %d\n%s%s", code, out, errs)
	}
	if code, out, _ := p.run("runs", "jobs/long.yaml"); code != 0 || !strings.Contains(out, "STOPPED") {
		t.Errorf("exit %d, runs are\n%s", code, out)
	}
	if got := p.publishedIn("long/ext"); len(got) != len(p.staged()) || total(got) != len(got) {
		t.Errorf("%d rows of %d flows, want %d", total(got), len(got), len(p.staged()))
	}
}

// A scheduled run waits for the lease of a run that was killed on another machine: its next start may be a day away.
func TestServeWaitsForALease(t *testing.T) {
	p := takeoverPlace(t, 2)
	p.servedJob("job", "limits: {batch_bytes: 1, memory: 256MiB}\n")
	first := p.start("run", "jobs/job.yaml", "--lease-expiry", "2s")
	first.until("batch begins", 1)
	first.kill()
	free := p.moveElsewhereIn("job/state/job").Add(2 * time.Second)
	s, _ := p.serve()
	s.until("run ended", 1)
	if line := s.seen[len(s.seen)-1]; !strings.Contains(line, "SUCCEEDED") || time.Now().Before(free) {
		t.Errorf("the first scheduled run, %s after the lease expired: %s", time.Since(free), line)
	}
	s.signal(syscall.SIGTERM)
	if code := s.end(15 * time.Second); code != 0 {
		t.Errorf("after SIGTERM: exit %d\n%s", code, strings.Join(s.seen, "\n"))
	}
	if got := p.publishedIn("job/ext"); len(got) != 6 || total(got) != 6 {
		t.Errorf("rows %v", got)
	}
}
