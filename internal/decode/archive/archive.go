// Package archive reads the members of zip and tar archives, one by one. It writes no file and uses the name of a member only as a label.
//
// Invariants: a damaged archive gives a *Fault, never a silent end; a member that is damaged by itself does not affect the others. What an
// archive asks for is bounded: its members, the memory of its directory, and the bytes that it unpacks to.
package archive

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/decode/unpack"
)

const (
	// MaxMembers is how many members an archive can have, folders included.
	MaxMembers = 100_000
	// maxName is how many bytes of a member's name are kept.
	maxName = 512
)

// Fault says why an archive cannot be read to its end, in one line.
type Fault struct{ Message string }

func (f *Fault) Error() string { return f.Message }

// Member is a file of an archive. Folders, links and devices are not members.
type Member struct {
	Number int64  // in the archive, from 1
	Name   string // valid UTF-8, at most 512 bytes
	// Refused is why it cannot be read, or "". Body is then nil.
	Refused string
	// Encrypted says that Refused is because of that.
	Encrypted bool
	// Body gives its bytes. It is valid until the next Next. An error is of the member alone, except a *Fault and an error of the store.
	Body io.Reader
}

// Reader gives the members of one archive in their order.
type Reader interface {
	// Next returns io.EOF after the last member. A *Fault refuses the archive. Other errors are those of its bytes.
	Next() (*Member, error)
	// Given counts bytes that a packed member has unpacked to. A *Fault: they are too many.
	Given(n int) error
	// ErrOfArchive says whether an error of a member's body concerns the archive, and not this member alone.
	ErrOfArchive(err error) bool
}

// Bounds of an archive.
type Bounds struct {
	// Stopped returns why reading must stop, or nil. It must be cheap.
	Stopped func() error
	// Need is asked before memory is allocated.
	Need func(bytes int64) error
	// Size is how many bytes of the archive have been read, or how many it has.
	Size func() int64
}

var errTooMuch = errors.New("too much")

// meter counts what all members of an archive unpack to, at each level.
type meter struct {
	Bounds
	kind  string
	given int64
}

func (m *meter) Given(n int) error {
	if m.given += int64(n); m.given > unpack.Most(m.Size()) {
		return &Fault{m.kind + ": its members unpack to far more than its size"}
	}
	return m.Stopped()
}

// metered is a body that counts.
type metered struct {
	m *meter
	r io.Reader
}

func (b *metered) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if e := b.m.Given(n); e != nil {
		return 0, e
	}
	return n, err
}

// label makes a name fit for a message.
func label(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if len(name) > maxName {
		end := maxName
		for !utf8.RuneStart(name[end]) {
			end--
		}
		name = name[:end]
	}
	return name
}

// short cuts the text of an error.
func short(err error) string {
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	return text[:min(80, len(text))]
}
