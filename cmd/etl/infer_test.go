package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The mapping that etl infer writes passes etl check without an error. It publishes every record of the sample, or sends it to
// quarantine for a known reason. All values have the type that was inferred for them.
func TestInferredMappingsTakeTheirSamples(t *testing.T) {
	nfw, err := os.ReadFile(shipped("sql/sqltest/testdata/nfw.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var trail, sysmon, packed, odd []string
	for i := range 30 {
		ip := fmt.Sprintf("203.0.113.%d", i)
		if i%5 == 0 {
			ip = "s3.amazonaws.com"
		}
		trail = append(trail, fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"P%d","arn":"arn:aws:iam::111122223333:user/u","accountId":"111122223333","userName":"u%d"},"eventTime":"2025-06-01T10:00:%02dZ","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","sourceIPAddress":"%s","userAgent":"aws-cli/2.0 x","requestParameters":%s,"responseElements":null,"requestID":"R%d","eventID":"0f0f0f0f-0000-4000-8000-%012d","readOnly":true,"resources":[{"ARN":"a","accountId":"1"}],"recipientAccountId":"111122223333"}`,
			i, i%3, i, ip, []string{"null", `{"bucketName":"b"}`, `{"key":"k"}`}[i%3], i, i))
		sysmon = append(sysmon, fmt.Sprintf(`{"EventId":"%d","Host":"ws%d.corp.example","Description":{"UtcTime":"2025-06-01 10:00:%02d.123","ProcessGuid":"{3bb41bdf-2f34-651c-ab00-0000000000%02d}","ProcessId":"%d","Image":"C:\\Windows\\a.exe","CommandLine":"a -x","User":"CORP\\ada","Hashes":"SHA256=AA"}}`,
			[]int{1, 5}[i%2], i, i, i, 100+i))
		packed = append(packed, fmt.Sprintf(`{"EventId":"1","Host":"ws%d.corp.example","Description":"Process Create:\r\nRuleName: -\r\nUtcTime: 2025-06-01 10:00:%02d.123\r\nProcessId: %d\r\nImage: C:\\Windows\\a.exe\r\nCommandLine: a -x: y\r\nUser: CORP\\ada"}`, i, i, 100+i))
		odd = append(odd, fmt.Sprintf(`{"n":%d,"at":%s,"level":"%s","deep":{"a":[{"x":%d}],"b":{"c":"%d"}}}`, i, []string{`"yesterday"`, `"2025-06-01T00:00:00Z"`}[i%2], []string{"warn", "Info"}[i%2], i, i))
	}
	for name, c := range map[string]struct {
		lines       []string
		class       string
		published   int
		quarantined map[string]int
		filled      []string
	}{
		"nfw":    {strings.Split(strings.TrimSpace(string(nfw)), "\n"), "network_activity", 2, nil, []string{"src_endpoint.ip", "dst_endpoint.port", "connection_info.protocol_name"}},
		"trail":  {trail, "api_activity", 30, nil, []string{"actor.user.name", "api.operation", "cloud.account.uid", "src_endpoint.ip"}},
		"sysmon": {sysmon, "process_activity", 30, nil, []string{"process.pid", "process.name", "process.cmd_line", "actor.user.name", "device.hostname"}},
		"vpc": {[]string{"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
			"2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1748736000 1748736060 ACCEPT OK",
			"2 123456789010 eni-1 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1748736001 1748736061 REJECT OK",
			"2 123456789010 eni-1 - - - - - - - 1748736001 1748736061 - NODATA"},
			"network_activity", 3, nil, []string{"src_endpoint.ip", "dst_endpoint.port", "connection_info.protocol_num", "start_time", "traffic.bytes", "cloud.account.uid"}},
		"packed":   {packed, "process_activity", 30, nil, []string{"process.pid", "process.name", "process.cmd_line", "actor.user.name", "device.hostname"}},
		"odd":      {odd, "base_event", 15, map[string]int{"TIME_UNREADABLE": 15}, nil},
		"timeless": {[]string{`{"a":1}`, `{"a":2}`}, "base_event", 2, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			sample, made := filepath.Join(dir, name+".jsonl"), filepath.Join(dir, name)
			if err := os.WriteFile(sample, []byte(strings.Join(c.lines, "\n")), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, errs, code := etl(t, "infer", sample, "--save", made); code != 0 || !strings.Contains(out, "class "+c.class+",") {
				t.Fatalf("exit code %d\n%s%s", code, out, errs)
			}
			if out, errs, code := etl(t, "check", made); code != 0 {
				t.Fatalf("exit code %d\n%s%s", code, out, errs)
			}
			out, errs, code := etl(t, "preview", made, sample, "--limit", "1000", "-o", "json")
			if code != 0 {
				t.Fatalf("exit code %d\n%s", code, errs)
			}
			reasons, published := map[string]int{}, 0
			for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
				var r struct {
					Class, Reason string
					OCSF          map[string]any
					Misfits       []string
					Without       []string `json:"published_without"`
				}
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				if len(r.Misfits) > 0 {
					t.Errorf("%v do not take their values: %s", r.Misfits, line)
				}
				if r.Reason != "" {
					reasons[r.Reason]++
					continue
				}
				if published++; len(r.Without) > 0 {
					continue
				}
				for _, path := range c.filled {
					var at any = r.OCSF
					for _, k := range strings.Split(path, ".") {
						m, _ := at.(map[string]any)
						at = m[k]
					}
					if at == nil {
						t.Errorf("%s is not filled: %s", path, line)
					}
				}
			}
			if published != c.published || fmt.Sprint(reasons) != fmt.Sprint(c.quarantined) && len(reasons)+len(c.quarantined) > 0 {
				t.Errorf("%d published, quarantined %v; want %d and %v", published, reasons, c.published, c.quarantined)
			}
		})
	}
}
