package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/capture"
	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/internal/tempdir"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// unreadShown bounds the diagnostics about fields that no SELECT reads; the coverage in --output json has all of them.
const unreadShown = 20

// sensitiveShown likewise, about fields that look like secrets or personal data.
const sensitiveShown = 20

// checkSample runs a sample through a mapping, or through that of a job, and reports what its author should know.
func (a *app) checkSample(ctx context.Context, p *previewCmd) (*sample.Coverage, diag.List, error) {
	run, err := p.previewer(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	in, err := p.open(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	temp, err := tempdir.New("", "check")
	if err != nil {
		return nil, nil, err
	}
	defer temp.Remove()
	coverage, zones := sample.NewCoverage(run.compiled), sample.NewZones(run.compiled)
	options := run.options(temp.Path)
	options.Sensitive = true
	err = sample.Run(ctx, options, sample.ReadObject(ctx, in, run.compiled, run.captures.Columns(run.compiled.KeyColumns)), func(r sample.Record, out *sample.Outcome) error {
		coverage.Add(out)
		return zones.Add(r, out)
	})
	var whole *decode.Reject
	if errors.As(err, &whole) {
		return nil, diag.List{{File: p.Sample, Code: diag.SampleQuarantine, Message: whole.Error() + "; a run publishes nothing of such an object"}}, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("sample %s: %w", p.Sample, err)
	}
	coverage.Finish()
	return coverage, sampleDiagnostics(run.compiled, coverage, zones, run.withoutKey()), nil
}

// withoutKey names the captures that are NULL because the sample has no staging key.
func (p *previewer) withoutKey() (names []string) {
	for _, n := range p.compiled.KeyColumns {
		if _, ok := p.captures[n]; !ok && !capture.IsAdded(n) {
			names = append(names, "key."+n)
		}
	}
	return names
}

// quarantineHint says what to try about records that are quarantined for lack of a value. withoutKey are captures that are NULL because the
// sample has no staging key: they matter only to columns that read them.
func quarantineHint(compiled *sqlgen.Compiled, r sample.ReasonCount, withoutKey []string) string {
	if !slices.Contains([]string{sqlgen.ReasonTimeMissing, sqlgen.ReasonTimeUnreadable, sqlgen.ReasonYearUnknown, sqlgen.ReasonMissingRequired}, r.Reason) {
		return ""
	}
	path := r.Path
	if r.Reason != sqlgen.ReasonMissingRequired {
		path = "time"
	}
	var null []string
	for _, l := range compiled.Lineage {
		for _, column := range l.Columns {
			if column.Path != path && !strings.HasPrefix(column.Path, path+".") {
				continue
			}
			for _, name := range withoutKey {
				if slices.Contains(column.Raw, name) && !slices.Contains(null, name) {
					null = append(null, name)
				}
			}
		}
	}
	switch {
	case len(null) == 1:
		return null[0] + " is NULL without a staging key: --key KEY --key-pattern PATTERN gives one"
	case len(null) > 1:
		return strings.Join(null, ", ") + " are NULL without a staging key: --key KEY --key-pattern PATTERN gives one"
	case r.Reason == sqlgen.ReasonMissingRequired:
		return "to publish records without it: `-- without: " + r.Path + "`"
	}
	return ""
}

func sampleDiagnostics(compiled *sqlgen.Compiled, c *sample.Coverage, zones *sample.Zones, withoutKey []string) diag.List {
	places := newPlaces(compiled)
	var list diag.List
	add := func(at diag.Diagnostic, severity diag.Severity, code diag.Code, format string, args ...any) {
		at.Severity, at.Code, at.Message = severity, code, render.Safe(fmt.Sprintf(format, args...))
		list.Add(at)
	}
	for _, r := range c.Reasons {
		path := ""
		if r.Path != "" {
			path = " " + r.Path
		}
		severity := diag.Warning
		if c.Published+c.Filtered == 0 {
			severity = diag.Error
		}
		at := places.of(r.Path)
		at.Hint = quarantineHint(compiled, r, withoutKey)
		add(at, severity, diag.SampleQuarantine, "%s of %s would go to quarantine, %s%s: %s", human.Count(r.Records), human.Plural(c.Records, "record"), r.Reason, path, r.Example)
	}
	if zones.Records > 0 {
		add(places.of("time"), diag.Warning, diag.SampleZone, "time is read as UTC in %s, but the record says how far it is from UTC (example: %s)", human.Plural(zones.Records, "record"), zones.Example)
	}
	for _, f := range c.Fields {
		if f.Misfits > 0 {
			example := ""
			if f.Misfit != "" {
				example = " (example: " + strconv.Quote(f.Misfit) + ")"
			}
			at := diag.Diagnostic{File: f.File, Line: f.Line, Column: f.Column}
			if f.Parser != "" {
				add(at, diag.Warning, diag.SampleMisfit, "%s could not be read as %s in %s of %s%s", f.Path, f.Parser, human.Count(f.Misfits), human.Plural(c.Records, "record"), example)
				continue
			}
			add(at, diag.Warning, diag.SampleMisfit, "%s does not have the type %[4]s in %[2]s of %[3]s%[5]s", f.Path, human.Count(f.Misfits), human.Plural(f.Records, "value"), f.Type, example)
		}
	}
	for _, x := range c.Attributes {
		if x.Kept > 0 {
			add(places.of(x.Path), diag.Warning, diag.SampleKept, "%s could not take its value in %s; the value is in unmapped%s", x.Path, human.Plural(x.Kept, "record"), whyKept(compiled, &x))
		}
		if x.Without > 0 {
			add(places.of(x.Path), diag.Warning, diag.SampleWithout, "%s would be published without %s, which OCSF requires", human.Plural(x.Without, "record"), x.Path)
		}
	}
	for i, s := range c.Sensitive {
		if i == sensitiveShown {
			add(places.first, diag.Warning, diag.SampleSensitive, "%d more fields look like secrets or personal data (--output json has all)", len(c.Sensitive)-i)
			break
		}
		at := places.of(s.Path)
		at.Hint = "to keep it out of the lake: `-- discard: " + s.Path + "`, or `-- redact: " + s.Path + " AS hash`"
		add(at, diag.Warning, diag.SampleSensitive, "%s looks like %s in %s", s.Path, s.Looks, human.Plural(s.Records, "record"))
	}
	unread := c.Unread()
	for i, f := range unread {
		at := places.of(f.Path)
		if i == unreadShown {
			add(at, diag.Note, diag.SampleUnread, "no SELECT reads %d more fields (--output json has all)", len(unread)-i)
			break
		}
		add(at, diag.Note, diag.SampleUnread, "no SELECT reads %s, which is in %s of %s (example: %s)", f.Path, human.Count(f.Unmapped), human.Plural(c.Published, "event"), strconv.Quote(f.Example))
	}
	return list
}

// whyKept shows the value that an attribute did not take, and says what is wrong with it if that is known.
func whyKept(compiled *sqlgen.Compiled, x *sample.AttributeCount) string {
	if x.KeptExample == "" {
		return ""
	}
	if x.KeptRead {
		return " (example: made from " + x.KeptField + " = " + strconv.Quote(x.KeptExample) + ")"
	}
	why := ""
	if schema, err := ocsf.Load(compiled.Version); err == nil && schema.Class(x.Class) != nil {
		if r, err := schema.Resolve(schema.Class(x.Class), x.Path); err == nil && !r.Leaf.IsArray {
			if fault := cast.Fault(r.Leaf, x.KeptExample); fault != "" {
				why = "; " + fault
			}
		}
	}
	return " (example: " + strconv.Quote(x.KeptExample) + why + ")"
}

func sampleLine(c *sample.Coverage) string {
	return fmt.Sprintf("sample: %s: %s published, %s filtered, %s quarantined", human.Plural(c.Records, "record"), human.Count(c.Published), human.Count(c.Filtered), human.Count(c.Quarantined))
}

// places has the place in the mapping of each raw field and each OCSF attribute.
type places struct {
	at    map[string]diag.Diagnostic
	first diag.Diagnostic
}

func newPlaces(compiled *sqlgen.Compiled) *places {
	p := &places{at: map[string]diag.Diagnostic{}}
	for _, l := range compiled.Flows {
		if l.File != "" && p.first.File == "" {
			p.first = diag.Diagnostic{File: l.File}
		}
		for _, f := range l.Flows {
			if _, ok := p.at[f.Path]; !ok {
				p.at[f.Path] = diag.Diagnostic{File: f.File, Line: f.Line, Column: f.Column}
			}
		}
	}
	for _, l := range compiled.Flows {
		if l.Line > 0 {
			p.at[l.Raw] = diag.Diagnostic{File: l.File, Line: l.Line, Column: l.Column}
		}
	}
	return p
}

// of gives the place of a path, or the mapping as a whole.
func (p *places) of(path string) diag.Diagnostic {
	if f, ok := p.at[path]; ok {
		return f
	}
	for _, below := range slices.Sorted(maps.Keys(p.at)) {
		if strings.HasPrefix(below, path+".") {
			return p.at[below]
		}
	}
	return p.first
}
