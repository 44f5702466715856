-- class: network_activity
-- profiles: security_control
-- drop: lower("type") = 'event' AND NOT coalesce(fortinet_login("type", "action", "user", logid), FALSE) AND NOT coalesce(fortinet_tunnel("type", "action", locip, remip), FALSE) AND cfgpath IS NULL
-- consumes: "user" = windows_user(actor."user"."domain", actor."user".name)
-- consumes: srcname = src_endpoint.name
-- consumes: dstname = dst_endpoint.name
-- consumes: srcmac = src_endpoint.mac
-- consumes: dstmac = dst_endpoint.mac
-- consumes: hostname = dst_endpoint.hostname
-- consumes: duration = duration // 1000
-- consumes: proto = CAST(connection_info.protocol_num AS VARCHAR)
-- consumes: virus = malware[1].name
-- consumes: url = substr("url".url_string, CASE WHEN starts_with("url".url_string, dst_endpoint.hostname || '/') THEN length(dst_endpoint.hostname) ELSE 0 END + 1)
-- consumes: transip = coalesce(src_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: transport = coalesce(src_endpoint.proxy_endpoint.port, 0)
-- consumes: tranip = coalesce(dst_endpoint.proxy_endpoint.ip, '0.0.0.0')
-- consumes: tranport = coalesce(dst_endpoint.proxy_endpoint.port, 0)
SELECT
  CASE
    WHEN fortinet_inspects("type") THEN 6                                     -- Traffic: found in the course of a session
    WHEN "action" = 'start' THEN 1                                            -- Open
    WHEN "action" IN ('close', 'timeout') THEN 2                              -- Close
    WHEN "action" IN ('client-rst', 'server-rst') THEN 3                      -- Reset
    WHEN "action" IN ('ip-conn', 'dns') THEN 4                                -- Fail: no answer, or an error
    WHEN "action" = 'deny' THEN 5                                             -- Refuse
    ELSE 6 END AS activity_id,                                                -- Traffic: accept is a session under way, or without an end
  coalesce(threat_severity(severity), threat_severity(crlevel), level_severity("level"), 0) AS severity_id,
  coalesce(known(msg), known(attack)) AS message,

  9 AS "device.type_id", -- the firewall
  srcip AS "src_endpoint.ip",
  srcport AS "src_endpoint.port",
  known(srcname) AS "src_endpoint.name",
  known_mac(srcmac) AS "src_endpoint.mac",
  srcintf AS "src_endpoint.interface_name",
  known_ip(transip) AS "src_endpoint.proxy_endpoint.ip",
  nullif(transport, 0) AS "src_endpoint.proxy_endpoint.port",
  dstip AS "dst_endpoint.ip",
  dstport AS "dst_endpoint.port",
  known(dstname) AS "dst_endpoint.name",
  known(hostname) AS "dst_endpoint.hostname",
  known_mac(dstmac) AS "dst_endpoint.mac",
  dstintf AS "dst_endpoint.interface_name",
  known_ip(tranip) AS "dst_endpoint.proxy_endpoint.ip",
  nullif(tranport, 0) AS "dst_endpoint.proxy_endpoint.port",
  service AS "dst_endpoint.svc_name",
  list_transform([known("user")], lambda u: user_of(u))[1] AS "actor.user.name",
  list_transform([known("user")], lambda u: domain_of(u))[1] AS "actor.user.domain",

  app AS app_name,
  sessionid AS "connection_info.uid",
  fortinet_direction(srcintfrole, dstintfrole, srcip, dstip) AS "connection_info.direction_id",
  iana_protocol(proto) AS "connection_info.protocol_num",
  iana_protocol_name(iana_protocol(proto)) AS "connection_info.protocol_name",
  CASE WHEN is_ipv6(srcip) THEN 6 WHEN is_ipv4(srcip) THEN 4 END AS "connection_info.protocol_ver_id",

  duration * 1000 AS duration,
  sentbyte + rcvdbyte AS "traffic.bytes",
  sentbyte AS "traffic.bytes_out", -- from the source to the destination
  rcvdbyte AS "traffic.bytes_in",
  sentpkt + rcvdpkt AS "traffic.packets",
  sentpkt AS "traffic.packets_out",
  rcvdpkt AS "traffic.packets_in",

  fortinet_action_id(fortinet_verdict("action", utmaction)) AS action_id,
  fortinet_disposition_id(fortinet_verdict("action", utmaction)) AS disposition_id,
  policyid AS "firewall_rule.uid",
  policyname AS "firewall_rule.name",
  policytype AS "firewall_rule.type",
  [{'name': known(virus), 'uid': virusid, 'provider': CASE WHEN known(virus) IS NOT NULL THEN 'Fortinet' END,
    'classification_ids': CASE WHEN known(virus) IS NOT NULL THEN [0] END}] AS malware, -- Unknown: the log does not say what it is

  CASE WHEN starts_with(url, '/') THEN coalesce(hostname, '') || url ELSE url END AS "url.url_string",
  CASE WHEN url IS NOT NULL THEN coalesce(CASE WHEN contains(url, '://') THEN url_part(url, 2) END, hostname) END AS "url.hostname"
FROM raw
WHERE lower("type") = 'traffic' OR fortinet_inspects("type");
