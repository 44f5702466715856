package views_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/catalog"
	"github.com/silt-etl/silt/internal/engine"
	"github.com/silt-etl/silt/internal/render"
	"github.com/silt-etl/silt/internal/views"
)

// lakeTable is a table of a test's lake, with its rows as JSON.
type lakeTable struct {
	name, class string
	columns     string // NAME TYPE; NAME TYPE, with Glue's types
	rows        string // one JSON object a line
}

const (
	commonColumns = "class_uid int; time bigint; region string; accountid string; eventday string; "
	endpoints     = "src_endpoint struct<ip:string>; dst_endpoint struct<ip:string,port:int,hostname:string,location:struct<country:string>>; "
	flowColumns   = commonColumns + endpoints + "action_id int; disposition_id int; firewall_rule struct<uid:string,name:string>; traffic struct<bytes:bigint,packets:bigint>"
)

// ask runs a view over tables in DuckDB, and gives its rows as CSV, sorted.
func ask(t *testing.T, view, query string, tables ...lakeTable) string {
	t.Helper()
	v, err := views.Find(view)
	if err != nil {
		t.Fatal(err)
	}
	var setup []string
	var of []views.Table
	for _, table := range tables {
		structure := map[string]any{}
		one := views.Table{Source: table.name, Class: table.class, Database: "main", Name: table.name}
		for _, c := range strings.Split(table.columns, ";") {
			name, typ, _ := strings.Cut(strings.TrimSpace(c), " ")
			parsed, err := catalog.ParseType(typ)
			if err != nil {
				t.Fatal(err)
			}
			structure[name] = jsonStructure(parsed)
			one.Columns = append(one.Columns, catalog.Column{Name: name, Type: typ})
		}
		text, err := json.Marshal(structure)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, line := range strings.Split(strings.TrimSpace(table.rows), "\n") {
			rows = append(rows, engine.Literal(line))
		}
		setup = append(setup, fmt.Sprintf("CREATE TABLE main.%s AS SELECT unnest(json_transform(j, %s)) FROM (SELECT unnest([%s])::JSON AS j)",
			engine.Identifier(table.name), engine.Literal(string(text)), strings.Join(rows, ", ")))
		of = append(of, one)
	}
	sql, err := v.SQL(views.DuckDB, of)
	if err != nil {
		t.Fatal(err)
	}
	setup = append(setup, "CREATE VIEW main."+view+" AS "+sql)
	db, err := engine.OpenReader(engine.ReaderOptions{MemoryBytes: 512 << 20, Threads: 1, TempDir: t.TempDir(), Setup: setup})
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	defer db.Close()
	checkColumns(t, db, v)
	rows, err := db.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out bytes.Buffer
	if err := render.WriteCSV(&out, rows); err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(out.String(), "\n")
	return body
}

// checkColumns: the columns of the SELECT are those that the file's header declares, in order, with these types.
func checkColumns(t *testing.T, db *engine.DB, v *views.View) {
	t.Helper()
	rows, err := db.Query(t.Context(), "SELECT column_name || ' ' || column_type AS c FROM (DESCRIBE "+v.Name+")")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out bytes.Buffer
	if err := render.WriteCSV(&out, rows); err != nil {
		t.Fatal(err)
	}
	want := "c\n"
	for _, c := range v.Columns {
		want += c.Name + " " + c.Type.DuckDB() + "\n"
	}
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("%s: the columns differ from the header (-header +SELECT):\n%s", v.Name, d)
	}
}

// jsonStructure is a type as json_transform wants it.
func jsonStructure(typ catalog.Type) any {
	switch typ.Kind {
	case catalog.Struct:
		fields := map[string]any{}
		for _, f := range typ.Fields {
			fields[f.Name] = jsonStructure(f.Type)
		}
		return fields
	case catalog.Array:
		return []any{jsonStructure(*typ.Elem)}
	}
	return map[string]string{"string": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT"}[typ.Name]
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// flow is a row of network_activity, so many minutes after the begin of 2025-06-01.
func flow(minute int, rest string) string {
	return fmt.Sprintf(`{"class_uid":4001,"region":"us-east-1","accountid":"111122223333","eventday":"20250601","time":%d,%s}`+"\n",
		1748736000000+60000*int64(minute), rest)
}

// Two sources are counted apart, an address that is NULL is not a talker, and rows of other classes in the same table do not count.
func TestTopTalkers(t *testing.T) {
	east := lakeTable{"east", "network_activity", flowColumns,
		flow(1, `"src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"203.0.113.1"},"traffic":{"bytes":10}`) +
			flow(0, `"src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"203.0.113.2"},"traffic":null`) +
			flow(2, `"src_endpoint":null,"dst_endpoint":{"ip":"203.0.113.2"},"traffic":{"bytes":5}`) +
			`{"class_uid":4003,"src_endpoint":{"ip":"192.0.2.1"},"traffic":{"bytes":1000}}`}
	west := lakeTable{"west", "network_activity", commonColumns + endpoints + "device struct<hostname:string>", flow(3, `"src_endpoint":{"ip":"192.0.2.1"}`)}
	want(t, "top_talkers", ask(t, "top_talkers", "SELECT source, src_ip, events, bytes, packets, destinations, first_seen FROM top_talkers ORDER BY ALL", east, west), `
east,192.0.2.1,2,10,,2,2025-06-01T00:00:00
west,192.0.2.1,1,,,0,2025-06-01T00:03:00`)
}

// Denied and Blocked count, as either attribute says it. A flow that was allowed does not, and a rule can have no name.
func TestBlockedFlowsByRule(t *testing.T) {
	fw := lakeTable{"fw", "network_activity", flowColumns,
		flow(0, `"src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"203.0.113.1"},"action_id":2,"disposition_id":2,"firewall_rule":{"uid":"7","name":"a"}`) +
			flow(1, `"src_endpoint":{"ip":"192.0.2.2"},"dst_endpoint":{"ip":"203.0.113.1"},"action_id":null,"disposition_id":6,"firewall_rule":{"uid":"7","name":"a"}`) +
			flow(2, `"src_endpoint":{"ip":"192.0.2.2"},"action_id":2,"firewall_rule":null`) +
			flow(3, `"src_endpoint":{"ip":"192.0.2.2"},"action_id":1,"disposition_id":1,"firewall_rule":{"uid":"7","name":"a"}`)}
	want(t, "blocked_flows_by_rule", ask(t, "blocked_flows_by_rule", "SELECT rule_uid, rule_name, events, sources, destinations FROM blocked_flows_by_rule ORDER BY ALL", fw), `
7,a,2,2,1
,,1,1,0`)
}

// Allowed later counts, allowed earlier or at the same time does not; other ports, addresses, accounts and sources are other connections.
func TestDeniedThenAllowed(t *testing.T) {
	pair := `"src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"203.0.113.1","port":443},`
	fw := lakeTable{"fw", "network_activity", flowColumns,
		flow(0, pair+`"action_id":1`) + flow(5, pair+`"action_id":2`) + flow(6, pair+`"action_id":2`) + flow(7, pair+`"action_id":1`) + flow(9, pair+`"disposition_id":1`) +
			flow(9, pair+`"action_id":null`) +
			flow(5, `"src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"203.0.113.1","port":80},"action_id":2`) +
			flow(8, `"src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"203.0.113.1"},"action_id":2`) +
			flow(9, `"src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"203.0.113.1"},"action_id":1`)}
	other := lakeTable{"other", "network_activity", flowColumns, flow(9, `"src_endpoint":{"ip":"192.0.2.1"},"dst_endpoint":{"ip":"203.0.113.1","port":80},"action_id":1`)}
	want(t, "denied_then_allowed", ask(t, "denied_then_allowed", "SELECT source, dst_port, denied, first_denied, first_allowed, allowed FROM denied_then_allowed ORDER BY ALL", fw, other), `
fw,443,2,2025-06-01T00:05:00,2025-06-01T00:07:00,2
fw,,1,2025-06-01T00:08:00,2025-06-01T00:09:00,1`)
}

// Private, local, multicast and reserved addresses are inside, their neighbours outside. The first day is that of the account.
func TestNewExternalDestinations(t *testing.T) {
	rows := ""
	for _, ip := range []string{"10.1.1.1", "172.16.0.1", "172.31.255.1", "192.168.1.1", "127.0.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "0.0.0.0",
		"::1", "fe80::1", "FD00::1", "ff02::1", "9.1.1.1", "11.0.0.1", "172.2.0.1", "172.32.0.1", "172.160.0.1", "192.167.1.1", "22.4.1.1", "223.1.1.1", "2001:db8::1", "2001:DB8::1"} {
		rows += flow(1, fmt.Sprintf(`"src_endpoint":{"ip":"10.0.0.1"},"dst_endpoint":{"ip":%q}`, ip))
	}
	fw := lakeTable{"fw", "network_activity", flowColumns, rows +
		strings.ReplaceAll(flow(1, `"src_endpoint":{"ip":"10.0.0.1"},"dst_endpoint":{"ip":"9.1.1.1"}`), "20250601", "20250602") +
		strings.ReplaceAll(flow(1, `"src_endpoint":{"ip":"10.0.0.1"},"dst_endpoint":{"ip":"9.9.9.9"}`), "20250601", "20250602") +
		flow(1, `"src_endpoint":{"ip":"10.0.0.1"},"dst_endpoint":null`)}
	want(t, "addresses", ask(t, "new_external_destinations", "SELECT string_agg(dst_ip, ' ' ORDER BY dst_ip) AS a FROM new_external_destinations", fw),
		"11.0.0.1 172.160.0.1 172.2.0.1 172.32.0.1 192.167.1.1 2001:db8::1 22.4.1.1 223.1.1.1 9.1.1.1 9.9.9.9")
	want(t, "new", ask(t, "new_external_destinations", "SELECT dst_ip, first_day, events FROM new_external_destinations WHERE first_day > first_day_of_source", fw), "9.9.9.9,20250602,1")
}

// Only flows whose destination has a country count.
func TestBytesOutByCountry(t *testing.T) {
	fw := lakeTable{"fw", "network_activity", flowColumns,
		flow(0, `"src_endpoint":{"ip":"10.0.0.1"},"dst_endpoint":{"ip":"203.0.113.1","location":{"country":"NL"}},"traffic":{"bytes":10}`) +
			flow(1, `"src_endpoint":{"ip":"10.0.0.2"},"dst_endpoint":{"ip":"203.0.113.2","location":{"country":"NL"}},"traffic":{"bytes":5}`) +
			flow(2, `"src_endpoint":{"ip":"10.0.0.2"},"dst_endpoint":{"ip":"203.0.113.3","location":null},"traffic":{"bytes":5}`)}
	out := lakeTable{"out", "network_activity", commonColumns + endpoints + "traffic struct<bytes:bigint,bytes_out:bigint>",
		flow(0, `"src_endpoint":{"ip":"10.0.0.1"},"dst_endpoint":{"ip":"203.0.113.1","location":{"country":"NL"}},"traffic":{"bytes":10,"bytes_out":3}`)}
	want(t, "bytes_out_by_country", ask(t, "bytes_out_by_country", "SELECT source, country, bytes_out, events, sources, destinations FROM bytes_out_by_country ORDER BY ALL", fw, out), `
fw,NL,15,2,2,2
out,NL,3,1,1,1`)
}

// A parent is that of the actor, else that of the process; names are compared without case; ends do not count.
func TestRareParentChild(t *testing.T) {
	columns := commonColumns + "activity_id int; actor struct<process:struct<name:string>>; process struct<name:string,cmd_line:string,parent_process:struct<name:string>>; device struct<hostname:string>"
	start := func(minute int, rest string) string {
		return strings.ReplaceAll(flow(minute, rest), "4001", "1007")
	}
	rows := ""
	for i := range 11 {
		rows += start(i, `"activity_id":1,"actor":{"process":{"name":"explorer.exe"}},"process":{"name":"chrome.exe"},"device":{"hostname":"a"}`)
	}
	rows += start(20, `"activity_id":1,"actor":{"process":{"name":"WINWORD.EXE"}},"process":{"name":"cmd.exe","cmd_line":"cmd /c b"},"device":{"hostname":"a"}`) +
		start(21, `"activity_id":1,"actor":null,"process":{"name":"CMD.exe","cmd_line":"cmd /c a","parent_process":{"name":"winword.exe"}},"device":{"hostname":"b"}`) +
		start(21, `"activity_id":1,"actor":null,"process":{"name":"cmd.exe","cmd_line":"cmd /c c","parent_process":{"name":"winword.exe"}},"device":{"hostname":"b"}`) +
		start(22, `"activity_id":2,"actor":{"process":{"name":"winword.exe"}},"process":{"name":"cmd.exe"},"device":{"hostname":"c"}`) +
		start(23, `"activity_id":1,"actor":{"process":{"name":"explorer.exe"}},"process":{"name":"cmd.exe"},"device":{"hostname":"c"}`)
	want(t, "rare_parent_child", ask(t, "rare_parent_child", "SELECT parent, child, launches, hosts, parent_launches, child_launches, example FROM rare_parent_child ORDER BY ALL",
		lakeTable{"sysmon", "process_activity", columns, rows}), `
explorer.exe,cmd.exe,1,1,12,4,
winword.exe,cmd.exe,3,2,3,4,cmd /c a`)
}

// Only failures before the first success that follows a failure count.
func TestFailedThenSuccessfulLogins(t *testing.T) {
	columns := commonColumns + "activity_id int; status_id int; user struct<name:string,uid:string>; src_endpoint struct<ip:string>"
	login := func(minute, status int, user, ip string) string {
		return strings.ReplaceAll(flow(minute, fmt.Sprintf(`"activity_id":1,"status_id":%d,"user":{"name":%s},"src_endpoint":{"ip":%q}`, status, user, ip)), "4001", "3002")
	}
	rows := login(0, 1, `"ada"`, "192.0.2.1") + login(1, 2, `"ada"`, "192.0.2.2") + login(2, 2, `"ada"`, "192.0.2.3") + login(3, 1, `"ada"`, "192.0.2.3") +
		login(4, 2, `"ada"`, "192.0.2.3") + login(5, 1, `"ada"`, "192.0.2.9") +
		login(1, 1, `"bob"`, "192.0.2.1") + login(2, 2, `"bob"`, "192.0.2.1") + login(1, 2, "null", "192.0.2.1") + login(2, 1, "null", "192.0.2.1")
	want(t, "failed_then_successful_logins", ask(t, "failed_then_successful_logins",
		"SELECT user_name, failures, failed_addresses, first_failure, last_failure, success_at, success_ip FROM failed_then_successful_logins ORDER BY ALL",
		lakeTable{"okta", "authentication", columns, rows}), `
ada,2,2,2025-06-01T00:01:00,2025-06-01T00:02:00,2025-06-01T00:03:00,192.0.2.3`)
}

const findingColumns = commonColumns + "severity_id int; start_time bigint; end_time bigint; " +
	"finding_info struct<uid:string,title:string,attacks:array<struct<technique:struct<uid:string>>>>; " +
	"evidences array<struct<src_endpoint:struct<ip:string>,dst_endpoint:struct<ip:string>>>; resources array<struct<uid:string>>"

func finding(minute int, rest string) string {
	return strings.ReplaceAll(flow(minute, rest), "4001", "2004")
}

// Each technique of a list counts for each host; a list that is NULL or has NULLs counts for nothing.
func TestTechniquesByHostAndDay(t *testing.T) {
	duty := lakeTable{"guardduty", "detection_finding", findingColumns,
		finding(0, `"severity_id":4,"finding_info":{"attacks":[{"technique":{"uid":"T1059"}},{"technique":null},null]},"resources":[{"uid":"i-1"},{"uid":"i-2"}]`) +
			finding(1, `"severity_id":2,"finding_info":{"attacks":null},"resources":[{"uid":"i-1"}]`) +
			finding(2, `"severity_id":2,"finding_info":{"attacks":[{"technique":{"uid":"T1059"}}]},"resources":null`)}
	sysmon := lakeTable{"sysmon", "process_activity", commonColumns + "severity_id int; device struct<hostname:string>; attacks array<struct<technique:struct<uid:string>>>",
		strings.ReplaceAll(flow(3, `"severity_id":1,"device":{"hostname":"web"},"attacks":[{"technique":{"uid":"T1059"}}]`)+
			flow(4, `"severity_id":1,"device":{"hostname":"web"},"attacks":[]`), "4001", "1007")}
	want(t, "techniques_by_host_and_day", ask(t, "techniques_by_host_and_day",
		"SELECT source, host, technique, events, max_severity_id, first_seen FROM techniques_by_host_and_day ORDER BY ALL", duty, sysmon), `
guardduty,i-1,T1059,1,4,2025-06-01T00:00:00
guardduty,i-2,T1059,1,4,2025-06-01T00:00:00
sysmon,web,T1059,1,1,2025-06-01T00:03:00`)
}

// A flow counts once for an address, within an hour of the finding, on its day. A private address is compared within its account.
func TestFindingsWithFlows(t *testing.T) {
	duty := lakeTable{"guardduty", "detection_finding", findingColumns,
		finding(120, `"severity_id":4,"start_time":1748743200000,"end_time":null,"finding_info":{"uid":"f1","title":"Port scan","attacks":[{"technique":{"uid":"T1046"}},{"technique":{"uid":"T1595"}}]},`+
			`"evidences":[{"src_endpoint":{"ip":"203.0.113.9"},"dst_endpoint":{"ip":"10.0.0.5"}},{"src_endpoint":{"ip":"203.0.113.9"},"dst_endpoint":null}]`) +
			finding(125, `"severity_id":4,"finding_info":{"uid":"f1","title":"Port scan","attacks":null},"evidences":[{"src_endpoint":{"ip":"203.0.113.9"}}]`) +
			finding(120, `"severity_id":4,"finding_info":{"uid":"f2","title":"No address"},"evidences":null`)}
	other := func(s string) string { return strings.ReplaceAll(s, "111122223333", "444455556666") }
	fw := lakeTable{"fw", "network_activity", flowColumns,
		flow(60, `"src_endpoint":{"ip":"203.0.113.9"},"dst_endpoint":{"ip":"10.0.0.5","port":22},"action_id":2,"traffic":{"bytes":1}`) +
			flow(59, `"src_endpoint":{"ip":"203.0.113.9"},"dst_endpoint":{"ip":"10.0.0.6","port":22}`) +
			flow(186, `"src_endpoint":{"ip":"203.0.113.9"},"dst_endpoint":{"ip":"10.0.0.6","port":22}`) +
			other(flow(130, `"src_endpoint":{"ip":"203.0.113.9"},"dst_endpoint":{"ip":"10.0.0.7","port":22},"traffic":{"bytes":2}`)) +
			other(flow(130, `"src_endpoint":{"ip":"10.0.0.5"},"dst_endpoint":{"ip":"203.0.113.7","port":22}`)) +
			strings.ReplaceAll(flow(130, `"src_endpoint":{"ip":"203.0.113.9"},"dst_endpoint":{"ip":"10.0.0.8","port":22}`), "20250601", "20250602")}
	sysmon := lakeTable{"sysmon", "network_activity", flowColumns + "; device struct<hostname:string>; actor struct<process:struct<name:string>>; attacks array<struct<technique:struct<uid:string>>>",
		flow(121, `"src_endpoint":{"ip":"10.0.0.5"},"dst_endpoint":{"ip":"10.0.0.5","port":9},"device":{"hostname":"web"},"actor":{"process":{"name":"nc"}},"attacks":[{"technique":{"uid":"T1571"}}]`)}
	want(t, "findings_with_flows", ask(t, "findings_with_flows",
		"SELECT finding_uid, finding_techniques, ip, flow_source, flow_accountid, src_ip, dst_ip, host, process, flow_techniques, action_id, events, bytes FROM findings_with_flows ORDER BY ALL",
		duty, fw, sysmon), `
f1,"T1046, T1595",10.0.0.5,fw,111122223333,203.0.113.9,10.0.0.5,,,,2,1,1
f1,"T1046, T1595",10.0.0.5,sysmon,111122223333,10.0.0.5,10.0.0.5,web,nc,T1571,,1,
f1,"T1046, T1595",203.0.113.9,fw,111122223333,203.0.113.9,10.0.0.5,,,,2,1,1
f1,"T1046, T1595",203.0.113.9,fw,444455556666,203.0.113.9,10.0.0.7,,,,,1,2`)
}
