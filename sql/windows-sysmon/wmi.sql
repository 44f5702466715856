-- class: process_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
--
-- 19 to 21: a WMI event filter, consumer or binding was created, changed or removed. These texts name no process. The
-- event has the null GUID that Sysmon itself writes for an unknown process.
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  3 AS activity_id,
  0 AS action_id, -- Sysmon only observes

  null_guid() AS "process.uid",
  'WMI' AS "process.name",

  null_guid() AS "actor.process.uid",
  'WMI' AS "actor.process.name",
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
WHERE EventId IN (19, 20, 21);
