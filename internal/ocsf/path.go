package ocsf

import (
	"fmt"
	"strings"
)

// Resolved is where a dotted path leads.
type Resolved struct {
	Path []*Attribute // from the class down; all but the last are objects
	Leaf *Attribute   // the last of Path: a scalar, an array of scalars, or an IsMap (of ResolveAny also objects and arrays of them)
	// Key is what follows an IsMap, as dest.port of unmapped.dest.port; "" where the path ends at the map itself.
	Key string
}

// UnknownPathError says that a path names an attribute that is not there.
type UnknownPathError struct {
	Version string
	Class   string
	Path    string
	Segment string // the first unknown one
	Nearest string // the right path that is most like it; "" where none is near
}

func (e *UnknownPathError) Error() string {
	what := fmt.Sprintf("unknown OCSF path %q: no attribute %q in %s of OCSF %s", e.Path, e.Segment, e.Class, e.Version)
	if e.Segment != e.Path {
		what = fmt.Sprintf("unknown OCSF path %q of %s: no attribute %q there in OCSF %s", e.Path, e.Class, e.Segment, e.Version)
	}
	if e.Nearest != "" {
		what += fmt.Sprintf("; did you mean %q?", e.Nearest)
	}
	return what
}

// Shape is why a path of known attributes is none that a column can have.
type Shape int

const (
	EndsAtObject  Shape = iota // the path ends at an object, or at an array of objects
	ThroughArray               // it goes into the elements of an array
	ThroughScalar              // it continues after a value that has no attributes
)

// ShapeError says that a path cannot be a column although its attributes exist.
type ShapeError struct {
	Path    string
	Message string
	Shape   Shape
	At      *Attribute // where the path goes wrong: the object, array or scalar
}

func (e *ShapeError) Error() string { return fmt.Sprintf("OCSF path %q: %s", e.Path, e.Message) }

// Resolve follows a dotted path from a class to a value, as src_endpoint.ip or unmapped.vendor.field, through the attributes
// of all profiles (see Attribute.In). Any other error than UnknownPathError and ShapeError is none it gives.
func (s *Schema) Resolve(class *Class, path string) (*Resolved, error) {
	r, err := s.ResolveAny(class, path)
	if err == nil && r.Key == "" && r.Leaf.Base == Struct && (!r.Leaf.IsMap || r.Leaf.IsArray) {
		return nil, endsAtObject(path, r.Leaf)
	}
	return r, err
}

// HasPath says whether a class has an attribute or an object at a path. It is false if the version does not have the class.
func (s *Schema) HasPath(class, path string) bool {
	c := s.Class(class)
	if c == nil {
		return false
	}
	_, err := s.ResolveAny(c, path)
	return err == nil
}

// HasAttribute says whether an object has an attribute. It is false if the version does not have the object.
func (s *Schema) HasAttribute(object, name string) bool {
	o := s.Object(object)
	return o != nil && o.Attribute(name) != nil
}

// ResolveAny is Resolve for paths that may also end at an object, or at an array of objects.
func (s *Schema) ResolveAny(class *Class, path string) (*Resolved, error) {
	r := &Resolved{}
	segments := strings.Split(path, ".")
	at := &class.Fields
	for i, segment := range segments {
		a := at.Attribute(segment)
		if a == nil {
			unknown := &UnknownPathError{Version: s.Version, Class: class.Name, Path: path, Segment: segment}
			if segment != "" {
				unknown.Nearest = s.nearestPath(class, path)
			}
			return nil, unknown
		}
		r.Path, r.Leaf = append(r.Path, a), a
		here, last := strings.Join(segments[:i+1], "."), i == len(segments)-1
		switch {
		case a.IsMap && !a.IsArray:
			return s.resolveKey(class, r, path, segments[i+1:])
		case last:
			return r, nil
		case a.IsArray:
			return nil, &ShapeError{
				Path: path, Shape: ThroughArray, At: a,
				Message: here + " is an array: its elements have no path of their own",
			}
		case a.Base != Struct:
			return nil, &ShapeError{
				Path: path, Shape: ThroughScalar, At: a,
				Message: fmt.Sprintf("%s is a value of type %s: it has no attributes", here, a.Type),
			}
		}
		at = &s.objects[a.Object].Fields
	}
	return r, nil
}

// resolveKey takes what follows a map as its key; a key has no empty parts.
func (s *Schema) resolveKey(class *Class, r *Resolved, path string, key []string) (*Resolved, error) {
	for _, part := range key {
		if part == "" {
			return nil, &UnknownPathError{Version: s.Version, Class: class.Name, Path: path, Segment: part}
		}
	}
	r.Key = strings.Join(key, ".")
	return r, nil
}

func endsAtObject(path string, a *Attribute) *ShapeError {
	message := fmt.Sprintf("it is an object (%s): name one of its attributes, as %s.<attribute>", a.Object, path)
	if a.IsArray {
		message = fmt.Sprintf("it is an array of objects (%s), which no column can be", a.Object)
	}
	return &ShapeError{Path: path, Shape: EndsAtObject, At: a, Message: message}
}
