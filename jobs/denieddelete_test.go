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
	return objstore.Fail("delete", d.String(), key, objstore.ErrDenied, "")
}

func (d noDelete) Drop(_ context.Context, h objstore.Held) error {
	return objstore.Fail("drop", d.String(), h.Key, objstore.ErrDenied, "")
}

// TestRewindDenied: while the files of a rewind cannot be deleted, no run loads their objects a second time.
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

// TestWithoutDeleting: with a role that may neither delete nor abort, as Security Lake's provider role, a run dies at any
// operation and the next ones leave every record once. What stays held is found, and a role that may delete ends it. Rewinding
// and doctor --fix refuse at once.
func TestWithoutDeleting(t *testing.T) {
	held := 0
	for at := 0; ; at += soaking(5, 1) {
		p := newMemParts(t, 1)
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		may := p.lake
		p.lake = noDelete{may}
		f := &injector{at: at, how: faultDead}
		_, _ = p.faulty(f).Run(t.Context(), jobs.RunOptions{})
		if _, err := p.afterwards().Run(t.Context(), jobs.RunOptions{}); err != nil {
			t.Errorf("operation %d (%s): the next run: %v", at, f.hit(), err)
		}
		for _, s := range p.problems(t.Context(), want) {
			t.Errorf("operation %d (%s): %s", at, f.hit(), s)
		}
		left, err := may.HeldList(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		held += len(left)
		if _, err := fix(t.Context(), p.afterwards()); !errors.Is(err, jobs.ErrNoDelete) {
			t.Errorf("doctor --fix: %v", err)
		}
		if _, err := p.afterwards().Rewind(t.Context(), "", false); !errors.Is(err, jobs.ErrNoDelete) {
			t.Errorf("rewind: %v", err)
		}
		r := p.afterwards()
		r.Deleter = p.lake // a role that turns out to be allowed nothing
		if _, err := fix(t.Context(), r); len(left) > 0 && !errors.Is(err, objstore.ErrDenied) {
			t.Errorf("operation %d (%s): doctor --fix with a role that is not allowed to delete: %v", at, f.hit(), err)
		}
		r.Deleter = may
		if m, err := fix(t.Context(), r); err != nil || m.Dropped < len(left) {
			t.Errorf("operation %d (%s): doctor --fix: %v, %+v with %d held", at, f.hit(), err, m, len(left))
		}
		for _, s := range append(p.corrected(t.Context()), p.problems(t.Context(), want)...) {
			t.Errorf("operation %d (%s), after doctor --fix: %s", at, f.hit(), s)
		}
		if f.hit() == "" {
			break
		}
	}
	if held == 0 {
		t.Error("no run left anything held")
	}
}
