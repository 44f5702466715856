-- IPsec tunnels. The log does not say who opened the tunnel: the source is this firewall.
-- class: network_activity
-- consumes: "user" = windows_user(actor."user"."domain", actor."user".name)
-- consumes: duration = duration // 1000
SELECT
  CASE lower("action") WHEN 'tunnel-up' THEN 1 ELSE 2 END AS activity_id, -- Open, Close
  coalesce(level_severity("level"), 0) AS severity_id,
  known(msg) AS message,

  9 AS "device.type_id", -- the firewall
  list_transform([known("user")], lambda u: user_of(u))[1] AS "actor.user.name",
  list_transform([known("user")], lambda u: domain_of(u))[1] AS "actor.user.domain",

  locip AS "src_endpoint.ip",
  locport AS "src_endpoint.port",
  remip AS "dst_endpoint.ip",
  remport AS "dst_endpoint.port",
  tunnelid AS "connection_info.uid",
  0 AS "connection_info.direction_id", -- Unknown

  duration * 1000 AS duration,
  sentbyte + rcvdbyte AS "traffic.bytes",
  sentbyte AS "traffic.bytes_out", -- from the source to the destination
  rcvdbyte AS "traffic.bytes_in"
FROM raw
WHERE coalesce(fortinet_tunnel("type", "action", locip, remip), FALSE) AND NOT coalesce(fortinet_login("type", "action", "user", logid), FALSE);
