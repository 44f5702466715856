// Package checkpoint is the format of a ledger's checkpoints: a fold of the entries through one of them, as Parquet parts and
// a small JSON head that names them by digest. The head is written last, so that what is half written counts for nothing.
//
// The package knows no store and decides nothing; internal/ledger writes, reads and removes checkpoints.
package checkpoint

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Version of heads and parts. A reader stops at a higher one.
const Version = 1

// ErrNewer: the head has a version or a field that this program does not know.
var ErrNewer = errors.New("the checkpoint has a newer format")

// ErrDamaged: the checkpoint is not what was written.
var ErrDamaged = errors.New("the checkpoint is damaged")

// Part is one Parquet object, below the job's checkpoints.
type Part struct {
	Name      string `json:"name"`
	SHA256    string `json:"sha256"`
	SizeBytes int64  `json:"size"`
	Rows      int64  `json:"rows"`
}

// Head names the parts of a checkpoint.
type Head struct {
	V   int    `json:"v"`
	Job string `json:"job"`
	Seq uint64 `json:"seq"` // the last entry folded
	// EntrySHA256 is of the bytes of that entry: a checkpoint belongs to one ledger.
	EntrySHA256 string `json:"entry_sha256"`
	Run         string `json:"run"` // that wrote it
	// Base is the head whose parts are used again; "": none is.
	Base string `json:"base,omitempty"`
	// MarksBy says what the prefixes of the batches' marks come from: the job's key pattern.
	MarksBy string `json:"marks_by,omitempty"`
	Paused  bool   `json:"paused,omitempty"`
	Skipped int    `json:"skipped,omitempty"` // objects
	// Objects and Keys are sorted segments, oldest first. If several have a key, the newest one applies.
	Objects []Part `json:"objects"`
	Keys    []Part `json:"keys"`
	Batches Part   `json:"batches"`
	Files   Part   `json:"files"`
	Runs    Part   `json:"runs"`
	Rest    Part   `json:"rest"`
	// Awaited are the objects and folders that later runs must look for. nil: there are none.
	Awaited *Part `json:"awaited,omitempty"`
}

// Parts are all that the head names.
func (h *Head) Parts() []Part {
	out := append([]Part{h.Batches, h.Files, h.Runs, h.Rest}, h.Objects...)
	if h.Awaited != nil {
		out = append(out, *h.Awaited)
	}
	return append(out, h.Keys...)
}

// Encode gives the head's text.
func (h *Head) Encode() ([]byte, error) { return json.Marshal(h) }

// DecodeHead reads one. The errors are ErrNewer and ErrDamaged.
func DecodeHead(data []byte) (*Head, error) {
	var v struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, fmt.Errorf("%w: not JSON: %w", ErrDamaged, err)
	}
	if v.V > Version {
		return nil, fmt.Errorf("%w: version %d; this version of etl knows %d", ErrNewer, v.V, Version)
	}
	h := &Head{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(h); err != nil {
		if strings.HasPrefix(err.Error(), "json: unknown field") { // encoding/json has no type for it
			return nil, fmt.Errorf("%w: %w", ErrNewer, err)
		}
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || h.V < 1 || h.Seq == 0 || !isSHA256(h.EntrySHA256) {
		return nil, fmt.Errorf("%w: it does not name its job and entry", ErrDamaged)
	}
	for _, p := range h.Parts() {
		if p.Name == "" || strings.ContainsAny(p.Name, "/\\") || !isSHA256(p.SHA256) || p.SizeBytes <= 0 || p.Rows < 0 {
			return nil, fmt.Errorf("%w: its part %q has no name, digest or size", ErrDamaged, p.Name)
		}
	}
	return h, nil
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}

// Batch is a row of the part of batches, in the order they were opened; Slot numbers elsewhere are its place.
type Batch struct {
	Batch, Manifest, ManifestSHA256, Run, Made, State     string
	Base, Committed, Objects, Inputs, Free, Bounds, Bytes int64
	Read, Published, Filtered, Quarantined, Expired       int64
	Marks                                                 string // JSON; "": it has none, "lost": their prefixes are not known any more
	Quarantine                                            string // JSON
}

// File is a row of the part of live files: in the order of batches, and of a batch's files.
type File struct {
	Slot                        int64
	Key, Attempt, AttemptSHA256 string
}

// Run is an entry a run wrote, by run and entry.
type Run struct {
	Run string
	Seq int64
}

// Rest is what there is little of: bounds, and entries that are not done. Text is JSON.
type Rest struct {
	Kind, Text string
}
