package hostile

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/gluefake"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// network stands between a run and an S3 server. harm gets each request with its number and answers it; it returns false to let it pass.
type network struct {
	server *httputil.ReverseProxy
	n      atomic.Int64
	harm   func(n int64, w http.ResponseWriter, r *http.Request) bool
}

func (p *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.harm == nil || !p.harm(p.n.Add(1), w, r) {
		p.server.ServeHTTP(w, r)
	}
}

// reset breaks the connection off.
func reset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>hostile</Message></Error>", code)
}

// slow passes a body on in small pieces, and cut ends it after half.
type slow struct {
	http.ResponseWriter
	cut bool
}

func (s slow) Write(p []byte) (int, error) {
	if s.cut && len(p) > 1 {
		_, _ = s.ResponseWriter.Write(p[:len(p)/2])
		panic(http.ErrAbortHandler)
	}
	for at := 0; at < len(p); at += 100 {
		if _, err := s.ResponseWriter.Write(p[at:min(at+100, len(p))]); err != nil {
			return at, err
		}
		_ = http.NewResponseController(s.ResponseWriter).Flush()
	}
	return len(p), nil
}

// TestNetworks: a network and a server that break in every way cost a run time, or the run: never a row, and never one twice.
func TestNetworks(t *testing.T) {
	server := objstoretest.StartVersityGW(t)
	fake := gluefake.Start(t)
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &network{server: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
	}}}
	front := httptestServer(t, p)
	server.Setenv(t)
	t.Setenv("AWS_ENDPOINT_URL_S3", front)
	t.Setenv("AWS_ENDPOINT_URL_GLUE", fake.URL)
	staging := func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/staging") && !strings.HasSuffix(r.URL.Path, "/staging")
	}
	entry := func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/ledger/")
	}

	var object int
	for _, c := range []struct {
		name  string
		harm  func() func(n int64, w http.ResponseWriter, r *http.Request) bool
		fails bool // the run may fail
	}{
		{"resets", func() func(int64, http.ResponseWriter, *http.Request) bool {
			return func(n int64, w http.ResponseWriter, _ *http.Request) bool {
				if n%9 != 0 {
					return false
				}
				reset(w)
				return true
			}
		}, true},
		{"answers that drip", func() func(int64, http.ResponseWriter, *http.Request) bool {
			return func(_ int64, w http.ResponseWriter, r *http.Request) bool {
				p.server.ServeHTTP(slow{ResponseWriter: w}, r)
				return true
			}
		}, false},
		{"answers that are cut", func() func(int64, http.ResponseWriter, *http.Request) bool {
			var cut atomic.Int64
			return func(_ int64, w http.ResponseWriter, r *http.Request) bool {
				if !staging(r) || cut.Add(1) > 2 {
					return false
				}
				p.server.ServeHTTP(slow{ResponseWriter: w, cut: true}, r)
				return true
			}
		}, true},
		{"503 for a while", func() func(int64, http.ResponseWriter, *http.Request) bool {
			until := time.Now().Add(time.Duration(size(1, 60)) * time.Second)
			return func(_ int64, w http.ResponseWriter, r *http.Request) bool {
				if time.Now().After(until) {
					return false
				}
				refuse(w, r, http.StatusServiceUnavailable, "SlowDown")
				return true
			}
		}, true},
		{"412 after success", func() func(int64, http.ResponseWriter, *http.Request) bool {
			return func(_ int64, w http.ResponseWriter, r *http.Request) bool {
				if !entry(r) {
					return false
				}
				p.server.ServeHTTP(discard{http.Header{}}, r)
				refuse(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
				return true
			}
		}, false},
		{"an entry's answer is lost", func() func(int64, http.ResponseWriter, *http.Request) bool {
			var lost atomic.Int64
			return func(_ int64, w http.ResponseWriter, r *http.Request) bool {
				if !entry(r) || lost.Add(1) > 2 {
					return false
				}
				p.server.ServeHTTP(discard{http.Header{}}, r)
				reset(w)
				return true
			}
		}, false},
		{"403 in the middle", func() func(int64, http.ResponseWriter, *http.Request) bool {
			return func(n int64, w http.ResponseWriter, r *http.Request) bool {
				if n < 12 || strings.HasPrefix(r.URL.Path, "/staging") {
					return false
				}
				refuse(w, r, http.StatusForbidden, "AccessDenied")
				return true
			}
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, b := range []string{"staging", "lake", "state"} {
				server.MakeBucket(t, b+fmt.Sprint(object))
			}
			database := fmt.Sprintf("database%d", object)
			fake.CreateDatabase(t, database)
			w := &world{t: t, want: map[string]bool{}, may: map[string]bool{}, now: time.Now}
			in := func(name string) string { return fmt.Sprintf("s3://%s%d/", name, object) }
			w.spec = parse(t, "source: {staging: \""+in("staging")+"\"}\nlake: {location: \""+in("lake")+"\", source_name: nf, region: us-east-1, account_id: \"111122223333\"}\nstate: \""+in("state")+
				"\"\ncatalog: {type: glue, database: "+database+"}\n")
			w.lake = filepath.Join(server.Dir, fmt.Sprintf("lake%d", object))
			object++
			store := func(location string) objstore.Bucket {
				b, err := kinds().Stores.Open(t.Context(), location, objstore.Options{Region: "us-east-1"})
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			p.harm = nil
			for i := range 3 {
				if _, err := store(w.spec.Source.Staging).Put(t.Context(), fmt.Sprintf("%d.log", i), strings.NewReader(ten(100*i)), objstore.PutOptions{}); err != nil {
					t.Fatal(err)
				}
				w.wants(100*i, 10)
			}
			w.open = func() *jobs.Runner {
				m, err := mappings.Load("network-firewall")
				if err != nil {
					t.Fatal(err)
				}
				cat, err := glue.Open(t.Context(), glue.Config{Database: database, Region: "us-east-1"})
				if err != nil {
					t.Fatal(err)
				}
				lake := store(w.spec.Lake.Location).(jobs.LakeStore)
				return &jobs.Runner{Spec: w.spec, Mapping: m, Compile: compile, Staging: store(w.spec.Source.Staging), Lake: lake, Deleter: lake, State: store(w.spec.State), Catalog: cat,
					ExitCode: func(error) int { return 1 }, Now: w.now}
			}
			r := w.open()
			p.n.Store(0)
			p.harm = c.harm()
			_, err := w.runWith(r)
			if err != nil && !c.fails {
				t.Errorf("the run: %v", err)
			}
			t.Logf("after %d requests: %v", p.n.Load(), err)
			p.harm = nil
			if _, err := w.run(); err != nil {
				t.Fatalf("the next run: %v", err)
			}
			w.settled()
		})
	}
}

// discard takes an answer that nobody gets.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func httptestServer(t *testing.T, h http.Handler) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String()
}
