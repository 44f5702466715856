package mappings_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

func declarative(t testing.TB, text string) *mappings.Mapping {
	t.Helper()
	m, err := mappings.LoadFiles("d", map[string]string{"d.json": text})
	if err != nil {
		t.Fatal(err)
	}
	m.Origin = ""
	return m
}

// The JSON mapping says what the two tables of AWS's post say, value by value.
func TestDeclarativeNetworkFirewall(t *testing.T) {
	b, err := os.ReadFile("network-firewall.json")
	if err != nil {
		t.Fatal(err)
	}
	common := map[string]any{
		"app_name": "firewall", "activity_id": 6, "activity_name": "Traffic", "category_uid": 4, "category_name": "Network activity", "class_uid": 4001,
		"type_uid": 400106, "type_name": "Network Activity: Traffic", "class_name": "Network activity", "cloud.provider": "AWS", "metadata.profiles": []string{"cloud", "firewall"},
		"metadata.version": "1.1.0", "metadata.product.name": "AWS Network Firewall", "metadata.product.feature.name": "Firewall",
		"metadata.product.vendor_name": "AWS", "connection_info.protocol_name": "TCP", "connection_info.direction_id": 0, "connection_info.direction": "Unknown",
	}
	want := map[string]map[string]any{
		"alert": {"dst_endpoint.ip": "10.16.197.55", "dst_endpoint.port": 8883, "src_endpoint.ip": "10.16.197.56", "src_endpoint.port": 49157,
			"time": 1601074865598, "severity_id": 3, "severity": "High", "connection_info.uid": "1111111111111111"},
		"netflow": {"dst_endpoint.ip": "172.31.16.139", "dst_endpoint.port": 16463, "src_endpoint.ip": "45.129.33.153", "src_endpoint.port": 47047,
			"time": 1601587565007, "severity_id": 1, "severity": "Informational", "connection_info.uid": "1770453319291727", "connection_info.tcp_flags": 2,
			"start_time": 1601587504070, "end_time": 1601587504070, "traffic.bytes": 60, "traffic.packets": 1},
	}
	rest := map[string]map[string]any{
		"alert": {"alert.action": "allowed", "alert.signature_id": "2", "alert.rev": "0", "alert.signature": "", "alert.category": "",
			"availability_zone": "zone", "event.event_type": "alert", "event_timestamp": "1601074865"},
		"netflow": {"availability_zone": "us-east-1b", "event_type": "netflow", "netflow.age": "0", "netflow.min_ttl": "241", "netflow.max_ttl": "241",
			"tcp.syn": "true", "event_timestamp": "1601587565"},
	}
	m := declarative(t, string(b))
	check := func(what, projection string, m *mappings.Mapping) {
		events := sqltest.Run(t, sqltest.Compile(t, m), nil, sqltest.Samples()...)
		if len(events) != 2 {
			t.Fatalf("%s: %d events", what, len(events))
		}
		for _, e := range events {
			kind := map[int64]string{1: "netflow", 2: "alert"}[e.Record]
			if e.Projection != projection {
				t.Errorf("projection %s", e.Projection)
			}
			all := map[string]any{}
			for _, part := range []map[string]any{common, want[kind]} {
				for k, v := range part {
					all[k] = v
				}
			}
			sqltest.Same(t, what+" "+kind, e.Fields, all)
			sqltest.Same(t, what+" "+kind+" unmapped", e.Unmapped, rest[kind])
			if e.Reason != nil || e.Misses != nil {
				t.Errorf("%s %s: %v %v", what, kind, e.Reason, e.Misses)
			}
		}
	}
	check("json", "alert+netflow", m)

	// The SQL that `etl sql` prints is the same mapping.
	shown, diagnostics, err := m.Show(context.Background())
	if err != nil || len(shown) != 3 {
		t.Fatalf("%v %v", shown, err)
	}
	if got := sqltest.Listed(diagnostics); !strings.Contains(got, `OCSF 1.1.0 has no profile "firewall"`) || diagnostics.Failed() {
		t.Errorf("diagnostics:\n%s", got)
	}
	texts := map[string]string{}
	for _, f := range shown {
		texts[f.Path] = f.Text
	}
	check("sql", "network_activity_alert+network_activity_netflow", sqltest.Mapping(t, texts))
}

const looseJSON = `{"custom_source_events": {
  "source_name": "loose", "matched_field": "$.Id", "timestamp": {"field": "$.Utc", "format": "%Y-%m-%d %H:%M:%S.%f"},
  "ocsf_mapping": {
    "1": {"schema": "process_activity", "schema_mapping": {
      "metadata": {"profiles": "host, cloud", "version": "v1.1.0", "product": {"name": "S", "vendor_name": "V"}},
      "severity_id": "1",
      "activity_id": {"enum": {"evaluate": "$.Id", "values": {"1": 1, "5": 2}, "other": 99}},
      "actor": {"process": "$.Image"},
      "device": {"type_id": 6, "instance_uid": "$.key.Host"},
      "process": {"pid": "$.Pid", "uid": "$.Guid", "loaded_modules": "$.Module", "nmae": "$.Image", "user": "$.User"},
      "cloud": {"provider": "AWS"},
      "unmapped": {"rule": {"name": "$.Rule"}, "fixed": "f"}
    }},
    "9": {"schema": "process_activity", "schema_mapping": {
      "metadata": {"version": "1.1.0", "product": {"name": "S", "vendor_name": "V"}},
      "severity_id": 1, "activity_id": 1, "process": {"pid": "$.Pid"}, "actor": {"user": {"name": "$.User"}},
      "device": {"type_id": 6, "name": "$.Id"}, "start_time": "$.Utc"
    }}
  }}}`

func TestDeclarativeCoercions(t *testing.T) {
	m := declarative(t, looseJSON)
	diagnostics := sqltest.Diagnostics(t, m)
	got := sqltest.Listed(diagnostics)
	for _, w := range []string{
		`d.json:5:32: warning: metadata.profiles is a list: "host, cloud" is read as [host, cloud]`,
		`d.json:5:58: warning: metadata.version "v1.1.0" is read as "1.1.0"`,
		`d.json:6:22: warning: severity_id is a number: the text "1" is read as a number`,
		`d.json:8:28: warning: actor.process is an object (process): the value fills actor.process.name`,
		`process.loaded_modules is a list`,
		`process_activity in OCSF 1.1.0 has no attribute process.nmae: it goes to unmapped`,
	} {
		if !strings.Contains(got, w) {
			t.Errorf("want %q in:\n%s", w, got)
		}
	}
	line := `{"Id":1,"Utc":"2023-10-03 23:50:22.438","Image":"svc.exe","key":{"Host":"i-1"},"Pid":"1128","Guid":"{g}","Module":"m.dll","User":"NT\\u","Rule":"T1","More":[1,2]}`
	events := sqltest.Run(t, sqltest.Compile(t, m), nil, line, `{"Id":"9","Utc":"2023-10-03 23:50:22.438","Pid":"x"}`, `{"Id":9,"Utc":"nonsense","Pid":4,"User":"u"}`, `{"Id":2}`)
	byRecord := map[int64]sqltest.Event{}
	for _, e := range events {
		byRecord[e.Record] = e
	}
	e := byRecord[1]
	for path, want := range map[string]any{
		"time": 1696377022438, "severity_id": 1, "severity": "Informational", "activity_id": 1, "activity_name": "Launch", "type_uid": 100701,
		"actor.process.name": "svc.exe", "device.instance_uid": "i-1", "device.type_id": 6, "device.type": "Mobile", "process.pid": 1128, "process.uid": "{g}",
		"process.user.name": `NT\u`, "metadata.version": "1.1.0", "class_name": "Process Activity", "cloud.provider": "AWS",
	} {
		if path == "device.type" {
			continue // what the text is, is OCSF's affair
		}
		if fmt.Sprint(e.Fields[path]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", path, e.Fields[path], want)
		}
	}
	if b, ok := e.Fields["process.loaded_modules"].(interface{ MarshalJSON() ([]byte, error) }); !ok {
		t.Errorf("loaded_modules: %T", e.Fields["process.loaded_modules"])
	} else if text, _ := b.MarshalJSON(); string(text) != `["m.dll"]` {
		t.Errorf("loaded_modules: %s", text)
	}
	sqltest.Same(t, "unmapped", e.Unmapped, map[string]any{"rule.name": "T1", "fixed": "f", "process.nmae": "svc.exe", "Id": "1", "More": "[1,2]"})
	if r := byRecord[3].Reason; r == nil || r.Code != sqlgen.ReasonTimeUnreadable {
		t.Errorf("record 3: %v", r)
	}
	if r := byRecord[4].Reason; r == nil || r.Code != sqlgen.ReasonNoProjection {
		t.Errorf("record 4: %v", r)
	}
	if r := byRecord[2].Reason; r == nil || r.Code != sqlgen.ReasonMissingRequired {
		t.Errorf("record 2: %v", r)
	}
}

func TestEpochTimestamp(t *testing.T) {
	m := declarative(t, `{"custom_source_events": {"source_name": "e", "timestamp": {"field": "$.at", "format": "epoch"}, "ocsf_mapping": {"": {"schema": "network_activity",
	  "schema_mapping": {"severity_id": 1, "src_endpoint": {"ip": "$.s"}, "dst_endpoint": {"ip": "$.d"}, "metadata": {"product": {"name": "n", "vendor_name": "v"}}}}}}}`)
	for at, want := range map[string]int64{`"1601587565"`: 1601587565000, `1601587565.1239`: 1601587565124, `-1.5`: -1500} {
		kept := map[string]any{}
		if strings.Contains(at, ".") {
			kept["at"] = at // the event does not have all of its digits
		}
		e := sqltest.Run(t, sqltest.Compile(t, m), nil, `{"at":`+at+`,"s":"192.0.2.1","d":"192.0.2.2"}`)[0]
		if e.Time != want {
			t.Errorf("%s: time %v, want %d", at, e.Time, want)
		}
		sqltest.Same(t, at+": unmapped", e.Unmapped, kept)
	}
}

func TestDeclarativeErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{\n  \"custom_source_events\": {\n    \"source_name\" \"x\"\n  }\n}":    "d.json:3:19: error: not JSON",
		`{"custom_source_events": {"a": 1, "a": 2}}`:                             `d.json:1:35: error: not JSON: the key "a" appears twice`,
		`{"custom_source_events": {`:                                             "d.json:1:27: error: not JSON",
		strings.Repeat(`{"a":`, 100_000):                                         "d.json:1:641: error: not JSON: nested deeper than 128 levels",
		`[]`:                                                                     "custom_source_events is missing",
		`{"custom_source_events": {"source_name": "x"}}`:                         "ocsf_mapping is missing",
		strings.Replace(looseJSON, "process_activity", "process_activty", 1):     `d.json:4:5: error: OCSF 1.1.0 has no class "process_activty" (did you mean process_activity?)`,
		strings.Replace(looseJSON, "v1.1.0", "v7", 1):                            "this mapping uses OCSF 1.1.0, an earlier one 7",
		strings.Replace(looseJSON, `"$.Pid", "uid"`, `"$.a[0]", "uid"`, 1):       `"$.a[0]" is not a path of the raw record`,
		strings.Replace(looseJSON, `"values": {"1": 1`, `"values": {"1": 77`, 1): "d.json:7:31: error: activity_id: 77 is not a value of the enum",
	} {
		diagnostics := sqltest.Diagnostics(t, declarative(t, text))
		if got := sqltest.Listed(diagnostics); !diagnostics.Failed() || !strings.Contains(got, want) {
			t.Errorf("%.60s: want %q in:\n%s", text, want, got)
		}
	}
}

// Keys that say how records are read are those of raw.sql.
func TestDeclarativeEvents(t *testing.T) {
	text := strings.Replace(looseJSON, `{"custom_source_events": {`, `{"custom_source_events": {"events": "evidence", "other": 1, `, 1)
	got := sqltest.Listed(sqltest.Diagnostics(t, declarative(t, text)))
	for _, want := range []string{
		`warning: unknown key "events": it is ignored, because a JSON mapping cannot say how records are read (etl import FILE --save DIR writes the mapping as SQL: add`,
		"warning: unknown key \"other\": it is ignored\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
}
