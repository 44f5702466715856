-- class: http_activity
-- consumes: status_code = nullif(http_response.code, 0)
-- consumes: host = host_port(http_request."url".hostname, http_request."url".port)
-- consumes: uri = coalesce(http_request."url".url_string, http_request."url".path || coalesce('?' || http_request."url".query_string, ''))
--
-- A request and its response. The code is 0 if Zeek saw no response, because OCSF requires one.
SELECT
  http_activity_id(method) AS activity_id,
  CASE WHEN status_code BETWEEN 100 AND 399 THEN 1 WHEN status_code >= 400 THEN 2 ELSE 0 END AS status_id,
  host_of(host) AS "dst_endpoint.hostname",
  'http' AS "dst_endpoint.svc_name",
  method AS "http_request.http_method",
  version AS "http_request.version",
  user_agent AS "http_request.user_agent",
  referrer AS "http_request.referrer",
  request_body_len AS "http_request.length",
  host_of(host) AS "http_request.url.hostname",
  port_of(host) AS "http_request.url.port",
  CASE WHEN NOT starts_with(uri, '/') THEN uri END AS "http_request.url.url_string",
  CASE WHEN starts_with(uri, '/') THEN split_part(uri, '?', 1) END AS "http_request.url.path",
  CASE WHEN contains(uri, '?') THEN substr(uri, position('?' IN uri) + 1) END AS "http_request.url.query_string",
  coalesce(status_code, 0) AS "http_response.code",
  status_msg AS "http_response.message",
  response_body_len AS "http_response.length",
  resp_mime_types[1] AS "http_response.content_type",
  username AS "actor.user.name",
  'tcp' AS "connection_info.protocol_name",
  6 AS "connection_info.protocol_num"
FROM raw
WHERE log_of(_path, conn_state, rejected, request_body_len, established, fuid, source, note, key.file) = 'http';
