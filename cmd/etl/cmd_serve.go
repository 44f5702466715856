package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/memlimit"
	"github.com/silt-etl/silt/internal/server"
	"github.com/silt-etl/silt/internal/textfile"
	"github.com/silt-etl/silt/jobs"
)

type serveCmd struct {
	Jobs   string `required:"" placeholder:"DIR" complete:"dir" help:"Folder of job files (*.yaml, *.yml)." example:"jobs/specs"`
	Listen string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of /healthz. It has no authentication, so use a loopback or private address." example:"10.0.0.5:9000"`
}

// Help implements kong.HelpProvider.
func (*serveCmd) Help() string {
	return commandHelp{
		Does: "etl serve runs the jobs of a folder on their schedules, until SIGTERM. It first checks every job and mapping. " +
			"One run of a job is in progress at a time: if a schedule is due while the last run is still in progress, it is " +
			"skipped and logged. Job files are read at the start only. Each run is a process of its own, so a run that is " +
			"killed or that does not answer a stop ends alone.\n\n" +
			"On SIGTERM no new run starts, and runs in progress are stopped. The process ends after at most 9 s with exit " +
			"code 0. The next run continues from there.",
		Never: "It never runs a job whose file or mapping has a mistake, and it answers nothing but /healthz.",
		Examples: []string{
			"etl serve --jobs jobs/specs",
			"etl serve --jobs /etc/silt/jobs --listen 0.0.0.0:8080",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// stopGrace is how long a stop waits for runs. Container runtimes kill a process after 10 s.
const stopGrace = 9 * time.Second

// Run implements etl serve.
func (c *serveCmd) Run(ctx context.Context, a *app) error {
	specs, err := a.checkedJobs(ctx, c.Jobs)
	if err != nil {
		return err
	}
	self, err := thisProgram()
	if err != nil {
		return err
	}
	out := &lockedWriter{w: a.stderr}
	log := jobs.NewLog(out)
	o := server.Options{Listen: c.Listen, Log: log, Grace: stopGrace}
	for _, spec := range specs {
		o.Jobs = append(o.Jobs, server.Job{Name: spec.Name, Cron: spec.Schedule.Cron, Timezone: spec.Schedule.Timezone, MaxRuns: spec.Limits.MaxConcurrentRuns, Run: server.Process{
			Path: self, Args: []string{os.Args[0], "run", "--scheduled", "--", spec.File}, Input: spec.Text,
			Log: out, Logger: log.With().Str("job", spec.Name).Logger(), KillAfter: stopGrace - 500*time.Millisecond}.Run})
	}
	s, err := server.New(o)
	if err != nil {
		return usageError{err}
	}
	return s.Serve(ctx)
}

// thisProgram is the path of the program that runs, even if another version has been installed over it.
func thisProgram() (string, error) {
	const linux = "/proc/self/exe"
	if exists(linux) {
		return linux, nil
	}
	return os.Executable()
}

// scheduledWait is longer than the lease of a run that was killed counts: the next start may be a day away.
const scheduledWait = 90 * time.Second

// scheduledRun is a run that etl serve starts as a process of its own. Its log is lines of JSON only; its error goes to errors, where
// the server reads it.
type scheduledRun struct {
	file   string
	log    zerolog.Logger
	errors io.Writer
}

// do runs the job whose file's text comes from in, until ctx is done or etl serve has ended.
func (s *scheduledRun) do(ctx context.Context, in io.Reader, env func(string) (string, bool), runner func(context.Context, *jobfile.Spec) (*jobs.Runner, error)) error {
	signal.Ignore(syscall.SIGPIPE) // a log that nobody reads any more does not end the run; the end of etl serve stops it
	text, ctx, err := server.ReadInput(ctx, in, textfile.MaxJob)
	if err != nil {
		return usagef("--scheduled is for etl serve: %w", err)
	}
	spec, err := jobfile.Parse(s.file, text, env, jobKinds())
	if err != nil {
		return s.report(err, "the run could not start")
	}
	// Each run opens its stores: a bucket might not answer at the moment, and credentials are renewed.
	r, err := runner(ctx, spec)
	s.log = s.log.With().Str("job", spec.Name).Logger()
	if err != nil {
		return s.report(err, "the run could not start")
	}
	memlimit.Set(spec.Limits.MemoryBytes)
	r.Abandon = func(err error) { os.Exit(exitCodeOf(s.report(err, "run ended"))) }
	if _, err = r.RunWithRetries(ctx, jobs.RunOptions{Trigger: "SCHEDULED", Wait: scheduledWait}); err != nil {
		return s.report(err, "") // the run has logged its end
	}
	return nil
}

// report passes an error on to etl serve, and gives the exit code.
func (s *scheduledRun) report(err error, message string) error {
	if message != "" {
		s.log.Error().Err(err).Msg(message)
	}
	fmt.Fprintln(s.errors, err)
	return printedError{exitCodeOf(err)}
}

// checkedJobs reads all job files of a folder and compiles their mappings. The mistakes of all of them come as one diag.List.
func (a *app) checkedJobs(ctx context.Context, dir string) ([]*jobfile.Spec, error) {
	files, err := jobFiles(dir)
	if err != nil {
		return nil, err
	}
	var specs []*jobfile.Spec
	var bad diag.List
	// report keeps the diagnostics of an error, and returns any other error.
	report := func(err error) error {
		found, ok := errors.AsType[diag.List](err)
		if !ok {
			return err
		}
		bad.Add(found...)
		return nil
	}
	byName := map[string]string{}
	for _, f := range files {
		spec, err := a.loadSpec(f)
		if err == nil {
			err = compileNamed(ctx, spec, byName)
		}
		if err != nil {
			if err := report(err); err != nil {
				return nil, err
			}
			continue
		}
		specs = append(specs, spec)
	}
	return specs, bad.Err()
}

// compileNamed compiles a job's mapping, and enters the job's name into byName, where no other file may have it.
func compileNamed(ctx context.Context, spec *jobfile.Spec, byName map[string]string) error {
	if other := byName[spec.Name]; other != "" {
		d := spec.At("name")
		d.Message = fmt.Sprintf("name: %s is the name of %s too", spec.Name, other)
		d.Hint = "give each job a name of its own: its ledger is stored under it"
		return diag.List{d}
	}
	byName[spec.Name] = spec.File
	m, err := jobMapping(ctx, spec)
	if err != nil {
		return err
	}
	_, err = compile(ctx, m)
	return err
}

// jobFiles lists the job files of a folder in the order of their names.
func jobFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, usagef("--jobs %s: %w", dir, errors.Unwrap(err))
	}
	var files []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, usagef("--jobs %s: the folder has no job files (*.yaml, *.yml)", dir)
	}
	return files, nil
}

// lockedWriter lets several runs share standard error, one line at a time.
type lockedWriter struct {
	mu sync.Mutex
	w  interface{ Write([]byte) (int, error) }
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
