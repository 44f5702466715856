package mappings_test

import (
	"os"
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

// What docs/mappings.md says about a type_uid that contradicts activity_id is what happens: in JSON and in SQL, as constants, enums
// and expressions.
func TestTypeUIDAsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/mappings.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, sentence := range []string{
		"If it and `activity_id` are both constants and contradict each other, that is an error (`CLASS`).",
		"If one of them is an enum of a JSON mapping, it is a warning (`TYPE_UID`), and your value is kept.",
		"A type_uid that a SELECT computes is kept without a check.",
		"| `TYPE_UID` | warning | An enum of a JSON mapping gives a type_uid that contradicts activity_id; your value is kept |",
		"| `CLASS` | error | The class is missing, or a constant contradicts it (examples: class_uid, type_uid) |",
	} {
		if !strings.Contains(text, sentence) {
			t.Errorf("docs/mappings.md does not say %q", sentence)
		}
	}
	json := func(activity, typ string) map[string]string {
		return map[string]string{"m.json": `{"custom_source_events": {"source_name": "m", "timestamp": {"field": "$.ts", "format": "%Y-%m-%dT%H:%M:%S.%fZ"},
  "ocsf_mapping": {"": {"schema": "base_event", "schema_mapping": {"severity_id": 1, "metadata": {"product": {"name": "p", "vendor_name": "v"}},
    "activity_id": ` + activity + `, "type_uid": ` + typ + `}}}}}`}
	}
	sql := func(activity, typ string) map[string]string {
		return map[string]string{"raw.sql": "CREATE TABLE raw (ts TIMESTAMP, kind VARCHAR);", "m.sql": "-- class: base_event\nSELECT ts AS \"time\", 1 AS severity_id, 'p' AS \"metadata.product.name\", " +
			"'v' AS \"metadata.product.vendor_name\", " + activity + " AS activity_id, " + typ + " AS type_uid FROM raw"}
	}
	enum := func(value, other string) string {
		return `{"enum": {"evaluate": "$.kind", "values": {"a": ` + value + `}, "other": ` + other + `}}`
	}
	for name, c := range map[string]struct {
		texts map[string]string
		code  string // and severity of the diagnostic about type_uid
		kept  string // the type_uid of an event of kind a; "": the mapping cannot be used
	}{
		"JSON, both constants":           {json("0", "99"), "CLASS error", ""},
		"JSON, both constants, agreeing": {json("99", "99"), "", "99"},
		"JSON, type is an enum":          {json("0", enum("99", "0")), "TYPE_UID warning", "99"},
		"JSON, activity is an enum":      {json(enum("0", "99"), "99"), "TYPE_UID warning", "99"},
		"JSON, both enums":               {json(enum("0", "99"), enum("99", "99")), "TYPE_UID warning", "99"},
		"JSON, both enums, agreeing":     {json(enum("0", "99"), enum("0", "99")), "", "0"},
		"SQL, both constants":            {sql("0", "99"), "CLASS error", ""},
		"SQL, computed":                  {sql("0", "CASE kind WHEN 'a' THEN 99 ELSE 0 END"), "", "99"},
	} {
		t.Run(name, func(t *testing.T) {
			m := sqltest.Mapping(t, c.texts)
			var found []string
			for _, d := range sqltest.Diagnostics(t, m) {
				if strings.Contains(d.Message, "type_uid") {
					found = append(found, string(d.Code)+" "+d.Severity.String())
				}
			}
			if got := strings.Join(found, ", "); got != c.code {
				t.Errorf("diagnostics %q, want %q", got, c.code)
			}
			if c.kept == "" {
				return
			}
			events := sqltest.Run(t, sqltest.Compile(t, m), nil, `{"ts":"2026-01-31T08:15:02.250Z","kind":"a"}`)
			if got := sqltest.Shown(t, events[0], "type_uid"); got != c.kept {
				t.Errorf("type_uid %s, want %s", got, c.kept)
			}
		})
	}
}
