-- class: entity_management
--
-- 1102: somebody cleared the Security log. OCSF 1.1.0 does not have a class for event logs.
SELECT
  4 AS severity_id, -- High
  99 AS activity_id,
  'Clear' AS activity_name,
  CASE WHEN EventID IS NOT NULL THEN 'Security' END AS "entity.name",
  CASE WHEN EventID IS NOT NULL THEN 'Event Log' END AS "entity.type"
FROM raw
WHERE EventID = 1102 AND is_security(Channel, ProviderName);
