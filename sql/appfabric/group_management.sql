-- class: group_management
-- ocsf: 1.1.0
-- profiles: host
-- without: group
SELECT
  activity_id, activity_name, category_uid, class_uid,
  "time", severity_id, severity, status_id, status, status_detail, message, raw_data,
  metadata, actor, device,
  raw."user", raw."group", privileges, resource
FROM raw
WHERE class_uid = 3006;
