package recheck

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/internal/objstore"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
)

// TestIsDue: whenever runs start, each folder is due once a week.
func TestIsDue(t *testing.T) {
	began := time.Date(2026, 11, 29, 23, 59, 30, 0, time.UTC)
	for _, every := range []time.Duration{time.Minute, 7 * time.Hour, 24 * time.Hour, 100 * time.Hour} {
		due := map[string]int{}
		since, now := began, began
		for weeks := range 3 {
			for now.Before(began.Add(time.Duration(weeks+1) * Round)) {
				now = now.Add(every)
				for i := range 50 {
					if folder := fmt.Sprintf("edge/2025/%02d/", i); IsDue(folder, since, now) {
						due[folder]++
					}
				}
				since = now
			}
		}
		for folder, n := range due {
			if n < 3 || n > 4 {
				t.Errorf("runs every %s: %s was due %d times in three weeks", every, folder, n)
			}
		}
		if len(due) != 50 {
			t.Errorf("runs every %s: %d of 50 folders were due", every, len(due))
		}
	}
	if !IsDue("x/", time.Time{}, began) || !IsDue("x/", began, began.Add(Round)) || IsDue("x/", began, began) {
		t.Error("without an earlier run, or a week after it, everything is due; at the same time nothing is")
	}
}

// TestDraw: runs draw different folders, and each is drawn some time.
func TestDraw(t *testing.T) {
	var folders []string
	for i := range 100 {
		folders = append(folders, fmt.Sprint(i))
	}
	if got := Draw(folders, 100, "run"); len(got) != 100 {
		t.Errorf("%d of 100", len(got))
	}
	drawn := map[string]bool{}
	for run := range 60 {
		got := Draw(folders, 10, fmt.Sprint("run ", run))
		if len(got) != 10 {
			t.Fatalf("%d were drawn", len(got))
		}
		for _, f := range got {
			drawn[f] = true
		}
	}
	if len(drawn) < 95 {
		t.Errorf("60 runs drew %d of 100 folders", len(drawn))
	}
	if RoundOf(100, 2000, 7) != Round || RoundOf(28000, 2000, 7) != 2*Round {
		t.Errorf("a round takes %s and %s", RoundOf(100, 2000, 7), RoundOf(28000, 2000, 7))
	}
}

// TestMemo: a memo is read as it was written; a damaged one is empty.
func TestMemo(t *testing.T) {
	store := memstore.New("mem://state")
	m, err := Load(t.Context(), store, "job")
	if err != nil || !m.Until.IsZero() {
		t.Fatalf("%+v, %v", m, err)
	}
	day := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	m.Until = day
	m.Waiting = map[string]time.Time{"edge/": day}
	if err := m.Save(t.Context(), store, "job"); err != nil {
		t.Fatal(err)
	}
	m, err = Load(t.Context(), store, "job")
	if err != nil || !m.Until.Equal(day) || len(m.Waiting) != 1 || !m.Waiting["edge/"].Equal(day) {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, text := range []string{"", "{", `{"v":1,"until":"yesterday"}`, `{"v":2}`, "null"} {
		if _, err := store.Put(t.Context(), "job/listing.json", strings.NewReader(text), objstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if m, err := Load(t.Context(), store, "job"); err != nil || !m.Until.IsZero() || m.Waiting != nil {
			t.Errorf("%s: %+v, %v", text, m, err)
		}
	}
}
