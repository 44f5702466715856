package infer

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/mappings"
)

// output is a column of the SELECT.
type output struct {
	path   string
	sql    string
	reason string
	off    string // why it is only a comment
	col    *column
	always bool // the SQL has a value for every record, whatever the column has
}

// project suggests the columns of the SELECT of a class.
func (in *inference) project(class *ocsf.Class, all []*column) (outs []output, without []string) {
	taken := map[string]bool{}
	add := func(o output) bool {
		if taken[o.path] {
			return false
		}
		taken[o.path] = true
		outs = append(outs, o)
		return true
	}
	add(in.timeColumn(all))
	in.activity(class, all, add)
	in.severity(all, add)
	cloud := false
	for _, c := range all {
		cloud = cloud || c.role == roleAccount || c.role == roleRegion
	}
	if cloud = cloud && slices.Contains(class.Profiles, "cloud"); cloud {
		in.profiles = []string{"cloud"}
	}
	from := len(outs)
	often := slices.Clone(all) // the field that most records have comes first
	slices.SortStableFunc(often, func(a, b *column) int { return cmp.Compare(b.seen, a.seen) })
	for _, c := range often {
		for _, path := range paths[c.role] {
			r, err := in.schema.Resolve(class, path)
			if err != nil || r.Leaf.IsMap || slices.ContainsFunc(r.Path, func(a *ocsf.Attribute) bool { return !a.In(in.profiles) || a.Deprecated != "" }) {
				continue
			}
			if !takes(r.Leaf, c) {
				continue
			}
			o := output{path: path, sql: mappings.FieldSQL(c.path), reason: c.reason, col: c}
			if n := c.fitting(r.Leaf); n < in.records && requires(r) {
				if 2*n < in.records {
					if !taken[path] {
						o.off = fmt.Sprintf("OCSF requires %s, and only %s of the records have it", path, percent(n, in.records))
						outs = append(outs, o)
					}
					break
				}
			}
			if c.time != nil {
				o.sql = c.time.sql
			}
			if r.Leaf.Base == ocsf.Integer && c.share(isHexNumber) >= enough {
				o.sql = "TRY_CAST('0x' || substr(" + o.sql + ", 3) AS BIGINT)"
			}
			if path == "finding_info.title" && !taken["finding_info.uid"] {
				add(output{path: "finding_info.uid", sql: o.sql, reason: "a finding needs a uid: use a field that identifies the finding", col: c})
			}
			if path == "file.path" && !taken["file.name"] {
				add(output{path: "file.name", sql: fmt.Sprintf(`regexp_extract(%s, '[^/\\]+$')`, o.sql), reason: "the last part of the path", col: c})
			}
			if add(o) {
				break
			}
		}
	}
	place := func(o output) int { return slices.Index(all, o.col) }
	slices.SortStableFunc(outs[from:], func(a, b output) int { return cmp.Compare(place(a), place(b)) })
	if cloud {
		add(output{path: "cloud.provider", sql: "'AWS'", reason: "by the account or region"})
	}
	add(output{path: "metadata.product.name", sql: mappings.Literal(in.name), reason: "the name of the sample: write the name of the product"})
	add(output{path: "metadata.product.vendor_name", sql: "'unknown'", reason: "write the name of the vendor"})
	outs = in.complete(class, outs)
	without = append(in.without(class, outs), in.partly(class, outs)...)
	sort.Strings(without)
	return outs, slices.Compact(without)
}

// partly names what OCSF requires and no column fills in every record: attributes, objects, and objects that must have one of several
// attributes.
func (in *inference) partly(class *ocsf.Class, outs []output) (all []string) {
	most := map[string]int64{} // records that have a value below a path
	note := func(path string, n int64) { most[path] = max(most[path], n) }
	for _, o := range outs {
		r, err := in.schema.Resolve(class, o.path)
		if err != nil || o.off != "" || o.path == "time" {
			continue
		}
		n := in.whole(class, outs, r)
		prefix, fields := "", &class.Fields
		for i, a := range r.Path {
			for _, rule := range [][]string{fields.AtLeastOne, fields.JustOne} {
				switch {
				case len(rule) == 0 || prefix == "":
				case slices.Contains(rule, a.Name):
					note(prefix+" ", n)
				default:
					note(prefix+" ", 0)
				}
			}
			prefix = strings.TrimPrefix(prefix+"."+a.Name, ".")
			if a.Requirement != ocsf.Required {
				break
			}
			note(prefix, n)
			if i < len(r.Path)-1 {
				if object := in.schema.Object(a.Object); object != nil {
					fields = &object.Fields
				}
			}
		}
	}
	for path, n := range most {
		if n < in.records {
			all = append(all, strings.TrimSuffix(path, " "))
		}
	}
	return all
}

// whole counts the records that have a value at a path, in objects that have what OCSF requires in them.
func (in *inference) whole(class *ocsf.Class, outs []output, r *ocsf.Resolved) int64 {
	below := func(path string) (n int64, any bool) {
		for _, o := range outs {
			if o.off != "" || o.path != path && !strings.HasPrefix(o.path, path+".") {
				continue
			}
			any = true
			if o.col == nil || o.always {
				return in.records, true
			}
			if at, err := in.schema.Resolve(class, o.path); err == nil {
				n = max(n, o.col.fitting(at.Leaf))
			}
		}
		return n, any
	}
	names := make([]string, 0, len(r.Path))
	for _, a := range r.Path {
		names = append(names, a.Name)
	}
	n, _ := below(strings.Join(names, "."))
	path := ""
	for _, a := range r.Path[:len(r.Path)-1] {
		path = strings.TrimPrefix(path+"."+a.Name, ".")
		object := in.schema.Object(a.Object)
		if object == nil {
			break
		}
		for _, rule := range [][]string{object.AtLeastOne, object.JustOne} {
			most := int64(0)
			for _, name := range rule {
				k, _ := below(path + "." + name)
				most = max(most, k)
			}
			if len(rule) > 0 {
				n = min(n, most)
			}
		}
		for _, b := range object.Attributes {
			if b.Requirement != ocsf.Required || filledByCompiler(b, path+"."+b.Name) {
				continue
			}
			if k, any := below(path + "." + b.Name); any {
				n = min(n, k)
			}
		}
	}
	return n
}

// requires tells whether OCSF requires an attribute in every event of a class.
func requires(r *ocsf.Resolved) bool {
	return !slices.ContainsFunc(r.Path, func(a *ocsf.Attribute) bool { return a.Requirement != ocsf.Required })
}

// fitting counts the values that an attribute takes.
func (f *field) fitting(a *ocsf.Attribute) int64 {
	switch a.Type {
	case "ip_t":
		return f.has[isIP]
	case "mac_t":
		return f.has[isMAC]
	case "port_t":
		return f.has[isPort]
	case "email_t":
		return f.has[isEmail]
	case "url_t":
		return f.has[isURL]
	case "hostname_t":
		return f.has[isName] + f.has[isIP]
	}
	if a.Base == ocsf.String && len(a.Enum) > 0 {
		var n int64
		for _, v := range a.Enum {
			n += f.values[v.Key]
		}
		return n
	}
	switch a.Base {
	case ocsf.Integer:
		return f.has[isInt32] + f.has[isHexNumber]
	case ocsf.Long:
		return f.has[isInt64]
	}
	return f.scalars
}

// takes says whether an attribute can hold what a column holds: nothing is suggested that would miss in most records.
func takes(a *ocsf.Attribute, c *column) bool {
	if a.IsArray {
		return false
	}
	switch a.Base {
	case ocsf.String:
		return c.typ != "JSON"
	case ocsf.Integer:
		return len(a.Enum) == 0 && c.typ != "JSON" && (c.share(isInt32) >= enough || c.share(isHexNumber) >= enough)
	case ocsf.Long:
		return c.typ != "JSON" && c.share(isInt64) >= enough
	case ocsf.Timestamp:
		return c.time != nil
	}
	return false
}

// activity gives activity_id: by the HTTP method where there is one, else what the class is mostly about.
func (in *inference) activity(class *ocsf.Class, all []*column, add func(output) bool) {
	if in.kind != nil {
		sql := func(s string) string {
			if strings.Contains(s, "%") {
				return fmt.Sprintf(s, in.idSQL)
			}
			return s
		}
		add(output{path: "activity_id", sql: sql(in.kind.activity), reason: "by the event id"})
		if in.kind.status != "" {
			add(output{path: "status_id", sql: sql(in.kind.status), reason: "by the event id"})
		}
		return
	}
	if class.Name == "http_activity" {
		for _, c := range all {
			if c.role == roleMethod {
				sql := "CASE " + mappings.FieldSQL(c.path)
				a := class.Attribute("activity_id")
				for _, m := range []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"} {
					if id, ok := a.EnumID(m); ok {
						sql += fmt.Sprintf("\n    WHEN '%s' THEN %d", m, id)
					}
				}
				other := "99"
				if c.scalars < in.records {
					other = fmt.Sprintf("if(%s IS NULL, 0, 99)", mappings.FieldSQL(c.path))
				}
				add(output{path: "activity_id", sql: sql + "\n    ELSE " + other + "\n  END", reason: "by the method", col: c, always: true})
				return
			}
		}
	}
	for _, c := range in.candidates {
		if c.class == class.Name && c.activity != "" {
			add(output{path: "activity_id", sql: c.activity, reason: c.why + "; decide by what the record says"})
			return
		}
	}
	add(output{path: "activity_id", sql: "0", reason: "Unknown: derive it from the event"})
}

// severity gives severity_id by words that mean one, else Informational.
func (in *inference) severity(all []*column, add func(output) bool) {
	for _, c := range all {
		if c.role != roleSeverity {
			continue
		}
		if c.share(isSeverity) < enough {
			add(output{path: "severity_id", sql: "1", reason: fmt.Sprintf("Informational: %s uses another scale (%s); map it with CASE", c.dotted(), strings.Join(firstOf(c.order, 6), ", "))})
			return
		}
		seen := map[string]bool{}
		for v := range c.values {
			seen[strings.ToLower(v)] = true
		}
		words := make([]string, 0, len(seen))
		for v := range seen {
			if severities[v] > 0 {
				words = append(words, v)
			}
		}
		sort.Slice(words, func(i, j int) bool {
			a, b := words[i], words[j]
			return severities[a] < severities[b] || severities[a] == severities[b] && a < b
		})
		sql := fmt.Sprintf("CASE lower(%s)", mappings.FieldSQL(c.path))
		for _, w := range words {
			sql += fmt.Sprintf("\n    WHEN %s THEN %d", mappings.Literal(w), severities[w])
		}
		add(output{path: "severity_id", sql: sql + "\n    ELSE 0\n  END", reason: "the values in the sample", col: c})
		return
	}
	for _, c := range all {
		if c.role == roleSyslogSeverity {
			add(output{path: "severity_id", sql: fmt.Sprintf("CASE WHEN %s = 0 THEN 6 WHEN %[1]s <= 2 THEN 5 WHEN %[1]s = 3 THEN 4 WHEN %[1]s = 4 THEN 3 ELSE 1 END", mappings.FieldSQL(c.path)), reason: "the severity of the syslog header", col: c})
			return
		}
	}
	add(output{path: "severity_id", sql: "1", reason: "Informational: no field has a severity"})
}

func firstOf(all []string, n int) []string {
	out := make([]string, 0, n)
	for _, v := range all {
		if len(out) < n {
			out = append(out, shorten(v))
		}
	}
	return out
}

// complete turns columns of optional objects that could never be complete into comments: OCSF requires something in them that
// the sample does not have.
func (in *inference) complete(class *ocsf.Class, outs []output) []output {
	for changed := true; changed; {
		changed = false
		have := pathsOf(outs)
		for i, o := range outs {
			if o.off != "" {
				continue
			}
			object, lacks := in.lacking(class, o.path, have)
			if object == "" {
				continue
			}
			for j, other := range outs {
				if strings.HasPrefix(other.path, object+".") && other.off == "" {
					outs[j].off = fmt.Sprintf("OCSF requires %s.%s as well", object, lacks)
					if strings.Contains(lacks, " ") {
						outs[j].off = fmt.Sprintf("OCSF requires %s in %s", lacks, object)
					}
				}
			}
			_ = i
			changed = true
			break
		}
	}
	return outs
}

func pathsOf(outs []output) (all []string) {
	for _, o := range outs {
		if o.off == "" {
			all = append(all, o.path)
		}
	}
	return all
}

func has(paths []string, path string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return p == path || strings.HasPrefix(p, path+".") })
}

// lacking finds the outermost optional object on the way to a path that lacks what OCSF requires in it.
func (in *inference) lacking(class *ocsf.Class, path string, have []string) (object, lacks string) {
	r, err := in.schema.Resolve(class, path)
	if err != nil {
		return "", ""
	}
	required, prefix := true, ""
	for _, a := range r.Path[:len(r.Path)-1] {
		if prefix != "" {
			prefix += "."
		}
		prefix += a.Name
		required = required && a.Requirement == ocsf.Required
		if required {
			continue
		}
		if l := in.missing(&in.schema.Object(a.Object).Fields, prefix, have); len(l) > 0 {
			return prefix, l[0]
		}
	}
	return "", ""
}

// missing names what an object must have and has not.
func (in *inference) missing(f *ocsf.Fields, prefix string, have []string) (all []string) {
	for _, a := range f.Attributes {
		p := a.Name
		if prefix != "" {
			p = prefix + "." + a.Name
		}
		if a.Requirement == ocsf.Required && a.In(in.profiles) && !has(have, p) && !filledByCompiler(a, p) {
			all = append(all, a.Name)
		}
	}
	for _, rule := range [][]string{f.AtLeastOne, f.JustOne} {
		if len(rule) > 0 && !slices.ContainsFunc(rule, func(n string) bool { return has(have, strings.TrimPrefix(prefix+"."+n, ".")) }) {
			all = append(all, "one of "+strings.Join(rule, ", "))
		}
	}
	return all
}

// without names the required attributes that nothing fills.
func (in *inference) without(class *ocsf.Class, outs []output) (all []string) {
	have := pathsOf(outs)
	var walk func(f *ocsf.Fields, prefix string)
	walk = func(f *ocsf.Fields, prefix string) {
		for _, m := range in.missing(f, prefix, have) {
			path := strings.TrimPrefix(prefix+"."+m, ".")
			if strings.HasPrefix(m, "one of ") {
				path = prefix
			}
			if path != "" {
				all = append(all, path)
			}
		}
		for _, a := range f.Attributes {
			p := strings.TrimPrefix(prefix+"."+a.Name, ".")
			if a.Base == ocsf.Struct && !a.IsArray && !a.IsMap && has(have, p) && in.schema.Object(a.Object) != nil {
				walk(&in.schema.Object(a.Object).Fields, p)
			}
		}
	}
	walk(&class.Fields, "")
	sort.Strings(all)
	return slices.Compact(all)
}

// selectSQL writes the SELECT, each column with its reason as a comment above it.
func (in *inference) selectSQL(class *ocsf.Class, outs []output, without []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- class: %s\n-- ocsf: %s\n", class.Name, in.schema.Version)
	if len(in.profiles) > 0 {
		fmt.Fprintf(&b, "-- profiles: %s\n", strings.Join(in.profiles, ", "))
	}
	if len(without) > 0 {
		fmt.Fprintf(&b, "-- without: %s\n", strings.Join(without, ", "))
	}
	if in.shape.cloudWatch {
		b.WriteString("-- drop: messageType = 'CONTROL_MESSAGE'\n")
	}
	b.WriteString("SELECT\n")
	last := -1
	width := 0
	for i, o := range outs {
		if o.off == "" {
			last = i
			if len(o.sql) <= 48 && !strings.Contains(o.sql, "\n") {
				width = max(width, len(o.sql))
			}
		}
	}
	for i, o := range outs {
		if o.off != "" {
			fmt.Fprintf(&b, "  -- %s: %s. Not mapped yet, %s\n", oneLine(o.col.dotted()), oneLine(o.reason), oneLine(o.off))
			fmt.Fprintf(&b, "  -- %s AS %s,\n", oneLine(strings.ReplaceAll(o.sql, "\n", " ")), mappings.Ident(o.path))
			continue
		}
		what := o.reason
		if o.col != nil {
			what = o.col.dotted() + ": " + what
		}
		pad := width
		if strings.Contains(o.sql, "\n") {
			pad = 0
		}
		comma := ","
		if i == last {
			comma = ""
		}
		fmt.Fprintf(&b, "  -- %s\n  %-*s AS %s%s\n", oneLine(what), pad, o.sql, mappings.Ident(o.path), comma)
	}
	for _, h := range in.hints {
		fmt.Fprintf(&b, "  -- %s\n", oneLine(h))
	}
	if in.where != "" {
		b.WriteString("FROM raw\nWHERE " + in.where + ";\n")
		return b.String()
	}
	b.WriteString("FROM raw;\n")
	return b.String()
}
