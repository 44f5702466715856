package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/diag"
)

// Version of entries, manifests, attempt records and run records. A reader stops at a higher one.
const Version = 1

// Kind of an entry.
type Kind string

const (
	KindPlan    Kind = "plan"    // opens batches, which hold their objects
	KindCommit  Kind = "commit"  // gives the moved batches their files and quarantine
	KindRelease Kind = "release" // ends the moved batches: files and quarantine die, objects are free
	KindSkip    Kind = "skip"    // objects are done without being processed
	KindSame    Kind = "same"    // versions of objects have the content of versions that are taken
	KindFence   Kind = "fence"   // moves batches and changes nothing else, so that attempts at them are void
	KindPause   Kind = "pause"   // stops or resumes planning
	KindDone    Kind = "done"    // carries only the done field
)

// Why a commit or a release was written.
type Why string

const (
	WhyRun     Why = "run"     // commit: the first outcome of an open batch
	WhyReplace Why = "replace" // commit: the batch's inputs run again; all its files are replaced
	WhyReplay  Why = "replay"  // commit: its quarantined records run again; files are added
	WhyCompact Why = "compact" // commit: some files of the moved batches become fewer
	WhyExpire  Why = "expire"  // commit: files older than the lake keeps are removed
	WhyReplan  Why = "replan"  // release of open batches
	WhyRewind  Why = "rewind"  // release of committed batches, to run their objects again
	WhyLost    Why = "lost"    // release of a batch whose held file the store lost
)

// Move says that an entry moves a batch, and from where: Base is the number of the entry that last moved it.
type Move struct {
	Batch string `json:"batch"`
	Base  uint64 `json:"base"`
}

// ManifestRef names a manifest and pins its bytes.
type ManifestRef struct {
	ID     string `json:"manifest"`
	SHA256 string `json:"sha256"`
}

// AttemptRef names an attempt record and pins its bytes.
type AttemptRef struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"`
}

// PlannedBatch is a batch that a plan opens. The manifest has its objects; Objects is how many, as a check.
type PlannedBatch struct {
	Batch   string `json:"batch"`
	Objects int    `json:"objects"`
}

// ObjectID names one version of a staging object.
type ObjectID struct {
	Key  string `json:"key"`
	ETag string `json:"etag"`
}

// SameObject says that a version of a staging object has the content of one that was read. SHA256 is that of the content.
type SameObject struct {
	ObjectID
	SHA256 string `json:"sha256"`
}

// Bound covers staging objects under Prefix: those whose key is at most ThroughKey, or that were last modified at or before
// Until. Exactly one of the two is set. Objects that arrive later are covered too.
type Bound struct {
	Prefix     string     `json:"prefix,omitempty"`
	ThroughKey string     `json:"through_key,omitempty"`
	Until      *time.Time `json:"until,omitempty"`
}

func (b Bound) covers(key string, modified time.Time) bool {
	if !strings.HasPrefix(key, b.Prefix) {
		return false
	}
	if b.Until != nil {
		return !modified.After(*b.Until)
	}
	return key <= b.ThroughKey
}

// Entry of the ledger. Fields that its kind does not carry are left out.
type Entry struct {
	V     int    `json:"v"`
	Seq   uint64 `json:"seq"`
	Kind  Kind   `json:"kind"`
	Nonce string `json:"nonce"` // a ULID of this entry alone: who wrote it, when the answer was lost
	Run   string `json:"run"`
	Moves []Move `json:"moves,omitempty"`
	// Done names earlier entries that are rolled forward. Any kind may carry it.
	Done []uint64 `json:"done,omitempty"`

	Manifest *ManifestRef   `json:"manifest,omitempty"` // plan
	Batches  []PlannedBatch `json:"batches,omitempty"`  // plan
	Why      Why            `json:"why,omitempty"`      // commit, release
	Attempt  *AttemptRef    `json:"attempt,omitempty"`  // commit
	Objects  []ObjectID     `json:"objects,omitempty"`  // skip
	Bound    *Bound         `json:"bound,omitempty"`    // skip
	Same     []SameObject   `json:"same,omitempty"`     // same
	On       *bool          `json:"on,omitempty"`       // pause
}

// DecodeEntry reads one entry. It refuses what it does not know: ErrNewer for a version, kind, reason or field of a later
// program, ErrCorrupt for anything else.
func DecodeEntry(data []byte) (Entry, error) {
	var head struct {
		V    int  `json:"v"`
		Kind Kind `json:"kind"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Entry{}, fmt.Errorf("%w: not JSON (%w)", ErrCorrupt, err)
	}
	if err := checkVersion(head.V); err != nil {
		return Entry{}, err
	}
	switch head.Kind {
	case KindPlan, KindCommit, KindRelease, KindSkip, KindSame, KindFence, KindPause, KindDone:
	case "":
		return Entry{}, fmt.Errorf("%w: an entry has no kind", ErrCorrupt)
	default:
		return Entry{}, fmt.Errorf("%w: kind %q is unknown. Try: use the version of etl that wrote it", ErrNewer, head.Kind)
	}
	var e Entry
	if err := decodeStrict(data, &e); err != nil {
		return Entry{}, err
	}
	return e, e.validate()
}

func checkVersion(v int) error {
	if v > Version {
		return fmt.Errorf("%w: version %d; this version of etl knows %d. Try: use the version of etl that wrote it", ErrNewer, v, Version)
	}
	if v < 1 {
		return fmt.Errorf("%w: version %d", ErrCorrupt, v)
	}
	return nil
}

func decodeStrict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return decodeError(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: there is text after the JSON", ErrCorrupt)
	}
	return nil
}

// decodeError tells fields of a later program from damage, and both from a store that broke off. encoding/json has no type for
// the first.
func decodeError(err error) error {
	if errors.As(err, new(*diag.OpError)) || errors.As(err, new(*fs.PathError)) {
		return err
	}
	if strings.HasPrefix(err.Error(), "json: unknown field") {
		return fmt.Errorf("%w: %w. Try: use the version of etl that wrote it", ErrNewer, err)
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// validate checks what an entry says by itself; whether it fits is State.check's to say.
func (e *Entry) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s entry: %s", ErrCorrupt, e.Kind, fmt.Sprintf(format, args...))
	}
	if e.Seq == 0 {
		return bad("it has no number")
	}
	if !isULID(e.Nonce) {
		return bad("nonce %q is not a ULID", e.Nonce)
	}
	if e.Run == "" {
		return bad("it has no run")
	}
	moved := make(map[string]bool, len(e.Moves))
	for i, m := range e.Moves {
		if !isULID(m.Batch) || m.Base == 0 {
			return bad("move %d does not name a batch and a base", i)
		}
		if moved[m.Batch] {
			return bad("batch %s is moved twice", m.Batch)
		}
		moved[m.Batch] = true
	}
	for _, d := range e.Done {
		if d == 0 || d >= e.Seq {
			return bad("done names entry %d, which is not an earlier one", d)
		}
	}
	moves := e.Kind == KindCommit || e.Kind == KindRelease || e.Kind == KindFence
	has := []struct {
		name           string
		present, wants bool
	}{
		{"moves", len(e.Moves) > 0, moves},
		{"manifest", e.Manifest != nil, e.Kind == KindPlan},
		{"batches", len(e.Batches) > 0, e.Kind == KindPlan},
		{"why", e.Why != "", e.Kind == KindCommit || e.Kind == KindRelease},
		{"attempt", e.Attempt != nil, e.Kind == KindCommit},
		{"objects or bound", len(e.Objects) > 0 || e.Bound != nil, e.Kind == KindSkip},
		{"same", len(e.Same) > 0, e.Kind == KindSame},
		{"on", e.On != nil, e.Kind == KindPause},
	}
	for _, h := range has {
		if h.present != h.wants {
			return bad("the field %s is %s", h.name, map[bool]string{true: "not allowed", false: "missing"}[h.present])
		}
	}
	switch e.Kind {
	case KindPlan:
		if !isULID(e.Manifest.ID) || !isSHA256(e.Manifest.SHA256) {
			return bad("it does not name its manifest by ULID and SHA-256")
		}
		for _, b := range e.Batches {
			if !isULID(b.Batch) || b.Objects < 1 {
				return bad("batch %q with %d objects", b.Batch, b.Objects)
			}
		}
	case KindCommit:
		switch e.Why {
		case WhyRun, WhyReplace, WhyReplay, WhyCompact, WhyExpire:
		default:
			return fmt.Errorf("%w: a commit for %q. Try: use the version of etl that wrote it", ErrNewer, e.Why)
		}
		if e.Attempt.Key == "" || !isSHA256(e.Attempt.SHA256) {
			return bad("it does not name its attempt by key and SHA-256")
		}
	case KindRelease:
		switch e.Why {
		case WhyReplan, WhyRewind, WhyLost:
		default:
			return fmt.Errorf("%w: a release for %q. Try: use the version of etl that wrote it", ErrNewer, e.Why)
		}
	case KindSkip:
		if b := e.Bound; b != nil && (b.ThroughKey != "") == (b.Until != nil) {
			return bad("its bound must be a key or a time")
		}
	case KindSame:
		for _, o := range e.Same {
			if o.Key == "" || o.ETag == "" || !isSHA256(o.SHA256) {
				return bad("object %q is not named by key, ETag and SHA-256", o.Key)
			}
		}
	case KindDone:
		if len(e.Done) == 0 {
			return bad("the field done is missing")
		}
	}
	return nil
}

// isULID also keeps ids safe in paths and file names.
func isULID(s string) bool {
	_, err := ulid.ParseStrict(s)
	return err == nil && s == strings.ToUpper(s)
}

func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
