package newfields

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/silt-etl/silt/internal/objstore"
)

// Memo is the fields that runs of a job have had, as `<job>/fields.json` of the state. Of two runs at the same time the last one wins,
// so that a field can be reported twice.
type Memo struct {
	names   names
	loaded  bool // an earlier run wrote it
	changed bool
}

// memoFile is the form in which it is stored.
type memoFile struct {
	V      int      `json:"v"`
	Fields []string `json:"fields"` // sorted
}

const memoVersion = 1

func memoKey(job string) string { return job + "/fields.json" }

// maxMemo bounds what is read of a memo.
const maxMemo = 4 << 20

// Load reads the memo of a job. There is none yet, or it is damaged: an empty one.
func Load(ctx context.Context, store objstore.Reader, job string) (*Memo, error) {
	m := &Memo{names: names{}}
	body, _, err := store.Get(ctx, memoKey(job), objstore.GetOptions{})
	if errors.Is(err, objstore.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("read which fields earlier runs had: %w", err)
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxMemo))
	if err != nil {
		return m, fmt.Errorf("read which fields earlier runs had: %w", err)
	}
	var f memoFile
	if json.Unmarshal(text, &f) != nil || f.V != memoVersion {
		return m, nil
	}
	m.loaded = true
	for _, name := range f.Fields {
		m.names[name] = true
	}
	m.names.shorten()
	return m, nil
}

// Save writes the memo of a job if it has changed.
func (m *Memo) Save(ctx context.Context, store objstore.Bucket, job string) error {
	if m.loaded && !m.changed {
		return nil
	}
	text, err := json.Marshal(memoFile{V: memoVersion, Fields: slices.Sorted(maps.Keys(m.names))})
	if err != nil {
		return err
	}
	_, err = store.Put(ctx, memoKey(job), bytes.NewReader(text), objstore.PutOptions{})
	return err
}
