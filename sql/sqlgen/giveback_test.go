package sqlgen_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/silt-etl/silt/sql/sqlgen"
	"github.com/silt-etl/silt/sql/sqltest"
)

// A value that does not make it into the event is in unmapped, whatever the reason, and is counted.
func TestGivenBack(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.NetworkFirewall(t))
	for _, c := range []struct {
		name   string
		edit   []string
		gone   []string // OCSF paths that have no value
		kept   map[string]string
		misses []string
	}{
		{"port out of range", []string{`"src_port":47047`, `"src_port":70000`}, []string{"src_endpoint.port"}, map[string]string{"event.src_port": "70000"}, []string{"src_endpoint.port"}},
		{"port is a word", []string{`"src_port":47047`, `"src_port":"http"`}, []string{"src_endpoint.port"}, map[string]string{"event.src_port": "http"}, nil},
		{"port with a fraction", []string{`"src_port":47047`, `"src_port":443.7`}, []string{"src_endpoint.port"}, map[string]string{"event.src_port": "443.7"}, nil},
		{"port as text", []string{`"src_port":47047`, `"src_port":"443"`}, nil, nil, nil},
		{"number over 64 bits", []string{`"bytes":60`, `"bytes":99999999999999999999`}, []string{"traffic.bytes"}, map[string]string{"event.netflow.bytes": "99999999999999999999"}, nil},
		{"tls without version", []string{`"proto":"TCP"`, `"proto":"TCP","tls":{"sni":"a.example","subject":"CN=a"}`}, []string{"tls.sni"}, map[string]string{"event.tls.sni": "a.example", "event.tls.subject": "CN=a"}, []string{"tls.sni"}},
		{"tls", []string{`"proto":"TCP"`, `"proto":"TCP","tls":{"sni":"a.example","version":"TLS 1.3"}`}, nil, nil, nil},
		{"flags no hex", []string{`"tcp_flags":"02"`, `"tcp_flags":"zz"`}, []string{"connection_info.tcp_flags"}, map[string]string{"event.tcp.tcp_flags": "zz"}, []string{"connection_info.tcp_flags"}},
		{"unknown protocol", []string{`"proto":"TCP"`, `"proto":"XNS-IDP"`}, []string{"connection_info.protocol_num"}, nil, nil},
		{"http without url", []string{`"proto":"TCP"`, `"proto":"TCP","http":{"hostname":"h.example"}`}, []string{"url.hostname"}, map[string]string{"event.http.hostname": "h.example"}, []string{"url.hostname"}},
		{"action unheard of", []string{`"event_type":"netflow"`, `"event_type":"alert","alert":{"action":"pondered","signature_id":1,"severity":9}`}, nil, map[string]string{"event.alert.action": "pondered", "event.alert.severity": "9"}, nil},
		{"duration too long", []string{`"start":"2020-10-01T21:25:04.070479+0000"`, `"start":"1990-10-01T21:25:04.070479+0000"`}, []string{"duration"}, nil, []string{"duration"}},
	} {
		line := sqltest.EditedSample(t, c.edit...)
		events := sqltest.Run(t, compiled, sqltest.StagingKey, line)
		if len(events) != 1 || events[0].Reason != nil {
			t.Errorf("%s: %+v", c.name, events)
			continue
		}
		e := events[0]
		for _, path := range c.gone {
			if v, ok := e.Fields[path]; ok {
				t.Errorf("%s: %s is %v", c.name, path, v)
			}
		}
		want := map[string]any{"event_timestamp": "1601587565", "event.event_type": "netflow", "event.netflow.age": "0", "event.netflow.min_ttl": "241", "event.netflow.max_ttl": "241", "event.tcp.syn": "true"}
		if strings.Contains(line, `"alert"`) {
			want["event.event_type"] = "alert"
		}
		for k, v := range c.kept {
			want[k] = v
		}
		sqltest.Same(t, c.name+": unmapped", e.Unmapped, want)
		if !reflect.DeepEqual(e.Misses, c.misses) {
			t.Errorf("%s: misses %v, want %v", c.name, e.Misses, c.misses)
		}
	}
}

func TestURL(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.NetworkFirewall(t))
	for url, want := range map[string]map[string]any{
		"/a/b":                {"url.hostname": "h", "url.path": "/a/b"},
		"/a?x=1?y=2":          {"url.hostname": "h", "url.path": "/a", "url.query_string": "x=1?y=2"},
		"http://p.example/?q": {"url.hostname": "h", "url.url_string": "http://p.example/?q", "url.query_string": "q"},
	} {
		e := sqltest.Run(t, compiled, sqltest.StagingKey, sqltest.EditedSample(t, `"proto":"TCP"`, `"proto":"TCP","http":{"hostname":"h","url":"`+url+`","http_method":"GET"}`))[0]
		got := map[string]any{}
		for k, v := range e.Fields {
			if strings.HasPrefix(k, "url.") {
				got[k] = v
			}
		}
		sqltest.Same(t, url, got, want)
		if e.Unmapped["event.http.http_method"] != "GET" || e.Unmapped["event.http.url"] != "" || e.Fields["dst_endpoint.hostname"] != "h" {
			t.Errorf("%s: unmapped %v, hostname %v", url, e.Unmapped, e.Fields["dst_endpoint.hostname"])
		}
	}
}

func TestDirection(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.NetworkFirewall(t))
	private := []string{"10.0.0.1", "192.168.1.1", "172.16.0.1", "172.31.255.255", "100.64.0.1", "100.127.9.9", "127.0.0.1", "169.254.1.1", "::1", "fd00::1", "FC12:3::", "fe80::1", "feb0::1"}
	public := []string{"11.0.0.1", "1.0.0.1", "192.169.1.1", "172.15.0.1", "172.32.0.1", "172.2.0.1", "100.63.0.1", "100.128.0.1", "169.253.1.1", "2001:db8::1", "fec0::1", "110.0.0.1", "::2"}
	var lines []string
	var want []string
	add := func(src, dst, direction string) {
		lines = append(lines, sqltest.EditedSample(t, "45.129.33.153", src, "172.31.16.139", dst))
		want = append(want, direction)
	}
	for i, ip := range private {
		add(ip, "8.8.8.8", "2 Outbound")
		add("8.8.8.8", ip, "1 Inbound")
		add(ip, private[(i+1)%len(private)], "3 Lateral")
	}
	for i, ip := range public {
		add(ip, public[(i+1)%len(public)], "0 Unknown")
	}
	for i, e := range sqltest.Run(t, compiled, sqltest.StagingKey, lines...) {
		if got := fmt.Sprint(e.Fields["connection_info.direction_id"], " ", e.Fields["connection_info.direction"]); got != want[i] {
			t.Errorf("%v to %v: %s, want %s", e.Fields["src_endpoint.ip"], e.Fields["dst_endpoint.ip"], got, want[i])
		}
	}
}

func TestSeverityProtocolRegion(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.NetworkFirewall(t))
	for raw, want := range map[string]string{"1": "4 High", "2": "3 Medium", "3": "2 Low", "4": "1 Informational", "77": "1 Informational", "null": "1 Informational"} {
		e := sqltest.Run(t, compiled, sqltest.StagingKey, strings.Replace(sqltest.Samples()[1], `"severity":3`, `"severity":`+raw, 1))[0]
		if got := fmt.Sprint(e.Fields["severity_id"], " ", e.Fields["severity"]); got != want {
			t.Errorf("severity %s: %s, want %s", raw, got, want)
		}
	}
	for raw, want := range map[string]string{"UDP": "udp 17", "ICMP": "icmp 1", "IPv6-ICMP": "ipv6-icmp 58", "SCTP": "sctp 132", "GRE": "gre 47", "093": "093 93"} {
		e := sqltest.Run(t, compiled, sqltest.StagingKey, sqltest.EditedSample(t, `"proto":"TCP"`, `"proto":"`+raw+`"`))[0]
		if got := fmt.Sprint(e.Fields["connection_info.protocol_name"], " ", e.Fields["connection_info.protocol_num"]); got != want {
			t.Errorf("proto %s: %s, want %s", raw, got, want)
		}
	}
	for zone, want := range map[string]string{"us-gov-west-1a": "us-gov-west-1", "us-west-2-lax-1a": "us-west-2", "ap-southeast-2c": "ap-southeast-2", "us-east-1": "eu-west-1", "": "eu-west-1"} {
		e := sqltest.Run(t, compiled, sqltest.StagingKey, sqltest.EditedSample(t, "us-east-1b", zone))[0]
		if got := fmt.Sprint(e.Fields["cloud.region"]); got != want {
			t.Errorf("zone %q: %s, want %s", zone, got, want)
		}
	}
	blocked := sqltest.Run(t, compiled, nil, strings.Replace(sqltest.Samples()[1], `"allowed"`, `"blocked"`, 1))[0]
	if fmt.Sprint(blocked.Fields["action_id"], blocked.Fields["action"], blocked.Fields["disposition_id"], blocked.Fields["disposition"]) != "2Denied2Blocked" || blocked.Unmapped["event.alert.action"] != "" {
		t.Errorf("blocked: %v, unmapped %v", blocked.Fields, blocked.Unmapped)
	}
	if blocked.Account != nil || blocked.Fields["cloud.provider"] != "AWS" {
		t.Errorf("without a key: account %v, cloud.provider %v", blocked.Account, blocked.Fields["cloud.provider"])
	}
}

func TestRejects(t *testing.T) {
	compiled := sqltest.Compile(t, sqltest.NetworkFirewall(t))
	for _, c := range []struct {
		line, code, path string
	}{
		{sqltest.EditedSample(t, `"event_type":"netflow"`, `"event_type":"stats"`), sqlgen.ReasonNoProjection, ""},
		{`{}`, sqlgen.ReasonNoProjection, ""},
		{sqltest.EditedSample(t, `"timestamp":"2020-10-01T21:26:05.007515+0000",`, ``), sqlgen.ReasonTimeMissing, "time"},
		{sqltest.EditedSample(t, `"timestamp":"2020-10-01T21:26:05.007515+0000",`, `"timestamp":"yesterday",`), sqlgen.ReasonTimeMissing, "time"},
		{sqltest.EditedSample(t, `"src_ip":"45.129.33.153",`, ``), sqlgen.ReasonMissingRequired, "src_endpoint"},
		{sqltest.EditedSample(t, `"dest_ip":"172.31.16.139",`, ``), sqlgen.ReasonMissingRequired, "dst_endpoint"},
	} {
		e := sqltest.Run(t, compiled, sqltest.StagingKey, c.line)
		if len(e) != 1 || e[0].Reason == nil || e[0].Reason.Code != c.code || e[0].Reason.Path != c.path {
			t.Errorf("want %s %s, got %+v", c.code, c.path, e)
		}
	}
	// Whether the time is missing or unreadable is known to the scanner: the plan says which leaf to ask for.
	p := compiled.Projections[0]
	if len(p.TimeLeaves) != 1 || strings.Join(compiled.Scan.Leaves[p.TimeLeaves[0]].Path, ".") != "event.timestamp" {
		t.Errorf("time leaves %v", p.TimeLeaves)
	}
}
