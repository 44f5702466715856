-- answers: Which addresses send the most data, on each day?
-- cost: A query reads the partitions that its conditions on region, accountid and eventday choose.
-- from: network_activity: src_endpoint.ip AS src_ip varchar, dst_endpoint.ip AS dst_ip varchar,
--   traffic.bytes AS bytes bigint, traffic.packets AS packets bigint, time AS seen_at timestamp(3)
-- columns: region varchar, accountid varchar, eventday varchar, source varchar, src_ip varchar, events bigint,
--   bytes bigint, packets bigint, destinations bigint, first_seen timestamp(3), last_seen timestamp(3)
-- pruned by: region, accountid, eventday
SELECT region, accountid, eventday, source, src_ip,
  count(*) AS events,
  CAST(sum(bytes) AS bigint) AS bytes,
  CAST(sum(packets) AS bigint) AS packets,
  count(DISTINCT dst_ip) AS destinations,
  min(seen_at) AS first_seen,
  max(seen_at) AS last_seen
FROM network_activity
WHERE src_ip IS NOT NULL
GROUP BY region, accountid, eventday, source, src_ip
