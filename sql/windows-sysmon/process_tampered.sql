-- class: process_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
--
-- 25: a process's image was changed from outside (process hollowing, herpaderping).
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  4 AS activity_id,
  0 AS action_id, -- Sysmon only observes

  Description.ProcessGuid AS "process.uid",
  Description.ProcessId AS "process.pid",
  Description.Image AS "process.name",
  basename(Description.Image) AS "process.file.name",
  Description.Image AS "process.file.path",
  1 AS "process.file.type_id",
  user_of(Description.User) AS "process.user.name",
  domain_of(Description.User) AS "process.user.domain",

  Description.ProcessGuid AS "actor.process.uid",
  Description.ProcessId AS "actor.process.pid",
  Description.Image AS "actor.process.name",
  basename(Description.Image) AS "actor.process.file.name",
  Description.Image AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain",

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
WHERE EventId = 25;
