-- ocsf: 1.1.0
-- profiles: host
SELECT
  activity_id, activity_name, category_uid, class_uid,
  "time", severity_id, severity, status_id, status, status_detail, message, raw_data,
  metadata, actor, device
FROM raw;
