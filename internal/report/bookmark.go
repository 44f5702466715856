package report

import (
	"io"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
)

// Skipped is what a skip marked as processed. With Bound it covers everything last modified before the date, including objects that
// arrive later. Otherwise it covers the objects that are in staging now, by the days in their keys.
type Skipped struct {
	Job       string `json:"job"`
	Before    string `json:"before"`
	Objects   int    `json:"objects"`
	SizeBytes int64  `json:"size"`
	Bound     bool   `json:"bound"`
	DryRun    bool   `json:"dry_run,omitempty"`
}

// Rewind is what a rewind withdraws. SizeBytes counts staging objects.
type Rewind struct {
	Job       string   `json:"job"`
	To        string   `json:"to,omitempty"` // a run; "": the beginning
	Batches   int      `json:"batches"`
	Objects   int      `json:"objects"`
	SizeBytes int64    `json:"size"`
	Rows      int64    `json:"rows"`
	Files     []string `json:"files"`           // keys in the lake
	Runs      []string `json:"runs"`            // that committed the batches
	Entry     uint64   `json:"entry,omitempty"` // of the ledger; 0: nothing was written
	Deleted   int      `json:"deleted,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
}

// WriteText prints the rewind for a person.
func (w *Rewind) WriteText(out io.Writer) {
	to := "the beginning"
	if w.To != "" {
		to = "run " + w.To
	}
	verb := "would withdraw"
	if w.Entry > 0 {
		verb = "withdrew"
	}
	render.Fprintf(out, "%s: a rewind to %s %s %s: %s (%s), %s in %s\n", w.Job, to, verb, human.Plural(int64(w.Batches), "batch"),
		human.Plural(int64(w.Objects), "object"), human.Size(w.SizeBytes), human.Plural(w.Rows, "row"), human.Plural(int64(len(w.Files)), "file"))
	for _, r := range w.Runs {
		render.Fprintf(out, "  run         %s\n", r)
	}
	for i, f := range w.Files {
		if i == 20 && len(w.Files) > 22 {
			render.Fprintf(out, "              ... and %d more\n", len(w.Files)-i)
			break
		}
		render.Fprintf(out, "  file        %s\n", f)
	}
	for _, s := range w.Warnings {
		render.Fprintf(out, "  warning     %s\n", s)
	}
}
