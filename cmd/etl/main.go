// Command etl is Silt: it runs batch ETL jobs from a staging bucket into Amazon Security Lake.
//
// Each command has a file of its own, cmd_<word>.go. Errors are printed in main.go, and become exit codes in exitcode.go, and
// nowhere else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	_ "time/tzdata" // schedules have time zones, and many containers do not have the files for them

	"github.com/alecthomas/kong"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/query"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/sandbox"
)

// version is set by the build (-ldflags -X main.version=...).
var version = "dev"

// cli is the command line: a field for each command. Each has a file cmd_<word>.go with its flags, its help and what it does.
type cli struct {
	Run        runCmd        `cmd:"" help:"Run a job: load everything new from staging into the lake."`
	Backfill   backfillCmd   `cmd:"" help:"Load the objects of a range of days, month by month, or reprocess them."`
	Check      checkCmd      `cmd:"" help:"Find mistakes in job files and mappings without running anything."`
	SQL        sqlCmd        `cmd:"" name:"sql" help:"Print the SELECTs of a mapping."`
	Import     importCmd     `cmd:"" help:"Convert a mapping of AWS's OCSF transformation library to SQL, and report its faults."`
	Infer      inferCmd      `cmd:"" help:"Write a first mapping from sample records."`
	Diff       diffCmd       `cmd:"" help:"Show how a change of a mapping changes events."`
	Docs       docsCmd       `cmd:"" help:"Write the page of a source from its mapping."`
	Preview    previewCmd    `cmd:"" help:"Run sample records through a mapping, and show each next to its OCSF event."`
	Test       testCmd       `cmd:"" help:"Run the tests of a mapping: raw records in, expected OCSF out."`
	Query      queryCmd      `cmd:"" help:"Query the lake with SQL."`
	Views      viewsCmd      `cmd:"" help:"Print or create views that answer common questions."`
	Runs       runsCmd       `cmd:"" help:"List the runs of a job, or show one with its files and their inputs."`
	Quarantine quarantineCmd `cmd:"" help:"List what is in quarantine by reason, or show records."`
	Replay     replayCmd     `cmd:"" help:"Run quarantined records through the current mapping, and publish those that pass."`
	Bookmark   bookmarkCmd   `cmd:"" help:"Show a job's progress, mark objects as done, rewind, pause and resume."`
	Retention  retentionCmd  `cmd:"" help:"Delete quarantine, manifests and attempt records that have expired."`
	Source     sourceCmd     `cmd:"" help:"Register the custom sources of a job in Security Lake, or remove them."`
	IAM        iamCmd        `cmd:"" name:"iam" help:"Print the IAM policies that a job needs."`
	Adopt      adoptCmd      `cmd:"" help:"Rebuild the ledger of a job from the files of the lake."`
	Catalog    catalogCmd    `cmd:"" help:"Compare the catalog with the mapping and the lake, and repair it."`
	Crawl      crawlCmd      `cmd:"" help:"Make the catalog say what the lake holds: tables, columns and partitions."`
	Doctor     doctorCmd     `cmd:"" help:"Test everything that a job needs, and compare its lake with its ledger."`
	Serve      serveCmd      `cmd:"" help:"Run the jobs of a folder on their schedules."`
	Completion completionCmd `cmd:"" help:"Print a completion script for a shell."`
	Man        manCmd        `cmd:"" help:"Print the man page."`
	Version    versionCmd    `cmd:"" help:"Print the version of etl and of its DuckDB."`
}

// app has what all commands use: outputs and environment.
type app struct {
	stdout, stderr io.Writer
	env            func(string) (string, bool)
	box            *confinement
}

// outputFlag is --output, for commands that print text or JSON.
type outputFlag struct {
	Output string `help:"Format of the output: text or json." enum:"text,json" default:"text" short:"o"`
}

func main() {
	// DuckDB's threads call functions in Go, for which they need one of Go's processors, and take it from each other if there are only as
	// many as cores. With twice as many, a run of network-firewall takes 3 to 4 % less CPU, and 5 % less time.
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * runtime.GOMAXPROCS(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv, &confinement{enter: sandbox.Enter}))
}

// run is main without the process: arguments in, exit code out. Without a box, the process does not enter a sandbox.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) (string, bool), box ...*confinement) int {
	out, errs := render.NewSafeWriter(stdout), render.NewSafeWriter(stderr)
	defer func() { _ = errors.Join(out.Flush(), errs.Flush()) }()
	return runCommand(ctx, args, out, errs, env, first(box))
}

// runCommand is run with outputs that cannot control a terminal.
func runCommand(ctx context.Context, args []string, stdout, stderr *render.SafeWriter, env func(string) (string, bool), box *confinement) int {
	var c cli
	exited := -1
	parser, err := newParser(&c, kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		return printError(stderr, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		render.Fprintf(stderr, "etl: %v. Try: etl --help\n", err)
		return exitUsage
	}
	kctx.BindTo(ctx, (*context.Context)(nil))
	return printError(stderr, kctx.Run(&app{stdout: stdout, stderr: stderr, env: env, box: box}))
}

// printError prints an error once, and gives its exit code.
func printError(stderr io.Writer, err error) int {
	switch {
	case err == nil, as[printedError](err):
	case as[diag.List](err): // each line begins with its place
		list, _ := errors.AsType[diag.List](err)
		if list.Error() != err.Error() {
			fmt.Fprintln(stderr, err)
			break
		}
		for _, d := range list {
			fmt.Fprintln(stderr, render.Safe(d.String()))
		}
	case as[*query.SQLError](err): // its second line points to the mistake
		fmt.Fprintln(stderr, "etl:", err)
	default:
		fmt.Fprintln(stderr, "etl:", render.Safe(err.Error()))
	}
	return exitCodeOf(err)
}
