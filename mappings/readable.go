package mappings

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
)

// readable writes the SELECTs of a translated mapping as a person would: a file for each class, one column a line, without what
// the compiler fills by itself, parts that say the same as one, and each warning as a comment above the column it is about. The
// rows are those of the mapping (TestShownSQLGivesTheSameRows).
func (t *translator) readable(parts []*part, diagnostics diag.List) map[string]string {
	type group struct {
		*part
		values []string
		notes  map[int][]string // by line of the JSON
	}
	var groups []*group
	byText := map[string]*group{}
	perClass := map[string]int{}
	for i, p := range parts {
		last := len(t.file.Text)
		if i+1 < len(parts) {
			last = parts[i+1].at
		}
		g := &group{part: t.spare(p), values: []string{p.value}, notes: t.notes(p.at, last, diagnostics)}
		text, _ := t.selectSQL(g.part)
		// The condition names the value; all else has to be the same.
		head, _, _ := strings.Cut(text, "\nFROM raw")
		if same := byText[head]; same != nil && t.matched != nil {
			same.values = append(same.values, p.value)
			continue
		}
		byText[head] = g
		groups = append(groups, g)
		perClass[p.class.Name]++
	}
	files := map[string]string{}
	for _, g := range groups {
		base := g.class.Name
		if perClass[base] > 1 {
			base += "_" + strings.Join(g.values, "_")
		}
		files[fileName(base, files)] = t.readableSelect(g.part, g.values, g.notes)
	}
	return files
}

// notes gives the warnings about the text between two offsets, by line.
func (t *translator) notes(from, to int, diagnostics diag.List) map[int][]string {
	first, firstColumn := diag.Position(t.file.Text, from)
	end, endColumn := diag.Position(t.file.Text, to)
	out := map[int][]string{}
	for _, p := range diagnostics {
		before := p.Line < first || p.Line == first && p.Column < firstColumn
		after := p.Line > end || p.Line == end && p.Column >= endColumn && to < len(t.file.Text)
		if before || after || p.Severity == diag.Error || p.Code == diag.MissingRequired && p.Line == first { // `-- without:` says that
			continue
		}
		note := p.Message
		if p.Hint != "" {
			note += " (" + p.Hint + ")"
		}
		out[p.Line] = append(out[p.Line], note)
	}
	return out
}

// spare leaves out the columns that the compiler fills in the same way.
func (t *translator) spare(p *part) *part {
	out := *p
	out.columns = nil
	numbers := map[string]int64{}
	var activity *column
	for i, c := range p.columns {
		if n, err := strconv.ParseInt(c.render(), 10, 64); err == nil {
			numbers[c.path] = n
		}
		if c.path == "activity_id" {
			activity = &p.columns[i]
		}
	}
	for _, c := range p.columns {
		switch c.path {
		case "class_uid", "category_uid": // another number is refused
			continue
		case "class_name":
			if c.text == p.class.Caption {
				continue
			}
		case "category_name":
			if c.text == p.class.CategoryName {
				continue
			}
		case "type_uid":
			if t.typeFollows(p, c, activity) {
				continue
			}
		case "metadata.profiles":
			if c.render() == listSQL(p.profiles) {
				continue
			}
		}
		if c.text != "" && t.siblingOf(p, c, numbers) {
			continue
		}
		out.columns = append(out.columns, c)
	}
	if len(out.columns) == 0 {
		out.columns = p.columns // a SELECT has a column
	}
	return &out
}

// typeFollows says whether type_uid is what class and activity make.
func (t *translator) typeFollows(p *part, typ column, activity *column) bool {
	return activity != nil && len(t.wrongTypes(p, typ, *activity)) == 0
}

// wrongTypes names the values of type_uid that are not class_uid * 100 + activity_id, as far as constants and enums tell.
func (t *translator) wrongTypes(p *part, typ, activity column) (wrong []string) {
	base := int64(p.class.UID) * 100
	is := func(result, activity string) bool {
		a, err1 := strconv.ParseInt(activity, 10, 64)
		b, err2 := strconv.ParseInt(result, 10, 64)
		return err1 == nil && err2 == nil && b == base+a
	}
	one, each := typ.cases, activity.cases
	switch {
	case one == nil && each == nil:
		if !is(typ.render(), activity.render()) {
			return []string{typ.render()}
		}
		return nil
	case one == nil: // one type for several activities
		var others []string
		for _, w := range append([]when{{"", each.other}}, each.whens...) {
			if !is(typ.render(), w.result) && w.result != "NULL" && !slices.Contains(others, w.result) {
				others = append(others, w.result)
			}
		}
		if len(others) == 0 {
			return nil
		}
		slices.SortFunc(others, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
		return []string{fmt.Sprintf("%s also where activity_id is %s", typ.render(), strings.Join(others, ", "))}
	case each == nil || one.evaluate != each.evaluate:
		return []string{"an enum of another field"}
	default:
		results := map[string]string{}
		for _, w := range each.whens {
			results[w.value] = w.result
		}
		for _, w := range one.whens {
			a, ok := results[w.value]
			if !ok {
				a = each.other
			}
			if !is(w.result, a) {
				wrong = append(wrong, fmt.Sprintf("%s for %q, where activity_id is %s", w.result, w.value, a))
			}
			delete(results, w.value)
		}
		for _, w := range each.whens {
			if a, ok := results[w.value]; ok && !is(one.other, a) {
				wrong = append(wrong, fmt.Sprintf("%s for %q, where activity_id is %s", one.other, w.value, a))
			}
		}
	}
	if !is(one.other, each.other) && (one.other != "NULL" || each.other != "NULL") {
		wrong = append(wrong, fmt.Sprintf("%s for any other value, where activity_id is %s", one.other, each.other))
	}
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

// checkType warns of a type_uid that contradicts activity_id. Where both are constants the compiler refuses it.
func (t *translator) checkType(p *part) {
	var typ, activity *column
	for i, c := range p.columns {
		switch c.path {
		case "type_uid":
			typ = &p.columns[i]
		case "activity_id":
			activity = &p.columns[i]
		}
	}
	if typ == nil || activity == nil || typ.bare != nil || activity.bare != nil || typ.cases == nil && activity.cases == nil {
		return
	}
	if wrong := t.wrongTypes(p, *typ, *activity); len(wrong) > 0 {
		t.report(diag.Warning, typ.at, diag.TypeUID, "leave type_uid out: it is filled as class_uid * 100 + activity_id",
			"type_uid is not class_uid * 100 + activity_id: %s; your value is kept", strings.Join(wrong, "; "))
	}
}

// checkPaths warns where one attribute is read from two paths that end in the same key: one of them is likely a slip.
func (t *translator) checkPaths(parts []*part) {
	type first struct {
		raw   string
		value string
	}
	seen := map[string]first{}
	for _, p := range parts {
		for _, c := range p.columns {
			if len(c.bare) == 0 || strings.HasPrefix(c.path, "unmapped.") {
				continue
			}
			raw, key := "$."+strings.Join(c.bare, "."), p.class.Name+" "+c.path
			before, ok := seen[key]
			if !ok {
				seen[key] = first{raw, p.value}
				continue
			}
			if before.raw != raw && c.bare[len(c.bare)-1] == before.raw[strings.LastIndexByte(before.raw, '.')+1:] {
				t.warn(c.at, diag.RawPath, "%s is read from %s here and from %s in %q: is one of them a mistake?", c.path, raw, before.raw, before.value)
			}
		}
	}
}

// siblingOf says whether a text is OCSF's text for its constant number.
func (t *translator) siblingOf(p *part, c column, numbers map[string]int64) bool {
	f, prefix := &p.class.Fields, ""
	if i := strings.LastIndexByte(c.path, '.'); i >= 0 {
		r, err := t.schema.Resolve(p.class, c.path)
		if err != nil || len(r.Path) < 2 {
			return false
		}
		f, prefix = &t.schema.Object(r.Path[len(r.Path)-2].Object).Fields, c.path[:i+1]
	}
	for _, a := range f.Attributes {
		if prefix+a.Sibling != c.path || a.Sibling == "" || a.IsArray || a.Base == ocsf.String {
			continue
		}
		n, ok := numbers[prefix+a.Name]
		text, known := a.EnumText(n)
		return ok && known && text == c.text
	}
	return false
}

// readableSelect writes one SELECT.
func (t *translator) readableSelect(p *part, values []string, notes map[int][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- class: %s\n-- ocsf: %s\n", p.class.Name, t.version)
	if len(p.profiles) > 0 {
		fmt.Fprintf(&b, "-- profiles: %s\n", strings.Join(p.profiles, ", "))
	}
	for _, l := range p.consumesLines() {
		b.WriteString(l + "\n")
	}
	if len(p.without) > 0 {
		fmt.Fprintf(&b, "-- without: %s\n", strings.Join(p.without, ", "))
	}
	byColumn, shown := map[int][]string{}, map[int]bool{}
	for i, c := range p.columns {
		line, _ := diag.Position(t.file.Text, c.at)
		if !shown[line] {
			byColumn[i], shown[line] = notes[line], true
		}
	}
	var lines []int
	for line := range notes {
		if !shown[line] {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		for _, n := range notes[line] {
			fmt.Fprintf(&b, "-- note: %s\n", comment(n))
		}
	}
	b.WriteString("SELECT\n")
	width := 0
	exprs := make([]string, len(p.columns))
	for i, c := range p.columns {
		exprs[i] = c.render()
		if c.cases != nil {
			exprs[i] = c.cases.lines("  ")
		}
		if len(exprs[i]) <= 48 && c.cases == nil {
			width = max(width, len(exprs[i]))
		}
	}
	group := ""
	for i, c := range p.columns {
		head, _, dotted := strings.Cut(c.path, ".")
		if !dotted {
			head = ""
		}
		if head != group && i > 0 {
			b.WriteString("\n")
		}
		group = head
		for _, n := range byColumn[i] {
			fmt.Fprintf(&b, "  -- note: %s\n", comment(n))
		}
		comma := ","
		if i == len(p.columns)-1 {
			comma = ""
		}
		pad := width
		if c.cases != nil {
			pad = 0
		}
		fmt.Fprintf(&b, "  %-*s AS %s%s\n", pad, exprs[i], name(c.path), comma)
	}
	b.WriteString("FROM raw")
	switch {
	case t.matched == nil:
	case len(values) == 1:
		fmt.Fprintf(&b, "\nWHERE %s = %s", rawSQL(t.matched), quote(values[0]))
	default:
		fmt.Fprintf(&b, "\nWHERE %s IN (%s)", rawSQL(t.matched), strings.Trim(listSQL(values), "[]"))
	}
	b.WriteString(";\n")
	return b.String()
}

var breaks = regexp.MustCompile(`[\r\n\x{2028}\x{2029}\x{0}]+`)

// comment makes one line of a text: what comes after a line's end would be SQL.
func comment(s string) string { return breaks.ReplaceAllString(s, " ") }

// caseOf is an enum of the declarative format.
type caseOf struct {
	evaluate string // SQL of the field
	whens    []when
	other    string // "NULL" where there is none
}

type when struct{ value, result string }

func (c *caseOf) lines(indent string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CASE %s\n", c.evaluate)
	for _, w := range c.whens {
		fmt.Fprintf(&b, "%s  WHEN %s THEN %s\n", indent, quote(w.value), w.result)
	}
	if c.other != "NULL" {
		fmt.Fprintf(&b, "%s  ELSE %s\n", indent, c.other)
	}
	b.WriteString(indent + "END")
	return b.String()
}
