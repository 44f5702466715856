package ledger

import (
	"context"
	"errors"

	"github.com/silt-etl/silt/internal/objstore"
)

// The errors callers decide on. Test with errors.Is.
var (
	// ErrNewer: an entry, manifest or attempt record has a version, kind or field that this program does not know. Nothing may
	// be decided without understanding it.
	ErrNewer = errors.New("written by a newer version of etl")
	// ErrCorrupt: an entry is missing or damaged, or does not fit what the ledger says before it.
	ErrCorrupt = errors.New("the ledger is inconsistent")
	// ErrVoid: somebody moved a batch of this attempt first. Nothing of it is or becomes visible; Discard is allowed.
	ErrVoid = errors.New("the attempt is void")
	// ErrMoved: the ledger has gone on since this was decided. Fold and decide again.
	ErrMoved = errors.New("another run has written to the ledger")
	// ErrUnknown: whether the write happened is not known. Nothing may be dropped; a later fold tells.
	ErrUnknown = errors.New("it is not known whether the write succeeded")
	// ErrHeld: another run holds the lease. The command line makes it exit code 4.
	ErrHeld = errors.New("another run is already doing this work")
	// ErrLost: the store lost held files of a committed batch, and withdrawing the batch needs deletes that are not allowed.
	ErrLost = errors.New("the store lost a held file")
)

// final tells whether trying the same request again cannot help.
func final(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, objstore.ErrDenied) || errors.Is(err, objstore.ErrNoStore) ||
		errors.Is(err, objstore.ErrNoCreds)
}
