-- class: dns_activity
-- ocsf: 1.1.0
-- profiles: cloud, security_control, datetime
-- consumes: account_id = cloud.account.uid
-- consumes: answers = list_transform(answers, lambda a: {'Rdata': a.rdata, 'Type': a."type", 'Class': a."class"})
-- consumes: rcode = CASE rcode_id WHEN 0 THEN 'NOERROR' WHEN 1 THEN 'FORMERR' WHEN 2 THEN 'SERVFAIL' WHEN 3 THEN 'NXDOMAIN' WHEN 4 THEN 'NOTIMP' WHEN 5 THEN 'REFUSED' WHEN 6 THEN 'YXDOMAIN' WHEN 7 THEN 'YXRRSET' WHEN 8 THEN 'NXRRSET' WHEN 9 THEN 'NOTAUTH' WHEN 10 THEN 'NOTZONE' WHEN 99 THEN rcode END
-- consumes: firewall_rule_action = CASE disposition WHEN 'Blocked' THEN 'BLOCK' WHEN 'Alert' THEN 'ALERT' WHEN 'Allowed' THEN 'ALLOW' END
SELECT
  query_timestamp AS "time",
  6 AS activity_id, -- Traffic: query and answer are one record
  1 AS severity_id, -- Informational
  -- An alert lets the query through. Without a rule that matched, nothing decided.
  CASE firewall_rule_action WHEN 'BLOCK' THEN 2 WHEN 'ALERT' THEN 1 WHEN 'ALLOW' THEN 1
    ELSE CASE WHEN firewall_rule_action IS NULL THEN 0 ELSE 99 END END AS action_id,
  CASE WHEN firewall_rule_action NOT IN ('BLOCK', 'ALERT', 'ALLOW') THEN firewall_rule_action END AS "action",
  CASE firewall_rule_action WHEN 'BLOCK' THEN 'Blocked' WHEN 'ALERT' THEN 'Alert' WHEN 'ALLOW' THEN 'Allowed'
    ELSE coalesce(firewall_rule_action, 'Unknown') END AS disposition,
  firewall_rule_group_id AS "firewall_rule.uid",

  query_name  AS "query.hostname",
  query_type  AS "query.type",
  query_class AS "query.class",
  list_transform(answers, lambda a: {'rdata': a."Rdata", 'type': a."Type", 'class': a."Class"}) AS answers,
  CASE rcode WHEN 'NOERROR' THEN 0 WHEN 'FORMERR' THEN 1 WHEN 'SERVFAIL' THEN 2 WHEN 'NXDOMAIN' THEN 3
    WHEN 'NOTIMP' THEN 4 WHEN 'REFUSED' THEN 5 WHEN 'YXDOMAIN' THEN 6 WHEN 'YXRRSET' THEN 7 WHEN 'NXRRSET' THEN 8
    WHEN 'NOTAUTH' THEN 9 WHEN 'NOTZONE' THEN 10 ELSE CASE WHEN rcode IS NOT NULL THEN 99 END END AS rcode_id,
  CASE WHEN rcode NOT IN ('NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'YXDOMAIN', 'YXRRSET', 'NXRRSET', 'NOTAUTH',
    'NOTZONE') THEN rcode END AS rcode,

  srcaddr AS "src_endpoint.ip",
  srcport AS "src_endpoint.port",
  vpc_id  AS "src_endpoint.vpc_uid",
  srcids.instance AS "src_endpoint.instance_uid",
  -- the inbound endpoint that received the query
  srcids.resolver_endpoint AS "dst_endpoint.instance_uid",
  srcids.resolver_network_interface AS "dst_endpoint.interface_uid",

  transport AS "connection_info.protocol_name",
  0 AS "connection_info.direction_id", -- Unknown

  'AWS' AS "cloud.provider",
  region AS "cloud.region",
  coalesce(account_id, key.account_id) AS "cloud.account.uid",

  list_concat(
    list_filter([
      {'name': 'src_endpoint.ip', 'type_id': 2, 'value': srcaddr},
      {'name': 'src_endpoint.instance_uid', 'type_id': 10, 'value': srcids.instance},
      {'name': 'dst_endpoint.instance_uid', 'type_id': 10, 'value': srcids.resolver_endpoint},
      {'name': 'query.hostname', 'type_id': 1, 'value': query_name}
    ], lambda o: o."value" IS NOT NULL),
    list_distinct(list_transform(list_filter(answers, lambda a: a."Type" IN ('A', 'AAAA', 'CNAME', 'NS', 'PTR') AND a."Rdata" IS NOT NULL),
      lambda a: {'name': 'answers[].rdata', 'type_id': CASE WHEN a."Type" IN ('A', 'AAAA') THEN 2 ELSE 1 END, 'value': a."Rdata"}))
  ) AS observables,

  'Route 53' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  'Resolver Query Logs' AS "metadata.product.feature.name",
  version AS "metadata.product.version"
FROM raw
WHERE query_name IS NOT NULL;
