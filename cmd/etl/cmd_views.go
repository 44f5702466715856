package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/views"
)

type viewsCmd struct {
	List  viewsListCmd  `cmd:"" help:"List the views with the questions that they answer."`
	Show  viewsShowCmd  `cmd:"" help:"Print the SQL of a view over the tables of jobs."`
	Apply viewsApplyCmd `cmd:"" help:"Create or update the views in Glue, where Athena and Trino find them."`
}

// Help implements kong.HelpProvider.
func (*viewsCmd) Help() string {
	return commandHelp{
		Does: "Views answer common questions over the tables of one or several jobs: top talkers, blocked flows, findings " +
			"with their flows. etl query knows each view by its name, without any of these commands.",
		Never: "They never change a table that is not one of these views.",
		Examples: []string{
			"etl views list",
			"etl views show top_talkers firewall.yaml",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

type viewsListCmd struct {
	outputFlag
}

// Help implements kong.HelpProvider.
func (*viewsListCmd) Help() string {
	return commandHelp{
		Does:  "etl views list prints each view with the question that it answers. JSON output also has its columns, the event classes that it reads, and what a query costs.",
		Never: "It reads no lake and no catalog.",
		Examples: []string{
			"etl views list",
			"etl views list --output json",
		},
		Exits: []int{exitDone, exitUsage},
	}.String()
}

// viewJSON is a view in JSON output.
type viewJSON struct {
	Name    string       `json:"name"`
	Answers string       `json:"answers"`
	Cost    string       `json:"cost"`
	Classes []string     `json:"classes"`
	Columns []columnJSON `json:"columns"`
}

type columnJSON struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Run implements etl views list.
func (c *viewsListCmd) Run(a *app) error {
	all, err := views.All()
	if err != nil {
		return err
	}
	if c.Output == "json" {
		out := []viewJSON{}
		for _, v := range all {
			j := viewJSON{Name: v.Name, Answers: v.Answers, Cost: v.Cost}
			for _, in := range v.Inputs {
				j.Classes = append(j.Classes, in.Class)
			}
			for _, col := range v.Columns {
				j.Columns = append(j.Columns, columnJSON{col.Name, col.Type.String()})
			}
			out = append(out, j)
		}
		return printJSON(a.stdout, out)
	}
	width := 0
	for _, v := range all {
		width = max(width, len(v.Name))
	}
	for _, v := range all {
		render.Fprintf(a.stdout, "%-*s  %s\n", width, v.Name, v.Answers)
	}
	return nil
}

type viewsShowCmd struct {
	Name    string   `arg:"" help:"Name of the view, from etl views list." example:"top_talkers"`
	Jobs    []string `arg:"" name:"job" help:"Job files: the view reads their tables." complete:"file" example:"firewall.yaml"`
	Dialect string   `help:"SQL of Athena (and Trino), or of DuckDB (etl query)." enum:"athena,duckdb" default:"athena" example:"duckdb"`
}

// Help implements kong.HelpProvider.
func (*viewsShowCmd) Help() string {
	return commandHelp{
		Does: "etl views show prints the SQL of a view over the tables of the jobs, which must have run. You can paste it " +
			"into Athena, Trino or etl query, and change it there.",
		Never: "It only reads: the job files, the ledger and the catalog.",
		Examples: []string{
			"etl views show top_talkers firewall.yaml",
			"etl views show findings_with_flows guardduty.yaml firewall.yaml --dialect duckdb",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// Run implements etl views show.
func (c *viewsShowCmd) Run(ctx context.Context, a *app) error {
	v, err := views.Find(c.Name)
	if err != nil {
		return usageError{err}
	}
	tables, _, err := a.viewTables(ctx, c.Jobs)
	if err != nil {
		return err
	}
	dialect := views.Athena
	if c.Dialect == "duckdb" {
		dialect = views.DuckDB
	}
	sql, err := v.SQL(dialect, tables)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, sql)
	return nil
}

// viewTables are the tables of several jobs, whose views are all in one catalog: that of the first job.
func (a *app) viewTables(ctx context.Context, jobs []string) (tables []views.Table, first *jobfile.Spec, err error) {
	for _, job := range jobs {
		spec, err := a.loadSpec(job)
		if err != nil {
			return nil, nil, err
		}
		if first == nil {
			first = spec
		} else if spec.Catalog.Type != first.Catalog.Type {
			return nil, nil, usagef("%s has catalog.type %s, and %s has %s: a view reads the tables of one catalog", job, spec.Catalog.Type, jobs[0], first.Catalog.Type)
		}
		cat, err := openCatalog(ctx, spec)
		if err != nil {
			return nil, nil, err
		}
		of, err := viewTablesOf(ctx, spec, cat)
		if err != nil {
			return nil, nil, err
		}
		tables = append(tables, of...)
	}
	if len(tables) == 0 {
		return nil, nil, usagef("no table of %s was found. Try: etl run JOB, which creates them", strings.Join(jobs, ", "))
	}
	return tables, first, nil
}

type viewsApplyCmd struct {
	Jobs     []string `arg:"" name:"job" help:"Job files: the views read their tables. Their catalog must be glue." complete:"file" example:"firewall.yaml"`
	Database string   `placeholder:"NAME" help:"Database of the views. Default: that of the first job." example:"security_views"`
	View     []string `sep:"none" placeholder:"NAME" help:"Only this view. Repeat it for several. Default: all whose tables exist." example:"top_talkers"`
	DryRun   bool     `help:"Show what would change. Nothing is written."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*viewsApplyCmd) Help() string {
	return commandHelp{
		Does: "etl views apply creates the views in the Glue Data Catalog, and updates those that it created before. Give it " +
			"all jobs whose tables the views should read, and run it again when a job is new or its tables have grown.",
		Never: "It never changes or deletes a table, or a view that etl did not create.",
		Examples: []string{
			"etl views apply firewall.yaml guardduty.yaml --dry-run",
			"etl views apply firewall.yaml guardduty.yaml --database security_views",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// appliedView is a view in JSON output.
type appliedView struct {
	Name   string             `json:"name"`
	Change catalog.ViewChange `json:"change,omitempty"`
	Tables []string           `json:"tables"`
	Reason string             `json:"reason,omitempty"`
}

// Run implements etl views apply.
func (c *viewsApplyCmd) Run(ctx context.Context, a *app) error {
	all, err := views.All()
	if err != nil {
		return err
	}
	if len(c.View) > 0 {
		all = nil
		for _, name := range c.View {
			v, err := views.Find(name)
			if err != nil {
				return usageError{err}
			}
			all = append(all, v)
		}
	}
	tables, spec, err := a.viewTables(ctx, c.Jobs)
	if err != nil {
		return err
	}
	at := *spec
	at.Catalog.Database = cmp.Or(c.Database, spec.Catalog.Database)
	kind, err := catalogKinds().Find(at.Catalog.Type)
	if err != nil {
		return err
	}
	if kind.OpenViews == nil {
		return usagef("catalog.type %s of %s does not keep views. Try: etl query, which knows the views without it", spec.Catalog.Type, spec.File)
	}
	keeper, err := kind.OpenViews(ctx, catalog.Config{Database: at.Catalog.Database, Region: at.Catalog.Region, RoleARN: at.Catalog.RoleARN,
		ExternalID: at.Catalog.ExternalID, CatalogID: at.Catalog.CatalogID})
	if err != nil {
		return err
	}
	var out []appliedView
	for _, v := range all {
		one := appliedView{Name: v.Name, Tables: []string{}}
		entry, err := v.Entry(at.Catalog.Database, tables)
		switch {
		case errors.Is(err, views.ErrNoTables) && len(c.View) == 0:
			one.Reason = "no table of these jobs has events that it reads"
		case err != nil:
			return err
		default:
			for _, t := range v.Reads(tables) {
				if !slices.Contains(one.Tables, t.Name) {
					one.Tables = append(one.Tables, t.Name)
				}
			}
			if one.Change, err = keeper.PutView(ctx, entry, c.DryRun); err != nil {
				return err
			}
		}
		out = append(out, one)
	}
	if c.Output == "json" {
		return printJSON(a.stdout, out)
	}
	title := "views in " + keeper.String()
	if c.DryRun {
		title += " (dry run: nothing was written)"
	}
	render.Fprintf(a.stdout, "%s\n", title)
	for _, v := range out {
		switch {
		case v.Change == "":
			render.Fprintf(a.stdout, "  %-10s %s: %s\n", "left out", v.Name, v.Reason)
		default:
			render.Fprintf(a.stdout, "  %-10s %s over %s\n", v.Change, v.Name, human.Plural(int64(len(v.Tables)), "table"))
		}
	}
	return nil
}
