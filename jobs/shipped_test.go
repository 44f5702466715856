package jobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rs/zerolog"
	validate "github.com/valllabh/ocsf-schema-golang/ocsfvalidate/1.1"

	"github.com/silt-etl/silt/internal/catalog/local"
	"github.com/silt-etl/silt/internal/diag"
	"github.com/silt-etl/silt/internal/jobfile"
	"github.com/silt-etl/silt/internal/mappingtest"
	dirstore "github.com/silt-etl/silt/internal/objstore/dir"
	"github.com/silt-etl/silt/internal/ocsf"
	"github.com/silt-etl/silt/jobs"
	"github.com/silt-etl/silt/mappings"
	"github.com/silt-etl/silt/sql/sqlgen"
)

// shipped is a source that comes with the program: sql/NAME, jobs/specs/NAME.yaml, and samples in testdata/NAME.
type shipped struct {
	name string
	// keys are the staging keys of the files in testdata/NAME, by their names. A key that ends in .gz gets the file packed.
	keys map[string]string
	// leftOut are keys below the same prefix that the job must not read.
	leftOut []string
	// nights has the sample that TestForeignKinds takes records from, if it cannot be all of them.
	nights string
	// deprecated: the mapping fills attributes that OCSF has deprecated, because Security Lake does.
	deprecated bool
	// published rows of each class.
	published map[string]int
	// filtered records, and quarantined ones by reason: those that the samples have on purpose.
	filtered    int64
	quarantined map[string]int64
	// without counts the published records that lack a required attribute, by its path: those that the header names. nil: it names none.
	without map[string]int64
	// never are required attributes that no record of the source has: those that the header names and no column fills.
	never []string
	// example: it is one of docs/examples, with its job and samples.
	example bool
}

func (s shipped) mapping() string {
	if s.example {
		return filepath.Join("..", "docs", "examples", s.name)
	}
	return s.name
}

func (s shipped) job() string {
	if s.example {
		return filepath.Join("..", "docs", "examples", s.name+".yaml")
	}
	return filepath.Join("specs", s.name+".yaml")
}

func (s shipped) samples() string {
	if s.example {
		return filepath.Join("..", "docs", "examples", s.name, "tests")
	}
	return filepath.Join("..", "testdata", s.name)
}

// examples has a line for each mapping in docs/examples.
func examples() []shipped {
	return []shipped{
		{name: "acme-audit", example: true, published: map[string]int{"api_activity": 3},
			keys: map[string]string{"sample.json": "plans/2025/11/25/audit-0900.json.gz"}},
	}
}

// sources has a line for each mapping in sql/.
func sources() []shipped {
	return []shipped{
		{name: "network-firewall",
			keys: map[string]string{
				"flow.jsonl":  "111122223333/network-firewall/flow/us-east-1/edge/2025/06/01/00/111122223333_network-firewall_flow_us-east-1_edge_202506010000_5b62ba67.log.gz",
				"alert.jsonl": "111122223333/network-firewall/alert/us-east-1/edge/2025/06/01/00/111122223333_network-firewall_alert_us-east-1_edge_202506010000_0f9dc1aa.log.gz",
				"tls.jsonl":   "111122223333/network-firewall/tls/us-east-1/edge/2025/06/01/00/111122223333_network-firewall_tls_us-east-1_edge_202506010000_7c3e0b52.log.gz",
			},
			published: map[string]int{"network_activity": 19}},
		{name: "appfabric",
			keys:      map[string]string{"audit.jsonl": "AuditLog/OCSF/JSON/OKTA/example-tenant/0f8a3f2e-7c1d-4a58-9f35-2f6d5f0b9a11/20250601/AuditLogs-0001"},
			published: map[string]int{"account_change": 3, "authentication": 3, "group_management": 2, "user_access": 1, "web_resources_activity": 3, "web_resource_access_activity": 1},
			without:   map[string]int64{"group": 1, "user": 1, "web_resources": 1}},
		{name: "aws-alb",
			keys: map[string]string{"access.log": "111122223333/elasticloadbalancing/us-east-1/2025/06/01/111122223333_elasticloadbalancing_us-east-1_app.web.50dc6c495c0c9188_20250601T0005Z_192.0.2.10_2rqv5zdp.log.gz"},
			leftOut: []string{
				"111122223333/elasticloadbalancing/us-east-1/2025/06/01/conn_log.111122223333_elasticloadbalancing_us-east-1_app.web.50dc6c495c0c9188_20250601T0005Z_192.0.2.10_3sqv5zdq.log.gz",
				"111122223333/elasticloadbalancing/us-east-1/2025/06/01/health_check_log_111122223333_elasticloadbalancing_us-east-1_app.web.50dc6c495c0c9188_20250601T0005Z_192.0.2.10_4tqv5zdr.log.gz",
			},
			published: map[string]int{"http_activity": 7}},
		{name: "aws-waf", deprecated: true,
			keys:      map[string]string{"requests.jsonl": "111122223333/WAFLogs/us-east-1/web/2025/06/01/00/00/111122223333_waflogs_us-east-1_web_20250601T0000Z_0a1b2c3d.log.gz"},
			published: map[string]int{"http_activity": 4},
			without:   map[string]int64{},
			never:     []string{"dst_endpoint", "http_response"}},
		{name: "cef",
			keys:      map[string]string{"events.log": "gw1/2025/06/01/events-2025-06-01T10.log.gz"},
			filtered:  1,
			published: map[string]int{"account_change": 1, "authentication": 2, "network_activity": 8},
			without:   map[string]int64{}},
		{name: "cloudtrail",
			keys: map[string]string{
				"management.jsonl": "111122223333/CloudTrail/us-east-1/2025/06/01/111122223333_CloudTrail_us-east-1_20250601T0805Z_Mu0KsOhtH1ar15ZZ.json.gz",
				"data.jsonl":       "o-exampleorgid/111122223333/CloudTrail/us-east-1/2025/06/01/111122223333_CloudTrail_us-east-1_20250601T0810Z_3Kd0dH1ar15Zd00a.json.gz",
				"network.jsonl":    "111122223333/CloudTrail-NetworkActivity/us-east-1/2025/06/01/111122223333_CloudTrail-NetworkActivity_us-east-1_20250601T0810Z_pLm1H1ar15Zd00b.json.gz",
				"insight.jsonl":    "111122223333/CloudTrail-Insight/us-east-1/2025/06/01/111122223333_CloudTrail-Insight_us-east-1_20250601T0815Z_qR52H1ar15Zd00c.json.gz",
			},
			leftOut: []string{
				"111122223333/CloudTrail-Digest/us-east-1/2025/06/01/111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20250601T090000Z.json.gz",
				"111122223333/CloudTrail-Aggregated/us-east-1/2025/06/01/111122223333_CloudTrail-Aggregated_us-east-1_20250601T0815Z_aB93H1ar15Zd00d.json.gz",
			},
			published: map[string]int{"account_change": 3, "api_activity": 10, "authentication": 3},
			without:   map[string]int64{"actor": 1, "src_endpoint": 1, "user": 1}},
		{name: "cisco-asa",
			keys:      map[string]string{"asa.log": "fw-edge-1/2025/06/01/asa-2025-06-01T10.log.gz"},
			filtered:  1,
			published: map[string]int{"account_change": 1, "authentication": 4, "detection_finding": 2, "entity_management": 1, "network_activity": 9, "network_file_activity": 1},
			without:   map[string]int64{"actor": 1, "user": 1}},
		{name: "eks-audit",
			keys: map[string]string{
				"subscription.jsonl": "2025/06/01/08/eks-audit-1-2025-06-01-08-00-00-6f1c.gz",
				"events.jsonl":       "2025/06/01/08/events-2025-06-01-08.gz",
			},
			leftOut:   []string{"errors/processing-failed/2025/06/01/eks-audit-1.gz"},
			filtered:  1,
			published: map[string]int{"api_activity": 8},
			without:   map[string]int64{}},
		{name: "crowdstrike-falcon",
			keys:      map[string]string{"events.jsonl": "2025/06/01/10/falcon-1-2025-06-01-10-00-00-6f1c.gz"},
			filtered:  1,
			published: map[string]int{"api_activity": 3, "authentication": 1, "detection_finding": 7, "incident_finding": 1},
			without:   map[string]int64{}},
		{name: "entra-signin",
			keys: map[string]string{
				"diagnostic.json": "insights-logs-signinlogs/tenantId=3f0a6c1e-0000-4000-8000-000000000001/y=2025/m=06/d=01/h=10/m=00/PT1H.json",
				"lines.jsonl":     "insights-logs-noninteractiveusersigninlogs/tenantId=3f0a6c1e-0000-4000-8000-000000000001/y=2025/m=06/d=01/h=10/m=00/PT1H.json.gz",
				"graph.json":      "insights-logs-signinlogs/tenantId=3f0a6c1e-0000-4000-8000-000000000001/y=2025/m=06/d=01/h=11/m=00/graph-0001.json.gz",
			},
			leftOut:   []string{"insights-logs-auditlogs/tenantId=3f0a6c1e-0000-4000-8000-000000000001/y=2025/m=06/d=01/h=10/m=00/PT1H.json"},
			nights:    "lines.jsonl",
			filtered:  1,
			published: map[string]int{"authentication": 10},
			without:   map[string]int64{}},
		{name: "fortinet",
			keys:      map[string]string{"fortigate.log": "fgt-edge-1/2025/06/01/fortigate-2025-06-01T10.log.gz"},
			filtered:  1,
			published: map[string]int{"authentication": 2, "entity_management": 1, "network_activity": 10}},
		{name: "okta",
			keys:      map[string]string{"events.jsonl": "2025/06/01/okta-1-2025-06-01-10-00-00-6f1c.gz"},
			published: map[string]int{"account_change": 2, "api_activity": 1, "authentication": 3, "detection_finding": 1, "entity_management": 1, "group_management": 1, "user_access": 1},
			without:   map[string]int64{}},
		{name: "paloalto",
			keys:      map[string]string{"panos.csv": "fw-edge-1/2025/06/01/panos-2025-06-01T10.csv.gz"},
			filtered:  1,
			published: map[string]int{"authentication": 4, "entity_management": 1, "inventory_info": 1, "network_activity": 10}},
		{name: "security-hub",
			keys: map[string]string{
				"eventbridge.jsonl":    "2025/06/01/08/security-hub-1-2025-06-01-08-00-00-6f1c.gz",
				"eventbridge-v2.jsonl": "2025/06/01/08/security-hub-1-2025-06-01-08-05-00-7a2d.gz",
				"export.jsonl":         "2025/06/01/08/export-2025-06-01-08.gz",
			},
			leftOut:   []string{"errors/processing-failed/2025/06/01/security-hub-1.gz"},
			published: map[string]int{"compliance_finding": 3, "detection_finding": 3, "vulnerability_finding": 2},
			without:   map[string]int64{"compliance.standards": 1}},
		{name: "guardduty",
			keys:      map[string]string{"findings.jsonl": "111122223333/GuardDuty/us-east-1/2025/06/01/5f2b1a3c-6d0e-4a55-9a1c-0c2f9b7e8d11.jsonl.gz"},
			published: map[string]int{"detection_finding": 12}},
		{name: "route53-resolver",
			keys:      map[string]string{"queries.jsonl": "111122223333/vpcdnsquerylogs/vpc-7example/2025/11/25/vpc-7example_vpcdnsquerylogs_111122223333_20251125T1750Z_71ca6b6b.log.gz"},
			published: map[string]int{"dns_activity": 6}},
		{name: "vpc-flow",
			keys: map[string]string{
				"default.log":  "111122223333/vpcflowlogs/us-east-1/2025/11/25/111122223333_vpcflowlogs_us-east-1_fl-1234abcd_20251125T0000Z_fe123456.log.gz",
				"headless.log": "111122223333/vpcflowlogs/us-east-1/2025/11/25/cloudwatch-1-2025-11-25-00-00-00.log.gz",
				"nat.log":      "111122223333/vpcflowlogs/us-east-1/2025/11/25/111122223333_vpcflowlogs_us-east-1_fl-5678abcd_20251125T0005Z_0a1b2c3e.log.gz",
				"v5.log":       "111122223333/vpcflowlogs/us-east-1/2025/11/25/00/111122223333_vpcflowlogs_us-east-1_fl-5678abcd_20251125T0000Z_0a1b2c3d.log.gz",
				"v5.parquet":   "111122223333/vpcflowlogs/us-east-1/2025/11/25/111122223333_vpcflowlogs_us-east-1_fl-9999abcd_20251125T0000Z_0a1b2c3f.log.parquet",
				"v8.log":       "aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=us-east-1/year=2025/month=11/day=25/hour=00/111122223333_vpcflowlogs_us-east-1_fl-8888abcd_20251125T0000Z_0a1b2c3g.log.gz",
			},
			leftOut:   []string{"111122223333/elasticloadbalancing/us-east-1/2025/11/25/access.log.gz"},
			nights:    "headless.log",
			published: map[string]int{"network_activity": 26}},
		{name: "suricata",
			keys:      map[string]string{"eve.jsonl": "sensor-1/2025/06/01/10/eve-0f9dc1aa.json.gz"},
			filtered:  1,
			published: map[string]int{"base_event": 2, "detection_finding": 10, "dns_activity": 8, "file_hosting": 7, "http_activity": 4, "network_activity": 11, "smb_activity": 4, "ssh_activity": 1}},
		{name: "zeek", nights: "json_streaming_ssh.log",
			keys: map[string]string{
				"conn.log":               "sensor-1/2025/06/01/conn.10:00:00-11:00:00.log.gz",
				"dns.log":                "sensor-1/2025/06/01/dns.10:00:00-11:00:00.log.gz",
				"several.log":            "sensor-1/2025/06/01/several.log.gz",
				"json_streaming_ssh.log": "sensor-1/2025/06/01/json_streaming_ssh.log.gz",
			},
			filtered:  1,
			published: map[string]int{"base_event": 1, "detection_finding": 2, "dns_activity": 4, "file_hosting": 3, "http_activity": 2, "network_activity": 11}},
		{name: "windows-security", nights: "winlogbeat.jsonl",
			keys: map[string]string{
				"winlogbeat.jsonl":    "2025/06/01/winlogbeat-1-2025-06-01-10-00-00-6f1c.gz",
				"nxlog.jsonl":         "2025/06/01/nxlog-2025-06-01-10.gz",
				"fluentbit.jsonl":     "2025/06/01/fluentbit-2025-06-01-10.gz",
				"fluentbit_xml.jsonl": "2025/06/01/fluentbit-xml-2025-06-01-10.gz",
				"kinesis.jsonl":       "2025/06/01/kinesis-1-2025-06-01-10-00-00-6f1c.gz",
				"events.xml":          "2025/06/01/events-2025-06-01-10.xml.gz",
			},
			leftOut:   []string{"errors/processing-failed/2025/06/01/winlogbeat-1.gz"},
			published: map[string]int{"account_change": 14, "authentication": 27, "authorize_session": 1, "base_event": 1, "entity_management": 4, "group_management": 9, "process_activity": 6},
			without:   map[string]int64{}},
		{name: "windows-sysmon",
			keys:      map[string]string{"events.jsonl": "2025/06/01/00/sysmon-1-2025-06-01-00-00-00-6f1c.gz"},
			published: map[string]int{"dns_activity": 1, "file_activity": 14, "kernel_activity": 1, "memory_activity": 1, "network_activity": 2, "process_activity": 11}},
	}
}

// TestShippedSources: of every source that comes with the program the mapping checks without a warning and its tests pass; its job,
// run as it is shipped but over folders, accounts for every record of its samples; every row passes a validator that is not ours.
func TestShippedSources(t *testing.T) {
	table := sources()
	folders, err := filepath.Glob("../sql/*/raw.sql")
	if err != nil || len(folders) == 0 {
		t.Fatal(folders, err)
	}
	for _, f := range folders {
		name := filepath.Base(filepath.Dir(f))
		if !slices.ContainsFunc(table, func(s shipped) bool { return s.name == name }) {
			t.Errorf("sql/%s is shipped, and has no line in sources()", name)
		}
	}
	for _, s := range table {
		t.Run(s.name, s.whole)
	}
}

// TestExamples: the mappings in docs/examples hold as much as those that are shipped.
func TestExamples(t *testing.T) {
	table := examples()
	folders, err := filepath.Glob("../docs/examples/*/raw.sql")
	if err != nil || len(folders) != len(table) {
		t.Fatalf("%d folders in docs/examples, %d lines in examples(): %v", len(folders), len(table), err)
	}
	for _, s := range table {
		t.Run(s.name, s.whole)
	}
}

func (s shipped) whole(t *testing.T) {
	m, err := mappings.Load(s.mapping())
	if err != nil {
		t.Fatal(err)
	}
	compiled, problems, err := m.Compile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Severity <= diag.Warning && (p.Code != diag.MissingRequired || s.without == nil) && (p.Code != diag.Deprecated || !s.deprecated) {
			t.Errorf("etl check: %s", p)
		}
	}
	if compiled == nil {
		t.FailNow()
	}
	s.test(t, m, compiled)
	s.validate(t, s.run(t, m))
}

// test runs the tests of the mapping.
func (s shipped) test(t *testing.T, m *mappings.Mapping, compiled *sqlgen.Compiled) {
	t.Helper()
	fs, err := mappingtest.Load(m)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := mappingtest.Run(context.Background(), compiled, fs, mappingtest.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if len(rs) == 0 {
		t.Error("the mapping has no tests")
	}
	for _, r := range rs {
		for _, d := range r.Diffs {
			t.Errorf("etl test: %s:%d: %s: %s", r.Case.File, d.Line, r.Case.Name, d)
		}
	}
}

// run runs the source's own job over its samples, and returns the rows of its lake.
func (s shipped) run(t *testing.T, m *mappings.Mapping) []map[string]any {
	t.Helper()
	w, r := s.place(t, m)
	files, err := os.ReadDir(s.samples())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if s.example && filepath.Ext(f.Name()) == ".yaml" {
			continue // the tests of the mapping
		}
		data, err := os.ReadFile(filepath.Join(s.samples(), f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		key, ok := s.keys[f.Name()]
		if !ok {
			t.Fatalf("%s/%s has no key", s.samples(), f.Name())
		}
		if filepath.Ext(key) == ".gz" && filepath.Ext(f.Name()) != ".gz" {
			data = gz(string(bytes.TrimSuffix(data, []byte("\n"))))
		}
		w.put(key, data)
	}
	for _, key := range s.leftOut {
		w.put(key, gz("not a record of this source"))
	}
	sum, err := r.Run(context.Background(), jobs.RunOptions{Trigger: "ON_DEMAND"})
	if err != nil {
		t.Fatal(err)
	}
	var records int64
	for _, n := range s.published {
		records += int64(n)
	}
	if sum.Objects.Read != len(s.keys) || sum.Records.Published != records || sum.Records.Filtered != s.filtered || !maps.Equal(sum.Reasons, s.quarantined) {
		t.Errorf("%d objects; published %d, filtered %d, quarantined %v; want %d objects, %d, %d, %v",
			sum.Objects.Read, sum.Records.Published, sum.Records.Filtered, sum.Reasons, len(s.keys), records, s.filtered, s.quarantined)
	}
	if !maps.Equal(sum.Without, s.without) {
		t.Errorf("published without %v, want %v", sum.Without, s.without)
	}
	if sum.Records.Read != sum.Records.Published+sum.Records.Filtered+sum.Records.Quarantined {
		t.Errorf("not every record is accounted for: %+v", sum.Records)
	}
	return w.published()
}

// place gives the source's own job folders in place of S3 and Glue.
func (s shipped) place(t *testing.T, m *mappings.Mapping) (*world, *jobs.Runner) {
	t.Helper()
	env := map[string]string{"SILT_STAGING": "s3://acme-staging/AWSLogs/", "SILT_LAKE": "s3://aws-security-data-lake-us-east-1-example/",
		"SILT_STATE": "s3://acme-etl-state/", "SILT_PROVIDER_ROLE_ARN": "arn:aws:iam::111122223333:role/provider", "SILT_EXTERNAL_ID": "example"}
	spec, err := jobfile.Load(s.job(), func(k string) (string, bool) { v, ok := env[k]; return v, ok }, kinds())
	if err != nil {
		t.Fatal(err)
	}
	if spec.Name != s.name || spec.Mapping != s.name || spec.Catalog.Type != "glue" {
		t.Errorf("the job %q runs the mapping %q into %q", spec.Name, spec.Mapping, spec.Catalog.Type)
	}
	spec.Source.Settle = 0 // the samples are new
	w := &world{t: t, dir: t.TempDir(), spec: spec}
	open := func(name string) *dirstore.Store {
		st, err := dirstore.Open(dirstore.Config{Root: filepath.Join(w.dir, name), Create: true})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	cat, err := local.Open(filepath.Join(w.dir, "lake", "catalog"), spec.Catalog.Database)
	if err != nil {
		t.Fatal(err)
	}
	return w, &jobs.Runner{Spec: spec, ExitCode: exitCodeOf, Mapping: m, Compile: compilePlan, Staging: open("staging"), Lake: open("lake"), State: open("state"), Catalog: cat,
		LogTo: zerolog.NewTestWriter(t)}
}

// validate passes the rows to the validator, and counts them by class. What only a profile requires that a row does not declare is discounted.
func (s shipped) validate(t *testing.T, rows []map[string]any) {
	t.Helper()
	schema, err := ocsf.Load("1.1.0")
	if err != nil {
		t.Fatal(err)
	}
	counts, without := map[string]int{}, maps.Clone(s.without)
	for _, path := range s.never {
		without[path] = int64(len(rows))
	}
	var first string // class of the first row
	for i, row := range rows {
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		var head struct {
			ClassUID int `json:"class_uid"`
			Metadata struct {
				Version  string
				Profiles []string
			}
		}
		if err := json.Unmarshal(text, &head); err != nil {
			t.Fatal(err)
		}
		class := schema.ClassByUID(head.ClassUID)
		if class == nil || head.Metadata.Version != "1.1.0" {
			t.Errorf("row %d is of the class %d of OCSF %q", i, head.ClassUID, head.Metadata.Version)
			continue
		}
		counts[class.Name]++
		if i == 0 {
			first = class.Name
		}
		if err := validate.Validate(class.Name, text); err != nil && !onlyUndeclared(t, class.Name, err, head.Metadata.Profiles, without) {
			t.Errorf("row %d: %v\n%s", i, err, text)
		}
	}
	for path, n := range without {
		if n != 0 {
			t.Errorf("the run counts %d rows without %s, and the validator %d", s.without[path], path, s.without[path]-n)
		}
	}
	if !maps.Equal(counts, s.published) {
		t.Errorf("rows by class: %v, want %v", counts, s.published)
	}
	if first != "" { // the judge judges
		delete(rows[0], "metadata")
		text, _ := json.Marshal(rows[0])
		if validate.Validate(first, text) == nil {
			t.Error("the validator takes an event without metadata")
		}
	}
}
