package catalog

import (
	"errors"
	"fmt"

	"github.com/silt-etl/silt/internal/diag"
)

// More reasons that callers decide on, like ErrNoTable.
var (
	// ErrInvalid is a table or partition that no catalog accepts (example: a location without a slash at its end).
	ErrInvalid = errors.New("not a valid table or partition")
	// ErrLimit is a name or type over a limit of the Glue Data Catalog.
	ErrLimit = errors.New("over a limit of the catalog")
	// ErrForeign is an existing table that this lake cannot write to: other partition keys, Iceberg, a resource link.
	ErrForeign = errors.New("the table is of another kind")
	// ErrBusy means that the catalog was busy, or changed by others, until every retry was used up.
	ErrBusy = errors.New("the catalog stayed busy")
)

// Fail describes a failed operation on a catalog. object is a table, or a table and a partition, and may be empty; try says what a
// person can do and may be empty. A failure is temporary unless a person must fix its
// cause.
func Fail(op, catalog, object string, err error, try string) *diag.OpError {
	if object != "" {
		catalog += "/" + object
	}
	temporary := true
	for _, lasting := range []error{ErrDenied, ErrNoDatabase, ErrType, ErrInvalid, ErrLimit, ErrForeign} {
		temporary = temporary && !errors.Is(err, lasting)
	}
	return &diag.OpError{Op: op, Object: catalog, Err: err, Try: try, Temporary: temporary}
}

// TypeError is an ErrType: Path (dotted; `[]` is an array's element, `{}` a map's value) has the type Have in the catalog
// and was to become Want.
type TypeError struct {
	Path, Have, Want string
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("%v: %s is %s in the catalog and would become %s; let the mapping give %s there, "+
		"or write the new type under another name (existing files keep the old one)",
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
