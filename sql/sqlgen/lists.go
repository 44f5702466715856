package sqlgen

import (
	"strings"

	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/objects"
	"github.com/silt-etl/silt/sql/projection"
	"github.com/silt-etl/silt/sql/syntax"
)

// listed gives the SQL of a list of objects that is written out, and the schema of its elements.
func (s *sqlProjection) listed(f *projection.Field) (sql string, elem *objects.ElemType) {
	elem = f.ElemType()
	var parts []string
	for _, x := range f.Elems {
		v := s.elemSQL(x, elem)
		var conds []string
		if has := s.presence(x); has != "" {
			conds = append(conds, "("+has+")")
		}
		for _, g := range s.of(f).gates {
			conds = append(conds, "("+g+")")
		}
		if len(conds) > 0 {
			v = "CASE WHEN " + strings.Join(conds, " AND ") + " THEN " + v + " END"
		}
		parts = append(parts, v)
	}
	return "nullif(list_filter([" + strings.Join(parts, ", ") + "], lambda e: e IS NOT NULL), [])", elem
}

// elemSQL gives an element, or an object in it, as a STRUCT with the fields of t.
func (s *sqlProjection) elemSQL(f *projection.Field, t *objects.ElemType) string {
	var parts []string
	for _, want := range t.Fields {
		v := "CAST(NULL AS " + want.SqlType() + ")"
		if x := f.Get(want.Name); x != nil {
			v = s.elemValue(x, want)
		}
		parts = append(parts, syntax.Ident(want.Name)+" := "+v)
	}
	return "struct_pack(" + strings.Join(parts, ", ") + ")"
}

func (s *sqlProjection) elemValue(x *projection.Field, t *objects.ElemType) string {
	switch {
	case x.IsGroup():
		v := s.elemSQL(x, t)
		if has := s.presence(x); has != "" {
			v = "CASE WHEN " + has + " THEN " + v + " END"
		}
		return v
	case x.Elems != nil:
		v, _ := s.listed(x)
		return "CAST(" + v + " AS " + t.SqlType() + ")"
	case x.Shape != nil:
		return "CAST(" + s.of(x).sql + " AS " + t.SqlType() + ")"
	case x.IsConst:
		return cast.ConstantSQL(x.Constant, t.SqlType())
	case x.SameTime():
		return s.of(x.Lookup).sql
	case x.Lookup != nil:
		return cast.Caption(s.of(x.Lookup).sql, x.Lookup.Attribute)
	}
	return s.published(x)
}
