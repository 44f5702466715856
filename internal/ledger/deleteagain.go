package ledger

import (
	"context"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
)

// deadKept is how long a run deletes again what died. A store that finishes a publication after the file was dropped and
// deleted does so within seconds; the rest is for runs that come once a night.
const deadKept = 7 * 24 * time.Hour

// maxDeadAgain bounds what one run deletes again, the newest first.
const maxDeadAgain = 5000

// death is a file of the lake that an entry removed. at is the time in the entry's nonce, by its writer's clock: it only
// bounds work, since a dead file may be deleted at any time.
type death struct {
	at  time.Time
	seq uint64
	key string
}

// rememberDeaths keeps what an entry removes, and forgets what died long before it.
func (s *State) rememberDeaths(e *Entry, removes []fileRef) {
	id, err := ulid.ParseStrict(e.Nonce)
	if err != nil {
		return
	}
	at := ulid.Time(id.Time())
	s.died = slices.DeleteFunc(s.died, func(d death) bool { return at.Sub(d.at) > deadKept })
	for _, f := range removes {
		s.died = append(s.died, death{at, e.Seq, f.key})
	}
}

// DeleteAgain deletes what died in the last 7 days of the ledger and was deleted before. It catches a request that the store
// finished late: a publication that was under way while its file was dropped and deleted. It returns how many keys it deleted.
func (l *Ledger) DeleteAgain(ctx context.Context, lake Lake) (int, error) {
	st, err := l.Fold(ctx)
	if err != nil {
		return 0, err
	}
	var keys []string
	st.mu.RLock()
	for _, d := range slices.Backward(st.died) {
		if len(keys) == maxDeadAgain {
			break
		}
		// What is not rolled forward is deleted in its order; a dead file cannot be live again, but asking costs nothing.
		if _, todo := st.rolling[d.seq]; !todo && st.live[d.key] == 0 {
			keys = append(keys, d.key)
		}
	}
	st.mu.RUnlock()
	return len(keys), l.each(len(keys), func(i int) error { return lake.Delete(ctx, keys[i]) })
}
