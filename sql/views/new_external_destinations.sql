-- answers: When did an account first send something to an address outside of its networks?
-- cost: A query reads all days, because only earlier days tell whether an address is new. Conditions on region and accountid choose
--   partitions.
-- from: network_activity: src_endpoint.ip AS src_ip varchar, dst_endpoint.ip AS dst_ip varchar,
--   dst_endpoint.hostname AS dst_host varchar, traffic.bytes AS bytes bigint, time AS seen_at timestamp(3)
-- columns: region varchar, accountid varchar, source varchar, dst_ip varchar, first_day varchar, first_seen timestamp(3),
--   last_seen timestamp(3), dst_host varchar, events bigint, sources bigint, bytes bigint, first_day_of_source varchar
-- pruned by: region, accountid
WITH outside AS (
  SELECT region, accountid, eventday, source, src_ip, lower(dst_ip) AS dst_ip, dst_host, bytes, seen_at
  FROM network_activity
  WHERE dst_ip IS NOT NULL
    AND dst_ip NOT LIKE '0.%' AND dst_ip NOT LIKE '10.%' AND dst_ip NOT LIKE '127.%' AND dst_ip NOT LIKE '169.254.%'
    AND dst_ip NOT LIKE '192.168.%'
    AND substr(dst_ip, 1, 7) NOT IN ('172.16.', '172.17.', '172.18.', '172.19.', '172.20.', '172.21.', '172.22.', '172.23.',
      '172.24.', '172.25.', '172.26.', '172.27.', '172.28.', '172.29.', '172.30.', '172.31.')
    AND NOT (dst_ip LIKE '2__.%' AND substr(dst_ip, 1, 3) >= '224') -- multicast, reserved, broadcast
    AND dst_ip NOT IN ('::', '::1') AND lower(dst_ip) NOT LIKE 'fe80:%' AND lower(dst_ip) NOT LIKE 'fc%'
    AND lower(dst_ip) NOT LIKE 'fd%' AND lower(dst_ip) NOT LIKE 'ff%'
)
SELECT region, accountid, source, dst_ip,
  min(eventday) AS first_day,
  min(seen_at) AS first_seen,
  max(seen_at) AS last_seen,
  max(dst_host) AS dst_host,
  count(*) AS events,
  count(DISTINCT src_ip) AS sources,
  CAST(sum(bytes) AS bigint) AS bytes,
  -- on the first day of a source, every address is new
  min(min(eventday)) OVER (PARTITION BY region, accountid, source) AS first_day_of_source
FROM outside
GROUP BY region, accountid, source, dst_ip
