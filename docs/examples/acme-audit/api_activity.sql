-- class: api_activity
-- ocsf: 1.1.0
-- profiles: cloud
-- consumes: client.address = coalesce(src_endpoint.ip, src_endpoint.svc_name)
-- consumes: documents = list_transform(resources, lambda r: {'id': r.uid, 'kind': r."type"})
SELECT
  epoch_ms(at_ms) AS "time",
  operation_kind(operation) AS activity_id,
  CASE WHEN error IS NULL THEN 1 ELSE 2 END AS severity_id, -- Informational, Low
  CASE WHEN error IS NULL THEN 1 ELSE 2 END AS status_id,
  error AS "api.response.error",
  operation AS "api.operation",
  id AS "api.request.uid",
  params AS "api.request.data",
  actor.login AS "actor.user.name",
  CASE WHEN actor.admin THEN 2 ELSE 1 END AS "actor.user.type_id", -- Admin, User
  CASE WHEN is_ip(client.address) THEN client.address END AS "src_endpoint.ip",
  CASE WHEN NOT is_ip(client.address) THEN client.address END AS "src_endpoint.svc_name",
  client.agent AS "http_request.user_agent",
  list_transform(documents, lambda d: {'uid': d.id, 'type': d.kind}) AS resources,
  'Acme' AS "cloud.provider",
  key.tenant AS "metadata.tenant_uid",
  'Acme Documents' AS "metadata.product.name",
  'Acme' AS "metadata.product.vendor_name"
FROM raw;
