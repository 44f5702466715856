package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/location"
)

// Config is what a job says about its catalog. A kind ignores the settings it has no use for.
type Config struct {
	Database   string
	Lake       location.Location
	State      location.Location
	Region     string // Glue: empty for the region of the AWS configuration
	RoleARN    string // Glue: assumed for every request
	ExternalID string // Glue: sent when the role is assumed
	CatalogID  string // Glue: the account of the catalog; empty for the caller's
}

// Kind describes the catalogs of one type: which jobs can use one, and how it is opened.
type Kind struct {
	Type string // as catalog.type names it
	// CheckLake says why a job with this lake cannot use the type. It is nil if every lake will do.
	CheckLake func(lake location.Location) error
	// Open returns ErrUnusable if the job's settings do not allow this type.
	Open func(ctx context.Context, cfg Config) (Catalog, error)
	// OpenViews opens what keeps views in a database. It is nil if other engines do not read the catalog.
	OpenViews func(ctx context.Context, cfg Config) (ViewKeeper, error)
	// UsesAWS says that AWS credentials and a region are needed.
	UsesAWS bool
	// WritePermissions names the permissions that a run needs to write, for catalogs in which etl doctor cannot test that. It may be
	// nil.
	WritePermissions func(createsTable bool) string
}

// Registry is a list of kinds of catalogs. The list of this program is in cmd/etl/stores_and_catalogs.go.
type Registry []Kind

// Types are the names of the known types.
func (r Registry) Types() []string {
	var types []string
	for _, k := range r {
		types = append(types, k.Type)
	}
	return types
}

// ErrUnusable means that a job must name another catalog type.
var ErrUnusable = errors.New("the job cannot use this catalog type")

// Find returns the kind of a type. An unknown type is a *diag.OpError around ErrUnusable that names the known ones.
func (r Registry) Find(typ string) (Kind, error) {
	i := slices.IndexFunc(r, func(k Kind) bool { return k.Type == typ })
	if i < 0 {
		return Kind{}, &diag.OpError{Op: "open catalog", Object: fmt.Sprintf("%q", typ), Err: fmt.Errorf("%w: it is unknown", ErrUnusable),
			Try: "set catalog.type to " + strings.Join(r.Types(), " or ")}
	}
	return r[i], nil
}
