package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	blockBytes = 512
	// HeadBytes is how many bytes IsTar looks at.
	HeadBytes = blockBytes
)

// IsTar says whether an unpacked object begins with the header of a tar archive: its first 512 bytes have a checksum of themselves.
func IsTar(head []byte) bool {
	if len(head) < blockBytes {
		return false
	}
	head = head[:blockBytes]
	const from, to = 148, 156
	field := strings.Trim(string(head[from:to]), " \x00")
	want, err := strconv.ParseUint(field, 8, 32)
	if err != nil || bytes.HasPrefix(head, make([]byte, blockBytes)) {
		return false
	}
	sum := uint64(8 * ' ')
	for i, c := range head {
		if i < from || i >= to {
			sum += uint64(c)
		}
	}
	return sum == want
}

// tarReader reads a tar archive from its beginning to its end.
type tarReader struct {
	meter
	held meter // what members hold: one that is sparse has more than the archive
	src  *tail
	t    *tar.Reader
	n    int64
}

// tail passes an archive on and counts the zeros at the end of what was read.
type tail struct {
	r     io.Reader
	zeros int64
	err   error // other than io.EOF
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if rest := bytes.TrimRight(p[:n], "\x00"); len(rest) > 0 {
		t.zeros = int64(n - len(rest))
	} else {
		t.zeros += int64(n)
	}
	if err != nil && err != io.EOF { // an error that wraps io.EOF is a failed read, not the end
		t.err = err
	}
	return n, err
}

// OpenTar reads a tar archive, unpacked. It can be several archives, one after the other.
func OpenTar(r io.Reader, b Bounds) Reader {
	t := &tarReader{meter: meter{Bounds: b, kind: "tar"}, held: meter{Bounds: b, kind: "tar"}}
	t.src = &tail{r: &metered{&t.meter, r}} // also of members that are passed over
	t.t = tar.NewReader(t.src)
	return t
}

func (t *tarReader) Next() (*Member, error) {
	for {
		h, err := t.t.Next()
		switch {
		case errors.Is(err, io.EOF) && t.src.err == nil:
			if err = t.another(); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			return nil, t.fault(err)
		}
		if t.n++; t.n > MaxMembers {
			return nil, &Fault{fmt.Sprintf("tar: more than %d members", MaxMembers)}
		}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeRegA, tar.TypeCont, tar.TypeGNUSparse: //nolint:staticcheck // archives have it
			if !strings.HasSuffix(h.Name, "/") {
				return &Member{Number: t.n, Name: label(h.Name), Body: (*tarBody)(t)}, nil
			}
		}
	}
}

// another looks for an archive behind the end of the last one. io.EOF: the object ends.
func (t *tarReader) another() error {
	if t.src.zeros < blockBytes {
		return &Fault{"tar: the end of the archive is missing: the object is truncated"}
	}
	block := make([]byte, blockBytes)
	for {
		n, err := io.ReadFull(t.src, block)
		if bytes.Count(block[:n], []byte{0}) < n {
			t.t = tar.NewReader(io.MultiReader(bytes.NewReader(block[:n]), t.src))
			return nil
		}
		switch {
		case t.src.err != nil:
			return t.fault(t.src.err)
		case err != nil:
			return io.EOF
		}
	}
}

// fault is what an error means for the archive.
func (t *tarReader) fault(err error) error {
	switch {
	case t.src.err != nil:
		return t.src.err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &Fault{"tar: the object is truncated"}
	}
	return &Fault{"tar: " + strings.TrimPrefix(short(err), "archive/tar: ")}
}

// tarBody is the current member. Tar has no checksums of what members hold, so any error is the archive's.
type tarBody tarReader

func (b *tarBody) Read(p []byte) (int, error) {
	t := (*tarReader)(b)
	n, err := t.t.Read(p)
	if err != nil && err != io.EOF { // an error that wraps io.EOF is a failed read, not the end
		return n, t.fault(err)
	}
	if e := t.held.Given(n); e != nil {
		return 0, e
	}
	return n, err
}

// ErrOfArchive is always true: see tarBody.
func (t *tarReader) ErrOfArchive(error) bool { return true }
