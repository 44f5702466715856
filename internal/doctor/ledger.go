package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/human"
)

// checkLedger compares lake, state and catalog with the ledger. With Input.Fix it also repairs what it finds, unless an earlier
// check has failed.
func checkLedger(ctx context.Context, e *examination) []Result {
	const what = "ledger"
	switch {
	case e.Fix && !e.report.OK:
		return []Result{fail("fix", errors.New("nothing was repaired, because a check failed"), "repair what failed first")}
	case e.Mapping == nil:
		return nil // checkMapping says why
	case e.willBeCreated(e.Job.State) || e.willBeCreated(e.Job.Lake.Location):
		return []Result{ok(what, "the job has not run yet")}
	case e.Fix:
		return e.fix(ctx)
	}
	_, err := e.Maintain(ctx, false, func(ctx context.Context, p Places) (err error) {
		p.Deep = e.Deep
		e.report.Found, err = Compare(ctx, p)
		return err
	})
	if err != nil {
		return []Result{fail(what, err, "")}
	}
	return e.report.Found.results()
}

func (e *examination) fix(ctx context.Context) []Result {
	const what = "fixed"
	e.report.Fixed = &Fixed{}
	warnings, err := e.Maintain(ctx, true, func(ctx context.Context, p Places) (err error) {
		p.Deep = e.Deep
		e.report.Fixed, err = Fix(ctx, p)
		return err
	})
	fixed := e.report.Fixed
	fixed.Warnings = warnings
	var results []Result
	if s := fixed.String(); s != "" {
		results = append(results, ok(what, "%s", s))
	}
	for _, w := range warnings {
		results = append(results, warn(what, "", "%s", w))
	}
	if err != nil {
		return append(results, fail("fix", err, "etl doctor --fix again; what is repaired stays repaired"))
	}
	e.report.Found = fixed.Left
	return append(results, fixed.Left.results()...)
}

// String says in one line what a fix did; "" if it did nothing.
func (f *Fixed) String() string {
	var parts []string
	add := func(n int, noun, format string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(format, human.Plural(int64(n), noun)))
		}
	}
	add(f.Finished, "entry", "rolled %s forward")
	if f.Fence > 0 {
		parts = append(parts, fmt.Sprintf("fenced %s (entry %d)", human.Plural(int64(f.Fenced), "batch"), f.Fence))
	}
	add(f.Dropped, "held file", "dropped %s")
	add(f.Deleted, "dead file", "deleted %s")
	add(f.Quarantine, "quarantine file", "deleted %s")
	add(f.Records, "attempt", "deleted the records of %s")
	add(f.Repaired, "damaged object", "repaired %s")
	add(f.Partitions, "partition", "added %s")
	return strings.Join(parts, ", ")
}

// results are the comparison as lines for a person. JSON output has every key, a line only a few.
func (c *Comparison) results() []Result {
	const fix = "etl doctor --fix"
	var results []Result
	add := func(n int, r Result) {
		if n > 0 {
			results = append(results, r)
		}
	}
	plural := func(n int, noun string) string { return human.Plural(int64(n), noun) }

	if n := len(c.Missing); n > 0 {
		add(n, fail("live files", fmt.Errorf("%s of the ledger not found in the lake, so their rows are missing: %s", plural(n, "file"), few(c.Missing)),
			"restore the objects (a bucket with versioning still has them), or reprocess their sources with etl bookmark set --run"))
	} else {
		add(1, ok("live files", "%s in the ledger, 0 missing in the lake", plural(c.LiveFiles, "file")))
	}
	results = append(results, c.contentResults()...)
	add(len(c.Waiting), warn("entries", fix+", or wait for the next run", "%s committed, but neither finished nor in progress", plural(len(c.Waiting), "entry")))
	add(len(c.Dead), warn("dead files", fix, "%s to be deleted, whose rows readers still see: %s", plural(len(c.Dead), "file"), few(c.Dead)))
	add(len(c.Unknown), warn("other files", "move them away, unless another job owns them; etl never deletes them",
		"%s in the job's folders that readers see and that no ledger entry names, so they did not come from this job: %s", plural(len(c.Unknown), "file"), few(c.Unknown)))
	listed, recorded := c.heldKeys()
	add(len(listed), warn("held files", fix, "%s held that nobody needs: the attempts are void, or the files are dead or published: %s", plural(len(listed), "file"), few(listed)))
	void := ok("void attempts", "%s left records, which name %s that may still be held", plural(len(c.Records), "attempt"), plural(len(recorded), "file"))
	void.Try = fix
	add(len(recorded)+len(c.Records), void)
	idle, busy := c.abandonedBatches()
	add(len(idle), warn("abandoned attempts", fix, "%s stopped before an entry, at batch %s", plural(len(idle), "attempt"), few(idle)))
	add(len(busy), ok("attempts", "%s without an entry yet; a run may be working on it", plural(len(busy), "attempt")))
	add(len(c.Foreign), warn("other held files", "check whether another job owns them",
		"%s held in the job's folders for batches that this ledger does not know: %s", plural(len(c.Foreign), "file"), few(c.Foreign)))
	add(len(c.Quarantine), warn("quarantine", fix, "%s without a batch: %s", plural(len(c.Quarantine), "file"), few(c.Quarantine)))
	add(len(c.Partitions), warn("partitions", fix, "the catalog lacks %s with live files: %s", plural(len(c.Partitions), "partition"), few(c.Partitions)))
	old, fresh := c.damagedObjects()
	add(len(old), warn("damaged objects", fix, "%s of the state that cannot be read (leases or run records); they stop no run: %s", plural(len(old), "object"), few(old)))
	add(len(fresh), warn("damaged objects", fix+", once the runs in progress have ended and 5 minutes have passed",
		"%s of the state that cannot be read (leases or run records), and that a run may be using: %s", plural(len(fresh), "object"), few(fresh)))
	add(len(c.NotListed), ok("held files", "they could not be listed, so only those that attempt records name are known: %s", c.NotListed))
	return results
}

// heldKeys are the files that can be dropped: those that the store lists, and those that only attempt records name.
func (c *Comparison) heldKeys() (listed, recorded []string) {
	for _, h := range c.Held {
		if h.Listed {
			listed = append(listed, h.Key)
		} else {
			recorded = append(recorded, h.Key)
		}
	}
	return listed, recorded
}

// damagedObjects are damaged leases and run records with what is wrong with each: those that can be repaired, and those that a run
// may be using.
func (c *Comparison) damagedObjects() (old, fresh []string) {
	for _, d := range c.Damaged {
		text := fmt.Sprintf("%s (%s)", d.Key, d.Why)
		if d.Fresh {
			fresh = append(fresh, text)
		} else {
			old = append(old, text)
		}
	}
	return old, fresh
}

func (c *Comparison) abandonedBatches() (idle, busy []string) {
	for _, a := range c.Abandoned {
		if a.Busy {
			busy = append(busy, a.Batch)
		} else {
			idle = append(idle, a.Batch)
		}
	}
	return idle, busy
}

// few names some of many keys.
func few(keys []string) string {
	const n = 3
	if len(keys) <= n {
		return strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(keys[:n], ", "), len(keys)-n)
}
