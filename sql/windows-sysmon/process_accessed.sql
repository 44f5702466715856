-- class: process_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
-- consumes: Description.SourceUser = windows_user(actor."user"."domain", actor."user".name)
-- consumes: Description.TargetUser = windows_user(process."user"."domain", process."user".name)
-- consumes: Description.GrantedAccess = format('0x{:X}', actual_permissions)
--
-- 10: a process opened another one. process is the one that was opened.
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  3 AS activity_id,
  0 AS action_id, -- Sysmon only observes

  Description.TargetProcessGuid AS "process.uid",
  Description.TargetProcessId AS "process.pid",
  Description.TargetImage AS "process.name",
  basename(Description.TargetImage) AS "process.file.name",
  Description.TargetImage AS "process.file.path",
  1 AS "process.file.type_id",
  user_of(Description.TargetUser) AS "process.user.name",
  domain_of(Description.TargetUser) AS "process.user.domain",

  Description.SourceProcessGuid AS "actor.process.uid",
  Description.SourceProcessId AS "actor.process.pid",
  Description.SourceImage AS "actor.process.name",
  basename(Description.SourceImage) AS "actor.process.file.name",
  Description.SourceImage AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.SourceUser) AS "actor.user.name",
  domain_of(Description.SourceUser) AS "actor.user.domain",
  Description.SourceThreadId AS "actor.process.tid",
  ('0x' || substr(Description.GrantedAccess, 3))::INTEGER AS actual_permissions,

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
WHERE EventId = 10;
