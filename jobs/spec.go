// Package jobs holds what a job is (Spec) and runs it (Runner).
//
// A Spec is read from one strict YAML file; a Runner executes it: plan, batches, commit, roll-forward, summary. The package
// wires the stages together through their interfaces and never imports DuckDB or the AWS SDK itself.
package jobs

import (
	"fmt"
	"time"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Spec is a job as its file says, with defaults filled in and checked. Sizes are bytes.
type Spec struct {
	Name    string
	Source  Source
	Mapping string // a name (sql/<name>/, mappings/<name>.json, or one shipped in the binary) or a path
	Lake    Lake
	Catalog Catalog
	State   string // s3://bucket/prefix/ or a folder; default <lake>/.silt when the lake is a folder
	// StateKMSKeyID encrypts what is written to State on S3: quarantine holds raw records. Default: Lake.KMSKeyID.
	StateKMSKeyID string
	Schedule      Schedule
	EventDays     EventDays
	Limits        Limits
	Retention     Retention

	// File the spec was read from, and where each key stands in it ("lake.region" -> line, column), for later messages.
	File string
	Pos  map[string]Position
}

// Position in a job file, 1-based.
type Position struct{ Line, Column int }

// Source is where raw logs come from.
type Source struct {
	Staging    string // s3://bucket/prefix/ or a folder
	Region     string // of the bucket; default lake.region
	Include    []string
	Exclude    []string
	KeyPattern string
	Format     string        // of the records; "": the mapping's
	Lookback   time.Duration // how far behind the watermark late objects are still looked for
	Settle     time.Duration // objects younger than this are left for the next run
	OnChange   string        // of an object that was overwritten after it was taken: process, ignore, replace
	RoleARN    string
	ExternalID string
}

// Lake is where Parquet goes.
type Lake struct {
	Location      string
	SourceName    string
	Region        string
	AccountID     string
	Layout        string // auto, class-folders, source-per-class, single
	RoleARN       string
	ExternalID    string
	KMSKeyID      string
	DeleteRoleARN string
	Hold          string // upload, copy: how files wait, unseen, for their ledger entry (S3)
}

// Catalog is what readers see.
type Catalog struct {
	Type        string // glue, local
	Database    string
	Table       string // default: Security Lake's own name for the source
	Region      string
	RoleARN     string
	ExternalID  string
	CatalogID   string
	TablePrefix string
}

// Schedule of a job that `etl serve` runs.
type Schedule struct {
	Cron     string
	Timezone string
}

// EventDays bound the event days a record may have, measured from the start of the run; others are quarantined.
type EventDays struct {
	MaxAge    time.Duration
	MaxFuture time.Duration
}

// Retention is how old things get before etl retention deletes them. 0: they are kept for ever.
type Retention struct {
	Quarantine time.Duration
	Manifests  time.Duration
	Attempts   time.Duration
}

// Limits of a run.
type Limits struct {
	Timeout            time.Duration
	BatchTimeout       time.Duration
	MaxRetries         int
	MaxConcurrentRuns  int
	MemoryBytes        int64 // DuckDB's memory_limit is a part of it
	BatchBytes         int64 // of staging objects as they lie there
	MaxQuarantineRatio float64
	Threads            int    // 0: one for each core
	TempDir            string // "": the system's
}

// Defaults of keys that a job file may leave out.
func defaults() Spec {
	return Spec{
		Source:    Source{OnChange: "process", Lookback: 48 * time.Hour},
		Lake:      Lake{Layout: "auto", Hold: "upload"},
		Schedule:  Schedule{Timezone: "UTC"},
		EventDays: EventDays{MaxAge: 3650 * 24 * time.Hour, MaxFuture: 24 * time.Hour},
		Limits: Limits{Timeout: 2 * time.Hour, BatchTimeout: time.Hour, MaxRetries: 1, MaxConcurrentRuns: 1, MemoryBytes: 4 << 30,
			BatchBytes: 2 << 30, MaxQuarantineRatio: 0.01},
	}
}

// formats that source.format may name.
func formats() (names []string) {
	for _, f := range decode.Formats() {
		names = append(names, string(f))
	}
	return names
}

// CheckFormat holds source.format against the mapping's own; the error is a *SpecError.
func CheckFormat(s *Spec, compiled *sqlgen.Compiled) error {
	if err := compiled.CheckFormat(s.Source.Format); err != nil {
		at := s.Pos["source.format"]
		return &SpecError{Problems: []string{fmt.Sprintf("%s:%d:%d: source.format: %v", s.File, max(at.Line, 1), max(at.Column, 1), err)}}
	}
	return nil
}

// field ties one key of the job file to its place in a Spec. It drives reading, the JSON Schema and its documentation.
type field struct {
	path     string // dotted
	ptr      any    // *string, *[]string, *time.Duration, *bytesize (as *int64 with unit "bytes"), *int, *float64
	unit     string // "", "bytes"
	required bool
	enum     []string
	doc      string
}

func (s *Spec) fields() []field {
	return []field{
		{path: "name", ptr: &s.Name, required: true, doc: "Name of the job: 1 to 64 of a-z, 0-9, dash and underscore. The ledger is kept under it."},
		{path: "source.staging", ptr: &s.Source.Staging, required: true, doc: "Where raw logs lie: s3://bucket/prefix/ or a folder."},
		{path: "source.region", ptr: &s.Source.Region, doc: "AWS region of the staging bucket. Default: lake.region."},
		{path: "source.include", ptr: &s.Source.Include, doc: "Globs (** crosses folders) of keys below staging to take. Default: all."},
		{path: "source.exclude", ptr: &s.Source.Exclude, doc: "Globs of keys to leave out."},
		{path: "source.key_pattern", ptr: &s.Source.KeyPattern, doc: "Names the parts of a key: {account_id}/x/{region}/{yyyy}/{mm}/{dd}/. Captures are columns of `key` in the mapping; dates prune the listing."},
		{path: "source.format", ptr: &s.Source.Format, enum: formats(), doc: "Format of the records, which the mapping says too: a job that says another is refused. Default: the mapping's. Compression is told by content."},
		{path: "source.lookback", ptr: &s.Source.Lookback, doc: "How far behind the watermark late objects are still looked for, as 48h or 7d."},
		{path: "source.settle", ptr: &s.Source.Settle, doc: "Objects younger than this are left for the next run."},
		{path: "source.on_change", ptr: &s.Source.OnChange, enum: []string{"process", "ignore", "replace"}, doc: "What to do with an object that was overwritten after it was taken. process: read it too, the rows of its earlier version stay; ignore: leave it; replace: do the batches of its earlier version again, whole (on S3 it needs lake.delete_role_arn)."},
		{path: "source.role_arn", ptr: &s.Source.RoleARN, doc: "Role to assume for reading staging."},
		{path: "source.external_id", ptr: &s.Source.ExternalID, doc: "External ID for that role."},
		{path: "mapping", ptr: &s.Mapping, required: true, doc: "Name of a mapping (sql/<name>/, mappings/<name>.json or a shipped one), or a path."},
		{path: "lake.location", ptr: &s.Lake.Location, required: true, doc: "The lake: s3://bucket or a folder."},
		{path: "lake.source_name", ptr: &s.Lake.SourceName, required: true, doc: "Custom source name, at most 20 characters."},
		{path: "lake.region", ptr: &s.Lake.Region, required: true, doc: "AWS region the data is uploaded to: the region= partition."},
		{path: "lake.account_id", ptr: &s.Lake.AccountID, doc: "Account of records that do not say theirs: 12 digits, external or external_<id>. Default: external."},
		{path: "lake.layout", ptr: &s.Lake.Layout, enum: []string{"auto", "source-per-class", "single"}, doc: "Folders of a source with several classes. auto: ext/<source>/ for one class, ext/<source>/<class>/ for several."},
		{path: "lake.role_arn", ptr: &s.Lake.RoleARN, doc: "Provider role to assume for writing, as CreateCustomLogSource answered it."},
		{path: "lake.external_id", ptr: &s.Lake.ExternalID, doc: "External ID for that role."},
		{path: "lake.kms_key_id", ptr: &s.Lake.KMSKeyID, doc: "SSE-KMS key for new files. Default: the bucket's own setting."},
		{path: "lake.delete_role_arn", ptr: &s.Lake.DeleteRoleARN, doc: "Role that may delete and abort uploads in the lake; plain runs do not need it."},
		{path: "lake.hold", ptr: &s.Lake.Hold, enum: []string{"upload", "copy"}, doc: "How files wait, unseen, for their ledger entry on S3. upload: as multipart uploads; copy: as objects below .silt/held/, copied on the server; for stores with odd multipart uploads, see etl doctor."},
		{path: "catalog.type", ptr: &s.Catalog.Type, enum: []string{"glue", "local"}, doc: "glue, or local: a folder of JSON. Default: local for a lake in a folder, else glue."},
		{path: "catalog.database", ptr: &s.Catalog.Database, doc: "Database. Default: amazon_security_lake_glue_db_<region>."},
		{path: "catalog.table", ptr: &s.Catalog.Table, doc: "Table. Default: amazon_security_lake_table_<region>_ext_<source>."},
		{path: "catalog.table_prefix", ptr: &s.Catalog.TablePrefix, doc: "Prefix of the tables of a source with several classes. Default: <table>_."},
		{path: "catalog.region", ptr: &s.Catalog.Region, doc: "AWS region of the catalog. Default: lake.region."},
		{path: "catalog.role_arn", ptr: &s.Catalog.RoleARN, doc: "Role to assume for the catalog."},
		{path: "catalog.external_id", ptr: &s.Catalog.ExternalID, doc: "External ID for that role."},
		{path: "catalog.catalog_id", ptr: &s.Catalog.CatalogID, doc: "Glue catalog (account) id, when not the caller's own."},
		{path: "state", ptr: &s.State, doc: "Ledger, manifests and quarantine: s3://bucket/prefix/ or a folder. Default: <lake>/.silt when the lake is a folder."},
		{path: "state_kms_key_id", ptr: &s.StateKMSKeyID, doc: "SSE-KMS key for state on S3, quarantine with its raw records among it. Default: lake.kms_key_id."},
		{path: "schedule.cron", ptr: &s.Schedule.Cron, doc: "When etl serve runs the job: minute hour day month weekday, or @daily and the like."},
		{path: "schedule.timezone", ptr: &s.Schedule.Timezone, doc: "IANA time zone of the schedule, as Europe/Berlin."},
		{path: "event_days.max_age", ptr: &s.EventDays.MaxAge, doc: "Records of days older than this are quarantined."},
		{path: "event_days.max_future", ptr: &s.EventDays.MaxFuture, doc: "Records of days further ahead than this are quarantined."},
		{path: "limits.timeout", ptr: &s.Limits.Timeout, doc: "A run that takes longer ends as TIMEOUT; its committed batches stay."},
		{path: "limits.batch_timeout", ptr: &s.Limits.BatchTimeout, doc: "An attempt at one batch (read, map, write its files) that takes longer is broken off: nothing of the batch is committed, and the run ends as FAILED."},
		{path: "limits.max_retries", ptr: &s.Limits.MaxRetries, doc: "How often a failed run is tried again by itself."},
		{path: "limits.max_concurrent_runs", ptr: &s.Limits.MaxConcurrentRuns, doc: "Plain runs of this job at once, wherever they run; at least 1. One more ends as WAITING, with exit code 4."},
		{path: "limits.memory", ptr: &s.Limits.MemoryBytes, unit: "bytes", doc: "Memory for one run, as 4GiB; sorting spills to disk above it."},
		{path: "limits.batch_bytes", ptr: &s.Limits.BatchBytes, unit: "bytes", doc: "Staging bytes of one batch: what is committed at once."},
		{path: "limits.max_quarantine_ratio", ptr: &s.Limits.MaxQuarantineRatio, doc: "A batch with a larger part of its records in quarantine is not committed, and the run fails with exit code 3."},
		{path: "limits.threads", ptr: &s.Limits.Threads, doc: "Threads. Default: one for each core."},
		{path: "retention.quarantine", ptr: &s.Retention.Quarantine, doc: "Age from which etl retention deletes quarantine, as 365d; its records are lost then. Default: it is kept for ever."},
		{path: "retention.manifests", ptr: &s.Retention.Manifests, doc: "Age from which etl retention deletes manifests of plans that are done; their batches cannot be replaced after that. Default: they are kept for ever."},
		{path: "retention.attempts", ptr: &s.Retention.Attempts, doc: "Age from which etl retention deletes records of attempts that are done; they link rows to objects. Default: they are kept for ever."},
		{path: "limits.temp_dir", ptr: &s.Limits.TempDir, doc: "Folder for spilling and fetched objects. Default: the system's."},
	}
}
