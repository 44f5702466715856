// Package budget shares memory between the objects that are read at the same time: what an object itself asks for, such as the window of
// a zstd frame or the pages of a Parquet file. Records are not part of it.
//
// Invariants: all readers together have at most Pool + Most bytes, and one alone has at most Most. A reader that waits is never one that
// others wait for.
package budget

import (
	"fmt"
	"sync"
	"time"

	"github.com/silt-etl/silt/internal/human"
)

// Unlimited is what a reader without a Budget may use.
const Unlimited = 128 << 20

// waitFor is how often a reader that waits looks at whether to stop.
const waitFor = 20 * time.Millisecond

// Budget of several readers. A nil *Budget gives Unlimited to each reader.
type Budget struct {
	pool, most int64
	large      chan struct{} // holds one entry while a reader has more than the pool gives it

	mu   sync.Mutex
	used int64 // of the pool
}

// New returns a Budget. Readers share the pool. One at a time can have more, up to most bytes in all.
func New(pool, most int64) *Budget {
	return &Budget{pool: pool, most: most, large: make(chan struct{}, 1)}
}

// TooLarge says that an object needs more than a Budget has.
type TooLarge struct {
	What       string // example: a zstd window
	Need, Most int64
}

func (e *TooLarge) Error() string {
	return fmt.Sprintf("%s of %s; at most %s are possible with limits.memory", e.What, human.Size(e.Need), human.Size(e.Most))
}

// Use is what one reader uses. One goroutine uses it at a time.
type Use struct {
	b       *Budget
	stopped func() error
	held    int64 // of the pool
	large   bool
	need    int64
}

// NewUse returns the Use of a reader. stopped returns why it must not wait any longer, or nil; it may be nil itself.
func (b *Budget) NewUse(stopped func() error) *Use { return &Use{b: b, stopped: stopped} }

// Most is what a reader may use.
func (u *Use) Most() int64 {
	if u == nil || u.b == nil {
		return Unlimited
	}
	return u.b.most
}

// Need says that the reader now needs so many bytes in all. It waits until it may have them. The error is a *TooLarge with what, or that
// of stopped.
func (u *Use) Need(bytes int64, what string) error {
	if bytes > u.Most() {
		return &TooLarge{What: what, Need: bytes, Most: u.Most()}
	}
	if u == nil {
		return nil
	}
	u.need = bytes
	if u.b == nil || u.large || u.fromPool(bytes) {
		return nil
	}
	for {
		select {
		case u.b.large <- struct{}{}:
			u.fromPool(0)
			u.large = true
			return nil
		case <-time.After(waitFor):
			if u.stopped == nil {
				continue
			}
			if err := u.stopped(); err != nil {
				return err
			}
		}
	}
}

// Needs is what the reader needs at the moment.
func (u *Use) Needs() int64 {
	if u == nil {
		return 0
	}
	return u.need
}

func (u *Use) fromPool(bytes int64) bool {
	u.b.mu.Lock()
	defer u.b.mu.Unlock()
	if more := bytes - u.held; more <= 0 || u.b.used+more <= u.b.pool {
		u.b.used += more
		u.held = bytes
		return true
	}
	return false
}

// Release gives everything back. The reader can continue with another object.
func (u *Use) Release() {
	if u == nil {
		return
	}
	u.need = 0
	if u.b == nil {
		return
	}
	u.fromPool(0)
	if u.large {
		u.large = false
		<-u.b.large
	}
}
