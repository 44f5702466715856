package mappings_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqltest"
)

// peopleJSON has what a person would not write: columns that OCSF fills by itself (the same text, another text, a type that
// follows activity_id and one that does not), parts that say the same, parts that differ in one column, and quotes in values.
const peopleJSON = `{"custom_source_events": {
  "source_name": "web", "matched_field": "$.kind", "timestamp": {"field": "$.ts", "format": "%Y-%m-%dT%H:%M:%S.%fZ"},
  "ocsf_mapping": {
    "http": {"schema": "http_activity", "schema_mapping": {
      "metadata": {"profiles": "host", "version": "v1.1.0", "product": {"name": "it's", "vendor_name": "V"}},
      "severity": "Informational", "severity_id": 1, "category_uid": 4, "category_name": "Network Activity",
      "class_uid": 4002, "class_name": "HTTP Activity",
      "type_uid": {"enum": {"evaluate": "$.m", "values": {"GET": 400203, "PUT": 400207}, "other": 400299}},
      "activity_id": {"enum": {"evaluate": "$.m", "values": {"GET": 3, "PUT": 7}, "other": 99}},
      "http_request": {"http_method": "$.m", "url": {"hostname": "$.host"}},
      "dst_endpoint": {"ip": "$.dst", "port": "443"}, "src_endpoint": {"ip": "$.src", "port": "$.sport"},
      "unmapped": {"method of it's": "$.m"}}},
    "https": {"schema": "http_activity", "schema_mapping": {
      "metadata": {"profiles": "host", "version": "v1.1.0", "product": {"name": "it's", "vendor_name": "V"}},
      "severity_id": 1,
      "activity_id": {"enum": {"evaluate": "$.m", "values": {"GET": 3, "PUT": 7}, "other": 99}},
      "http_request": {"http_method": "$.m", "url": {"hostname": "$.host"}},
      "dst_endpoint": {"ip": "$.dst", "port": "443"}, "src_endpoint": {"ip": "$.src", "port": "$.sport"},
      "unmapped": {"method of it's": "$.m"}}},
    "h'2": {"schema": "http_activity", "schema_mapping": {
      "metadata": {"profiles": "host, firewal", "version": "v1.1.0", "product": {"name": "it's", "vendor_name": "V"}},
      "severity": "High", "severity_id": 3, "category_name": "Web", "class_name": "Web", "type_uid": 400203,
      "activity_id": {"enum": {"evaluate": "$.m", "values": {"GET": 3, "PUT": 7}, "other": 99}}, "activity_name": "$.m",
      "http_request": {"http_method": "$.m", "url": {"hostname": "$.host"}},
      "dst_endpoint": {"ip": "$.dst"}, "src_endpoint": {"ip": "$.src", "port": "$.deep.sport"}}},
    "flow": {"schema": "network_activity", "schema_mapping": {
      "metadata": {"version": "v1.1.0", "product": {"name": "p", "vendor_name": "V"}}, "type_uid": 400106, "activity_id": 6, "activity_name": "Traffic",
      "severity_id": 1, "src_endpoint": {"ip": "$.src"}, "dst_endpoint": {"ip": "$.dst"}, "connection_info": {"direction_id": 1, "direction": "Inbound"}}}
  }}}`

// The SQL that etl sql and etl import write gives the rows of the JSON, value for value, though it leaves out what the
// compiler fills and says once what several parts say.
func TestShownSQLGivesTheSameRows(t *testing.T) {
	m := declarative(t, peopleJSON)
	shown, diagnostics, err := m.Show(context.Background())
	if err != nil || diagnostics.Failed() {
		t.Fatalf("%v\n%s", err, sqltest.Listed(diagnostics))
	}
	texts := map[string]string{}
	var names []string
	for _, f := range shown {
		texts[f.Path] = f.Text
		names = append(names, f.Path)
	}
	if got := strings.Join(names, " "); got != "raw.sql http_activity_h_2.sql http_activity_http_https.sql network_activity.sql" {
		t.Fatalf("files: %s", got)
	}
	both := texts["http_activity_http_https.sql"]
	for _, gone := range []string{"type_uid", "class_", "category_", "AS severity,", "metadata.profiles\""} {
		if strings.Contains(strings.Split(both, "SELECT")[1], gone) {
			t.Errorf("%s is filled by the compiler, and is there:\n%s", gone, both)
		}
	}
	for _, kept := range []string{"AS type_uid", "AS class_name", "AS category_name", "AS severity,", `AS "metadata.profiles"`, `-- note: severity is "High"`} {
		if !strings.Contains(texts["http_activity_h_2.sql"], kept) {
			t.Errorf("%s is lost:\n%s", kept, texts["http_activity_h_2.sql"])
		}
	}
	var lines []string
	for _, kind := range []string{"http", "https", "h'2", "flow", "none"} {
		for _, method := range []string{`"GET"`, `"PUT"`, `"BREW"`, `null`} {
			lines = append(lines, fmt.Sprintf(`{"ts":"2025-06-01T00:00:00.5Z","kind":"%s","m":%s,"host":"h","src":"10.0.0.1","dst":"10.0.0.2","sport":"%d","deep":{"sport":99},"more":[1]}`,
				kind, method, 1000+len(lines)))
		}
		lines = append(lines, fmt.Sprintf(`{"ts":"never","kind":"%s"}`, kind), fmt.Sprintf(`{"ts":"2025-06-01T00:00:00Z","kind":"%s","m":"GET","sport":"x","dst":"d"}`, kind))
	}
	byRecord := func(m *mappings.Mapping) map[int64]sqltest.Event {
		out := map[int64]sqltest.Event{}
		for _, e := range sqltest.Run(t, sqltest.Compile(t, m), nil, lines...) {
			out[e.Record] = e
		}
		return out
	}
	want, got := byRecord(m), byRecord(sqltest.Mapping(t, texts))
	if len(want) != len(lines) || len(got) != len(lines) {
		t.Fatalf("%d and %d events of %d records", len(want), len(got), len(lines))
	}
	for n, w := range want {
		g := got[n]
		if a, b := said(w), said(g); a != b {
			t.Errorf("record %d:\nJSON %s\nSQL  %s", n, a, b)
		}
	}
}

// said is all that an event says. Of a rejected record only the reason means anything; files are named otherwise.
func said(e sqltest.Event) string {
	if e.Reason != nil {
		return fmt.Sprintf("%+v", *e.Reason)
	}
	e.Projection = ""
	return fmt.Sprintf("%+v", e)
}

// Contradictions between parts of a declarative mapping are reported at their place.
func TestDeclarativeContradictions(t *testing.T) {
	got := sqltest.Listed(sqltest.Diagnostics(t, declarative(t, peopleJSON)))
	for _, want := range []string{
		`d.json:22:102: warning: type_uid is not class_uid * 100 + activity_id: 400203 also where activity_id is 7, 99; your value is kept`,
		`d.json:25:80: warning: src_endpoint.port is read from $.deep.sport here and from $.sport in "http": is one of them a mistake?`,
		`d.json:11:47: warning: dst_endpoint.port is a number: the text "443" is read as a number`,
		`d.json:22:19: warning: severity is "High", but the OCSF text for severity_id 3 is "Medium": your text is kept`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
	if strings.Count(got, "type_uid is not") != 1 {
		t.Errorf("the enum of http says the same as activity_id:\n%s", got)
	}
	for text, want := range map[string]string{
		`"PUT": 400207}, "other": 400299`: `400207 for "PUT", where activity_id is 7`,
		`"other": 400299`:                 `for any other value, where activity_id is 99`,
	} {
		broken := strings.Replace(peopleJSON, text, strings.NewReplacer("400207", "400208", "400299", "400203").Replace(text), 1)
		want = strings.Replace(want, "400207", "400208", 1)
		if got := sqltest.Listed(sqltest.Diagnostics(t, declarative(t, broken))); !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
}
