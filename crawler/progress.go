package crawler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
)

const (
	saveEvery   = 10 * time.Second
	progressAge = 24 * time.Hour
)

// progress keeps what a crawl has seen of a table, so that a crawl that was killed continues with the prefixes that are left. It is an
// object of the state, of which nothing else depends.
type progress struct {
	store objstore.Bucket // nil: nothing is kept
	key   string

	mu    sync.Mutex
	saved time.Time
	body  progressBody
}

type progressBody struct {
	V    int             `json:"v"`
	Done map[string]bool `json:"done"` // prefixes
	Seen *seen           `json:"seen"`
	// OtherWriters and Newest are the options of the crawl.
	OtherWriters bool `json:"other_writers,omitempty"`
}

// openProgress reads what a crawl with the same options has left in the last day. What cannot be read is left out.
func openProgress(ctx context.Context, p Places, o Options, t Table) (*progress, error) {
	g := &progress{key: progressKey(p, t.Name), body: progressBody{V: 1, Done: map[string]bool{}, Seen: newSeen(), OtherWriters: o.OtherWriters}}
	if p.State == nil || o.Newest {
		return g, nil
	}
	g.store, g.saved = p.State, time.Now()
	in, at, err := p.State.Get(ctx, g.key, objstore.GetOptions{})
	if errors.Is(err, objstore.ErrNotExist) || errors.Is(err, objstore.ErrNoStore) {
		return g, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what an earlier crawl has seen: %w", err)
	}
	defer in.Close()
	now, err := p.State.Now(ctx)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read what an earlier crawl has seen: %w", err)
	}
	var b progressBody
	if json.Unmarshal(text, &b) != nil || b.V != 1 || b.Seen == nil || b.OtherWriters != o.OtherWriters || now.Sub(at.LastModified) > progressAge {
		return g, nil
	}
	g.body.Done = b.Done
	g.body.Seen.merge(b.Seen) // which numbers the schemas again
	return g, nil
}

// add notes what was seen below a prefix, and saves everything from time to time.
func (g *progress) add(ctx context.Context, prefix string, s *seen) error {
	if g.store == nil {
		return nil
	}
	for _, f := range s.Folders {
		if f.Pending > 0 { // the next crawl must look again
			return nil
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.body.Done[prefix] = true
	g.body.Seen.merge(s)
	if time.Since(g.saved) < saveEvery {
		return nil
	}
	g.saved = time.Now()
	return g.save(ctx)
}

// saveAtEnd saves what is not saved yet when a crawl is stopped.
func (g *progress) saveAtEnd(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.store == nil || len(g.body.Done) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	return g.save(ctx)
}

func (g *progress) save(ctx context.Context) error {
	text, err := json.Marshal(g.body)
	if err != nil {
		return err
	}
	if _, err := g.store.Put(ctx, g.key, bytes.NewReader(text), objstore.PutOptions{}); err != nil {
		return fmt.Errorf("save what the crawl has seen: %w", err)
	}
	return nil
}

// forget deletes what was kept, when a crawl is complete.
func forget(ctx context.Context, p Places, table string) error {
	if p.State == nil {
		return nil
	}
	return p.State.Delete(ctx, progressKey(p, table))
}

func progressKey(p Places, table string) string { return p.Job + "/crawl/" + table + ".json" }
