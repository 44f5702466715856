package infer

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	shipped "github.com/silt-etl/silt/sql"
)

// TestShippedSamples: etl infer recognises the samples of every mapping that comes with etl, and does not take them for another's.
func TestShippedSamples(t *testing.T) {
	raws, err := fs.Glob(shipped.Mappings, "*/raw.sql")
	if err != nil || len(raws) == 0 {
		t.Fatal(err)
	}
	for _, raw := range raws {
		name := filepath.Dir(raw)
		samples, err := filepath.Glob(filepath.Join("..", "..", "testdata", name, "*"))
		if err != nil || len(samples) == 0 {
			t.Errorf("%s: no sample in testdata/%[1]s: %v", name, err)
		}
		for _, sample := range samples {
			f, err := os.Open(sample)
			if err != nil {
				t.Fatal(err)
			}
			res, err := Infer([]Sample{{Name: sample, Body: f}}, Options{Name: "a"})
			f.Close()
			if err != nil {
				t.Errorf("%s: %v", sample, err)
				continue
			}
			if res.Shipped != name {
				t.Errorf("%s: recognised as %q, want %q: see the rows of mappings/infer/shippedsource/sources.go", sample, res.Shipped, name)
			}
		}
	}
}

// TestShippedMapping: records are recognised in other forms than those of the samples in testdata, as shippers and buses wrap them.
func TestShippedMapping(t *testing.T) {
	for _, c := range []struct{ want, text string }{
		{"paloalto", "1,2026/03/01 10:00:00,0070,SYSTEM,general,2561,2026/03/01 10:00:00,,general\n<14>Mar  1 10:00:01 fw 1,2026/03/01 10:00:01,0070,TRAFFIC,end,2561,x\n"},
		{"aws-alb", `h2 2026-03-01T10:00:00.186641Z app/front/50dc 198.51.100.7:2817 192.0.2.1:80 0 0 0 200 200 34 366 "GET https://www.example.com:443/ HTTP/2.0" "curl/8.0"`},
		{"fortinet", `date=2026-03-01 time=10:00:00 devid="FG1" logid="0000000013" type="traffic" srcip=192.0.2.1`},
		{"cef", "CEF:0|Acme|Fence|1|100|deny|5|src=192.0.2.7\n"},
		{"cef", "<134>1 2025-06-01T10:15:02.500Z gw1 - - - - CEF:1|Acme|Gateway|2.3|conn-1|Connection|Low|spt=51422\n"},
		{"cloudtrail", `{"detail-type":"AWS API Call via CloudTrail","detail":{"eventVersion":"1.11","userIdentity":{"type":"Root"},"eventSource":"iam.amazonaws.com","eventName":"GetUser","awsRegion":"us-east-1"}}`},
		{"okta", `[{"eventType":"user.session.start","published":"2025-06-01T10:15:02.123Z","outcome":{"result":"SUCCESS"},"actor":{"id":"1","alternateId":"ada@example.com"}}]`},
		{"okta", `{"detail-type":"SystemLog","source":"aws.partner/okta.com/example/1","detail":{"eventType":"user.session.start","published":"2025-06-01T10:15:02.123Z","outcome":{"result":"SUCCESS"},"actor":{"id":"1","alternateId":"ada@example.com"}}}`},
		{"cisco-asa", "%ASA-6-302013: Built outbound TCP connection 1 for outside:198.51.100.7/443 (198.51.100.7/443) to inside:10.1.2.3/51000 (203.0.113.9/32001)\n"},
		{"cisco-asa", "<134>1 2025-06-01T10:15:00Z fw1 asa 1 - - %ASA-session-6-302016: Teardown UDP connection 2 for outside:198.51.100.53/53 to inside:10.1.2.3/1032 duration 0:00:00 bytes 526\n"},
		{"cisco-asa", `{"@timestamp":"2025-06-01T10:15:00Z","message":"<166>Jun 01 2025 10:15:00: %ASA-5-611103: User logged out: Uname: ada"}`},
		{"eks-audit", `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/aws/eks/shop/cluster","logStream":"kube-apiserver-audit-1","logEvents":[{"id":"1","timestamp":1,"message":"{\"apiVersion\":\"audit.k8s.io/v1\",\"auditID\":\"a\",\"stage\":\"ResponseComplete\",\"verb\":\"get\"}"}]}`},
		{"security-hub", `{"class_uid":2004,"time":1748764801250,"finding_info":{"uid":"1","title":"t"},"metadata":{"version":"1.6.0","product":{"uid":"arn:aws:securityhub:us-east-1::productv2/aws/guardduty","name":"GuardDuty"}}}`},
		{"crowdstrike-falcon", `{"metadata":{"customerIDString":"c","offset":1,"eventType":"EppDetectionSummaryEvent","eventCreationTime":1748772902000,"version":"1.0"},"event":{"Name":"NGAV"}}`},
		{"entra-signin", `{"records":[{"time":"2025-06-01T10:18:30Z","category":"NonInteractiveUserSignInLogs","operationName":"Sign-in activity","properties":{"createdDateTime":"2025-06-01T10:15:02Z","status":{"errorCode":0}}}]}`},
		{"entra-signin", `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns","value":[{"id":"1","createdDateTime":"2025-06-01T10:15:02Z","appId":"a","ipAddress":"192.0.2.7","status":{"errorCode":0},"conditionalAccessStatus":"notApplied"}]}`},
		{"guardduty", `{"schemaVersion":"2.0","accountId":"111122223333","service":{"serviceName":"guardduty"}}`},
		{"guardduty", `{"source":"aws.guardduty","detail-type":"GuardDuty Finding","detail":{"schemaVersion":"2.0","accountId":"111122223333","service":{"serviceName":"guardduty"}}}`},
		{"guardduty", `{"Records":[{"schemaVersion":"2.0","accountId":"111122223333","service":{"serviceName":"guardduty"}}]}`},
		{"network-firewall", `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/fw","logStream":"s","logEvents":[{"id":"1","timestamp":1,"message":"{\"firewall_name\":\"edge\",\"availability_zone\":\"a\",\"event\":{\"src_ip\":\"192.0.2.1\"}}"}]}`},
		{"fortinet", `{"messageType":"DATA_MESSAGE","logGroup":"g","logStream":"s","logEvents":[{"id":"1","timestamp":1,"message":"<189>date=2026-03-01 time=10:00:00 devid=FG1 logid=13 type=traffic"}]}`},
		{"network-firewall", `Mar  1 10:00:00 relay fw[1]: {"firewall_name":"edge","availability_zone":"a","event":{"src_ip":"192.0.2.1"}}`},
		{"suricata", `{"timestamp":"2026-03-01T10:00:00.000000+0000","flow_id":1,"event_type":"flow","src_ip":"192.0.2.1","dest_ip":"192.0.2.2","proto":"TCP","flow":{}}`},
		{"suricata", `{"message":"{\"timestamp\":\"2026-03-01T10:00:00.000000+0000\",\"flow_id\":1,\"event_type\":\"dns\",\"src_ip\":\"192.0.2.1\",\"dest_ip\":\"192.0.2.2\",\"proto\":\"UDP\"}"}`},
		{"", `{"time":"2026-03-01T10:00:00Z","user":"ada"}`},
		{"", `{"firewall_name":"edge","availability_zone":"a"}`},
		{"", "ts=2026-03-01T10:00:00Z devid=4 level=info\n"},
	} {
		res, err := Infer([]Sample{{Name: "a.log", Body: strings.NewReader(c.text)}}, Options{Name: "a"})
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if res.Shipped != c.want {
			t.Errorf("%q: %q, want %q", c.text, res.Shipped, c.want)
		}
	}
}

// TestInferChoices: what the first mapping says about records of which the form or the meaning is easily mistaken.
func TestInferChoices(t *testing.T) {
	haproxy := func(i int) string {
		return fmt.Sprintf(`Feb  6 12:14:1%d lb1 haproxy[14389]: 192.0.2.%[1]d:33317 [06/Feb/2026:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {www.example.com|%s|} {} "GET /x HTTP/1.1"`, i, strings.Repeat("Mozilla/5.0 (X11; Linux x86_64) ", i))
	}
	for _, c := range []struct {
		name    string
		lines   []string
		want    []string
		without []string
	}{
		{"pipes in braces", []string{haproxy(1), haproxy(2), haproxy(3)}, []string{"-- parse: line syslog"}, []string{"format: csv"}},
		{"pipes between fields", []string{"a|{x|y}|3", "b|{x|z}|4"}, []string{"-- delimiter: pipe"}, nil},
		{"a message with addresses", []string{"Mar  1 10:00:00 vpn1 vpnd[812]: login of ada from 203.0.113.9:51122", "Mar  1 10:00:01 vpn1 vpnd[812]: session closed"},
			[]string{`line.message: addresses in the text (example: from 203.0.113.9)`, `nullif(regexp_extract(line.message, 'from[ =:]+((?:[0-9]{1,3}[.]){3}[0-9]{1,3})', 1), '') AS "src_endpoint.ip"`}, nil},
		{"the host of a request", []string{`{"ts":"2026-03-01T10:00:00Z","client_ip":"192.0.2.1","client_request_host":"www.example.com","client_request_path":"/a","request_method":"PATCH","status":200}`},
			[]string{`client_request_host AS "http_request.url.hostname"`, "ELSE 99", "-- without: dst_endpoint"}, []string{"src_endpoint.hostname", "without: activity_id"}},
	} {
		res := infer(t, Options{}, c.lines...)
		text := ""
		for _, f := range res.Files {
			text += f.Text
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, text)
			}
		}
		for _, not := range c.without {
			if strings.Contains(text, not) {
				t.Errorf("%s: %q in\n%s", c.name, not, text)
			}
		}
		compile(t, res)
	}
	for list, want := range map[string]string{`"parts":[{"src":"192.0.2.1:5","n":1}]`: "parts", `"parts":[{"ip":"192.0.2.1"}]`: "parts", `"parts":[{"name":"x"}]`: "",
		`"parts":[{"at":"2026-03-01T10:00:00Z"}]`: "parts", `"events":[{"name":"x"}]`: "events", `"detail":{"evidence":[{"name":"x"}]}`: "detail.evidence", `"events":["x"]`: ""} {
		res := infer(t, Options{}, `{"ts":"2026-03-01T10:00:00Z",`+list+`,"a":1,"b":2,"c":3}`)
		if got := strings.Join(res.Notes, "\n"); strings.Contains(got, "write -- events: "+want+" into raw.sql") != (want != "") || want == "" && strings.Contains(got, "-- events:") {
			t.Errorf("%s: want %q: %q", list, want, res.Notes)
		}
	}
	res := infer(t, Options{}, "Mar  1 10:00:00 vpn1 vpnd[812]: login of ada", "Mar  1 10:00:01 vpn1 vpnd[812]: session closed")
	if !strings.Contains(strings.Join(res.Notes, "\n"), "line.message has the text after the syslog header") {
		t.Errorf("%q", res.Notes)
	}
}

// A placeholder between values of one type stands for nothing, in all fields. Elsewhere it can be a value.
func TestInferPlaceholders(t *testing.T) {
	for _, c := range []struct {
		lines       []string
		has, hasNot string
	}{
		{[]string{`{"ts":"2026-03-01T10:00:00Z","bytes":"NA","name":"NA"}`, `{"ts":"2026-03-01T10:00:00Z","bytes":"12","name":"x"}`}, "-- null: NA\n", "ambiguous"},
		{[]string{`{"ts":"2026-03-01T10:00:00Z","ip":"-","list":["-"]}`, `{"ts":"2026-03-01T10:00:00Z","ip":"192.0.2.1"}`}, "-- null: -\n", "ambiguous"},
		{[]string{`{"ts":"2026-03-01T10:00:00Z","name":"NA"}`, `{"ts":"2026-03-01T10:00:00Z","name":"EU"}`}, "name VARCHAR", "-- null"},
		{[]string{`{"ts":"2026-03-01T10:00:00Z","name":"NA"}`}, "name VARCHAR", "-- null"},
	} {
		res := infer(t, Options{}, c.lines...)
		text := res.Files[0].Text
		if !strings.Contains(text, c.has) || strings.Contains(text, c.hasNot) {
			t.Errorf("%v: want %q without %q:\n%s", c.lines, c.has, c.hasNot, text)
		}
		compile(t, res)
	}
}
