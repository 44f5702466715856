package attempt

import (
	"fmt"
	"strings"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/sql/cast"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// untaken says why a required attribute has no value, if a raw field has one that an attribute in it could not take.
type untaken struct {
	compiled *sqlgen.Compiled
	found    map[string][]taker // by the path of the required attribute
}

// taker is an attribute whose value is that of a raw field.
type taker struct {
	path string
	leaf int // number in Scan.Leaves
	attr *ocsf.Attribute
}

func newUntaken(compiled *sqlgen.Compiled) *untaken {
	return &untaken{compiled: compiled, found: map[string][]taker{}}
}

// takers are the attributes at the path, or in the object there.
func (u *untaken) takers(path string) []taker {
	all, ok := u.found[path]
	if ok {
		return all
	}
	schema, err := ocsf.Load(u.compiled.Version)
	if err == nil {
		for _, raw := range u.compiled.Flows {
			for _, f := range raw.Flows {
				class := schema.Class(f.Class)
				if raw.Leaf < 0 || !f.Exact || class == nil || f.Path != path && !strings.HasPrefix(f.Path, path+".") {
					continue
				}
				if at, err := schema.Resolve(class, f.Path); err == nil && !at.Leaf.IsArray {
					all = append(all, taker{f.Path, raw.Leaf, at.Leaf})
				}
			}
		}
	}
	u.found[path] = all
	return all
}

// why follows the message of a reject. It is "" if no value was lost. A hidden record's value is not shown.
func (u *untaken) why(path string, records *decode.Records, hide bool) string {
	for _, t := range u.takers(path) {
		v := records.Values()[t.leaf]
		if !v.Set || len(v.Text) == 0 {
			continue
		}
		fault := cast.Fault(t.attr, string(v.Text))
		switch {
		case fault == "":
		case hide:
			return ": " + t.path + " could not take its value"
		default:
			return fmt.Sprintf(": %s could not take %.80q; %s", t.path, v.Text, fault)
		}
	}
	return ""
}
