package shippedsource

// sources has a row for each mapping in sql/, and several for a mapping that reads several formats. If the records match rows of two
// mappings, the row with more conditions wins, so the order of the rows does not count. All conditions of a row must hold.
func sources() []source {
	return []source{
		{"appfabric", all(value("metadata.log_provider", `^AWS AppFabric$`), keys("class_uid", "metadata.product.uid"))},
		{"aws-alb", all(line(`^(?:https?|h2|grpcs?|wss?) \d{4}-\d{2}-\d{2}T[\d:.]+Z app/`))},
		{"cef", all(line(`^CEF:\d+\|`))},
		{"cloudtrail", all(keys("eventVersion", "eventSource", "eventName", "userIdentity", "awsRegion"))},
		{"cloudtrail", all(value("eventType", `^AwsCloudTrailInsight$`), keys("eventVersion", "insightDetails"))},
		{"fortinet", all(line(`(?:^| )devid=`), line(`(?:^| )logid=`), line(`(?:^| )type=`))},
		{"guardduty", all(value("service.serviceName", `^guardduty$`), keys("accountId", "schemaVersion"))},
		{"network-firewall", all(keys("firewall_name", "availability_zone", "event"))},
		{"paloalto", all(line(`^\d*,\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2},\w*,[A-Z]{3,},`))},
		{"suricata", all(keys("timestamp", "flow_id", "src_ip", "dest_ip", "proto"), value("event_type", `^[a-z0-9_]+$`))},
		{"windows-sysmon", all(keys("EventId"), value("Description", `UtcTime: `))},
	}
}
