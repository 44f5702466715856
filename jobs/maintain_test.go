package jobs_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/jobs"
)

// compare and fix are what etl doctor does with a job, without and with --fix.
func compare(ctx context.Context, r *jobs.Runner) (found *doctor.Comparison, err error) {
	_, err = r.Maintain(ctx, true, func(ctx context.Context, p doctor.Places) (err error) {
		found, err = doctor.Compare(ctx, p)
		return err
	})
	return found, err
}

func fix(ctx context.Context, r *jobs.Runner) (*doctor.Fixed, error) {
	fixed := &doctor.Fixed{}
	sum, err := r.Maintain(ctx, false, func(ctx context.Context, p doctor.Places) (err error) {
		fixed, err = doctor.Fix(ctx, p)
		return err
	})
	fixed.Warnings = sum.Warnings
	return fixed, err
}

// found counts what a comparison found, by the keys of its JSON. It leaves out what was not found.
func found(t *testing.T, c *doctor.Comparison) map[string]int {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for key, v := range fields {
		n := 0
		switch v := v.(type) {
		case []any:
			n = len(v)
		case float64:
			n = int(v)
		}
		if n > 0 {
			counts[key] = n
		}
	}
	return counts
}

// did is what a fix did, without what is left.
func did(f *doctor.Fixed) doctor.Fixed {
	only := *f
	only.Left = nil
	return only
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
