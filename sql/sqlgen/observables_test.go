package sqlgen_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

func observed(t *testing.T, header, more string) *mappings.Mapping {
	t.Helper()
	return sqltest.Mapping(t, map[string]string{
		"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, began TIMESTAMP, src VARCHAR, port INTEGER, host VARCHAR, "user" VARCHAR, pid INTEGER, mail VARCHAR[], hashes VARCHAR[], ips VARCHAR[], seen TIMESTAMP);`,
		"process_activity.sql": "-- class: process_activity\n" + header + `
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, "user" AS "actor.user.name", 0 AS "device.type_id", src AS "device.ip", host AS "device.hostname", 'box' AS "device.name",
  'a' AS "process.name", pid AS "process.pid"` + more + `,
  'P' AS "metadata.product.name", 'Acme' AS "metadata.product.vendor_name" FROM raw`,
	})
}

func TestObservables(t *testing.T) {
	const line = `{"ts":"2025-06-01T00:00:00Z","src":"192.0.2.1","host":"web1","user":"ada","pid":7,"hashes":["cc","aa","cc",null,""]}`
	for version, want := range map[string][]string{
		"1.1.0": {
			"actor.user.name|4|User Name|ada", "device.ip|2|IP Address|192.0.2.1", "device.hostname|1|Hostname|web1", "process.name|9|Process Name|a",
			"process.file.hashes.value|8|Hash|aa", "process.file.hashes.value|8|Hash|cc",
			"actor.user|21|User|", "device|20|Endpoint|", "process|25|Process|", "process.file|24|File|", "process.file.hashes|30|Fingerprint|",
		},
		"1.5.0": {
			"actor.user.name|4|User Name|ada", "device.ip|2|IP Address|192.0.2.1", "device.hostname|1|Hostname|web1", "process.name|9|Process Name|a",
			"process.pid|15|Process ID|7", "process.file.path|45|File Path|x",
			"process.file.hashes.value|8|Hash|aa", "process.file.hashes.value|8|Hash|cc",
			"actor.user|21|User|", "device|20|Endpoint|", "process|25|Process|", "process.file|24|File|", "process.file.hashes|30|Fingerprint|",
		},
	} {
		more := `, 'x' AS "process.file.path", 1 AS "process.file.type_id", 'x' AS "process.file.name", list_transform(hashes, lambda h: {'algorithm_id': 3, 'value': h}) AS "process.file.hashes"`
		got := observables(t, observed(t, "-- profiles: host\n-- ocsf: "+version+"\n-- observables: auto", more), line)
		// a constant name of a file is an observable, too
		want = append(want[:len(want):len(want)], "process.file.name|7|File Name|x")
		if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", version, diff)
		}
	}
}

// What a record does not have is not in its list. An event without observables has no list.
func TestObservablesOfLittle(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{
		"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, src VARCHAR);`,
		"network_activity.sql": `-- class: network_activity
-- observables: auto
-- without: src_endpoint, dst_endpoint
SELECT ts AS "time", 6 AS activity_id, 1 AS severity_id, src AS "src_endpoint.ip", 'P' AS "metadata.product.name", 'Acme' AS "metadata.product.vendor_name" FROM raw`,
	})
	if got := observables(t, m, `{"ts":"2025-06-01T00:00:00Z"}`); len(got) != 0 {
		t.Errorf("%v", got)
	}
	want := []string{"src_endpoint.ip|2|IP Address|192.0.2.9", "src_endpoint|20|Endpoint|"}
	if diff := cmp.Diff(want, observables(t, m, `{"ts":"2025-06-01T00:00:00Z","src":"192.0.2.9"}`)); diff != "" {
		t.Error(diff)
	}
}

// The number is bounded, and unmapped says how many more there are.
func TestObservablesAreBounded(t *testing.T) {
	var mails []string
	for i := range 100 {
		mails = append(mails, fmt.Sprintf(`"u%03d@example.com"`, i))
	}
	m := sqltest.Mapping(t, map[string]string{
		"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, "to" VARCHAR[], who VARCHAR);`,
		"email_activity.sql": `-- class: email_activity
-- observables: auto
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, 0 AS direction_id, who AS "email.from", "to" AS "email.to", 'P' AS "metadata.product.name", 'Acme' AS "metadata.product.vendor_name" FROM raw`,
	})
	line := `{"ts":"2025-06-01T00:00:00Z","who":"ada@example.com","to":[` + strings.Join(mails, ",") + `]}`
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, line)[0]
	got := listed(e)
	// 1 sender, 100 recipients, the e-mail itself
	if len(got) != sqlgen.MaxObservables || got[0] != "email.from|5|Email Address|ada@example.com" || got[63] != "email.to|5|Email Address|u062@example.com" {
		t.Errorf("%d: %v", len(got), got)
	}
	if e.Unmapped["observables_omitted"] != "38" {
		t.Errorf("unmapped: %v", e.Unmapped)
	}
	e = sqltest.Run(t, sqltest.Compile(t, m), nil, `{"ts":"2025-06-01T00:00:00Z","who":"ada@example.com","to":["bob@example.com","bob@example.com"]}`)[0]
	if got := listed(e); len(got) != 3 || e.Unmapped["observables_omitted"] != "" {
		t.Errorf("%v %v", got, e.Unmapped)
	}
}

func TestObservablesTwice(t *testing.T) {
	m := observed(t, "-- profiles: host\n-- observables: auto", `, [{'name': 'x', 'type_id': 1, 'value': host}] AS observables`)
	if said := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(said, "process_activity.sql:3:17: error: observables is filled by a column and by the header") {
		t.Error(said)
	}
	m = observed(t, "-- profiles: host\n-- observables: all", "")
	if said := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(said, `observables is "all", and can only be auto`) {
		t.Error(said)
	}
}

// Without the line nothing changes.
func TestNoObservables(t *testing.T) {
	for _, p := range sqltest.Compile(t, observed(t, "-- profiles: host", "")).Projections {
		if strings.Contains(p.SQL, "IP Address") || strings.Contains(p.SQL, "observable") {
			t.Errorf("%s", p.SQL)
		}
	}
}

// With the profile datetime each time has a timestamp behind it; one that the mapping gives stays as it is.
func TestTimestamps(t *testing.T) {
	m := observed(t, "-- profiles: host, datetime", `, began AS start_time, ts AS start_time_dt, seen AS "process.created_time", 1704067200000 AS "end_time"`)
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, `{"ts":"2025-06-01T00:00:00.25Z","began":"2025-05-31T00:00:00Z","user":"ada"}`)[0]
	for path, want := range map[string]string{
		"time": "1748736000250", "time_dt": "1748736000250", "start_time": "1748649600000", "start_time_dt": "1748736000250",
		"end_time_dt": "1704067200000", "process.created_time_dt": "",
	} {
		if got := sqltest.Shown(t, e, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for _, p := range sqltest.Compile(t, observed(t, "-- profiles: host", "")).Projections {
		for _, c := range p.Schema.Columns {
			if strings.HasSuffix(c.Name, "_dt") {
				t.Errorf("%s without the profile", c.Name)
			}
		}
	}
}

func observables(t *testing.T, m *mappings.Mapping, line string) []string {
	t.Helper()
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, line)[0]
	if e.Reason != nil {
		t.Fatalf("%v", e.Reason)
	}
	return listed(e)
}

// Objects of lists have their timestamps too, written out or computed.
func TestTimestampsInLists(t *testing.T) {
	for _, list := range []string{
		`[{'title': t, 'cve': {'uid': t}, 'first_seen_time': seen}]`,
		`list_transform([t], lambda x: {'title': x, 'cve': {'uid': x}, 'first_seen_time': seen})`,
	} {
		m := sqltest.Mapping(t, map[string]string{
			"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, seen TIMESTAMP, t VARCHAR);`,
			"vulnerability_finding.sql": "-- class: vulnerability_finding\n-- profiles: datetime\n" + `SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, t AS "finding_info.title", t AS "finding_info.uid",
  ` + list + ` AS vulnerabilities, 'P' AS "metadata.product.name", 'Acme' AS "metadata.product.vendor_name" FROM raw`,
		})
		e := sqltest.Run(t, sqltest.Compile(t, m), nil, `{"ts":"2025-06-01T00:00:00Z","seen":"2025-05-31T00:00:00Z","t":"x"}`)[0]
		got := sqltest.Shown(t, e, "vulnerabilities")
		if !strings.Contains(got, `"first_seen_time":1748649600000,"first_seen_time_dt":1748649600000`) {
			t.Errorf("%s: %s", list, got)
		}
	}
}

// TestObservablesPage compiles the example of docs/mappings.md, and runs it.
func TestObservablesPage(t *testing.T) {
	blocks := sqltest.PageBlocks(t, "../../docs/mappings.md", "Observables")
	if len(blocks) != 4 {
		t.Fatalf("the section has %d blocks", len(blocks))
	}
	m := sqltest.Mapping(t, map[string]string{"raw.sql": blocks[0], "email_activity.sql": blocks[1]})
	var record, want bytes.Buffer
	if err := errors.Join(json.Compact(&record, []byte(blocks[2])), json.Compact(&want, []byte(blocks[3]))); err != nil {
		t.Fatal(err)
	}
	e := sqltest.Run(t, sqltest.Compile(t, m), nil, record.String())[0]
	if diff := cmp.Diff(want.String(), sqltest.Shown(t, e, "observables")); diff != "" || e.Reason != nil {
		t.Errorf("%v (-page +got):\n%s", e.Reason, diff)
	}
	if got := sqltest.Shown(t, e, "time_dt"); got != "1748765702000" {
		t.Errorf("time_dt is %s", got)
	}
}

// listed gives the observables of an event as name|type_id|type|value.
func listed(e sqltest.Event) (all []string) {
	b, err := json.Marshal(e.Fields["observables"])
	if err != nil {
		panic(err)
	}
	var list []struct {
		Name, Type, Value string
		TypeID            int `json:"type_id"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		panic(err)
	}
	for _, o := range list {
		all = append(all, fmt.Sprintf("%s|%d|%s|%s", o.Name, o.TypeID, o.Type, o.Value))
	}
	return all
}

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }
