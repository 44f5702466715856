-- class: account_change
-- ocsf: 1.1.0
-- profiles: host
-- without: user
SELECT
  activity_id, activity_name, category_uid, class_uid,
  "time", severity_id, severity, status_id, status, status_detail, message, raw_data,
  metadata, actor, device,
  raw."user", http_request
FROM raw
WHERE class_uid = 3001;
