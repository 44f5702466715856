// Package projection reads and checks the SELECTs of a mapping: it rewrites their expressions over the columns of `records`, asks
// DuckDB for their types, places each value at its OCSF path, fills what OCSF derives from others, and reports what OCSF does
// not have or what is missing. Its result, a Set, is what package sqlgen writes SQL from. It never reads a record.
//
// All mistakes of a mapping are reported at once, each at its place in the author's text. A diagnostic that is an error means
// that no SQL is written.
package projection

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/allow"
	"github.com/silt-etl/silt/sql/bound"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/header"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// Set holds what is known of one mapping while it is compiled.
type Set struct {
	Mapping     *Mapping
	database    Database
	Report      *diag.List
	check       *allow.Checker
	snippets    *syntax.Snippets
	macros      *syntax.Macros
	common      *common // nil: the mapping has no _common.sql
	growths     map[string]allow.Growth
	lookups     *lookups
	types       map[string]*ducktype.Type // of expressions over records
	Src         *rawtable.Source
	Schema      *ocsf.Schema
	Format      *header.Raw
	Projections []*Projection
	Guards      []Guarded
	Redact      []redact.Rule
}

// Projection is one SELECT on its way to SQL.
type Projection struct {
	File     diag.File
	Name     string
	Head     header.Select
	table    string // the alias of raw
	Class    *ocsf.Class
	Profiles []string
	Where    string // over records; "" takes every record
	WhereAt  int    // its byte offset, -1: unknown
	Drops    []string
	DropAt   []Place // where each of them is written
	// conditions are where and drops as they are reasoned about.
	conditions []condition
	Columns    []*Output        // the SELECT's, as they are written
	Outs       []*Output        // what they come to: of objects written out, each value is one
	without    map[string]Place // required attributes left out, and where the header says so
	heads      []head           // the headers that hold for it: that of _common.sql, then its own
	Consumed   map[*rawtable.Leaf]*Consume
	Root       *Field
	Shared     []Shared // columns that several outputs read
	// given are the names that the mapping gives leaves in unmapped.
	Given map[*rawtable.Leaf]string
}

// Output is one column of the author's SELECT, or a value of an object in it.
type Output struct {
	origin
	Alias  string   // the OCSF path
	At     int      // byte offset of the expression
	NameAt int      // byte offset of the alias; -1: the column's
	From   int      // of a column: where the text of its expression begins
	Uses   []string // of a column: the aliases of other columns in it
	orig   syntax.Node
	nested
	Expr syntax.Node // over records
	SQL  string
	// SharedSQL is the same with the projection's shared columns, "" where it has none.
	SharedSQL string
	Reads     []*rawtable.Leaf
	// leaf is set where the expression is a leaf's value and nothing else, casts aside; group likewise for a STRUCT.
	Leaf  *rawtable.Leaf
	Group *rawtable.Field
	// constant is the value of an expression that is one.
	constant any
	IsConst  bool
	Total    bool
	Never    bool // never NULL
	takes    *bound.Estimate
	printed  syntax.Node // what SQL is the text of, TRY aside
	json     bool        // of objects in JSON, to be read as such
	Type     *ducktype.Type
	Key      string // of unmapped.<key>
	Into     *Field // nil for unmapped
}

// Read reads the SELECTs of a mapping and holds them to OCSF. It returns nil where a diagnostic says why the mapping cannot be used.
func Read(ctx context.Context, m *Mapping, db Database, report *diag.List) (*Set, error) {
	db = newRemembered(db)
	c := &Set{Mapping: m, database: db, types: map[string]*ducktype.Type{}, Report: report, snippets: syntax.NewSnippets(db), growths: allow.Growths()}
	report.Add(m.Notes...)
	functions, err := db.Functions(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlgen: %w", err)
	}
	root, err := rawtable.Build(m.RawColumns)
	if err != nil {
		return nil, fmt.Errorf("sqlgen: raw.sql: %w", err)
	}
	c.Src = rawtable.NewSource(root)
	c.Format = header.ReadRaw(m.Raw, root, report)
	if c.macros, err = syntax.NewMacros(db, m.MacroDefs); err != nil {
		return nil, fmt.Errorf("sqlgen: %w", err)
	}
	field := func(name string) (near string, declared bool) {
		return rawtable.NearestField(root, name, ""), root.Get(name) != nil
	}
	c.lookups = newLookups(m, c.macros, c.growths)
	c.checkMacros(functions, field)
	c.check = allow.NewChecker(report, functions, c.macros, field)
	if len(m.Selects) == 0 {
		report.Add(diag.Diagnostic{File: m.Raw.Path, Code: diag.NoProjection, Message: "the mapping has no SELECT", Hint: "write <class>.sql next to raw.sql"})
		return nil, nil
	}
	if c.common, err = (&commonReader{set: c}).read(); err != nil || c.common == nil && m.Common.Text != "" {
		return nil, err
	}
	for _, f := range m.Selects {
		p, err := c.readProjection(ctx, f)
		if err != nil {
			return nil, err
		}
		if p != nil {
			c.Projections = append(c.Projections, p)
		}
	}
	c.common.reportColumns(report, c.Schema)
	c.Redact = (&redactor{set: c}).read()
	// Each step is for the files in which the steps before it found no mistake, so that a mistake in one file does not hide those of others.
	g := guards{set: c, ships: strings.HasPrefix(m.Raw.Path, "shipped:")}
	if err := g.put(ctx, c.sound()); err != nil {
		return nil, err
	}
	c.Guards = g.all
	for _, p := range c.sound() {
		if err := c.typeOutputs(ctx, p); err != nil {
			return nil, err
		}
	}
	if report.Failed() {
		c.checkPaths()
	}
	for _, p := range c.sound() {
		if err := (&sharing{c: c, p: p, calls: map[string]*sharedCall{}}).run(); err != nil {
			return nil, err
		}
		c.buildTree(p)
	}
	for _, p := range c.sound() {
		if err := (&rebuilder{set: c, p: p}).run(ctx); err != nil {
			return nil, err
		}
	}
	if !report.Failed() {
		c.common.reportConsumes(report, c.Projections)
	}
	if report.Failed() {
		return nil, nil
	}
	if err := c.checkOverlaps(ctx); err != nil {
		return nil, err
	}
	t := trial{database: db, report: report, src: c.Src}
	if err := t.all(ctx, c.Projections); err != nil {
		return nil, err
	}
	return c, nil
}

// sound gives the SELECTs whose files have no mistake so far. There are none if raw.sql, the macros or _common.sql have one, because
// every SELECT reads these.
func (c *Set) sound() (all []*Projection) {
	if hasMistake(*c.Report, c.Mapping.Raw.Path) || hasMistake(*c.Report, c.Mapping.Macros.Path) || hasMistake(*c.Report, c.Mapping.Common.Path) {
		return nil
	}
	if slices.ContainsFunc(c.Mapping.Packages, func(f diag.File) bool { return hasMistake(*c.Report, f.Path) }) {
		return nil
	}
	for _, p := range c.Projections {
		if !hasMistake(*c.Report, p.File.Path) {
			all = append(all, p)
		}
	}
	return all
}

func hasMistake(found diag.List, file string) bool {
	return slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Severity == diag.Error && d.File == file })
}

// checkMacros reports what the macros of the mapping must not use.
func (c *Set) checkMacros(functions map[string]allow.Function, field func(string) (string, bool)) {
	for _, m := range c.Mapping.MacroDefs {
		var found diag.List
		allow.NewChecker(&found, functions, c.macros, field).Body(diag.File{Path: c.Mapping.Macros.Path}, c.macros.Body(m))
		of, at := c.Mapping.Macros, strings.Index(strings.ToLower(c.Mapping.Macros.Text), strings.ToLower(m.Name))
		for _, p := range c.Mapping.Packages {
			if i := strings.Index(strings.ToLower(p.Text), strings.ToLower(m.Name)); at < 0 && i >= 0 {
				of, at = p, i
			}
		}
		for _, d := range found {
			c.Report.At(of, at, diag.Error, d.Code, d.Hint, "macro %s: %s", m.Name, d.Message)
		}
	}
}

// checkPaths reports paths that OCSF does not have where mistakes before them end the compilation: all are reported at once.
func (c *Set) checkPaths() {
	for _, p := range c.Projections {
		for _, o := range p.Outs {
			if o.base == nil && !inUnmapped(o.Alias) {
				c.way(p, o)
			}
		}
	}
}

// readProjection parses a file, refuses what a mapping must not have, and rewrites its expressions. nil: it is unusable.
func (c *Set) readProjection(ctx context.Context, sel Select) (*Projection, error) {
	f := sel.File
	p := &Projection{File: f, Name: strings.TrimSuffix(path.Base(f.Path), ".sql"), Consumed: map[*rawtable.Leaf]*Consume{}, without: map[string]Place{}, Given: map[*rawtable.Leaf]string{}}
	if sel.Name != "" {
		p.Name = sel.Name
	}
	p.heads = c.common.heads(head{File: f, Select: header.ReadSelect(f, c.Report)})
	p.Head = merged(p.heads)
	if !c.readHeader(p) {
		return nil, nil
	}
	st, err := c.parseAt(f, f.Text)
	if st == nil || err != nil {
		return nil, err
	}
	if !c.check.Statement(f, st) {
		return nil, nil
	}
	p.table = syntax.Str(syntax.Child(st.Body, "from_table"), "alias")
	own := origin{File: f, table: p.table}
	columns := &selection{set: c, p: p}
	columns.open(own, syntax.List(st.Body, "select_list"))
	where := syntax.Child(st.Body, "where_clause")
	p.WhereAt = syntax.Location(where)
	if p.Where, err = c.predicate(ctx, p, own, columns.where(where), -1); err != nil {
		return nil, err
	}
	for _, x := range p.heads {
		if x.shared && len(c.Projections) > 0 { // once for all records
			continue
		}
		if err := c.readDrops(ctx, p, x); err != nil {
			return nil, err
		}
	}
	if err := columns.read(); err != nil {
		return nil, err
	}
	for _, x := range p.heads {
		if err := (&consumer{set: c, p: p, in: x}).read(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// readDrops reads the drop lines of a header.
func (c *Set) readDrops(ctx context.Context, p *Projection, x head) error {
	for _, d := range x.Drops {
		// The predicate is parsed where it stands, so that places in it are places in the file.
		st, err := c.parseAt(x.File, strings.Repeat(" ", d.At-len("SELECT "))+"SELECT "+d.Text+" FROM raw")
		if err != nil {
			return err
		}
		if st == nil {
			continue
		}
		items := syntax.List(st.Body, "select_list")
		if !c.check.Statement(x.File, st) || len(items) != 1 || st.Body["where_clause"] != nil {
			c.Report.At(x.File, d.At, diag.Error, diag.Drop, "example: `-- drop: event.event_type = 'stats'`", "a drop line must hold one predicate")
			continue
		}
		e, _ := items[0].(syntax.Node)
		sql, err := c.predicate(ctx, p, x.origin(p.table), e, len(p.Drops))
		if err != nil {
			return err
		}
		if sql != "" {
			p.Drops, p.DropAt = append(p.Drops, sql), append(p.DropAt, Place{x.File, d.At})
		}
	}
	return nil
}

// parseAt parses a text of a file; a syntax error is reported and gives nil.
func (c *Set) parseAt(f diag.File, sql string) (*syntax.Statement, error) {
	st, err := syntax.Parse(c.database, sql)
	var refused *syntax.Error
	if errors.As(err, &refused) {
		c.Report.At(f, refused.Offset, diag.Error, diag.SQL, "", "%s", refused.Message)
		return nil, nil
	}
	return st, err
}

func (c *Set) readHeader(p *Projection) bool {
	f, h := p.File, p.Head
	if h.Class == "" {
		c.Report.At(f, 0, diag.Error, diag.Class, "start the file with its class (example: `-- class: network_activity`)", "the header does not name a class")
		return false
	}
	if c.Mapping.Version != "" {
		h.Version = c.Mapping.Version
	}
	at := Place{f, h.VerAt}
	if h.VerAt < 0 && c.common != nil {
		at = Place{c.common.File, c.common.VerAt}
	}
	if c.Schema == nil || c.Schema.Version != h.Version {
		s, err := ocsf.Load(h.Version)
		if err != nil {
			c.Report.At(at.File, at.At, diag.Error, diag.OCSFVersion, "", "%v", err)
			return false
		}
		if c.Schema != nil {
			c.Report.At(at.File, at.At, diag.Error, diag.OCSFVersion, "all files of a mapping must use the same version", "this file uses OCSF %s, another file %s", h.Version, c.Schema.Version)
			return false
		}
		c.Schema = s
	}
	if p.Class = c.Schema.Class(h.Class); p.Class == nil {
		hint := ""
		if n := c.Schema.NearestClass(h.Class); n != "" {
			hint = "did you mean " + n + "?"
		}
		c.Report.At(f, h.ClassAt, diag.Error, diag.UnknownClass, hint, "OCSF %s has no class %q", h.Version, h.Class)
		return false
	}
	for _, x := range p.heads {
		c.readProfiles(p, x)
		for _, w := range x.Without {
			p.without[w.Text] = Place{x.File, w.At}
		}
	}
	return true
}

// readProfiles reads the profiles that a header names. Those of _common.sql are for the classes that support them.
func (c *Set) readProfiles(p *Projection, x head) {
	f := x.File
	for _, w := range x.Profiles {
		name := strings.ToLower(w.Text)
		switch {
		case slices.Contains(p.Profiles, name):
		case !syntax.ContainsFold(c.Schema.Profiles(), name):
			hint := "known: " + strings.Join(c.Schema.Profiles(), ", ")
			if n := c.Schema.NearestProfile(name); n != "" {
				hint = "did you mean " + n + "?"
			}
			c.Report.At(f, w.At, diag.Error, diag.UnknownProfile, hint, "OCSF %s has no profile %q", c.Schema.Version, w.Text)
		case x.shared && !syntax.ContainsFold(p.Class.Profiles, name):
		case !syntax.ContainsFold(p.Class.Profiles, name):
			c.Report.At(f, w.At, diag.Warning, diag.Profile, "it adds nothing to this class", "%s does not support the profile %s", p.Class.Name, name)
			p.Profiles = append(p.Profiles, name)
		default:
			p.Profiles = append(p.Profiles, name)
		}
	}
}

// predicate rewrites a condition and gives its SQL, "" where there is none. A condition that fails is not true. drop is the index that
// it will have in Drops, -1 for that of WHERE.
func (c *Set) predicate(ctx context.Context, p *Projection, in origin, e syntax.Node, drop int) (string, error) {
	if e == nil || !c.check.Expression(in.File, e) {
		return "", nil
	}
	out, err := c.rewrite(in.File, in.table, e)
	if err != nil || out == nil {
		return "", err
	}
	sql, err := syntax.Print(c.database, out.expr)
	if err != nil {
		return "", err
	}
	types, err := c.describe(ctx, []string{bare(sql, out.takes)})
	if err != nil {
		var refused *syntax.Error
		if errors.As(err, &refused) {
			c.Report.At(in.File, syntax.Location(e), diag.Error, diag.SQL, "", "%s", refused.Message)
			return "", nil
		}
		return "", err
	}
	if fam := types[0].Family(); fam != ducktype.Bool && fam != ducktype.Null {
		c.Report.At(in.File, syntax.Location(e), diag.Error, diag.SQL, "compare it with a value", "a condition must be BOOLEAN, but this is %s", types[0].Text)
		return "", nil
	}
	if _, total := c.total(out.inlined); !total {
		sql = "TRY(" + sql + ")"
	}
	p.conditions = append(p.conditions, condition{in.File, out.inlined, out.reads, out.takes, syntax.Location(e), drop})
	return sql, nil
}

// readOutput takes one value.
func (c *Set) readOutput(p *Projection, o *Output) error {
	p.Outs = append(p.Outs, o)
	e := o.orig
	out := c.common.known(o)
	if out == nil {
		var err error
		if out, err = c.rewrite(o.File, o.table, o.orig); err != nil || out == nil {
			return err
		}
		c.common.keep(o, out)
	}
	var err error
	o.Reads, o.Expr, o.takes = out.reads, out.inlined, out.takes
	show := out.expr
	if v, ok := syntax.Literal(e); ok {
		o.constant, o.IsConst = v, true
	}
	if names, casts := syntax.Bare(e); names != nil {
		res := c.Src.Resolve(names, o.table)
		o.Leaf, o.Group, o.Casts = res.Leaf, res.Group, len(casts) > 0
		if o.Leaf != nil {
			if o.Expr, err = c.snippet(rawtable.LeafSQL(o.Leaf)); err != nil {
				return err
			}
		}
		if o.Leaf != nil && len(casts) > 0 {
			if o.Expr, err = c.strictCasts(o.Leaf, casts); err != nil {
				return err
			}
			show = o.Expr
		}
		if o.Group != nil && len(casts) > 0 {
			o.Group = nil
		}
	}
	if o.SQL, err = syntax.Print(c.database, show); err != nil {
		return err
	}
	o.printed = show
	_, o.Total = c.total(o.Expr)
	o.Never = o.Total && NeverNull(o.Expr, "")
	switch {
	case o.Leaf != nil && o.Leaf.Cast == "" && syntax.Str(o.Expr, "class") == "COLUMN_REF":
		o.SQL = syntax.Ident(o.Leaf.Column)
	case !o.Total:
		o.SQL = "TRY(" + o.SQL + ")"
	}
	return nil
}

// strictCasts casts a leaf's value as its author asks, except that nothing is rounded on the way to an integer: the value
// counts as mapped, so it must not change.
func (c *Set) strictCasts(l *rawtable.Leaf, casts []syntax.Node) (syntax.Node, error) {
	e, err := c.snippet(rawtable.LeafSQL(l))
	if err != nil {
		return nil, err
	}
	fam := l.ValueType().Family()
	for _, t := range casts {
		to := (&ducktype.Type{ID: syntax.Str(t, "id")}).Family()
		if to == ducktype.Int || to == ducktype.BigInt {
			of, err := syntax.Print(c.database, e)
			if err != nil {
				return nil, err
			}
			if guard := cast.WholeNumber(fam, of); guard != "" {
				if e, err = c.snippet("CASE WHEN " + guard + " THEN " + of + " END"); err != nil {
					return nil, err
				}
			}
		}
		e = syntax.Node{"class": "CAST", "type": "OPERATOR_CAST", "alias": "", "child": e, "cast_type": syntax.Clone(t), "try_cast": true}
		fam = to
	}
	return e, nil
}

// describe gives the types of expressions over records.
func (c *Set) describe(ctx context.Context, exprs []string) ([]*ducktype.Type, error) {
	if len(exprs) == 0 {
		return nil, nil
	}
	cols := []string{"0 AS " + syntax.Ident(rawtable.ColObject)}
	text := strings.Join(exprs, "\n")
	for _, l := range c.Src.Leaves {
		if strings.Contains(text, strings.ReplaceAll(l.Column, `"`, `""`)) { // DuckDB takes long to bind hundreds of columns
			cols = append(cols, "CAST(NULL AS "+l.Type+") AS "+syntax.Ident(l.Column))
		}
	}
	for _, n := range c.Src.KeyNames() {
		cols = append(cols, "CAST(NULL AS VARCHAR) AS "+syntax.Ident(c.Src.Keys[n].Column))
	}
	var items []string
	for i, e := range exprs {
		items = append(items, fmt.Sprintf("%s AS c%d", e, i))
	}
	got, err := c.database.Describe(ctx, "SELECT "+strings.Join(items, ", ")+" FROM (SELECT "+strings.Join(cols, ", ")+") AS records")
	if err != nil {
		return nil, err
	}
	types := make([]*ducktype.Type, len(got))
	for i, col := range got {
		if types[i], err = ducktype.Parse(col.Type); err != nil {
			return nil, fmt.Errorf("sqlgen: %w", err)
		}
	}
	return types, nil
}

// typeOutputs asks DuckDB for the types of all columns; where it objects, each is asked for alone to find out which.
func (c *Set) typeOutputs(ctx context.Context, p *Projection) error {
	var exprs []string
	for _, o := range p.Outs {
		if _, known := c.types[o.SQL]; !known && !slices.Contains(exprs, o.SQL) {
			exprs = append(exprs, o.SQL)
		}
	}
	types, err := c.describe(ctx, exprs)
	var refused *syntax.Error
	if errors.As(err, &refused) {
		for _, o := range p.Outs {
			if _, err := c.describe(ctx, []string{o.SQL}); errors.As(err, &refused) {
				c.Report.At(o.File, o.At, diag.Error, diag.SQL, "", "%s", strings.ReplaceAll(refused.Message, "TRY(", "("))
			} else if err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	for i, e := range exprs {
		c.types[e] = types[i]
	}
	for _, o := range p.Outs {
		t := *c.types[o.SQL]
		o.Type = &t
	}
	return nil
}
