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

func TestRunsOnScheduleAsManyAsMayBe(t *testing.T) {
	for _, max := range []int{0, 2} {
		t.Run(fmt.Sprint(max), func(t *testing.T) {
			t.Parallel() // it waits most of its time
			var running, most, runs atomic.Int32
			s, stop := start(t, server.Job{Name: "slow", Cron: "@every 1s", Timezone: "UTC", MaxRuns: max, Run: func(ctx context.Context) error {
				n := running.Add(1)
				defer running.Add(-1)
				if n > most.Load() {
					most.Store(n)
				}
				runs.Add(1)
				select {
				case <-time.After(time.Duration(1500+max*500) * time.Millisecond):
				case <-ctx.Done():
				}
				return errors.New("it broke")
			}})
			eventually(t, "a schedule that was skipped and an error that is shown", func() bool {
				h := get(t, s.Addr())
				return len(h.Jobs) == 1 && h.Jobs[0].Skipped > 0 && h.Jobs[0].LastError == "it broke" && runs.Load() >= 2
			})
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if want := int32(1 + max/2); most.Load() != want {
				t.Errorf("%d runs at once, want %d", most.Load(), want)
			}
		})
	}
}

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

func TestTimezone(t *testing.T) {
	s, stop := start(t, server.Job{Name: "berlin", Cron: "30 2 * * *", Timezone: "Europe/Berlin"}, server.Job{Name: "tokyo", Cron: "30 2 * * *", Timezone: "Asia/Tokyo"})
	defer stop()
	eventually(t, "next times in their zones", func() bool {
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
				t.Fatalf("%s runs at %s of its own zone", j.Name, at)
			}
		}
		return true
	})
}

func TestPanicIsOneJobsOwn(t *testing.T) {
	var ok atomic.Int32
	s, stop := start(t,
		server.Job{Name: "bad", Cron: "@every 1s", Timezone: "UTC", Run: func(context.Context) error { panic("boom") }},
		server.Job{Name: "good", Cron: "@every 1s", Timezone: "UTC", Run: func(context.Context) error { ok.Add(1); return nil }})
	defer stop()
	eventually(t, "the good job goes on", func() bool {
		return ok.Load() >= 2 && strings.Contains(get(t, s.Addr()).Jobs[0].LastError, "boom")
	})
}

func TestRefusals(t *testing.T) {
	if _, err := server.New(server.Options{Listen: "127.0.0.1:0", Jobs: []server.Job{{Name: "a"}, {Name: "a"}}}); err == nil {
		t.Error("two jobs of one name were taken")
	}
	if _, err := server.New(server.Options{Listen: "256.0.0.1:99999"}); err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("listen error: %v", err)
	}
}
