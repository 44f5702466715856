-- class: http_activity
-- consumes: http.url = coalesce(http_request."url".url_string, http_request."url".path || coalesce('?' || http_request."url".query_string, ''))
-- consumes: http.status = nullif(http_response.code, 0)
-- consumes: http.xff = http_request.x_forwarded_for[1]
-- consumes: http.hostname = coalesce(http_request."url".hostname, dst_endpoint.hostname)
--
-- A request and its response. The code is 0 if Suricata saw no response, because OCSF requires one.
SELECT
  http_activity_id(http.http_method) AS activity_id,
  CASE WHEN http.status BETWEEN 100 AND 399 THEN 1 WHEN http.status >= 400 THEN 2 ELSE 0 END AS status_id,
  http.hostname AS "dst_endpoint.hostname",
  coalesce(app_proto, 'http') AS "dst_endpoint.svc_name",
  http.http_method AS "http_request.http_method",
  http.protocol AS "http_request.version",
  http.http_user_agent AS "http_request.user_agent",
  http.http_refer AS "http_request.referrer",
  [http.xff] AS "http_request.x_forwarded_for",
  http.request_headers AS "http_request.http_headers",
  http.hostname AS "http_request.url.hostname",
  http.http_port AS "http_request.url.port",
  CASE WHEN NOT starts_with(http.url, '/') THEN http.url END AS "http_request.url.url_string",
  CASE WHEN starts_with(http.url, '/') THEN split_part(http.url, '?', 1) END AS "http_request.url.path",
  CASE WHEN contains(http.url, '?') THEN substr(http.url, position('?' IN http.url) + 1) END AS "http_request.url.query_string",
  coalesce(http.status, 0) AS "http_response.code",
  http.length AS "http_response.length",
  http.http_content_type AS "http_response.content_type",
  http.response_headers AS "http_response.http_headers"
FROM raw
WHERE event_type = 'http';
