package catalog

import (
	"errors"
	"fmt"
)

// More errors callers decide on, of the same kind as ErrNoTable.
var (
	// ErrInvalid is a table or partition that no catalog should be given: a broken type, a location without its slash.
	ErrInvalid = errors.New("not a valid table or partition")
	// ErrLimit is a name or type over a limit of the Glue Data Catalog (Limits).
	ErrLimit = errors.New("over a limit of the catalog")
	// ErrForeign is a table that is there but is not of this lake's kind: other partition keys, Iceberg, a resource link.
	ErrForeign = errors.New("the table is of another kind")
	// ErrBusy is a race lost, or an answer to try again later, that outlasted every retry.
	ErrBusy = errors.New("the catalog stayed busy")
)

// Error says which operation failed on what, why, and what to do. Object is a table, or a table and a partition, and may be
// empty; Hint may be empty.
type Error struct {
	Op, Catalog, Object string
	Err                 error
	Hint                string
}

func (e *Error) Error() string {
	s := e.Op + " " + e.Catalog
	if e.Object != "" {
		s += "/" + e.Object
	}
	s += ": " + e.Err.Error()
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// TypeError is an ErrType: Path (dotted; `[]` is an array's element, `{}` a map's value) has the type Have in the catalog
// and was to become Want.
type TypeError struct {
	Path, Have, Want string
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("%v: %s is %s in the catalog and would become %s; make the mapping give %s there, "+
		"or write the new type under another name (files written before keep the old one)",
		ErrType, e.Path, clip(e.Have), clip(e.Want), clip(e.Have))
}

// Is makes a TypeError an ErrType.
func (e *TypeError) Is(target error) bool { return target == ErrType }

// clip keeps a type readable in a message: a struct of OCSF can be pages long.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most-3] + "..."
}
