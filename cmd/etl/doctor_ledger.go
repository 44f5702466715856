package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/silt-etl/silt/internal/doctor"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
)

// begun says whether a job has a state and a lake to look at: a folder that is not there is made by the first run.
func begun(spec *jobfile.Spec) bool {
	for _, place := range []string{spec.State, spec.Lake.Location} {
		if _, kind, err := storeKinds().Find(place); err == nil && kind.CreatedByRun {
			if _, err := os.Stat(place); err != nil {
				return false
			}
		}
	}
	return true
}

// lying compares lake, state and catalog with the ledger; with fix it also puts right what may be.
func (x *examination) lying(ctx context.Context, a *app, spec *jobfile.Spec, fix bool) {
	if !begun(spec) {
		x.add(doctor.Check{Status: doctor.OK, What: "ledger", Detail: "no run yet"})
		return
	}
	r, err := a.runner(ctx, spec)
	if err != nil {
		x.fail("ledger", err)
		return
	}
	r.LogTo = io.Discard
	if !fix {
		_, err := r.Maintain(ctx, true, func(ctx context.Context, p doctor.Places) (err error) {
			x.found, err = doctor.Compare(ctx, p)
			return err
		})
		if err != nil {
			x.fail("ledger", err)
			return
		}
		x.add(lyingAround(x.found)...)
		return
	}
	m := &doctor.Fixed{}
	sum, err := r.Maintain(ctx, false, func(ctx context.Context, p doctor.Places) (err error) {
		m, err = doctor.Fix(ctx, p)
		return err
	})
	m.Warnings = sum.Warnings
	x.mended = m
	if done := mended(m); done != "" {
		x.add(doctor.Check{Status: doctor.OK, What: "mended", Detail: done})
	}
	for _, w := range m.Warnings {
		x.add(doctor.Check{Status: doctor.Warn, What: "mended", Detail: w})
	}
	if err != nil {
		x.fail("mended", fmt.Errorf("%w; what is done stays done, run it again", err))
		return
	}
	x.found = m.Left
	x.add(lyingAround(m.Left)...)
}

// mended says in one line what --fix did; "" for nothing.
func mended(m *doctor.Fixed) string {
	var parts []string
	add := func(n int, noun, format string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(format, human.Plural(int64(n), noun)))
		}
	}
	add(m.Finished, "entry", "rolled %s forward")
	if m.Fence > 0 {
		parts = append(parts, fmt.Sprintf("fenced %s (entry %d)", human.Plural(int64(m.Fenced), "batch"), m.Fence))
	}
	add(m.Dropped, "held file", "dropped %s")
	add(m.Deleted, "dead file", "deleted %s")
	add(m.Quarantine, "quarantine file", "deleted %s")
	add(m.Records, "attempt", "removed the records of %s")
	add(m.Partitions, "partition", "added %s")
	return strings.Join(parts, ", ")
}

// some names a few of many keys.
func some(keys []string) string {
	const few = 3
	if len(keys) <= few {
		return strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(keys[:few], ", "), len(keys)-few)
}

// lyingAround are the checks of what was found; JSON has every key.
func lyingAround(f *doctor.Comparison) (checks []doctor.Check) {
	add := func(status doctor.Status, what, todo, format string, args ...any) {
		checks = append(checks, doctor.Check{Status: status, What: what, Detail: fmt.Sprintf(format, args...), Todo: todo})
	}
	files := func(n int) string { return human.Plural(int64(n), "file") }
	const fix = "etl doctor --fix does it"
	if n := len(f.Missing); n > 0 {
		add(doctor.Fail, "live files", "their rows are not in the lake: bring the objects back (a bucket with versions has them), or rewind with etl bookmark set --run, so that the objects run again",
			"%s of the ledger cannot be seen: %s", files(n), some(f.Missing))
	} else {
		add(doctor.OK, "live files", "", "%s of the ledger, none missing", files(f.LiveFiles))
	}
	if n := len(f.Waiting); n > 0 {
		add(doctor.Warn, "entries", "the next run rolls them forward, and so does etl doctor --fix", "%s not done, and nobody is at work on them", human.Plural(int64(n), "entry"))
	}
	if n := len(f.Dead); n > 0 {
		add(doctor.Warn, "dead files", fix, "%s to be deleted can be seen, so readers have their rows: %s", files(n), some(f.Dead))
	}
	if n := len(f.Unknown); n > 0 {
		add(doctor.Warn, "other files", "readers see them; they are never deleted by etl: if they are not another job's, move them away",
			"%s in the job's folders that no ledger entry names, so they did not come from this job: %s", files(n), some(f.Unknown))
	}
	var listed, said []string
	for _, h := range f.Held {
		if h.Listed {
			listed = append(listed, h.Key)
		} else {
			said = append(said, h.Key)
		}
	}
	if len(listed) > 0 {
		add(doctor.Warn, "held files", "nobody sees them, they take space; "+fix, "%s held that can go: their attempts are void, or they are dead or published: %s", files(len(listed)), some(listed))
	}
	if len(said)+len(f.Records) > 0 {
		add(doctor.OK, "void attempts", fix, "%s left records, which name %s that may still be held", human.Plural(int64(len(f.Records)), "attempt"), files(len(said)))
	}
	var idle, busy []string
	for _, a := range f.Abandoned {
		if a.Busy {
			busy = append(busy, a.Batch)
		} else {
			idle = append(idle, a.Batch)
		}
	}
	if len(idle) > 0 {
		add(doctor.Warn, "abandoned attempts", "etl doctor --fix fences the batches and drops what is held", "%s stopped before an entry, at %s", human.Plural(int64(len(idle)), "attempt"), some(idle))
	}
	if len(busy) > 0 {
		add(doctor.OK, "attempts", "", "%s without an entry yet; a run may be at work on it", human.Plural(int64(len(busy)), "attempt"))
	}
	if n := len(f.Foreign); n > 0 {
		add(doctor.Warn, "other held files", "another job may own them", "%s held in the job's folders for batches that this ledger does not know: %s", files(n), some(f.Foreign))
	}
	if n := len(f.Quarantine); n > 0 {
		add(doctor.Warn, "quarantine", fix, "%s that no batch has: %s", files(n), some(f.Quarantine))
	}
	if n := len(f.Partitions); n > 0 {
		add(doctor.Warn, "partitions", "etl doctor --fix adds them", "the catalog lacks %s that have live files: %s", human.Plural(int64(n), "partition"), some(f.Partitions))
	}
	if f.NotListed != "" {
		add(doctor.OK, "held files", "", "could not be listed, so only what attempt records name is known: %s", f.NotListed)
	}
	return checks
}
