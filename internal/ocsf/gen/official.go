package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

// official is the part of an export of schema.ocsf.io that is read. In these exports every class and object has all that it inherits.
// The export of 1.8.0 has its types in a dictionary, and the profiles of an attribute as a list.
type official struct {
	Version    string                   `json:"version"`
	Classes    map[string]*officialType `json:"classes"`
	Objects    map[string]*officialType `json:"objects"`
	Types      map[string]officialKind  `json:"types"`
	Dictionary struct {
		Types struct {
			Attributes map[string]officialKind `json:"attributes"`
		} `json:"types"`
	} `json:"dictionary"`
}

type officialKind struct {
	Observable int `json:"observable"`
}

// officialType is a class or an object; the category is a class's.
type officialType struct {
	described
	CategoryUID  int                           `json:"category_uid"`
	CategoryName string                        `json:"category_name"`
	Attributes   map[string]*officialAttribute `json:"attributes"`
	Observable   int                           `json:"observable"`
	Deprecated   *officialDeprecated           `json:"@deprecated"`
}

type officialAttribute struct {
	Type        string                  `json:"type"`
	ObjectType  string                  `json:"object_type"`
	IsArray     bool                    `json:"is_array"`
	Requirement string                  `json:"requirement"`
	Sibling     string                  `json:"sibling"`
	Profile     string                  `json:"profile"`
	Profiles    []string                `json:"profiles"`
	Enum        map[string]exportedEnum `json:"enum"`
	Observable  int                     `json:"observable"`
	Deprecated  *officialDeprecated     `json:"@deprecated"`
}

type officialDeprecated struct {
	Message string `json:"message"`
	Since   string `json:"since"`
}

// readOfficial takes the extensions' names off classes, objects and references: win/reg_key is reg_key, as in the first tables.
func readOfficial(text []byte) (*official, error) {
	x := &official{}
	if err := json.Unmarshal(text, x); err != nil {
		return nil, err
	}
	if len(x.Types) == 0 {
		x.Types = x.Dictionary.Types.Attributes
	}
	if len(x.Types) == 0 || len(x.Classes) == 0 || len(x.Objects) == 0 {
		return nil, fmt.Errorf("%d types, %d classes, %d objects: this is not an export of the schema", len(x.Types), len(x.Classes), len(x.Objects))
	}
	for _, s := range []*map[string]*officialType{&x.Classes, &x.Objects} {
		short := map[string]*officialType{}
		for name, t := range *s {
			if t.Name = shortName(name); short[t.Name] != nil {
				return nil, fmt.Errorf("two types are called %s", t.Name)
			}
			short[t.Name] = t
			for _, a := range t.Attributes {
				a.ObjectType = shortName(a.ObjectType)
			}
		}
		*s = short
	}
	return x, nil
}

func shortName(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// officialBuilder makes a table of an official export.
type officialBuilder struct {
	builder
	x *official
}

func buildOfficial(x *official) (*facts.Table, error) {
	b := &officialBuilder{x: x, builder: builder{
		table: &facts.Table{Version: x.Version}, enums: map[string]int{}, attributes: map[facts.Attribute]int{},
	}}
	for _, name := range slices.Sorted(maps.Keys(x.Objects)) {
		if strings.HasPrefix(name, "_") { // only there to be extended
			continue
		}
		o, err := b.owner(x.Objects[name])
		if err != nil {
			return nil, err
		}
		b.table.Objects = append(b.table.Objects, o)
	}
	profiles, seen := map[string]bool{}, map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(x.Classes)) {
		t := x.Classes[name]
		o, err := b.owner(t)
		if err != nil {
			return nil, err
		}
		c := facts.Class{Owner: o, UID: t.UID, CategoryUID: t.CategoryUID, Category: t.CategoryName, Profiles: b.profiles(t)}
		if c.CategoryUID == 0 {
			c.Category = "Uncategorized"
		}
		if other := seen[c.UID]; other != "" {
			return nil, fmt.Errorf("classes %s and %s share class_uid %d", other, name, c.UID)
		}
		seen[c.UID] = name
		b.table.Classes = append(b.table.Classes, c)
		for _, p := range c.Profiles {
			profiles[p] = true
		}
	}
	b.table.Profiles = slices.Sorted(maps.Keys(profiles))
	b.table.Observables = observables(b.table, x)
	return b.table, nil
}

// profiles are those that the class names, and those of the attributes that are within its reach.
func (b *officialBuilder) profiles(t *officialType) []string {
	found := map[string]bool{}
	for _, p := range t.Profiles {
		found[p] = true
	}
	seen := map[*officialType]bool{}
	var walk func(*officialType)
	walk = func(t *officialType) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		for _, a := range t.Attributes {
			for _, p := range a.in() {
				found[p] = true
			}
			if a.Type == "object_t" {
				walk(b.x.Objects[a.ObjectType])
			}
		}
	}
	walk(t)
	return slices.Sorted(maps.Keys(found))
}

// in are the profiles that add the attribute; none: it is always there.
func (a *officialAttribute) in() []string {
	if a.Profile != "" {
		return []string{a.Profile}
	}
	return a.Profiles
}

func (b *officialBuilder) owner(t *officialType) (facts.Owner, error) {
	o := facts.Owner{
		Name: t.Name, Caption: t.Caption, Deprecated: t.Deprecated.text(),
		AtLeastOne: t.rule(t.Constraints.AtLeastOne), JustOne: t.rule(t.Constraints.JustOne),
	}
	var all []facts.Attribute
	for name, a := range t.Attributes {
		row := facts.Attribute{
			Name: name, Type: a.Type, Array: a.IsArray, Requirement: a.Requirement, Sibling: a.Sibling, Deprecated: a.Deprecated.text(),
			Profile: strings.Join(slices.Sorted(slices.Values(a.in())), facts.ProfileSeparator),
		}
		if row.Requirement == "" {
			row.Requirement = "optional"
		}
		if a.Type == "object_t" {
			object := b.x.Objects[a.ObjectType]
			if object == nil {
				return o, fmt.Errorf("%s.%s: unknown object %q", t.Name, name, a.ObjectType)
			}
			row.Object, row.Map = a.ObjectType, len(object.Attributes) == 0
		}
		all = append(all, row)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	for _, row := range all {
		texts := map[string]string{}
		for key, value := range t.Attributes[row.Name].Enum {
			texts[key] = value.Caption
		}
		row.Enum = b.enum(texts) // in the order of names, so that rows are numbered the same each time
		if base, isID := strings.CutSuffix(row.Name, "_id"); isID && row.Enum != 0 && row.Sibling == "" {
			if text := t.Attributes[base]; text != nil && text.Type == "string_t" {
				row.Sibling = base // the dictionary does not say so
			}
		}
		o.Attributes = append(o.Attributes, b.attribute(row))
	}
	return o, nil
}

// rule is what a constraint says of the type's own attributes. A constraint on what an attribute contains (device.os.version) is not
// kept: the tables have constraints between the attributes of one object only.
func (t *officialType) rule(names []string) (kept []string) {
	for _, name := range names {
		if strings.Contains(name, ".") {
			return nil
		}
		if t.Attributes[name] != nil { // event_log names one that it does not have
			kept = append(kept, name)
		}
	}
	return kept
}

var tags, blanks = regexp.MustCompile(`<[^>]*>`), regexp.MustCompile(`\s+`)

// text says since when, and what to use instead, without the tags: "since 1.1.0: use the proxy_endpoint attribute instead".
func (d *officialDeprecated) text() string {
	if d == nil {
		return ""
	}
	message := strings.TrimSuffix(strings.TrimSpace(blanks.ReplaceAllString(tags.ReplaceAllString(d.Message, ""), " ")), ".")
	for _, word := range []string{"Use ", "Utilize "} {
		if rest, ok := strings.CutPrefix(message, word); ok {
			message = strings.ToLower(word) + rest
		}
	}
	return "since " + d.Since + ": " + message
}

// observables are the values of observable.type_id that an export gives types, attributes and objects.
func observables(t *facts.Table, x *official) *facts.Observables {
	found := &facts.Observables{Types: map[string]int{}, Attributes: map[string]int{}, Objects: map[string]int{}}
	for name, kind := range x.Types {
		if kind.Observable != 0 {
			found.Types[name] = kind.Observable
		}
	}
	owner := func(o facts.Owner, from *officialType) {
		if from == nil {
			return
		}
		if from.Observable != 0 {
			found.Objects[o.Name] = from.Observable
		}
		for _, i := range o.Attributes {
			row := t.Attributes[i]
			a := from.Attributes[row.Name]
			if a == nil || row.Type == "object_t" {
				continue
			}
			n := a.Observable
			if n == 0 {
				n = x.Types[a.Type].Observable
			}
			if n != found.Types[row.Type] {
				found.Attributes[o.Name+"."+row.Name] = n
			}
		}
	}
	for _, o := range t.Objects {
		owner(o, x.Objects[o.Name])
	}
	for _, c := range t.Classes {
		owner(c.Owner, x.Classes[c.Name])
	}
	return found
}
