-- answers: Which ATT&CK techniques were seen on each host, on each day?
-- cost: A query reads the partitions that its conditions on region, accountid and eventday choose, in the tables of all classes.
-- from: detection_finding: finding_info.attacks[].technique.uid AS techniques array(varchar),
--   resources[].uid AS hosts array(varchar), severity_id AS severity_id integer, time AS seen_at timestamp(3)
-- from: security_finding: attacks[].technique.uid AS techniques array(varchar), resources[].uid AS hosts array(varchar),
--   severity_id AS severity_id integer, time AS seen_at timestamp(3)
-- from: process_activity: attacks[].technique.uid AS techniques array(varchar), device.hostname AS host varchar,
--   severity_id AS severity_id integer, time AS seen_at timestamp(3)
-- from: network_activity: attacks[].technique.uid AS techniques array(varchar), device.hostname AS host varchar,
--   src_endpoint.ip AS src_ip varchar, severity_id AS severity_id integer, time AS seen_at timestamp(3)
-- from: file_activity: attacks[].technique.uid AS techniques array(varchar), device.hostname AS host varchar,
--   severity_id AS severity_id integer, time AS seen_at timestamp(3)
-- from: kernel_activity: attacks[].technique.uid AS techniques array(varchar), device.hostname AS host varchar,
--   severity_id AS severity_id integer, time AS seen_at timestamp(3)
-- from: memory_activity: attacks[].technique.uid AS techniques array(varchar), device.hostname AS host varchar,
--   severity_id AS severity_id integer, time AS seen_at timestamp(3)
-- from: dns_activity: attacks[].technique.uid AS techniques array(varchar), device.hostname AS host varchar,
--   src_endpoint.ip AS src_ip varchar, severity_id AS severity_id integer, time AS seen_at timestamp(3)
-- columns: region varchar, accountid varchar, eventday varchar, source varchar, host varchar, technique varchar,
--   events bigint, max_severity_id integer, first_seen timestamp(3), last_seen timestamp(3)
-- pruned by: region, accountid, eventday
WITH event AS (
  SELECT region, accountid, eventday, source, host, techniques, severity_id, seen_at
  FROM detection_finding CROSS JOIN UNNEST(hosts) AS h(host)
  UNION ALL
  SELECT region, accountid, eventday, source, host, techniques, severity_id, seen_at
  FROM security_finding CROSS JOIN UNNEST(hosts) AS h(host)
  UNION ALL
  SELECT region, accountid, eventday, source, host, techniques, severity_id, seen_at FROM process_activity
  UNION ALL
  SELECT region, accountid, eventday, source, coalesce(host, src_ip) AS host, techniques, severity_id, seen_at FROM network_activity
  UNION ALL
  SELECT region, accountid, eventday, source, host, techniques, severity_id, seen_at FROM file_activity
  UNION ALL
  SELECT region, accountid, eventday, source, host, techniques, severity_id, seen_at FROM kernel_activity
  UNION ALL
  SELECT region, accountid, eventday, source, host, techniques, severity_id, seen_at FROM memory_activity
  UNION ALL
  SELECT region, accountid, eventday, source, coalesce(host, src_ip) AS host, techniques, severity_id, seen_at FROM dns_activity
)
SELECT region, accountid, eventday, source, host, technique,
  count(*) AS events,
  max(severity_id) AS max_severity_id,
  min(seen_at) AS first_seen,
  max(seen_at) AS last_seen
FROM event CROSS JOIN UNNEST(techniques) AS t(technique)
WHERE technique IS NOT NULL AND host IS NOT NULL
GROUP BY region, accountid, eventday, source, host, technique
