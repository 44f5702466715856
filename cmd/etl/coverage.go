package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/sample"
)

// coverage runs all records and prints the counts.
func (c *previewCmd) coverage(ctx context.Context, a *app, p *previewer, records iter.Seq2[sample.Record, error], temp string) error {
	counts := sample.NewCoverage(p.compiled)
	err := sample.Run(ctx, p.options(temp), records, func(_ sample.Record, out *sample.Outcome) error {
		counts.Add(out)
		return nil
	})
	var whole *decode.Reject
	if errors.As(err, &whole) {
		return fmt.Errorf("sample %s: %w; a run publishes nothing of such an object", c.Sample, whole)
	}
	if err != nil {
		return fmt.Errorf("sample %s: %w", c.Sample, err)
	}
	counts.Finish()
	if c.Output == "json" {
		return printJSON(a.stdout, counts)
	}
	return writeCoverage(a.stdout, counts, isTerminal(a.stdout))
}

// writeCoverage prints two tables: OCSF attributes, and raw fields.
func writeCoverage(w io.Writer, c *sample.Coverage, terminal bool) error {
	render.Fprintf(w, "%s: %s published, %s filtered, %s quarantined\n", human.Plural(c.Records, "record"), human.Count(c.Published), human.Count(c.Filtered), human.Count(c.Quarantined))
	for _, r := range c.Reasons {
		render.Fprintf(w, "  %s  %s  %s\n", human.Count(r.Records), strings.TrimSpace(r.Reason+" "+r.Path), r.Example)
	}
	t := render.Table{Header: []string{"OCSF attribute", "events", "%", "in unmapped", "example"}, Right: []bool{false, true, true, true, false}}
	class := ""
	several := len(classesOf(c)) > 1
	for _, x := range c.Attributes {
		if several && x.Class != class {
			class = x.Class
			t.Rows = append(t.Rows, []string{"# " + class, human.Count(x.Of), "", "", ""})
		}
		t.Rows = append(t.Rows, []string{x.Path, human.Count(x.Records), fmt.Sprintf("%.1f", x.Percent), blankZero(x.Kept), x.Example})
	}
	raw := render.Table{Header: []string{"raw field", "records", "%", "goes to", "in unmapped", "example"}, Right: []bool{false, true, true, false, true, false}}
	for _, f := range c.Fields {
		percent := 0.0
		if c.Records > 0 {
			percent = 100 * float64(f.Records) / float64(c.Records)
		}
		raw.Rows = append(raw.Rows, []string{f.Path, human.Count(f.Records), fmt.Sprintf("%.1f", percent), destination(f), blankZero(f.Unmapped), f.Example})
	}
	if terminal {
		t.MaxCell, raw.MaxCell = 60, 60
	}
	fmt.Fprintln(w)
	if err := t.Write(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return raw.Write(w)
}

func classesOf(c *sample.Coverage) map[string]bool {
	all := map[string]bool{}
	for _, x := range c.Attributes {
		all[x.Class] = true
	}
	return all
}

// destination describes in one table cell where the values of a field go.
func destination(f sample.FieldCount) string {
	var parts []string
	if len(f.To) > 0 {
		parts = append(parts, strings.Join(f.To, ", "))
	}
	if len(f.ReadBy) > 0 {
		s := "read by " + strings.Join(f.ReadBy, ", ")
		if f.Consumed {
			s += ", consumed"
		}
		parts = append(parts, s)
	}
	if f.Named != "" {
		parts = append(parts, "unmapped."+f.Named)
	}
	if len(f.To) == 0 && f.Named == "" && !f.Consumed {
		parts = append(parts, "unmapped")
	}
	switch {
	case f.Misfits > 0 && f.Parser != "":
		parts = append(parts, fmt.Sprintf("%s not read as %s", human.Count(f.Misfits), f.Parser))
	case f.Misfits > 0:
		parts = append(parts, fmt.Sprintf("%s not %s", human.Count(f.Misfits), f.Type))
	}
	if f.Lost > 0 {
		parts = append(parts, fmt.Sprintf("%s not published", human.Count(f.Lost)))
	}
	return strings.Join(parts, "; ")
}

func blankZero(n int64) string {
	if n == 0 {
		return ""
	}
	return human.Count(n)
}
