package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
)

// TestMayPass: a run is tried again only if time alone can help. What a person has to change first ends it, also as one of several
// errors, and an error of unknown origin too.
func TestMayPass(t *testing.T) {
	store := func(err error) error {
		return fmt.Errorf("batch 1: %w", objstore.Fail("get", "s3://lake", "k", err, ""))
	}
	cat := func(err error) error {
		return fmt.Errorf("batch 1: %w", catalog.Fail("ensure table", "glue:db@us-east-1", "t", err, ""))
	}
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"store: broken connection", store(io.ErrUnexpectedEOF), true},
		{"store: object not found", store(objstore.ErrNotExist), true},
		{"store: object exists", store(objstore.ErrExists), true},
		{"store: object changed", store(objstore.ErrChanged), true},
		{"store: not held", store(objstore.ErrNotHeld), true},
		{"store: deadline", store(context.DeadlineExceeded), true},
		{"store: canceled", store(context.Canceled), false},
		{"store: denied", store(objstore.ErrDenied), false},
		{"store: denied, wrapped", store(fmt.Errorf("%w: AccessDenied", objstore.ErrDenied)), false},
		{"store: no bucket", store(objstore.ErrNoStore), false},
		{"store: no credentials", store(objstore.ErrNoCreds), false},
		{"catalog: throttled", cat(errors.New("ThrottlingException")), true},
		{"catalog: busy", cat(catalog.ErrBusy), true},
		{"catalog: no table", cat(catalog.ErrNoTable), true},
		{"catalog: denied", cat(catalog.ErrDenied), false},
		{"catalog: no database", cat(catalog.ErrNoDatabase), false},
		{"catalog: type", cat(&catalog.TypeError{Path: "a", Have: "int", Want: "string"}), false},
		{"catalog: invalid", cat(catalog.ErrInvalid), false},
		{"catalog: limit", cat(catalog.ErrLimit), false},
		{"catalog: foreign", cat(catalog.ErrForeign), false},
		{"ledger: unknown outcome", fmt.Errorf("%w: %w", ledger.ErrUnknown, store(io.EOF)), true},
		{"ledger: moved", ledger.ErrMoved, true},
		{"ledger: held", &ledger.HeldError{Name: "n", Run: "r"}, false},
		{"ledger: newer", ledger.ErrNewer, false},
		{"ledger: corrupt", fmt.Errorf("%w: %w", ledger.ErrCorrupt, store(io.EOF)), false},
		{"ledger: void", ledger.ErrVoid, false},
		{"ledger: lost", ledger.ErrLost, false},
		{"run: quarantine", ErrQuarantine, false},
		{"run: stopped", ErrStopped, false},
		{"run: timeout", fmt.Errorf("%w: %w", ErrTimeout, store(io.EOF)), false},
		{"run: batch timeout", ErrBatchTimeout, false},
		{"several: both may pass", errors.Join(store(io.EOF), cat(catalog.ErrBusy)), true},
		{"several: one denied", errors.Join(store(io.EOF), cat(catalog.ErrDenied)), false},
		{"several: one of unknown origin", errors.Join(errors.New("disk full"), store(io.EOF)), true},
		{"store error around a store error", store(store(objstore.ErrDenied)), false},
		{"store error around a broken connection", store(store(io.EOF)), true},
		{"unknown origin", errors.New("disk full"), false},
	} {
		if got := isTemporary(c.err); got != c.want {
			t.Errorf("%s: may pass %t, want %t (%v)", c.name, got, c.want, c.err)
		}
	}
}
