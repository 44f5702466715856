package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/staging"
)

// replace does the committed batches that read objects of the range again, whole, with the mapping as it is now. It is refused
// before anything is written when an input is gone (ErrInputsGone) or there is no right to delete (ErrNoDelete). A batch that
// the mapping and settings of now have made is left, so that a replace can be stopped and begun again. Where a batch is refused,
// for its quarantine or its counts, it stays as it was.
func (x *run) replace(ctx context.Context, o BackfillOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	if x.Deleter == nil {
		return fmt.Errorf("replace: %w", ErrNoDelete)
	}
	if stop, err := x.begin(ctx); stop || err != nil {
		return err
	}
	if err := x.finish(ctx); err != nil {
		return err
	}
	st, err := x.ledger.Fold(ctx)
	if err != nil {
		return err
	}
	s, err := x.survey(ctx, st, o)
	if err != nil {
		return err
	}
	gone, err := x.missing(ctx, st, s.batches())
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		return inputsGone(gone)
	}
	for _, text := range s.warnings() {
		x.warn(text)
	}
	var size int64
	for _, g := range s.groups {
		size += g.size
	}
	x.Progress.Begin(StageBackfill, size, "bytes")
	r := &replacer{run: x, fresh: x.freshness()}
	for _, month := range s.months(o.NewestFirst) {
		if st, err = x.ledger.Fold(ctx); err != nil {
			return err
		}
		if st.Paused() {
			x.warn("the job was paused: the replace ends before " + month)
			break
		}
		if err := r.month(ctx, st, s, month); errors.Is(err, ErrQuarantine) {
			return errors.Join(err, x.markDone(ctx))
		} else if err != nil {
			return err
		}
	}
	if err := x.markDone(ctx); err != nil {
		return err
	}
	if err := errors.Join(r.refused...); err != nil {
		return err
	}
	if err := x.leftToOthers(ctx); err != nil || r.held == nil {
		return err
	}
	if x.sum.Batches == 0 {
		return r.held
	}
	x.warn(fmt.Sprintf("another replace is at other batches of these days: %v", r.held))
	return nil
}

// replacer goes through the groups of a replace.
type replacer struct {
	*run
	fresh   func(context.Context, ledger.Batch) (bool, error)
	held    error   // of a batch that another replace is at
	refused []error // batches that stay as they were

	manifest *ledger.Manifest // of a month
	written  bool
}

func (r *replacer) month(ctx context.Context, st *ledger.State, s *survey, month string) error {
	var groups []*group
	var batches []ledger.Batch
	for _, g := range s.groups {
		if g.month == month {
			groups, batches = append(groups, g), append(batches, g.batches...)
		}
	}
	r.manifest, r.written = r.run.manifest(&staging.Listing{}), false
	at := map[string]int{}
	if _, err := r.inputs(ctx, st, batches, func(batch string, o objstore.Object) {
		i, ok := at[batch]
		if !ok {
			i = len(r.manifest.Batches)
			at[batch] = i
			r.manifest.Batches = append(r.manifest.Batches, ledger.ManifestBatch{Batch: batch})
		}
		r.manifest.Batches[i].Objects = append(r.manifest.Batches[i].Objects, o)
	}); err != nil {
		return err
	}
	r.log.Info().Str("month", month).Int("batches", len(batches)).Msg("replace of a month begins")
	for _, g := range groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.group(ctx, g); err != nil {
			return err
		}
		r.Progress.Add(StageBackfill, g.size)
	}
	return nil
}

// group replaces one group, unless another is at it or has done it.
func (r *replacer) group(ctx context.Context, g *group) (err error) {
	lease, err := r.ledger.Lease(ctx, g.batches[0].ID)
	if errors.Is(err, ledger.ErrHeld) {
		r.held = err
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.release(ctx, lease)) }()
	var ids []string
	for _, b := range g.batches {
		ids = append(ids, b.ID)
	}
	for try := 1; ; try++ {
		st, err := r.ledger.Fold(ctx)
		if err != nil {
			return err
		}
		if now := st.Sharing(ids...); !slices.Equal(now, ids) {
			r.warn(fmt.Sprintf("batch %s shares files with other batches by now; begin the replace again", ids[0]))
			return nil
		}
		made := 0
		for i, id := range ids {
			b, _ := st.Batch(id)
			if b.State != ledger.BatchCommitted {
				r.log.Info().Str("batch", id).Msg("batch was taken back meanwhile; nothing is left to replace")
				return nil
			}
			g.batches[i] = b
			ok, err := r.fresh(ctx, b)
			if err != nil {
				return err
			}
			if ok {
				made++
			}
		}
		if made == len(ids) {
			r.log.Info().Str("batch", ids[0]).Msg("batch is replaced already, by another run")
			return nil
		}
		if !r.written {
			if err := r.ledger.Intend(ctx, r.manifest); err != nil {
				return err
			}
			r.written = true
		}
		err = r.once(ctx, g)
		var no refusedError
		switch {
		case errors.As(err, &no):
			r.log.Error().Err(err).Msg("a batch stays as it was")
			r.refused = append(r.refused, err)
			return nil
		case (errors.Is(err, ledger.ErrVoid) || errors.Is(err, ledger.ErrMoved)) && try < replayTries:
			r.log.Warn().Str("batch", ids[0]).Err(err).Msg("another writer moved the batch; its replacement begins again")
		default:
			return err
		}
	}
}

// refusedError keeps one batch as it was, and lets the others go on.
type refusedError struct{ error }

func (e refusedError) Unwrap() error { return e.error }

// once makes one attempt at a group.
func (r *replacer) once(ctx context.Context, g *group) error {
	id := ulid.Make().String()
	log := r.log.With().Str("batch", g.batches[0].ID).Str("attempt", id).Logger()
	temp := filepath.Join(r.temp, id)
	defer os.RemoveAll(temp)
	a := &ledger.Attempt{ID: id, Run: r.id, Why: ledger.WhyReplace, Manifest: r.manifest.ID, Files: []ledger.File{}, Quarantine: []ledger.QuarantineFile{}}
	var parts []made
	log.Info().Int("batches", len(g.batches)).Int("objects", g.objects).Msg("replacement begins")
	for i, b := range g.batches {
		dir := filepath.Join(temp, strconv.Itoa(i))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("limits.temp_dir: %w", err)
		}
		m, err := r.batch(ctx, b, dir)
		if err != nil {
			return err
		}
		t := m.res.Totals()
		log.Info().Str("of", b.ID).Int64("read", t.Records).Int64("published", t.Published).Int64("filtered", t.Filtered).Int64("quarantined", t.Quarantined).
			Int("files", len(m.res.Files)).Msg("files made and verified")
		a.Moves = append(a.Moves, ledger.Move{Batch: b.ID, Base: b.Base})
		a.Objects = append(a.Objects, m.results()...)
		a.Totals.Add(ledger.Counts{Read: t.Records, Published: t.Published, Filtered: t.Filtered, Quarantined: t.Quarantined})
		parts = append(parts, m)
	}
	if err := r.commit(ctx, log, r.compiled, r.targets, a, parts...); err != nil {
		return err
	}
	r.sum.Replaced += len(parts)
	return nil
}

// batch makes the files of a batch anew, and holds what was read to what the batch had.
func (r *replacer) batch(ctx context.Context, b ledger.Batch, dir string) (made, error) {
	i := slices.IndexFunc(r.manifest.Batches, func(m ledger.ManifestBatch) bool { return m.Batch == b.ID })
	m := made{batch: b.ID}
	if i >= 0 { // else all its objects were gone when it was read
		m.objects = r.objects(r.compiled, r.manifest.Batches[i])
	}
	// Objects that are in quarantine as a whole count no records; what can be read of them by now is more than the batch had.
	whole := map[ledger.ObjectID]bool{}
	reader := QuarantineReader{Ledger: r.ledger, State: r.State, TempDir: dir}
	if err := reader.batch(ctx, b, func(row quarantine.Row) error {
		if row.Record == 0 {
			whole[ledger.ObjectID{Key: row.Object, ETag: row.ETag}] = true
		}
		return nil
	}); err != nil {
		return m, err
	}
	var size int64
	for _, o := range m.objects {
		size += o.SizeBytes
	}
	r.Progress.Begin(StageScan, size, "bytes")
	var err error
	if m.res, err = r.attempt(ctx, b.ID, r.attemptOptions(r.compiled, dir), m.objects); err != nil {
		return m, err
	}
	var read int64
	var gone []string
	for i, o := range m.res.Objects {
		switch {
		case o.State == attempt.ObjectGone:
			gone = append(gone, m.objects[i].Key)
		case !whole[ledger.ObjectID{Key: m.objects[i].Key, ETag: m.objects[i].ETag}]:
			read += o.Records
		}
	}
	switch {
	case len(gone) > 0:
		return m, refusedError{fmt.Errorf("batch %s stays as it was: %w while it was replaced: %s", b.ID, ErrInputsGone, strings.Join(gone[:min(20, len(gone))], ", "))}
	case read != b.Counts.Read:
		return m, refusedError{fmt.Errorf("batch %s stays as it was: it had %s, and %s now; does the mapping frame records in another way, or was an object unreadable for the moment?",
			b.ID, human.Plural(b.Counts.Read, "record"), human.Count(read))}
	}
	if err := r.overLimit(m.res); err != nil {
		for code, n := range m.res.Reasons {
			r.sum.Reasons[code] += n
		}
		return m, fmt.Errorf("batch %s stays as it was: %w", b.ID, err)
	}
	return m, nil
}
