package report

import (
	"io"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
)

// Estimate is what a backfill or a replace has to do. Minutes is 0 if this machine has no earlier runs to estimate from.
type Estimate struct {
	Job       string   `json:"job"`
	From      string   `json:"from"`
	To        string   `json:"to"`
	Shards    int      `json:"shards,omitempty"`
	Shard     int      `json:"shard,omitempty"`
	Objects   int      `json:"objects"`
	SizeBytes int64    `json:"size"`
	Days      int      `json:"days"`
	Months    []string `json:"months"` // that have something to do, in the order of the backfill
	Taken     int      `json:"taken"`
	// Archived objects are not among Objects. ArchivedSize is in bytes. Of them, Restoring have a restore in progress.
	Archived     int   `json:"archived,omitempty"`
	ArchivedSize int64 `json:"archived_size,omitempty"`
	Restoring    int   `json:"restoring,omitempty"`
	// Of a replace: Objects and SizeBytes then count whole batches.
	Replace      bool     `json:"replace,omitempty"`
	Batches      int      `json:"batches,omitempty"`
	Partitions   int      `json:"partitions,omitempty"`  // that hold their files
	OutsideRange int      `json:"days_beside,omitempty"` // days before From or after To that the batches have objects of
	UpToDate     int      `json:"up_to_date,omitempty"`  // batches of these days whose files the current mapping made
	Minutes      float64  `json:"minutes,omitempty"`
	Warnings     []string `json:"warnings,omitempty"`
}

// WriteText prints the estimate for a person.
func (e *Estimate) WriteText(w io.Writer) {
	if e.Replace {
		e.writeReplace(w)
	} else {
		render.Fprintf(w, "%s: backfill of %s to %s: %s, %s, of %s in %s; %s already processed\n", e.Job, e.From, e.To,
			human.Plural(int64(e.Objects), "object"), human.Size(e.SizeBytes), human.Plural(int64(e.Days), "day"), human.Plural(int64(len(e.Months)), "month"), human.Count(int64(e.Taken)))
	}
	if e.Archived > 0 {
		render.Fprintf(w, "  archived    %s, %s, have to be restored before they can be read; %s in progress\n", human.Plural(int64(e.Archived), "more object"), human.Size(e.ArchivedSize),
			human.Plural(int64(e.Restoring), "restore"))
	}
	if e.Minutes > 0 {
		render.Fprintf(w, "  time        about %.1f minutes at the speed of this machine's last runs\n", e.Minutes)
	} else if e.Objects > 0 {
		render.Fprintf(w, "  time        unknown: this machine has not run the job yet\n")
	}
	for _, s := range e.Warnings {
		render.Fprintf(w, "  warning     %s\n", s)
	}
}

func (e *Estimate) writeReplace(w io.Writer) {
	render.Fprintf(w, "%s: replace of %s to %s: %s of %s, %s, in %s; %s up to date\n", e.Job, e.From, e.To, human.Plural(int64(e.Batches), "batch"),
		human.Plural(int64(e.Objects), "object"), human.Size(e.SizeBytes), human.Plural(int64(e.Partitions), "partition"), human.Plural(int64(e.UpToDate), "batch"))
	if e.OutsideRange > 0 {
		render.Fprintf(w, "  outside     whole batches are reprocessed: %s of the range and %s outside of it\n", human.Plural(int64(e.Days), "day"), human.Plural(int64(e.OutsideRange), "day"))
	}
}
