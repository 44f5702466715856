-- class: process_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
-- consumes: Description.Hashes = hash_list(module.file.hashes)
--
-- 7: a process loaded an image (example: a DLL).
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  3 AS activity_id,
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

  basename(Description.ImageLoaded) AS "module.file.name",
  Description.ImageLoaded AS "module.file.path",
  dirname(Description.ImageLoaded) AS "module.file.parent_folder",
  1 AS "module.file.type_id",
  1 AS "module.load_type_id",
  fingerprints(Description.Hashes) AS "module.file.hashes",
  Description.Company AS "module.file.company_name",
  Description.Description AS "module.file.desc",
  Description.FileVersion AS "module.file.version",
  Description.Product AS "module.file.product.name",
  Description.Company AS "module.file.product.vendor_name",

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
WHERE EventId = 7;
