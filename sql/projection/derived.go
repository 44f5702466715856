package projection

import (
	"slices"

	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/ducktype"
	"github.com/silt-etl/silt/sql/objects"
)

// derived fills what OCSF says twice: with the profile datetime, a time is an attribute of its own as a timestamp, too (time_dt).
type derived struct{ profiles []string }

const timestampType, timestampSuffix = "timestamp_t", "_dt"

// times adds the timestamp of each time that the mapping fills, right behind it, where the mapping does not give one.
func (d derived) times(f *Field) {
	for _, x := range slices.Clone(f.Children) {
		if x.IsGroup() {
			d.times(x)
			continue
		}
		for _, y := range x.Elems {
			d.times(y)
		}
		a := d.timestampOf(f.Fields, x.Attribute)
		if a == nil || f.Get(a.Name) != nil {
			continue
		}
		s := f.add(a, x)
		if s.Constant, s.IsConst = x.Constant, x.IsConst; !x.IsConst {
			s.Lookup = x
		}
	}
}

// SameTime says that a field has the time of its Lookup as a timestamp, not the text of a number.
func (f *Field) SameTime() bool { return f.Lookup != nil && f.Attribute.Base == ocsf.DateTime }

// timestampOf is the attribute that has a time as a timestamp, or nil.
func (d derived) timestampOf(of *ocsf.Fields, a *ocsf.Attribute) *ocsf.Attribute {
	if a.Type != timestampType || a.IsArray {
		return nil
	}
	dt := of.Attribute(a.Name + timestampSuffix)
	if dt == nil || dt.Base != ocsf.DateTime || !dt.In(d.profiles) {
		return nil
	}
	return dt
}

// member is the same for an attribute of the objects of a computed list, nil where the objects have one of their own.
func (d derived) member(of *ocsf.Fields, m *objects.Member, t *ducktype.Type) *objects.Member {
	dt := d.timestampOf(of, m.Attribute)
	if dt == nil || slices.ContainsFunc(t.Fields, func(f ducktype.Field) bool { return f.Name == dt.Name }) {
		return nil
	}
	return &objects.Member{Name: dt.Name, Attribute: dt, Caption: m}
}

// observablesLine is where a header asks for observables.
func observablesLine(heads []head) Place {
	i := slices.IndexFunc(heads, func(h head) bool { return h.Observables })
	return Place{heads[i].File, heads[i].ObservablesAt}
}

// addObservables adds the list of the event's observables as the last attribute. false: a column fills it.
func addObservables(root *Field) bool {
	const name = "observables"
	a := root.Fields.Attribute(name)
	switch {
	case a == nil: // the class does not have it
		return true
	case root.Get(name) != nil:
		return false
	}
	root.add(a, nil).Observables = true
	return true
}
