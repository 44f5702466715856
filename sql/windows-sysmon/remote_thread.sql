-- class: network_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
-- consumes: Description.SourceUser = windows_user(actor."user"."domain", actor."user".name)
--
-- 8: a process started a thread in another one. The class is Network Activity, as in AWS's table: the two endpoints are
-- the two processes, on one machine. OCSF itself has Process Activity with the activity Inject for it.
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  99 AS activity_id,
  0 AS action_id, -- Sysmon only observes

  MachineName AS "src_endpoint.hostname",
  basename(Description.SourceImage) AS "src_endpoint.svc_name",
  MachineName AS "dst_endpoint.hostname",
  basename(Description.TargetImage) AS "dst_endpoint.svc_name",

  Description.SourceProcessGuid AS "actor.process.uid",
  Description.SourceProcessId AS "actor.process.pid",
  Description.SourceImage AS "actor.process.name",
  basename(Description.SourceImage) AS "actor.process.file.name",
  Description.SourceImage AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.SourceUser) AS "actor.user.name",
  domain_of(Description.SourceUser) AS "actor.user.domain",

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
WHERE EventId = 8;
