package ledger

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/objstore"
)

// TestDeleteAgain: a publication that the store finished after its file was dropped and deleted is undone by the next run, for
// seven days; a live file is never touched.
func TestDeleteAgain(t *testing.T) {
	w, p, a := committed(t)
	must(p.roll(t.Context(), false))
	must(p.l.Release(t.Context(), WhyRewind, a.Moves[0].Batch))
	revive := func() {
		for _, f := range a.Files { // what a request does that was under way all the time
			must(w.lake.Put(t.Context(), f.Held.Key, strings.NewReader("late"), objstore.PutOptions{}))
		}
	}
	visible := func() (n int) {
		must(0, w.lake.List(t.Context(), objstore.ListOptions{}, func(objstore.Object) error { n++; return nil }))
		return n
	}
	if n := must(p.l.DeleteAgain(t.Context(), p.lake)); n != 0 || visible() != 3 {
		t.Fatalf("%d deleted again before the rewind is rolled forward, %d visible", n, visible())
	}
	must(p.roll(t.Context(), false))
	revive()
	if n := must(p.l.DeleteAgain(t.Context(), p.lake)); n != 3 || visible() != 0 {
		t.Fatalf("%d deleted again, %d visible", n, visible())
	}
	revive()
	if n := must(must(Open(w.state, "job", Options{})).DeleteAgain(t.Context(), w.lake)); n != 3 || visible() != 0 {
		t.Fatalf("another process: %d deleted again, %d visible", n, visible())
	}

	// the objects run again: what is live stays
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(p.l.DeleteAgain(t.Context(), p.lake))
	w.exact("after deleting again")

	// a store that refuses is reported
	p.lake.before = func(op, _ string) error {
		if op == "delete" {
			return objstore.ErrDenied
		}
		return nil
	}
	if _, err := p.l.DeleteAgain(context.Background(), p.lake); !errors.Is(err, objstore.ErrDenied) {
		t.Error(err)
	}
	p.lake.before = nil

	// after an entry of eight days later it is forgotten
	later := must(Open(w.state, "job", Options{Run: newID(), NewID: func() string {
		return must(ulid.New(ulid.Timestamp(time.Now().Add(8*24*time.Hour)), ulid.DefaultEntropy())).String()
	}}))
	must(later.Pause(t.Context(), true))
	if n := must(later.DeleteAgain(t.Context(), w.lake)); n != 0 {
		t.Errorf("%d deleted again after eight days", n)
	}
}
