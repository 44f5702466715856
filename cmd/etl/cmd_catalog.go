package main

import (
	"context"

	"github.com/silt-etl/silt/crawler"
)

type catalogCmd struct {
	Plan  catalogPlanCmd  `cmd:"" help:"Show what the next run and etl catalog apply would change in the catalog, and what makes queries fail."`
	Apply catalogApplyCmd `cmd:"" help:"Repair tables and partitions of the catalog that are behind."`
}

// Help implements kong.HelpProvider.
func (*catalogCmd) Help() string {
	return commandHelp{
		Does:  "These commands compare the catalog of a job with its mapping and its lake, and repair the catalog.",
		Never: "They never change a file of the lake, and never delete a partition.",
		Examples: []string{
			"etl catalog plan job.yaml",
			"etl catalog apply job.yaml",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

type catalogPlanCmd struct {
	Job string `arg:"" help:"Job file." example:"job.yaml"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*catalogPlanCmd) Help() string {
	return commandHelp{
		Does: "etl catalog plan shows which columns and fields the next run would add to the tables of a job, and which " +
			"partitions get them. It shows what makes queries fail, with the error that Athena gives, and what etl catalog " +
			"apply would repair. It lists the lake, and reads the footer of the newest file of each partition.",
		Never: "It only reads.",
		Examples: []string{
			"etl catalog plan job.yaml",
			"etl catalog plan job.yaml --output json",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// Run implements etl catalog plan.
func (c *catalogPlanCmd) Run(ctx context.Context, a *app) error {
	return a.crawl(ctx, crawling{job: c.Job, options: crawler.Options{Gone: crawler.GoneLog, Newest: true}, mapped: true, output: c.Output})
}

type catalogApplyCmd struct {
	Job string `arg:"" help:"Job file." example:"job.yaml"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*catalogApplyCmd) Help() string {
	return commandHelp{
		Does: "etl catalog apply makes the changes that etl catalog plan shows: it adds columns that files have, repairs types " +
			"and settings with which queries fail, and updates partitions that lack columns. You can repeat it, and use it " +
			"while a run or a crawler changes the same tables. Columns that only the mapping has are left to the next run.",
		Never: "It never changes a file of the lake, and never deletes a partition.",
		Examples: []string{
			"etl catalog apply job.yaml",
			"etl catalog apply job.yaml --output json",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// Run implements etl catalog apply.
func (c *catalogApplyCmd) Run(ctx context.Context, a *app) error {
	return a.crawl(ctx, crawling{job: c.Job, options: crawler.Options{Gone: crawler.GoneLog, Newest: true}, mapped: true, apply: true, output: c.Output})
}
