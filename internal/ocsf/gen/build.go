package main

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

const datetimeProfile = "datetime"

// builder collects one table; its maps intern what the table numbers.
type builder struct {
	x          *export
	table      *facts.Table
	enums      map[string]int
	attributes map[facts.Attribute]int
}

func build(x *export) (*facts.Table, error) {
	b := &builder{
		x:          x,
		table:      &facts.Table{Version: x.Version},
		enums:      map[string]int{},
		attributes: map[facts.Attribute]int{},
	}
	profiles := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(x.Objects)) {
		if strings.HasPrefix(name, "_") { // only there to be extended
			continue
		}
		o, err := b.owner(section(x.Objects), x.Objects[name], nil)
		if err != nil {
			return nil, err
		}
		b.table.Objects = append(b.table.Objects, o)
	}
	seen := map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(x.Classes)) {
		t := x.Classes[name]
		if t.UID == 0 && name != "base_event" { // only there to be extended
			continue
		}
		c, err := b.class(t)
		if err != nil {
			return nil, err
		}
		if other := seen[c.UID]; other != "" {
			return nil, fmt.Errorf("classes %s and %s share class_uid %d: is one an extension's?", other, name, c.UID)
		}
		seen[c.UID] = name
		b.table.Classes = append(b.table.Classes, c)
		for _, p := range c.Profiles {
			profiles[p] = true
		}
	}
	b.table.Profiles = slices.Sorted(maps.Keys(profiles))
	return b.table, nil
}

func (b *builder) class(t *exportedType) (facts.Class, error) {
	c := facts.Class{Category: "Uncategorized"}
	if t.Category != "other" {
		category, ok := b.x.Categories.Attributes[t.Category]
		if !ok {
			return c, fmt.Errorf("class %s: unknown category %q", t.Name, t.Category)
		}
		c.CategoryUID, c.Category = category.UID, category.Caption
	}
	c.UID = c.CategoryUID*1000 + t.UID
	if windowsClasses()[t.Name] {
		c.UID += windowsExtension * 100_000
	}
	types := map[string]string{}
	for key, text := range section(b.x.Classes).enum(t, "activity_id") {
		id, err := strconv.Atoi(key)
		if err != nil {
			return c, fmt.Errorf("class %s: activity_id %q is not a number", t.Name, key)
		}
		types[strconv.Itoa(c.UID*100+id)] = t.Caption + ": " + text
	}
	var err error
	c.Owner, err = b.owner(section(b.x.Classes), t, map[string]map[string]string{
		"class_uid":    {strconv.Itoa(c.UID): t.Caption},
		"category_uid": {strconv.Itoa(c.CategoryUID): c.Category},
		"type_uid":     types,
	})
	c.Profiles = b.profiles(t)
	return c, err
}

// profiles are those that the class or an ancestor names, and those of the attributes that are within its reach: a
// class that has a device can be given the container profile.
func (b *builder) profiles(t *exportedType) []string {
	found := map[string]bool{}
	for _, t := range section(b.x.Classes).lineage(t) {
		for _, p := range t.Profiles {
			found[p] = true
		}
	}
	seen := map[*exportedType]bool{}
	var walk func(*exportedType)
	walk = func(t *exportedType) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		for _, a := range t.Attributes {
			if a.Profile != "" {
				found[a.Profile] = true
			}
			if a.Type == "object_t" {
				walk(b.x.Objects[a.ObjectType])
			}
		}
	}
	walk(t)
	return slices.Sorted(maps.Keys(found))
}

// owner resolves the attributes of a class or object; enums replaces what the export says for the names it has.
func (b *builder) owner(s section, t *exportedType, enums map[string]map[string]string) (facts.Owner, error) {
	o := facts.Owner{Name: t.Name, Caption: t.Caption, Deprecated: deprecated(b.x.Version, t.Name, "")}
	o.AtLeastOne, o.JustOne = s.constraints(t)
	isObject := enums == nil
	var all []facts.Attribute
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) { // sorted, so that rows are numbered the same each time
		a := t.Attributes[name]
		row := facts.Attribute{
			Name: name, Type: a.Type, Array: a.IsArray, Requirement: s.requirement(t, name), Sibling: a.Sibling, Profile: a.Profile,
			Deprecated: deprecated(b.x.Version, t.Name, name),
		}
		if isObject && requiredInObject(b.x.Version)[t.Name+"."+name] {
			row.Requirement = "required"
		}
		if a.Type == "object_t" {
			object := b.x.Objects[a.ObjectType]
			if object == nil {
				return o, fmt.Errorf("%s.%s: unknown object %q", t.Name, name, a.ObjectType)
			}
			row.Object, row.Map = a.ObjectType, len(object.Attributes) == 0
		}
		values, ok := enums[name]
		if !ok {
			values = s.enum(t, name)
		}
		if isObject && t.Name == "observable" && name == "type_id" {
			values = observableTypes(b.x.Version)
		}
		redefine(b.x.Version, t.Name, &row, values)
		row.Enum = b.enum(values)
		if base, isID := strings.CutSuffix(name, "_id"); isID && row.Enum != 0 && row.Sibling == "" {
			if text := t.Attributes[base]; text != nil && text.Type == "string_t" {
				row.Sibling = base // the dictionary forgot to say so
			}
		}
		all = append(all, row)
		if a.Type == "timestamp_t" {
			all = append(all, facts.Attribute{
				Name: name + "_dt", Type: "datetime_t", Array: a.IsArray, Requirement: "optional", Profile: datetimeProfile,
			})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	for _, row := range all {
		o.Attributes = append(o.Attributes, b.attribute(row))
	}
	return o, nil
}

func (b *builder) attribute(row facts.Attribute) int {
	i, ok := b.attributes[row]
	if !ok {
		i = len(b.table.Attributes)
		b.attributes[row] = i
		b.table.Attributes = append(b.table.Attributes, row)
	}
	return i
}

// enum is the 1-based row of the values, 0 for none.
func (b *builder) enum(texts map[string]string) int {
	if len(texts) == 0 {
		return 0
	}
	keys := slices.Collect(maps.Keys(texts))
	sort.Slice(keys, func(i, j int) bool { return lessKey(keys[i], keys[j]) })
	var values []facts.Value
	var id strings.Builder
	for _, key := range keys {
		values = append(values, facts.Value{Key: key, Text: texts[key]})
		fmt.Fprintf(&id, "%q=%q,", key, texts[key])
	}
	n, ok := b.enums[id.String()]
	if !ok {
		b.table.Enums = append(b.table.Enums, values)
		n = len(b.table.Enums)
		b.enums[id.String()] = n
	}
	return n
}
