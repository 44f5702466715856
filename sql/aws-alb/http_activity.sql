-- class: http_activity
-- ocsf: 1.1.0
-- profiles: cloud, load_balancer
-- consumes: client, target, request, type, elb_status_code
SELECT
  "time" AS "time",
  request_creation_time AS start_time,
  "time" AS end_time,
  CASE WHEN request_creation_time IS NOT NULL THEN epoch_ms("time") - epoch_ms(request_creation_time) END AS duration,
  http_activity_id(split_part(request, ' ', 1)) AS activity_id,
  1 AS severity_id,
  CASE WHEN elb_status_code BETWEEN 100 AND 399 THEN 1 WHEN elb_status_code >= 400 THEN 2 ELSE 0 END AS status_id,
  error_reason AS status_detail,
  elb AS app_name,

  host_of(client) AS "src_endpoint.ip",
  port_of(client) AS "src_endpoint.port",

  -- the client's request; the load balancer chooses the target
  domain_name AS "dst_endpoint.hostname",
  elb AS "dst_endpoint.name",

  split_part(request, ' ', 1) AS "http_request.http_method",
  url_object(split_part(request, ' ', 2)) AS "http_request.url",
  nullif(split_part(request, ' ', 3), '-') AS "http_request.version",
  user_agent AS "http_request.user_agent",
  trace_id AS "http_request.uid",
  elb_status_code AS "http_response.code",

  received_bytes AS "traffic.bytes_in",
  sent_bytes AS "traffic.bytes_out",

  ssl_protocol AS "tls.version",
  ssl_cipher AS "tls.cipher",
  CASE WHEN ssl_protocol IS NOT NULL THEN domain_name END AS "tls.sni",

  elb AS "load_balancer.name",
  host_of(target) AS "load_balancer.dst_endpoint.ip",
  port_of(target) AS "load_balancer.dst_endpoint.port",
  target_group_arn AS "load_balancer.dst_endpoint.uid",
  target_status_code AS "load_balancer.code",
  error_reason AS "load_balancer.error_message",
  actions_executed AS "load_balancer.message",

  CASE type WHEN 'ws' THEN 'websocket' ELSE 'tcp' END AS "connection_info.protocol_name",
  6 AS "connection_info.protocol_num",
  1 AS "connection_info.direction_id", -- Inbound
  conn_trace_id AS "connection_info.uid",

  'AWS' AS "cloud.provider",
  coalesce(split_part(target_group_arn, ':', 4), key.region) AS "cloud.region",
  coalesce(split_part(target_group_arn, ':', 5), key.account_id) AS "cloud.account.uid",

  'Elastic Load Balancing' AS "metadata.product.name",
  'AWS' AS "metadata.product.vendor_name",
  'Application Load Balancer' AS "metadata.product.feature.name"
FROM raw;
