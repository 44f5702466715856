package jobfile

import (
	"cmp"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/staging"
)

var (
	jobName    = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
	className  = regexp.MustCompile(`^[a-z0-9_]+$`)
	roleARN    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/\S+$`)
)

// check looks at single values, then at values that depend on each other, and fills in the defaults that depend on other keys.
func (r *reader) check() {
	r.checkRequired()
	r.checkNames()
	r.checkLocations()
	r.checkKeys()
	r.checkSchedule()
	r.checkLimits()
	r.checkLake()
	r.checkClasses()
	r.fillDefaults()
}

// refuse reports an error at the value of a key, unless one of the key is reported already.
func (r *reader) refuse(key, format string, args ...any) {
	if r.bad[key] {
		return
	}
	r.fail(r.spec.Pos[key], key+": "+format, args...)
}

func (r *reader) checkRequired() {
	for _, f := range r.spec.fields(r.kinds.Catalogs.Types()) {
		if _, given := r.spec.Pos[f.path]; f.required && !given {
			group, _, _ := strings.Cut(f.path, ".")
			missing := !r.bad[group] && !r.bad[f.path]
			r.bad[f.path] = true
			if !missing {
				continue
			}
			r.fail(r.spec.Pos[group], "%s is missing", f.path).Hint = f.doc
		}
	}
}

func (r *reader) checkNames() {
	s := r.spec
	if !jobName.MatchString(s.Name) {
		r.refuse("name", "%q is not 1 to 64 of a-z, 0-9, dash and underscore", s.Name)
	}
	if !regionName.MatchString(s.Lake.Region) {
		r.refuse("lake.region", "%q is not an AWS region (example: us-east-1)", s.Lake.Region)
	}
	if err := lake.ValidateSource(s.Lake.SourceName); err != nil {
		r.refuse("lake.source_name", "%v", err)
	}
	s.Lake.AccountID = cmp.Or(s.Lake.AccountID, Default().Lake.AccountID)
	if err := lake.ValidateAccount(s.Lake.AccountID); err != nil {
		r.refuse("lake.account_id", "%v", err)
	}
	for _, p := range []struct{ key, arn string }{{"source.role_arn", s.Source.RoleARN}, {"lake.role_arn", s.Lake.RoleARN},
		{"catalog.role_arn", s.Catalog.RoleARN}, {"lake.delete_role_arn", s.Lake.DeleteRoleARN}} {
		if p.arn != "" && !roleARN.MatchString(p.arn) {
			r.refuse(p.key, "%q is not a role (example: arn:aws:iam::111122223333:role/name)", p.arn)
		}
	}
}

func (r *reader) checkLocations() {
	s := r.spec
	for _, p := range []struct{ key, location string }{{"source.staging", s.Source.Staging}, {"lake.location", s.Lake.Location}, {"state", s.State}, {"lookups", s.Lookups}} {
		if p.location == "" || r.bad[p.key] {
			continue
		}
		var op *diag.OpError
		if _, _, err := r.kinds.Stores.Find(p.location); errors.As(err, &op) {
			r.fail(s.Pos[p.key], "%s: %s: %v", p.key, op.Object, op.Err).Hint = op.Try
		}
	}
}

// zoneMeaning is an element of source.zones.
var zoneMeaning = regexp.MustCompile(`^[A-Za-z]{1,5}=[+-][01][0-9]:[0-5][0-9]$`)

func (r *reader) checkKeys() {
	s := r.spec
	if s.Source.KeyPattern != "" {
		if _, err := staging.ParsePattern(s.Source.KeyPattern); err != nil {
			r.refuse("source.key_pattern", "%v", err)
		}
	}
	if y := s.Source.Times.Year; y != 0 && (y < 1970 || y > 2200) {
		r.refuse("source.year", "%d is not a year (example: 2019)", y)
	}
	if _, err := time.LoadLocation(s.Source.Times.Zone); err != nil || s.Source.Times.Zone == "Local" {
		r.refuse("source.timezone", "%q is not an IANA time zone (example: Europe/Berlin)", s.Source.Times.Zone)
	}
	for _, z := range s.Source.Times.Zones {
		if !zoneMeaning.MatchString(z) {
			r.refuse("source.zones", "%q does not give an abbreviation and its offset (example: CST=-06:00)", z)
		}
	}
	for _, p := range []struct {
		key   string
		globs []string
	}{{"source.include", s.Source.Include}, {"source.exclude", s.Source.Exclude}} {
		for _, g := range p.globs {
			if err := staging.CheckGlob(g); err != nil {
				r.refuse(p.key, "%v", err)
			}
		}
	}
}

func (r *reader) checkSchedule() {
	s := r.spec
	if s.Schedule.Cron != "" {
		if _, err := cron.ParseStandard(s.Schedule.Cron); err != nil {
			r.refuse("schedule.cron", "%q: %v", s.Schedule.Cron, err)
		}
	}
	if _, err := time.LoadLocation(s.Schedule.Timezone); err != nil {
		r.refuse("schedule.timezone", "%q is not an IANA time zone (example: Europe/Berlin)", s.Schedule.Timezone)
	}
}

func (r *reader) checkLimits() {
	s := r.spec
	for _, p := range []struct {
		key string
		age time.Duration
	}{{"retention.quarantine", s.Retention.Quarantine}, {"retention.manifests", s.Retention.Manifests}, {"retention.attempts", s.Retention.Attempts}} {
		if p.age != 0 && p.age < 24*time.Hour {
			r.refuse(p.key, "the shortest age is 1d; leave the key out to keep everything")
		}
	}
	if s.Limits.MemoryBytes < 256<<20 {
		r.refuse("limits.memory", "at least 256MiB are needed")
	}
	if s.Limits.BatchBytes < 1 {
		r.refuse("limits.batch_bytes", "must be more than 0")
	}
	if s.Limits.MaxConcurrentRuns < 1 {
		r.refuse("limits.max_concurrent_runs", "must be at least 1; etl bookmark pause keeps a job from running")
	}
	if s.Limits.MaxPartitions < 1 {
		r.refuse("limits.max_partitions", "must be at least 1")
	}
	if s.Limits.Timeout <= 0 {
		r.refuse("limits.timeout", "must be more than 0")
	}
	if s.Limits.BatchTimeout <= 0 {
		r.refuse("limits.batch_timeout", "must be more than 0")
	}
}

// checkLake compares the lake's settings with its kind of store, and fills in where the state and the catalog are.
func (r *reader) checkLake() {
	s := r.spec
	at, kind, err := r.kinds.Stores.Find(s.Lake.Location)
	if err != nil {
		return // checkLocations has reported it
	}
	if s.State == "" && kind.NeedsState && !r.bad["state"] {
		r.fail(s.Pos["lake"], "state is missing, and it has no default for a lake on S3").Hint = "name a place for the ledger in a bucket of your own, not the lake's, for example s3://acme-etl-state/"
	} else if s.State == "" {
		s.State = at.Join(".silt").String()
	}
	if s.Lake.Hold == "copy" && !kind.HoldsCopies {
		r.refuse("lake.hold", "copy is for a lake on S3; a folder needs neither uploads nor copies")
	}
	if s.Source.OnChange == OnChangeReplace && kind.DeletesNeedRole && s.Lake.DeleteRoleARN == "" {
		r.refuse("source.on_change", "replace deletes files of the lake; set lake.delete_role_arn to a role that is allowed to")
	}
	s.Catalog.Type = cmp.Or(s.Catalog.Type, kind.DefaultCatalog)
	typ, err := r.kinds.Catalogs.Find(s.Catalog.Type)
	if err == nil && typ.CheckLake != nil {
		err = typ.CheckLake(at)
	}
	if err != nil {
		r.refuse("catalog.type", "%v", err)
	}
}

// checkClasses checks the sources of single classes.
func (r *reader) checkClasses() {
	s := r.spec
	if len(s.Lake.Classes) > 0 && s.Lake.Layout == "single" {
		r.refuse("lake.classes", "layout single puts all classes into one source; leave lake.classes out, or choose another layout")
		return
	}
	named := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.Lake.Classes)) {
		c, key := s.Lake.Classes[name], "lake.classes."+name
		if c.RoleARN != "" && !roleARN.MatchString(c.RoleARN) {
			r.refuse(key+".role_arn", "%q is not a role (example: arn:aws:iam::111122223333:role/name)", c.RoleARN)
		}
		if err := lake.CheckTable(c.Table); err != nil {
			r.refuse(key+".table", "%v", err)
		}
		if c.SourceName == "" {
			if c.RoleARN != "" {
				r.refuse(key+".role_arn", "source_name is missing; a provider role can write to its own source only")
			}
			continue
		}
		if err := lake.ValidateSource(c.SourceName); err != nil {
			r.refuse(key+".source_name", "%v", err)
		}
		if other := named[c.SourceName]; other != "" {
			r.refuse(key+".source_name", "class %s has source %s already; each class has its own", other, c.SourceName)
		}
		named[c.SourceName] = name
	}
}

func (r *reader) fillDefaults() {
	s := r.spec
	s.StateKMSKeyID = cmp.Or(s.StateKMSKeyID, s.Lake.KMSKeyID)
	s.Source.Region = cmp.Or(s.Source.Region, s.Lake.Region)
	s.Catalog.Region = cmp.Or(s.Catalog.Region, s.Lake.Region)
	s.Catalog.Database = cmp.Or(s.Catalog.Database, lake.DatabaseName(s.Lake.Region))
	s.Catalog.Table = cmp.Or(s.Catalog.Table, lake.TableName(s.Lake.Region, s.Lake.SourceName))
}
