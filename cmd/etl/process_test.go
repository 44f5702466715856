package main_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/lake/laketest"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
)

// place is a folder with a job in it, and the built binary.
type place struct {
	t   *testing.T
	etl string
	dir string
	env []string
}

const placeJob = `name: nf
source:
  staging: ./staging/AWSLogs
  include: ["**/*.log.gz"]
  key_pattern: "{account_id}/network-firewall/{log_type}/{region}/{firewall}/{yyyy}/{mm}/{dd}/{hh}/"
mapping: network-firewall
lake: {location: ./lake, source_name: network-firewall, region: us-east-1, account_id: "111122223333"}
catalog: {type: local}
`

// goBuild builds a command of this module into dir.
func goBuild(t *testing.T, dir, pkg string) string {
	t.Helper()
	out := filepath.Join(dir, filepath.Base(pkg))
	if text, err := exec.Command("go", "build", "-o", out, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, text)
	}
	return out
}

func (p *place) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) command(args ...string) *exec.Cmd {
	c := exec.Command(p.etl, args...)
	c.Dir, c.Env = p.dir, append(os.Environ(), p.env...)
	return c
}

// run runs etl to its end. Failures are reported in lines of words, never as a stack.
func (p *place) run(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	c := p.command(args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		p.t.Fatal(err)
	}
	for _, s := range []string{"goroutine ", "panic", "0x"} {
		if strings.Contains(out.String()+errs.String(), s) {
			p.t.Errorf("etl %v prints %q:\n%s%s", args, s, out.String(), errs.String())
		}
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

// reported are the lines of stderr that are not log lines.
func reported(stderr string) []string {
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(stderr), "\n") {
		if line != "" && !strings.HasPrefix(line, "{") {
			out = append(out, line)
		}
	}
	return out
}

// published counts the flow ids in the visible files of the lake.
func (p *place) published() map[string]int {
	p.t.Helper()
	return p.publishedIn("lake/ext")
}

// publishedIn counts the flow ids in the visible files of a folder.
func (p *place) publishedIn(folder string) map[string]int {
	p.t.Helper()
	return laketest.Count(p.t, filepath.Join(p.dir, folder), "connection_info.uid")
}

// staged counts the flow ids in staging.
func (p *place) staged() map[string]int {
	p.t.Helper()
	want := map[string]int{}
	err := filepath.WalkDir(filepath.Join(p.dir, "staging"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(z)
		for lines.Scan() {
			var r struct {
				Event struct {
					FlowID json.Number `json:"flow_id"`
				} `json:"event"`
			}
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return err
			}
			want[r.Event.FlowID.String()]++
		}
		return lines.Err()
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return want
}

type listedRun struct {
	Run   string `json:"run"`
	State string `json:"state"`
	End   struct {
		ExitCode int `json:"exit_code"`
		Records  struct {
			Published int `json:"published"`
		} `json:"records"`
	} `json:"end"`
}

func (p *place) runs() []listedRun {
	p.t.Helper()
	code, out, errs := p.run("runs", "job.yaml", "-o", "json")
	var runs []listedRun
	if err := json.Unmarshal([]byte(out), &runs); err != nil || code != 0 {
		p.t.Fatalf("etl runs: %d, %v\n%s%s", code, err, out, errs)
	}
	return runs
}

func total(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// started is a run that continues while the test does something to it.
type started struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	seen  []string
	done  chan error
	out   bytes.Buffer
	read  chan struct{} // closed when the rest of the log was read; nil: nobody reads it
}

func (p *place) start(args ...string) *started {
	p.t.Helper()
	s := &started{t: p.t, cmd: p.command(args...), done: make(chan error, 1)}
	s.cmd.Stdout = &s.out
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	s.lines = bufio.NewScanner(stderr)
	if err := s.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.cmd.Process.Kill() })
	return s
}

// until reads the log up to the nth line with that message.
func (s *started) until(message string, n int) {
	s.t.Helper()
	for s.lines.Scan() {
		s.seen = append(s.seen, s.lines.Text())
		if strings.Contains(s.lines.Text(), `"message":"`+message+`"`) {
			if n--; n == 0 {
				return
			}
		}
	}
	s.t.Fatalf("it ended before it logged %q: %v\n%s", message, s.lines.Err(), strings.Join(s.seen, "\n"))
}

func (s *started) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// readOn keeps the rest of the log, until the process ends.
func (s *started) readOn() {
	if s.read != nil {
		return
	}
	s.read = make(chan struct{})
	go func() {
		defer close(s.read)
		for s.lines.Scan() {
			s.seen = append(s.seen, s.lines.Text())
		}
	}()
}

// end waits for the process and gives its exit code; the rest of the log is kept.
func (s *started) end(limit time.Duration) int {
	s.t.Helper()
	s.readOn()
	go func() {
		<-s.read
		s.done <- s.cmd.Wait()
	}()
	select {
	case <-s.done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		s.t.Fatalf("it goes on %s after the signal", limit)
		return -1
	}
}

// TestProcess runs the real binary for what only a process shows: exit codes, signals, two of them at once.
func TestProcess(t *testing.T) {
	bin := t.TempDir()
	etl := goBuild(t, bin, "github.com/silt-etl/silt/cmd/etl")
	nfwgen := goBuild(t, bin, "github.com/silt-etl/silt/scripts/nfwgen")
	at := func(t *testing.T) *place {
		p := &place{t: t, etl: etl, dir: t.TempDir()}
		p.write("job.yaml", placeJob)
		return p
	}
	generate := func(t *testing.T, p *place, args ...string) {
		t.Helper()
		if out, err := exec.Command(nfwgen, append([]string{"-out", filepath.Join(p.dir, "staging")}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}

	t.Run("stopped and gone on with", func(t *testing.T) {
		p := at(t)
		p.write("job.yaml", placeJob+"limits: {batch_bytes: 64KiB}\n") // some forty batches
		generate(t, p, "-events", "40000")
		first := p.start("run", "job.yaml")
		first.until("published", 3)
		first.signal(syscall.SIGSTOP)
		code, out, errs := p.run("run", "job.yaml") // while another run has the work
		if lines := reported(errs); code != 4 || len(lines) != 1 || !strings.Contains(lines[0], "run") {
			t.Errorf("beside a run at work: exit %d\n%s%s", code, out, errs)
		}
		first.signal(syscall.SIGCONT)
		first.until("published", 1)
		first.signal(syscall.SIGTERM)
		if code := first.end(10 * time.Second); code != 5 {
			t.Errorf("after SIGTERM: exit %d\n%s", code, strings.Join(first.seen, "\n"))
		}
		if !strings.Contains(first.out.String(), "STOPPED") {
			t.Errorf("its summary: %s", first.out.String())
		}
		runs := p.runs()
		i := slices.IndexFunc(runs, func(r listedRun) bool { return r.State == "STOPPED" })
		if len(runs) != 2 || i < 0 || runs[i].End.ExitCode != 5 {
			t.Fatalf("etl runs shows %+v", runs)
		}
		want, got := p.staged(), p.published()
		if n := runs[i].End.Records.Published; total(got) != n || n == 0 || n >= 40000 {
			t.Errorf("the stopped run says it published %d, readers see %d of 40000", n, total(got))
		}
		if held, _ := filepath.Glob(filepath.Join(p.dir, "lake/.silt/held/*")); len(held) > 0 {
			t.Errorf("held files left by a run that was stopped: %q", held)
		}
		for id, n := range got {
			if n > want[id] {
				t.Fatalf("flow %s is there %d times", id, n)
			}
		}
		if code, out, errs := p.run("run", "job.yaml"); code != 0 || !strings.Contains(out, "SUCCEEDED") {
			t.Fatalf("the next run: exit %d\n%s%s", code, out, errs)
		}
		if got = p.published(); !maps.Equal(got, want) {
			t.Errorf("%d rows of %d flows, want %d of %d", total(got), len(got), total(want), len(want))
		}
		if code, out, _ := p.run("run", "job.yaml", "-o", "json"); code != 0 || !strings.Contains(out, `"files": 0`) {
			t.Errorf("once more: exit %d\n%s", code, out)
		}
	})

	t.Run("stopped in its only batch", func(t *testing.T) {
		p := at(t)
		generate(t, p, "-events", "100000")
		s := p.start("run", "job.yaml")
		s.until("batch begins", 1)
		s.signal(syscall.SIGINT)
		if code := s.end(10 * time.Second); code != 5 {
			t.Errorf("after SIGINT: exit %d\n%s", code, strings.Join(s.seen, "\n"))
		}
		if n, told := total(p.published()), p.runs()[0].End.Records.Published; n != told || n > 0 && n < 100000 {
			t.Errorf("%d rows of one batch are visible, the run says %d", n, told)
		}
		if code, _, errs := p.run("run", "job.yaml"); code != 0 {
			t.Fatalf("the next run: exit %d\n%s", code, errs)
		}
		if !maps.Equal(p.published(), p.staged()) {
			t.Error("the rows are not those of staging")
		}
	})

	t.Run("quarantine over its limit", func(t *testing.T) {
		p := at(t)
		generate(t, p, "-events", "100")
		p.write("staging/AWSLogs/111122223333/x.log.gz", strings.Repeat("not json\n", 50))
		code, out, errs := p.run("run", "job.yaml")
		if lines := reported(errs); code != 3 || len(lines) != 1 || !strings.Contains(lines[0], "50 of 150 records") || !strings.Contains(out, "FAILED") {
			t.Errorf("exit %d\n%s%s", code, out, errs)
		}
		if n := total(p.published()); n > 0 {
			t.Errorf("%d rows of a batch that was refused", n)
		}
		if runs := p.runs(); len(runs) != 1 || runs[0].State != "FAILED" || runs[0].End.ExitCode != 3 {
			t.Errorf("etl runs shows %+v", runs)
		}
	})

	t.Run("usage", func(t *testing.T) {
		p := at(t)
		p.write("bad.yaml", strings.Replace(placeJob, "mapping: network", "maping: network", 1))
		p.write("nomapping.yaml", strings.Replace(placeJob, "mapping: network-firewall", "mapping: nosuch", 1))
		for _, c := range []struct {
			args []string
			says string
		}{
			{[]string{"run", "bad.yaml"}, "bad.yaml:6:1: "},
			{[]string{"check", "bad.yaml"}, ""}, // on stdout
			{[]string{"run", "nomapping.yaml"}, "nosuch"},
			{[]string{"run", "missing.yaml"}, "missing.yaml"},
			{[]string{"run"}, "etl"},
			{[]string{"frobnicate"}, "frobnicate"},
			{[]string{"run", "job.yaml", "--wet-run"}, "--wet-run"},
		} {
			code, out, errs := p.run(c.args...)
			if code != 2 || !strings.Contains(errs, c.says) {
				t.Errorf("etl %v: exit %d, stderr %q, stdout %q, want %q", c.args, code, errs, out, c.says)
			}
		}
		if left, _ := os.ReadDir(filepath.Join(p.dir, "lake")); len(left) > 0 {
			t.Errorf("a job that is not valid wrote %v", left)
		}
	})

	t.Run("no such bucket, no credentials", func(t *testing.T) {
		p := at(t)
		p.env = objstoretest.StartVersityGW(t).Env()
		p.write("job.yaml", strings.NewReplacer("./staging/AWSLogs", "s3://nowhere/AWSLogs").Replace(placeJob))
		for name, env := range map[string][]string{"s3://nowhere": nil, "credentials": {"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="}} {
			p.env = append(p.env, env...)
			code, out, errs := p.run("run", "job.yaml")
			if lines := reported(errs); code != 1 || len(lines) != 1 || !strings.Contains(lines[0], name) {
				t.Errorf("%s: exit %d\n%s%s", name, code, out, errs)
			}
		}
	})
}
