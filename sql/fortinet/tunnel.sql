-- IPsec tunnels. The log does not say who opened the tunnel: the source is this firewall.
-- class: network_activity
-- ocsf: 1.1.0
-- profiles: host
-- consumes: "date" = strftime(make_timestamp(("time" + timezone_offset * 60000) * 1000), '%Y-%m-%d')
-- consumes: "time" = strftime(make_timestamp(("time" + timezone_offset * 60000) * 1000), '%H:%M:%S')
-- consumes: tz = fortinet_zone(timezone_offset)
-- consumes: msg = message
-- consumes: "user" = windows_user(actor."user"."domain", actor."user".name)
-- consumes: duration = duration // 1000
SELECT
  fortinet_time(eventtime, "date", "time", tz, key.source_timezone) AS "time",
  eventtime AS "metadata.original_time",
  fortinet_offset(tz) AS timezone_offset,
  CASE lower("action") WHEN 'tunnel-up' THEN 1 ELSE 2 END AS activity_id, -- Open, Close
  coalesce(level_severity("level"), 0) AS severity_id,
  known(msg) AS message,

  logid AS "metadata.event_code",
  subtype AS "metadata.log_name",
  "level" AS "metadata.log_level",
  'FortiGate' AS "metadata.product.name",
  'Fortinet' AS "metadata.product.vendor_name",

  -- the firewall
  9 AS "device.type_id",
  devid AS "device.uid",
  devname AS "device.hostname",

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
