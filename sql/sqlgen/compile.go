package sqlgen

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
)

// compiler holds what is known of one mapping while it is compiled.
type compiler struct {
	ctx         context.Context
	m           *Mapping
	db          Database
	report      *diag.List
	functions   map[string]FunctionInfo
	snippets    map[string]node
	macros      map[string]*macro
	allowed     map[string]bool // functions
	bodies      map[string]node // of macros as written, by definition
	sizes       map[string]size // of macros
	src         *source
	schema      *ocsf.Schema
	format      *formatReader
	projections []*projection
	reasons     []Reason
}

// projection is one SELECT on its way to SQL.
type projection struct {
	file     diag.File
	name     string
	head     header
	table    string // the alias of raw
	class    *ocsf.Class
	profiles []string
	where    string // over records; "" takes every record
	whereAt  int    // its byte offset, -1: unknown
	drops    []string
	// conditions are where and drops as they are reasoned about.
	conditions []condition
	columns    []*output      // the SELECT's, as they are written
	outs       []*output      // what they come to: of objects written out, each value is one
	without    map[string]int // required attributes left out, and where the header says so
	consumed   map[*leaf]bool
	root       *field
	// given are the names that the mapping gives leaves in unmapped.
	given map[*leaf]string
}

// output is one column of the author's SELECT, or a value of an object in it.
type output struct {
	alias  string // the OCSF path
	at     int    // byte offset of the expression
	nameAt int    // byte offset of the alias; -1: the column's
	orig   node
	nested
	expr  node // over records
	sql   string
	reads []*leaf
	// leaf is set where the expression is a leaf's value and nothing else, casts aside; group likewise for a STRUCT.
	leaf  *leaf
	group *rawField
	// constant is the value of an expression that is one.
	constant any
	isConst  bool
	total    bool
	never    bool // never NULL
	json     bool // of objects in JSON, to be read as such
	typ      *duckType
	key      string // of unmapped.<key>
	into     *field // nil for unmapped
}

// Compile compiles a mapping. It gives every problem it finds; the result is nil where one of them is an error. err is
// for what is no fault of the mapping.
func Compile(ctx context.Context, m *Mapping, db Database) (*Compiled, diag.List, error) {
	c := &compiler{ctx: ctx, m: m, db: db, report: &diag.List{}, snippets: map[string]node{}, allowed: allowedFunctions()}
	for _, p := range m.Notes {
		c.report.Add(p)
	}
	compiled, err := c.compile()
	c.report.Sort()
	if err != nil {
		return nil, *c.report, err
	}
	if c.report.Failed() {
		compiled = nil
	}
	return compiled, *c.report, nil
}

func (c *compiler) compile() (*Compiled, error) {
	var err error
	if c.functions, err = c.db.Functions(c.ctx); err != nil {
		return nil, fmt.Errorf("sqlgen: %w", err)
	}
	root, err := buildRaw(c.m.RawColumns)
	if err != nil {
		return nil, fmt.Errorf("sqlgen: raw.sql: %w", err)
	}
	c.src = newSource(root)
	c.format = readFormat(c.m.Raw, root, c.report)
	if err := c.checkMacros(); err != nil {
		return nil, err
	}
	if len(c.m.Selects) == 0 {
		c.report.Add(diag.Diagnostic{File: c.m.Raw.Path, Code: diag.NoProjection, Message: "the mapping has no SELECT", Hint: "write <class>.sql beside raw.sql"})
		return nil, nil
	}
	for _, f := range c.m.Selects {
		p, err := c.readProjection(f)
		if err != nil {
			return nil, err
		}
		if p != nil {
			c.projections = append(c.projections, p)
		}
	}
	if c.report.Failed() {
		c.checkPaths()
		return nil, nil
	}
	for _, p := range c.projections {
		if err := c.typeOutputs(p); err != nil {
			return nil, err
		}
	}
	if c.report.Failed() {
		c.checkPaths()
		return nil, nil
	}
	for _, p := range c.projections {
		c.buildTree(p)
	}
	if c.report.Failed() {
		return nil, nil
	}
	if err := c.checkOverlaps(); err != nil {
		return nil, err
	}
	return c.assemble()
}

// checkPaths reports paths that OCSF does not have where mistakes before them end the compilation: all are told at once.
func (c *compiler) checkPaths() {
	for _, p := range c.projections {
		for _, o := range p.outs {
			if o.base == nil && !inUnmapped(o.alias) {
				c.way(p, o)
			}
		}
	}
}

// readProjection parses a file, refuses what a mapping may not have, and rewrites its expressions. nil: it is unusable.
func (c *compiler) readProjection(sel Select) (*projection, error) {
	f := sel.File
	p := &projection{file: f, name: strings.TrimSuffix(path.Base(f.Path), ".sql"), consumed: map[*leaf]bool{}, without: map[string]int{}, given: map[*leaf]string{}}
	if sel.Name != "" {
		p.name = sel.Name
	}
	p.head = parseHeader(f, c.report)
	if !c.readHeader(p) {
		return nil, nil
	}
	st, err := c.parseAt(f, f.Text)
	if st == nil || err != nil {
		return nil, err
	}
	if !c.refuseStatement(f, st) {
		return nil, nil
	}
	p.table = str(child(st.body, "from_table"), "alias")
	p.whereAt = location(child(st.body, "where_clause"))
	if p.where, err = c.predicate(p, child(st.body, "where_clause")); err != nil {
		return nil, err
	}
	for _, d := range p.head.drops {
		// The predicate is parsed where it stands, so that places in it are places in the file.
		st, err := c.parseAt(f, strings.Repeat(" ", d.at-len("SELECT "))+"SELECT "+d.text+" FROM raw")
		if err != nil {
			return nil, err
		}
		if st == nil {
			continue
		}
		items := list(st.body, "select_list")
		if !c.refuseStatement(f, st) || len(items) != 1 || st.body["where_clause"] != nil {
			c.report.At(f, d.at, diag.Error, diag.Drop, "as `-- drop: event.event_type = 'stats'`", "a drop line holds one predicate")
			continue
		}
		e, _ := items[0].(node)
		sql, err := c.predicate(p, e)
		if err != nil {
			return nil, err
		}
		if sql != "" {
			p.drops = append(p.drops, sql)
		}
	}
	for _, v := range list(st.body, "select_list") {
		e, _ := v.(node)
		if err := c.readColumn(p, e); err != nil {
			return nil, err
		}
	}
	c.placeAliases(p)
	c.readConsumes(p)
	return p, nil
}

// parseAt parses a text of a file; a syntax error is reported and gives nil.
func (c *compiler) parseAt(f diag.File, sql string) (*statement, error) {
	st, err := parse(c.db, sql)
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		c.report.At(f, syntax.Offset, diag.Error, diag.SQL, "", "%s", syntax.Message)
		return nil, nil
	}
	return st, err
}

func (c *compiler) readHeader(p *projection) bool {
	f, h := p.file, p.head
	if h.class == "" {
		c.report.At(f, 0, diag.Error, diag.Class, "begin the file with `-- class: network_activity`", "the header names no class")
		return false
	}
	if c.schema == nil || c.schema.Version != h.version {
		s, err := ocsf.Load(h.version)
		if err != nil {
			c.report.At(f, h.verAt, diag.Error, diag.OCSFVersion, "", "%v", err)
			return false
		}
		if c.schema != nil {
			c.report.At(f, h.verAt, diag.Error, diag.OCSFVersion, "all files of a mapping name the same version", "OCSF %s here, %s in another file", h.version, c.schema.Version)
			return false
		}
		c.schema = s
	}
	if p.class = c.schema.Class(h.class); p.class == nil {
		hint := ""
		if n := c.schema.NearestClass(h.class); n != "" {
			hint = "is " + n + " meant?"
		}
		c.report.At(f, h.classAt, diag.Error, diag.UnknownClass, hint, "OCSF %s has no class %q", h.version, h.class)
		return false
	}
	for _, w := range h.profiles {
		name := strings.ToLower(w.text)
		switch {
		case !contains(c.schema.Profiles(), name):
			hint := "known: " + strings.Join(c.schema.Profiles(), ", ")
			if n := c.schema.NearestProfile(name); n != "" {
				hint = "is " + n + " meant?"
			}
			c.report.At(f, w.at, diag.Error, diag.UnknownProfile, hint, "OCSF %s has no profile %q", h.version, w.text)
		case !contains(p.class.Profiles, name):
			c.report.At(f, w.at, diag.Warning, diag.Profile, "it adds nothing to this class", "%s does not take the profile %s", p.class.Name, name)
			p.profiles = append(p.profiles, name)
		default:
			p.profiles = append(p.profiles, name)
		}
	}
	for _, w := range h.without {
		p.without[w.text] = w.at
	}
	return true
}

// predicate rewrites a condition and gives its SQL, "" where there is none. A condition that fails is not true.
func (c *compiler) predicate(p *projection, e node) (string, error) {
	if e == nil || !c.refuseExpr(p.file, e) {
		return "", nil
	}
	out, err := c.rewrite(p.file, p.table, e)
	if err != nil || out == nil {
		return "", err
	}
	sql, err := printExpr(c.db, out.expr)
	if err != nil {
		return "", err
	}
	types, err := c.describe([]string{sql})
	if err != nil {
		var syntax *SyntaxError
		if errors.As(err, &syntax) {
			c.report.At(p.file, location(e), diag.Error, diag.SQL, "", "%s", syntax.Message)
			return "", nil
		}
		return "", err
	}
	if fam := types[0].family(); fam != famBool && fam != famNull {
		c.report.At(p.file, location(e), diag.Error, diag.SQL, "compare it with something", "a condition must be true or false, this is %s", types[0].text)
		return "", nil
	}
	if _, total := c.total(out.inlined); !total {
		sql = "TRY(" + sql + ")"
	}
	p.conditions = append(p.conditions, condition{out.inlined, out.reads})
	return sql, nil
}

// readColumn takes one column of the SELECT.
func (c *compiler) readColumn(p *projection, e node) error {
	o := &output{alias: str(e, "alias"), at: location(e), orig: e}
	o.path = o.alias
	p.columns = append(p.columns, o)
	if !c.refuseExpr(p.file, e) {
		return nil
	}
	if o.alias == "" { // as in SQL, a raw field alone is called what it is
		if names, casts := bareOf(e); len(names) > 0 && len(casts) == 0 && p.class.Attribute(names[len(names)-1]) != nil {
			o.alias = names[len(names)-1]
			o.path = o.alias
		}
	}
	if o.alias == "" {
		c.report.At(p.file, o.at, diag.Error, diag.NoAlias, `as in event.src_ip AS "src_endpoint.ip"`, "the column has no OCSF path")
		return nil
	}
	return c.unfold(p, o)
}

// readOutput takes one value.
func (c *compiler) readOutput(p *projection, o *output) error {
	p.outs = append(p.outs, o)
	e := o.orig
	out, err := c.rewrite(p.file, p.table, e)
	if err != nil || out == nil {
		return err
	}
	o.reads, o.expr = out.reads, out.inlined
	show := out.expr
	if v, ok := literal(e); ok {
		o.constant, o.isConst = v, true
	}
	if names, casts := bareOf(e); names != nil {
		res := c.src.resolve(names, p.table)
		o.leaf, o.group, o.casts = res.leaf, res.group, len(casts) > 0
		if o.leaf != nil {
			if o.expr, err = c.snippet(leafSQL(o.leaf)); err != nil {
				return err
			}
		}
		if o.leaf != nil && len(casts) > 0 {
			if o.expr, err = c.strictCasts(o.leaf, casts); err != nil {
				return err
			}
			show = o.expr
		}
		if o.group != nil && len(casts) > 0 {
			o.group = nil
		}
	}
	if o.sql, err = printExpr(c.db, show); err != nil {
		return err
	}
	_, o.total = c.total(o.expr)
	o.never = o.total && neverNull(o.expr, "")
	switch {
	case o.leaf != nil && o.leaf.cast == "" && str(o.expr, "class") == "COLUMN_REF":
		o.sql = ident(o.leaf.column)
	case !o.total:
		o.sql = "TRY(" + o.sql + ")"
	}
	return nil
}

// strictCasts casts a leaf's value as its author asks, except that nothing is rounded on the way to an integer: the value
// counts as mapped, so it must not change.
func (c *compiler) strictCasts(l *leaf, casts []node) (node, error) {
	e, err := c.snippet(leafSQL(l))
	if err != nil {
		return nil, err
	}
	fam := l.valueType().family()
	for _, t := range casts {
		to := (&duckType{id: str(t, "id")}).family()
		if to == famInt || to == famBig {
			of, err := printExpr(c.db, e)
			if err != nil {
				return nil, err
			}
			if guard := wholeNumber(fam, of); guard != "" {
				if e, err = c.snippet("CASE WHEN " + guard + " THEN " + of + " END"); err != nil {
					return nil, err
				}
			}
		}
		e = node{"class": "CAST", "type": "OPERATOR_CAST", "alias": "", "child": e, "cast_type": clone(t), "try_cast": true}
		fam = to
	}
	return e, nil
}

// placeAliases finds where each alias stands in the text: the tree does not say.
func (c *compiler) placeAliases(p *projection) {
	from := 0
	for i, o := range p.columns {
		if o.at > from {
			from = o.at
		}
		end := len(p.file.Text)
		if i+1 < len(p.columns) && p.columns[i+1].at > from {
			end = p.columns[i+1].at
		}
		o.nameAt = o.at
		if j := strings.LastIndex(p.file.Text[from:end], o.alias); o.alias != "" && j >= 0 {
			o.nameAt = from + j
			from = o.nameAt
			if o.nameAt > 0 && p.file.Text[o.nameAt-1] == '"' {
				o.nameAt--
			}
		}
	}
	for _, o := range p.outs {
		if o.head != nil && o.nameAt < 0 {
			o.nameAt = o.head.nameAt
		}
	}
}

func (c *compiler) readConsumes(p *projection) {
	read := map[*leaf]bool{}
	for _, o := range p.outs {
		for _, l := range o.reads {
			read[l] = true
		}
	}
	for _, w := range p.head.consumes {
		names, rest := fieldPath(w.text)
		if names == nil || rest != "" {
			c.report.At(p.file, w.at, diag.Error, diag.UnknownField, "as in SQL: event.src_ip, \"a b\".c", "%s is no name of a field", w.text)
			continue
		}
		f := c.src.root
		if contains([]string{"raw", p.table}, names[0]) && len(names) > 1 {
			names = names[1:]
		}
		for _, n := range names {
			if f != nil {
				f = f.get(n)
			}
		}
		if f == nil {
			res := c.src.resolve(names, p.table)
			hint := "name fields that raw.sql declares"
			if res.near != "" {
				hint = "is " + res.near + " meant?"
			}
			c.report.At(p.file, w.at, diag.Error, diag.UnknownField, hint, "raw has no field %s", w.text)
			continue
		}
		used := false
		for _, x := range f.below() {
			if x.leaf != nil && read[x.leaf] {
				p.consumed[x.leaf], used = true, true
			}
		}
		if !used {
			c.report.At(p.file, w.at, diag.Error, diag.Consumes, "remove it: a value that no column reads is kept in unmapped", "no column reads %s, so nothing consumes it", w.text)
		}
	}
}

// describe gives the types of expressions over records.
func (c *compiler) describe(exprs []string) ([]*duckType, error) {
	cols := []string{"0 AS " + ident(ColObject)}
	for _, l := range c.src.leaves {
		cols = append(cols, "CAST(NULL AS "+l.typ+") AS "+ident(l.column))
	}
	for _, n := range c.src.keyNames() {
		cols = append(cols, "CAST(NULL AS VARCHAR) AS "+ident(c.src.keys[n].column))
	}
	var items []string
	for i, e := range exprs {
		items = append(items, fmt.Sprintf("%s AS c%d", e, i))
	}
	got, err := c.db.Describe(c.ctx, "SELECT "+strings.Join(items, ", ")+" FROM (SELECT "+strings.Join(cols, ", ")+") AS records")
	if err != nil {
		return nil, err
	}
	types := make([]*duckType, len(got))
	for i, col := range got {
		if types[i], err = parseType(col.Type); err != nil {
			return nil, fmt.Errorf("sqlgen: %w", err)
		}
	}
	return types, nil
}

// typeOutputs asks DuckDB for the types of all columns; where it objects, each is asked for alone to find out which.
func (c *compiler) typeOutputs(p *projection) error {
	var exprs []string
	for _, o := range p.outs {
		exprs = append(exprs, o.sql)
	}
	types, err := c.describe(exprs)
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		for _, o := range p.outs {
			if _, err := c.describe([]string{o.sql}); errors.As(err, &syntax) {
				c.report.At(p.file, o.at, diag.Error, diag.SQL, "", "%s", strings.ReplaceAll(syntax.Message, "TRY(", "("))
			} else if err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	for i, o := range p.outs {
		o.typ = types[i]
	}
	return nil
}

// reason gives the index of a reject reason.
func (c *compiler) reason(code, path, message string) int {
	for i, r := range c.reasons {
		if r.Code == code && r.Path == path {
			return i
		}
	}
	c.reasons = append(c.reasons, Reason{Code: code, Path: path, Message: message})
	return len(c.reasons) - 1
}

// sortedLeaves gives leaves in the order they were first read.
func sortedLeaves(set map[*leaf]bool) []*leaf {
	all := make([]*leaf, 0, len(set))
	for l := range set {
		all = append(all, l)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].order < all[j].order })
	return all
}
