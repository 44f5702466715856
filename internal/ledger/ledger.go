package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/ledger/holder"
	"github.com/silt-etl/silt/internal/objstore"
)

// Options of a Ledger.
type Options struct {
	// Run is the ULID of the run (or other command) that writes. Empty: reading only.
	Run string
	// Former are runs of this process that have ended for certain: leases they could not release are not theirs any more.
	Former []string
	// Parallel is how many requests a fold or a roll-forward has under way. 0: 16.
	Parallel int
	// Tries is how often a request whose outcome is unknown is sent in all. 0: 6.
	Tries int
	// RetryDelay is the wait before the second try; it doubles. 0: 200 ms.
	RetryDelay time.Duration
	// Holder is this process, as leases and runs name it. Empty: its leases end by release or expiry only, and it sees other
	// processes end by nothing else.
	Holder holder.Holder
	// LeaseExpiry is the age at which a lease of this run counts for nothing. 0: 60 s. The most: 5 minutes.
	LeaseExpiry time.Duration
	// LeaseRenew is how often a held lease is renewed. 0: a sixth of LeaseExpiry.
	LeaseRenew time.Duration
	// WatermarkPrefix says to which prefix of staging a key's watermark belongs. nil: one watermark, of prefix "".
	WatermarkPrefix func(key string) string
	// TempDir is where a fold keeps who has which object, about 50 bytes for each. "": the system's.
	TempDir string
	// Entries is how many objects are kept in memory before they go to files. 0: index.DefaultLimit.
	Entries int
	// MarksBy names what WatermarkPrefix depends on, as the job's key pattern: a checkpoint made with another has no marks for
	// this one.
	MarksBy string
	// CheckpointEntries and CheckpointObjects are how much more than the last checkpoint makes another one due. 0: 100 entries
	// or 25,000 objects.
	CheckpointEntries, CheckpointObjects int
	// NoCheckpoints folds all entries.
	NoCheckpoints bool
	// StrayAge is how old a checkpoint's part without a head must be to be removed. 0: a day.
	StrayAge time.Duration
	// Warn receives what a person should know and what stops nothing (example: a damaged checkpoint). It may be nil. It must not call
	// the Ledger.
	Warn func(text string)
	// NewID gives ULIDs for nonces. nil: ulid.Make.
	NewID func() string
}

// Ledger of one job. All methods may be called from many goroutines at once; writes of one Ledger wait for each other.
type Ledger struct {
	store objstore.Bucket
	job   string
	opts  Options

	mu      sync.Mutex // held by folds and writes
	st      *State
	stored  stored
	unknown map[string]bool // attempts whose commit may or may not be in: nothing of theirs may be dropped
}

// Open gives the ledger of a job below a state store. It reads nothing.
func Open(store objstore.Bucket, job string, opts Options) (*Ledger, error) {
	if job == "" || strings.ContainsAny(job, "/\\\x00") || job == "." || job == ".." {
		return nil, fmt.Errorf("job name %q cannot be part of a key", job)
	}
	if opts.Run != "" && !isULID(opts.Run) {
		return nil, fmt.Errorf("run ID %q is not a ULID", opts.Run)
	}
	if opts.Parallel <= 0 {
		opts.Parallel = 16
	}
	if opts.Tries <= 0 {
		opts.Tries = 6
	}
	if opts.RetryDelay <= 0 {
		opts.RetryDelay = 200 * time.Millisecond
	}
	if opts.LeaseExpiry <= 0 {
		opts.LeaseExpiry = time.Minute
	}
	opts.LeaseExpiry = min(opts.LeaseExpiry, longestExpiry)
	if opts.LeaseRenew <= 0 {
		opts.LeaseRenew = opts.LeaseExpiry / 6
	}
	if opts.CheckpointEntries <= 0 {
		opts.CheckpointEntries = 100
	}
	if opts.CheckpointObjects <= 0 {
		opts.CheckpointObjects = 25_000
	}
	if opts.StrayAge <= 0 {
		opts.StrayAge = strayAge
	}
	if opts.WatermarkPrefix == nil {
		opts.WatermarkPrefix = func(string) string { return "" }
	}
	if opts.NewID == nil {
		opts.NewID = func() string { return ulid.Make().String() }
	}
	return &Ledger{store: store, job: job, opts: opts, st: newState(opts.TempDir, opts.Entries), unknown: map[string]bool{},
		stored: stored{bad: map[string]bool{}}}, nil
}

// String names the ledger for people.
func (l *Ledger) String() string { return l.store.String() + "/" + l.ledgerPrefix() }

func (l *Ledger) ledgerPrefix() string { return l.job + "/ledger/" }
func (l *Ledger) entryKey(seq uint64) string {
	return fmt.Sprintf("%s%020d.json", l.ledgerPrefix(), seq)
}
func (l *Ledger) manifestKey(id string) string { return l.job + "/manifests/" + id + ".json" }
func (l *Ledger) seqOf(key string) (uint64, bool) {
	return parseSeq(strings.TrimPrefix(key, l.ledgerPrefix()))
}

func parseSeq(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".json")
	if !ok || len(digits) != 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

func (l *Ledger) read(ctx context.Context, key string) ([]byte, error) {
	in, _, err := l.store.Get(ctx, key, objstore.GetOptions{})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(in)
}

// Entry reads one entry.
func (l *Ledger) Entry(ctx context.Context, seq uint64) (Entry, error) {
	text, err := l.read(ctx, l.entryKey(seq))
	if err != nil {
		return Entry{}, fmt.Errorf("read ledger entry %d: %w", seq, err)
	}
	e, err := DecodeEntry(text)
	if err == nil && e.Seq != seq {
		err = fmt.Errorf("%w: its content has number %d", ErrCorrupt, e.Seq)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("ledger entry %s/%s: %w", l.store, l.entryKey(seq), err)
	}
	return e, nil
}

// retry sends a request again until its outcome is known. It returns ErrUnknown if that stays unknown.
func (l *Ledger) retry(ctx context.Context, what string, send func() (known bool, err error)) error {
	delay := l.opts.RetryDelay
	for try := 1; ; try++ {
		known, err := send()
		if known {
			return err
		}
		if try == 1 && ctx.Err() == nil && final(ctx, err) {
			return fmt.Errorf("write %s/%s: %w", l.store, what, err) // refused, so it did not happen
		}
		if try >= l.opts.Tries || final(ctx, err) {
			return fmt.Errorf("write %s/%s: %w: %w", l.store, what, ErrUnknown, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("write %s/%s: %w: %w", l.store, what, ErrUnknown, ctx.Err())
		case <-time.After(delay):
			delay *= 2
		}
	}
}

// create writes a key that nobody else writes. A key that is there with these very bytes was written by an earlier try.
func (l *Ledger) create(ctx context.Context, key string, body func() io.Reader, sum string) error {
	return l.retry(ctx, key, func() (bool, error) {
		r := body()
		_, err := l.store.Put(ctx, key, r, objstore.PutOptions{IfAbsent: true})
		if c, ok := r.(io.Closer); ok {
			c.Close() // a store that stopped reading must not leave the writer of a pipe behind
		}
		if !errors.Is(err, objstore.ErrExists) {
			return err == nil, err
		}
		in, _, err := l.store.Get(ctx, key, objstore.GetOptions{})
		if err != nil {
			return false, err
		}
		defer in.Close()
		same, err := equalSum(in, sum)
		if err != nil {
			return false, err
		}
		if !same {
			return true, fmt.Errorf("write %s/%s: %w with other content; IDs must be new", l.store, key, objstore.ErrExists)
		}
		return true, nil
	})
}

// putEntry tries to win the entry's number. Not won and no error: somebody else has it.
func (l *Ledger) putEntry(ctx context.Context, e *Entry) (won bool, err error) {
	text, err := json.Marshal(e)
	if err != nil {
		return false, err
	}
	key := l.entryKey(e.Seq)
	err = l.retry(ctx, key, func() (bool, error) {
		_, err := l.store.Put(ctx, key, bytesBody(text)(), objstore.PutOptions{IfAbsent: true})
		if err == nil {
			won = true
			return true, nil
		}
		if !errors.Is(err, objstore.ErrExists) {
			return false, err
		}
		winner, err := l.Entry(ctx, e.Seq)
		if errors.Is(err, ErrNewer) || errors.Is(err, ErrCorrupt) {
			return true, err // not ours: ours can be read
		}
		if err != nil {
			return false, err
		}
		won = winner.Nonce == e.Nonce
		return true, nil
	})
	return won, err
}

// write appends an entry. Before each try, decide sees the fold that the entry is decided from and may change the entry; its
// error ends the write. When another entry wins the number, the ledger is folded to its end and decide is asked again.
//
// rolled are put into the entry's done field as far as they still hold. The caller holds l.mu.
func (l *Ledger) write(ctx context.Context, rec *record, rolled []Rolled, decide func(*State, *Entry) error) (Entry, error) {
	if l.opts.Run == "" {
		return Entry{}, errors.New("the ledger is open for reading only, so it cannot write")
	}
	e := &rec.entry
	e.V, e.Nonce, e.Run = Version, l.opts.NewID(), l.opts.Run
	for {
		if err := decide(l.st, e); err != nil {
			return Entry{}, err
		}
		e.Seq = l.st.Seq() + 1
		e.Done = l.st.stillRolled(rolled)
		if e.Kind == KindDone && len(e.Done) == 0 {
			return Entry{}, ErrMoved
		}
		if err := e.validate(); err != nil {
			return Entry{}, fmt.Errorf("refused to write a %s entry: %w", e.Kind, err)
		}
		if err := l.st.check(rec); err != nil {
			return Entry{}, fmt.Errorf("refused to write a %s entry: %w", e.Kind, err)
		}
		won, err := l.putEntry(ctx, e)
		if err != nil {
			return Entry{}, err
		}
		if err := l.fold(ctx); err != nil {
			if won {
				err = fmt.Errorf("entry %d is written, but cannot be read back: %w", e.Seq, err)
			}
			return *e, err
		}
		if won {
			return *e, nil
		}
	}
}
