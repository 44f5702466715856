-- class: dns_activity
-- ocsf: 1.1.0
-- profiles: cloud, security_control
-- consumes: answers = list_transform(answers, lambda a: {'Rdata': a.rdata, 'Type': a."type", 'Class': a."class"})
-- consumes: transport = upper(connection_info.protocol_name)
-- consumes: firewall_rule_action = CASE WHEN action_id = 2 THEN 'BLOCK' WHEN severity_id = 2 THEN 'ALERT' ELSE 'ALLOW' END
SELECT
  query_timestamp AS "time",
  query_timestamp AS query_time,
  6 AS activity_id, -- Traffic: query and answer are one record
  CASE firewall_rule_action WHEN 'BLOCK' THEN 3 WHEN 'ALERT' THEN 2 ELSE 1 END AS severity_id,

  -- A query that no rule of DNS Firewall matched was allowed.
  CASE firewall_rule_action WHEN 'BLOCK' THEN 2 ELSE 1 END AS action_id,
  CASE firewall_rule_action WHEN 'BLOCK' THEN 2 ELSE 1 END AS disposition_id,
  firewall_rule_group_id AS "firewall_rule.uid",

  query_name  AS "query.hostname",
  query_type  AS "query.type",
  query_class AS "query.class",
  list_transform(answers, lambda a: {'rdata': a."Rdata", 'type': a."Type", 'class': a."Class"}) AS answers,
  rcode AS rcode,
  CASE rcode WHEN 'NOERROR' THEN 0 WHEN 'FORMERR' THEN 1 WHEN 'SERVFAIL' THEN 2 WHEN 'NXDOMAIN' THEN 3
    WHEN 'NOTIMP' THEN 4 WHEN 'REFUSED' THEN 5 WHEN 'YXDOMAIN' THEN 6 WHEN 'YXRRSET' THEN 7 WHEN 'NXRRSET' THEN 8
    WHEN 'NOTAUTH' THEN 9 WHEN 'NOTZONE' THEN 10 ELSE 99 END AS rcode_id,
  CASE rcode WHEN 'NOERROR' THEN 1 ELSE 2 END AS status_id,

  srcaddr AS "src_endpoint.ip",
  srcport AS "src_endpoint.port",
  vpc_id  AS "src_endpoint.vpc_uid",
  srcids.instance AS "src_endpoint.instance_uid",
  srcids.resolver_network_interface AS "src_endpoint.interface_uid",

  lower(transport) AS "connection_info.protocol_name",
  iana_protocol(transport) AS "connection_info.protocol_num",
  2 AS "connection_info.direction_id", -- Outbound: from the VPC to its resolver

  'AWS' AS "cloud.provider",
  region AS "cloud.region",
  account_id AS "cloud.account.uid",

  'Route 53' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  'Resolver Query Logs' AS "metadata.product.feature.name",
  version AS "metadata.product.version"
FROM raw;
