package mappings

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
)

// object translates the members of an OCSF object, in their order.
func (t *translator) object(p *part, f *ocsf.Fields, prefix string, v *value) {
	for _, m := range v.fields {
		name := prefix + m.key
		if name == "unmapped" {
			t.unmapped(p, "unmapped", m.value)
			continue
		}
		switch name {
		case "metadata.version":
			continue // read before
		case "metadata.profiles":
			p.columns = append(p.columns, column{path: name, at: m.value.at})
			continue
		}
		a := f.Attribute(m.key)
		switch {
		case a == nil:
			hint := ""
			if _, err := t.schema.Resolve(p.class, name); err != nil {
				var u *ocsf.UnknownPathError
				if errors.As(err, &u) && u.Nearest != "" {
					hint = "did you mean " + u.Nearest + "?"
				}
			}
			t.report(diag.Warning, m.at, diag.UnknownPath, hint, "%s in OCSF %s has no attribute %s: it goes to unmapped", p.class.Name, t.version, name)
			t.unmapped(p, "unmapped."+name, m.value)
		case !a.In(p.profiles):
			t.report(diag.Warning, m.at, diag.Profile, "add the profile to metadata.profiles", "%s belongs to the profile %s: it goes to unmapped", name, a.Profile)
			t.unmapped(p, "unmapped."+name, m.value)
		case a.Base == ocsf.Struct:
			t.structValue(p, a, name, m.value)
		default:
			t.attribute(p, a, name, m.value)
		}
	}
}

func (t *translator) structValue(p *part, a *ocsf.Attribute, name string, v *value) {
	of := t.schema.Object(a.Object)
	switch {
	case a.IsArray || a.IsMap || of == nil:
		t.warn(v.at, diag.Shape, "%s is a list of objects, or a map: it goes to unmapped", name)
		t.unmapped(p, "unmapped."+name, v)
	case v.object && v.get("enum") == nil:
		t.object(p, &of.Fields, name+".", v)
	case of.Attribute("name") != nil && of.Attribute("name").Base == ocsf.String:
		t.warn(v.at, diag.Coerced, "%s is an object (%s): the value fills %s.name", name, a.Object, name)
		t.attribute(p, of.Attribute("name"), name+".name", v)
	default:
		t.warn(v.at, diag.Shape, "%s is an object (%s) without a name attribute: the value goes to unmapped", name, a.Object)
		t.unmapped(p, "unmapped."+name, v)
	}
}

// rawTypes are the types a raw field has that is read as nothing else.
var rawTypes = map[ocsf.Base]string{ocsf.Integer: "INTEGER", ocsf.Long: "BIGINT", ocsf.Float: "DOUBLE", ocsf.Boolean: "BOOLEAN", ocsf.Timestamp: "TIMESTAMP"}

// attribute translates one value.
func (t *translator) attribute(p *part, a *ocsf.Attribute, name string, v *value) {
	add := func(c column) {
		c.path, c.at = name, v.at
		p.columns = append(p.columns, c)
	}
	switch {
	case v.object && v.get("enum") != nil:
		t.enum(p, a, name, v.get("enum"))
	case v.object:
		t.warn(v.at, diag.Shape, "%s is one value (%s), not an object: it goes to unmapped", name, a.Type)
		t.unmapped(p, "unmapped."+name, v)
	case v.array:
		var items []string
		for _, i := range v.items {
			items = append(items, i.text())
		}
		add(column{render: func() string { return listSQL(items) }})
	case strings.HasPrefix(v.text(), "$."):
		raw := t.rawPath(v)
		if raw == nil {
			return
		}
		if a.Base == ocsf.Timestamp && t.stamp != nil && slices.Equal(raw, t.stamp) {
			t.addTime(p, name, v.at, raw)
			return
		}
		typ := rawTypes[a.Base]
		if a.Type == "integer_t" {
			typ = "VARCHAR" // often a code with leading zeros, which is a number here
		}
		if typ == "" || a.IsArray {
			typ = "VARCHAR"
		}
		t.use(raw, typ)
		if a.IsArray {
			t.warn(v.at, diag.Coerced, "%s is a list: the value becomes its one element", name)
			p.consumes = append(p.consumes, consume{raw, eventSQL(name) + "[1]"})
			add(column{render: func() string {
				x := rawSQL(raw)
				return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN [%s] END", x, x)
			}})
			return
		}
		add(column{bare: raw, render: func() string { return rawSQL(raw) }})
	default:
		t.constant(p, a, name, v)
	}
}

func (t *translator) constant(p *part, a *ocsf.Attribute, name string, v *value) {
	var sql string
	switch x := v.scalar.(type) {
	case nil:
		t.warn(v.at, diag.Null, "%s is null and is left out", name)
		return
	case string:
		sql = quote(x)
		switch {
		case a.IsArray:
			t.warn(v.at, diag.Coerced, "%s is a list: the value becomes its one element", name)
			sql = listSQL([]string{x})
		case a.Base == ocsf.Integer || a.Base == ocsf.Long || a.Base == ocsf.Timestamp || a.Base == ocsf.Float:
			if _, err := strconv.ParseFloat(x, 64); err == nil {
				t.warn(v.at, diag.Coerced, "%s is a number: the text %q is read as a number", name, x)
				sql = x
			}
		}
	case json.Number:
		sql = x.String()
		if a.Base == ocsf.String {
			sql = quote(sql)
		}
	case bool:
		sql = strings.ToUpper(strconv.FormatBool(x))
	}
	c := column{path: name, at: v.at, render: func() string { return sql }}
	c.text, _ = v.scalar.(string)
	p.columns = append(p.columns, c)
}

// checkSiblings warns of texts that are not OCSF's texts for their numbers; they are kept as given.
func (t *translator) checkSiblings(p *part) {
	texts := map[string]column{}
	for _, c := range p.columns {
		if c.text != "" {
			texts[c.path] = c
		}
	}
	for _, c := range p.columns {
		r, err := t.schema.Resolve(p.class, c.path)
		if err != nil || r.Leaf.Sibling == "" {
			continue
		}
		given, ok := texts[strings.TrimSuffix(c.path, r.Leaf.Name)+r.Leaf.Sibling]
		id, err := strconv.ParseInt(c.render(), 10, 64)
		if !ok || err != nil {
			continue
		}
		if text, ok := r.Leaf.EnumText(id); ok && text != given.text {
			t.warn(given.at, diag.Sibling, "%s is %q, but the OCSF text for %s %d is %q: your text is kept", given.path, given.text, c.path, id, text)
		}
	}
}

// enum translates {"evaluate": "$.path", "values": {...}, "other": ...}.
func (t *translator) enum(p *part, a *ocsf.Attribute, name string, e *value) {
	raw, values := t.rawPath(e.get("evaluate")), e.get("values")
	if raw == nil || values == nil || !values.object {
		t.fail(e.at, diag.Format, `example: {"enum": {"evaluate": "$.path", "values": {"GET": 3}, "other": 99}}`, "%s: an enum needs evaluate and values", name)
		return
	}
	t.use(raw, "VARCHAR")
	var b strings.Builder
	result := func(v *value) string {
		switch x := v.scalar.(type) {
		case json.Number:
			if a.Base == ocsf.String {
				return quote(x.String())
			}
			return x.String()
		case string:
			if _, err := strconv.ParseInt(x, 10, 64); err == nil && a.Base != ocsf.String {
				t.warn(v.at, diag.Coerced, "%s is a number: the text %q is read as a number", name, x)
				return x
			}
			return quote(x)
		case bool:
			return strings.ToUpper(strconv.FormatBool(x))
		}
		return "NULL"
	}
	cases := &caseOf{evaluate: rawSQL(raw), other: "NULL"}
	fmt.Fprintf(&b, "CASE %s", cases.evaluate)
	for _, m := range values.fields {
		w := when{m.key, result(m.value)}
		cases.whens = append(cases.whens, w)
		fmt.Fprintf(&b, " WHEN %s THEN %s", quote(w.value), w.result)
	}
	if o := e.get("other"); o != nil {
		cases.other = result(o)
		fmt.Fprintf(&b, " ELSE %s", cases.other)
	}
	b.WriteString(" END")
	p.columns = append(p.columns, column{path: name, at: e.at, render: b.String, cases: cases})
}

// addTime reads a raw field as the timestamp block says.
func (t *translator) addTime(p *part, name string, at int, raw []string) {
	if t.format == "%Y-%m-%dT%H:%M:%S.%f%z" || t.format == "%Y-%m-%dT%H:%M:%S.%fZ" {
		t.use(raw, "TIMESTAMP") // what the scanner reads by itself
		p.columns = append(p.columns, column{path: name, at: at, bare: raw, render: func() string { return rawSQL(raw) }})
		return
	}
	t.use(raw, "VARCHAR")
	back := fmt.Sprintf("strftime(make_timestamp(%s * 1000), %s)", eventSQL(name), quote(strings.ReplaceAll(t.format, "%f", "%g")))
	if t.format == "epoch" {
		back = fmt.Sprintf("CAST(%s // 1000 AS VARCHAR)", eventSQL(name))
	}
	p.consumes = append(p.consumes, consume{raw, back})
	p.columns = append(p.columns, column{path: name, at: at, render: func() string {
		if t.format == "epoch" { // seconds, with or without a fraction
			return fmt.Sprintf("(%s::DECIMAL(18, 3) * 1000)::BIGINT", rawSQL(raw))
		}
		return fmt.Sprintf("try_strptime(%s, %s)", rawSQL(raw), quote(t.format))
	}})
}

// unmapped translates what the author puts there, under dotted names.
func (t *translator) unmapped(p *part, name string, v *value) {
	switch {
	case v.object && v.get("enum") != nil:
		t.enum(p, &ocsf.Attribute{Name: name}, name, v.get("enum"))
	case v.object:
		for _, m := range v.fields {
			t.unmapped(p, name+"."+m.key, m.value)
		}
	case v.array:
		var items []string
		for _, i := range v.items {
			items = append(items, i.text())
		}
		p.columns = append(p.columns, column{path: name, at: v.at, render: func() string { return listSQL(items) }})
	case strings.HasPrefix(v.text(), "$."):
		if raw := t.rawPath(v); raw != nil {
			t.use(raw, "VARCHAR")
			p.columns = append(p.columns, column{path: name, at: v.at, bare: raw, render: func() string { return rawSQL(raw) }})
		}
	default:
		t.constant(p, &ocsf.Attribute{Name: name}, name, v)
	}
}
