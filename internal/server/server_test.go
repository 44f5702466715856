package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/server"
)

type health struct {
	Status string
	Jobs   []struct {
		Name      string
		Next      *time.Time
		Running   bool
		Skipped   int
		LastError string `json:"last_error"`
	}
}

func get(t *testing.T, addr string) health {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		t.Fatalf("status %d: %s", resp.StatusCode, b)
	}
	var h health
	if err := json.Unmarshal(b, &h); err != nil {
		t.Fatal(err)
	}
	return h
}

func start(t *testing.T, jobs ...server.Job) (s *server.Server, stop func() error) {
	t.Helper()
	s, err := server.New(server.Options{Listen: "127.0.0.1:0", Jobs: jobs, Log: zerolog.Nop(), Grace: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	return s, func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Second):
			return errors.New("Serve did not return")
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// A job never has more runs at a time than it allows; a start beyond that is skipped, and /healthz shows it.
func TestRunsAtATime(t *testing.T) {
	for _, limit := range []int{0, 2} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel() // it waits most of its time
			var running, most, runs atomic.Int32
			s, stop := start(t, server.Job{Name: "slow", Cron: "@every 1s", Timezone: "UTC", MaxRuns: limit, Run: func(ctx context.Context) error {
				n := running.Add(1)
				defer running.Add(-1)
				if n > most.Load() {
					most.Store(n)
				}
				runs.Add(1)
				select {
				case <-time.After(time.Duration(1500+limit*500) * time.Millisecond):
				case <-ctx.Done():
				}
				return errors.New("it broke")
			}})
			eventually(t, "/healthz shows a skipped start and the error of a run", func() bool {
				h := get(t, s.Addr())
				return len(h.Jobs) == 1 && h.Jobs[0].Skipped > 0 && h.Jobs[0].LastError == "it broke" && runs.Load() >= 2
			})
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if want := int32(1 + limit/2); most.Load() != want {
				t.Errorf("%d runs at once, want %d", most.Load(), want)
			}
		})
	}
}

// A stop cancels the runs, and Serve returns after they have cleaned up.
func TestStopWaitsForTheRun(t *testing.T) {
	began, ended := make(chan struct{}), atomic.Bool{}
	_, stop := start(t, server.Job{Name: "j", Cron: "@every 1s", Timezone: "UTC", Run: func(ctx context.Context) error {
		close(began)
		<-ctx.Done()
		time.Sleep(200 * time.Millisecond) // cleaning up
		ended.Store(true)
		return ctx.Err()
	}})
	<-began
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if !ended.Load() {
		t.Error("Serve returned before the run had cleaned up")
	}
}

// Each schedule is in its job's own time zone.
func TestTimezone(t *testing.T) {
	s, stop := start(t, server.Job{Name: "berlin", Cron: "30 2 * * *", Timezone: "Europe/Berlin"}, server.Job{Name: "tokyo", Cron: "30 2 * * *", Timezone: "Asia/Tokyo"})
	defer stop()
	eventually(t, "/healthz shows the next time of each job", func() bool {
		h := get(t, s.Addr())
		for _, j := range h.Jobs {
			if j.Next == nil {
				return false
			}
			zone := map[string]string{"berlin": "Europe/Berlin", "tokyo": "Asia/Tokyo"}[j.Name]
			loc, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			if at := j.Next.In(loc).Format("15:04"); at != "02:30" {
				t.Fatalf("%s starts at %s in its own zone, want 02:30", j.Name, at)
			}
		}
		return true
	})
}

// A panic in one job is its error, and the other jobs continue.
func TestPanicOfOneJob(t *testing.T) {
	var ok atomic.Int32
	s, stop := start(t,
		server.Job{Name: "bad", Cron: "@every 1s", Timezone: "UTC", Run: func(context.Context) error { panic("boom") }},
		server.Job{Name: "good", Cron: "@every 1s", Timezone: "UTC", Run: func(context.Context) error { ok.Add(1); return nil }})
	defer stop()
	eventually(t, "the good job runs twice, and the bad one has its panic as its error", func() bool {
		return ok.Load() >= 2 && strings.Contains(get(t, s.Addr()).Jobs[0].LastError, "boom")
	})
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name string
		o    server.Options
		want string
	}{
		{"two jobs of one name", server.Options{Listen: "127.0.0.1:0", Jobs: []server.Job{{Name: "a"}, {Name: "a"}}}, "two jobs have the name a"},
		{"an address that does not exist", server.Options{Listen: "256.0.0.1:99999"}, "listen on 256.0.0.1:99999: "},
		{"an address that does not exist, and what to try", server.Options{Listen: "256.0.0.1:99999"}, "Try: choose another address with --listen"},
	} {
		if _, err := server.New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	s, err := server.New(server.Options{Listen: "127.0.0.1:0", Jobs: []server.Job{{Name: "a", Cron: "never", Timezone: "UTC"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), `job a: schedule.cron "never": `) {
		t.Errorf("a schedule that is not valid: %v", err)
	}
}
