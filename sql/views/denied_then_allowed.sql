-- answers: Which connections did a firewall deny at first, and allow later on the same day?
-- cost: A query reads the partitions that its conditions on region, accountid and eventday choose.
-- from: network_activity: src_endpoint.ip AS src_ip varchar, dst_endpoint.ip AS dst_ip varchar,
--   dst_endpoint.port AS dst_port integer, action_id AS action_id integer, disposition_id AS disposition_id integer,
--   time AS seen_at timestamp(3)
-- columns: region varchar, accountid varchar, eventday varchar, source varchar, src_ip varchar, dst_ip varchar,
--   dst_port integer, denied bigint, first_denied timestamp(3), first_allowed timestamp(3), allowed bigint
-- pruned by: region, accountid, eventday
WITH decided AS (
  SELECT region, accountid, eventday, source, src_ip, dst_ip, dst_port, seen_at,
    CASE WHEN action_id = 2 OR disposition_id IN (2, 6) THEN 1 ELSE 0 END AS is_denied,
    CASE WHEN action_id = 1 OR disposition_id = 1 THEN 1 ELSE 0 END AS is_allowed
  FROM network_activity
  WHERE src_ip IS NOT NULL AND dst_ip IS NOT NULL
),
compared AS (
  SELECT region, accountid, eventday, source, src_ip, dst_ip, dst_port, seen_at, is_denied, is_allowed,
    min(CASE WHEN is_denied = 1 THEN seen_at END)
      OVER (PARTITION BY region, accountid, eventday, source, src_ip, dst_ip, dst_port) AS first_denied
  FROM decided
)
SELECT region, accountid, eventday, source, src_ip, dst_ip, dst_port,
  CAST(sum(is_denied) AS bigint) AS denied,
  min(first_denied) AS first_denied,
  min(CASE WHEN is_allowed = 1 AND is_denied = 0 AND seen_at > first_denied THEN seen_at END) AS first_allowed,
  CAST(sum(CASE WHEN is_allowed = 1 AND is_denied = 0 AND seen_at > first_denied THEN 1 ELSE 0 END) AS bigint) AS allowed
FROM compared
WHERE first_denied IS NOT NULL
GROUP BY region, accountid, eventday, source, src_ip, dst_ip, dst_port
HAVING sum(CASE WHEN is_allowed = 1 AND is_denied = 0 AND seen_at > first_denied THEN 1 ELSE 0 END) > 0
