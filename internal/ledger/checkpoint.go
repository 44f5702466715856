package ledger

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/ledger/checkpoint"
	"github.com/silt-etl/silt/internal/ledger/index"
	"github.com/silt-etl/silt/internal/objstore"
)

const (
	// keepCheckpoints is how many are left when older ones are removed.
	keepCheckpoints = 2
	// strayAge is how old a part without a head must be to be removed: its writer may still be at work.
	strayAge = 24 * time.Hour
)

// stored is what this Ledger knows of the checkpoints in the store.
type stored struct {
	read bool   // the state was begun
	seq  uint64 // of the one that the state came from or went to; 0: of none
	head string // its name
	// parts say where the segments of the state are stored, so that the next checkpoint can reuse them.
	parts map[*index.Segment]checkpoint.Part
	bad   map[string]bool // heads that cannot be used
}

func (l *Ledger) checkpointHeads() string   { return l.job + "/checkpoints/heads/" }
func (l *Ledger) checkpointParts() string   { return l.job + "/checkpoints/parts/" }
func headName(seq uint64, id string) string { return fmt.Sprintf("%020d-%s.json", seq, id) }
func headSeq(name string) (seq uint64, err error) {
	_, err = fmt.Sscanf(name, "%020d-", &seq)
	return seq, err
}

// CheckpointDue tells whether so much was added since the last checkpoint that another one saves work.
func (l *Ledger) CheckpointDue() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.st.seq > l.stored.seq && (l.st.seq-l.stored.seq >= uint64(l.opts.CheckpointEntries) || l.st.grown >= l.opts.CheckpointObjects || len(l.stored.bad) > 0)
}

// Checkpoint writes what the ledger says through its last entry, so that later folds begin there. It permits no deletion of
// entries. whole writes all parts again, so that it shares none with other checkpoints; else what earlier ones hold of the
// objects is named again, and what is written grows with what was added since. Older checkpoints are removed, but for the last
// two. The name is that of its head; it is empty when nothing was added since the last and whole is false.
func (l *Ledger) Checkpoint(ctx context.Context, whole bool) (name string, seq uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opts.Run == "" {
		return "", 0, errors.New("the ledger is open for reading only, so it cannot write a checkpoint")
	}
	if err := l.fold(ctx); err != nil {
		return "", 0, err
	}
	if l.st.seq == 0 || l.st.seq == l.stored.seq && !whole {
		return "", l.stored.seq, nil
	}
	if name, err = l.writeCheckpoint(ctx, whole); err != nil {
		return "", 0, fmt.Errorf("write a checkpoint: %w", err)
	}
	if err := l.pruneCheckpoints(ctx); err != nil && !errors.Is(err, objstore.ErrDenied) {
		return name, l.st.seq, fmt.Errorf("remove old checkpoints: %w", err)
	}
	return name, l.st.seq, nil
}

func (l *Ledger) writeCheckpoint(ctx context.Context, whole bool) (string, error) {
	st := l.st
	entry, err := l.read(ctx, l.entryKey(st.seq))
	if err != nil {
		return "", err
	}
	st.mu.Lock() // segments are merged
	if err = errors.Join(st.objects.Flush(), st.latest.Flush()); err == nil && whole {
		err = errors.Join(st.objects.Compact(), st.latest.Compact())
	}
	st.mu.Unlock()
	if err != nil {
		return "", err
	}
	h := &checkpoint.Head{V: checkpoint.Version, Job: l.job, Seq: st.seq, EntrySHA256: sumOf(entry), Run: l.opts.Run, MarksBy: l.opts.MarksBy,
		Paused: st.paused, Skipped: st.skippedObjects}
	parts := map[*index.Segment]checkpoint.Part{}
	segments := func(x *index.Index) (out []checkpoint.Part, err error) {
		for _, r := range x.Segments() {
			p, ok := l.stored.parts[r]
			if ok && !whole {
				h.Base = l.stored.head
			} else if p, err = l.putPart(ctx, r.Len(), func(w io.Writer) error { return checkpoint.WriteSegment(w, r) }); err != nil {
				return nil, err
			}
			parts[r] = p
			out = append(out, p)
		}
		return out, nil
	}
	if h.Objects, err = segments(st.objects); err != nil {
		return "", err
	}
	if h.Keys, err = segments(st.latest); err != nil {
		return "", err
	}
	if err := l.putRows(ctx, h); err != nil {
		return "", err
	}
	text, err := h.Encode()
	if err != nil {
		return "", err
	}
	name := headName(st.seq, l.opts.NewID())
	if err := l.create(ctx, l.checkpointHeads()+name, bytesBody(text), sumOf(text)); err != nil {
		return "", err
	}
	if h.Base != "" {
		// Whoever removes the base looks for heads that name its parts after he has removed its head. If that is still there he
		// will see ours; if it is gone, it possibly does not.
		if _, err := l.store.Head(ctx, l.checkpointHeads()+h.Base); err != nil {
			return "", errors.Join(fmt.Errorf("the checkpoint it builds on is gone: %w", err), l.store.Delete(ctx, l.checkpointHeads()+name))
		}
	}
	l.stored = stored{read: true, seq: st.seq, head: name, parts: parts, bad: l.stored.bad}
	st.grown = 0
	return name, nil
}

// putPart writes one part through a file, for its digest is part of no name but its length has to be known.
func (l *Ledger) putPart(ctx context.Context, rows int, write func(io.Writer) error) (checkpoint.Part, error) {
	f, err := index.TempFile(l.opts.TempDir)
	if err != nil {
		return checkpoint.Part{}, err
	}
	defer f.Close()
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<20)
	if err := errors.Join(write(out), out.Flush()); err != nil {
		return checkpoint.Part{}, err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return checkpoint.Part{}, err
	}
	p := checkpoint.Part{Name: l.opts.NewID() + ".parquet", SHA256: hex.EncodeToString(sum.Sum(nil)), SizeBytes: size, Rows: int64(rows)}
	return p, l.create(ctx, l.checkpointParts()+p.Name, func() io.Reader { return io.NewSectionReader(f, 0, size) }, p.SHA256)
}

func putTable[T any](ctx context.Context, l *Ledger, rows []T) (checkpoint.Part, error) {
	return l.putPart(ctx, len(rows), func(w io.Writer) error { return checkpoint.WriteRows(w, rows) })
}

// lostMarks stands for marks whose prefixes are not known any more.
const lostMarks = "lost"

// putRows writes all that is not objects.
func (l *Ledger) putRows(ctx context.Context, h *checkpoint.Head) (err error) {
	st := l.st
	var batches []checkpoint.Batch
	var files []checkpoint.File
	text := func(v any, n int) string {
		if n == 0 {
			return ""
		}
		t, e := json.Marshal(v)
		err = errors.Join(err, e)
		return string(t)
	}
	for i := range st.batches {
		b := &st.batches[i]
		row := checkpoint.Batch{Batch: b.id, Manifest: b.manifest.ID, ManifestSHA256: b.manifest.SHA256, Run: b.run, Made: b.made, State: b.state.String(),
			Base: int64(b.base), Committed: int64(b.committed), Objects: int64(b.objects), Inputs: int64(b.inputs), Free: int64(b.free), Bounds: int64(b.bounds), Bytes: b.bytes,
			Read: b.counts.Read, Published: b.counts.Published, Filtered: b.counts.Filtered, Quarantined: b.counts.Quarantined,
			Expired: b.counts.Expired, Marks: text(b.marks, len(b.marks)), Quarantine: text(b.quarantine, len(b.quarantine))}
		if b.lost {
			row.Marks = lostMarks
		}
		batches = append(batches, row)
		for _, f := range b.files {
			files = append(files, checkpoint.File{Slot: int64(i), Key: f.key, Attempt: f.attempt.Key, AttemptSHA256: f.attempt.SHA256})
		}
	}
	var runs []checkpoint.Run
	for _, run := range slices.Sorted(maps.Keys(st.runs)) {
		for _, seq := range st.runs[run] {
			runs = append(runs, checkpoint.Run{Run: run, Seq: int64(seq)})
		}
	}
	var rest []checkpoint.Rest
	for _, b := range st.bounds {
		rest = append(rest, checkpoint.Rest{Kind: "bound", Text: text(b, 1)})
	}
	for _, seq := range slices.Sorted(maps.Keys(st.rolling)) {
		rest = append(rest, checkpoint.Rest{Kind: "rolling", Text: text(st.rolling[seq].saved(), 1)})
	}
	for _, d := range st.died {
		rest = append(rest, checkpoint.Rest{Kind: "died", Text: text(savedDeath{d.at, d.seq, d.key}, 1)})
	}
	var await []checkpoint.Rest
	for _, o := range st.Awaited.Objects() {
		await = append(await, checkpoint.Rest{Kind: "object", Text: text(o, 1)})
	}
	for _, folder := range slices.Sorted(maps.Keys(st.Awaited.Folders())) {
		await = append(await, checkpoint.Rest{Kind: "folder", Text: text(awaitedFolder{folder, st.Awaited.Folders()[folder]}, 1)})
	}
	if err != nil {
		return err
	}
	if len(await) > 0 { // an older program then says that the checkpoint is newer
		p, err := putTable(ctx, l, await)
		if err != nil {
			return err
		}
		h.Awaited = &p
	}
	for _, put := range []func() error{
		func() (err error) { h.Batches, err = putTable(ctx, l, batches); return err },
		func() (err error) { h.Files, err = putTable(ctx, l, files); return err },
		func() (err error) { h.Runs, err = putTable(ctx, l, runs); return err },
		func() (err error) { h.Rest, err = putTable(ctx, l, rest); return err },
	} {
		if err := put(); err != nil {
			return err
		}
	}
	return nil
}

// savedRolling is a rolling as JSON.
type savedRolling struct {
	Seq             uint64      `json:"seq"`
	Kind            Kind        `json:"kind"`
	Why             Why         `json:"why,omitempty"`
	Run             string      `json:"run"`
	Attempt         *AttemptRef `json:"attempt,omitempty"`
	Batches         []string    `json:"batches,omitempty"`
	Adds            []savedRef  `json:"adds,omitempty"`
	Removes         []savedRef  `json:"removes,omitempty"`
	QuarantineFiles []string    `json:"quarantine,omitempty"`
}

// savedDeath is a death as JSON.
type savedDeath struct {
	At  time.Time `json:"at"`
	Seq uint64    `json:"seq"`
	Key string    `json:"key"`
}

// awaitedFolder is a folder of awaited objects as JSON.
type awaitedFolder struct {
	Folder string `json:"folder"`
	Day    string `json:"day"`
}

// savedRef is a file and the attempt that made it.
type savedRef struct {
	File    string     `json:"file"`
	Attempt AttemptRef `json:"attempt"`
}

func (r *rolling) saved() savedRolling {
	refs := func(in []fileRef) (out []savedRef) {
		for _, f := range in {
			out = append(out, savedRef{f.key, *f.attempt})
		}
		return out
	}
	return savedRolling{Seq: r.seq, Kind: r.kind, Why: r.why, Run: r.run, Attempt: r.attempt, Batches: r.batches, Adds: refs(r.adds),
		Removes: refs(r.removes), QuarantineFiles: r.qdead}
}

// heads are the names of the checkpoints there are, newest first.
func (l *Ledger) heads(ctx context.Context) ([]string, error) {
	var out []string
	err := l.store.List(ctx, objstore.ListOptions{Prefix: l.checkpointHeads()}, func(o objstore.Object) error {
		name := strings.TrimPrefix(o.Key, l.checkpointHeads())
		if _, err := headSeq(name); err == nil && strings.HasSuffix(name, ".json") {
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	slices.Reverse(out)
	return out, nil
}

// pruneCheckpoints removes old checkpoints: first heads, then parts that no head which is there after that names.
func (l *Ledger) pruneCheckpoints(ctx context.Context) error {
	heads, err := l.heads(ctx)
	if err != nil {
		return err
	}
	kept, removed := 0, 0
	for _, h := range heads {
		if kept < keepCheckpoints && !l.stored.bad[h] {
			kept++
			continue
		}
		if err := l.store.Delete(ctx, l.checkpointHeads()+h); err != nil {
			return err
		}
		delete(l.stored.bad, h)
		removed++
	}
	if removed == 0 {
		return nil
	}
	if heads, err = l.heads(ctx); err != nil {
		return err
	}
	named := map[string]bool{}
	for _, name := range heads {
		h, err := l.readHead(ctx, name)
		if err != nil {
			return err // what it names is not known
		}
		for _, p := range h.Parts() {
			named[p.Name] = true
		}
	}
	now, err := l.store.Now(ctx)
	if err != nil {
		return err
	}
	var stray []string
	err = l.store.List(ctx, objstore.ListOptions{Prefix: l.checkpointParts()}, func(o objstore.Object) error {
		if !named[strings.TrimPrefix(o.Key, l.checkpointParts())] && now.Sub(o.LastModified) > l.opts.StrayAge {
			stray = append(stray, o.Key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range stray {
		if err := l.store.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
