-- class: network_activity
-- consumes: Description.User = windows_user(actor."user"."domain", actor."user".name)
-- consumes: Description.Protocol = connection_info.protocol_name
-- consumes: Description.Initiated = CASE connection_info.direction_id WHEN 1 THEN FALSE WHEN 2 THEN TRUE END
--
-- 3: a process opened or accepted a TCP or UDP connection.
SELECT
  1 AS activity_id,

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
  CASE WHEN is_group_ip(Description.DestinationIp) OR is_group_ip(Description.SourceIp) THEN 3 -- Lateral: multicast and broadcast do not leave the site
    WHEN Description.Initiated THEN 2 WHEN NOT Description.Initiated THEN 1 ELSE 0 END AS "connection_info.direction_id",

  Description.ProcessGuid AS "actor.process.uid",
  Description.ProcessId AS "actor.process.pid",
  Description.Image AS "actor.process.name",
  basename(Description.Image) AS "actor.process.file.name",
  Description.Image AS "actor.process.file.path",
  1 AS "actor.process.file.type_id",
  user_of(Description.User) AS "actor.user.name",
  domain_of(Description.User) AS "actor.user.domain"
FROM raw
WHERE EventId = 3;
