package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/silt-etl/silt/internal/attempt"
	"github.com/silt-etl/silt/internal/decode"
	memstore "github.com/silt-etl/silt/internal/objstore/mem"
	"github.com/silt-etl/silt/internal/quarantine"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/staging"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

type previewCmd struct {
	Mapping    string `arg:"" name:"mapping|job" help:"Name of a mapping, its folder or .json file, or a job file."`
	Sample     string `arg:"" help:"A raw log file, packed or plain, s3://bucket/key, or - for standard input."`
	Limit      int    `default:"10" help:"Show the first so many records."`
	Key        string `help:"Staging key the sample would have, for the captures of key_pattern. Without it they are NULL."`
	KeyPattern string `help:"Pattern of staging keys. Default: the job's."`
	outputFlag
}

// previewed is what became of one record, as a run would have it. Record 0 stands for the sample as a whole.
type previewed struct {
	Record    int64           `json:"record"`
	Raw       json.RawMessage `json:"raw,omitempty"` // as it is where it is JSON, else its text
	Class     string          `json:"class,omitempty"`
	Partition string          `json:"partition,omitempty"`
	OCSF      json.RawMessage `json:"ocsf,omitempty"` // without unmapped
	Unmapped  json.RawMessage `json:"unmapped,omitempty"`
	// Kept are OCSF paths that did not take their value, Misfits raw fields whose value is not of the type that raw.sql gives:
	// both are in unmapped.
	Kept     []string `json:"kept_in_unmapped,omitempty"`
	Misfits  []string `json:"misfits,omitempty"`
	Filtered bool     `json:"filtered,omitempty"` // a `-- drop:` predicate names it
	Reason   string   `json:"reason,omitempty"`
	Path     string   `json:"path,omitempty"`
	Message  string   `json:"message,omitempty"`
}

// previewer runs records one by one, so that it is known which row came of which.
type previewer struct {
	plan     *sqlgen.Plan
	captures []*string
	region   string
	account  string
	days     jobs.EventDays
	temp     string
	now      time.Time
}

// Run implements etl preview.
func (c *previewCmd) Run(ctx context.Context, a *app) error {
	if c.Limit < 1 {
		return usagef("--limit must be 1 or more")
	}
	p, err := c.previewer(ctx, a)
	if err != nil {
		return err
	}
	in, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer in.Close()
	if p.temp, err = os.MkdirTemp("", "silt-preview-"); err != nil {
		return err
	}
	defer os.RemoveAll(p.temp)
	var total, shown, published, filtered, quarantined int64
	width := terminalWidth(a.stdout)
	show := func(r *previewed) error {
		shown++
		switch {
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
	records := decode.NewRecords(&p.plan.Scan, decode.NewKeys(), decode.Options{})
	records.Open(in)
	for {
		number, raw, rej, err := records.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var whole *decode.Reject
		if errors.As(err, &whole) {
			r := &previewed{Reason: whole.Code, Message: whole.Message + "; a run publishes nothing of such an object"}
			if err := show(r); err != nil {
				return err
			}
			shown, quarantined = shown-1, quarantined-1
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", c.Sample, err)
		}
		if total++; total > int64(c.Limit) {
			continue // to its end all the same: whether an object is readable shows there
		}
		var misfits []string
		if rej == nil {
			for _, i := range records.Misfits() {
				misfits = append(misfits, strings.Join(p.plan.Scan.Leaves[i].Path, "."))
			}
		}
		r, err := p.record(ctx, number, raw, records.Context(), rej)
		if err != nil {
			return err
		}
		r.Misfits = misfits
		r.Kept = slices.DeleteFunc(r.Kept, func(p string) bool { return slices.Contains(misfits, p) }) // told apart here
		if err := show(r); err != nil {
			return err
		}
	}
	if c.Output == "text" {
		fmt.Fprintf(a.stdout, "%s of %s records shown: %s published, %s filtered, %s quarantined\n", jobs.Count(shown), jobs.Count(total),
			jobs.Count(published), jobs.Count(filtered), jobs.Count(quarantined))
	}
	return nil
}

func (c *previewCmd) previewer(ctx context.Context, a *app) (*previewer, error) {
	p := &previewer{region: "us-east-1", account: "external", now: time.Now(), days: jobs.EventDays{MaxAge: 3650 * 24 * time.Hour, MaxFuture: 24 * time.Hour}}
	pattern := c.KeyPattern
	var m *mappings.Mapping
	var job *jobs.Spec
	var err error
	if ext := filepath.Ext(c.Mapping); ext == ".yaml" || ext == ".yml" {
		spec, e := a.loadSpec(c.Mapping)
		if e != nil {
			return nil, e
		}
		job = spec
		p.region, p.account, p.days = spec.Lake.Region, spec.Lake.AccountID, spec.EventDays
		if pattern == "" {
			pattern = spec.Source.KeyPattern
		}
		m, err = a.loadMapping(spec)
	} else {
		m, err = namedMapping(c.Mapping)
	}
	if err != nil {
		return nil, err
	}
	if p.plan, err = compile(ctx, m); err != nil {
		return nil, err
	}
	if job != nil {
		if err = jobs.CheckFormat(job, p.plan); err != nil {
			return nil, err
		}
	}
	p.captures = make([]*string, len(p.plan.KeyColumns))
	if c.Key == "" {
		return p, nil
	}
	if pattern == "" {
		return nil, usagef("--key says nothing without --key-pattern, or a job that has one")
	}
	parsed, err := staging.ParsePattern(pattern)
	if err != nil {
		return nil, usagef("--key-pattern: %w", err)
	}
	values := parsed.Match(c.Key)
	if values == nil {
		return nil, usagef("--key %s does not match %s", c.Key, pattern)
	}
	for i, want := range p.plan.KeyColumns {
		for k, name := range parsed.Names() {
			if name == want {
				p.captures[i] = &values[k]
			}
		}
	}
	return p, nil
}

// open gives the sample's bytes as they lie there.
func (c *previewCmd) open(ctx context.Context) (io.ReadCloser, error) {
	body, _, err := openSample(ctx, c.Sample)
	return body, err
}

// record runs one record through all that a run does with it, up to the gate.
func (p *previewer) record(ctx context.Context, number int64, raw, around []byte, rej *decode.Reject) (*previewed, error) {
	raw = bytes.Clone(raw) // it is the reader's
	r := &previewed{Record: number, Raw: rawJSON(raw)}
	if rej != nil {
		r.Reason, r.Path, r.Message = rej.Code, rej.Path, rej.Message
		return r, nil
	}
	temp := filepath.Join(p.temp, fmt.Sprint(number))
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	// The record is read as a replay reads it: by itself, with what of its object it needs.
	one, err := attempt.NewReplay(temp)
	if err != nil {
		return nil, err
	}
	defer one.Close()
	if err := one.Add(quarantine.Row{Object: "sample", Record: number, Raw: raw, Context: around}, true); err != nil {
		return nil, err
	}
	day := func(t time.Time) int32 { return int32(t.Unix() / 86400) }
	res, err := attempt.Run(ctx, attempt.Options{Job: "preview", Run: "preview", Plan: p.plan, Staging: memstore.New("sample"), Replay: one, TempDir: temp,
		MemoryBytes: 1 << 30, Threads: 1, Region: p.region, Account: p.account,
		MinDay: day(p.now.Add(-p.days.MaxAge)), MaxDay: day(p.now.Add(p.days.MaxFuture))},
		[]attempt.Object{{Object: one.Objects()[0], Captures: p.captures}})
	if err != nil {
		return nil, fmt.Errorf("record %d: %w", number, err)
	}
	if err := r.read(ctx, res); err != nil {
		return nil, fmt.Errorf("record %d: %w", number, err)
	}
	return r, nil
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

// read takes the result off the files that the attempt left.
func (r *previewed) read(ctx context.Context, res *attempt.Result) error {
	r.Kept = slices.Sorted(maps.Keys(res.Misses))
	switch {
	case len(res.Files) == 1:
		f := res.Files[0]
		r.Class, r.Partition = f.Class, f.Partition.Prefix()
		return r.row(ctx, f.Path)
	case res.QuarantinePath != "":
		h, err := os.Open(res.QuarantinePath)
		if err != nil {
			return err
		}
		defer h.Close()
		return quarantine.Read(ctx, h, func(q quarantine.Row) error {
			r.Class, r.Reason, r.Path, r.Message = q.Class, q.Reason, q.Path, q.Message
			return nil
		})
	case res.Totals().Filtered == 1:
		r.Filtered = true
		return nil
	}
	return fmt.Errorf("gave neither a row nor a reason, please report this")
}

// row reads the one row of a Parquet file back.
func (r *previewed) row(ctx context.Context, path string) error {
	pf, err := file.OpenParquetFile(path, false)
	if err != nil {
		return err
	}
	defer func() { _ = pf.Close() }() // only read
	fr, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: 1}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	rr, err := fr.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer rr.Release()
	if !rr.Next() {
		return fmt.Errorf("its file has no row: %w", rr.Err())
	}
	b := rr.RecordBatch()
	var fields []arrow.Field
	var columns []arrow.Array
	for i, f := range b.Schema().Fields() {
		if f.Name == "unmapped" {
			if u := render.JSON(nil, b.Column(i), 0, true); string(u) != "null" {
				r.Unmapped = u
			}
			continue
		}
		fields, columns = append(fields, f), append(columns, b.Column(i))
	}
	rest := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, b.NumRows())
	defer rest.Release()
	r.OCSF = render.Object(nil, rest, 0, true)
	return nil
}

// write shows the record to a person: raw beside OCSF where width has room for both, else one below the other.
func (r *previewed) write(w io.Writer, width int) {
	head := fmt.Sprintf("record %d: ", r.Record)
	switch {
	case r.Record == 0:
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
		fmt.Fprintf(w, "  not of the type that raw.sql gives: %s\n", render.Safe(strings.Join(r.Misfits, ", ")))
	}
	if len(r.Kept) > 0 {
		fmt.Fprintf(w, "  in unmapped, since their OCSF place did not take the value: %s\n", strings.Join(r.Kept, ", "))
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

// lines of a JSON value, made readable; a text is shown without quotes, cut where it is long.
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
