-- Audit events of the console and of the API: what users and API clients did in Falcon.
-- class: api_activity
-- without: actor, src_endpoint
-- consumes: event.Success = CASE status_id WHEN 1 THEN TRUE WHEN 2 THEN FALSE END
-- consumes: event.UserId = actor."user".name
SELECT
  falcon_change(event.OperationName) AS activity_id,
  1 AS severity_id,
  CASE WHEN event.Success THEN 1 WHEN event.Success IS FALSE THEN 2 ELSE 0 END AS status_id,
  event.Message AS message,
  event.UserId AS "actor.user.name",
  CASE WHEN event.UserId IS NULL THEN falcon_audit(event.AuditKeyValues, 'APIClientID') END AS "actor.user.uid", -- an API client
  falcon_mail(event.UserId) AS "actor.user.email_addr",
  event.UserIp AS "src_endpoint.ip",
  event.OperationName AS "api.operation",
  event.ServiceName AS "api.service.name",
  falcon_audit(event.AuditKeyValues, 'trace_id') AS "api.request.uid",
  falcon_audit(event.AuditKeyValues, 'user_agent') AS "http_request.user_agent",
  upper(falcon_audit(event.AuditKeyValues, 'request_method')) AS "http_request.http_method",
  falcon_audit(event.AuditKeyValues, 'request_path') AS "http_request.url.path",
  [{'name': falcon_audit(event.AuditKeyValues, 'target_name'), 'uid': falcon_audit(event.AuditKeyValues, 'target_user_uuid'), 'type': CASE WHEN falcon_audit(event.AuditKeyValues, 'target_name') IS NOT NULL THEN 'User' END}] AS resources
FROM raw
WHERE metadata.eventType IN ('AuthActivityAuditEvent', 'UserActivityAuditEvent', 'APIActivityAuditEvent') AND event.OperationName IS NOT NULL AND NOT falcon_is_login(metadata.eventType, event.OperationName);
