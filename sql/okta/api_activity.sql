-- Every other event.
-- class: api_activity
-- without: src_endpoint, actor
SELECT
  okta_change(eventType) AS activity_id,
  eventType AS "api.operation",
  'Okta' AS "api.service.name",
  list_transform(target, lambda t: {'uid': t.id, 'name': coalesce(nullif(t.displayName, 'unknown'), nullif(t.alternateId, 'unknown')), 'type': t."type"}) AS resources
FROM raw
WHERE eventType IS NOT NULL AND okta_kind(eventType, target) IS NULL;
