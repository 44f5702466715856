-- class: network_activity
--
-- The packets that one end of a flow sent. The two ends of a flow have an event each.
SELECT
  6 AS activity_id, -- Traffic
  netflow."start" AS start_time,
  netflow."end" AS end_time,
  (epoch_us(netflow."end") - epoch_us(netflow."start")) // 1000 AS duration,
  netflow.bytes AS "traffic.bytes",
  netflow.pkts AS "traffic.packets",
  ('0x' || tcp.tcp_flags)::INTEGER AS "connection_info.tcp_flags",
  CASE WHEN from_service(src_port, dest_port) THEN app_proto END AS "src_endpoint.svc_name",
  CASE WHEN from_service(src_port, dest_port) THEN NULL ELSE app_proto END AS "dst_endpoint.svc_name",
  CASE WHEN from_service(src_port, dest_port) THEN direction_between(dest_ip, src_ip) ELSE direction_between(src_ip, dest_ip) END AS "connection_info.direction_id"
FROM raw
WHERE event_type = 'netflow';
