// Package provenance writes into the files of the lake which job, batch and objects they came from, and reads it from them again.
// With it a ledger that was lost can be rebuilt from the lake (package adopt), and a run notices files of its own job that its ledger
// does not know.
//
// Every file has the name of its job in the footer. File 0 of an attempt has an Entry: what the attempt's record says, as far as it
// does not depend on the state. Nothing that a run decides about its own batches depends on it.
package provenance

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ledger"
	"github.com/silt-etl/silt/internal/objstore"
)

// The keys of a footer's metadata.
const (
	KeyJob   = "silt.job"        // in every file: the name of the job
	KeyEntry = "silt.provenance" // in file 0 of an attempt: an Entry as JSON, compressed with zstd, in base64
)

// Version of an Entry. A reader refuses a higher one.
const Version = 1

// maxEntry is the size of an encoded entry above which it names objects by hash.
const maxEntry = 1 << 20

// maxDecoded bounds what a reader unpacks.
const maxDecoded = 1 << 30

// Entry is the provenance of an attempt.
type Entry struct {
	V        int        `json:"v"`
	Job      string     `json:"job"`
	Attempt  string     `json:"attempt"` // ULID
	Run      string     `json:"run"`
	Why      ledger.Why `json:"why"`
	Manifest string     `json:"manifest,omitempty"`
	// Batches are what the attempt moves: one for a run and a replay.
	Batches []Batch `json:"batches"`
	// Files are those of the attempt, in order. The first is the file that has the entry.
	Files []File `json:"files"`
	// Removes are the keys of files that are removed although their attempts keep others (compaction).
	Removes []string `json:"removes,omitempty"`
}

// Batch is a batch that the attempt moves.
type Batch struct {
	Batch string `json:"batch"`
	Base  uint64 `json:"base"` // the entry of the writer's ledger that moved the batch before
	// Had are the attempts whose files the batch had before. A replacement removes all of their files, a replay none.
	Had []string `json:"had,omitempty"`
	// Quarantined is nil if the attempt wrote no quarantine file for the batch, and otherwise the number of records in it.
	Quarantined *int64   `json:"quarantined,omitempty"`
	Objects     []Object `json:"objects"`
}

// File is a file of the attempt.
type File struct {
	Key       string    `json:"key"`
	Table     string    `json:"table"`
	Values    [3]string `json:"values"`
	Rows      int64     `json:"rows"`
	SizeBytes int64     `json:"size,omitempty"` // 0 for the file that has the entry
}

// Object is a staging object of a batch, with its counts. In an entry above 1 MiB it has a Hash and neither Key nor ETag.
type Object struct {
	Key         string `json:"k,omitempty"`
	ETag        string `json:"e,omitempty"`
	Hash        []byte `json:"h,omitempty"` // ledger.ObjectID.Hash
	SizeBytes   int64  `json:"s,omitempty"`
	Modified    int64  `json:"m,omitempty"` // ms since 1970
	SHA256      string `json:"d,omitempty"` // of the content, as the attempt record has it
	Gone        bool   `json:"g,omitempty"`
	Read        int64  `json:"r,omitempty"`
	Published   int64  `json:"p,omitempty"`
	Filtered    int64  `json:"f,omitempty"`
	Quarantined int64  `json:"q,omitempty"`
}

// Counts of the object, as the ledger has them.
func (o *Object) Counts() ledger.Counts {
	return ledger.Counts{Read: o.Read, Published: o.Published, Filtered: o.Filtered, Quarantined: o.Quarantined}
}

// Values gives what file 0 of an attempt has in its footer.
func (e *Entry) Values() ([]lake.KeyValue, error) {
	e.V = Version
	text, err := e.encode()
	if err != nil {
		return nil, err
	}
	if len(text) > maxEntry {
		if text, err = e.hashed().encode(); err != nil {
			return nil, err
		}
	}
	return []lake.KeyValue{{Key: KeyEntry, Value: text}}, nil
}

// hashed is the entry with hashes in place of keys and ETags.
func (e *Entry) hashed() *Entry {
	out := *e
	out.Batches = make([]Batch, len(e.Batches))
	for i, b := range e.Batches {
		objects := make([]Object, len(b.Objects))
		for j, o := range b.Objects {
			sum := ledger.ObjectID{Key: o.Key, ETag: o.ETag}.Hash()
			o.Key, o.ETag, o.SHA256, o.Hash, o.SizeBytes, o.Modified = "", "", "", sum[:], 0, 0
			objects[j] = o
		}
		b.Objects = objects
		out.Batches[i] = b
	}
	return &out
}

func (e *Entry) encode() (string, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return "", err
	}
	defer func() { _ = z.Close() }()
	return base64.StdEncoding.EncodeToString(z.EncodeAll(text, nil)), nil
}

// ErrNewer says that a newer version of etl wrote the entry.
var ErrNewer = errors.New("written by a newer version of etl")

func decode(text string) (*Entry, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDecoded))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	plain, err := io.ReadAll(io.LimitReader(z, maxDecoded))
	if err != nil {
		return nil, err
	}
	var head struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(plain, &head); err != nil {
		return nil, err
	}
	if head.V > Version {
		return nil, fmt.Errorf("%w: version %d; this version of etl knows %d", ErrNewer, head.V, Version)
	}
	e := new(Entry)
	d := json.NewDecoder(bytes.NewReader(plain))
	d.DisallowUnknownFields()
	if err := d.Decode(e); err != nil {
		return nil, err
	}
	return e, e.check()
}

// check says what is wrong with an entry by itself.
func (e *Entry) check() error {
	if e.Job == "" || !isULID(e.Attempt) || len(e.Batches) == 0 || len(e.Files) == 0 {
		return errors.New("its provenance names no job, attempt, batch or file")
	}
	for _, b := range e.Batches {
		if !isULID(b.Batch) {
			return fmt.Errorf("its provenance names batch %q", b.Batch)
		}
	}
	for i, f := range e.Files {
		if path.Base(f.Key) != ledger.FileName(e.Batches[0].Batch, e.Attempt, i) {
			return fmt.Errorf("its provenance names %q as file %d of attempt %s", f.Key, i, e.Attempt)
		}
	}
	return nil
}

// Amend writes an entry into the footer of a finished local file, and returns the file's new size.
func Amend(name string, size int64, e *Entry) (int64, error) {
	values, err := e.Values()
	if err != nil {
		return 0, err
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	n, err := lake.Amend(f, size, values)
	return n, errors.Join(err, f.Close())
}

// ID names an attempt by the ULIDs of its first batch and of itself, as the name of a file of the lake does.
type ID struct{ Batch, Attempt string }

// Time is when the attempt began, by the clock of its machine.
func (id ID) Time() time.Time {
	u, err := ulid.ParseStrict(id.Attempt)
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(u.Time()).UTC()
}

// Parse reads the key of a file that Silt wrote: <ULID>-<ULID>-<n>.parquet in any folder. ok is false for any other key.
func Parse(key string) (id ID, n int, ok bool) {
	id.Batch, id.Attempt, n, ok = ledger.ParseFileName(path.Base(key))
	return id, n, ok && isULID(id.Batch) && isULID(id.Attempt)
}

func isULID(s string) bool {
	id, err := ulid.ParseStrict(s)
	return err == nil && id.String() == s
}

// Footer is what a file of the lake says about where it came from.
type Footer struct {
	Job   string // "" if the file does not say
	Entry *Entry // nil if the file has none
	Err   error  // why the footer or its entry cannot be read, or nil
}

// tailBytes is what is read of a file at first. Few footers are longer.
const tailBytes = 64 << 10

// Read reads the footer of a file of the lake. Errors of the store are returned, and errors of the content are in the Footer.
func Read(ctx context.Context, store objstore.Reader, o objstore.Object) (out Footer, err error) {
	tail, bad, err := readFooter(ctx, store, o)
	if err != nil || bad != nil {
		return Footer{Err: bad}, err
	}
	values, err := lake.KeyValues(tail)
	if err != nil {
		return Footer{Err: err}, nil
	}
	out.Job = values[KeyJob]
	if text, ok := values[KeyEntry]; ok {
		if out.Entry, err = decode(text); err != nil {
			out.Entry, out.Err = nil, fmt.Errorf("its provenance cannot be read: %w", err)
		}
	}
	return out, nil
}

// ClassUID reads the event class of the rows of a file of the lake.
func ClassUID(ctx context.Context, store objstore.Reader, o objstore.Object) (int, error) {
	tail, bad, err := readFooter(ctx, store, o)
	if err = errors.Join(err, bad); err != nil {
		return 0, err
	}
	return lake.ClassUID(tail)
}

// readFooter reads the end of an object, with its whole footer. bad is what is wrong with the content.
func readFooter(ctx context.Context, store objstore.Reader, o objstore.Object) (tail []byte, bad, err error) {
	if tail, err = readTail(ctx, store, o, tailBytes); err != nil {
		return nil, nil, err
	}
	n, bad := lake.FooterBytes(tail)
	if bad == nil && n > o.SizeBytes {
		bad = fmt.Errorf("a footer of %d bytes cannot be in a file of %d", n, o.SizeBytes)
	}
	if bad != nil || n <= int64(len(tail)) {
		return tail, bad, nil
	}
	tail, err = readTail(ctx, store, o, n)
	return tail, nil, err
}

// readTail reads the last bytes of an object.
func readTail(ctx context.Context, store objstore.Reader, o objstore.Object, n int64) ([]byte, error) {
	n = min(n, o.SizeBytes)
	if n == 0 {
		return nil, nil
	}
	in, _, err := store.Get(ctx, o.Key, objstore.GetOptions{ETag: o.ETag, Offset: o.SizeBytes - n, Length: n})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, n))
}

// Content reads what the footer of a Parquet file says about its rows, whichever program wrote the file. Errors of the store are
// returned in err, and errors of the content in bad.
func Content(ctx context.Context, store objstore.Reader, o objstore.Object) (f *lake.Footer, bad, err error) {
	tail, bad, err := readFooter(ctx, store, o)
	if err != nil || bad != nil {
		return nil, bad, err
	}
	f, bad = lake.ReadFooter(tail)
	return f, bad, nil
}
