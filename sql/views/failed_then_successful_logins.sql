-- answers: Which users logged in after failed attempts on the same day?
-- cost: A query reads the partitions that its conditions on region, accountid and eventday choose.
-- from: authentication: activity_id AS activity_id integer, status_id AS status_id integer, user.name AS user_name varchar,
--   user.email_addr AS user_email varchar, user.uid AS user_uid varchar, src_endpoint.ip AS src_ip varchar,
--   time AS seen_at timestamp(3)
-- columns: region varchar, accountid varchar, eventday varchar, source varchar, user_name varchar, failures bigint,
--   failed_addresses bigint, first_failure timestamp(3), last_failure timestamp(3), success_at timestamp(3),
--   success_ip varchar
-- pruned by: region, accountid, eventday
WITH login AS (
  SELECT region, accountid, eventday, source, coalesce(user_name, user_email, user_uid) AS user_name, src_ip, seen_at, status_id
  FROM authentication
  WHERE activity_id = 1 AND status_id IN (1, 2) AND coalesce(user_name, user_email, user_uid) IS NOT NULL -- Logon; Success, Failure
),
compared AS (
  SELECT region, accountid, eventday, source, user_name, src_ip, seen_at, status_id,
    min(CASE WHEN status_id = 2 THEN seen_at END) OVER (PARTITION BY region, accountid, eventday, source, user_name) AS first_failure
  FROM login
),
success AS (
  SELECT region, accountid, eventday, source, user_name, seen_at AS success_at, src_ip AS success_ip,
    row_number() OVER (PARTITION BY region, accountid, eventday, source, user_name ORDER BY seen_at, src_ip) AS nth
  FROM compared
  WHERE status_id = 1 AND seen_at > first_failure
)
SELECT s.region, s.accountid, s.eventday, s.source, s.user_name,
  count(*) AS failures,
  count(DISTINCT f.src_ip) AS failed_addresses,
  min(f.seen_at) AS first_failure,
  max(f.seen_at) AS last_failure,
  s.success_at,
  s.success_ip
FROM success s
JOIN login f ON f.region = s.region AND f.accountid = s.accountid AND f.eventday = s.eventday AND f.source = s.source
  AND f.user_name = s.user_name AND f.status_id = 2 AND f.seen_at < s.success_at
WHERE s.nth = 1
GROUP BY s.region, s.accountid, s.eventday, s.source, s.user_name, s.success_at, s.success_ip
