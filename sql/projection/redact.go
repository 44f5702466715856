package projection

import (
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/internal/ocsf/texttype"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/header"
	"github.com/silt-etl/silt/sql/rawtable"
)

// redactor reads which fields of the record are discarded or redacted, and reports SELECTs that read what is not there any more.
type redactor struct {
	set   *Set
	rules []redact.Rule
}

// read gives the rules of all lines of a mapping.
func (x *redactor) read() []redact.Rule {
	c := x.set
	x.lines(c.Mapping.Raw, c.Format.Redacts)
	if c.common != nil {
		x.lines(c.common.File, c.common.Redacts)
	}
	for _, p := range c.Projections {
		for _, h := range p.heads {
			if !h.shared {
				x.lines(h.File, h.Redacts)
			}
		}
	}
	for _, p := range c.Projections {
		x.columns(p)
	}
	return x.rules
}

func (x *redactor) lines(f diag.File, lines []header.Redact) {
	for _, l := range lines {
		field, path, ok := x.field(f, l)
		if !ok {
			continue
		}
		twice := slices.ContainsFunc(x.rules, func(r redact.Rule) bool {
			return slices.EqualFunc(r.Path, path, strings.EqualFold) && r.How != l.How
		})
		if twice {
			x.set.Report.At(f, l.At, diag.Error, diag.Redact, "keep one of the lines: they hold for every record of the source", "another line says something else about %s", l.Text)
			continue
		}
		rule := redact.Rule{Path: path, How: l.How}
		if field != nil {
			rule.Also = field.OtherPaths()
			x.types(f, l, field)
		}
		x.rules = append(x.rules, rule)
	}
}

// field gives the field that a line names, nil if raw.sql does not declare it, and its path in records.
func (x *redactor) field(f diag.File, l header.Redact) (field *rawtable.Field, path []string, ok bool) {
	c := x.set
	root, names := c.Src.Root, l.Path
	if key := root.Get(rawtable.KeyTable); strings.EqualFold(names[0], rawtable.KeyTable) && (key == nil || len(key.Fields) > 0) {
		c.Report.At(f, l.At, diag.Error, diag.Redact, "deliver the objects under keys that do not have it",
			"%s comes from the key of the staging object, which the ledger, logs and quarantine name, so it cannot be redacted", l.Text)
		return nil, nil, false
	}
	if strings.EqualFold(names[0], "raw") && root.Get("raw") == nil && len(names) > 1 {
		names = names[1:]
	}
	at := root
	for i, n := range names {
		next := at.Get(n)
		if next == nil && at != root && len(at.Fields) == 0 { // inside of JSON, a list, a map or a text
			return nil, append(slices.Clone(at.Path), names[i:]...), true
		}
		if next == nil {
			prefix := strings.Join(append(slices.Clone(at.Path), ""), ".")
			if near := rawtable.NearestField(at, n, prefix); near != "" {
				c.Report.At(f, l.At, diag.Error, diag.Redact, "did you mean "+near+"?", "raw has no field %s", l.Text)
				return nil, nil, false
			}
			c.Report.At(f, l.At, diag.Warning, diag.Redact, "check the name; declare the field in raw.sql if records have it", "raw.sql does not declare %s", l.Text)
			return nil, append(slices.Clone(at.Path), names[i:]...), true
		}
		at = next
	}
	return at, at.Path, true
}

// types reports fields whose redacted value, which is text, does not fit their type.
func (x *redactor) types(f diag.File, l header.Redact, field *rawtable.Field) {
	if l.How == redact.Discard {
		return
	}
	for _, v := range field.Values() {
		switch v.Type.Family() {
		case ducktype.Text, ducktype.JSON, ducktype.List, ducktype.Struct:
			continue
		}
		if v.Type.ID != "MAP" {
			x.set.Report.At(f, l.At, diag.Error, diag.Redact, "declare it VARCHAR in raw.sql", "%s is %s, but what a redact line leaves of it is text", strings.Join(v.Path, "."), v.Type.Text)
		}
	}
}

// columns reports what a SELECT reads of fields that have rules.
func (x *redactor) columns(p *Projection) {
	c := x.set
	for _, o := range p.Outs {
		isFilled := slices.ContainsFunc(o.Reads, func(l *rawtable.Leaf) bool { return x.rule(l) != redact.Discard })
		if len(o.Reads) > 0 && !isFilled && o.Head == nil {
			c.Report.At(o.File, o.At, diag.Error, diag.Redact, "remove the column, or the -- discard: line", "%s is discarded, so a column that only reads it is never filled", o.Reads[0].Dotted())
		}
	}
	for _, w := range p.conditions {
		for _, l := range w.reads {
			switch how := x.rule(l); how {
			case "":
			case redact.Discard:
				c.Report.At(w.file, max(w.at, 0), diag.Error, diag.Redact, "use another field", "%s is discarded, so a condition cannot read it", l.Dotted())
			default:
				c.Report.At(w.file, max(w.at, 0), diag.Warning, diag.Redact, "use another field, or test only whether it has a value", "the condition sees %s as it is redacted (%s), not its value", l.Dotted(), how)
			}
		}
	}
}

// rule is what is left of the value of a leaf; "": all.
func (x *redactor) rule(l *rawtable.Leaf) redact.How {
	if l.Key != "" {
		return ""
	}
	for _, r := range x.rules {
		if len(r.Path) <= len(l.Path) && slices.EqualFunc(r.Path, l.Path[:len(r.Path)], strings.EqualFold) {
			return r.How
		}
	}
	return ""
}

// Attribute is the attribute that an output fills, as its values are checked: what the rules leave of a redacted value is any text, so
// that an analyst finds the hash of an address where the address would be.
func (o *Output) Attribute(a *ocsf.Attribute, rules []redact.Rule) *ocsf.Attribute {
	if texttype.Of(a.Type) == nil || !slices.ContainsFunc(o.Reads, func(l *rawtable.Leaf) bool { return redacted(l, rules) }) {
		return a
	}
	text := *a
	text.Type = "string_t"
	return &text
}

// redacted says whether a redact line holds for a leaf, or for something in it.
func redacted(l *rawtable.Leaf, rules []redact.Rule) bool {
	return l.Key == "" && slices.ContainsFunc(rules, func(r redact.Rule) bool {
		n := min(len(r.Path), len(l.Path))
		return r.How != redact.Discard && slices.EqualFunc(r.Path[:n], l.Path[:n], strings.EqualFold)
	})
}
