package mappings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqltest"
)

const (
	assetsCSV = "network,owner,tier,since,until\n192.0.2.0/24,ada,2,2024-01-01,2025-01-01\n192.0.2.0/24,bob,1,2025-01-01,\n192.0.2.128/25,eve,3,2024-06-01,2024-07-01\n2001:db8::/32,six,1,,\n"
	usersCSV  = "site,user,name\nb,ada,Ada of B\na,ada,Ada of A\na,eve,\"a name that is longer than twelve bytes\"\n"
	portsCSV  = "first,last,service\n0,1023,well known\n1024,49151,registered\n"
)

// lookupMapping writes a mapping with lookups into a folder of its own.
func lookupMapping(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vpn")
	all := map[string]string{
		"raw.sql":            "-- lookup: assets by cidr network valid since..until\n-- lookup: ports by range first, last\n" + sqltest.SmallRaw,
		"macros.sql":         "CREATE MACRO owner_of(ip) AS lookup('assets', ip).owner;\nCREATE MACRO owned(ip) AS coalesce(owner_of(ip), 'nobody');",
		"lookups/assets.csv": assetsCSV, "../lookups/users.csv": usersCSV, "lookups/ports.csv": portsCSV,
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		if text == "" {
			continue
		}
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func loaded(t *testing.T, dir string) *mappings.Mapping {
	t.Helper()
	m, err := mappings.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A lookup gives the columns of the row that its keys have at the time of the record, or at another time, also in macros, lambdas,
// conditions and drop lines.
func TestLookups(t *testing.T) {
	dir := lookupMapping(t, map[string]string{"m.sql": sqltest.SmallHead + `-- lookup: users by equal site, user
-- drop: lookup('users', "group", tags[1]).name = 'Ada of B'
SELECT ` + sqltest.SmallBase + `,
  lookup('assets', name).owner AS "src_endpoint.uid",
  lookup('assets', name, ts - INTERVAL 1 YEAR).owner AS "unmapped.before",
  lookup('assets', name, '2024-06-15').Tier::INTEGER AS "unmapped.tier",
  owned(name) AS "unmapped.owned",
  lookup('users', "group", tags[1])['name'] AS "dst_endpoint.uid",
  list_transform(tags, lambda u: lookup('users', 'a', u).name) AS "observables_names",
  lookup('ports', n).service AS "dst_endpoint.svc_name",
  lookup('assets', name) IS NULL AS "unmapped.unknown"
FROM raw WHERE n < 50000 OR lookup('ports', n).service IS NOT NULL`})
	text, err := os.ReadFile(filepath.Join(dir, "m.sql"))
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), `AS "observables_names"`, `AS "metadata.labels"`, 1))
	if err := os.WriteFile(filepath.Join(dir, "m.sql"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	compiled := sqltest.Compile(t, loaded(t, dir))
	events := sqltest.Run(t, compiled, nil,
		`{"ts":"2025-03-01T00:00:00Z","name":"192.0.2.200","group":"a","tags":["ada","eve"],"n":443}`,
		`{"ts":"2024-06-30T23:59:59Z","name":"192.0.2.200","group":"a","tags":["eve"],"n":49152}`,
		`{"ts":"2024-07-01T00:00:00Z","name":"192.0.2.200","group":"c","tags":[],"n":1024}`,
		`{"ts":"2023-07-01T00:00:00Z","name":"192.0.2.200","n":-1}`,
		`{"ts":"2023-07-01T00:00:00Z","name":"2001:db8::7","n":1}`,
		`{"ts":"2023-07-01T00:00:00Z","name":"x","group":"b","tags":["ada"],"n":1}`,
		`{"ts":"2023-07-01T00:00:00Z","name":"x","n":50000}`)
	want := []map[string]string{
		{"owner": `"bob"`, "user": `"Ada of A"`, "labels": `["Ada of A","a name that is longer than twelve bytes"]`, "svc": `"well known"`, "before": "ada", "tier": "3", "owned": "bob", "unknown": "false"},
		{"owner": `"eve"`, "user": `"a name that is longer than twelve bytes"`, "labels": `["a name that is longer than twelve bytes"]`, "tier": "3", "owned": "eve", "unknown": "false"},
		{"owner": `"ada"`, "svc": `"registered"`, "tier": "3", "owned": "ada", "unknown": "false"},
		{"tier": "3", "owned": "nobody", "unknown": "true"},
		{"owner": `"six"`, "svc": `"well known"`, "before": "six", "tier": "1", "owned": "six", "unknown": "false"},
	}
	got := map[int64]map[string]string{}
	for _, e := range events {
		if e.Reason != nil {
			continue
		}
		row := map[string]string{}
		for name, path := range map[string]string{"owner": "src_endpoint.uid", "user": "dst_endpoint.uid", "labels": "metadata.labels", "svc": "dst_endpoint.svc_name"} {
			if v := sqltest.Shown(t, e, path); v != "" && v != "[]" {
				row[name] = v
			}
		}
		for _, name := range []string{"before", "tier", "owned", "unknown"} {
			if v := e.Unmapped[name]; v != "" {
				row[name] = v
			}
		}
		got[e.Record] = row
	}
	for i, w := range want {
		if diff := cmp.Diff(w, got[int64(i+1)]); diff != "" {
			t.Errorf("record %d (-want +got):\n%s", i+1, diff)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d events, want %d: %v", len(got), len(want), got)
	}
	if sql := compiled.Projections[0].SQL; strings.Contains(sql, "lookup('") {
		t.Error(sql)
	}
}

// The digest of a mapping changes with a file of a lookup that it declares, and with no other one.
func TestLookupDigest(t *testing.T) {
	dir := lookupMapping(t, map[string]string{"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + " FROM raw"})
	first := loaded(t, dir)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("../lookups/users.csv", "site,user,name\n")
	if again := loaded(t, dir); again.Digest != first.Digest {
		t.Error("a file that the mapping does not declare changes its digest")
	}
	write("lookups/ports.csv", portsCSV+"50000,50001,x\n")
	changed := loaded(t, dir)
	if changed.Digest == first.Digest {
		t.Error("a file that the mapping declares does not change its digest")
	}
	write("lookups/ports.csv", portsCSV)
	if again := loaded(t, dir); again.Digest != first.Digest {
		t.Error("the same files give another digest")
	}
	if _, _, err := changed.Compile(t.Context()); err == nil || !strings.Contains(err.Error(), "was changed while it was read") {
		t.Errorf("a file that changed after its digest was computed: %v", err)
	}
}

// Each mistake with a lookup is one line with its place and what to try.
func TestLookupDiagnostics(t *testing.T) {
	for expr, want := range map[string]string{
		"lookup('asets', name).owner":                     "the mapping does not declare a lookup \"asets\" (did you mean assets?",
		"lookup(name, name).owner":                        "the first argument of lookup must be the name of a lookup, in quotes (example: lookup('assets', src_ip).owner",
		"lookup('assets', name).onwer":                    "the lookup assets has no column onwer (did you mean owner?",
		"lookup('assets', name, ts, n).owner":             "the lookup assets is found by 1 values, but 3 are given (`-- lookup: assets by cidr network valid since..until`",
		"lookup('ports', n, ts).service":                  "the lookup ports is found by 1 values, but 2 are given (`-- lookup: ports by range first, last`",
		"lookup('ports', n)":                              "the lookup is used as a whole (name a column: lookup('ports', ...).first",
		"owner_of(ip := name)":                            "the macro owner_of has a lookup, so its body must take the place of the call, but this call is too complicated for that (call it with one value for each parameter, define it once, and give",
		"silt_lookup_ports(name)::VARCHAR":                "silt_lookup_ports cannot be used in a mapping (it is not on the list",
		"lookup('assets', nam).owner":                     "raw has no field nam (did you mean name?",
		"lookup('ports', lookup('port', n).last).service": "the mapping does not declare a lookup \"port\" (did you mean ports?",
	} {
		dir := lookupMapping(t, map[string]string{"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ",\n  " + expr + " AS app_name FROM raw"})
		got := sqltest.Listed(sqltest.Diagnostics(t, loaded(t, dir)))
		if !strings.Contains(got, "m.sql:3:") || !strings.Contains(got, want) {
			t.Errorf("%s:\n%s, want\n%s", expr, got, want)
		}
	}
	for line, want := range map[string]string{
		"assets":                               "a lookup line must say NAME by equal, cidr or range COLUMN (example: ",
		"assets by prefix network":             "a lookup cannot be by prefix (known: equal, cidr, range",
		"assets by cdir network":               "a lookup cannot be by cdir (did you mean cidr?",
		"assets by cidr network, owner":        "a lookup by cidr must name one column",
		"assets by range network":              "a lookup by range must name two columns",
		"Assets by equal network":              "\"Assets\" is not the name of a lookup (use a-z, 0-9 and _",
		"assets by cidr networks":              "lookup assets: networks: the file does not have this column of the `-- lookup:` line (name the column network",
		"assets by cidr owner":                 "lookup assets: owner: not a CIDR prefix (example: 192.0.2.0/24) or an address (correct the value",
		"assets by cidr network":               "lookup assets: network: the same key is on line 2 (remove one of the rows",
		"hosts by equal name":                  "the file of the lookup hosts was not found: looked for hosts.csv, .parquet, .mmdb in ",
		"ports by range last, first":           "the lookup ports is declared in another way in m.sql",
		"assets by cidr network valid a..tier": "lookup assets: a: the file does not have this column",
	} {
		dir := lookupMapping(t, map[string]string{"raw.sql": "-- lookup: " + line + "\n" + sqltest.SmallRaw, "macros.sql": "",
			"m.sql": "-- lookup: ports by range first, last\n" + sqltest.SmallHead + "SELECT " + sqltest.SmallBase + " FROM raw"})
		if got := sqltest.Listed(sqltest.Diagnostics(t, loaded(t, dir))); !strings.Contains(got, want) || strings.Contains(got, "ada") {
			t.Errorf("%s:\n%s, want\n%s", line, got, want)
		}
	}
	unread := lookupMapping(t, map[string]string{"raw.sql": "-- lookup: hosts by equal name\n" + sqltest.SmallRaw, "macros.sql": "",
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ", lookup('host', name).tier AS app_name FROM raw"})
	if got := sqltest.Listed(sqltest.Diagnostics(t, loaded(t, unread))); !strings.Contains(got, "did you mean hosts?") {
		t.Error(got)
	}
	// a lookup that cannot be read does not hide what else is wrong, and its values are not blamed
	for _, line := range []string{"hosts by equal name", "assets by cidr owner"} {
		name, _, _ := strings.Cut(line, " ")
		dir := lookupMapping(t, map[string]string{"raw.sql": "-- format: jsn\n-- lookup: " + line + "\n" + sqltest.SmallRaw, "macros.sql": "",
			"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + ", lookup('" + name + "', name).tier::INTEGER AS count, nam AS app_name FROM raw WHERE lookup('" + name + "', name) IS NOT NULL"})
		got := sqltest.Listed(sqltest.Diagnostics(t, loaded(t, dir)))
		for _, want := range []string{"lookup " + name, `unknown format "jsn"`, "raw has no field nam "} {
			if !strings.Contains(got, want) {
				t.Errorf("%s:\n%s, want %s", line, got, want)
			}
		}
		if n := strings.Count(got, "error: "); n != 3 {
			t.Errorf("%s: %d errors, want 3:\n%s", line, n, got)
		}
	}
	dir := lookupMapping(t, map[string]string{"m.sql": sqltest.SmallHead + "-- lokup: x by equal y\nSELECT " + sqltest.SmallBase + " FROM raw"})
	if got := sqltest.Listed(sqltest.Diagnostics(t, loaded(t, dir))); !strings.Contains(got, `unknown header key "lokup"; did you mean "lookup"?`) {
		t.Error(got)
	}
}

// The rule of a Sysmon event gives attacks with name, tactics and version from the ID of a technique alone.
func TestAttackOfRule(t *testing.T) {
	m, err := mappings.Load("windows-sysmon")
	if err != nil {
		t.Fatal(err)
	}
	compiled := sqltest.Compile(t, m)
	for rule, want := range map[string]string{
		"technique_id=T1070.006":                      `[{"tactics":[{"name":"Defense Evasion","uid":"TA0005"}],"technique":{"name":"Timestomp","uid":"T1070.006"},"version":"18.1"}]`,
		"technique_id=T1070.006,technique_name=Stomp": `[{"tactics":[{"name":"Defense Evasion","uid":"TA0005"}],"technique":{"name":"Stomp","uid":"T1070.006"},"version":"18.1"}]`,
		"technique_id=T9999":                          `[{"technique":{"uid":"T9999"}}]`,
		"-":                                           "",
	} {
		events := sqltest.Run(t, compiled, nil, `{"EventId":5,"Description":"Process terminated:\r\nRuleName: `+rule+`\r\nUtcTime: 2023-10-03 23:50:24.438\r\nProcessGuid: {78c8aea6-5a34-651b-012c-000000005f01}\r\nProcessId: 5120\r\nImage: C:\\a.exe\r\nUser: CORP\\a","LogName":"Microsoft-Windows-Sysmon/Operational","MachineName":"HOST-1","ProviderName":"Microsoft-Windows-Sysmon","TimeCreated":"2023-10-03T23:50:24.4412345Z"}`)
		found := 0
		for _, e := range events {
			if e.Reason != nil {
				continue
			}
			found++
			if got := sqltest.Shown(t, e, "attacks"); got != want {
				t.Errorf("%s: %s, want %s", rule, got, want)
			}
		}
		if found != 1 {
			t.Errorf("%s: %d events", rule, found)
		}
	}
}

// Of a column that no expression names, no values are kept in memory, except for a script that has all rows. A name that only an escape
// spells is reported, and never NULL.
func TestColumnsThatAreNeeded(t *testing.T) {
	files := map[string]string{
		"raw.sql":            "-- lookup: assets by cidr network\n" + sqltest.SmallRaw,
		"lookups/assets.csv": "network,owner,tier,site.city,room,spare\n192.0.2.0/24,ada,2,Berlin,7,x\n",
		"macros.sql":         "CREATE MACRO room_of(ip) AS lookup('assets', ip) .\n \"Room\";",
		"m.sql": sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `,
  lookup('assets', name)['owner'] AS "src_endpoint.uid", lookup('assets', name).site.city AS "src_endpoint.location.city", room_of(name) AS "unmapped.room" FROM raw`,
	}
	m := loaded(t, lookupMapping(t, files))
	kept := func() (names []string) {
		table := sqltest.Compile(t, m).Lookups[0]
		for i, c := range table.Columns() {
			if table.Kept(i) {
				names = append(names, c.Name)
			}
		}
		return names
	}
	if diff := cmp.Diff([]string{"owner", "site.city", "room"}, kept()); diff != "" {
		t.Error(diff)
	}
	script, _, err := m.Shell(t.Context())
	if err != nil || !strings.Contains(script, "'spare': 'x'") {
		t.Errorf("%v\n%s", err, script)
	}
	if diff := cmp.Diff([]string{"network", "owner", "tier", "site.city", "room", "spare"}, kept()); diff != "" {
		t.Error(diff)
	}
	files["m.sql"] = sqltest.SmallHead + "SELECT " + sqltest.SmallBase + `, lookup('assets', name)[e'\x74ier'] AS "src_endpoint.uid" FROM raw`
	if got, want := sqltest.Listed(sqltest.Diagnostics(t, loaded(t, lookupMapping(t, files)))), "the name of the column tier of the lookup assets is not spelled as in the file"; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}
