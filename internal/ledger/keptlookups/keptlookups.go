// Package keptlookups keeps the files of lookups in the state of a job, by their digests, so that a resumed plan looks values up in the
// tables that it was planned with.
//
// A run keeps the files before it writes a manifest that names them. Retention deletes those that no manifest names. A file that is about
// to be named again is written again, so that it is young.
package keptlookups

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
)

const (
	// Grace is how old a file must be that no manifest names before retention deletes it.
	Grace = 7 * 24 * time.Hour
	// fresh is the age up to which a file is not written again.
	fresh = 24 * time.Hour
)

func prefix(job string) string   { return job + "/lookups/" }
func key(job, sum string) string { return prefix(job) + sum }

// File is the file of a lookup that is to be kept.
type File struct {
	SHA256 string
	Open   func(ctx context.Context) (io.ReadCloser, error)
}

// Put keeps a file. Content that does not have the digest is not kept.
func Put(ctx context.Context, state objstore.Bucket, job string, f File) error {
	now, err := state.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the time of the store: %w", err)
	}
	o, err := state.Head(ctx, key(job, f.SHA256))
	if err == nil && now.Sub(o.LastModified) < fresh {
		return nil
	}
	if err != nil && !errors.Is(err, objstore.ErrNotExist) {
		return err
	}
	content, err := f.Open(ctx)
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = state.Put(ctx, key(job, f.SHA256), &verified{r: content, sum: sha256.New(), want: f.SHA256}, objstore.PutOptions{})
	return err
}

// errOther says that content does not have its digest.
var errOther = errors.New("the content is not that of the digest")

// verified is a reader that fails at the end if its content does not have the digest.
type verified struct {
	r   io.Reader
	sum interface {
		io.Writer
		Sum([]byte) []byte
	}
	want string
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	_, _ = v.sum.Write(p[:n]) // a hash takes all
	if errors.Is(err, io.EOF) && hex.EncodeToString(v.sum.Sum(nil)) != v.want {
		return n, errOther
	}
	return n, err
}

// Open reads a kept file into a temporary file that no folder has. objstore.ErrNotExist: it is not kept.
func Open(ctx context.Context, state objstore.Reader, job, sum, tempDir string) (*os.File, error) {
	in, _, err := state.Get(ctx, key(job, sum), objstore.GetOptions{})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	f, err := os.CreateTemp(tempDir, "silt-lookup-")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // the open file stays
	if _, err = io.Copy(f, &verified{r: in, sum: sha256.New(), want: sum}); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s/%s: %w", state, key(job, sum), err)
	}
	return f, nil
}

// Check reads a kept file, and compares it with its digest. The error says what is wrong.
func Check(ctx context.Context, state objstore.Reader, job, sum string) error {
	in, _, err := state.Get(ctx, key(job, sum), objstore.GetOptions{})
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err = io.Copy(io.Discard, &verified{r: in, sum: sha256.New(), want: sum}); err != nil {
		return fmt.Errorf("%s/%s: %w", state, key(job, sum), err)
	}
	return nil
}

// Unused lists the files that are older than Grace and that no manifest names.
func Unused(ctx context.Context, state objstore.Bucket, job string) (unused []objstore.Object, err error) {
	now, err := state.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the time of the store: %w", err)
	}
	err = state.List(ctx, objstore.ListOptions{Prefix: prefix(job)}, func(o objstore.Object) error {
		if now.Sub(o.LastModified) >= Grace {
			unused = append(unused, o)
		}
		return nil
	})
	if err != nil || len(unused) == 0 {
		return nil, err
	}
	named, err := Named(ctx, state, job)
	if err != nil {
		return nil, err
	}
	keep := unused[:0]
	for _, o := range unused {
		if !named[strings.TrimPrefix(o.Key, prefix(job))] {
			keep = append(keep, o)
		}
	}
	return keep, nil
}

// Remove deletes an unused file, unless it has been written again.
func Remove(ctx context.Context, state objstore.Bucket, o objstore.Object) error {
	now, err := state.Head(ctx, o.Key)
	if errors.Is(err, objstore.ErrNotExist) || err == nil && !now.LastModified.Equal(o.LastModified) {
		return nil
	}
	if err != nil {
		return err
	}
	return state.Delete(ctx, o.Key)
}

// Named are the digests that the manifests of a job name.
func Named(ctx context.Context, state objstore.Reader, job string) (map[string]bool, error) {
	var manifests []string
	err := state.List(ctx, objstore.ListOptions{Prefix: job + "/manifests/"}, func(o objstore.Object) error {
		manifests = append(manifests, o.Key)
		return nil
	})
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, m := range manifests {
		in, _, err := state.Get(ctx, m, objstore.GetOptions{})
		if errors.Is(err, objstore.ErrNotExist) {
			continue // retention deleted it meanwhile
		}
		if err != nil {
			return nil, err
		}
		err = readNames(in, named)
		in.Close()
		if err != nil {
			return nil, fmt.Errorf("manifest %s/%s: %w", state, m, err)
		}
	}
	return named, nil
}

// readNames reads the digests that a manifest names. The batches, which can be large, come after them and are not read.
func readNames(in io.Reader, named map[string]bool) error {
	d := json.NewDecoder(bufio.NewReaderSize(in, 64<<10))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil || name == "batches" {
			return err
		}
		if name != "lookups" {
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return err
			}
			continue
		}
		var all []struct {
			SHA256 string `json:"sha256"`
		}
		if err := d.Decode(&all); err != nil {
			return err
		}
		for _, l := range all {
			named[l.SHA256] = true
		}
	}
	return nil
}
