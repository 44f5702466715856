package refused

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/tempdir"
)

const (
	// maxOfGroup and maxRows bound the records in a file: of one reason and path, and in total.
	maxOfGroup, maxRows = 100, 1000
	// maxRaw and maxBytes bound their bytes: of one record, which is cut, and in total.
	maxRaw, maxBytes = 64 << 10, 8 << 20
	// maxGroups bounds the reasons and paths that have counts.
	maxGroups = 200
	// noteKey is the key of the Batch in the footer of a file.
	noteKey = "silt.refused"
)

// Batch is what a file says about a refused batch. Its rows are examples: the counts are of all records.
type Batch struct {
	Batch   string             `json:"batch"`
	Run     string             `json:"run"`
	Refused time.Time          `json:"refused"`
	Read    int64              `json:"read"`     // records of the batch
	Records int64              `json:"records"`  // of these, rejected ones
	Kept    int                `json:"examples"` // rows of the file
	Kinds   Kinds              `json:"kinds,omitempty"`
	Groups  []quarantine.Group `json:"groups"`
}

func prefix(job string) string     { return job + "/refused/" }
func key(job, batch string) string { return prefix(job) + batch + ".parquet" }

// Options of Put.
type Options struct {
	Job     string
	TempDir string
	// LeaveOut is the reason of records that are good, and that wait for something else.
	LeaveOut string
	// Hide leaves out what the records hold: their bytes, and messages that show them.
	Hide bool
}

// Put keeps rejected records of a refused batch, until the next refusal of the batch replaces them or Remove removes them. from is the
// quarantine file that the batch would have had. Groups, Records and Kept of b are set here.
func Put(ctx context.Context, state objstore.Bucket, o Options, b Batch, from *os.File) error {
	return put(ctx, state, o, &b, func(fn func(quarantine.Row) error) error { return quarantine.Read(ctx, from, fn) })
}

// PutExamples is Put for a batch that was refused before it had a quarantine file. rows are the first of its rejected records, all
// for the same reason; b.Records says how many there are.
func PutExamples(ctx context.Context, state objstore.Bucket, o Options, b Batch, rows []quarantine.Row) error {
	rejected := b.Records
	b.Records = 0
	return put(ctx, state, o, &b, func(fn func(quarantine.Row) error) error {
		for _, r := range rows {
			if err := fn(r); err != nil {
				return err
			}
		}
		b.Records = max(b.Records, rejected)
		return nil
	})
}

func put(ctx context.Context, state objstore.Bucket, o Options, b *Batch, each func(func(quarantine.Row) error) error) error {
	f, err := tempdir.File(o.TempDir)
	if err != nil {
		return fmt.Errorf("temp folder: %w", err)
	}
	defer f.Close()
	c := collector{batch: b, options: o, has: quarantine.Has{Cut: true}, groups: map[group]*counted{}}
	if err := each(c.add); err != nil {
		return err
	}
	c.end()
	w, err := quarantine.NewWriter(f, c.has)
	if err != nil {
		return err
	}
	for _, r := range c.rows {
		if err := w.Add(r); err != nil {
			return err
		}
	}
	note, err := json.Marshal(b)
	if err == nil {
		err = w.Note(noteKey, string(note))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = state.Put(ctx, key(o.Job, b.Batch), f, objstore.PutOptions{})
	return err
}

type group struct{ reason, path string }

type counted struct {
	quarantine.Group
	rows   int
	object string // of the last row
}

// collector counts the rows of a quarantine file, and keeps some of them.
type collector struct {
	batch   *Batch
	options Options
	rows    []quarantine.Row
	has     quarantine.Has
	groups  map[group]*counted
	bytes   int
}

func (c *collector) add(r quarantine.Row) error {
	if r.Reason == c.options.LeaveOut {
		return nil
	}
	if c.options.Hide {
		r.Raw, r.Context, r.Message = nil, nil, ""
	}
	if r.Record > 0 {
		c.batch.Records++
	}
	k := group{r.Reason, r.Path}
	g := c.groups[k]
	if g == nil {
		if len(c.groups) >= maxGroups {
			return nil
		}
		g = &counted{Group: quarantine.Group{Reason: r.Reason, Path: r.Path, Message: r.Message, Object: r.Object, Record: r.Record, Member: r.Member, MemberNumber: r.MemberNumber}}
		c.groups[k] = g
	}
	if r.Record > 0 {
		g.Records++
	}
	if g.object != r.Object || g.Objects == 0 { // rows of an object follow each other
		g.object = r.Object
		g.Objects++
	}
	if len(r.Raw) > maxRaw && !r.Cut() {
		r.Length, r.Offset = int64(len(r.Raw)), -1
	}
	r.Raw = r.Raw[:min(len(r.Raw), maxRaw)]
	if len(r.Context) > maxRaw {
		r.Context = nil
	}
	size := len(r.Raw) + len(r.Context)
	if g.rows >= maxOfGroup || c.batch.Kept >= maxRows || c.bytes+size > maxBytes {
		return nil
	}
	g.rows++
	c.bytes += size
	c.batch.Kept++
	c.has.Members = c.has.Members || r.MemberNumber > 0
	c.rows = append(c.rows, r)
	return nil
}

// end sorts the groups.
func (c *collector) end() {
	c.batch.Groups = []quarantine.Group{}
	for _, g := range c.groups {
		c.batch.Groups = append(c.batch.Groups, g.Group)
	}
	if len(c.batch.Groups) == 1 {
		c.batch.Groups[0].Records = c.batch.Records
	}
	quarantine.SortGroups(c.batch.Groups)
}

// File is the file of a refused batch in the state.
type File struct {
	Batch     string
	Key       string
	SizeBytes int64
	Modified  time.Time
}

// List returns the files of a job, oldest batch first.
func List(ctx context.Context, state objstore.Reader, job string) (files []File, err error) {
	err = state.List(ctx, objstore.ListOptions{Prefix: prefix(job)}, func(o objstore.Object) error {
		if batch, ok := strings.CutSuffix(strings.TrimPrefix(o.Key, prefix(job)), ".parquet"); ok && !strings.Contains(batch, "/") {
			files = append(files, File{Batch: batch, Key: o.Key, SizeBytes: o.SizeBytes, Modified: o.LastModified})
		}
		return nil
	})
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Batch, b.Batch) })
	return files, err
}

// Read returns what a file says, and calls fn for each of its rows; fn can be nil. A file that another run has removed since it was
// listed is objstore.ErrNotExist.
func (f File) Read(ctx context.Context, state objstore.Reader, tempDir string, fn func(quarantine.Row) error) (b Batch, err error) {
	in, _, err := state.Get(ctx, f.Key, objstore.GetOptions{})
	if err != nil {
		return b, err
	}
	defer in.Close()
	temp, err := tempdir.File(tempDir)
	if err != nil {
		return b, fmt.Errorf("temp folder: %w", err)
	}
	defer temp.Close()
	size, err := io.Copy(temp, in)
	if err != nil {
		return b, fmt.Errorf("fetch %s/%s: %w", state, f.Key, err)
	}
	note, err := quarantine.ReadNote(io.NewSectionReader(temp, 0, size), noteKey) // it closes a file that it has read
	if err == nil {
		err = json.Unmarshal([]byte(note), &b)
	}
	if err == nil && fn != nil {
		return b, quarantine.Read(ctx, temp, fn)
	}
	if err != nil {
		err = fmt.Errorf("%s/%s: %w", state, f.Key, err)
	}
	return b, err
}

// Remove removes the file of a batch. A batch without one is not an error.
func (f File) Remove(ctx context.Context, state objstore.Bucket) error {
	return state.Delete(ctx, f.Key)
}

// IsOver says whether nobody needs a file any more: its batch is committed, or it was released and all of its objects are loaded or
// skipped by now, or were refused as parts of other batches.
func (f File) IsOver(ctx context.Context, l *ledger.Ledger, st *ledger.State) (bool, error) {
	b, ok := st.Batch(f.Batch)
	if !ok || b.State == ledger.BatchOpen {
		return false, nil
	}
	if b.State == ledger.BatchCommitted {
		return true, nil
	}
	m, err := l.Manifest(ctx, b.Manifest, b.ID)
	if errors.Is(err, objstore.ErrNotExist) { // retention removed it
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, part := range m.Batches {
		for _, o := range part.Objects {
			latest, ok := st.LatestBatch(o.Key)
			switch {
			case !ok, latest.ID == b.ID && st.TakenObject(o), latest.ID != b.ID && latest.State != ledger.BatchOpen:
			default:
				return false, nil
			}
		}
	}
	return true, nil
}

// RemoveOver removes the files of a job that nobody needs any more.
func RemoveOver(ctx context.Context, state objstore.Bucket, l *ledger.Ledger, job string) error {
	files, err := List(ctx, state, job)
	if err != nil || len(files) == 0 {
		return err
	}
	st, err := l.Fold(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		over, err := f.IsOver(ctx, l, st)
		if err == nil && over {
			err = f.Remove(ctx, state)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
