-- class: authentication
-- without: user
-- consumes: EventData.ProcessId = number_hex(actor.process.pid)
-- consumes: EventData.IpAddress = src_endpoint.ip
-- consumes: EventData.AuthenticationPackageName = CASE auth_protocol_id WHEN 1 THEN 'NTLM' WHEN 2 THEN 'Kerberos' WHEN 3 THEN 'WDigest' ELSE auth_protocol END
--
-- 4624: a logon. 4625: a failed one. The user is who logs on, and the actor is the account and process that asked for it.
SELECT
  1 AS activity_id, -- Logon
  CASE EventID WHEN 4624 THEN 1 ELSE 2 END AS status_id,
  EventData.Status AS status_code,
  coalesce(nt_status(EventData.SubStatus), nt_status(EventData.Status)) AS status_detail,

  EventData.TargetUserSid AS "user.uid",
  EventData.TargetUserName AS "user.name",
  EventData.TargetDomainName AS "user.domain",
  user_type(EventData.TargetUserSid, EventData.TargetUserName) AS "user.type_id",
  EventData.TargetLogonId AS "session.uid",
  EventData.LogonGuid AS "session.uid_alt",
  EventData.LogonType AS logon_type_id,
  CASE WHEN EventData.LogonType IN (10, 12) THEN TRUE WHEN EventData.LogonType IN (3, 8) THEN NOT is_loopback(EventData.IpAddress)
    WHEN EventData.LogonType IS NOT NULL THEN FALSE END AS is_remote,
  package_protocol(EventData.AuthenticationPackageName, EventData.LmPackageName) AS auth_protocol_id,
  CASE WHEN package_protocol(EventData.AuthenticationPackageName, EventData.LmPackageName) = 99 THEN EventData.AuthenticationPackageName END AS auth_protocol,

  plain_ip(EventData.IpAddress) AS "src_endpoint.ip",
  EventData.IpPort AS "src_endpoint.port",
  EventData.WorkstationName AS "src_endpoint.name",
  Computer AS "dst_endpoint.hostname",

  hex_number(EventData.ProcessId) AS "actor.process.pid",
  EventData.ProcessName AS "actor.process.file.path",
  basename(EventData.ProcessName) AS "actor.process.file.name",
  basename(EventData.ProcessName) AS "actor.process.name",
  CASE WHEN EventData.ProcessName IS NOT NULL THEN 1 END AS "actor.process.file.type_id"
FROM raw
WHERE EventID IN (4624, 4625) AND is_security(Channel, ProviderName);
