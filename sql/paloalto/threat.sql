-- class: network_activity
-- profiles: security_control
-- consumes: srcuser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: natsrc = coalesce(src_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: natsport = coalesce(src_endpoint.proxy_endpoint.port, 0)
-- consumes: natdst = coalesce(dst_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: natdport = coalesce(dst_endpoint.proxy_endpoint.port, 0)
-- consumes: srcloc = src_endpoint.location.country
-- consumes: dstloc = dst_endpoint.location.country
-- consumes: proto = connection_info.protocol_name
-- consumes: threatid = coalesce(message, '') || '(' || metadata.event_code || ')'
-- consumes: misc = "url".url_string
-- consumes: url_category_list = array_to_string("url".categories, ',')
SELECT
  src AS "src_endpoint.ip",
  sport AS "src_endpoint.port",
  src_host AS "src_endpoint.hostname",
  src_mac AS "src_endpoint.mac",
  "from" AS "src_endpoint.zone",
  inbound_if AS "src_endpoint.interface_name",
  country(srcloc) AS "src_endpoint.location.country",
  known_ip(natsrc) AS "src_endpoint.proxy_endpoint.ip",
  nullif(natsport, 0) AS "src_endpoint.proxy_endpoint.port",
  dst AS "dst_endpoint.ip",
  dport AS "dst_endpoint.port",
  dst_host AS "dst_endpoint.hostname",
  dst_mac AS "dst_endpoint.mac",
  "to" AS "dst_endpoint.zone",
  outbound_if AS "dst_endpoint.interface_name",
  country(dstloc) AS "dst_endpoint.location.country",
  known_ip(natdst) AS "dst_endpoint.proxy_endpoint.ip",
  nullif(natdport, 0) AS "dst_endpoint.proxy_endpoint.port",
  list_transform([known(srcuser)], lambda u: user_of(u))[1] AS "actor.user.name",
  list_transform([known(srcuser)], lambda u: domain_of(u))[1] AS "actor.user.domain",

  app AS app_name,
  sessionid AS "connection_info.uid",
  direction_between(src, dst) AS "connection_info.direction_id",
  lower(proto) AS "connection_info.protocol_name",
  iana_protocol(proto) AS "connection_info.protocol_num",
  CASE WHEN is_ipv6(src) THEN 6 WHEN is_ipv4(src) THEN 4 END AS "connection_info.protocol_ver_id",
  repeatcnt AS "count",

  pan_action_id(pan_verdict("action", NULL, NULL, flags)) AS action_id,
  pan_disposition_id(pan_verdict("action", NULL, NULL, flags)) AS disposition_id,
  "rule" AS "firewall_rule.name",
  rule_uuid AS "firewall_rule.uid",

  6 AS activity_id, -- Traffic: a threat is found in the course of a session
  CASE lower(severity) WHEN 'informational' THEN 1 WHEN 'low' THEN 2 WHEN 'medium' THEN 3 WHEN 'high' THEN 4 WHEN 'critical' THEN 5
    ELSE 99 END AS severity_id,
  threat_name(threatid) AS message,
  threat_number(threatid) AS "metadata.event_code",
  [{'name': CASE WHEN is_malware(subtype) THEN threat_name(threatid) END,
    'uid': CASE WHEN is_malware(subtype) THEN threat_number(threatid) END,
    'provider': CASE WHEN is_malware(subtype) THEN 'Palo Alto Networks' END,
    'classification_ids': CASE WHEN is_malware(subtype) THEN [CASE subtype WHEN 'spyware' THEN 17 ELSE 19 END] END}] AS malware, -- Spyware, Virus
  CASE WHEN subtype = 'url' THEN misc END AS "url.url_string",
  CASE WHEN subtype = 'url' THEN host_of(split_part(split_part(misc, '/', 1), '?', 1)) END AS "url.hostname",
  string_split(url_category_list, ',') AS "url.categories"
FROM raw
WHERE "type" = 'THREAT';
