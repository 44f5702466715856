// Package server is `etl serve`: it runs the jobs of a folder on their cron schedules, so many runs of a job at a time as the job
// allows, and answers /healthz.
//
// It decides when, never what: a run is a function it is given. A schedule that comes due while its job has all its runs is
// skipped and logged; a run that a stop cuts short is finished by the next one, as any other.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sort"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/rs/zerolog"
)

// Job that the server runs.
type Job struct {
	Name     string
	Cron     string // standard five fields, or @daily and the like; "": never by itself
	Timezone string // IANA
	MaxRuns  int    // at once; 0: 1
	// Run executes the job once. It returns when ctx is done, at the latest after cleaning up.
	Run func(ctx context.Context) error
}

// Options of a Server.
type Options struct {
	Listen string // host:port
	Jobs   []Job
	Log    zerolog.Logger
	// Grace is how long a stop waits for runs to end. Default 10 s.
	Grace time.Duration
	// Now is the clock that /healthz reports by; default time.Now.
	Now func() time.Time
}

// Server of jobs.
type Server struct {
	o     Options
	cron  *cron.Cron
	ln    net.Listener
	mu    sync.Mutex
	jobs  map[string]*status
	wg    sync.WaitGroup
	ready bool
}

type status struct {
	entry     cron.EntryID
	scheduled bool
	running   int
	skipped   int
	lastStart time.Time
	lastEnd   time.Time
	lastError string
}

// New checks the schedules and listens, so that a wrong port or schedule is told before anything runs.
func New(o Options) (*Server, error) {
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{o: o, cron: cron.New(), jobs: map[string]*status{}}
	for _, j := range o.Jobs {
		if s.jobs[j.Name] != nil {
			return nil, fmt.Errorf("two jobs are named %s; a name is one job's", j.Name)
		}
		s.jobs[j.Name] = &status{}
	}
	ln, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another --listen", o.Listen, err)
	}
	s.ln = ln
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Serve runs until ctx is done, then stops: no new runs, the running ones are told to stop and waited for.
func (s *Server) Serve(ctx context.Context) error {
	runs, stopRuns := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRuns()
	for _, j := range s.o.Jobs {
		if j.Cron == "" {
			s.o.Log.Warn().Str("job", j.Name).Msg("job has no schedule.cron and never runs by itself")
			continue
		}
		id, err := s.cron.AddFunc("CRON_TZ="+j.Timezone+" "+j.Cron, func() { s.fire(runs, j) })
		if err != nil {
			s.ln.Close()
			return fmt.Errorf("job %s: schedule %q: %w", j.Name, j.Cron, err)
		}
		s.mu.Lock()
		s.jobs[j.Name].entry, s.jobs[j.Name].scheduled = id, true
		s.mu.Unlock()
	}
	s.cron.Start()
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	web := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(s.ln) }()
	s.o.Log.Info().Str("addr", s.Addr()).Int("jobs", len(s.o.Jobs)).Msg("serving")
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.o.Log.Info().Msg("stopping")
	<-s.cron.Stop().Done() // fire returns at once, so this does not wait for runs
	stopRuns()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(s.o.Grace):
		s.o.Log.Error().Dur("grace", s.o.Grace).Msg("runs did not stop in time; the next run finishes what they left")
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = web.Shutdown(closing)
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// fire starts a run of j, unless as many as may be are under way.
func (s *Server) fire(ctx context.Context, j Job) {
	s.mu.Lock()
	st := s.jobs[j.Name]
	if st.running >= max(j.MaxRuns, 1) || ctx.Err() != nil {
		st.skipped++
		s.mu.Unlock()
		s.o.Log.Warn().Str("job", j.Name).Msg("schedule came due while the job still runs; skipped")
		return
	}
	st.running, st.lastStart = st.running+1, s.o.Now()
	s.wg.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wg.Done()
		err := s.guard(ctx, j)
		s.mu.Lock()
		defer s.mu.Unlock()
		st.running, st.lastEnd, st.lastError = st.running-1, s.o.Now(), ""
		if err != nil {
			st.lastError = err.Error()
		}
	}()
}

// guard keeps a panic of one job from ending the others.
func (s *Server) guard(ctx context.Context, j Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
			s.o.Log.Error().Str("job", j.Name).Err(err).Msg("run failed")
		}
	}()
	return j.Run(ctx)
}

// jobHealth is a job in /healthz.
type jobHealth struct {
	Name      string     `json:"name"`
	Next      *time.Time `json:"next,omitempty"`
	Running   bool       `json:"running"`
	Skipped   int        `json:"skipped,omitempty"`
	LastStart *time.Time `json:"last_start,omitempty"`
	LastEnd   *time.Time `json:"last_end,omitempty"`
	LastError string     `json:"last_error,omitempty"`
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		out := struct {
			Status string      `json:"status"`
			Jobs   []jobHealth `json:"jobs"`
		}{Status: "ok"}
		if !s.ready {
			out.Status = "starting"
		}
		for name, st := range s.jobs {
			h := jobHealth{Name: name, Running: st.running > 0, Skipped: st.skipped, LastError: st.lastError, LastStart: stamp(st.lastStart), LastEnd: stamp(st.lastEnd)}
			if st.scheduled {
				h.Next = stamp(s.cron.Entry(st.entry).Next)
			}
			out.Jobs = append(out.Jobs, h)
		}
		s.mu.Unlock()
		sort.Slice(out.Jobs, func(i, j int) bool { return out.Jobs[i].Name < out.Jobs[j].Name })
		w.Header().Set("Content-Type", "application/json")
		if out.Status != "ok" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(out)
	})
	return mux
}

func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
