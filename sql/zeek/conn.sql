-- class: network_activity
--
-- A connection that has ended. The activity is Refuse if it was rejected, Reset if one end reset it, Fail if a TCP connection was not
-- answered, and otherwise Traffic. Bytes are those of the payload, as Zeek counts them; those of IP packets are in unmapped.
SELECT
  conn_activity(conn_state, proto) AS activity_id,
  CASE WHEN conn_state IN ('SF', 'S1', 'S2', 'S3') THEN 1 WHEN conn_state IN ('REJ', 'RSTOS0', 'RSTRH', 'SH', 'SHR') OR conn_state = 'S0' AND proto = 'tcp' THEN 2 ELSE 0 END AS status_id,
  conn_state AS status_code,
  zeek_time(ts) AS start_time,
  make_timestamp(epoch_us(zeek_time(ts)) + micros(duration)) AS end_time,
  micros(duration) // 1000 AS duration,
  service AS "dst_endpoint.svc_name",
  orig_l2_addr AS "src_endpoint.mac",
  resp_l2_addr AS "dst_endpoint.mac",
  vlan AS "src_endpoint.vlan_uid",
  zeek_direction(local_orig, local_resp, "id.orig_h", "id.resp_h") AS "connection_info.direction_id",
  orig_bytes AS "traffic.bytes_out",
  resp_bytes AS "traffic.bytes_in",
  orig_bytes + resp_bytes AS "traffic.bytes",
  orig_pkts AS "traffic.packets_out",
  resp_pkts AS "traffic.packets_in",
  orig_pkts + resp_pkts AS "traffic.packets"
FROM raw
WHERE log_of(_path, conn_state, rejected, request_body_len, established, fuid, source, note, key.file) = 'conn';
