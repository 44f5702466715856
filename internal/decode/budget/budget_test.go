package budget

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// TestTooLarge: what the budget cannot give is refused at once, and a reader without a budget has a bound too.
func TestTooLarge(t *testing.T) {
	var none *Budget
	for _, c := range []struct {
		u    *Use
		need int64
		ok   bool
	}{{New(10, 20).NewUse(nil), 20, true}, {New(10, 20).NewUse(nil), 21, false}, {none.NewUse(nil), Unlimited, true}, {none.NewUse(nil), Unlimited + 1, false}, {nil, Unlimited + 1, false}} {
		err := c.u.Need(c.need, "a thing")
		if _, large := errors.AsType[*TooLarge](err); large == c.ok || (err == nil) != c.ok {
			t.Errorf("%d: %v", c.need, err)
		}
		c.u.Release()
	}
}

// TestNeverMore: readers that grow step by step never have more together than the budget, and all of them end.
func TestNeverMore(t *testing.T) {
	const pool, most = 100, 150
	b := New(pool, most)
	var now, large atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				u := b.NewUse(nil)
				has := int64(0)
				for need := int64(10); need <= most; need += 35 {
					if err := u.Need(need, "x"); err != nil {
						t.Error(err)
					}
					if sum := now.Add(need - has); sum > pool+most {
						t.Errorf("%d in use", sum)
					}
					has = need
				}
				if large.Add(1) > 1 {
					t.Error("two large readers at once")
				}
				large.Add(-1)
				now.Add(-has)
				u.Release()
			}
		})
	}
	wg.Wait()
	if b.used != 0 || len(b.large) != 0 {
		t.Errorf("%d of the pool and %d large readers are left", b.used, len(b.large))
	}
}

// TestStopWaiting: a reader that waits ends when it has to stop.
func TestStopWaiting(t *testing.T) {
	b, stop := New(1, 10), errors.New("stopped")
	first, second := b.NewUse(nil), b.NewUse(func() error { return stop })
	if err := first.Need(5, "x"); err != nil {
		t.Fatal(err)
	}
	if err := second.Need(5, "x"); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	first.Release()
	if err := second.Need(5, "x"); err != nil {
		t.Errorf("after the release: %v", err)
	}
}
