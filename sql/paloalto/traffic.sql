-- class: network_activity
-- profiles: security_control
-- drop: upper("type") IN ('IPTAG', 'CORRELATION', 'AUDIT') OR lower(serial) = 'audit'
-- consumes: srcuser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: natsrc = coalesce(src_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: natsport = coalesce(src_endpoint.proxy_endpoint.port, 0)
-- consumes: natdst = coalesce(dst_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: natdport = coalesce(dst_endpoint.proxy_endpoint.port, 0)
-- consumes: srcloc = src_endpoint.location.country
-- consumes: dstloc = dst_endpoint.location.country
-- consumes: proto = connection_info.protocol_name
-- consumes: "start" = strftime(make_timestamp(start_time * 1000), '%Y/%m/%d %H:%M:%S')
-- consumes: elapsed = duration // 1000
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

  pan_action_id(pan_verdict("action", subtype, session_end_reason, flags)) AS action_id,
  pan_disposition_id(pan_verdict("action", subtype, session_end_reason, flags)) AS disposition_id,
  "rule" AS "firewall_rule.name",
  rule_uuid AS "firewall_rule.uid",

  CASE subtype
    WHEN 'start' THEN 1                          -- Open
    WHEN 'end' THEN CASE WHEN starts_with(session_end_reason, 'tcp-rst') THEN 3 ELSE 2 END -- Reset, Close
    WHEN 'drop' THEN 5 WHEN 'deny' THEN 5        -- Refuse
    ELSE CASE WHEN "type" IN ('SCTP', 'GTP') THEN 6 ELSE 99 END END AS activity_id,    -- Traffic, Other
  CASE lower(severity) WHEN 'low' THEN 2 WHEN 'medium' THEN 3 WHEN 'high' THEN 4 WHEN 'critical' THEN 5 ELSE 1 END AS severity_id, -- a traffic log has none
  session_end_reason AS status_detail,

  pan_time("start", high_res_timestamp, key.source_timezone) AS start_time,
  pan_time("start", high_res_timestamp, key.source_timezone) + to_seconds(elapsed) AS end_time,
  elapsed * 1000 AS duration,
  bytes AS "traffic.bytes",
  bytes_sent AS "traffic.bytes_out", -- from the source to the destination
  bytes_received AS "traffic.bytes_in",
  packets AS "traffic.packets",
  pkts_sent AS "traffic.packets_out",
  pkts_received AS "traffic.packets_in",
  CASE WHEN lower(proto) = 'sctp' THEN chunks END AS "traffic.chunks",
  CASE WHEN lower(proto) = 'sctp' THEN chunks_sent END AS "traffic.chunks_out",
  CASE WHEN lower(proto) = 'sctp' THEN chunks_received END AS "traffic.chunks_in"
FROM raw
WHERE "type" IN ('TRAFFIC', 'START', 'END', 'SCTP', 'GTP');
