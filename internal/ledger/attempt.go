package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/ledger/awaited"
	"github.com/silt-etl/silt/internal/objstore"
)

// Counts of records. Read = Published + Filtered + Quarantined, or the batch does not commit.
type Counts struct {
	Read        int64 `json:"read"`
	Published   int64 `json:"published"`
	Filtered    int64 `json:"filtered"` // dropped by a predicate the mapping states
	Quarantined int64 `json:"quarantined"`
	// Expired were quarantined, until retention removed the quarantine they were in. Only a batch has such.
	Expired int64 `json:"expired,omitempty"`
}

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.Read += o.Read
	c.Published += o.Published
	c.Filtered += o.Filtered
	c.Quarantined += o.Quarantined
	c.Expired += o.Expired
}

func (c Counts) reconcile() error {
	if c.Read < 0 || c.Published < 0 || c.Filtered < 0 || c.Quarantined < 0 {
		return fmt.Errorf("a count is negative: %+v", c)
	}
	if c.Read != c.Published+c.Filtered+c.Quarantined || c.Expired != 0 {
		return fmt.Errorf("%d records read, but %d published, %d filtered, %d quarantined and %d expired", c.Read, c.Published, c.Filtered, c.Quarantined, c.Expired)
	}
	return nil
}

// File of the lake: held by its attempt, then published. Values are the partition's region, account and event day.
type File struct {
	Held   objstore.Held `json:"held"`
	Table  string        `json:"table"`
	Values [3]string     `json:"values"`
	Rows   int64         `json:"rows"`
	// Inputs are indexes into the attempt's Objects of those with rows in this file. Empty: all that were read.
	Inputs []int `json:"inputs,omitempty"`
}

// QuarantineFile holds the rejected records of one batch in one attempt. It counts while a batch names it.
type QuarantineFile struct {
	Batch     string `json:"batch"`
	Key       string `json:"key"`
	SHA256    string `json:"sha256"`
	SizeBytes int64  `json:"size"`
	Records   int64  `json:"records"`
}

// ObjectResult is the result for one object. One that was gone (deleted or overwritten between list and read, denied or archived) has
// no counts, and is not taken once the attempt is committed: it, or its new version, is for a later plan.
type ObjectResult struct {
	ObjectID
	Gone bool `json:"gone,omitempty"`
	// SHA256 is that of the object's bytes, if its ETag does not follow from its content (a file of a folder) and all of it was read.
	SHA256 string `json:"sha256,omitempty"`
	// Left says why an object that was gone is awaited; "": it was deleted.
	Left awaited.Why `json:"left,omitempty"`
	Counts
	// Documents were split into the records that were read, if the mapping does that.
	Documents int64 `json:"documents,omitempty"`
}

// Attempt is the record of one try. It is written after the files are held and before the entry that names it: an intent,
// and afterwards the ledger's detail.
type Attempt struct {
	V          int              `json:"v"`
	ID         string           `json:"attempt"` // ULID
	Run        string           `json:"run"`
	Why        Why              `json:"why"`
	Manifest   string           `json:"manifest,omitempty"` // ULID of the plan that was run
	Moves      []Move           `json:"moves"`
	Files      []File           `json:"files"`
	Quarantine []QuarantineFile `json:"quarantine"`
	Objects    []ObjectResult   `json:"objects"`
	Removes    []string         `json:"removes,omitempty"` // compact, expire: keys of the files that go
	// Expires is the quarantine that goes, all of each batch it names; only an attempt for expire has it.
	Expires []QuarantineFile `json:"expires,omitempty"`
	Totals  Counts           `json:"totals"`
	// Documents is the sum of those of Objects.
	Documents int64 `json:"documents,omitempty"`
}

// FileName is the name of an attempt's n-th file: `<batch>-<attempt>-<n>.parquet`. The attempt makes it unique forever.
func FileName(batch, attempt string, n int) string {
	return fmt.Sprintf("%s-%s-%d.parquet", batch, attempt, n)
}

// ParseFileName reads a name that FileName made. ok is false for any other name.
func ParseFileName(name string) (batch, attempt string, n int, ok bool) {
	s, ok := strings.CutSuffix(name, ".parquet")
	if !ok {
		return "", "", 0, false
	}
	j := strings.LastIndexByte(s, '-')
	if j < 0 {
		return "", "", 0, false
	}
	i := strings.LastIndexByte(s[:j], '-')
	if i < 1 {
		return "", "", 0, false
	}
	n, err := strconv.Atoi(s[j+1:])
	if err != nil || n < 0 || FileName(s[:i], s[i+1:j], n) != name || i+1 == j {
		return "", "", 0, false
	}
	return s[:i], s[i+1 : j], n, true
}

// QuarantineKey is where an attempt's rejected records of a batch go, in the state store.
func (l *Ledger) QuarantineKey(batch, attempt string) string {
	return l.job + "/quarantine/" + batch + "/" + attempt + ".parquet"
}

func (l *Ledger) attemptKey(a *Attempt) string {
	return fmt.Sprintf("%s/attempts/%s/%020d/%s.json", l.job, a.Moves[0].Batch, a.Moves[0].Base, a.ID)
}

// validate checks what a record says by itself. A batch whose counts do not reconcile must not commit, so it is asked before
// the record is written, and again by every fold.
func (l *Ledger) validate(a *Attempt) error {
	if !isULID(a.ID) {
		return fmt.Errorf("attempt ID %q is not a ULID", a.ID)
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("attempt %s: %s", a.ID, fmt.Sprintf(format, args...))
	}
	if len(a.Moves) == 0 {
		return bad("it moves no batch")
	}
	moved := map[string]bool{}
	for _, m := range a.Moves {
		if !isULID(m.Batch) || m.Base == 0 || moved[m.Batch] {
			return bad("move of batch %q from %d", m.Batch, m.Base)
		}
		moved[m.Batch] = true
	}
	seen := map[string]bool{}
	var rows, quarantined int64
	for _, f := range a.Files {
		if f.Held.Key == "" || f.Table == "" || seen[f.Held.Key] {
			return bad("file %q of table %q is named twice or has no name", f.Held.Key, f.Table)
		}
		if !strings.HasPrefix(path.Base(f.Held.Key), a.Moves[0].Batch+"-"+a.ID+"-") {
			return bad("the name of file %s does not contain the attempt's ID", f.Held.Key)
		}
		for _, i := range f.Inputs {
			if i < 0 || i >= len(a.Objects) || a.Objects[i].Gone {
				return bad("file %s names input %d, which was not read", f.Held.Key, i)
			}
		}
		if f.Rows < 0 || f.Held.SizeBytes < 0 {
			return bad("file %s has %d rows and %d bytes", f.Held.Key, f.Rows, f.Held.SizeBytes)
		}
		seen[f.Held.Key] = true
		rows += f.Rows
	}
	hasQ := map[string]bool{}
	for _, q := range a.Quarantine {
		if !moved[q.Batch] || hasQ[q.Batch] || q.Key != l.QuarantineKey(q.Batch, a.ID) {
			return bad("quarantine file %s of batch %q", q.Key, q.Batch)
		}
		if q.Records < 0 || q.SizeBytes < 0 {
			return bad("quarantine file %s has %d records and %d bytes", q.Key, q.Records, q.SizeBytes)
		}
		hasQ[q.Batch] = true
		quarantined += q.Records
	}
	var sum Counts
	var documents int64
	for _, o := range a.Objects {
		if o.Key == "" || o.ETag == "" {
			return bad("an object without key or ETag")
		}
		if o.SHA256 != "" && (o.Gone || !isSHA256(o.SHA256)) {
			return bad("object %s was gone and has a SHA-256, or %q is not one", o.Key, o.SHA256)
		}
		if o.Gone && (o.Counts != (Counts{}) || o.Documents != 0) {
			return bad("object %s was gone and has counts", o.Key)
		}
		if o.Documents < 0 || o.Documents > o.Read {
			return bad("object %s has %d documents and %d records", o.Key, o.Documents, o.Read)
		}
		if o.Left != "" && !o.Left.Known() {
			return fmt.Errorf("%w: object %s of attempt %s was left as %q. Try: use the version of etl that wrote it", ErrNewer, o.Key, a.ID, o.Left)
		}
		if o.Left != "" && (!o.Gone || a.Why != WhyRun) {
			return bad("object %s was left as %s, and was not gone in a run", o.Key, o.Left)
		}
		if err := o.reconcile(); err != nil {
			return bad("object %s: %v", o.Key, err)
		}
		sum.Add(o.Counts)
		documents += o.Documents
	}
	if documents != a.Documents {
		return bad("it has %d documents, its objects have %d", a.Documents, documents)
	}
	switch a.Why {
	case WhyRun, WhyReplace, WhyReplay:
		if sum != a.Totals {
			return bad("its totals are %+v, its objects' sum is %+v", a.Totals, sum)
		}
	case WhyCompact, WhyExpire: // rows move or go; no records are read
		for _, q := range a.Expires {
			if a.Why != WhyExpire || !moved[q.Batch] || q.Key == "" || hasQ[q.Batch] || q.Records < 0 {
				return bad("quarantine file %q of batch %q expires", q.Key, q.Batch)
			}
		}
		return nil
	default:
		return fmt.Errorf("%w: an attempt for %q. Try: use the version of etl that wrote it", ErrNewer, a.Why)
	}
	if err := a.Totals.reconcile(); err != nil {
		return bad("%v", err)
	}
	if len(a.Expires) > 0 {
		return bad("it is for %s, and quarantine expires", a.Why)
	}
	if rows != a.Totals.Published || quarantined != a.Totals.Quarantined {
		return bad("%d published and %d quarantined, but its files hold %d rows and its quarantine %d records",
			a.Totals.Published, a.Totals.Quarantined, rows, quarantined)
	}
	return nil
}

// writeAttempt creates the record, or finds that it is there with the same bytes.
func (l *Ledger) writeAttempt(ctx context.Context, a *Attempt) (AttemptRef, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return AttemptRef{}, err
	}
	ref := AttemptRef{Key: l.attemptKey(a), SHA256: sumOf(text)}
	return ref, l.create(ctx, ref.Key, bytesBody(text), ref.SHA256)
}

// Attempt reads the record that an entry names and verifies it.
func (l *Ledger) Attempt(ctx context.Context, ref AttemptRef) (*Attempt, error) {
	text, err := l.read(ctx, ref.Key)
	if err != nil {
		return nil, fmt.Errorf("read attempt record: %w", err)
	}
	wrap := func(err error) error { return fmt.Errorf("attempt record %s/%s: %w", l.store, ref.Key, err) }
	if got := sumOf(text); got != ref.SHA256 {
		return nil, wrap(fmt.Errorf("%w: its SHA-256 is %s, but the entry names %s", ErrCorrupt, got, ref.SHA256))
	}
	a, err := decodeAttempt(text)
	if err != nil {
		return nil, wrap(err)
	}
	if err := l.validate(a); err != nil {
		return nil, wrap(fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	if l.attemptKey(a) != ref.Key {
		return nil, wrap(fmt.Errorf("%w: its content is %s", ErrCorrupt, l.attemptKey(a)))
	}
	return a, nil
}

func decodeAttempt(text []byte) (*Attempt, error) {
	var head struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, decodeError(err)
	}
	if err := checkVersion(head.V); err != nil {
		return nil, err
	}
	a := new(Attempt)
	return a, decodeStrict(text, a)
}
