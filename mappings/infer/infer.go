// Package infer reads a sample of a source's records and writes a first mapping of it: raw.sql with types that hold for each
// record seen, and a SELECT with OCSF paths for the fields it recognises by name and value, each with the reason.
//
// It suggests and never decides: what it is not sure of is a comment. Memory is bounded, whatever the sample's size: of a
// field counts and a few values are kept, of paths the first some thousand.
package infer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
)

// Options of Infer.
type Options struct {
	// Name of the source, for metadata.product.name and comments.
	Name string
	// Class is the event class to write; "": the best-scoring one.
	Class string
	// Version of OCSF; "": ocsf.DefaultVersion.
	Version string
	// Limit is how many records of each sample are read, 0 for all.
	Limit int64
	// Stopped returns why reading must stop, or nil. nil: it never does.
	Stopped func() error
}

// Sample is one object of raw records.
type Sample struct {
	Name string
	Body io.Reader
	// Changed is when it was last changed, zero if that is not known: a hint of time zones.
	Changed time.Time
}

// Result is a first mapping and what it is made of.
type Result struct {
	Name   string `json:"name"`
	Format string `json:"format"`
	// FormatEvidence says why, "" for JSON.
	FormatEvidence string         `json:"format_evidence,omitempty"`
	Records        int64          `json:"records"`
	Rejected       int64          `json:"rejected,omitempty"` // records that cannot be read: they go to quarantine
	Reasons        map[string]int `json:"reasons,omitempty"`  // of those, by code
	Sampled        bool           `json:"sampled,omitempty"`  // Limit was reached: more records follow
	Notes          []string       `json:"notes,omitempty"`
	Shipped        string         `json:"shipped_mapping,omitempty"` // that etl has for such records
	Class          string         `json:"class"`
	Classes        []Score        `json:"classes"`
	Times          []Time         `json:"times"`
	Fields         []Field        `json:"fields"`
	Files          []diag.File    `json:"-"`
}

// Time is a field that holds times.
type Time struct {
	Field    string `json:"field"`
	Format   string `json:"format"`
	Evidence string `json:"evidence"`
	Zone     string `json:"zone"`
}

// Field is a field of raw.sql.
type Field struct {
	Path    string   `json:"path"`
	Type    string   `json:"type"`
	Present int64    `json:"present"` // values other than null
	Role    string   `json:"role,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	OCSF    []string `json:"ocsf,omitempty"`
	Notes   []string `json:"notes,omitempty"`

	keys []string
}

// inference is one on its way.
type inference struct {
	*profiler
	name       string
	samples    []string
	text       bool // all values are text: the format has no types
	rules      []rule
	candidates []candidate
	schema     *ocsf.Schema
	profiles   []string
	changed    time.Time
	format     *decode.Format
	shape      shape
	header     []string // of raw.sql
	left       []string // paths that are not declared, and why
	hints      []string // comments of the SELECT
	cols       []*column
	windows    *windowsLog // nil: the records are not Windows events
	where      string      // of the SELECT
	kind       *eventKind  // that the SELECT is for, nil: all records
	idSQL      string      // of the event id
}

// LeastScore is what a class needs to be chosen without Options.Class.
const LeastScore = 4.0

// ErrNoRecords is what Infer gives of samples without a record that can be read.
var ErrNoRecords = errors.New("no record can be read")

// ErrClass is wrapped where Options.Class is none.
var ErrClass = errors.New("no such class")

// Infer reads the samples and writes a mapping of them.
func Infer(samples []Sample, o Options) (*Result, error) {
	if o.Version == "" {
		o.Version = ocsf.DefaultVersion
	}
	schema, err := ocsf.Load(o.Version)
	if err != nil {
		return nil, err
	}
	if o.Class != "" && schema.Class(o.Class) == nil {
		near := schema.NearestClass(o.Class)
		if near != "" {
			near = "; did you mean " + near + "?"
		}
		return nil, fmt.Errorf("%w in OCSF %s: %q%s", ErrClass, o.Version, o.Class, near)
	}
	in := &inference{profiler: newProfiler(), name: oneLine(o.Name), rules: rules(), candidates: candidates(), schema: schema}
	res := &Result{Name: o.Name, Format: "json", Reasons: map[string]int{}}
	for _, s := range samples {
		if err := in.read(s, o, res); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		in.samples = append(in.samples, s.Name)
	}
	res.Records = in.records
	if in.records == 0 {
		why := ""
		for code, n := range res.Reasons {
			why += fmt.Sprintf("; %d: %s", n, code)
		}
		return nil, fmt.Errorf("%s: %w%s", strings.Join(in.samples, ", "), ErrNoRecords, why)
	}
	in.finish(res, o.Class)
	return res, nil
}

// read takes all records of a sample, up to Options.Limit. All samples are of the first one's format.
func (in *inference) read(s Sample, o Options, res *Result) error {
	if s.Changed.After(in.changed) {
		in.changed = s.Changed
	}
	body := bufio.NewReaderSize(s.Body, headBytes)
	if in.format == nil {
		in.shape = detect(body)
		var f decode.Format
		f, in.header, res.FormatEvidence = in.shape.format, in.shape.header, in.shape.why
		if in.shape.windows && o.Class == "" {
			in.windows = newWindowsLog()
		}
		if in.shape.windows {
			in.nothing = "-"
		}
		in.format, in.text, res.Format = &f, f.Text(), string(f.Name)
		if in.shape.columns == nil {
			in.shape.columns = f.Columns
		}
		for _, c := range in.shape.columns {
			if !in.shape.syslog {
				in.child(in.root, c)
			}
		}
	}
	spec := &decode.Spec{Format: *in.format}
	for _, c := range in.shape.columns {
		spec.Leaves = append(spec.Leaves, decode.Leaf{Path: []string{c}, Kind: decode.Text})
	}
	keys := decode.NewKeys()
	expander := decode.NewExpander(keys)
	records := decode.NewRecords(spec, keys, decode.Options{Stopped: o.Stopped})
	records.Open(body)
	for n := int64(0); ; n++ {
		_, raw, rej, err := records.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if o.Limit > 0 && n >= o.Limit {
			res.Sampled = true
			return nil
		}
		switch {
		case rej != nil:
			res.Rejected++
			res.Reasons[rej.Code]++
		case !in.text:
			in.first.Object(records.Object(raw))
			if context := records.Context(); !in.shape.cloudWatch || !bytes.Contains(context, []byte(`"CONTROL_MESSAGE"`)) {
				in.record(records.Object(raw))
				if len(in.format.Records) > 0 && context != nil {
					in.around(context, in.format.Records[0])
				}
			}
			if in.windows != nil {
				in.windows.add(records.Object(raw))
			}
		default:
			entries, err := expander.Expand(records.Rest(), nil)
			if err != nil {
				return err
			}
			in.first.Line(raw)
			in.first.Fields(namedValues(in.shape.columns, records.Values(), entries))
			in.texts(in.shape.columns, records.Values(), entries)
		}
	}
}

// namedValues are the fields of a record that was text. A column without a value is one too.
func namedValues(columns []string, values []decode.Value, more []decode.Entry) (names []string, texts [][]byte) {
	for i, v := range values {
		names, texts = append(names, columns[i]), append(texts, v.Text)
	}
	for _, e := range more {
		names, texts = append(names, e.Key), append(texts, e.Value)
	}
	return names, texts
}

// texts takes a record that was text: the fields of its columns, and others by their names.
func (in *inference) texts(columns []string, values []decode.Value, more []decode.Entry) {
	in.records++
	if in.shape.syslog {
		in.syslogLine(columns[0], values[0].Text)
		return
	}
	for i, v := range values {
		if v.Set {
			in.scalar(in.child(in.root, columns[i]), v.Text, true)
		}
	}
	for _, e := range more {
		at := in.root
		name, inside := strings.CutPrefix(e.Key, syslogKey+".")
		if inside { // a syslog header stands before the record
			if at = in.child(in.root, syslogKey); at == nil {
				continue
			}
			if at.seen < in.records {
				at.seen++
				at.objects++
			}
		}
		if !inside && in.shape.closed { // raw.sql declares only what it names
			continue
		}
		if c := in.child(at, name); c != nil && (len(e.Value) == 0 || e.Value[0] != '[') {
			in.scalar(c, e.Value, true)
		}
	}
}

// syslogKey is where the fields of a syslog header are that stands before key=value, CEF and LEEF records.
const syslogKey = "syslog"

// finish settles types, roles, class and texts.
func (in *inference) finish(res *Result, class string) {
	in.nulls(res)
	in.cols = in.columns(in.root)
	if len(in.cols) == 0 { // records without a field that can be named: a table has a column
		in.cols = []*column{{field: &field{name: "nothing", path: []string{"nothing"}}, typ: "VARCHAR", notes: []string{"no record has a field with a name"}}}
	}
	all := leaves(in.cols)
	res.Classes = in.score(all)
	if res.Class = class; class == "" {
		if res.Class = "base_event"; res.Classes[0].Score >= LeastScore {
			res.Class = res.Classes[0].Class
		}
	}
	if len(in.dropped) > 0 {
		dropped := sortedNames(in.dropped)
		res.Notes = append(res.Notes, fmt.Sprintf("the sample has more fields than etl infer counts (%d in all, %d in one object): not all of them are declared (example: %s)", maxFields, maxChildren, strings.Join(firstOf(dropped, 3), ", ")))
	}
	if res.Sampled {
		res.Notes = append(res.Notes, "not all records were read: the types hold for those that were")
	}
	in.packed(all, res)
	in.syslogMessage(res)
	var placed map[string][]string
	byID := false
	if in.windows != nil {
		placed, byID = in.windows.selects(in, all, res)
	}
	c := in.schema.Class(res.Class)
	var outs []output
	var without []string
	if !byID {
		placed = map[string][]string{}
		outs, without = in.project(c, all)
	}
	for _, o := range outs {
		if o.col != nil && o.off == "" {
			placed[o.col.dotted()] = append(placed[o.col.dotted()], o.path)
		}
	}
	for _, col := range all {
		f := Field{Path: col.dotted(), Type: col.typ, Present: col.seen, Role: string(col.role), Reason: col.reason, Notes: col.notes, OCSF: placed[col.dotted()], keys: col.path}
		res.Fields = append(res.Fields, f)
		if col.time != nil {
			res.Times = append(res.Times, Time{col.dotted(), col.time.format, col.time.evidence, col.time.zone})
		}
		if col.role == roleHash {
			in.hints = append(in.hints, fmt.Sprintf("%s: %s; hashes are a list of objects in OCSF (file.hashes)", col.dotted(), col.reason))
		}
		if col.role == "" && len(placed[col.dotted()]) == 0 && col.reason != "" {
			in.hints = append(in.hints, fmt.Sprintf("%s: %s", col.dotted(), col.reason))
		}
	}
	res.Notes = append(res.Notes, in.left...)
	res.Shipped = in.first.Mapping()
	raw := diag.File{Path: "raw.sql", Text: in.rawSQL()}
	if !byID {
		res.Files = []diag.File{{Path: res.Class + ".sql", Text: in.selectSQL(c, outs, without)}}
	}
	res.Files = slices.Insert(res.Files, 0, raw)
}

// packed tells of fields whose text holds fields of its own, and of records that are envelopes of others.
func (in *inference) packed(all []*column, res *Result) {
	for _, c := range all {
		if c.scalars > 0 && c.share(isWindowsEvent) >= enough {
			res.Notes = append(res.Notes, fmt.Sprintf("%s is text of \"Key: value\" lines, as Windows describes events", c.dotted()))
		}
	}
	if len(in.root.children) > 0 {
		for _, c := range in.root.children {
			if c.arrays == in.records && c.elem != nil && c.elem.objects > 0 && c.elem.objects == c.elem.seen && len(in.root.children) <= 4 && c.elem.objects >= 2*in.records {
				res.Notes = append(res.Notes, fmt.Sprintf("%s looks like an envelope: if its elements are the records, write -- records: %[1]s into raw.sql", c.dotted()))
				continue
			}
			in.lists(c, res)
		}
	}
}

// eventLists are names of lists whose elements are events of their own.
var eventLists = regexp.MustCompile(`(?i)^(events?|evidences?|alerts|detections|findings|activities|actions|flows|entries|log_?s|records)$`)

// lists tells of lists of objects, also in objects, of which each element can be an event.
func (in *inference) lists(f *field, res *Result) {
	if in.format.Name != decode.FormatJSON {
		return
	}
	if f.objects > 0 && len(f.path) < maxEventDepth {
		for _, c := range f.children {
			in.lists(c, res)
		}
	}
	if f.elem == nil || f.elem.objects == 0 || f.elem.objects < f.elem.seen || !plainPath(f.path) {
		return
	}
	why := ""
	switch {
	case hasAddresses(f.elem):
		why = "with addresses"
	case slices.ContainsFunc(f.elem.children, func(c *field) bool { return c.share(isISOTime) >= enough }):
		why = "with times"
	case eventLists.MatchString(f.name):
		why = "called " + f.name
	default:
		return
	}
	res.Notes = append(res.Notes, fmt.Sprintf("%s is a list of objects %s: if each of them is an event, write -- events: %[1]s into raw.sql, and declare the STRUCT of one element", f.dotted(), why))
}

// maxEventDepth is how deep in objects lists of events are looked for.
const maxEventDepth = 4

// hasAddresses says whether fields of an object hold addresses, with or without a port.
func hasAddresses(f *field) bool {
	return slices.ContainsFunc(f.children, func(c *field) bool {
		return c.share(isIP) >= enough || c.scalars > 0 && !slices.ContainsFunc(c.order, func(v string) bool { return !addressPort.MatchString(v) })
	})
}

// addressPort is an address with a port.
var addressPort = regexp.MustCompile(`^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$`)

func (in *inference) undeclared(f *field, why string) {
	in.left = append(in.left, fmt.Sprintf("%s (%s)", f.dotted(), why))
}

func described(records int64, samples []string) string {
	n := fmt.Sprintf("%d records of ", records)
	if records == 1 {
		n = "1 record of "
	}
	return n + strings.Join(samples, ", ")
}

func sortedNames(m map[string]bool) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
