-- class: network_activity
-- profiles: host, security_control
-- consumes: flow.action = CASE disposition_id WHEN 6 THEN 'drop' WHEN 25 THEN 'reject' END
--
-- A flow of two directions has ended: its source is the client, or the first sender that Suricata saw. A flow that was dropped or
-- rejected is Refuse, any other Traffic.
SELECT
  CASE WHEN flow."action" IN ('drop', 'reject') THEN 5 ELSE 6 END AS activity_id,
  CASE flow."action" WHEN 'drop' THEN 6 WHEN 'reject' THEN 25 WHEN 'accept' THEN 1 WHEN 'pass' THEN 1 ELSE 0 END AS disposition_id,
  CASE WHEN flow."action" IN ('drop', 'reject') THEN 2 WHEN flow."action" IN ('accept', 'pass') THEN 1 ELSE 0 END AS action_id,
  flow.state AS status_code,
  flow.reason AS status_detail,
  flow."start" AS start_time,
  flow."end" AS end_time,
  (epoch_us(flow."end") - epoch_us(flow."start")) // 1000 AS duration,
  flow.bytes_toserver AS "traffic.bytes_out",
  flow.bytes_toclient AS "traffic.bytes_in",
  flow.bytes_toserver + flow.bytes_toclient AS "traffic.bytes",
  flow.pkts_toserver AS "traffic.packets_out",
  flow.pkts_toclient AS "traffic.packets_in",
  flow.pkts_toserver + flow.pkts_toclient AS "traffic.packets",
  ('0x' || tcp.tcp_flags)::INTEGER AS "connection_info.tcp_flags"
FROM raw
WHERE event_type = 'flow';
