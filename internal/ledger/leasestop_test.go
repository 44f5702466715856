package ledger_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// stopping is a store that is stopped while it writes a lease: the lease is there, and its writer does not hear of it.
type stopping struct {
	objstore.Bucket
	stop context.CancelFunc
}

func (s stopping) Put(ctx context.Context, key string, r io.Reader, o objstore.PutOptions) (objstore.Object, error) {
	obj, err := s.Bucket.Put(ctx, key, r, o)
	if strings.Contains(key, "/leases/") && ctx.Err() == nil && s.stop != nil {
		s.stop()
		if ctx.Err() != nil {
			return objstore.Object{}, ctx.Err()
		}
	}
	return obj, err
}

// TestLeaseOfAStoppedRun: a run that is stopped while it takes a lease does not keep the next one out.
func TestLeaseOfAStoppedRun(t *testing.T) {
	store := memstore.New("mem://state")
	ctx, cancel := context.WithCancel(t.Context())
	first, err := ledger.Open(stopping{store, cancel}, "job", ledger.Options{Run: ulid.Make().String()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Lease(ctx, ledger.LeaseReplay); !errors.Is(err, context.Canceled) {
		t.Fatalf("the stopped run's lease: %v", err)
	}
	second, err := ledger.Open(store, "job", ledger.Options{Run: ulid.Make().String()})
	if err != nil {
		t.Fatal(err)
	}
	lease, err := second.Lease(t.Context(), ledger.LeaseReplay)
	if err != nil {
		t.Fatalf("the next run: %v", err)
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
}
