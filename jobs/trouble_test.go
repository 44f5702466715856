package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/glue"
	"github.com/silt-etl/silt/internal/catalog/gluefake"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	s3store "github.com/silt-etl/silt/internal/objstore/s3"
	"github.com/silt-etl/silt/jobs"
)

// noProblems holds a job's end to what was staged.
func (p *parts) noProblems(t *testing.T, when string, want wanted) {
	t.Helper()
	for _, s := range p.problems(context.Background(), want) {
		t.Errorf("%s: %s", when, s)
	}
}

// outage is a state store and a lake that fail from the first file to be published on, for one try of a run.
type outage struct {
	jobs.LakeStore
	down *atomic.Bool
}

func (o outage) Publish(ctx context.Context, h objstore.Held) error {
	if o.down.Load() {
		return objstore.Fail("publish", o.String(), h.Key, errInjected, "")
	}
	return o.LakeStore.Publish(ctx, h)
}

func (o outage) Put(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (objstore.Object, error) {
	if o.down.Load() && (strings.HasSuffix(key, "/end.json") || opts.IfMatch != "") {
		return objstore.Object{}, objstore.Fail("put", o.String(), key, errInjected, "")
	}
	return o.LakeStore.Put(ctx, key, r, opts)
}

// TestRetryAfterOutage: a try that could not even give its lease back does not keep the next try of the same process out, and
// what it committed is seen through.
func TestRetryAfterOutage(t *testing.T) {
	t.Parallel() // it waits most of its time
	p := newMemParts(t, 1)
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	p.spec.Limits.BatchBytes = 1 << 20 // one batch: nothing but its publication is left
	p.spec.Limits.MaxRetries = 1
	var down atomic.Bool
	down.Store(true)
	r := p.runner()
	r.Lake, r.State, r.RetryDelay = outage{p.lake, &down}, outage{p.state, &down}, time.Millisecond
	r.LogTo = writerFunc(func(line []byte) {
		if strings.Contains(string(line), "is retried") {
			down.Store(false)
		}
	})
	if sum, err := r.RunWithRetries(t.Context(), jobs.RunOptions{}); err != nil || sum.State != "SUCCEEDED" || sum.Finished != 1 {
		t.Errorf("the second try: %v, %+v", err, sum)
	}
	p.noProblems(t, "after the second try", want)
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// TestThrottledGlue: a little is waited out. What outlasts every wait fails the run in a way that is tried again, and the next
// run continues.
func TestThrottledGlue(t *testing.T) {
	for _, op := range []string{"GetTable", "CreateTable", "BatchCreatePartition"} {
		t.Run(op, func(t *testing.T) {
			w := newS3World(t)
			w.put(key("a"), gz(flow(1, 0), flow(2, 1)))
			w.glue.Throttle(op, 2)
			if _, err := w.run(); err != nil {
				t.Errorf("throttled twice: %v", err)
			}
			w.wantFlows(1, 2)
			w.put(key("b"), gz(flow(3, 2)))
			w.glue.Throttle(op, 1_000_000)
			r := w.runner()
			impatient, err := glue.Open(t.Context(), glue.Config{Database: s3Database, Region: "us-east-1", RequestTries: 2})
			if err != nil {
				t.Fatal(err)
			}
			r.Catalog = impatient
			r.Spec.Limits.MaxRetries, r.RetryDelay = 1, time.Millisecond
			r.LogTo = writerFunc(func(line []byte) {
				if strings.Contains(string(line), "is retried") {
					w.glue.Throttle(op, 0)
				}
			})
			if sum, err := r.RunWithRetries(t.Context(), jobs.RunOptions{}); err != nil || sum.State != "SUCCEEDED" {
				t.Errorf("throttled until the second try: %v", err)
			}
			w.wantFlows(1, 2, 3)
			if ps := w.partitions(); len(ps) != 3 {
				t.Errorf("%d partitions", len(ps))
			}
		})
	}
}

// TestDeniedCatalogIsNotTriedAgain: if a person has to change something, waiting does not help.
func TestDeniedCatalogIsNotTriedAgain(t *testing.T) {
	w := newS3World(t)
	w.put(key("a"), gz(flow(1, 0)))
	w.glue.Deny("GetTable", "CreateTable")
	r := w.runner()
	r.Spec.Limits.MaxRetries = 1
	begun := time.Now()
	if _, err := r.RunWithRetries(t.Context(), jobs.RunOptions{}); !errors.Is(err, catalog.ErrDenied) || time.Since(begun) > 8*time.Second {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
}

// TestSlowDown: the store answers 503 for a while. A short while is waited out by the client; after a long one the run has
// FAILED, and the next one finishes the work.
func TestSlowDown(t *testing.T) {
	server, fake := objstoretest.StartVersityGW(t), gluefake.Start(t)
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var requests, from, to atomic.Int64
	from.Store(1 << 40)
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host // signed for us
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := requests.Add(1); n >= from.Load() && n < to.Load() {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, `<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	proxied := *server
	proxied.Endpoint = proxy.URL
	newParts := newS3PartsAt(t, &proxied, fake.URL, fake.CreateDatabase)
	for _, c := range []struct {
		after, long int64 // in requests
		fails       bool
	}{{40, 2, false}, {55, 1 << 30, true}} {
		from.Store(1 << 40)
		p := newParts()
		for to, location := range map[*jobs.LakeStore]string{&p.staging: p.spec.Source.Staging, &p.lake: p.spec.Lake.Location, &p.state: p.spec.State} {
			_, prefix, _ := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
			bucket, _, _ := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
			impatient, err := s3store.Open(t.Context(), s3store.Config{Bucket: bucket, Prefix: prefix, Region: "us-east-1", RequestTries: 3})
			if err != nil {
				t.Fatal(err)
			}
			*to = impatient
		}
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		to.Store(requests.Load() + c.after + c.long)
		from.Store(requests.Load() + c.after)
		begun := time.Now()
		sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
		t.Logf("503 from request %d on, %d times: %v after %s", c.after, c.long, err, time.Since(begun))
		if (err != nil) != c.fails || c.fails && (sum.State != "FAILED" || exitCodeOf(err) != 1 || strings.Contains(err.Error(), "\n")) {
			t.Errorf("503 from request %d on, %d times: %v, %s", c.after, c.long, err, sum.State)
		}
		from.Store(1 << 40)
		if _, err := p.afterwards().Run(t.Context(), jobs.RunOptions{}); err != nil {
			t.Errorf("the next run: %v", err)
		}
		p.noProblems(t, "after 503", want)
	}
}

// hanging is a store that answers nothing any more once it hangs, until the asker gives up.
type hanging struct {
	jobs.LakeStore
	hangs *atomic.Bool
}

func (h hanging) Put(ctx context.Context, key string, r io.Reader, o objstore.PutOptions) (objstore.Object, error) {
	if h.hangs.Load() {
		<-ctx.Done()
		return objstore.Object{}, objstore.Fail("put", h.String(), key, ctx.Err(), "")
	}
	return h.LakeStore.Put(ctx, key, r, o)
}

func (h hanging) Drop(ctx context.Context, held objstore.Held) error {
	if h.hangs.Load() {
		<-ctx.Done()
		return objstore.Fail("drop", h.String(), held.Key, ctx.Err(), "")
	}
	return h.LakeStore.Drop(ctx, held)
}

// stopping is a lake in which the run is stopped while the second file is being sent, and the stores hang from then on.
type stopping struct {
	hanging
	n    atomic.Int32
	stop func()
}

func (s *stopping) Hold(ctx context.Context, key string, r io.ReaderAt, size int64) (objstore.Held, error) {
	if s.n.Add(1) < 2 {
		return s.LakeStore.Hold(ctx, key, r, size)
	}
	s.hangs.Store(true)
	s.stop()
	<-ctx.Done()
	return objstore.Held{}, ctx.Err()
}

// TestStopWhileStoresHang: a run that is stopped ends in time also where no store answers any more.
func TestStopWhileStoresHang(t *testing.T) {
	t.Parallel() // it waits most of its time
	p := newMemParts(t, 1)
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var hangs atomic.Bool
	var begun time.Time
	r := p.runner()
	r.State = hanging{p.state, &hangs}
	r.Lake = &stopping{hanging: hanging{p.lake, &hangs}, stop: func() { begun = time.Now(); stop() }}
	sum, err := r.Run(ctx, jobs.RunOptions{})
	if took := time.Since(begun); !errors.Is(err, jobs.ErrStopped) || sum.State != "STOPPED" || took > 7*time.Second {
		t.Errorf("%v, %s, %s after the stop", err, sum.State, took)
	}
	if _, err := p.afterwards().Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Error(err)
	}
	p.noProblems(t, "after it", want)
}

// TestClockJumpsBack: a run's own clock decides nothing but which days are plausible; the state tells no negative times.
func TestClockJumpsBack(t *testing.T) {
	p := newMemParts(t, 1)
	want, err := p.smallJob()
	if err != nil {
		t.Fatal(err)
	}
	r := p.runner()
	now := time.Now()
	r.Now = func() time.Time { now = now.Add(-time.Hour); return now }
	sum, err := r.Run(t.Context(), jobs.RunOptions{})
	if err != nil || sum.State != "SUCCEEDED" || sum.Ended.Before(sum.Started) || sum.EventsPerSecond() < 0 {
		t.Errorf("%v, %s, %s to %s", err, sum.State, sum.Started, sum.Ended)
	}
	p.noProblems(t, "with a clock that runs backwards", want)

	// A clock of 1970 makes all events future ones: that is refused, by far too many records in quarantine, and not committed.
	// The refused batch leaves no mark. The next run splits it, and half of the records of one part are bad, which the limit has to allow.
	p = newMemParts(t, 1)
	if want, err = p.smallJob(); err != nil {
		t.Fatal(err)
	}
	p.spec.Limits.MaxQuarantineRatio = 0.5
	r = p.runner()
	r.Now = func() time.Time { return time.Unix(1000, 0) }
	if sum, err = r.Run(t.Context(), jobs.RunOptions{}); !errors.Is(err, jobs.ErrQuarantine) || sum.State != "FAILED" {
		t.Errorf("in 1970: %v, %s", err, sum.State)
	}
	if marks := p.marks(t); len(marks) > 0 {
		t.Errorf("in 1970: marks are left: %q", marks)
	}
	if _, err := p.runner().Run(t.Context(), jobs.RunOptions{}); err != nil {
		t.Errorf("once the clock is right: %v", err)
	}
	p.noProblems(t, "once the clock is right", want)
}

// full is a store whose disk takes so many more bytes.
type full struct {
	jobs.LakeStore
	space *atomic.Int64
}

func (s full) take(op, key string, n int64) error {
	if s.space.Add(-n) < 0 {
		s.space.Store(0)
		return objstore.Fail(op, s.String(), key, syscall.ENOSPC, "")
	}
	return nil
}

func (s full) Put(ctx context.Context, key string, r io.Reader, o objstore.PutOptions) (objstore.Object, error) {
	data, err := io.ReadAll(r)
	if err == nil {
		err = s.take("put", key, int64(len(data)))
	}
	if err != nil {
		return objstore.Object{}, err
	}
	return s.LakeStore.Put(ctx, key, strings.NewReader(string(data)), o)
}

func (s full) Hold(ctx context.Context, key string, r io.ReaderAt, size int64) (objstore.Held, error) {
	if err := s.take("hold", key, size); err != nil {
		return objstore.Held{}, err
	}
	return s.LakeStore.Hold(ctx, key, r, size)
}

// TestFullStore: a store without space for more, at any point: the run says so, and the next one, with space, finishes the work.
func TestFullStore(t *testing.T) {
	t.Parallel() // it waits most of its time
	var wg sync.WaitGroup
	var failed atomic.Int64
	for space := int64(0); space <= 45000; space += 3000 { // a run writes about 40,000 bytes
		wg.Go(func() {
			p := newMemParts(t, 1)
			want, err := p.smallJob()
			if err != nil {
				t.Error(err)
				return
			}
			var left atomic.Int64
			left.Store(space)
			r := p.runner()
			r.Lake, r.State = full{p.lake, &left}, full{p.state, &left}
			sum, err := r.Run(t.Context(), jobs.RunOptions{})
			if err != nil {
				failed.Add(1)
				if !errors.Is(err, syscall.ENOSPC) || sum.State != "FAILED" || strings.Contains(err.Error(), "\n") {
					t.Errorf("space for %d bytes: %v, %s", space, err, sum.State)
				}
			}
			if _, err := p.afterwards().Run(t.Context(), jobs.RunOptions{}); err != nil {
				t.Errorf("space for %d bytes, then for more: %v", space, err)
			}
			p.noProblems(t, fmt.Sprintf("after a store with space for %d bytes", space), want)
		})
	}
	wg.Wait()
	if n := failed.Load(); n < 5 {
		t.Errorf("the store was full %d times", n)
	}
}

// smallDisk is a folder with so many bytes of space, on a file system of its own where this process may mount one.
func smallDisk(t *testing.T, size string) (dir string, err error) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		return "", err
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir, nil
}

// mayMount runs this test again where its process may mount: in a user namespace of its own.
func mayMount(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("SILT_NAMESPACE") != "" {
		t.Fatalf("no small disk to be had, in a user namespace neither: %v", why)
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), "SILT_NAMESPACE=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("in a user namespace, for want of the right to mount here (%v): %v\n%s", why, err, out)
	}
}

// TestFullDisk: lake, state, staging and temp folder on a disk that fills.
func TestFullDisk(t *testing.T) {
	t.Parallel() // it waits most of its time
	var wg sync.WaitGroup
	var failed atomic.Int64
	spaces := []int{0, 8, 24, 60, 120, 220}
	for _, space := range spaces { // KiB
		disk, err := smallDisk(t, "4m")
		if err != nil {
			mayMount(t, err)
			return
		}
		p := newDirPartsAt(t, filepath.Join(disk, "job"), 1)
		p.spec.Limits.TempDir = disk
		want, err := p.smallJob()
		if err != nil {
			t.Fatal(err)
		}
		filler := filepath.Join(disk, "filler")
		fill(t, filler, space<<10)
		wg.Go(func() {
			sum, err := p.runner().Run(t.Context(), jobs.RunOptions{})
			if err != nil {
				failed.Add(1)
				t.Logf("%d KiB left: %v", space, err)
				if sum.State != "FAILED" || strings.Contains(err.Error(), "\n") || !strings.Contains(strings.ToLower(err.Error()), "no space left") {
					t.Errorf("%d KiB left: %v, %s", space, err, sum.State)
				}
			}
			if err := os.Remove(filler); err != nil {
				t.Error(err)
			}
			if _, err := p.afterwards().Run(t.Context(), jobs.RunOptions{}); err != nil {
				t.Errorf("%d KiB left, then space: %v", space, err)
			}
			p.noProblems(t, fmt.Sprintf("after a disk with %d KiB", space), want)
			if left, _ := filepath.Glob(filepath.Join(disk, "silt-*")); len(left) > 0 {
				t.Errorf("left in the temp folder: %q", left)
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n < 3 {
		t.Errorf("the disk was full %d times of %d", n, len(spaces))
	}
}

// fill leaves so many bytes of a disk.
func fill(t *testing.T, path string, left int) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &st); err != nil {
		t.Fatal(err)
	}
	size := int(st.Bavail)*int(st.Bsize) - left
	if err := os.WriteFile(path, make([]byte, max(size, 0)), 0o600); err != nil {
		t.Fatal(err)
	}
}
