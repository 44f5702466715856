package report

import (
	"io"
	"time"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
)

// Retention is what etl retention deleted, or would delete if DryRun is set.
type Retention struct {
	Job    string `json:"job"`
	DryRun bool   `json:"dry_run,omitempty"`
	// Ages are those of the job file, by the last part of its keys. What is not among them is kept forever.
	Ages       map[string]string `json:"ages"`
	Quarantine Expired           `json:"quarantine"`
	Refused    Expired           `json:"refused"` // what was kept of refused batches; it has the age of quarantine
	Lookups    Expired           `json:"lookups"` // files of lookups that no manifest names
	Manifests  Expired           `json:"manifests"`
	Attempts   Expired           `json:"attempts"`
	// Records were in quarantine and are deleted on purpose; the ledger counts them as expired.
	Records int64 `json:"records_expired"`
	// Entries of the ledger by which the quarantine expired.
	Entries []uint64 `json:"entries,omitempty"`
	// Held are attempt records that stay because their files may still be held, and this role is not allowed to delete those.
	Held     int      `json:"attempts_left,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// Expired adds up what is deleted of one kind.
type Expired struct {
	Files     int        `json:"files"`
	SizeBytes int64      `json:"size"`
	Oldest    *time.Time `json:"oldest,omitempty"`
}

// WriteText prints the retention for a person.
func (r *Retention) WriteText(out io.Writer) {
	verb := "deleted"
	if r.DryRun {
		verb = "would delete"
	}
	render.Fprintf(out, "%s: retention %s\n", r.Job, verb)
	for _, k := range []struct {
		name string
		Expired
	}{{"quarantine", r.Quarantine}, {"manifests", r.Manifests}, {"attempts", r.Attempts}} {
		age, ok := r.Ages[k.name]
		if !ok {
			render.Fprintf(out, "  %-11s kept forever (no retention.%s)\n", k.name, k.name)
			continue
		}
		oldest := ""
		if k.Oldest != nil {
			oldest = ", oldest of " + k.Oldest.Format(time.DateOnly)
		}
		render.Fprintf(out, "  %-11s %s (%s) of %s and older%s\n", k.name, human.Plural(int64(k.Files), "file"), human.Size(k.SizeBytes), age, oldest)
	}
	if r.Quarantine.Files > 0 {
		render.Fprintf(out, "  records     %s of quarantine, which the ledger counts as expired from now on\n", human.Plural(r.Records, "record"))
	}
	if r.Refused.Files > 0 {
		render.Fprintf(out, "  refused     %s (%s) with examples of refused batches\n", human.Plural(int64(r.Refused.Files), "file"), human.Size(r.Refused.SizeBytes))
	}
	if r.Lookups.Files > 0 {
		render.Fprintf(out, "  lookups     %s (%s) that no manifest names\n", human.Plural(int64(r.Lookups.Files), "file"), human.Size(r.Lookups.SizeBytes))
	}
	if r.Held > 0 {
		render.Fprintf(out, "  left        %s whose files may still be held; set lake.delete_role_arn, or run etl doctor\n", human.Plural(int64(r.Held), "attempt record"))
	}
	for _, s := range r.Warnings {
		render.Fprintf(out, "  warning     %s\n", s)
	}
}
