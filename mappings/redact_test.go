package mappings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/decode/redact"
	"github.com/silt-etl/silt/sql/sqltest"
)

const hidingJSON = `{"custom_source_events": {"source_name": "e", "timestamp": {"field": "$.at", "format": "epoch"},
  "discard": ["$.token", "$.session.Secret"],
  "redact": {"$.user.mail": "hash", "$.key.card": "last4", "$.port": "mask", "$.s.deep": "mask"},
  "ocsf_mapping": {"": {"schema": "network_activity", "schema_mapping": {"severity_id": 1, "app_name": "$.user.mail",
    "src_endpoint": {"ip": "$.s", "hostname": "$.session.host"}, "dst_endpoint": {"ip": "$.d"}, "metadata": {"product": {"name": "n", "vendor_name": "v"}}}}}}}`

// TestDeclarativeHides: the keys discard and redact do what the comment lines do, also for fields that no mapping reads.
func TestDeclarativeHides(t *testing.T) {
	compiled := sqltest.Compile(t, declarative(t, hidingJSON))
	want := []redact.Rule{
		{Path: []string{"token"}, How: redact.Discard}, {Path: []string{"session", "Secret"}, How: redact.Discard},
		{Path: []string{"user", "mail"}, How: redact.Hash}, {Path: []string{"key", "card"}, How: redact.Last4},
		{Path: []string{"port"}, How: redact.Mask}, {Path: []string{"s", "deep"}, How: redact.Mask},
	}
	if diff := cmp.Diff(want, compiled.Scan.Redact); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	e := sqltest.Run(t, compiled, nil, `{"at":1,"s":"192.0.2.1","d":"192.0.2.2","token":"T","session":{"secret":"S","host":"h"},"key":{"card":"4111111111111111"},"port":80,"user":{"mail":"ada@example.com"}}`)[0]
	sqltest.Same(t, "unmapped", e.Unmapped, map[string]any{"key.card": "***1111", "port": "***"})
	if mail := e.Fields["app_name"]; len(mail.(string)) != 64 && mail != "***" { // sqltest may have no key
		t.Errorf("app_name %v", mail)
	}
}

func TestDeclarativeHidesErrors(t *testing.T) {
	const list = `["$.token", "$.session.Secret"]`
	for text, want := range map[string]string{
		strings.Replace(hidingJSON, list, `"$.token"`, 1):                 `d.json:2:14: error: discard must be a list of paths`,
		strings.Replace(hidingJSON, list, `["token"]`, 1):                 `d.json:2:15: error: "token" is not a path of the raw record`,
		strings.Replace(hidingJSON, list, `["$.d"]`, 1):                   `d.json:5:`,
		strings.Replace(hidingJSON, `"hash"`, `"hsah"`, 1):                `d.json:3:29: error: unknown way to redact: "hsah" (did you mean hash?)`,
		strings.Replace(hidingJSON, `"$.port"`, `"$.token"`, 1):           `d.json:3:60: error: another line says something else about token`,
		strings.Replace(hidingJSON, `{"$.user.mail"`, `[], "x": {"a"`, 1): `d.json:3:13: error: redact must be an object`,
	} {
		diagnostics := sqltest.Diagnostics(t, declarative(t, text))
		if got := sqltest.Listed(diagnostics); !diagnostics.Failed() || !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
}
