package jobs_test

import (
	"context"
	"errors"
	"testing"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
)

// noDelete is a lake whose deleting role turns out to be allowed nothing.
type noDelete struct{ ledger.Lake }

func (d noDelete) Delete(_ context.Context, key string) error {
	return &objstore.Error{Op: "delete", Store: d.String(), Key: key, Err: objstore.ErrDenied}
}

func (d noDelete) Drop(_ context.Context, h objstore.Held) error {
	return &objstore.Error{Op: "drop", Store: d.String(), Key: h.Key, Err: objstore.ErrDenied}
}

// TestRewindDenied: while what a rewind took back cannot be deleted, no run brings its objects' rows a second time.
func TestRewindDenied(t *testing.T) {
	bothStores(t, func(t *testing.T, p *parts) {
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		p.mustRun(t, jobs.RunOptions{})
		r := p.deleting()
		r.Deleter = noDelete{p.lake}
		if _, err := r.Rewind(t.Context(), "", false); !errors.Is(err, objstore.ErrDenied) {
			t.Errorf("rewind: %v", err)
		}
		r = p.runner()
		r.Deleter = noDelete{p.lake}
		if sum, err := r.Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, jobs.ErrNoDelete) || sum.Records.Published != 0 {
			t.Errorf("run: %v, %+v", err, sum.Records)
		}
		r = p.deleting()
		if _, err := r.Run(t.Context(), jobs.RunOptions{}); err != nil {
			t.Fatal(err)
		}
		p.again(t, want)
	})
}
