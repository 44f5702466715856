package mappings_test

import (
	"reflect"
	"testing"

	"github.com/silt-etl/silt/sql/sqltest"
)

func TestNetworkFirewallSamples(t *testing.T) {
	events := sqltest.Run(t, sqltest.Compile(t, sqltest.NetworkFirewall(t)), sqltest.StagingKey, sqltest.Samples()...)
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
	sqltest.Same(t, "netflow", flow.Fields, with(map[string]any{
		"time": 1601587565007, "severity_id": 1, "severity": "Informational",
		"src_endpoint.ip": "45.129.33.153", "src_endpoint.port": 47047, "dst_endpoint.ip": "172.31.16.139", "dst_endpoint.port": 16463,
		"connection_info.uid": "1770453319291727", "connection_info.tcp_flags": 2, "connection_info.direction_id": 1, "connection_info.direction": "Inbound",
		"traffic.bytes": 60, "traffic.packets": 1, "start_time": 1601587504070, "end_time": 1601587504070, "duration": 0,
		"action_id": 0, "action": "Unknown", "disposition_id": 0, "disposition": "Unknown",
		"cloud.region": "us-east-1", "cloud.zone": "us-east-1b",
	}))
	sqltest.Same(t, "netflow unmapped", flow.Unmapped, map[string]any{
		"event_timestamp": "1601587565", "event.event_type": "netflow", "event.netflow.age": "0", "event.netflow.min_ttl": "241",
		"event.netflow.max_ttl": "241", "event.tcp.syn": "true",
	})
	sqltest.Same(t, "alert", alert.Fields, with(map[string]any{
		"time": 1601074865598, "severity_id": 2, "severity": "Low",
		"src_endpoint.ip": "10.16.197.56", "src_endpoint.port": 49157, "dst_endpoint.ip": "10.16.197.55", "dst_endpoint.port": 8883,
		"connection_info.uid": "1111111111111111", "connection_info.direction_id": 3, "connection_info.direction": "Lateral",
		"action_id": 1, "action": "Allowed", "disposition_id": 1, "disposition": "Allowed",
		"firewall_rule.uid": "2", "firewall_rule.name": "", "firewall_rule.category": "",
		"cloud.region": "eu-west-1", "cloud.zone": "zone",
	}))
	sqltest.Same(t, "alert unmapped", alert.Unmapped, map[string]any{
		"event_timestamp": "1601074865", "event.event_type": "alert", "event.alert.rev": "0", "event.alert.severity": "3",
	})
	for _, e := range events {
		if e.Reason != nil || e.Misses != nil || e.Account != "123456789012" {
			t.Errorf("record %d: rejected %v, missed %v, account %v", e.Record, e.Reason, e.Misses, e.Account)
		}
	}
	if flow.Day != int32(18536) || !reflect.DeepEqual(alert.Time, int64(1601074865598)) {
		t.Errorf("day %v, time %v", flow.Day, alert.Time)
	}
}
