package objstoretest

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
)

// Archive adds to a store what S3 does with archived objects, which versitygw does not do: it refuses to read them, names their class and
// the status of their restores, and begins restores that a test ends. It is a proxy in front of a server, or a Reader.
type Archive struct {
	// HideStatus keeps the status of restores out of listings, as servers do that are not S3.
	HideStatus bool
	// Deny refuses requests to restore.
	Deny bool

	mu      sync.Mutex
	objects map[string]*archived // by key, of a proxy with the bucket before it
	asked   []string             // requests to restore: key, tier, days
}

type archived struct {
	class      string
	inProgress bool
	expires    time.Time
	deep       bool // of INTELLIGENT_TIERING: in an archive
}

// Move puts an object into a storage class. An object of INTELLIGENT_TIERING is archived too, and no listing says so.
func (a *Archive) Move(key, class string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.objects == nil {
		a.objects = map[string]*archived{}
	}
	a.objects[key] = &archived{class: class, deep: class == objstore.ClassIntelligentTiering}
}

// Forget makes an object an ordinary one, as if it were written again.
func (a *Archive) Forget(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.objects, key)
}

// Finish ends the restores that are in progress, and returns how many they were. Restored copies expire at a time.
func (a *Archive) Finish(expires time.Time) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.objects {
		if o.inProgress {
			n++
			if o.inProgress, o.deep = false, false; o.class != objstore.ClassIntelligentTiering {
				o.expires = expires
			}
		}
	}
	return n
}

// Expire removes all restored copies.
func (a *Archive) Expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.objects {
		o.expires = time.Time{}
	}
}

// Asked returns the requests to restore so far, each as "key tier days".
func (a *Archive) Asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string{}, a.asked...)
}

// state of an object. ok is false if it is an ordinary one.
func (a *Archive) state(key string) (o archived, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at := a.objects[key]; at != nil {
		return *at, true
	}
	return archived{}, false
}

func (o archived) refuses() bool {
	return o.inProgress || o.deep || o.expires.IsZero() && (o.class == objstore.ClassGlacier || o.class == objstore.ClassDeepArchive)
}

// restore answers a request to restore as S3 does: with a status, and the code of an error.
func (a *Archive) restore(key, tier string, days int) (status int, code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, fmt.Sprintf("%s %s %d", key, tier, days))
	o := a.objects[key]
	canExpire := o != nil && o.class != objstore.ClassIntelligentTiering
	switch {
	case a.Deny:
		return http.StatusForbidden, "AccessDenied"
	case o == nil || !o.refuses() && o.expires.IsZero():
		return http.StatusForbidden, "InvalidObjectState"
	case o.inProgress:
		return http.StatusConflict, "RestoreAlreadyInProgress"
	case canExpire != (days > 0):
		return http.StatusBadRequest, "MalformedXML"
	case o.class == objstore.ClassDeepArchive && tier == objstore.TierExpedited:
		return http.StatusBadRequest, "InvalidArgument"
	case !o.refuses():
		return http.StatusOK, ""
	}
	o.inProgress = true
	return http.StatusAccepted, ""
}

// Before starts a proxy in front of a server, and returns the server as its clients see it.
func (a *Archive) Before(t testing.TB, s *Server) *Server {
	t.Helper()
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host // signed for the proxy
		},
		ModifyResponse: a.answer,
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.URL.Path, "/")
		o, ok := a.state(key)
		status, code := 0, ""
		switch {
		case r.Method == http.MethodPost && r.URL.Query().Has("restore"):
			var body struct {
				Days int
				Tier string `xml:"GlacierJobParameters>Tier"`
			}
			if err := xml.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Errorf("a request to restore %s: %v", key, err)
			}
			if status, code = a.restore(key, body.Tier, body.Days); code == "" {
				w.WriteHeader(status)
				return
			}
		case r.Method == http.MethodGet && ok && o.refuses():
			status, code = http.StatusForbidden, "InvalidObjectState"
		case r.Method == http.MethodPut && ok:
			a.Forget(key)
		}
		if code != "" {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused by the archive</Message></Error>", code)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	out := *s
	out.Endpoint = proxy.URL
	return &out
}

// answer adds to the server's answers what S3 says of archived objects.
func (a *Archive) answer(r *http.Response) error {
	q := r.Request.URL.Query()
	path := strings.TrimPrefix(r.Request.URL.Path, "/")
	if r.Request.Method == http.MethodHead {
		if o, ok := a.state(path); ok {
			r.Header.Set("X-Amz-Storage-Class", o.class)
			switch {
			case o.inProgress:
				r.Header.Set("X-Amz-Restore", `ongoing-request="true"`)
			case !o.expires.IsZero():
				r.Header.Set("X-Amz-Restore", fmt.Sprintf(`ongoing-request="false", expiry-date="%s"`, o.expires.UTC().Format(http.TimeFormat)))
			}
		}
	}
	if r.Request.Method != http.MethodGet || q.Get("list-type") != "2" || r.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return err
	}
	bucket, _, _ := strings.Cut(path, "/")
	status := strings.Contains(r.Request.Header.Get("X-Amz-Optional-Object-Attributes"), "RestoreStatus") && !a.HideStatus
	parts := strings.SplitAfter(string(body), "</Contents>")
	for i, part := range parts {
		_, rest, found := strings.Cut(part, "<Key>")
		if !found {
			continue
		}
		name, _, _ := strings.Cut(rest, "</Key>")
		if name = html.UnescapeString(name); bytes.Contains(body, []byte("<EncodingType>url</EncodingType>")) {
			if name, err = url.QueryUnescape(name); err != nil {
				return err
			}
		}
		o, ok := a.state(bucket + "/" + name)
		if !ok {
			continue
		}
		part = strings.Replace(part, "<StorageClass>STANDARD</StorageClass>", "<StorageClass>"+o.class+"</StorageClass>", 1)
		if s := o.status(); s != nil && status {
			text := fmt.Sprintf("<IsRestoreInProgress>%t</IsRestoreInProgress>", s.InProgress)
			if !s.Expires.IsZero() {
				text += "<RestoreExpiryDate>" + s.Expires.UTC().Format("2006-01-02T15:04:05.000Z") + "</RestoreExpiryDate>"
			}
			part = strings.Replace(part, "</Contents>", "<RestoreStatus>"+text+"</RestoreStatus></Contents>", 1)
		}
		parts[i] = part
	}
	text := []byte(strings.Join(parts, ""))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

func (o archived) status() *objstore.RestoreStatus {
	if !o.inProgress && o.expires.IsZero() {
		return nil
	}
	return &objstore.RestoreStatus{InProgress: o.inProgress, Expires: o.expires}
}

// Reader is a store whose objects the archive has.
func (a *Archive) Reader(r objstore.Reader) objstore.Reader { return &archiveReader{r, a} }

type archiveReader struct {
	objstore.Reader
	a *Archive
}

func (r *archiveReader) with(o objstore.Object, listed bool) objstore.Object {
	if s, ok := r.a.state(o.Key); ok {
		if o.StorageClass = s.class; !listed || !r.a.HideStatus {
			o.Restore = s.status()
		}
	}
	return o
}

// List implements objstore.Reader.
func (r *archiveReader) List(ctx context.Context, opts objstore.ListOptions, fn func(objstore.Object) error) error {
	return r.Reader.List(ctx, opts, func(o objstore.Object) error { return fn(r.with(o, true)) })
}

// Level implements objstore.Reader.
func (r *archiveReader) Level(ctx context.Context, prefix string, fn func(objstore.Object) error) ([]string, error) {
	return r.Reader.Level(ctx, prefix, func(o objstore.Object) error { return fn(r.with(o, true)) })
}

// Head implements objstore.Reader.
func (r *archiveReader) Head(ctx context.Context, key string) (objstore.Object, error) {
	o, err := r.Reader.Head(ctx, key)
	return r.with(o, false), err
}

// Get implements objstore.Reader.
func (r *archiveReader) Get(ctx context.Context, key string, opts objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	if o, ok := r.a.state(key); ok && o.refuses() {
		return nil, objstore.Object{}, objstore.Fail("get", r.String(), key, objstore.ErrArchived, "restore it")
	}
	return r.Reader.Get(ctx, key, opts)
}

// Restore implements objstore.Restorer.
func (r *archiveReader) Restore(_ context.Context, key string, opts objstore.RestoreOptions) (objstore.RestoreAnswer, error) {
	switch status, code := r.a.restore(key, opts.Tier, opts.Days); {
	case code == "RestoreAlreadyInProgress":
		return objstore.RestoreInProgress, nil
	case code == "InvalidObjectState", status == http.StatusOK:
		return objstore.RestoreDone, nil
	case code == "AccessDenied":
		return 0, objstore.Fail("restore", r.String(), key, objstore.ErrDenied, "allow this identity s3:RestoreObject on the object")
	case code != "":
		return 0, objstore.Fail("restore", r.String(), key, fmt.Errorf("%s (HTTP %d)", code, status), "")
	}
	return objstore.RestoreStarted, nil
}
