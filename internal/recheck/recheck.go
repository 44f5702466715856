// Package recheck finds again what listings leave out. A run does not list folders of days before the lookback; this package chooses the
// ones that a run lists nevertheless, so that each is listed once a week, and keeps what runs tell each other about listings.
//
// Nothing depends on it but what is listed in addition: if the memo is lost or damaged, objects are found later, at most a week.
package recheck

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
)

// Round is how long it takes until each folder was due once.
const Round = 7 * 24 * time.Hour

// Memo is what a run leaves for the next one, as `<job>/listing.json` of the state. Of two runs at the same time the last one wins.
type Memo struct {
	V int `json:"v"`
	// Until: folders whose minute came before this time were listed.
	Until time.Time `json:"until,omitzero"`
	// Waiting has (see staging.Listing), by folder of dated folders, the earliest day with an object that was left for the next run.
	Waiting map[string]time.Time `json:"waiting,omitempty"`
}

const memoVersion = 1

func memoKey(job string) string { return job + "/listing.json" }

// maxMemo bounds what is read of a memo.
const maxMemo = 64 << 20

// Load reads the memo of a job. There is none yet, or it is damaged: an empty one, and every folder is due.
func Load(ctx context.Context, store objstore.Reader, job string) (Memo, error) {
	body, _, err := store.Get(ctx, memoKey(job), objstore.GetOptions{})
	if errors.Is(err, objstore.ErrNotExist) {
		return Memo{}, nil
	}
	if err != nil {
		return Memo{}, fmt.Errorf("read what earlier runs have listed: %w", err)
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxMemo))
	if err != nil {
		return Memo{}, fmt.Errorf("read what earlier runs have listed: %w", err)
	}
	var m Memo
	if json.Unmarshal(text, &m) != nil || m.V != memoVersion {
		return Memo{}, nil
	}
	return m, nil
}

// Save writes the memo of a job.
func (m Memo) Save(ctx context.Context, store objstore.Bucket, job string) error {
	m.V = memoVersion
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = store.Put(ctx, memoKey(job), bytes.NewReader(text), objstore.PutOptions{})
	return err
}

// minute is that of the week in which a folder is due.
func minute(folder string) time.Duration {
	sum := sha256.Sum256([]byte(folder))
	return time.Duration(binary.BigEndian.Uint64(sum[:8])%uint64(Round/time.Minute)) * time.Minute
}

// IsDue says whether the minute of a folder came after since, and not after now. Without since every folder is due.
func IsDue(folder string, since, now time.Time) bool {
	if since.IsZero() || now.Sub(since) >= Round {
		return true
	}
	at := now.Truncate(Round).Add(minute(folder)) // of this week, which begins where Truncate says
	if at.After(now) {
		at = at.Add(-Round)
	}
	return at.After(since)
}

// Draw keeps at most a number of folders. Which ones depends on the run, so that each is drawn some time.
func Draw(folders []string, most int, run string) []string {
	if len(folders) <= most {
		return folders
	}
	lot := func(folder string) [32]byte { return sha256.Sum256([]byte(run + "\x00" + folder)) }
	lots := make(map[string][32]byte, len(folders))
	for _, f := range folders {
		lots[f] = lot(f)
	}
	out := slices.Clone(folders)
	slices.SortFunc(out, func(a, b string) int { x, y := lots[a], lots[b]; return bytes.Compare(x[:], y[:]) })
	return out[:most]
}

// RoundOf is how long a full round takes: a week, or longer if runs do not list as many folders as are due. runs is how many runs there
// are in a week.
func RoundOf(folders, most int, runs float64) time.Duration {
	weeks := 1.0
	if per := float64(most) * runs; per > 0 {
		weeks = max(weeks, float64(folders)/per)
	}
	return time.Duration(weeks * float64(Round))
}
