-- class: network_activity
-- ocsf: 1.1.0
-- profiles: cloud, security_control
-- consumes: event.proto, event.tcp.tcp_flags, event.alert.action, event.http.url
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
  coalesce(event.tls.sni, event.http.hostname) AS "dst_endpoint.hostname",
  event.app_proto AS "dst_endpoint.svc_name",

  event.flow_id AS "connection_info.uid",
  direction_between(event.src_ip, event.dest_ip) AS "connection_info.direction_id",
  lower(event.proto) AS "connection_info.protocol_name",
  iana_protocol(event.proto) AS "connection_info.protocol_num",
  ('0x' || event.tcp.tcp_flags)::INTEGER AS "connection_info.tcp_flags",

  event.netflow.bytes AS "traffic.bytes",
  event.netflow.pkts  AS "traffic.packets",
  event.netflow.start AS start_time,
  event.netflow.end   AS end_time,
  (epoch_us(event.netflow.end) - epoch_us(event.netflow.start)) // 1000 AS duration,

  CASE WHEN event.event_type = 'netflow' THEN 0
    ELSE CASE event.alert.action WHEN 'allowed' THEN 1 WHEN 'blocked' THEN 2 END END AS action_id,
  CASE WHEN event.event_type = 'netflow' THEN 0
    ELSE CASE event.alert.action WHEN 'allowed' THEN 1 WHEN 'blocked' THEN 2 END END AS disposition_id,
  event.alert.signature_id AS "firewall_rule.uid",
  event.alert.signature    AS "firewall_rule.name",
  event.alert.category     AS "firewall_rule.category",

  event.tls.sni     AS "tls.sni",
  event.tls.version AS "tls.version",

  event.http.hostname AS "url.hostname",
  CASE WHEN contains(event.http.url, '://') THEN event.http.url END AS "url.url_string",
  CASE WHEN NOT contains(event.http.url, '://') THEN split_part(event.http.url, '?', 1) END AS "url.path",
  CASE WHEN NOT contains(event.http.url, '://') AND contains(event.http.url, '?')
    THEN substr(event.http.url, position('?' IN event.http.url) + 1) END AS "url.query_string",

  'AWS' AS "cloud.provider",
  coalesce(zone_region(availability_zone), key.region) AS "cloud.region",
  availability_zone AS "cloud.zone",
  key.account_id AS "cloud.account.uid",

  'AWS Network Firewall' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  'Firewall' AS "metadata.product.feature.name"
FROM raw
WHERE event.event_type IN ('netflow', 'alert');
