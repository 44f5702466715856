-- class: http_activity
-- ocsf: 1.1.0
-- profiles: cloud, load_balancer
-- drop: "type" LIKE '____-__-__T__:%'
-- drop: request IS NULL AND elb_status_code IS NULL AND target IS NOT NULL AND (elb IS NULL OR TRY_CAST(elb AS DOUBLE) IS NOT NULL)
-- consumes: client = host_port(src_endpoint.ip, src_endpoint.port)
-- consumes: target = host_port(load_balancer.dst_endpoint.ip, load_balancer.dst_endpoint.port)
-- consumes: request = http_request.http_method || ' ' || http_request."url".url_string || ' ' || http_request.version
--
-- The first -- drop: line is for connection logs, which begin with a time. The second one is for health check logs, which
-- have a latency where access logs have the name of the load balancer. Load balancers write both below the same prefix.
SELECT
  "time" AS "time",
  request_creation_time AS start_time,
  "time" AS end_time,
  CASE WHEN request_creation_time IS NOT NULL THEN epoch_ms("time") - epoch_ms(request_creation_time) END AS duration,
  http_activity_id(request_method(request)) AS activity_id,
  1 AS severity_id,
  CASE WHEN elb_status_code BETWEEN 100 AND 399 THEN 1 WHEN elb_status_code >= 400 THEN 2 ELSE 0 END AS status_id,
  error_reason AS status_detail,
  elb AS app_name,

  peer_host(client) AS "src_endpoint.ip",
  peer_port(client) AS "src_endpoint.port",

  -- the client's request; the load balancer chooses the target
  domain_name AS "dst_endpoint.hostname",
  elb AS "dst_endpoint.name",

  request_method(request) AS "http_request.http_method",
  url_object(request_url(request)) AS "http_request.url",
  request_version(request) AS "http_request.version",
  user_agent AS "http_request.user_agent",
  trace_id AS "http_request.uid",
  -- OCSF requires http_request: of a request that could not be read, its length is known
  CASE WHEN request_url(request) IS NULL THEN received_bytes END AS "http_request.length",
  elb_status_code AS "http_response.code",

  -- in OCSF, bytes_out is what the source sent: the client's request
  received_bytes AS "traffic.bytes_out",
  sent_bytes AS "traffic.bytes_in",

  ssl_protocol AS "tls.version",
  ssl_cipher AS "tls.cipher",
  CASE WHEN ssl_protocol IS NOT NULL THEN domain_name END AS "tls.sni",

  elb AS "load_balancer.name",
  peer_host(target) AS "load_balancer.dst_endpoint.ip",
  peer_port(target) AS "load_balancer.dst_endpoint.port",
  target_group_arn AS "load_balancer.dst_endpoint.uid",
  target_status_code AS "load_balancer.code",
  error_reason AS "load_balancer.error_message",
  actions_executed AS "load_balancer.message",

  CASE WHEN "type" IN ('ws', 'wss') THEN 'websocket' ELSE 'tcp' END AS "connection_info.protocol_name",
  6 AS "connection_info.protocol_num",
  1 AS "connection_info.direction_id", -- Inbound
  conn_trace_id AS "connection_info.uid",

  'AWS' AS "cloud.provider",
  coalesce(split_part(target_group_arn, ':', 4), key.region) AS "cloud.region",
  coalesce(split_part(target_group_arn, ':', 5), key.account_id) AS "cloud.account.uid",

  'Elastic Load Balancing' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  'Application Load Balancer' AS "metadata.product.feature.name"
FROM raw
WHERE "type" IN ('http', 'https', 'h2', 'grpcs', 'ws', 'wss');
