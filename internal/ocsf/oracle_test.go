package ocsf_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	validate100 "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.0"
	validate110 "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.1"
	validate120 "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.2"

	"github.com/silt-etl/silt/internal/ocsf"
)

// jsonSchema is the part of OCSF's official JSON Schemas that is compared. They apply every profile at once.
type jsonSchema struct {
	Error      string                 `json:"error"`
	Defs       map[string]*jsonSchema `json:"$defs"`
	Properties map[string]*jsonSchema `json:"properties"`
	Required   []string               `json:"required"`
	Type       string                 `json:"type"`
	Ref        string                 `json:"$ref"`
	Items      *jsonSchema            `json:"items"`
	Enum       []any                  `json:"enum"`
	Const      any                    `json:"const"`
}

// jsonSchemas are those of a version by class. Abstract and extension classes have none.
func jsonSchemas(t *testing.T, version string) map[string]*jsonSchema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/valllabh/ocsf-schema-golang").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "ocsfvalidate", version[:3], "jsonschema", "*.json.zst"))
	if err != nil {
		t.Fatal(err)
	}
	unpack, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unpack.Close()
	schemas := map[string]*jsonSchema{}
	for _, file := range files {
		packed, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b, err := unpack.DecodeAll(packed, nil)
		if err != nil {
			t.Fatal(err)
		}
		var schema jsonSchema
		if err := json.Unmarshal(b, &schema); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if schema.Error == "" {
			schemas[strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "classes_"), ".json.zst")] = &schema
		}
	}
	return schemas
}

func TestAgainstOfficialJSONSchemas(t *testing.T) {
	for version, classes := range map[string]int{"1.0.0": 33, "1.1.0": 44, "1.2.0": 59} {
		s, objects := load(t, version), map[string]bool{}
		schemas := jsonSchemas(t, version)
		if len(schemas) != classes {
			t.Errorf("%s: %d JSON Schemas, want %d", version, len(schemas), classes)
		}
		for name, schema := range schemas {
			c := class(t, s, name)
			compare(t, version+" "+name, &c.Fields, schema)
			for object, schema := range schema.Defs {
				if o := s.Object(object); o == nil {
					t.Errorf("%s: no object %s", version, object)
				} else if !objects[object] {
					objects[object] = true
					compare(t, version+" "+object, &o.Fields, schema)
				}
			}
		}
		if len(objects) < 70 {
			t.Errorf("%s: only %d objects were compared", version, len(objects))
		}
	}
}

func compare(t *testing.T, name string, f *ocsf.Fields, schema *jsonSchema) {
	t.Helper()
	var required []string
	for _, a := range f.Attributes {
		if a.Requirement == ocsf.Required {
			required = append(required, a.Name)
		}
		property := schema.Properties[a.Name]
		if property == nil {
			t.Errorf("%s has no %s", name, a.Name)
			continue
		}
		if (property.Type == "array") != a.IsArray {
			t.Errorf("%s.%s: array %v", name, a.Name, a.IsArray)
		}
		if a.IsArray {
			property = property.Items
		}
		if want := jsonType(a.Base); property.Type != want {
			t.Errorf("%s.%s: %s is JSON %q, want %q", name, a.Name, a.Type, want, property.Type)
		}
		if a.Base == ocsf.Struct && property.Ref != "#/$defs/"+a.Object {
			t.Errorf("%s.%s: object %s, want %s", name, a.Name, a.Object, property.Ref)
		}
		values := property.Enum
		if property.Const != nil {
			values = append(values, property.Const)
		}
		if a.Name == "type_uid" {
			values = nil // they do not say; see TestIdentifiersOfAllClasses
		} else if len(values) != len(a.Enum) {
			t.Errorf("%s.%s: %d values, want %d", name, a.Name, len(a.Enum), len(values))
		}
		for _, v := range values {
			key := fmt.Sprint(v)
			if !slices.ContainsFunc(a.Enum, func(e ocsf.EnumValue) bool { return e.Key == key && e.Text != "" }) {
				t.Errorf("%s.%s: no value %s", name, a.Name, key)
			}
		}
	}
	for _, property := range slices.Sorted(maps.Keys(schema.Properties)) {
		if f.Attribute(property) == nil {
			t.Errorf("%s lacks %s", name, property)
		}
	}
	if slices.Sort(schema.Required); !slices.Equal(required, schema.Required) {
		t.Errorf("%s requires %v, want %v", name, required, schema.Required)
	}
}

func jsonType(b ocsf.Base) string {
	switch b {
	case ocsf.Integer, ocsf.Long, ocsf.Timestamp:
		return "integer"
	case ocsf.Float:
		return "number"
	case ocsf.Boolean:
		return "boolean"
	case ocsf.Struct, ocsf.JSON:
		return ""
	}
	return "string"
}

// An event of exactly what the facts require passes the third-party validator, and lacking any one of it does not.
func TestRequiredIsWhatTheValidatorRequires(t *testing.T) {
	validators := map[string]func(string, []byte) error{
		"1.0.0": validate100.Validate, "1.1.0": validate110.Validate, "1.2.0": validate120.Validate,
	}
	for version, validate := range validators {
		s := load(t, version)
		for _, name := range []string{"network_activity", "dns_activity", "authentication", "file_activity", "api_activity", "base_event"} {
			event := minimal(s, &class(t, s, name).Fields)
			check := func() error {
				b, err := json.Marshal(event)
				if err != nil {
					t.Fatal(err)
				}
				return validate(name, b)
			}
			if err := check(); err != nil {
				t.Errorf("%s %s: %v", version, name, err)
			}
			for _, key := range slices.Sorted(maps.Keys(event)) {
				value := event[key]
				delete(event, key)
				if check() == nil {
					t.Errorf("%s %s: %s is not required after all", version, name, key)
				}
				event[key] = value
			}
		}
	}
}

// minimal has the required attributes of all profiles, each with some value that the facts permit.
func minimal(s *ocsf.Schema, f *ocsf.Fields) map[string]any {
	values := map[string]any{}
	for _, a := range f.Attributes {
		if a.Requirement != ocsf.Required {
			continue
		}
		var v any
		switch {
		case a.Base == ocsf.Struct:
			v = minimal(s, &s.Object(a.Object).Fields)
		case len(a.Enum) > 0 && a.Base == ocsf.String:
			v = a.Enum[0].Key
		case len(a.Enum) > 0:
			v = a.Enum[0].ID
		case a.Base == ocsf.String:
			v = "x"
		case a.Base == ocsf.Boolean:
			v = true
		default:
			v = 1
		}
		if a.IsArray {
			v = []any{v}
		}
		values[a.Name] = v
	}
	return values
}
