package sqlgen

import (
	"strings"

	"github.com/silt-etl/silt/internal/decode"
)

// A value that the mapping outputs is withheld from unmapped. Where the output did not come to be in some record, because the
// value does not fit, its object was dropped, or this projection has no such output, the value is given back: it becomes an
// entry of _more. So a raw value is always in the event, once as itself or once in unmapped.

// withhold decides which leaves are left out of the rest: those whose value some projection outputs, or consumes. It also
// gives leaves the names that all projections agree on.
func (c *compiler) withhold() map[*leaf]bool {
	withheld := map[*leaf]bool{}
	for _, p := range c.projections {
		for _, o := range p.outs {
			if o.leaf != nil && o.key == "" && o.into != nil && o.leaf.key == "" {
				withheld[o.leaf] = true
			}
		}
		for l := range p.consumed {
			withheld[l] = true
		}
		for _, o := range p.outs {
			if o.key == "" {
				continue
			}
			switch {
			case o.leaf != nil && o.leaf.key == "" && o.sql == ident(o.leaf.column):
				p.name1(o.leaf, o.key)
			case o.group != nil:
				for _, f := range o.group.below() {
					p.name1(f.leaf, o.key+"."+strings.Join(f.path[len(o.group.path):], "."))
				}
			}
		}
	}
	for _, l := range c.src.leaves {
		for _, p := range c.projections {
			if p.given[l] != c.projections[0].given[l] {
				withheld[l] = true // each gives it back under its own name
			}
		}
	}
	return withheld
}

// name1 gives a leaf its name in unmapped; of several the first counts here, the others are entries of their own.
func (p *projection) name1(l *leaf, key string) {
	if p.given[l] == "" {
		p.given[l] = key
	}
}

// more builds the columns _miss and _more: their SQL, and the paths that bits of _miss stand for.
func (s *sqlProjection) more(withheld map[*leaf]bool) (more, miss string, misses []string) {
	var always, when, flags []string
	bit := map[*field]string{}
	mark := func(f *field, cond string) {
		if old := bit[f]; old != "" && old != cond {
			cond = "(" + old + " OR " + cond + ")"
		}
		bit[f] = cond
	}
	for _, f := range s.p.root.leaves() {
		st := s.state[f]
		if st != nil && st.lossy && st.user != st.kept && !s.rejecting(f) {
			bit[f] = s.l.add("m", st.user+" IS NOT NULL AND "+st.gone())
		}
	}
	for _, o := range s.p.outs {
		if o.key != "" && o.group == nil && !(o.leaf != nil && s.p.given[o.leaf] == o.key && o.sql == ident(o.leaf.column)) {
			always = append(always, entry(o.key, s.user[o], o.typ))
		}
	}
	for _, l := range c0(s.c, withheld) {
		value := ident(l.column)
		if key := s.p.given[l]; key != "" {
			always = append(always, leafEntry(key, l))
			continue
		}
		outs := s.outputsOf(l)
		conds := []string{value + " IS NOT NULL"}
		sure := false
		var lost []*field
		for _, o := range outs {
			f, st := o.into, s.state[o.into]
			switch {
			case f == nil:
				if o.total && neverNull(o.expr, l.column) {
					sure = true
				} else {
					conds = append(conds, s.user[o]+" IS NULL")
				}
			case st == nil:
			case !st.lossy && (o.leaf == l && st.user == value || o.total && neverNull(o.expr, l.column)):
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
		when = append(when, "CASE WHEN "+flag+" THEN "+leafEntry(l.dotted(), l)+" END")
		for _, f := range lost {
			if !s.rejecting(f) {
				mark(f, flag)
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
func (s *sqlProjection) missBits(bit map[*field]string) (sql string, paths []string) {
	var any, sum []string
	for _, f := range s.p.root.leaves() {
		cond := bit[f]
		if cond == "" {
			continue
		}
		any = append(any, cond)
		if len(paths) < 64 {
			sum = append(sum, cond)
			paths = append(paths, f.path)
		} else {
			sum[63] += " OR " + cond
			paths[63] = "others"
		}
	}
	if len(any) == 0 {
		return "CAST(0 AS UBIGINT)", nil
	}
	any = distinct(any)
	for i, cond := range sum {
		sum[i] = "CASE WHEN " + cond + " THEN " + pow2(i) + " ELSE 0 END"
	}
	return "CAST(CASE WHEN " + strings.Join(any, " OR ") + " THEN " + strings.Join(sum, " + ") + " ELSE 0 END AS UBIGINT)", paths
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

// rejecting says whether a missing value of f rejects the whole record, so that nothing needs to be given back.
func (s *sqlProjection) rejecting(f *field) bool { return f.path == "time" }

// outputsOf gives the outputs in which the value of a leaf is to be found.
func (s *sqlProjection) outputsOf(l *leaf) (all []*output) {
	for _, o := range s.p.outs {
		if o.isConst || o.list != nil || o.split {
			continue
		}
		if o.leaf == l && o.key == "" {
			all = append(all, o)
			continue
		}
		if !s.p.consumed[l] {
			continue
		}
		for _, r := range o.reads {
			if r == l {
				all = append(all, o)
				break
			}
		}
	}
	return all
}

// c0 gives the withheld leaves in order, without captures of the key: those are no part of the record.
func c0(c *compiler, withheld map[*leaf]bool) (all []*leaf) {
	for _, l := range sortedLeaves(withheld) {
		if l.key == "" {
			all = append(all, l)
		}
	}
	return all
}

// leafEntry is the entry that gives a leaf's value back.
func leafEntry(key string, l *leaf) string {
	value := ident(l.column)
	if l.kind == decode.JSON {
		return text(decode.InlinePrefix(key)) + " || " + value + " || chr(2)" // it is JSON text already
	}
	return entry(key, value, &duckType{id: l.typ, text: l.typ})
}

// entry is an entry of the rest in its inline form, NULL where the value is.
func entry(key, value string, t *duckType) string {
	json := "CAST(to_json(" + value + ") AS VARCHAR)"
	if t.family() == famTime && t.id != "DATE" {
		json = "CAST(to_json(TRY(strftime(CAST(" + value + " AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ'))) AS VARCHAR)"
	}
	return text(decode.InlinePrefix(key)) + " || " + json + " || chr(2)"
}
