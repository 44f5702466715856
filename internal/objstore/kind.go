package objstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/location"
)

// Options are what a job says about a store in addition to its location. A store ignores the options it has no use for.
type Options struct {
	Region     string // S3: the bucket's region
	RoleARN    string // S3: the role to assume
	ExternalID string // S3: sent when the role is assumed
	KMSKeyID   string // S3: the KMS key to encrypt with
	HoldCopies bool   // S3: hold files as copies instead of as multipart uploads
	Create     bool   // folder: create it if it does not exist
	HideSilt   bool   // folder: leave .silt* folders out of listings
	// StatusTimes: folder: an ETag also has the time of a file's last status change. It is for staging, whose files other programs write
	StatusTimes bool
	Links       Links // folder: what to do with symbolic links
}

// Kind describes the stores of one scheme: how one is opened, and the properties that a job's settings depend on. Code outside of
// a store asks these properties, never for the scheme.
type Kind struct {
	Scheme string // of its locations, without "://"; empty for folders
	Form   string // how a person writes a location: "s3://bucket/prefix"
	Open   func(ctx context.Context, at location.Location, opts Options) (Bucket, error)

	// CreatedByRun says that a run creates the place itself. One that does not exist yet is then not an error.
	CreatedByRun bool
	// NeedsState says that a job with such a lake must name its state. Otherwise the state's default is .silt in the lake.
	NeedsState bool
	// HoldsCopies says that files can be held as copies (lake.hold: copy).
	HoldsCopies bool
	// DeletesNeedRole says that a lake's files are deleted only under a role of their own (lake.delete_role_arn).
	DeletesNeedRole bool
	// UsesAWS says that AWS credentials and a region are needed.
	UsesAWS bool
	// DefaultCatalog is the catalog type of a job with such a lake that does not name one.
	DefaultCatalog string
}

// ErrUnknownScheme is a location with a scheme that no kind of store has.
var ErrUnknownScheme = errors.New("unknown scheme")

// Registry is a list of kinds of stores. The list of this program is in cmd/etl/stores_and_catalogs.go.
type Registry []Kind

// Find parses a location and finds its kind. Errors are *diag.OpError around ErrUnknownScheme or a *location.ParseError, and name
// the forms that are known.
func (r Registry) Find(text string) (location.Location, Kind, error) {
	at, err := location.Parse(text)
	if err != nil {
		if p, ok := errors.AsType[*location.ParseError](err); ok {
			text = p.Text
		}
		return at, Kind{}, &diag.OpError{Op: "open", Object: fmt.Sprintf("%q", text), Err: errors.Unwrap(err), Try: "write " + r.forms()}
	}
	i := slices.IndexFunc(r, func(k Kind) bool { return k.Scheme == at.Scheme() })
	if i < 0 {
		// The rest of a URL may hold a password.
		return at, Kind{}, &diag.OpError{Op: "open", Object: at.Scheme() + "://...", Err: ErrUnknownScheme, Try: "write " + r.forms()}
	}
	return at, r[i], nil
}

// Open returns the store at a location. Errors are *diag.OpError around ErrUnknownScheme, ErrNoStore, ErrNoCreds, ErrDenied or
// another cause.
func (r Registry) Open(ctx context.Context, text string, opts Options) (Bucket, error) {
	at, kind, err := r.Find(text)
	if err != nil {
		return nil, err
	}
	return kind.Open(ctx, at, opts)
}

func (r Registry) forms() string {
	var forms []string
	for _, k := range r {
		forms = append(forms, k.Form)
	}
	return strings.Join(forms, " or ")
}
