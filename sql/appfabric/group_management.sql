-- class: group_management
-- without: group
SELECT
  raw."user", raw."group", privileges, resource
FROM raw
WHERE class_uid = 3006;
