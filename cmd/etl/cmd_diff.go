package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/capture"
	"github.com/silt-etl/silt/internal/compare"
	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/objstore"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/runs"
	"github.com/silt-etl/silt/internal/tempdir"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

type diffCmd struct {
	Mapping  string `arg:"" name:"mapping|job" complete:"mapping" help:"Name of a mapping, its folder or .json file, or a job file: the current version. A job file is used as --job too." example:"sql/vpn"`
	Against  string `placeholder:"REV|RUN|MAPPING" help:"The earlier version: a git revision of the mapping, a run of the job (its ID, or last), or another mapping or job file. Required unless --ocsf is given." example:"HEAD~1"`
	OCSF     string `name:"ocsf" placeholder:"VERSION" help:"Compare the mapping at its own OCSF version with the mapping at this one: the attributes, types, values and tables that change. Default: compare two versions of the mapping." example:"1.5.0"`
	On       string `placeholder:"SAMPLE" complete:"file" help:"Records to run through both versions: a plain or compressed file, s3://bucket/key, or - for standard input. Required unless --days or --ocsf is given." example:"logins.jsonl"`
	Key      string `placeholder:"KEY" help:"Staging key that the sample would have, for the captures of the job's key_pattern. Default: none, and the captures are NULL." example:"vpn/2025/06/01/a.gz"`
	Job      string `placeholder:"JOB" complete:"file" help:"Job file. Its runs, staging objects, event_days, region and account are used. Default: no job." example:"job.yaml"`
	Days     string `placeholder:"A..B" help:"Run the job's staging objects of these days, both included (UTC). Required unless --on or --ocsf is given." example:"2025-06-01..2025-06-30"`
	Limit    int64  `default:"100000" help:"Compare at most this many records; 0 compares all." example:"5000"`
	Examples int    `default:"3" help:"Show this many records of each difference." example:"1"`
	failOn
	outputFlag
}

// Help implements kong.HelpProvider.
func (*diffCmd) Help() string {
	return commandHelp{
		Does: "etl diff shows the effect of a change to a mapping. It runs the same records through the current mapping and " +
			"through an earlier version. It reports which OCSF attributes change, on how many records, which records move " +
			"between the lake, the filter and quarantine, and which columns tables gain and lose. Use it before you reprocess " +
			"days with etl backfill --replace. With --ocsf, it says what a move to another OCSF version changes.",
		Never: "It writes nothing. Differences are not failures, unless --exit-code or --fail-on is given.",
		Examples: []string{
			"etl diff sql/vpn --against HEAD~1 --on logins.jsonl",
			"etl diff new/vpn --against old/vpn --on logins.jsonl",
			"etl diff job.yaml --against last --days 2025-06-01..2025-06-30 --fail-on quarantined,removed-column",
			"etl diff sql/vpn --ocsf 1.5.0 --on logins.jsonl",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

var ulidText = regexp.MustCompile(`^[0-7][0-9A-HJKMNP-TV-Z]{25}$`)

// diffReport is the JSON output of etl diff.
type diffReport struct {
	Mapping  string      `json:"mapping"`
	Against  string      `json:"against,omitempty"`
	On       string      `json:"on,omitempty"`
	Move     *moveReport `json:"ocsf,omitempty"`
	sameText bool
	*compare.Report
}

// Run implements etl diff. A difference is not a failure, unless failOn makes it one.
func (c *diffCmd) Run(ctx context.Context, a *app) error {
	if isJob(c.Mapping) {
		if c.Job != "" {
			return usagef("%s is a job. Try: leave out --job, or name a mapping before it", c.Mapping)
		}
		c.Job = c.Mapping
	}
	records := c.On != "" || c.Days != ""
	switch {
	case c.Against == "" && c.OCSF == "":
		return usagef("the earlier version was not named. Try: --against REV, --against RUN --job JOB, --against MAPPING, or --ocsf VERSION")
	case c.Against != "" && c.OCSF != "":
		return usagef("--against and --ocsf cannot be used together. Try: one after the other")
	case c.On != "" && c.Days != "":
		return usagef("--on and --days cannot be used together. Try: one after the other")
	case c.OCSF == "" && !records:
		return usagef("no records were named. Try: --on SAMPLE, or --job JOB --days A..B")
	case c.Days != "" && c.Job == "":
		return usagef("--days needs --job, because the days are those of the job's staging objects")
	case c.Key != "" && c.Job == "":
		return usagef("--key needs --job, because the job's key_pattern reads the key")
	case !records && c.failOn.any():
		return usagef("--exit-code and --fail-on need records. Try: --on SAMPLE, or --job JOB --days A..B")
	case c.Limit < 0:
		return usagef("--limit must be 0 (all records) or more")
	case c.Examples < 1:
		return usagef("--examples must be 1 or more")
	}
	if err := c.failOn.check(); err != nil {
		return err
	}
	now, spec, err := mappingArg{a, c.Mapping}.find(ctx)
	if err != nil {
		return err
	}
	if spec == nil && c.Job != "" {
		if spec, err = a.loadSpec(c.Job); err != nil {
			return err
		}
		if err := findLookups(ctx, spec, now); err != nil {
			return err
		}
	}
	then := now
	out := diffReport{Mapping: now.Name, Against: c.Against}
	if c.OCSF != "" {
		if out.Move, err = moveTo(ctx, now, c.OCSF); err != nil {
			return err
		}
		if !records || out.Move.Problems.Failed() { // a mapping with mistakes cannot run
			return errors.Join(c.print(a.stdout, &out), c.failOn.unreadable(out.Move))
		}
		out.Against, now = "OCSF "+out.Move.From, now.WithOCSF(c.OCSF)
	} else if then, err = c.against(ctx, a, now, spec); err != nil {
		return err
	}
	unset := jobfile.Default()
	o := compare.Options{Region: "us-east-1", Account: unset.Lake.AccountID, Limit: c.Limit, Examples: c.Examples}
	days := unset.EventDays
	if spec != nil {
		o.Region, o.Account, days = spec.Lake.Region, spec.Lake.AccountID, spec.EventDays
	}
	o.MinDay, o.MaxDay = days.Bounds(time.Now())
	if o.After, err = compile(ctx, now); err != nil {
		return err
	}
	if o.Before, err = compile(ctx, then); err != nil {
		return err
	}
	objects, on, err := c.objects(ctx, spec)
	if err != nil {
		return err
	}
	out.On = on
	temp, err := tempdir.New("", "diff")
	if err != nil {
		return err
	}
	defer temp.Remove()
	o.TempDir = temp.Path
	each := func(yield func(compare.Object, error) bool) {
		for _, obj := range objects {
			if !yield(obj, nil) {
				return
			}
		}
	}
	if out.Report, err = compare.Run(ctx, o, each); err != nil {
		return err
	}
	out.sameText = c.OCSF == "" && now.Digest == then.Digest
	if err := c.print(a.stdout, &out); err != nil {
		return err
	}
	return c.failOn.failure(out.Report)
}

func (c *diffCmd) print(w io.Writer, out *diffReport) error {
	if c.Output == "json" {
		return printJSON(w, out)
	}
	if out.Move != nil {
		out.Move.write(w, out.Mapping)
	}
	if out.Report != nil {
		if out.Move != nil {
			fmt.Fprintln(w)
		}
		out.write(w)
	}
	return nil
}

// against returns the earlier version of the mapping: of a git revision, of a run, or another mapping.
func (c *diffCmd) against(ctx context.Context, a *app, now *mappings.Mapping, spec *jobfile.Spec) (*mappings.Mapping, error) {
	if !ulidText.MatchString(c.Against) && (c.Against != "last" || c.Job == "") {
		return mappingArg{a, c.Against}.earlier(ctx, now, spec)
	}
	if c.Job == "" {
		return nil, usagef("--against %s: a run needs its job. Try: --job JOB", c.Against)
	}
	spec, l, err := a.readLedger(ctx, c.Job)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, usagef("--against %s: %s has no runs yet", c.Against, spec.Name)
	}
	ids := []string{c.Against}
	if c.Against == "last" { // that planned anything
		infos, err := l.Runs(ctx, 0)
		if err != nil {
			return nil, err
		}
		ids = nil
		for _, r := range infos {
			ids = append(ids, r.Run)
		}
	}
	for _, run := range ids {
		planned, err := runs.Manifest(ctx, l, run)
		if err != nil {
			return nil, err
		}
		if planned == nil {
			continue
		}
		m, err := plannedMapping(ctx, spec, planned)
		if err != nil {
			return nil, fmt.Errorf("--against %s: %w", run, err)
		}
		m.Origin = run + ":" + m.Name
		return m, nil
	}
	if c.Against == "last" {
		return nil, usagef("--against last: %s has no run that planned anything", spec.Name)
	}
	if _, err := l.Run(ctx, c.Against); errors.Is(err, objstore.ErrNotExist) {
		return nil, usagef("--against %s: %s does not have this run. Try: etl runs %s", c.Against, spec.Name, c.Job)
	}
	return nil, usagef("--against %s: this run planned nothing, so its mapping was not stored. Try: another run of etl runs %s", c.Against, c.Job)
}

// notRevision matches paths that git does not take for a revision.
var notRevision = regexp.MustCompile(`^\.{0,2}/|^\.\.?$|\.json$`)

// earlier returns the mapping now at a git revision, or another mapping if git does not know such a revision.
func (n mappingArg) earlier(ctx context.Context, now *mappings.Mapping, spec *jobfile.Spec) (*mappings.Mapping, error) {
	var unknown error
	if !isJob(n.what) && !notRevision.MatchString(n.what) {
		then, err := mappingAt(ctx, now, n.what)
		if !errors.Is(err, errNoRevision) {
			return then, err
		}
		unknown = err
	}
	then, own, err := n.find(ctx)
	switch {
	case unknown != nil && errors.Is(err, mappings.ErrNotFound):
		return nil, unknown
	case as[diag.List](err): // its lines begin with their places
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("--against: %w", err)
	case own == nil && spec != nil:
		err = findLookups(ctx, spec, then)
	}
	return then, err
}

// objects returns the objects to compare, and a text that describes them.
func (c *diffCmd) objects(ctx context.Context, spec *jobfile.Spec) ([]compare.Object, string, error) {
	if c.On != "" {
		obj := compare.Object{Key: c.On, Open: func(ctx context.Context) (io.ReadCloser, error) {
			body, _, err := openSample(ctx, c.On)
			return body, err
		}}
		if c.On == "-" {
			obj.Key = "standard input"
		}
		if c.Key != "" {
			if obj.Captures = spec.Pattern().Captures(c.Key); obj.Captures == nil {
				return nil, "", usagef("--key %s does not match the key_pattern of %s", c.Key, c.Job)
			}
		}
		var times capture.Source
		if spec != nil {
			times = spec.Source.Times
		}
		var changed time.Time
		if c.On != "-" {
			body, at, err := openSample(ctx, c.On)
			if err != nil {
				return nil, "", err
			}
			changed = at
			body.Close()
		}
		obj.Captures = obj.Captures.With(times.Values(changed))
		return []compare.Object{obj}, obj.Key, nil
	}
	first, last, ok := strings.Cut(c.Days, "..")
	from, err1 := time.Parse(time.DateOnly, first)
	to, err2 := time.Parse(time.DateOnly, last)
	if !ok || err1 != nil || err2 != nil {
		return nil, "", usagef("--days %s: not a range of days (example: 2025-06-01..2025-06-30)", c.Days)
	}
	if to.Before(from) {
		return nil, "", usagef("--days %s: the second day is before the first", c.Days)
	}
	store, err := openStaging(ctx, spec)
	if err != nil {
		return nil, "", err
	}
	found, err := jobs.ListDays(ctx, spec, store, from, to)
	if err != nil {
		return nil, "", err
	}
	if len(found) == 0 {
		return nil, "", usagef("--days %s: staging has no objects of these days (%s)", c.Days, spec.Source.Staging)
	}
	all := make([]compare.Object, 0, len(found))
	for _, f := range found {
		all = append(all, compare.Object{Key: f.Key, Captures: spec.Captures(f.Key, f.LastModified), Open: func(ctx context.Context) (io.ReadCloser, error) {
			body, _, err := store.Get(ctx, f.Key, objstore.GetOptions{ETag: f.ETag})
			return body, err
		}})
	}
	return all, fmt.Sprintf("%s of %s", human.Plural(int64(len(found)), "object"), c.Days), nil
}

func (r *diffReport) write(w io.Writer) {
	render.Fprintf(w, "%s, now against %s, on %s\n", r.Mapping, r.Against, r.On)
	if r.sameText {
		fmt.Fprintln(w, "  the texts of both mappings are the same")
	}
	render.Fprintf(w, "  records     %s compared: %s the same, %s changed, %s moved\n", human.Count(r.Records), human.Count(r.Same), human.Count(r.Changed), human.Count(r.Moved))
	render.Fprintf(w, "  before      %s published, %s filtered, %s quarantined\n", human.Count(r.Before.Published), human.Count(r.Before.Filtered), human.Count(r.Before.Quarantined))
	render.Fprintf(w, "  now         %s published, %s filtered, %s quarantined\n", human.Count(r.After.Published), human.Count(r.After.Filtered), human.Count(r.After.Quarantined))
	if r.Limited {
		fmt.Fprintln(w, "  limited     there are more records; --limit 0 compares all")
	}
	for _, u := range r.Unreadable {
		render.Fprintf(w, "  unreadable  %s: %s\n", u.Object, u.Message)
	}
	if len(r.Moves) > 0 {
		fmt.Fprintln(w)
		t := render.Table{Header: []string{"before", "now", "records", "example"}, Right: []bool{false, false, true}}
		for _, m := range r.Moves {
			for i, e := range m.Examples {
				row := []string{m.From, m.To, human.Count(m.Records), examplePlace(e)}
				if e.Detail != "" {
					row[3] += ": " + e.Detail
				}
				if i > 0 {
					row[0], row[1], row[2] = "", "", ""
				}
				t.Rows = append(t.Rows, row)
			}
		}
		_ = t.Write(w)
	}
	r.writeAttributes(w)
	if r.Move == nil { // else it has the columns
		writeColumns(w, r.Columns)
	}
}

func (r *diffReport) writeAttributes(w io.Writer) {
	if len(r.Attributes) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := render.Table{Header: []string{"attribute", "changed", "added", "removed", "before", "now", "example"}, Right: []bool{false, true, true, true}, MaxCell: 60}
	for _, ch := range r.Attributes {
		for i, e := range ch.Examples {
			row := []string{ch.Path, human.Count(ch.Changed), human.Count(ch.Added), human.Count(ch.Removed), string(e.Before), string(e.After), examplePlace(e)}
			if i > 0 {
				row[0], row[1], row[2], row[3] = "", "", "", ""
			}
			t.Rows = append(t.Rows, row)
		}
	}
	_ = t.Write(w)
}

// writeColumns lists the columns that tables gain and lose, and says what happens to a table.
func writeColumns(w io.Writer, columns []compare.Column) {
	if len(columns) == 0 {
		return
	}
	fmt.Fprintln(w)
	has := map[string]bool{}
	t := render.Table{Header: []string{"class", "column", "change", "before", "now"}, MaxCell: 60}
	for _, c := range columns {
		has[c.Change] = true
		path := c.Path
		if path == "" {
			path = "(all)"
		}
		t.Rows = append(t.Rows, []string{c.Class, path, c.Change, c.Before, c.After})
	}
	_ = t.Write(w)
	if has[compare.ColumnRemoved] {
		fmt.Fprintln(w, "removed columns stay in the table, and new rows have NULL there")
	}
	if has[compare.ColumnType] {
		fmt.Fprintln(w, "a table cannot change the type of a column: use a job with another name and another lake.source_name")
	}
}

// examplePlace names the record of an example.
func examplePlace(e compare.Example) string {
	return e.Object + ", " + decode.PlaceText(decode.NumberOf(e.Member, e.Record), strconv.FormatInt(e.Member, 10))
}
