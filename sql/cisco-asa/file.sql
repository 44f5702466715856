-- Files that FTD saw in a connection (430004, and 430005 if the file is not known to be malware).
-- class: network_file_activity
-- profiles: security_control
-- without: actor
-- consumes: ftd."FileDirection" = CASE activity_id WHEN 1 THEN 'Upload' WHEN 2 THEN 'Download' END
-- consumes: ftd."EventPriority" = CASE severity_id WHEN 4 THEN 'High' WHEN 3 THEN 'Medium' ELSE 'Low' END
-- consumes: ftd."FileName" = file.name
-- consumes: ftd."FileSHA256" = file.hashes[1].value
-- consumes: ftd."Protocol" = connection_info.protocol_name
-- consumes: ftd."User" = windows_user(actor."user"."domain", actor."user".name)
SELECT
  CASE lower(ftd."FileDirection") WHEN 'upload' THEN 1 WHEN 'download' THEN 2 ELSE 0 END AS activity_id, -- Upload, Download, Unknown
  ftd_severity(ftd."EventPriority") AS severity_id,
  ftd."FirstPacketSecond" AS start_time,
  ftd."DeviceUUID" AS "device.uid",
  ftd."SrcIP" AS "src_endpoint.ip",
  ftd."SrcPort" AS "src_endpoint.port",
  ftd."DstIP" AS "dst_endpoint.ip",
  ftd."DstPort" AS "dst_endpoint.port",
  ftd."ApplicationProtocol" AS "dst_endpoint.svc_name",
  ftd."WebApplication" AS app_name,
  asa_account_name(ftd."User") AS "actor.user.name",
  asa_account_domain(ftd."User") AS "actor.user.domain",
  coalesce(ftd."FileName", ftd."FileSHA256", 'Unknown') AS "file.name",
  1 AS "file.type_id", -- Regular File
  ftd."FileSize" AS "file.size",
  [{'algorithm_id': 3, 'value': ftd."FileSHA256"}] AS "file.hashes", -- SHA-256
  ftd."ConnectionID" AS "connection_info.uid",
  direction_between(ftd."SrcIP", ftd."DstIP") AS "connection_info.direction_id",
  asa_protocol(ftd."Protocol") AS "connection_info.protocol_num",
  iana_protocol_name(asa_protocol(ftd."Protocol")) AS "connection_info.protocol_name",
  CASE WHEN ftd_blocked(ftd."FileAction") THEN 2 ELSE 1 END AS action_id, -- Denied, Allowed
  CASE WHEN ftd_blocked(ftd."FileAction") THEN 2 WHEN starts_with(lower(ftd."FileAction"), 'detect') THEN 15 ELSE 1 END AS disposition_id, -- Blocked, Detected, Allowed
  ftd."FilePolicy" AS "firewall_rule.name"
FROM raw
WHERE msgid IN ('430004', '430005') AND ftd."SrcIP" IS NOT NULL
  AND NOT (msgid = '430005' AND ftd_malware(ftd."SHA_Disposition", ftd."FileAction"));
