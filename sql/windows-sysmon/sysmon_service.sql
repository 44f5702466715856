-- class: process_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
-- consumes: Description.State = CASE activity_id WHEN 1 THEN 'Started' WHEN 2 THEN 'Stopped' END
--
-- 4: the Sysmon service was started or stopped. 16: its configuration was changed. 255: it reported an error. These
-- texts name no process. The event has the null GUID that Sysmon itself writes for an unknown process.
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  CASE EventId WHEN 4 THEN CASE Description.State WHEN 'Started' THEN 1 WHEN 'Stopped' THEN 2 ELSE 99 END ELSE 99 END AS activity_id,
  0 AS action_id, -- Sysmon only observes

  null_guid() AS "process.uid",
  'Sysmon' AS "process.name",
  Description.Version AS "process.file.version",
  CASE WHEN Description.Version IS NOT NULL THEN 'Sysmon' END AS "process.file.name",
  1 AS "process.file.type_id",

  null_guid() AS "actor.process.uid",
  'Sysmon' AS "actor.process.name",
  CASE EventId WHEN 255 THEN 2 ELSE 1 END AS status_id,

  [attack_of_tag(Description.RuleName)] AS attacks,
  Description.RuleName AS "unmapped.rulename",

  6 AS "device.type_id", -- Virtual
  MachineName AS "device.hostname",
  UserDefined.source_instance_id AS "device.instance_uid",

  1 AS severity_id,
  Description.title AS message,
  TimeCreated AS "metadata.logged_time",
  LevelDisplayName AS "metadata.log_level",
  EventId AS "metadata.event_code",
  "Index" AS "metadata.sequence",
  LogName AS "metadata.log_name",
  ProviderName AS "metadata.log_provider",
  'System Monitor (Sysmon)' AS "metadata.product.name",
  'Microsoft Sysinternals' AS "metadata.product.vendor_name",
  'v15.14' AS "metadata.product.version"
FROM raw
WHERE EventId IN (4, 16, 255);
