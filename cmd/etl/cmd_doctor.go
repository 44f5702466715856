package main

import (
	"context"
	"fmt"
	"io"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/jobs"
)

type doctorCmd struct {
	Job    string `arg:"" help:"Job file." example:"job.yaml"`
	Fix    bool   `help:"Repair what dead runs left behind: roll entries forward, fence abandoned attempts, drop their held files, delete dead files, repair damaged leases and run records, add missing partitions, and remove temp folders of killed processes. On S3 it needs lake.delete_role_arn."`
	Deep   bool   `help:"Also read all files of the lake and of quarantine again, and compare their SHA-256 with the ledger. On S3 this fetches all of the job's files."`
	DryRun bool   `help:"Only report, even if --fix is given."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*doctorCmd) Help() string {
	return commandHelp{
		Does: "etl doctor tests everything that a job needs, and prints one line for each check: ok, warn or FAIL, what was " +
			"checked, what was found, and what to do. It checks the job file and its mapping, credentials, staging, lake, " +
			"state, catalog and schedule. After the first run it also compares lake, state and catalog with the ledger.",
		Never: "It makes nothing visible in the lake, and it never touches files that did not come from this job. Without " +
			"--fix it changes nothing, and it removes the files that it writes for a test.",
		Examples: []string{
			"etl doctor job.yaml",
			"etl doctor job.yaml --fix",
			"etl doctor job.yaml --deep",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// Run implements etl doctor. The checks are in internal/doctor; this builds what they need and prints what they find.
func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	report, err := doctor.Run(ctx, c.input(ctx, a), func(r doctor.Result) {
		if c.Output == "text" {
			fmt.Fprintln(a.stdout, render.Safe(r.String()))
		}
	})
	if err != nil {
		return err
	}
	if c.Output == "json" {
		if err := printJSON(a.stdout, report); err != nil {
			return err
		}
	}
	if !report.OK {
		return printedError{exitFailed}
	}
	return nil
}

func (c *doctorCmd) input(ctx context.Context, a *app) doctor.Input {
	in := doctor.Input{File: c.Job, Fix: c.Fix && !c.DryRun, Deep: c.Deep, Stores: storeKinds(), AWS: awsSDK{}}
	var spec *jobfile.Spec
	if spec, in.JobErr = a.loadSpec(c.Job); in.JobErr != nil {
		return in
	}
	in.Job = spec
	in.Mapping, in.MappingErr = compileForDoctor(ctx, spec)
	in.Options = doctor.StoreOptions{Staging: stagingOptions(spec), State: stateOptions(spec),
		Lake: lakeOptions(spec, spec.Lake.RoleARN, spec.Lake.ExternalID), Deleter: lakeOptions(spec, spec.Lake.DeleteRoleARN, "")}
	in.Catalog, _ = catalogKinds().Find(spec.Catalog.Type) // OpenCatalog returns the error
	in.OpenCatalog = func(ctx context.Context) (catalog.Catalog, error) { return openCatalog(ctx, spec) }
	in.Maintain = func(ctx context.Context, write bool, work func(context.Context, doctor.Places) error) ([]string, error) {
		r, err := a.runner(ctx, spec)
		if err != nil {
			return nil, err
		}
		r.LogTo = io.Discard
		sum, err := r.Maintain(ctx, !write, work)
		return sum.Warnings, err
	}
	return in
}

// compileForDoctor compiles a job's mapping and lays out its classes. Its mistakes come as a diag.List.
func compileForDoctor(ctx context.Context, spec *jobfile.Spec) (*doctor.Mapping, error) {
	m, err := jobMapping(ctx, spec)
	if err != nil {
		return nil, err
	}
	compiled, found, err := m.Compile(ctx)
	if err != nil {
		return nil, err
	}
	if compiled == nil || found.Failed() {
		return nil, found
	}
	if err := jobs.CheckFormat(spec, compiled); err != nil {
		return nil, err
	}
	places, err := placeClasses(ctx, spec, m, compiled, true)
	if err != nil {
		return nil, diag.List{placeError(spec, err)}
	}
	return &doctor.Mapping{Name: m.Name, Compiled: compiled, Targets: places.targets, Warnings: len(found)}, nil
}
