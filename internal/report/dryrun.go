package report

import (
	"io"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
)

// DryRun is what a run would read.
type DryRun struct {
	Job        string   `json:"job"`
	Objects    int      `json:"objects"`
	SizeBytes  int64    `json:"size"`
	Batches    int      `json:"batches"`
	Open       int      `json:"open_batches"` // planned by an earlier run, and resumed first
	Unfinished int      `json:"unfinished_entries"`
	Listed     int      `json:"listed"`
	Taken      int      `json:"taken"`
	Excluded   int      `json:"excluded"`
	Unsettled  int      `json:"unsettled"`
	LeftAlone  int      `json:"left_alone,omitempty"` // files that may be the same as what an earlier version of etl took
	Archived   int      `json:"archived,omitempty"`   // have to be restored before a run can read them
	Unmatched  int      `json:"unmatched"`
	Linked     int      `json:"linked,omitempty"`    // behind links, and read under another key
	LinksOut   []string `json:"links_out,omitempty"` // links that lead out of staging and are not followed
	Days       []DryDay `json:"days"`
}

// DryDay counts the objects whose keys name a day; Day is "" for keys that name none.
type DryDay struct {
	Day       string `json:"day"`
	Objects   int    `json:"objects"`
	SizeBytes int64  `json:"size"`
}

// WriteText prints the dry run for a person.
func (p *DryRun) WriteText(w io.Writer) {
	render.Fprintf(w, "%s: a run would read %s, %s, in %s (dry run: nothing was written)\n", p.Job, human.Plural(int64(p.Objects), "object"), human.Size(p.SizeBytes), human.Plural(int64(p.Batches), "batch"))
	if p.Open > 0 || p.Unfinished > 0 {
		render.Fprintf(w, "  first       %s and %s that an earlier run left unfinished\n", human.Plural(int64(p.Unfinished), "entry"), human.Plural(int64(p.Open), "batch"))
	}
	render.Fprintf(w, "  listed      %s: %s new, %s already processed, %s excluded, %s too young\n", human.Plural(int64(p.Listed), "object"), human.Count(int64(p.Objects)), human.Count(int64(p.Taken)), human.Count(int64(p.Excluded)), human.Count(int64(p.Unsettled)))
	if p.LeftAlone > 0 {
		render.Fprintf(w, "  left alone  %s that may be the same as what an earlier version of etl loaded\n", human.Plural(int64(p.LeftAlone), "file"))
	}
	if p.Archived > 0 {
		render.Fprintf(w, "  archived    %s have to be restored before a run can read them (etl backfill --restore)\n", human.Plural(int64(p.Archived), "object"))
	}
	if p.Unmatched > 0 {
		render.Fprintf(w, "  unmatched   %s do not match key_pattern; their captures will be NULL\n", human.Plural(int64(p.Unmatched), "key"))
	}
	if p.Linked > 0 {
		render.Fprintf(w, "  linked      %s behind links are read under another key\n", human.Plural(int64(p.Linked), "object"))
	}
	for i, k := range p.LinksOut {
		if i == 20 && len(p.LinksOut) > 22 {
			render.Fprintf(w, "              ... and %d more\n", len(p.LinksOut)-i)
			break
		}
		render.Fprintf(w, "  links out   %s leads out of staging and is not followed\n", k)
	}
	for _, d := range p.Days {
		day := d.Day
		if day == "" {
			day = "(no day)"
		}
		render.Fprintf(w, "  %-11s %s, %s\n", day, human.Plural(int64(d.Objects), "object"), human.Size(d.SizeBytes))
	}
}
