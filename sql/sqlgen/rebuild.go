package sqlgen

import (
	"slices"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/rawtable"
	"github.com/silt-etl/silt/sql/syntax"
)

// A consumed field is kept out of unmapped only where the event has its value: where the header's expression gives the value, or,
// without an expression, where a column that reads the field is equal to it.

// rebuilt is a consumed leaf of a projection.
type rebuilt struct {
	*sqlProjection
	leaf *rawtable.Leaf
}

// notRebuilt gives the conditions under which the event does not have the value of a consumed leaf; sure: it always has.
func (s *rebuilt) notRebuilt() (conds []string, sure bool) {
	l := s.leaf
	x := s.p.Consumed[l]
	switch {
	case x == nil:
		return nil, false
	case x.SQL != "":
		if f := x.Passed(l); f != nil && s.state[f] != nil {
			if st := s.state[f]; st.lossy && !s.rejecting(f) {
				return []string{st.gone()}, false
			}
			return nil, true
		}
		if other := otherValue(l, s.eventSQL(x), x.Type); other != "" {
			conds = append(conds, other)
		}
		return conds, false
	}
	for _, o := range s.p.Outs {
		f := o.Into
		if o.Leaf == l || f == nil || f.IsConst || f.Shape != nil || f.Elems != nil || !slices.Contains(o.Reads, l) {
			continue
		}
		t := &ducktype.Type{ID: cast.TypeName(f.Attribute.Base)}
		if f.Attribute.IsArray {
			t = &ducktype.Type{ID: "LIST", Elem: t}
		}
		if other := otherValue(l, s.of(f).sql, t); other != "" {
			conds = append(conds, other)
		}
	}
	return conds, false
}

// eventSQL is the expression that rebuilds a value, over the columns that have the values of the event. Columns of their own for them would
// cost more than their values, so the expression names what they are made of.
func (s *rebuilt) eventSQL(x *projection.Consume) string {
	sql := x.SQL
	for _, v := range x.Reads {
		sql = strings.ReplaceAll(sql, syntax.Ident(v.Column), s.eventValue(v))
	}
	return sql
}

// eventValue is a value of the event.
func (s *rebuilt) eventValue(v projection.EventValue) string {
	sql := ""
	switch f := v.Field; {
	case f == nil:
		sql = s.entryText(v.Entry)
	case f.Elems != nil:
		sql, _ = s.listed(f)
	case f.IsConst:
		typ := cast.TypeName(f.Attribute.Base)
		if f.Attribute.IsArray {
			typ += "[]"
		}
		sql = cast.ConstantSQL(f.Constant, typ)
	case f.SameTime():
		sql = s.of(f.Lookup).sql
	case f.Observables:
		sql = s.observables
	case f.Lookup != nil && f.Lookup.IsConst:
		sql = cast.Caption(cast.ConstantSQL(f.Lookup.Constant, "INTEGER"), f.Lookup.Attribute)
	case f.Lookup != nil:
		sql = cast.Caption(s.of(f.Lookup).sql, f.Lookup.Attribute)
	default:
		sql = s.published(f)
	}
	if v.JSON {
		sql = "CAST(to_json(" + sql + ") AS VARCHAR)"
	}
	return "(" + sql + ")"
}

// otherValue is the condition that x, of a type, is not the value of a leaf, or that the leaf is not one of x if x is a list; "" if it
// always holds.
func otherValue(l *rawtable.Leaf, x string, t *ducktype.Type) string {
	value := syntax.Ident(l.Column)
	fam := t.Family()
	x = "(" + x + ")"
	differ := func(a, b string) string { return a + " IS DISTINCT FROM " + b }
	switch {
	case fam == ducktype.Null:
		return ""
	case l.Kind == decode.JSON && fam == ducktype.List && t.Elem.Family() == ducktype.Struct: // a member that is null may be left out
		return "(" + objectsText("json("+value+")") + " = " + objectsText("to_json"+x) + ") IS DISTINCT FROM TRUE" // NULL: the value is not a list
	case l.Kind == decode.JSON:
		return differ("CAST(json("+value+") AS VARCHAR)", "CAST(to_json"+x+" AS VARCHAR)")
	case fam == ducktype.List:
		if (&ducktype.Type{ID: l.Type}).Family() != t.Elem.Family() {
			return ""
		}
		return "list_contains(" + x + ", " + value + ") IS DISTINCT FROM TRUE"
	}
	number := fam == ducktype.Int || fam == ducktype.BigInt || fam == ducktype.Real
	switch of := (&ducktype.Type{ID: l.Type}).Family(); of {
	case ducktype.Time:
		us := "epoch_us(" + value + ")"
		switch {
		case number: // epoch milliseconds
			return "(" + differ(us+" // 1000", x) + " OR " + us + " % 1000 <> 0)"
		case fam == ducktype.Time:
			return differ(value, x)
		case fam == ducktype.Text:
			return differ("strftime("+value+", '%Y-%m-%dT%H:%M:%S.%fZ')", x)
		}
		return ""
	case ducktype.Text:
		if fam == ducktype.Text {
			return differ(value, x)
		}
		return differ(value, "CAST("+x+" AS VARCHAR)")
	default:
		if fam == of || number && of != ducktype.Bool {
			return differ(value, x)
		}
		return differ("CAST("+value+" AS VARCHAR)", "CAST("+x+" AS VARCHAR)")
	}
}

// readersLost gives the fields whose expressions read a leaf that the header rebuilds, and the conditions under which not one of them has
// a value: nothing was made of the raw value then. It gives none if one always has a value, and for a field that the header only names.
func (s *rebuilt) readersLost() (fields []*projection.Field, gone []string) {
	l := s.leaf
	if x := s.p.Consumed[l]; x == nil || x.SQL == "" {
		return nil, nil
	}
	for _, o := range s.p.Outs {
		st := s.state[o.Into]
		if st == nil || o.Leaf == l || !slices.Contains(o.Reads, l) {
			continue
		}
		if s.rejecting(o.Into) || !st.lossy && projection.NeverNull(o.Expr, l.Column) {
			return nil, nil
		}
		fields = append(fields, o.Into)
		gone = append(gone, st.gone())
	}
	return fields, distinct(gone)
}

// objectsText is a JSON list of objects as text, without the members that are null.
func objectsText(json string) string {
	return "CAST(list_transform(TRY_CAST(" + json + " AS JSON[]), lambda e: json_merge_patch('{}', e)) AS VARCHAR)"
}
