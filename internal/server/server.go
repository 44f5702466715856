// Package server runs jobs on their cron schedules and answers /healthz, for etl serve.
//
// It decides when a run starts, and never what a run does: a run is a function that it is given, such as Process.Run. Invariants: a
// job never has more runs at a time than it allows; a scheduled start beyond that is skipped and logged; a panic in one job does not
// stop the others; open connections are bounded and time out; and Serve returns only after all runs have ended or the grace period
// is over.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/render"
)

// Job is a job that the server starts.
type Job struct {
	Name     string
	Cron     string // five fields, or a word (example: @daily); "": the server never starts the job
	Timezone string // IANA name
	MaxRuns  int    // runs at a time; 0: 1
	// Run executes the job once. When ctx is done it stops and returns as soon as it has cleaned up.
	Run func(ctx context.Context) error
}

// Options of a Server.
type Options struct {
	Listen string // host:port
	Jobs   []Job
	Log    zerolog.Logger
	// Grace is how long a stop waits for runs to end. Default: 10 s.
	Grace time.Duration
	// Timeout is how long a connection can take for a request or an answer, and be idle between two requests. Default: 10 s.
	Timeout time.Duration
	// MaxConns is how many connections are open at a time. A new one beyond it closes the oldest. Default: 64.
	MaxConns int
	// Now is the clock of the times in /healthz. Default: time.Now.
	Now func() time.Time
}

// Server starts jobs on their schedules, from Serve until its context is done.
//
//	s, err := server.New(server.Options{Listen: "127.0.0.1:8080", Jobs: jobs, Log: log})
//	err = s.Serve(ctx)
type Server struct {
	o        Options
	cron     *cron.Cron
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	jobs  map[string]*status
	ready bool
}

// status is what /healthz says about a job.
type status struct {
	entry     cron.EntryID
	scheduled bool
	running   int
	skipped   int
	lastStart time.Time
	lastEnd   time.Time
	lastError string
}

// New listens at once, so that a wrong address is reported before a job runs. Its error says which option is wrong.
func New(o Options) (*Server, error) {
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxConns == 0 {
		o.MaxConns = 64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{o: o, cron: cron.New(), jobs: map[string]*status{}}
	for _, j := range o.Jobs {
		if s.jobs[j.Name] != nil {
			return nil, fmt.Errorf("two jobs have the name %s", j.Name)
		}
		s.jobs[j.Name] = &status{}
	}
	var err error
	if s.listener, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, &diag.OpError{Op: "listen on", Object: o.Listen, Err: err, Try: "choose another address with --listen (example: 127.0.0.1:8081)"}
	}
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Serve starts runs until ctx is done. Then it starts no more, cancels those that are running, and waits for them to end. An error
// means that a schedule is not valid or that the listener failed; a stop is not an error.
func (s *Server) Serve(ctx context.Context) error {
	runs, stopRuns := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRuns()
	if err := s.schedule(runs); err != nil {
		s.listener.Close()
		return err
	}
	limit := s.o.Timeout
	web := &http.Server{Handler: s.handler(), ReadHeaderTimeout: limit, ReadTimeout: limit, WriteTimeout: limit, IdleTimeout: limit,
		MaxHeaderBytes: 16 << 10, ErrorLog: log.New(io.Discard, "", 0)} // its messages are about clients, and not lines of JSON
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(&connLimit{Listener: s.listener, max: s.o.MaxConns}) }()
	s.o.Log.Info().Str("addr", s.Addr()).Int("jobs", len(s.o.Jobs)).Msg("serving")
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.o.Log.Info().Msg("stopping")
	<-s.cron.Stop().Done() // start returns at once, so this does not wait for runs
	stopRuns()
	s.waitForRuns()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = web.Shutdown(closing)
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// schedule activates the schedules. runs is the context of the runs that they start.
func (s *Server) schedule(runs context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.o.Jobs {
		if j.Cron == "" {
			s.o.Log.Warn().Str("job", j.Name).Msg("the job has no schedule.cron, so it is never started")
			continue
		}
		id, err := s.cron.AddFunc("CRON_TZ="+j.Timezone+" "+j.Cron, func() { s.start(runs, j) })
		if err != nil {
			return fmt.Errorf("job %s: schedule.cron %q: %w", j.Name, j.Cron, err)
		}
		s.jobs[j.Name].entry, s.jobs[j.Name].scheduled = id, true
	}
	s.cron.Start()
	s.ready = true
	return nil
}

// waitForRuns returns when all runs have ended, or when the grace period is over.
func (s *Server) waitForRuns() {
	ended := make(chan struct{})
	go func() { s.running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(s.o.Grace):
		s.o.Log.Error().Dur("grace", s.o.Grace).Msg("some runs did not stop within the grace period; the next run finishes their work")
	}
}

// start starts a run of a job in the background, unless the job has all the runs that it allows.
func (s *Server) start(ctx context.Context, j Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.jobs[j.Name]
	if st.running >= max(j.MaxRuns, 1) || ctx.Err() != nil {
		st.skipped++
		s.o.Log.Warn().Str("job", j.Name).Msg("skipped a scheduled start: the previous run is still in progress")
		return
	}
	st.running, st.lastStart = st.running+1, s.o.Now()
	s.running.Go(func() {
		err := s.runRecovered(ctx, j)
		s.mu.Lock()
		defer s.mu.Unlock()
		st.running, st.lastEnd, st.lastError = st.running-1, s.o.Now(), ""
		if err != nil {
			st.lastError = err.Error()
		}
	})
}

// runRecovered runs a job once. A panic becomes an error, so that it does not stop the other jobs.
func (s *Server) runRecovered(ctx context.Context, j Job) (err error) {
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
			h := jobHealth{Name: name, Running: st.running > 0, Skipped: st.skipped, LastError: st.lastError, LastStart: wholeSeconds(st.lastStart), LastEnd: wholeSeconds(st.lastEnd)}
			if st.scheduled {
				h.Next = wholeSeconds(s.cron.Entry(st.entry).Next)
			}
			out.Jobs = append(out.Jobs, h)
		}
		s.mu.Unlock()
		slices.SortFunc(out.Jobs, func(a, b jobHealth) int { return strings.Compare(a.Name, b.Name) })
		w.Header().Set("Content-Type", "application/json")
		if out.Status != "ok" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(render.NewSafeWriter(w)).Encode(out)
	})
	return mux
}

// wholeSeconds is a time as /healthz writes it; nil for the zero time.
func wholeSeconds(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
