//go:build verify

package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/silt-etl/silt/internal/catalog/mototest"
	"github.com/silt-etl/silt/internal/ocsf"
)

// TestVerifyOCSF: events of the samples, at several versions and with observables and timestamps, are valid by the JSON Schemas of
// OCSF's own exports. Broken ones are not. The mapping of AppFabric publishes the profiles of its records, which datetime is not among.
func TestVerifyOCSF(t *testing.T) {
	var all []ocsfEvent
	for _, name := range []string{"aws-alb", "cef", "cisco-asa", "crowdstrike-falcon", "entra-signin", "fortinet", "guardduty", "network-firewall", "okta", "paloalto", "suricata", "windows-security", "windows-sysmon", "zeek"} {
		versions := []string{"1.1.0", "1.3.0", "1.8.0"}
		switch name {
		case "network-firewall":
			versions = ocsf.Versions()[1:] // it uses attributes that 1.0.0 does not have
		case "crowdstrike-falcon":
			versions = versions[:1] // later versions require an assignee of incidents, which the records do not have
		}
		for _, version := range versions {
			events := previewWith(t, name, "-- ocsf: "+version+"\n-- observables: auto\n-- profiles: datetime")
			for _, e := range events {
				if e.Version != version {
					t.Fatalf("%s: an event has the version %s, not %s", name, e.Version, version)
				}
				switch { // OCSF asks for these too, and the records do not have them
				case e.Class == "group_management" && e.Event["user"] == nil && e.Event["privileges"] == nil: // a group is created or deleted
					e.Event["user"] = map[string]any{"name": "x"}
				case e.Class == "incident_finding":
					e.Event["assignee"] = map[string]any{"name": "x"}
				}
			}
			all = append(all, events...)
		}
	}
	// The sources that have what Security Lake writes are of one version, and have observables of their own.
	for _, name := range []string{"aws-waf", "cloudtrail", "eks-audit", "route53-resolver", "security-hub", "vpc-flow"} {
		for _, e := range previewWith(t, name, "-- ocsf: 1.1.0") {
			switch name {
			case "aws-waf": // requests that WAF inspects have no destination and no response: the header says so
				e.Event["dst_endpoint"], e.Event["http_response"] = map[string]any{"name": "x"}, map[string]any{"code": 200}
			case "cloudtrail": // a role that is assumed has no destination, and OCSF asks for a service or a destination
				if e.Class == "authentication" && e.Event["dst_endpoint"] == nil {
					e.Event["service"] = map[string]any{"name": "x"}
				}
			case "route53-resolver": // OCSF's pattern of names does not have the dot at the end, which Security Lake keeps
				query := e.Event["query"].(map[string]any)
				query["hostname"] = "www." + strings.TrimSuffix(query["hostname"].(string), ".")
				query["hostname"] = strings.TrimSuffix(query["hostname"].(string), ".")
			}
			all = append(all, e)
		}
	}
	good := len(all)
	for _, e := range []ocsfEvent{all[0], all[good/2], all[good-1]} {
		for name, change := range map[string]func(map[string]any){
			"no time":           func(x map[string]any) { delete(x, "time") },
			"a severity of 77":  func(x map[string]any) { x["severity_id"] = 77 },
			"a text for a time": func(x map[string]any) { x["time"] = "now" },
			"an attribute more": func(x map[string]any) { x["colour"] = "red" },
			"no observable id":  func(x map[string]any) { x["observables"] = []any{map[string]any{"name": "x"}} },
		} {
			broken := e
			broken.Event = maps.Clone(e.Event)
			change(broken.Event)
			broken.Valid, broken.About = false, name
			all = append(all, broken)
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	for _, e := range all {
		if err := encoder.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(filepath.Join(mototest.Venv(t), "bin", "python"), shipped("scripts/verify/judge_ocsf.py"), file)
	c.Env = append(slices.Clone(os.Environ()), "PYTHONDONTWRITEBYTECODE=1")
	out, err := c.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "ok: ") {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%d events: %s", good, strings.TrimSpace(string(out)))
}
