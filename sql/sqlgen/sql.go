package sqlgen

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/lake"
)

func pow2(i int) string { return new(big.Int).Lsh(big.NewInt(1), uint(i)).String() }

// assemble puts everything together.
func (c *compiler) assemble() (*Compiled, error) {
	compiled := &Compiled{Name: c.m.Name, Version: c.schema.Version, Setup: c.m.Setup, KeyColumns: c.src.keyNames(), Owner: c.owner()}
	compiled.Scan.Format, compiled.Scan.Parsers = c.format.out, c.format.parsers
	withheld := c.withhold()
	for _, l := range c.src.leaves {
		scan := decode.Leaf{Path: l.path, Kind: l.kind, Keep: !withheld[l], Time: c.format.times[l.field], Also: l.field.also}
		if scan.Keep {
			scan.Name = c.projections[0].given[l]
		}
		compiled.Scan.Leaves = append(compiled.Scan.Leaves, scan)
		compiled.ScanColumns = append(compiled.ScanColumns, ScanColumn{Name: l.column, Type: l.typ})
	}
	for i, p := range c.projections {
		compiled.Projections = append(compiled.Projections, c.project(p, i+1, withheld))
	}
	compiled.Several = len(compiled.Projections) > 1
	compiled.Projections = mergeClasses(compiled.Projections)
	compiled.Reasons = c.reasons
	compiled.Lineage = c.lineage()
	compiled.Flows = c.rawFlows()
	c.checkUnread(compiled.Flows)
	return compiled, nil
}

// owner is the expression of Compiled.Owner.
func (c *compiler) owner() string {
	var drops, whens, taken []string
	for i, p := range c.projections {
		drops = append(drops, p.drops...)
		w := p.where
		if w == "" {
			w = "TRUE"
		}
		whens = append(whens, fmt.Sprintf("WHEN %s THEN %d", w, i+1))
		taken = append(taken, "CASE WHEN "+w+" THEN 1 ELSE 0 END")
	}
	var b strings.Builder
	b.WriteString("CASE")
	for _, d := range drops {
		b.WriteString(" WHEN " + d + " THEN 0")
	}
	if len(taken) > 1 {
		b.WriteString(" WHEN " + strings.Join(taken, " + ") + " > 1 THEN -1")
	} else if len(drops) == 0 && c.projections[0].where == "" {
		return "1"
	}
	return b.String() + " " + strings.Join(whens, " ") + " END"
}

// project writes the SQL of projection n and the schema of its file.
func (c *compiler) project(p *projection, n int, withheld map[*leaf]bool) Projection {
	s := &sqlProjection{c: c, p: p, l: newLayers("records"), forced: map[*field]bool{}}
	owner := c.owner()
	s.owned = owner != "1"
	if s.owned {
		s.l.pending = append(s.l.pending, owner+" AS _owner")
		if len(c.projections) > 1 {
			s.l.seal()
			where := fmt.Sprintf("_owner = %d", n)
			if n == 1 {
				where = "_owner IS NULL OR _owner <= 1"
			}
			s.l.wrap("*", where)
		}
	}
	s.values()
	s.settle(p.root)
	more, miss, misses := s.more(withheld)

	out := Projection{Name: p.name, Class: p.class.Name, UID: p.class.UID, Misses: misses}
	var columns []string
	for _, f := range p.root.fields {
		out.Schema.Columns = append(out.Schema.Columns, s.node(f, &columns))
	}
	out.Schema.Class, out.Schema.Version = p.class.Name, c.schema.Version
	out.Schema.Columns = append(out.Schema.Columns, &lake.Node{Name: "unmapped", Kind: lake.Map, Column: len(columns), NearUnique: true})

	time := "CAST(" + valueSQL(p.root.get("time")) + " AS BIGINT)"
	items := []string{
		time + " AS _time",
		"CAST((" + time + " + 62135596800000) // 86400000 - 719162 AS INTEGER) AS _day",
		s.account(&out) + " AS _account",
		"CAST(" + s.reject() + " AS SMALLINT) AS _reject",
		ColObject, ColRecord, ColRest,
		more + " AS _more",
		miss + " AS _miss",
	}
	for i, col := range columns {
		items = append(items, fmt.Sprintf("%s AS c%d", col, i))
	}
	s.l.wrap("\n  "+strings.Join(items, ",\n  "), "")
	out.SQL = s.l.from
	out.TimeLeaves = c.timeLeaves(p)
	return out
}

// valueSQL is the SQL of a field's value, constant or not.
func valueSQL(f *field) string {
	if f.isConst {
		if s, ok := f.constant.(string); ok {
			return text(s)
		}
		return fmt.Sprint(f.constant)
	}
	return f.sql
}

// account is the account that the event belongs to, where the mapping says.
func (s *sqlProjection) account(out *Projection) string {
	f := s.p.root
	for _, name := range []string{"cloud", "account", "uid"} {
		if f = f.get(name); f == nil {
			return "CAST(NULL AS VARCHAR)"
		}
	}
	if f.isConst {
		out.ConstAccount, _ = f.constant.(string)
	}
	return valueSQL(f)
}

// reject is the expression of the column _reject.
func (s *sqlProjection) reject() string {
	var b strings.Builder
	when := func(cond, reason string) { b.WriteString(" WHEN " + cond + " THEN " + reason) }
	index := func(code, path, message string) string { return fmt.Sprint(s.c.reason(code, path, message)) }
	if s.owned && s.p == s.c.projections[0] {
		when("_owner IS NULL", index(ReasonNoProjection, "", "no projection of the mapping takes this record"))
		for _, p := range s.c.projections {
			if len(p.drops) > 0 {
				when("_owner = 0", index(ReasonDropped, "", "a drop predicate of the mapping names this record"))
				break
			}
		}
		if len(s.c.projections) > 1 {
			when("_owner = -1", index(ReasonSeveralProjections, "", "several projections of the mapping take this record"))
		}
	}
	if f := s.p.root.get("time"); !f.isConst {
		var raw, some []string
		for _, l := range f.out.reads {
			raw = append(raw, l.dotted())
			some = append(some, ident(l.column)+" IS NOT NULL")
		}
		missing := index(ReasonTimeMissing, "time", "there is no value for time ("+strings.Join(raw, ", ")+")")
		if s.state[f].lossy || f.out.leaf == nil || f.out.casts { // a text that does not cast is there
			unreadable := index(ReasonTimeUnreadable, "time", "the value for time is no time ("+strings.Join(raw, ", ")+")")
			missing = "CASE WHEN " + strings.Join(append(some, "FALSE"), " OR ") + " THEN " + unreadable + " ELSE " + missing + " END"
		}
		when(f.sql+" IS NULL", missing)
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
func (c *compiler) timeLeaves(p *projection) (all []int) {
	f := p.root.get("time")
	if f.isConst {
		return nil
	}
	for _, l := range f.out.reads {
		if l.key == "" {
			all = append(all, l.order)
		}
	}
	return all
}
