// Package crawler compares what a job's lake holds with what the catalog says about it, and repairs the catalog.
//
// Compare lists the lake, reads the footers of files by range, and returns a Difference: for each table the Changes that make the
// catalog say what the lake holds, and Findings, which no change of the catalog can repair. Apply makes the changes. etl crawl,
// etl catalog plan, etl catalog apply and the summary of a run print the same values.
//
// Invariants: the package writes to the catalog only, and never to the lake; nothing is decided from a listing that failed; partitions
// of entries that are not done are left to the run; types of columns come from files and mappings, never from values; an existing
// table keeps what others have set on it, unless it makes queries fail.
package crawler

import (
	"context"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
)

// Catalog is what a crawler needs of a catalog.
type Catalog interface {
	catalog.Catalog
	catalog.Editor
}

// Table is a table of the job.
type Table struct {
	Name   string
	Folder string // of the lake, ending in a slash: ext/<source>/ or ext/<source>/<class>/
	// Mapped are the columns of the files that the next run writes. nil: the mapping is not compared.
	Mapped []catalog.Column
}

// Places are where a job has its files, its tables, and its record of which files are its own.
type Places struct {
	Job     string
	Lake    objstore.Reader
	Catalog Catalog
	// Fold reads the ledger of the job as it is now.
	Fold   func(ctx context.Context) (*ledger.State, error)
	Tables []Table
	// State keeps what a crawl has seen until its changes are made, so that one that was killed continues. nil: nothing is kept.
	State objstore.Bucket
	// Location gives a folder of the lake as the catalog names it.
	Location func(folder string) string
}

// Policy says what happens to partitions whose folder has no file any more.
type Policy string

const (
	GoneLog       Policy = "log"       // report them
	GoneDelete    Policy = "delete"    // remove them from the catalog
	GoneDeprecate Policy = "deprecate" // mark them with DeprecatedParameter, as AWS's crawler does
)

// DeprecatedParameter is the parameter with which AWS's crawler marks what it does not find any more. Its value is a time in
// milliseconds.
const DeprecatedParameter = "DEPRECATED_BY_CRAWLER"

// MaxDeleteRatio is the largest share of a table's partitions that is deleted or deprecated without Options.Yes.
const MaxDeleteRatio = 0.1

// Options of a comparison.
type Options struct {
	Gone Policy
	// Yes allows more than MaxDeleteRatio.
	Yes bool
	// OtherWriters counts files that the ledger does not know as files of the job.
	OtherWriters bool
	// Newest reads only the footer of the newest file of each partition. Files that disagree with their table can then be missed.
	Newest bool
}

// Kind is what a Change does.
type Kind string

const (
	CreateTable        Kind = "create-table"
	GrowTable          Kind = "grow-table"   // columns and fields are added at the end
	RepairTable        Kind = "repair-table" // types or settings with which queries fail
	FinishGrowth       Kind = "finish-growth"
	AddPartition       Kind = "add-partition"
	UpdatePartition    Kind = "update-partition"
	DeletePartition    Kind = "delete-partition"
	DeprecatePartition Kind = "deprecate-partition"
	RestorePartition   Kind = "restore-partition" // its folder has files again
)

// Change is one change of the catalog.
type Change struct {
	Kind      Kind     `json:"change"`
	Partition string   `json:"partition,omitempty"` // region/account/day
	Detail    []string `json:"detail,omitempty"`
	// Error is what a query of Athena fails with until the change is made, or "".
	Error string `json:"error,omitempty"`

	partition catalog.Partition
	columns   bool // of an UpdatePartition: its columns are not those of the table
	settings  bool // its format, SerDe or parameters are not
}

// Code names what a Finding is about. The codes are a contract.
type Code string

const (
	BadData           Code = "BAD_DATA"
	TypeConflict      Code = "TYPE_CONFLICT"
	Unreadable        Code = "UNREADABLE"
	WrongPartition    Code = "WRONG_PARTITION"
	WrongLocation     Code = "WRONG_LOCATION"
	ForeignTable      Code = "FOREIGN_TABLE"
	TooManyGone       Code = "TOO_MANY_GONE"
	Gone              Code = "GONE"
	NotDone           Code = "NOT_DONE"
	DeadFiles         Code = "DEAD_FILES"
	OtherWriters      Code = "OTHER_WRITERS"
	StrayFiles        Code = "STRAY_FILES"
	Unsorted          Code = "UNSORTED"
	SmallFiles        Code = "SMALL_FILES"
	AlwaysNull        Code = "ALWAYS_NULL"
	OtherTable        Code = "OTHER_TABLE"
	PartitionMismatch      = "HIVE_PARTITION_SCHEMA_MISMATCH" // Athena's errors
	HiveBadData            = "HIVE_BAD_DATA"
)

// Severity of a Finding.
type Severity string

const (
	Note    Severity = "note"
	Warning Severity = "warning"
	Refused Severity = "refused" // queries fail or rows are missing, and only a person can decide
)

// Finding is something that a person should know, and that no change of the catalog repairs.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Detail   string   `json:"detail"`
	Count    int64    `json:"count,omitempty"`
	Examples []string `json:"examples,omitempty"` // at most maxExamples
	Error    string   `json:"error,omitempty"`    // of Athena
	Try      string   `json:"try,omitempty"`
}

// Growth is what the next run adds to a table.
type Growth struct {
	Columns    []string `json:"columns"`    // "name type", or a path for a field
	Partitions int      `json:"partitions"` // that get them too
}

// TableDifference is what a table lacks.
type TableDifference struct {
	Table      string    `json:"table"`
	Location   string    `json:"location"`
	Partitions int       `json:"partitions"` // in the catalog
	Folders    int       `json:"folders"`    // partitions of the lake that have files of the job
	Files      int64     `json:"files"`
	SizeBytes  int64     `json:"size"`
	Rows       int64     `json:"rows"` // in the files whose footers were read
	NextRun    *Growth   `json:"next_run,omitempty"`
	Changes    []Change  `json:"changes"`
	Findings   []Finding `json:"findings"`

	folder  string
	columns []catalog.Column // the table's, after the changes
}

// Difference is what the catalog lacks.
type Difference struct {
	Job    string            `json:"job"`
	Tables []TableDifference `json:"tables"`
}

// Refused says whether something needs a person.
func (d *Difference) Refused() bool {
	for _, t := range d.Tables {
		for _, f := range t.Findings {
			if f.Severity == Refused {
				return true
			}
		}
	}
	return false
}

// Changes counts the changes of all tables.
func (d *Difference) Changes() int {
	n := 0
	for _, t := range d.Tables {
		n += len(t.Changes)
	}
	return n
}
