-- class: network_activity
-- profiles: security_control
-- consumes: srcuser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: natsrc = coalesce(src_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: natsport = coalesce(src_endpoint.proxy_endpoint.port, 0)
-- consumes: natdst = coalesce(dst_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: natdport = coalesce(dst_endpoint.proxy_endpoint.port, 0)
-- consumes: proto = connection_info.protocol_name
-- consumes: fingerprint = tls.certificate.fingerprints[1]."value"
-- consumes: tls_keyxchg = split_part(tls.cipher, '-', 1)
-- consumes: tls_auth = split_part(tls.cipher, '-', 2)
-- consumes: tls_enc = split_part(tls.cipher, '-', 3)
SELECT
  src AS "src_endpoint.ip",
  sport AS "src_endpoint.port",
  src_host AS "src_endpoint.hostname",
  src_mac AS "src_endpoint.mac",
  "from" AS "src_endpoint.zone",
  inbound_if AS "src_endpoint.interface_name",
  known_ip(natsrc) AS "src_endpoint.proxy_endpoint.ip",
  nullif(natsport, 0) AS "src_endpoint.proxy_endpoint.port",
  dst AS "dst_endpoint.ip",
  dport AS "dst_endpoint.port",
  dst_host AS "dst_endpoint.hostname",
  dst_mac AS "dst_endpoint.mac",
  "to" AS "dst_endpoint.zone",
  outbound_if AS "dst_endpoint.interface_name",
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

  pan_action_id("action") AS action_id,
  pan_disposition_id("action") AS disposition_id,
  "rule" AS "firewall_rule.name",
  rule_uuid AS "firewall_rule.uid",

  6 AS activity_id, -- Traffic: a handshake in the course of a session
  1 AS severity_id, -- a decryption log has none
  CASE WHEN error IS NOT NULL THEN 2 ELSE 1 END AS status_id, -- Failure, Success
  error AS status_detail,

  tls_version AS "tls.version",
  array_to_string([tls_keyxchg, tls_auth, tls_enc], '-') AS "tls.cipher",
  sni AS "tls.sni",
  cert_serial AS "tls.certificate.serial_number",
  cn AS "tls.certificate.subject",
  issuer_cn AS "tls.certificate.issuer",
  cert_ver AS "tls.certificate.version",
  pan_time(notafter, high_res_timestamp, key.source_timezone) AS "tls.certificate.expiration_time",
  [{'algorithm_id': CASE WHEN length(fingerprint) = 64 THEN 3 END, 'value': CASE WHEN length(fingerprint) = 64 THEN fingerprint END}] AS "tls.certificate.fingerprints"
FROM raw
WHERE "type" = 'DECRYPTION';
