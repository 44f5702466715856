// Package restore asks a store to restore archived objects, and finds out when they can be read.
//
// A listing of staging says which objects are archived, and shows each of them to See. S3 shows the status of a restore in listings; of a
// server that does not, Look asks for the objects one by one.
package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/report"
)

const (
	parallel = 16
	// chunk is how many objects See gathers before it asks for them.
	chunk = 1000
	// maxFailures is how many requests in a row can fail before no more are sent.
	maxFailures = 20
)

// ErrNotAsked says that objects could not be asked for.
var ErrNotAsked = errors.New("archived objects could not be restored")

// Check returns what is wrong with a tier and a number of days.
func Check(o objstore.RestoreOptions) error {
	switch o.Tier {
	case objstore.TierExpedited, objstore.TierStandard, objstore.TierBulk:
	default:
		return fmt.Errorf("--restore: %q is not a tier (example: Standard; or Expedited, Bulk)", o.Tier)
	}
	if o.Days < 1 || o.Days > maxDays {
		return fmt.Errorf("--restore %s needs --days, from 1 to %d: how long the restored copies stay readable (example: --days 3)", o.Tier, maxDays)
	}
	return nil
}

const maxDays = 10_000

// Takes says how long S3 takes for a restore of a tier.
func Takes(tier string) string {
	switch tier {
	case objstore.TierExpedited:
		return "1 to 5 minutes"
	case objstore.TierBulk:
		return "5 to 12 hours (DEEP_ARCHIVE: up to 48 hours)"
	}
	return "3 to 5 hours (DEEP_ARCHIVE: up to 12 hours)"
}

// version identifies one version of an object in few bytes, since there may be millions.
type version [16]byte

func versionOf(o objstore.Object) version {
	sum := sha256.Sum256([]byte(o.Key + "\x00" + o.ETag))
	return version(sum[:16])
}

// Requests are those of one command.
type Requests struct {
	Store   objstore.Reader
	Options objstore.RestoreOptions

	mu       sync.Mutex
	asked    map[version]int64 // what is being restored, with its size
	restored map[version]int64 // what was asked for and can be read now, with its size
	readable map[version]bool  // a listing says that it is archived, and the store says that it can be read
	seen     []objstore.Object // since the last request
	started  int
	row      int // failures in a row
	failed   int
	failure  error // the first one
}

// Readable says that an object which a listing calls archived can be read.
func (r *Requests) Readable(o objstore.Object) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readable[versionOf(o)]
}

// Restored says that an object was being restored and can be read now, as a Look since the last call of Loaded has found.
func (r *Requests) Restored(o objstore.Object) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.restored[versionOf(o)]
	return ok
}

// RestoredBytes is the size of all objects that are Restored.
func (r *Requests) RestoredBytes() (sum int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, size := range r.restored {
		sum += size
	}
	return sum
}

// Loaded says that what is Restored was loaded.
func (r *Requests) Loaded() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restored = nil
}

// See asks to restore an archived object, together with others: Flush asks for the rest.
func (r *Requests) See(ctx context.Context, o objstore.Object) error {
	if r.seen = append(r.seen, o); len(r.seen) < chunk {
		return nil
	}
	return r.Flush(ctx)
}

// Flush asks for the objects that See has gathered. It returns an error only if ctx has ended.
func (r *Requests) Flush(ctx context.Context) error {
	seen := r.seen
	r.seen = nil
	return each(ctx, seen, r.ask)
}

// each calls fn for objects, several at the same time.
func each(ctx context.Context, objects []objstore.Object, fn func(context.Context, objstore.Object)) error {
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, o := range objects {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			fn(ctx, o)
		})
	}
	wg.Wait()
	return ctx.Err()
}

// ask sends the request for one object, unless it is being restored already.
func (r *Requests) ask(ctx context.Context, o objstore.Object) {
	r.mu.Lock()
	id := versionOf(o)
	_, had := r.asked[id]
	if o.Restoring() && !had {
		r.note(id, o.SizeBytes)
	}
	skip := had || o.Restoring() || r.readable[id] || r.row >= maxFailures
	if skip && !had && !o.Restoring() && !r.readable[id] {
		r.failed++ // it is not even tried
	}
	r.mu.Unlock()
	if skip {
		return
	}
	options := r.Options
	if o.StorageClass == objstore.ClassIntelligentTiering {
		options.Days = 0
	}
	answer, err := objstore.RestoreAnswer(0), error(nil)
	if restorer, ok := r.Store.(objstore.Restorer); ok {
		answer, err = restorer.Restore(ctx, o.Key, options)
	} else {
		err = fmt.Errorf("%s does not archive objects", r.Store)
	}
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, objstore.ErrNotExist): // deleted in the meantime
	case err != nil:
		r.failed++
		if r.row++; r.failure == nil {
			r.failure = err
		}
		return
	case answer == objstore.RestoreDone:
		r.canRead(id)
	default:
		if answer == objstore.RestoreStarted {
			r.started++
		}
		r.note(id, o.SizeBytes)
	}
	r.row = 0
}

// note remembers an object that is being restored.
func (r *Requests) note(id version, size int64) {
	if r.asked == nil {
		r.asked = map[version]int64{}
	}
	r.asked[id] = size
}

func (r *Requests) canRead(id version) {
	if r.readable == nil {
		r.readable = map[version]bool{}
	}
	r.readable[id] = true
}

// Known asks to restore objects that only a read has shown to be archived, if they are still the same version.
func (r *Requests) Known(ctx context.Context, objects []objstore.Object) error {
	return each(ctx, objects, func(ctx context.Context, o objstore.Object) {
		now, err := r.Store.Head(ctx, o.Key)
		if err == nil && now.ETag == o.ETag && (now.Archived() || now.StorageClass == objstore.ClassIntelligentTiering) {
			r.ask(ctx, now)
		}
	})
}

// Look finds out what is still being restored of the objects that were asked for.
type Look struct {
	r       *Requests
	unknown []objstore.Object // the listing does not say whether they are being restored
	pending map[version]int64
}

// Look begins a look: a listing shows each object of the range to See, and Done ends it.
func (r *Requests) Look() *Look {
	return &Look{r: r, pending: map[version]int64{}}
}

// See notes an object that no run has taken. archived: the listing calls it archived, and it is not Readable.
func (l *Look) See(o objstore.Object, archived bool) {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	id := versionOf(o)
	_, asked := l.r.asked[id]
	switch {
	case o.Restoring():
		l.pending[id] = o.SizeBytes
	case asked && (archived || o.StorageClass == objstore.ClassIntelligentTiering):
		l.unknown = append(l.unknown, o)
	case asked:
		l.r.isRestored(id, o.SizeBytes)
	}
}

func (r *Requests) isRestored(id version, size int64) {
	if r.restored == nil {
		r.restored = map[version]int64{}
	}
	r.restored[id] = size
}

// Done asks for what the listing does not tell, and keeps what is still being restored.
func (l *Look) Done(ctx context.Context) error {
	err := each(ctx, l.unknown, func(ctx context.Context, o objstore.Object) {
		now, err := l.r.Store.Head(ctx, o.Key)
		l.r.mu.Lock()
		defer l.r.mu.Unlock()
		id := versionOf(o)
		switch {
		case errors.Is(err, objstore.ErrNotExist), err == nil && now.ETag != o.ETag: // deleted or overwritten
		case err == nil && !now.Archived():
			l.r.canRead(id)
			l.r.isRestored(id, o.SizeBytes)
		default:
			l.pending[id] = o.SizeBytes
		}
	})
	if err != nil {
		return err
	}
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	l.r.asked = l.pending
	return nil
}

// Pending is how many objects are being restored.
func (r *Requests) Pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

// Report is for the summary of the run.
func (r *Requests) Report() *report.Restores {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &report.Restores{Tier: r.Options.Tier, Days: r.Options.Days, Takes: Takes(r.Options.Tier), Started: r.started, InProgress: len(r.asked), Failed: r.failed}
	for _, size := range r.asked {
		out.SizeBytes += size
	}
	return out
}

// Err is ErrNotAsked if requests have failed.
func (r *Requests) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == 0 {
		return nil
	}
	return fmt.Errorf("%w: requests for %s failed; the first: %w", ErrNotAsked, human.Plural(int64(r.failed), "object"), r.failure)
}

// Pause is how long a command waits before its next look, if the last pause was long.
func Pause(last, first time.Duration) time.Duration {
	const most = 5 * time.Minute
	if last == 0 {
		return first
	}
	return max(first, min(2*last, most))
}
