package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/robfig/cron/v3"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/sql/sqlgen"
)

type doctorCmd struct {
	Job    string `arg:"" help:"Job file." example:"job.yaml"`
	Fix    bool   `help:"Repair what dead runs left behind: roll entries forward, fence abandoned attempts, delete files that no entry names, and add missing partitions. It needs the right to delete in the lake."`
	DryRun bool   `help:"With --fix: only report, as without --fix."`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*doctorCmd) Help() string {
	return commandHelp{
		Does: "etl doctor tests everything that a job needs, and prints one line for each check: ok, warn or FAIL, what was " +
			"checked, what was found, and what to do. It checks the job file and its mapping, credentials, staging, lake, " +
			"state, catalog and schedule. After the first run it also compares lake, state and catalog with the ledger.",
		Never: "It makes nothing visible in the lake, and it never touches files that did not come from this job. Without " +
			"--fix it changes nothing; what it writes for a test it removes.",
		Examples: []string{
			"etl doctor job.yaml",
			"etl doctor job.yaml --fix",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// checkTimeout bounds one group of checks, so that a host that does not answer does not hold up the others.
const checkTimeout = time.Minute

// examination is one etl doctor: checks are printed as they come.
type examination struct {
	w      io.Writer // nil: only kept
	checks []doctor.Check
	found  *doctor.Comparison // nil: there is no ledger yet, or it could not be read
	mended *doctor.Fixed      // with --fix
}

func (x *examination) add(checks ...doctor.Check) {
	for _, c := range checks {
		x.checks = append(x.checks, c)
		if x.w != nil {
			fmt.Fprintln(x.w, c)
		}
	}
}

func (x *examination) fail(what string, err error) {
	x.add(doctor.Check{Status: doctor.Fail, What: what, Detail: err.Error()})
}

// Run implements etl doctor.
func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	x := &examination{}
	if c.Output == "text" {
		x.w = a.stdout
	}
	fix := c.Fix && !c.DryRun
	spec, compiled := x.job(ctx, a, c.Job)
	if fix && spec != nil && lakeKind(spec).DeletesNeedRole && spec.Lake.DeleteRoleARN == "" {
		x.fail("fix", fmt.Errorf("%w; without it etl run, replay, backfill and etl doctor without --fix work", jobs.ErrNoDelete))
		spec = nil
	}
	if spec != nil {
		x.stores(ctx, spec, compiled)
		if compiled != nil && (!fix || !doctor.Failed(x.checks)) {
			x.lying(ctx, a, spec, fix)
		} else if fix {
			x.fail("fix", errors.New("nothing was mended; mend first what failed"))
		}
		x.add(doctor.Disk(spec.Limits.TempDir, spec.Limits.BatchBytes), doctor.Memory("/", spec.Limits.MemoryBytes), schedule(spec, time.Now()))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	failed := doctor.Failed(x.checks)
	if c.Output == "json" {
		if err := printJSON(a.stdout, struct {
			OK     bool               `json:"ok"`
			Checks []doctor.Check     `json:"checks"`
			Found  *doctor.Comparison `json:"found,omitempty"`
			Mended *doctor.Fixed      `json:"mended,omitempty"`
		}{!failed, x.checks, x.found, x.mended}); err != nil {
			return err
		}
	}
	if failed {
		return printedError{exitFailed}
	}
	return nil
}

// job reads the job file and compiles its mapping. compiled is nil where the mapping cannot be used, spec where the file cannot.
func (x *examination) job(ctx context.Context, a *app, file string) (*jobfile.Spec, *sqlgen.Compiled) {
	problems := func(what string, err error) {
		var list diag.List
		switch {
		case errors.As(err, &list):
			for _, d := range list {
				x.fail(what, errors.New(d.String()))
			}
		default:
			x.fail(what, err)
		}
	}
	spec, err := a.loadSpec(file)
	if err != nil {
		problems("job", err)
		return nil, nil
	}
	x.add(doctor.Check{Status: doctor.OK, What: "job", Detail: fmt.Sprintf("%s is valid: %s", file, spec.Name)})
	m, err := a.loadMapping(spec)
	if err != nil {
		problems("mapping", err)
		return spec, nil
	}
	compiled, found, err := m.Compile(ctx)
	if err == nil && compiled == nil {
		_, err = compile(ctx, m)
	}
	if err != nil {
		problems("mapping", err)
		return spec, nil
	}
	if len(found) > 0 {
		x.add(doctor.Check{Status: doctor.Warn, What: "mapping", Detail: fmt.Sprintf("%s can be used, with %d warnings", m.Name, len(found)), Todo: "etl check " + file + " lists them"})
	} else {
		var classes []string
		for _, p := range compiled.Projections {
			classes = append(classes, p.Class)
		}
		x.add(doctor.Check{Status: doctor.OK, What: "mapping", Detail: fmt.Sprintf("%s gives %s, OCSF %s", m.Name, strings.Join(classes, ", "), compiled.Version)})
	}
	return spec, compiled
}

// stores tries staging, lake, state and catalog, those of AWS after the credentials for each.
func (x *examination) stores(ctx context.Context, spec *jobfile.Spec, compiled *sqlgen.Compiled) {
	limited := func(fn func(ctx context.Context)) {
		ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, fmt.Errorf("no answer within %s", checkTimeout))
		defer cancel()
		fn(ctx)
	}
	limited(func(ctx context.Context) { x.add(credentials(ctx, spec)...) })
	limited(func(ctx context.Context) { x.add(regions(ctx, spec)...) })
	limited(func(ctx context.Context) {
		s, err := openStaging(ctx, spec)
		if err != nil {
			x.fail("staging", err)
			return
		}
		x.add(doctor.Staging(ctx, s, spec.Source.Include, spec.Source.Exclude)...)
	})
	limited(func(ctx context.Context) {
		x.writable(ctx, "lake", spec.Lake.Location, objstore.Options{Region: spec.Lake.Region, RoleARN: spec.Lake.RoleARN, ExternalID: spec.Lake.ExternalID, KMSKeyID: spec.Lake.KMSKeyID, HoldCopies: spec.Lake.Hold == "copy"},
			func(s doctor.Store) {
				deleter, err := openDeleter(ctx, spec)
				if err != nil {
					x.fail("deleting", err)
				}
				x.add(doctor.Lake(ctx, s, deleter, "ext/"+spec.Lake.SourceName+"/")...)
			})
	})
	limited(func(ctx context.Context) {
		// What a lake must do with held files is tried in the state: they are deleted there, and usually of one server.
		x.writable(ctx, "state", spec.State, objstore.Options{Region: spec.Lake.Region, KMSKeyID: spec.StateKMSKeyID, HoldCopies: spec.Lake.Hold == "copy"}, func(s doctor.Store) {
			x.add(doctor.State(ctx, s, spec.Name+"/", holdTodo(spec))...)
			x.add(doctor.Clock(ctx, s, time.Now))
		})
	})
	limited(func(ctx context.Context) { x.catalog(ctx, spec, compiled) })
}

// writable opens a place that a run writes to. A folder that is not there yet is not made for a try: a sibling of it is, and
// removed.
func (x *examination) writable(ctx context.Context, what, location string, opts objstore.Options, try func(doctor.Store)) {
	if _, kind, err := storeKinds().Find(location); err == nil && kind.CreatedByRun && !exists(location) {
		parent := filepath.Dir(filepath.Clean(location))
		for !exists(parent) && parent != filepath.Dir(parent) {
			parent = filepath.Dir(parent)
		}
		there := filepath.Join(parent, ".silt-doctor-"+ulid.Make().String())
		if err := os.Mkdir(there, 0o755); err != nil {
			x.fail(what, fmt.Errorf("%s is not there, and cannot be made: %w", location, err))
			return
		}
		defer os.RemoveAll(there)
		x.add(doctor.Check{Status: doctor.OK, What: what, Detail: location + " is not there yet; the first run makes it. What follows is tried in a folder beside it"})
		location = there
	}
	b, err := storeKinds().Open(ctx, location, opts)
	if err != nil {
		x.fail(what, err)
		return
	}
	s, ok := b.(doctor.Store)
	if !ok {
		x.fail(what, fmt.Errorf("%s cannot hold files", b))
		return
	}
	try(s)
}

// holdTodo is what to do where held files are not safe.
func holdTodo(spec *jobfile.Spec) string {
	switch {
	case !lakeKind(spec).HoldsCopies:
		return ""
	case spec.Lake.Hold == "copy":
		return "use another store"
	}
	return "if the lake is of the same server, set lake.hold to copy"
}

// openDeleter is the lake on S3 as the role that may delete; nil: the job names none.
func openDeleter(ctx context.Context, spec *jobfile.Spec) (doctor.Store, error) {
	if spec.Lake.DeleteRoleARN == "" || !lakeKind(spec).DeletesNeedRole {
		return nil, nil
	}
	return openLakeAs(ctx, spec, spec.Lake.DeleteRoleARN, "")
}

func (x *examination) catalog(ctx context.Context, spec *jobfile.Spec, compiled *sqlgen.Compiled) {
	if compiled == nil {
		return // told under mapping
	}
	targets, err := jobs.Targets(spec, compiled)
	if err != nil {
		x.fail("catalog", err)
		return
	}
	c, err := openCatalog(ctx, spec)
	if err != nil {
		x.fail("catalog", err)
		return
	}
	root, _, err := storeKinds().Find(spec.Lake.Location)
	if err == nil {
		root, err = root.Abs()
	}
	if err != nil {
		x.fail("catalog", err)
		return
	}
	location := func(folder string) string { return strings.TrimSuffix(root.String(), "/") + "/" + folder }
	x.add(doctor.Catalog(ctx, c, compiled, targets, location, spec.Catalog.Type == "glue")...)
}

// lakeKind is the kind of store of the lake. The zero value stands for a location that cannot be used; opening it says why.
func lakeKind(spec *jobfile.Spec) objstore.Kind {
	_, kind, _ := storeKinds().Find(spec.Lake.Location)
	return kind
}

// schedule tells the next times of a job.
func schedule(spec *jobfile.Spec, now time.Time) doctor.Check {
	c := doctor.Check{Status: doctor.OK, What: "schedule"}
	if spec.Schedule.Cron == "" {
		c.Detail = "none; the job runs when etl run is called"
		return c
	}
	s, err := cron.ParseStandard("CRON_TZ=" + spec.Schedule.Timezone + " " + spec.Schedule.Cron)
	if err != nil { // the job file was checked; time zones may be missing on this machine
		return doctor.Check{Status: doctor.Fail, What: "schedule", Detail: err.Error()}
	}
	var times []string
	if zone, err := time.LoadLocation(spec.Schedule.Timezone); err == nil {
		now = now.In(zone)
	}
	for t := s.Next(now); !t.IsZero() && len(times) < 3; t = s.Next(t) {
		times = append(times, t.Format("2006-01-02 15:04 MST"))
	}
	if len(times) == 0 {
		return doctor.Check{Status: doctor.Warn, What: "schedule", Detail: spec.Schedule.Cron + " never comes due"}
	}
	c.Detail = fmt.Sprintf("etl serve runs it next at %s", strings.Join(times, ", "))
	return c
}
