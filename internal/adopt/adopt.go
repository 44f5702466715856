// Package adopt rebuilds a job's ledger from the files of the lake, whose footers say which job, batch and objects they came from
// (package provenance). It is for a ledger that was lost, or that is older than the lake.
//
// Adopt first compares everything, and writes nothing unless each file of Silt in the job's folders is accounted for, or a skip covers
// the objects of the rest. Then it writes entries that every fold knows: a plan that opens the batches the ledger does not have, and
// the commits of their attempts. The plan entry decides: from then on the objects are taken. Its manifest is marked, so that no run
// processes the batches. If adopt is stopped half way, adopting again continues.
package adopt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
)

// Places are where a job keeps its files, and what Adopt needs of a run.
type Places struct {
	Job     string
	Ledger  *ledger.Ledger
	Staging objstore.Reader
	Lake    ledger.Lake
	State   objstore.Bucket
	// CanDelete says that the job has the right to delete in the lake.
	CanDelete bool
	Targets   map[string]lake.Target // by class
	Folders   []string               // of the lake
	// From is the name of the job that the files name: usually Job.
	From string
	// Shared says that other jobs write to the folders. Their files are left out.
	Shared bool
	// Manifest makes the manifest of the batches that are adopted.
	Manifest func([]ledger.ManifestBatch) *ledger.Manifest
	// GrowTables makes sure that the catalog has the tables.
	GrowTables func(ctx context.Context, tables map[string]bool) error
	// RollForward makes the lake and the catalog what the entries say, and marks the entries done.
	RollForward func(ctx context.Context) error
	// Delete deletes a file of the lake.
	Delete func(ctx context.Context, key string) error
	Log    zerolog.Logger
}

// Options of Adopt.
type Options struct {
	// SkipUntil covers what cannot be adopted: all objects that were last modified until then count as loaded. Zero: nothing is skipped.
	SkipUntil time.Time
	// DryRun only compares.
	DryRun bool
}

// Report says what was adopted, or with DryRun would be.
type Report struct {
	Job         string     `json:"job"`
	Batches     int        `json:"batches"`  // that the ledger did not have
	Attempts    int        `json:"attempts"` // that the ledger did not have
	Files       int        `json:"files"`
	Objects     int        `json:"objects"`
	Rows        int64      `json:"rows"`
	Foreign     int        `json:"foreign_files,omitempty"`    // of other jobs
	Released    int        `json:"released_batches,omitempty"` // that the writer of the files must have released
	Partial     int        `json:"partial_batches,omitempty"`  // of which files are missing: deleted, and loaded again by the next run
	Replaced    int        `json:"replaced_files,omitempty"`   // deleted
	Quarantined int64      `json:"lost_quarantine"`            // records of quarantine that the state does not have any more
	SkipUntil   *time.Time `json:"skipped_until,omitempty"`    // set if a skip was written
	Unadopted   []Problem  `json:"not_adopted,omitempty"`      // files that the skip covers
	Unfinished  bool       `json:"resumed,omitempty"`          // an earlier adopt was stopped half way
	DryRun      bool       `json:"dry_run,omitempty"`
	Warnings    []string   `json:"warnings,omitempty"`
}

// ErrUnaccounted says that not every file can be adopted, and that nothing was written.
var ErrUnaccounted = errors.New("not every file of the lake can be adopted")

// Adopt adds to the ledger what the lake has and the ledger does not know.
func Adopt(ctx context.Context, p Places, o Options) (*Report, error) {
	s, err := newSurvey(ctx, p)
	if err != nil {
		return nil, err
	}
	r := s.report(o)
	if err := s.checkProblems(o); err != nil {
		return r, err
	}
	quarantine, err := s.quarantineFiles(ctx)
	if err != nil {
		return r, err
	}
	if o.DryRun {
		return r, nil
	}
	if err := s.write(ctx, o, r, quarantine); err != nil {
		return r, err
	}
	// What was replaced goes first: rolling forward deletes a replace of which files are missing, and only its footer says what it replaced.
	for _, b := range s.batches {
		for _, f := range b.dead {
			if err := p.Delete(ctx, f.Key); err != nil {
				return r, fmt.Errorf("the ledger is written, but a file that was replaced cannot be deleted: %w. Try: adopt again", err)
			}
		}
	}
	if err := p.RollForward(ctx); err != nil {
		return r, fmt.Errorf("the ledger is written, but the lake or the catalog does not show all of it yet; the next run finishes it: %w", err)
	}
	return r, nil
}

// report counts what there is to do.
func (s *survey) report(o Options) *Report {
	r := &Report{Foreign: s.foreign, DryRun: o.DryRun, Unadopted: s.problems}
	for _, b := range s.batches {
		r.Replaced += len(b.dead)
		if len(b.commits) == 0 {
			continue
		}
		if !b.known {
			r.Batches++
			r.Objects += len(b.objects())
		}
		r.Unfinished = r.Unfinished || b.known && b.state.State == ledger.BatchOpen
		r.Released += len(b.released)
		if b.partial {
			r.Partial++
		}
		for _, f := range b.commits {
			r.Attempts++
			r.Files += len(f.files)
			for _, x := range f.entry.Files {
				r.Rows += x.Rows
			}
		}
	}
	return r
}

// shown is how many problems an error names.
const shown = 3

// checkProblems refuses unless every file is accounted for.
func (s *survey) checkProblems(o Options) error {
	left := s.problems[:0:0]
	var latest time.Time
	bounds := s.st.Bookmark().Bounds
	for _, x := range s.problems {
		covered := slices.ContainsFunc(bounds, func(b ledger.Bound) bool { return b.Prefix == "" && b.Until != nil && !x.Time.After(*b.Until) })
		if covered || !o.SkipUntil.IsZero() && !x.Time.After(o.SkipUntil) {
			continue
		}
		left = append(left, x)
		if x.Time.After(latest) {
			latest = x.Time
		}
	}
	if len(left) == 0 {
		return nil
	}
	slices.SortFunc(left, func(a, b Problem) int { return strings.Compare(a.Key, b.Key) })
	var texts []string
	for _, x := range left[:min(len(left), shown)] {
		texts = append(texts, fmt.Sprintf("%s: %s", path.Base(x.Key), x.Why))
	}
	if n := len(left) - shown; n > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", n))
	}
	return fmt.Errorf("%w, so nothing was written: %s. Try: --skip-until %s, if all objects that staging had then are loaded; or correct what is named, or delete files whose objects the next run can load again",
		ErrUnaccounted, strings.Join(texts, "; "), latest.Add(time.Second).UTC().Format(time.RFC3339))
}

// quarantineFiles are those that the state has, by key.
func (s *survey) quarantineFiles(ctx context.Context) (map[string]bool, error) {
	files, err := s.p.Ledger.QuarantineFiles(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, f := range files {
		out[f.Key] = true
	}
	return out, nil
}

// write writes the entries. The order matters if it is stopped: the skip is first, because the files that it covers would not stop a
// run afterwards; then the plan, after which no run can take an object of an adopted file.
func (s *survey) write(ctx context.Context, o Options, r *Report, quarantine map[string]bool) error {
	l := s.p.Ledger
	if !o.SkipUntil.IsZero() {
		at := o.SkipUntil.UTC()
		if !slices.ContainsFunc(s.st.Bookmark().Bounds, func(b ledger.Bound) bool { return b.Prefix == "" && b.Until != nil && b.Until.Equal(at) }) {
			if _, err := l.Skip(ctx, nil, &ledger.Bound{Until: &at}); err != nil {
				return err
			}
		}
		r.SkipUntil = &at
	}
	var order []*batchPlan
	var m []ledger.ManifestBatch
	tables := map[string]bool{}
	open, committed := []string{}, []string{}
	for _, id := range slices.Sorted(maps.Keys(s.batches)) {
		b := s.batches[id]
		if len(b.commits) == 0 {
			continue
		}
		order = append(order, b)
		for _, f := range b.commits {
			for _, x := range f.entry.Files {
				tables[x.Table] = true
			}
		}
		for _, other := range b.released {
			if of, _ := s.st.Batch(other); of.State == ledger.BatchOpen {
				open = append(open, other)
			} else {
				committed = append(committed, other)
			}
		}
		if !b.known {
			mb := ledger.ManifestBatch{Batch: b.id}
			for _, x := range b.objects() {
				mb.Objects = append(mb.Objects, objstore.Object{Key: x.Key, ETag: x.ETag, SizeBytes: x.SizeBytes, LastModified: time.UnixMilli(x.Modified).UTC()})
			}
			m = append(m, mb)
		}
	}
	if err := s.p.GrowTables(ctx, tables); err != nil {
		return err
	}
	if len(open) > 0 {
		if _, err := l.Release(ctx, ledger.WhyReplan, open...); err != nil {
			return err
		}
	}
	if len(committed) > 0 {
		if _, err := l.Release(ctx, ledger.WhyRewind, committed...); err != nil {
			return err
		}
	}
	if len(m) > 0 {
		manifest := s.p.Manifest(m)
		manifest.Adopted = true
		if _, err := l.Plan(ctx, s.st.Seq(), manifest); err != nil {
			return err
		}
	}
	for _, b := range order {
		for i, f := range b.commits {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.commit(ctx, b, f, i == 0, quarantine); err != nil {
				return err
			}
		}
	}
	return s.expire(ctx, quarantine, r)
}

// commit writes the record of an attempt again, and its entry.
func (s *survey) commit(ctx context.Context, b *batchPlan, f *found, first bool, quarantine map[string]bool) error {
	state, ok := s.st.Batch(b.id)
	if !ok {
		return fmt.Errorf("batch %s was not opened", b.id)
	}
	if s.records[ledger.AttemptObject{Batch: b.id, Attempt: f.id.Attempt, Base: state.Base}] {
		// The state has the record without its entry: as its writer made it, or as an adopt that was stopped did. A fence gives the new
		// record a name of its own.
		if _, err := s.p.Ledger.Fence(ctx, b.id); err != nil {
			return err
		}
		state, _ = s.st.Batch(b.id)
	}
	e := f.entry
	of := e.Batches[0]
	a := &ledger.Attempt{ID: e.Attempt, Why: e.Why, Manifest: e.Manifest, Moves: []ledger.Move{{Batch: b.id, Base: state.Base}}, Files: []ledger.File{}, Quarantine: []ledger.QuarantineFile{}}
	if state.State == ledger.BatchOpen {
		a.Why = ledger.WhyRun
	}
	for _, x := range e.Files {
		size := x.SizeBytes
		if at, ok := s.visible[x.Key]; ok {
			size = at.SizeBytes
		}
		a.Files = append(a.Files, ledger.File{Held: objstore.Held{Key: x.Key, SizeBytes: size}, Table: x.Table, Values: x.Values, Rows: x.Rows})
	}
	for _, x := range of.Objects {
		if x.Gone && !(first && s.st.Holds(b.id, objstore.Object{Key: x.Key, ETag: x.ETag})) {
			continue
		}
		o := ledger.ObjectResult{ObjectID: ledger.ObjectID{Key: x.Key, ETag: x.ETag}, Gone: x.Gone, SHA256: x.SHA256, Counts: x.Counts()}
		a.Totals.Add(o.Counts)
		a.Objects = append(a.Objects, o)
	}
	if of.Quarantined != nil {
		q := ledger.QuarantineFile{Batch: b.id, Key: s.p.Ledger.QuarantineKey(b.id, a.ID), Records: *of.Quarantined}
		if quarantine[q.Key] {
			var err error
			if q.SHA256, q.SizeBytes, err = s.digest(ctx, q.Key); err != nil {
				return err
			}
		}
		a.Quarantine = append(a.Quarantine, q)
	}
	entry, err := s.p.Ledger.Commit(ctx, a)
	if err != nil {
		return fmt.Errorf("adopt attempt %s of batch %s: %w", a.ID, b.id, err)
	}
	s.p.Log.Info().Str("batch", b.id).Str("attempt", a.ID).Int("files", len(a.Files)).Uint64("entry", entry.Seq).Msg("adopted")
	return nil
}

// digest reads a quarantine file.
func (s *survey) digest(ctx context.Context, key string) (string, int64, error) {
	in, _, err := s.p.State.Get(ctx, key, objstore.GetOptions{})
	if err != nil {
		return "", 0, err
	}
	defer in.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, in)
	return hex.EncodeToString(sum.Sum(nil)), n, err
}

// expire ends the quarantine of batches that names files which the state does not have: its records are lost, and count as expired.
func (s *survey) expire(ctx context.Context, quarantine map[string]bool, r *Report) error {
	for _, b := range s.st.Batches() {
		if b.State != ledger.BatchCommitted || !slices.ContainsFunc(b.Quarantine, func(k string) bool { return !quarantine[k] }) {
			continue
		}
		a := &ledger.Attempt{ID: ulid.Make().String(), Why: ledger.WhyExpire, Moves: []ledger.Move{{Batch: b.ID, Base: b.Base}}, Files: []ledger.File{}, Quarantine: []ledger.QuarantineFile{}}
		for i, k := range b.Quarantine {
			q := ledger.QuarantineFile{Batch: b.ID, Key: k}
			if i == 0 {
				q.Records = b.Counts.Quarantined // the fold compares the sum
			}
			a.Expires = append(a.Expires, q)
		}
		if _, err := s.p.Ledger.Commit(ctx, a); err != nil {
			return fmt.Errorf("end the quarantine of batch %s: %w", b.ID, err)
		}
		r.Quarantined += b.Counts.Quarantined
	}
	return nil
}

// WriteText prints the report for a person.
func (r *Report) WriteText(out io.Writer) {
	verb := "adopted"
	if r.DryRun {
		verb = "would adopt"
	}
	fmt.Fprintf(out, "%s: %s %s with %s that the ledger did not know\n", r.Job, verb, human.Plural(int64(r.Attempts), "attempt"), human.Plural(int64(r.Files), "file"))
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("batches", "%s of %s, %s", human.Plural(int64(r.Batches), "new batch"), human.Plural(int64(r.Objects), "object"), human.Plural(r.Rows, "row"))
	if r.Released > 0 {
		line("released", "%s that the ledger had, and whose objects are in an adopted batch", human.Plural(int64(r.Released), "batch"))
	}
	if r.Partial > 0 {
		line("incomplete", "%s with missing files: their other files are deleted, and the next run loads their objects again", human.Plural(int64(r.Partial), "batch"))
	}
	if r.Replaced > 0 {
		line("replaced", "%s of replaced attempts, which are deleted", human.Plural(int64(r.Replaced), "file"))
	}
	if r.Quarantined > 0 {
		line("lost", "%s of quarantine whose files the state does not have; the ledger counts them as expired", human.Plural(r.Quarantined, "record"))
	}
	if r.Foreign > 0 {
		line("others", "%s of other jobs", human.Plural(int64(r.Foreign), "file"))
	}
	if r.SkipUntil != nil {
		line("skipped", "all objects that were last modified until %s", r.SkipUntil.Format(time.RFC3339))
	}
	for _, x := range r.Unadopted {
		line("not adopted", "%s: %s", x.Key, x.Why)
	}
	for _, s := range r.Warnings {
		line("warning", "%s", s)
	}
}
