-- class: network_activity
-- ocsf: 1.1.0
-- profiles: cloud, security_control
-- consumes: event.proto = upper(connection_info.protocol_name)
-- consumes: event.app_proto = coalesce(dst_endpoint.svc_name, src_endpoint.svc_name)
-- consumes: event.tcp.tcp_flags = format('{:02x}', connection_info.tcp_flags)
-- consumes: event.alert.action = CASE disposition_id WHEN 1 THEN 'allowed' WHEN 2 THEN 'blocked' END
-- consumes: event.tls.version = tls.version
-- consumes: event.http.url = coalesce("url".url_string, "url".path || coalesce('?' || "url".query_string, ''))
--
-- The source is the sender of the packet or flow, which can be the server: its name and service belong to it, and the
-- direction is that of the connection.
SELECT
  event.timestamp AS "time",
  6 AS activity_id, -- Traffic

  CASE event.event_type WHEN 'alert' THEN
    CASE event.alert.severity WHEN 1 THEN 4 WHEN 2 THEN 3 WHEN 3 THEN 2 ELSE 1 END
  ELSE 1 END AS severity_id,

  firewall_name AS app_name,

  event.src_ip   AS "src_endpoint.ip",
  event.src_port AS "src_endpoint.port",
  event.dest_ip   AS "dst_endpoint.ip",
  event.dest_port AS "dst_endpoint.port",
  CASE WHEN from_server(event.direction, event.flow.src_ip, event.src_ip, event.src_port, event.dest_ip, event.dest_port)
    THEN coalesce(event.tls.sni, event.http.hostname) END AS "src_endpoint.hostname",
  CASE WHEN from_server(event.direction, event.flow.src_ip, event.src_ip, event.src_port, event.dest_ip, event.dest_port)
    THEN event.app_proto END AS "src_endpoint.svc_name",
  CASE WHEN from_server(event.direction, event.flow.src_ip, event.src_ip, event.src_port, event.dest_ip, event.dest_port)
    THEN NULL ELSE coalesce(event.tls.sni, event.http.hostname) END AS "dst_endpoint.hostname",
  CASE WHEN from_server(event.direction, event.flow.src_ip, event.src_ip, event.src_port, event.dest_ip, event.dest_port)
    THEN NULL ELSE event.app_proto END AS "dst_endpoint.svc_name",

  event.flow_id AS "connection_info.uid",
  CASE WHEN from_server(event.direction, event.flow.src_ip, event.src_ip, event.src_port, event.dest_ip, event.dest_port)
    THEN direction_between(event.dest_ip, event.src_ip) ELSE direction_between(event.src_ip, event.dest_ip) END AS "connection_info.direction_id",
  lower(event.proto) AS "connection_info.protocol_name",
  iana_protocol(event.proto) AS "connection_info.protocol_num",
  ('0x' || event.tcp.tcp_flags)::INTEGER AS "connection_info.tcp_flags",

  event.netflow.bytes AS "traffic.bytes",
  event.netflow.pkts  AS "traffic.packets",
  event.netflow.start AS start_time,
  event.netflow.end   AS end_time,
  (epoch_us(event.netflow.end) - epoch_us(event.netflow.start)) // 1000 AS duration,

  CASE disposition_of(event.event_type, event.verdict."action", event.alert."action", event.revocation_check."action", event.tls_error.error_message)
    WHEN 0 THEN 0 WHEN 1 THEN 1 ELSE 2 END AS action_id,
  disposition_of(event.event_type, event.verdict."action", event.alert."action", event.revocation_check."action", event.tls_error.error_message) AS disposition_id,
  coalesce(event.tls_error.error_message, event.revocation_check.status) AS status_detail,
  event.alert.signature_id AS "firewall_rule.uid",
  event.alert.signature    AS "firewall_rule.name",
  event.alert.category     AS "firewall_rule.category",

  event.tls.sni     AS "tls.sni",
  -- TLS logs have no version, which OCSF requires in tls
  CASE WHEN event.tls_error.error_message IS NULL AND event.revocation_check.status IS NULL THEN event.tls.version ELSE 'Unknown' END AS "tls.version",

  event.http.hostname AS "url.hostname",
  CASE WHEN NOT starts_with(event.http.url, '/') THEN event.http.url END AS "url.url_string",
  CASE WHEN starts_with(event.http.url, '/') THEN split_part(event.http.url, '?', 1) END AS "url.path",
  CASE WHEN contains(event.http.url, '?')
    THEN substr(event.http.url, position('?' IN event.http.url) + 1) END AS "url.query_string",

  'AWS' AS "cloud.provider",
  coalesce(zone_region(availability_zone), key.region) AS "cloud.region",
  availability_zone AS "cloud.zone",
  key.account_id AS "cloud.account.uid",

  'AWS Network Firewall' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  'Firewall' AS "metadata.product.feature.name"
FROM raw
WHERE event.event_type IN ('netflow', 'alert', 'tls')
  OR event.event_type IS NULL AND (event.tls_error.error_message IS NOT NULL OR event.revocation_check.status IS NOT NULL);
