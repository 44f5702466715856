-- Intrusion events of FTD (430001).
-- class: detection_finding
-- profiles: security_control
-- consumes: ftd."Priority" = CASE severity_id WHEN 4 THEN '1' WHEN 3 THEN '2' WHEN 2 THEN '3' ELSE '4' END
-- consumes: ftd."GID" = split_part(finding_info.analytic.uid, ':', 1)
-- consumes: ftd."SID" = split_part(finding_info.analytic.uid, ':', 2)
-- consumes: ftd."Classification" = finding_info.types[1]
-- consumes: ftd."Protocol" = evidences[1].connection_info.protocol_name
-- consumes: ftd."User" = windows_user(actor."user"."domain", actor."user".name)
SELECT
  1 AS activity_id, -- Create
  CASE ftd."Priority" WHEN '1' THEN 4 WHEN '2' THEN 3 WHEN '3' THEN 2 WHEN '4' THEN 1 ELSE ftd_severity(ftd."EventPriority") END AS severity_id,
  ftd."Message" AS message,
  ftd."DeviceUUID" AS "device.uid",
  ftd_uid(ftd."DeviceUUID", ftd."InstanceID", ftd."FirstPacketSecond", ftd."ConnectionID", concat_ws(':', ftd."GID", ftd."SID", ftd."Revision")) AS "finding_info.uid",
  coalesce(ftd."Message", ftd."Classification", 'Intrusion') AS "finding_info.title",
  [ftd."Classification"] AS "finding_info.types",
  concat_ws(':', ftd."GID", ftd."SID") AS "finding_info.analytic.uid",
  ftd."Message" AS "finding_info.analytic.name",
  ftd."Revision" AS "finding_info.analytic.version",
  1 AS "finding_info.analytic.type_id", -- Rule
  ftd."FirstPacketSecond" AS "finding_info.first_seen_time",
  asa_account_name(ftd."User") AS "actor.user.name",
  asa_account_domain(ftd."User") AS "actor.user.domain",
  [{'src_endpoint': {'ip': ftd."SrcIP", 'port': ftd."SrcPort", 'interface_name': ftd."IngressInterface", 'zone': ftd."IngressZone"},
    'dst_endpoint': {'ip': ftd."DstIP", 'port': ftd."DstPort", 'interface_name': ftd."EgressInterface", 'zone': ftd."EgressZone", 'svc_name': ftd."ApplicationProtocol"},
    'connection_info': {'uid': ftd."ConnectionID", 'direction_id': direction_between(ftd."SrcIP", ftd."DstIP"), 'protocol_num': asa_protocol(ftd."Protocol"),
      'protocol_name': iana_protocol_name(asa_protocol(ftd."Protocol"))}}] AS evidences,
  CASE WHEN starts_with(lower(ftd."InlineResult"), 'would') THEN 1 WHEN ftd_blocked(ftd."InlineResult") THEN 2 ELSE 1 END AS action_id, -- Allowed, Denied
  CASE WHEN starts_with(lower(ftd."InlineResult"), 'would') THEN 15 WHEN lower(ftd."InlineResult") = 'dropped' THEN 6 WHEN ftd_blocked(ftd."InlineResult") THEN 2 ELSE 15 END AS disposition_id, -- Detected, Dropped, Blocked
  ftd."AccessControlRuleName" AS "firewall_rule.name"
FROM raw
WHERE msgid = '430001' AND ftd."SrcIP" IS NOT NULL;
