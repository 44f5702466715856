package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/silt-etl/silt/crawler"
	"github.com/silt-etl/silt/internal/render"
)

type crawlCmd struct {
	Job          string `arg:"" help:"Job file." example:"job.yaml"`
	Gone         string `help:"What happens to partitions whose folder has no files any more: log reports them, delete removes them from the catalog, deprecate marks them with DEPRECATED_BY_CRAWLER." enum:"log,delete,deprecate" default:"log"`
	Yes          bool   `help:"Let --gone change more than 10 % of the partitions of a table."`
	OtherWriters bool   `help:"Also read files that the ledger of the job does not know, and add their partitions."`
	DryRun       bool   `help:"Report, list the requests to Glue that would be sent, and change nothing."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*crawlCmd) Help() string {
	return commandHelp{
		Does: "etl crawl makes the catalog say what the lake holds. It lists the folders of the job, reads the footers of all " +
			"files by range, creates or repairs tables, adds missing partitions, and updates partitions that do not have the " +
			"columns and settings of their table. It rebuilds a catalog that was lost. It also reports files that disagree " +
			"with their table or folder, files that are not sorted, small files, and columns that are NULL in every row.",
		Never: "It never changes a file of the lake. It leaves partitions of ledger entries that are not done to the next run, " +
			"and changes nothing if a listing fails.",
		Examples: []string{
			"etl crawl job.yaml --dry-run",
			"etl crawl job.yaml --gone delete",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// crawled is the JSON of etl crawl, etl catalog plan and etl catalog apply.
type crawled struct {
	*crawler.Difference
	DryRun   bool             `json:"dry_run"`
	Calls    []crawler.Call   `json:"calls,omitempty"`
	Applied  *crawler.Applied `json:"applied,omitempty"`
	Warnings []string         `json:"warnings,omitempty"`
}

// Run implements etl crawl.
func (c *crawlCmd) Run(ctx context.Context, a *app) error {
	o := crawler.Options{Gone: crawler.Policy(c.Gone), Yes: c.Yes, OtherWriters: c.OtherWriters}
	return a.crawl(ctx, crawling{job: c.Job, options: o, apply: !c.DryRun, calls: c.DryRun, output: c.Output})
}

// crawling is one comparison of a job's lake with its catalog.
type crawling struct {
	job     string
	options crawler.Options
	mapped  bool // compare the mapping too
	apply   bool // make the changes
	calls   bool // list the requests to Glue
	output  string
}

// crawl compares, applies and prints. It fails if something needs a person.
func (a *app) crawl(ctx context.Context, c crawling) error {
	r, err := a.quietRunner(ctx, c.job)
	if err != nil {
		return err
	}
	out := crawled{DryRun: !c.apply}
	out.Warnings, err = r.Crawl(ctx, func(ctx context.Context, p crawler.Places) error {
		if !c.mapped {
			for i := range p.Tables {
				p.Tables[i].Mapped = nil
			}
		}
		if !c.apply {
			p.State = nil
		}
		d, err := crawler.Compare(ctx, p, c.options)
		if err != nil {
			return err
		}
		out.Difference = d
		if c.calls {
			out.Calls = d.Calls()
		}
		if c.apply {
			done, err := crawler.Apply(ctx, p, d, time.Now())
			out.Applied = &done
			return err
		}
		return nil
	})
	if out.Difference != nil {
		if c.output == "json" {
			if err := printJSON(a.stdout, out); err != nil {
				return err
			}
		} else {
			out.writeText(a.stdout)
		}
	}
	if err != nil {
		return err
	}
	if out.Refused() {
		return printedError{exitFailed}
	}
	return nil
}

func (c *crawled) writeText(w io.Writer) {
	c.WriteText(w)
	for _, call := range c.Calls {
		render.Fprintf(w, "call %s\n", call)
	}
	if c.Applied != nil {
		fmt.Fprintln(w, render.Safe(c.Applied.String()))
	}
}
