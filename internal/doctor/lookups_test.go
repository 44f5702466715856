package doctor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/ledger/keptlookups"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// A kept file that an open batch needs is a failure if it is lost or has other content. One of a batch that was released is a warning.
func TestKeptLookups(t *testing.T) {
	state := memstore.New("state")
	l, err := ledger.Open(state, "job", ledger.Options{Run: ulid.Make().String(), TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var sums, batches []string
	for _, text := range []string{"open", "released"} {
		sum := sha256.Sum256([]byte(text))
		sums = append(sums, hex.EncodeToString(sum[:]))
		batches = append(batches, ulid.Make().String())
		file := keptlookups.File{SHA256: sums[len(sums)-1], Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
		if err := keptlookups.Put(t.Context(), state, "job", file); err != nil {
			t.Fatal(err)
		}
		m := &ledger.Manifest{ID: ulid.Make().String(), Lookups: []ledger.MappingLookup{{Name: "x", File: "x.csv", SHA256: sums[len(sums)-1]}},
			Batches: []ledger.ManifestBatch{{Batch: batches[len(batches)-1], Objects: []objstore.Object{{Key: text, ETag: "e"}}}}}
		st, err := l.Fold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Plan(t.Context(), st.Seq(), m); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Release(t.Context(), ledger.WhyReplan, batches[1]); err != nil {
		t.Fatal(err)
	}
	check := func(want ...Result) {
		t.Helper()
		got := checkKeptLookups(t.Context(), "job", func(ctx context.Context, _ bool, do func(context.Context, Places) error) ([]string, error) {
			return nil, do(ctx, Places{Ledger: l, State: state})
		})
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	check(ok("lookups", "2 kept files that plans name, each with the content that was planned"))
	for _, sum := range sums {
		if _, err := state.Put(t.Context(), "job/lookups/"+sum, strings.NewReader("other"), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	other := ": the content is not that of the digest"
	check(Result{Fail, "lookups", "1 kept file that open batches need cannot be used: job/lookups/" + sums[0] + ": state/job/lookups/" + sums[0] + other, "etl run --replan"},
		Result{Warn, "lookups", "1 kept file of earlier plans cannot be used: job/lookups/" + sums[1] + ": state/job/lookups/" + sums[1] + other, "etl backfill --replace makes batches of the same days with the lookups as they are now"})
	if err := state.Delete(t.Context(), "job/lookups/"+sums[0]); err != nil {
		t.Fatal(err)
	}
	if err := state.Delete(t.Context(), "job/lookups/"+sums[1]); err != nil {
		t.Fatal(err)
	}
	check(Result{Fail, "lookups", "1 kept file that open batches need cannot be used: job/lookups/" + sums[0] + ": it does not exist", "etl run --replan"},
		Result{Warn, "lookups", "1 kept file of earlier plans cannot be used: job/lookups/" + sums[1] + ": it does not exist", "etl backfill --replace makes batches of the same days with the lookups as they are now"})
}
