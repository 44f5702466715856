package projection_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/sql/sqltest"
)

// Diagnostics are at the place that their author has to change, and all of them are reported at once.
func TestDiagnosticPlaces(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": `-- class: network_activity
-- profiles: cloude
-- consumes: nmae
SELECT
  ts AS "time",
  ev.b.x AS app_name,
  name AS "src_endpoint.ipp",
  é AS "dst_endpoint.ip",
  random() AS message
FROM raw
`})
	want := []string{
		`m.sql:2:14: error: OCSF 1.1.0 has no profile "cloude" (did you mean cloud?)`,
		`m.sql:6:3: error: raw has no field ev.b.x (did you mean ev.b.c?)`,
		`m.sql:8:3: error: raw has no field é`,
		`m.sql:9:3: error: random cannot be used in a mapping`,
		`m.sql:3:14: error: raw has no field nmae (did you mean name?)`,
	}
	got := sqltest.Listed(sqltest.Diagnostics(t, m))
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("want %q in:\n%s", w, got)
		}
	}
}

func TestDiagnostics(t *testing.T) {
	for _, c := range []struct{ name, more, tail, want string }{
		{"unknown path", `name AS "src_endpoint.prot"`, "", `m.sql:3:9: error: network_activity in OCSF 1.1.0 has no attribute src_endpoint.prot (did you mean src_endpoint.port?)`},
		{"profile", `name AS "cloud.region"`, "", "m.sql:3:9: error: cloud.region belongs to the profile cloud (add `-- profiles: cloud` to the header)"},
		{"object", `name AS "src_endpoint"`, "", "m.sql:3:1: error: src_endpoint: the attribute is an object (network_endpoint), but the value is a single VARCHAR"},
		{"array", `name AS "metadata.labels"`, "", "m.sql:3:1: error: metadata.labels: the attribute is an array, but the value is a single VARCHAR (wrap the value in a list: [value])"},
		{"enum", `7 AS status_id`, "", "m.sql:3:1: error: status_id: 7 is not a value of the enum (0 Unknown, 1 Success, 2 Failure, 99 Other)"},
		{"enum in CASE", `CASE name WHEN 'a' THEN 1 ELSE 44 END AS status_id`, "", "m.sql:3:32: error: status_id: 44 is not a value of the enum"},
		{"literal", `'abc' AS "src_endpoint.port"`, "", "abc is not a whole number (port_t)"},
		{"range", `70000 AS "src_endpoint.port"`, "", "70000 is outside 0 to 65535"},
		{"fraction", `1.5 AS "src_endpoint.port"`, "", "1.5 is not a whole number"},
		{"twice", `name AS "src_endpoint.name"`, "", "src_endpoint.name is filled twice"},
		{"no alias", `name`, "", "m.sql:3:1: error: the column has no OCSF path"},
		{"type", `yes AS "traffic.bytes"`, "", "traffic.bytes: a value of type BOOLEAN cannot become long_t"},
		{"bind", `substr(n, n, n, n) AS app_name`, "", "m.sql:3:1: error:"},
		{"object without its required", `name AS "tls.sni"`, "", "OCSF 1.1.0 requires tls.version, but no column fills it"},
		{"object without one of", `name AS "url.hostname"`, "", "url must have at least one of its main attributes"},
		{"class", `4002 AS class_uid`, "", "class_uid"},
		{"version", `'1.2.0' AS "metadata.version"`, "", "metadata.version is not 1.1.0, the version of the mapping"},
		{"type_uid", `400102 AS type_uid`, "", "type_uid is 400102, but class_uid * 100 + activity_id is 400101"},
		{"unmapped whole", `name AS unmapped`, "", `AS "unmapped.name"`},
		{"condition", ``, "WHERE name", "a condition must be BOOLEAN, but this is VARCHAR"},
		{"date time", `ts AS "start_time_dt"`, "", "start_time_dt belongs to the profile datetime"},
		{"date that is none", `'soon' AS start_time`, "", "'soon' is not a time"},
		{"key of an object of any keys", `name AS "metadata.extension.uid", name AS "src_endpoint.owner.xattributes.k"`, "", "no attribute src_endpoint.owner.xattributes.k"},
	} {
		diagnostics := sqltest.Diagnostics(t, sqltest.SmallMapping(t, c.more, c.tail))
		if got := sqltest.Listed(diagnostics); !diagnostics.Failed() || !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q in:\n%s", c.name, c.want, got)
		}
	}
	for _, c := range []struct{ sql, want string }{
		{"SELECT 1 AS x FROM raw", "m.sql:1:1: error: the header does not name a class"},
		{"-- class: network_activty\nSELECT 1 AS x FROM raw", "m.sql:1:11: error: OCSF 1.1.0 has no class \"network_activty\" (did you mean network_activity?)"},
		{"-- class: network_activity\n-- ocsf: 9.9.9\nSELECT 1 AS x FROM raw", "m.sql:2:10: error: unknown OCSF version"},
		{"-- class: network_activity\n-- profile: cloud\nSELECT 1 AS severity_id FROM raw", "did you mean \"profiles\"?"},
		{sqltest.SmallHead + "SELECT 1 AS severity_id FROM raw", "OCSF 1.1.0 requires time, but no column fills it"},
		{sqltest.SmallHead + "SELECT FROM raw", "m.sql: error: SELECT clause without selection list"},
		{sqltest.SmallHead + "SELECT name AS app_name FRM raw", "m.sql:2:25: error: syntax error"},
	} {
		m := sqltest.Mapping(t, map[string]string{"raw.sql": sqltest.SmallRaw, "m.sql": c.sql})
		if got := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q in:\n%s", c.sql, c.want, got)
		}
	}
	m := sqltest.Mapping(t, map[string]string{"raw.sql": "CREATE TABLE raw (\n  a VARCHARR)", "m.sql": "SELECT 1"})
	if got := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(got, "raw.sql") || !strings.Contains(got, "VARCHARR") {
		t.Errorf("raw.sql: %s", got)
	}
}

// No event is without a time: its partition is its day. A header that leaves it out is reported, and does not end the compiler.
func TestTimeCannotBeLeftOut(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{"raw.sql": "CREATE TABLE raw (a VARCHAR)", "base_event.sql": "-- class: base_event\n-- without: time\nSELECT 1 AS severity_id, 'p' AS \"metadata.product.name\", 'v' AS \"metadata.product.vendor_name\" FROM raw"})
	if got := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(got, "error: OCSF 1.1.0 requires time, but no column fills it") {
		t.Errorf("%s", got)
	}
}

// TestMistakesAreToldAlone: a wrong raw field brings no complaint about what is right, names in unmapped among it.
func TestMistakesAreToldAlone(t *testing.T) {
	m := sqltest.SmallMapping(t, `ev.nope AS "src_endpoint.hostname", name AS "dst_endpoint.nmae", n AS "unmapped.number", big AS "unmapped.deep.name"`, "")
	var codes []diag.Code
	for _, p := range sqltest.Diagnostics(t, m) {
		if p.Severity == diag.Error {
			codes = append(codes, p.Code)
		}
	}
	if !slices.Equal(codes, []diag.Code{diag.UnknownField, diag.UnknownPath}) {
		t.Errorf("%v:\n%s", codes, sqltest.Listed(sqltest.Diagnostics(t, m)))
	}
}

func TestNestedDiagnostics(t *testing.T) {
	for sql, want := range map[string]string{
		`[{'algorithm_id': 3, 'vlaue': sha256}] AS "process.file.hashes"`:                                      "m.sql:4:",
		`[{'algorithm_id': 3, 'vlue': sha256, 'value': md5}] AS "process.file.hashes"`:                         "did you mean value?",
		`[{'algorithm_id': 33, 'value': sha256}] AS "process.file.hashes"`:                                     "33 is not a value of the enum",
		`[{'algorithm_id': 3}] AS "process.file.hashes"`:                                                       "requires process.file.hashes.value",
		`list_transform([md5], lambda m: {'algorithm_id': 3}) AS "process.file.hashes"`:                        "requires process.file.hashes.value",
		`list_transform([md5], lambda m: {'algorithm_id': 33, 'value': m}) AS "process.file.hashes"`:           "33 is not a value of the enum",
		`list_transform([md5], lambda m: {'algorithm_id': 3, 'valu': m, 'value': m}) AS "process.file.hashes"`: "did you mean value?",
		`{'algorithm_id': 3, 'value': md5} AS "process.file.hashes"`:                                           "is an array of fingerprint",
		`md5 AS "process.file.hashes"`:                                                                         "is an array of fingerprint",
		`md5 AS "process.file.owner"`:                                                                          "is an object (user)",
		`md5 AS "process.file.hashes.value"`:                                                                   `write [{'value': value}] AS "process.file.hashes"`,
		`{'name': md5, 'nme': md5} AS "process.file.owner"`:                                                    "process.file.owner.nme",
		`{'name': md5} AS "process.file.owner", md5 AS "process.file.owner.name"`:                              "filled twice",
		`host AS "process.file.owner"`:                                                                         "no field of host is an attribute of user",
	} {
		diagnostics := sqltest.Diagnostics(t, sqltest.ProcessMapping(t, "", ", "+sql))
		if got := sqltest.Listed(diagnostics); !diagnostics.Failed() || !strings.Contains(got, want) {
			t.Errorf("%s: want %q in:\n%s", sql, want, got)
		}
	}
}

// TestMistakesOfEachFile: a mistake in one file does not hide those that a later step finds in other files, and a mistake in raw.sql is
// reported without what follows from it.
func TestMistakesOfEachFile(t *testing.T) {
	const common = `ts AS "time", 1 AS activity_id, 1 AS severity_id, 'p' AS "metadata.product.name", 'v' AS "metadata.product.vendor_name"`
	files := map[string]string{
		"raw.sql":   "CREATE TABLE raw (ts TIMESTAMP, who VARCHAR, n INTEGER, spare VARCHAR);",
		"read.sql":  "-- class: authentication\n-- consumes: spare\nSELECT " + common + ` , who AS "user.name", 'h' AS "dst_endpoint.hostname" FROM raw WHERE n = 1`,
		"type.sql":  "-- class: authentication\nSELECT " + common + `, who AS "user.name", substr(n, n, n, n) AS message FROM raw WHERE n = 2`,
		"place.sql": "-- class: authentication\nSELECT " + common + `, who AS "user.name", 'h' AS "device.hostname" FROM raw WHERE n = 3`,
		"need.sql":  "-- class: process_activity\nSELECT " + common + `, who AS "process.name" FROM raw WHERE n = 4`,
		"back.sql":  "-- class: authentication\n-- consumes: n = nothing\nSELECT " + common + `, who AS "user.name" FROM raw WHERE n = 5`,
		"good.sql":  "-- class: authentication\nSELECT " + common + `, who AS "user.name" FROM raw WHERE n = 6`,
	}
	var got []string
	for _, d := range sqltest.Diagnostics(t, sqltest.Mapping(t, files)) {
		if d.Severity == diag.Error {
			got = append(got, d.String())
		}
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{"read.sql:2:14: error: no column reads spare", "type.sql:2:", "place.sql:2:", "need.sql: error: OCSF 1.1.0 requires actor", "back.sql:2:"} {
		if !strings.Contains(all, want) {
			t.Errorf("want %q in:\n%s", want, all)
		}
	}
	if strings.Contains(all, "good.sql") {
		t.Errorf("good.sql has no mistake:\n%s", all)
	}
	files["raw.sql"] = "-- format: nothing\n" + files["raw.sql"]
	got = nil
	for _, d := range sqltest.Diagnostics(t, sqltest.Mapping(t, files)) {
		if d.Severity == diag.Error {
			got = append(got, d.File)
		}
	}
	if !slices.Contains(got, "raw.sql") || slices.Contains(got, "need.sql") {
		t.Errorf("with a mistake in raw.sql: %v", got)
	}
}
