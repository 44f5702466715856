package dirstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
)

func open(t *testing.T, cfg dirstore.Config) *dirstore.Store {
	t.Helper()
	s, err := dirstore.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSuite(t *testing.T) {
	objstoretest.Run(t, func(t *testing.T) objstore.Bucket { return open(t, dirstore.Config{Root: t.TempDir()}) })
}

// TestSuiteTwoStores alternates between two stores of one folder, as two processes would use it: nothing may be decided
// by a lock in memory.
func TestSuiteTwoStores(t *testing.T) {
	objstoretest.Run(t, func(t *testing.T) objstore.Bucket {
		base := t.TempDir()
		cfg := dirstore.Config{Root: filepath.Join(base, "lake"), HeldDir: filepath.Join(base, "held"), Create: true, HideSilt: true}
		return &twoStores{Store: open(t, cfg), other: open(t, cfg)}
	})
}

type twoStores struct {
	*dirstore.Store
	other *dirstore.Store
	n     atomic.Int64
}

func (s *twoStores) next() *dirstore.Store {
	if s.n.Add(1)%2 == 0 {
		return s.other
	}
	return s.Store
}

func (s *twoStores) Put(ctx context.Context, key string, r io.Reader, opts objstore.PutOptions) (objstore.Object, error) {
	return s.next().Put(ctx, key, r, opts)
}

func (s *twoStores) Publish(ctx context.Context, h objstore.Held) error {
	return s.next().Publish(ctx, h)
}

func keys(t *testing.T, s objstore.Reader, opts objstore.ListOptions) []string {
	t.Helper()
	out := []string{}
	if err := s.List(t.Context(), opts, func(o objstore.Object) error {
		out = append(out, o.Key)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func file(t *testing.T, root, name, body string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(body), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func TestBadKeys(t *testing.T) {
	root := t.TempDir()
	s := open(t, dirstore.Config{Root: filepath.Join(root, "in"), Create: true})
	file(t, root, "secret", "x")
	for _, key := range []string{"", "/abs", "../secret", "a/../../secret", "a//b", "a/", "./a", "a/.", "nul\x00", ".silt-tmp/x",
		".silt/held/0123/k", ".silt-tmp", ".."} {
		if _, _, err := s.Get(t.Context(), key, objstore.GetOptions{}); err == nil || errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("get %q: %v", key, err)
		}
		if _, err := s.Put(t.Context(), key, strings.NewReader("x"), objstore.PutOptions{}); err == nil {
			t.Errorf("put %q went through", key)
		}
		if err := s.Delete(t.Context(), key); err == nil {
			t.Errorf("delete %q went through", key)
		}
		if _, err := s.Hold(t.Context(), key, strings.NewReader("x"), 1); err == nil {
			t.Errorf("hold %q went through", key)
		}
		if err := s.Publish(t.Context(), objstore.Held{Key: key, UploadID: strings.Repeat("0", 32)}); err == nil || errors.Is(err, objstore.ErrNotHeld) {
			t.Errorf("publish %q: %v", key, err)
		}
	}
	for _, id := range []string{"", "..", "../../secret", strings.Repeat("z", 32)} {
		err := s.Publish(t.Context(), objstore.Held{Key: "k", UploadID: id})
		if !errors.Is(err, objstore.ErrNotHeld) {
			t.Errorf("publish of id %q: %v", id, err)
		}
	}
	for _, prefix := range []string{"../", "/", "a//", "../secret", ".silt-tmp/"} {
		if got := keys(t, s, objstore.ListOptions{Prefix: prefix}); len(got) != 0 {
			t.Errorf("list %q left the root: %q", prefix, got)
		}
		if got, err := s.Folders(t.Context(), prefix); err != nil || len(got) != 0 {
			t.Errorf("folders of %q: %q, %v", prefix, got, err)
		}
	}
}

func TestNoStore(t *testing.T) {
	root := filepath.Join(t.TempDir(), "lake")
	if _, err := dirstore.Open(dirstore.Config{Root: root}); !errors.Is(err, objstore.ErrNoStore) || !strings.Contains(err.Error(), root) {
		t.Errorf("open of a folder that is not there: %v", err)
	}
	s := open(t, dirstore.Config{Root: root, Create: true})
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	_, headErr := s.Head(t.Context(), "k")
	_, _, getErr := s.Get(t.Context(), "k", objstore.GetOptions{})
	_, putErr := s.Put(t.Context(), "a/b", strings.NewReader("x"), objstore.PutOptions{})
	_, foldersErr := s.Folders(t.Context(), "")
	_, heldErr := s.HeldList(t.Context(), "")
	_, holdErr := s.Hold(t.Context(), "k", strings.NewReader("x"), 1)
	for op, err := range map[string]error{
		"list":    s.List(t.Context(), objstore.ListOptions{}, func(objstore.Object) error { return nil }),
		"folders": foldersErr, "head": headErr, "get": getErr, "put": putErr, "held-list": heldErr, "hold": holdErr,
		"delete": s.Delete(t.Context(), "k"),
	} {
		if !errors.Is(err, objstore.ErrNoStore) {
			t.Errorf("%s in a folder that went away: %v", op, err)
		}
	}
	if _, err := os.Stat(root); !os.IsNotExist(err) {
		t.Errorf("a write made the root again: %v", err)
	}
	file(t, root, "f", "x")
	if _, err := dirstore.Open(dirstore.Config{Root: filepath.Join(root, "f")}); !errors.Is(err, objstore.ErrNoStore) {
		t.Errorf("open of a file: %v", err)
	}
}

func TestSymlinks(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	file(t, root, "a/real", "real")
	file(t, outside, "day/x", "far away")
	for name, target := range map[string]string{
		"a/link": "real", "a/loop": ".", "a/up": "..", "self": "self", "dangling": "nowhere", "far": outside,
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "a/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dirstore.Config{Root: root})
	if got, want := keys(t, s, objstore.ListOptions{}), []string{"a/link", "a/real", "far/day/x"}; !slices.Equal(got, want) {
		t.Errorf("list = %q, want %q", got, want)
	}
	for _, key := range []string{"self", "dangling", "a/pipe", "a/loop"} {
		if _, _, err := s.Get(t.Context(), key, objstore.GetOptions{}); !errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("get %s: %v", key, err)
		}
	}
	r, obj, err := s.Get(t.Context(), "a/link", objstore.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if body, err := io.ReadAll(r); err != nil || string(body) != "real" || obj.SizeBytes != 4 {
		t.Errorf("through a link: %q, %+v, %v", body, obj, err)
	}
}

func TestHideSilt(t *testing.T) {
	root := t.TempDir()
	file(t, root, ".silt/job/ledger/1.json", "{}")
	file(t, root, "ext/.silt-old/x", "")
	file(t, root, "ext/a.parquet", "")
	file(t, root, ".silty", "")
	all := []string{".silt/job/ledger/1.json", ".silty", "ext/.silt-old/x", "ext/a.parquet"}
	if got := keys(t, open(t, dirstore.Config{Root: root}), objstore.ListOptions{}); !slices.Equal(got, all) {
		t.Errorf("shown: %q", got)
	}
	hiding := open(t, dirstore.Config{Root: root, HideSilt: true})
	if got := keys(t, hiding, objstore.ListOptions{}); !slices.Equal(got, []string{".silty", "ext/a.parquet"}) {
		t.Errorf("with HideSilt: %q", got)
	}
	if got := keys(t, hiding, objstore.ListOptions{Prefix: ".silt/job/"}); len(got) != 0 {
		t.Errorf("with HideSilt, asked for: %q", got)
	}
	state := open(t, dirstore.Config{Root: filepath.Join(root, ".silt"), HideSilt: true})
	if got := keys(t, state, objstore.ListOptions{}); !slices.Equal(got, []string{"job/ledger/1.json"}) {
		t.Errorf("a store rooted inside .silt: %q", got)
	}
}

func TestChangedWhileRead(t *testing.T) {
	root := t.TempDir()
	s := open(t, dirstore.Config{Root: root})
	for name, change := range map[string]func(path string) error{
		"appended": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("more")
			return errors.Join(err, f.Close())
		},
		"cut":       func(path string) error { return os.Truncate(path, 10) },
		"rewritten": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("b"), 1000), 0o644) },
	} {
		file(t, root, name, strings.Repeat("a", 1000))
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(filepath.Join(root, name), old, old); err != nil {
			t.Fatal(err)
		}
		r, _, err := s.Get(t.Context(), name, objstore.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if err := change(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, objstore.ErrChanged) {
			t.Errorf("a file %s while being read: %v", name, err)
		}
		r.Close()
	}
	// A replaced one is read to its end: the reader has the version it was promised.
	if _, err := s.Put(t.Context(), "k", strings.NewReader("one"), objstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Get(t.Context(), "k", objstore.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := s.Put(t.Context(), "k", strings.NewReader("two"), objstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(r); err != nil || string(body) != "one" {
		t.Errorf("a replaced file: %q, %v", body, err)
	}
}

// TestPublishInterrupted: a crash between the link and the unlink of a publish leaves a file with both names.
func TestPublishInterrupted(t *testing.T) {
	root := t.TempDir()
	s := open(t, dirstore.Config{Root: root})
	h, err := s.Hold(t.Context(), "a/k", strings.NewReader("held"), 4)
	if err != nil {
		t.Fatal(err)
	}
	file(t, root, "a/other", "")
	if err := os.Link(filepath.Join(root, ".silt/held", h.UploadID, "a/k"), filepath.Join(root, "a/k")); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), h); err != nil {
		t.Errorf("publish again: %v", err)
	}
	if held, err := s.HeldList(t.Context(), ""); err != nil || len(held) != 0 {
		t.Errorf("still held: %+v, %v", held, err)
	}
	if got := keys(t, s, objstore.ListOptions{}); !slices.Equal(got, []string{"a/k", "a/other"}) {
		t.Errorf("list = %q", got)
	}
}

// TestMatchTogether lets writers wait for the lock with everything else done, and continue at the same moment.
func TestMatchTogether(t *testing.T) {
	const writers = 20
	root := t.TempDir()
	s := open(t, dirstore.Config{Root: root})
	for round := range 5 {
		base, err := s.Put(t.Context(), "k", strings.NewReader("base"), objstore.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		lock, err := os.OpenFile(filepath.Join(root, ".silt-tmp", "lock"), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				_, err := s.Put(t.Context(), "k", strings.NewReader("next"), objstore.PutOptions{IfMatch: base.ETag})
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, objstore.ErrChanged) {
					t.Error(err)
				}
			})
		}
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if ready, err := filepath.Glob(filepath.Join(root, ".silt-tmp", "put-*")); err == nil && len(ready) == writers {
				break
			}
		}
		time.Sleep(20 * time.Millisecond)
		lock.Close()
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d of %d writers replaced one version", round, won.Load(), writers)
		}
	}
}

// TestNoEmptyFoldersStay: a folder is only there for what is in it.
func TestNoEmptyFoldersStay(t *testing.T) {
	root := t.TempDir()
	s := open(t, dirstore.Config{Root: root})
	for _, key := range []string{"a/b/c/k", "a/k"} {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x"), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	h, err := s.Hold(t.Context(), "d/e/k", strings.NewReader("x"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Delete(t.Context(), "a/b/c/k"), s.Drop(t.Context(), h)); err != nil {
		t.Fatal(err)
	}
	for path, there := range map[string]bool{"a/b": false, "a": true, "d": false, ".silt/held/" + h.UploadID: false} {
		if _, err := os.Stat(filepath.Join(root, path)); (err == nil) != there {
			t.Errorf("%s: %v, want it there %t", path, err, there)
		}
	}
	if err := s.Delete(t.Context(), "a/k"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root); err != nil {
		t.Errorf("the root went away with its last object: %v", err)
	}
}

func TestFileOrFolder(t *testing.T) {
	s := open(t, dirstore.Config{Root: t.TempDir()})
	for _, key := range []string{"a", "b/c"} {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x"), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for key, opts := range map[string]objstore.PutOptions{"a/b": {}, "b": {IfAbsent: true}} {
		_, err := s.Put(t.Context(), key, strings.NewReader("x"), opts)
		if err == nil || errors.Is(err, objstore.ErrExists) || !strings.Contains(err.Error(), "both a file and a folder") {
			t.Errorf("put %s: %v", key, err)
		}
	}
}

func TestLeftoversAreSwept(t *testing.T) {
	root := t.TempDir()
	file(t, root, ".silt-tmp/put-old", "x")
	file(t, root, ".silt-tmp/put-new", "x")
	old := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(filepath.Join(root, ".silt-tmp/put-old"), old, old); err != nil {
		t.Fatal(err)
	}
	s := open(t, dirstore.Config{Root: root})
	if _, err := s.Put(t.Context(), "k", strings.NewReader("x"), objstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(root, ".silt-tmp", "put-*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "put-new" {
		t.Errorf("left in .silt-tmp: %q, %v", left, err)
	}
}

func TestListIsLazy(t *testing.T) {
	root := t.TempDir()
	objstoretest.WriteMany(t, root, 100, 1000)
	s := open(t, dirstore.Config{Root: root})
	list := func(limit int) (n int, last string) {
		stop := errors.New("enough")
		if err := s.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error {
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
	if n, _ := list(0); n != 100_000 {
		t.Errorf("listed %d of 100,000", n)
	}
	// One folder of the hundred is read, so the allocations are those of its thousand names, not of 100,000.
	if allocs := testing.AllocsPerRun(1, func() { list(10) }); allocs > 10_000 {
		t.Errorf("the first ten keys took %.0f allocations", allocs)
	}
}
