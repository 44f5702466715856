package main

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
		"analytic.name": version == "1.0.0", "peripheral_device.name": version == "1.2.0",
	}
	return required
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
