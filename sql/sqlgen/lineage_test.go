package sqlgen_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/decode"
	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

// Lineage tells of each OCSF path what it is made of, in the author's words, whatever else stands in the text.
func TestLineage(t *testing.T) {
	m := sqltest.Mapping(t, map[string]string{
		"raw.sql":    `CREATE TABLE raw (ts TIMESTAMP, kind VARCHAR, a STRUCT(ip VARCHAR, "odd, name" VARCHAR), port INTEGER, note VARCHAR, more VARCHAR, "key" STRUCT(region VARCHAR));`,
		"macros.sql": "CREATE MACRO side(x) AS CASE WHEN x LIKE '10.%' THEN 1 ELSE 2 END;",
		"network_activity.sql": `-- class: network_activity
-- profiles: cloud
-- drop: kind = 'stats'
-- consumes: note
-- without: connection_info.boundary
SELECT -- a comment, with a comma AS "x"
  ts AS "time", /* AS "y", */ 6 AS activity_id,
  raw.a.ip AS "src_endpoint.ip",  -- it's quoted
  CASE WHEN note = 'from, where AS "z"'
       THEN upper(note)
       END AS "dst_endpoint.hostname",
  side(a.ip) AS "connection_info.direction_id",
  port::INTEGER AS "dst_endpoint.port",
  1 AS severity_id, key.region AS "cloud.region", 'AWS' AS "cloud.provider",
  'it''s' AS "metadata.product.name", 'V' AS "metadata.product.vendor_name",
  a."odd, name" AS "unmapped.odd"
FROM raw WHERE kind = 'flow -- not a comment' ;`})
	l := sqltest.Compile(t, m).Lineage
	if len(l) != 1 || l[0].File != "network_activity.sql" || l[0].Class != "network_activity" {
		t.Fatalf("%+v", l)
	}
	var got []string
	for _, c := range l[0].Columns {
		if c.Kind != sqlgen.LineageFilled {
			got = append(got, fmt.Sprintf("%s|%s|%s|%s|%s", c.Path, c.Type, c.Kind, strings.Join(c.Raw, " "), c.SQL))
		}
	}
	want := []string{
		`time|timestamp_t|field|ts|ts`,
		`activity_id|integer_t|constant||6`,
		`src_endpoint.ip|ip_t|field|a.ip|raw.a.ip`,
		`dst_endpoint.hostname|hostname_t|expression|note|CASE WHEN note = 'from, where AS "z"' THEN upper(note) END`,
		`connection_info.direction_id|integer_t|expression|a.ip|side(a.ip)`,
		`dst_endpoint.port|port_t|field|port|port::INTEGER`,
		`severity_id|integer_t|constant||1`,
		`cloud.region|string_t|field|key.region|key.region`,
		`cloud.provider|string_t|constant||'AWS'`,
		`metadata.product.name|string_t|constant||'it''s'`,
		`metadata.product.vendor_name|string_t|constant||'V'`,
		`unmapped.odd||field|a.odd, name|a."odd, name"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if l[0].Where != "kind = 'flow -- not a comment'" || !slices.Equal(l[0].Drops, []string{"kind = 'stats'"}) || !slices.Equal(l[0].Consumes, []string{"note"}) || !slices.Equal(l[0].Without, []string{"connection_info.boundary"}) {
		t.Errorf("%+v", l[0])
	}
	if !slices.Equal(l[0].Rest, []string{"kind", "more"}) {
		t.Errorf("to unmapped: %v", l[0].Rest)
	}
	filled := map[string]string{}
	for _, c := range l[0].Columns {
		if c.Kind == sqlgen.LineageFilled {
			filled[c.Path] = c.SQL
		}
	}
	for path, how := range map[string]string{"type_uid": "400106", "class_uid": "4001", "connection_info.direction": "the text of connection_info.direction_id", "metadata.profiles": "['cloud']", "severity": "'Informational'"} {
		if filled[path] != how {
			t.Errorf("%s is filled with %q, want %q", path, filled[path], how)
		}
	}
}

// What lineage calls fields to unmapped is what a record has there.
func TestLineageRestIsWhatUnmappedHas(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.NetworkFirewall(t))
	for _, e := range sqltest.Run(t, compiled, nil, sqltest.Samples()...) {
		for key := range e.Unmapped {
			read := slices.ContainsFunc(compiled.Scan.Leaves, func(l decode.Leaf) bool { return strings.Join(l.Path, ".") == key })
			if read && !slices.Contains(compiled.Lineage[0].Rest, key) {
				t.Errorf("record %d has %s in unmapped, which lineage does not say: %v", e.Record, key, compiled.Lineage[0].Rest)
			}
		}
	}
}
