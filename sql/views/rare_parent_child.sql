-- answers: Which programs were started by a parent that seldom starts them?
-- cost: A query reads all days, because a pair is rare only in comparison with others. Conditions on region and accountid choose
--   partitions.
-- from: process_activity: activity_id AS activity_id integer, actor.process.name AS actor_name varchar,
--   process.parent_process.name AS parent_name varchar, process.name AS child_name varchar,
--   process.cmd_line AS cmd_line varchar, device.hostname AS host varchar, time AS seen_at timestamp(3)
-- columns: region varchar, accountid varchar, source varchar, parent varchar, child varchar, launches bigint, hosts bigint,
--   parent_launches bigint, child_launches bigint, example varchar, first_seen timestamp(3), last_seen timestamp(3)
-- pruned by: region, accountid
WITH launch AS (
  SELECT region, accountid, source, lower(coalesce(actor_name, parent_name)) AS parent, lower(child_name) AS child, cmd_line, host,
    seen_at
  FROM process_activity
  WHERE activity_id = 1 AND child_name IS NOT NULL AND coalesce(actor_name, parent_name) IS NOT NULL -- Launch
),
pair AS (
  SELECT region, accountid, source, parent, child,
    count(*) AS launches,
    count(DISTINCT host) AS hosts,
    CAST(sum(count(*)) OVER (PARTITION BY region, accountid, source, parent) AS bigint) AS parent_launches,
    CAST(sum(count(*)) OVER (PARTITION BY region, accountid, source, child) AS bigint) AS child_launches,
    min(cmd_line) AS example,
    min(seen_at) AS first_seen,
    max(seen_at) AS last_seen
  FROM launch
  GROUP BY region, accountid, source, parent, child
)
SELECT region, accountid, source, parent, child, launches, hosts, parent_launches, child_launches, example, first_seen, last_seen
FROM pair
WHERE launches <= 10
