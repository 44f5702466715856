package shippedsource

// sources has a row for each mapping in sql/, and several for a mapping that reads several formats. If the records match rows of two
// mappings, the row with more conditions wins, so the order of the rows does not count. All conditions of a row must hold.
func sources() []source {
	return []source{
		{"appfabric", all(value("metadata.log_provider", `^AWS AppFabric$`), keys("class_uid", "metadata.product.uid"))},
		{"aws-alb", all(line(`^(?:https?|h2|grpcs?|wss?) \d{4}-\d{2}-\d{2}T[\d:.]+Z app/`))},
		{"aws-waf", all(keys("webaclId", "terminatingRuleId", "httpRequest.clientIp"))},
		{"cef", all(line(`^CEF:\d+\|`))},
		{"cloudtrail", all(keys("eventVersion", "eventSource", "eventName", "userIdentity", "awsRegion"))},
		{"cloudtrail", all(value("eventType", `^AwsCloudTrailInsight$`), keys("eventVersion", "insightDetails"))},
		{"cisco-asa", all(line(`%(?:ASA|FTD|PIX|FWSM|NGIPS)-(?:[a-z]\w*-)?\d-\d{5,6}:? `))},
		{"crowdstrike-falcon", all(value("metadata.eventType", `Event$`), keys("metadata.customerIDString", "metadata.eventCreationTime", "event"))},
		{"eks-audit", all(value("apiVersion", `^audit\.k8s\.io/`), keys("auditID", "stage", "verb"))},
		{"entra-signin", all(value("category", `SignInLogs$`), keys("operationName", "properties.createdDateTime", "properties.status"))},
		{"entra-signin", all(value("@odata.context", `auditLogs/signIns`), keys("value"))},
		{"entra-signin", all(keys("createdDateTime", "appId", "ipAddress", "status.errorCode", "conditionalAccessStatus"))},
		{"fortinet", all(line(`(?:^| )devid=`), line(`(?:^| )logid=`), line(`(?:^| )type=`))},
		{"guardduty", all(value("service.serviceName", `^guardduty$`), keys("accountId", "schemaVersion"))},
		{"network-firewall", all(keys("firewall_name", "availability_zone", "event"))},
		{"okta", all(keys("eventType", "published", "outcome", "actor.alternateId"))},
		{"paloalto", all(line(`^\d*,\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2},\w*,[A-Z]{3,},`))},
		{"route53-resolver", all(keys("query_name", "query_timestamp", "rcode", "srcaddr"))},
		{"vpc-flow", all(keys("srcaddr", "dstaddr", "action", "start", "end"))},
		{"vpc-flow", all(line(`^(?:\S+ )*srcaddr dstaddr (?:\S+ )*`))},
		{"vpc-flow", all(line(`^\d (?:\d{12}|unknown) eni-[0-9a-f]+ \S+ \S+ (?:\d+|-) (?:\d+|-) (?:\d+|-) (?:\d+|-) (?:\d+|-) \d+ \d+ (?:ACCEPT|REJECT|-) (?:OK|NODATA|SKIPDATA)$`))},
		{"security-hub", all(value("detail-type", `^(?:Security Hub Findings|Findings Imported V2)`), keys("detail.findings"))},
		{"security-hub", all(keys("class_uid", "finding_info.uid"), value("metadata.product.uid", `^arn:aws[a-z-]*:securityhub:`))},
		{"security-hub", all(keys("SchemaVersion", "ProductArn", "GeneratorId", "AwsAccountId"))},
		{"suricata", all(keys("timestamp", "flow_id", "src_ip", "dest_ip", "proto"), value("event_type", `^[a-z0-9_]+$`))},
		{"zeek", all(line(`^#separator \\x`))},
		{"zeek", all(keys("ts", "uid", "id.orig_h", "id.resp_h"))},
		{"zeek", all(keys("ts", "id.orig_h", "id.resp_h", "id.orig_p", "id.resp_p"))},
		{"zeek", all(keys("ts", "note", "msg", "actions"))},
		{"zeek", all(keys("ts", "fuid", "source", "analyzers"))},
		{"zeek", all(keys("_path", "ts"))},
		{"windows-sysmon", all(keys("EventId"), value("Description", `UtcTime: `))},
	}
}
