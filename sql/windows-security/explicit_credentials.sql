-- class: authentication
-- without: user
-- consumes: EventData.ProcessId = number_hex(actor.process.pid)
-- consumes: EventData.IpAddress = src_endpoint.ip
--
-- 4648: a process tried to log on with the name and password of an account, for example runas or a scheduled task. The event does not say
-- whether it succeeded. The destination is the server that was named; the computer of the event is the source.
SELECT
  1 AS activity_id, -- Logon
  0 AS status_id,
  EventData.TargetUserName AS "user.name",
  EventData.TargetDomainName AS "user.domain",
  user_type(NULL, EventData.TargetUserName) AS "user.type_id",
  EventData.LogonGuid AS "actor.session.uid_alt",
  EventData.TargetLogonGuid AS "session.uid_alt",
  CASE WHEN lower(EventData.TargetServerName) = 'localhost' OR lower(EventData.TargetServerName) = lower(Computer) THEN FALSE
    WHEN EventData.TargetServerName IS NOT NULL THEN TRUE END AS is_remote,
  plain_ip(EventData.IpAddress) AS "src_endpoint.ip",
  EventData.IpPort AS "src_endpoint.port",
  Computer AS "src_endpoint.hostname",
  EventData.TargetServerName AS "dst_endpoint.name",
  EventData.TargetInfo AS "service.name",

  hex_number(EventData.ProcessId) AS "actor.process.pid",
  EventData.ProcessName AS "actor.process.file.path",
  basename(EventData.ProcessName) AS "actor.process.file.name",
  basename(EventData.ProcessName) AS "actor.process.name",
  CASE WHEN EventData.ProcessName IS NOT NULL THEN 1 END AS "actor.process.file.type_id"
FROM raw
WHERE EventID = 4648 AND is_security(Channel, ProviderName);
