package mappings_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqltest"
)

// TestBothForms: the mappings of Sysmon in SQL and in JSON give equal values wherever both give one, of every event that both take.
func TestBothForms(t *testing.T) {
	b, err := os.ReadFile("../testdata/windows-sysmon/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		var r struct{ EventId int }
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatal(err)
		}
		if slices.Contains([]int{1, 2, 5, 11, 23, 26}, r.EventId) {
			lines = append(lines, l)
		}
	}
	if len(lines) != 6 {
		t.Fatalf("%d events", len(lines))
	}
	in := map[string]map[int64]sqltest.Event{}
	for _, name := range []string{"windows-sysmon", "windows-sysmon.json"} {
		m, err := mappings.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		in[name] = map[int64]sqltest.Event{}
		for _, e := range sqltest.Run(t, sqltest.Compile(t, m), nil, lines...) {
			if e.Reason != nil {
				t.Errorf("%s, record %d: %v", name, e.Record, e.Reason)
			}
			in[name][e.Record] = e
		}
	}
	for record, s := range in["windows-sysmon"] {
		d, ok := in["windows-sysmon.json"][record]
		if !ok {
			t.Errorf("record %d: the JSON mapping has no event", record)
			continue
		}
		shared := 0
		for path, v := range d.Fields {
			if w, ok := s.Fields[path]; ok {
				shared++
				if !reflect.DeepEqual(v, w) {
					t.Errorf("record %d, %s: %v in JSON, %v in SQL", record, path, v, w)
				}
			} else {
				t.Errorf("record %d: SQL gives no %s, JSON gives %v", record, path, v)
			}
		}
		if shared < 25 {
			t.Errorf("record %d: only %d values are in both", record, shared)
		}
		for _, k := range []string{"rulename", "pid", "uid", "name", "user"} {
			if v, w := d.Unmapped[k], s.Unmapped[k]; v != w && v != "-" && w != "" { // a dash means "no value" in SQL
				t.Errorf("record %d, unmapped.%s: %q in JSON, %q in SQL", record, k, v, w)
			}
		}
		if s.Day != d.Day || s.Account != d.Account {
			t.Errorf("record %d goes elsewhere: %v %v in JSON, %v %v in SQL", record, d.Day, d.Account, s.Day, s.Account)
		}
	}
}
