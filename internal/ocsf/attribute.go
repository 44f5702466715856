package ocsf

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/silt-etl/silt/internal/ocsf/facts"
)

// Fields is what classes and objects have in common.
type Fields struct {
	Name    string
	Caption string // for people, and the text of class_name
	// Deprecated says since which version and what to use instead; "" where it is in good standing.
	Deprecated string
	Attributes []*Attribute // by name, those of all profiles included
	// AtLeastOne and JustOne name attributes of which a value must have at least one, or exactly one; empty: no such rule.
	AtLeastOne []string
	JustOne    []string

	byName map[string]*Attribute
}

// Attribute returns the attribute of that name, or nil.
func (f *Fields) Attribute(name string) *Attribute { return f.byName[name] }

// Class is an event class.
type Class struct {
	Fields
	UID          int // class_uid, as 4001
	CategoryUID  int
	CategoryName string // the text of category_name
	// Profiles are those that an event of this class may have, sorted: also those that only add to its objects.
	Profiles []string
}

// Object is a structured type.
type Object struct{ Fields }

// Requirement levels.
const (
	Required    = "required"
	Recommended = "recommended"
	Optional    = "optional"
)

// Attribute is one attribute of a class or object.
type Attribute struct {
	Name    string
	Type    string // OCSF's name for it, as port_t; object_t for objects
	Base    Base
	Object  string // the object's name where Base is Struct
	IsArray bool
	// IsMap is set where the object has no attributes of its own (unmapped, xattributes): it takes any keys, with texts as
	// values.
	IsMap       bool
	Requirement string      // Required, Recommended or Optional; it holds where the profile applies
	Enum        []EnumValue // by ID; empty: any value of the type
	Sibling     string      // the attribute that holds the text of an enum's value; "" for none
	Profile     string      // the profile that adds it, the first of several; "" where it is always there
	Deprecated  string      // since which version, and what to use instead; "" where it is in good standing

	profiles []string // all that add it; empty: it is always there
}

// EnumValue is one permitted value. An attribute of Base String has text values: they are in Key, and ID is 0.
type EnumValue struct {
	ID   int64
	Text string // the caption, which is also the value of the sibling
	Key  string // the value as text
}

// EnumText is the caption of a value.
func (a *Attribute) EnumText(id int64) (text string, ok bool) {
	if a.Base == String {
		return "", false
	}
	for _, v := range a.Enum {
		if v.ID == id {
			return v.Text, true
		}
	}
	return "", false
}

// EnumID is the value with that caption, in any case.
func (a *Attribute) EnumID(text string) (id int64, ok bool) {
	if a.Base == String {
		return 0, false
	}
	for _, v := range a.Enum {
		if strings.EqualFold(v.Text, text) {
			return v.ID, true
		}
	}
	return 0, false
}

// Range is the least and the greatest value of an integer type, both permitted; !ok for all other types. An enum may
// narrow it further.
func (a *Attribute) Range() (least, greatest int64, ok bool) {
	switch {
	case a.Type == "port_t":
		return 0, 65535, true
	case a.Base == Integer:
		return math.MinInt32, math.MaxInt32, true
	case a.Base == Long:
		return math.MinInt64, math.MaxInt64, true
	}
	return 0, 0, false
}

// In says whether an event with these profiles has the attribute.
func (a *Attribute) In(profiles []string) bool {
	return len(a.profiles) == 0 || slices.ContainsFunc(a.profiles, func(p string) bool { return slices.Contains(profiles, p) })
}

// Base is how values of an OCSF type are stored.
type Base int

const (
	String    Base = iota // UTF-8 text: string_t and all its kin, as ip_t and url_t
	Integer               // int32: integer_t, port_t
	Long                  // int64: long_t
	Float                 // float64: float_t
	Boolean               // boolean_t
	Timestamp             // int64, ms since 1970 UTC: timestamp_t
	DateTime              // a point in time in UTC, to the ms: datetime_t
	JSON                  // any JSON value: json_t
	Struct                // a struct: object_t
)

func (b Base) String() string {
	names := [...]string{"string", "integer", "long", "float", "boolean", "timestamp", "datetime", "json", "struct"}
	if b < 0 || int(b) >= len(names) {
		return "Base(" + strconv.Itoa(int(b)) + ")"
	}
	return names[b]
}

// baseOf refuses types that it does not know: a guess would decide the type of a column for good.
func baseOf(ocsfType string) (Base, error) {
	switch ocsfType {
	case "string_t", "bytestring_t", "email_t", "file_hash_t", "file_name_t", "file_path_t", "hostname_t", "ip_t", "mac_t",
		"process_name_t", "reg_key_path_t", "resource_uid_t", "subnet_t", "url_t", "username_t", "uuid_t":
		return String, nil
	case "integer_t", "port_t":
		return Integer, nil
	case "long_t":
		return Long, nil
	case "float_t":
		return Float, nil
	case "boolean_t":
		return Boolean, nil
	case "timestamp_t":
		return Timestamp, nil
	case "datetime_t":
		return DateTime, nil
	case "json_t":
		return JSON, nil
	case "object_t":
		return Struct, nil
	}
	return 0, fmt.Errorf("unknown type %q", ocsfType)
}

func newAttribute(row facts.Attribute, enums [][]facts.Value) (*Attribute, error) {
	base, err := baseOf(row.Type)
	if err != nil {
		return nil, fmt.Errorf("attribute %s: %w", row.Name, err)
	}
	if row.Name == "type_uid" {
		base = Long // integer_t in 1.0.0, long_t since: files hold one width, whatever the version
	}
	a := &Attribute{
		Name: row.Name, Type: row.Type, Base: base, Object: row.Object, IsArray: row.Array, IsMap: row.Map,
		Requirement: row.Requirement, Sibling: row.Sibling, Deprecated: row.Deprecated,
	}
	if row.Profile != "" {
		a.profiles = strings.Split(row.Profile, facts.ProfileSeparator)
		a.Profile = a.profiles[0]
	}
	if row.Enum == 0 {
		return a, nil
	}
	for _, v := range enums[row.Enum-1] {
		value := EnumValue{Text: v.Text, Key: v.Key}
		if base != String {
			if value.ID, err = strconv.ParseInt(v.Key, 10, 64); err != nil {
				return nil, fmt.Errorf("attribute %s: enum value %q is not a number", row.Name, v.Key)
			}
		}
		a.Enum = append(a.Enum, value)
	}
	return a, nil
}
