// Package jobfile reads and checks job files: YAML in, a Spec or a list of diagnostics out.
//
// One table (fields.go) names every key with its type, its allowed values and its documentation. The reader, the JSON Schema for
// editors and the table in docs/jobs.md are made from it, so adding a key touches that table and the struct it fills.
//
// The package opens no store, catalog or mapping, and it decides nothing about a run. Invariants: every mistake of a file is
// reported at once, each with its line and column; a Spec that Parse returns has all defaults filled in and passes every check;
// the text of an environment variable is never read as YAML and never printed.
package jobfile

import (
	"cmp"
	"time"

	"github.com/silt-etl/silt/internal/capture"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/staging"
)

// Spec is a job as its file describes it, checked and with defaults filled in. Sizes are bytes.
type Spec struct {
	Name     string
	Source   Source
	Mapping  string // a name (sql/<name>/, mappings/<name>.json, or one shipped in the binary) or a path
	Lake     Lake
	Catalog  Catalog
	Packages []string // folders with packages that are not next to the mapping
	Lookups  string   // s3://bucket/prefix/ or a folder, for lookups that are not next to the mapping
	State    string   // s3://bucket/prefix/ or a folder; default: <lake>/.silt if the lake is a folder
	// StateKMSKeyID encrypts what is written to State on S3: quarantine holds raw records. Default: Lake.KMSKeyID.
	StateKMSKeyID string
	Schedule      Schedule
	EventDays     EventDays
	Limits        Limits
	Retention     Retention
	Redact        Redact
	Sandbox       string // auto, required, off: whether the process of a run gives up what the job does not need

	// File is where the spec was read from, and Text is what it said there. Pos is where each key's value stands in it
	// ("lake.region"), for later diagnostics.
	File string
	Text []byte
	Pos  map[string]Position
}

// Position in a job file, 1-based. Column counts bytes.
type Position struct{ Line, Column int }

// Source is where raw logs come from.
type Source struct {
	Staging    string // s3://bucket/prefix/ or a folder
	Region     string // of the bucket; default: Lake.Region
	Include    []string
	Exclude    []string
	KeyPattern string
	// RecheckFolders is how many folders before the lookback a run lists again at most.
	RecheckFolders int
	Format         string        // of the records; "": the mapping's
	Lookback       time.Duration // how far before the watermark the listing goes back for late objects
	Settle         time.Duration // younger objects are left for the next run
	// RetryDenied says when an object that the store refuses is given up: once it was tried so often, over so long.
	RetryDenied RetryDenied
	OnChange    string // of an object that was overwritten after a run took it: process, ignore, replace
	RoleARN     string
	ExternalID  string
	Times       capture.Source // what the job says about times that lack a year or a zone
	// FollowLinks also reads what links of a staging folder lead to outside of it.
	FollowLinks bool
}

// RetryDenied is source.retry_denied. Both must be reached.
type RetryDenied struct {
	Times int
	Over  time.Duration
}

// OnChangeReplace is the value of source.on_change that reprocesses the batches of changed objects.
const OnChangeReplace = "replace"

// Lake is where Parquet files go.
type Lake struct {
	Location      string
	SourceName    string
	Region        string
	AccountID     string
	Layout        string // auto, source-per-class, single
	RoleARN       string
	ExternalID    string
	KMSKeyID      string
	DeleteRoleARN string
	Hold          string // upload, copy: how files on S3 wait, hidden from readers, until their ledger entry is written
	Provenance    string // on, off: whether files say in their footers which job, batch and objects they came from
	Shared        bool   // another job writes to the same folder or table on purpose
	// Classes are sources of single event classes, by class.
	Classes map[string]*Class
}

// Class is lake.classes.<class>: the source of one event class. Keys that the file leaves out are empty.
type Class struct {
	SourceName string // at most 20 characters
	RoleARN    string // provider role of that source
	ExternalID string
	Table      string // in the catalog; default: Security Lake's own name for the source
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

// Schedule of a job that etl serve runs.
type Schedule struct {
	Cron     string
	Timezone string
}

// EventDays bound the days that a record's event may have, measured from the start of the run. Other records are quarantined.
type EventDays struct {
	MaxAge    time.Duration
	MaxFuture time.Duration
}

// Bounds returns the first and the last allowed event day at a time, in days since 1970-01-01 (UTC).
func (e EventDays) Bounds(at time.Time) (minDay, maxDay int32) {
	return lake.EpochDay(at.Add(-e.MaxAge)), lake.EpochDay(at.Add(e.MaxFuture))
}

// Retention is the age from which etl retention deletes. 0: kept forever.
type Retention struct {
	Quarantine time.Duration
	Manifests  time.Duration
	Attempts   time.Duration
}

// Redact says where the keys of hashes are.
type Redact struct {
	KeysEnv []string // variables, that of the newest key first
}

// Limits of a run.
type Limits struct {
	Timeout            time.Duration
	BatchTimeout       time.Duration
	MaxRetries         int
	MaxConcurrentRuns  int
	MemoryBytes        int64   // DuckDB's memory_limit is a part of it
	BatchBytes         int64   // of staging objects as they are stored
	MaxQuarantineRatio float64 // of the records of a batch, without those that match no SELECT
	MaxUnmatchedRatio  float64 // of the records of a batch: those that match no SELECT. See Spec.MaxUnmatched
	MaxDeniedObjects   int     // of a run
	MaxBrokenRatio     float64 // of the objects of a batch
	Threads            int     // 0: one for each core
	TempDir            string  // "": the system's
	MaxPartitions      int     // of a batch
	TempBytes          int64   // that a run may use in TempDir; 0: 90% of what is free when it starts
}

// Default returns the values of keys that a job file may leave out.
func Default() Spec {
	return Spec{
		Sandbox:   "auto",
		Redact:    Redact{KeysEnv: []string{"SILT_REDACT_KEY"}},
		Source:    Source{OnChange: "process", Lookback: 48 * time.Hour, RecheckFolders: 2000, RetryDenied: RetryDenied{Times: 7, Over: 14 * 24 * time.Hour}},
		Lake:      Lake{AccountID: "external", Layout: "auto", Hold: "upload", Provenance: "on"},
		Schedule:  Schedule{Timezone: "UTC"},
		EventDays: EventDays{MaxAge: 3650 * 24 * time.Hour, MaxFuture: 24 * time.Hour},
		Limits: Limits{Timeout: 2 * time.Hour, BatchTimeout: time.Hour, MaxRetries: 1, MaxConcurrentRuns: 1, MemoryBytes: 4 << 30,
			BatchBytes: 2 << 30, MaxQuarantineRatio: 0.01, MaxUnmatchedRatio: 0.3, MaxBrokenRatio: 0.05, MaxPartitions: 1000},
	}
}

// At returns an error about a key of the job file, at the place of its value or at the file's beginning if the file does not
// have the key. The caller adds the message.
func (s *Spec) At(key string) diag.Diagnostic {
	p := s.Pos[key]
	return diag.Diagnostic{File: s.File, Line: cmp.Or(p.Line, 1), Column: cmp.Or(p.Column, 1), Code: diag.Job}
}

// MaxUnmatched is the largest share of a batch's records that can match no SELECT. Job files that do not set it may have raised
// limits.max_quarantine_ratio for such records, so a larger ratio counts for both.
func (s *Spec) MaxUnmatched() float64 {
	const key = "limits.max_unmatched_ratio"
	if _, set := s.Pos[key]; set {
		return s.Limits.MaxUnmatchedRatio
	}
	return max(s.Limits.MaxUnmatchedRatio, s.Limits.MaxQuarantineRatio)
}

// Captures returns what a mapping can read as `key`: the captures of the object's key, and what the job and the listing say about
// the object. A zero time of modification is not known.
func (s *Spec) Captures(key string, modified time.Time) staging.Captures {
	return s.Pattern().Captures(key).With(s.Source.Times.Values(modified))
}

// Pattern returns the compiled source.key_pattern, or nil if the job has none.
func (s *Spec) Pattern() *staging.Pattern {
	if s.Source.KeyPattern == "" {
		return nil
	}
	p, err := staging.ParsePattern(s.Source.KeyPattern)
	if err != nil {
		return nil // refused when the job file was read
	}
	return p
}
