package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/sql/sqlgen"
)

func show(checks []Check) string {
	var b strings.Builder
	for _, c := range checks {
		b.WriteString(c.String() + "\n")
	}
	return b.String()
}

func keys(t *testing.T, s objstore.Reader) (out []string) {
	t.Helper()
	if err := s.List(context.Background(), objstore.ListOptions{}, func(o objstore.Object) error { out = append(out, o.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGoodStatePassesAndIsLeftClean(t *testing.T) {
	s := memstore.New("mem")
	checks := State(context.Background(), s, "job/", "hold copies")
	if len(checks) != 6 || Failed(checks) {
		t.Errorf("checks are\n%s", show(checks))
	}
	for _, c := range checks {
		if c.Status != OK {
			t.Error(c)
		}
	}
	held, err := s.HeldList(context.Background(), "")
	if left := keys(t, s); len(left) > 0 || len(held) > 0 || err != nil {
		t.Errorf("left %q and held %v, %v", left, held, err)
	}
}

// odd is a store that breaks one promise.
type odd struct {
	*memstore.Store
	ignoreAbsent, ignoreMatch, publishAnything, publishDropped, revive bool
	denyDelete                                                         bool

	kept map[string][]byte
}

func (o *odd) Put(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (objstore.Object, error) {
	if o.ignoreAbsent {
		opts.IfAbsent = false
	}
	if o.ignoreMatch {
		opts.IfMatch = ""
	}
	return o.Store.Put(ctx, key, r, opts)
}

func (o *odd) Hold(ctx context.Context, key string, r io.ReaderAt, n int64) (objstore.Held, error) {
	h, err := o.Store.Hold(ctx, key, r, n)
	text, _ := io.ReadAll(io.NewSectionReader(r, 0, n))
	if o.kept == nil {
		o.kept = map[string][]byte{}
	}
	o.kept[h.UploadID] = text
	return h, err
}

func (o *odd) Publish(ctx context.Context, h objstore.Held) error {
	err := o.Store.Publish(ctx, h)
	if errors.Is(err, objstore.ErrExists) && o.publishAnything || errors.Is(err, objstore.ErrNotHeld) && (o.publishDropped && strings.HasSuffix(h.Key, "-dropped") || o.revive && strings.HasSuffix(h.Key, "-published")) {
		_, err = o.Store.Put(ctx, h.Key, bytes.NewReader(o.kept[h.UploadID]), objstore.PutOptions{})
	}
	return err
}

func (o *odd) Delete(ctx context.Context, key string) error {
	if o.denyDelete {
		return objstore.Fail("delete", "odd", key, objstore.ErrDenied, "")
	}
	return o.Store.Delete(ctx, key)
}

func TestBrokenPromisesAreFound(t *testing.T) {
	for _, c := range []struct {
		name string
		s    *odd
		want string
	}{
		{"create-only is ignored", &odd{ignoreAbsent: true}, "FAIL create-only writes: a second create of the same key went through"},
		{"If-Match is ignored", &odd{ignoreMatch: true}, "FAIL conditional writes: a replace of a version that is gone went through"},
		{"publishing replaces", &odd{publishAnything: true}, "warn create-only publishing: a held file replaced an object that was there; keys are an attempt's own, so no run does that; hold copies"},
		{"a dropped file comes back", &odd{publishDropped: true}, "FAIL dropped files: a file that was dropped could be published afterwards; hold copies"},
		{"a deleted file comes back", &odd{revive: true}, "FAIL deleted files: publishing again brought a deleted file back; hold copies"},
		{"nothing may be deleted", &odd{denyDelete: true}, "warn cleaning up: job/doctor/"},
	} {
		c.s.Store = memstore.New("mem")
		got := show(State(context.Background(), c.s, "job/", "hold copies"))
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: checks are\n%s", c.name, got)
		}
		if left := keys(t, c.s); len(left) > 0 && !c.s.denyDelete {
			t.Errorf("%s: left %q", c.name, left)
		}
	}
}

func TestDeniedStateIsOneFailure(t *testing.T) {
	s := memstore.New("mem")
	s.SetHooks(func(op, key string) error {
		if op == "put" {
			return fmt.Errorf("%w: AccessDenied: kms: not allowed", objstore.ErrDenied)
		}
		return nil
	}, nil)
	checks := State(context.Background(), s, "job/", "hold copies")
	if len(checks) != 1 || checks[0].Status != Fail || !strings.Contains(checks[0].Todo, "kms:GenerateDataKey") {
		t.Errorf("checks are\n%s", show(checks))
	}
}

func TestLakeIsTriedUnseen(t *testing.T) {
	ctx := context.Background()
	s := memstore.New("mem")
	var seen []string
	s.SetHooks(nil, func(op, key string) error {
		seen = append(seen, op)
		return nil
	})
	if checks := Lake(ctx, s, nil, "ext/x/"); len(checks) != 1 || checks[0].Status != OK {
		t.Errorf("checks are\n%s", show(checks))
	}
	if held, _ := s.HeldList(ctx, ""); len(held) > 0 || strings.Join(seen, " ") != "hold drop held-list" {
		t.Errorf("did %q, left %v", seen, held)
	}
	s.SetHooks(func(op, key string) error {
		if op == "drop" {
			return objstore.ErrDenied
		}
		return nil
	}, nil)
	if checks := Lake(ctx, s, nil, "ext/x/"); len(checks) != 1 || checks[0].Status != Warn || !strings.Contains(checks[0].Todo, "s3:AbortMultipartUpload") {
		t.Errorf("checks are\n%s", show(checks))
	}
	if checks := Lake(ctx, s, s, "ext/x/"); !Failed(checks) || !strings.Contains(show(checks), "lake.delete_role_arn needs s3:AbortMultipartUpload and s3:DeleteObject") {
		t.Errorf("a delete role that may not: checks are\n%s", show(checks))
	}
	s.SetHooks(nil, nil)
	if checks := Lake(ctx, s, s, "ext/x/"); Failed(checks) || !strings.Contains(show(checks), "ok   deleting: held files can be dropped, and files be deleted") {
		t.Errorf("a delete role: checks are\n%s", show(checks))
	}
}

func TestStaging(t *testing.T) {
	ctx := context.Background()
	s := memstore.New("mem")
	if got := show(Staging(ctx, s, nil, nil)); got != "warn staging: mem can be listed and is empty; check source.staging, should there be logs already\n" {
		t.Error(got)
	}
	for _, k := range []string{"a/readme.txt", "a/x.log.gz", "a/y.log.gz"} {
		if _, err := s.Put(ctx, k, strings.NewReader("x"), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := show(Staging(ctx, s, []string{"**/*.gz"}, []string{"**/y*"})); got != "ok   staging: mem can be listed and read; a run takes 1 of the 3 objects\n" {
		t.Error(got)
	}
	if got := show(Staging(ctx, s, []string{"b/**"}, nil)); !strings.HasPrefix(got, "warn staging: source.include and source.exclude take none of the 3 objects") {
		t.Error(got)
	}
	s.SetHooks(func(op, key string) error {
		if op == "get" {
			return objstore.ErrDenied
		}
		return nil
	}, nil)
	if got := show(Staging(ctx, s, nil, nil)); !strings.HasPrefix(got, "FAIL staging: ") || !strings.Contains(got, "access denied") {
		t.Error(got)
	}
}

func TestClock(t *testing.T) {
	s := memstore.New("mem")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for skew, want := range map[time.Duration]Status{time.Second: OK, -5 * time.Minute: Warn, time.Hour: Warn} {
		s.SetNow(now.Add(skew))
		if c := Clock(context.Background(), s, func() time.Time { return now }); c.Status != want {
			t.Errorf("%s: %s", skew, c)
		}
	}
}

func TestCatalog(t *testing.T) {
	ctx := context.Background()
	compiled := &sqlgen.Compiled{Projections: []sqlgen.Projection{{Class: "network_activity", Schema: lake.Schema{Class: "network_activity",
		Columns: []*lake.Node{{Name: "time", Kind: lake.Int64}, {Name: "app_name", Kind: lake.String}}}}}}
	targets := map[string]lake.Target{"network_activity": {Table: "t", Folder: "ext/x/"}}
	location := func(folder string) string { return "/lake/" + folder }
	for _, c := range []struct {
		name string
		have *catalog.Table
		glue bool
		want string
	}{
		{"no table", nil, false, "ok   table t: not there yet; the first run makes it"},
		{"no table in Glue", nil, true, "warn catalog writes: not tried, since Glue has no dry run; a run needs glue:CreateTable"},
		{"the same", &catalog.Table{Columns: []catalog.Column{{Name: "time", Type: "bigint"}, {Name: "app_name", Type: "string"}}}, false, "ok   table t: 2 columns, as the mapping gives them"},
		{"grows", &catalog.Table{Columns: []catalog.Column{{Name: "time", Type: "bigint"}}}, true, "ok   table t: 1 columns; the next run adds to them (2 then)"},
		{"another type", &catalog.Table{Columns: []catalog.Column{{Name: "time", Type: "string"}}}, false, "FAIL table t: a column would change its type: time is string"},
		{"elsewhere", &catalog.Table{Location: "/other/ext/x/", Columns: []catalog.Column{{Name: "time", Type: "bigint"}}}, false, "warn table t: it lies at /other/ext/x/, this job writes to /lake/ext/x/"},
	} {
		cat, err := local.Open(t.TempDir(), "db")
		if err != nil {
			t.Fatal(err)
		}
		if c.have != nil {
			c.have.Name = "t"
			if c.have.Location == "" {
				c.have.Location = "/lake/ext/x/"
			}
			if _, err := cat.EnsureTable(ctx, *c.have); err != nil {
				t.Fatal(err)
			}
		}
		if got := show(Catalog(ctx, cat, compiled, targets, location, c.glue)); !strings.Contains(got, c.want) {
			t.Errorf("%s: checks are\n%s", c.name, got)
		}
		if c.have == nil {
			if names, err := cat.Tables(ctx); err != nil || len(names) > 0 {
				t.Errorf("%s: made %q, %v", c.name, names, err)
			}
		}
	}
}

func TestMemory(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(limit int64, want string) {
		t.Helper()
		if got := Memory(root, limit).String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	check(1<<30, "warn memory: how much there is is not known")
	write("proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 1 kB\n")
	check(4<<30, "ok   memory: limits.memory is 4.0 GiB, this machine has 8.0 GiB")
	check(8<<30, "warn memory: limits.memory is 8.0 GiB, this machine has 8.0 GiB: little")
	write("sys/fs/cgroup/memory.max", "max\n")
	check(4<<30, "ok   memory: limits.memory is 4.0 GiB, this machine has 8.0 GiB")
	write("sys/fs/cgroup/memory.max", "2147483648\n")
	check(4<<30, "FAIL memory: limits.memory is 4.0 GiB, this container is allowed 2.0 GiB")
}

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	for batch, want := range map[int64]string{1 << 20: "ok   disk: ", 1 << 60: "warn disk: "} {
		if got := Disk(dir, batch).String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := Disk(filepath.Join(dir, "nowhere"), 1).String(); !strings.HasPrefix(got, "FAIL disk: ") || !strings.Contains(got, "limits.temp_dir") {
		t.Error(got)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}
