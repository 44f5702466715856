package main

import "github.com/silt-etl/silt/internal/ocsf/facts"

// What the exports lack or have wrong. Each is a fact of the official schema; the tests of internal/ocsf check against the
// official JSON Schemas all that those state (they know nothing of captions, extensions and deprecations).

// windowsClasses come from OCSF's Windows extension, which the exports merge in as if they were core classes. An
// extension's class_uid is extension*100000 + category*1000 + uid, and Windows is extension 2.
func windowsClasses() map[string]bool {
	return map[string]bool{
		"registry_key_activity":   true,
		"registry_value_activity": true,
		"resource_activity":       true,
		"prefetch_info":           true,
		"prefetch_query":          true,
		"registry_key_info":       true,
		"registry_key_query":      true,
		"registry_value_info":     true,
		"registry_value_query":    true,
	}
}

const windowsExtension = 2

// requiredInObject names attributes that an object tightens to required; the exports keep the parent object's word.
func requiredInObject(version string) map[string]bool {
	required := map[string]bool{
		"device.type_id": version != "1.0.0", "extension.name": true, "extension.uid": true, "file.name": true, "image.uid": true,
		"analytic.name": version == "1.0.0",
	}
	return required
}

// redefinition is what a class or an object says about an attribute where the exports keep what the dictionary or its parent says.
type redefinition struct {
	path        string // owner and attribute, as file.name
	since       string // the first version; empty: all
	until       string // the last version; empty: all
	requirement string
	kind        string            // type
	texts       map[string]string // captions of enum values
}

// redefinitions are all that differ from the official exports of 1.0.0 to 1.2.0 (see verify_test.go).
func redefinitions() []redefinition {
	finding := map[string]string{"1": "New", "2": "In Progress"}
	return []redefinition{
		{path: "dns_activity.rcode_id", texts: map[string]string{"0": "NoError"}},
		{path: "email_activity.direction_id", texts: map[string]string{"3": "Internal"}},
		{path: "tls_extension.type_id", texts: map[string]string{"0": "server_name"}},
		{path: "compliance.status_id", texts: map[string]string{"1": "Pass", "2": "Warning"}},
		{path: "compliance_finding.status_id", texts: finding},
		{path: "data_security_finding.status_id", texts: finding},
		{path: "detection_finding.status_id", texts: finding},
		{path: "incident_finding.status_id", texts: finding},
		{path: "vulnerability_finding.status_id", texts: finding},

		{path: "compliance_finding.device", until: "1.1.0", requirement: "optional"},
		{path: "detection_finding.device", until: "1.1.0", requirement: "optional"},
		{path: "vulnerability_finding.device", until: "1.1.0", requirement: "optional"},
		{path: "data_security.policy", requirement: "recommended"},
		{path: "file.uid", requirement: "optional"},
		{path: "network_interface.uid", requirement: "optional"},
		{path: "peripheral_device.name", since: "1.1.0", requirement: "required"},
		{path: "resource_details.name", requirement: "optional"},
		{path: "resource_details.uid", requirement: "optional"},
		{path: "sub_technique.name", since: "1.1.0", requirement: "optional"},
		{path: "tactic.name", since: "1.1.0", requirement: "optional"},
		{path: "web_resource.name", requirement: "optional"},
		{path: "web_resource.uid", requirement: "optional"},
		{path: "win_resource.name", requirement: "optional"},
		{path: "win_resource.uid", requirement: "optional"},

		{path: "file.name", kind: "file_name_t"},
		{path: "fingerprint.value", kind: "file_hash_t"},
		{path: "process.name", kind: "process_name_t"},
		{path: "user.name", kind: "username_t"},
	}
}

// redefine applies what a version redefines to a row, and to the values that the row permits. Versions compare as text: they have one
// digit in each part.
func redefine(version, owner string, row *facts.Attribute, values map[string]string) {
	for _, r := range redefinitions() {
		if r.path != owner+"."+row.Name || version < r.since || r.until != "" && version > r.until {
			continue
		}
		if r.requirement != "" {
			row.Requirement = r.requirement
		}
		if r.kind != "" {
			row.Type = r.kind
		}
		for key, text := range r.texts {
			if _, has := values[key]; has {
				values[key] = text
			}
		}
	}
}

// observableTypes are the values of observable.type_id, which OCSF derives from all over the schema.
func observableTypes(version string) map[string]string {
	types := map[string]string{
		"0": "Unknown", "1": "Hostname", "2": "IP Address", "3": "MAC Address", "4": "User Name", "5": "Email Address",
		"6": "URL String", "7": "File Name", "8": "Hash", "9": "Process Name", "10": "Resource UID", "20": "Endpoint",
		"21": "User", "22": "Email", "23": "Uniform Resource Locator", "24": "File", "25": "Process", "26": "Geo Location",
		"27": "Container", "28": "Registry Key", "29": "Registry Value", "30": "Fingerprint", "99": "Other",
	}
	switch version {
	case "1.0.0":
		types["8"] = "File Hash"
	case "1.2.0":
		for key, text := range map[string]string{
			"11": "Port", "12": "Subnet", "13": "Command Line", "14": "Country", "15": "Process ID", "16": "HTTP User-Agent",
			"17": "CWE Object: uid", "18": "CVE Object: uid",
		} {
			types[key] = text
		}
	}
	return types
}

// deprecation is a line of OCSF's changelog: what is deprecated from a version on.
type deprecation struct {
	since   string
	owner   string // class or object; empty: wherever the attribute occurs
	name    string // attribute; empty: the owner itself
	instead string
}

func deprecations() []deprecation {
	return []deprecation{
		{"1.1.0", "", "cwe_uid", "use cwe.uid"},
		{"1.1.0", "", "cwe_url", "use cwe.src_url"},
		{"1.1.0", "", "group_name", "use group.name"},
		{"1.1.0", "", "proxy", "use proxy_endpoint of the network_proxy profile"},
		{"1.1.0", "http_activity", "http_status", "use http_response.code"},
		{"1.1.0", "tls", "extension_list", "use tls_extension_list"},
		{"1.1.0", "finding", "", "use finding_info"},
		{"1.1.0", "security_finding", "", "use vulnerability_finding, compliance_finding, detection_finding or incident_finding"},
		{"1.1.0", "web_resource_access_activity", "", "use web_resources_activity"},
		{"1.1.0", "network_file_activity", "", "use file_hosting"},
		{"1.2.0", "", "coordinates", "use lat and long"},
		{"1.2.0", "actor", "invoked_by", "use app_name"},
	}
}

// deprecated says since when and what to use instead, or "". The versions compare as text: they have one digit a part.
func deprecated(version, owner, name string) string {
	for _, d := range deprecations() {
		if d.since <= version && d.name == name && (d.owner == owner || d.owner == "" && name != "") {
			return "since " + d.since + ": " + d.instead
		}
	}
	return ""
}
