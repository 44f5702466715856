-- Translations of addresses. The message does not say to whom the host connects, only through
-- which interface.
-- class: network_activity
-- consumes: verb = CASE activity_id WHEN 1 THEN 'Built' ELSE 'Teardown' END
-- consumes: duration = asa_clock(duration)
-- consumes: src_ip = coalesce(src_endpoint.ip, src_endpoint.hostname)
-- consumes: src_nat_ip = coalesce(src_endpoint.proxy_endpoint.ip, src_endpoint.proxy_endpoint.name)
-- consumes: src_user = windows_user(actor."user"."domain", actor."user".name)
-- consumes: proto = upper(connection_info.protocol_name)
SELECT
  CASE verb WHEN 'Built' THEN 1 ELSE 2 END AS activity_id, -- Open, Close
  asa_severity("level") AS severity_id,
  asa_ip(src_ip) AS "src_endpoint.ip",
  asa_name(src_ip) AS "src_endpoint.hostname",
  src_port AS "src_endpoint.port",
  src_if AS "src_endpoint.interface_name",
  asa_ip(src_nat_ip) AS "src_endpoint.proxy_endpoint.ip",
  asa_name(src_nat_ip) AS "src_endpoint.proxy_endpoint.name",
  src_nat_port AS "src_endpoint.proxy_endpoint.port",
  nat_if AS "src_endpoint.proxy_endpoint.interface_name",
  nat_if AS "dst_endpoint.interface_name",
  asa_account_name(asa_user(src_user)) AS "actor.user.name",
  asa_account_domain(asa_user(src_user)) AS "actor.user.domain",
  0 AS "connection_info.direction_id", -- Unknown
  asa_protocol(proto) AS "connection_info.protocol_num",
  iana_protocol_name(asa_protocol(proto)) AS "connection_info.protocol_name",
  asa_ms(duration) AS duration
FROM raw
WHERE asa_translation(msgid) AND src_nat_ip IS NOT NULL;
