package mappings_test

import (
	"testing"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqltest"
)

// TestPathsThroughText: a declarative path that goes through a text reads what the text says: JSON, or lines of "Key: value".
func TestPathsThroughText(t *testing.T) {
	m, err := mappings.LoadFiles("m", map[string]string{"m.json": `{"custom_source_events": {
		"source_name": "m", "matched_field": "$.EventId", "timestamp": {"field": "$.Description.UtcTime", "format": "%Y-%m-%d %H:%M:%S.%f"},
		"ocsf_mapping": {"11": {"schema": "file_activity", "schema_mapping": {
			"metadata": {"product": {"name": "Sysmon", "vendor_name": "Microsoft"}, "version": "1.1.0"},
			"activity_id": 1, "severity_id": 1, "device": {"hostname": "$.ComputerName", "type_id": 0},
			"actor": {"process": {"name": "$.Description.Image"}}, "file": {"name": "$.Description.Target Name", "type_id": 1}}}}}}`})
	if err != nil {
		t.Fatal(err)
	}
	m.Origin = ""
	events := sqltest.Run(t, sqltest.Compile(t, m), nil,
		`{"EventId":11,"ComputerName":"h","Description":"File created:\r\nUtcTime: 2023-10-03 23:50:22.438\r\nImage: C:\\x.exe\r\nTarget Name: a b\r\nMore: m\r\n"}`,
		`{"EventId":11,"ComputerName":"h","Description":"{\"UtcTime\":\"2023-10-03 23:50:22.438\",\"Image\":\"C:\\\\x.exe\",\"Target Name\":\"a b\",\"More\":\"m\"}"}`,
		`{"EventId":11,"ComputerName":"h","Description":{"UtcTime":"2023-10-03 23:50:22.438","Image":"C:\\x.exe","Target Name":"a b","More":"m"}}`)
	if len(events) != 3 {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		if e.Reason != nil || e.Fields["actor.process.name"] != `C:\x.exe` || e.Fields["file.name"] != "a b" || e.Unmapped["Description.More"] != "m" {
			t.Errorf("record %d: %+v", e.Record, e)
		}
	}
	if events[0].Unmapped["Description.title"] != "File created" {
		t.Errorf("%v", events[0].Unmapped)
	}
}
