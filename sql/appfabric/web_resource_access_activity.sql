-- class: web_resource_access_activity
-- without: http_request, web_resources
SELECT
  http_request, web_resources
FROM raw
WHERE class_uid = 6004;
