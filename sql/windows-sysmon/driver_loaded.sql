-- class: kernel_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
--
-- 6: a driver was loaded. Windows runs drivers in its process System, pid 4.
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  99 AS activity_id,
  0 AS action_id, -- Sysmon only observes

  'Load' AS activity_name,
  basename(Description.ImageLoaded) AS "kernel.name",
  Description.ImageLoaded AS "kernel.path",
  99 AS "kernel.type_id",
  'Driver' AS "kernel.type",
  'System' AS "actor.process.name",
  4 AS "actor.process.pid",

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
WHERE EventId = 6;
