package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
)

// fault is how an operation goes wrong.
type fault string

const (
	faultBefore    fault = "fails before it happens"
	faultLost      fault = "happens, and its answer is lost"
	faultDead      fault = "is not reached: the process died before it"
	faultDeadAfter fault = "is the last: the process died after it"
	faultStall     fault = "waits, while others continue, until it is woken"
)

func (f fault) dead() bool { return f == faultDead || f == faultDeadAfter }

var errInjected = errors.New("connection broken (injected)")

// errDead is what a dead process gets. It is of a kind that nobody tries again after, for a dead process does not wait either.
var errDead = fmt.Errorf("the process is dead: %w", objstore.ErrNoCreds)

// injector counts the operations of a run's stores, catalog and engine, bodies that are read included, and makes one go wrong.
type injector struct {
	at  int // from 0
	how fault

	stalled, wake chan struct{} // faultStall: closed when the operation waits, and to let it continue

	mu   sync.Mutex
	n    int
	what string // the operation that went wrong
	ops  map[string]int
}

// step is one operation: before keeps it from happening, after replaces its answer.
func (f *injector) step(op, store, key string) (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.n
	f.n++
	if f.ops == nil {
		f.ops = map[string]int{}
	}
	f.ops[op+" "+store]++
	wrap := func(err error) error { return objstore.Fail(op, store, key, err, "") }
	switch {
	case i < f.at:
		return nil, nil
	case i > f.at:
		if f.how.dead() {
			return wrap(errDead), nil
		}
		return nil, nil
	}
	f.what = fmt.Sprintf("%s %s/%s", op, store, key)
	switch f.how {
	case faultBefore:
		return wrap(errInjected), nil
	case faultLost:
		return nil, wrap(errInjected)
	case faultDead:
		return wrap(errDead), nil
	case faultDeadAfter:
		return nil, wrap(errDead)
	}
	f.mu.Unlock()
	close(f.stalled)
	<-f.wake
	f.mu.Lock()
	return nil, nil
}

// hit is the operation that went wrong, "" when the run ended before it.
func (f *injector) hit() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.what
}

// do is step around an operation without an answer.
func (f *injector) do(op, store, key string, fn func() error) error {
	before, after := f.step(op, store, key)
	if before != nil {
		return before
	}
	if err := fn(); err != nil {
		return err
	}
	return after
}

// faultStore is a store whose operations an injector counts.
type faultStore struct {
	jobs.LakeStore
	f *injector
}

func (s faultStore) List(ctx context.Context, o objstore.ListOptions, fn func(objstore.Object) error) error {
	return s.f.do("list", s.String(), o.Prefix, func() error { return s.LakeStore.List(ctx, o, fn) })
}

func (s faultStore) Folders(ctx context.Context, prefix string) (out []string, err error) {
	err = s.f.do("folders", s.String(), prefix, func() (err error) { out, err = s.LakeStore.Folders(ctx, prefix); return err })
	return out, err
}

func (s faultStore) Level(ctx context.Context, prefix string, fn func(objstore.Object) error) (out []string, err error) {
	err = s.f.do("level", s.String(), prefix, func() (err error) { out, err = s.LakeStore.Level(ctx, prefix, fn); return err })
	return out, err
}

func (s faultStore) Head(ctx context.Context, key string) (o objstore.Object, err error) {
	err = s.f.do("head", s.String(), key, func() (err error) { o, err = s.LakeStore.Head(ctx, key); return err })
	return o, err
}

func (s faultStore) Get(ctx context.Context, key string, opts objstore.GetOptions) (body io.ReadCloser, o objstore.Object, err error) {
	err = s.f.do("get", s.String(), key, func() (err error) { body, o, err = s.LakeStore.Get(ctx, key, opts); return err })
	if err != nil {
		if body != nil {
			body.Close()
		}
		return nil, objstore.Object{}, err
	}
	return &faultBody{ReadCloser: body, s: s, key: key}, o, nil
}

// faultBody is a body whose reading counts as one operation. One that goes wrong has given its first bytes.
type faultBody struct {
	io.ReadCloser
	s      faultStore
	key    string
	asked  bool
	broken error
}

func (b *faultBody) Read(p []byte) (int, error) {
	if b.asked && b.broken != nil {
		return 0, b.broken
	}
	if !b.asked {
		b.asked = true
		before, after := b.s.f.step("read", b.s.String(), b.key)
		if b.broken = errors.Join(before, after); b.broken != nil {
			n, _ := b.ReadCloser.Read(p[:min(len(p), 40)])
			return n, b.broken
		}
	}
	return b.ReadCloser.Read(p)
}

func (s faultStore) Put(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (o objstore.Object, err error) {
	err = s.f.do("put", s.String(), key, func() (err error) { o, err = s.LakeStore.Put(ctx, key, r, opts); return err })
	return o, err
}

func (s faultStore) Delete(ctx context.Context, key string) error {
	return s.f.do("delete", s.String(), key, func() error { return s.LakeStore.Delete(ctx, key) })
}

func (s faultStore) Now(ctx context.Context) (t time.Time, err error) {
	err = s.f.do("now", s.String(), "", func() (err error) { t, err = s.LakeStore.Now(ctx); return err })
	return t, err
}

func (s faultStore) Hold(ctx context.Context, key string, r io.ReaderAt, size int64) (h objstore.Held, err error) {
	err = s.f.do("hold", s.String(), key, func() (err error) { h, err = s.LakeStore.Hold(ctx, key, r, size); return err })
	return h, err
}

func (s faultStore) Publish(ctx context.Context, h objstore.Held) error {
	return s.f.do("publish", s.String(), h.Key, func() error { return s.LakeStore.Publish(ctx, h) })
}

func (s faultStore) Drop(ctx context.Context, h objstore.Held) error {
	return s.f.do("drop", s.String(), h.Key, func() error { return s.LakeStore.Drop(ctx, h) })
}

func (s faultStore) HeldList(ctx context.Context, prefix string) (out []objstore.Held, err error) {
	err = s.f.do("held-list", s.String(), prefix, func() (err error) { out, err = s.LakeStore.HeldList(ctx, prefix); return err })
	return out, err
}

// faultCatalog is a catalog whose operations an injector counts.
type faultCatalog struct {
	catalog.Catalog
	f *injector
}

func (c faultCatalog) EnsureTable(ctx context.Context, t catalog.Table) (out catalog.Table, err error) {
	err = c.f.do("ensure table", c.String(), t.Name, func() (err error) { out, err = c.Catalog.EnsureTable(ctx, t); return err })
	return out, err
}

func (c faultCatalog) Table(ctx context.Context, name string) (out catalog.Table, err error) {
	err = c.f.do("table", c.String(), name, func() (err error) { out, err = c.Catalog.Table(ctx, name); return err })
	return out, err
}

func (c faultCatalog) AddPartitions(ctx context.Context, table string, ps []catalog.Partition) (n int, err error) {
	err = c.f.do("add partitions", c.String(), table, func() (err error) { n, err = c.Catalog.AddPartitions(ctx, table, ps); return err })
	return n, err
}

// faultEngine is a database whose calls an injector counts: opening, registering a source, executing, querying, and each batch of a result.
type faultEngine struct {
	attempt.Engine
	f *injector
}

func (f *injector) openEngine(o engine.Options) (attempt.Engine, error) {
	var db *engine.DB
	err := f.do("open", "engine", "", func() (err error) { db, err = engine.Open(o); return err })
	if err != nil {
		if db != nil {
			db.Close()
		}
		return nil, err
	}
	return faultEngine{db, f}, nil
}

func (e faultEngine) RegisterSource(name string, src engine.Source) error {
	return e.f.do("register", "engine", name, func() error { return e.Engine.RegisterSource(name, src) })
}

func (e faultEngine) Exec(ctx context.Context, sql string) error {
	return e.f.do("exec", "engine", sql[:min(20, len(sql))], func() error { return e.Engine.Exec(ctx, sql) })
}

func (e faultEngine) Query(ctx context.Context, sql string) (out engine.RowReader, err error) {
	err = e.f.do("query", "engine", sql[:min(20, len(sql))], func() (err error) { out, err = e.Engine.Query(ctx, sql); return err })
	if err != nil {
		if out != nil {
			out.Close()
		}
		return nil, err
	}
	return faultRows{out, e.f}, nil
}

type faultRows struct {
	engine.RowReader
	f *injector
}

func (r faultRows) Next() (out arrow.RecordBatch, err error) {
	err = r.f.do("fetch", "engine", "", func() (err error) { out, err = r.RowReader.Next(); return err })
	if err != nil {
		if out != nil {
			out.Release()
		}
		return nil, err
	}
	return out, nil
}

// later is a store some time later: its clock is ahead of what it has stamped, so that leases have expired.
type later struct {
	jobs.LakeStore
	by time.Duration
}

func (s later) Now(ctx context.Context) (time.Time, error) {
	t, err := s.LakeStore.Now(ctx)
	return t.Add(s.by), err
}
