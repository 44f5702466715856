package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/refused"
	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// ErrQuarantine says that a batch is refused: it has more bad records than limits.max_quarantine_ratio or limits.max_unmatched_ratio
// allows, more partitions than limits.max_partitions, or too many objects that need more memory than limits.memory. Nothing of such a
// batch is committed, so its records do not reach quarantine either, and the run ends as FAILED.
var ErrQuarantine = errors.New("too many bad records")

// refusedBatch is an error that counts as ErrQuarantine, with a text of its own.
type refusedBatch struct{ error }

func (e refusedBatch) Is(target error) bool { return target == ErrQuarantine }

func (e refusedBatch) Unwrap() error { return e.error }

// ErrUnread says that objects of staging could not be read, or are too large: more than limits.max_denied_objects or
// limits.max_broken_ratio allow. What could be read is committed, and the run ends as FAILED.
var ErrUnread = errors.New("too many objects could not be read")

// checkQuarantineLimit compares the rejected records of a batch with its read records: those that match no SELECT, and the others. Objects
// that cannot be read as a whole have limits of their own (checkUnread).
func (a *batchAttempt) checkQuarantineLimit(out batchOutput) error {
	spec, r := a.config.spec, out.result
	t, unmatched := r.Totals(), r.Reasons[sqlgen.ReasonNoProjection]
	rejected := t.Quarantined - unmatched - r.Reasons[attempt.ReasonNotRegistered] // good records, which wait for their source
	var over []string
	isOver := func(n int64, limit float64, what, key string) bool {
		if float64(n) <= limit*float64(t.Records) {
			return false
		}
		over = append(over, fmt.Sprintf("%s of %s %s (%.2f%%), and %s allows %.2f%%", human.Count(n), human.Plural(t.Records, "record"), what, 100*float64(n)/float64(t.Records), key, 100*limit))
		return true
	}
	all := maps.Clone(r.Reasons)
	delete(all, attempt.ReasonNotRegistered)
	reasons := maps.Clone(all)
	if isOver(rejected, spec.Limits.MaxQuarantineRatio, "were rejected", "limits.max_quarantine_ratio") {
		delete(reasons, sqlgen.ReasonNoProjection)
	} else {
		clear(reasons)
	}
	if isOver(unmatched, spec.MaxUnmatched(), "match no SELECT of the mapping", "limits.max_unmatched_ratio") {
		reasons[sqlgen.ReasonNoProjection] = unmatched
	}
	if len(over) == 0 {
		return nil
	}
	for code, n := range all {
		a.run.sum.Reasons[code] += n
	}
	text := strings.Join(over, "; ") + "; nothing of the batch was committed. Reasons: " + report.ByCount(reasons)
	if reasons[sqlgen.ReasonNoProjection] > 0 && len(r.Kinds) > 0 {
		text += ". Kinds that match no SELECT: " + r.Kinds.String()
	}
	return &diag.OpError{Op: "process", Object: "batch " + out.batch, Err: fmt.Errorf("%w: %s. Example: %s", ErrQuarantine, text, mostFrequent(r.Examples, reasons)),
		Try: "etl quarantine show, which shows more of them, then correct the mapping or raise the limit"}
}

// hidesRecords says whether nothing of what rejected records hold may be shown or kept.
func (c *batchConfig) hidesRecords() bool { return len(c.compiled.Scan.Redact) > 0 }

// keepRefused keeps rejected records of a batch that is refused, so that a person can look at them. It is only a warning if it fails.
func (a *batchAttempt) keepRefused(ctx context.Context, out batchOutput) {
	x := a.run
	from, err := os.Open(out.result.QuarantinePath)
	if err == nil {
		defer from.Close()
		err = refused.Put(ctx, x.State, refused.Options{Job: x.Spec.Name, TempDir: a.temp, LeaveOut: attempt.ReasonNotRegistered, Hide: a.config.hidesRecords()},
			refused.Batch{Batch: out.batch, Run: x.id, Refused: x.Now().UTC(), Read: out.result.Totals().Records, Kinds: out.result.Kinds}, from)
	}
	a.warnNotKept(ctx, out.batch, err)
}

// keepExamples is keepRefused for a batch that was refused before it had a quarantine file. A replace or a replay keeps nothing: its
// batch is committed and stays as it was.
func (a *batchAttempt) keepExamples(ctx context.Context, b refused.Batch, rows []quarantine.Row) {
	x := a.run
	if a.record.Why != ledger.WhyRun || x.dry {
		return
	}
	b.Run, b.Refused = x.id, x.Now().UTC()
	a.warnNotKept(ctx, b.Batch, refused.PutExamples(ctx, x.State, refused.Options{Job: x.Spec.Name, TempDir: a.temp, Hide: a.config.hidesRecords()}, b, rows))
}

func (a *batchAttempt) warnNotKept(ctx context.Context, batch string, err error) {
	if err != nil && ctx.Err() == nil {
		a.run.warn(fmt.Sprintf("rejected records of the refused batch %s were not kept, so that etl quarantine does not show them: %v", batch, err))
	}
}

// removeRefused removes what was kept of refused batches and is not needed any more. A run does not fail if it cannot remove it.
func (x *run) removeRefused(ctx context.Context) {
	if x.dry {
		return
	}
	if err := refused.RemoveOver(ctx, x.State, x.ledger, x.Spec.Name); err != nil && ctx.Err() == nil {
		x.log.Warn().Err(err).Msg("what was kept of refused batches was not removed; a later run tries again")
	}
}

// mostFrequent is an example of the reason that most records have.
func mostFrequent(examples map[string]refused.Example, reasons map[string]int64) string {
	code := ""
	for _, c := range slices.Sorted(maps.Keys(reasons)) {
		if code == "" || reasons[c] > reasons[code] {
			code = c
		}
	}
	return code + ", " + examples[code].String()
}

// unread are the objects of a run that the store refused.
type unread struct {
	denied   int
	keys     []string // the first ones, with the reason
	lasting  bool     // one of them was refused for a reason that is not temporary
	archived int
}

// unreadShown is how many unread objects an error names.
const unreadShown = 5

// checkUnread notes the objects of a committed batch that could not be read. Too many broken or too large ones are a failure of the run at
// once.
func (a *batchAttempt) checkUnread(out batchOutput) {
	x, u := a.run, &a.run.unread
	var broken []string
	large, members := 0, 0
	for i, o := range out.result.Objects {
		switch o.State {
		case attempt.ObjectDenied:
			u.denied++
			u.lasting = u.lasting || !o.Temporary
			if len(u.keys) < unreadShown {
				u.keys = append(u.keys, out.objects[i].Key+": "+o.Message)
			}
		case attempt.ObjectArchived:
			u.archived++
		case attempt.ObjectQuarantined:
			if o.Reason == attempt.ReasonObjectTooLarge {
				large++
			}
			broken = append(broken, out.objects[i].Key+": "+o.Message)
		}
		if o.BrokenMembers > 0 {
			members++
			broken = append(broken, out.objects[i].Key+": "+o.Message)
		}
	}
	what, rest := "are unreadable", "the others are committed, and these are in quarantine"
	if members > 0 {
		rest = "what could be read is committed, and the rest is in quarantine"
	}
	switch {
	case members > 0 && len(broken) == 1:
		what = "has unreadable members"
	case members == len(broken):
		what = "have unreadable members"
	case members > 0:
		what = "are unreadable or have unreadable members"
	case len(broken) == 1 && large == 1:
		what = "is too large"
	case len(broken) == 1:
		what = "is unreadable"
	case large == len(broken):
		what = "are too large"
	case large > 0:
		what = "are unreadable or too large"
	}
	t := out.result.Totals()
	if limit := a.config.spec.Limits.MaxBrokenRatio; float64(len(broken)) > limit*float64(t.Objects) {
		x.failures.errs = append(x.failures.errs, &diag.OpError{Op: "read the objects of", Object: "batch " + out.batch,
			Err: fmt.Errorf("%w: %s of %s %s (%.2f%%), and limits.max_broken_ratio allows %.2f%%; %s: %s",
				ErrUnread, human.Count(int64(len(broken))), human.Plural(t.Objects, "object"), what, 100*float64(len(broken))/float64(t.Objects), 100*limit, rest, firstOf(broken)),
			Try: "correct the cause, then etl replay, which reads the objects again"})
	}
}

// err is the failure of a run to which the store refused too many objects.
func (u *unread) err(staging objstore.Reader, limit int) error {
	if u.denied <= limit {
		return nil
	}
	names := strings.Join(u.keys, "; ")
	if more := u.denied - len(u.keys); more > 0 {
		names += fmt.Sprintf("; and %d more", more)
	}
	return &diag.OpError{Op: "read", Object: staging.String(), Temporary: !u.lasting,
		Err: fmt.Errorf("%w: the store refused %s, and limits.max_denied_objects allows %d; what could be read is committed, and later runs try these again: %s",
			ErrUnread, human.Plural(int64(u.denied), "object"), limit, names)}
}

// firstOf names the first of some things.
func firstOf(all []string) string {
	text := strings.Join(all[:min(unreadShown, len(all))], "; ")
	if more := len(all) - unreadShown; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// Failures are several reasons why a run did not succeed: batches that failed or were refused, and possibly what ended the run.
type Failures struct{ Errs []error }

// failuresShown is how many of them an error's text has. The summary names each failed batch.
const failuresShown = 3

func (f *Failures) Error() string {
	shown := f.Errs[:min(failuresShown, len(f.Errs))]
	texts := make([]string, len(shown))
	for i, err := range shown {
		texts[i] = oneLine(err)
	}
	text := fmt.Sprintf("%d failures: %s", len(f.Errs), strings.Join(texts, "; also "))
	if more := len(f.Errs) - len(shown); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

func (f *Failures) Unwrap() []error { return f.Errs }

// oneLine is the text of an error that may have several lines, such as the diagnostics of a mapping.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// ExitCode is the exit code that counts most among those of the failures: 5 (stopped), then 1, 2, 3 and 4 (held).
func (f *Failures) ExitCode(of func(error) int) int {
	codes := map[int]bool{}
	for _, err := range f.Errs {
		codes[of(err)] = true
	}
	for _, code := range []int{5, 1, 2, 3, 4} {
		if codes[code] {
			return code
		}
	}
	return of(f.Errs[0])
}

// joinFailures is one error of several, or nil if there are none. nil errors do not count.
func joinFailures(errs ...error) error {
	var all []error
	for _, err := range errs {
		if err != nil {
			all = append(all, err)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return &Failures{all}
}

// sharedError is a failure of what all batches need: the lake, the catalog or the state.
type sharedError struct{ error }

func (e sharedError) Unwrap() error { return e.error }

// ledgerError is a failure to read or write the ledger. The run ends, because what the ledger says is not known.
type ledgerError struct{ error }

func (e ledgerError) Unwrap() error { return e.error }

// maxSharedFailures is how many batches in a row can fail for a temporary reason, or because of the lake, the catalog or the state. The
// run then ends, since the next batch would probably fail as well.
const maxSharedFailures = 3

// isOfPlaces says whether an error comes from a store or a catalog. A smaller batch would have failed as well.
func isOfPlaces(err error) bool {
	return as[*diag.OpError](err) || as[sharedError](err) || as[ledgerError](err)
}

// failures collects what failed in a run without ending it.
type failures struct {
	errs   []error
	shared int // batches in a row that failed for a temporary reason, or because of the lake, the catalog or the state
	sum    *report.Summary
	log    zerolog.Logger
}

// batchEnded notes how the work on batches that commit together ended. The error is one that ends the run.
func (x *run) batchEnded(ctx context.Context, err error, batches ...report.FailedBatch) error {
	if err == nil {
		x.failures.shared = 0
		return nil
	}
	if slices.Contains(x.committed, batches[0].Batch) { // only its publication failed
		batches = nil
	}
	return x.failures.add(ctx, err, batches...)
}

// add notes a failure, with the batches of which nothing was committed, and returns an error if the run must end because of it.
func (f *failures) add(ctx context.Context, err error, batches ...report.FailedBatch) error {
	for _, b := range batches {
		if ctx.Err() != nil { // it was stopped, and did not fail
			break
		}
		b.Error = oneLine(err)
		f.sum.Failed = append(f.sum.Failed, b)
	}
	if len(batches) == 1 && !strings.Contains(err.Error(), batches[0].Batch) {
		err = fmt.Errorf("batch %s: %w", batches[0].Batch, err)
	}
	if endsRun(ctx, err) {
		return err
	}
	if isShared := diag.Temporary(err) || as[sharedError](err); !isShared {
		f.shared = 0
	} else if f.shared++; f.shared == maxSharedFailures {
		return fmt.Errorf("%d batches in a row failed, so the run ends: %w", maxSharedFailures, err)
	}
	f.log.Error().Err(err).Msg("the batch failed; the run continues with the others")
	f.errs = append(f.errs, err)
	return nil
}

// endsRun says whether an error concerns the whole run, and not only the batch in which it occurred: a stop, limits.timeout, a ledger
// that cannot be used, or a place that the job cannot reach.
func endsRun(ctx context.Context, err error) bool {
	if ctx.Err() != nil || as[ledgerError](err) {
		return true
	}
	for _, e := range []error{ErrStopped, ErrTimeout, ErrNoDelete, ledger.ErrNewer, ledger.ErrCorrupt, ledger.ErrUnknown, ledger.ErrLost, objstore.ErrNoStore, objstore.ErrNoCreds,
		catalog.ErrDenied, catalog.ErrNoDatabase, ErrOtherFiles, ErrAdopting} {
		if errors.Is(err, e) {
			return true
		}
	}
	return as[sharedError](err) && errors.Is(err, objstore.ErrDenied)
}

// as says whether an error is, or wraps, one of type E.
func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
