package mappings

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/header"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// translation is a declarative mapping as SQL: raw.sql and a SELECT for each matched value. Loaded as SQL files they are the
// same mapping.
type translation struct {
	files map[string]string
	// places leads from a line of a generated file to the JSON that it was made of.
	places map[string][]int
	// values are the matched values by file name.
	values     map[string]string
	json       diag.File
	translator *translator
	parts      []*part
}

// translator turns the declarative format into SQL. Its looser values are coerced, each with a warning: it is the format of
// AWS's transformation library, and what people have written in it must load.
type translator struct {
	file        diag.File
	diagnostics diag.List
	schema      *ocsf.Schema
	version     string
	wanted      string              // the version that is used instead of the one that the mapping names
	leaves      map[string]*rawLeaf // by dotted path
	order       []*rawLeaf
	matched     []string // the path that decides which part of the mapping takes a record
	stamp       []string // the timestamp block
	format      string
	hidden      []redactLine
}

// rawLeaf is a field of the raw record and the types it is read as.
type rawLeaf struct {
	path []string
	uses map[string]bool
}

// part is the mapping of one matched value.
type part struct {
	value    string // of matched_field
	at       int
	class    *ocsf.Class
	profiles []string
	columns  []column
	consumes []consume
	without  []string
}

// column of the SELECT. render is called when the raw types are settled.
type column struct {
	path   string
	at     int // of the JSON value
	render func() string
	bare   []string // the raw path it is
	text   string   // the constant text it is
	cases  *caseOf  // the enum it is
}

func (t *translator) report(s diag.Severity, at int, code diag.Code, hint, format string, args ...any) {
	t.diagnostics.At(t.file, at, s, code, hint, format, args...)
}

func (t *translator) warn(at int, code diag.Code, format string, args ...any) {
	t.report(diag.Warning, at, code, "", format, args...)
}

func (t *translator) fail(at int, code diag.Code, hint, format string, args ...any) {
	t.report(diag.Error, at, code, hint, format, args...)
}

// translate gives the SQL of a declarative mapping, nil where diagnostics say why there is none.
func (m *Mapping) translate() (*translation, diag.List) {
	t := &translator{leaves: map[string]*rawLeaf{}, wanted: m.version}
	for n, text := range m.Files {
		t.file = diag.File{Path: m.place(n), Text: text}
	}
	root, bad := parseJSON(t.file)
	if bad != nil {
		return nil, diag.List{*bad}
	}
	parts := t.document(root)
	if t.diagnostics.Failed() {
		return nil, t.diagnostics
	}
	out := &translation{files: map[string]string{rawFile: t.rawSQL()}, places: map[string][]int{}, values: map[string]string{}, json: t.file, translator: t, parts: parts}
	if lines, places := (redaction{t}).lines(); lines != "" {
		out.files[rawFile] = lines + out.files[rawFile]
		out.places[rawFile] = places
	}
	for _, p := range parts {
		name := fileName(p.value, out.files)
		out.files[name], out.places[name] = t.selectSQL(p)
		out.values[name] = p.value
	}
	return out, t.diagnostics
}

var notInFileName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// fileName makes a file's name of a matched value that no other has.
func fileName(v string, taken map[string]string) string {
	base := notInFileName.ReplaceAllString(v, "_")
	if base == "" || base == "raw" || base == "macros" || base+".sql" == projection.CommonFile {
		base += "_"
	}
	name := base + ".sql"
	for i := 2; taken[name] != ""; i++ {
		name = fmt.Sprintf("%s_%d.sql", base, i)
	}
	return name
}

func (t *translator) document(root *value) (parts []*part) {
	doc := root.get("custom_source_events")
	if doc == nil || !doc.object {
		t.fail(root.at, diag.Format, `begin with {"custom_source_events": {"source_name": ..., "ocsf_mapping": ...}}`, "the key custom_source_events is missing")
		return nil
	}
	for _, f := range doc.fields {
		switch f.key {
		case "source_name", "matched_field", "timestamp", "discard", "redact", "ocsf_mapping":
		default:
			if !slices.Contains(header.RawKeys(), f.key) {
				t.warn(f.at, diag.Format, "unknown key %q: it is ignored", f.key)
				continue
			}
			t.report(diag.Warning, f.at, diag.Format, "etl import FILE --save DIR writes the mapping as SQL: add `-- "+f.key+":` above the table of its raw.sql",
				"unknown key %q: it is ignored, because a JSON mapping cannot say how records are read", f.key)
		}
	}
	all := doc.get("ocsf_mapping")
	if all == nil || !all.object || len(all.fields) == 0 {
		t.fail(doc.at, diag.Format, "add a mapping for each value of matched_field", "ocsf_mapping is missing or empty")
		return nil
	}
	if v := doc.get("matched_field"); v != nil {
		t.matched = t.rawPath(v)
	} else if len(all.fields) > 1 {
		t.fail(doc.at, diag.Format, `example: "matched_field": "$.event.event_type"`, "matched_field is missing, but ocsf_mapping has several mappings")
	}
	if v := doc.get("timestamp"); v != nil {
		t.stamp, t.format = t.rawPath(v.get("field")), v.get("format").text()
		if t.format == "" || t.stamp == nil {
			t.fail(v.at, diag.Format, `example: {"field": "$.time", "format": "%Y-%m-%dT%H:%M:%S.%fZ"}, or "epoch"`, "the timestamp block needs a field and a format")
		}
	}
	t.findVersion(all)
	if t.diagnostics.Failed() {
		return nil
	}
	for _, f := range all.fields {
		if p := t.part(f); p != nil {
			parts = append(parts, p)
		}
	}
	t.checkPaths(parts)
	redaction{t}.read(doc)
	return parts
}

// findVersion takes the schema version from metadata.version of the mappings.
func (t *translator) findVersion(all *value) {
	for _, f := range all.fields {
		v := f.value.get("schema_mapping").get("metadata").get("version")
		if v.text() == "" {
			continue
		}
		version, had := strings.CutPrefix(v.text(), "v")
		if had {
			t.warn(v.at, diag.Coerced, "metadata.version %q is read as %q", v.text(), version)
		}
		if t.version != "" && t.version != version {
			t.fail(v.at, diag.OCSFVersion, "use one version in the whole mapping", "this mapping uses OCSF %s, an earlier one %s", version, t.version)
		}
		t.version = version
	}
	if t.version == "" {
		t.version = ocsf.DefaultVersion
	}
	if t.wanted != "" {
		t.version = t.wanted
	}
	s, err := ocsf.Load(t.version)
	if err != nil {
		t.fail(all.at, diag.OCSFVersion, "", "%v", err)
	}
	t.schema = s
}

func (t *translator) part(f member) *part {
	p := &part{value: f.key}
	name := f.value.get("schema")
	if p.class = t.schema.Class(name.text()); p.class == nil {
		hint := ""
		if n := t.schema.NearestClass(name.text()); n != "" && name.text() != "" {
			hint = "did you mean " + n + "?"
		}
		t.fail(f.at, diag.UnknownClass, hint, "OCSF %s has no class %q", t.version, name.text())
		return nil
	}
	tree := f.value.get("schema_mapping")
	if tree == nil || !tree.object {
		t.fail(f.at, diag.Format, "", "schema_mapping of %q is missing", f.key)
		return nil
	}
	if t.matched != nil {
		t.use(t.matched, "VARCHAR")
	}
	p.at = f.at
	profiles := t.readProfiles(p, tree.get("metadata").get("profiles"))
	t.object(p, &p.class.Fields, "", tree)
	if t.stamp != nil && !p.has("time") {
		t.addTime(p, "time", f.at, t.stamp)
	}
	for i, c := range p.columns {
		if c.path == "metadata.profiles" {
			p.columns[i].render = func() string { return listSQL(profiles) }
		}
	}
	t.checkSiblings(p)
	t.checkType(p)
	t.complete(p, &p.class.Fields, "", f.at)
	return p
}

func (p *part) has(name string) bool {
	return slices.ContainsFunc(p.columns, func(c column) bool { return c.path == name || strings.HasPrefix(c.path, name+".") })
}

func (t *translator) readProfiles(p *part, v *value) (names []string) {
	if v == nil {
		return nil
	}
	switch {
	case v.array:
		for _, i := range v.items {
			names = append(names, i.text())
		}
	case v.text() != "":
		for _, n := range strings.Split(v.text(), ",") {
			names = append(names, strings.TrimSpace(n))
		}
		t.warn(v.at, diag.Coerced, "metadata.profiles is a list: %q is read as [%s]", v.text(), strings.Join(names, ", "))
	}
	for _, n := range names {
		if !slices.Contains(t.schema.Profiles(), n) {
			near := ""
			if s := t.schema.NearestProfile(n); s != "" {
				near = "did you mean " + s + "?"
			}
			t.report(diag.Warning, v.at, diag.UnknownProfile, near, "OCSF %s has no profile %q: the name is written to the events anyway", t.version, n)
			continue
		}
		p.profiles = append(p.profiles, n)
	}
	return names
}

// rawPath reads a "$.a.b" path, nil with a diagnostic where it is none.
func (t *translator) rawPath(v *value) []string {
	s := v.text()
	body, ok := strings.CutPrefix(s, "$.")
	if !ok || body == "" || strings.ContainsAny(body, "[]*?()") || strings.HasPrefix(body, ".") || strings.HasSuffix(body, ".") || strings.Contains(body, "..") {
		at := 0
		if v != nil {
			at = v.at
		}
		t.fail(at, diag.RawPath, "example: $.event.src_ip", "%q is not a path of the raw record", s)
		return nil
	}
	return strings.Split(body, ".")
}

// use notes that a raw field is read as a type.
func (t *translator) use(path []string, typ string) {
	k := strings.Join(path, ".")
	l := t.leaves[k]
	if l == nil {
		l = &rawLeaf{path: path, uses: map[string]bool{}}
		t.leaves[k] = l
		t.order = append(t.order, l)
	}
	l.uses[typ] = true
}

// typeOf settles a raw field's type: what all its readers want, else VARCHAR, which every scalar fits.
func (l *rawLeaf) typeOf() string {
	if len(l.uses) == 1 {
		for u := range l.uses {
			return u
		}
	}
	return "VARCHAR"
}

// complete names what OCSF requires and the mapping does not give, so that the SELECT says so too.
func (t *translator) complete(p *part, f *ocsf.Fields, prefix string, at int) {
	for _, a := range f.Attributes {
		name := prefix + a.Name
		if a.Base == ocsf.Struct && !a.IsArray && (p.has(name) || name == "metadata") {
			t.complete(p, &t.schema.Object(a.Object).Fields, name+".", at)
		}
		if a.Requirement != ocsf.Required || !a.In(p.profiles) || p.has(name) || filled(a, name) {
			continue
		}
		if prefix != "" && !t.requiredObject(p, prefix) {
			continue // the object goes to unmapped as a whole, see toUnmapped
		}
		p.without = append(p.without, name)
	}
	if prefix == "" || !p.has(strings.TrimSuffix(prefix, ".")) {
		return
	}
	if lacks := t.lacks(p, f, prefix); lacks != "" && !t.requiredObject(p, prefix) {
		t.toUnmapped(p, prefix, at, lacks)
		return
	}
	for _, rule := range [][]string{f.AtLeastOne, f.JustOne} {
		if len(rule) > 0 && !slices.ContainsFunc(rule, func(n string) bool { return p.has(prefix + n) }) {
			p.without = append(p.without, strings.TrimSuffix(prefix, "."))
		}
	}
}

// filled says whether the compiler fills an attribute by itself.
func filled(a *ocsf.Attribute, name string) bool {
	switch name {
	case "class_uid", "category_uid", "type_uid", "activity_id", "metadata", "metadata.version":
		return true
	}
	_, unknown := a.EnumText(0)
	return unknown && a.Base == ocsf.Integer
}

// requiredObject says whether all objects on the way to prefix are required by the class.
func (t *translator) requiredObject(p *part, prefix string) bool {
	f := &p.class.Fields
	for _, n := range strings.Split(strings.TrimSuffix(prefix, "."), ".") {
		a := f.Attribute(n)
		if a == nil || a.Requirement != ocsf.Required {
			return false
		}
		f = &t.schema.Object(a.Object).Fields
	}
	return true
}

// lacks names an attribute that an object must have and can never get, "" where there is none.
func (t *translator) lacks(p *part, f *ocsf.Fields, prefix string) string {
	for _, a := range f.Attributes {
		if a.Requirement == ocsf.Required && a.In(p.profiles) && !p.has(prefix+a.Name) && !filled(a, prefix+a.Name) {
			return a.Name
		}
	}
	return ""
}

func (t *translator) toUnmapped(p *part, prefix string, at int, lacks string) {
	for i, c := range p.columns {
		if strings.HasPrefix(c.path, prefix) {
			if at = c.at; c.bare != nil {
				t.use(c.bare, "VARCHAR")
			}
			p.columns[i].path = "unmapped." + c.path
		}
	}
	t.warn(at, diag.MissingRequired, "%s goes to unmapped: OCSF requires %s in it, but the mapping does not fill it", strings.TrimSuffix(prefix, "."), lacks)
}

// showPlace moves a diagnostic in a generated file to the JSON it comes from.
func (out *translation) showPlace(p diag.Diagnostic) diag.Diagnostic {
	lines := out.places[path.Base(p.File)]
	if lines == nil {
		return p
	}
	p.File = out.json.Path
	if p.Line > 0 && p.Line <= len(lines) && lines[p.Line-1] >= 0 {
		p.Line, p.Column = diag.Position(out.json.Text, lines[p.Line-1])
	} else {
		p.Line, p.Column = 0, 0
	}
	return p
}

// showFlows moves the places of flows to the JSON.
func (out *translation) showFlows(all []sqlgen.RawFlows) {
	for i := range all {
		p := out.showPlace(diag.Diagnostic{File: all[i].File, Line: all[i].Line, Column: all[i].Column})
		all[i].File, all[i].Line, all[i].Column = p.File, p.Line, p.Column
		if path.Base(all[i].File) == rawFile { // there is none
			all[i].File, all[i].Line, all[i].Column = out.json.Path, 0, 0
		}
		for k := range all[i].Flows {
			f := &all[i].Flows[k]
			p := out.showPlace(diag.Diagnostic{File: f.File, Line: f.Line, Column: f.Column})
			f.File, f.Line, f.Column = p.File, p.Line, p.Column
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
