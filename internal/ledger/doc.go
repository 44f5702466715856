// Package ledger decides what is true of a job: which staging objects are taken, which files of the lake are live, and what is
// still to do. It also makes the lake agree with what it decided.
//
// Words. An entry is one create-only object `<job>/ledger/<seq>.json`; together they are the ledger, and the State is their
// fold. A batch is a group of staging objects that commit together; an attempt is one try at it, which holds its files until
// an entry names them. A file is live while some batch has it, dead once an entry named it and no batch has it any more. To
// roll an entry forward is to make the lake agree with it: publish what it adds, drop and delete what it removes.
//
// Invariants, each with a test that fails when it is broken:
//   - One entry decides. An entry is written create-only at the number after the fold it was decided from; of several
//     writers one wins, and the others find out before they do anything else.
//   - A lost answer says nothing: the same bytes are sent to the same number again, and if the number is taken, that entry is
//     read, and its nonce shows who wrote it. Only ErrVoid means that an attempt lost.
//   - Nothing is visible before its entry, and any run can finish it afterwards: an attempt's record has all that is needed to
//     publish and drop its files.
//   - A dead file never becomes live again: keys contain the attempt's ULID and are not reused.
//   - What this version does not understand stops it (ErrNewer), and so does an entry that does not fit (ErrCorrupt). An
//     entry that would not fit is refused before it is written.
//   - Leases save work. No decision depends on a lease or on a local clock.
//
// The package never reads staging objects, never creates files, and never calls a catalog: its caller passes the function that
// adds partitions. A catalog that publishes files itself would take the place of that function and of Publish.
// docs/protocol.md has the rules in prose.
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
