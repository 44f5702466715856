package sqlgen

import (
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// A value that the mapping outputs is withheld from unmapped. If the output is missing in a record, because the
// value does not fit, its object was dropped, or this projection has no such output, the value is restored: it becomes an
// entry of _more. So a raw value is always in the event, once as itself or once in unmapped.

// withhold decides which leaves are left out of the rest: those whose value some projection outputs, or consumes. It also
// gives leaves the names that all projections agree on.
func (c *emitter) withhold() map[*rawtable.Leaf]bool {
	withheld := map[*rawtable.Leaf]bool{}
	for _, p := range c.Projections {
		for _, o := range p.Outs {
			if o.Leaf != nil && o.Key == "" && o.Into != nil && o.Leaf.Key == "" {
				withheld[o.Leaf] = true
			}
		}
		for l := range p.Consumed {
			withheld[l] = true
		}
		for _, o := range p.Outs {
			if o.Key == "" {
				continue
			}
			switch {
			case renames(o):
				nameLeaf(p, o.Leaf, o.Key)
			case o.Group != nil:
				for _, f := range o.Group.Values() {
					nameLeaf(p, f.Leaf, o.Key+"."+strings.Join(f.Path[len(o.Group.Path):], "."))
				}
			}
		}
	}
	for _, l := range c.Src.Leaves {
		for _, p := range c.Projections {
			if p.Given[l] != c.Projections[0].Given[l] {
				withheld[l] = true // each gives it back under its own name
			}
		}
	}
	return withheld
}

// renames says that an output gives a raw field another name in unmapped, and does nothing else. Its text is what is written there,
// so that nothing depends on the type that raw.sql declares.
func renames(o *projection.Output) bool {
	return o.Key != "" && o.Leaf != nil && o.Leaf.Key == "" && !o.Casts
}

// nameLeaf gives a leaf its name in unmapped; of several the first counts here, the others are entries of their own.
func nameLeaf(p *projection.Projection, l *rawtable.Leaf, key string) {
	if p.Given[l] == "" {
		p.Given[l] = key
	}
}

// more builds the columns _miss and _more: their SQL, and the paths that bits of _miss stand for.
func (s *sqlProjection) more(withheld map[*rawtable.Leaf]bool) (more, miss string, misses []Miss) {
	var always, when, flags []string
	bit := map[*projection.Field]string{}
	mark := func(f *projection.Field, cond string) {
		if old := bit[f]; old != "" && old != cond {
			cond = "(" + old + " OR " + cond + ")"
		}
		bit[f] = cond
	}
	for _, f := range s.p.Root.Leaves() {
		st := s.state[f]
		if st != nil && st.lossy && st.user != st.kept && !s.rejecting(f) {
			bit[f] = s.l.add("m", st.user+" IS NOT NULL AND "+st.gone())
		}
	}
	for _, o := range s.p.Outs {
		switch {
		case o.Key == "" || o.Group != nil || renames(o) && s.p.Given[o.Leaf] == o.Key:
		case renames(o):
			always = append(always, s.leafEntry(o.Key, o.Leaf))
		default:
			always = append(always, entry(o.Key, s.user[o], o.Type))
		}
	}
	if s.omitted != "" {
		always = append(always, entry(omittedKey, s.omitted, &ducktype.Type{ID: "VARCHAR", Text: "VARCHAR"}))
	}
	for _, l := range recordLeaves(withheld) {
		value := syntax.Ident(l.Column)
		if key := s.p.Given[l]; key != "" {
			always = append(always, s.leafEntry(key, l))
			continue
		}
		outs := s.outputsOf(l)
		conds := []string{value + " IS NOT NULL"}
		back := &rebuilt{s, l}
		other, sure := back.notRebuilt()
		conds = append(conds, other...)
		var lost []*projection.Field
		for _, o := range outs {
			f, st := o.Into, s.state[o.Into]
			switch {
			case st == nil:
			case !st.lossy && (st.user == value || o.Total && projection.NeverNull(o.Expr, l.Column)):
				sure = true
			default:
				conds = append(conds, st.gone())
				lost = append(lost, f)
			}
		}
		if sure {
			continue
		}
		flag := s.l.add("m", strings.Join(distinct(conds), " AND "))
		flags = append(flags, flag)
		when = append(when, "CASE WHEN "+flag+" THEN "+s.leafEntry(l.Dotted(), l)+" END")
		for _, f := range lost {
			if !s.rejecting(f) {
				mark(f, flag)
			}
		}
		if readers, gone := back.readersLost(); len(readers) > 0 {
			for _, f := range readers {
				mark(f, "("+strings.Join(append([]string{flag}, gone...), " AND ")+")")
			}
		}
	}
	s.l.seal()
	back := "CAST(NULL AS VARCHAR)"
	switch {
	case len(always) > 0:
		back = "nullif(concat(" + strings.Join(append(always, when...), ", ") + "), '')"
	case len(when) > 0:
		back = "CASE WHEN " + strings.Join(flags, " OR ") + " THEN concat(" + strings.Join(when, ", ") + ") END"
	}
	miss, misses = s.missBits(bit)
	return back, miss, misses
}

// missBits makes a number of the flags; from the 64th on they share the last bit.
func (s *sqlProjection) missBits(bit map[*projection.Field]string) (sql string, misses []Miss) {
	flags := s.without
	for _, f := range s.p.Root.Leaves() {
		if bit[f] != "" {
			flags = append(flags, flag{Miss{Path: f.Path}, bit[f]})
		}
	}
	var any, sum []string
	for _, f := range flags {
		any = append(any, f.when)
		if len(misses) < maxMisses {
			sum = append(sum, f.when)
			misses = append(misses, f.miss)
		} else {
			sum[maxMisses-1] += " OR " + f.when
			misses[maxMisses-1] = Miss{Path: otherMisses}
		}
	}
	if len(any) == 0 {
		return "CAST(0 AS UBIGINT)", nil
	}
	any = distinct(any)
	for i, cond := range sum {
		sum[i] = "CASE WHEN " + cond + " THEN " + pow2(i) + " ELSE 0 END"
	}
	return "CAST(CASE WHEN " + strings.Join(any, " OR ") + " THEN " + strings.Join(sum, " + ") + " ELSE 0 END AS UBIGINT)", misses
}

const (
	maxMisses   = 64       // bits of _miss
	otherMisses = "others" // the path of several that share a bit
)

// flag is a condition that is counted.
type flag struct {
	miss Miss
	when string
}

func distinct(all []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range all {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// rejecting says whether a missing value of f rejects the whole record, so that nothing needs to be restored.
func (s *sqlProjection) rejecting(f *projection.Field) bool { return f.Path == "time" }

// outputsOf gives the outputs that are the value of a leaf, casts aside.
func (s *sqlProjection) outputsOf(l *rawtable.Leaf) (all []*projection.Output) {
	for _, o := range s.p.Outs {
		if o.Leaf == l && o.Key == "" && o.List == nil && !o.IsConst && !o.Split {
			all = append(all, o)
		}
	}
	return all
}

// recordLeaves are the withheld leaves in order, without captures of the key, which are not part of the record.
func recordLeaves(withheld map[*rawtable.Leaf]bool) (all []*rawtable.Leaf) {
	for _, l := range rawtable.SortedLeaves(withheld) {
		if l.Key == "" {
			all = append(all, l)
		}
	}
	return all
}

// leafEntry is the entry that gives a leaf's value back as it was written. The value of a time or a DOUBLE does not say how that was.
func (s *sqlProjection) leafEntry(key string, l *rawtable.Leaf) string {
	value := syntax.Ident(l.Column)
	switch l.Kind {
	case decode.Timestamp, decode.Double:
		return entry(key, syntax.Ident(s.c.Src.ReadText(l)), &ducktype.Type{ID: "VARCHAR", Text: "VARCHAR"})
	case decode.JSON:
		return syntax.Quote(decode.InlinePrefix(key)) + " || " + value + " || chr(2)" // it is JSON text already
	}
	return entry(key, value, &ducktype.Type{ID: l.Type, Text: l.Type})
}

// entryText is the text that an output has in unmapped.
func (s *rebuilt) entryText(o *projection.Output) string {
	if renames(o) {
		if o.Leaf.Type == "VARCHAR" {
			return syntax.Ident(o.Leaf.Column)
		}
		return syntax.Ident(s.c.Src.ReadText(o.Leaf))
	}
	switch value := s.user[o]; {
	case o.IsConst:
		return "CAST(" + o.SQL + " AS VARCHAR)"
	case o.Type.Family() == ducktype.Text, o.Type.ID == "DATE":
		return "CAST(" + value + " AS VARCHAR)"
	case o.Type.Family() == ducktype.Time:
		return isoTime(value)
	default:
		return "CAST(to_json(" + value + ") AS VARCHAR)"
	}
}

// isoTime is a time as unmapped has it.
func isoTime(value string) string {
	return "TRY(strftime(CAST(" + value + " AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ'))"
}

// entry is an entry of the rest in its inline form, NULL where the value is.
func entry(key, value string, t *ducktype.Type) string {
	json := "CAST(to_json(" + value + ") AS VARCHAR)"
	if t.Family() == ducktype.Time && t.ID != "DATE" {
		json = "CAST(to_json(" + isoTime(value) + ") AS VARCHAR)"
	}
	return syntax.Quote(decode.InlinePrefix(key)) + " || " + json + " || chr(2)"
}
