-- class: file_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
--
-- 17: a named pipe was created. 18: a client connected to one.
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  CASE EventId WHEN 17 THEN 1 ELSE 14 END AS activity_id,
  0 AS action_id, -- Sysmon only observes

  Description.PipeName AS "file.name",
  Description.PipeName AS "file.path",
  6 AS "file.type_id",

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
WHERE EventId IN (17, 18);
