-- class: network_activity
-- ocsf: 1.1.0
-- profiles: host, security_control
-- consumes: Description.UtcTime = "time"
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
-- consumes: Description.Protocol = connection_info.protocol_name
-- consumes: Description.Initiated = CASE connection_info.direction_id WHEN 1 THEN FALSE WHEN 2 THEN TRUE END
--
-- 3: a process opened or accepted a TCP or UDP connection.
SELECT
  coalesce(Description.UtcTime, TimeCreated) AS "time",
  1 AS activity_id,
  0 AS action_id, -- Sysmon only observes

  Description.SourceIp AS "src_endpoint.ip",
  Description.SourcePort AS "src_endpoint.port",
  Description.SourceHostname AS "src_endpoint.hostname",
  Description.SourcePortName AS "src_endpoint.svc_name",
  Description.DestinationIp AS "dst_endpoint.ip",
  Description.DestinationPort AS "dst_endpoint.port",
  Description.DestinationHostname AS "dst_endpoint.hostname",
  Description.DestinationPortName AS "dst_endpoint.svc_name",
  lower(Description.Protocol) AS "connection_info.protocol_name",
  iana_protocol(Description.Protocol) AS "connection_info.protocol_num",
  CASE Description.Initiated WHEN TRUE THEN 2 WHEN FALSE THEN 1 ELSE 0 END AS "connection_info.direction_id",

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
WHERE EventId = 3;
