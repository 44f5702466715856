-- class: web_resources_activity
-- ocsf: 1.1.0
-- profiles: host
-- without: web_resources
SELECT
  activity_id, activity_name, category_uid, class_uid,
  "time", severity_id, severity, status_id, status, status_detail, message, raw_data,
  metadata, actor, device,
  http_request, web_resources
FROM raw
WHERE class_uid = 6001;
