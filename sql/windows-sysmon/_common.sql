-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
--
-- What all events of Sysmon have: when, on which computer, and what the Windows event log says of them.
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  99 AS activity_id, -- Other, if the SELECT does not say
  0 AS action_id, -- Sysmon only observes

  *,

  [attack_of_rule(Description.RuleName)] AS attacks,
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
FROM raw;
