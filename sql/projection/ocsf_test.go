package projection_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/sql/sqltest"
)

// Events that are OCSF already: a column for each object, by name; what OCSF does not have, or does not fit, is in unmapped.
func TestReadyOCSF(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{"raw.sql": `CREATE TABLE raw (
  activity_id INTEGER, activity_name VARCHAR, class_uid INTEGER, category_uid INTEGER, class_name VARCHAR, type_uid BIGINT, "time" BIGINT, severity_id INTEGER, status_id INTEGER,
  metadata STRUCT(version VARCHAR, profiles VARCHAR[], uid VARCHAR, product STRUCT(name VARCHAR, vendor_name VARCHAR, home VARCHAR)),
  "user" STRUCT(name VARCHAR, uid VARCHAR, type_id INTEGER, groups STRUCT(name VARCHAR, uid VARCHAR)[], nick VARCHAR),
  src_endpoint STRUCT(ip VARCHAR, port INTEGER, location STRUCT(city VARCHAR, coordinates DOUBLE[])),
  dst_endpoint STRUCT(hostname VARCHAR),
  observables STRUCT(name VARCHAR, "type" VARCHAR, type_id INTEGER, value VARCHAR)[]);`,
		"authentication.sql": `-- class: authentication
SELECT activity_id, activity_name, class_uid, category_uid, class_name, type_uid, "time", severity_id, status_id, metadata, raw."user", src_endpoint, dst_endpoint, observables AS observables FROM raw`})
	compiled := sqltest.Compile(t, m)
	const event = `{"activity_id":1,"activity_name":"Logon","class_uid":3002,"category_uid":3,"class_name":"Authentication","type_uid":300201,"time":1704067200000,"severity_id":1,"status_id":1,
"metadata":{"version":"1.1.0","uid":"e1","product":{"name":"App","vendor_name":"Acme","home":"https://app"}},
"user":{"name":"ada","uid":"7","type_id":1,"groups":[{"name":"ops","uid":"g1"},{"uid":"g2"}],"nick":"a"},
"src_endpoint":{"ip":"192.0.2.1","port":443,"location":{"city":"Bonn","coordinates":[7.1,50.7]},"zone":"x"},"dst_endpoint":{"hostname":"app"},
"observables":[{"name":"user.name","type":"User Name","type_id":4,"value":"ada"}],"app_id":9}`
	line := strings.ReplaceAll(event, "\n", "")
	e := sqltest.Run(t, compiled, nil, line)[0]
	if e.Reason != nil || len(e.Misses) > 0 {
		t.Fatalf("%v %v", e.Reason, e.Misses)
	}
	for path, want := range map[string]string{"class_uid": "3002", "user.name": `"ada"`, "user.groups": `[{"name":"ops","uid":"g1"},{"uid":"g2"}]`, "user.type": `"User"`,
		"observables": `[{"name":"user.name","type":"User Name","type_id":4,"value":"ada"}]`, "src_endpoint.location.coordinates": "[7.1,50.7]", "metadata.product.name": `"App"`, "status": `"Success"`} {
		if got := sqltest.Shown(t, e, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	sqltest.Same(t, "unmapped", e.Unmapped, map[string]any{"metadata.product.home": "https://app", "user.nick": "a", "src_endpoint.zone": "x", "app_id": "9"})
	// another class or version than the mapping's
	e = sqltest.Run(t, compiled, nil, strings.NewReplacer(`"class_uid":3002`, `"class_uid":3001`, `"1.1.0"`, `"1.0.0-rc.2"`).Replace(line))[0]
	want := []string{"3002", "1.1.0", "3001", "1.0.0-rc.2"}
	if diff := cmp.Diff(want, []string{fmt.Sprint(e.Fields["class_uid"]), fmt.Sprint(e.Fields["metadata.version"]), e.Unmapped["class_uid"], e.Unmapped["metadata.version"]}); diff != "" || len(e.Misses) != 2 {
		t.Errorf("class and version, and both in unmapped (-want +got); %d misses, want 2:\n%s", len(e.Misses), diff)
	}
}
