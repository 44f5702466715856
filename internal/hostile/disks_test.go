package hostile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/jobs"
)

// disk fails one write of the lake or the state, and no other.
type disk struct {
	at     int64
	how    error
	writes atomic.Int64
}

// fails says that this write is the one, after it has consumed half of the content.
func (d *disk) fails(content io.Reader, size int64) error {
	if d.writes.Add(1)-1 != d.at {
		return nil
	}
	_, _ = io.CopyN(io.Discard, content, size/2)
	return objstore.Fail("write", "disk", "", d.how, "")
}

type failingState struct {
	objstore.Bucket
	disk *disk
}

func (s failingState) Put(ctx context.Context, key string, r io.Reader, o objstore.PutOptions) (objstore.Object, error) {
	if err := s.disk.fails(r, 100); err != nil {
		return objstore.Object{}, err
	}
	return s.Bucket.Put(ctx, key, r, o)
}

type failingLake struct {
	jobs.LakeStore
	disk *disk
}

func (l failingLake) Hold(ctx context.Context, key string, r io.ReaderAt, size int64) (objstore.Held, error) {
	if err := l.disk.fails(io.NewSectionReader(r, 0, size), size); err != nil {
		return objstore.Held{}, err
	}
	return l.LakeStore.Hold(ctx, key, r, size)
}

func (l failingLake) Publish(ctx context.Context, h objstore.Held) error {
	if err := l.disk.fails(nil, 0); err != nil {
		return err
	}
	return l.LakeStore.Publish(ctx, h)
}

// TestFailingDisks: at whichever write of the lake or the state the disk is full or broken, the run says so in one line or succeeds all
// the same, and the next run completes the work.
func TestFailingDisks(t *testing.T) {
	for _, how := range []error{syscall.ENOSPC, syscall.EIO} {
		t.Run(how.Error(), func(t *testing.T) {
			cases := 0
			for at := int64(0); ; at += int64(size(3, 1)) {
				w := newWorld(t)
				w.put("second.log", []byte(ten(100)+"broken\n"))
				w.wants(100, 10)
				d := &disk{at: at, how: how}
				w.wrap = func(r *jobs.Runner) {
					r.State = failingState{r.State, d}
					r.Lake = failingLake{r.Lake, d}
				}
				sum, err := w.run()
				if d.writes.Load() <= at {
					if err != nil {
						t.Errorf("a run without a fault: %v", err)
					}
					break
				}
				if err != nil && !errors.Is(err, how) {
					t.Errorf("write %d: the error does not say why: %v", at, err)
				}
				if err == nil && sum.Records.Published != 20 {
					t.Errorf("write %d: the run succeeded with %+v", at, sum.Records)
				}
				w.wrap = nil
				if _, err := w.run(); err != nil {
					t.Errorf("write %d: the next run: %v", at, err)
				}
				w.settled()
				cases++
			}
			if cases < 3 {
				t.Errorf("a run had %d writes", cases)
			}
			t.Logf("%s: %d cases", how, cases)
		})
	}
}

// TestNoTemp: a run whose temp folder cannot be written says so in one line, and the next run does the work.
func TestNoTemp(t *testing.T) {
	w := newWorld(t)
	for _, dir := range []string{"/proc/self", w.dir + "/nowhere", "/dev/full"} {
		w.spec.Limits.TempDir = dir
		if _, err := w.run(); err == nil {
			t.Errorf("%s: no error", dir)
		} else if msg := fmt.Sprint(err); len(msg) > 500 {
			t.Errorf("%s: the error is long: %s", dir, msg)
		}
	}
	w.spec.Limits.TempDir = ""
	w.done()
}
