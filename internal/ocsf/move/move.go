// Package move says what changes for a mapping that moves to another version of OCSF: of the attributes that it fills, and of the
// classes and objects that it uses. It compares the two versions, and does not look at the mapping's SQL.
package move

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/lake"
	"github.com/silt-etl/silt/internal/ocsf"
)

// Kind is how an attribute changes.
type Kind string

// The kinds. Removed and Type can need another mapping, Required too.
const (
	Removed    Kind = "removed"
	Type       Kind = "type"
	Required   Kind = "required"   // was not, and is
	Optional   Kind = "optional"   // was required, and is not
	Deprecated Kind = "deprecated" // was not, and is
	Profile    Kind = "profile"    // other profiles add it
	Values     Kind = "values"     // of its enum
)

// Change is a difference of one attribute.
type Change struct {
	Path   string `json:"path"`
	Kind   Kind   `json:"change"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Column says that the attribute's column has another type, which no table can take over.
	Column bool `json:"column,omitempty"`
}

// Class is what changes for an event class of a mapping.
type Class struct {
	Name string `json:"class"`
	UID  int    `json:"class_uid"`
	// Gone says that the new version does not have the class. Then only Name and UID are set.
	Gone       bool   `json:"gone,omitempty"`
	Deprecated string `json:"deprecated,omitempty"` // the class itself, newly
	// Filled are the changes of attributes that the mapping fills.
	Filled []Change `json:"filled"`
	// Needs are attributes that the mapping does not fill and that are newly required, also one of several ("a or b").
	Needs []string `json:"needs"`
	// Gained and Lost are the other attributes of the class (url), and of the objects that the mapping fills (user.risk_score), that
	// appear and disappear.
	Gained []string `json:"gained"`
	Lost   []string `json:"lost"`
}

// NewSource says that the class's table cannot be grown, so that its rows need another table.
func (c *Class) NewSource() bool {
	return slices.ContainsFunc(c.Filled, func(ch Change) bool { return ch.Column })
}

// Columns gives the changes for which a table cannot be grown.
func (c *Class) Columns() (all []Change) {
	for _, ch := range c.Filled {
		if ch.Column {
			all = append(all, ch)
		}
	}
	return all
}

// Compare says what changes for a class of which a mapping fills the paths, with the profiles that its header names.
func Compare(from, to *ocsf.Schema, class string, filled, profiles []string) (*Class, error) {
	before := from.Class(class)
	if before == nil {
		return nil, fmt.Errorf("OCSF %s has no class %s", from.Version, class)
	}
	c := &Class{Name: class, UID: before.UID, Filled: []Change{}, Needs: []string{}, Gained: []string{}, Lost: []string{}}
	after := to.Class(class)
	if after == nil {
		c.Gone = true
		return c, nil
	}
	if before.Deprecated == "" {
		c.Deprecated = after.Deprecated
	}
	m := &comparison{from: from, to: to, profiles: profiles, class: c, paths: map[string]bool{}, groups: map[string]bool{}}
	m.add(filled)
	m.walk(&before.Fields, &after.Fields, "")
	slices.Sort(c.Gained)
	slices.Sort(c.Lost)
	c.Gained, c.Lost = slices.Compact(c.Gained), slices.Compact(c.Lost)
	return c, nil
}

type comparison struct {
	from, to *ocsf.Schema
	profiles []string
	class    *Class
	paths    map[string]bool // that the mapping fills, and those of the objects on the way to them
	groups   map[string]bool // of them those that have filled ones below
}

func (m *comparison) add(filled []string) {
	for _, p := range filled {
		m.paths[p] = true
		for i := strings.LastIndexByte(p, '.'); i > 0; i = strings.LastIndexByte(p[:i], '.') {
			m.paths[p[:i]], m.groups[p[:i]] = true, true
		}
	}
}

// walk compares a class or an object that the mapping fills.
func (m *comparison) walk(before, after *ocsf.Fields, prefix string) {
	name := func(a *ocsf.Attribute) string {
		if prefix == "" {
			return a.Name
		}
		return after.Name + "." + a.Name
	}
	for _, a := range before.Attributes {
		path := prefix + a.Name
		b := after.Attribute(a.Name)
		switch {
		case m.paths[path]:
			m.filled(path, before, after, a, b)
		case b == nil && a.In(m.profiles):
			m.class.Lost = append(m.class.Lost, name(a))
		case b != nil && b.Requirement == ocsf.Required && b.In(m.profiles) && (a.Requirement != ocsf.Required || !a.In(m.profiles)):
			m.class.Needs = append(m.class.Needs, path)
		}
	}
	for _, b := range after.Attributes {
		if before.Attribute(b.Name) != nil || !b.In(m.profiles) {
			continue
		}
		if path := prefix + b.Name; b.Requirement == ocsf.Required {
			m.class.Needs = append(m.class.Needs, path)
		} else {
			m.class.Gained = append(m.class.Gained, name(b))
		}
	}
	for i, rule := range [][]string{after.AtLeastOne, after.JustOne} {
		had := [][]string{before.AtLeastOne, before.JustOne}[i]
		if len(rule) > 0 && !slices.Equal(had, rule) && !slices.ContainsFunc(rule, func(n string) bool { return m.paths[prefix+n] }) {
			m.class.Needs = append(m.class.Needs, prefix+strings.Join(rule, " or "+prefix))
		}
	}
}

// filled compares an attribute that the mapping fills.
func (m *comparison) filled(path string, before, after *ocsf.Fields, a, b *ocsf.Attribute) {
	say := func(kind Kind, before, after string, column bool) {
		m.class.Filled = append(m.class.Filled, Change{path, kind, before, after, column})
	}
	if b == nil {
		say(Removed, a.Type, "", false)
		return
	}
	if was, is := columnType(a), columnType(b); was != is {
		say(Type, was, is, true)
	} else if typeName(a) != typeName(b) && !m.sameText(before, after, a, b) {
		say(Type, typeName(a), typeName(b), false)
	}
	switch {
	case a.Requirement == ocsf.Required && b.Requirement != ocsf.Required:
		say(Optional, a.Requirement, b.Requirement, false)
	case a.Requirement != ocsf.Required && b.Requirement == ocsf.Required:
		say(Required, a.Requirement, b.Requirement, false)
	}
	if a.Deprecated == "" && b.Deprecated != "" {
		say(Deprecated, "", b.Deprecated, false)
	}
	if !b.In(m.profiles) {
		say(Profile, a.Profile, b.Profile, false)
	}
	m.values(path, a, b, say)
	if m.groups[path] && a.Base == ocsf.Struct && b.Base == ocsf.Struct {
		m.walk(&m.from.Object(a.Object).Fields, &m.to.Object(b.Object).Fields, path+".")
	}
}

// sameText says that two text types are one observable.
func (m *comparison) sameText(before, after *ocsf.Fields, a, b *ocsf.Attribute) bool {
	was, _, ok := m.from.ObservableType(before, a)
	is, _, also := m.to.ObservableType(after, b)
	return ok && also && was == is && a.Base == ocsf.String && b.Base == ocsf.String
}

// values compares the enums of an attribute. Those that identify the class follow from it.
func (m *comparison) values(path string, a, b *ocsf.Attribute, say func(kind Kind, before, after string, column bool)) {
	if path == "class_uid" || path == "type_uid" || path == "category_uid" || len(b.Enum) == 0 {
		return
	}
	text := func(v ocsf.EnumValue) string { return v.Key + " " + strconv.Quote(v.Text) }
	find := func(in []ocsf.EnumValue, key string) *ocsf.EnumValue {
		if i := slices.IndexFunc(in, func(v ocsf.EnumValue) bool { return v.Key == key }); i >= 0 {
			return &in[i]
		}
		return nil
	}
	var added []string
	for _, v := range a.Enum {
		switch now := find(b.Enum, v.Key); {
		case now == nil:
			say(Values, text(v), "", false)
		case now.Text != v.Text:
			say(Values, text(v), text(*now), false)
		}
	}
	for _, v := range b.Enum {
		if find(a.Enum, v.Key) == nil {
			added = append(added, text(v))
		}
	}
	if len(added) > 0 && len(a.Enum) > 0 {
		say(Values, "", strings.Join(added, ", "), false)
	} else if len(added) > 0 {
		say(Values, "any", "only "+strings.Join(added, ", "), false)
	}
}

// columnType is the type of the column that a table has for an attribute. Of an object only that it is one: what it has is compared by
// itself.
func columnType(a *ocsf.Attribute) string {
	t := "string"
	switch a.Base {
	case ocsf.Integer:
		t = "int"
	case ocsf.Long, ocsf.Timestamp:
		t = "bigint"
	case ocsf.DateTime:
		t = "timestamp"
	case ocsf.Float:
		t = "double"
	case ocsf.Boolean:
		t = "boolean"
	case ocsf.Struct:
		switch {
		case a.IsMap && a.Name == "unmapped":
			t = "map<string,string>"
		case !a.IsMap: // others are JSON texts
			t = "struct"
		}
	}
	if a.IsArray {
		t = "array<" + t + ">"
	}
	return t
}

func typeName(a *ocsf.Attribute) string {
	name := a.Type
	if a.Base == ocsf.Struct {
		name = a.Object
	}
	if a.IsArray {
		name += "[]"
	}
	return name
}

// Paths gives the paths of all attributes that a file's columns have, without what is in unmapped.
func Paths(s *lake.Schema) []string {
	var all []string
	var walk func(nodes []*lake.Node, prefix string)
	walk = func(nodes []*lake.Node, prefix string) {
		for _, n := range nodes {
			path := prefix + n.Name
			all = append(all, path)
			if n.Kind == lake.List && n.Children[0].Kind == lake.Group {
				n = n.Children[0]
			}
			if n.Kind == lake.Group {
				walk(n.Children, path+".")
			}
		}
	}
	walk(s.Columns, "")
	sort.Strings(all)
	return all
}
