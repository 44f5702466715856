package sqlgen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/objects"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/syntax"
)

// sqlProjection writes the SQL of one projection.
type sqlProjection struct {
	c     *emitter
	p     *projection.Projection
	l     *layers
	owned bool // the rows have a column _owner
	user  map[*projection.Output]string
	state map[*projection.Field]*fieldState
	// rejects are conditions and the reasons they give, the first that holds wins.
	rejects []reject
	without []flag                     // required attributes that a published record may lack
	forced  map[*projection.Field]bool // groups that are present in every record
	fields  map[*projection.Field]*emitted
	// observables is the list of the event's observables, and omitted how many more it would have; "" where the mapping does not ask for it.
	observables, omitted string
}

// emitted is what the SQL has for a field.
type emitted struct {
	sql   string // the name or expression of the final value
	never bool   // never NULL where its object is present
	col   int
	gates []string // of a list of objects that is written out: conditions without which it has none
}

func (s *sqlProjection) of(f *projection.Field) *emitted {
	if s.fields[f] == nil {
		s.fields[f] = &emitted{}
	}
	return s.fields[f]
}

// fieldState is the result for a field with an output.
type fieldState struct {
	user string // the author's value
	// kept is the value that OCSF's type takes, before defaults: NULL where the raw value did not make it.
	kept  string
	lossy bool // kept can be NULL where user is not
	list  bool // of single values: kept can have fewer elements than user
	// lost, of a list of objects: the condition that something in it is not kept.
	lost string
}

// gone is the condition that the value, or something of it, is not in the event.
func (st *fieldState) gone() string {
	switch {
	case st.list:
		return "(" + st.kept + " IS NULL AND " + st.user + " IS NULL OR coalesce(len(list_filter(" + st.user + ", lambda e: e IS NOT NULL)), 0) > coalesce(len(" + st.kept + "), 0))"
	case st.lost == "":
		return st.kept + " IS NULL"
	}
	return "(" + st.lost + " OR " + st.kept + " IS NULL AND (" + st.user + " IS NULL OR len(" + st.user + ") > 0))"
}

type reject struct {
	when   string
	reason string // SQL of the index
}

// values adds the columns of all outputs: the author's value, then OCSF's.
func (s *sqlProjection) values() {
	s.user = map[*projection.Output]string{}
	s.state = map[*projection.Field]*fieldState{}
	for _, shared := range s.p.Shared {
		s.l.pending = append(s.l.pending, shared.SQL+" AS "+shared.Name)
	}
	s.l.seal()
	for _, o := range s.p.Outs {
		switch {
		case o.IsConst && o.Into != nil && o.Into.IsConst, o.List != nil, o.Part != nil:
		case o.Leaf != nil && o.SQL == syntax.Ident(o.Leaf.Column):
			s.user[o] = o.SQL
		case o.Group != nil && o.Key != "", renames(o):
		default:
			s.user[o] = s.l.add("u", cmp.Or(o.SharedSQL, o.SQL))
		}
	}
	s.l.seal()
	for _, o := range s.p.Outs {
		if o.Part != nil && !o.Split {
			s.user[o] = s.l.add("u", s.memberSQL(o))
		}
	}
	s.l.seal()
	fields := s.p.Root.Leaves()
	for _, f := range fields {
		o := f.Out
		if o == nil || f.IsConst && o.Leaf == nil {
			continue
		}
		if f.IsConst { // the raw value only confirms it
			st := &fieldState{user: s.user[o], lossy: true}
			st.kept = s.l.add("s", "CASE WHEN CAST("+st.user+" AS VARCHAR) = "+syntax.Quote(fmt.Sprint(f.Constant))+" THEN "+st.user+" END")
			s.state[f] = st
			continue
		}
		st := &fieldState{user: s.user[o], list: f.Attribute.IsArray && f.Shape == nil && o.Type.Family() == ducktype.List}
		s.state[f] = st
		if f.Shape != nil {
			s.readList(f, st)
			continue
		}
		st.kept, st.lossy = s.cast(f, st.user)
		if st.kept != st.user {
			st.kept = s.l.add("s", st.kept)
		}
		s.of(f).sql, s.of(f).never = st.kept, o.Never && !st.lossy
	}
	s.l.seal()
	for _, f := range fields {
		if s.state[f] != nil && !f.IsConst {
			s.enumValue(f)
		}
	}
	s.l.seal()
	for _, f := range fields {
		if f.Addend != nil {
			s.of(f).sql, s.of(f).never = s.l.add("a", "CAST("+fmt.Sprintf("%d + %s", f.Base, s.of(f.Addend).sql)+" AS "+cast.TypeName(f.Attribute.Base)+")"), true
		}
	}
	s.l.seal()
}

// memberSQL is a field of a computed object.
func (s *sqlProjection) memberSQL(o *projection.Output) string {
	if u := s.user[o]; u != "" {
		return u
	}
	return objects.FieldOf(s.memberSQL(o.Part), o.Member)
}

// readList adds the columns of a computed list of objects.
func (s *sqlProjection) readList(f *projection.Field, st *fieldState) {
	s.l.seal()
	read := s.l.add("n", "list_transform("+st.user+", lambda e0: "+f.Shape.Read("e0", 1)+")")
	s.l.seal()
	st.kept = s.l.add("s", f.Shape.List(read, 0))
	st.lost = s.l.add("n", f.Shape.AnyLost(read, 0))
	st.lossy = true
	s.of(f).sql = st.kept
}

// cast gives the OCSF value of x, and whether it can be lost on the way.
func (s *sqlProjection) cast(f *projection.Field, x string) (sql string, lossy bool) {
	o := f.Out
	a := o.Attribute(f.Attribute, s.c.Redact)
	if a.IsArray {
		if o.Type.Family() == ducktype.Null {
			return "CAST(NULL AS " + cast.TypeName(a.Base) + "[])", false
		}
		return listSQL(a, x, cast.To(a, o.Type.Elem, "e").SQL), true
	}
	to := cast.To(a, o.Type, x)
	sql, lossy = to.SQL, to.Fallible
	if o.Type.Family() == ducktype.Time && o.Leaf == nil && cast.IsTime(a) && !to.Fallible {
		sql, lossy = "TRY("+sql+")", true // a computed timestamp may be infinite
	}
	if len(a.Enum) > 0 && !projection.StaticEnum(o) {
		inner := sql
		if inner != x {
			inner = s.l.add("s", sql)
			s.l.seal()
		}
		sql, lossy = "CASE WHEN "+inner+" IN ("+cast.EnumList(a)+") THEN "+inner+" END", true
	}
	return sql, lossy
}

// listSQL gives a list of single values without elements that are NULL, and NULL if no element remains. elem is the value of an element e.
// Coordinates are a pair, which one of them alone does not make.
func listSQL(a *ocsf.Attribute, x, elem string) string {
	if elem != "e" {
		x = "list_transform(" + x + ", lambda e: " + elem + ")"
	}
	filled := "list_filter(" + x + ", lambda e: e IS NOT NULL)"
	if a.Name == "coordinates" {
		return "CASE WHEN len(" + filled + ") = len(" + x + ") THEN " + x + " END"
	}
	return "CASE WHEN len(" + x + ") = 0 THEN " + x + " ELSE nullif(" + filled + ", []) END"
}

// enumValue gives an enum's number that OCSF does not know the value 99 Other, and a missing required one 0 Unknown; the
// raw value is then still counted as not kept.
func (s *sqlProjection) enumValue(f *projection.Field) {
	a, st := f.Attribute, s.state[f]
	if a.IsArray || len(a.Enum) == 0 || a.Base == ocsf.String {
		return
	}
	v := st.kept
	if _, has := a.EnumText(cast.Other); has && st.lossy {
		v = fmt.Sprintf("CASE WHEN %s IS NULL AND %s IS NOT NULL THEN %d ELSE %s END", st.kept, st.user, cast.Other, st.kept)
	}
	if a.Requirement == ocsf.Required && cast.HasUnknown(a) && !s.of(f).never {
		switch present := s.otherPresence(f); present {
		case "TRUE":
			v, s.of(f).never = "COALESCE("+v+", 0)", true
		case "FALSE":
		default:
			v = "CASE WHEN " + present + " THEN COALESCE(" + v + ", 0) ELSE " + v + " END"
		}
	}
	if v != st.kept {
		s.of(f).sql = s.l.add("e", v)
	}
}

// otherPresence is the condition that the object f is in has another value than f.
func (s *sqlProjection) otherPresence(f *projection.Field) string {
	if f.Parent == s.p.Root {
		return "TRUE"
	}
	var any []string
	for _, x := range f.Parent.Leaves() {
		if x == f || x.IsConst || x.Lookup != nil || s.state[x] == nil {
			continue
		}
		if s.of(x).never {
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
func columnLeaves(f *projection.Field) (all []*projection.Field) {
	for _, x := range f.Leaves() {
		if !x.IsConst && x.Lookup == nil {
			all = append(all, x)
		}
	}
	return all
}

// presence is the condition that an object, or a list of objects written out, has a value; "" where it always has.
func (s *sqlProjection) presence(f *projection.Field) string {
	if s.forced[f] {
		return ""
	}
	var any []string
	columns, always := 0, false
	var look func(f *projection.Field)
	look = func(f *projection.Field) {
		for _, x := range f.Inside() {
			switch {
			case x.IsGroup() && f.Elems == nil:
				look(x)
			case x.IsGroup(): // an element
				columns++
				if has := s.presence(x); has != "" {
					any = append(any, has)
				} else if len(s.of(f).gates) == 0 {
					always = true
				} else {
					any = append(any, strings.Join(s.of(f).gates, " AND "))
				}
			case x.Elems != nil:
				look(x)
			case x.IsConst || x.Lookup != nil:
			default:
				columns++
				always = always || s.of(x).never
				any = append(any, s.of(x).sql+" IS NOT NULL")
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
	only *projection.Field // the one field that the condition asks for
	// waived says that the header lets records be published that do not meet it.
	waived bool
}

// needs gives what an object, or the class, must have in every record and may lack.
func (s *sqlProjection) needs(f *projection.Field) (all []need) {
	for _, x := range f.Children {
		if x.Attribute.Requirement != ocsf.Required {
			continue
		}
		switch {
		case x.IsGroup() || x.Elems != nil:
			if sql := s.presence(x); sql != "" {
				all = append(all, need{sql: "(" + sql + ")", path: x.Path})
			}
		case x.IsConst || x.Lookup != nil || s.of(x).never:
		default:
			all = append(all, need{sql: s.of(x).sql + " IS NOT NULL", path: x.Path, only: x})
		}
	}
	for i, rule := range [][]string{f.Fields.AtLeastOne, f.Fields.JustOne} {
		members := projection.Present(f, rule)
		var any, sum []string
		sure := 0
		for _, m := range members {
			switch {
			case m.IsGroup() || m.Elems != nil:
				cond := s.presence(m)
				if cond == "" {
					sure++
					cond = "TRUE"
				}
				any, sum = append(any, cond), append(sum, "CAST("+cond+" AS INTEGER)")
			case m.IsConst || s.of(m).never || m.Lookup != nil:
				sure++
				sum = append(sum, "1")
			default:
				any, sum = append(any, s.of(m).sql+" IS NOT NULL"), append(sum, "CAST("+s.of(m).sql+" IS NOT NULL AS INTEGER)")
			}
		}
		path := f.Path
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
	for i, n := range all {
		all[i].waived = n.path != "time" && !slices.ContainsFunc(strings.Split(n.path, " or "), func(path string) bool { return !s.p.LeavesOut(path) })
	}
	return all
}

// waive takes the needs that the header waives out of needs, and counts the records that do not meet them.
func (s *sqlProjection) waive(f *projection.Field, needs []need) (rest []need) {
	var there []string // conditions under which the object is kept
	if f.Parent != nil && !s.whole(f) {
		if has := s.presence(f); has != "" {
			there = append(there, "("+has+")")
		}
		for _, n := range needs {
			if !n.waived {
				there = append(there, n.sql)
			}
		}
	}
	for _, n := range needs {
		if !n.waived {
			rest = append(rest, n)
			continue
		}
		s.without = append(s.without, flag{Miss{Path: n.path, Without: true}, s.l.add("w", strings.Join(append(there[:len(there):len(there)], "NOT ("+n.sql+")"), " AND "))})
	}
	return rest
}

// whole says whether a record without the object is rejected, or is the object itself.
func (s *sqlProjection) whole(f *projection.Field) bool {
	return f == s.p.Root || f.Parent == s.p.Root && f.Attribute.Requirement == ocsf.Required
}

// settle drops objects that lack what they require, the innermost first, and rejects records whose class does.
func (s *sqlProjection) settle(f *projection.Field) {
	for _, x := range f.Children {
		if x.IsGroup() {
			s.settle(x)
		}
		for _, y := range x.Elems {
			s.settle(y)
		}
	}
	whole := s.whole(f)
	if f != s.p.Root && whole && s.presence(f) != "" && hasConst(f) {
		s.forced[f] = true // it is required and always has something to say
	}
	needs := s.needs(f)
	strict := slices.ContainsFunc(needs, func(n need) bool { return !n.waived })
	if within := f.Parent; within != nil && within.Parent == s.p.Root && within.Attribute.Requirement == ocsf.Required &&
		f.Attribute.Requirement == ocsf.Required && !strict && s.presence(f) != "" && hasConst(f) {
		s.forced[f] = true // so is one in it, as metadata.product, that lacks nothing where its columns are NULL
	}
	needs = slices.DeleteFunc(needs, func(n need) bool {
		x := f.Get(n.path)
		return f == s.p.Root && x != nil && x.IsGroup() && len(s.needs(x)) > 0 // its own needs say it better
	})
	needs = s.waive(f, needs)
	if whole {
		for _, n := range needs {
			if n.path == "time" {
				continue
			}
			r := s.c.reason(ReasonMissingRequired, n.path, "required "+n.path+" has no value")
			s.rejects = append(s.rejects, reject{"NOT (" + n.sql + ")", fmt.Sprint(r)})
		}
		return
	}
	if len(needs) == 0 {
		s.l.seal()
		return
	}
	var conds []string
	for _, n := range needs {
		conds = append(conds, n.sql)
	}
	ok := strings.Join(conds, " AND ")
	for _, x := range f.Lists() {
		s.of(x).gates = append(s.of(x).gates, ok)
	}
	for _, x := range columnLeaves(f) {
		if len(needs) == 1 && needs[0].only == x {
			continue
		}
		st := s.state[x]
		same := st != nil && st.kept == s.of(x).sql
		s.of(x).sql = s.l.add("d", "CASE WHEN "+ok+" THEN "+s.of(x).sql+" END")
		s.of(x).never = false
		if st == nil {
			continue
		}
		st.lossy = true
		if x.Shape != nil {
			st.lost = s.l.add("d", st.lost+" AND ("+ok+")") // without the object all of the list is gone, which kept says
		}
		if same {
			st.kept = s.of(x).sql
		} else {
			st.kept = s.l.add("d", "CASE WHEN "+ok+" THEN "+st.kept+" END")
		}
	}
	s.l.seal()
}

func hasConst(f *projection.Field) bool {
	for _, x := range f.Children {
		if !x.IsGroup() && x.IsConst {
			return true
		}
	}
	return false
}

// node gives the file's schema of a field; columns are numbered from *next in the order they are met, and listed.
func (s *sqlProjection) node(f *projection.Field, columns *[]string) *lake.Node {
	if f.IsGroup() {
		n := &lake.Node{Name: f.Name, Kind: lake.Group, Column: -1}
		for _, x := range f.Children {
			n.Children = append(n.Children, s.node(x, columns))
		}
		if s.forced[f] {
			*columns = append(*columns, "TRUE")
			n.Present = len(*columns)
		}
		return n
	}
	if f.Elems != nil || f.Shape != nil {
		t, sql := &objects.ElemType{}, s.of(f).sql
		if f.Elems != nil {
			sql, t = s.listed(f)
		} else {
			t = f.Shape.ElemType()
		}
		n := objects.ListNode(f.Name, t.Node())
		s.of(f).col = len(*columns)
		n.Column = s.of(f).col
		*columns = append(*columns, sql)
		return n
	}
	if f.Observables {
		n := objects.ListNode(f.Name, observableType(s.c.Schema).Node())
		n.Column = len(*columns)
		*columns = append(*columns, s.observables)
		return n
	}
	n := &lake.Node{Name: f.Name, Kind: cast.KindOf(f.Attribute.Base), Column: -1, NearUnique: nearUnique(f)}
	if f.Attribute.IsArray {
		n.Children = []*lake.Node{{Name: "element", Kind: n.Kind, Column: -1}}
		n.Kind = lake.List
	}
	switch {
	case f.IsConst:
		n.Const = f.Constant
	case f.SameTime():
		n.Column = s.of(f.Lookup).col
	case f.Lookup != nil:
		n.Column = s.of(f.Lookup).col
		n.Lookup = map[int64]string{}
		for _, e := range f.Lookup.Attribute.Enum {
			n.Lookup[e.ID] = e.Text
		}
	default:
		s.of(f).col = len(*columns)
		n.Column = s.of(f).col
		*columns = append(*columns, s.published(f))
	}
	return n
}

// published is the SQL of a single value as the file has it: where a text is NULL, it is that of its number.
func (s *sqlProjection) published(f *projection.Field) string {
	sql := s.of(f).sql
	switch x := f.Caption; {
	case x == nil || s.of(f).never:
	case x.IsConst:
		sql = "coalesce(" + sql + ", " + cast.Caption(cast.ConstantSQL(x.Constant, "INTEGER"), x.Attribute) + ")"
	default:
		sql = "coalesce(" + sql + ", " + cast.Caption(s.of(x).sql, x.Attribute) + ")"
	}
	return sql
}

// fewUIDs are objects whose uid names one of a few things, so that a dictionary pays.
var fewUIDs = map[string]bool{"account": true, "org": true, "product": true, "feature": true, "firewall_rule": true, "rule": true, "policy": true, "group": true, "container": true, "image": true}

// nearUnique guesses for which columns a dictionary would not pay.
func nearUnique(f *projection.Field) bool {
	switch f.Name {
	case "bytes", "bytes_in", "bytes_out", "raw_data", "correlation_uid", "sequence", "original_time":
		return true
	case "uid":
		return f.Parent != nil && !fewUIDs[f.Parent.Name]
	case "port":
		return f.Parent != nil && f.Parent.Name == "src_endpoint"
	}
	return cast.IsTime(f.Attribute)
}
