package catalog

import "strings"

// Appended names what a table with the columns `have` gains by becoming `merged`, which Merge made of it: "name type" for a column,
// and "path.of.field type" for a field of a struct.
func Appended(have, merged []Column) []string {
	var out []string
	for i, c := range merged {
		if i >= len(have) {
			out = append(out, c.Name+" "+c.Type)
			continue
		}
		if have[i].Type == c.Type {
			continue
		}
		a, errA := ParseType(have[i].Type)
		b, errB := ParseType(c.Type)
		if errA == nil && errB == nil {
			out = appendedFields(out, a, b, c.Name)
		}
	}
	return out
}

func appendedFields(out []string, have, merged Type, path string) []string {
	switch {
	case have.Kind != merged.Kind:
	case have.Kind == Array:
		return appendedFields(out, *have.Elem, *merged.Elem, path+"[]")
	case have.Kind == Map:
		return appendedFields(out, *have.Elem, *merged.Elem, path+"{}")
	case have.Kind == Struct:
		for i, f := range merged.Fields {
			at := path + "." + f.Name
			if i >= len(have.Fields) {
				out = append(out, at+" "+f.Type.String())
				continue
			}
			out = appendedFields(out, have.Fields[i].Type, f.Type, at)
		}
	}
	return out
}

// Retyped gives columns whose types conflict with those wanted the wanted types, and names each change: "path: have -> want". Columns
// and fields that only one side has stay.
func Retyped(have, want []Column) (out []Column, changes []string) {
	wanted := map[string]Type{}
	for _, c := range want {
		if t, err := ParseType(c.Type); err == nil {
			wanted[strings.ToLower(c.Name)] = t
		}
	}
	out = append([]Column(nil), have...)
	for i, c := range out {
		w, ok := wanted[strings.ToLower(c.Name)]
		if !ok {
			continue
		}
		h, err := ParseType(c.Type)
		if err != nil {
			out[i].Type = w.String()
			changes = append(changes, c.Name+": "+clip(c.Type)+" -> "+clip(w.String()))
			continue
		}
		next, changed := retyped(h, w, c.Name)
		if len(changed) > 0 {
			out[i].Type = next.String()
			changes = append(changes, changed...)
		}
	}
	return out, changes
}

func retyped(have, want Type, path string) (Type, []string) {
	if have.Kind != want.Kind || have.Kind == Primitive && have.Name != want.Name {
		return want, []string{path + ": " + clip(have.String()) + " -> " + clip(want.String())}
	}
	var changes []string
	switch have.Kind {
	case Array, Map:
		if have.Kind == Map {
			key, changed := retyped(*have.Key, *want.Key, path+"{key}")
			have.Key, changes = &key, changed
		}
		elem, changed := retyped(*have.Elem, *want.Elem, path+map[TypeKind]string{Array: "[]", Map: "{}"}[have.Kind])
		have.Elem, changes = &elem, append(changes, changed...)
	case Struct:
		fields := append([]Field(nil), have.Fields...)
		for i, f := range fields {
			for _, w := range want.Fields {
				if strings.EqualFold(f.Name, w.Name) {
					next, changed := retyped(f.Type, w.Type, path+"."+f.Name)
					fields[i].Type, changes = next, append(changes, changed...)
				}
			}
		}
		have.Fields = fields
	}
	return have, changes
}
