package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/report"
)

// TestWriteText pins what people read: every line of a report that has something to say, and no line that has not.
func TestWriteText(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	summary := &report.Summary{Job: "nf", Run: "R1", Command: "run", State: "SUCCEEDED", Started: started, Ended: started.Add(2 * time.Second),
		Objects: report.ObjectCounts{Read: 2, Taken: 1, Gone: 1}, Records: report.RecordCounts{Read: 1200, Published: 1197, Filtered: 1, Quarantined: 2},
		SizeIn: 3 << 20, SizeRaw: 5 << 30, Reasons: map[string]int64{"TIME_MISSING": 1, "RECORD_NOT_JSON": 1}, Resumed: 2, Finished: 1, Warnings: []string{"w"}}
	summary.AddPartition("t", "eventDay=20260102/", 1000, 2048)
	summary.AddPartition("t", "eventDay=20260101/", 197, 1024)
	summary.AddPartition("t", "eventDay=20260102/", 1, 1024)
	replaced := &report.Estimate{Job: "nf", From: "2026-01-01", To: "2026-01-02", Replace: true, Batches: 1, Objects: 3, SizeBytes: 1 << 10, Partitions: 2, UpToDate: 1, Days: 2, OutsideRange: 1, Minutes: 1.5}
	for _, c := range []struct {
		name   string
		report interface{ WriteText(*strings.Builder) }
		want   string
	}{
		{"summary", text(func(w *strings.Builder) { summary.WriteText(w) }), `nf: run R1 SUCCEEDED in 2s
  staging     2 objects read, 3.0 MiB (5.0 GiB uncompressed), 1 changed or deleted since the listing, 1 already processed
  records     1,200 read = 1,197 published + 1 filtered + 2 quarantined
  lake        3 files in 2 partitions, 4.0 KiB
  table       t
              eventDay=20260101/  197 rows, 1 file, 1.0 KiB
              eventDay=20260102/  1,001 rows, 2 files, 3.0 KiB
  quarantine  RECORD_NOT_JSON 1, TIME_MISSING 1
  resumed     1 entry and 2 batches that an earlier run left unfinished
  warning     w
  speed       600 events/s
`},
		{"estimate of a replace", text(func(w *strings.Builder) { replaced.WriteText(w) }), `nf: replace of 2026-01-01 to 2026-01-02: 1 batch of 3 objects, 1.0 KiB, in 2 partitions; 1 batch up to date
  outside     whole batches are reprocessed: 2 days of the range and 1 day outside of it
  time        about 1.5 minutes at the speed of this machine's last runs
`},
		{"rewind", text(func(w *strings.Builder) {
			(&report.Rewind{Job: "nf", Batches: 1, Objects: 2, SizeBytes: 10, Rows: 3, Files: []string{"a"}, Runs: []string{"R1"}}).WriteText(w)
		}), `nf: a rewind to the beginning would withdraw 1 batch: 2 objects (10 B), 3 rows in 1 file
  run         R1
  file        a
`},
		{"retention", text(func(w *strings.Builder) {
			(&report.Retention{Job: "nf", DryRun: true, Ages: map[string]string{"quarantine": "365d"}, Quarantine: report.Expired{Files: 1, SizeBytes: 1024, Oldest: &started}, Records: 2}).WriteText(w)
		}), `nf: retention would delete
  quarantine  1 file (1.0 KiB) of 365d and older, oldest of 2026-01-02
  manifests   kept forever (no retention.manifests)
  attempts    kept forever (no retention.attempts)
  records     2 records of quarantine, which the ledger counts as expired from now on
`},
	} {
		var b strings.Builder
		c.report.WriteText(&b)
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// text makes a report of a function.
type text func(*strings.Builder)

func (f text) WriteText(w *strings.Builder) { f(w) }

// A summary lists a bounded number of partitions, and counts all of them once.
func TestManyPartitions(t *testing.T) {
	s := &report.Summary{Job: "j"}
	for range 2 {
		for i := range 3000 {
			s.AddPartition("t", fmt.Sprintf("accountId=%06d/", i*7919%3000), 1, 10)
		}
	}
	if got := [...]int{len(s.Partitions), s.AllPartitions, s.Files, int(s.SizeOut)}; got != [...]int{1000, 3000, 6000, 60000} {
		t.Errorf("%v", got)
	}
	for _, p := range s.Partitions {
		if p.Files != 2 || p.Rows != 2 {
			t.Fatalf("%+v", p)
		}
	}
	var out strings.Builder
	s.WriteText(&out)
	for _, want := range []string{"6,000 files in 3,000 partitions", "... and 2969 more"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
