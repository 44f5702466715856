-- answers: Which rules block the most flows, on each day?
-- cost: A query reads the partitions that its conditions on region, accountid and eventday choose.
-- from: network_activity: src_endpoint.ip AS src_ip varchar, dst_endpoint.ip AS dst_ip varchar,
--   firewall_rule.uid AS rule_uid varchar, firewall_rule.name AS rule_name varchar, action_id AS action_id integer,
--   disposition_id AS disposition_id integer, time AS seen_at timestamp(3)
-- columns: region varchar, accountid varchar, eventday varchar, source varchar, rule_uid varchar, rule_name varchar,
--   events bigint, sources bigint, destinations bigint, first_seen timestamp(3), last_seen timestamp(3)
-- pruned by: region, accountid, eventday
SELECT region, accountid, eventday, source, rule_uid, rule_name,
  count(*) AS events,
  count(DISTINCT src_ip) AS sources,
  count(DISTINCT dst_ip) AS destinations,
  min(seen_at) AS first_seen,
  max(seen_at) AS last_seen
FROM network_activity
WHERE action_id = 2 OR disposition_id IN (2, 6) -- Denied; Blocked, Dropped
GROUP BY region, accountid, eventday, source, rule_uid, rule_name
