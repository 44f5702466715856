package diag

// OpError is an error that a person can meet outside of files: an operation failed on an object.
//
// Example: "read s3://acme-staging/fw/2026/11/29/a.gz: access denied. Try: allow s3:GetObject on the bucket".
type OpError struct {
	Op     string // what was tried, as a verb: read, list, create table
	Object string // on what: a location, a table, a key; it never holds a secret
	Err    error  // why it failed; errors.Is finds a package's sentinels in it
	Try    string // a command or a setting that helps; may be empty

	// Temporary says that the same operation may succeed later without a change by a person.
	Temporary bool
}

// Error gives operation, object and cause, and then what to try.
func (e *OpError) Error() string {
	s := e.Op
	if e.Object != "" {
		s += " " + e.Object
	}
	s += ": " + e.Err.Error()
	if e.Try != "" {
		s += ". Try: " + e.Try
	}
	return s
}

func (e *OpError) Unwrap() error { return e.Err }
