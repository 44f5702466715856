package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/refused"
	"github.com/silt-etl/silt/internal/render"
)

type quarantineCmd struct {
	List quarantineListCmd `cmd:"" default:"withargs" help:"Count the quarantined records by reason, with an example: etl quarantine list JOB."`
	Show quarantineShowCmd `cmd:"" help:"Print quarantined records with their raw bytes: etl quarantine show JOB."`
}

// Help implements kong.HelpProvider.
func (*quarantineCmd) Help() string {
	return commandHelp{
		Does: "Quarantine holds the records that could not be mapped, with the reason and their raw bytes. etl quarantine " +
			"list counts them by reason, and etl quarantine show prints them. Fix the mapping, then run etl replay.",
		Never: "It only reads. Only etl replay takes records out of quarantine, and only etl retention deletes them.",
		Examples: []string{
			"etl quarantine list job.yaml",
			"etl quarantine show job.yaml --reason NO_PROJECTION",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

type quarantineListCmd struct {
	Job string `arg:"" help:"Job file." example:"job.yaml"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*quarantineListCmd) Help() string {
	return commandHelp{
		Does: "etl quarantine list groups the quarantined records of a job by reason and OCSF path, with one record of each " +
			"group as an example. Objects that could not be read as a whole are counted too. Refused batches, of which nothing " +
			"is committed, follow with the same table.",
		Never: "It only reads.",
		Examples: []string{
			"etl quarantine list job.yaml",
			"etl quarantine list job.yaml --output json",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

type quarantineShowCmd struct {
	Job    string   `arg:"" help:"Job file." example:"job.yaml"`
	Reason []string `placeholder:"CODE" help:"Only records with this reason. Default: all reasons." example:"NO_PROJECTION"`
	Object []string `sep:"none" placeholder:"GLOB" help:"Only records of these staging objects; ** matches across slashes. Default: all objects." example:"'AWSLogs/**/2025/06/01/*'"`
	Limit  int      `default:"20" help:"Print only this many records; 0 prints all." example:"100"`
	outputFlag
}

// Help implements kong.HelpProvider.
func (*quarantineShowCmd) Help() string {
	return commandHelp{
		Does: "etl quarantine show prints quarantined records: the reason, the staging object and the number of the record in " +
			"it, and its raw bytes on one line. Bytes that are not text are escaped. Records of refused batches come last, and " +
			"say so: up to 1,000 of each batch are kept.",
		Never: "It only reads.",
		Examples: []string{
			"etl quarantine show job.yaml --limit 5",
			"etl quarantine show job.yaml --reason RECORD_NOT_JSON --object 'AWSLogs/**' --output json",
		},
		Exits: []int{exitDone, exitFailed, exitUsage},
	}.String()
}

// quarantineOf opens a job's quarantine. It is nil if the job has not run yet.
func (a *app) quarantineOf(ctx context.Context, job string) (*jobfile.Spec, *quarantine.Reader, error) {
	spec, state, l, err := a.readState(ctx, job)
	if err != nil || l == nil {
		return spec, nil, err
	}
	return spec, &quarantine.Reader{Ledger: l, State: state, TempDir: spec.Limits.TempDir}, nil
}

// Run implements etl quarantine list.
func (c *quarantineListCmd) Run(ctx context.Context, a *app) error {
	spec, q, err := a.quarantineOf(ctx, c.Job)
	if err != nil {
		return err
	}
	list := &quarantine.List{Job: spec.Name, Groups: []quarantine.Group{}}
	if q != nil {
		if list, err = q.List(ctx, spec.Name, quarantine.Filter{}); err != nil {
			return err
		}
	}
	batches := []refused.Batch{}
	if q != nil {
		if err := eachRefused(ctx, spec, q, func(f refused.File) error {
			b, err := f.Read(ctx, q.State, q.TempDir, nil)
			if err == nil {
				batches = append(batches, b)
			}
			return err
		}); err != nil {
			return err
		}
	}
	if c.Output == "json" {
		return printJSON(a.stdout, struct {
			*quarantine.List
			Refused []refused.Batch `json:"refused"`
		}{list, batches})
	}
	if err := writeList(a.stdout, spec.Name, list); err != nil {
		return err
	}
	for _, b := range batches {
		what := human.Count(b.Records) + " of " + human.Plural(b.Read, "record")
		if b.Read == 0 { // it was refused because of whole objects
			what = "objects"
		}
		render.Fprintf(a.stdout, "\nrefused and not committed: %s of batch %s, run %s\n", what, b.Batch, b.Run)
		if len(b.Kinds) > 0 {
			render.Fprintf(a.stdout, "match no SELECT: %s\n", b.Kinds.String())
		}
		fmt.Fprintln(a.stdout)
		if err := writeGroups(a.stdout, b.Groups); err != nil {
			return err
		}
	}
	return nil
}

// eachRefused calls fn for what is kept of each refused batch. A file that a run removes meanwhile is left out.
func eachRefused(ctx context.Context, spec *jobfile.Spec, q *quarantine.Reader, fn func(refused.File) error) error {
	files, err := refused.List(ctx, q.State, spec.Name)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := fn(f); err != nil && !errors.Is(err, objstore.ErrNotExist) {
			return err
		}
	}
	return nil
}

func writeList(w io.Writer, job string, list *quarantine.List) error {
	what := human.Plural(list.Records, "record") + " and " + human.Plural(list.Whole, "whole object")
	if list.Members > 0 {
		what = human.Plural(list.Records, "record") + ", " + human.Plural(list.Whole, "whole object") + " and " + human.Plural(list.Members, "whole member") + " of archives"
	}
	fmt.Fprintf(w, "%s: quarantine has %s\n", job, what)
	if len(list.Groups) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	return writeGroups(w, list.Groups)
}

// writeGroups prints a table of groups.
func writeGroups(w io.Writer, groups []quarantine.Group) error {
	t := render.Table{Header: []string{"reason", "path", "records", "objects", "example"}, Right: []bool{false, false, true, true}}
	for _, g := range groups {
		t.Rows = append(t.Rows, []string{g.Reason, render.Safe(g.Path), human.Count(g.Records), human.Count(g.Objects),
			render.Safe(fmt.Sprintf("%s (%s)", g.Message, recordPlace(g.Object, g.Place())))})
	}
	if isTerminal(w) {
		t.MaxCell = 80
	}
	return t.Write(w)
}

// recordPlace names a record by its object and its place in it.
func recordPlace(object, place string) string {
	if place == "" {
		return object
	}
	return object + ", " + place
}

// errEnough stops reading at --limit.
var errEnough = errors.New("enough")

// Run implements etl quarantine show.
func (c *quarantineShowCmd) Run(ctx context.Context, a *app) error {
	if c.Limit < 0 {
		return usagef("--limit must be 0 or more")
	}
	f := quarantine.Filter{Reasons: c.Reason, Objects: c.Object}
	if err := f.Validate(); err != nil {
		return usagef("--object: %w", err)
	}
	spec, q, err := a.quarantineOf(ctx, c.Job)
	if err != nil {
		return err
	}
	shown, more := 0, false
	if q != nil {
		show := func(batch string, r quarantine.Row) error {
			if !f.Match(&r) {
				return nil
			}
			if c.Limit > 0 && shown == c.Limit {
				more = true
				return errEnough
			}
			shown++
			if c.Output == "json" {
				return writeRowJSON(a.stdout, &r, batch)
			}
			return writeRow(a.stdout, &r, batch)
		}
		err = q.Each(ctx, func(_ string, r quarantine.Row) error { return show("", r) })
		if err == nil {
			err = eachRefused(ctx, spec, q, func(f refused.File) error {
				_, err := f.Read(ctx, q.State, q.TempDir, func(r quarantine.Row) error { return show(f.Batch, r) })
				return err
			})
		}
	}
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	switch {
	case c.Output == "json":
	case shown == 0:
		fmt.Fprintf(a.stdout, "%s: quarantine has no matching record\n", spec.Name)
	case more:
		fmt.Fprintf(a.stdout, "there are more; --limit 0 prints all\n")
	}
	return nil
}

// writeRow prints one record: place, reason, message, and the raw bytes on one line. Bytes that are not text are escaped. refusedBatch
// is the batch of a record that is not committed.
func writeRow(w io.Writer, r *quarantine.Row, refusedBatch string) error {
	why := r.Reason
	if refusedBatch != "" {
		why = "refused with batch " + refusedBatch + " and not committed, " + why
	}
	if r.Path != "" {
		why += " " + render.Safe(r.Path)
	}
	if r.Class != "" {
		why += " (" + r.Class + ")"
	}
	_, err := fmt.Fprintf(w, "%s: %s\n  %s\n", render.Safe(recordPlace(r.Object, r.Place())), why, render.Safe(r.Message))
	if err == nil && r.Hidden() {
		where := ""
		if r.Offset >= 0 {
			of := "object"
			if r.MemberNumber > 0 {
				of = "member"
			}
			where = fmt.Sprintf(" at byte %d of the unpacked %s", r.Offset, of)
		}
		_, err = fmt.Fprintf(w, "  %s%s, not kept because the mapping discards or redacts fields\n", human.Plural(r.Length, "byte"), where)
	} else if err == nil && r.Record > 0 {
		_, err = fmt.Fprintf(w, "  %s\n", render.Safe(string(r.Raw)))
	}
	return err
}

// writeRowJSON prints one record as a line of JSON. Bytes that are not UTF-8 are written as base64.
func writeRowJSON(w io.Writer, r *quarantine.Row, refusedBatch string) error {
	type row struct {
		quarantine.Row
		Refused string  `json:"refused_batch,omitempty"`
		Raw     *string `json:"raw,omitempty"`
		Base64  []byte  `json:"raw_base64,omitempty"`
	}
	out := row{Row: *r, Refused: refusedBatch}
	if raw := string(r.Raw); r.Record > 0 && utf8.Valid(r.Raw) {
		out.Raw = &raw
	} else {
		out.Base64 = r.Raw
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(out)
}
