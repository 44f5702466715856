package projection_test

import (
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

func logins(header, more string) map[string]string {
	return map[string]string{
		"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, "user" VARCHAR, app VARCHAR);`,
		"authentication.sql": header + `
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, "user" AS "user.name"` + more + `, 'P' AS "metadata.product.name", 'Acme' AS "metadata.product.vendor_name" FROM raw`,
	}
}

// From 1.3.0 on, an authentication must have one of two attributes. The header can let it lack them, in all records or in some.
func TestClassNeedsOneOf(t *testing.T) {
	line := `{"ts":"2025-06-01T00:00:00Z","user":"ada"}`
	said := sqltest.Listed(sqltest.Diagnostics(t, sqltest.Mapping(t, logins("-- class: authentication\n-- ocsf: 1.5.0", ""))))
	if !strings.Contains(said, "fill one of service, dst_endpoint, or add `-- without: service, dst_endpoint`") {
		t.Error(said)
	}
	for header, published := range map[string]bool{"": false, "\n-- without: service": false, "\n-- without: service, dst_endpoint": true} {
		for _, more := range []string{"", `, app AS "service.name"`} {
			m := sqltest.Mapping(t, logins("-- class: authentication\n-- ocsf: 1.5.0"+header, more))
			list := sqltest.Diagnostics(t, m)
			if list.Failed() != (more == "" && !published) {
				t.Errorf("%q %q: %s", header, more, sqltest.Listed(list))
			}
			if list.Failed() {
				continue
			}
			e := sqltest.Run(t, sqltest.Compile(t, m), nil, line)[0]
			if (e.Reason == nil) != published {
				t.Errorf("%q %q: %v", header, more, e.Reason)
			}
		}
	}
}

// A mapping can be compiled for another version than the one that it names.
func TestOtherVersion(t *testing.T) {
	m := sqltest.Mapping(t, logins("-- class: authentication\n-- ocsf: 1.1.0\n-- without: service, dst_endpoint", ""))
	for version, want := range map[string]string{"": "1.1.0", "1.8.0": "1.8.0"} {
		compiled := sqltest.Compile(t, m.WithOCSF(version))
		e := sqltest.Run(t, compiled, nil, `{"ts":"2025-06-01T00:00:00Z","user":"ada"}`)[0]
		if got := sqltest.Shown(t, e, "metadata.version"); got != `"`+want+`"` || compiled.Version != want {
			t.Errorf("%q: metadata.version is %s, compiled for %s", version, got, compiled.Version)
		}
	}
	m = sqltest.Mapping(t, logins("-- class: authentication\n-- ocsf: 1.9.0", ""))
	if said := sqltest.Listed(sqltest.Diagnostics(t, m)); !strings.Contains(said, `unknown OCSF version "1.9.0": use one of 1.0.0, 1.1.0, `) {
		t.Error(said)
	}
}
