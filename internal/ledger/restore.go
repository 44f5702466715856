package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/apache/arrow-go/v18/parquet"

	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/ledger/checkpoint"
	"github.com/silt-etl/silt/internal/ledger/index"
	"github.com/silt-etl/silt/internal/objstore"
)

// errUnusable is a checkpoint that tells nothing; another one, or the entries, may.
var errUnusable = errors.New("the checkpoint cannot be used")

// restore begins a fold at the newest checkpoint that can be used. If there is none, the fold then begins at entry 1.
func (l *Ledger) restore(ctx context.Context) error {
	for again := true; again; {
		again = false
		heads, err := l.heads(ctx)
		if err != nil {
			return err
		}
		for _, name := range heads {
			if l.stored.bad[name] {
				continue
			}
			err := l.restoreFrom(ctx, name)
			if err == nil || !errors.Is(err, errUnusable) {
				return err
			}
			l.stored.bad[name] = true
			l.warn(fmt.Sprintf("%s/%s%s: %v; using an older checkpoint or the entries instead", l.store, l.checkpointHeads(), name, err))
			again = true // it may have been removed by one who has written a newer one
			break
		}
	}
	return nil
}

func (l *Ledger) warn(text string) {
	if l.opts.Warn != nil {
		l.opts.Warn(text)
	}
}

func unusable(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, checkpoint.ErrDamaged) || errors.Is(err, objstore.ErrNotExist) || errors.Is(err, index.ErrOrder) {
		return fmt.Errorf("%w: %w", errUnusable, err)
	}
	return err
}

func (l *Ledger) readHead(ctx context.Context, name string) (*checkpoint.Head, error) {
	text, err := l.read(ctx, l.checkpointHeads()+name)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	h, err := checkpoint.DecodeHead(text)
	if errors.Is(err, checkpoint.ErrNewer) {
		return nil, fmt.Errorf("checkpoint %s/%s%s: %w: %w. Try: use the version of etl that wrote it", l.store, l.checkpointHeads(), name, ErrNewer, err)
	}
	if err != nil {
		return nil, err
	}
	if seq, err := headSeq(name); err != nil || seq != h.Seq || h.Job != l.job {
		return nil, fmt.Errorf("%w: its content is of entry %d of job %s", checkpoint.ErrDamaged, h.Seq, h.Job)
	}
	return h, nil
}

// restoreFrom makes the state that of one checkpoint, or leaves it as it is.
func (l *Ledger) restoreFrom(ctx context.Context, name string) error {
	h, err := l.readHead(ctx, name)
	if err != nil {
		return unusable(err)
	}
	entry, err := l.read(ctx, l.entryKey(h.Seq))
	switch {
	case errors.Is(err, objstore.ErrNotExist):
		return fmt.Errorf("%w: entry %d is missing, but checkpoint %s contains it; entries must never be deleted: %w", ErrCorrupt, h.Seq, name, err)
	case err != nil:
		return fmt.Errorf("read ledger entry %d: %w", h.Seq, err)
	case sumOf(entry) != h.EntrySHA256:
		return fmt.Errorf("%w: entry %d is not the one that checkpoint %s contains", ErrCorrupt, h.Seq, name)
	}
	st := newState(l.opts.TempDir, l.opts.Entries)
	parts, err := l.loadState(ctx, h, st)
	if err != nil {
		st.objects.Close()
		st.latest.Close()
		return unusable(err)
	}
	l.st.become(st)
	l.stored.seq, l.stored.head, l.stored.parts = h.Seq, name, parts
	return nil
}

// become takes over what another state says.
func (s *State) become(o *State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq, s.batches, s.slot, s.objects, s.latest, s.bounds, s.skippedObjects = o.seq, o.batches, o.slot, o.objects, o.latest, o.bounds, o.skippedObjects
	s.live, s.quarantine, s.rolling, s.paused, s.runs, s.died, s.grown = o.live, o.quarantine, o.rolling, o.paused, o.runs, o.died, 0
	s.Awaited = o.Awaited
}

// openPart fetches a part and verifies it before anything of it is used.
func (l *Ledger) openPart(ctx context.Context, p checkpoint.Part) (parquet.ReaderAtSeeker, io.Closer, error) {
	in, _, err := l.store.Get(ctx, l.checkpointParts()+p.Name, objstore.GetOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("read checkpoint: %w", err)
	}
	defer in.Close()
	var mem bytes.Buffer
	var file *os.File
	var out io.Writer = &mem
	if p.SizeBytes > 4<<20 {
		if file, err = index.TempFile(l.opts.TempDir); err != nil {
			return nil, nil, fmt.Errorf("limits.temp_dir: %w", err)
		}
		out = file
	}
	fail := func(err error) (parquet.ReaderAtSeeker, io.Closer, error) {
		if file != nil {
			file.Close()
		}
		return nil, nil, err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, sum), in); err != nil {
		return fail(fmt.Errorf("read checkpoint part %s: %w", p.Name, err))
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != p.SHA256 {
		return fail(fmt.Errorf("%w: part %s has SHA-256 %s, but the checkpoint names %s", checkpoint.ErrDamaged, p.Name, got, p.SHA256))
	}
	if file != nil {
		return file, file, nil
	}
	return bytes.NewReader(mem.Bytes()), io.NopCloser(nil), nil
}

// loadState reads all parts. The segments that it returns are those of the state, with where they are stored.
func (l *Ledger) loadState(ctx context.Context, h *checkpoint.Head, st *State) (map[*index.Segment]checkpoint.Part, error) {
	st.seq, st.paused, st.skippedObjects = h.Seq, h.Paused, h.Skipped
	if err := l.loadRows(ctx, h, st); err != nil {
		return nil, err
	}
	parts := append(append([]checkpoint.Part{}, h.Objects...), h.Keys...)
	segments := make([]*index.Segment, len(parts))
	err := l.each(len(parts), func(i int) (err error) {
		segments[i], err = l.loadSegment(ctx, parts[i], len(st.batches))
		return err
	})
	if err != nil {
		for _, r := range segments {
			if r != nil {
				r.Close()
			}
		}
		return nil, err
	}
	where := map[*index.Segment]checkpoint.Part{}
	for i, r := range segments {
		if where[r] = parts[i]; i < len(h.Objects) {
			st.objects.Load(r)
		} else {
			st.latest.Load(r)
		}
	}
	return where, nil
}

func (l *Ledger) loadSegment(ctx context.Context, p checkpoint.Part, batches int) (*index.Segment, error) {
	in, end, err := l.openPart(ctx, p)
	if err != nil {
		return nil, err
	}
	defer end.Close()
	b := index.NewBuilder(l.opts.TempDir)
	err = checkpoint.ReadSegment(ctx, in, func(k index.Key, slot int32) error {
		if slot < -1 || int(slot) >= batches && slot != skipped {
			return fmt.Errorf("%w: part %s names batch %d, but there are %d", checkpoint.ErrDamaged, p.Name, slot, batches)
		}
		return b.Add(k, slot)
	})
	var r *index.Segment
	if err == nil {
		r, err = b.Segment()
	}
	if err == nil && int64(r.Len()) != p.Rows {
		err = fmt.Errorf("%w: part %s has %d rows, but the checkpoint says %d", checkpoint.ErrDamaged, p.Name, r.Len(), p.Rows)
	}
	if err != nil {
		b.Discard()
		return nil, err
	}
	return r, nil
}

func loadTable[T any](ctx context.Context, l *Ledger, p checkpoint.Part, fn func(T) error) error {
	in, end, err := l.openPart(ctx, p)
	if err != nil {
		return err
	}
	defer end.Close()
	rows := int64(0)
	err = checkpoint.ReadRows(ctx, in, func(row T) error {
		rows++
		return fn(row)
	})
	if err == nil && rows != p.Rows {
		err = fmt.Errorf("%w: part %s has %d rows, but the checkpoint says %d", checkpoint.ErrDamaged, p.Name, rows, p.Rows)
	}
	return err
}

func parse(text string, into any) error {
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("%w: %w", checkpoint.ErrDamaged, err)
	}
	return nil
}

func (l *Ledger) loadRows(ctx context.Context, h *checkpoint.Head, st *State) error {
	states := map[string]BatchState{}
	for _, s := range []BatchState{BatchOpen, BatchCommitted, BatchReleased} {
		states[s.String()] = s
	}
	manifests := map[ManifestRef]ManifestRef{} // one text for the many batches of a plan
	err := loadTable(ctx, l, h.Batches, func(r checkpoint.Batch) error {
		state, ok := states[r.State]
		if !ok {
			return fmt.Errorf("%w: batch %s is %q", checkpoint.ErrDamaged, r.Batch, r.State)
		}
		ref := ManifestRef{ID: r.Manifest, SHA256: r.ManifestSHA256}
		if _, ok := manifests[ref]; !ok {
			manifests[ref] = ref
		}
		b := batch{id: r.Batch, manifest: manifests[ref], run: r.Run, made: r.Made, state: state, base: uint64(r.Base), committed: uint64(r.Committed), objects: int32(r.Objects),
			inputs: int32(r.Inputs), free: int32(r.Free), bounds: int32(r.Bounds), bytes: r.Bytes,
			counts: Counts{Read: r.Read, Published: r.Published, Filtered: r.Filtered, Quarantined: r.Quarantined, Expired: r.Expired}}
		if h.MarksBy != l.opts.MarksBy || r.Marks == lostMarks {
			b.lost = true
		} else if err := parse(r.Marks, &b.marks); err != nil {
			return err
		}
		if err := parse(r.Quarantine, &b.quarantine); err != nil {
			return err
		}
		for _, q := range b.quarantine {
			st.quarantine[q] = struct{}{}
		}
		st.slot[b.id] = int32(len(st.batches))
		st.batches = append(st.batches, b)
		return nil
	})
	if err != nil {
		return err
	}
	refs := map[AttemptRef]*AttemptRef{}
	intern := func(r AttemptRef) *AttemptRef {
		if refs[r] == nil {
			refs[r] = &r
		}
		return refs[r]
	}
	err = loadTable(ctx, l, h.Files, func(r checkpoint.File) error {
		if r.Slot < 0 || r.Slot >= int64(len(st.batches)) {
			return fmt.Errorf("%w: file %s belongs to batch %d, but there are %d", checkpoint.ErrDamaged, r.Key, r.Slot, len(st.batches))
		}
		b := &st.batches[r.Slot]
		b.files = append(b.files, fileRef{r.Key, intern(AttemptRef{Key: r.Attempt, SHA256: r.AttemptSHA256})})
		st.live[r.Key]++
		return nil
	})
	if err != nil {
		return err
	}
	err = loadTable(ctx, l, h.Runs, func(r checkpoint.Run) error {
		st.runs[r.Run] = append(st.runs[r.Run], uint64(r.Seq))
		return nil
	})
	if err != nil {
		return err
	}
	if h.Awaited != nil {
		err := loadTable(ctx, l, *h.Awaited, func(r checkpoint.Rest) error { return loadAwaited(r, st.Awaited) })
		if err != nil {
			return err
		}
	}
	return loadTable(ctx, l, h.Rest, func(r checkpoint.Rest) error {
		switch r.Kind {
		case "bound":
			var b Bound
			if err := parse(r.Text, &b); err != nil {
				return err
			}
			st.bounds = append(st.bounds, b)
			return nil
		case "died":
			var s savedDeath
			if err := parse(r.Text, &s); err != nil {
				return err
			}
			st.died = append(st.died, death{s.At, s.Seq, s.Key})
			return nil
		case "rolling":
			var s savedRolling
			if err := parse(r.Text, &s); err != nil {
				return err
			}
			st.rolling[s.Seq] = s.rolling(intern)
			return nil
		}
		return fmt.Errorf("%w: unknown content of kind %q", checkpoint.ErrDamaged, r.Kind)
	})
}

// loadAwaited reads an object or a folder that later runs must look for.
func loadAwaited(r checkpoint.Rest, into *awaited.Table) error {
	switch r.Kind {
	case "object":
		var o awaited.Object
		if err := parse(r.Text, &o); err != nil {
			return err
		}
		into.Put(awaited.ID(hashKey(o.Key)), o)
		return nil
	case "folder":
		var f awaitedFolder
		if err := parse(r.Text, &f); err != nil {
			return err
		}
		into.SetFolders(map[string]string{f.Folder: f.Day})
		return nil
	}
	return fmt.Errorf("%w: unknown awaited content of kind %q", checkpoint.ErrDamaged, r.Kind)
}

func (s *savedRolling) rolling(intern func(AttemptRef) *AttemptRef) *rolling {
	refs := func(in []savedRef) (out []fileRef) {
		for _, f := range in {
			out = append(out, fileRef{f.File, intern(f.Attempt)})
		}
		return out
	}
	r := &rolling{seq: s.Seq, kind: s.Kind, why: s.Why, run: s.Run, batches: s.Batches, adds: refs(s.Adds), removes: refs(s.Removes), qdead: s.QuarantineFiles}
	if s.Attempt != nil {
		r.attempt = intern(*s.Attempt)
	}
	return r
}

// longAgo stands for the time of objects that a release set free and of which nothing more is known.
var longAgo = time.Unix(0, 0).UTC()
