// Package sourcepage writes the page of a source from its mapping: what it maps, where each OCSF value comes from, what goes to
// unmapped, why a record can be refused, and an example. Nothing on the page is written by hand, so that it stays true.
package sourcepage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/mappingtest"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/sample"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/header"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// Source writes the page of a mapping. tempDir exists, and is left empty.
func Source(ctx context.Context, m *mappings.Mapping, compiled *sqlgen.Compiled, tempDir string) (string, error) {
	files, err := mappingtest.Load(m)
	if err != nil {
		return "", err
	}
	schema, err := ocsf.Load(compiled.Version)
	if err != nil {
		return "", err
	}
	w := &writer{schema: schema, files: m.Files}
	w.head(m, compiled)
	for _, l := range compiled.Lineage {
		w.lineage(l, len(compiled.Lineage) > 1)
	}
	w.reasons(compiled)
	w.tests(files)
	if err := w.example(ctx, m, compiled, files, tempDir); err != nil {
		return "", err
	}
	return w.b.String(), nil
}

type writer struct {
	b      strings.Builder
	schema *ocsf.Schema
	files  map[string]string // of the mapping
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

// head says what the source is: the comment that raw.sql begins with, format, classes.
func (w *writer) head(m *mappings.Mapping, compiled *sqlgen.Compiled) {
	w.line("# %s", cell(m.Name))
	w.line("<!-- Written by etl docs from the mapping; changes here are lost. -->")
	for _, p := range introduction(m.Files["raw.sql"], header.RawKeys()) {
		w.line("%s\n", p)
	}
	kind := "a folder of SQL"
	if m.Declarative() {
		kind = "declarative JSON"
	}
	w.line("| | |\n| --- | --- |")
	w.line("| mapping | %s |", kind)
	w.line("| format | %s |", format(m.Files["raw.sql"]))
	w.line("| OCSF | %s |", compiled.Version)
	var classes, profiles []string
	for _, l := range compiled.Lineage {
		if c := w.schema.Class(l.Class); c != nil {
			if text := fmt.Sprintf("%s (%s, %d)", c.Caption, c.Name, c.UID); !slices.Contains(classes, text) {
				classes = append(classes, text)
			}
		}
		for _, p := range l.Profiles {
			if !slices.Contains(profiles, p) {
				profiles = append(profiles, p)
			}
		}
	}
	w.line("| classes | %s |", strings.Join(classes, ", "))
	if len(profiles) > 0 {
		w.line("| profiles | %s |", strings.Join(profiles, ", "))
	}
	if len(compiled.KeyColumns) > 0 {
		w.line("| of the staging key | %s |", codes(compiled.KeyColumns))
	}
	w.line("")
}

// introduction is the comment above CREATE TABLE, or above a SELECT, by paragraphs, without lines of `-- key: value`.
func introduction(raw string, keys []string) (paragraphs []string) {
	var now []string
	flush := func() {
		if len(now) > 0 {
			paragraphs = append(paragraphs, strings.Join(now, " "))
		}
		now = nil
	}
	for _, line := range strings.Split(raw, "\n") {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "--")
		if !ok {
			break
		}
		text = strings.TrimSpace(text)
		if key, _, ok := strings.Cut(text, ": "); ok && !strings.ContainsAny(key, " /") && slices.Contains(keys, strings.ToLower(key)) {
			continue
		}
		if text == "" {
			flush()
			continue
		}
		now = append(now, text)
	}
	flush()
	return paragraphs
}

// format says what raw.sql's header says of the bytes.
func format(raw string) string {
	name, more := "json", []string(nil)
	for _, line := range strings.Split(raw, "\n") {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "--")
		if !ok {
			break
		}
		key, value, ok := strings.Cut(strings.TrimSpace(text), ": ")
		if !ok || !slices.Contains(header.RawKeys(), key) {
			continue
		}
		if key == "format" {
			name = strings.TrimSpace(value)
			continue
		}
		more = append(more, code(key+": "+strings.TrimSpace(value)))
	}
	return strings.Join(append([]string{cell(name)}, more...), ", ")
}

func (w *writer) lineage(l sqlgen.Lineage, several bool) {
	c := w.schema.Class(l.Class)
	title := l.Class
	if c != nil {
		title = c.Caption
	}
	if several {
		title += " (" + strings.TrimSuffix(l.File, ".sql") + ")"
	}
	w.line("## %s", title)
	for _, p := range introduction(w.files[l.File], header.SelectKeys()) {
		w.line("%s\n", p)
	}
	if l.Where != "" {
		w.line("Takes records for which %s.\n", code(l.Where))
	} else {
		w.line("Takes every record.\n")
	}
	for _, d := range l.Drops {
		w.line("Leaves out records for which %s.\n", code(d))
	}
	w.line("| OCSF | type | from | how |\n| --- | --- | --- | --- |")
	columns := slices.Clone(l.Columns)
	sort.SliceStable(columns, func(i, j int) bool { return order(columns[i]) < order(columns[j]) })
	var filled []sqlgen.LineageColumn
	for _, col := range columns {
		if col.Kind == sqlgen.LineageFilled {
			filled = append(filled, col)
			continue
		}
		if strings.HasPrefix(col.Path, "unmapped.") {
			continue
		}
		how := ""
		if col.Kind != sqlgen.LineageField {
			how = code(col.SQL)
		} else if names := strings.ReplaceAll(col.SQL, `"`, ""); len(col.Raw) != 1 || !strings.EqualFold(names, col.Raw[0]) {
			how = code(col.SQL)
		}
		from := codes(col.Raw)
		if col.Kind == sqlgen.LineageConstant {
			from = "constant"
		}
		w.line("| %s | %s | %s | %s |", code(col.Path), cell(col.Type), from, how)
	}
	for _, col := range filled {
		w.line("| %s | %s | filled | %s |", code(col.Path), cell(col.Type), cell(col.SQL))
	}
	w.line("")
	var named []string
	for _, col := range columns {
		if key, ok := strings.CutPrefix(col.Path, "unmapped."); ok {
			named = append(named, fmt.Sprintf("| %s | %s |", code(key), cmpOr(codes(col.Raw), code(col.SQL))))
		}
	}
	if len(named) > 0 {
		w.line("Kept in `unmapped` under a name of the mapping's:\n\n| key | from |\n| --- | --- |\n%s\n", strings.Join(named, "\n"))
	}
	if len(l.Rest) > 0 {
		w.line("Kept in `unmapped` under their own names, with all that raw.sql does not declare: %s.\n", codes(l.Rest))
	}
	if len(l.Consumes) > 0 {
		w.line("Used up by expressions, and in `unmapped` only where these did not come to be: %s.\n", codes(l.Consumes))
	}
	if len(l.Without) > 0 {
		w.line("Required by OCSF and left out on purpose: %s.\n", codes(l.Without))
	}
}

// order puts a class's columns in groups: time, then by path, what unmapped gets last.
func order(c sqlgen.LineageColumn) string {
	switch {
	case c.Path == "time":
		return ""
	case strings.HasPrefix(c.Path, "unmapped."):
		return "~"
	}
	return c.Path
}

func (w *writer) reasons(compiled *sqlgen.Compiled) {
	w.line("## Quarantine")
	w.line("A record is refused with one of these reasons.\n\n| reason | path | |\n| --- | --- | --- |")
	w.line("| `%s` |  | it is not what the format says |", decode.ReasonJSON)
	if slices.ContainsFunc(compiled.Projections, func(p sqlgen.Projection) bool { return len(p.TimeLeaves) > 0 }) &&
		!slices.ContainsFunc(compiled.Reasons, func(r sqlgen.Reason) bool { return r.Code == sqlgen.ReasonTimeUnreadable }) {
		w.line("| `%s` | `time` | the value for time is no time |", sqlgen.ReasonTimeUnreadable)
	}
	seen := map[string]bool{}
	for _, r := range compiled.Reasons {
		line := fmt.Sprintf("| `%s` | %s | %s |", r.Code, codes(nonEmpty(r.Path)), cell(r.Message))
		if r.Code == sqlgen.ReasonDropped || seen[line] {
			continue
		}
		seen[line] = true
		w.line("%s", line)
	}
	w.line("\nBesides, what any record or object can be refused for: broken text, days outside `event_days`, account ids that are none.\n")
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (w *writer) tests(files []*mappingtest.File) {
	n := 0
	for _, f := range files {
		n += len(f.Cases)
	}
	w.line("## Tests")
	if n == 0 {
		w.line("There are none yet.\n")
		return
	}
	w.line("`etl test` runs them.\n")
	for _, f := range files {
		for _, c := range f.Cases {
			w.line("- %s", cell(c.Name))
		}
	}
	w.line("")
}

// example shows the first test whose record becomes an event, before and after.
func (w *writer) example(ctx context.Context, m *mappings.Mapping, compiled *sqlgen.Compiled, files []*mappingtest.File, tempDir string) error {
	for _, f := range files {
		for _, c := range f.Cases {
			if len(c.Wants) != 1 || c.Wants[0].Kind != mappingtest.Event || len(c.Records) != 1 {
				continue
			}
			captures := c.Captures.Columns(compiled.KeyColumns)
			var raw []byte
			var out *sample.Outcome
			one := func(yield func(sample.Record, error) bool) {
				yield(sample.Record{Number: 1, Raw: c.Records[0], Captures: captures}, nil)
			}
			o := sample.Options{Compiled: compiled, Region: "us-east-1", Account: "external", MinDay: -1 << 20, MaxDay: 1 << 20, TempDir: tempDir}
			err := sample.Run(ctx, o, one, func(r sample.Record, x *sample.Outcome) error { raw, out = r.Raw, x; return nil })
			if err != nil {
				return fmt.Errorf("example of %s: %w", m.Name, err)
			}
			if out == nil || out.OCSF == nil {
				continue
			}
			w.line("## Example")
			w.line("%s. The record:\n", capital(cell(c.Name)))
			w.block(raw)
			w.line("The event:\n")
			w.block(out.OCSF)
			if out.Unmapped != nil {
				w.line("`unmapped`:\n")
				w.block(out.Unmapped)
			}
			return nil
		}
	}
	return nil
}

func (w *writer) block(v []byte) {
	kind := "json"
	if json.Valid(v) {
		v = render.Indent(v)
	} else {
		kind = ""
	}
	fence := "```"
	for strings.Contains(string(v), fence) {
		fence += "`"
	}
	w.line("%s%s\n%s\n%s\n", fence, kind, strings.TrimSpace(string(v)), fence)
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// cell is a text in a table's cell.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;").Replace(s)
}

// code is a text in code, within a table's cell.
func code(s string) string {
	if s == "" {
		return ""
	}
	s = strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(s)
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}

func codes(all []string) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = code(s)
	}
	return strings.Join(out, ", ")
}
