package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/newfields"
	"github.com/silt-etl/silt/internal/render"
)

// grownShown are the new columns of a table that are printed.
const grownShown = 10

// Summary is the result of a run, as it is printed and stored in the state. Invariant: Records.Read = Published + Filtered +
// Quarantined.
type Summary struct {
	Job     string    `json:"job"`
	Run     string    `json:"run"`
	Command string    `json:"command"`           // run, replay, ...
	DryRun  bool      `json:"dry_run,omitempty"` // nothing was written: the counts are what would have been
	Trigger string    `json:"trigger"`
	State   string    `json:"state"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Error   string    `json:"error,omitempty"`

	Objects    ObjectCounts       `json:"objects"`
	Records    RecordCounts       `json:"records"`
	Kept       int64              `json:"kept_in_quarantine,omitempty"` // of a replay: records that --where left out
	Batches    int                `json:"batches"`
	Replaced   int                `json:"replaced_batches,omitempty"`  // batches whose files were replaced
	Rechecked  int                `json:"rechecked_folders,omitempty"` // folders of days before the lookback that were listed again
	Finished   int                `json:"finished_entries,omitempty"`  // entries of earlier runs that this one rolled forward
	Resumed    int                `json:"resumed_batches,omitempty"`   // batches that an earlier run had planned
	SizeIn     int64              `json:"staging_bytes"`
	SizeRaw    int64              `json:"unpacked_bytes"`
	SizeOut    int64              `json:"lake_bytes"`
	Files      int                `json:"files"`
	Partitions []PartitionSummary `json:"partitions"` // the first maxPartitions to which the run added files
	// AllPartitions is how many there are; 0 in the summaries of earlier versions, which list them all.
	AllPartitions int `json:"all_partitions,omitempty"`
	// Grown are the columns and fields that the run added to tables that existed, by table.
	Grown      map[string][]string `json:"grown_tables,omitempty"`
	Reasons    map[string]int64    `json:"quarantine_reasons,omitempty"`
	Kinds      map[string]int64    `json:"unmatched_kinds,omitempty"` // of published batches: records in quarantine that match no SELECT
	Quarantine []string            `json:"quarantine_files,omitempty"`
	Unreadable []string            `json:"unreadable_objects,omitempty"` // quarantined as a whole, the first 20
	Denied     []string            `json:"denied_objects,omitempty"`     // refused by the store, the first 20
	Failed     []FailedBatch       `json:"failed_batches,omitempty"`     // batches that failed or were refused; later runs try them again
	Restores   *Restores           `json:"restores,omitempty"`           // of a backfill with --restore
	Misses     map[string]int64    `json:"kept_in_unmapped,omitempty"`
	Without    map[string]int64    `json:"published_without,omitempty"` // records that lack a required attribute, by its path
	Fields     *newfields.News     `json:"new_fields,omitempty"`        // that the mapping does not know, and earlier runs did not have
	Redacted   map[string]int64    `json:"redacted,omitempty"`          // records with a value that the mapping discards or redacts, by its raw path
	Warnings   []string            `json:"warnings,omitempty"`

	Unlisted map[string]bool `json:"-"` // partitions that are counted and not listed
}

// ObjectCounts of staging objects.
type ObjectCounts struct {
	Listed      int `json:"listed"`
	New         int `json:"new"`
	Read        int `json:"read"`
	Gone        int `json:"gone"`        // changed or deleted since the listing: for the next run
	Denied      int `json:"denied"`      // refused by the store: later runs try them again
	Archived    int `json:"archived"`    // have to be restored first: later runs look at them again
	Quarantined int `json:"quarantined"` // as a whole
	Excluded    int `json:"excluded"`
	Taken       int `json:"taken"`
	Same        int `json:"same,omitempty"`       // of Taken: under another version (touch, a copy, a restore), recognised by their content
	LeftAlone   int `json:"left_alone,omitempty"` // files that may be the same as what an earlier version of etl took: see etl run --reread
	Unsettled   int `json:"unsettled"`
	Changed     int `json:"changed"`             // of New: an earlier version was already taken
	Ignored     int `json:"ignored"`             // changed, and left because of source.on_change
	Unmatched   int `json:"unmatched"`           // read, though the key does not match key_pattern
	Linked      int `json:"linked,omitempty"`    // left: a link to an object that is read under another key
	LinksOut    int `json:"links_out,omitempty"` // links that lead out of staging and are not followed
}

// RecordCounts of records.
type RecordCounts struct {
	Read        int64 `json:"read"`
	Published   int64 `json:"published"`
	Filtered    int64 `json:"filtered"`
	Quarantined int64 `json:"quarantined"`
	Documents   int64 `json:"documents,omitempty"` // that were split into the records read
}

// PartitionSummary is what a run added to one partition.
type PartitionSummary struct {
	Table     string `json:"table"`
	Partition string `json:"partition"`
	Rows      int64  `json:"rows"`
	Files     int    `json:"files"`
	SizeBytes int64  `json:"size"`
}

// FailedBatch is a batch of which nothing was committed.
type FailedBatch struct {
	Batch   string `json:"batch"`
	Objects int    `json:"objects"`
	Error   string `json:"error"`
}

// Read says how many records were read, and of how many documents if the mapping splits documents.
func Read(records, documents int64) string {
	if documents == 0 {
		return human.Count(records) + " read"
	}
	return human.Count(records) + " read from " + human.Plural(documents, "document")
}

// failedShown is how many failed batches WriteText names.
const failedShown = 50

// EventsPerSecond over the whole run.
func (s *Summary) EventsPerSecond() float64 {
	d := s.Ended.Sub(s.Started).Seconds()
	if d <= 0 {
		return 0
	}
	return float64(s.Records.Read) / d
}

// WriteText prints the summary for a person or a cron mail.
func (s *Summary) WriteText(w io.Writer) {
	p := func(label, format string, args ...any) {
		render.Fprintf(w, "  %-11s "+format+"\n", append([]any{label}, args...)...)
	}
	took := s.Ended.Sub(s.Started)
	what := "run"
	if s.Command != "" {
		what = s.Command
	}
	render.Fprintf(w, "%s: %s %s %s in %s\n", s.Job, what, s.Run, s.State, took.Round(100*time.Millisecond))
	if s.Error != "" {
		p("error", "%s", s.Error)
	}
	o := s.Objects
	line := fmt.Sprintf("%s read, %s", human.Plural(int64(o.Read), "object"), human.Size(s.SizeIn))
	if s.SizeRaw > 0 {
		line += fmt.Sprintf(" (%s uncompressed)", human.Size(s.SizeRaw))
	}
	for _, x := range []struct {
		n    int
		what string
	}{{o.Quarantined, "unreadable"}, {o.Denied, "denied"}, {o.Archived, "archived"}, {o.Gone, "changed or deleted since the listing"}, {o.Taken, "already processed"}, {o.LeftAlone, "left alone"}, {o.Excluded, "excluded"},
		{o.Unsettled, "too young"}, {o.Changed, "changed since an earlier version was processed"}, {o.Ignored, "changed and ignored"}, {o.Unmatched, "with a key that does not match key_pattern"},
		{o.Linked, "behind a link and read under another key"}, {o.LinksOut, "links out of staging, not followed"}} {
		if x.n > 0 {
			line += fmt.Sprintf(", %s %s", human.Count(int64(x.n)), x.what)
		}
	}
	if s.Command == "replay" {
		line = "records of " + human.Plural(int64(o.Read), "object")
		if s.Kept > 0 {
			line += fmt.Sprintf("; %s left in quarantine because of --where", human.Plural(s.Kept, "other record"))
		}
		p("replayed", "%s", line)
	} else {
		p("staging", "%s", line)
	}
	r := s.Records
	p("records", "%s = %s published + %s filtered + %s quarantined", Read(r.Read, r.Documents), human.Count(r.Published), human.Count(r.Filtered), human.Count(r.Quarantined))
	if s.DryRun {
		p("dry run", "nothing was written")
	} else {
		p("lake", "%s in %s, %s", human.Plural(int64(s.Files), "file"), human.Plural(int64(s.partitions()), "partition"), human.Size(s.SizeOut))
	}
	table := ""
	for i, x := range s.Partitions {
		if x.Table != table {
			table = x.Table
			p("table", "%s", table)
		}
		if i == 31 && s.partitions() > 35 {
			p("", "... and %d more", s.partitions()-i)
			break
		}
		p("", "%s  %s, %s, %s", x.Partition, human.Plural(x.Rows, "row"), human.Plural(int64(x.Files), "file"), human.Size(x.SizeBytes))
	}
	if len(s.Reasons) > 0 {
		p("quarantine", "%s", ByCount(s.Reasons))
		for _, q := range s.Quarantine {
			p("", "%s", q)
		}
	}
	for _, u := range s.Unreadable {
		p("unreadable", "%s", u)
	}
	for _, d := range s.Denied {
		p("denied", "%s", d)
	}
	if s.Restores != nil {
		s.Restores.writeText(p)
	}
	if len(s.Misses) > 0 {
		p("unmapped", "values kept there because they did not fit their attribute, type or parser: %s", ByCount(s.Misses))
	}
	if len(s.Without) > 0 {
		p("incomplete", "published without %s", ByCount(s.Without))
	}
	if s.Fields != nil && s.Fields.First { // later news is a warning
		p("fields", "%s", s.Fields.String())
	}
	if len(s.Redacted) > 0 {
		p("redacted", "discarded or redacted %s", ByCount(s.Redacted))
	}
	for _, table := range slices.Sorted(maps.Keys(s.Grown)) {
		gained := s.Grown[table]
		if n := len(gained) - grownShown; n > 0 {
			gained = append(gained[:grownShown:grownShown], fmt.Sprintf("and %d more", n))
		}
		p("table", "%s has new columns or fields: %s", table, strings.Join(gained, ", "))
	}
	if s.Replaced > 0 {
		p("replaced", "%s", human.Plural(int64(s.Replaced), "batch"))
	}
	if s.Rechecked > 0 {
		p("rechecked", "%s of days before the lookback", human.Plural(int64(s.Rechecked), "folder"))
	}
	if s.Finished > 0 || s.Resumed > 0 {
		p("resumed", "%s and %s that an earlier run left unfinished", human.Plural(int64(s.Finished), "entry"), human.Plural(int64(s.Resumed), "batch"))
	}
	if len(s.Failed) > 1 { // the error is about a single one
		for i, b := range s.Failed {
			if i == failedShown {
				p("failed", "%s more", human.Plural(int64(len(s.Failed)-i), "batch"))
				break
			}
			p("failed", "batch %s of %s: %s", b.Batch, human.Plural(int64(b.Objects), "object"), b.Error)
		}
	}
	for _, x := range s.Warnings {
		p("warning", "%s", x)
	}
	if r.Read > 0 {
		p("speed", "%s events/s", human.Count(int64(s.EventsPerSecond())))
	}
}

// partitions is the number of partitions to which the run added files.
func (s *Summary) partitions() int { return max(s.AllPartitions, len(s.Partitions)) }

// ByCount prints counts by name, the largest first (example: TIME_MISSING 12, RECORD_NOT_JSON 3).
func ByCount(m map[string]int64) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return m[keys[i]] > m[keys[j]] || m[keys[i]] == m[keys[j]] && keys[i] < keys[j] })
	for i, k := range keys {
		keys[i] = k + " " + human.Count(m[k])
	}
	return strings.Join(keys, ", ")
}

// maxPartitions bounds the partitions that a summary lists. A backfill of years has more.
const maxPartitions = 1000

// AddPartition adds one published file.
func (s *Summary) AddPartition(table, partition string, rows, size int64) {
	s.Files++
	s.SizeOut += size
	at, found := slices.BinarySearchFunc(s.Partitions, PartitionSummary{Table: table, Partition: partition}, func(a, b PartitionSummary) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Partition, b.Partition))
	})
	if found {
		p := &s.Partitions[at]
		p.Rows += rows
		p.SizeBytes += size
		p.Files++
		return
	}
	name := table + "/" + partition
	if s.Unlisted[name] {
		return
	}
	s.AllPartitions++
	if len(s.Partitions) < maxPartitions {
		s.Partitions = slices.Insert(s.Partitions, at, PartitionSummary{Table: table, Partition: partition, Rows: rows, Files: 1, SizeBytes: size})
		return
	}
	if s.Unlisted == nil {
		s.Unlisted = map[string]bool{}
	}
	s.Unlisted[name] = true
}
