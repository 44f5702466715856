-- Threats, risks, and suspicious activity that users report.
-- class: detection_finding
SELECT
  1 AS activity_id, -- Create
  CASE upper(debugContext.debugData.risk) WHEN 'HIGH' THEN 4 WHEN 'MEDIUM' THEN 3 WHEN 'LOW' THEN 2
    ELSE CASE severity WHEN 'ERROR' THEN 4 WHEN 'WARN' THEN 3 ELSE 1 END END AS severity_id,
  1 AS status_id, -- New
  CASE WHEN outcome."result" IS NULL THEN NULL ELSE outcome."result" END AS "unmapped.outcome_result",
  uuid AS "finding_info.uid",
  coalesce(displayMessage, eventType) AS "finding_info.title",
  [eventType] AS "finding_info.types",
  [{'src_endpoint': {'ip': client.ipAddress, 'domain': securityContext."domain", 'location': {'city': client.geographicalContext.city, 'region': client.geographicalContext.state, 'desc': client.geographicalContext.country}},
    'actor': {'user': {'uid': coalesce(okta_id(okta_target(target, 'User')), actor.id), 'name': coalesce(okta_login(okta_target(target, 'User')), actor.alternateId)}}}] AS evidences
FROM raw
WHERE okta_kind(eventType, target) = 'finding';
