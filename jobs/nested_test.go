package jobs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	validate "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.1"

	"github.com/silt-etl/silt/internal/report"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
)

// runMapping runs a mapping of texts over lines, and gives the lake's rows.
func (w *world) runMapping(files map[string]string, lines ...string) (*report.Summary, []map[string]any) {
	w.t.Helper()
	m, err := mappings.LoadFiles("test", files)
	if err != nil {
		w.t.Fatal(err)
	}
	w.spec.Source.Include = nil
	w.put("111122223333/network-firewall/flow/us-east-1/fw/2024/01/01/00/a.log", plain(strings.Join(lines, "\n")+"\n"))
	r := w.runner()
	r.Mapping = m
	sum, err := r.Run(w.t.Context(), jobs.RunOptions{Trigger: "ON_DEMAND"})
	if err != nil {
		w.t.Fatal(err)
	}
	return sum, w.published()
}

// TestNestedThroughTheLake: lists of objects go through writer, gate and catalog, and the third-party validator takes them.
func TestNestedThroughTheLake(t *testing.T) {
	w := newWorld(t)
	files := map[string]string{
		"raw.sql": `CREATE TABLE raw (ts TIMESTAMP, name VARCHAR, ip VARCHAR, rcode INTEGER, answers STRUCT(data VARCHAR, kind VARCHAR, ttl VARCHAR)[]);`,
		"dns_activity.sql": `-- class: dns_activity
-- profiles: datetime
-- consumes: answers = list_transform(answers, lambda a: {'data': a.rdata, 'kind': a.type, 'ttl': CAST(a.ttl AS VARCHAR)})
SELECT ts AS "time", ts AS time_dt, 2 AS activity_id, 1 AS severity_id, 'v' AS "metadata.product.vendor_name", 'p' AS "metadata.product.name",
  {'hostname': name, 'type': 'A'} AS query, {'ip': ip} AS src_endpoint, {'ip': '10.0.0.53'} AS dst_endpoint, rcode AS rcode_id,
  list_transform(answers, lambda a: {'rdata': a.data, 'type': a.kind, 'ttl': a.ttl}) AS answers,
  [{'name': 'query.hostname', 'type_id': 1, 'value': name}] AS observables
FROM raw`,
	}
	var lines []string
	for i := range 500 {
		answers := `[{"data":"192.0.2.` + fmt.Sprint(i%250) + `","kind":"A","ttl":"60"},{"data":"192.0.2.251","kind":"A"},{"kind":"A"}]`
		lines = append(lines, fmt.Sprintf(`{"ts":"2024-01-01T00:00:%02dZ","name":"h%d.example","ip":"10.0.0.1","rcode":%d,"answers":%s}`, i%60, i, i%3, answers[:len(answers)*(i%2)]+strings.Repeat("null", 1-i%2)))
	}
	sum, rows := w.runMapping(files, lines...)
	if sum.Records.Published != 500 || len(rows) != 500 {
		t.Fatalf("%+v, %d rows", sum.Records, len(rows))
	}
	with := 0
	for i, row := range rows {
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Validate("dns_activity", text); err != nil && !onlyUndeclared(t, "dns_activity", err, nil, nil) {
			t.Fatalf("row %d: %v\n%s", i, err, text)
		}
		if a, ok := row["answers"].([]any); ok {
			with++
			u, _ := row["unmapped"].(map[string]any)
			if len(a) != 2 || u["answers"] == nil {
				t.Fatalf("row %d: %s", i, text)
			}
		}
		if o := row["observables"].([]any)[0].(map[string]any); o["type"] != "Hostname" {
			t.Fatalf("row %d: %s", i, text)
		}
	}
	if with != 250 {
		t.Errorf("%d rows have answers", with)
	}
	table, err := w.runner().Catalog.Table(t.Context(), "amazon_security_lake_table_us_east_1_ext_network_firewall")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	if at := fmt.Sprint(rows[0]["time_dt"]); !strings.HasPrefix(at, "2024-01-01") {
		t.Errorf("time_dt is %s", at)
	}
	for _, c := range table.Columns {
		types[c.Name] = c.Type
	}
	if want := "array<struct<rdata:string,type:string,ttl:int>>"; types["answers"] != want {
		t.Errorf("answers is %s in the catalog, want %s", types["answers"], want)
	}
	if types["time_dt"] != "timestamp" {
		t.Errorf("time_dt is %s in the catalog", types["time_dt"])
	}
}
