package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/query"
	"github.com/silt-etl/silt/internal/render"
)

type queryCmd struct {
	First    string   `arg:"" name:"sql|job" help:"The SQL, or a job file with the SQL after it." example:"'SELECT count(*) FROM network_firewall'"`
	Second   string   `arg:"" optional:"" name:"sql" help:"The SQL, if a job file comes before it."`
	Job      []string `sep:"none" placeholder:"FILE" complete:"file" help:"Job whose lake and catalog are used. Repeat it so that views read the tables of several jobs. Default: $SILT_JOB, else ./job.yaml, else the folder ./lake." example:"job.yaml"`
	MaxBytes string   `default:"10GiB" placeholder:"SIZE" help:"Refuse to fetch more than this from S3." example:"500MiB"`
	Yes      bool     `short:"y" help:"Fetch any amount from S3."`
	Output   string   `help:"Format of the output: text, csv or json." enum:"text,csv,json" default:"text" short:"o"`
}

// Help implements kong.HelpProvider.
func (*queryCmd) Help() string {
	return commandHelp{
		Does: "etl query runs SQL over the lake with DuckDB. Tables, partitions and column types come from the catalog, so a " +
			"query sees exactly what other readers see. A table has its catalog name and a short name. SHOW TABLES lists " +
			"both.\n\n" +
			"Conditions on region, accountid and eventday select partitions; the others are not read. Files on S3 are first " +
			"fetched to a cache on this machine.",
		Never: "It never changes the lake, and a query reaches no other file and no network.",
		Examples: []string{
			"etl query 'SELECT count(*) FROM network_firewall'",
			`etl query job.yaml "SELECT * FROM network_firewall WHERE eventday = '20250601' LIMIT 10" --output csv`,
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// Run implements etl query.
func (c *queryCmd) Run(ctx context.Context, a *app) error {
	jobs, sql := c.Job, c.First
	switch {
	case c.Second != "" && len(jobs) == 0:
		jobs, sql = []string{c.First}, c.Second
	case c.Second != "":
		return usagef("more than one SQL statement was given. Try: etl query \"SELECT count(*) FROM network_firewall\"")
	}
	max, err := jobfile.ParseBytes(c.MaxBytes)
	if err != nil {
		return usagef("--max-bytes: %w", err)
	}
	if c.Yes {
		max = 0
	}
	o, err := a.queryOptions(ctx, jobs)
	if err != nil {
		return err
	}
	o.MaxFetchBytes = max
	o.Tell = func(line string) { fmt.Fprintln(a.stderr, "etl:", line) }
	if o.CacheDir, err = os.UserCacheDir(); err == nil {
		o.CacheDir = filepath.Join(o.CacheDir, "silt", "lake")
	}
	res, err := query.Run(ctx, sql, o)
	if err != nil {
		return queryError(err)
	}
	defer res.Close()
	switch c.Output {
	case "csv":
		err = render.WriteCSV(a.stdout, res)
	case "json":
		err = render.WriteJSON(a.stdout, res)
	default:
		err = render.WriteTable(a.stdout, res, isTerminal(a.stdout))
	}
	return queryError(err)
}

// queryError turns a mistake in the SQL into a usage error.
func queryError(err error) error {
	var sql *query.SQLError
	var much *query.TooMuchError
	switch {
	case errors.As(err, &sql):
		return usageError{fmt.Errorf("query: %w", err)}
	case errors.As(err, &much):
		return usageError{fmt.Errorf("query: %w. Try: narrow it (WHERE eventday = '20260131' AND accountid = '...'), --max-bytes or --yes", err)}
	case err != nil:
		return fmt.Errorf("query: %w", err)
	}
	return nil
}

// defaultLake is the folder of the lake if no job is named.
const defaultLake = "lake"

// queryOptions opens the catalog of the first job, or of the folder ./lake. Views read the tables of all jobs.
func (a *app) queryOptions(ctx context.Context, jobs []string) (query.Options, error) {
	var o query.Options
	if len(jobs) == 0 {
		if env, ok := a.env("SILT_JOB"); ok && env != "" {
			jobs = []string{env}
		} else if exists("job.yaml") {
			jobs = []string{"job.yaml"}
		}
	}
	if len(jobs) == 0 {
		dir := filepath.Join(defaultLake, "catalog")
		databases := []string{}
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				databases = append(databases, e.Name())
			}
		}
		switch {
		case err != nil || len(databases) == 0:
			return o, usagef("no lake was named, and the current folder does not have a job.yaml or a lake. Try: etl query JOB \"SQL\", --job or $SILT_JOB")
		case len(databases) > 1:
			return o, usagef("%s has several databases (%s). Try: etl query JOB \"SQL\"", dir, strings.Join(databases, ", "))
		}
		o.Database = databases[0]
		if o.Catalog, err = local.Open(dir, o.Database); err != nil {
			return o, err
		}
		return o, addViews(&o)
	}
	var specs []*jobfile.Spec
	for _, job := range jobs {
		spec, err := a.loadSpec(job)
		if err != nil {
			return o, err
		}
		specs = append(specs, spec)
	}
	spec := specs[0]
	cat, err := openCatalog(ctx, spec)
	if err != nil {
		return o, err
	}
	o.Catalog, o.Database = cat, spec.Catalog.Database
	o.Aliases = map[string]string{strings.ReplaceAll(spec.Lake.SourceName, "-", "_"): spec.Catalog.Table}
	for _, c := range spec.Lake.Classes {
		if c.Table != "" && c.SourceName != "" {
			o.Aliases[strings.ReplaceAll(c.SourceName, "-", "_")] = c.Table
		}
	}
	o.MemoryBytes, o.Threads = spec.Limits.MemoryBytes, spec.Limits.Threads
	o.OpenBucket = func(ctx context.Context, root location.Location) (objstore.Reader, error) {
		return openBucketOf(ctx, spec, root)
	}
	return o, addViews(&o, specs...)
}
