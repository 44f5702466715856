-- class: network_activity
--
-- A packet or a stream that does not follow its protocol. Anomalies are common in any network: they are Traffic, not findings.
-- An anomaly of a packet without addresses is a base event.
SELECT
  6 AS activity_id, -- Traffic
  anomaly.event AS status_detail,
  CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN app_proto END AS "src_endpoint.svc_name",
  CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port) THEN NULL ELSE app_proto END AS "dst_endpoint.svc_name",
  CASE WHEN from_server(direction, flow.src_ip, src_ip, src_port, dest_ip, dest_port)
    THEN direction_between(dest_ip, src_ip) ELSE direction_between(src_ip, dest_ip) END AS "connection_info.direction_id"
FROM raw
WHERE event_type = 'anomaly' AND src_ip IS NOT NULL AND dest_ip IS NOT NULL;
