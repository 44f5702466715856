-- class: network_activity
-- profiles: host, security_control
--
-- Suricata dropped a packet, as an inline IPS. The source is the packet's sender.
SELECT
  5 AS activity_id, -- Refuse
  2 AS action_id, -- Denied
  CASE verdict."action" WHEN 'reject' THEN 25 ELSE 6 END AS disposition_id,
  coalesce("drop".reason, 'packet dropped') AS status_detail,
  severity_of(alert.severity) AS severity_id,
  CAST(alert.signature_id AS VARCHAR) AS "firewall_rule.uid",
  alert.signature AS "firewall_rule.name",
  alert.category AS "firewall_rule.category",
  CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN app_proto END AS "src_endpoint.svc_name",
  CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN NULL ELSE app_proto END AS "dst_endpoint.svc_name",
  CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port)
    THEN direction_between(dest_ip, src_ip) ELSE direction_between(src_ip, dest_ip) END AS "connection_info.direction_id"
FROM raw
WHERE event_type = 'drop';
