package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/registration"
	"github.com/silt-etl/silt/internal/registration/sdk"
	"github.com/silt-etl/silt/internal/render"
)

type sourceCmd struct {
	Register   sourceRegisterCmd   `cmd:"" help:"Register the custom sources of a job in Security Lake."`
	Deregister sourceDeregisterCmd `cmd:"" help:"Remove the custom sources of a job from Security Lake."`
}

// Help implements kong.HelpProvider.
func (*sourceCmd) Help() string {
	return commandHelp{
		Does: "A custom source of Security Lake is a folder of the lake, a role that writes there, a table and a crawler. " +
			"These commands register the sources that the classes of a job need, and remove them.",
		Never: "They use the program's own credentials, never a role of the job, and never touch files of the lake.",
		Examples: []string{
			"etl source register job.yaml --principal 444455556666 --crawler-role arn:aws:iam::111122223333:role/Crawler",
			"etl source deregister job.yaml --yes",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

type sourceRegisterCmd struct {
	Job         string            `arg:"" help:"Job file." example:"job.yaml"`
	CrawlerRole string            `placeholder:"ARN" help:"Role that the crawler of the source assumes. Required unless the command only prints resources." example:"arn:aws:iam::111122223333:role/SecurityLakeCrawler"`
	Principal   string            `placeholder:"ACCOUNT" help:"Account that writes to the source: the one that runs etl. Required unless the command only prints resources." example:"444455556666"`
	ExternalID  string            `name:"external-id" placeholder:"TEXT" help:"External ID of the provider role. Default: lake.external_id, or that of the class." example:"a-long-random-text"`
	Runner      string            `placeholder:"ARN" help:"Role or user that gets the grants in Lake Formation that a run needs. Default: catalog.role_arn." example:"arn:aws:iam::111122223333:role/silt-catalog"`
	EventClass  map[string]string `placeholder:"CLASS=NAME" help:"Name of an event class in the API, instead of the one that etl knows. Default: the name in Security Lake's list." example:"file_activity=FILE_SYSTEM_ACTIVITY"`
	DryRun      bool              `help:"Print the steps as commands of the AWS CLI, and send nothing."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*sourceRegisterCmd) Help() string {
	return commandHelp{
		Does: "etl source register creates a custom source for each folder of the job below ext/, with its event classes. If the " +
			"classes of a source have folders of their own, it sets the crawler that Security Lake made to one table for each " +
			"folder. It grants in Lake Formation what a run needs, reads all of it back, and writes role and location into the " +
			"job file, whose comments stay. It changes only what differs. If it fails, start it again.",
		Never: "It never changes a source that exists, its trust policy or its event classes, and never deletes anything.",
		Examples: []string{
			"etl source register job.yaml --principal 444455556666 --crawler-role arn:aws:iam::111122223333:role/Crawler",
			"etl source register job.yaml --dry-run",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// Run implements etl source register.
func (c *sourceRegisterCmd) Run(ctx context.Context, a *app) error {
	r := registrar{app: a, output: c.Output}
	p, err := r.plan(ctx, c.Job, registration.Options{CrawlerRole: c.CrawlerRole, Principal: c.Principal, ExternalID: c.ExternalID,
		Runner: c.Runner, EventClass: c.EventClass}, !c.DryRun)
	if err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return usageError{err}
	}
	if c.DryRun {
		_, err := fmt.Fprint(a.stdout, p.Commands())
		return err
	}
	api, err := sdk.Open(ctx, p.Region, p.CatalogID)
	if err != nil {
		return err
	}
	result, err := p.Register(ctx, api, r.show)
	if err == nil {
		err = r.writeBack(p.Job, result)
	}
	return r.finish(result, err)
}

// registrar is what the commands that register and deregister have in common.
type registrar struct {
	app    *app
	output string
}

// show prints steps as they are done, unless the result is JSON.
func (r registrar) show(s registration.Step) {
	if r.output == "text" {
		fmt.Fprintln(r.app.stdout, render.Safe(s.String()))
	}
}

func (r registrar) finish(result *registration.Result, err error) error {
	if r.output == "json" {
		if err := errors.Join(printJSON(r.app.stdout, result), err); err != nil {
			return err
		}
	}
	if err == nil && !result.OK() {
		return printedError{exitFailed}
	}
	return err
}

// plan reads a job and decides what its registration needs. remote: it also reads a ledger on S3, which says where classes
// that have rows are.
func (r registrar) plan(ctx context.Context, job string, o registration.Options, remote bool) (*registration.Plan, error) {
	spec, err := r.app.loadSpec(job)
	if err != nil {
		return nil, err
	}
	places, err := jobPlaces(ctx, spec, remote)
	if err != nil {
		return nil, err
	}
	if remote && !places.known {
		render.Fprintf(r.app.stderr, "etl: warning: the ledger in %s cannot be read, so each class gets the source of a new job\n", spec.State)
	}
	p, err := registration.New(spec, places.classes, places.targets, o)
	if err != nil {
		return nil, usagef("%s: %w", job, err)
	}
	return p, nil
}

// writeBack writes what Security Lake answered into the job file. A value that the file takes from a variable is left to the user.
func (r registrar) writeBack(spec *jobfile.Spec, result *registration.Result) error {
	step := func(status registration.Status, format string, args ...any) {
		s := registration.Step{Status: status, What: spec.File, Detail: fmt.Sprintf(format, args...)}
		result.Steps = append(result.Steps, s)
		r.show(s)
	}
	text := spec.Text
	written := 0
	for _, e := range result.Edits {
		if was := spec.Written(e.Key); strings.Contains(was, "${") {
			step(registration.Warning, "%s is %s, whose value is not %s. Try: change the variable", e.Key, was, e.Value)
			continue
		}
		next, err := jobfile.Set(text, []jobfile.Edit{e})
		if err != nil {
			step(registration.Warning, "%v. Try: write %s: %s into it yourself", err, e.Key, e.Value)
			continue
		}
		text = next
		written++
		step(registration.Changed, "%s: %s", e.Key, e.Value)
	}
	if written == 0 {
		if len(result.Edits) == 0 {
			step(registration.OK, "it has the roles and the location of its sources")
		}
		return nil
	}
	if _, err := jobfile.Parse(spec.File, text, r.app.env, jobKinds()); err != nil {
		return fmt.Errorf("write %s: the job would have mistakes: %w", spec.File, err)
	}
	file, err := filepath.EvalSymlinks(spec.File) // a link stays a link
	if err != nil {
		return err
	}
	return replaceFile(file, text)
}

type sourceDeregisterCmd struct {
	Job      string `arg:"" help:"Job file." example:"job.yaml"`
	Crawlers bool   `help:"Also delete the crawlers of the sources. Security Lake leaves them."`
	Yes      bool   `help:"Carry out the change. Without it, the command only says what it would remove." short:"y"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*sourceDeregisterCmd) Help() string {
	return commandHelp{
		Does: "etl source deregister removes the custom sources of a job from Security Lake. With --crawlers it also deletes " +
			"their crawlers, which would be in the way of new sources with the same names.",
		Never: "It never deletes files of the lake, tables or roles, and does not change the job file.",
		Examples: []string{
			"etl source deregister job.yaml",
			"etl source deregister job.yaml --crawlers --yes",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// Run implements etl source deregister.
func (c *sourceDeregisterCmd) Run(ctx context.Context, a *app) error {
	r := registrar{app: a, output: c.Output}
	p, err := r.plan(ctx, c.Job, registration.Options{}, true)
	if err != nil {
		return err
	}
	if !c.Yes {
		for _, s := range p.Sources {
			render.Fprintf(a.stdout, "would deregister source %s in %s\n", s.Name, p.Region)
		}
		return usagef("nothing was changed. Try: etl source deregister %s --yes", c.Job)
	}
	api, err := sdk.Open(ctx, p.Region, p.CatalogID)
	if err != nil {
		return err
	}
	result, err := p.Deregister(ctx, api, c.Crawlers, r.show)
	return r.finish(result, err)
}
