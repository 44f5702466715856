package jobfile

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Schema returns the JSON Schema of a job file, for editors.
func Schema(kinds Kinds) []byte {
	var s Spec
	d := Default()
	root := map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Silt job", "type": "object",
		"additionalProperties": false, "properties": map[string]any{}}
	types := kinds.Catalogs.Types()
	defs := d.fields(types)
	for i, f := range s.fields(types) {
		obj := root
		parts := strings.Split(f.path, ".")
		for _, g := range parts[:len(parts)-1] {
			if g == anyClass {
				sub, ok := obj["additionalProperties"].(map[string]any)
				if !ok {
					sub = map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
					obj["additionalProperties"] = sub
				}
				obj = sub
				continue
			}
			props := obj["properties"].(map[string]any)
			sub, ok := props[g].(map[string]any)
			if !ok {
				sub = map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
				props[g] = sub
				if f.required {
					require(obj, g)
				}
			}
			obj = sub
		}
		name := parts[len(parts)-1]
		if f.required {
			require(obj, name)
		}
		p := map[string]any{"description": f.doc}
		switch v := defs[i].ptr.(type) {
		case *[]string:
			p["type"], p["items"] = "array", map[string]any{"type": "string"}
		case *string:
			p["type"] = "string"
			if *v != "" {
				p["default"] = *v
			}
		case *bool:
			p["type"], p["default"] = "boolean", *v
		case *time.Duration:
			p["type"], p["pattern"] = "string", `^(\d+(\.\d+)?(d|h|m|s|ms))+$|\$\{`
			p["default"] = v.String()
		case *int64:
			p["type"] = []string{"string", "integer"}
		case *int:
			p["type"], p["minimum"], p["default"] = "integer", 0, *v
		case *float64:
			p["type"], p["minimum"], p["maximum"], p["default"] = "number", 0, 1, *v
		}
		if len(f.enum) > 0 {
			p["enum"] = f.enum
		}
		obj["properties"].(map[string]any)[name] = p
	}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps of strings and numbers always marshal
	}
	return append(b, '\n')
}

func require(obj map[string]any, name string) {
	have, _ := obj["required"].([]string)
	if !slices.Contains(have, name) {
		obj["required"] = append(have, name)
	}
}
