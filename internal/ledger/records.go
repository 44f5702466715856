package ledger

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/objstore"
)

// AttemptObject is an object in the state that belongs to one attempt: its record, or a quarantine file.
type AttemptObject struct {
	Key     string
	Batch   string // ULID of the first batch that the attempt moves; of a quarantine file, the batch of its records
	Attempt string // ULID
	Base    uint64 // of a record: the entry that had last moved the batch when the attempt began
}

// AttemptRecords lists the records of all attempts, in the order of their keys. Objects with other names are left out.
func (l *Ledger) AttemptRecords(ctx context.Context) ([]AttemptObject, error) {
	var out []AttemptObject
	prefix := l.job + "/attempts/"
	err := l.store.List(ctx, objstore.ListOptions{Prefix: prefix}, func(o objstore.Object) error {
		p := strings.Split(strings.TrimPrefix(o.Key, prefix), "/")
		if len(p) != 3 {
			return nil
		}
		base, okBase := parseSeq(p[1] + ".json")
		id, okName := strings.CutSuffix(p[2], ".json")
		if okBase && okName && isULID(p[0]) && isULID(id) {
			out = append(out, AttemptObject{o.Key, p[0], id, base})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list attempt records: %w", err)
	}
	return out, nil
}

// QuarantineFiles lists the quarantine files of all attempts, in the order of their keys. Objects with other names are left out.
func (l *Ledger) QuarantineFiles(ctx context.Context) ([]AttemptObject, error) {
	var out []AttemptObject
	err := l.store.List(ctx, objstore.ListOptions{Prefix: l.job + "/quarantine/"}, func(o objstore.Object) error {
		f := AttemptObject{Key: o.Key, Batch: path.Base(path.Dir(o.Key)), Attempt: strings.TrimSuffix(path.Base(o.Key), ".parquet")}
		if isULID(f.Batch) && isULID(f.Attempt) && l.QuarantineKey(f.Batch, f.Attempt) == o.Key {
			out = append(out, f)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list quarantine: %w", err)
	}
	return out, nil
}

// ReadAttempt reads a record that AttemptRecords listed. No entry pins its bytes, so nothing may be committed from it. It is nil
// if the object does not hold the attempt that its key names. objstore.ErrNotExist: it was deleted since.
func (l *Ledger) ReadAttempt(ctx context.Context, o AttemptObject) (*Attempt, error) {
	text, err := l.read(ctx, o.Key)
	if err != nil {
		return nil, fmt.Errorf("read attempt record: %w", err)
	}
	if a, err := decodeAttempt(text); err == nil && a.ID == o.Attempt {
		return a, nil
	}
	return nil, nil
}

// DeleteAttemptObject deletes a record or a quarantine file that the ledger does not need. The caller has found out that no entry
// names it.
func (l *Ledger) DeleteAttemptObject(ctx context.Context, o AttemptObject) error {
	if err := l.store.Delete(ctx, o.Key); err != nil {
		return fmt.Errorf("delete %s: %w", o.Key, err)
	}
	return nil
}

// NamedAttempts returns the attempts that entries named at a batch, by their ULIDs. It reads the entries that moved the batch, from
// the last one back.
func (l *Ledger) NamedAttempts(ctx context.Context, b Batch) (map[string]*AttemptRef, error) {
	named := map[string]*AttemptRef{}
	for seq := b.Base; seq != 0; {
		e, err := l.Entry(ctx, seq)
		if err != nil {
			return nil, err
		}
		if e.Kind == KindCommit {
			named[strings.TrimSuffix(path.Base(e.Attempt.Key), ".json")] = e.Attempt
		}
		i := slices.IndexFunc(e.Moves, func(m Move) bool { return m.Batch == b.ID })
		if seq = 0; i >= 0 { // the plan that opened the batch moves nothing
			seq = e.Moves[i].Base
		}
	}
	return named, nil
}

// LiveFiles returns the keys of all live files of the lake, in order.
func (s *State) LiveFiles() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]string, 0, len(s.live))
	for k := range s.live {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
