// Package lake knows what a file of the lake is: its key, how it is written, and what the gate accepts.
//
// It writes OCSF Parquet that keeps the rules of Security Lake's custom sources (docs/lake-rules.md): zstd, data and
// dictionary pages of at most 1 MiB uncompressed, row groups of at most 256 MiB compressed, three-level lists, records in
// order of time, one event class and one partition a file. It never talks to a store or a catalog, and never looks at
// where rows came from.
package lake

// Kind of a Node.
type Kind uint8

const (
	Group  Kind = iota // a struct; NULL when everything inside is NULL
	String             // UTF-8 BYTE_ARRAY
	Int32
	Int64
	Double
	Bool
	List // of Children[0], three-level encoding (list.element)
	Map  // map<string,string> (key_value.key, key_value.value)
	// Timestamp is INT64 TIMESTAMP_MILLIS in UTC. Input columns and constants are INT64 epoch milliseconds.
	Timestamp
)

// Node is a field of the file's schema and where its values come from. The root's Children are the columns; every field is
// optional (nullable) except a map's key.
//
// A leaf, List or Map takes its values from the input batch's column Column, or, with Column < 0, is the constant Const
// (string, int32, int64, float64, bool, or []string for a List of String) in every row where its parent Group is present.
// With Lookup set (String only) Column holds integers and the value is Lookup's text for it; an integer that Lookup does not
// know gives LookupElse, or NULL if that is empty.
//
// A Group is present where one of its non-constant descendants is not NULL; a Group of only constants is always present.
//
// Below a List all values are in the List's column: a Group is a STRUCT with the same field names there, present if that
// is not NULL, and no Node has a Column, Const, Lookup or Present of its own.
type Node struct {
	Name       string
	Kind       Kind
	Children   []*Node
	Column     int
	Const      any
	Lookup     map[int64]string
	LookupElse string
	// Present, if > 0, is 1 + the index of a boolean column that says where this Group is present, instead of the rule above.
	Present int
	// NearUnique tells the writer that a dictionary would not pay (ids, byte counts, times).
	NearUnique bool
}

// Schema of one event class as one mapping writes it.
type Schema struct {
	Class   string // OCSF class name, as network_activity
	Version string // OCSF version, as 1.1.0
	Columns []*Node
}

// The limits of Security Lake's custom sources
// (docs.aws.amazon.com/security-lake/latest/userguide/custom-sources-best-practices.html).
const (
	MaxPageBytes     = 1 << 20   // uncompressed, data and dictionary pages
	MaxRowGroupBytes = 256 << 20 // compressed
	MaxFileBytes     = 256 << 20 // ours: a new file of the same partition is begun above it
)
