package sqlgen

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ocsf"
)

// sqlProjection writes the SQL of one projection.
type sqlProjection struct {
	c     *compiler
	p     *projection
	l     *layers
	owned bool // the rows have a column _owner
	user  map[*output]string
	state map[*field]*fieldState
	// rejects are conditions and the reasons they give, the first that holds wins.
	rejects []reject
	forced  map[*field]bool // groups that are present in every record
}

// fieldState is what becomes of a field with an output.
type fieldState struct {
	user string // the author's value
	// kept is the value that OCSF's type takes, before defaults: NULL where the raw value did not make it.
	kept  string
	lossy bool // kept can be NULL where user is not
	// lost, of a list of objects: the condition that something in it is not kept.
	lost string
}

// gone is the condition that the value, or something of it, is not in the event.
func (st *fieldState) gone() string {
	if st.lost == "" {
		return st.kept + " IS NULL"
	}
	return "(" + st.lost + " OR " + st.kept + " IS NULL AND (" + st.user + " IS NULL OR len(" + st.user + ") > 0))"
}

type reject struct {
	when   string
	reason string // SQL of the index
}

const other = 99 // Other, in every enum that has it

// values adds the columns of all outputs: the author's value, then OCSF's.
func (s *sqlProjection) values() {
	s.user = map[*output]string{}
	s.state = map[*field]*fieldState{}
	for _, o := range s.p.outs {
		switch {
		case o.isConst && o.into != nil, o.list != nil, o.part != nil:
		case o.leaf != nil && o.sql == ident(o.leaf.column):
			s.user[o] = o.sql
		case o.group != nil && o.key != "":
		default:
			s.user[o] = s.l.add("u", o.sql)
		}
	}
	s.l.seal()
	for _, o := range s.p.outs {
		if o.part != nil && !o.split {
			s.user[o] = s.l.add("u", s.memberSQL(o))
		}
	}
	s.l.seal()
	fields := s.p.root.leaves()
	for _, f := range fields {
		o := f.out
		if o == nil || f.isConst && o.leaf == nil {
			continue
		}
		if f.isConst { // the raw value only confirms it
			st := &fieldState{user: s.user[o], lossy: true}
			st.kept = s.l.add("s", "CASE WHEN CAST("+st.user+" AS VARCHAR) = "+text(fmt.Sprint(f.constant))+" THEN "+st.user+" END")
			s.state[f] = st
			continue
		}
		st := &fieldState{user: s.user[o]}
		s.state[f] = st
		if f.shape != nil {
			s.readList(f, st)
			continue
		}
		st.kept, st.lossy = s.cast(f, st.user)
		if st.kept != st.user {
			st.kept = s.l.add("s", st.kept)
		}
		f.sql, f.never = st.kept, o.never && !st.lossy
	}
	s.l.seal()
	for _, f := range fields {
		if s.state[f] != nil && !f.isConst {
			s.enumValue(f)
		}
	}
	s.l.seal()
	for _, f := range fields {
		if f.auto != nil {
			f.sql, f.never = s.l.add("a", "CAST("+f.auto(s)+" AS "+duckName(f.attr.Base)+")"), true
		}
	}
	s.l.seal()
}

// memberSQL is a field of a computed object.
func (s *sqlProjection) memberSQL(o *output) string {
	if u := s.user[o]; u != "" {
		return u
	}
	return fieldOf(s.memberSQL(o.part), o.member)
}

// readList adds the columns of a computed list of objects.
func (s *sqlProjection) readList(f *field, st *fieldState) {
	s.l.seal()
	read := s.l.add("n", "list_transform("+st.user+", lambda e0: "+f.shape.read("e0", 1)+")")
	s.l.seal()
	st.kept = s.l.add("s", f.shape.list(read, 0))
	st.lost = s.l.add("n", f.shape.anyLost(read, 0))
	st.lossy = true
	f.sql = st.kept
}

// cast gives the OCSF value of x, and whether it can be lost on the way.
func (s *sqlProjection) cast(f *field, x string) (sql string, lossy bool) {
	o, a := f.out, f.attr
	if a.IsArray {
		if o.typ.family() == famNull {
			return "CAST(NULL AS " + duckName(a.Base) + "[])", false
		}
		elem := castTo(a, o.typ.elem, "e")
		if elem.sql == "e" {
			return x, false
		}
		return "list_transform(" + x + ", lambda e: " + elem.sql + ")", false
	}
	cast := castTo(a, o.typ, x)
	sql, lossy = cast.sql, cast.fallible
	if o.typ.family() == famTime && o.leaf == nil && isTime(a) && !cast.fallible {
		sql, lossy = "TRY("+sql+")", true // a computed timestamp may be infinite
	}
	if len(a.Enum) > 0 && !staticEnum(o) {
		inner := sql
		if inner != x {
			inner = s.l.add("s", sql)
			s.l.seal()
		}
		sql, lossy = "CASE WHEN "+inner+" IN ("+enumList(a)+") THEN "+inner+" END", true
	}
	return sql, lossy
}

// enumValue gives an enum's number that OCSF does not know the value 99 Other, and a missing required one 0 Unknown; the
// raw value is then still counted as not kept.
func (s *sqlProjection) enumValue(f *field) {
	a, st := f.attr, s.state[f]
	if a.IsArray || len(a.Enum) == 0 || a.Base == ocsf.String {
		return
	}
	v := st.kept
	if _, has := a.EnumText(other); has && st.lossy {
		v = fmt.Sprintf("CASE WHEN %s IS NULL AND %s IS NOT NULL THEN %d ELSE %s END", st.kept, st.user, other, st.kept)
	}
	if a.Requirement == ocsf.Required && hasUnknown(a) && !f.never {
		switch present := s.otherPresence(f); present {
		case "TRUE":
			v, f.never = "COALESCE("+v+", 0)", true
		case "FALSE":
		default:
			v = "CASE WHEN " + present + " THEN COALESCE(" + v + ", 0) ELSE " + v + " END"
		}
	}
	if v != st.kept {
		f.sql = s.l.add("e", v)
	}
}

// otherPresence is the condition that the object f is in has another value than f.
func (s *sqlProjection) otherPresence(f *field) string {
	if f.parent == s.p.root {
		return "TRUE"
	}
	var any []string
	for _, x := range f.parent.leaves() {
		if x == f || x.isConst || x.lookup != nil || s.state[x] == nil {
			continue
		}
		if x.never {
			return "TRUE"
		}
		any = append(any, s.state[x].kept+" IS NOT NULL")
	}
	if len(any) == 0 {
		return "FALSE"
	}
	return strings.Join(any, " OR ")
}

// columnLeaves are the fields below f whose values are columns.
func columnLeaves(f *field) (all []*field) {
	for _, x := range f.leaves() {
		if !x.isConst && x.lookup == nil {
			all = append(all, x)
		}
	}
	return all
}

// presence is the condition that an object, or a list of objects written out, has a value; "" where it always has.
func (s *sqlProjection) presence(f *field) string {
	if s.forced[f] {
		return ""
	}
	var any []string
	columns, always := 0, false
	var look func(f *field)
	look = func(f *field) {
		for _, x := range f.inside() {
			switch {
			case x.isGroup() && f.elems == nil:
				look(x)
			case x.isGroup(): // an element
				columns++
				if has := s.presence(x); has != "" {
					any = append(any, has)
				} else if len(f.gates) == 0 {
					always = true
				} else {
					any = append(any, strings.Join(f.gates, " AND "))
				}
			case x.elems != nil:
				look(x)
			case x.isConst || x.lookup != nil:
			default:
				columns++
				always = always || x.never
				any = append(any, x.sql+" IS NOT NULL")
			}
		}
	}
	look(f)
	if columns == 0 || always {
		return ""
	}
	return strings.Join(any, " OR ")
}

// need is a condition that an object must meet to be kept.
type need struct {
	sql  string
	path string
	only *field // the one field that the condition asks for
}

// needs gives what an object, or the class, must have in every record and may lack.
func (s *sqlProjection) needs(f *field) (all []need) {
	for _, x := range f.fields {
		if x.attr.Requirement != ocsf.Required {
			continue
		}
		switch {
		case x.isGroup() || x.elems != nil:
			if sql := s.presence(x); sql != "" {
				all = append(all, need{sql: "(" + sql + ")", path: x.path})
			}
		case x.isConst || x.lookup != nil || x.never:
		default:
			all = append(all, need{sql: x.sql + " IS NOT NULL", path: x.path, only: x})
		}
	}
	for i, rule := range [][]string{f.of.AtLeastOne, f.of.JustOne} {
		members := present(f, rule)
		var any, sum []string
		sure := 0
		for _, m := range members {
			switch {
			case m.isGroup() || m.elems != nil:
				cond := s.presence(m)
				if cond == "" {
					sure++
					cond = "TRUE"
				}
				any, sum = append(any, cond), append(sum, "CAST("+cond+" AS INTEGER)")
			case m.isConst || m.never || m.lookup != nil:
				sure++
				sum = append(sum, "1")
			default:
				any, sum = append(any, m.sql+" IS NOT NULL"), append(sum, "CAST("+m.sql+" IS NOT NULL AS INTEGER)")
			}
		}
		path := f.path
		if path == "" {
			path = strings.Join(rule, " or ")
		}
		switch {
		case i == 0 && sure == 0 && len(members) > 0:
			n := need{sql: "(" + strings.Join(any, " OR ") + ")", path: path}
			if len(members) == 1 {
				n.sql, n.only = any[0], members[0]
			}
			all = append(all, n)
		case i == 1 && len(members) > 0 && !(len(members) == 1 && sure == 1):
			all = append(all, need{sql: "(" + strings.Join(sum, " + ") + ") = 1", path: path})
		}
	}
	return all
}

// settle drops objects that lack what they require, the innermost first, and rejects records whose class does.
func (s *sqlProjection) settle(f *field) {
	for _, x := range f.fields {
		if x.isGroup() {
			s.settle(x)
		}
		for _, y := range x.elems {
			s.settle(y)
		}
	}
	whole := f == s.p.root || f.parent == s.p.root && f.attr.Requirement == ocsf.Required
	if f != s.p.root && whole && s.presence(f) != "" && hasConst(f) {
		s.forced[f] = true // it is required and always has something to say
	}
	needs := s.needs(f)
	if within := f.parent; within != nil && within.parent == s.p.root && within.attr.Requirement == ocsf.Required &&
		f.attr.Requirement == ocsf.Required && len(needs) == 0 && s.presence(f) != "" && hasConst(f) {
		s.forced[f] = true // so is one in it, as metadata.product, that lacks nothing where its columns are NULL
	}
	if whole {
		for _, n := range needs {
			if n.path == "time" {
				continue
			}
			if x := f.get(n.path); f == s.p.root && x != nil && x.isGroup() && len(s.needs(x)) > 0 {
				continue // its own needs say it better
			}
			r := s.c.reason(ReasonMissingRequired, n.path, "required "+n.path+" has no value")
			s.rejects = append(s.rejects, reject{"NOT (" + n.sql + ")", fmt.Sprint(r)})
		}
		return
	}
	if len(needs) == 0 {
		return
	}
	var conds []string
	for _, n := range needs {
		conds = append(conds, n.sql)
	}
	ok := strings.Join(conds, " AND ")
	for _, x := range f.lists() {
		x.gates = append(x.gates, ok)
	}
	for _, x := range columnLeaves(f) {
		if len(needs) == 1 && needs[0].only == x {
			continue
		}
		st := s.state[x]
		same := st != nil && st.kept == x.sql
		x.sql = s.l.add("d", "CASE WHEN "+ok+" THEN "+x.sql+" END")
		x.never = false
		if st == nil {
			continue
		}
		st.lossy = true
		if x.shape != nil {
			st.lost = s.l.add("d", st.lost+" AND ("+ok+")") // without the object all of the list is gone, which kept says
		}
		if same {
			st.kept = x.sql
		} else {
			st.kept = s.l.add("d", "CASE WHEN "+ok+" THEN "+st.kept+" END")
		}
	}
	s.l.seal()
}

func hasConst(f *field) bool {
	for _, x := range f.fields {
		if !x.isGroup() && x.isConst {
			return true
		}
	}
	return false
}

// node gives the file's schema of a field; columns are numbered from *next in the order they are met, and listed.
func (s *sqlProjection) node(f *field, columns *[]string) *lake.Node {
	if f.isGroup() {
		n := &lake.Node{Name: f.name, Kind: lake.Group, Column: -1}
		for _, x := range f.fields {
			n.Children = append(n.Children, s.node(x, columns))
		}
		if s.forced[f] {
			*columns = append(*columns, "TRUE")
			n.Present = len(*columns)
		}
		return n
	}
	if f.elems != nil || f.shape != nil {
		t, sql := &elemType{}, f.sql
		if f.elems != nil {
			sql, t = s.listed(f)
		} else {
			t = f.shape.elemType()
		}
		n := listNode(f.name, t.node())
		f.col = len(*columns)
		n.Column = f.col
		*columns = append(*columns, sql)
		return n
	}
	n := &lake.Node{Name: f.name, Kind: kindOf(f.attr.Base), Column: -1, NearUnique: nearUnique(f)}
	if f.attr.IsArray {
		n.Children = []*lake.Node{{Name: "element", Kind: n.Kind, Column: -1}}
		n.Kind = lake.List
	}
	switch {
	case f.isConst:
		n.Const = f.constant
	case f.lookup != nil:
		n.Column = f.lookup.col
		n.Lookup = map[int64]string{}
		for _, e := range f.lookup.attr.Enum {
			n.Lookup[e.ID] = e.Text
		}
	default:
		f.col = len(*columns)
		n.Column = f.col
		*columns = append(*columns, f.sql)
	}
	return n
}

func kindOf(b ocsf.Base) lake.Kind {
	switch b {
	case ocsf.Integer:
		return lake.Int32
	case ocsf.Long, ocsf.Timestamp:
		return lake.Int64
	case ocsf.DateTime:
		return lake.Timestamp
	case ocsf.Float:
		return lake.Double
	case ocsf.Boolean:
		return lake.Bool
	}
	return lake.String
}

// fewUIDs are objects whose uid names one of a few things, so that a dictionary pays.
var fewUIDs = map[string]bool{"account": true, "org": true, "product": true, "feature": true, "firewall_rule": true, "rule": true, "policy": true, "group": true, "container": true, "image": true}

// nearUnique guesses for which columns a dictionary would not pay.
func nearUnique(f *field) bool {
	switch f.name {
	case "bytes", "bytes_in", "bytes_out", "raw_data", "correlation_uid", "sequence", "original_time":
		return true
	case "uid":
		return f.parent != nil && !fewUIDs[f.parent.name]
	case "port":
		return f.parent != nil && f.parent.name == "src_endpoint"
	}
	return isTime(f.attr)
}
