-- Connections through the firewall: built, and torn down.
-- class: network_activity
-- profiles: security_control
-- drop: NOT asa_taken(msgid)
-- consumes: direction = CASE connection_info.direction_id WHEN 1 THEN 'inbound' WHEN 2 THEN 'outbound' END
-- consumes: duration = asa_clock(duration)
-- consumes: reason = status_detail
-- consumes: src_ip = coalesce(src_endpoint.ip, src_endpoint.hostname)
-- consumes: dst_ip = coalesce(dst_endpoint.ip, dst_endpoint.hostname)
-- consumes: src_nat_ip = coalesce(src_endpoint.proxy_endpoint.ip, src_endpoint.ip, src_endpoint.hostname)
-- consumes: src_nat_port = coalesce(src_endpoint.proxy_endpoint.port, src_endpoint.port)
-- consumes: dst_nat_ip = coalesce(dst_endpoint.proxy_endpoint.ip, dst_endpoint.ip, dst_endpoint.hostname)
-- consumes: dst_nat_port = coalesce(dst_endpoint.proxy_endpoint.port, dst_endpoint.port)
-- consumes: src_user = windows_user(actor."user"."domain", actor."user".name)
-- consumes: "user" = actor."user".name
-- consumes: proto = upper(connection_info.protocol_name)
SELECT
  CASE
    WHEN bytes IS NULL AND (direction IS NOT NULL OR src_icmp_id IS NOT NULL AND msgid = '302020') THEN 1 -- Open
    WHEN starts_with(reason, 'TCP Reset') THEN 3                                    -- Reset
    WHEN reason IN ('SYN Timeout', 'Conn-timeout before SYN') THEN 4                -- Fail: no answer
    ELSE 2 END AS activity_id,                                                      -- Close
  asa_severity("level") AS severity_id,
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
  dst_if AS "dst_endpoint.interface_name",
  CASE WHEN dst_nat_ip <> dst_ip OR dst_nat_port <> dst_port THEN asa_ip(dst_nat_ip) END AS "dst_endpoint.proxy_endpoint.ip",
  CASE WHEN dst_nat_ip <> dst_ip OR dst_nat_port <> dst_port THEN dst_nat_port END AS "dst_endpoint.proxy_endpoint.port",
  asa_account_name(coalesce(asa_user(src_user), asa_user("user"))) AS "actor.user.name",
  asa_account_domain(coalesce(asa_user(src_user), asa_user("user"))) AS "actor.user.domain",

  conn AS "connection_info.uid",
  CASE WHEN product <> 'FTD' AND direction = 'inbound' THEN 1 WHEN product <> 'FTD' AND direction = 'outbound' THEN 2
    ELSE direction_between(src_ip, dst_ip) END AS "connection_info.direction_id",
  asa_protocol(proto) AS "connection_info.protocol_num",
  iana_protocol_name(asa_protocol(proto)) AS "connection_info.protocol_name",
  CASE WHEN contains(src_ip, ':') THEN 6 WHEN asa_is_ip(src_ip) THEN 4 END AS "connection_info.protocol_ver_id",

  asa_ms(duration) AS duration,
  bytes AS "traffic.bytes",
  1 AS action_id,      -- Allowed
  1 AS disposition_id  -- Allowed
FROM raw
WHERE asa_connection(msgid) AND src_ip IS NOT NULL AND dst_ip IS NOT NULL;
