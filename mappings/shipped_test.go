package mappings

import (
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"testing"
)

// samples are the two records that AWS's own documents and the mapping's table speak of.
func samples(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/nfw.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

var stagingKey = map[string]string{"account_id": "123456789012", "region": "eu-west-1"}

func shippedSQL(t testing.TB) *Mapping {
	t.Helper()
	m, err := Load("network-firewall")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// same compares maps and names each difference.
func same[V any](t *testing.T, what string, got map[string]V, want map[string]any) {
	t.Helper()
	keys := map[string]bool{}
	for k := range got {
		keys[k] = true
	}
	for k := range want {
		keys[k] = true
	}
	sorted := make([]string, 0, len(keys))
	for k := range keys {
		sorted = append(sorted, k)
	}
	sort.Strings(sorted)
	for _, k := range sorted {
		g, has := got[k]
		w, wants := want[k]
		if !has || !wants || fmt.Sprint(any(g)) != fmt.Sprint(w) {
			t.Errorf("%s: %s is %v (%t), want %v (%t)", what, k, any(g), has, w, wants)
		}
	}
}

func TestNetworkFirewallSamples(t *testing.T) {
	events := runPlan(t, compile(t, shippedSQL(t)), stagingKey, samples(t)...)
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	common := map[string]any{
		"activity_id": 6, "activity_name": "Traffic", "category_uid": 4, "category_name": "Network Activity", "class_uid": 4001,
		"class_name": "Network Activity", "type_uid": 400106, "type_name": "Network Activity: Traffic", "app_name": "firewall",
		"connection_info.protocol_name": "tcp", "connection_info.protocol_num": 6, "cloud.provider": "AWS",
		"cloud.account.uid": "123456789012", "metadata.version": "1.1.0", "metadata.profiles": []string{"cloud", "security_control"},
		"metadata.product.name": "AWS Network Firewall", "metadata.product.vendor_name": "AWS", "metadata.product.feature.name": "Firewall",
	}
	with := func(more map[string]any) map[string]any {
		out := map[string]any{}
		for k, v := range common {
			out[k] = v
		}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	flow, alert := events[0], events[1]
	same(t, "netflow", flow.fields, with(map[string]any{
		"time": 1601587565007, "severity_id": 1, "severity": "Informational",
		"src_endpoint.ip": "45.129.33.153", "src_endpoint.port": 47047, "dst_endpoint.ip": "172.31.16.139", "dst_endpoint.port": 16463,
		"connection_info.uid": "1770453319291727", "connection_info.tcp_flags": 2, "connection_info.direction_id": 1, "connection_info.direction": "Inbound",
		"traffic.bytes": 60, "traffic.packets": 1, "start_time": 1601587504070, "end_time": 1601587504070, "duration": 0,
		"action_id": 0, "action": "Unknown", "disposition_id": 0, "disposition": "Unknown",
		"cloud.region": "us-east-1", "cloud.zone": "us-east-1b",
	}))
	same(t, "netflow unmapped", flow.unmapped, map[string]any{
		"event_timestamp": "1601587565", "event.event_type": "netflow", "event.netflow.age": "0", "event.netflow.min_ttl": "241",
		"event.netflow.max_ttl": "241", "event.tcp.syn": "true",
	})
	same(t, "alert", alert.fields, with(map[string]any{
		"time": 1601074865598, "severity_id": 2, "severity": "Low",
		"src_endpoint.ip": "10.16.197.56", "src_endpoint.port": 49157, "dst_endpoint.ip": "10.16.197.55", "dst_endpoint.port": 8883,
		"connection_info.uid": "1111111111111111", "connection_info.direction_id": 3, "connection_info.direction": "Lateral",
		"action_id": 1, "action": "Allowed", "disposition_id": 1, "disposition": "Allowed",
		"firewall_rule.uid": "2", "firewall_rule.name": "", "firewall_rule.category": "",
		"cloud.region": "eu-west-1", "cloud.zone": "zone",
	}))
	same(t, "alert unmapped", alert.unmapped, map[string]any{
		"event_timestamp": "1601074865", "event.event_type": "alert", "event.alert.rev": "0", "event.alert.severity": "3",
	})
	for _, e := range events {
		if e.reason != nil || e.misses != nil || e.account != "123456789012" {
			t.Errorf("record %d: rejected %v, missed %v, account %v", e.record, e.reason, e.misses, e.account)
		}
	}
	if flow.day != int32(18536) || !reflect.DeepEqual(alert.time, int64(1601074865598)) {
		t.Errorf("day %v, time %v", flow.day, alert.time)
	}
}
