// Package sourcepage writes the page of a source from its mapping: what it maps, where each OCSF value comes from, what goes to
// unmapped, why a record can be refused, and an example. Only what the mapping cannot say is written by hand, in its page.md: how
// logs are delivered, what they cost, what to ask the table.
package sourcepage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/human"
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
	page, err := m.Page()
	if err != nil {
		return "", err
	}
	if page = strings.TrimSpace(strings.ReplaceAll(page, "\r\n", "\n")); page != "" {
		w.line("%s\n", page)
	}
	for _, l := range compiled.Lineage {
		w.lineage(l, len(compiled.Lineage) > 1)
	}
	w.newFields(&compiled.Scan.Format)
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

// width is how many characters a line of a page has at most.
const width = 120

// text writes a paragraph.
func (w *writer) text(format string, args ...any) {
	w.b.WriteString(human.Wrap(fmt.Sprintf(format, args...), "", "", width) + "\n\n")
}

// item writes an item of a list.
func (w *writer) item(format string, args ...any) {
	w.b.WriteString(human.Wrap(fmt.Sprintf(format, args...), "- ", "  ", width) + "\n")
}

// introduction writes a comment: its paragraphs, and its links as a list.
func (w *writer) introduction(text string, keys []string) {
	links := false
	for _, p := range introduction(text, keys) {
		link := strings.HasPrefix(p, "https://")
		if links && !link {
			w.line("")
		}
		if links = link; link {
			w.item("%s", plain(p))
		} else {
			w.text("%s", plain(p))
		}
	}
	if links {
		w.line("")
	}
}

// head says what the source is: the comment that raw.sql begins with, format, classes.
func (w *writer) head(m *mappings.Mapping, compiled *sqlgen.Compiled) {
	w.line("# %s", plain(m.Name))
	w.line("<!-- Written by etl docs from the mapping; changes here are lost. -->")
	w.introduction(m.Files["raw.sql"], header.RawKeys())
	kind := "a folder of SQL"
	if m.Declarative() {
		kind = "declarative JSON"
	}
	w.item("Mapping: %s", kind)
	w.item("Format: %s", format(m.Files["raw.sql"]))
	w.item("OCSF version: %s", compiled.Version)
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
	w.item("Classes: %s", strings.Join(classes, ", "))
	if len(profiles) > 0 {
		w.item("Profiles: %s", strings.Join(profiles, ", "))
	}
	if len(compiled.KeyColumns) > 0 {
		w.item("Captures of the staging key: %s", codes(compiled.KeyColumns))
	}
	left := map[redact.How][]string{}
	for _, r := range compiled.Scan.Redact {
		left[r.How] = append(left[r.How], strings.Join(r.Path, "."))
	}
	for _, how := range []struct {
		redact.How
		text string
	}{{redact.Discard, "Discarded, so that nothing of their values is kept"}, {redact.Hash, "Only a keyed hash is kept of"}, {redact.Mask, "Masked"}, {redact.Last4, "Only the last four characters are kept of"}} {
		if len(left[how.How]) > 0 {
			w.item("%s: %s", how.text, codes(left[how.How]))
		}
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
		link := strings.HasPrefix(text, "https://")
		if text == "" || link {
			flush()
		}
		switch {
		case link:
			paragraphs = append(paragraphs, text)
		case text != "":
			now = append(now, text)
		}
	}
	flush()
	return paragraphs
}

// mostPatterns are shown on a page.
const mostPatterns = 5

// format says what raw.sql's header says of the bytes.
func format(raw string) string {
	name, more, patterns := "json", []string(nil), []string(nil)
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
		item := code(key + ": " + strings.TrimSpace(value))
		if key == "pattern" {
			patterns = append(patterns, item)
		} else {
			more = append(more, item)
		}
	}
	if len(patterns) > mostPatterns { // a reader looks at raw.sql for the one that matters
		patterns = []string{fmt.Sprintf("%d patterns, one for each form of a line", len(patterns))}
	}
	more = append(more, patterns...)
	return strings.Join(append([]string{plain(name)}, more...), ", ")
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
	w.introduction(w.files[l.File], header.SelectKeys())
	switch {
	case l.Otherwise && l.Where != "":
		w.text("Maps records that no other SELECT maps, and for which %s.", code(l.Where))
	case l.Otherwise:
		w.text("Maps every record that no other SELECT maps.")
	case l.Where != "":
		w.text("Maps records for which %s.", code(l.Where))
	default:
		w.text("Maps every record.")
	}
	for _, d := range l.Drops {
		w.text("Filters records for which %s.", code(d))
	}
	w.text("Attributes, with OCSF's type and where the value comes from:")
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
		w.item("%s (%s): %s", code(col.Path), plain(col.Type), origin(col))
	}
	for _, col := range filled {
		w.item("%s (%s): filled with %s", code(col.Path), plain(col.Type), plain(col.SQL))
	}
	w.line("")
	var named []string
	for _, col := range columns {
		if key, ok := strings.CutPrefix(col.Path, "unmapped."); ok {
			named = append(named, fmt.Sprintf("%s from %s", code(key), cmpOr(codes(col.Raw), code(col.SQL))))
		}
	}
	if len(named) > 0 {
		w.text("Kept in `unmapped`, under a name that the mapping gives:")
		for _, n := range named {
			w.item("%s", n)
		}
		w.line("")
	}
	if len(l.Rest) > 0 {
		w.text("Kept in `unmapped` under their own names, with everything that raw.sql does not declare: %s.", codes(l.Rest))
	}
	if len(l.Consumes) > 0 {
		w.text("Kept in `unmapped` only where the event does not give the raw value back: %s.", codes(l.Consumes))
	}
	if len(l.Without) > 0 {
		w.text("Required by OCSF, and left out on purpose: %s.", codes(l.Without))
	}
}

// origin says where the value of a column comes from.
func origin(col sqlgen.LineageColumn) string {
	from, sql := codes(col.Raw), code(col.SQL)
	switch {
	case col.Kind == sqlgen.LineageConstant || from == "":
		return "constant " + sql
	case col.Kind == sqlgen.LineageField && len(col.Raw) == 1 && strings.EqualFold(strings.ReplaceAll(col.SQL, `"`, ""), col.Raw[0]):
		return from
	}
	return sql + ", from " + from
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

// newFields says how a field shows up that a newer version of the product adds.
func (w *writer) newFields(f *decode.Format) {
	text, isReported := "A field that raw.sql does not declare goes to `unmapped` under its own dotted name.", true
	switch {
	case f.Name == decode.FormatLine && f.Pattern != nil:
		text = fmt.Sprintf("A line that a newer version writes in another way does not match the pattern, and goes to quarantine as `%s`.", decode.ReasonNoMatch)
		isReported = false
	case f.Name == decode.FormatCSV && f.Closed:
		text = fmt.Sprintf("A record with more fields than its list of columns goes to quarantine as `%s`.", decode.ReasonColumns)
		isReported = false
	case f.Name == decode.FormatCSV && f.Header == decode.HeaderNo:
		text = fmt.Sprintf("A field after the columns of raw.sql goes to `unmapped`, named by its number (example: `column_%d`).", len(f.Columns)+1)
	case f.Name == decode.FormatCSV:
		text = "A column that raw.sql does not declare goes to `unmapped` under its name in the header."
	}
	w.line("## New fields")
	if isReported {
		text += fmt.Sprintf(" The first run that publishes a new field reports it once (example: `new field %s in 1,204 records, kept in unmapped`).", newFieldExample(f))
	}
	w.text("%s", text)
}

func newFieldExample(f *decode.Format) string {
	if f.Name == decode.FormatCSV && f.Header == decode.HeaderNo {
		return fmt.Sprintf("column_%d", len(f.Columns)+1)
	}
	return "verdict"
}

func (w *writer) reasons(compiled *sqlgen.Compiled) {
	w.line("## Quarantine")
	w.text("Reasons for which a record goes to quarantine:")
	w.item("`%s`: the record does not have the declared format", decode.ReasonJSON)
	if slices.ContainsFunc(compiled.Projections, func(p sqlgen.Projection) bool { return len(p.TimeLeaves) > 0 }) &&
		!slices.ContainsFunc(compiled.Reasons, func(r sqlgen.Reason) bool { return r.Code == sqlgen.ReasonTimeUnreadable }) {
		w.item("`%s` (`time`): the value for time cannot be read as a time", sqlgen.ReasonTimeUnreadable)
	}
	seen := map[string]bool{}
	for _, r := range compiled.Reasons {
		reason := fmt.Sprintf("`%s`: %s", r.Code, plain(r.Message))
		if r.Path != "" {
			reason = fmt.Sprintf("`%s` (%s): %s", r.Code, code(r.Path), plain(r.Message))
		}
		if r.Code == sqlgen.ReasonDropped || seen[reason] {
			continue
		}
		seen[reason] = true
		w.item("%s", reason)
	}
	w.line("")
	w.text("Further reasons apply to records and objects of every source: broken text, days outside `event_days`, invalid account IDs.")
}

func (w *writer) tests(files []*mappingtest.File) {
	n := 0
	for _, f := range files {
		n += len(f.Cases)
	}
	w.line("## Tests")
	if n == 0 {
		w.text("This mapping has no tests yet.")
		return
	}
	w.text("`etl test` runs these tests:")
	for _, f := range files {
		for _, c := range f.Cases {
			w.item("%s", plain(c.Name))
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
			isCut := false
			if len(compiled.Scan.Redact) > 0 {
				w.text("%s. The record is not shown, because the mapping discards or redacts fields. The event, with hashes of a key for tests:", capital(plain(c.Name)))
			} else {
				w.text("%s. The record:", capital(plain(c.Name)))
				isCut = w.block(raw)
				w.text("The event:")
			}
			isCut = w.block(out.OCSF) || isCut
			if out.Unmapped != nil {
				w.text("`unmapped`:")
				isCut = w.block(out.Unmapped) || isCut
			}
			if isCut {
				w.text("Lines that end in `...` are cut off.")
			}
			return nil
		}
	}
	return nil
}

// block writes a record or an event, and says whether lines of it are cut off.
func (w *writer) block(v []byte) (isCut bool) {
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
	text := strings.TrimSpace(string(v))
	short := cut(text)
	w.line("%s%s\n%s\n%s\n", fence, kind, short, fence)
	return short != text
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

// cut shortens the lines of a text that are too long for a page.
func cut(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if r := []rune(l); len(r) > width {
			lines[i] = string(r[:width-3]) + "..."
		}
	}
	return strings.Join(lines, "\n")
}

// plain is a text outside of code.
func plain(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "<", "&lt;").Replace(s)
}

// code is a text in a code span.
func code(s string) string {
	if s == "" {
		return ""
	}
	s = strings.NewReplacer("\n", " ", "\r", " ").Replace(s)
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
