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

// Temporary says whether everything that failed in err may succeed later without a change by a person. It is false if there is no
// OpError in err. An OpError around another one is as temporary as that one.
func Temporary(err error) bool {
	found, temporary := temporaryIn(err)
	return found && temporary
}

func temporaryIn(err error) (found, temporary bool) {
	temporary = true
	inspect := func(inner error) {
		f, t := temporaryIn(inner)
		found, temporary = found || f, temporary && t
	}
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, because errors.As stops at the first one
	case interface{ Unwrap() error }:
		inspect(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			inspect(inner)
		}
	}
	if op, ok := err.(*OpError); ok && !found { //nolint:errorlint // see above
		return true, op.Temporary
	}
	return found, temporary
}
