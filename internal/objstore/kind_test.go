package objstore_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

// kinds are the stores of the etl program.
func kinds() objstore.Registry { return objstore.Registry{s3store.Kind(), dirstore.Kind()} }

func TestOpenS3(t *testing.T) {
	gw := objstoretest.StartVersityGW(t)
	gw.MakeBucket(t, "acme-staging")
	gw.Setenv(t)
	for location, name := range map[string]string{
		"s3://acme-staging": "s3://acme-staging", "s3://acme-staging/": "s3://acme-staging", "s3://acme-staging/AWSLogs/": "s3://acme-staging/AWSLogs",
		"s3://acme-staging/AWSLogs/x": "s3://acme-staging/AWSLogs/x",
	} {
		b, err := kinds().Open(t.Context(), location, objstore.Options{Region: gw.Region})
		if err != nil {
			t.Errorf("%s: %v", location, err)
			continue
		}
		if _, ok := b.(*s3store.Store); !ok || b.String() != name {
			t.Errorf("%s: a %T named %s", location, b, b)
		}
		if _, err := b.Put(t.Context(), "k", strings.NewReader(location), objstore.PutOptions{}); err != nil {
			t.Errorf("%s: %v", location, err)
		}
	}
	b, err := kinds().Open(t.Context(), "s3://acme-staging", objstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Head(t.Context(), "AWSLogs/x/k"); err != nil {
		t.Error(err)
	}
}

func TestOpenFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s3:", "lake")
	_, err := kinds().Open(t.Context(), path, objstore.Options{})
	if !errors.Is(err, objstore.ErrNoStore) || !strings.Contains(err.Error(), path) {
		t.Errorf("a folder that is not there: %v", err)
	}
	b, err := kinds().Open(t.Context(), path, objstore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := b.(*dirstore.Store); !ok || b.String() != path {
		t.Errorf("a %T named %s", b, b)
	}
	if _, ok := b.(objstore.Holder); !ok {
		t.Errorf("%T cannot hold", b)
	}
}

func TestOpenRefuses(t *testing.T) {
	for location, says := range map[string]string{
		"gs://bucket/x":                "s3://bucket/prefix",
		"http://user:s3cr3t@host/path": "the path of a folder",
		"file:///lake":                 "the path of a folder",
		"s3a://bucket/x":               "s3://bucket/prefix",
		"S3://bucket":                  "s3://bucket/prefix",
		"s3://":                        "the bucket is missing",
		"s3:///x":                      "the bucket is missing",
		"":                             "the location is empty",
	} {
		b, err := kinds().Open(t.Context(), location, objstore.Options{Create: true})
		if err == nil {
			t.Errorf("%q opened as %v", location, b)
			continue
		}
		if !strings.Contains(err.Error(), says) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", location, err)
		}
	}
}
