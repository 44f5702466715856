package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// syncBuffer can be read while a server writes to it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestServeRunsJobsAndStopsCleanly(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{
		"staging/a.log": strings.ReplaceAll(record, "%D", "1"),
		"jobs/a.yaml": `name: often
source: {staging: ` + dir + `/staging}
mapping: network-firewall
lake: {location: ` + dir + `/lake, source_name: often, region: us-east-1}
schedule: {cron: "@every 1s"}
limits: {memory: 512MiB}
`} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var out, log syncBuffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"serve", "--jobs", filepath.Join(dir, "jobs"), "--listen", "127.0.0.1:0"}, &out, &log, os.LookupEnv)
	}()
	job := filepath.Join(dir, "jobs", "a.yaml")
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(log.String(), `"state":"SUCCEEDED"`); {
		if time.Now().After(deadline) {
			t.Fatalf("no run in 30 s:\n%s", log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	begun := time.Now()
	stop()
	select {
	case c := <-code:
		if c != exitDone {
			t.Errorf("a stop by signal ended with code %d:\n%s", c, log.String())
		}
	case <-time.After(15 * time.Second):
		t.Fatal("it did not stop")
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if text, _, c := etl(t, "runs", job); c != 0 || !strings.Contains(text, "SCHEDULED") {
		t.Errorf("code %d, runs are\n%s", c, text)
	}
	for _, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
		var l struct {
			Time    time.Time
			Message string
			RunID   string `json:"run_id"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Time.IsZero() {
			t.Errorf("not a log line with its time: %v: %s", err, line)
		}
		// lines of runs have the run's id, and lines of the server have none
		if server := l.Message == "serving" || l.Message == "stopping" || strings.HasPrefix(l.Message, "skipped "); server != (l.RunID == "") {
			t.Errorf("run_id is %q: %s", l.RunID, line)
		}
	}
}
