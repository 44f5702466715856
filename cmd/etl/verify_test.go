//go:build verify

package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/catalog/mototest"
	"github.com/silt-etl/silt/internal/objstore/objstoretest"
)

const (
	verifyDatabase = "amazon_security_lake_glue_db_us_east_1"
	verifyTable    = "amazon_security_lake_table_us_east_1_ext_network_firewall"
	verifyEvents   = 20000
)

// The two samples of Network Firewall's documentation, and records that hold what the generator never writes: arrays, nulls,
// nested and unknown fields, numbers as odd as JSON allows, a port that is none, tls without its version, another offset.
const verifyRecords = `{"firewall_name":"firewall","availability_zone":"us-east-1b","event_timestamp":"1601587565","event":{"timestamp":"2020-10-01T21:26:05.007515+0000","flow_id":1770453319291727,"event_type":"netflow","src_ip":"45.129.33.153","src_port":47047,"dest_ip":"172.31.16.139","dest_port":16463,"proto":"TCP","netflow":{"pkts":1,"bytes":60,"start":"2020-10-01T21:25:04.070479+0000","end":"2020-10-01T21:25:04.070479+0000","age":0,"min_ttl":241,"max_ttl":241},"tcp":{"tcp_flags":"02","syn":true}}}
{"firewall_name":"firewall","availability_zone":"zone","event_timestamp":"1601074865","event":{"timestamp":"2020-09-25T23:01:05.598481+0000","flow_id":1111111111111111,"event_type":"alert","src_ip":"10.16.197.56","src_port":49157,"dest_ip":"10.16.197.55","dest_port":8883,"proto":"TCP","alert":{"action":"allowed","signature_id":2,"rev":0,"signature":"","category":"","severity":3}}}
{"firewall_name":"odd","availability_zone":"us-east-1a","event_timestamp":"1748736001","extra":{"list":[1, 2.50 ,{"a":null,"b":[]}],"none":null,"empty":{},"flag":false,"big":1e5,"long":123456789012345678901234567890,"text":"h\u00e9\t\"x\" ü \ud83d\ude00"},"event":{"timestamp":"2025-06-01T00:00:01.999999+0200","flow_id":900000000000000003,"event_type":"alert","src_ip":"10.0.0.1","src_port":70000,"dest_ip":"2001:db8::1","dest_port":443,"proto":"TCP","alert":{"action":"blocked","signature_id":7,"rev":1,"signature":"s","category":"c","severity":1,"metadata":{"tags":["a","b"]}},"tls":{"sni":"a.example","subject":"CN=x"},"dns":{"answers":[]}}}
{"firewall_name":"odd","availability_zone":"us-east-1a","event_timestamp":null,"event":{"timestamp":"2025-05-31T19:30:00.000001-0430","flow_id":18446744073709551615,"event_type":"netflow","src_ip":"10.0.0.2","dest_ip":"198.51.100.7","proto":"ICMP","icmp_type":8,"icmp_code":0,"netflow":{"pkts":2,"bytes":168,"start":"2025-05-31T19:29:00.000000-0430","end":"2025-05-31T19:29:01.000000-0430","age":1}}}
`

// judge is what verifies: servers and tools that are not ours, in the venv that `make verify` makes.
type judge struct {
	*place
	venv   string
	folder string // for what the tools print
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	venv := mototest.Venv(t)
	bin := t.TempDir()
	j := &judge{place: &place{t: t, etl: goBuild(t, bin, "github.com/silt-etl/silt/cmd/etl"), dir: t.TempDir()}, venv: venv, folder: t.TempDir()}
	goBuild(t, bin, "github.com/silt-etl/silt/scripts/nfwgen")
	return j
}

// tool runs a program of the venv and returns what it prints.
func (j *judge) tool(name string, args ...string) string {
	j.t.Helper()
	c := exec.Command(filepath.Join(j.venv, "bin", name), args...)
	c.Dir, c.Env = j.dir, []string{"PYTHONDONTWRITEBYTECODE=1"}
	for _, pair := range append(os.Environ(), j.env...) {
		if !strings.HasPrefix(pair, "AWS_PROFILE=") { // the AWS CLI looks for one of no name when it is empty
			c.Env = append(c.Env, pair)
		}
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		j.t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// save keeps what a tool printed, for the judges.
func (j *judge) save(name, text string) string {
	j.t.Helper()
	path := filepath.Join(j.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		j.t.Fatal(err)
	}
	return path
}

// ask runs a judge of scripts/verify; it must say ok.
func (j *judge) ask(script string, args ...string) {
	j.t.Helper()
	scripts, err := filepath.Abs("../../scripts/verify")
	if err != nil {
		j.t.Fatal(err)
	}
	out := j.tool("python", append([]string{filepath.Join(scripts, script)}, args...)...)
	if !strings.HasPrefix(out, "ok: ") {
		j.t.Errorf("%s: %s", script, out)
	}
	j.t.Logf("%s: %s", script, strings.TrimSpace(out))
}

// must runs etl, wants exit code 0, and returns stdout.
func (j *judge) must(args ...string) string {
	j.t.Helper()
	code, out, errs := j.run(args...)
	if code != 0 {
		j.t.Fatalf("etl %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

func (j *judge) wantText(what, text string, parts ...string) {
	j.t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			j.t.Errorf("%s does not say %q:\n%s", what, p, text)
		}
	}
}

// TestVerifyMainJob: a person's way through the main job, staging and lake on a real S3 server, the catalog on moto; then
// third-party tools look at everything it left.
func TestVerifyMainJob(t *testing.T) {
	j := newJudge(t)
	moto := mototest.Start(t)
	j.env = append(objstoretest.StartVersityGW(t).Env(), "AWS_ENDPOINT_URL_GLUE="+moto, "AWS_ENDPOINT_URL_STS="+moto, "XDG_CACHE_HOME="+t.TempDir())
	for _, b := range []string{"acme-staging", "acme-lake", "acme-state"} {
		j.tool("aws", "s3", "mb", "s3://"+b)
	}
	j.tool("python", "-c", "import boto3,sys; boto3.client('glue').create_database(DatabaseInput={'Name': sys.argv[1]})", verifyDatabase)

	if out, err := exec.Command(filepath.Join(filepath.Dir(j.etl), "nfwgen"), "-out", filepath.Join(j.dir, "staging"), "-events", "20000").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var odd bytes.Buffer
	z := gzip.NewWriter(&odd)
	z.Write([]byte(verifyRecords))
	z.Close()
	j.write("staging/AWSLogs/111122223333/network-firewall/alert/us-east-1/egress-fw/2025/06/01/00/odd.log.gz", odd.String())
	j.tool("aws", "s3", "cp", "--recursive", "--quiet", filepath.Join(j.dir, "staging"), "s3://acme-staging/")
	records := verifyEvents + strings.Count(verifyRecords, "\n")

	j.write("job.yaml", strings.NewReplacer("./staging/AWSLogs", "s3://acme-staging/AWSLogs/", "./lake", `"s3://acme-lake"`,
		"catalog: {type: local}", "catalog: {type: glue, database: "+verifyDatabase+"}\nstate: s3://acme-state/").Replace(placeJob))

	j.wantText("etl check", j.must("check", "job.yaml"), "ok")
	doctor := j.must("doctor", "job.yaml")
	j.wantText("etl doctor", doctor, "acme-staging", "acme-lake", "acme-state", verifyDatabase)
	j.wantText("the dry run", j.must("run", "--dry-run", "job.yaml"), "145 objects", "2025-06-01", "2025-06-03")
	if left := j.tool("aws", "s3", "ls", "--recursive", "s3://acme-lake/"); left != "" {
		t.Errorf("before the first run the lake has\n%s", left)
	}

	var sum struct {
		Run     string
		State   string
		Files   int
		Records struct{ Read, Published, Filtered, Quarantined int }
	}
	summary := func() {
		t.Helper()
		if err := json.Unmarshal([]byte(j.must("run", "job.yaml", "-o", "json")), &sum); err != nil {
			t.Fatal(err)
		}
	}
	summary()
	if sum.State != "SUCCEEDED" || sum.Records.Published != records || sum.Records.Read != records || sum.Files != 6 {
		t.Errorf("the first run: %+v", sum)
	}
	first := sum.Run
	listing := j.tool("aws", "s3", "ls", "--recursive", "s3://acme-lake/")
	summary()
	if sum.State != "SUCCEEDED" || sum.Records.Read != 0 || sum.Files != 0 {
		t.Errorf("the second run: %+v", sum)
	}
	if again := j.tool("aws", "s3", "ls", "--recursive", "s3://acme-lake/"); again != listing {
		t.Errorf("the second run changed the lake from\n%sto\n%s", listing, again)
	}
	j.wantText("etl runs", j.must("runs", "job.yaml"), first, sum.Run, "SUCCEEDED", "20,004")
	j.wantText("etl runs show", j.must("runs", "show", "job.yaml", first), "eventDay=20250601/", "odd.log.gz", "20,004 published")
	j.wantText("etl query", j.must("query", "--job", "job.yaml", "-o", "csv",
		"SELECT eventday, count(*) AS n, count(DISTINCT class_uid) AS classes FROM "+verifyTable+" WHERE eventday IN ('20200925', '20250602') GROUP BY ALL ORDER BY ALL"),
		"20200925,1,1\n", "20250602,6667,1\n")
	uploads := j.tool("aws", "s3api", "list-multipart-uploads", "--bucket", "acme-lake", "--query", "length(Uploads || `[]`)")
	if strings.TrimSpace(uploads) != "0" {
		t.Errorf("multipart uploads left in the lake: %s", uploads)
	}

	table := j.save("table.json", j.tool("aws", "glue", "get-table", "--database-name", verifyDatabase, "--name", verifyTable, "--output", "json"))
	partitions := j.save("partitions.json", j.tool("aws", "glue", "get-partitions", "--database-name", verifyDatabase, "--table-name", verifyTable, "--output", "json"))
	keys := j.save("listing.txt", listing)
	lake, staging := filepath.Join(j.folder, "lake"), filepath.Join(j.dir, "staging")
	j.tool("aws", "s3", "cp", "--recursive", "--quiet", "s3://acme-lake/", lake)
	glue := []string{"--lake", "s3://acme-lake", "--source", "network-firewall"}
	j.ask("judge_glue.py", append([]string{table, partitions, keys}, glue...)...)
	j.ask("judge_parquet.py", lake, "--table", table, "--rows", "20004")
	j.ask("judge_samples.py", lake)
	j.ask("recount.py", staging, lake)
	j.ask("selftest.py", append([]string{lake, staging, table, partitions, keys}, glue...)...)
}

// TestVerifyDemo: what `make demo` leaves in its folder holds before the same judges.
func TestVerifyDemo(t *testing.T) {
	j := newJudge(t)
	dir := filepath.Join(j.dir, "demo")
	demo := exec.Command("../../scripts/demo.sh", filepath.Dir(j.etl), dir)
	out, err := demo.CombinedOutput()
	if err != nil {
		t.Fatalf("demo.sh: %v\n%s", err, out)
	}
	j.wantText("the demo", string(out), "200,000 read = 200,000 published + 0 filtered + 0 quarantined", "eventDay=20250601/", "blocked")
	lake := filepath.Join(dir, "lake")
	j.ask("judge_parquet.py", lake, "--rows", "200000", "--table",
		filepath.Join(lake, "catalog", verifyDatabase, verifyTable, "table.json"))
	j.ask("recount.py", filepath.Join(dir, "staging"), lake)
}
