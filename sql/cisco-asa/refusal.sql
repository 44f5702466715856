-- What access lists, inspections and the firewall itself refuse, and what access lists permit (106100, 106102, 106103).
-- class: network_activity
-- profiles: security_control
-- without: dst_endpoint
-- consumes: reason = status_detail
-- consumes: src_ip = coalesce(src_endpoint.ip, src_endpoint.hostname)
-- consumes: dst_ip = coalesce(dst_endpoint.ip, dst_endpoint.hostname)
-- consumes: src_nat_ip = coalesce(src_endpoint.proxy_endpoint.ip, src_endpoint.ip, src_endpoint.hostname)
-- consumes: src_nat_port = coalesce(src_endpoint.proxy_endpoint.port, src_endpoint.port)
-- consumes: dst_nat_ip = coalesce(dst_endpoint.proxy_endpoint.ip, dst_endpoint.ip, dst_endpoint.hostname)
-- consumes: dst_nat_port = coalesce(dst_endpoint.proxy_endpoint.port, dst_endpoint.port)
-- consumes: src_user = windows_user(actor."user"."domain", actor."user".name)
-- consumes: verdict = asa_verdict(message)
-- consumes: proto = CASE WHEN metadata.event_code IN ('106001', '106006', '106007', '106015', '106021', '313001', '313004', '313009', '420002', '434002', '710002', '710003', '710005', '710006') OR starts_with(metadata.event_code, '338') THEN upper(connection_info.protocol_name) ELSE connection_info.protocol_name END
SELECT
  CASE WHEN msgid = '305006' THEN 4                -- Fail
    WHEN asa_permitted(verdict) THEN 6             -- Traffic
    ELSE 5 END AS activity_id,                     -- Refuse
  CASE WHEN asa_permitted(verdict) AND category IS NULL THEN 1
    ELSE coalesce(CASE threat_level WHEN 'very-high' THEN 5 WHEN 'high' THEN 4 WHEN 'moderate' THEN 3 WHEN 'low' THEN 2 END, asa_severity("level")) END AS severity_id,
  reason AS status_detail,

  asa_ip(src_ip) AS "src_endpoint.ip",
  asa_name(src_ip) AS "src_endpoint.hostname",
  src_port AS "src_endpoint.port",
  src_if AS "src_endpoint.interface_name",
  CASE WHEN src_nat_ip <> src_ip OR src_nat_port <> src_port THEN asa_ip(src_nat_ip) END AS "src_endpoint.proxy_endpoint.ip",
  CASE WHEN src_nat_ip <> src_ip OR src_nat_port <> src_port THEN src_nat_port END AS "src_endpoint.proxy_endpoint.port",
  asa_ip(dst_ip) AS "dst_endpoint.ip",
  asa_name(dst_ip) AS "dst_endpoint.hostname",
  dst_port AS "dst_endpoint.port",
  dst_svc AS "dst_endpoint.svc_name",
  dst_if AS "dst_endpoint.interface_name",
  CASE WHEN dst_nat_ip <> dst_ip OR dst_nat_port <> dst_port THEN asa_ip(dst_nat_ip) END AS "dst_endpoint.proxy_endpoint.ip",
  CASE WHEN dst_nat_ip <> dst_ip OR dst_nat_port <> dst_port THEN dst_nat_port END AS "dst_endpoint.proxy_endpoint.port",
  asa_account_name(asa_user(src_user)) AS "actor.user.name",
  asa_account_domain(asa_user(src_user)) AS "actor.user.domain",

  direction_between(src_ip, dst_ip) AS "connection_info.direction_id",
  asa_protocol(proto) AS "connection_info.protocol_num",
  iana_protocol_name(asa_protocol(proto)) AS "connection_info.protocol_name",
  CASE WHEN contains(src_ip, ':') THEN 6 WHEN asa_is_ip(src_ip) THEN 4 END AS "connection_info.protocol_ver_id",

  CASE WHEN asa_permitted(verdict) THEN 1 ELSE 2 END AS action_id,      -- Allowed, Denied
  CASE WHEN verdict = 'monitored' THEN 15 WHEN asa_permitted(verdict) THEN 1
    WHEN lower(verdict) IN ('dropped', 'request discarded') OR ends_with(verdict, 'requested to drop') THEN 6
    ELSE 2 END AS disposition_id, -- Detected, Allowed, Dropped, Blocked
  acl AS "firewall_rule.name",
  [{'name': coalesce(threat, CASE WHEN category IS NOT NULL THEN list_entry END), 'provider': CASE WHEN category IS NOT NULL THEN 'Cisco' END,
    'classification_ids': CASE WHEN category IS NOT NULL THEN [0] END}] AS malware -- Unknown
FROM raw
WHERE asa_refusal(msgid) AND src_ip IS NOT NULL;
