package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/silt-etl/silt/internal/objstore"
)

// Damaged is a lease or a run record that cannot be read. Neither stops a run: a lease counts by its age, and nothing is decided
// from a run record.
type Damaged struct {
	Key string `json:"key"`
	Why string `json:"why"`
	// Fresh says that a run may be using it: it is younger than five minutes, or its run holds a lease. Repair leaves it alone.
	Fresh bool `json:"fresh,omitempty"`

	ledger *Ledger
	run    string // of a run record
	etag   string
}

// damagedRead is how many leases, and how many run records, Damaged reads: the newest ones.
const damagedRead = 2000

// Damaged finds damaged leases and run records among the newest ones, and empty ones of any age.
func (l *Ledger) Damaged(ctx context.Context) ([]Damaged, error) {
	holders, err := l.Holders(ctx)
	if err != nil {
		return nil, err
	}
	now, err := l.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the time of the store: %w", err)
	}
	var found []Damaged
	for _, prefix := range []string{l.leasePrefix(), l.job + "/runs/"} {
		var objects []objstore.Object
		err := l.store.List(ctx, objstore.ListOptions{Prefix: prefix}, func(o objstore.Object) error {
			objects = append(objects, o)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", prefix, err)
		}
		oldest := max(0, len(objects)-damagedRead)
		objects = slices.Concat(slices.DeleteFunc(slices.Clone(objects[:oldest]), func(o objstore.Object) bool { return o.SizeBytes > 0 }), objects[oldest:])
		each := make([]Damaged, len(objects))
		err = l.each(len(objects), func(i int) (err error) {
			d := Damaged{Key: objects[i].Key, ledger: l}
			var o objstore.Object
			if prefix == l.leasePrefix() {
				var b leaseBody
				b, o, err = l.readLease(ctx, d.Key)
				d.Why = b.damage
			} else if id, what, ok := runRecord(strings.TrimPrefix(d.Key, prefix)); ok {
				d.run = id
				o, d.Why, err = l.readRun(ctx, id, what, map[string]any{"start": new(RunStart), "end": new(RunEnd)}[what])
			}
			if errors.Is(err, objstore.ErrNotExist) {
				return nil
			}
			d.etag, d.Fresh = o.ETag, now.Sub(o.LastModified) < longestExpiry || holders[d.run]
			each[i] = d
			return err
		})
		if err != nil {
			return nil, err
		}
		found = append(found, slices.DeleteFunc(each, func(d Damaged) bool { return d.Why == "" })...)
	}
	return found, nil
}

// runRecord reads the rest of a run record's key. ok is false for any other object.
func runRecord(name string) (id, what string, ok bool) {
	id, what, _ = strings.Cut(strings.TrimSuffix(name, ".json"), "/")
	return id, what, isULID(id) && (what == "start" || what == "end")
}

// Repair replaces a lease by a released one, and a start by one that says only when the run began. It deletes an end, so that the
// run counts as one that crashed. What a run has written since, or may be using, stays.
func (d Damaged) Repair(ctx context.Context) error {
	l := d.ledger
	var body any = leaseBody{V: Version, Run: l.opts.Run, Nonce: l.opts.NewID(), Released: true}
	switch {
	case d.Fresh:
		return nil
	case d.run != "" && d.Key == l.runKey(d.run, "end"):
		if err := l.store.Delete(ctx, d.Key); err != nil {
			return fmt.Errorf("delete a damaged run record: %w", err)
		}
		return nil
	case d.run != "":
		body = unknownStart(l.job, d.run)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, err = l.store.Put(ctx, d.Key, bytes.NewReader(text), objstore.PutOptions{IfMatch: d.etag})
	if err != nil && !errors.Is(err, objstore.ErrChanged) && !errors.Is(err, objstore.ErrNotExist) {
		return fmt.Errorf("replace a damaged object: %w", err)
	}
	return nil
}

// unknownStart is what a run's ID alone tells of its start.
func unknownStart(job, run string) RunStart {
	s := RunStart{V: Version, Run: run, Job: job, Trigger: "UNKNOWN", Command: "unknown"}
	if id, err := ulid.ParseStrict(run); err == nil {
		s.Started = ulid.Time(id.Time()).UTC()
	}
	return s
}

// damageOf decodes an object for people, and says in a few words why it cannot be: "" if it can.
func damageOf(text []byte, into any) string {
	if len(bytes.TrimSpace(text)) == 0 {
		return "it is empty"
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(into); err != nil {
		return "it is not JSON of the right form: " + err.Error()
	}
	return ""
}

// ageOf is an object's age by its store's clock.
func ageOf(ctx context.Context, store objstore.Bucket, o objstore.Object) (time.Duration, error) {
	now, err := store.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the time of the store: %w", err)
	}
	return now.Sub(o.LastModified), nil
}
