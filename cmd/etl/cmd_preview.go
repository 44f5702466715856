package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/capture"
	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/internal/tempdir"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

type previewCmd struct {
	Mapping  string `arg:"" name:"mapping|job" complete:"mapping" help:"Name of a mapping, its folder or .json file, or a job file." example:"network-firewall"`
	Sample   string `arg:"" complete:"file" help:"A plain or compressed log file, s3://bucket/key, or - for standard input." example:"sample.log.gz"`
	Limit    int    `default:"10" help:"Show only this many records; 0 shows all." example:"3"`
	Where    string `placeholder:"SQL" help:"Show only records for which this predicate over raw fields is true. It can use everything that is allowed in a WHERE clause of a mapping. Default: all records." example:"event.dest_port > 1024"`
	Coverage bool   `help:"Run all records, and count how often each OCSF attribute is filled and where each raw field goes."`
	sampleFlags
	outputFlag
}

// Help implements kong.HelpProvider.
func (*previewCmd) Help() string {
	return commandHelp{
		Does: "etl preview runs the records of a sample through a mapping, as a run would, and shows the raw record next to " +
			"its OCSF event. Then follow unmapped, or the reason for which the record would go to quarantine. Use it while " +
			"you write a mapping.",
		Never: "It writes nothing, and does not need a lake or a catalog.",
		Examples: []string{
			"etl preview network-firewall sample.log.gz --limit 3",
			`etl preview sql/vpn logins.jsonl --where "user = 'eve'"`,
			"etl preview job.yaml sample.log.gz --coverage",
		},
		Exits: []int{exitDone, exitFailed, exitUsage, exitStopped},
	}.String()
}

// previewed is the result of one record. Record 0 stands for the sample as a whole.
type previewed struct {
	Record    int64           `json:"record"`
	Member    string          `json:"member,omitempty"` // of an archive, that the record is of
	Raw       json.RawMessage `json:"raw,omitempty"`    // the record if it is JSON, else its text as a JSON string
	Class     string          `json:"class,omitempty"`
	Partition string          `json:"partition,omitempty"`
	OCSF      json.RawMessage `json:"ocsf,omitempty"` // without unmapped
	Unmapped  json.RawMessage `json:"unmapped,omitempty"`
	// Kept are OCSF paths that could not take their value. Misfits are raw fields whose value does not have the type that raw.sql
	// declares. The values of both are in unmapped.
	Kept     []string `json:"kept_in_unmapped,omitempty"`
	Without  []string `json:"published_without,omitempty"` // required attributes
	Misfits  []string `json:"misfits,omitempty"`
	Filtered bool     `json:"filtered,omitempty"` // a `-- drop:` predicate names it
	Reason   string   `json:"reason,omitempty"`
	Path     string   `json:"path,omitempty"`
	Message  string   `json:"message,omitempty"`
}

// previewer has the mapping and the settings that records are run with.
type previewer struct {
	mapping  *mappings.Mapping
	compiled *sqlgen.Compiled
	captures staging.Captures // of --key; nil: all are NULL
	region   string
	account  string
	days     jobfile.EventDays
	times    capture.Source
	now      time.Time
}

// Run implements etl preview.
func (c *previewCmd) Run(ctx context.Context, a *app) error {
	if c.Limit < 0 {
		return usagef("--limit must be 0 (all records) or more")
	}
	p, err := c.previewer(ctx, a)
	if err != nil {
		return err
	}
	in, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer in.Close()
	folder, err := tempdir.New("", "preview")
	if err != nil {
		return err
	}
	defer folder.Remove()
	temp := folder.Path
	var total int64
	records := tallied(sample.ReadObject(ctx, in, p.compiled, p.captures.Columns(p.compiled.KeyColumns)), &total)
	if c.Where != "" {
		if records, err = p.where(ctx, c.Where, records, temp); err != nil {
			return err
		}
	}
	if c.Coverage {
		return c.coverage(ctx, a, p, records, temp)
	}
	var first []sample.Record
	var matching int64
	var whole *decode.Reject
	for r, err := range records { // to its end, because damage can show there
		if errors.As(err, &whole) {
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", c.Sample, err)
		}
		if matching++; c.Limit == 0 || len(first) < c.Limit {
			first = append(first, r)
		}
	}
	var published, filtered, quarantined int64
	width := terminalWidth(a.stdout)
	show := func(r *previewed) error {
		switch {
		case r.Record == 0 && r.Member == "":
		case r.Reason != "":
			quarantined++
		case r.Filtered:
			filtered++
		default:
			published++
		}
		if c.Output == "json" {
			e := json.NewEncoder(a.stdout)
			e.SetEscapeHTML(false)
			return e.Encode(r)
		}
		r.write(a.stdout, width)
		return nil
	}
	err = sample.Run(ctx, p.options(temp), listed(first), func(r sample.Record, out *sample.Outcome) error { return show(preview(r, out)) })
	if err != nil {
		return err
	}
	if whole != nil {
		if err := show(&previewed{Reason: whole.Code, Message: whole.Message + "; a run publishes nothing of such an object"}); err != nil {
			return err
		}
	}
	if c.Output == "text" {
		of := human.Count(total)
		if c.Where != "" {
			of = human.Count(matching) + " matching, " + of
		}
		fmt.Fprintf(a.stdout, "%s of %s records shown: %s published, %s filtered, %s quarantined\n", human.Count(int64(len(first))), of,
			human.Count(published), human.Count(filtered), human.Count(quarantined))
	}
	return nil
}

// listed iterates over records in memory.
func listed(records []sample.Record) iter.Seq2[sample.Record, error] {
	return func(yield func(sample.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// tallied counts the records that it passes on.
func tallied(records iter.Seq2[sample.Record, error], n *int64) iter.Seq2[sample.Record, error] {
	return func(yield func(sample.Record, error) bool) {
		for r, err := range records {
			if err == nil {
				*n++
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (c *previewCmd) previewer(ctx context.Context, a *app) (*previewer, error) {
	unset := jobfile.Default()
	p := &previewer{region: "us-east-1", account: unset.Lake.AccountID, now: time.Now(), days: unset.EventDays}
	m, job, err := mappingArg{a, c.Mapping}.find(ctx)
	if err != nil {
		return nil, err
	}
	if job != nil {
		p.region, p.account, p.days, p.times = job.Lake.Region, job.Lake.AccountID, job.EventDays, job.Source.Times
	}
	p.mapping = m
	if p.compiled, err = compile(ctx, m); err != nil {
		return nil, err
	}
	if job != nil {
		if err = jobs.CheckFormat(job, p.compiled); err != nil {
			return nil, err
		}
	}
	if p.days, err = c.days(p.days); err != nil {
		return nil, err
	}
	p.captures, err = c.captures(job, c.Sample)
	return p, err
}

// open opens the sample without unpacking it. Its time of modification becomes a capture, as that of a staging object does.
func (c *previewCmd) open(ctx context.Context, p *previewer) (io.ReadCloser, error) {
	body, changed, err := openSample(ctx, c.Sample)
	p.captures = p.captures.With(p.times.Values(changed))
	return body, err
}

// options are the settings of the job, or the defaults of a job.
func (p *previewer) options(temp string) sample.Options {
	minDay, maxDay := p.days.Bounds(p.now)
	return sample.Options{Compiled: p.compiled, Region: p.region, Account: p.account, MinDay: minDay, MaxDay: maxDay, TempDir: temp}
}

// where keeps the records for which a predicate over raw fields is true. A record that cannot be scanned matches nothing.
func (p *previewer) where(ctx context.Context, predicate string, records iter.Seq2[sample.Record, error], temp string) (iter.Seq2[sample.Record, error], error) {
	compiled, problems, err := p.mapping.Where(ctx, predicate)
	if err != nil {
		return nil, err
	}
	if compiled == nil {
		return nil, problems.Errors()
	}
	captures := p.captures.Columns(compiled.KeyColumns)
	o := sample.Options{Compiled: compiled, Region: p.region, Account: p.account, MinDay: 0, MaxDay: lake.EpochDay(p.now), TempDir: temp, BatchRecords: 2000}
	return func(yield func(sample.Record, error) bool) {
		mine := func(yield func(sample.Record, error) bool) {
			for r, err := range records {
				r.Captures = captures
				if !yield(r, err) {
					return
				}
			}
		}
		err := sample.Run(ctx, o, mine, func(r sample.Record, out *sample.Outcome) error {
			r.Captures = p.captures.Columns(p.compiled.KeyColumns)
			if out.OCSF != nil && !yield(r, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(sample.Record{}, err)
		}
	}, nil
}

// preview is the part of an outcome that is shown.
func preview(in sample.Record, out *sample.Outcome) *previewed {
	_, record := decode.Place(in.Number)
	return &previewed{Record: record, Member: in.Member, Raw: rawJSON(in.Raw), Class: out.Class, Partition: out.Partition, OCSF: out.OCSF, Unmapped: out.Unmapped,
		Kept: slices.Sorted(slices.Values(out.Kept)), Without: out.Without, Misfits: out.Misfits, Filtered: out.Filtered, Reason: out.Reason, Path: out.Path, Message: out.Message}
}

func rawJSON(raw []byte) json.RawMessage {
	if json.Valid(raw) {
		return raw
	}
	text, err := json.Marshal(strings.ToValidUTF8(string(raw), "\uFFFD"))
	if err != nil {
		return json.RawMessage(`""`)
	}
	return text
}

// write shows the record to a person: raw and OCSF side by side if width has room for both, else one below the other.
func (r *previewed) write(w io.Writer, width int) {
	head := fmt.Sprintf("record %d: ", r.Record)
	if r.Member != "" {
		if head = render.Safe("member "+r.Member) + ": "; r.Record > 0 {
			head = fmt.Sprintf("%s, record %d: ", render.Safe("member "+r.Member), r.Record)
		}
	}
	switch {
	case r.Record == 0 && r.Member == "":
		head = "the whole sample: quarantined, " + r.Reason
	case r.Reason != "":
		head += "quarantined, " + r.Reason
	case r.Filtered:
		head += "filtered, a -- drop: predicate of the mapping names it"
	default:
		head += r.Class + ", " + r.Partition
	}
	fmt.Fprintln(w, head)
	if r.Reason != "" {
		where := ""
		if r.Path != "" {
			where = r.Path + ": "
		}
		fmt.Fprintf(w, "  %s\n", render.Safe(where+r.Message))
	}
	raw, ocsf := lines(r.Raw), lines(r.OCSF)
	const least = 130 // columns: two halves that JSON of some depth fits into
	switch {
	case r.OCSF != nil && width >= least:
		half := (width - 6) / 2
		fmt.Fprintf(w, "  %s  %s\n", render.Fit("raw", half), "ocsf")
		for i := range max(len(raw), len(ocsf)) {
			var left, right string
			if i < len(raw) {
				left = raw[i]
			}
			if i < len(ocsf) {
				right = ocsf[i]
			}
			fmt.Fprintf(w, "  %s  %s\n", render.Fit(left, half), strings.TrimRight(render.Fit(right, half), " "))
		}
	default:
		section(w, "raw", raw)
		section(w, "ocsf", ocsf)
	}
	if r.Unmapped != nil {
		section(w, "unmapped", lines(r.Unmapped))
	} else if r.OCSF != nil {
		fmt.Fprintln(w, "  unmapped: nothing")
	}
	if len(r.Misfits) > 0 {
		fmt.Fprintf(w, "  without the type that raw.sql declares: %s\n", render.Safe(strings.Join(r.Misfits, ", ")))
	}
	if len(r.Kept) > 0 {
		fmt.Fprintf(w, "  in unmapped, because the OCSF attribute could not take the value: %s\n", strings.Join(r.Kept, ", "))
	}
	if len(r.Without) > 0 {
		fmt.Fprintf(w, "  published without %s, which OCSF requires\n", strings.Join(r.Without, ", "))
	}
	fmt.Fprintln(w)
}

func section(w io.Writer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "  %s\n", title)
	for _, l := range lines {
		fmt.Fprintf(w, "    %s\n", l)
	}
}

// lines formats a JSON value for people. A text has no quotes, and is cut if it is long.
func lines(v json.RawMessage) []string {
	if v == nil {
		return nil
	}
	var text string
	if json.Unmarshal(v, &text) == nil {
		const most = 500
		if text = render.Safe(text); len(text) > most {
			text = strings.ToValidUTF8(text[:most], "") + "…"
		}
		return []string{text}
	}
	out := strings.Split(string(render.Indent(v)), "\n")
	for i, l := range out {
		out[i] = render.Safe(l)
	}
	return out
}
