//go:build verify

package main_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"

	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/silt-etl/silt/internal/catalog/mototest"
	"github.com/silt-etl/silt/internal/catalog/trinotest"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
	"github.com/silt-etl/silt/internal/views"
)

// trinoJobs are the shipped sources that the test loads, with their samples of testdata.
var trinoJobs = []string{"network-firewall", "windows-sysmon", "guardduty"}

const trinoJob = `name: SOURCE
source: {staging: "s3://acme-staging/SOURCE/", format: json}
mapping: SOURCE
lake: {location: "s3://acme-lake", source_name: SOURCE, region: us-east-1, account_id: "111122223333"}
catalog: {type: glue, database: lake}
state: s3://acme-state/
event_days: {max_age: 10000d}
limits: {memory: 1GiB, max_quarantine_ratio: 1}
`

// What the samples of the three sources do not have: a login that fails and then succeeds, a flow to a country, one that is denied and
// then allowed, and one with the addresses of a finding of testdata/guardduty.
const trinoExtra = `{"ts":"2025-06-01T08:00:00Z","user":"ada","ok":false,"src":"192.0.2.7"}
{"ts":"2025-06-01T08:00:01.5Z","user":"ada","ok":true,"src":"192.0.2.8"}
{"ts":"2025-06-02T08:00:00Z","account":"444455556666","src":"192.0.2.9","dst":"203.0.113.5","country":"NL","bytes":7,"denied":true}
{"ts":"2025-06-02T08:00:01Z","account":"444455556666","src":"192.0.2.9","dst":"203.0.113.5","country":"NL","bytes":8,"denied":false}
{"ts":"2025-06-01T00:10:00Z","src":"10.0.4.17","dst":"203.0.113.77","bytes":5,"denied":false}
`

// TestVerifyTrino: Trino, which Athena is made of, reads what runs left in a lake on a real S3 server and a catalog on moto: as many rows in
// each partition as the ledger has, fields of structs, unmapped, old partitions of a table that has grown. Each view gives the same rows
// in Trino, from the text that is stored in Glue, as in DuckDB.
func TestVerifyTrino(t *testing.T) {
	j := newJudge(t)
	moto := mototest.Start(t)
	s3 := objstoretest.StartVersityGW(t)
	j.env = append(s3.Env(), "AWS_ENDPOINT_URL_GLUE="+moto, "AWS_ENDPOINT_URL_STS="+moto, "XDG_CACHE_HOME="+t.TempDir())
	trino := trinotest.Start(t, trinotest.Options{Glue: moto, S3: s3.Endpoint, Region: s3.Region, AccessKey: s3.AccessKey, SecretKey: s3.SecretKey})
	for _, b := range []string{"acme-staging", "acme-lake", "acme-state"} {
		j.tool("aws", "s3", "mb", "s3://"+b)
	}
	mototest.CreateDatabase(t, moto, "lake")
	jobs := []string{"extra.yaml"}
	for _, source := range trinoJobs {
		samples, err := filepath.Abs(filepath.Join("..", "..", "testdata", source))
		if err != nil {
			t.Fatal(err)
		}
		j.tool("aws", "s3", "cp", "--recursive", "--quiet", samples, "s3://acme-staging/"+source+"/")
		j.write(source+".yaml", strings.ReplaceAll(trinoJob, "SOURCE", source))
		jobs = append(jobs, source+".yaml")
	}
	j.write("extra/raw.sql", "CREATE TABLE raw (ts TIMESTAMP, account VARCHAR, \"user\" VARCHAR, ok BOOLEAN, src VARCHAR, dst VARCHAR, country VARCHAR, bytes BIGINT, denied BOOLEAN);")
	j.write("extra/authentication.sql", `-- class: authentication
SELECT ts AS "time", 1 AS activity_id, 1 AS severity_id, CASE WHEN ok THEN 1 ELSE 2 END AS status_id, "user" AS "user.name", src AS "src_endpoint.ip",
  'P' AS "metadata.product.name", 'Example' AS "metadata.product.vendor_name" FROM raw WHERE "user" IS NOT NULL`)
	flows := `-- class: network_activity
-- profiles: cloud, security_control
SELECT ts AS "time", 6 AS activity_id, 1 AS severity_id, account AS "cloud.account.uid", 'AWS' AS "cloud.provider", src AS "src_endpoint.ip",
  dst AS "dst_endpoint.ip", country AS "dst_endpoint.location.country", bytes AS "traffic.bytes", CASE WHEN denied THEN 2 ELSE 1 END AS action_id,EXTRA
  'P' AS "metadata.product.name", 'Example' AS "metadata.product.vendor_name" FROM raw WHERE "user" IS NULL`
	j.write("extra/network_activity.sql", strings.ReplaceAll(flows, "EXTRA", ""))
	j.write("extra/tests/one.yaml", "- name: a login\n  raw: {ts: \"2025-06-01T08:00:00Z\", user: ada, src: 192.0.2.7}\n  class: authentication\n  expect: {user.name: ada}\n")
	j.write("extra.jsonl", trinoExtra)
	j.tool("aws", "s3", "cp", "--quiet", filepath.Join(j.dir, "extra.jsonl"), "s3://acme-staging/extra/first.jsonl")
	j.write("extra.yaml", strings.ReplaceAll(strings.ReplaceAll(trinoJob, "mapping: SOURCE", "mapping: ./extra"), "SOURCE", "extra"))
	for _, job := range jobs {
		j.must("run", job)
	}

	// The mapping grows by a column and by a field of a struct. Old partitions answer together with the new one.
	const extraFlows = "amazon_security_lake_table_us_east_1_ext_extra_network_activity"
	j.write("extra/network_activity.sql", strings.ReplaceAll(flows, "EXTRA", ` 'new' AS message, 'web' AS "dst_endpoint.name",`))
	j.write("more.jsonl", `{"ts":"2025-06-03T08:00:00Z","account":"444455556666","src":"192.0.2.9","dst":"203.0.113.6","bytes":9}`+"\n")
	j.tool("aws", "s3", "cp", "--quiet", filepath.Join(j.dir, "more.jsonl"), "s3://acme-staging/extra/more.jsonl")
	j.must("run", "extra.yaml")
	grown := trino.Rows(t, "lake", `SELECT eventday, message, dst_endpoint.name, dst_endpoint.ip, dst_endpoint.location.country FROM `+extraFlows+` ORDER BY 1, 4, traffic.bytes`)
	wantRows(t, "a grown table", grown, "20250601|NULL|NULL|203.0.113.77|NULL\n20250602|NULL|NULL|203.0.113.5|NL\n20250602|NULL|NULL|203.0.113.5|NL\n20250603|new|web|203.0.113.6|NULL")

	// Rows of each partition: what the runs recorded, what DuckDB reads, what Trino reads.
	tables := trino.Rows(t, "lake", "SHOW TABLES")
	if len(tables) < 8 {
		t.Errorf("tables: %v", tables)
	}
	for _, job := range jobs {
		published := recordedRows(j, job)
		total := 0
		for _, row := range tables {
			table := row[0]
			if !strings.HasPrefix(table, "amazon_security_lake_table_us_east_1_ext_"+strings.ReplaceAll(strings.TrimSuffix(job, ".yaml"), "-", "_")) {
				continue
			}
			counts := "SELECT region, accountid, eventday, count(*) AS n FROM " + table + " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
			in := trino.Rows(t, "lake", counts)
			wantRows(t, table, in, fromCSV(t, j.must("query", "--job", job, "-o", "csv", counts)))
			for _, r := range in {
				var n int
				fmt.Sscan(r[3], &n)
				total += n
			}
		}
		if total != published || total == 0 {
			t.Errorf("%s: Trino reads %d rows, and the ledger has %d", job, total, published)
		}
	}

	// unmapped, and lists of structs
	const sysmon = "amazon_security_lake_table_us_east_1_ext_windows_sysmon_process_activity"
	for _, c := range [][2]string{
		{"SELECT element_at(unmapped, 'rulename') AS r, count(*) AS n FROM " + sysmon + " GROUP BY 1 ORDER BY 2, 1",
			"SELECT unmapped['rulename'] AS r, count(*) AS n FROM " + sysmon + " GROUP BY 1 ORDER BY 2, 1"},
		{"SELECT device.hostname AS h, process.file.name AS f, attacks[1].technique.uid AS a, metadata.product.vendor_name AS v FROM " + sysmon +
			" WHERE cardinality(attacks) > 0 ORDER BY 1, 2, 3", "SELECT device.hostname AS h, process.file.name AS f, attacks[1].technique.uid AS a, metadata.product.vendor_name AS v FROM " +
			sysmon + " WHERE len(attacks) > 0 ORDER BY 1, 2, 3"},
	} {
		wantRows(t, c[0], trino.Rows(t, "lake", c[0]), fromCSV(t, j.must("query", "--job", "windows-sysmon.yaml", "-o", "csv", c[1])))
	}

	// A condition on the day reads one partition: the files of the others are not opened.
	all := trino.Read(t, "lake", "SELECT max(time) FROM "+extraFlows)
	one := trino.Read(t, "lake", "SELECT max(time) FROM "+extraFlows+" WHERE eventday = '20250603'")
	if all.Rows != 4 || one.Rows != 1 || one.Splits >= all.Splits {
		t.Errorf("without a condition: %+v, with one: %+v", all, one)
	}

	// The views, from the text in Glue.
	j.must(append([]string{"views", "apply"}, jobs...)...)
	if again := j.must(append([]string{"views", "apply"}, jobs...)...); strings.Contains(again, "created") || strings.Contains(again, "updated") || strings.Contains(again, "left out") {
		t.Errorf("views that have not changed were written again:\n%s", again)
	}
	known, err := views.All()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"query", "-o", "csv"}
	for _, job := range jobs {
		args = append(args, "--job", job)
	}
	for _, v := range known {
		sql := "SELECT * FROM " + v.Name
		in, types := trino.Rows(t, "lake", sql), trino.Types(t, "lake", sql)
		var want []string
		for _, c := range v.Columns {
			want = append(want, c.Name+" "+c.Type.String())
		}
		if d := cmp.Diff(want, types); d != "" {
			t.Errorf("%s: the columns in Trino differ from the header:\n%s", v.Name, d)
		}
		if len(in) == 0 {
			t.Errorf("%s has no rows: nothing was compared", v.Name)
		}
		wantRows(t, v.Name, sortRows(in), sortLines(fromCSV(t, j.must(append(args, sql)...))))
	}
	if one := trino.Read(t, "lake", "SELECT * FROM top_talkers WHERE eventday = '20250603'"); one.Rows != 1 {
		t.Errorf("a view with a condition on the day read %d rows", one.Rows)
	}
}

// recordedRows is how many rows the runs of a job published, as etl bookmark has it from the ledger.
func recordedRows(j *judge, job string) int {
	j.t.Helper()
	var b struct{ Records struct{ Published int } }
	text := j.must("bookmark", "show", job, "-o", "json")
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		j.t.Fatalf("%v\n%s", err, text)
	}
	return b.Records.Published
}

// fromCSV is the body of CSV as wantRows wants it: times with a blank, NULL for an empty field.
func fromCSV(t *testing.T, text string) string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return lines(rows[1:])
}

func lines(rows [][]string) string {
	var out []string
	for _, r := range rows {
		for i, v := range r {
			if len(v) >= 19 && v[4] == '-' && (v[10] == 'T' || v[10] == ' ') {
				r[i] = strings.Replace(v, "T", " ", 1)
				if strings.Contains(v, ".") {
					r[i] = strings.TrimSuffix(strings.TrimRight(r[i], "0"), ".")
				}
			} else if v == "" {
				r[i] = "NULL"
			}
		}
		out = append(out, strings.Join(r, "|"))
	}
	return strings.Join(out, "\n")
}

func sortRows(rows [][]string) [][]string {
	slices.SortFunc(rows, func(a, b []string) int {
		return strings.Compare(lines([][]string{slices.Clone(a)}), lines([][]string{slices.Clone(b)}))
	})
	return rows
}

func sortLines(text string) string {
	all := strings.Split(text, "\n")
	slices.Sort(all)
	return strings.Join(all, "\n")
}

func wantRows(t *testing.T, what string, rows [][]string, want string) {
	t.Helper()
	if d := cmp.Diff(want, lines(rows)); d != "" {
		t.Errorf("%s (-want +Trino):\n%s", what, d)
	}
}
