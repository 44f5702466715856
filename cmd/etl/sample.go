package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
)

// openSample opens a sample without unpacking it, and says when it was last changed (zero if that is not known). A sample is a
// file, an object (s3://bucket/key), or - for standard input.
func openSample(ctx context.Context, name string) (body io.ReadCloser, changed time.Time, err error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), time.Time{}, nil
	}
	at, _, err := storeKinds().Find(name)
	if err != nil {
		return nil, time.Time{}, usageError{err}
	}
	if !at.IsFolder() {
		if at.Path() == "" {
			return nil, time.Time{}, usagef("%s: name one object of the bucket (example: %s/folder/object.json.gz)", name, at)
		}
		s, err := storeKinds().Open(ctx, at.Root().String(), objstore.Options{})
		if err != nil {
			return nil, time.Time{}, err
		}
		body, obj, err := s.Get(ctx, at.Path(), objstore.GetOptions{})
		return body, obj.LastModified, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, time.Time{}, usageError{fmt.Errorf("sample: %w", err)}
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = usagef("sample: %s is a folder; name one file in it", name)
	}
	if err != nil {
		f.Close()
		return nil, time.Time{}, err
	}
	return f, info.ModTime(), nil
}
