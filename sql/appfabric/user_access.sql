-- class: user_access
-- without: user, privileges
SELECT
  raw."user", privileges, resource
FROM raw
WHERE class_uid = 3005;
