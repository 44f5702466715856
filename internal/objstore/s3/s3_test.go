package s3store_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

func open(t *testing.T, cfg s3store.Config) *s3store.Store {
	t.Helper()
	s, err := s3store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSuite sends parts from 1 MiB on, so that its large objects are several parts.
func TestSuite(t *testing.T) {
	gw := objstoretest.StartVersityGW(t)
	gw.Setenv(t)
	n := 0
	for _, cfg := range []s3store.Config{{}, {Prefix: "AWSLogs/with space/ü+%"}, {Prefix: "AWSLogs/with space/ü+%", HoldCopies: true}} {
		t.Run(fmt.Sprintf("prefix %s copies %v", cfg.Prefix, cfg.HoldCopies), func(t *testing.T) {
			objstoretest.Run(t, func(t *testing.T) objstore.Bucket {
				n++
				cfg := cfg
				cfg.Bucket, cfg.MultipartThresholdBytes, cfg.PartSizeBytes = fmt.Sprintf("bucket-%d", n), 1<<20, 5<<20
				gw.MakeBucket(t, cfg.Bucket)
				return open(t, cfg)
			})
		})
	}
}

// TestPrefixIsAFolder: what is next to the prefix, or begins like it, is not the store's.
func TestPrefixIsAFolder(t *testing.T) {
	gw := objstoretest.StartVersityGW(t)
	gw.Setenv(t)
	gw.MakeBucket(t, "lake")
	all := open(t, s3store.Config{Bucket: "lake"})
	for _, key := range []string{"logs/in", "logs-old/out", "out"} {
		if _, err := all.Put(t.Context(), key, strings.NewReader("x"), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, s3store.Config{Bucket: "lake", Prefix: "logs"})
	if s.String() != "s3://lake/logs" {
		t.Errorf("name = %s", s)
	}
	var keys []string
	if err := s.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error {
		keys = append(keys, o.Key)
		return nil
	}); err != nil || len(keys) != 1 || keys[0] != "in" {
		t.Errorf("list = %q, %v", keys, err)
	}
}

// secrets are in no error, whatever goes wrong.
func wantError(t *testing.T, err, want error, texts ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
	if strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
		t.Errorf("error is not one short line: %q", err)
	}
	for _, secret := range []string{"testtest", "wrong-secret", "s3cr3t", "AWS4-HMAC", "Signature="} {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("error gives away %q: %v", secret, err)
		}
	}
}

func TestNoStore(t *testing.T) {
	gw := objstoretest.StartVersityGW(t)
	gw.Setenv(t)
	s := open(t, s3store.Config{Bucket: "no-such-bucket"})
	wantError(t, s.List(t.Context(), objstore.ListOptions{}, func(objstore.Object) error { return nil }), objstore.ErrNoStore, "list s3://no-such-bucket", "create the bucket")
	_, err := s.Folders(t.Context(), "")
	wantError(t, err, objstore.ErrNoStore)
	_, _, err = s.Get(t.Context(), "k", objstore.GetOptions{})
	wantError(t, err, objstore.ErrNoStore)
	_, err = s.Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{})
	wantError(t, err, objstore.ErrNoStore)
	_, err = s.Hold(t.Context(), "k", strings.NewReader("x"), 1)
	wantError(t, err, objstore.ErrNoStore)
}

func TestDenied(t *testing.T) {
	gw := objstoretest.StartVersityGW(t)
	gw.Setenv(t)
	gw.MakeBucket(t, "lake")
	if _, err := open(t, s3store.Config{Bucket: "lake"}).Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}

	nobody := gw.AddUser(t, "nobody", "wrong-secret")
	nobody.Setenv(t)
	s := open(t, s3store.Config{Bucket: "lake"})
	_, headErr := s.Head(t.Context(), "k")
	_, _, getErr := s.Get(t.Context(), "k", objstore.GetOptions{})
	_, putErr := s.Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{})
	_, holdErr := s.Hold(t.Context(), "k", strings.NewReader("x"), 1)
	_, foldersErr := s.Folders(t.Context(), "")
	_, heldErr := s.HeldList(t.Context(), "")
	for _, c := range []struct {
		err   error
		needs string
	}{
		{s.List(t.Context(), objstore.ListOptions{}, func(objstore.Object) error { return nil }), "s3:ListBucket"},
		{foldersErr, "s3:ListBucket"}, {headErr, "s3:GetObject"}, {getErr, "kms:Decrypt"}, {putErr, "s3:PutObject"}, {holdErr, "s3:PutObject"},
		{s.Delete(t.Context(), "k"), "s3:DeleteObject"}, {heldErr, "s3:ListBucketMultipartUploads"},
	} {
		wantError(t, c.err, objstore.ErrDenied, c.needs)
	}

	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-2")
	err := open(t, s3store.Config{Bucket: "lake"}).List(t.Context(), objstore.ListOptions{}, func(objstore.Object) error { return nil })
	wantError(t, err, objstore.ErrDenied, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY")
	t.Setenv("AWS_ACCESS_KEY_ID", "never-seen")
	err = open(t, s3store.Config{Bucket: "lake"}).List(t.Context(), objstore.ListOptions{}, func(objstore.Object) error { return nil })
	wantError(t, err, objstore.ErrDenied, "InvalidAccessKeyId", "check AWS_ACCESS_KEY_ID")
}

func TestNoCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	// The metadata service takes the connection and says nothing, the slowest way not to be there.
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	for name, env := range map[string][2]string{
		"metadata off": {"AWS_EC2_METADATA_DISABLED", "true"}, "metadata silent": {"AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.URL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(env[0], env[1])
			start := time.Now()
			_, err := s3store.Open(t.Context(), s3store.Config{Bucket: "lake", Region: "us-east-1"})
			wantError(t, err, objstore.ErrNoCreds, "s3://lake", "AWS_PROFILE")
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("it took %v to say so", took)
			}
		})
	}
}

// TestListIsLazy: ten keys of 100,000 take one request, and continuing from one takes one more.
func TestListIsLazy(t *testing.T) {
	gw := objstoretest.StartVersityGW(t)
	gw.Setenv(t)
	gw.MakeBucket(t, "lake")
	const folders, files = 100, 1000
	objstoretest.WriteMany(t, filepath.Join(gw.Dir, "lake"), folders, files)
	target, err := url.Parse(gw.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		requests.Add(1)
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}})
	defer proxy.Close()
	t.Setenv("AWS_ENDPOINT_URL_S3", proxy.URL)
	s := open(t, s3store.Config{Bucket: "lake"})
	stop := errors.New("enough")
	list := func(limit int, after string) (n int, last string) {
		requests.Store(0)
		if err := s.List(t.Context(), objstore.ListOptions{After: after}, func(o objstore.Object) error {
			if o.Key <= last {
				t.Fatalf("%s after %s", o.Key, last)
			}
			last = o.Key
			if n++; n == limit {
				return stop
			}
			return nil
		}); err != nil && err != stop {
			t.Fatal(err)
		}
		return n, last
	}
	n, last := list(10, "")
	if n != 10 || last != "d000/0009" || requests.Load() != 1 {
		t.Errorf("ten keys: %d, the last %s, with %d requests", n, last, requests.Load())
	}
	if n, last = list(10, "d050/0500"); n != 10 || last != "d050/0510" || requests.Load() != 1 {
		t.Errorf("ten keys from the middle: %d, the last %s, with %d requests", n, last, requests.Load())
	}
	if n, _ = list(0, "d089/0999"); n != 10*files || requests.Load() < 10 { // all pages would take ten seconds
		t.Errorf("the last ten folders: %d keys with %d requests", n, requests.Load())
	}
}
