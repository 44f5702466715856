-- class: web_resources_activity
-- without: web_resources
SELECT
  http_request, web_resources
FROM raw
WHERE class_uid = 6001;
