// Package sqlgen compiles a mapping: it writes the SQL that DuckDB runs for each event class, what the scanner reads of each record,
// and the layout of each class's file, from the projections that package projection has read and checked. It is pure: it opens no
// file and no database, and all that it asks of DuckDB goes through the projection.Database it is given.
//
// Each record comes out of exactly one projection. Each raw value is in its event, either as an output or in unmapped.
package sqlgen

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/lookup"
	"github.com/silt-etl/silt/sql/bound"
)

// Compiled is a compiled mapping.
type Compiled struct {
	Name    string
	Version string // OCSF version, as 1.1.0
	// Scan is what the scanner reads of each record; ScanColumns names the column of each leaf in `records`, in order.
	Scan        decode.Spec
	ScanColumns []ScanColumn
	// TextColumns are further columns of `records`, after those of the leaves: values as they were written.
	TextColumns []TextColumn
	// KeyColumns are captures of the staging key that the mapping reads (VARCHAR columns `_key_<name>` of `records`).
	KeyColumns []string
	// Owner is an expression over the columns of the scan: the 1-based number of the projection that takes the record, 0 where a drop
	// predicate names it, NULL where none takes it, -1 where several do.
	Owner string
	// Expressions are the author's, each over `records`, to find the one that fails.
	Expressions []Expression
	// Guards are what the guarded expressions take of a record.
	Guards []Guard
	// Fills are what the compiler adds because the header asks for it: observables, timestamps (of the profile datetime).
	Fills []string
	// Setup are statements to run first (the mapping's macros).
	Setup []string
	// Lookups are the tables that the SQL looks values up in.
	Lookups []*lookup.Table
	// Projections are one for each event class: those of several SELECTs for one class are merged.
	Projections []Projection
	// Several says that the SQL of the projections reads `records` more than once, so that it has to be a table.
	Several bool
	// Reasons are the reject codes that Reject can give, indexed by its value.
	Reasons []Reason
	// ChosenBy are the numbers, in Scan.Leaves, of the leaves that the WHERE clauses choose records by. If those are
	// many, they are the ones that every WHERE clause reads, because the others say little about the kind of a record.
	ChosenBy []int
	// Lineage says where the values come from, a SELECT each. Nothing of a run depends on it.
	Lineage []Lineage
	// Flows are the same the other way around: of every field of raw.sql, in its order, then of the captures of the staging key that
	// are read, where the value goes.
	Flows []RawFlows
}

// Expression is one of a SELECT. Path is the output that it is for, "" for a predicate.
type Expression struct {
	SQL  string
	Path string
	File string
	Line int
}

// Place names the expression in a message.
func (e Expression) Place() string {
	at := fmt.Sprintf("%s:%d", e.File[strings.LastIndexByte(e.File, '/')+1:], e.Line)
	if e.Path == "" {
		return at + " (condition)"
	}
	return at + " (" + e.Path + ")"
}

// Guard is what a guarded expression takes of a record at most, if the leaves that it reads have at most Longest bytes.
type Guard struct {
	Projection   int   // 1 is the first SELECT's; 0: the expression is a condition, which every record is tested with
	Leaves       []int // numbers, in Scan.Leaves
	Lists        []int // of them those that are JSON whose lists' elements count
	Memory, Work bound.Poly
	Longest      float64
	Harmless     bool // it takes far less of usual values: the mapping comes with the program
}

// ScanColumn is a leaf's column in `records`. Type is a DuckDB type name: VARCHAR, BOOLEAN, INTEGER, BIGINT, DOUBLE, TIMESTAMP.
type ScanColumn struct {
	Name string
	Type string
}

// TextColumn is a VARCHAR column of `records` with the text that a leaf was read from; NULL where the leaf is NULL.
type TextColumn struct {
	Name string
	Leaf int // number in Scan.Leaves
}

// Projection of one event class. Its SQL selects from `records`, once for each SELECT of the class: a streaming table function, or,
// where there are several SELECTs, a table of what it gave. The columns are, in this order:
// _time BIGINT (epoch ms), _day INTEGER (days since 1970), _account VARCHAR, _reject SMALLINT (NULL: accepted, else an
// index into Compiled.Reasons), _obj, _rec, _rest, _more VARCHAR (entries to add to unmapped, in decode's inline form, NULL if
// none), _miss UBIGINT (bit i set: Misses[i] holds), then the columns that Schema's nodes number from 0.
//
// Every record comes out of exactly one projection's SQL. Those that no projection owns come out of the first one's, with
// _reject set to NO_PROJECTION, SEVERAL_PROJECTIONS, or DROPPED (a drop predicate names it: count it as filtered, do not
// quarantine it). Where _reject is set, nothing else but _obj and _rec means anything.
//
// Schema's last column is unmapped, a Map whose Column is one more than the last the SQL gives: the caller appends it,
// made of _rest and _more (in which names that the mapping gives come first).
type Projection struct {
	Name  string // the file it comes from, without its extension, or the matched value
	Class string
	UID   int
	SQL   string // the SELECT over `records`, without ORDER BY; it filters by owner itself
	// Parts are queries that together give the rows of SQL, with the same columns. Each reads `records` once.
	Parts  []string
	Schema lake.Schema
	// ConstAccount is set where the account is a constant, so that ordering by it can be left out.
	ConstAccount string
	// TimeLeaves are the numbers, in Scan.Leaves, of those that time is read from. A record rejected with TIME_MISSING in which
	// one of them is a misfit of the scanner has a time that is unreadable, not missing.
	TimeLeaves []int
	// Misses are what the bits of _miss mean.
	Misses []Miss
}

// Miss is something that a published record can lack, and that is counted.
type Miss struct {
	Path string // of an OCSF attribute
	// Without says that the attribute is required, has no value, and that the mapping publishes the record nevertheless. Otherwise the
	// attribute did not take its value, which is in unmapped.
	Without bool
}

// FixedColumns is how many columns of a projection's result come before those that Schema's nodes number.
const FixedColumns = 9

// Reason of a reject found by the projection.
type Reason struct {
	Code    string // stable, see docs/quarantine.md
	Path    string // OCSF path or raw path at fault
	Message string
}

// Records is the SELECT that `records` is made of, over the columns of the scan. If several projections read it, each record's owner is
// computed there once.
func (p *Compiled) Records(scan string) string {
	if !p.Several {
		return "SELECT * FROM " + scan
	}
	return "SELECT *, " + p.Owner + " AS _owner FROM " + scan
}

// LookupBytes is what the tables of the lookups take in memory.
func (p *Compiled) LookupBytes() (n int64) {
	for _, t := range p.Lookups {
		n += t.Bytes()
	}
	return n
}

// CheckFormat holds a job's source.format against the mapping's; "" agrees with any.
func (p *Compiled) CheckFormat(job string) error {
	if name := p.Scan.Format.Name; job != "" && job != string(name) {
		return fmt.Errorf("the job says %s, but the mapping %s reads %s. Try: remove the key from the job, or change `-- format:` in raw.sql", job, p.Name, name)
	}
	return nil
}
