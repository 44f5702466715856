// Package ocsf knows the event classes, objects, attributes and enumerations of OCSF 1.0.0 to 1.8.0: what a mapping
// may name, of which type it is, and what a record must have. Column types come from here and never from data.
//
// The facts are embedded tables that `go generate` derives from the official exports (see internal/ocsf/gen); this
// package reads no files and reaches no network. A Schema and all it leads to are immutable and safe for concurrent use:
// callers must not change the slices they are given. Attributes are shared, so their pointers say nothing of their owner.
//
// Classes and objects that are only there to be extended (network, _entity) are left out.
package ocsf

import (
	"github.com/silt-etl/silt/internal/ocsf/facts"
)

//go:generate go run ./gen -out facts

// Schema is one version of OCSF.
type Schema struct {
	Version string

	profiles []string
	classes  []*Class // by name
	byName   map[string]*Class
	byUID    map[int]*Class
	objects  map[string]*Object
	kinds    *facts.Observables
}

// Class returns the class of that name, as network_activity, or nil.
func (s *Schema) Class(name string) *Class { return s.byName[name] }

// ClassByUID returns the class of that class_uid, as 4001, or nil.
func (s *Schema) ClassByUID(uid int) *Class { return s.byUID[uid] }

// Classes are all classes that an event can have, by name.
func (s *Schema) Classes() []*Class { return s.classes }

// Object returns the object of that name, as network_endpoint, or nil.
func (s *Schema) Object(name string) *Object { return s.objects[name] }

// Profiles are the values that metadata.profiles may hold, sorted. An extension's profile is written extension/name.
func (s *Schema) Profiles() []string { return s.profiles }

// ObservableType is what the value of an attribute is as an observable: the value of observable.type_id, and its text. The owner is the
// class or object that has the attribute. Where the attribute is an object, the type is the object's. !ok: it is not an observable.
func (s *Schema) ObservableType(owner *Fields, a *Attribute) (id int64, text string, ok bool) {
	n, has := s.kinds.Attributes[owner.Name+"."+a.Name]
	switch {
	case a.Base == Struct:
		n = s.kinds.Objects[a.Object]
	case !has:
		n = s.kinds.Types[a.Type]
	}
	if n == 0 {
		return 0, "", false
	}
	if o := s.objects["observable"]; o != nil && o.Attribute("type_id") != nil {
		text, ok = o.Attribute("type_id").EnumText(int64(n))
	}
	return int64(n), text, ok
}

func newSchema(t *facts.Table) (*Schema, error) {
	s := &Schema{
		Version: t.Version, profiles: t.Profiles,
		byName: map[string]*Class{}, byUID: map[int]*Class{}, objects: map[string]*Object{}, kinds: t.Observables,
	}
	if s.kinds == nil {
		s.kinds = &facts.Observables{}
	}
	attributes := make([]*Attribute, len(t.Attributes))
	for i, row := range t.Attributes {
		a, err := newAttribute(row, t.Enums)
		if err != nil {
			return nil, err
		}
		attributes[i] = a
	}
	for _, row := range t.Objects {
		s.objects[row.Name] = &Object{Fields: newFields(row, attributes)}
	}
	for _, row := range t.Classes {
		c := &Class{
			Fields: newFields(row.Owner, attributes),
			UID:    row.UID, CategoryUID: row.CategoryUID, CategoryName: row.Category, Profiles: row.Profiles,
		}
		s.classes = append(s.classes, c)
		s.byName[c.Name], s.byUID[c.UID] = c, c
	}
	return s, nil
}

func newFields(row facts.Owner, attributes []*Attribute) Fields {
	f := Fields{
		Name: row.Name, Caption: row.Caption, Deprecated: row.Deprecated, AtLeastOne: row.AtLeastOne, JustOne: row.JustOne,
		byName: make(map[string]*Attribute, len(row.Attributes)),
	}
	for _, i := range row.Attributes {
		a := attributes[i]
		f.Attributes = append(f.Attributes, a)
		f.byName[a.Name] = a
	}
	return f
}
