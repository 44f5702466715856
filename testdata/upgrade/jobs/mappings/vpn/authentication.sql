-- class: authentication
-- ocsf: 1.1.0
-- drop: kind = 'keepalive'
-- consumes: result
SELECT
  ts AS "time",
  1 AS activity_id,                        -- Logon
  CASE result WHEN 'ok' THEN 1 ELSE 2 END AS status_id,
  1 AS severity_id,
  "user" AS "user.name",
  client.ip AS "src_endpoint.ip",
  client.port AS "src_endpoint.port",
  gateway AS "dst_endpoint.hostname",
  'Acme VPN' AS "metadata.product.name",
  'Acme' AS "metadata.product.vendor_name"
FROM raw
WHERE kind = 'login';
