package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/silt-etl/silt/internal/ledger/holder"
	"github.com/silt-etl/silt/internal/objstore"
)

// LeaseReplay is the name of the lease that a replay holds, so that one replay works at a time. All other leases are named by the
// manifest of the plan that is worked on.
const LeaseReplay = "replay"

// Lease on a plan. It only saves work: two holders cost processor time, never rows, so nothing that decides looks at one.
// Its age is the store's clock less the object's last-modified time; no local clock takes part.
//
// A lease names its own expiry, so that runs of other versions or with other settings do not take it over early or late, and the
// process that holds it, so that the next run takes it over at once if that process has certainly ended.
type Lease struct {
	l    *Ledger
	key  string
	stop context.CancelFunc // ends the renewal
	done chan struct{}      // closed when the renewal has ended

	mu   sync.Mutex
	body leaseBody
	etag string
}

type leaseBody struct {
	V        int    `json:"v"`
	Run      string `json:"run"`
	Nonce    string `json:"nonce"` // of this holding: whose an object is, when the answer to a write was lost
	Renewals int    `json:"renewals"`
	Released bool   `json:"released,omitempty"`
	// Expiry is how long after its last renewal the lease counts, in milliseconds. Versions that did not write it renewed each
	// minute, and their leases count for longestExpiry.
	Expiry int64         `json:"expiry_ms,omitempty"`
	Holder holder.Holder `json:"holder,omitzero"`

	damage string // why the object could not be read as a lease; "": it could
}

// longestExpiry is how long a lease counts that does not name its expiry, or is damaged. No lease counts for longer.
const longestExpiry = 5 * time.Minute

// expiry is how long the lease counts after it was written.
func (b *leaseBody) expiry() time.Duration {
	if b.damage != "" || b.Expiry <= 0 || b.Expiry > longestExpiry.Milliseconds() {
		return longestExpiry
	}
	return time.Duration(b.Expiry) * time.Millisecond
}

// ended says whether nobody holds a lease any more, whatever its age: it was released, its process has ended, or it is one that this
// process left behind.
func (b *leaseBody) ended(by *Options) bool {
	return b.Released || slices.Contains(by.Former, b.Run) || b.Holder.Ended(by.Holder)
}

// maxLease bounds what is read of a lease.
const maxLease = 64 << 10

// HeldError is ErrHeld with who holds the lease and for how long it has not been renewed.
type HeldError struct {
	Name, Run string // Run is empty if the lease is damaged
	Age       time.Duration
	Damage    string // why the lease cannot be read; "": it can
	Expiry    time.Duration
}

func (e *HeldError) Error() string {
	if e.Damage != "" {
		return fmt.Sprintf("%v: the lease of %s is damaged (%s) and was written %s ago, so its holder is unknown. Try: again in %s, when the lease has expired",
			ErrHeld, e.Name, e.Damage, e.Age.Round(time.Second), (e.Expiry - e.Age).Round(time.Second))
	}
	return fmt.Sprintf("%v: run %s holds %s and renewed it %s ago. Try: wait until that run ends, or until its lease expires (in %s); etl run, replay and backfill wait with --wait 10m",
		ErrHeld, e.Run, e.Name, e.Age.Round(time.Second), (e.Expiry - e.Age).Round(time.Second))
}

func (e *HeldError) Unwrap() error { return ErrHeld }

func (l *Ledger) leasePrefix() string { return l.job + "/leases/" }

// Lease takes a lease and renews it in the background until Release or the end of ctx. ErrHeld (a *HeldError): another run
// holds it. A lease that this run itself left behind is taken over, and so is one whose process has ended.
func (l *Ledger) Lease(ctx context.Context, name string) (*Lease, error) {
	if l.opts.Run == "" {
		return nil, errors.New("the ledger is open for reading only, so it cannot hold a lease")
	}
	if name != LeaseReplay && !isULID(name) {
		return nil, fmt.Errorf("lease %q: the name must be the ID of a plan", name)
	}
	le := &Lease{l: l, key: l.leasePrefix() + name + ".json", done: make(chan struct{}),
		body: leaseBody{V: Version, Run: l.opts.Run, Nonce: l.opts.NewID(), Expiry: l.opts.LeaseExpiry.Milliseconds(), Holder: l.opts.Holder}}
	put := objstore.PutOptions{IfAbsent: true}
	found, o, err := l.readLease(ctx, le.key)
	if err == nil {
		age, err := ageOf(ctx, l.store, o)
		if err != nil {
			return nil, err
		}
		if found.Run != l.opts.Run && age < found.expiry() && !found.ended(&l.opts) {
			return nil, &HeldError{Name: name, Run: found.Run, Age: age, Damage: found.damage, Expiry: found.expiry()}
		}
		if found.damage != "" && l.opts.Warn != nil {
			l.opts.Warn(fmt.Sprintf("the lease %s/%s was damaged (%s) and expired, so this run replaced it", l.store, le.key, found.damage))
		}
		put = objstore.PutOptions{IfMatch: o.ETag}
	} else if !errors.Is(err, objstore.ErrNotExist) {
		return nil, fmt.Errorf("read lease: %w", err)
	}
	if err := le.put(ctx, put); err != nil {
		if ctx.Err() != nil {
			le.giveUp(ctx)
		}
		return nil, err
	}
	ctx, le.stop = context.WithCancel(ctx)
	go le.renew(ctx)
	return le, nil
}

// giveUp lets the next run in at once where a stop came while the lease was being written: it may be there although no answer was
// heard. What cannot be done in two seconds is left to the lease's expiry.
func (le *Lease) giveUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	b, o, err := le.l.readLease(ctx, le.key)
	if err != nil || b.damage != "" || b.Nonce != le.body.Nonce {
		return
	}
	b.Released = true
	if text, err := json.Marshal(&b); err == nil {
		_, _ = le.l.store.Put(ctx, le.key, bytesBody(text)(), objstore.PutOptions{IfMatch: o.ETag}) // else it expires
	}
}

// readLease reads a lease. One that is not a lease is not an error: its body says so, and only its age counts.
func (l *Ledger) readLease(ctx context.Context, key string) (leaseBody, objstore.Object, error) {
	var b leaseBody
	in, o, err := l.store.Get(ctx, key, objstore.GetOptions{})
	if err != nil {
		return b, o, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxLease))
	if err != nil {
		return b, o, fmt.Errorf("lease %s/%s: %w", l.store, key, err)
	}
	damage := damageOf(text, &b)
	if damage == "" && b.Run == "" {
		damage = "it names no run"
	}
	if damage != "" {
		b = leaseBody{damage: damage}
	}
	return b, o, nil
}

// put writes the body on a condition. When the condition fails the object is read: after a lost answer it may be our own.
func (le *Lease) put(ctx context.Context, opts objstore.PutOptions) error {
	le.mu.Lock()
	defer le.mu.Unlock()
	text, err := json.Marshal(&le.body)
	if err != nil {
		return err
	}
	return le.l.retry(ctx, le.key, func() (bool, error) {
		o, err := le.l.store.Put(ctx, le.key, bytesBody(text)(), opts)
		if err == nil {
			le.etag = o.ETag
			return true, nil
		}
		if !errors.Is(err, objstore.ErrExists) && !errors.Is(err, objstore.ErrChanged) {
			return false, err
		}
		b, o, err := le.l.readLease(ctx, le.key)
		if err != nil {
			return false, err
		}
		if b == le.body {
			le.etag = o.ETag
			return true, nil
		}
		if b.Nonce == le.body.Nonce && opts.IfMatch != "" {
			opts.IfMatch = o.ETag // an earlier renewal whose answer was lost for good
			return false, errors.New("the lease has an earlier renewal of this run")
		}
		if b.damage != "" && le.etag != "" { // damaged while this run holds it
			opts.IfMatch = o.ETag
			return false, fmt.Errorf("the lease is damaged: %s", b.damage)
		}
		return true, &HeldError{Name: le.key, Run: b.Run, Damage: b.damage, Expiry: b.expiry()}
	})
}

func (le *Lease) renew(ctx context.Context) {
	defer close(le.done)
	tick := time.NewTicker(le.l.opts.LeaseRenew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// A renewal that fails for another reason is tried again at the next tick: until the expiry nobody takes the lease.
		if err := le.renewOnce(ctx); errors.Is(err, ErrHeld) {
			return // the holder can continue: it can lose, but it cannot do harm
		}
	}
}

func (le *Lease) renewOnce(ctx context.Context) error {
	le.mu.Lock()
	le.body.Renewals++
	match := le.etag
	le.mu.Unlock()
	return le.put(ctx, objstore.PutOptions{IfMatch: match})
}

// Release ends the renewal, so that the next run does not have to wait. A lease that another run has taken is not an error.
func (le *Lease) Release(ctx context.Context) error {
	le.stop()
	<-le.done
	le.mu.Lock()
	le.body.Released = true
	le.mu.Unlock()
	if err := le.renewOnce(ctx); err != nil && !errors.Is(err, ErrHeld) {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}

// Holders are the runs that hold a lease of this job which has not expired, and whose process may be alive. A run at its start rolls forward the entries of
// those that are not among them.
func (l *Ledger) Holders(ctx context.Context) (map[string]bool, error) {
	leases, err := l.Leases(ctx)
	if err != nil {
		return nil, err
	}
	runs := map[string]bool{}
	for name, run := range leases {
		if run != "" {
			runs[run] = true
		} else if l.opts.Warn != nil {
			l.opts.Warn(fmt.Sprintf("the lease %s/%s%s.json is damaged, so its holder is unknown. Try: etl doctor --fix, %s after the lease was written",
				l.store, l.leasePrefix(), name, longestExpiry))
		}
	}
	return runs, nil
}

// Leases returns the runs that hold a lease which has not expired, and whose process may be alive, by the name of the lease. The run
// of a damaged lease is "".
func (l *Ledger) Leases(ctx context.Context) (map[string]string, error) {
	now, err := l.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the time of the store: %w", err)
	}
	var fresh []string // the keys of old leases stay, one for each plan: only young ones are read
	err = l.store.List(ctx, objstore.ListOptions{Prefix: l.leasePrefix()}, func(o objstore.Object) error {
		if now.Sub(o.LastModified) < longestExpiry {
			fresh = append(fresh, o.Key)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	leases := map[string]string{}
	for _, key := range fresh {
		b, o, err := l.readLease(ctx, key)
		if errors.Is(err, objstore.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if now.Sub(o.LastModified) < b.expiry() && !b.ended(&l.opts) {
			leases[strings.TrimSuffix(strings.TrimPrefix(key, l.leasePrefix()), ".json")] = b.Run
		}
	}
	return leases, nil
}
