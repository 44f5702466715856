package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// inferredRun is what the mapping that etl infer writes does to its own sample.
type inferredRun struct {
	out       string // of etl infer
	raw       string // the raw.sql that it writes
	published []map[string]any
	filtered  int
	reasons   map[string]int
}

// runInferred writes a sample, infers a mapping of it, checks the mapping, and runs the sample through it. It fails if the mapping
// has errors, or if a value does not have the type that raw.sql gives it.
func runInferred(t *testing.T, name string, content []byte) inferredRun {
	t.Helper()
	dir := t.TempDir()
	sample, saved := filepath.Join(dir, name), filepath.Join(dir, "inferred")
	if err := os.WriteFile(sample, content, 0o644); err != nil {
		t.Fatal(err)
	}
	changed := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	if err := os.Chtimes(sample, changed, changed); err != nil {
		t.Fatal(err)
	}
	run := inferredRun{reasons: map[string]int{}}
	out, errs, code := etl(t, "infer", sample, "--save", saved)
	if run.out = out; code != 0 {
		t.Fatalf("etl infer: exit code %d\n%s%s", code, out, errs)
	}
	raw, err := os.ReadFile(filepath.Join(saved, "raw.sql"))
	if err != nil {
		t.Fatal(err)
	}
	run.raw = string(raw)
	if out, errs, code := etl(t, "check", saved); code != 0 || strings.Contains(out+errs, "header key") {
		t.Fatalf("etl check: exit code %d\n%s%s", code, out, errs)
	}
	out, errs, code = etl(t, "preview", saved, sample, "--limit", "100000", "-o", "json")
	if code != 0 {
		t.Fatalf("etl preview: exit code %d\n%s", code, errs)
	}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var r struct {
			Reason, Path, Message string
			Filtered              bool
			OCSF, Unmapped        map[string]any
			Misfits               []string
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if len(r.Misfits) > 0 && !r.Filtered {
			t.Errorf("%v do not have their types: %s", r.Misfits, line)
		}
		switch {
		case r.Reason != "":
			run.reasons[strings.TrimSpace(r.Reason+" "+r.Path)]++
		case r.Filtered:
			run.filtered++
		default:
			run.published = append(run.published, r.OCSF)
		}
	}
	return run
}

// at is the value of a dotted path, as text.
func (inferredRun) at(event map[string]any, path string) string {
	var v any = event
	for _, k := range strings.Split(path, ".") {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	if f, ok := v.(float64); ok {
		return fmt.Sprintf("%.0f", f)
	}
	if v == nil {
		return "absent"
	}
	return fmt.Sprint(v)
}

// windows is an event of the security log, as converters of its XML write it.
func windows(id int, data string) string {
	return fmt.Sprintf(`{"Event":{"#attributes":{"xmlns":"http://schemas.example.com/event"},"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Security-Auditing"}},"EventID":%d,"TimeCreated":{"#attributes":{"SystemTime":"2026-03-01T10:00:00.25Z"}},"Execution":{"#attributes":{"ProcessID":480}},"Channel":"Security","Computer":"ws1.example.com"},"EventData":%s}}`, id, data)
}

// TestInferredMappingsPublishTheirSamples: forms of logs that are common. Each record of the sample is published, and the first one has
// the values that the form says.
func TestInferredMappingsPublishTheirSamples(t *testing.T) {
	lines := func(all ...string) string { return strings.Join(all, "\n") + "\n" }
	for name, c := range map[string]struct {
		text      string
		class     string
		first     map[string]string
		published int
		filtered  int
		reasons   map[string]int
		says      []string // of the output of etl infer and of raw.sql
	}{
		"zeek-conn.log": {text: lines("#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn", "#open\t2026-03-01-10-00-00",
			"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\torig_pkts\tresp_pkts\ttunnel_parents",
			"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tcount\tcount\tset[string]",
			"1772359200.250000\tCa1\t192.0.2.11\t40001\t198.51.100.9\t443\ttcp\tssl\t2\t700\t9000\tSF\t9\t12\t(empty)",
			"1772359201.500000\tCb2\t192.0.2.12\t40002\t198.51.100.9\t53\tudp\t-\t-\t-\t-\tS0\t1\t0\t(empty)", "#close\t2026-03-01-11-00-00"), class: "network_activity", published: 2,
			first: map[string]string{"time": "1772359200250", "src_endpoint.ip": "192.0.2.11", "src_endpoint.port": "40001", "dst_endpoint.ip": "198.51.100.9", "dst_endpoint.port": "443",
				"traffic.bytes_out": "700", "traffic.bytes_in": "9000", "connection_info.uid": "Ca1", "connection_info.protocol_name": "tcp"}},
		"zeek-dns.log": {text: lines("#separator \\x09", "#unset_field\t-", "#path\tdns", "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\ttrans_id\tquery\tqtype\tqtype_name\trcode\trcode_name",
			"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tcount\tstring\tcount\tstring\tcount\tstring",
			"1772359200.25\tCa1\t192.0.2.11\t40001\t198.51.100.53\t53\tudp\t7\twww.example.com\t1\tA\t0\tNOERROR", "1772359201.25\tCa2\t192.0.2.11\t40002\t198.51.100.53\t53\tudp\t8\tmail.example.com\t28\tAAAA\t-\t-"),
			class: "dns_activity", published: 2, first: map[string]string{"time": "1772359200250", "query.hostname": "www.example.com", "query.type": "A", "rcode": "NOERROR", "src_endpoint.ip": "192.0.2.11"}},
		"zeek-http.log": {text: lines("#separator \\x09", "#unset_field\t-", "#path\thttp", "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\ttrans_depth\tmethod\thost\turi\treferrer\tversion\tuser_agent\trequest_body_len\tresponse_body_len\tstatus_code\tstatus_msg",
			"#types\ttime\tstring\taddr\tport\taddr\tport\tcount\tstring\tstring\tstring\tstring\tstring\tstring\tcount\tcount\tcount\tstring",
			"1772359200.25\tCa1\t192.0.2.11\t40001\t198.51.100.80\t80\t1\tGET\twww.example.com\t/a\t-\t1.1\tcurl/8.0\t0\t55\t200\tOK", "1772359201.25\tCa2\t192.0.2.11\t40002\t198.51.100.80\t80\t1\tPOST\twww.example.com\t/b\t-\t1.1\tcurl/8.0\t3\t0\t-\t-"),
			class: "http_activity", published: 2, first: map[string]string{"time": "1772359200250", "activity_id": "3", "http_request.http_method": "GET", "http_request.url.path": "/a", "http_response.code": "200"}},
		"iis.log": {text: lines("#Software: Microsoft Internet Information Services 10.0", "#Version: 1.0", "#Date: 2026-03-01 00:00:05", "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
			"2026-03-01 10:00:01 192.0.2.80 GET /start.html - 443 - 198.51.100.7 Mozilla/5.0+(X11) - 200 0 0 15", `2026-03-01 10:00:02 192.0.2.80 POST /login user=1 443 EXAMPLE\ada 198.51.100.8 Mozilla/5.0+(X11) https://shop.example/ 401 1 1326 22`),
			class: "http_activity", published: 2, first: map[string]string{"time": "1772359201000", "src_endpoint.ip": "198.51.100.7", "dst_endpoint.ip": "192.0.2.80", "dst_endpoint.port": "443", "http_request.url.path": "/start.html",
				"http_request.http_method": "GET", "http_response.code": "200", "http_request.user_agent": "Mozilla/5.0+(X11)", "http_request.url.url_string": "absent"}},
		"cloudfront.log": {text: lines("#Version: 1.0", "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query",
			"2026-03-01\t10:00:01\tFRA2\t392\t198.51.100.7\tGET\td1.cloudfront.example\t/a.css\t200\t-\tcurl/8.0\tv=2", "2026-03-01\t10:00:02\tFRA2\t12\t198.51.100.8\tHEAD\td1.cloudfront.example\t/b.css\t304\t-\tcurl/8.0\t-"),
			class: "http_activity", published: 2, first: map[string]string{"time": "1772359201000", "src_endpoint.ip": "198.51.100.7", "http_request.url.path": "/a.css", "http_request.url.query_string": "v=2", "http_response.code": "200"}},
		"common.log": {text: lines(`198.51.100.7 - ada [01/Mar/2026:11:00:00 +0100] "GET /a.png?size=2 HTTP/1.0" 200 2326`, `198.51.100.8 - - [01/Mar/2026:11:00:01 +0100] "\x16\x03" 400 -`, `2001:db8::7 - - [01/Mar/2026:11:00:02 +0100] "POST /b HTTP/1.1" 201 7`,
			`198.51.100.7 - - [01/Mar/2026:11:00:03 +0100] "GET /b HTTP/1.1" 201 7`), class: "http_activity", published: 4,
			first: map[string]string{"time": "1772359200000", "src_endpoint.ip": "198.51.100.7", "http_request.url.path": "/a.png", "http_request.url.query_string": "size=2", "http_request.http_method": "GET", "http_response.code": "200", "http_response.length": "2326", "activity_id": "3"}},
		"combined.log": {text: lines(`198.51.100.7 - ada [01/Mar/2026:11:00:00 +0100] "GET /a.png HTTP/1.0" 200 2326 "https://www.example.com/start" "Mozilla/4.08 [en] \"x\""`, `198.51.100.8 - - [01/Mar/2026:11:00:01 +0100] "PUT /b HTTP/2.0" 204 - "-" "curl/8.0"`),
			class: "http_activity", published: 2, first: map[string]string{"time": "1772359200000", "http_request.referrer": "https://www.example.com/start", "http_request.version": "HTTP/1.0", "http_request.user_agent": `Mozilla/4.08 [en] \"x\"`}},
		"messages": {text: lines("Mar  1 10:00:00 bastion sshd[2420]: Invalid user web from 198.51.100.86", "Mar  1 10:00:02 bastion sshd[2420]: Failed password for root from 198.51.100.86 port 38926 ssh2", "Mar  1 10:00:05 bastion CRON[77]: (root) CMD (true)"),
			class: "base_event", published: 3, first: map[string]string{"time": "1772359200000", "message": "Invalid user web from 198.51.100.86"}, says: []string{"\n-- format: lines\n", "\n-- parse: line syslog\n"}},
		"syslog-5424.log": {text: lines(`<34>1 2026-03-01T10:00:00.003Z host1.example.com su 10 ID47 - 'su root' failed for eve`, `<165>1 2026-03-01T10:00:01Z host1.example.com app - - [a@1 b="c"] started`), class: "base_event", published: 2,
			first: map[string]string{"time": "1772359200003", "message": "'su root' failed for eve"}, says: []string{"\n-- parse: line syslog\n"}},
		"dates.csv": {text: lines("Date,Time,Source IP,Destination IP,Source Port,Destination Port,Action", "2026-03-01,10:00:00,192.0.2.1,198.51.100.2,40001,443,allow", "2026-03-01,10:00:01,192.0.2.1,198.51.100.2,40002,443,deny"),
			class: "network_activity", published: 2, first: map[string]string{"time": "1772359200000", "src_endpoint.ip": "192.0.2.1", "dst_endpoint.port": "443"}},
		"american.csv": {text: lines("ID,Date,Time,Description,IP Address,Host Name", "10,03/01/26,10:00:00,Assign,192.0.2.4,ws1.example.com", "11,03/13/26,10:00:01,Renew,192.0.2.4,ws1.example.com"), class: "base_event", published: 2,
			first: map[string]string{"time": "1772359200000"}},
		"days.csv": {text: lines("date,user,count", "2026-03-01,ada,4", "2026-03-02,eve,5"), published: 2, first: map[string]string{"time": "1772323200000"}},
		"firewall.log": {text: lines(`date=2026-03-01 time=11:00:00 type="traffic" eventtime=1772359200 tz="+0100" srcip=192.0.2.1 srcport=58012 dstip=198.51.100.3 dstport=80 proto=6`,
			`date=2026-03-01 time=11:00:01 type="traffic" eventtime=1772359201369913239 tz="+0100" srcip=192.0.2.1 srcport=58013 dstip=198.51.100.3 dstport=80 proto=6`), class: "network_activity", published: 2,
			first: map[string]string{"time": "1772359200000", "src_endpoint.ip": "192.0.2.1"}},
		"epochs.tsv": {text: lines("1772359200.25\tCM\t192.0.2.76\t36844\t198.51.100.1\t53", "1772359201.5\tCN\t192.0.2.76\t36845\t198.51.100.1\t53"), published: 2, first: map[string]string{"time": "1772359200250"}},
		"rare.jsonl": {text: lines(`{"timestamp":1772359200000,"action":"BLOCK","httpRequest":{"clientIp":"192.0.2.1","uri":"/x","httpMethod":"GET","requestId":"r0"}}`,
			`{"timestamp":1772359201000,"action":"ALLOW","responseCodeSent":302,"httpRequest":{"clientIp":"192.0.2.1","uri":"/x","httpMethod":"GET","requestId":"r1"}}`,
			`{"timestamp":1772359202000,"action":"ALLOW","httpRequest":{"clientIp":"192.0.2.1","uri":"/x","httpMethod":"GET","requestId":"r2"}}`), class: "http_activity", published: 3, first: map[string]string{"time": "1772359200000", "http_request.http_method": "GET", "http_response": "absent"}},
		"often.jsonl": {text: lines(`{"time":"2026-03-01T10:00:00Z","event":"user.login","login":"x1","username":"ada","src_ip":"192.0.2.1"}`, `{"time":"2026-03-01T10:00:01Z","event":"user.login","username":"eve","src_ip":"192.0.2.2"}`), class: "authentication", published: 2,
			first: map[string]string{"user.name": "ada"}},
		"one-alb.log": {text: lines(`https 2026-03-01T10:00:00.186641Z app/front/50dc6c495c0c9188 198.51.100.7:2817 192.0.2.1:80 0.000 0.001 0.000 200 200 34 366 "GET https://www.example.com:443/ HTTP/1.1" "curl/8.0" - - arn:aws:x "Root=1-5" "-" "-" 0 2026-03-01T10:00:00.1Z "forward" "-" "-" "-" "-" "-" "-" TID_1`),
			published: 1, first: map[string]string{"time": "1772359200186"}},
		"alb-connections.log": {text: lines(`2026-03-01T10:00:00.250000Z 198.51.100.7 58206 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 4.036 "CN=a.example" - - Success TID_1`, `2026-03-01T10:00:01.599544Z 198.51.100.7 58207 80 - - - "-" - - - TID_2`),
			published: 2, first: map[string]string{"time": "1772359200250", "message": "absent"}},
		"httpd-errors.log": {text: lines(`[Sun Mar 01 10:00:00.250000 2026] [core:error] [pid 35:tid 43] [client 198.51.100.7:51] File does not exist: /x`, `[Sun Mar 01 10:00:01.250000 2026] [mpm_event:notice] [pid 35:tid 43] resuming normal operations`),
			class: "base_event", published: 2, first: map[string]string{"time": "1772359200250"}},
		"web-errors.log": {text: lines(`2026/03/01 10:00:00 [error] 12#12: *5 open() "/x" failed, client: 198.51.100.7`, `2026/03/01 10:00:01 [notice] 12#12: start`), class: "base_event", published: 2,
			first: map[string]string{"time": "1772359200000", "message": `2026/03/01 10:00:00 [error] 12#12: *5 open() "/x" failed, client: 198.51.100.7`}},
		"application.log": {text: lines("2026-03-01 10:00:00,250 INFO  [main] started", "2026-03-01 10:00:01,250 ERROR [main] failed", "java.lang.IllegalStateException: x", "\tat com.example.Main(Main.java:1)", "2026-03-01 10:00:02,250 INFO  [main] ended", "2026-03-01 10:00:03,250 INFO  [main] ended it"),
			class: "base_event", published: 6, first: map[string]string{"time": "1772359200250"}},
		"buckets.log": {text: lines(`79a59 logs [01/Mar/2026:10:00:00 +0000] 192.0.2.3 79a59 3E57 REST.GET.VERSIONING - "GET /logs?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - x= SigV4`, `79a59 logs [01/Mar/2026:10:00:01 +0000] 192.0.2.4 - 891C REST.GET.OBJECT a.txt "GET /logs/a.txt HTTP/1.1" 403 AccessDenied 243 - 12 -`),
			class: "base_event", published: 2, first: map[string]string{"time": "1772359200000"}},
		"switch.log": {text: lines("*Mar  1 10:00:00.250: %SYS-5-CONFIG_I: Configured from console", "*Mar  1 10:00:01.483 UTC: %LINK-3-UPDOWN: Interface up"), class: "base_event", published: 2, first: map[string]string{"time": "1772359200250"}},
		"panos.log": {text: lines(`<14>Mar  1 11:00:00 PA 1,2026/03/01 10:00:00,0070,TRAFFIC,end,2561,2026/03/01 10:00:00,192.0.2.10,198.51.100.20,203.0.113.5,198.51.100.20,web,example\ada,,ssl,vsys1,trust,untrust,e1,e2,fwd,2026/03/01 10:00:00,33556,1,51234,443,42311,443,0x400053,tcp,allow,8012,2011,6001,25`,
			`<14>Mar  1 11:00:01 PA 1,2026/03/01 10:00:01,0070,SYSTEM,general,2561,2026/03/01 10:00:01,,general,,0,0,general,informational,"User admin logged in, from 192.0.2.9",711,0x8,0,0,0,0,,PA`), class: "network_activity", published: 2,
			first: map[string]string{"time": "1772359200000", "src_endpoint.ip": "192.0.2.10", "src_endpoint.port": "51234", "dst_endpoint.ip": "198.51.100.20", "dst_endpoint.port": "443", "connection_info.protocol_name": "tcp"}},
		"flows.log": {text: lines("2 111122223333 eni-0a1 192.0.2.1 198.51.100.9 443 52210 6 10 840 1772359200 1772359260 ACCEPT OK", "2 111122223333 eni-0a1 - - - - - - - 1772359200 1772359260 - NODATA"), class: "network_activity", published: 2,
			first: map[string]string{"time": "1772359200000", "src_endpoint.ip": "192.0.2.1", "dst_endpoint.port": "52210"}},
		"audit.log": {text: lines(`type=SYSCALL msg=audit(1772359200.250:24287): arch=c000003e syscall=2 pid=3538 exe="/bin/cat"`, `type=CWD msg=audit(1772359201.250:24288):  cwd="/home/ada"`), published: 2, first: map[string]string{"time": "1772359200250"}},
		"net.json":  {text: lines(`[{"Id":4624,"TimeCreated":"/Date(1772359200250)/","Note":"x"},{"Id":4625,"TimeCreated":"/Date(1772359201250)/","Note":"y"}]`), published: 2, first: map[string]string{"time": "1772359200250"}},
		"twice.csv": {text: lines("time,ip,ip,user", "2026-03-01T10:00:00Z,192.0.2.1,192.0.2.2,ada", "2026-03-01T10:00:01Z,192.0.2.1,192.0.2.2,eve"), published: 2, first: map[string]string{"time": "1772359200000"}},
		"sheet.csv": {text: lines("Timestamp (UTC),Source IP,User Name,Count", "3/1/2026 10:00,192.0.2.1,ada,1", "3/1/2026 9:05,192.0.2.1,eve,2"), published: 2, first: map[string]string{"time": "1772359200000"}},
		"verbs.jsonl": {text: lines(`{"ts":"2026-03-01T10:00:00Z","ip":"192.0.2.1","verb":"PATCH"}`, `{"ts":"2026-03-01T10:00:01Z","ip":"192.0.2.1","verb":"GET"}`), class: "http_activity", published: 2,
			first: map[string]string{"activity_id": "99", "http_request": "absent"}},
		"some-times.jsonl": {text: lines(`{"ts":"2026-03-01T10:00:00Z","a":1}`, `{"a":2}`, `{"ts":"soon","a":3}`, `{"ts":"2026-03-01T10:00:01Z","a":4}`), published: 3, first: map[string]string{"time": "1772359200000"},
			reasons: map[string]int{"TIME_UNREADABLE time": 1}},
		"security.jsonl": {text: lines(
			windows(4624, `{"SubjectUserName":"WS1$","SubjectUserSid":"S-1-5-18","TargetUserSid":"S-1-5-21-7","TargetUserName":"ada","TargetDomainName":"EXAMPLE","TargetLogonId":"0x3e8","LogonType":3,"LogonProcessName":"Kerberos","ProcessId":"0x1d4","ProcessName":"-","WorkstationName":"ws7","IpAddress":"198.51.100.7","IpPort":"50123"}`),
			windows(4624, `{"SubjectUserName":"-","SubjectUserSid":"S-1-0-0","TargetUserSid":"S-1-5-18","TargetUserName":"SYSTEM","TargetDomainName":"EXAMPLE","TargetLogonId":"0x3e7","LogonType":0,"LogonProcessName":"-","ProcessId":"0x4","ProcessName":"","WorkstationName":"-","IpAddress":"-","IpPort":"-"}`),
			windows(4688, `{"SubjectUserName":"ada","SubjectUserSid":"S-1-5-21-7","NewProcessId":"0x1d4","NewProcessName":"C:\\Windows\\System32\\cmd.exe","ProcessId":"0x4","CommandLine":"cmd /c dir"}`),
			windows(4634, `{"TargetUserSid":"S-1-5-21-7","TargetUserName":"ada","TargetDomainName":"EXAMPLE","TargetLogonId":"0x3e8","LogonType":3}`),
			windows(1102, `{"SubjectUserName":"ada"}`)), class: "authentication", published: 5,
			first: map[string]string{"time": "1772359200250", "class_uid": "3002", "activity_id": "1", "user.name": "ada", "user.domain": "EXAMPLE", "src_endpoint.ip": "198.51.100.7", "actor.user.name": "WS1$"}},
		"beats.jsonl": {text: lines(
			`{"@timestamp":"2026-03-01T10:00:00Z","winlog":{"event_id":4688,"provider_name":"Microsoft-Windows-Security-Auditing","channel":"Security","event_data":{"SubjectUserName":"ada","NewProcessId":"0x1d4","NewProcessName":"C:\\a.exe","CommandLine":"a"}}}`,
			`{"@timestamp":"2026-03-01T10:00:01Z","winlog":{"event_id":4625,"provider_name":"Microsoft-Windows-Security-Auditing","channel":"Security","event_data":{"TargetUserName":"eve","IpAddress":"198.51.100.7","IpPort":"4001"}}}`),
			class: "authentication", published: 2, first: map[string]string{"class_uid": "1007", "activity_id": "1", "process.pid": "468", "process.cmd_line": "a", "actor.user.name": "ada"}},
		"cloudwatch.json": {text: `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/acme/api","logStream":"audit-1","subscriptionFilters":["x"],"logEvents":[{"id":"1","timestamp":1772359200123,"message":"{\"verb\":\"get\",\"user\":{\"username\":\"node-a\"},\"code\":200}"},{"id":"2","timestamp":1772359201123,"message":"{\"verb\":\"delete\",\"user\":{\"username\":\"ada\"}}"}]}` +
			`{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1772359202123,"message":"CWL CONTROL MESSAGE: Checking health of destination."}]}`,
			published: 2, filtered: 1, first: map[string]string{"time": "1772359200123"}},
		"lambda.json": {text: `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/acme/fn","logStream":"a","subscriptionFilters":["x"],"logEvents":[{"id":"1","timestamp":1772359200123,"message":"START"},{"id":"2","timestamp":1772359201123,"message":"END"}]}`,
			class: "base_event", published: 2, first: map[string]string{"time": "1772359200123", "message": "START"}},
		"over-lines.json": {text: lines(`{"ts":"2026-03-01T10:00:00Z","n":1}`, `{"ts":"2026-03-01T10:00:01Z",`, ` "n":2,`, ` "list":[{"a":1},`, `  {"a":2}]}`, `{"ts":"2026-03-01T10:00:02Z","n":3}`), published: 3,
			first: map[string]string{"time": "1772359200000"}, says: []string{"inferred: 3 records of json\n"}},
		"also.log": {text: lines("%ACME-4-1: hello world", "%ACME-4-2: other, text here"), class: "base_event", published: 2, first: map[string]string{"time": "1772438400000"}},
		"null.log": {text: lines("%ACME-4-1: hello world", "%ACME-4-2: other, text here"), class: "base_event", published: 2, first: map[string]string{"time": "1772438400000"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := runInferred(t, name, []byte(c.text))
			if c.class != "" && !strings.Contains(run.out, "class "+c.class+",") {
				t.Errorf("the class is not %s:\n%s", c.class, run.out)
			}
			for _, text := range c.says {
				if !strings.Contains(run.out+run.raw, text) {
					t.Errorf("want %q in:\n%s%s", text, run.out, run.raw)
				}
			}
			if c.reasons == nil {
				c.reasons = map[string]int{}
			}
			if diff := cmp.Diff(c.reasons, run.reasons); diff != "" {
				t.Errorf("quarantined (-want +got):\n%s", diff)
			}
			if len(run.published) != c.published || run.filtered != c.filtered {
				t.Fatalf("%d published and %d filtered, want %d and %d", len(run.published), run.filtered, c.published, c.filtered)
			}
			got := map[string]string{}
			for path := range c.first {
				got[path] = run.at(run.published[0], path)
			}
			if diff := cmp.Diff(c.first, got); len(c.first) > 0 && diff != "" {
				t.Errorf("first event (-want +got):\n%s", diff)
			}
		})
	}
}

// TestInferredMappingsOfShippedSamples: the samples of the shipped sources are published whole, without the shipped mappings.
func TestInferredMappingsOfShippedSamples(t *testing.T) {
	files, err := filepath.Glob(shipped("testdata/*/*.*"))
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if filepath.Base(f) == "README.md" {
			continue
		}
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			run := runInferred(t, filepath.Base(f), content)
			if len(run.reasons) > 0 {
				t.Errorf("%d published, quarantined: %v\n%s", len(run.published), run.reasons, run.out)
			}
		})
	}
}
