-- Connection events of FTD: the beginning (430002) and the end (430003) of a connection.
-- class: network_activity
-- profiles: security_control
-- consumes: ftd."User" = windows_user(actor."user"."domain", actor."user".name)
-- consumes: ftd."ConnectionDuration" = duration // 1000
-- consumes: ftd."EventPriority" = CASE severity_id WHEN 4 THEN 'High' WHEN 3 THEN 'Medium' ELSE 'Low' END
-- consumes: ftd."AccessControlRuleAction" = CASE disposition_id WHEN 21 THEN 'Block with reset' WHEN 2 THEN 'Block' WHEN 1 THEN 'Allow' END
-- consumes: ftd."Protocol" = connection_info.protocol_name
SELECT
  CASE WHEN ftd_blocked(ftd."AccessControlRuleAction") THEN 5 WHEN msgid = '430002' THEN 1 ELSE 2 END AS activity_id, -- Refuse, Open, Close
  ftd_severity(ftd."EventPriority") AS severity_id,
  ftd."AccessControlRuleReason" AS status_detail,
  ftd."FirstPacketSecond" AS start_time,
  ftd."ConnectionDuration" * 1000 AS duration,
  ftd."DeviceUUID" AS "device.uid",

  ftd."SrcIP" AS "src_endpoint.ip",
  ftd."SrcPort" AS "src_endpoint.port",
  ftd."IngressInterface" AS "src_endpoint.interface_name",
  ftd."IngressZone" AS "src_endpoint.zone",
  ftd."NAT_InitiatorIP" AS "src_endpoint.proxy_endpoint.ip",
  ftd."NAT_InitiatorPort" AS "src_endpoint.proxy_endpoint.port",
  ftd."DstIP" AS "dst_endpoint.ip",
  ftd."DstPort" AS "dst_endpoint.port",
  ftd."EgressInterface" AS "dst_endpoint.interface_name",
  ftd."EgressZone" AS "dst_endpoint.zone",
  ftd."NAT_ResponderIP" AS "dst_endpoint.proxy_endpoint.ip",
  ftd."NAT_ResponderPort" AS "dst_endpoint.proxy_endpoint.port",
  ftd."ApplicationProtocol" AS "dst_endpoint.svc_name",
  ftd."WebApplication" AS app_name,
  asa_account_name(ftd."User") AS "actor.user.name",
  asa_account_domain(ftd."User") AS "actor.user.domain",

  ftd."ConnectionID" AS "connection_info.uid",
  direction_between(ftd."SrcIP", ftd."DstIP") AS "connection_info.direction_id",
  asa_protocol(ftd."Protocol") AS "connection_info.protocol_num",
  iana_protocol_name(asa_protocol(ftd."Protocol")) AS "connection_info.protocol_name",
  CASE WHEN contains(ftd."SrcIP", ':') THEN 6 ELSE 4 END AS "connection_info.protocol_ver_id",

  ftd."InitiatorBytes" + ftd."ResponderBytes" AS "traffic.bytes",
  ftd."InitiatorBytes" AS "traffic.bytes_out", -- from the source to the destination
  ftd."ResponderBytes" AS "traffic.bytes_in",
  ftd."InitiatorPackets" + ftd."ResponderPackets" AS "traffic.packets",
  ftd."InitiatorPackets" AS "traffic.packets_out",
  ftd."ResponderPackets" AS "traffic.packets_in",

  CASE WHEN ftd."AccessControlRuleAction" IS NULL THEN 0 WHEN ftd_blocked(ftd."AccessControlRuleAction") THEN 2 ELSE 1 END AS action_id, -- Unknown, Denied, Allowed
  CASE WHEN ftd."AccessControlRuleAction" IS NULL THEN 0 WHEN lower(ftd."AccessControlRuleAction") = 'block with reset' THEN 21
    WHEN ftd_blocked(ftd."AccessControlRuleAction") THEN 2 ELSE 1 END AS disposition_id, -- Unknown, Reset, Blocked, Allowed
  ftd."AccessControlRuleName" AS "firewall_rule.name",
  ftd."URL" AS "url.url_string"
FROM raw
WHERE msgid IN ('430002', '430003') AND ftd."SrcIP" IS NOT NULL;
