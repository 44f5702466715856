package registration

import "strings"

// EventClass is the name that Security Lake's API has for an OCSF event class. ok is false if Security Lake's list does not have the class.
//
// The API takes any text in capital letters; its documentation has the list
// (docs.aws.amazon.com/security-lake/latest/userguide/adding-custom-sources.html#ocsf-eventclass). The list has file_activity as
// FILE_SYSTEM_ACTIVITY. The API reference and AWS's own examples have FILE_ACTIVITY, which is used here.
func EventClass(class string) (name string, ok bool) {
	if name, ok = otherNames[class]; ok {
		return name, true
	}
	return strings.ToUpper(class), sameNames[class]
}

// otherNames are the classes with another name in the API than in OCSF.
var otherNames = map[string]string{
	"config_state":              "DEVICE_CONFIG_STATE",
	"event_log":                 "EVENT_LOG_ACTIVITY",
	"event_log_actvity":         "EVENT_LOG_ACTIVITY", // OCSF's own spelling
	"file_hosting":              "FILE_HOSTING_ACTIVITY",
	"inventory_info":            "DEVICE_INVENTORY_INFO",
	"kernel_extension_activity": "KERNEL_EXTENSION",
	"resource_activity":         "WINDOWS_RESOURCE_ACTIVITY",
	"session_query":             "USER_SESSION_QUERY",
	"software_info":             "SOFTWARE_INVENTORY_INFO",
	"win_service_activity":      "WINDOWS_SERVICE_ACTIVITY",
}

var sameNames = set(`account_change admin_group_query api_activity application_lifecycle authentication authorize_session
	compliance_finding data_security_finding datastore_activity detection_finding device_config_state_change dhcp_activity dns_activity
	email_activity email_file_activity email_url_activity entity_management file_activity file_query file_remediation_activity folder_query
	ftp_activity group_management http_activity incident_finding job_query kernel_activity kernel_extension kernel_object_query
	memory_activity module_activity module_query network_activity network_connection_query network_file_activity
	network_remediation_activity networks_query ntp_activity patch_state peripheral_device_query prefetch_query process_activity
	process_query process_remediation_activity rdp_activity registry_key_activity registry_key_query registry_value_activity
	registry_value_query remediation_activity scan_activity scheduled_job_activity security_finding service_query smb_activity ssh_activity
	tunnel_activity user_access user_inventory user_query vulnerability_finding web_resource_access_activity web_resources_activity
	windows_resource_activity windows_service_activity`)

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}
