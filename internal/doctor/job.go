package doctor

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

func checkJob(_ context.Context, e *examination) []Result {
	if e.JobErr != nil {
		return failEach("job", e.JobErr)
	}
	return []Result{ok("job", "%s is valid: %s", e.File, e.Job.Name)}
}

func checkMapping(_ context.Context, e *examination) []Result {
	const what = "mapping"
	if e.MappingErr != nil {
		return failEach(what, e.MappingErr)
	}
	m := e.Mapping
	if m.Warnings > 0 {
		return []Result{warn(what, "etl check "+e.File, "%s can be used, but it has %d warnings", m.Name, m.Warnings)}
	}
	var classes []string
	for _, p := range m.Compiled.Projections {
		classes = append(classes, p.Class)
	}
	return []Result{ok(what, "%s maps to %s, OCSF %s", m.Name, strings.Join(classes, ", "), m.Compiled.Version)}
}

// checkRightToFix stops a fix before anything is tested or written, if it could not drop or delete files.
func checkRightToFix(_ context.Context, e *examination) []Result {
	_, kind, err := e.Stores.Find(e.Job.Lake.Location)
	if !e.Fix || err != nil || !kind.DeletesNeedRole || e.Job.Lake.DeleteRoleARN != "" {
		return nil // checkLake reports an error of the location
	}
	return []Result{fail("fix", errors.New("the job does not have the right to delete in the lake"),
		"set lake.delete_role_arn; etl run, replay, backfill and etl doctor without --fix do not need it")}
}

func checkSchedule(_ context.Context, e *examination) []Result {
	const what = "schedule"
	s := e.Job.Schedule
	if s.Cron == "" {
		return []Result{ok(what, "the job has no schedule; it runs when etl run is called")}
	}
	schedule, err := cron.ParseStandard("CRON_TZ=" + s.Timezone + " " + s.Cron)
	if err != nil { // the job file is valid, but this machine might not know the time zone
		return []Result{fail(what, err, "")}
	}
	now := e.Now()
	if zone, err := time.LoadLocation(s.Timezone); err == nil {
		now = now.In(zone)
	}
	var times []string
	for t := schedule.Next(now); !t.IsZero() && len(times) < 3; t = schedule.Next(t) {
		times = append(times, t.Format("2006-01-02 15:04 MST"))
	}
	if len(times) == 0 {
		return []Result{warn(what, "", "%s names a time that never comes", s.Cron)}
	}
	return []Result{ok(what, "etl serve starts the job next at %s", strings.Join(times, ", "))}
}
