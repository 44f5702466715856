// Command etl is Silt: it runs batch ETL jobs from a staging bucket into Amazon Security Lake.
//
// Each command has a file of its own, cmd_<word>.go. Errors are printed in main.go, and become exit codes in exitcode.go, and
// nowhere else.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // schedules have time zones, and containers often no files for them

	"github.com/alecthomas/kong"

	"github.com/silt-etl/silt/internal/diag"
)

// version is set by the build (-ldflags -X main.version=...).
var version = "dev"

type cli struct {
	Run        runCmd        `cmd:"" help:"Run a job: everything new in staging goes to the lake."`
	Backfill   backfillCmd   `cmd:"" help:"Take the objects of a range of days to the lake, month by month."`
	Check      checkCmd      `cmd:"" help:"Check a job file or a mapping without running anything."`
	SQL        sqlCmd        `cmd:"" name:"sql" help:"Print the SELECT of a mapping."`
	Import     importCmd     `cmd:"" help:"Turn a mapping of AWS's OCSF transformation library into a folder of SQL, and report its faults."`
	Infer      inferCmd      `cmd:"" help:"Write a first mapping of a sample: types that hold, and OCSF paths with reasons."`
	Diff       diffCmd       `cmd:"" help:"Show what a change of a mapping does to records: attributes that change, records that move."`
	Docs       docsCmd       `cmd:"" help:"Write the page of a source from its mapping: lineage, unmapped, quarantine, an example."`
	Preview    previewCmd    `cmd:"" help:"Show what a mapping makes of a sample file: raw beside OCSF."`
	Test       testCmd       `cmd:"" help:"Run the tests beside a mapping: raw records in, expected OCSF out."`
	Query      queryCmd      `cmd:"" help:"Query the lake with SQL, tables by their catalog names."`
	Runs       runsCmd       `cmd:"" help:"List the runs of a job, or show one with its files and their inputs."`
	Quarantine quarantineCmd `cmd:"" help:"List what is in quarantine by reason, or show records."`
	Replay     replayCmd     `cmd:"" help:"Run quarantined records through the mapping as it is now, and publish what passes."`
	Bookmark   bookmarkCmd   `cmd:"" help:"Show a job's progress, mark objects as done, rewind, pause and resume."`
	Retention  retentionCmd  `cmd:"" help:"Delete quarantine, manifests and attempt records that are older than the job keeps them."`
	Doctor     doctorCmd     `cmd:"" help:"Try everything a job needs before its first run: one line each."`
	Serve      serveCmd      `cmd:"" help:"Run the jobs of a folder on their schedules."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// app is what the commands share.
type app struct {
	stdout, stderr io.Writer
	env            func(string) (string, bool)
}

// outputFlag is the --output of every command that prints.
type outputFlag struct {
	Output string `help:"text or json." enum:"text,json" default:"text" short:"o"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv))
}

// run is main without the process: arguments in, exit code out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("etl"),
		kong.Description("Batch ETL of security logs into Amazon Security Lake: staging objects in, OCSF Parquet and Glue partitions out.\n\nExit codes:\n"+exitCodeLines()),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, "etl:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "etl: %v; etl --help lists the commands\n", err)
		return exitUsage
	}
	kctx.BindTo(ctx, (*context.Context)(nil))
	return report(stderr, kctx.Run(&app{stdout: stdout, stderr: stderr, env: env}))
}

// report prints an error once, and gives its exit code.
func report(stderr io.Writer, err error) int {
	switch {
	case err == nil, as[printedError](err):
	case as[diag.List](err), as[mappingError](err): // each line begins with its place
		fmt.Fprintln(stderr, err)
	default:
		fmt.Fprintln(stderr, "etl:", err)
	}
	return exitCodeOf(err)
}

type versionCmd struct{ outputFlag }

func (c *versionCmd) Run(a *app) error {
	if c.Output == "json" {
		return printJSON(a.stdout, map[string]string{"version": version, "duckdb": duckdbVersion()})
	}
	fmt.Fprintf(a.stdout, "etl %s (DuckDB %s)\n", version, duckdbVersion())
	return nil
}
