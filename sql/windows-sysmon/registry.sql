-- class: file_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
-- consumes: Description.EventType = CASE activity_id WHEN 3 THEN 'SetValue' END
--
-- 12: a registry key or value was created or deleted. 13: a value was set. 14: a key or value was renamed. OCSF's
-- registry classes are an extension that Security Lake does not accept, so a key's path is written as the path of a
-- file.
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  registry_activity(Description.EventType) AS activity_id,
  0 AS action_id, -- Sysmon only observes

  Description.TargetObject AS "file.name",
  Description.TargetObject AS "file.path",
  dirname(Description.TargetObject) AS "file.parent_folder",
  99 AS "file.type_id",
  Description.NewName AS "file_result.name",
  Description.NewName AS "file_result.path",
  99 AS "file_result.type_id",

  Description.ProcessGuid AS "actor.process.uid",
  Description.ProcessId AS "actor.process.pid",
  Description.Image AS "actor.process.name",
  basename(Description.Image) AS "actor.process.file.name",
  Description.Image AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain",

  Description.ProcessId AS "unmapped.pid",
  Description.ProcessGuid AS "unmapped.uid",
  Description.Image AS "unmapped.name",
  Description.User AS "unmapped.user",

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
WHERE EventId IN (12, 13, 14);
