-- answers: Which flows have an address of a finding, from an hour before it to an hour after it?
-- cost: A query reads the partitions of the days that its condition on eventday chooses, in all regions and accounts: the finding and
--   the flow can be in different ones. A finding is joined to flows of its own day (UTC) only.
-- from: detection_finding: finding_info.uid AS finding_uid varchar, finding_info.title AS title varchar,
--   finding_info.attacks[].technique.uid AS techniques varchar, severity_id AS severity_id integer,
--   evidences[].src_endpoint.ip AS src_ips array(varchar), evidences[].dst_endpoint.ip AS dst_ips array(varchar),
--   start_time AS started_at timestamp(3), end_time AS ended_at timestamp(3), time AS seen_at timestamp(3)
-- from: network_activity: src_endpoint.ip AS src_ip varchar, dst_endpoint.ip AS dst_ip varchar, dst_endpoint.port AS dst_port integer,
--   dst_endpoint.hostname AS dst_host varchar, action_id AS action_id integer, traffic.bytes AS bytes bigint,
--   attacks[].technique.uid AS techniques varchar, device.hostname AS host varchar,
--   actor.process.name AS process varchar, time AS seen_at timestamp(3)
-- columns: eventday varchar, finding_source varchar, finding_region varchar, finding_accountid varchar, finding_uid varchar,
--   title varchar, severity_id integer, finding_techniques varchar, ip varchar, flow_source varchar, flow_region varchar,
--   flow_accountid varchar, src_ip varchar, dst_ip varchar, dst_port integer, dst_host varchar, host varchar, process varchar,
--   flow_techniques varchar, action_id integer, events bigint, bytes bigint, first_seen timestamp(3), last_seen timestamp(3)
-- pruned by: eventday
WITH address AS (
  SELECT region, accountid, eventday, source, finding_uid, title, severity_id, techniques, started_at, ended_at, seen_at, ip
  FROM detection_finding CROSS JOIN UNNEST(src_ips) AS t(ip)
  UNION ALL
  SELECT region, accountid, eventday, source, finding_uid, title, severity_id, techniques, started_at, ended_at, seen_at, ip
  FROM detection_finding CROSS JOIN UNNEST(dst_ips) AS t(ip)
),
finding AS (
  -- an address once, however often the finding was updated or names it
  SELECT region, accountid, eventday, source, finding_uid, ip,
    max(title) AS title,
    max(severity_id) AS severity_id,
    max(techniques) AS techniques,
    min(coalesce(started_at, seen_at)) - INTERVAL '1' HOUR AS from_time,
    max(coalesce(ended_at, seen_at)) + INTERVAL '1' HOUR AS to_time,
    -- a private address names the same machine in its own account only
    max(CASE WHEN ip LIKE '10.%' OR ip LIKE '192.168.%' OR ip LIKE '169.254.%' OR ip LIKE '127.%' OR lower(ip) LIKE 'fc%'
        OR lower(ip) LIKE 'fd%' OR lower(ip) LIKE 'fe80:%' OR substr(ip, 1, 7) IN ('172.16.', '172.17.', '172.18.', '172.19.',
        '172.20.', '172.21.', '172.22.', '172.23.', '172.24.', '172.25.', '172.26.', '172.27.', '172.28.', '172.29.', '172.30.',
        '172.31.') THEN 1 ELSE 0 END) AS is_private
  FROM address
  WHERE ip IS NOT NULL
  GROUP BY region, accountid, eventday, source, finding_uid, ip
),
flow AS (
  SELECT region, accountid, eventday, source, src_ip AS ip, src_ip, dst_ip, dst_port, dst_host, host, process, techniques, action_id,
    bytes, seen_at
  FROM network_activity
  WHERE src_ip IS NOT NULL
  UNION ALL
  SELECT region, accountid, eventday, source, dst_ip AS ip, src_ip, dst_ip, dst_port, dst_host, host, process, techniques, action_id,
    bytes, seen_at
  FROM network_activity
  WHERE dst_ip IS NOT NULL AND coalesce(src_ip, '') <> dst_ip
)
SELECT f.eventday, f.source AS finding_source, f.region AS finding_region, f.accountid AS finding_accountid, f.finding_uid, f.title,
  f.severity_id, f.techniques AS finding_techniques, f.ip,
  n.source AS flow_source, n.region AS flow_region, n.accountid AS flow_accountid, n.src_ip, n.dst_ip, n.dst_port, n.dst_host,
  n.host, n.process,
  max(n.techniques) AS flow_techniques,
  n.action_id,
  count(*) AS events,
  CAST(sum(n.bytes) AS bigint) AS bytes,
  min(n.seen_at) AS first_seen,
  max(n.seen_at) AS last_seen
FROM finding f
JOIN flow n ON n.eventday = f.eventday AND n.ip = f.ip AND n.seen_at BETWEEN f.from_time AND f.to_time
WHERE f.is_private = 0 OR n.accountid = f.accountid
GROUP BY f.eventday, f.source, f.region, f.accountid, f.finding_uid, f.title, f.severity_id, f.techniques, f.ip, n.source, n.region,
  n.accountid, n.src_ip, n.dst_ip, n.dst_port, n.dst_host, n.host, n.process, n.action_id
