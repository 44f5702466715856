package s3store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/objstore"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
)

// faulty is a server that answers as a test says and remembers what it was asked.
type faulty struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string // "PUT /lake/k"
}

func (f *faulty) count(request string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if strings.HasPrefix(r, request) {
			n++
		}
	}
	return n
}

// serve starts a server and points the SDK's environment at it. answer gets the number of the request, from 1.
func serve(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *faulty {
	t.Helper()
	f := &faulty{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests = append(f.requests, r.Method+" "+r.URL.RequestURI())
		n := len(f.requests)
		f.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(f.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_ENDPOINT_URL_S3": f.URL, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	return f
}

func store(t *testing.T, cfg s3store.Config) *s3store.Store {
	t.Helper()
	cfg.Bucket = "lake"
	if cfg.MaxBackoff == 0 {
		cfg.MaxBackoff = 5 * time.Millisecond
	}
	return open(t, cfg)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>the server's\nown words</Message></Error>", code)
}

func TestRetriesThrottling(t *testing.T) {
	f := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil || r.Method == http.MethodPut && string(sent) != "the body" {
			t.Errorf("attempt %d sent %q, %v", n, sent, err)
		}
		switch n % 3 {
		case 1:
			refuse(w, 503, "SlowDown")
		case 2:
			refuse(w, 409, "ConditionalRequestConflict")
		default:
			w.Header().Set("ETag", `"e"`)
			fmt.Fprint(w, "answer")
		}
	})
	s := store(t, s3store.Config{})
	if obj, err := s.Put(t.Context(), "k", strings.NewReader("the body"), objstore.PutOptions{IfAbsent: true}); err != nil || obj.ETag != "e" {
		t.Errorf("put: %+v, %v", obj, err)
	}
	r, _, err := s.Get(t.Context(), "k", objstore.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if body, err := io.ReadAll(r); err != nil || string(body) != "answer" {
		t.Errorf("get: %q, %v", body, err)
	}
	if f.count("PUT /lake/k") != 3 || f.count("GET /lake/k") != 3 {
		t.Errorf("requests: %q", f.requests)
	}
}

func TestGivesUp(t *testing.T) {
	f := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "SlowDown") })
	_, err := store(t, s3store.Config{RequestTries: 3}).Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{})
	var e *diag.OpError
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	wantError(t, err, e, "put s3://lake/k", "SlowDown", "503", "overloaded")
	if f.count("PUT") != 3 {
		t.Errorf("requests: %q", f.requests)
	}
	f.Close()
	_, err = store(t, s3store.Config{RequestTries: 2}).Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{})
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	wantError(t, err, e, "put s3://lake/k", "connection refused", "check the endpoint "+f.URL)
}

// cutting serves content, but each answer ends after some bytes although it promised more.
func cutting(content []byte, etag func(n int) string, bytesPerAnswer int, stall bool) func(int, http.ResponseWriter, *http.Request) {
	return func(n int, w http.ResponseWriter, r *http.Request) {
		if match := r.Header.Get("If-Match"); match != "" && match != etag(n) {
			refuse(w, 412, "PreconditionFailed")
			return
		}
		first, last := 0, len(content)-1
		status := http.StatusOK
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); err == nil {
			status = http.StatusPartialContent
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(content)))
		}
		w.Header().Set("ETag", etag(n))
		w.Header().Set("Content-Length", strconv.Itoa(last+1-first))
		w.WriteHeader(status)
		w.Write(content[first:min(first+bytesPerAnswer, last+1)])
		if first+bytesPerAnswer <= last {
			w.(http.Flusher).Flush()
			if stall {
				<-r.Context().Done()
			}
			panic(http.ErrAbortHandler) // closes the connection
		}
	}
}

func TestResumesBody(t *testing.T) {
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = byte(i >> 8)
	}
	same := func(int) string { return `"v1"` }
	t.Run("cut", func(t *testing.T) {
		f := serve(t, cutting(content, same, 100_000, false))
		r, obj, err := store(t, s3store.Config{}).Get(t.Context(), "k", objstore.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if body, err := io.ReadAll(r); err != nil || !bytes.Equal(body, content) || obj.SizeBytes != 1<<20 || obj.ETag != "v1" {
			t.Errorf("%d bytes of %+v, %v", len(body), obj, err)
		}
		if n := f.count("GET"); n != 11 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("range", func(t *testing.T) {
		serve(t, cutting(content, same, 100_000, false))
		r, obj, err := store(t, s3store.Config{}).Get(t.Context(), "k", objstore.GetOptions{Offset: 1000, Length: 500_000, ETag: "v1"})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if body, err := io.ReadAll(r); err != nil || !bytes.Equal(body, content[1000:501_000]) || obj.SizeBytes != 1<<20 {
			t.Errorf("%d bytes of %+v, %v", len(body), obj, err)
		}
	})
	t.Run("stalled", func(t *testing.T) {
		serve(t, cutting(content, same, 600_000, true))
		r, _, err := store(t, s3store.Config{StallTimeout: 100 * time.Millisecond}).Get(t.Context(), "k", objstore.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if body, err := io.ReadAll(r); err != nil || !bytes.Equal(body, content) {
			t.Errorf("%d bytes, %v", len(body), err)
		}
	})
	t.Run("changed meanwhile", func(t *testing.T) {
		serve(t, cutting(content, func(n int) string { return fmt.Sprintf(`"v%d"`, n) }, 100_000, false))
		r, _, err := store(t, s3store.Config{}).Get(t.Context(), "k", objstore.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		body, err := io.ReadAll(r)
		wantError(t, err, objstore.ErrChanged)
		if !bytes.Equal(body, content[:len(body)]) {
			t.Error("bytes of two versions are mixed")
		}
	})
	t.Run("no way on", func(t *testing.T) {
		f := serve(t, cutting(content, same, 0, false))
		r, _, err := store(t, s3store.Config{}).Get(t.Context(), "k", objstore.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		_, err = io.ReadAll(r)
		wantError(t, err, io.ErrUnexpectedEOF, "get s3://lake/k", "byte 0 of 1048576", "check the network")
		asked := f.count("GET")
		if _, again := r.Read(make([]byte, 1)); again != err || f.count("GET") != asked {
			t.Errorf("a read after the error: %v, %d more requests", again, f.count("GET")-asked)
		}
	})
}

// TestAborts: an upload that fails, or whose caller gives up, is taken back, with a context that still lives.
func TestAborts(t *testing.T) {
	for _, canceled := range []bool{false, true} {
		t.Run(fmt.Sprintf("canceled %t", canceled), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var kms []string
			f := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					kms = append(kms, r.Header.Get("X-Amz-Server-Side-Encryption"), r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"))
					fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
				case r.Method == http.MethodPut:
					io.Copy(io.Discard, r.Body)
					if canceled {
						cancel()
					}
					refuse(w, 400, "EntityTooBroken")
				default:
					w.WriteHeader(http.StatusNoContent)
				}
			})
			s := store(t, s3store.Config{MultipartThresholdBytes: 1 << 20, PartSizeBytes: 5 << 20, SSEKMSKeyID: "arn:aws:kms:key"})
			if _, err := s.Put(ctx, "k", bytes.NewReader(make([]byte, 6<<20)), objstore.PutOptions{}); err == nil {
				t.Error("put went through")
			}
			if n := f.count("DELETE /lake/k?uploadId=u1"); n != 1 {
				t.Errorf("%d aborts after put: %q", n, f.requests)
			}
			if !slices.Equal(kms, []string{"aws:kms", "arn:aws:kms:key"}) {
				t.Errorf("encryption asked for: %q", kms)
			}
			if canceled {
				return
			}
			if _, err := s.Hold(ctx, "k", bytes.NewReader(make([]byte, 6<<20)), 6<<20); err == nil {
				t.Error("hold went through")
			}
			if n := f.count("DELETE /lake/k?uploadId=u1"); n != 2 {
				t.Errorf("%d aborts after hold: %q", n, f.requests)
			}
		})
	}
}

// TestChecksums: what is sent carries a CRC32, by which the server sees that it got other bytes.
func TestChecksums(t *testing.T) {
	f := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		w.Header().Set("ETag", `"e"`)
		switch {
		case r.Method == http.MethodPut:
			sum := crc32.ChecksumIEEE(sent)
			want := base64.StdEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
			if got := r.Header.Get("X-Amz-Checksum-Crc32"); got != want {
				t.Errorf("%s: checksum %q of %d bytes, want %q", r.URL, got, len(sent), want)
			}
			w.Header().Set("X-Amz-Checksum-Crc32", want)
		case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
			if r.Header.Get("X-Amz-Checksum-Algorithm") != "CRC32" || r.Header.Get("X-Amz-Checksum-Type") != "FULL_OBJECT" {
				t.Errorf("upload begun with %q", r.Header)
			}
			fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
		}
	})
	s := store(t, s3store.Config{PartSizeBytes: 5 << 20})
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{}); err != nil {
		t.Error(err)
	}
	h, err := s.Hold(t.Context(), "k", bytes.NewReader(make([]byte, 6<<20)), 6<<20)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.PartETags) != 2 || len(h.PartCRC32) != 2 || slices.Contains(h.PartCRC32, "") {
		t.Errorf("held with the ETags %q and the checksums %q, want two of each", h.PartETags, h.PartCRC32)
	}
	if f.count("PUT") != 3 {
		t.Errorf("requests: %q", f.requests)
	}
}

// TestPublishAnswers: what a server may answer when a file is published that it does not hold as usual.
func TestPublishAnswers(t *testing.T) {
	held := objstore.Held{Key: "k", UploadID: "u1", PartETags: []string{"a", "b"}, PartCRC32: []string{"AAAAAA==", "AAAAAA=="}, SizeBytes: 7}
	done := `<CompleteMultipartUploadResult><ETag>"x-2"</ETag></CompleteMultipartUploadResult>`
	for name, c := range map[string]struct {
		post []int  // the answers to completing, in turn
		etag string // of what is there
		size int
		want error
	}{
		"published":                    {post: []int{200}},
		"no conditional completes":     {post: []int{501, 200}},
		"our own, its answer lost":     {post: []int{412}, etag: `"x-2"`, size: 7},
		"another one, of other parts":  {post: []int{412}, etag: `"x-1"`, size: 7, want: objstore.ErrExists},
		"another one, of another size": {post: []int{412}, etag: `"x-2"`, size: 8, want: objstore.ErrExists},
		"dropped":                      {post: []int{404}, want: objstore.ErrNotHeld},
		"throttled, then our own":      {post: []int{503, 412}, etag: `"x-2"`, size: 7},
		"an error in an answer of 200": {post: []int{0, 200}},
		"in conflict, then not held":   {post: []int{409, 404}, want: objstore.ErrNotHeld},
		"refused":                      {post: []int{403}, want: objstore.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			posts := 0
			serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					w.Header().Set("ETag", c.etag)
					w.Header().Set("Content-Length", strconv.Itoa(c.size))
					return
				}
				sent, _ := io.ReadAll(r.Body)
				if strings.Count(string(sent), "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>") != 2 || r.Header.Get("X-Amz-Mp-Object-Size") != "7" {
					t.Errorf("completed with %s, %q", sent, r.Header)
				}
				status := c.post[posts]
				posts++
				if (r.Header.Get("If-None-Match") == "*") != (posts == 1 || c.post[0] != 501) {
					t.Errorf("attempt %d has If-None-Match %q", posts, r.Header.Get("If-None-Match"))
				}
				switch status {
				case 0:
					fmt.Fprint(w, `<Error><Code>InternalError</Code><Message>again</Message></Error>`)
				case 200:
					fmt.Fprint(w, done)
				default:
					refuse(w, status, map[int]string{404: "NoSuchUpload", 403: "AccessDenied", 412: "PreconditionFailed",
						501: "NotImplemented", 503: "SlowDown", 409: "ConditionalRequestConflict"}[status])
				}
			})
			err := store(t, s3store.Config{}).Publish(t.Context(), held)
			if c.want != nil {
				wantError(t, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
			if posts != len(c.post) {
				t.Errorf("%d attempts, want %d", posts, len(c.post))
			}
		})
	}
}

func TestAssumeRole(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/lake-provider"
	f := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=role-key/") || r.Header.Get("X-Amz-Security-Token") != "role-token" {
			t.Errorf("not signed with the role: %q", r.Header)
		}
		w.Header().Set("ETag", `"e"`)
	})
	refused := false
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if r.Form.Get("Action") != "AssumeRole" || r.Form.Get("RoleArn") != role || !strings.Contains(r.Header.Get("Authorization"), "Credential=key/") {
			t.Errorf("asked STS for %q", r.Form)
		}
		if r.Form.Get("ExternalId") != "ext-1" {
			refused = true
			w.WriteHeader(403)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>role-key</AccessKeyId><SecretAccessKey>role-s3cr3t</SecretAccessKey>`+
			`<SessionToken>role-token</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	defer sts.Close()
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	s := store(t, s3store.Config{RoleARN: role, ExternalID: "ext-1"})
	if _, err := s.Head(t.Context(), "k"); err != nil || f.count("HEAD /lake/k") != 1 {
		t.Errorf("head with the role: %v", err)
	}
	_, err := s3store.Open(t.Context(), s3store.Config{Bucket: "lake", RoleARN: role, ExternalID: "another"})
	wantError(t, err, objstore.ErrDenied, "open s3://lake", role, "external_id", "sts:AssumeRole")
	if !refused {
		t.Error("STS was not asked again")
	}
}

func TestWrongRegion(t *testing.T) {
	serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-central-2")
		refuse(w, 301, "PermanentRedirect")
	})
	err := store(t, s3store.Config{}).List(t.Context(), objstore.ListOptions{}, func(objstore.Object) error { return nil })
	var e *diag.OpError
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	wantError(t, err, e, "set the region to eu-central-2", "AWS_REGION")
}

// TestPathStyle: with a custom endpoint, from the environment or the job, the bucket is in the path, not in the host
// name. The endpoint has a host name here, because with a bare address the SDK does so by itself.
func TestPathStyle(t *testing.T) {
	f := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"e"`) })
	endpoint := strings.Replace(f.URL, "127.0.0.1", "localhost", 1)
	t.Setenv("AWS_ENDPOINT_URL_S3", endpoint)
	if _, err := store(t, s3store.Config{RequestTries: 1}).Head(t.Context(), "a b"); err != nil || f.count("HEAD /lake/a%20b") != 1 {
		t.Errorf("endpoint of the environment: %v, requests %q", err, f.requests)
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	if _, err := store(t, s3store.Config{RequestTries: 1, Endpoint: endpoint}).Head(t.Context(), "a b"); err != nil || f.count("HEAD /lake/a%20b") != 2 {
		t.Errorf("endpoint of the configuration: %v, requests %q", err, f.requests)
	}
}

// TestListDecodesKeys: XML 1.0 has no way to write some characters of keys, so the names come URL-encoded.
func TestListDecodesKeys(t *testing.T) {
	serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("encoding-type") != "url" {
			t.Error("names were not asked for URL-encoded")
		}
		fmt.Fprint(w, `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%01+b%2Bc%25</Key><ETag>"e"</ETag><Size>3</Size></Contents>`+
			`<Contents><Key></Key></Contents></ListBucketResult>`)
	})
	var keys []string
	err := store(t, s3store.Config{}).List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error {
		keys = append(keys, o.Key)
		return nil
	})
	if err != nil || !slices.Equal(keys, []string{"a\x01 b+c%"}) {
		t.Errorf("list = %q, %v", keys, err)
	}
}

// A page of a listing that ends in its middle is asked for again, and no key of it is seen twice.
func TestCutListing(t *testing.T) {
	page := `<ListBucketResult><Contents><Key>a</Key><ETag>"e"</ETag><Size>3</Size></Contents><Contents><Key>b</Key><ETag>"e"</ETag><Size>3</Size></Contents></ListBucketResult>`
	f := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Content-Length", strconv.Itoa(len(page)))
			fmt.Fprint(w, page[:len(page)-40])
			return
		}
		fmt.Fprint(w, page)
	})
	var keys []string
	err := store(t, s3store.Config{}).List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error {
		keys = append(keys, o.Key)
		return nil
	})
	if err != nil || !slices.Equal(keys, []string{"a", "b"}) || len(f.requests) != 2 {
		t.Errorf("list = %q, %v, %d requests", keys, err, len(f.requests))
	}
}
