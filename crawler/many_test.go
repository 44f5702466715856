package crawler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/silt-etl/silt/crawler"
	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// madeUp is a store that makes up the files of so many accounts, days and files a day. Each has the footer of the same file.
type madeUp struct {
	objstore.Reader
	accounts, days, files int
	file                  []byte
	gets                  atomic.Int64
	stopAfter             int64 // reads until the store breaks off; 0: never
	mu                    sync.Mutex
	listed                map[string]int // by prefix
}

func (m *madeUp) folder(account, d int) string {
	p := day(d)
	p.AccountID = fmt.Sprintf("%012d", account)
	return folder + p.Prefix()
}

func (m *madeUp) Level(_ context.Context, prefix string, _ func(objstore.Object) error) (out []string, err error) {
	for a := range m.accounts {
		for d := range m.days {
			if rest, ok := strings.CutPrefix(m.folder(a, d), prefix); ok {
				next, _, _ := strings.Cut(rest, "/")
				if f := prefix + next + "/"; !slices.Contains(out, f) {
					out = append(out, f)
				}
			}
		}
	}
	return out, nil
}

func (m *madeUp) List(ctx context.Context, o objstore.ListOptions, fn func(objstore.Object) error) error {
	m.mu.Lock()
	m.listed[o.Prefix]++
	m.mu.Unlock()
	for a := range m.accounts {
		for d := range m.days {
			f := m.folder(a, d)
			if !strings.HasPrefix(f, o.Prefix) {
				continue
			}
			for n := range m.files {
				if err := fn(objstore.Object{Key: fmt.Sprintf("%s%06d.parquet", f, n), ETag: "e", SizeBytes: int64(len(m.file))}); err != nil {
					return err
				}
			}
		}
	}
	return ctx.Err()
}

func (m *madeUp) Get(_ context.Context, _ string, o objstore.GetOptions) (io.ReadCloser, objstore.Object, error) {
	if n := m.gets.Add(1); m.stopAfter > 0 && n > m.stopAfter {
		return nil, objstore.Object{}, errStore
	}
	return io.NopCloser(bytes.NewReader(m.file[o.Offset : o.Offset+o.Length])), objstore.Object{}, nil
}

// TestManyFiles: memory does not grow with the number of files, and a crawl that is stopped halfway continues with what is left.
// SILT_SOAK has a million files.
func TestManyFiles(t *testing.T) {
	w := newWorld(t)
	m := &madeUp{Reader: w.lake, accounts: 100, days: 31, files: 4, file: w.parquetFile(version(2), row(day(0))), listed: map[string]int{}}
	if os.Getenv("SILT_SOAK") != "" {
		m.files = 330
	}
	total := int64(m.accounts * m.days * m.files)
	w.places.Lake, w.places.State = m, memstore.New("mem://state")
	m.stopAfter = total / 2
	if _, err := crawler.Compare(t.Context(), w.places, crawler.Options{OtherWriters: true}); !errors.Is(err, errStore) {
		t.Fatalf("a store that breaks off: %v", err)
	}
	first := m.gets.Load()
	m.stopAfter = 0
	var most atomic.Uint64
	done := make(chan struct{})
	go func() {
		for {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			most.Store(max(most.Load(), s.HeapAlloc))
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	begin := time.Now()
	d := w.crawl(crawler.Options{})
	close(done)
	x := d.Tables[0]
	t.Logf("%d files: %d footers before it was stopped, %d after, %s, at most %d MiB of heap", total, first, m.gets.Load()-first, time.Since(begin).Round(time.Millisecond), most.Load()>>20)
	if x.Files != total || x.Folders != m.accounts*m.days || len(w.entries()) != 1+x.Folders {
		t.Errorf("%d files in %d folders, %d entries", x.Files, x.Folders, len(w.entries()))
	}
	if again := m.gets.Load() - first; again > total*7/10 {
		t.Errorf("the second crawl read %d of %d footers again", again, total)
	}
	if most.Load() > 150<<20 {
		t.Errorf("%d MiB of heap", most.Load()>>20)
	}
	err := w.places.State.List(t.Context(), objstore.ListOptions{}, func(o objstore.Object) error { return fmt.Errorf("%s is left", o.Key) })
	if err != nil {
		t.Error(err)
	}
}
