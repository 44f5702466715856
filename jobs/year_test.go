package jobs_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// yearWorld is a job of CEF lines whose only time is that of an RFC 3164 header.
func yearWorld(t *testing.T) *world {
	w := newWorld(t, "max_quarantine_ratio: 1")
	w.spec.Source.Include, w.spec.Source.KeyPattern, w.spec.Mapping = []string{"**"}, "", "cef"
	return w
}

func headerLine(at, name string) string {
	return at + " gw1 CEF:0|Acme|Gate|1|7|" + name + "|5|src=10.0.0.1 dst=198.51.100.2 dpt=443 proto=tcp act=allow"
}

// putAt stages an object that was last modified at a time.
func (w *world) putAt(name string, modified time.Time, lines ...string) {
	w.t.Helper()
	w.put(name, gz(lines...))
	if err := os.Chtimes(filepath.Join(w.dir, "staging", name), modified, modified); err != nil {
		w.t.Fatal(err)
	}
}

// yearRunner runs the shipped mapping. later: records of that name match no SELECT yet.
func (w *world) yearRunner(later bool) *jobs.Runner {
	w.t.Helper()
	r := w.runner()
	m, err := mappings.Load("cef")
	if err != nil {
		w.t.Fatal(err)
	}
	if later {
		files := maps.Clone(m.Files)
		files["network_activity.sql"] = strings.Replace(files["network_activity.sql"], "\nWHERE (", "\nWHERE name <> 'later' AND (", 1)
		if m, err = mappings.LoadFiles(m.Name, files); err != nil {
			w.t.Fatal(err)
		}
	}
	r.Mapping = m
	return r
}

// days are the event days that the lake has files for.
func (w *world) days() string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.dir, "lake/ext/*/*/region=*/accountId=*/eventDay=*/*.parquet"))
	if err != nil {
		w.t.Fatal(err)
	}
	var days []string
	for _, f := range found {
		days = append(days, strings.TrimPrefix(filepath.Base(filepath.Dir(f)), "eventDay="))
	}
	return strings.Join(days, " ")
}

// The year of a header comes from when the object was last modified, and a replay gives the same year, because the manifest says
// when that was.
func TestYearOfModification(t *testing.T) {
	w := yearWorld(t)
	w.putAt("a.gz", time.Date(2019, 1, 2, 3, 0, 0, 0, time.UTC), headerLine("Dec 27 11:07:55", "now"), headerLine("Dec 28 11:07:55", "later"))
	sum, err := w.yearRunner(true).Run(context.Background(), jobs.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(sum.Records.Published, sum.Records.Quarantined, " "+w.days()); got != "1 1 20181227" {
		t.Fatalf("published, quarantined and days: %s", got)
	}
	// the file is copied to another place and back
	today := time.Now()
	if err := os.Chtimes(filepath.Join(w.dir, "staging", "a.gz"), today, today); err != nil {
		t.Fatal(err)
	}
	if _, err := w.yearRunner(false).Replay(context.Background(), jobs.ReplayOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := w.days(); got != "20181227 20181228" {
		t.Errorf("days after the replay: %s", got)
	}
}

// An archive that was copied today says nothing about its year: its records go to quarantine until the job names the year.
func TestYearOfArchive(t *testing.T) {
	w := yearWorld(t)
	now := time.Now()
	at := now.AddDate(0, 0, -100)
	if at.Month() == time.February && at.Day() == 29 {
		at = at.AddDate(0, 0, -1) // 2019 does not have this day
	}
	w.putAt("archive.gz", now, headerLine(at.Format("Jan _2 15:04:05"), "old"))
	sum, err := w.yearRunner(false).Run(context.Background(), jobs.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if sum.Records.Quarantined != 1 || sum.Reasons["YEAR_UNKNOWN"] != 1 {
		t.Fatalf("reasons: %v", sum.Reasons)
	}
	w.spec.Source.Times.Year = 2019
	if _, err := w.yearRunner(false).Replay(context.Background(), jobs.ReplayOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := w.days(), "2019"+at.Format("0102"); got != want {
		t.Errorf("days after the replay: %s, want %s", got, want)
	}
}
