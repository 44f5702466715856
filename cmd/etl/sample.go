package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/open"
)

// openSample gives a sample's bytes as they lie there, and when it was last changed (zero: not known). A sample is a file,
// s3://bucket/key, or - for standard input.
func openSample(ctx context.Context, name string) (body io.ReadCloser, changed time.Time, err error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), time.Time{}, nil
	}
	if rest, ok := strings.CutPrefix(name, "s3://"); ok {
		bucket, key, _ := strings.Cut(rest, "/")
		if bucket == "" || key == "" {
			return nil, time.Time{}, usagef("%s: write s3://bucket/key of one object", name)
		}
		s, err := open.Open(ctx, "s3://"+bucket, open.Config{})
		if err != nil {
			return nil, time.Time{}, err
		}
		body, obj, err := s.Get(ctx, key, objstore.GetOptions{})
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
