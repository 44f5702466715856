package sqlgen

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/capture"
	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

func pow2(i int) string { return new(big.Int).Lsh(big.NewInt(1), uint(i)).String() }

// maxChosenBy is how many leaves name the kind of a record.
const maxChosenBy = 3

// assemble puts everything together.
func (c *emitter) assemble() *Compiled {
	compiled := &Compiled{Name: c.Mapping.Name, Version: c.Schema.Version, Setup: c.Mapping.Setup, Lookups: c.Mapping.Lookups, KeyColumns: c.Src.KeyNames(), Owner: c.owner()}
	compiled.Scan.Format, compiled.Scan.Parsers, compiled.Scan.Nulls = c.Format.Format, c.Format.Parsers, c.Format.Nulls
	compiled.Scan.Redact = c.Redact
	withheld := c.withhold()
	for _, l := range c.Src.Leaves {
		scan := decode.Leaf{Path: l.Path, Kind: l.Kind, Keep: !withheld[l], List: strings.HasSuffix(l.Field.Type.Text, "[]"), Time: c.Format.Times[l.Field], Also: l.Field.Also}
		if scan.Keep {
			scan.Name = c.Projections[0].Given[l]
		}
		compiled.Scan.Leaves = append(compiled.Scan.Leaves, scan)
		compiled.ScanColumns = append(compiled.ScanColumns, ScanColumn{Name: l.Column, Type: l.Type})
	}
	compiled.Expressions = expressions(c.Projections)
	for _, g := range c.Guards {
		guard := Guard{Projection: g.Projection, Memory: g.Memory, Work: g.Work, Longest: g.Longest, Harmless: g.Harmless}
		for _, l := range g.Leaves {
			if l.Key == "" {
				guard.Leaves = append(guard.Leaves, l.Order)
				if slices.Contains(g.Lists, l) {
					guard.Lists = append(guard.Lists, l.Order)
				}
			}
		}
		compiled.Guards = append(compiled.Guards, guard)
	}
	for i, p := range c.Projections {
		compiled.Projections = append(compiled.Projections, c.project(p, i+1, withheld))
	}
	for _, l := range c.Src.Leaves {
		if l.Text != "" {
			compiled.TextColumns = append(compiled.TextColumns, TextColumn{Name: l.Text, Leaf: l.Order})
		}
	}
	compiled.Several = len(compiled.Projections) > 1
	compiled.Projections = mergeClasses(compiled.Projections)
	compiled.Reasons = c.reasons
	for _, l := range projection.ChosenBy(c.Projections, maxChosenBy) {
		compiled.ChosenBy = append(compiled.ChosenBy, l.Order)
	}
	compiled.Lineage = c.lineage()
	compiled.Fills = c.fills()
	compiled.Flows = c.rawFlows()
	c.checkUnread(compiled.Flows)
	return compiled
}

// expressions are those of all SELECTs that compute something.
func expressions(all []*projection.Projection) (out []Expression) {
	for _, p := range all {
		for i, sql := range append([]string{p.Where}, p.Drops...) {
			at := projection.Place{File: p.File, At: p.WhereAt}
			if i > 0 {
				at = p.DropAt[i-1]
			}
			line, _ := diag.Position(at.File.Text, max(at.At, 0))
			if sql != "" {
				out = append(out, Expression{SQL: sql, File: at.File.Path, Line: line})
			}
		}
		for _, o := range p.Outs {
			if o.IsConst || o.SQL == "" || o.Leaf != nil && o.SQL == syntax.Ident(o.Leaf.Column) {
				continue
			}
			line, _ := diag.Position(o.File.Text, max(o.At, 0))
			out = append(out, Expression{SQL: o.SQL, Path: o.Alias, File: o.File.Path, Line: line})
		}
	}
	return out
}

// owner is the expression of Compiled.Owner. SELECTs with `-- otherwise:` come after all others.
func (c *emitter) owner() string {
	var drops []string
	var whens, taken [2][]string // of SELECTs, and of those with `-- otherwise:`
	for i, p := range c.Projections {
		drops = append(drops, p.Drops...)
		w := p.Where
		if w == "" {
			w = "TRUE"
		}
		of := 0
		if p.Head.Otherwise {
			of = 1
		}
		whens[of] = append(whens[of], fmt.Sprintf("WHEN %s THEN %d", w, i+1))
		taken[of] = append(taken[of], "CASE WHEN "+w+" THEN 1 ELSE 0 END")
	}
	if len(c.Projections) == 1 && len(drops) == 0 && c.Projections[0].Where == "" {
		return "1"
	}
	var b strings.Builder
	b.WriteString("CASE")
	for _, d := range drops {
		b.WriteString(" WHEN " + d + " THEN 0")
	}
	for of := range whens {
		if len(taken[of]) > 1 {
			b.WriteString(" WHEN " + strings.Join(taken[of], " + ") + " > 1 THEN -1")
		}
		if len(whens[of]) > 0 {
			b.WriteString(" " + strings.Join(whens[of], " "))
		}
	}
	return b.String() + " END"
}

// project writes the SQL of projection n and the schema of its file.
func (c *emitter) project(p *projection.Projection, n int, withheld map[*rawtable.Leaf]bool) Projection {
	s := &sqlProjection{c: c, p: p, l: newLayers("records"), fields: map[*projection.Field]*emitted{}, forced: map[*projection.Field]bool{}}
	owner := c.owner()
	s.owned = owner != "1"
	if s.owned {
		if len(c.Projections) == 1 {
			s.l.pending = append(s.l.pending, owner+" AS _owner")
		} else { // records has it
			where := fmt.Sprintf("_owner = %d", n)
			if n == 1 {
				where = "_owner IS NULL OR _owner <= 1"
			}
			s.l.wrap("*", where)
		}
	}
	s.values()
	s.settle(p.Root)
	(&observer{s: s, schema: c.Schema}).observe(p.Root)
	more, miss, misses := s.more(withheld)

	out := Projection{Name: p.Name, Class: p.Class.Name, UID: p.Class.UID, Misses: misses}
	var columns []string
	for _, f := range p.Root.Children {
		out.Schema.Columns = append(out.Schema.Columns, s.node(f, &columns))
	}
	out.Schema.Class, out.Schema.Version = p.Class.Name, c.Schema.Version
	out.Schema.Columns = append(out.Schema.Columns, &lake.Node{Name: "unmapped", Kind: lake.Map, Column: len(columns), NearUnique: true})

	time := "CAST(" + s.valueSQL(p.Root.Get("time")) + " AS BIGINT)"
	items := []string{
		time + " AS _time",
		"CAST((" + time + " + 62135596800000) // 86400000 - 719162 AS INTEGER) AS _day",
		s.account(&out) + " AS _account",
		"CAST(" + s.reject() + " AS SMALLINT) AS _reject",
		rawtable.ColObject, rawtable.ColRecord, rawtable.ColRest,
		more + " AS _more",
		miss + " AS _miss",
	}
	for i, col := range columns {
		items = append(items, fmt.Sprintf("%s AS c%d", col, i))
	}
	s.l.wrap("\n  "+strings.Join(items, ",\n  "), "")
	out.SQL, out.Parts = s.l.from, []string{s.l.from}
	out.TimeLeaves = c.timeLeaves(p)
	return out
}

// valueSQL is the SQL of a field's value, constant or not.
func (s *sqlProjection) valueSQL(f *projection.Field) string {
	if f.IsConst {
		if t, ok := f.Constant.(string); ok {
			return syntax.Quote(t)
		}
		return fmt.Sprint(f.Constant)
	}
	return s.of(f).sql
}

// account is the account that the event belongs to, where the mapping says.
func (s *sqlProjection) account(out *Projection) string {
	f := s.p.Root
	for _, name := range []string{"cloud", "account", "uid"} {
		if f = f.Get(name); f == nil {
			return "CAST(NULL AS VARCHAR)"
		}
	}
	if f.IsConst {
		out.ConstAccount, _ = f.Constant.(string)
	}
	return s.valueSQL(f)
}

// timeWithoutYear is what the time of an RFC 3164 header looks like, and the forms of the CEF guide that have no year.
const timeWithoutYear = `(?:[A-Z][a-z]{2},? +)?[A-Z][a-z]{2} +[0-9]{1,2} [0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?: +[A-Za-z][A-Za-z0-9:+-]*| *[+-][0-9:]+)?`

// reject is the expression of the column _reject.
func (s *sqlProjection) reject() string {
	var b strings.Builder
	when := func(cond, reason string) { b.WriteString(" WHEN " + cond + " THEN " + reason) }
	index := func(code, path, message string) string { return fmt.Sprint(s.c.reason(code, path, message)) }
	if s.owned && s.p == s.c.Projections[0] {
		when("_owner IS NULL", index(ReasonNoProjection, "", "no SELECT of the mapping matches this record"))
		for _, p := range s.c.Projections {
			if len(p.Drops) > 0 {
				when("_owner = 0", index(ReasonDropped, "", "a drop line of the mapping matches this record"))
				break
			}
		}
		if len(s.c.Projections) > 1 {
			when("_owner = -1", index(ReasonSeveralProjections, "", "several SELECTs of the mapping match this record"))
		}
	}
	if f := s.p.Root.Get("time"); !f.IsConst {
		var raw, some, noYear []string
		asksYear := slices.ContainsFunc(f.Out.Reads, func(l *rawtable.Leaf) bool { return strings.EqualFold(l.Key, capture.Modified) })
		ofRecord := slices.ContainsFunc(f.Out.Reads, func(l *rawtable.Leaf) bool { return l.Key == "" })
		for _, l := range f.Out.Reads {
			if ofRecord && l.Key != "" { // the object has it, whatever is in the record
				continue
			}
			raw = append(raw, l.Dotted())
			some = append(some, syntax.Ident(l.Column)+" IS NOT NULL")
			if asksYear && l.Type == "VARCHAR" {
				noYear = append(noYear, "regexp_full_match("+syntax.Ident(l.Column)+", "+syntax.Quote(timeWithoutYear)+")")
			}
		}
		missing := index(ReasonTimeMissing, "time", "no field holds a time (tried "+strings.Join(raw, ", ")+")")
		if s.state[f].lossy || f.Out.Leaf == nil || f.Out.Casts { // a text that does not cast is there
			unreadable := index(ReasonTimeUnreadable, "time", "no field holds a readable time (tried "+strings.Join(raw, ", ")+")")
			missing = "CASE WHEN " + strings.Join(append(some, "FALSE"), " OR ") + " THEN " + unreadable + " ELSE " + missing + " END"
		}
		if len(noYear) > 0 {
			when(s.of(f).sql+" IS NULL AND ("+strings.Join(noYear, " OR ")+")", index(ReasonYearUnknown, "time",
				"the time has no year (example: Jun  1 10:15:00): the key does not name one, and the object was not last modified in the 31 days after this date. Try: set source.year in the job file"))
		}
		when(s.of(f).sql+" IS NULL", missing)
	}
	for _, r := range s.rejects {
		when(r.when, r.reason)
	}
	if b.Len() == 0 {
		return "NULL"
	}
	return "CASE" + b.String() + " END"
}

// timeLeaves are the numbers of the leaves that time is read from.
func (c *emitter) timeLeaves(p *projection.Projection) (all []int) {
	f := p.Root.Get("time")
	if f.IsConst {
		return nil
	}
	for _, l := range f.Out.Reads {
		if l.Key == "" {
			all = append(all, l.Order)
		}
	}
	return all
}
