package ledger

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/objstore"
)

// Manifest is what a plan has fixed before work starts: the objects in their batches, and all that decides what comes out of
// them. It is written create-only before the plan entry, and a plan can be resumed from it by any runner.
type Manifest struct {
	V   int    `json:"v"`
	ID  string `json:"manifest"` // ULID
	Job string `json:"job"`
	Run string `json:"run"` // the run that planned
	// Mapping holds the texts themselves: a resumed plan runs what was planned, whatever the files say by then.
	Mapping       Mapping `json:"mapping"`
	SchemaVersion string  `json:"schema_version"` // OCSF version, as 1.1.0
	// Settings are those of the job that change what is published, by their names in the job file.
	Settings map[string]string `json:"settings,omitempty"`
	// Classes say where the rows of each event class go, if the settings alone do not say it.
	Classes map[string]ClassTarget `json:"classes,omitempty"`
	// Redaction is set if the mapping discards or redacts fields, so that an etl that would publish them refuses the manifest.
	Redaction *Redaction `json:"redaction,omitempty"`
	// Fills are what the compiler adds to events only because headers ask for it, so that an etl that does not know it refuses the
	// manifest: observables, timestamps.
	Fills []string `json:"fills,omitempty"`
	// Events is the path of the list whose elements are the records, if the mapping splits documents (`-- events:`), so that an etl that does not
	// know it refuses the manifest.
	Events []string `json:"events,omitempty"`
	// Lookups are the tables that the mapping looks values up in. The state keeps their files by digest.
	Lookups []MappingLookup `json:"lookups,omitempty"`
	// ListFrom gives folders of dated folders the first day that later listings begin with, because of objects that were too young or
	// archived; "": the watermark of the folder is enough. Missing are awaited objects that the plan's listing did not find.
	ListFrom map[string]string `json:"list_from,omitempty"`
	Missing  []string          `json:"missing,omitempty"`
	// Adopted says that the files of the batches are in the lake already: only package adopt may commit them.
	Adopted bool            `json:"adopted,omitempty"`
	Batches []ManifestBatch `json:"batches,omitempty"`
}

// Redaction says how the mapping's fields are redacted.
type Redaction struct {
	Key string `json:"key,omitempty"` // fingerprint of the key of hashes
}

// Equal compares; nil is the redaction of a mapping that has none.
func (r *Redaction) Equal(other *Redaction) bool {
	if r == nil || other == nil {
		return r == other
	}
	return *r == *other
}

// ClassTarget is where the rows of an event class go.
type ClassTarget struct {
	Source string `json:"source"`
	Folder string `json:"folder"`
	Table  string `json:"table"`
	// Missing is what the class lacked when the plan was written. Its records then go to quarantine.
	Missing string `json:"missing,omitempty"`
}

// Mapping as it was when planned. Digest is its owner's (the mapping package's), opaque here.
type Mapping struct {
	Name   string        `json:"name"`
	Digest string        `json:"digest"`
	Files  []MappingFile `json:"files"`
}

// MappingFile is one file of a mapping, Path relative to the mapping.
type MappingFile struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// MappingLookup is the file of a lookup.
type MappingLookup struct {
	Name   string `json:"name"`
	File   string `json:"file"` // example: assets.csv
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// ManifestBatch is a batch and its objects. Batch is a ULID: it is part of file names.
type ManifestBatch struct {
	Batch   string            `json:"batch"`
	Objects []objstore.Object `json:"objects"`
}

func (m *Manifest) validate() error {
	if !isULID(m.ID) {
		return fmt.Errorf("manifest ID %q is not a ULID", m.ID)
	}
	if len(m.Batches) == 0 {
		return fmt.Errorf("manifest %s has no batches", m.ID)
	}
	for _, b := range m.Batches {
		if !isULID(b.Batch) {
			return fmt.Errorf("manifest %s: batch ID %q is not a ULID", m.ID, b.Batch)
		}
		if len(b.Objects) == 0 {
			return fmt.Errorf("manifest %s: batch %s has no objects", m.ID, b.Batch)
		}
		for _, o := range b.Objects {
			if o.Key == "" || o.ETag == "" {
				return fmt.Errorf("manifest %s: an object of batch %s has no key or no ETag: %q %q", m.ID, b.Batch, o.Key, o.ETag)
			}
			if !utf8.ValidString(o.Key) || !utf8.ValidString(o.ETag) { // JSON would make another key of it
				return fmt.Errorf("manifest %s: the key or ETag of an object of batch %s is not UTF-8: %+q %+q", m.ID, b.Batch, o.Key, o.ETag)
			}
		}
	}
	return nil
}

// encode writes the manifest object by object: with a million of them the text is about 200 MB.
func (m *Manifest) encode(w io.Writer) error {
	head := *m
	head.Batches = nil
	text, err := json.Marshal(&head)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	out.Write(text[:len(text)-1])
	out.WriteString(`,"batches":[`)
	for i, b := range m.Batches {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(out, `{"batch":%q,"objects":[`, b.Batch)
		for j := range b.Objects {
			text, err := json.Marshal(&b.Objects[j])
			if err != nil {
				return err
			}
			if j > 0 {
				out.WriteByte(',')
			}
			out.WriteByte('\n')
			out.Write(text)
		}
		out.WriteString("]}")
	}
	out.WriteString("]}\n")
	return out.Flush()
}

// walkManifest reads a manifest without holding its objects, and gives its other fields once all is read. each is called for
// every object in order, so what it gathers must not be used when an error follows.
func walkManifest(r io.Reader, each func(batch string, o objstore.Object) error) (*Manifest, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	rest := map[string]json.RawMessage{}
	err := fields(d, func(name string) error {
		if name != "batches" {
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				return decodeError(err)
			}
			rest[name] = raw
			if name != "v" {
				return nil
			}
			var v int
			if err := json.Unmarshal(raw, &v); err != nil {
				return decodeError(err)
			}
			return checkVersion(v)
		}
		return elements(d, func() error {
			var batch string
			return fields(d, func(name string) error {
				switch name {
				case "batch":
					if err := d.Decode(&batch); err != nil {
						return decodeError(err)
					}
					return nil
				case "objects":
					return elements(d, func() error {
						var o objstore.Object
						if err := d.Decode(&o); err != nil {
							return decodeError(err)
						}
						return each(batch, o)
					})
				}
				return fmt.Errorf("%w: a batch has the field %q. Try: use the version of etl that wrote it", ErrNewer, name)
			})
		})
	})
	if err != nil {
		return nil, err
	}
	switch _, err := d.Token(); {
	case err == nil:
		return nil, fmt.Errorf("%w: there is text after the manifest", ErrCorrupt)
	case err != io.EOF:
		return nil, decodeError(err)
	}
	text, err := json.Marshal(rest)
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := decodeStrict(text, m); err != nil {
		return nil, err
	}
	return m, checkVersion(m.V)
}

// fields reads a JSON object; fn reads the value of each field.
func fields(d *json.Decoder, fn func(name string) error) error {
	if err := expect(d, '{'); err != nil {
		return err
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return decodeError(err)
		}
		name, _ := t.(string)
		if err := fn(name); err != nil {
			return err
		}
	}
	return expect(d, '}')
}

// elements reads a JSON array; fn reads each element.
func elements(d *json.Decoder, fn func() error) error {
	if err := expect(d, '['); err != nil {
		return err
	}
	for d.More() {
		if err := fn(); err != nil {
			return err
		}
	}
	return expect(d, ']')
}

func expect(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return decodeError(err)
	}
	if t != want {
		return fmt.Errorf("%w: found %v instead of %v", ErrCorrupt, t, want)
	}
	return nil
}

// writeManifest creates the manifest, or finds that it is there with the same bytes.
func (l *Ledger) writeManifest(ctx context.Context, m *Manifest) (ManifestRef, error) {
	sum := sha256.New()
	if err := m.encode(sum); err != nil {
		return ManifestRef{}, err
	}
	ref := ManifestRef{ID: m.ID, SHA256: hex.EncodeToString(sum.Sum(nil))}
	body := func() io.Reader {
		r, w := io.Pipe()
		go func() { w.CloseWithError(m.encode(w)) }()
		return r
	}
	return ref, l.create(ctx, l.manifestKey(m.ID), body, ref.SHA256)
}

// Intend creates a manifest that no plan entry names: what a replace has fixed before it starts. Its attempts name it.
func (l *Ledger) Intend(ctx context.Context, m *Manifest) error {
	m.V, m.Job, m.Run = Version, l.job, l.opts.Run
	if err := m.validate(); err != nil {
		return err
	}
	_, err := l.writeManifest(ctx, m)
	return err
}

// MadeFrom reads what the files of a batch were made from (Batch.Made), without its objects. objstore.ErrNotExist: that is not
// known any more.
func (l *Ledger) MadeFrom(ctx context.Context, b Batch) (*Manifest, error) {
	none := func(string, objstore.Object) error { return nil }
	if b.Made == b.Manifest.ID {
		return l.openManifest(ctx, b.Manifest, none)
	}
	key := l.manifestKey(b.Made)
	in, _, err := l.store.Get(ctx, key, objstore.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	defer in.Close()
	m, err := walkManifest(bufio.NewReaderSize(in, 1<<20), none)
	if err != nil {
		return nil, fmt.Errorf("manifest %s/%s: %w", l.store, key, err)
	}
	return m, nil
}

// openManifest walks a manifest and verifies that it is the one the plan entry pinned.
func (l *Ledger) openManifest(ctx context.Context, ref ManifestRef, each func(batch string, o objstore.Object) error) (*Manifest, error) {
	key := l.manifestKey(ref.ID)
	in, _, err := l.store.Get(ctx, key, objstore.GetOptions{})
	if errors.Is(err, objstore.ErrNotExist) {
		return nil, fmt.Errorf("read manifest: %w. Retention removes manifests of old plans (retention.manifests)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	defer in.Close()
	sum := sha256.New()
	tee := io.TeeReader(bufio.NewReaderSize(in, 1<<20), sum)
	m, err := walkManifest(tee, each)
	if err != nil {
		return nil, fmt.Errorf("manifest %s/%s: %w", l.store, key, err)
	}
	if err := checkSum(tee, sum, ref.SHA256); err != nil {
		return nil, fmt.Errorf("manifest %s/%s: %w", l.store, key, err)
	}
	if m.ID != ref.ID || m.Job != l.job {
		return nil, fmt.Errorf("manifest %s/%s: %w: its content is %s of job %s", l.store, key, ErrCorrupt, m.ID, m.Job)
	}
	return m, nil
}

func checkSum(rest io.Reader, sum hash.Hash, want string) error {
	if _, err := io.Copy(io.Discard, rest); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%w: its SHA-256 is %s, but the entry names %s", ErrCorrupt, got, want)
	}
	return nil
}

// Manifest reads the manifest of a batch: the one to resume when the batch is open. Only the batches asked for get their
// objects; without any, all do.
func (l *Ledger) Manifest(ctx context.Context, ref ManifestRef, batches ...string) (*Manifest, error) {
	want := map[string]bool{}
	for _, b := range batches {
		want[b] = true
	}
	var out []ManifestBatch
	m, err := l.openManifest(ctx, ref, func(batch string, o objstore.Object) error {
		if len(want) > 0 && !want[batch] {
			return nil
		}
		if n := len(out); n == 0 || out[n-1].Batch != batch {
			out = append(out, ManifestBatch{Batch: batch})
		}
		b := &out[len(out)-1]
		b.Objects = append(b.Objects, o)
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.Batches = out
	return m, nil
}

// equalSum tells whether what r gives has the digest want.
func equalSum(r io.Reader, want string) (bool, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return false, err
	}
	return hex.EncodeToString(sum.Sum(nil)) == want, nil
}

func sumOf(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func bytesBody(data []byte) func() io.Reader {
	return func() io.Reader { return bytes.NewReader(data) }
}
