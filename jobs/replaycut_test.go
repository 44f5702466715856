package jobs_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// TestReplayOfCutRecords: a replay leaves a record that is cut, and says what to do. A replace with the corrected format then reads its
// object again.
func TestReplayOfCutRecords(t *testing.T) {
	p := newMemParts(t, 1)
	p.spec.Limits.MaxQuarantineRatio = 1
	var records []string
	more := `"event":{"more":"` + strings.Repeat("x", 500_000) + `",`
	for i := range 40 {
		records = append(records, strings.Replace(flow(i, 0), `"event":{`, more, 1))
	}
	if err := p.put(key("a"), gz(`{"Records":[`+strings.Join(records, ",")+"]}")); err != nil {
		t.Fatal(err)
	}
	sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
	if err != nil || sum.Reasons["RECORD_TOO_LONG"] != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	inEnvelope := func(r *jobs.Runner) *jobs.Runner {
		m, _ := testMapping()
		files := maps.Clone(m.Files)
		files["raw.sql"] = "-- records: Records\n" + files["raw.sql"]
		n, err := mappings.LoadFiles(m.Name, files)
		if err != nil {
			t.Fatal(err)
		}
		r.Mapping, r.Compile = n, compilePlan
		return r
	}
	seq := p.seq(t)
	sum, err = inEnvelope(p.runner()).Replay(t.Context(), jobs.ReplayOptions{})
	if err != nil || sum.Records.Published != 0 {
		t.Fatalf("replay: %+v, %v", sum, err)
	}
	if said := strings.Join(sum.Warnings, "; "); !strings.Contains(said, "1 record cannot be replayed") || !strings.Contains(said, key("a")) {
		t.Errorf("warnings: %s", said)
	}
	if p.seq(t) != seq {
		t.Error("the replay has written an entry")
	}
	if _, err := inEnvelope(p.deleting()).Backfill(t.Context(), october()); err != nil {
		t.Fatal(err)
	}
	if c := p.counts(t); c != (ledger.Counts{Read: 40, Published: 40}) {
		t.Errorf("the ledger counts %+v", c)
	}
}
