package main

import "strconv"

// export is the part of a schema export that is read.
type export struct {
	Version    string                   `json:"version"`
	Classes    map[string]*exportedType `json:"classes"`
	Objects    map[string]*exportedType `json:"objects"`
	Categories struct {
		Attributes map[string]struct {
			UID     int    `json:"uid"`
			Caption string `json:"caption"`
		} `json:"attributes"`
	} `json:"categories"`
}

// described is what both exports say of a class or an object; UID and Profiles are a class's.
type described struct {
	Name        string   `json:"name"`
	Caption     string   `json:"caption"`
	UID         int      `json:"uid"`
	Profiles    []string `json:"profiles"`
	Constraints struct {
		AtLeastOne []string `json:"at_least_one"`
		JustOne    []string `json:"just_one"`
	} `json:"constraints"`
}

// exportedType is a class or an object; Category is a class's.
type exportedType struct {
	described
	Extends    string                        `json:"extends"`
	Category   string                        `json:"category"`
	Attributes map[string]*exportedAttribute `json:"attributes"`
}

type exportedAttribute struct {
	Type        string                  `json:"type"`
	ObjectType  string                  `json:"object_type"`
	IsArray     bool                    `json:"is_array"`
	Requirement string                  `json:"requirement"`
	Sibling     string                  `json:"sibling"`
	Profile     string                  `json:"profile"`
	Enum        map[string]exportedEnum `json:"enum"`
}

type exportedEnum struct {
	Caption string `json:"caption"`
}

// section is the classes or the objects, in which `extends` names are looked up.
type section map[string]*exportedType

// lineage is the type and its ancestors, nearest first. It ends at the first name that the section does not have.
func (s section) lineage(t *exportedType) []*exportedType {
	var all []*exportedType
	for t != nil && len(all) < 20 {
		all = append(all, t)
		t = s[t.Extends]
	}
	return all
}

// requirement is the nearest that is stated; OCSF's default is optional.
func (s section) requirement(t *exportedType, name string) string {
	for _, t := range s.lineage(t) {
		if a := t.Attributes[name]; a != nil && a.Requirement != "" {
			return a.Requirement
		}
	}
	return "optional"
}

// enum merges what the ancestors permit with what the type permits, the nearest caption winning, as OCSF's own merge does.
// The three that identify the class are the type's alone.
func (s section) enum(t *exportedType, name string) map[string]string {
	merged := map[string]string{}
	for i, t := range s.lineage(t) {
		a := t.Attributes[name]
		if a == nil || i > 0 && (name == "class_uid" || name == "category_uid" || name == "type_uid") {
			break
		}
		for key, value := range a.Enum {
			if _, has := merged[key]; !has {
				merged[key] = value.Caption
			}
		}
	}
	return merged
}

// constraints are the type's, or those of the nearest ancestor that has some.
func (s section) constraints(t *exportedType) (atLeastOne, justOne []string) {
	for _, t := range s.lineage(t) {
		if c := t.Constraints; len(c.AtLeastOne)+len(c.JustOne) > 0 {
			return c.AtLeastOne, c.JustOne
		}
	}
	return nil, nil
}

// lessKey orders enum keys by number, then as text.
func lessKey(a, b string) bool {
	x, errA := strconv.ParseInt(a, 10, 64)
	y, errB := strconv.ParseInt(b, 10, 64)
	if errA == nil && errB == nil {
		return x < y
	}
	return a < b
}
