package jobs_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/refused"
	"github.com/silt-etl/silt/jobs"
)

// refused is what is kept of refused batches, with the text of each row.
func (p *parts) refused(t *testing.T) (batches []refused.Batch, rows []string) {
	t.Helper()
	return refusedOf(t, p.state, p.spec.Name)
}

func refusedOf(t *testing.T, state objstore.Reader, job string) (batches []refused.Batch, rows []string) {
	t.Helper()
	files, err := refused.List(t.Context(), state, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := f.Read(t.Context(), state, t.TempDir(), func(r quarantine.Row) error {
			rows = append(rows, r.Object+": "+string(r.Raw))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if b.Batch != f.Batch || b.Refused.IsZero() {
			t.Errorf("%s says %+v", f.Key, b)
		}
		batches = append(batches, b)
	}
	return batches, rows
}

// TestRefusedIsKept: what was wrong with a refused batch is kept until its objects are loaded, or refused as parts of other batches.
// Nothing of it is in quarantine. Retention deletes it at the age of quarantine.
func TestRefusedIsKept(t *testing.T) {
	p := newMemParts(t, 1<<20)
	p.spec.Limits.MaxQuarantineRatio = 0.01
	dns := kindOf(9, 1, "dns")
	for n, lines := range [][]string{{flow(1, 0), flow(2, 0), "broken"}, {flow(3, 1), dns}} {
		if err := p.put(nightKey(n+1), gz(lines...)); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
	wantError(t, "one batch", err, jobs.ErrQuarantine, 3, "1 of 5 records were rejected (20.00%)", "Reasons: RECORD_NOT_JSON 1.", nightKey(1)+", record 3: broken. Try: etl quarantine show")
	unmatched := quarantine.Group{Reason: "NO_PROJECTION", Records: 1, Objects: 1, Message: "no SELECT of the mapping matches this record", Object: nightKey(2), Record: 2}
	broken := quarantine.Group{Reason: "RECORD_NOT_JSON", Records: 1, Objects: 1, Object: nightKey(1), Record: 3}
	kinds := refused.Kinds{`event.event_type = "dns"`: 1}
	ignore := cmp.Options{cmpopts.IgnoreFields(refused.Batch{}, "Batch", "Refused"), cmpopts.IgnoreFields(quarantine.Group{}, "Message")}
	check := func(when string, batches []refused.Batch, rows ...string) {
		t.Helper()
		got, texts := p.refused(t)
		if diff := cmp.Diff(batches, got, ignore); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		if diff := cmp.Diff(rows, texts); diff != "" {
			t.Errorf("%s, rows (-want +got):\n%s", when, diff)
		}
	}
	check("one batch", []refused.Batch{{Run: sum.Run, Read: 5, Records: 2, Kept: 2, Kinds: kinds, Groups: []quarantine.Group{unmatched, broken}}}, nightKey(1)+": broken", nightKey(2)+": "+dns)
	if n := p.count(t, "quarantine"); n != 0 {
		t.Errorf("%d quarantine files", n)
	}

	sum, err = p.runner().Run(t.Context(), jobs.RunOptions{})
	if !errors.Is(err, jobs.ErrQuarantine) || len(sum.Failed) != 2 {
		t.Fatalf("%+v, %v", sum.Failed, err)
	}
	got, _ := p.refused(t)
	if len(got) == 2 && got[0].Groups[0].Reason != unmatched.Reason { // the order of batches is not defined
		got[0], got[1] = got[1], got[0]
	}
	if diff := cmp.Diff([]refused.Batch{{Run: sum.Run, Read: 2, Records: 1, Kept: 1, Kinds: kinds, Groups: []quarantine.Group{unmatched}},
		{Run: sum.Run, Read: 3, Records: 1, Kept: 1, Groups: []quarantine.Group{broken}}}, got, ignore); diff != "" {
		t.Errorf("split by day (-want +got):\n%s", diff)
	}

	p.spec.Retention = jobfile.Retention{Quarantine: 365 * day}
	for age, want := range map[time.Duration]int{300: 0, 400: 2} {
		out, err := p.aged(age*day).Retain(t.Context(), true)
		if err != nil || out.Refused.Files != want || p.count(t, "refused") != 2 {
			t.Errorf("dry retention after %d days: %+v, %v", age, out, err)
		}
	}
	p.spec.Limits.MaxQuarantineRatio = 0.5
	p.mustRun(t, jobs.RunOptions{})
	check("loaded", nil)

	p.spec.Limits.MaxQuarantineRatio = 0.01
	if err := p.put(nightKey(3), gz("broken", flow(4, 2))); err != nil {
		t.Fatal(err)
	}
	if _, err := p.runner().Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, jobs.ErrQuarantine) {
		t.Fatal(err)
	}
	if out, err := p.aged(400*day).Retain(t.Context(), false); err != nil || out.Refused.Files != 1 || p.count(t, "refused") != 0 {
		t.Errorf("retention: %+v, %v", out, err)
	}
}
